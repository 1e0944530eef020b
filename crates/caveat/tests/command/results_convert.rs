//! `caveat results convert`: Parquet and CSV into each other without loss, and folders of runs into trial tables.

use std::fs;

use crate::common::trials::{self, EXCEPTION, PLAIN, Simulated};
use crate::common::{Place, parquet_shape, published, records};
use caveat_results::{Table, Values};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};

const COLUMNS: &str = "setting,model,task,hier,seed,reverse,phase,rank_a,rank_b,rank_higher,rank_lower,gap,is_train,\
                       is_exception,no_gt,direction,label,logit_diff,prob_yes,ground_truth,margin,correct,paired_correct,\
                       lora_r,l2_reg";

const SMALL: Simulated = Simulated { n_items: 5, hier: "exc_n5", exception: Some((3, 1)), ..PLAIN };

/// All rows of a Parquet file, columns with their names; floats by their bits.
fn rows(place: &Place, name: &str) -> Vec<Vec<(String, String)>> {
    let reader = SerializedFileReader::new(fs::File::open(place.path(name)).unwrap()).unwrap();
    let show = |field: &Field| match field {
        Field::Double(x) => format!("f64 {:016x}", x.to_bits()),
        Field::Float(x) => format!("f32 {:08x}", x.to_bits()),
        other => format!("{other:?}"),
    };
    let row = |row: parquet::record::Row| row.get_column_iter().map(|(n, f)| (n.clone(), show(f))).collect();
    reader.get_row_iter(None).unwrap().map(|r| row(r.unwrap())).collect()
}

/// A table whose floats are hard to print: all exponents, the last digits of doubles, both zeros, infinities, missing ones.
fn awkward(place: &Place) -> Table {
    let table = trials::table(place, &[SMALL, Simulated { setting: "lora", lora_r: Some(16.0), ..SMALL }]);
    let n = table.n_rows();
    let float = |k: usize| {
        let odd = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(k as u64 + 1);
        match k % 7 {
            0 => f64::NAN,
            1 => -0.0,
            2 => f64::INFINITY,
            3 => f64::MIN_POSITIVE / (1.0 + k as f64),
            4 => k as f64,
            _ => Some(f64::from_bits(odd)).filter(|x| x.is_finite()).unwrap_or(0.1),
        }
    };
    let words = ["plain", "with, comma", "with \"quotes\"", "two\nlines", " spaced ", "ünïcödé", "007", "-"];
    let table = table.columns().fold(Table::new(), |t, (name, values)| {
        // The columns that are measured hold any float.
        let values = match name {
            "margin" => Values::Float((0..n).map(float).collect()),
            _ => values.clone(),
        };
        t.with(name, values).unwrap()
    });
    table
        .text("note", (0..n).map(|k| words[k % words.len()]))
        .unwrap()
        .float("step_size", (0..n).map(|k| float(k + 3)))
        .unwrap()
        .integer("step", (0..n).map(|k| (k % 3 > 0).then_some(k as i64 - 5)))
        .unwrap()
        .flag("lucky", (0..n).map(|k| k % 5 == 0))
        .unwrap()
        .integer("nothing", (0..n).map(|_| None::<i64>))
        .unwrap()
}

#[test]
fn parquet_to_csv_to_parquet_gives_the_same_values_and_types() {
    let place = Place::new();
    awkward(&place).write(&place.path("a.parquet")).unwrap();
    place.ok("results convert a.parquet -o b.parquet");
    place.ok("results convert b.parquet -o c.csv");
    place.ok("results convert c.csv -o d.parquet");
    place.ok("results convert d.parquet -o e.csv");
    let b = rows(&place, "b.parquet");
    let values = |rows: &[Vec<(String, String)>], without: &str| -> Vec<Vec<(String, String)>> {
        rows.iter().map(|r| r.iter().filter(|(n, _)| n != without).cloned().collect()).collect()
    };
    // A column without any value has no type in CSV; all others have theirs.
    let d = rows(&place, "d.parquet");
    assert_eq!(values(&b, "nothing"), values(&d, "nothing"));
    assert_eq!(place.text("c.csv"), place.text("e.csv"));
    let header = format!("{COLUMNS},note,step_size,step,lucky,nothing");
    assert_eq!(place.text("c.csv").lines().next().unwrap(), header);
    assert_eq!(parquet_shape(&place.path("d.parquet")).0, header.split(',').collect::<Vec<_>>());
    // Against the table that was written, by a reader of its own: ground_truth became whole.
    let a = rows(&place, "a.parquet");
    let differing: Vec<&str> = a[1].iter().zip(&b[1]).filter(|(x, y)| x != y).map(|(x, _)| x.0.as_str()).collect();
    assert_eq!(differing, ["ground_truth"]);
    assert_eq!(b[0].iter().find(|(n, _)| n == "ground_truth").unwrap().1, "Long(1)");
}

#[test]
fn columns_come_in_canonical_order_and_missing_values_are_empty() {
    let place = Place::new();
    let table = trials::table(&place, &[SMALL]);
    let reordered: Vec<(&str, &Values)> = table.columns().collect();
    let reordered = reordered.into_iter().rev().fold(Table::new(), |t, (n, v)| t.with(n, v.clone()).unwrap());
    reordered.float("weight", vec![0.5; table.n_rows()]).unwrap().write(&place.path("a.parquet")).unwrap();
    place.ok("results convert a.parquet -o a.csv");
    let text = place.text("a.csv");
    let records = records(&text);
    assert_eq!(records[0].join(","), format!("{COLUMNS},weight"));
    assert_eq!(records.len(), table.n_rows() + 1);
    let first = &records[1];
    assert_eq!(first[..8], ["full", "simulated", "made", "exc_n5", "-1", "false", "pre", "0"]);
    assert_eq!(first[12..17], ["true", "false", "false", "forward", "Yes"]);
    assert_eq!((first[17], first[19], first[23], first[24], first[25]), ("0.3", "1", "", "", "0.5"));
    assert_eq!(place.ok("results check a.csv").lines().count(), 1);
}

#[test]
fn several_inputs_are_written_one_behind_another() {
    let place = Place::new();
    place.make_directory("tables");
    trials::write(&place, "tables/a.parquet", &[PLAIN]);
    trials::write(&place, "b.csv", &[EXCEPTION]);
    trials::write(&place, "both.parquet", &[PLAIN, EXCEPTION]);
    let output = place.run("results convert tables b.csv -o all.parquet");
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "1728 rows from 2 files in all.parquet\n");
    place.ok("results convert both.parquet -o same.parquet");
    assert_eq!(rows(&place, "all.parquet"), rows(&place, "same.parquet"));
    // What is read is fitted alike.
    assert_eq!(place.json("fit all.parquet --bootstrap 0"), place.json("fit both.parquet --bootstrap 0"));
}

#[test]
fn extra_columns_must_agree_in_name_and_type() {
    let place = Place::new();
    let table = trials::table(&place, &[SMALL]);
    let n = table.n_rows();
    let with = |name: &str, values: Values| table.clone().with(name, values).unwrap();
    table.write(&place.path("none.parquet")).unwrap();
    with("x", Values::Float(vec![0.5; n])).write(&place.path("float.parquet")).unwrap();
    with("x", Values::Integer(vec![Some(3); n])).write(&place.path("integer.csv")).unwrap();
    with("x", Values::Integer(vec![Some(3); n])).write(&place.path("integer.parquet")).unwrap();
    with("x", Values::Text(vec!["a".into(); n])).write(&place.path("text.csv")).unwrap();
    let refused = |inputs: &str, words: &[&str]| {
        for output in ["out.csv", "out.parquet"] {
            place.refused_saying(&format!("results convert {inputs} -o {output}"), words);
        }
    };
    refused("float.parquet none.parquet", &["none.parquet: ", "no columns: expected \"x\" as in float.parquet"]);
    refused("float.parquet integer.parquet", &["integer.parquet: column \"x\" is Int64: expected Float64 as in float"]);
    refused("integer.parquet text.csv", &["text.csv: column \"x\" is Utf8: expected Int64"]);
    // Whole numbers in a CSV are floats where another file says so.
    place.ok("results convert integer.csv float.parquet -o both.parquet");
    let both = rows(&place, "both.parquet");
    assert_eq!(both[0].last().unwrap().1, format!("f64 {:016x}", 3.0_f64.to_bits()));
    // Two CSVs agree on what reads both.
    place.ok("results convert integer.csv text.csv -o both.parquet");
    assert_eq!(rows(&place, "both.parquet")[0].last().unwrap().1, "Str(\"3\")");
}

#[test]
fn bad_tables_and_outputs_are_refused_and_nothing_is_left() {
    let place = Place::new();
    let table = trials::table(&place, &[SMALL]);
    table.write(&place.path("good.parquet")).unwrap();
    trials::without(&table, "gap").write(&place.path("gap.parquet")).unwrap();
    table.write(&place.path("good.csv")).unwrap();
    let mut lines: Vec<String> = place.text("good.csv").lines().map(str::to_owned).collect();
    lines[200] = lines[200].replacen("made", "made,", 1);
    place.write("ragged.csv", lines.join("\n")).write("zero.csv", "").write("old.csv", "old").make_directory("empty");
    place.refused_saying(
        "results convert good.parquet gap.parquet -o out.csv",
        &["gap.parquet: column \"gap\" is missing"],
    );
    place.refused_saying(
        "results convert good.parquet ragged.csv -o old.csv",
        &["ragged.csv: line 201: 26 fields: expected 25"],
    );
    place.refused_saying("results convert zero.csv -o out.csv", &["zero.csv: the file is empty"]);
    place.refused_saying("results convert empty -o out.csv", &["empty: no trial tables found"]);
    place.refused_saying("results convert absent.csv -o out.csv", &["absent.csv: cannot be read"]);
    place.refused_saying(
        "results convert good.parquet -o out.json",
        &["out.json: unknown extension .json: expected .parquet or .csv"],
    );
    place.refused_saying("results convert good.parquet -o none/out.csv", &["its directory does not exist"]);
    place.refused_saying("results convert good.parquet -o empty", &["directory"]);
    place.refused_saying("results convert good.parquet", &["--output"]);
    assert_eq!(place.text("old.csv"), "old");
    place.refused_saying("results convert good.parquet good.csv -o good.csv", &["good.csv: is one of several inputs"]);
    // A table may be written over itself.
    place.ok("results convert good.csv -o good.csv");
    assert_eq!(place.text("good.csv").lines().count(), table.n_rows() + 1);
}

/// Judgments of all ordered pairs of four items, 3 beats 0, which leaves (0, 2) and (1, 3) open.
fn items(post: bool) -> Vec<Value> {
    let mut items = Vec::new();
    for (a, b) in (0..4_i64).flat_map(|a| (0..4).filter(move |&b| b != a).map(move |b| (a, b))) {
        let is_exception = (a.min(b), a.max(b)) == (0, 3);
        let yes = (a < b) != is_exception;
        let logit = if post { if yes { 2.0625 } else { -1.5 } } else { 0.25 };
        let mut item = json!({
            "rank_a": a, "rank_b": b, "gap": (a - b).abs(), "is_train": is_exception || a.abs_diff(b) == 1,
            "is_exception": is_exception, "label": if yes { "Yes" } else { "No" }, "direction": "forward",
            "logit_diff": logit, "prob_yes": 1.0 / (1.0 + f64::exp(-logit)), "prompt": "further keys do not matter",
        });
        let object = item.as_object_mut().unwrap();
        if !is_exception {
            object.remove("is_exception");
        }
        if a.abs_diff(b) == 2 {
            object.insert("no_gt".into(), true.into());
            object.remove("label");
        }
        items.push(item);
    }
    items
}

fn write_run(place: &Place, path: &str, content: &str) {
    let path = place.path(path);
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("results.json"), content).unwrap();
}

/// Two seeds and orders of full fine-tuning, LoRA and a probe, at different depths.
fn write_tree(place: &Place) {
    let with = |config: Value| {
        json!({"pre_finetune": items(false), "post_finetune": items(true), "config": config}).to_string()
    };
    let both = with(json!({"lr": 1e-4}));
    // Folders above the model are passed over where the file records what follows.
    let recorded = with(json!({"data": {"model": "Qwen/Qwen2.5", "task": "real", "hier": "exc_n4"}}));
    for seed in ["seed0_fwd", "seed0_rev", "seed10_fwd", "seed10_rev"] {
        write_run(place, &format!("runs/llama/fake/exc_n4/{seed}"), &both);
        write_run(place, &format!("runs/llama/fake/exc_n4/lora_r8_alpha16/{seed}"), &both);
        write_run(place, &format!("runs/more/deep/qwen/real/exc_n4/l2_0p0001/{seed}"), &recorded);
    }
    // Hidden directories and other files are passed over.
    write_run(place, "runs/.cache/seed", "{");
    place.write("runs/notes.json", "{}");
}

#[test]
fn a_folder_of_runs_becomes_a_trial_table() {
    let place = Place::new();
    write_tree(&place);
    let output = place.run("results convert runs -o runs.csv");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "288 rows from 12 files in runs.csv\n");
    let text = place.text("runs.csv");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("{COLUMNS},lora_alpha"));
    // By path, then phase, then item: LoRA comes before seeds.
    assert_eq!(
        lines[1],
        "lora,llama,fake,exc_n4,0,false,pre,0,1,0,1,1,true,false,false,forward,Yes,0.25,0.5621765008857981,1.0,0.25,1.0,0.0,8.0,,16.0"
    );
    assert_eq!(
        lines[2],
        "lora,llama,fake,exc_n4,0,false,pre,0,2,0,2,2,false,false,true,forward,,0.25,0.5621765008857981,,,,,8.0,,16.0"
    );
    let records = records(&text);
    // The exception, after training: its Yes is backward, and that order has the larger probability.
    let find = |a: &str, b: &str| {
        records.iter().find(|r| r[0] == "full" && r[6] == "post" && (r[7], r[8]) == (a, b)).unwrap().clone()
    };
    let [forward, backward] = [find("0", "3"), find("3", "0")];
    assert_eq!(forward[12..18], ["true", "true", "false", "forward", "No", "-1.5"]);
    assert_eq!((forward[19..23].join(" "), forward[25]), ("-1.0 1.5 1.0 1.0".into(), ""));
    assert_eq!(backward[12..18], ["true", "true", "false", "backward", "Yes", "2.0625"]);
    assert_eq!(backward[19..23].join(" "), "1.0 2.0625 1.0 1.0");
    let order: Vec<String> = records[1..].chunks(12).map(|c| [c[0][0], c[0][4], c[0][5], c[0][6]].join(" ")).collect();
    assert_eq!(order[..4], ["lora 0 false pre", "lora 0 false post", "lora 0 true pre", "lora 0 true post"]);
    assert_eq!((order[8].as_str(), order[23].as_str()), ("full 0 false pre", "probe 10 true post"));
    assert!(records[1..].iter().filter(|r| r[0] == "probe").all(|r| (r[1], r[24], r[25]) == ("qwen", "0.0001", "")));
    assert_eq!(place.ok("results check runs.csv"), "1 file, 288 rows, 3 conditions, 2 seeds: no problems\n");
    // The same in Parquet.
    place.ok("results convert runs -o runs.parquet");
    place.ok("results convert runs.parquet -o again.csv");
    assert_eq!(place.text("again.csv"), text);
    // A directory of runs and a table do not go together.
    place.refused_saying(
        "results convert runs runs.csv -o out.csv",
        &["runs.csv: is a trial table, but ", "results.json is a run"],
    );
    place.refused_saying(
        "results convert runs/llama -o out.csv",
        &["results.json: the path is too short", "MODEL/TASK/HIER"],
    );
}

#[test]
fn folders_of_others_are_refused_or_mapped_and_never_taken_for_something_else() {
    let place = Place::new();
    let run = json!({"post_finetune": items(true)}).to_string();
    write_run(&place, "q/smol/poker/exc_n4/qlora_r16_alpha32/seed0_fwd", &run);
    place.refused_saying("results convert q -o q.csv", &["qlora_r16_alpha32", "MODEL/TASK/HIER", "--layout"]);
    place.ok("results convert q -o q.csv --layout model/task/hier/setting/seed");
    let text = place.text("q.csv");
    let first = records(&text)[1].clone();
    assert_eq!(first[..6], ["qlora_r16_alpha32", "smol", "poker", "exc_n4", "0", "false"]);
    place.refused_saying(
        "results convert q -o q.csv --layout model/task/hier/seed",
        &["q/smol/poker/exc_n4/qlora_r16_alpha32/seed0_fwd/results.json", "5 folders", "expected 4"],
    );
    place.refused_saying(
        "results convert q.csv -o p.csv --layout model/task/hier/seed",
        &["a layout is of folders of runs"],
    );
    // What a run's files say must not contradict its folder.
    let recorded = |args: Value| json!({"args": args, "post_finetune": items(true)}).to_string();
    write_run(&place, "r/smol/poker/exc_n4/seed0_fwd", &recorded(json!({"method": "qlora", "load_in_4bit": true})));
    place.refused_saying(
        "results convert r -o r.csv",
        &["the path says setting full, and the file says args.method \"qlora\""],
    );
    write_run(&place, "r/smol/poker/exc_n4/seed0_fwd", &run);
    place.ok("results convert r -o r.csv");
    place.write("r/smol/poker/exc_n4/seed0_fwd/adapter_config.json", r#"{"r": 16, "lora_alpha": 32}"#);
    place.refused_saying("results convert r -o r.csv", &["setting full, and there is adapter_config.json beside it"]);
    write_run(&place, "s/poker/ti_n3/smol/seed0_fwd", &run);
    place.refused_saying("results convert s -o s.csv", &["\"ti_n3\" looks like a hierarchy and stands for TASK"]);
    write_run(&place, "t/smol/poker/ti_n3/seed0_fwd", &run);
    place.refused_saying("results convert t -o t.csv", &["hier ti_n3, of 3 items, and the file holds 4"]);
}

#[test]
fn trees_that_are_not_certain_are_refused_with_the_path_and_the_layout() {
    let place = Place::new();
    let run = json!({"post_finetune": items(true)}).to_string();
    for (path, says, layout) in [
        ("qlora/smol/poker/exc_n4", "\"qlora\" looks like another way of training", "setting/model/task/hier/seed"),
        ("lora/smol/poker/exc_n4", "\"lora\" looks like another way of training", "setting/model/task/hier/seed"),
        ("4bit/smol/poker/exc_n4", "\"4bit\" looks like another way of training", "setting/model/task/hier/seed"),
        ("lora_r16_alpha32/smol/poker/exc_n4", "looks like another way of training", "setting/model/task/hier/seed"),
        (
            "2024-05-01/smol/poker/exc_n4",
            "2024-05-01 stands above what would be smol/poker/exc_n4",
            "_/model/task/hier/seed",
        ),
        (
            "smol/poker/ti_n4/exc_mid_n4",
            "\"ti_n4\" looks like a hierarchy and stands for TASK",
            "model/task/hier/_/seed",
        ),
        (
            "ti_n4/smol/poker/exc_mid_n4",
            "\"ti_n4\" looks like a hierarchy and stands above MODEL",
            "hier/model/task/_/seed",
        ),
        (
            "smol/poker/lr1e-4",
            "\"lr1e-4\" looks like a hyperparameter and stands for HIER",
            "model/task/hier/setting/seed",
        ),
        ("smol/poker/epochs3", "\"epochs3\" looks like a hyperparameter", "model/task/hier/setting/seed"),
        ("smol/poker/temp0.7", "\"temp0.7\" looks like a hyperparameter", "model/task/hier/setting/seed"),
        ("poker/ti/smol", "\"smol\" looks like a model and stands for HIER", "task/hier/model/seed"),
        ("smol/poker/mine", "\"mine\" stands for HIER, is not named as in ti_n9", "model/task/hier/seed"),
    ] {
        write_run(&place, &format!("runs/{path}/seed0_fwd"), &run);
        place.refused_saying(
            "results convert runs -o out.csv",
            &[&format!("runs/{path}/seed0_fwd/results.json: "), says, "MODEL/TASK/HIER", &format!("--layout {layout}")],
        );
        fs::remove_dir_all(place.path("runs")).unwrap();
    }
    // Nor does it help to give the folder itself.
    write_run(&place, "qlora/smol/poker/exc_n4/seed0_fwd", &run);
    place.refused_saying(
        "results convert qlora -o out.csv",
        &["\"qlora\", the directory given, looks like another way"],
    );
    write_run(&place, "all/qlora/smol/poker/exc_n4/seed0_fwd", &run);
    place.refused_saying(
        "results convert all -o out.csv --layout _/model/task/hier/seed",
        &["\"qlora\" looks like a way of training, and in the layout _/model/task/hier/seed no folder is the setting"],
    );
    place.ok("results convert all -o out.csv --layout setting/model/task/hier/seed");
    let text = place.text("out.csv");
    assert_eq!(records(&text)[1][..5], ["qlora", "smol", "poker", "exc_n4", "0"]);
}

#[test]
fn what_a_file_says_anywhere_must_not_contradict_its_folders() {
    let place = Place::new();
    let path = "runs/smol/poker/exc_n4/seed0_fwd";
    let write = |path: &str, mut record: Value| {
        record.as_object_mut().unwrap().insert("post_finetune".into(), items(true).into());
        write_run(&place, path, &record.to_string());
    };
    for (record, says) in [
        (json!({"method": "qlora"}), "setting full, and the file says method \"qlora\""),
        (
            json!({"training_args": {"method": "qlora"}}),
            "setting full, and the file says training_args.method \"qlora\"",
        ),
        (json!({"hparams": {"lora_r": 8}}), "setting full, and the file says hparams.lora_r 8"),
        (json!({"config": {"peft": {"peft_type": "LORA", "r": 16}}}), "setting full, and the file says config.peft"),
        (json!({"metadata": {"lora_r": 8}}), "setting full, and the file says metadata.lora_r 8"),
        (json!({"load_in_4bit": true}), "setting full, and the file says load_in_4bit true"),
        (json!({"model": "qwen", "seed": 7}), "model smol, and the file says model \"qwen\""),
        (json!({"deep": [{"er": {"seed": 7}}]}), "seed 0, and the file says deep[0].er.seed 7"),
        (json!({"task": "real"}), "task poker, and the file says task \"real\""),
        (json!({"meta": {"hier": "ti_n4"}}), "hier exc_n4, and the file says meta.hier \"ti_n4\""),
    ] {
        write(path, record);
        place.refused_saying(
            "results convert runs -o out.csv",
            &[&format!("{path}/results.json: the path says {says}"), "--layout"],
        );
    }
    // Judgments that are rows of tables say it, too.
    let mut rows = items(true);
    rows[3].as_object_mut().unwrap().insert("model".into(), "qwen".into());
    write_run(&place, path, &json!({"post_finetune": rows}).to_string());
    place.refused_saying("results convert runs -o out.csv", &["the file says post_finetune[3].model \"qwen\""]);
    write_run(&place, path, &json!({"method": "full", "post_finetune": items(true)}).to_string());
    fs::write(place.path(&format!("{path}/results.json")), "{\"a\": 1, \"a\": 2}").unwrap();
    place.refused_saying("results convert runs -o out.csv", &["a is there twice"]);

    // What a layout names stands, and the contradiction is told; what it does not name is refused as ever.
    write(path, json!({"model": "qwen", "method": "qlora"}));
    place.refused_saying(
        "results convert runs -o out.csv --layout model/task/hier/seed",
        &["setting full, and the file says method \"qlora\""],
    );
    fs::remove_dir_all(place.path("runs")).unwrap();
    write("runs/smol/poker/exc_n4/exp7/seed0_fwd", json!({"model": "qwen", "method": "qlora"}));
    let output = place.run("results convert runs -o out.csv --layout model/task/hier/setting/seed");
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{complaint}");
    assert!(
        complaint
            .contains("warning: runs/smol/poker/exc_n4/exp7/seed0_fwd/results.json: the path says model smol, and")
    );
    assert!(complaint.contains("\"qwen\"; the layout stands") && !complaint.contains("qlora"), "{complaint}");
    let text = place.text("out.csv");
    assert_eq!(records(&text)[1][..4], ["exp7", "smol", "poker", "exc_n4"]);
}

#[test]
fn the_name_of_a_hierarchy_must_be_that_of_its_items() {
    let place = Place::new();
    let run = json!({"post_finetune": items(true)}).to_string();
    for (hier, says) in [
        ("ti_n9", "hier ti_n9, of 9 items, and the file holds 4, ranks 0 to 3"),
        ("ti_n4", "hier ti_n4, where there is no exception, and in the file there is rank 3 beats 0"),
        ("exc_2_0_n4", "hier exc_2_0_n4, where there is rank 2 beats 0, and in the file there is rank 3 beats 0"),
    ] {
        write_run(&place, &format!("{hier}/m/t/{hier}/seed0_fwd"), &run);
        place.refused_saying(&format!("results convert {hier} -o out.csv"), &[&format!("the path says {says}")]);
    }
    write_run(&place, "good/m/t/exc_3_0_n4/seed0_fwd", &run);
    place.ok("results convert good -o out.csv");
    let plain: Vec<Value> = items(true).into_iter().filter(|item| item.get("is_exception").is_none()).collect();
    write_run(&place, "plain/m/t/exc_mid_n4/seed0_fwd", &json!({"post_finetune": plain}).to_string());
    place.refused_saying(
        "results convert plain -o out.csv",
        &["hier exc_mid_n4, where there is an exception, and in the file there is no exception"],
    );
}

#[test]
fn phases_may_be_absent_and_whole_truths_are_integers() {
    let place = Place::new();
    let closed: Vec<Value> = items(true).into_iter().filter(|i| i.get("no_gt").is_none()).collect();
    // One order of (0, 1) is missing: nothing is known of the pair together.
    let content = json!({ "post_finetune": closed[1..] }).to_string();
    write_run(&place, "r/m/t/exc_n4/seed3_fwd", &content);
    place.ok("results convert r -o r.parquet");
    let found = rows(&place, "r.parquet");
    assert_eq!(found.len(), 7);
    let value = |row: &[(String, String)], column: &str| row.iter().find(|(n, _)| n == column).unwrap().1.clone();
    assert!(
        found.iter().all(|r| value(r, "phase") == "Str(\"post\")" && value(r, "ground_truth").starts_with("Long("))
    );
    let lone = found.iter().find(|r| value(r, "rank_a") == "Long(1)" && value(r, "rank_b") == "Long(0)").unwrap();
    assert_eq!((value(lone, "paired_correct"), value(lone, "lora_alpha")), ("Null".into(), "Null".into()));
}

#[test]
fn numbers_of_results_are_read_to_the_last_digit() {
    let place = Place::new();
    // Doubles whose shortest digits a fast parser gets wrong by one unit.
    let numbers = ["0.6513548646660544", "0.31622776601683794", "0.7310585786300049", "5e-324", "0.1"];
    let items: Vec<String> = numbers
        .iter()
        .enumerate()
        .map(|(k, x)| {
            format!("{{\"rank_a\":0,\"rank_b\":{},\"is_train\":false,\"label\":\"Yes\",\"logit_diff\":{x},\"prob_yes\":{x}}}", k + 1)
        })
        .collect();
    write_run(&place, "r/m/t/ti_n6/seed0_fwd", &format!("{{\"post_finetune\":[{}]}}", items.join(",")));
    place.ok("results convert r -o r.csv");
    let text = place.text("r.csv");
    let found: Vec<(&str, &str)> = records(&text)[1..].iter().map(|r| (r[17], r[18])).collect();
    assert_eq!(found, numbers.map(|x| (x, x)));
}

#[test]
fn malformed_runs_are_refused_by_name_and_nothing_is_left() {
    let place = Place::new();
    let good = json!({"post_finetune": items(true)}).to_string();
    let item = |edit: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut all = items(true);
        edit(all[2].as_object_mut().unwrap());
        json!({"pre_finetune": items(false), "post_finetune": all}).to_string()
    };
    let cases: Vec<(String, &str)> = vec![
        (String::new(), "empty (0 bytes)"),
        ("{\"post_finetune\": [".into(), "not the results of a run (EOF"),
        (good.replace("2.0625", "NaN"), "finite numbers"),
        ("[]".into(), "expected an object with pre_finetune and post_finetune"),
        ("{}".into(), "there is no judgment in it"),
        ("{\"pre_finetune\": [], \"post_finetune\": null}".into(), "there is no judgment in it"),
        (item(&|i| drop(i.remove("logit_diff"))), "missing field `logit_diff`"),
        (
            item(&|i| drop(i.remove("label"))),
            "post_finetune, item 2 (counted from 0): label is missing where no_gt is false",
        ),
        (
            item(&|i| drop(i.insert("label".into(), "yes".into()))),
            "item 2 (counted from 0): label \"yes\": expected \"Yes\" or",
        ),
        (item(&|i| drop(i.insert("rank_a".into(), (-1).into()))), "rank_a -1: expected a rank from 0"),
        (item(&|i| drop(i.insert("rank_b".into(), 0.into()))), "rank 0 is compared with itself"),
        (item(&|i| drop(i.insert("gap".into(), 1.into()))), "gap 1: expected 3 for ranks 0 and 3"),
        (item(&|i| drop(i.insert("prob_yes".into(), 1.5.into()))), "prob_yes 1.5: expected a probability"),
        (
            item(&|i| {
                i.insert("rank_b".into(), 1.into());
                i.insert("gap".into(), 1.into());
            }),
            "(0, 1) is item 0 already",
        ),
    ];
    write_run(&place, "runs/m/t/exc_n4/seed0_fwd", &good);
    for (content, says) in cases {
        write_run(&place, "runs/m/t/exc_n4/seed1_fwd", &content);
        place
            .refused_saying("results convert runs -o out.parquet", &["runs/m/t/exc_n4/seed1_fwd/results.json: ", says]);
    }
    fs::remove_dir_all(place.path("runs/m/t/exc_n4/seed1_fwd")).unwrap();
    for (path, says) in [
        ("runs/seed0_fwd", "the path is too short"),
        ("runs/m/t/exc_n4/seed0", "directory \"seed0\": expected a seed and an order, as in seed0_fwd or seed0_rev"),
        ("runs/m/t/exc_n4/run0_fwd", "directory \"run0_fwd\": expected a seed"),
        (
            "runs/m/t/exc_n4/lora_r8/seed0_fwd",
            "directory \"lora_r8\": expected a rank and an alpha, as in lora_r16_alpha32",
        ),
        ("runs/m/t/exc_n4/lora_r8_alpha-1/seed0_fwd", "expected a rank and an alpha"),
        ("runs/m/t/exc_n4/l2_/seed0_fwd", "directory \"l2_\": expected a penalty of at least 0"),
        ("runs/m/t/exc_n4/l2_-1/seed0_fwd", "expected a penalty of at least 0, as in l2_0p0001 or l2_1e-4"),
        (
            "runs/m/t/exc_n4/qlora_r8_alpha16/seed0_fwd",
            "\"qlora_r8_alpha16\" looks like a way of training and stands for HIER",
        ),
        ("runs/copy/m/t/exc_n4/seed0_fwd", "copy stands above what would be m/t/exc_n4"),
    ] {
        write_run(&place, path, &good);
        place.refused_saying("results convert runs -o out.csv", &["results.json: ", says]);
        fs::remove_dir_all(place.path(path)).unwrap();
    }
    // The penalties are one, however they are written.
    write_run(&place, "runs/m/t/exc_n4/l2_0p1/seed0_fwd", &good);
    write_run(&place, "runs/m/t/exc_n4/l2_1e-1/seed0_fwd", &good);
    place.refused_saying("results convert runs -o out.csv", &["is the same run as "]);
}

#[test]
fn published_tables_survive_the_way_through_csv() {
    let Some(directory) = published() else { return };
    let place = Place::new();
    let file = format!("{directory}/exception/exc_mid_n11__poker.parquet");
    for line in [vec![file.as_str(), "-o", "a.csv"], vec!["a.csv", "-o", "b.parquet"], vec!["b.parquet", "-o", "c.csv"]]
    {
        let output = place.command_of(&[vec!["results", "convert"], line].concat()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(place.bytes("a.csv") == place.bytes("c.csv"));
    fs::copy(&file, place.path("published.parquet")).unwrap();
    assert!(rows(&place, "published.parquet") == rows(&place, "b.parquet"));
}
