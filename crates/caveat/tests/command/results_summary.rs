//! The contract of `results summary` and `results matrix`, on simulated trial tables and, where named, the published ones.

use crate::common::trials::{self, EXCEPTION, PLAIN, Simulated};
use crate::common::{Place, assert_close, keys, parquet_shape, published, records};
use serde_json::{Value, json};

const STATISTICS: [&str; 7] = ["accuracy", "n", "low", "high", "margin", "margin_se", "n_seeds"];

fn lora(r: f64) -> Simulated {
    Simulated { setting: "lora", lora_r: Some(r), gain: r / 4.0, ..EXCEPTION }
}

/// A place with a table of four conditions.
fn place() -> Place {
    let place = Place::new();
    trials::write(&place, "t.parquet", &[PLAIN, EXCEPTION, lora(4.0), lora(32.0)]);
    place
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// The row of a summary whose keys have these values.
fn find<'a>(summary: &'a Value, wanted: &Value) -> &'a Value {
    let is_it = |row: &&Value| wanted.as_object().unwrap().iter().all(|(key, value)| row[key] == *value);
    let found: Vec<&Value> = rows(summary).iter().filter(is_it).collect();
    assert_eq!(found.len(), 1, "{wanted} in {summary}");
    found[0]
}

#[test]
fn a_summary_has_a_row_per_group_and_class_in_order() {
    let place = place();
    let summary = place.json("results summary t.parquet --by hier");
    let classes = ["premise", "exception_cycle", "within_section", "cross_section", "cycle_to_section"];
    let expected: Vec<(&str, &str)> = classes
        .map(|class| ("exc_mid_n9", class))
        .into_iter()
        .chain([("ti_n9", "premise"), ("ti_n9", "within_section")])
        .collect();
    let found: Vec<(&str, &str)> =
        rows(&summary).iter().map(|r| (r["hier"].as_str().unwrap(), r["class"].as_str().unwrap())).collect();
    assert_eq!(found, expected);
    for row in rows(&summary) {
        assert_eq!(keys(row), [&["hier", "class"][..], &STATISTICS].concat());
        let [low, accuracy, high] = ["low", "accuracy", "high"].map(|k| row[k].as_f64().unwrap());
        assert!(0.0 <= low && low <= accuracy && accuracy <= high && high <= 1.0 && low < high, "{row}");
        assert_eq!(row["n_seeds"], json!(3));
    }
    // 6 premise pairs in two orders, three seeds, both reversals, three conditions; 28 − 8 + 8 pairs of nine items without one.
    assert_eq!(find(&summary, &json!({"hier": "exc_mid_n9", "class": "premise"}))["n"], json!(6 * 2 * 6 * 3));
    assert_eq!(find(&summary, &json!({"hier": "ti_n9", "class": "within_section"}))["n"], json!(28 * 2 * 6));
    assert_eq!(place.json("results summary t.parquet"), summary, "hier is the default");
    assert_eq!(rows(&place.json("results summary t.parquet --by class,hier"))[0]["hier"], json!("exc_mid_n9"));
}

#[test]
fn statistics_are_those_of_the_simulation() {
    let place = place();
    // Without the exception all premises have one sign, and the bias of 0.3 changes none: all right, margin the mean of the order.
    let summary = place.json("results summary t.parquet --by class --where hier=ti_n9");
    let premise = find(&summary, &json!({"class": "premise"}));
    assert_eq!(keys(premise), [&["class"][..], &STATISTICS].concat());
    let n = 8 * 2 * 6;
    assert_eq!((&premise["accuracy"], &premise["high"], &premise["n"]), (&json!(1.0), &json!(1.0), &json!(n)));
    // The lower end of k = n solves n·(1 − p) = z²·p.
    let z2 = 1.959_963_984_540_054_f64.powi(2);
    assert_close(&premise["low"], f64::from(n) / (f64::from(n) + z2), 1e-14);
    let predicted = crate::common::margins(&place.json("predict -n 9 --alpha 0.2 --c 10"));
    let mean = (0..8).map(|k| 5.0 * predicted[k][k + 1]).sum::<f64>() / 8.0;
    assert_close(&premise["margin"], mean, 1e-12);
    // Seeds −1, 0 and 1 shift the margins of neighbors by −0.01·(−1), 0 and −0.01: a standard deviation of 0.01.
    assert_close(&premise["margin_se"], 0.01 / 3.0_f64.sqrt(), 1e-10);
    let by_seed = place.json("results summary t.parquet --by seed --where hier=ti_n9 --where class=premise");
    assert_eq!(rows(&by_seed).iter().map(|r| r["seed"].as_i64().unwrap()).collect::<Vec<_>>(), [-1, 0, 1]);
    assert!(rows(&by_seed).iter().all(|r| r["margin_se"].is_null() && r["n_seeds"] == json!(1)));
}

#[test]
fn columns_keep_their_types_and_missing_values_are_null() {
    let place = place();
    let summary = place.json("results summary t.parquet --by lora_r,reverse,gap,setting --where class=premise");
    let first = &rows(&summary)[0];
    assert!(first["lora_r"].is_null() && first["reverse"] == json!(false) && first["gap"] == json!(1));
    let of_lora: Vec<f64> = rows(&summary).iter().filter_map(|r| r["lora_r"].as_f64()).collect();
    assert_eq!(of_lora, [4.0, 4.0, 32.0, 32.0]);
    let csv = place.ok("results summary t.parquet --by lora_r,reverse --where class=premise --format csv");
    let records = records(&csv);
    assert_eq!(records[0][..3], ["lora_r", "reverse", "class"]);
    assert_eq!(records[1][..3], ["", "false", "premise"]);
    assert_eq!(records[6][..3], ["32.0", "true", "premise"]);
}

#[test]
fn filters_and_phases_choose_rows() {
    let place = place();
    let n = |options: &str| -> i64 {
        let summary = place.json(&format!("results summary t.parquet --by setting {options}"));
        rows(&summary).iter().map(|r| r["n"].as_i64().unwrap()).sum()
    };
    let condition = 72 * 6;
    assert_eq!(n(""), 4 * condition);
    assert_eq!(n("--where setting=full"), 2 * condition);
    assert_eq!(n("--where lora_r=32"), condition);
    assert_eq!(n("--where lora_r=4,32 --where phase=pre"), 2 * condition);
    assert_eq!(n("--where lora_r=none --where hier!=ti_n9"), condition);
    assert_eq!(n("--where phase=pre,post"), 8 * condition);
    assert_eq!(n("--where reverse=false"), 2 * condition);
    assert_eq!(n("--where gap>=2 --where gap<4"), 4 * 6 * 2 * (7 + 6));
    assert_eq!(n("--where class=exception_cycle"), 3 * 6 * 6);
    let phases = place.json("results summary t.parquet --by phase --where setting=full --where hier=exc_mid_n9");
    assert_eq!(find(&phases, &json!({"phase": "pre", "class": "premise"}))["accuracy"], json!(0.5));
    assert_eq!(find(&phases, &json!({"phase": "post", "class": "premise"}))["accuracy"], json!(1.0));
}

#[test]
fn summaries_and_matrices_are_written_by_extension() {
    let place = place();
    for command in ["summary t.parquet --by hier,lora_r", "matrix t.parquet --where setting=full"] {
        for name in ["s.csv", "s.json", "s.parquet"] {
            assert_eq!(place.ok(&format!("results {command} -o {name}")), "");
        }
        assert_eq!(place.text("s.csv"), place.ok(&format!("results {command} --format csv")));
        assert_eq!(place.text("s.json"), place.ok(&format!("results {command} --format json")));
        let header: Vec<String> = records(&place.text("s.csv"))[0].iter().map(|s| s.to_string()).collect();
        let (names, n) = parquet_shape(&place.path("s.parquet"));
        assert_eq!((names, n), (header, rows(&serde_json::from_str(&place.text("s.json")).unwrap()).len() as i64));
    }
}

#[test]
fn wrong_requests_are_refused_in_one_line() {
    let place = place();
    for (options, words) in [
        ("--by color", &["--by", "unknown column \"color\"", "class, setting, model"][..]),
        ("--by hier,hier", &["column hier is named twice"]),
        ("--where setting", &["--where", "COLUMN OP VALUE"]),
        ("--where color=red", &["unknown column \"color\"", "l2_reg"]),
        ("--where gap~2", &["no operator in \"gap~2\"", "!= < <= > >="]),
        ("--where setting>full", &["column setting", "= or !="]),
        ("--where gap=far", &["column gap", "a whole number"]),
        ("--where class=right", &["premise, exception_cycle"]),
        ("--where setting=tiny", &["no rows with phase=post and setting=tiny"]),
        ("--format yaml", &["table, csv or json"]),
        ("-o s.txt", &[".parquet, .csv or .json"]),
        ("-o none/s.csv", &["none/s.csv", "directory does not exist"]),
    ] {
        place.refused_saying(&format!("results summary t.parquet {options}"), words);
        if !options.starts_with("--by") {
            place.refused_saying(&format!("results matrix t.parquet {options}"), words);
        }
    }
    place.refused_saying("results summary none.parquet", &["none.parquet"]);
    place.refused_saying("results summary", &["FILES"]);
    let table = trials::table(&place, &[EXCEPTION]);
    trials::without(&table, "correct").write(&place.path("u.parquet")).unwrap();
    place.refused_saying("results summary u.parquet", &["u.parquet", "column \"correct\" is missing"]);
}

#[test]
fn different_tasks_under_one_name_are_refused() {
    let place = Place::new();
    let other = Simulated { model: "other", exception: Some((6, 3)), ..EXCEPTION };
    trials::write(&place, "a.parquet", &[EXCEPTION]);
    trials::write(&place, "b.parquet", &[other]);
    for command in ["summary", "matrix"] {
        place.ok(&format!("results {command} b.parquet"));
        let words = ["b.parquet: row", "\"is_train\"", "a.parquet", "\"exc_mid_n9\""];
        place.refused_saying(&format!("results {command} a.parquet b.parquet"), &words);
    }
}

#[test]
fn a_matrix_has_a_row_per_condition_and_ordered_pair() {
    let place = place();
    let matrix = place.json("results matrix t.parquet --where hier=exc_mid_n9");
    assert_eq!(rows(&matrix).len(), 3 * 72);
    let names = ["setting", "model", "task", "hier", "lora_r", "l2_reg", "rank_a", "rank_b", "class", "probability"];
    assert_eq!(keys(&rows(&matrix)[0]), [&names[..], &["share", "n"]].concat());
    let at = |a: usize, b: usize| find(&matrix, &json!({"setting": "full", "rank_a": a, "rank_b": b}));
    let f = crate::common::margins(&place.json("predict -n 9 --exception 5 3 --alpha 0.2 --c 10"));
    let yes = |logit: f64| 1.0 / (1.0 + (-logit).exp());
    for (a, b) in [(0, 1), (2, 6), (3, 5), (8, 0)] {
        let row = at(a, b);
        // The bias of 0.3 speaks for the item shown first, and the scatter of the three seeds for the higher one or against it.
        let mean = |sign: f64| {
            let seeds = [-1.0, 0.0, 1.0].map(|seed| 5.0 * f[a][b] + 0.01 * seed * (a as f64 - b as f64));
            seeds.map(|margin| yes(sign * margin + 0.3)).iter().sum::<f64>() / 3.0
        };
        assert_close(&row["probability"], (mean(1.0) + 1.0 - mean(-1.0)) / 2.0, 1e-12);
        assert_close(&row["probability"], 1.0 - at(b, a)["probability"].as_f64().unwrap(), 1e-15);
        assert_close(&row["share"], 1.0 - at(b, a)["share"].as_f64().unwrap(), 1e-15);
        assert_eq!(row["n"], json!(12));
    }
    assert_eq!(
        (&at(0, 1)["share"], &at(3, 5)["share"], &at(3, 5)["class"]),
        (&json!(1.0), &json!(0.0), &json!("exception_cycle"))
    );
    let cross = place.json("results matrix t.parquet --where class=cross_section --where setting=full");
    assert_eq!(rows(&cross).len(), 18);
    // Shown in one order only, both rows of a pair still are there.
    let forward = place.json("results matrix t.parquet --where direction=forward --where lora_r=4");
    assert_eq!(rows(&forward).len(), 72);
    assert!(rows(&forward).iter().all(|r| r["n"] == json!(6)));
}

#[test]
fn the_published_accuracies_are_reproduced() {
    let Some(directory) = published() else { return };
    let place = Place::new();
    let accuracy = |filters: &str, class: &str| {
        let class = format!("class={class}");
        let mut arguments =
            vec!["results", "summary", &directory, "--by", "class", "--format", "json", "--where", &class];
        arguments.extend(filters.split(' ').flat_map(|f| ["--where", f]));
        let output = place.command_of(&arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(rows(&summary).len(), 1);
        summary[0].clone()
    };
    for (filters, class, expected, n) in [
        ("setting=full hier=exc_mid_n9", "premise", 0.975_417, Some(7200)),
        ("setting=full hier=exc_mid_n9", "cross_section", 0.791_759, Some(10_800)),
        ("l2_reg=1e-4 hier=exc_mid_n11", "within_section", 0.937_292, None),
        ("lora_r=32 hier=exc_mid_n9", "premise", 0.584_028, None),
    ] {
        let row = accuracy(filters, class);
        assert!((row["accuracy"].as_f64().unwrap() - expected).abs() < 5e-7, "{filters} {class}: {row}");
        assert!(n.is_none_or(|n| row["n"] == json!(n)), "{filters} {class}: {row}");
    }
}
