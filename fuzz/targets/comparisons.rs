//! Reads arbitrary bytes as a list of comparisons: every label once, every comparison between two of them.

#![no_main]

use std::collections::HashSet;

use caveat_fuzz::{let_caught_panics_pass, with_file};
use caveat_results::{ComparisonColumns, read_comparisons};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: let_caught_panics_pass(), |data: &[u8]| {
    with_file("comparisons.csv", data, |path| {
        if let Ok(read) = read_comparisons(path, &ComparisonColumns::default()) {
            assert_eq!(read.labels.iter().collect::<HashSet<_>>().len(), read.labels.len());
            assert_eq!(read.graph.n_items(), read.labels.len());
        }
    });
});
