//! `caveat fit` on trial tables: neither the order of rows, nor files, names or other conditions change a condition's fit.

use crate::common::trials::{self, EXCEPTION, PLAIN, Simulated};
use crate::common::{Place, assert_close};
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

const OTHER: Simulated = Simulated { hier: "ti_n5", n_items: 5, conjunctivity: 0.05, c: 3.0, ..PLAIN };

/// The fit of the hierarchy with an exception.
fn fit(place: &Place, files: &str) -> Value {
    let fits = place.json(&format!("fit {files} --bootstrap 0"));
    fits.as_array().unwrap().iter().find(|f| f["hier"] == EXCEPTION.hier).unwrap().clone()
}

/// Equal but for the order in which numbers were added; names apart.
fn assert_same(found: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        match value.as_f64() {
            Some(number) => assert_close(&found[name], number, 1e-6),
            None if name == "model" => {}
            None => assert_eq!(&found[name], value, "{name}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn only_its_own_rows_decide_a_condition_s_fit(seed in 0_u64..1000) {
        let place = Place::new();
        trials::write(&place, "alone.csv", &[EXCEPTION]);
        trials::write(&place, "other.csv", &[PLAIN, OTHER]);
        let expected = fit(&place, "alone.csv");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let text = place.text("alone.csv");
        let (header, rows) = text.split_once('\n').unwrap();
        let renamed = rows.replace(EXCEPTION.model, "another");
        for rows in [rows, renamed.as_str()] {
            let mut rows: Vec<&str> = rows.lines().collect();
            rows.shuffle(&mut rng);
            let cut = rng.random_range(1..rows.len());
            for (name, part) in [("a.csv", &rows[..cut]), ("b.csv", &rows[cut..])] {
                place.write(name, format!("{header}\n{}\n", part.join("\n")));
            }
            assert_same(&fit(&place, "a.csv b.csv"), &expected);
            assert_same(&fit(&place, "b.csv other.csv a.csv"), &expected);
        }
    }
}

#[test]
fn a_rank_beyond_the_trained_items_is_refused_by_row() {
    let place = Place::new();
    trials::write(&place, "t.csv", &[EXCEPTION]);
    let text = place.text("t.csv");
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let column = |name: &str| header.iter().position(|h| *h == name).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // Of a trained pair or of another one.
    for (is_train, says) in [("true", "rank 99: no row shows rank 9"), ("false", "rank 99: no row shows rank 9")] {
        let kept = lines.clone();
        let is_one = |line: &String| {
            let fields: Vec<&str> = line.split(',').collect();
            fields[column("phase")] == "post" && fields[column("is_train")] == is_train
        };
        let row = lines.iter().skip(1).position(is_one).unwrap() + 1;
        let mut fields: Vec<&str> = lines[row].split(',').collect();
        fields[column("rank_a")] = "99";
        lines[row] = fields.join(",");
        place.write("t.csv", lines.join("\n") + "\n");
        place.refused_saying("fit t.csv", &["rank_a", says]);
        lines = kept;
    }
}

#[test]
fn a_table_that_lies_packed_beside_itself_counts_once() {
    let place = Place::new();
    trials::write(&place, "t.csv", &[EXCEPTION]);
    let expected = place.json("results summary t.csv");
    place.make_directory("both").write("both/t.csv", place.bytes("t.csv"));
    place.write("both/t.csv.zst", zstd::encode_all(&place.bytes("t.csv")[..], 1).unwrap());
    let run = place.run("results summary both --format json");
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(told.contains("the unpacked is read; passed over: ") && told.contains("t.csv.zst"), "{told}");
    assert_eq!(serde_json::from_slice::<Value>(&run.stdout).unwrap(), expected);
}

/// The table of a condition with the column `lora_alpha`.
fn with_alpha(place: &Place, of: Simulated, alpha: f64) -> caveat_results::Table {
    let table = trials::table(place, &[of]);
    let n_rows = table.n_rows();
    table.float("lora_alpha", vec![alpha; n_rows]).unwrap()
}

#[test]
fn models_of_different_lora_alpha_are_not_one_condition() {
    let place = Place::new();
    let lora = Simulated { setting: "lora", lora_r: Some(8.0), ..PLAIN };
    with_alpha(&place, lora, 16.0).write(&place.path("a.parquet")).unwrap();
    with_alpha(&place, Simulated { conjunctivity: 0.4, ..lora }, 32.0).write(&place.path("b.parquet")).unwrap();
    place.make_directory("matrices");
    let says = ["lora_alpha", "32 in condition lora", "but 16 in row", "--where lora_alpha=16, or lora_alpha=32"];
    for line in [
        "fit a.parquet b.parquet",
        "fit a.parquet b.parquet --loss logistic",
        "results summary a.parquet b.parquet",
        "results matrix a.parquet b.parquet",
    ] {
        place.refused_saying(line, &says);
    }
    for (alpha, truth) in [(16, 0.2), (32, 0.4)] {
        let fits = place.json(&format!("fit a.parquet b.parquet --where lora_alpha={alpha} --bootstrap 0"));
        assert_close(&fits[0]["conjunctivity"], truth, 0.1);
    }
    let summary = place.ok("results summary a.parquet b.parquet --by lora_alpha --format csv");
    assert!(summary.lines().any(|l| l.starts_with("16")) && summary.lines().any(|l| l.starts_with("32")), "{summary}");
    // One run of each is no run twice.
    place.ok("results check a.parquet b.parquet");
    // A table without the column lacks the value.
    trials::write(&place, "c.parquet", &[EXCEPTION]);
    place.ok("fit a.parquet c.parquet --bootstrap 0");
    place.refused_saying("fit c.parquet --where lora_alpha=16", &["no rows"]);
    // In one condition that is a difference too.
    trials::write(&place, "d.parquet", &[Simulated { conjunctivity: 0.6, ..lora }]);
    let says = ["no value in condition lora", "but 16 in row", "--where lora_alpha=16"];
    place.refused_saying("fit a.parquet d.parquet", &says);
    place.ok("fit a.parquet d.parquet --where lora_alpha=16 --bootstrap 0");
}

#[test]
fn a_copy_of_a_table_does_not_count_twice() {
    let place = Place::new();
    trials::write(&place, "a.parquet", &[PLAIN]);
    place.write("a (copy).parquet", place.bytes("a.parquet"));
    for line in [&["fit"][..], &["results", "summary"], &["results", "matrix"]] {
        let line = [line, &["a.parquet", "a (copy).parquet"]].concat();
        let says = place.refused_of(&line);
        assert!(says.contains("a (copy).parquet: holds byte for byte what a.parquet holds"), "{says}");
    }
    place.make_directory("all").write("all/1.parquet", place.bytes("a.parquet"));
    place.write("all/2.parquet", place.bytes("a.parquet"));
    place.refused_saying("fit all", &["2.parquet: holds byte for byte", "1.parquet"]);
    // Folders may tell apart what files do not.
    let table = trials::without(&trials::table(&place, &[PLAIN]), "model");
    for model in ["a", "b"] {
        place.make_directory(&format!("models/model={model}"));
        table.write(&place.path(&format!("models/model={model}/t.parquet"))).unwrap();
    }
    assert_eq!(place.json("fit models --bootstrap 0").as_array().unwrap().len(), 2);
}

#[test]
fn rows_that_contradict_the_name_of_their_hierarchy_are_told() {
    let place = Place::new();
    trials::write(&place, "all.csv", &[PLAIN, EXCEPTION]);
    let text = place.text("all.csv");
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let at = |name: &str| header.iter().position(|h| *h == name).unwrap();
    let write = |file: &str, change: &dyn Fn(&mut Vec<String>) -> bool| {
        let rows = text.lines().enumerate().filter_map(|(k, line)| {
            let mut row: Vec<String> = line.split(',').map(str::to_owned).collect();
            (k == 0 || change(&mut row)).then(|| row.join(",") + "\n")
        });
        place.write(file, rows.collect::<String>());
    };
    let told = |line: &str| String::from_utf8(place.run(line).stderr).unwrap();
    let [a, b, trained, exception, hier] = ["rank_a", "rank_b", "is_train", "is_exception", "hier"].map(at);
    write("eight.csv", &|row| row[a] != "8" && row[b] != "8");
    write("plain.csv", &|row| row[exception].eq_ignore_ascii_case("false"));
    write("untrained.csv", &|row| {
        if row[exception].eq_ignore_ascii_case("true") {
            row[trained] = "false".to_owned();
        }
        true
    });
    write("swapped.csv", &|row| {
        row[hier] = if row[hier] == "ti_n9" { "exc_mid_n9" } else { "ti_n9" }.to_owned();
        true
    });
    for (file, says) in [
        ("eight.csv", "the name ti_n9 means 9 items, and its rows have 8, ranks 0 to 7"),
        ("plain.csv", "the name exc_mid_n9 means rank 5 beats 3, and its rows have no exception"),
        ("untrained.csv", "pair (3, 5) is marked as an exception and not as trained"),
        ("swapped.csv", "the name ti_n9 means no exception, and its rows have rank 5 beats 3"),
    ] {
        for line in
            ["fit FILE --bootstrap 0", "fit FILE --loss logistic", "results summary FILE", "results matrix FILE"]
        {
            let note = told(&line.replace("FILE", file));
            assert!(note.contains("warning: ") && note.contains(says), "{line} {file}: {note}");
        }
        assert!(!place.run(&format!("results check {file}")).status.success(), "{file}");
    }
    assert!(!told("fit all.csv --bootstrap 0").contains("means"));
    assert!(place.run("results check all.csv").status.success());
}

#[test]
fn rows_that_are_there_twice_are_told() {
    let place = Place::new();
    trials::write(&place, "all.csv", &[PLAIN, EXCEPTION]);
    trials::write(&place, "packed.parquet", &[PLAIN, EXCEPTION]);
    let text = place.text("all.csv");
    let (header, rows) = text.split_once('\n').unwrap();
    place.write("doubled.csv", format!("{header}\n{rows}{rows}"));
    let told = |line: &str| String::from_utf8(place.run(line).stderr).unwrap();
    for command in ["fit FILES --bootstrap 0", "fit FILES --loss logistic", "results summary FILES"] {
        for files in ["doubled.csv", "all.csv packed.parquet"] {
            let note = told(&command.replace("FILES", files));
            assert!(note.contains("rows seem to be there twice"), "{command} {files}: {note}");
            assert!(
                note.contains("4 rows of seed -1 show (0, 1) in this order, and both values of reverse make 2"),
                "{note}"
            );
        }
        assert!(!told(&command.replace("FILES", "all.csv")).contains("twice"), "{command}");
    }
    assert!(!told("results summary all.csv --by phase").contains("twice"));
    assert!(told("results summary doubled.csv --by phase").contains("8 rows of seed -1"));
}

#[test]
fn a_hierarchy_is_not_predicted_from_itself() {
    let place = Place::new();
    trials::write(&place, "all.csv", &[PLAIN, EXCEPTION]);
    place.refused_saying("fit all.csv --train ti_n9 --test exc_mid_n9,ti_n9", &["\"ti_n9\" is to train and to test"]);
}

#[test]
fn seeds_that_lack_pairs_are_told() {
    let place = Place::new();
    trials::write(&place, "all.csv", &[PLAIN]);
    let text = place.text("all.csv");
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let at = |name: &str| header.iter().position(|h| *h == name).unwrap();
    let [seed, a, b] = [at("seed"), at("rank_a"), at("rank_b")];
    let write_without = |file: &str, seeds: &[&str]| {
        let kept = |line: &&str| {
            let row: Vec<&str> = line.split(',').collect();
            !(seeds.contains(&row[seed]) && row[a] == "2" && row[b] == "5")
        };
        place.write(file, text.lines().filter(kept).map(|l| format!("{l}\n")).collect::<String>());
    };
    write_without("some.csv", &["1"]);
    let told = |line: &str| String::from_utf8(place.run(line).stderr).unwrap();
    let note = told("fit some.csv --bootstrap 0");
    assert!(note.contains("seed 1 does not show the pair (2, 5) in both orders"), "{note}");
    assert!(note.contains("intervals are over the 2 of 3 seeds that show all pairs"), "{note}");
    assert!(!told("fit all.csv --bootstrap 0").contains("does not show"));
    write_without("none.csv", &["-1", "0", "1"]);
    let note = told("fit none.csv --bootstrap 0");
    assert!(
        note.contains(
            "1 pair is shown in one order only, as (5, 2) but never (2, 5): it has no margin and is left out"
        ),
        "{note}"
    );
}
