//! Turns panics of foreign readers on damaged files into errors.

use std::cell::Cell;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::one_line;

thread_local! {
    /// Whether a panic of this thread is caught in this crate.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is about to be caught by a reader of this crate, which then reports a damaged file.
///
/// Rust prints every panic, caught or not. A program that wants only the error checks this in its panic hook:
///
/// ```
/// let print = std::panic::take_hook();
/// std::panic::set_hook(Box::new(move |panic| {
///     if !caveat_results::panic_is_caught() {
///         print(panic);
///     }
/// }));
/// ```
pub fn panic_is_caught() -> bool {
    CAUGHT.get()
}

/// Runs a step of a reader that may panic on damaged files; a panic becomes an error like any other.
///
/// The step must neither move work to other threads nor run a caller's code.
pub fn guarded<T, E: Display>(step: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    let before = CAUGHT.replace(true);
    // After an error, nothing that the step may have left half changed is used.
    let outcome = catch_unwind(AssertUnwindSafe(step));
    CAUGHT.set(before);
    match outcome {
        Ok(outcome) => outcome.map_err(one_line),
        Err(_) => Err("its structure contradicts itself".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_known_to_be_caught_while_it_lasts() {
        let seen = guarded(|| Ok::<_, String>(panic_is_caught()));
        assert_eq!(seen, Ok(true));
        let panicked: Result<(), String> = guarded(|| -> Result<(), String> { panic!("damaged") });
        assert!(panicked.unwrap_err().contains("contradicts itself"));
        assert!(!panic_is_caught());
        assert_eq!(guarded(|| Err::<(), _>("two\nlines")), Err("two lines".to_owned()));
    }
}
