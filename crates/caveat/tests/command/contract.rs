//! The contract of `task`, `predict` and `window`: keys, types, formats and options; values are tested where they are computed.

use crate::common::{Place, TASK, assert_close, assert_margins_agree, keys, margins, numbers, records};
use serde_json::json;

/// The classes whose accuracy is counted.
const CLASSES: [&str; 5] = ["premise", "exception_cycle", "within_section", "cross_section", "cycle_to_section"];

#[test]
fn predict_has_the_documented_keys_and_types() {
    let p = Place::new().json(&format!("predict {TASK} --conjunctivity 0.2 --c 10"));
    let expected =
        ["n_items", "exceptions", "conjunctivity", "c", "screening", "memorization", "ranks", "margins", "accuracy"];
    assert_eq!(keys(&p), expected);
    assert_eq!((&p["n_items"], &p["exceptions"]), (&json!(9), &json!([[5, 3]])));
    assert_eq!((&p["conjunctivity"], &p["c"]), (&json!(0.2), &json!(10.0)));
    assert_eq!(numbers(&p["ranks"]).len(), 9);
    assert!(margins(&p).len() == 9 && margins(&p).iter().all(|row| row.len() == 9));
    assert_eq!(keys(&p["accuracy"]), CLASSES);
    assert!(CLASSES.iter().all(|class| p["accuracy"][class].as_f64().is_some_and(|a| (0.0..=1.0).contains(&a))));
}

#[test]
fn options_of_predict_are_heeded() {
    // What each means is tested in the analysis; here, that it arrives there.
    let place = Place::new();
    let plain = place.json(&format!("predict {TASK} --alpha 0.2 --c 8"));
    let kernel = place.json(&format!("predict {TASK} --kernel 2.5,0.5,1.1,1.1,0.3,0.2 --c 4"));
    assert_eq!(numbers(&kernel["kernel"]), [2.5, 0.5, 1.1, 1.1, 0.3, 0.2]);
    assert_margins_agree(&kernel, &plain, 1e-12);
    for route in ["chain", "graph", "asymmetric", "dense"] {
        let line = format!("predict {TASK} --alpha 0.2 --c 8 --route {route}");
        assert_margins_agree(&place.json(&line), &plain, 1e-10);
    }
    let differs =
        |options: &str| margins(&place.json(&format!("predict {TASK} --alpha 0.2 {options}"))) != margins(&plain);
    for options in ["--time 7", "--c 8 --learner logistic", "--c 8 --weight 5 3 2", "--c 8 --presentation winner-first"]
    {
        assert!(differs(options), "{options}");
    }
    // The former spelling.
    let [now, before] =
        ["learner", "loss"].map(|option| place.ok(&format!("predict {TASK} --alpha 0.2 --c 8 --{option} logistic")));
    assert_eq!(now, before);
    // Orbits below zero are values, not options.
    let [spaced, joined] =
        [" ", "="].map(|sign| place.json(&format!("predict {TASK} --kernel{sign}1,-0.5,0.3,0.3,-0.3,-0.005 --c 4")));
    assert_margins_agree(&spaced, &joined, 0.0);
    let ranks = place.json("predict -n 5000 --alpha 0.2 --ranks-only");
    assert!(numbers(&ranks["ranks"]).len() == 5_000 && ranks["margins"].is_null() && ranks["accuracy"].is_null());
    place.refused_saying("predict -n 5000 --alpha 0.2", &["--ranks-only"]);
}

#[test]
fn alpha_is_another_name_for_conjunctivity() {
    let place = Place::new();
    place.write("c.csv", "winner,loser\na,b\nb,c\n");
    for line in [format!("predict {TASK} --c 10 --NAME 0.2"), "rank c.csv --NAME 0.2 --c 10".into()] {
        let [full, short] = ["conjunctivity", "alpha"].map(|name| place.ok(&line.replace("NAME", name)));
        assert_eq!(full, short);
    }
}

#[test]
fn predict_writes_the_same_margins_as_table_csv_json_and_files() {
    let place = Place::new();
    let line = format!("predict {TASK} --alpha 0.2 --c 10");
    let csv = place.ok(&format!("{line} --format csv"));
    let rows = records(&csv);
    assert_eq!(rows[0], ["rank_a", "rank_b", "class", "label", "margin"]);
    assert_eq!(rows.len(), 1 + 72);
    let f = margins(&place.json(&line));
    for row in &rows[1..] {
        let (a, b): (usize, usize) = (row[0].parse().unwrap(), row[1].parse().unwrap());
        // Reading JSON may round the last digit.
        assert!((row[4].parse::<f64>().unwrap() - f[a][b]).abs() < 1e-15);
    }
    for name in ["p.csv", "p.json", "p.parquet"] {
        assert_eq!(place.ok(&format!("{line} -o {name}")), "");
    }
    assert_eq!(place.text("p.csv"), csv);
    assert_eq!(place.text("p.json"), place.ok(&format!("{line} --format json")));
    let (columns, n_rows) = crate::common::parquet_shape(&place.path("p.parquet"));
    assert_eq!((columns, n_rows), (rows[0].iter().map(|s| (*s).to_owned()).collect(), 72));
    let table = place.ok(&line);
    assert!(table.contains("conjunctivity 0.2   screening 0.75   memorization 0.666667"), "{table}");
}

#[test]
fn window_has_the_documented_keys_and_the_known_critical_screenings() {
    let place = Place::new();
    let contract =
        ["screening_star", "conjunctivity_generalization", "conjunctivity_memorization", "balances", "critical_c"];
    for (task, star) in [(TASK, 1.0), ("-n 11 --exception 6 4", 2f64.sqrt() - 1.0)] {
        for (options, inverse_c) in [("", 0.0), ("--c inf", 0.0), ("--c 10", 0.1)] {
            let w = place.json(&format!("window {task} {options}"));
            assert!(contract.iter().all(|key| keys(&w).contains(key)));
            assert_close(&w["screening_star"], star, 1e-10);
            let generalization = (star / 2.0 - inverse_c) / (1.0 + star / 2.0);
            assert_close(&w["conjunctivity_generalization"], generalization, 1e-10);
            assert!(w["balances"].is_boolean() && w["critical_c"].is_f64());
        }
    }
    let short = place.json("window -n 7 --exception 4 2 --c 10");
    assert!(short["screening_star"].is_null());
    assert_eq!(short["conjunctivity_generalization"], json!(1.0));
    assert_eq!(short["generalization_from"], json!(0.0));
}

#[test]
fn window_writes_one_row_to_files_and_the_whole_answer_as_json() {
    let place = Place::new();
    let line = format!("window {TASK} --c 10");
    for name in ["w.csv", "w.json", "w.parquet"] {
        place.ok(&format!("{line} -o {name}"));
    }
    assert_eq!(place.text("w.json"), place.ok(&format!("{line} --format json")));
    assert_eq!(place.text("w.csv"), place.ok(&format!("{line} --format csv")));
    assert_eq!(records(&place.text("w.csv")).len(), 2);
    assert_eq!(crate::common::parquet_shape(&place.path("w.parquet")).1, 1);
}

#[test]
fn a_small_task_prints_as_a_table() {
    insta::assert_snapshot!(Place::new().ok("task -n 3 --exception 2 0 --weight 0 1 2.5"), @r"
    rank_a  rank_b  gap  class            label  is_train  is_exception  weight  section_a  section_b
         0       1    1  exception_cycle      1  true      false            2.5  cycle 0    cycle 0
         0       2    2  exception_cycle     -1  true      true             1.0  cycle 0    cycle 0
         1       0    1  exception_cycle     -1  true      false            2.5  cycle 0    cycle 0
         1       2    1  exception_cycle      1  true      false            1.0  cycle 0    cycle 0
         2       0    2  exception_cycle      1  true      true             1.0  cycle 0    cycle 0
         2       1    1  exception_cycle     -1  true      false            1.0  cycle 0    cycle 0
    ");
}
