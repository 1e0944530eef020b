//! `caveat lm run`: what a run leaves and says, that a seed repeats it, and that it is done once.

use std::fs;

use crate::common::{keys, parquet_shape, records};
use crate::lm::{self, PHASES, RUN, RUNS, TEMPLATE, TOWNS, lab};
use serde_json::{Value, json};

/// What is trained, and the part of the path that says so.
const METHODS: [(&str, &str); 4] = [
    ("full --epochs 2", ""),
    ("lora --lora-r 2 --lora-alpha 0.5 --epochs 2", "/lora_r2_alpha0p5"),
    ("probe --epochs 2", "/l2_0"),
    ("none", "/none"),
];

#[test]
fn runs_of_every_method_become_one_trial_table() {
    let place = lab();
    for (method, below) in METHODS {
        for (options, name) in [("", "seed0_fwd"), ("--reverse", "seed0_rev")] {
            let folder = format!("{RUNS}{below}/{name}");
            let report = place.json(&format!("{RUN} --method {method} {options}"));
            assert_eq!((&report["folder"], &report["already_there"]), (&json!(folder), &json!(false)));
            assert_eq!(lm::names(&place.path(&folder)), ["results.json"]);
        }
    }
    place.ok("results convert runs -o trials.parquet");
    assert_eq!(parquet_shape(&place.path("trials.parquet")).1, 2 * (3 * 60 + 30));
    place.ok("results convert trials.parquet -o trials.csv");
    let text = place.text("trials.csv");
    let all = records(&text);
    let rows = |setting: &str, phase: &str, hyperparameters: [&str; 2]| {
        let is_one = |r: &&Vec<&str>| r[..4] == [setting, "llama", "towns", "exc_4_1_n6"] && r[6] == phase;
        all.iter().filter(is_one).filter(|r| r[23..25] == hyperparameters).count()
    };
    for (setting, hyperparameters) in [("full", ["", ""]), ("lora", ["2.0", ""]), ("probe", ["", "0.0"])] {
        assert_eq!(["pre", "post"].map(|phase| rows(setting, phase, hyperparameters)), [60, 60], "{setting}");
    }
    assert_eq!(["pre", "post"].map(|phase| rows("none", phase, ["", ""])), [60, 0]);
    let directions = all.iter().filter(|r| r[13] == "true").map(|r| (r[15], r[16]));
    // In tables the direction goes by the ranks alone.
    assert!(directions.eq([("backward", "Yes"), ("forward", "No")].into_iter().cycle().take(28)));
    // What was not trained has no margins to fit.
    assert_eq!(place.json("fit trials.parquet").as_array().unwrap().len(), 3);
    let found = place.ok("results check trials.parquet");
    assert!(found.starts_with("1 file, 420 rows, 4 conditions, 1 seed: no problems"), "{found}");
}

#[test]
fn results_say_what_was_asked_and_answered() {
    let place = lab();
    let results = lm::run(&place, &format!("{RUN} --epochs 2 --learning-rate 0.01"));
    let expected = ["args", "hierarchy", "anchor_winner", "anchor_loser", "pre_finetune", "post_finetune"];
    assert_eq!(keys(&results), expected);
    let text = |key: &str| results[key].as_str().unwrap();
    let hierarchy: Vec<&str> = results["hierarchy"].as_array().unwrap().iter().map(|i| i.as_str().unwrap()).collect();
    let mut drawn = [&hierarchy[..], &[text("anchor_winner"), text("anchor_loser")]].concat();
    drawn.sort_unstable();
    drawn.dedup();
    assert!(hierarchy.len() == 6 && drawn.len() == 8 && drawn.iter().all(|town| TOWNS.contains(town)));

    for phase in PHASES {
        let judgments = results[phase].as_array().unwrap();
        let mut pairs = Vec::new();
        for judgment in judgments {
            check_judgment(judgment, &hierarchy, [text("anchor_winner"), text("anchor_loser")]);
            pairs.push((judgment["rank_a"].as_u64().unwrap(), judgment["rank_b"].as_u64().unwrap()));
        }
        pairs.sort_unstable();
        assert!(pairs.into_iter().eq((0..6).flat_map(|a| (0..6).filter(move |&b| b != a).map(move |b| (a, b)))));
    }
    let prompts = PHASES.map(|p| results[p].as_array().unwrap().iter().map(|j| &j["prompt"]).collect::<Vec<_>>());
    assert_eq!(prompts[0], prompts[1]);
    assert_ne!(lm::logits(&results["pre_finetune"]), lm::logits(&results["post_finetune"]));
    let none = lm::run(&place, &format!("{RUN} --method none"));
    assert_eq!((&none["pre_finetune"], &none["post_finetune"]), (&results["pre_finetune"], &Value::Null));
}

/// A judgment of six items, of which 4 beats 1, against what the ranks imply.
fn check_judgment(judgment: &Value, hierarchy: &[&str], [anchor_winner, anchor_loser]: [&str; 2]) {
    let fields = "prompt label team_a team_b rank_a rank_b gap is_train is_exception no_gt direction logit_yes logit_no \
                  logit_diff prob_yes prob_no";
    assert!(keys(judgment).into_iter().eq(fields.split(' ')), "{judgment}");
    let [a, b] = ["rank_a", "rank_b"].map(|key| judgment[key].as_u64().unwrap() as usize);
    let (low, high, gap) = (a.min(b), a.max(b), a.abs_diff(b));
    let is_exception = (low, high) == (1, 4);
    let is_open = gap > 1 && low >= 1 && high <= 4 && !is_exception;
    let is_yes = (a < b) != is_exception;
    let names = [("anchor_winner", anchor_winner), ("anchor_loser", anchor_loser)];
    let teams = [("item_a", hierarchy[a]), ("item_b", hierarchy[b])];
    let word = |text: String, (name, value): &(&str, &str)| text.replace(&format!("{{{{ {name} }}}}"), value);
    let expected = json!({
        "prompt": names.iter().chain(&teams).fold(TEMPLATE.to_owned(), word),
        "label": if is_open { Value::Null } else { json!(if is_yes { "Yes" } else { "No" }) },
        "team_a": hierarchy[a], "team_b": hierarchy[b], "rank_a": a, "rank_b": b, "gap": gap,
        "is_train": gap == 1 || is_exception, "is_exception": is_exception, "no_gt": is_open,
        "direction": if is_yes { "forward" } else { "backward" },
    });
    assert!(expected.as_object().unwrap().iter().all(|(key, value)| &judgment[key] == value), "{judgment}: {expected}");
    let [yes, no, diff, prob_yes, prob_no] =
        ["logit_yes", "logit_no", "logit_diff", "prob_yes", "prob_no"].map(|key| judgment[key].as_f64().unwrap());
    assert_eq!(diff, yes - no);
    // Both are one division away from the exponential.
    assert!((prob_yes - yes.exp() / (yes.exp() + no.exp())).abs() < 1e-14 && (prob_yes + prob_no - 1.0).abs() < 1e-15);
}

#[test]
fn arguments_are_recorded_whole() {
    let place = lab();
    let options = "--optimizer sgd --learning-rate 0.05 --schedule cosine --warmup-steps 2 --clip-norm 0.5 --no-shuffle \
                   --batch-size 5 --epochs 3 --seed 7 --reverse --model-name tiny --hierarchy-name short --threads 2";
    let args = lm::run(&place, &format!("{RUN} {options}"))["args"].take();
    let expected = json!({
        "model": "tiny", "task": "towns", "hier": "short", "items": "towns", "item_list": TOWNS, "items_are_drawn": true,
        "n_items": 6, "exceptions": [[4, 1]], "seed": 7, "reverse": true, "anchor": null, "equity": null, "template": TEMPLATE,
        "method": "full", "lora_r": null, "lora_alpha": null, "lora_modules": null, "l2_reg": null,
        "optimizer": "sgd", "beta1": null, "beta2": null, "epsilon": null, "weight_decay": null, "learning_rate": 0.05,
        "schedule": "cosine", "warmup_steps": 2, "epochs": 3, "batch_size": 5, "shuffle": false, "clip_norm": 0.5,
        "model_path": "llama", "architecture": "llama", "device": "cpu",
        "answer_tokens": { "yes": 55, "no": 54, "yes_text": " Yes", "no_text": " No" },
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&args[key], value, "{key}");
    }
    // Twelve prompts, five at a time, three times.
    assert_eq!(args["losses"].as_array().unwrap().len(), 9);
    let mass = ["before", "after"].map(|when| args["answer_mass"][when].as_f64().unwrap());
    assert!(mass.iter().all(|mass| (0.0..1.0).contains(mass)), "{mass:?}");
    assert!(place.path("runs/tiny/towns/short/seed7_rev/results.json").is_file());

    let lora = lm::run(&place, &format!("{RUN} --method lora --epochs 1 --modules q_proj,v_proj"))["args"].take();
    let expected = json!({ "lora_r": 16, "lora_alpha": 32.0, "lora_modules": ["q_proj", "v_proj"], "optimizer": "adamw",
        "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.01, "learning_rate": 1e-3, "batch_size": 32 });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&lora[key], value, "{key}");
    }
}

/// Keys, their order and the form of numbers are those of every version so far.
#[test]
fn results_are_written_as_ever() {
    let place = lab();
    let methods = [
        "full --optimizer sgd --clip-norm 0.5 --epochs 2 --anchor Bako Dari --no-shuffle",
        "lora --lora-r 2 --lora-alpha 0.5 --epochs 2",
        "probe --epochs 2 --l2 1e-4",
        "none",
    ];
    for (method, recorded) in methods.into_iter().zip(include_str!("recorded.txt").lines()) {
        let report = place.json(&format!("{RUN} --method {method}"));
        let text = place.text(&format!("{}/results.json", report["folder"].as_str().unwrap()));
        let starts: Vec<&str> = text.lines().map(|line| line.split([':', ' ']).next().unwrap()).collect();
        assert_eq!(
            starts[..7],
            [
                "{",
                "\"args\"",
                "\"hierarchy\"",
                "\"anchor_winner\"",
                "\"anchor_loser\"",
                "\"pre_finetune\"",
                "{\"prompt\""
            ]
        );
        let args = text.lines().nth(1).unwrap();
        assert!(args.starts_with(&recorded.replace("0.1.0", env!("CARGO_PKG_VERSION"))), "{method}: {args}");
        let results: Value = serde_json::from_str(&text).unwrap();
        let (args, trains) = (&results["args"], method != "none");
        assert_eq!(keys(args)[36..], ["answer_mass", "tokens", "losses", "seconds", "peak_memory_bytes"]);
        assert_eq!(keys(&args["answer_mass"]), ["before", "after"]);
        assert_eq!(keys(&args["tokens"]), ["prompts", "computed", "training_prompts"]);
        assert_eq!(keys(&args["seconds"]), ["load", "before", "train", "after"]);
        assert_eq!(args["losses"].as_array().unwrap().len(), if trains { 2 } else { 0 });
        assert!(
            [&args["answer_mass"]["after"], &args["seconds"]["train"]].iter().all(|value| value.is_f64() == trains)
        );
    }
}

#[test]
fn the_defaults_are_those_that_help_tells() {
    let place = lab();
    let help = place.ok("lm run --help");
    for (column, method) in ["full", "lora", "probe"].into_iter().enumerate() {
        let args = lm::run(&place, &format!("{RUN} --method {method}"))["args"].take();
        for option in ["learning-rate", "epochs", "schedule"] {
            let row = help.lines().rfind(|line| line.trim_start().starts_with(&format!("--{option} "))).unwrap();
            let told = row.split_whitespace().nth(1 + column).unwrap();
            let told = serde_json::from_str(told).unwrap_or_else(|_| json!(told));
            assert_eq!(args[option.replace('-', "_")], told, "{method} {option}");
        }
        assert_eq!(args["batch_size"], json!(32), "{method}");
    }
}

#[test]
fn help_of_sweeps_names_the_options_of_a_run() {
    let place = lab();
    let (run, sweep) = (place.ok("lm run --help"), place.ok("lm sweep --help"));
    let training = run.split("\nTraining:\n").nth(1).unwrap().split("\nResults:\n").next().unwrap();
    let flags = training.lines().filter_map(|line| line.trim_start().strip_prefix("--")?.split(' ').next());
    let keys: Vec<String> = flags.map(|flag| flag.trim_start_matches("no-").replace('-', "_")).collect();
    assert_eq!(keys.len(), 14, "{training}");
    let words: Vec<&str> = sweep.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    assert!(keys.iter().all(|key| words.contains(&key.as_str())), "{keys:?}");
}

#[test]
fn a_model_learns_what_it_is_taught() {
    let place = lab();
    for method in ["full --learning-rate 0.005", "lora --learning-rate 0.01", "probe --learning-rate 0.3"] {
        let report = place.json(&format!("{RUN} --method {method} --epochs 80"));
        let summary = &report["summary"];
        let [first, last] = ["loss_first", "loss_last"].map(|key| summary[key].as_f64().unwrap());
        assert!(last < 0.1 * first, "{method}: {first} to {last}");
        assert_eq!(summary["steps"], json!(80), "{method}");
        for class in &summary["classes"].as_array().unwrap()[..2] {
            assert_eq!(class["accuracy_after"], json!(1.0), "{method}: {class}");
        }
        let mass = |when: &str| summary[format!("answer_mass_{when}")].as_f64().unwrap();
        assert!(mass("before") < 0.5 && mass("after") > 0.9, "{method}: {} to {}", mass("before"), mass("after"));
    }
}

#[test]
fn the_first_step_of_a_warm_up_moves_nothing() {
    let place = lab();
    for method in ["full", "lora", "probe"] {
        let results = lm::run(&place, &format!("{RUN} --method {method} --epochs 1 --batch-size 12 --warmup-steps 1"));
        lm::assert_answers_agree(&results["pre_finetune"], &results["post_finetune"], 1e-6);
    }
}

#[test]
fn a_seed_repeats_a_run_whatever_the_threads() {
    let place = lab();
    for (method, _) in METHODS {
        let run = |threads: usize, output: &str| {
            let results = lm::run(&place, &format!("{RUN} --method {method} --threads {threads} -o {output}"));
            ["hierarchy", "pre_finetune", "post_finetune"].map(|key| results[key].clone())
        };
        let (first, again, two) = (run(1, "first"), run(1, "again"), run(2, "two"));
        assert!(first == again, "{method}");
        assert_eq!(first[0], two[0]);
        for (one, two) in first[1..].iter().zip(&two[1..]).filter(|(one, _)| !one.is_null()) {
            // What is promised of f32 in any order of summation.
            lm::assert_answers_agree(one, two, 1e-4);
        }
    }
}

#[test]
fn another_seed_draws_other_items_and_reversal_turns_them_over() {
    let place = lab();
    let drawn = |options: &str| {
        let results = lm::run(&place, &format!("{RUN} --method none {options}"));
        (
            results["hierarchy"].as_array().unwrap().clone(),
            results["anchor_winner"].clone(),
            results["pre_finetune"].clone(),
        )
    };
    let (zero, one, turned) = (drawn("--seed 0"), drawn("--seed 1"), drawn("--seed 0 --reverse"));
    assert_ne!(zero.0, one.0);
    assert!(turned.0.iter().eq(zero.0.iter().rev()) && turned.1 == zero.1);
    let answer = |(_, _, judgments): &(_, _, Value), a: u64, b: u64| {
        let judgments = judgments.as_array().unwrap();
        judgments.iter().find(|j| (&j["rank_a"], &j["rank_b"]) == (&json!(a), &json!(b))).unwrap().clone()
    };
    let (up, down) = (answer(&zero, 0, 3), answer(&turned, 5, 2));
    assert_eq!((&up["prompt"], &up["label"], &down["label"]), (&down["prompt"], &json!("Yes"), &json!("No")));
}

#[test]
fn a_finished_run_is_reported_without_its_model_and_replaced_when_asked() {
    let place = lab();
    let line = format!("{RUN} --epochs 2");
    let first = place.json(&line);
    let weights = place.bytes("llama/model.safetensors");
    fs::remove_file(place.path("llama/model.safetensors")).unwrap();
    let before = place.content();
    let second = place.json(&line);
    assert_eq!((&second["already_there"], &second["summary"]), (&json!(true), &first["summary"]));
    assert!(place.ok(&line).contains("there already: "));
    assert!(place.content() == before);
    for (options, says) in [
        ("--epochs 3", "epochs 2 instead of 3"),
        ("--epochs 2 --learning-rate 1e-3", "learning_rate 0.00002 instead of 0.001"),
        ("--epochs 2 --anchor Bako Dari", "anchor null instead of [\"Bako\",\"Dari\"]"),
        ("--epochs 2 --save model", "model was not saved"),
        ("--epochs 2 --save-similarity", "similarities were not saved"),
    ] {
        place.refused_saying(&format!("{RUN} {options}"), &["seed0_fwd: is there, ", says, "--force"]);
    }
    // What replaces it must succeed first.
    place.refused_saying(&format!("{RUN} --epochs 3 --force"), &["llama: has no model.safetensors"]);
    place.write("llama/model.safetensors", weights);
    let replaced = lm::run(&place, &format!("{RUN} --epochs 3 --force"));
    assert_eq!(replaced["args"]["epochs"], json!(3));
    assert_eq!(lm::names(&place.path(RUNS)), ["seed0_fwd"]);
}

#[test]
fn another_model_of_the_same_name_is_not_taken_for_the_one_that_ran() {
    let place = lab();
    place.ok(&format!("{RUN} --epochs 1"));
    place.make_directory("other");
    lm::copy(&place, "llama-bfloat16", "other/llama");
    let line = format!("{} --epochs 1", RUN.replace("llama", "other/llama"));
    place.refused_saying(&line, &["seed0_fwd: is there, with weights_sha256 ", "--force"]);
    let forced = lm::run(&place, &format!("{line} --force"));
    assert_eq!(forced["args"]["model_path"], json!("other/llama"));
    place.refused_saying(&format!("{RUN} --epochs 1"), &["weights_sha256"]);
}

#[test]
fn a_training_that_diverges_fails_and_leaves_nothing() {
    let place = lab();
    let before = place.content();
    let output = place.run(&format!("{RUN} --learning-rate 1e30"));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), complaint.lines().count()), (Some(1), 1), "{complaint}");
    assert!(complaint.starts_with("error: the loss is ") && complaint.contains("smaller learning rate"), "{complaint}");
    assert!(place.content() == before);
}
