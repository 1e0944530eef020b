//! What targets of language models share: a model folder with one arbitrary file, and reading all of a model.

use std::fs;
use std::path::Path;

use caveat_lm::open_model;

use crate::in_folder;

/// The folder of a fixture, whose files are good.
pub const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/caveat-lm/tests/fixtures/llama");

/// Reads a model folder in which the file `name` has this content and the others are the fixture's.
pub fn read_folder_with(name: &str, content: &[u8]) {
    in_folder(|folder| {
        for other in ["config.json", "tokenizer.json", "model.safetensors"] {
            if other != name && !folder.join(other).exists() {
                fs::copy(Path::new(FIXTURE).join(other), folder.join(other)).expect("a fixture");
            }
        }
        fs::write(folder.join(name), content).expect("a temporary file");
        read_model(folder);
    });
}

/// Opens a model, reads all its weights, and encodes and decodes a text.
pub fn read_model(path: &Path) {
    let Ok(files) = open_model(path) else { return };
    for name in files.weights.names() {
        let shape = files.weights.shape(&name).expect("the shape of a tensor that is listed");
        if let Ok(numbers) = files.weights.read(&name, shape) {
            assert_eq!(numbers.len(), shape.iter().product::<usize>());
        }
    }
    if let Ok(ids) = files.tokenizer.encode("Q: Is Bako 12th?\n A: Yes <|start|>é") {
        files.tokenizer.decode(&ids).expect("ids that encoding has given");
    }
}
