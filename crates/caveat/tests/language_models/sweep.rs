//! `caveat lm sweep`: the runs of a file, each as `caveat lm run` does it, once; failures logged and passed over.

use std::fs;

use crate::common::{Place, keys, parquet_shape, records};
use crate::lm::{self, lab};
use serde_json::{Value, json};

/// Two models, two hierarchies, two orders, of full, two ranks, a probe and no training: 40 runs.
const GRIDS: &str = "
output = 'out'

[defaults]
models = ['llama', { model = 'qwen3', name = 'other' }]
items = { set = 'towns.txt', template = 'own.txt' }
hierarchies = ['ti_n4', { n = 6, exceptions = [[4, 1]] }]
orders = ['fwd', 'rev']
seeds = 3
epochs = 2
learning_rate = 0.005

[[grid]]
[[grid]]
method = 'lora'
lora_r = [2, 4]
[[grid]]
method = 'probe'
l2 = 0.1
[[grid]]
method = 'none'
";

fn sweep_lab(text: &str) -> Place {
    let place = lab();
    lm::copy(&place, "qwen3", "qwen3");
    place.write("sweep.toml", text);
    place
}

fn counts(report: &Value) -> [u64; 6] {
    ["runs", "done", "there", "busy", "failed", "left"].map(|key| report[key].as_u64().unwrap())
}

#[test]
fn a_grid_is_run_once() {
    let place = sweep_lab(GRIDS);
    let planned = place.content();
    let listed = place.json("lm sweep sweep.toml --dry-run");
    let columns = "status model task hier method lora_r lora_alpha l2_reg seed reverse folder";
    let listed = listed.as_array().unwrap();
    assert!(
        listed.len() == 40
            && listed.iter().all(|run| run["status"] == "open" && keys(run).into_iter().eq(columns.split(' ')))
    );
    assert!(place.content() == planned);

    let report = place.json("lm sweep sweep.toml");
    let expected = ["output", "runs", "done", "there", "busy", "failed", "left", "interrupted", "failures"];
    assert_eq!(keys(&report), expected);
    assert_eq!((counts(&report), &report["failures"]), ([40, 40, 0, 0, 0, 0], &json!([])));
    for run in listed {
        let results = lm::results(&place, run["folder"].as_str().unwrap());
        for key in ["model", "task", "hier", "method", "lora_r", "lora_alpha", "l2_reg", "seed", "reverse"] {
            let (done, listed) = (&results["args"][key], &run[key]);
            assert!(done == listed || done.is_u64() && done.as_f64() == listed.as_f64(), "{key}: {done} {run}");
        }
    }
    place.ok("results convert out -o trials.parquet");
    assert_eq!(parquet_shape(&place.path("trials.parquet")).1, 2 * 2 * (12 + 30) * (4 * 2 + 1));
    let found = place.ok("results check trials.parquet");
    assert!(found.starts_with("1 file, 1512 rows, 20 conditions, 1 seed: no problems"), "{found}");

    let before = place.content();
    // The models are not even looked at.
    fs::remove_file(place.path("llama/model.safetensors")).unwrap();
    assert_eq!(counts(&place.json("lm sweep sweep.toml")), [40, 0, 40, 0, 0, 0]);
    place.write("llama/model.safetensors", fs::read(lm::fixture("llama/model.safetensors")).unwrap());
    assert!(place.content() == before);
    assert!(
        place.ok("lm sweep sweep.toml --dry-run --format csv").lines().skip(1).all(|line| line.starts_with("there,"))
    );
}

#[test]
fn a_run_of_a_sweep_is_the_run_of_the_same_settings() {
    let place = sweep_lab(GRIDS);
    place.ok("lm sweep sweep.toml");
    let line = "--items towns.txt --template own.txt -n 6 --exception 4 1 --seed 3 --reverse -o single";
    for (model, name) in [("llama", "llama"), ("qwen3", "other")] {
        for (method, below) in [
            ("full --epochs 2 --learning-rate 0.005", ""),
            ("lora --rank 4 --epochs 2 --learning-rate 0.005", "/lora_r4_alpha8"),
            ("probe --l2 0.1 --epochs 2 --learning-rate 0.005", "/l2_0p1"),
            ("none", "/none"),
        ] {
            let run = lm::run(&place, &format!("lm run {model} {line} --model-name {name} --method {method}"));
            let of_sweep = lm::results(&place, &format!("out/{name}/towns/exc_4_1_n6{below}/seed3_rev"));
            for (key, value) in run.as_object().unwrap().iter().filter(|(key, _)| *key != "args") {
                assert!(value == &of_sweep[key], "{name} {method}: {key}");
            }
            // What a run cost is its own; all that was asked is the same.
            let own = ["seconds", "peak_memory_bytes", "model_path"];
            let args = run["args"].as_object().unwrap();
            assert_eq!(keys(&run["args"]), keys(&of_sweep["args"]));
            for (key, value) in args.iter().filter(|(key, _)| !own.contains(&key.as_str())) {
                assert_eq!(value, &of_sweep["args"][key], "{name} {method}: {key}");
            }
        }
    }
}

#[test]
fn a_limit_leaves_the_rest_and_output_may_be_elsewhere() {
    let place = sweep_lab(GRIDS);
    assert_eq!(counts(&place.json("lm sweep sweep.toml -o else --limit 3")), [40, 3, 0, 0, 0, 37]);
    assert!(!place.path("out").exists());
    assert_eq!(counts(&place.json("lm sweep sweep.toml -o else --limit 2")), [40, 2, 3, 0, 0, 35]);
    let listed = place.ok("lm sweep sweep.toml -o else --dry-run --format csv");
    assert_eq!(listed.lines().filter(|line| line.starts_with("there,")).count(), 5);
    // Paths in the file are relative to it, those of the command to where it runs.
    place.make_directory("below");
    fs::rename(place.path("sweep.toml"), place.path("below/sweep.toml")).unwrap();
    let complaint = place.refused("lm sweep below/sweep.toml -o else");
    assert!(complaint.contains("model \"llama\": expected a path from below"), "{complaint}");
}

#[test]
fn runs_that_fail_are_logged_and_the_others_done() {
    let text = "
        output = 'out'
        [defaults]
        models = ['llama', 'smollm2-135m', { model = 'qwen3', name = 'damaged' }]
        items = { set = 'towns.txt', template = 'own.txt' }
        hierarchies = 'ti_n4'
        seeds = '0-1'
        epochs = 3
        [[grid]]
        learning_rate = 1e30
        [[grid]]
        method = 'lora'
        lora_r = 2
    ";
    let place = sweep_lab(text);
    let weights = place.bytes("qwen3/model.safetensors");
    place.write("qwen3/model.safetensors", &weights[..weights.len() / 2]);
    let output = place.run("lm sweep sweep.toml --format json");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(told.lines().last(), Some("error: 10 of 12 runs failed: out/failures.jsonl says why"), "{told}");
    assert!(told.starts_with("4 runs will fail: ") && told.contains("caveat lm fetch smollm2-135m"), "{told}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(counts(&report), [12, 2, 0, 0, 10, 0]);

    let log = place.text("out/failures.jsonl");
    let failures: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = ["folder", "model", "task", "hier", "method", "seed", "reverse", "error", "unix_time"];
    assert!(failures.len() == 10 && failures.iter().all(|failure| keys(failure) == expected));
    for (model, method, says) in [
        ("llama", "full", "smaller learning rate"),
        ("smollm2-135m", "full", "caveat lm fetch smollm2-135m"),
        ("smollm2-135m", "lora", "caveat lm fetch smollm2-135m"),
        ("damaged", "lora", "qwen3/model.safetensors: "),
    ] {
        let of_kind = failures.iter().filter(|f| (&f["model"], &f["method"]) == (&json!(model), &json!(method)));
        let errors: Vec<&str> = of_kind.map(|failure| failure["error"].as_str().unwrap()).collect();
        assert!(errors.len() == 2 && errors.iter().all(|error| error.contains(says)), "{model} {method}: {errors:?}");
    }
    for (failure, logged) in report["failures"].as_array().unwrap().iter().zip(&failures) {
        assert_eq!(failure["error"], logged["error"]);
        assert_eq!(failure["folder"], json!(format!("out/{}", logged["folder"].as_str().unwrap())));
        assert!(!place.path(failure["folder"].as_str().unwrap()).exists());
    }
    // Nothing is left of what failed, not even folders on the way.
    assert_eq!(lm::names(&place.path("out")), ["failures.jsonl", "llama"]);
    assert_eq!(lm::names(&place.path("out/llama/towns/ti_n4")), ["lora_r2_alpha4"]);

    // What is mended is done by the next call.
    place.write("qwen3/model.safetensors", weights);
    place.write("sweep.toml", text.replace("'smollm2-135m', ", "").replace("1e30", "1e-3"));
    assert_eq!(counts(&place.json("lm sweep sweep.toml")), [8, 6, 2, 0, 0, 0]);
    assert_eq!(place.text("out/failures.jsonl"), log);
}

#[test]
fn runs_that_are_there_with_other_settings_fail_and_stay() {
    let text = GRIDS.replace("['llama', { model = 'qwen3', name = 'other' }]", "'llama'").replace("'ti_n4', ", "");
    let place = sweep_lab(&text);
    place.ok("lm sweep sweep.toml");
    let before = place.content();
    place.write("sweep.toml", text.replace("epochs = 2", "epochs = 3"));
    let output = place.run("lm sweep sweep.toml --format json");
    assert_eq!(output.status.code(), Some(1));
    // Without training there are no epochs to differ in.
    assert_eq!(counts(&serde_json::from_slice(&output.stdout).unwrap()), [10, 0, 2, 0, 8, 0]);
    assert!(place.text("out/failures.jsonl").lines().all(|line| line.contains("is a run with epochs 2 instead of 3")));
    let listed = place.ok("lm sweep sweep.toml --dry-run --format csv");
    assert_eq!(records(&listed).iter().filter(|run| run[0] == "there with epochs 2 instead of 3").count(), 8);
    fs::remove_file(place.path("out/failures.jsonl")).unwrap();
    // The same settings, but other weights.
    place.write("sweep.toml", text.replace("'llama'", "{ model = 'qwen3', name = 'llama' }"));
    let output = place.run("lm sweep sweep.toml --format json");
    assert_eq!(counts(&serde_json::from_slice(&output.stdout).unwrap()), [10, 0, 0, 0, 10, 0]);
    assert!(place.text("out/failures.jsonl").lines().all(|line| line.contains("is a run with weights_sha256 ")));
    fs::remove_file(place.path("out/failures.jsonl")).unwrap();
    place.write("sweep.toml", &text);
    assert!(place.content() == before);
}

#[test]
fn a_sweep_keeps_similarities_for_the_geometry() {
    let text = GRIDS.replace("output", "save_similarity = true\noutput").replace("'ti_n4', ", "");
    let place = sweep_lab(&text);
    place.ok("lm sweep sweep.toml");
    let geometry = place.json("lm geometry out");
    // Two metrics of each phase, and the fit to margins where there was training.
    assert_eq!(geometry.as_array().unwrap().len(), 2 * 2 * (4 * 5 + 2));
    assert!(place.path("out/other/towns/exc_4_1_n6/l2_0p1/seed3_rev/rep_sim_post_dot.npy").is_file());
    let args =
        "--items towns.txt --template own.txt -n 6 --exception 4 1 --seed 3 --method none --save-similarity -o single";
    let single = place.json(&format!("lm run llama {args}"));
    let kernels = single["geometry"]["kernels"].as_array().unwrap();
    for (row, kernel) in place.json("lm geometry single").as_array().unwrap().iter().zip(kernels) {
        let of_sweep = |other: &&Value| {
            ["setting", "model", "hier", "seed", "reverse", "phase", "kernel"].iter().all(|key| other[key] == row[key])
        };
        let found = geometry.as_array().unwrap().iter().find(of_sweep).unwrap();
        assert_eq!(
            (&found["conjunctivity"], &kernel["projection"]["conjunctivity"]),
            (&row["conjunctivity"], &row["conjunctivity"])
        );
    }
    // A run without them is not taken for one with them.
    fs::remove_file(place.path("out/llama/towns/exc_4_1_n6/seed3_fwd/geometry.json")).unwrap();
    let output = place.run("lm sweep sweep.toml --format json");
    assert_eq!(counts(&serde_json::from_slice(&output.stdout).unwrap()), [20, 0, 19, 0, 1, 0]);
    assert!(place.text("out/failures.jsonl").contains("is a run without similarities"));
}

#[test]
fn mistakes_in_the_file_are_named_with_their_line() {
    let place = sweep_lab("");
    let head = "output = 'out'\n\n[[grid]]\nmodels = 'llama'\nhierarchies = 'ti_n4'\n";
    let own = "items = { set = 'towns.txt', template = 'own.txt' }\n";
    for (text, says) in [
        (String::new(), "has no grid"),
        (format!("{head}sedes = 3"), "line 6: unknown field `sedes`"),
        (format!("{head}method = 'lorra'"), "line 6: unknown method \"lorra\""),
        (format!("{head}seeds = '9-0'"), "line 6: seeds \"9-0\": expected"),
        (format!("{head}orders = 'sideways'"), "line 6: unknown order \"sideways\": expected fwd or rev"),
        (format!("{head}epochs = 1\nepochs = 2"), "line 7: duplicate key"),
        (head.replace("'ti_n4'", "'n4'"), "line 5: hierarchy \"n4\": expected ti_nN"),
        (head.replace("[[grid]]", "[[grid]"), "line 3: "),
        (head.replace("models = 'llama'\n", ""), "the grid at line 3: models is missing"),
        (head.replace("llama", "lama"), "the grid at line 3: model \"lama\": expected a path from "),
        (format!("{head}{own}lora_r = 8"), "the grid at line 3: lora_r does nothing with method full"),
        (format!("{head}{own}learning_rate = -1"), "the grid at line 3: the learning rate is -1"),
        (format!("{head}items = 'absent.txt'"), "the grid at line 3: item set \"absent.txt\""),
        (
            format!("{head}items = {{ set = 'towns.txt', in_order = true, anchor = ['a', 'b'] }}"),
            "hierarchy ti_n4 has 4 items",
        ),
        (format!("{head}template = 'absent.txt'"), "the grid at line 3: "),
        (
            format!("{head}{own}[[grid]]\nmodels = 'llama'\nhierarchies = 'ti_n4'\n{own}epochs = 3"),
            "the grid at line 7: two runs would be ",
        ),
    ] {
        place.write("sweep.toml", &text);
        for options in ["", "--dry-run", "--dry-run --format json"] {
            place.refused_saying(&format!("lm sweep sweep.toml {options}"), &["sweep.toml: ", says]);
        }
    }
    place.refused_saying("lm sweep absent.toml", &["absent.toml: cannot be read"]);
    place.refused_saying("lm sweep llama", &["llama: "]);
    place.write("sweep.toml", format!("{head}{own}")).write("file", "");
    place.refused_saying("lm sweep sweep.toml -o file", &["file: it is a file where a directory is needed"]);
    place.refused_saying("lm sweep sweep.toml --device abacus", &["abacus"]);
    place.write("sweep.toml", format!("device = 'abacus'\n{head}{own}"));
    place.refused_saying("lm sweep sweep.toml", &["abacus"]);
}
