//! Reads arbitrary bytes as a square matrix in NumPy's format: no memory beyond a small multiple of the file.

#![no_main]

use caveat_fuzz::{let_caught_panics_pass, with_file};
use caveat_results::read_matrix;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: let_caught_panics_pass(), |data: &[u8]| {
    with_file("matrix.npy", data, |path| {
        if let Ok((entries, n)) = read_matrix(path) {
            assert_eq!(entries.len(), n * n);
        }
    });
});
