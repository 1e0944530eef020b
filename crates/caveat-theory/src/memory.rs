//! Refuses computations that would not fit in memory, by an estimate made before they start, and says what would fit.
//!
//! This crate does not ask the operating system. A program that knows how much memory is free says so with [`watch`]; otherwise only what
//! no machine could address is refused.
//!
//! A computation of b bytes is refused iff b > 64 MiB and b is more than what is free.

use std::sync::OnceLock;

use crate::error::{Result, TheoryError};

/// Estimates below this pass unchecked, so that small computations cost nothing extra.
const SMALL: f64 = (64 << 20) as f64;

static FREE: OnceLock<fn() -> Option<u64>> = OnceLock::new();

/// Sets the function that returns how many bytes of memory are free, or `None` where that is not known. Only the first call counts.
pub fn watch(free: fn() -> Option<u64>) {
    // A second function would return the same.
    let _ = FREE.set(free);
}

/// Refuses what needs more than the free memory. `bytes` is an estimate; `what` names the computation, and `fits` says what would fit in
/// a number of bytes.
///
/// # Errors
/// [`TheoryError::TooLarge`].
pub fn check(bytes: f64, what: impl FnOnce() -> String, fits: impl FnOnce(f64) -> String) -> Result<()> {
    if bytes <= SMALL {
        return Ok(());
    }
    let free = FREE.get().and_then(|free| free()).map_or(isize::MAX as f64, |free| free as f64);
    if bytes <= free { Ok(()) } else { Err(TheoryError::TooLarge { what: what(), bytes, free, fits: fits(free) }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_estimates_pass_and_absurd_ones_are_refused_with_what_would_fit() {
        let fits = |free: f64| format!("{} would fit", (free / 8.0).floor());
        assert_eq!(check(1e6, || "a list".into(), fits), Ok(()));
        let message = check(1e30, || "a list".into(), fits).unwrap_err().to_string();
        assert!(message.starts_with("a list needs 1000000000000000 PB of memory, and"), "{message}");
        assert!(message.ends_with("would fit"), "{message}");
    }
}
