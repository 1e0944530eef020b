//! What all targets share: a folder to write the bytes to, and panics of foreign crates that are taken as errors.

use std::cell::OnceCell;
use std::path::Path;

use tempfile::TempDir;

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

/// Calls `with` on the folder of this process, which goes with it. Files in it stay from one call to the next.
pub fn in_folder<T>(with: impl FnOnce(&Path) -> T) -> T {
    FOLDER.with(|folder| with(folder.get_or_init(|| tempfile::tempdir().expect("a temporary folder")).path()))
}

/// libFuzzer ends the process at every panic; a reader that takes a panic of a foreign crate as a damaged file goes on.
pub fn let_caught_panics_pass() {
    let end = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !caveat_results::panic_is_caught() {
            end(panic);
        }
    }));
}

/// Splits the bytes at the first NUL, as a target does that reads two files.
pub fn two_files(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[]),
    }
}
