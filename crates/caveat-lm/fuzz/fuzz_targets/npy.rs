//! Reads arbitrary bytes as a square matrix in NumPy's format: no panic, no memory beyond a small multiple of the file.

#![no_main]

use std::cell::RefCell;
use std::fs;

use caveat_results::read_matrix;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

thread_local! {
    static DIRECTORY: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

fuzz_target!(|data: &[u8]| {
    DIRECTORY.with_borrow_mut(|directory| {
        let directory = directory.get_or_insert_with(|| tempfile::tempdir().expect("a temporary directory"));
        let path = directory.path().join("matrix.npy");
        fs::write(&path, data).expect("a temporary file");
        if let Ok((entries, n)) = read_matrix(&path) {
            assert_eq!(entries.len(), n * n);
        }
    });
});
