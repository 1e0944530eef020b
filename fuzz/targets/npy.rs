//! Reads arbitrary bytes as a square matrix in NumPy's format: no memory beyond a small multiple of the file.

#![no_main]

use std::fs;

use caveat_fuzz::{in_folder, let_caught_panics_pass};
use caveat_results::read_matrix;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: let_caught_panics_pass(), |data: &[u8]| {
    in_folder(|folder| {
        let path = folder.join("matrix.npy");
        fs::write(&path, data).expect("a temporary file");
        if let Ok((entries, n)) = read_matrix(&path) {
            assert_eq!(entries.len(), n * n);
        }
    });
});
