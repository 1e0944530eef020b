//! Reads arbitrary bytes as a list of comparisons: every label once, every comparison between two of them.

#![no_main]

use std::collections::HashSet;
use std::fs;

use caveat_fuzz::{in_folder, let_caught_panics_pass};
use caveat_results::{ComparisonColumns, read_comparisons};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: let_caught_panics_pass(), |data: &[u8]| {
    in_folder(|folder| {
        let path = folder.join("comparisons.csv");
        fs::write(&path, data).expect("a temporary file");
        if let Ok(read) = read_comparisons(&path, &ComparisonColumns::default()) {
            assert_eq!(read.labels.iter().collect::<HashSet<_>>().len(), read.labels.len());
            assert_eq!(read.graph.n_items(), read.labels.len());
        }
    });
});
