//! Reads arbitrary bytes as the config.json of a model folder whose other files are good.

#![no_main]

use caveat_fuzz::{let_caught_panics_pass, models::read_folder_with};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: let_caught_panics_pass(), |data: &[u8]| read_folder_with("config.json", data));
