//! The project's own results in `results/`: whole, made as their sweep files say, and what the report and their README say of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::common::{Place, records};
use caveat_figures::language_models::trained;
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

fn runs() -> BTreeSet<Run> {
    rows().iter().map(|row| run_of(row, "setting")).collect()
}

#[test]
fn the_table_is_whole_and_its_runs_are_those_of_the_geometries() {
    Place::new().ok(&format!("results check {RESULTS}/trials.parquet"));
    let geometry = std::fs::read_to_string(Path::new(RESULTS).join("geometry.json")).unwrap();
    let geometry: Value = serde_json::from_str(&geometry).unwrap();
    let measured: BTreeSet<Run> = geometry.as_array().unwrap().iter().map(|row| run_of(row, "setting")).collect();
    assert_eq!(measured, runs());
}

#[test]
#[cfg(feature = "lm")]
fn the_runs_are_those_of_the_sweep_files() {
    let place = Place::new();
    let mut planned = BTreeSet::new();
    for sweep in ["full", "lora", "poker", "probe"] {
        let plan = place.json(&format!("lm sweep {RESULTS}/{sweep}.toml --dry-run -o runs"));
        planned.extend(plan.as_array().unwrap().iter().map(|run| run_of(run, "method")));
    }
    assert_eq!(runs(), planned);
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
        // Of the plain task, the pairs around the place where the exception of as many items would be.
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

#[test]
fn the_table_of_the_readme_is_that_of_the_runs() {
    let place = Place::new();
    let fits = place.json(&format!("fit {RESULTS}/trials.parquet"));
    let by = "setting,task,hier,lora_r,l2_reg,class";
    let classes = place.json(&format!("results summary {RESULTS}/trials.parquet --by {by} --where phase=post"));
    let key = |row: &Value| {
        let text = ["setting", "task", "hier"].map(|key| row[key].as_str().unwrap().to_owned());
        (text, ["lora_r", "l2_reg"].map(|key| row[key].as_f64()))
    };
    let rows = rows();
    let readme = std::fs::read_to_string(Path::new(RESULTS).join("README.md")).unwrap();
    let mut listed: BTreeMap<[String; 3], Vec<&str>> = BTreeMap::new();
    for line in readme.lines().filter(|line| line.matches('|').count() == 13) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        listed.insert([0, 1, 2].map(|at| cells[at].to_owned()), cells);
    }
    for fit in fits.as_array().unwrap() {
        let text = |key: &str| fit[key].as_str().unwrap().to_owned();
        let name = trained(&text("setting"), fit["lora_r"].as_f64(), fit["l2_reg"].as_f64());
        let cells = listed.remove(&[name.clone(), text("task"), text("hier")]).unwrap();
        let here: Vec<&Value> = rows.iter().filter(|row| key(row) == key(fit)).collect();
        let runs: BTreeSet<Run> = here.iter().map(|row| run_of(row, "setting")).collect();
        let training = here.iter().filter(|row| row["is_train"] == true);
        let right = training.clone().filter(|row| row["correct"].as_f64() == Some(1.0)).count();
        let accuracy = |class: &str| {
            let group = classes.as_array().unwrap().iter().find(|row| key(row) == key(fit) && row["class"] == class);
            group.map_or("–".into(), |group| format!("{:.0} %", 100.0 * group["accuracy"].as_f64().unwrap()))
        };
        let number = |key: &str| fit[key].as_f64().unwrap_or(f64::INFINITY);
        let of_alpha = ["conjunctivity", "conjunctivity_low", "conjunctivity_high"].map(number);
        let expected = [
            runs.len().to_string(),
            format!("{right} of {}", training.count()),
            accuracy("exception_cycle"),
            accuracy("within_section"),
            accuracy("cross_section"),
            accuracy("cycle_to_section"),
            format!("{:.3} [{:.3}, {:.3}]", of_alpha[0], of_alpha[1], of_alpha[2]),
        ];
        assert_eq!(cells[3..10], expected, "{name}");
        // Three digits, without zeros at the end.
        let c: f64 = if cells[10] == "∞" { f64::INFINITY } else { cells[10].parse().unwrap() };
        assert!(c == number("c") || (c / number("c") - 1.0).abs() <= 5e-3, "{name}: C {c}");
        assert_eq!(cells[11], format!("{:.3}", number("r_squared")), "{name}");
    }
    // The heading and the line below it.
    assert_eq!(listed.len(), 2, "{listed:?}");
}
