//! Reads arbitrary bytes as the tokenizer.json of a model folder whose other files are right.

#![no_main]

use std::fs;

use caveat_fuzz::{in_folder, let_caught_panics_pass};
use caveat_lm::open_model;
use libfuzzer_sys::fuzz_target;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/caveat-lm/tests/fixtures/llama");

fuzz_target!(init: let_caught_panics_pass(), |data: &[u8]| {
    in_folder(|folder| {
        for name in ["config.json", "tokenizer.json", "model.safetensors"] {
            if name != "tokenizer.json" && !folder.join(name).exists() {
                fs::copy(format!("{FOLDER}/{name}"), folder.join(name)).expect("a fixture");
            }
        }
        fs::write(folder.join("tokenizer.json"), data).expect("a temporary file");
        let Ok(files) = open_model(folder) else { return };
        for name in files.weights.names() {
            let shape = files.weights.shape(&name).expect("the shape of a tensor that is listed");
            if let Ok(numbers) = files.weights.read(&name, &shape) {
                assert_eq!(numbers.len(), shape.iter().product::<usize>());
            }
        }
        if let Ok(ids) = files.tokenizer.encode("Q: Is Bako 12th?\n A: Yes é") {
            files.tokenizer.decode(&ids).expect("ids that encoding has given");
        }
    });
});
