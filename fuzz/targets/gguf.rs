//! Opens arbitrary bytes as a GGUF model and reads all its weights: no memory beyond a small multiple of the file.

#![no_main]

use std::fs;

use caveat_fuzz::{in_folder, let_caught_panics_pass};
use caveat_lm::open_model;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: let_caught_panics_pass(), |data: &[u8]| {
    in_folder(|folder| {
        let path = folder.join("model.gguf");
        fs::write(&path, data).expect("a temporary file");
        let Ok(files) = open_model(&path) else { return };
        for name in files.weights.names() {
            let shape = files.weights.shape(&name).expect("the shape of a tensor that is listed");
            if let Ok(numbers) = files.weights.read(&name, &shape) {
                assert_eq!(numbers.len(), shape.iter().product::<usize>());
            }
        }
        if let Ok(ids) = files.tokenizer.encode("Q: Is Bako 12th?\n A: Yes <|start|>é") {
            files.tokenizer.decode(&ids).expect("ids that encoding has given");
        }
    });
});
