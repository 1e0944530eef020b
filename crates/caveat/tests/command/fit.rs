//! The contract of `fit`, on trial tables simulated from known parameters.

use crate::common::trials::{self, EXCEPTION, PLAIN, Simulated};
use crate::common::{Place, assert_close, is_picture, keys, parquet_shape, records};
use serde_json::{Value, json};

/// The documented keys of a fit, intervals after them.
const KEYS: [&str; 14] = [
    "setting",
    "model",
    "task",
    "hier",
    "lora_r",
    "l2_reg",
    "conjunctivity",
    "c",
    "screening",
    "memorization",
    "gain",
    "limit",
    "r_squared",
    "correlation",
];

fn assert_recovered(fit: &Value, truth: Simulated) {
    assert_close(&fit["conjunctivity"], truth.conjunctivity, 1e-4);
    assert_close(&fit["c"], truth.c, 1e-3);
    assert_close(&fit["gain"], truth.gain, 1e-3);
    assert_close(&fit["screening"], 2.0 * (truth.conjunctivity + 1.0 / truth.c) / (1.0 - truth.conjunctivity), 1e-3);
    assert_close(&fit["memorization"], truth.conjunctivity / (truth.conjunctivity + 1.0 / truth.c), 1e-3);
    assert_close(&fit["r_squared"], 1.0, 1e-6);
    assert_close(&fit["correlation"], 1.0, 1e-6);
    assert_eq!(fit["limit"], json!("none"));
}

#[test]
fn a_simulated_table_fits_to_its_parameters_from_parquet_and_csv_alike() {
    let place = Place::new();
    let strong = Simulated { model: "other", conjunctivity: 0.35, c: 3.0, gain: 0.7, ..EXCEPTION };
    for name in ["t.parquet", "t.csv"] {
        trials::write(&place, name, &[PLAIN, EXCEPTION, strong]);
    }
    let fits = place.json("fit t.parquet --by model,setting,task,hier");
    assert_eq!(fits, place.json("fit t.csv --by model,setting,task,hier"));
    let fits = fits.as_array().unwrap();
    // By name, column by column: exc_mid_n9 of other, then of simulated, then ti_n9.
    for (fit, truth) in fits.iter().zip([strong, EXCEPTION, PLAIN]) {
        assert_eq!(keys(fit)[..14], KEYS);
        assert_eq!(["setting", "model", "task", "hier"].map(|k| &fit[k]), ["full", truth.model, "made", truth.hier]);
        assert!(fit["lora_r"].is_null() && fit["l2_reg"].is_null());
        assert_eq!((&fit["n_pairs"], &fit["n_seeds"]), (&json!(36), &json!(3)));
        assert_recovered(fit, truth);
    }
    assert_eq!(fits.len(), 3);
}

#[test]
fn intervals_hold_the_estimate_and_repeat_with_their_seed() {
    let place = Place::new();
    trials::write(&place, "t.parquet", &[EXCEPTION]);
    let fit = |options: &str| place.json(&format!("fit t.parquet {options}"))[0].clone();
    let default = fit("");
    for name in ["conjunctivity", "c", "gain"] {
        let [low, high] = ["low", "high"].map(|end| default[format!("{name}_{end}")].as_f64().unwrap());
        let value = default[name].as_f64().unwrap();
        assert!(low <= value + 1e-9 && value <= high + 1e-9 && low < high, "{name}: {low} {value} {high}");
    }
    assert_eq!(fit("--seed 0 --bootstrap 200"), fit("--bootstrap 200"));
    assert_ne!(fit("--seed 1 --bootstrap 7"), fit("--seed 0 --bootstrap 7"));
    assert_eq!(fit("--bootstrap 0"), default);
}

#[test]
fn a_fit_of_the_plain_task_predicts_the_exception() {
    let place = Place::new();
    trials::write(&place, "t.parquet", &[PLAIN, EXCEPTION]);
    let predicted = place.json("fit t.parquet --train ti_n9 --test exc_mid_n9");
    let predicted = predicted.as_array().unwrap();
    assert_eq!(predicted.len(), 1);
    assert_eq!((&predicted[0]["hier"], &predicted[0]["train"]), (&json!("exc_mid_n9"), &json!("ti_n9")));
    assert_recovered(&predicted[0], PLAIN);
    assert_close(&predicted[0]["sign_agreement"], 1.0, 1e-12);
    // Another model without the plain task is left out, not an error.
    trials::write(&place, "more.parquet", &[Simulated { model: "untested", ..EXCEPTION }]);
    let same = place.json("fit t.parquet more.parquet --train ti_n9 --test exc_mid_n9");
    assert_eq!(same.as_array().unwrap().as_slice(), predicted);
}

#[test]
fn a_prediction_of_another_model_is_worse() {
    let place = Place::new();
    // The exception condition has other parameters than the plain one that the prediction is made from.
    trials::write(&place, "t.parquet", &[PLAIN, Simulated { conjunctivity: 0.6, gain: 2.0, ..EXCEPTION }]);
    let predicted = place.json("fit t.parquet --train ti_n9 --test exc_mid_n9");
    assert!(predicted[0]["r_squared"].as_f64().unwrap() < 0.9, "{predicted}");
}

#[test]
fn hyperparameters_are_conditions_of_their_own() {
    let place = Place::new();
    let lora = |r, conjunctivity| Simulated { setting: "lora", lora_r: Some(r), conjunctivity, ..EXCEPTION };
    trials::write(&place, "t.parquet", &[lora(16.0, 0.3), lora(4.0, 0.1)]);
    let fits = place.json("fit t.parquet --by setting");
    for (fit, r, alpha) in [(&fits[0], 4.0, 0.1), (&fits[1], 16.0, 0.3)] {
        assert_eq!((&fit["setting"], &fit["model"], &fit["lora_r"]), (&json!("lora"), &json!(""), &json!(r)));
        assert_close(&fit["conjunctivity"], alpha, 1e-4);
    }
    assert_eq!(fits.as_array().unwrap().len(), 2);
}

#[test]
fn a_condition_spread_over_files_of_a_directory_is_one_condition() {
    let place = Place::new();
    place.make_directory("results").make_directory("results/deep");
    trials::write(&place, "results/a.parquet", &[PLAIN]);
    trials::write(&place, "results/deep/b.parquet", &[EXCEPTION]);
    assert_eq!(place.json("fit results --bootstrap 0").as_array().unwrap().len(), 2);
}

#[test]
fn before_training_there_is_no_signal_to_fit() {
    let place = Place::new();
    trials::write(&place, "t.parquet", &[EXCEPTION]);
    let fit = &place.json("fit t.parquet --phase pre --bootstrap 0")[0];
    assert_eq!((&fit["limit"], &fit["gain"]), (&json!("no_signal"), &json!(0.0)));
}

#[test]
fn fits_are_written_by_extension() {
    let place = Place::new();
    trials::write(&place, "t.parquet", &[PLAIN, EXCEPTION]);
    for name in ["f.csv", "f.json", "f.parquet"] {
        assert_eq!(place.ok(&format!("fit t.parquet -o {name}")), "");
    }
    assert_eq!(place.text("f.csv"), place.ok("fit t.parquet --format csv"));
    assert_eq!(place.text("f.json"), place.ok("fit t.parquet --format json"));
    assert_eq!(records(&place.text("f.csv"))[0][..14], KEYS);
    assert_eq!(parquet_shape(&place.path("f.parquet")).1, 2);
}

#[test]
fn figures_of_trial_tables_are_drawn() {
    let place = Place::new();
    place.make_directory("results");
    trials::write(&place, "results/t.parquet", &[PLAIN, EXCEPTION]);
    for name in ["fitted-margins", "predicted-margins", "observed-margins", "model-conjunctivity"] {
        place.ok(&format!("figure {name} --published results"));
        assert!(is_picture(&place.path(&format!("{name}.svg"))), "{name}");
    }
}
