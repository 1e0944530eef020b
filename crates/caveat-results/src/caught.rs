//! Panics of a foreign reader, taken as errors.

use std::cell::Cell;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::one_line;

thread_local! {
    /// Whether a panic of this thread is caught in this crate.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is about to be caught by a reader of this crate, which reports it as a damaged file.
///
/// Rust prints every panic, caught or not. A program that wants the error alone asks in its panic hook:
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

/// Runs a step of a reader that panics on some damaged files, and takes a panic as an error like any other.
///
/// The step must neither move work to other threads nor run code of a caller.
pub fn guarded<T, E: Display>(step: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    let before = CAUGHT.replace(true);
    // Nothing that the step may leave half-changed is used after an error.
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
