//! `caveat fit --hierarchical`: nobody is left out, whatever their own estimate, and nothing else in a file changes a population.

use crate::common::trials::{self, EXCEPTION, Simulated};
use crate::common::{Place, assert_close, margins};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// One row: condition, subject, winner, loser, first, count.
type Row = (&'static str, String, usize, usize, usize, u32);

const HIERARCHICAL: &str = "--bootstrap 0 --hierarchical";

/// Choices drawn from the model: `people` who see every pair `trials` times in each order; `c` is ∞ for interpolation.
fn drawn(
    place: &Place,
    condition: &'static str,
    (n, people, trials): (usize, usize, u32),
    alpha: f64,
    c: f64,
) -> Vec<Row> {
    let f = margins(&place.json(&format!("predict -n {n} --alpha {alpha} --c {c}")));
    let mut rng = ChaCha8Rng::seed_from_u64(2605);
    let mut rows = Vec::new();
    for person in 0..people {
        for (a, b) in (0..n).flat_map(|a| (0..n).filter(move |&b| b != a).map(move |b| (a, b))) {
            let p = 1.0 / (1.0 + (-3.0 * f[a][b]).exp());
            let wins = (0..trials).filter(|_| rng.random::<f64>() < p).count() as u32;
            for (winner, loser, count) in [(a, b, wins), (b, a, trials - wins)] {
                if count > 0 {
                    rows.push((condition, format!("s{person}"), winner, loser, a, count));
                }
            }
        }
    }
    rows
}

fn write(place: &Place, file: &str, rows: &[Row]) {
    let mut text = "condition,subject,winner,loser,first,count\n".to_owned();
    for (condition, subject, winner, loser, first, count) in rows {
        text += &format!("{condition},{subject},{winner},{loser},{first},{count}\n");
    }
    place.write(file, text);
}

/// The rows of a parameter: that of the population, and those of its units.
fn of<'a>(table: &'a Value, parameter: &str) -> (&'a Value, Vec<&'a Value>) {
    let rows: Vec<&Value> = table.as_array().unwrap().iter().filter(|r| r["parameter"] == parameter).collect();
    (rows[0], rows[1..].to_vec())
}

#[test]
fn people_at_a_limit_count_like_any_other() {
    let place = Place::new();
    // Those without conjunctivity: many estimates are exactly 0.
    write(&place, "zero.csv", &drawn(&place, "all", (6, 12, 6), 0.0, 6.0));
    let table = place.json(&format!("fit zero.csv --by subject {HIERARCHICAL}"));
    let (alpha, units) = of(&table, "conjunctivity");
    assert_eq!((&alpha["unit"], &alpha["n_units"], &alpha["n_excluded"]), (&json!(""), &json!(12), &json!(0)));
    assert_eq!(units.len(), 12);
    let own: Vec<f64> = units.iter().map(|u| u["unshrunken"].as_f64().unwrap()).collect();
    assert!(own.iter().filter(|x| **x == 0.0).count() >= 3 && own.iter().any(|x| *x > 0.005), "{own:?}");
    assert!(alpha["low"] == json!(0.0) && alpha["high"].as_f64().unwrap() < 0.05, "{alpha}");
    // What the mean of the estimates above 0 would be is out of the question.
    let positive: Vec<f64> = own.into_iter().filter(|x| *x > 0.0).collect();
    let mean = positive.iter().sum::<f64>() / positive.len() as f64;
    assert!(alpha["estimate"].as_f64().unwrap() < 0.5 * mean, "{alpha} {mean}");
    let (c, _) = of(&table, "c");
    assert!(c["low"].as_f64().unwrap() < 6.0 && c["high"].as_f64().is_none_or(|high| high > 6.0), "{c}");
    // Those who interpolate: C has no upper end.
    write(&place, "infinite.csv", &drawn(&place, "all", (6, 8, 10), 0.2, f64::INFINITY));
    let table = place.json(&format!("fit infinite.csv --by subject {HIERARCHICAL}"));
    let (c, units) = of(&table, "c");
    // JSON has no infinity.
    assert_eq!((&c["n_units"], &c["high"], units.len()), (&json!(8), &Value::Null, 8));
    assert!(c["low"].as_f64().unwrap() > 6.0, "{c}");
}

#[test]
fn a_population_is_that_of_its_own_rows_in_any_order() {
    let place = Place::new();
    let short = drawn(&place, "short", (5, 4, 8), 0.2, 5.0);
    let long = drawn(&place, "long", (7, 4, 8), 0.05, 5.0);
    write(&place, "short.csv", &short);
    write(&place, "both.csv", &[long.clone(), short.clone()].concat());
    let line = |file: &str| format!("fit {file} --by condition,subject {HIERARCHICAL}");
    let alone = place.json(&line("short.csv"));
    let both = place.json(&line("both.csv"));
    let of_short: Vec<&Value> = both.as_array().unwrap().iter().filter(|r| r["condition"] == "short").collect();
    assert_eq!(of_short, alone.as_array().unwrap().iter().collect::<Vec<_>>());
    // People in another order are the same people.
    let mut turned = short.clone();
    turned.reverse();
    let half = turned.len() / 2;
    write(&place, "one.csv", &turned[..half]);
    write(&place, "two.csv", &turned[half..]);
    let split = place.json(&line("one.csv two.csv"));
    for parameter in ["conjunctivity", "c", "gain"] {
        let ((a, _), (b, _)) = (of(&alone, parameter), of(&split, parameter));
        for column in ["estimate", "low", "high", "between"] {
            match (a[column].as_f64(), b[column].as_f64()) {
                (Some(a), Some(b)) => assert_close(&json!(a), b, 1e-3),
                _ => assert_eq!(a[column], b[column], "{parameter} {column}"),
            }
        }
    }
}

#[test]
fn what_no_population_can_be_of_is_refused() {
    let place = Place::new();
    write(&place, "one.csv", &drawn(&place, "all", (5, 1, 8), 0.2, 5.0));
    place.refused_saying(&format!("fit one.csv --by subject {HIERARCHICAL}"), &["s0", "at least 2"]);
    write(&place, "c.csv", &drawn(&place, "all", (5, 3, 8), 0.2, 5.0));
    place.refused_saying(&format!("fit c.csv {HIERARCHICAL}"), &["subjects, sessions or conditions", "--by"]);
    place.refused_saying(
        &format!("fit c.csv --by subject {HIERARCHICAL} --lapse --position-bias"),
        &["lapses and a position bias", "leave one of them out"],
    );
    // Of conditions, one may have one person alone: it is named.
    let rows = [drawn(&place, "many", (5, 3, 8), 0.2, 5.0), drawn(&place, "single", (5, 1, 8), 0.2, 5.0)].concat();
    write(&place, "mixed.csv", &rows);
    place.refused_saying(
        &format!("fit mixed.csv --by condition,subject {HIERARCHICAL}"),
        &["single", "s0", "at least 2"],
    );
    // Each alone is possible.
    for option in ["--lapse", "--position-bias"] {
        let table = place.json(&format!("fit c.csv --by subject {HIERARCHICAL} {option}"));
        let name = option.trim_start_matches("--").replace('-', "_");
        assert_eq!(of(&table, &name).0["n_units"], json!(3), "{table}");
    }
}

#[test]
fn models_are_summarized_from_their_margins_with_those_at_a_limit() {
    let place = Place::new();
    let models: Vec<Simulated> = [("a", 0.2, 8.0), ("b", 0.25, 10.0), ("c", 0.15, 12.0), ("d", 0.0, 10.0)]
        .map(|(model, conjunctivity, c)| Simulated { model, conjunctivity, c, ..EXCEPTION })
        .to_vec();
    trials::write(&place, "t.csv", &models);
    let table = place.json(&format!("fit t.csv {HIERARCHICAL}"));
    let (alpha, units) = of(&table, "conjunctivity");
    assert_eq!((&alpha["n_units"], &alpha["n_excluded"], units.len()), (&json!(4), &json!(0), 4));
    for (unit, model) in units.iter().zip(&models) {
        assert_eq!(unit["unit"], model.model);
        assert!((unit["estimate"].as_f64().unwrap() - model.conjunctivity).abs() < 0.05, "{unit}");
    }
}

#[test]
fn people_who_are_always_right_are_not_known_to_have_no_conjunctivity() {
    let place = Place::new();
    // Nobody errs: any C from some value on, and many α.
    let right = |subject: usize| {
        let pairs = (0..5).flat_map(|i| (i + 1..5).map(move |j| (i, j)));
        pairs.map(move |(i, j)| ("all", format!("s{subject}"), i, j, i, 6)).collect::<Vec<Row>>()
    };
    write(&place, "right.csv", &[right(0), right(1), right(2)].concat());
    let table = place.json(&format!("fit right.csv --by subject {HIERARCHICAL}"));
    let (alpha, units) = of(&table, "conjunctivity");
    assert!(alpha["low"] == json!(0.0) && alpha["high"].as_f64().unwrap() > 0.5, "{alpha}");
    for unit in units {
        assert!(unit["low"] == json!(0.0) && unit["high"].as_f64().unwrap() > 0.2, "{unit}");
    }
    // A limit is told in the table.
    let all = table.as_array().unwrap();
    let limits = all.iter().filter(|r| r["estimate"].is_null()).map(|r| r["at_bound"].as_str().unwrap());
    assert!(limits.into_iter().all(|bound| bound.ends_with("=inf")), "{table}");
}

#[test]
fn one_who_guesses_among_many_is_told() {
    let place = Place::new();
    let mut rows = drawn(&place, "all", (7, 9, 6), 0.2, 8.0);
    // Every answer once in each direction: a coin.
    let coin = (0..7).flat_map(|i| (i + 1..7).map(move |j| (i, j)));
    rows.extend(coin.flat_map(|(i, j)| [(i, j), (j, i)].map(|(w, l)| ("all", "guesser".to_owned(), w, l, w, 3))));
    write(&place, "g.csv", &rows);
    let run = place.run(&format!("fit g.csv --by subject {HIERARCHICAL} --format json"));
    let (out, err) = (String::from_utf8(run.stdout).unwrap(), String::from_utf8(run.stderr).unwrap());
    let table: Value = serde_json::from_str(&out).unwrap();
    let at_largest = table.as_array().unwrap().iter().any(|r| r["at_bound"].as_str().unwrap().contains("between=10"));
    assert_eq!(at_largest, err.contains("that of guesser explains least"), "{err} {out}");
    assert!(at_largest, "{out}");
}
