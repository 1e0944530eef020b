//! The published fine-tuning results, where the environment variable CAVEAT_PUBLISHED_LM names their directory.

use crate::common::{Place, published};
use serde_json::Value;

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} is {} in {value}", value[key]))
}

/// The objects that `fit` prints for the whole directory.
fn fit(directory: &str, options: &[&str]) -> Vec<Value> {
    let place = Place::new();
    let mut arguments = vec!["fit", directory, "--format", "json", "--bootstrap", "0"];
    arguments.extend(options);
    let output = place.command_of(&arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
}

#[test]
fn conjunctivity_belongs_to_model_and_stimuli_not_to_the_task() {
    let Some(directory) = published() else { return };
    let fits = fit(&directory, &[]);
    for (hier, alpha) in [("ti_n9", 0.197), ("exc_mid_n9", 0.205), ("exc_mid_n11", 0.211)] {
        let is_it = |f: &&Value| {
            ["setting", "model", "task", "hier"].map(|k| f[k].as_str().unwrap()) == ["full", "llama32-1b", "fake", hier]
        };
        let found: Vec<&Value> = fits.iter().filter(is_it).collect();
        assert_eq!(found.len(), 1, "{hier}");
        assert!((number(found[0], "conjunctivity") - alpha).abs() <= 0.0015, "{hier}: {}", found[0]);
        assert!(number(found[0], "r_squared") >= 0.99, "{hier}: {}", found[0]);
    }
}

#[test]
fn every_condition_is_fitted_within_range() {
    let Some(directory) = published() else { return };
    let fits = fit(&directory, &[]);
    for f in &fits {
        if f["setting"] == "full" {
            assert!(["conjunctivity", "gain", "r_squared"].iter().all(|key| f[key].is_number()), "{f}");
        }
        let alpha = number(f, "conjunctivity");
        assert!((0.0..=1.0).contains(&alpha) && number(f, "gain").is_finite(), "{f}");
        if f["limit"] == "hebbian" {
            assert_eq!(number(f, "c"), 0.0);
        }
    }
    for setting in ["full", "lora", "probe"] {
        assert!(fits.iter().any(|f| f["setting"] == setting), "{setting}");
    }
    // A hyperparameter is part of the condition.
    assert!(fits.iter().all(|f| f["lora_r"].is_number() == (f["setting"] == "lora")));
    assert!(fits.iter().all(|f| f["l2_reg"].is_number() == (f["setting"] == "probe")));
}

#[test]
fn the_plain_task_predicts_the_exceptions() {
    let Some(directory) = published() else { return };
    let test = "exc_mid_n9,exc_mid_n11";
    let predicted = fit(&directory, &["--train", "ti_n9", "--test", test]);
    let full: Vec<&Value> = predicted.iter().filter(|p| p["setting"] == "full").collect();
    assert!(full.len() >= 12, "{}", full.len());
    let of = |key: &str| median(full.iter().map(|p| number(p, key)).collect());
    assert!(of("r_squared") >= 0.95, "{}", of("r_squared"));
    assert!(of("correlation") >= 0.96, "{}", of("correlation"));
}

#[test]
fn a_single_file_fits_as_the_directory_does() {
    let Some(directory) = published() else { return };
    let file = format!("{directory}/ti/ti_n9__fake.parquet");
    let alone = fit(&file, &[]);
    let all = fit(&directory, &[]);
    assert!(!alone.is_empty() && alone.iter().all(|f| all.contains(f)));
}
