//! Reads arbitrary bytes as a trial table in Parquet: checked, aggregated, summarized.

#![no_main]

use caveat_fuzz::{let_caught_panics_pass, read_trials, with_file};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: let_caught_panics_pass(), |data: &[u8]| with_file("trials.parquet", data, read_trials));
