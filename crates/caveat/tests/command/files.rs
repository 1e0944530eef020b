//! The contract of `phase`, `rank`, `figure` and `completions`: tables and pictures by extension, whole or not at all.

use crate::common::{Place, TASK, is_picture, keys, numbers, parquet_shape, records};
use serde_json::{Value, json};

#[test]
fn phase_writes_one_row_per_cell_to_every_kind_of_file() {
    let place = Place::new();
    let line = format!("phase {TASK} --grid 7x5");
    for name in ["p.parquet", "p.csv", "p.json"] {
        assert_eq!(place.ok(&format!("{line} -o {name}")), "");
    }
    let csv = place.text("p.csv");
    let rows = records(&csv);
    let names = [
        "conjunctivity",
        "inverse_c",
        "c",
        "premise",
        "exception_cycle",
        "within_section",
        "cross_section",
        "cycle_to_section",
    ];
    assert_eq!(rows[0], names);
    assert_eq!(rows.len(), 1 + 35);
    assert_eq!(parquet_shape(&place.path("p.parquet")), (names.map(String::from).to_vec(), 35));
    let cells: Value = serde_json::from_str(&place.text("p.json")).unwrap();
    assert!(cells.as_array().unwrap().len() == 35 && keys(&cells[0]) == names);
    assert_eq!(place.ok(&format!("{line} --format csv")), csv);
    assert_eq!(place.ok(&format!("{line} --format json")), place.text("p.json"));
}

#[test]
fn a_cell_of_phase_is_the_accuracy_that_predict_gives_there() {
    let place = Place::new();
    for (options, strength) in [("", "c"), ("--gradient-flow", "time")] {
        let cells = place.json(&format!("phase {TASK} --grid 4x3 --conjunctivity 0.05 0.6 {options}"));
        for cell in cells.as_array().unwrap() {
            let [alpha, value] = ["conjunctivity", strength].map(|key| cell[key].as_f64().unwrap());
            let p = place.json(&format!("predict {TASK} --alpha {alpha} --{strength} {value}"));
            for class in ["premise", "exception_cycle", "within_section", "cross_section", "cycle_to_section"] {
                assert_eq!(cell[class], p["accuracy"][class], "{class} at α = {alpha}, {strength} = {value}");
            }
        }
    }
}

#[test]
fn phase_covers_the_ranges_asked_for() {
    let place = Place::new();
    let cells = place.json(&format!("phase {TASK} --grid 4x3 --conjunctivity 0.1 0.5 --inverse-c 0.01 10"));
    let column = |key: &str| cells.as_array().unwrap().iter().map(|c| c[key].as_f64().unwrap()).collect::<Vec<_>>();
    assert!(column("conjunctivity").iter().all(|a| (0.1..=0.5).contains(a)));
    assert!(
        column("inverse_c")
            .iter()
            .zip(column("c"))
            .all(|(i, c)| (0.01..=10.0).contains(i) && (i * c - 1.0).abs() < 1e-12)
    );
}

#[test]
fn phase_draws_a_picture_beside_or_instead_of_the_table() {
    let place = Place::new();
    for name in ["p.svg", "p.pdf", "p.png"] {
        assert_eq!(place.ok(&format!("phase {TASK} --grid 20x20 --figure {name}")), "");
        assert!(is_picture(&place.path(name)), "{name}");
    }
    place.ok(&format!("phase {TASK} --grid 20x20 --figure q.svg -o q.parquet"));
    assert!(is_picture(&place.path("q.svg")));
    assert_eq!(parquet_shape(&place.path("q.parquet")).1, 400);
}

#[test]
fn rank_places_items_by_least_squares() {
    let place = Place::new();
    place.write("c.csv", "winner,loser\nb,c\na,b\n");
    // A chain of three without ridge: ranks 1, 0, −1.
    let csv = place.ok("rank c.csv --format csv");
    let rows = records(&csv);
    assert_eq!(rows[0], ["position", "item", "rank", "component"]);
    for (row, (item, rank)) in rows[1..].iter().zip([("a", 1.0), ("b", 0.0), ("c", -1.0)]) {
        assert!(row[1] == item && (row[2].parse::<f64>().unwrap() - rank).abs() < 1e-12, "{row:?}");
    }
    place.ok("rank c.csv -o ranks.csv");
    assert_eq!(place.text("ranks.csv"), csv);
    place.ok("rank c.csv -o ranks.parquet");
    assert_eq!(parquet_shape(&place.path("ranks.parquet")).1, 3);
    let value = place.json("rank c.csv --alpha 0.1 --c 10");
    assert_eq!(keys(&value)[..2], ["conjunctivity", "c"]);
    assert_eq!(value["ranks"][0]["item"], json!("a"));
    place.ok("rank c.csv --alpha 0.1 --c 10 -o ranks.json");
    let written: Value = serde_json::from_str(&place.text("ranks.json")).unwrap();
    assert_eq!(written["ranks"], value["ranks"]);
}

#[test]
fn rank_takes_any_labels_and_weights_as_repetitions() {
    let place = Place::new();
    place.write("weights.csv", "loser,weight,winner\n\"b, c\",3,日本\n日本,1,\"b, c\"\nx,2,\"b, c\"\n");
    let repeated = "winner,loser\n日本,\"b, c\"\n日本,\"b, c\"\n日本,\"b, c\"\n\"b, c\",日本\n\"b, c\",x\n\"b, c\",x\n";
    place.write("repeated.csv", repeated);
    let [a, b] =
        ["weights", "repeated"].map(|name| place.json(&format!("rank {name}.csv --alpha 0.1 --c 3"))["ranks"].clone());
    assert_eq!(a[0]["item"], json!("日本"));
    for (x, y) in a.as_array().unwrap().iter().zip(b.as_array().unwrap()) {
        assert_eq!(x["item"], y["item"]);
        assert!((x["rank"].as_f64().unwrap() - y["rank"].as_f64().unwrap()).abs() < 1e-12);
    }
}

#[test]
fn rank_agrees_with_predict_on_a_chain_with_an_exception() {
    let place = Place::new();
    let chain: String = (1..9).map(|i| format!("{},{i}\n", i - 1)).collect();
    place.write("c.csv", format!("winner,loser\n{chain}5,3\n"));
    let ranks = numbers(&place.json(&format!("predict {TASK} --alpha 0.2 --c 10"))["ranks"]);
    let listed = place.json("rank c.csv --alpha 0.2 --c 10");
    for entry in listed["ranks"].as_array().unwrap() {
        let item: usize = entry["item"].as_str().unwrap().parse().unwrap();
        assert!((entry["rank"].as_f64().unwrap() - ranks[item]).abs() < 1e-10, "{entry}");
    }
}

#[test]
fn rank_takes_many_items() {
    let place = Place::new();
    // A ring road through 50,000 items with long shortcuts, all in the order of the labels.
    let n = 50_000;
    let rows: String = (0..n - 1).map(|i| format!("p{i},p{}\np{i},p{}\n", i + 1, (i + 977).min(n - 1))).collect();
    place.write("many.csv", format!("winner,loser\n{rows}"));
    let csv = place.ok("rank many.csv --alpha 0.1 --c 10 --format csv");
    let rows = records(&csv);
    assert_eq!(rows.len(), 1 + n);
    assert!(rows[1][1] == "p0" && rows[n][1] == format!("p{}", n - 1));
}

#[test]
fn every_figure_of_the_theory_is_drawn() {
    let place = Place::new();
    for name in ["task", "margins", "mechanism", "window", "conjunctivity"] {
        place.ok(&format!("figure {name}"));
        assert!(is_picture(&place.path(&format!("{name}.svg"))), "{name}");
    }
    for name in ["phase.svg", "phase.pdf", "phase.png"] {
        place.ok(&format!("figure phase -n 7 --exception 4 2 -o {name}"));
        assert!(is_picture(&place.path(name)), "{name}");
    }
}

#[test]
fn a_figure_is_drawn_of_the_task_asked_for_and_its_numbers_are_written() {
    let place = Place::new();
    place.ok("figure margins -n 7 --exception 4 2 --c 3 -o m.svg --table m.csv");
    let csv = place.text("m.csv");
    assert!(is_picture(&place.path("m.svg")) && csv.lines().count() > 10, "{csv}");
    place.ok("figure task -n 5 -o five.svg");
    place.ok("figure task -n 6 --exception 3 2 -o six.svg");
    assert_ne!(place.text("five.svg"), place.text("six.svg"));
}

#[test]
fn pictures_of_the_same_figure_are_the_same_bytes() {
    let place = Place::new();
    for name in ["a.svg", "b.svg"] {
        place.ok(&format!("figure mechanism -o {name}"));
    }
    assert_eq!(place.bytes("a.svg"), place.bytes("b.svg"));
}

#[test]
fn completions_are_printed_for_every_shell() {
    let place = Place::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = place.ok(&format!("completions {shell}"));
        assert!(script.contains("caveat") && script.contains("reproduce"), "{shell}");
    }
}

#[test]
fn a_file_that_was_there_is_replaced_and_nothing_stays_beside_it() {
    let place = Place::new();
    place.write("p.csv", "what was there before, and longer than a line");
    place.ok(&format!("window {TASK} -o p.csv"));
    assert!(place.text("p.csv").starts_with("screening_star,"));
    assert_eq!(place.content().len(), 1);
}
