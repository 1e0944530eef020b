//! The project's own results in `results/`: whole, made as their sweep files say, and what the report says of them.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::{Place, records};
use serde_json::Value;

const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results");

/// A run by what was trained, hyperparameter, items, hierarchy, seed and order.
type Run = (String, String, String, String, i64, bool);

fn run_of(row: &Value, setting: &str) -> Run {
    let text = |key: &str| row[key].as_str().unwrap().to_owned();
    let number = |key: &str| row[key].as_f64().map(|value| format!("{key} {value}"));
    let hyperparameter = number("lora_r").or(number("l2_reg")).unwrap_or_default();
    (text(setting), hyperparameter, text("task"), text("hier"), row["seed"].as_i64().unwrap(), row["reverse"] == true)
}

/// Right answers, and all, by pair.
type Answers = BTreeMap<(i64, i64), (f64, f64)>;

/// The rows of the trial table after training, as JSON objects.
fn rows() -> Vec<Value> {
    let place = Place::new();
    place.ok(&format!("results convert {RESULTS}/trials.parquet -o trials.csv"));
    let csv = place.text("trials.csv");
    let value = |text: &str| match text {
        "" => Value::Null,
        _ => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    };
    let records = records(&csv);
    let row = |record: &Vec<&str>| -> Value {
        records[0].iter().zip(record).map(|(key, text)| ((*key).to_owned(), value(text))).collect()
    };
    records[1..].iter().map(row).filter(|row| row["phase"] == "post").collect()
}

#[test]
fn the_table_is_whole_and_its_runs_are_those_of_the_sweep_files() {
    let place = Place::new();
    place.ok(&format!("results check {RESULTS}/trials.parquet"));
    let made: BTreeSet<Run> = rows().iter().map(|row| run_of(row, "setting")).collect();
    let mut planned = BTreeSet::new();
    for sweep in ["full", "lora", "poker", "probe"] {
        let plan = place.json(&format!("lm sweep {RESULTS}/{sweep}.toml --dry-run -o runs"));
        planned.extend(plan.as_array().unwrap().iter().map(|run| run_of(run, "method")));
    }
    assert_eq!(made, planned);
    let geometry = std::fs::read_to_string(Path::new(RESULTS).join("geometry.json")).unwrap();
    let geometry: Value = serde_json::from_str(&geometry).unwrap();
    let measured: BTreeSet<Run> = geometry.as_array().unwrap().iter().map(|row| run_of(row, "setting")).collect();
    assert_eq!(measured, made);
}

/// The report says so.
#[test]
fn pairs_that_reach_one_item_further_than_the_exception_are_judged_wrongly() {
    let mut settings: BTreeMap<[String; 4], Answers> = BTreeMap::new();
    for row in rows() {
        let Some(correct) = row["correct"].as_f64() else { continue };
        let (setting, hyperparameter, task, hier, ..) = run_of(&row, "setting");
        let pair = ["rank_higher", "rank_lower"].map(|key| row[key].as_i64().unwrap());
        let pairs = settings.entry([setting, hyperparameter, task, hier]).or_default();
        let (right, all) = pairs.entry(pair.into()).or_default();
        (*right, *all) = (*right + correct, *all + 1.0);
    }
    assert_eq!(settings.len(), 13);
    let mut without = (0.0, 0.0);
    for (setting, pairs) in settings {
        // The exceptions are those in the middle; the plain task is looked at where that of as many items is.
        let (winner, loser) = if setting[3] == "exc_mid_n11" { (6, 4) } else { (5, 3) };
        for pair in [(loser - 1, winner), (loser, winner + 1)] {
            let (right, all) = pairs[&pair];
            match setting[3].starts_with("ti_") {
                true => without = (without.0 + right, without.1 + all),
                false => assert!(right / all <= 0.35, "{setting:?}, {pair:?}: {right} of {all}"),
            }
        }
    }
    assert_eq!(without, (115.0, 200.0));
}
