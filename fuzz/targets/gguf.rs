//! Opens arbitrary bytes as a GGUF model and reads all its weights: no memory beyond a small multiple of the file.

#![no_main]

use caveat_fuzz::{let_caught_panics_pass, models::read_model, with_file};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: let_caught_panics_pass(), |data: &[u8]| with_file("model.gguf", data, read_model));
