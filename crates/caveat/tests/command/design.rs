//! `design`: its contract, what it refuses, and what it finds about tasks with and without an exception.

use crate::common::{Place, is_picture, keys, parquet_shape, records};
use serde_json::{Value, json};

/// Little simulation, no long search.
const QUICK: &str = "--samples 64 --trials 200 --max-trials 400";

fn of<'a>(rows: &'a Value, task: &str) -> &'a Value {
    rows.as_array().unwrap().iter().find(|row| row["task"] == task).unwrap_or_else(|| panic!("{task} in {rows}"))
}

#[test]
fn rows_have_the_documented_keys_and_are_ranked() {
    let rows = Place::new().json(&format!("design --task 5 --task 7:4-2 --task 6:1-0,4-2 {QUICK}"));
    let shared = ["rank", "task", "n_items", "exceptions", "n_pairs", "information_bits", "information_se"];
    let expected = [&shared[..], &["trials_for_power", "power", "trials", "interval_width"]].concat();
    let all = rows.as_array().unwrap();
    assert_eq!(all.len(), 3);
    for (k, row) in all.iter().enumerate() {
        assert_eq!(keys(row), expected);
        assert_eq!((&row["rank"], &row["power"], &row["trials"]), (&json!(k + 1), &json!(0.9), &json!(200)));
        // At most log2 of 40 levels; 400 trials do not narrow α to 0.1.
        assert!(row["information_bits"].as_f64().is_some_and(|b| (0.0..=5.33).contains(&b)));
        assert!(row["information_se"].as_f64().is_some_and(|se| se > 0.0));
        assert!(row["interval_width"].as_f64().is_some_and(|w| (0.1..=0.95).contains(&w)));
        assert_eq!(row["trials_for_power"], Value::Null);
    }
    let bits: Vec<f64> = all.iter().map(|row| row["information_bits"].as_f64().unwrap()).collect();
    assert!(bits.windows(2).all(|w| w[0] >= w[1]));
    let row = of(&rows, "6; 1 0, 4 2");
    assert_eq!(
        (&row["n_items"], &row["exceptions"], &row["n_pairs"]),
        (&json!(6), &json!([[1, 0], [4, 2]]), &json!(15))
    );
    assert_eq!((&of(&rows, "5")["exceptions"], &of(&rows, "7; 4 2")["n_pairs"]), (&json!([]), &json!(21)));
}

#[test]
fn hypotheses_are_decided_and_need_as_many_trials_as_said() {
    let place = Place::new();
    let line = "design --task 9:5-3 --hypotheses 0:0.1 0.4:1 --samples 256";
    let row = &place.json(&format!("{line} --trials 100"))[0];
    assert_eq!(keys(row).last(), Some(&"decision_accuracy"));
    assert!(row["information_bits"].as_f64().is_some_and(|b| (0.0..=1.0).contains(&b)));
    let trials = row["trials_for_power"].as_u64().unwrap();
    assert!(trials.is_multiple_of(36) && trials > 0, "{row}");
    // Other experiments of the same question: the power is met up to four standard errors of 256 of them.
    let again = &place.json(&format!("{line} --trials {trials} --seed 1"))[0];
    let accuracy = again["decision_accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.9 - 4.0 * (0.09f64 / 256.0).sqrt() && accuracy < 0.97, "{again}");
    // Twice the trials decide better.
    let twice = &place.json(&format!("{line} --trials {} --max-trials 36", 2 * trials))[0];
    assert!(twice["decision_accuracy"].as_f64().unwrap() > accuracy);
}

#[test]
fn candidates_can_be_generated_and_are_named_once() {
    let place = Place::new();
    let names = |line: &str| -> Vec<String> {
        let rows = place.json(&format!("design {line} --samples 4 --trials 20 --max-trials 20"));
        let mut names: Vec<_> =
            rows.as_array().unwrap().iter().map(|r| r["task"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names("-n 4 5"), ["4", "5"]);
    // Six exceptions on four items; the images of 2 0 and 1 0 are left out.
    assert_eq!(names("-n 4 --one-exception"), ["4; 1 0", "4; 2 0", "4; 2 1", "4; 3 0"]);
    assert_eq!(names("-n 4 --task 4 --task 4 --task 4:2-0"), ["4", "4; 2 0"]);
}

#[test]
fn tables_pictures_and_pairs_are_written() {
    let place = Place::new();
    let tasks = "design --task 5 --task 5:3-1";
    for file in ["out.parquet", "out.csv", "out.json"] {
        assert_eq!(place.ok(&format!("{tasks} {QUICK} -o {file}")), "");
    }
    assert_eq!(parquet_shape(&place.path("out.parquet")).1, 2);
    assert_eq!(
        serde_json::from_str::<Value>(&place.text("out.json")).unwrap(),
        place.json(&format!("{tasks} {QUICK}"))
    );
    assert_eq!(records(&place.text("out.csv"))[0].last(), Some(&"interval_width"));
    place.ok(&format!("{tasks} {QUICK} --pairs untrained --pairs-table pairs.csv --figure design.svg"));
    assert!(is_picture(&place.path("design.svg")));
    let text = place.text("pairs.csv");
    let pairs = records(&text);
    let header = ["task", "first", "second", "class", "pair_information_bits", "pair_rank"];
    assert_eq!(pairs[0][..6], header);
    // 6 untrained pairs of 5 items without exception, 5 with one.
    assert_eq!(pairs.len(), 1 + 6 + 5);
    assert!(pairs[1..].iter().all(|row| row[4].parse::<f64>().is_ok_and(|b| (0.0..1.0).contains(&b))));
    assert!(text.contains(",cycle_to_section,") && !text.contains(",premise,"));
}

#[test]
fn the_seed_decides_and_the_table_says_the_same() {
    let place = Place::new();
    let line = format!("design --task 6:4-2 {QUICK}");
    assert_eq!(place.ok(&line), place.ok(&line));
    assert_ne!(place.ok(&format!("{line} --seed 7 --format csv")), place.ok(&format!("{line} --format csv")));
}

#[test]
fn bad_designs_are_refused_in_one_line() {
    let place = Place::new();
    for (options, words) in [
        ("", "<--task <N[:W-L,…]>|--n-items <N>...>"),
        ("--task nine", "as in 9, 9:5-3 or 12:4-2,9-7"),
        ("--task 9:5", "as in 9, 9:5-3"),
        ("--task 9:3-5", "as in 5 3"),
        ("--task 9:5-3,5-3", "given twice"),
        ("--task 9:9-3", "9 items have ranks 0 to 8"),
        ("--task 1", "at least 2 items"),
        ("--task 65", "at most 64"),
        ("--task -9", "as in 9"),
        ("-n 1 --one-exception", "at least 2 items"),
        ("--task 9 --one-exception", "--n-items <N>..."),
        ("--task 2 --pairs untrained", "judge all"),
        ("--task 9 --pairs some", "all, untrained, trained, scored"),
        ("--task 9 --conjunctivity 0.3 0.3", "nothing to find out"),
        ("--task 9 --conjunctivity 0.5 0.3", "between the lower one and 1"),
        ("--task 9 --conjunctivity -1 1", "between 0 (additive) and 1"),
        ("--task 9 --hypotheses 0:0.3 0.2:1", "overlap"),
        ("--task 9 --hypotheses 0.2 0.2", "overlap"),
        ("--task 9 --hypotheses 0:0.3", "2 values required"),
        ("--task 9 --hypotheses 0:x 1", "as in 0:0.1 or 0.3"),
        ("--task 9 --hypotheses 0 1 --precision 0.2", "cannot be used with"),
        ("--task 9 --hypotheses 0:1.5 0", "between the lower one and 1"),
        ("--task 9 --c 0 10", "lower C = 0"),
        ("--task 9 --c 10 1", "upper C = 1"),
        ("--task 9 --gain 3 inf", "upper gain = inf"),
        ("--task 9 --lapse 1", "lapse = 1"),
        ("--task 9 --power 1", "power = 1"),
        ("--task 9 --power 0", "power = 0"),
        ("--task 9 --power NaN", "power = NaN"),
        ("--task 9 --precision 0", "precision = 0"),
        ("--task 9 --precision 0.001", "hundredth"),
        ("--task 9 --trials 0", "1 to 1000000"),
        ("--task 9 --max-trials 99999999", "1 to 1000000"),
        ("--task 9 --samples 1", "2 to 20000"),
        ("--task 9 --samples -1", "expected a whole number"),
        ("--task 9 --figure out.gif", ".svg, .pdf or .png"),
        ("--task 9 --pairs-table out.txt", "a table ends in"),
        ("--task 9 -o missing/out.csv", "does not exist"),
    ] {
        place.refused_saying(&format!("design {options}"), &[words]);
    }
}
