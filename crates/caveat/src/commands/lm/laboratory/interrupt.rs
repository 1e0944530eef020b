//! Interruption: the first Ctrl-C or SIGTERM stops the work at the next safe point, the second ends the program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::{Failure, INTERRUPTED};

/// Whether the person wants an end.
#[derive(Debug, Clone)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Begins to listen, for the rest of the program's life.
    pub(super) fn watch() -> Result<Self, Failure> {
        let wished = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag down, so that only the second ends the program.
            flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), wished.clone())
                .and_then(|_| flag::register(signal, wished.clone()))
                .map_err(|e| Failure::Run(format!("Ctrl-C cannot be listened for: {e}")))?;
        }
        Ok(Self(wished))
    }

    /// Whether an end was asked for.
    pub(super) fn is_wished(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
