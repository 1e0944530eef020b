//! What targets share: a folder for files of the bytes, a way past panics that readers catch, and the reading of trial tables.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use caveat_results::{GroupColumn, Phase, Selection, check_trials, read_conditions, summarize};
use tempfile::TempDir;

#[cfg(feature = "lm")]
pub mod models;

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

/// Calls `with` on a folder that lasts as long as the process. Files in it stay from one call to the next.
pub fn in_folder<T>(with: impl FnOnce(&Path) -> T) -> T {
    FOLDER.with(|folder| with(folder.get_or_init(|| tempfile::tempdir().expect("a temporary folder")).path()))
}

/// Calls `with` on a file with this name and content.
pub fn with_file<T>(name: &str, content: &[u8], with: impl FnOnce(&Path) -> T) -> T {
    in_folder(|folder| {
        let path = folder.join(name);
        fs::write(&path, content).expect("a temporary file");
        with(&path)
    })
}

/// Lets panics pass that a reader catches, as those of foreign crates on damaged files; libFuzzer ends the process at every other.
pub fn let_caught_panics_pass() {
    let end = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !caveat_results::panic_is_caught() {
            end(panic);
        }
    }));
}

/// Splits the bytes at the first NUL, for a target that reads two files.
pub fn two_files(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[]),
    }
}

/// Checks, aggregates and summarizes a trial table; errors are fine.
pub fn read_trials(path: &Path) {
    let paths: [PathBuf; 1] = [path.to_owned()];
    let _ = check_trials(&paths, 5, &|_, _| {});
    let _ = read_conditions(&paths, Phase::Post, &|_, _| {});
    let by: [GroupColumn; 1] = ["hier".parse().expect("a column")];
    let _ = summarize(&paths, &by, &Selection::new(Vec::new(), &by), &|_, _| {});
}
