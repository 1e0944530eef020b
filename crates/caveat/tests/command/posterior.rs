//! `caveat fit --posterior`: people, sessions within people, draws in a file, and doubts said aloud.

use std::fs;

use crate::common::{Place, margins};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

const SHORT: &str = "--posterior --chains 2 --tune 300 --draws 200";

/// Choices of people with α = 0.2, C = 5 and gain 3, each in as many sessions, on every ordered pair of five items with an exception.
fn write(place: &Place, file: &str, people: usize, sessions: usize) {
    let f = margins(&place.json("predict -n 5 --exception 3 1 --alpha 0.2 --c 5"));
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut text = "subject,session,winner,loser,first\n".to_owned();
    for (person, session) in (0..people).flat_map(|p| (0..sessions).map(move |s| (p, s))) {
        for (a, b) in (0..5).flat_map(|a| (0..5).filter(move |&b| b != a).map(move |b| (a, b))) {
            for _ in 0..4 {
                let is_first = rng.random::<f64>() < 1.0 / (1.0 + (-3.0 * f[a][b]).exp());
                let (winner, loser) = if is_first { (a, b) } else { (b, a) };
                text += &format!("s{person},{session},{winner},{loser},{a}\n");
            }
        }
    }
    place.write(file, text);
}

fn rows<'a>(table: &'a Value, parameter: &str, level: &str) -> Vec<&'a Value> {
    let all = table.as_array().unwrap().iter();
    all.filter(|row| row["parameter"] == parameter && row["level"] == level).collect()
}

#[test]
fn everybody_and_the_population_have_their_posterior() {
    let place = Place::new();
    write(&place, "c.csv", 4, 1);
    let line = format!("fit c.csv --where session=0 --by subject --exception 3 1 {SHORT}");
    let table = place.json(&line);
    for (parameter, truth) in [("conjunctivity", 0.2), ("c", 5.0), ("gain", 3.0)] {
        let [population] = rows(&table, parameter, "population")[..] else { panic!("{table}") };
        let number = |key: &str| population[key].as_f64().unwrap();
        assert!(number("low") < truth && truth < number("high"), "{parameter}: {population}");
        assert!(number("low") < number("median") && number("median") < number("high"));
        assert_eq!((rows(&table, parameter, "between").len(), rows(&table, parameter, "within").len()), (1, 0));
        let people: Vec<&Value> = rows(&table, parameter, "person").iter().map(|row| &row["person"]).collect();
        assert_eq!(people, [&json!("s0"), &json!("s1"), &json!("s2"), &json!("s3")]);
    }
    // The same seed gives the same, another seed something close.
    assert_eq!(place.json(&line), table);
    let other = place.json(&format!("{line} --seed 1"));
    assert_ne!(other, table);
    let median = |table: &Value| rows(table, "gain", "population")[0]["median"].as_f64().unwrap();
    assert!((median(&other) / median(&table)).ln().abs() < 0.3);
}

#[test]
fn sessions_are_within_people_where_the_file_has_them() {
    let place = Place::new();
    write(&place, "c.csv", 3, 2);
    let table = place.json(&format!("fit c.csv --exception 3 1 {SHORT} --lapse -o draws.csv"));
    let of_sessions: Vec<_> =
        rows(&table, "lapse", "session").iter().map(|row| (row["person"].clone(), row["session"].clone())).collect();
    assert_eq!(of_sessions.len(), 6);
    assert_eq!(of_sessions[3], (json!("s1"), json!("1")));
    assert_eq!((rows(&table, "gain", "within").len(), rows(&table, "gain", "person").len()), (1, 3));
    // One row a draw, and the medians of the table are those of the file.
    let text = fs::read_to_string(place.path("draws.csv")).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 1 + 2 * 200);
    let column =
        |name: &str| lines[0].iter().position(|n| *n == name).unwrap_or_else(|| panic!("{name}: {:?}", lines[0]));
    assert_eq!(lines[0][..5], ["chain", "draw", "log_density", "diverging", "n_steps"]);
    for (name, row) in [
        ("gain", rows(&table, "gain", "population")[0]),
        ("gain_within", rows(&table, "gain", "within")[0]),
        ("gain[s1]", rows(&table, "gain", "person")[1]),
        ("gain[s1/1]", rows(&table, "gain", "session")[3]),
    ] {
        let at = column(name);
        let mut values: Vec<f64> = lines[1..].iter().map(|line| line[at].parse().unwrap()).collect();
        values.sort_by(f64::total_cmp);
        let median = 0.5 * (values[199] + values[200]);
        let told = row["median"].as_f64().unwrap();
        assert!((median / told - 1.0).abs() < 1e-9, "{name}: {median} {told}");
    }
}

#[test]
fn one_person_has_no_population() {
    let place = Place::new();
    write(&place, "c.csv", 1, 1);
    let table = place.json(&format!("fit c.csv --exception 3 1 {SHORT}"));
    assert_eq!(table.as_array().unwrap().len(), 3, "{table}");
    assert!(table.as_array().unwrap().iter().all(|row| row["level"] == "person"));
}

#[test]
fn chains_that_are_too_short_are_told() {
    let place = Place::new();
    write(&place, "c.csv", 3, 1);
    let run = place.run("fit c.csv --by subject --exception 3 1 --posterior --tune 50 --draws 10");
    let told = String::from_utf8(run.stderr).unwrap();
    assert!(run.status.success() && told.contains("R-hat") && told.contains("--draws"), "{told}");
}

#[test]
fn what_does_not_go_with_a_posterior_is_refused() {
    let place = Place::new();
    write(&place, "c.csv", 2, 1);
    for (options, words) in [
        ("--posterior --compare", vec!["--posterior", "--compare"]),
        ("--posterior --hierarchical", vec!["--posterior", "--hierarchical"]),
        ("--posterior --bootstrap 10", vec!["--posterior", "--bootstrap"]),
        ("--draws 10", vec!["--posterior"]),
        ("--posterior --draws 1", vec!["at least 4"]),
        ("--posterior --chains 0", vec!["at least 1"]),
        ("--posterior --target-accept 1.5", vec!["between 0 and 1"]),
    ] {
        place.refused_saying(&format!("fit c.csv --exception 3 1 {options}"), &words);
    }
}

#[test]
fn seeds_of_a_model_are_told_to_be_taken_as_independent() {
    let place = Place::new();
    let results = concat!(env!("CARGO_MANIFEST_DIR"), "/results/trials.parquet");
    let run = place.run(&format!(
        "fit {results} --loss logistic --where setting=full --where task=fake --where hier=ti_n9 --posterior --tune 50 --draws 10"
    ));
    let told = String::from_utf8(run.stderr).unwrap();
    assert!(run.status.success() && told.contains("all seeds are taken to be independent"), "{told}");
}
