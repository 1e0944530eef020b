//! Reads arbitrary bytes as a trial table in text: summarized, aggregated, checked and converted to CSV and back.

#![no_main]

use std::fs;

use caveat_fuzz::{in_folder, let_caught_panics_pass};
use caveat_results::{GroupColumn, Phase, Selection, check_trials, convert_trials, read_conditions, summarize};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: let_caught_panics_pass(), |data: &[u8]| {
    in_folder(|folder| {
        let path = folder.join("trials.csv");
        fs::write(&path, data).expect("a temporary file");
        let paths = [path];
        let _ = check_trials(&paths, 5, &|_, _| {});
        let _ = read_conditions(&paths, Phase::Post, &|_, _| {});
        let by: [GroupColumn; 1] = ["hier".parse().expect("a column")];
        let _ = summarize(&paths, &by, &Selection::new(Vec::new(), &by), &|_, _| {});
        let (again, twice) = (folder.join("again.csv"), folder.join("twice.csv"));
        if convert_trials(&paths, &again, None, &|_, _| {}).is_ok() {
            convert_trials(&[again.clone()], &twice, None, &|_, _| {}).expect("a table that was written here");
            assert_eq!(fs::read(&again).expect("the first"), fs::read(&twice).expect("the second"));
        }
    });
});
