//! Reads arbitrary bytes as a trial table in text: checked, aggregated, summarized, and converted to CSV twice.

#![no_main]

use std::fs;

use caveat_fuzz::{let_caught_panics_pass, read_trials, with_file};
use caveat_results::convert_trials;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: let_caught_panics_pass(), |data: &[u8]| {
    with_file("trials.csv", data, |path| {
        read_trials(path);
        let (again, twice) = (path.with_file_name("again.csv"), path.with_file_name("twice.csv"));
        if convert_trials(&[path], &again, None, &|_, _| {}).is_ok() {
            convert_trials(&[again.as_path()], &twice, None, &|_, _| {}).expect("a table that was written here");
            assert_eq!(fs::read(&again).expect("the first"), fs::read(&twice).expect("the second"));
        }
    });
});
