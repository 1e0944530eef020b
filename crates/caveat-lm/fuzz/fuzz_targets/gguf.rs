//! Opens arbitrary bytes as a GGUF model and reads all its weights: no panic, no memory beyond a small multiple of the file.

#![no_main]

use std::cell::RefCell;
use std::fs;

use caveat_lm::open_model;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

thread_local! {
    static DIRECTORY: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

fuzz_target!(
    init: {
        // libFuzzer ends the process at every panic. Those of the tokenizers crate are taken as errors.
        let end = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !caveat_results::panic_is_caught() {
                end(panic);
            }
        }));
    },
    |data: &[u8]| {
        DIRECTORY.with_borrow_mut(|directory| {
            let directory = directory.get_or_insert_with(|| tempfile::tempdir().expect("a temporary directory"));
            let path = directory.path().join("model.gguf");
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
    }
);
