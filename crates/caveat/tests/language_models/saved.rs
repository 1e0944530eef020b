//! What `caveat lm run` keeps besides its results: adapters, whole models, similarities of hidden states.

use std::fs;

use crate::common::{Place, assert_close, keys, records};
use crate::lm::{self, PHASES, RUN, RUNS, lab};
use serde_json::{Value, json};

/// The scores of the prompts of a run, by a model as `lm score` names it.
fn scores(place: &Place, judgments: &Value, model: &str) -> Value {
    lm::write_prompts(place, "prompts.jsonl", judgments);
    place.json(&format!("lm score {model} prompts.jsonl"))
}

#[test]
fn a_saved_adapter_is_as_peft_has_it_and_answers_as_the_run_did() {
    let place = lab();
    let line = "--method lora --lora-r 2 --lora-alpha 3 --modules q_proj,down_proj --epochs 5 --learning-rate 0.02 --save adapter";
    let results = lm::run(&place, &format!("{RUN} {line}"));
    let folder = format!("{RUNS}/lora_r2_alpha3/seed0_fwd");
    assert_eq!(lm::names(&place.path(&folder)), ["adapter", "results.json"]);
    let adapter = format!("{folder}/adapter");
    assert_eq!(
        lm::names(&place.path(&adapter)),
        ["adapter_config.json", "adapter_model.safetensors", "trained_on.json"]
    );
    let config: Value = serde_json::from_str(&place.text(&format!("{adapter}/adapter_config.json"))).unwrap();
    for (key, value) in [
        ("peft_type", json!("LORA")),
        ("task_type", json!("CAUSAL_LM")),
        ("r", json!(2)),
        ("lora_alpha", json!(3)),
        ("target_modules", json!(["down_proj", "q_proj"])),
        // From wherever it is loaded.
        ("base_model_name_or_path", json!(fs::canonicalize(place.path("llama")).unwrap())),
    ] {
        assert!(config[key] == value || config[key].as_f64() == value.as_f64() && value.is_number(), "{key}: {config}");
    }
    let trained_on: Value = serde_json::from_str(&place.text(&format!("{adapter}/trained_on.json"))).unwrap();
    assert_eq!(
        (&trained_on["weights"], &trained_on["weights_sha256"]),
        (&json!("llama"), &results["args"]["weights_sha256"])
    );
    // Five steps move answers by more than the promised precision of an answer.
    let post = &results["post_finetune"];
    lm::assert_answers_agree(&scores(&place, post, &format!("llama --adapter {adapter}")), post, 1e-4);
    let [pre, post] = PHASES.map(|phase| lm::logits(&results[phase]));
    assert!(pre.iter().zip(&post).any(|(pre, post)| (pre[0] - post[0]).abs() > 0.1));
}

#[test]
fn a_saved_model_is_loaded_like_any_other_and_answers_as_the_run_did() {
    // The first has one matrix for embedding and readout, the second two, the third norms of queries and keys.
    for model in ["llama", "qwen2", "qwen3"] {
        let place = lab();
        if model != "llama" {
            lm::copy(&place, model, model);
        }
        for (method, below) in [("full --learning-rate 0.005", ""), ("probe --learning-rate 0.3", "/l2_0")] {
            let run = RUN.replace("llama", model);
            let results = lm::run(&place, &format!("{run} --method {method} --epochs 5 --save model"));
            let saved = format!("{}{below}/seed0_fwd/model", RUNS.replace("llama", model));
            let names = lm::names(&place.path(&saved));
            assert_eq!(names, ["config.json", "model.safetensors", "tokenizer.json"]);
            let post = &results["post_finetune"];
            lm::assert_answers_agree(&scores(&place, post, &saved), post, 1e-4);
            let [before, after] = PHASES.map(|phase| lm::logits(&results[phase]));
            assert!(before.iter().zip(&after).any(|(before, after)| (before[0] - after[0]).abs() > 0.1), "{model}");

            let line = format!("{} --method none --model-name again-{}", run.replace(model, &saved), &method[..4]);
            let again = lm::run(&place, &line);
            lm::assert_answers_agree(&again["pre_finetune"], post, 1e-4);
            assert_ne!(again["args"]["weights_sha256"], results["args"]["weights_sha256"]);
        }
    }
}

#[test]
fn what_a_method_does_not_train_cannot_be_saved() {
    let place = lab();
    for (options, says) in [
        ("--save adapter", "with method full there is none: save the model"),
        ("--method probe --save adapter", "with method probe there is none"),
        ("--method lora --save model", "save the adapter"),
        ("--method none --save model", "with method none nothing is trained"),
        ("--save everything", "[possible values: adapter, model]"),
    ] {
        place.refused_saying(&format!("{RUN} {options}"), &["--save", says]);
    }
}

#[test]
fn similarities_are_matrices_of_all_ordered_pairs_and_their_conjunctivity_is_that_of_the_geometry() {
    let place = lab();
    let report = place.json(&format!("{RUN} --epochs 20 --learning-rate 0.005 --save-similarity"));
    let folder = format!("{RUNS}/seed0_fwd");
    let kept = ["pre", "pre_dot", "post", "post_dot"].map(|name| format!("rep_sim_{name}.npy"));
    let mut expected = [&kept[..], &["geometry.json", "rep_sim_meta.json", "results.json"].map(String::from)].concat();
    expected.sort();
    assert_eq!(lm::names(&place.path(&folder)), expected);

    let read = |name: &str| serde_json::from_str::<Value>(&place.text(&format!("{folder}/{name}"))).unwrap();
    let (geometry, meta) = (read("geometry.json"), read("rep_sim_meta.json"));
    assert_eq!(report["geometry"], geometry);
    assert_eq!(meta["files"].as_array().unwrap().iter().map(|f| f["file"].as_str().unwrap()).collect::<Vec<_>>(), kept);
    let results = lm::results(&place, &folder);
    let pairs = (0..6).flat_map(|a| (0..6).filter(move |&b| b != a).map(move |b| (a, b)));
    for ((row, (a, b)), index) in meta["rows"].as_array().unwrap().iter().zip(pairs).zip(0..) {
        let is_its = |j: &&Value| (&j["rank_a"], &j["rank_b"]) == (&json!(a), &json!(b));
        let judgment = results["pre_finetune"].as_array().unwrap().iter().find(is_its).unwrap();
        assert_eq!(row["index"], json!(index));
        assert!(
            keys(row).iter().filter(|key| **key != "index").all(|&key| row[key] == judgment[key]),
            "{row} {judgment}"
        );
    }
    assert_eq!(meta["rows"].as_array().unwrap().len(), 30);

    let table = place.ok("lm geometry runs --format csv");
    let rows = records(&table);
    assert_eq!(rows.len(), 1 + 4 + 1);
    for (kernel, file) in geometry["kernels"].as_array().unwrap().iter().zip(&kept) {
        let projection = &kernel["projection"];
        let measured = place.json(&format!("conjunctivity --matrix {folder}/{file}"));
        let column = |name: &str| rows[0].iter().position(|column| *column == name).unwrap();
        let is_its = |row: &&Vec<&str>| {
            json!([row[column("phase")], row[column("kernel")]]) == json!([kernel["phase"], kernel["metric"]])
        };
        let row = rows.iter().find(is_its).unwrap();
        for (key, name) in [("conjunctivity", "conjunctivity"), ("variance_explained", "variance")] {
            // One computation on the same float64 matrix.
            let value = projection[key].as_f64().unwrap();
            assert_close(&measured[key], value, 1e-12);
            assert_eq!(row[column(name)].parse::<f64>().unwrap(), value, "{file}");
        }
        assert_eq!(measured["n_items"], json!(6));
        assert!(kernel["predictions"].is_object() && kernel["predictions"]["measured"]["r_squared"].is_number());
    }
    let margins = geometry["pairs"].as_array().unwrap();
    assert_eq!(margins.len(), 15);
    for pair in margins {
        let diff = |a: &Value, b: &Value| {
            let all = results["post_finetune"].as_array().unwrap();
            all.iter().find(|j| (&j["rank_a"], &j["rank_b"]) == (a, b)).unwrap()["logit_diff"].as_f64().unwrap()
        };
        let (a, b) = (&pair["rank_a"], &pair["rank_b"]);
        assert_close(&pair["margin"], 0.5 * (diff(a, b) - diff(b, a)), 1e-12);
    }
}

#[test]
fn a_probe_changes_no_hidden_state_and_without_training_there_is_one_phase() {
    let place = lab();
    place.ok(&format!("{RUN} --method probe --epochs 5 --save-similarity"));
    let bytes = |name: &str| place.bytes(&format!("{RUNS}/l2_0/seed0_fwd/rep_sim_{name}.npy"));
    assert!(bytes("pre") == bytes("post") && bytes("pre_dot") == bytes("post_dot") && bytes("pre") != bytes("pre_dot"));
    let report = place.json(&format!("{RUN} --method none --save-similarity"));
    assert_eq!(report["geometry"]["kernels"].as_array().unwrap().len(), 2);
    assert_eq!(report["geometry"]["behavior"], Value::Null);
    assert!(!place.path(&format!("{RUNS}/none/seed0_fwd/rep_sim_post.npy")).exists());
    let there = place.json(&format!("{RUN} --method none --save-similarity"));
    assert_eq!((&there["already_there"], &there["geometry"]), (&json!(true), &report["geometry"]));
}

#[test]
fn a_geometry_needs_runs_that_kept_it() {
    let place = lab();
    place.ok(&format!("{RUN} --method none"));
    place.refused_saying("lm geometry runs", &["runs: has no geometry.json under it"]);
    place.refused_saying("lm geometry absent", &["absent: cannot be read"]);
    place.refused_saying("lm geometry runs -o geometry.txt", &["geometry.txt: a table ends in"]);
    place.write(&format!("{RUNS}/none/seed0_fwd/geometry.json"), "{\"kernels\": ");
    place.refused_saying("lm geometry runs", &["seed0_fwd/geometry.json: not a geometry (EOF"]);
}
