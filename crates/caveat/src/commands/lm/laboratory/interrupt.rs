//! Interruptions: the first Ctrl-C or SIGTERM stops the work at the next safe point, the second ends the program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::{Failure, INTERRUPTED};

/// Whether the user has requested an interruption.
#[derive(Debug, Clone)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts to listen for signals, until the program ends.
    pub(super) fn watch() -> Result<Self, Failure> {
        let requested = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order, the first signal finds the flag unset, so that only the second ends the program.
            flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), requested.clone())
                .and_then(|_| flag::register(signal, requested.clone()))
                .map_err(|e| Failure::Run(format!("Ctrl-C cannot be listened for: {e}")))?;
        }
        Ok(Self(requested))
    }

    /// Whether an interruption was requested.
    pub(super) fn is_requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
