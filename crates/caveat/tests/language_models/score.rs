//! `caveat lm score`: the logits that Transformers and `caveat lm run` find, for prompts and answers of one's own.

use std::fs;

use crate::common::{Place, assert_close, keys, parquet_shape, records};
use crate::gguf;
use crate::lm::{self, RUN, Tensors, fixture, lab};
use serde_json::{Value, json};

const ANSWER: [&str; 7] = ["line", "logit_yes", "logit_no", "logit_diff", "prob_yes", "mass", "correct"];

/// The prompts whose logits Transformers and PEFT computed, with labels.
fn write_golden_prompts(place: &Place) {
    let golden: Value = serde_json::from_str(&fs::read_to_string(fixture("golden.json")).unwrap()).unwrap();
    let pairs = golden["prompts"].as_array().unwrap().iter().zip(golden["labels"].as_array().unwrap());
    let lines: Vec<String> = pairs.map(|(p, l)| json!({ "prompt": p, "label": l }).to_string()).collect();
    place.write("golden.jsonl", lines.join("\n"));
}

/// After each of these prompts, the logits of Yes and No and the probability of both among all 120 tokens.
fn golden_answers(golden: &Tensors, name: &str) -> Vec<[f64; 3]> {
    let (numbers, _) = golden.bytes(name).as_chunks();
    let logits: Vec<f64> = numbers.iter().map(|x| f32::from_le_bytes(*x).into()).collect();
    let answer = |row: &[f64]| {
        let total: f64 = row.iter().map(|x| x.exp()).sum();
        [row[55], row[54], (row[55].exp() + row[54].exp()) / total]
    };
    logits.chunks(120).map(answer).collect()
}

#[test]
fn scores_are_those_of_transformers_and_peft() {
    let place = Place::new();
    write_golden_prompts(&place);
    let golden = Tensors::read(&fixture("golden.safetensors"));
    for model in ["llama", "qwen2", "qwen3", "llama-bfloat16", "qwen2-float16"] {
        lm::copy(&place, model, model);
    }
    for model in ["llama", "qwen2", "qwen3"] {
        lm::copy(&place, &format!("{model}-lora-trained"), &format!("{model}-adapter"));
    }
    place.write("qwen2.gguf", gguf::qwen2());
    for (model, name) in [
        ("llama", "llama/logits"),
        ("qwen2", "qwen2/logits"),
        ("qwen3", "qwen3/logits"),
        ("llama-bfloat16", "llama-bfloat16/logits"),
        ("qwen2-float16", "qwen2-float16/logits"),
        ("qwen2.gguf", "qwen2/logits"),
        ("llama --adapter llama-adapter", "llama/lora/logits"),
        ("qwen2 --adapter qwen2-adapter", "qwen2/lora/logits"),
        ("qwen3 --adapter qwen3-adapter", "qwen3/lora/logits"),
    ] {
        let scores = place.json(&format!("lm score {model} golden.jsonl"));
        let expected = golden_answers(&golden, name);
        assert_eq!(scores.as_array().unwrap().len(), expected.len(), "{model}");
        for (score, expected) in scores.as_array().unwrap().iter().zip(expected) {
            // Transformers itself differs from the f64 of the record by up to 5e-6, 1.2e-5 after training.
            for (key, expected) in ["logit_yes", "logit_no", "mass"].into_iter().zip(expected) {
                assert_close(&score[key], expected, 2e-5);
            }
        }
    }
}

#[test]
fn scores_are_the_numbers_of_a_run_in_every_format() {
    let place = lab();
    let results = lm::run(&place, &format!("{RUN} --epochs 2"));
    let judgments = &results["pre_finetune"];
    lm::write_prompts(&place, "prompts.jsonl", judgments);
    let scores = place.json("lm score llama prompts.jsonl");
    // The same computation, grouped alike.
    lm::assert_answers_agree(&scores, judgments, 1e-5);
    for (k, (score, judgment)) in scores.as_array().unwrap().iter().zip(judgments.as_array().unwrap()).enumerate() {
        assert_eq!(keys(score), [&["prompt", "label"], &ANSWER[..]].concat());
        assert_eq!((&score["line"], &score["prompt"]), (&json!(k + 1), &judgment["prompt"]));
        for key in ["logit_diff", "prob_yes"] {
            assert_close(&score[key], judgment[key].as_f64().unwrap(), 1e-5);
        }
        let yes = score["prob_yes"].as_f64().unwrap() > 0.5;
        let correct = judgment["label"].as_str().map(|label| u8::from((label == "Yes") == yes));
        assert_eq!(score["correct"], json!(correct));
    }
    place.ok("lm score llama prompts.jsonl -o scores.json");
    assert_eq!(serde_json::from_str::<Value>(&place.text("scores.json")).unwrap(), scores);
    place.ok("lm score llama prompts.jsonl -o scores.parquet");
    let columns = [&["prompt", "label"], &ANSWER[..]].concat();
    assert_eq!(parquet_shape(&place.path("scores.parquet")), (columns.iter().map(ToString::to_string).collect(), 30));
    let mass: f64 = scores.as_array().unwrap().iter().map(|s| s["mass"].as_f64().unwrap()).sum::<f64>() / 30.0;
    assert_close(&results["args"]["answer_mass"]["before"], mass, 1e-5);

    // Prompts without line ends and commas, so that a CSV can be read without a parser.
    place.write(
        "plain.jsonl",
        "{\"prompt\": \"Q: Does Bako rank above Temi? A:\"}\n{\"prompt\": \"Q: Are there 27? A:\"}\n",
    );
    let csv = place.ok("lm score llama plain.jsonl --format csv");
    assert_eq!(place.ok("lm score llama plain.jsonl -o plain.csv") + &place.text("plain.csv"), csv);
    let json = place.json("lm score llama plain.jsonl");
    let table = records(&csv);
    assert_eq!(table[0], [&["prompt"], &ANSWER[..]].concat());
    for (row, score) in table[1..].iter().zip(json.as_array().unwrap()) {
        for (cell, key) in row[1..7].iter().zip(ANSWER) {
            assert_eq!(cell.parse::<f64>().unwrap(), score[key].as_f64().unwrap(), "{key}");
        }
        assert_eq!((row[7], &score["correct"]), ("", &Value::Null));
    }
    assert!(place.ok("lm score llama prompts.jsonl").contains("logit_diff"));
}

#[test]
fn a_prompt_scores_the_same_alone_and_among_others() {
    let place = lab();
    let results = lm::run(&place, &format!("{RUN} --method none"));
    let judgments = results["pre_finetune"].as_array().unwrap();
    for one in judgments.iter().step_by(7) {
        let one = json!([one]);
        lm::write_prompts(&place, "one.jsonl", &one);
        lm::assert_answers_agree(&place.json("lm score llama one.jsonl --threads 1"), &one, 1e-4);
    }
}

#[test]
fn own_fields_answers_and_standard_input_are_taken() {
    let place = lab();
    let lines = "\n{\"id\": 7, \"text\": \"Bako A:\", \"label\": \"9\", \"mass\": \"heavy\", \"tags\": [1, 2]}\r\n{\"prompt\": \"Temi A:\"}";
    place.write("own.jsonl", lines);
    let arguments = ["lm", "score", "llama", "own.jsonl", "--yes", "8", "--no", "9", "--format", "json"];
    let output = place.command_of(&arguments).output().unwrap();
    let scores: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(keys(&scores[0]), [&["id", "text", "label", "tags"], &ANSWER[..]].concat());
    assert_eq!((&scores[0]["line"], &scores[1]["line"], &scores[0]["tags"]), (&json!(2), &json!(3), &json!([1, 2])));
    let no = scores[0]["logit_no"].as_f64().unwrap() >= scores[0]["logit_yes"].as_f64().unwrap();
    assert_eq!((&scores[0]["correct"], &scores[1]["correct"]), (&json!(u8::from(no)), &Value::Null));
    let turned = ["lm", "score", "llama", "-", "--yes", "9", "--no", "8", "--format", "json"];
    let output = place.command_of(&turned).write_stdin(lines).output().unwrap();
    let again: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&again[0]["logit_yes"], &again[1]["logit_no"]), (&scores[0]["logit_no"], &scores[1]["logit_yes"]));
    assert_ne!(again[0]["logit_yes"], scores[0]["logit_yes"]);
}

#[test]
fn labels_are_read_however_they_are_written_and_refused_where_they_are_no_answer() {
    let place = lab();
    let line = |label: &str| format!("{{\"prompt\": \"Bako A:\", \"label\": {label}}}\n");
    let yes = ["\"Yes\"", "\"yes\"", "\" YES \"", "true", "\"True\"", "\"8\"", "8"];
    let no = ["\"No\"", "\"no\"", "false", "\"FALSE\"", "9"];
    let open = ["null", "\"\""];
    let text: String = yes.iter().chain(&no).chain(&open).map(|label| line(label)).collect();
    place.write("l.jsonl", text);
    let scores = place.json("lm score llama l.jsonl --yes 8 --no 9");
    let is_yes = scores[0]["prob_yes"].as_f64().unwrap() > 0.5;
    let right = |k: usize| if k < yes.len() { json!(u8::from(is_yes)) } else { json!(u8::from(!is_yes)) };
    for (k, score) in scores.as_array().unwrap().iter().enumerate() {
        let expected = if k < yes.len() + no.len() { right(k) } else { Value::Null };
        assert_eq!(score["correct"], expected, "{score}");
    }
    for (label, says) in [("\"Maybe\"", "the label is \"Maybe\""), ("2", "the label is \"2\""), ("[1]", "the label is")]
    {
        place.write("bad.jsonl", line("\"Yes\"") + &line(label));
        place.refused_saying(
            "lm score llama bad.jsonl --yes 8 --no 9",
            &["bad.jsonl: line 2: ", says, "expected \"8\" or \"9\""],
        );
    }
}

#[test]
fn malformed_prompts_are_refused_by_line() {
    let place = lab();
    let long = format!("{{\"prompt\": \"{}\"}}", "A ".repeat(200));
    for (content, says) in [
        ("", "has no lines"),
        ("{\"prompt\": \"A:\"}\n\n{\"prompt\": \"A:\"\n", "line 3: no JSON"),
        ("{\"prompt\": \"A:\"}\nA:\n", "line 2: no JSON"),
        ("[\"A:\"]", "line 1: "),
        ("{\"prompt\": \"A:\"}\n{\"question\": \"A:\"}", "line 2: there is no field prompt or text"),
        ("{\"prompt\": 3}", "line 1: the prompt is \"3\": expected text"),
        ("{\"prompt\": \"A:\"}\n{\"prompt\": \"\"}", "line 2: the prompt is empty"),
        (&long, "line 1: the prompt has 202 tokens: the model reads at most 128"),
    ] {
        place.write("bad.jsonl", content);
        place.refused_saying("lm score llama bad.jsonl", &["bad.jsonl: ", says]);
        place.refused_saying("lm score llama bad.jsonl -o out.csv", &["bad.jsonl: ", says]);
    }
    place.write("good.jsonl", "{\"prompt\": \"A:\"}");
    place.refused_saying("lm score llama absent.jsonl", &["absent.jsonl: cannot be read"]);
    place.refused_saying("lm score llama good.jsonl -o out.txt", &["out.txt: a table ends in"]);
    place.refused_saying("lm score llama good.jsonl --yes 8", &["--no"]);
    place.refused_saying("lm score llama good.jsonl --yes 8 --no 8", &["both answers are \"8\""]);
    place.refused_saying("lm score llama good.jsonl --yes Bako --no 8", &["the answer \"Bako\" is ", "expected one"]);
    place.refused_saying("lm score llama good.jsonl --threads 0", &["from 1 to"]);
    place.refused_saying("lm score llama good.jsonl --device abacus", &["abacus"]);
}

#[test]
fn adapters_that_do_not_fit_are_refused() {
    let place = lab();
    place.write("good.jsonl", "{\"prompt\": \"A:\"}");
    lm::copy(&place, "llama-lora-trained", "of-llama");
    lm::copy(&place, "qwen2-lora-trained", "of-qwen2");
    let refused = |says: &[&str]| place.refused_saying("lm score llama good.jsonl --adapter of-llama", says);
    place.refused_saying("lm score llama good.jsonl --adapter of-qwen2", &["adapter_model.safetensors", "shape"]);
    place.refused_saying("lm score llama good.jsonl --adapter absent", &["absent/adapter_config.json: cannot be read"]);
    let (config, weights) =
        (place.text("of-llama/adapter_config.json"), place.bytes("of-llama/adapter_model.safetensors"));
    place.write("of-llama/adapter_model.safetensors", &weights[..weights.len() / 2]);
    refused(&["adapter_model.safetensors: "]);
    place.write("of-llama/adapter_model.safetensors", &weights);
    for (was, is, says) in [
        ("\"LORA\"", "\"IA3\"", "IA3"),
        ("\"r\": 4", "\"r\": 0", "r"),
        ("\"use_dora\": false", "\"use_dora\": true", "use_dora"),
    ] {
        place.write("of-llama/adapter_config.json", config.replace(was, is));
        refused(&["adapter_config.json: ", says]);
    }
    fs::remove_file(place.path("of-llama/adapter_model.safetensors")).unwrap();
    place.write("of-llama/adapter_config.json", config);
    refused(&["adapter_model.safetensors: cannot be read"]);
}
