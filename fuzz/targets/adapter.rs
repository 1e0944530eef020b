//! Reads arbitrary bytes as an adapter of a model: adapter_config.json up to the first NUL, adapter_model.safetensors after it.

#![no_main]

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use caveat_fuzz::{in_folder, let_caught_panics_pass, models::FIXTURE, two_files};
use caveat_lm::{LanguageModel, device, load_adapter, open_model};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static MODEL: RefCell<Option<LanguageModel>> = const { RefCell::new(None) };
}

fuzz_target!(init: let_caught_panics_pass(), |data: &[u8]| {
    let (config, tensors) = two_files(data);
    MODEL.with_borrow_mut(|model| {
        // A model keeps the adapter that was loaded, so it is used again only after a failure.
        let mut fresh = model.take().unwrap_or_else(|| {
            let files = open_model(Path::new(FIXTURE)).expect("a fixture");
            LanguageModel::load(&files, &device("cpu").expect("a processor"), &mut |_, _| {}).expect("its weights")
        });
        let loaded = in_folder(|folder| {
            fs::write(folder.join("adapter_config.json"), config).expect("a temporary file");
            fs::write(folder.join("adapter_model.safetensors"), tensors).expect("a temporary file");
            load_adapter(&mut fresh, folder)
        });
        if loaded.is_err() {
            *model = Some(fresh);
        }
    });
});
