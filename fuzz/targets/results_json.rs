//! Reads arbitrary bytes as the results.json of a run, and converts its folder to a trial table that is read again.

#![no_main]

use std::fs;

use caveat_fuzz::{in_folder, let_caught_panics_pass};
use caveat_results::{Phase, convert_trials, read_conditions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: let_caught_panics_pass(), |data: &[u8]| {
    in_folder(|folder| {
        let runs = folder.join("runs");
        let run = runs.join("model/fake/exc_mid_n9/seed0_fwd");
        fs::create_dir_all(&run).expect("a temporary folder");
        fs::write(run.join("results.json"), data).expect("a temporary file");
        let table = folder.join("trials.csv");
        // First by the documented layout, which refuses most, then by one that fits the folder.
        let _ = convert_trials(&[runs.as_path()], &table, None, &|_, _| {});
        let layout = "model/task/hier/seed".parse().expect("a layout");
        if convert_trials(&[runs], &table, Some(&layout), &|_, _| {}).is_ok() {
            let _ = read_conditions(&[table], Phase::Post, &|_, _| {});
        }
    });
});
