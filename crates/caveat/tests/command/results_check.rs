//! `caveat results check`: every kind of bad table is named by file, row, column and kind; good tables pass.

use crate::common::trials::{self, EXCEPTION, PLAIN, Simulated};
use crate::common::{Place, published, records};
use caveat_results::{Table, Values};
use serde_json::Value;

/// Five items, 3 beats 1: 20 rows a run, 4 runs a seed, seeds −1, 0, 1.
const SMALL: Simulated = Simulated { n_items: 5, hier: "exc_n5", exception: Some((3, 1)), ..PLAIN };
const SMALL_LORA: Simulated = Simulated { setting: "lora", lora_r: Some(8.0), ..SMALL };

/// Row of an ordered pair in the table of SMALL.
fn row(seed: i64, reverse: bool, post: bool, a: usize, b: usize) -> usize {
    let run = 4 * (seed + 1) as usize + 2 * usize::from(reverse) + usize::from(post);
    20 * run + 4 * a + b - usize::from(b > a)
}

/// The table with some values changed.
fn edited(table: &Table, column: &str, edit: impl Fn(&mut Values)) -> Table {
    table.columns().fold(Table::new(), |t, (name, values)| {
        let mut values = values.clone();
        if name == column {
            edit(&mut values);
        }
        t.with(name, values).unwrap()
    })
}

fn set_text(table: &Table, column: &str, rows: &[usize], text: &str) -> Table {
    edited(table, column, |values| match values {
        Values::Text(v) => rows.iter().for_each(|&k| v[k] = text.into()),
        _ => panic!("{column} is no text"),
    })
}

/// Sets numbers of a float or integer column.
fn set(table: &Table, column: &str, rows: &[usize], x: f64) -> Table {
    edited(table, column, |values| match values {
        Values::Float(v) => rows.iter().for_each(|&k| v[k] = x),
        Values::Integer(v) => rows.iter().for_each(|&k| v[k] = (!x.is_nan()).then_some(x as i64)),
        Values::Flag(v) => rows.iter().for_each(|&k| v[k] = x != 0.0),
        Values::Text(_) => panic!("{column} is text"),
    })
}

/// The table of the rows that are kept, each as often as `times` says.
fn kept(table: &Table, times: impl Fn(usize) -> usize) -> Table {
    let rows: Vec<usize> = (0..table.n_rows()).flat_map(|k| std::iter::repeat_n(k, times(k))).collect();
    table.columns().fold(Table::new(), |t, (name, values)| {
        let values = match values {
            Values::Float(v) => Values::Float(rows.iter().map(|&k| v[k]).collect()),
            Values::Integer(v) => Values::Integer(rows.iter().map(|&k| v[k]).collect()),
            Values::Text(v) => Values::Text(rows.iter().map(|&k| v[k].clone()).collect()),
            Values::Flag(v) => Values::Flag(rows.iter().map(|&k| v[k]).collect()),
        };
        t.with(name, values).unwrap()
    })
}

/// Makes the label of rows the other one, with everything that follows from it.
fn relabelled(table: &Table, rows: &[usize]) -> Table {
    let negate = |values: &mut Values| match values {
        Values::Float(v) => rows.iter().for_each(|&k| v[k] = -v[k]),
        _ => panic!("no floats"),
    };
    let invert = |values: &mut Values| match values {
        Values::Float(v) => rows.iter().for_each(|&k| v[k] = 1.0 - v[k]),
        _ => panic!("no floats"),
    };
    let table = edited(table, "label", |values| match values {
        Values::Text(v) => rows.iter().for_each(|&k| v[k] = if v[k] == "Yes" { "No".into() } else { "Yes".into() }),
        _ => panic!("no text"),
    });
    let table = edited(&edited(&table, "ground_truth", negate), "margin", negate);
    set(&edited(&table, "correct", invert), "paired_correct", rows, f64::NAN)
}

/// What the command says about files, as JSON; it must exit with code 2 and say so in one line.
fn problems(place: &Place, line: &str) -> Vec<Value> {
    let output = place.run(&format!("results check {line} --format json"));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{line}: {complaint}");
    assert!(complaint.starts_with("error: ") && complaint.lines().count() == 1, "{complaint}");
    let problems: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let total: u64 = problems.iter().map(|p| p["count"].as_u64().unwrap()).sum();
    assert!(complaint.starts_with(&format!("error: {total} problem")), "{complaint}");
    problems
}

/// The problems as (row, column, kind).
fn places(problems: &[Value]) -> Vec<(i64, &str, &str)> {
    problems
        .iter()
        .map(|p| (p["row"].as_i64().unwrap_or(-1), p["column"].as_str().unwrap(), p["kind"].as_str().unwrap()))
        .collect()
}

#[test]
fn good_tables_pass_in_one_line() {
    let place = Place::new();
    trials::write(&place, "a.parquet", &[PLAIN, EXCEPTION]);
    trials::write(&place, "b.csv", &[SMALL, SMALL_LORA]);
    assert_eq!(place.ok("results check a.parquet b.csv"), "2 files, 2208 rows, 4 conditions, 3 seeds: no problems\n");
    assert_eq!(place.ok("results check a.parquet --format csv"), "file,row,column,kind,count,problem\n");
    assert_eq!(place.json("results check a.parquet"), serde_json::json!([]));
    assert_eq!(place.ok("results check . -o none.csv"), "");
    assert_eq!(place.text("none.csv"), "file,row,column,kind,count,problem\n");
    // The two halves of a table pass together where neither does alone.
    let table = trials::table(&place, &[SMALL]);
    kept(&table, |k| usize::from(k % 2 == 0)).write(&place.path("even.parquet")).unwrap();
    kept(&table, |k| usize::from(k % 2 == 1)).write(&place.path("odd.parquet")).unwrap();
    assert_eq!(
        place.ok("results check even.parquet odd.parquet"),
        "2 files, 240 rows, 1 condition, 3 seeds: no problems\n"
    );
    assert!(problems(&place, "even.parquet").iter().any(|p| p["kind"] == "missing_pair"));
}

#[test]
fn wrong_values_are_found_in_their_row_and_column_and_nowhere_else() {
    let place = Place::new();
    let good = trials::table(&place, &[SMALL]);
    let r = row(0, true, true, 0, 2);
    // A pair of which both rows change, so that prob_yes and paired_correct still agree.
    let cases: Vec<(Table, &str, &str, &str)> = vec![
        (set(&good, "rank_higher", &[r], 2.0), "rank_higher", "rank_order", "2: expected 0 for ranks 0 and 2"),
        (set(&good, "rank_lower", &[r], 0.0), "rank_lower", "rank_order", "0: expected 2"),
        (set(&good, "gap", &[r], 3.0), "gap", "rank_order", "3: expected 2"),
        (set_text(&good, "direction", &[r], "up"), "direction", "direction", "\"up\": expected forward or backward"),
        (
            set_text(&good, "direction", &[r], "backward"),
            "direction",
            "direction",
            "expected forward for ranks 0 and 2",
        ),
        (set(&good, "logit_diff", &[r], f64::NAN), "logit_diff", "logit_diff", "missing or NaN: expected a finite"),
        (set(&good, "logit_diff", &[r], f64::INFINITY), "logit_diff", "logit_diff", "inf: expected a finite"),
        (set(&good, "prob_yes", &[r], 1.5), "prob_yes", "prob_yes", "1.5: expected a probability from 0 to 1"),
        (set(&good, "prob_yes", &[r], f64::NAN), "prob_yes", "prob_yes", "missing or NaN"),
        (
            set(&good, "ground_truth", &[r], 0.0),
            "ground_truth",
            "ground_truth",
            "0: expected 1, because the label is Yes",
        ),
        (set(&good, "ground_truth", &[r], f64::NAN), "ground_truth", "ground_truth", "missing or NaN: expected 1"),
        (set(&good, "margin", &[r], -1.0), "margin", "margin", "= logit_diff × ground_truth"),
        (set(&good, "margin", &[r], f64::NAN), "margin", "margin", "missing or NaN: expected"),
        (set(&good, "correct", &[r], f64::NAN), "correct", "correct", "missing or NaN: expected 1"),
        (set(&good, "correct", &[r], 0.0), "correct", "correct", "0: expected 1 for prob_yes"),
        (set(&good, "paired_correct", &[r], 0.5), "paired_correct", "paired_correct", "0.5: expected 0, 1 or no value"),
        (set(&good, "paired_correct", &[r], 0.0), "paired_correct", "paired_correct", "0: expected 1, for prob_yes is"),
        (set(&good, "lora_r", &[r], 8.0), "lora_r", "hyperparameter", "8 with setting full: expected no value"),
        (set(&good, "l2_reg", &[r], -1.0), "l2_reg", "hyperparameter", "-1 with setting full"),
        (set_text(&good, "setting", &[r], "ful"), "setting", "setting", "\"ful\": expected full, lora, probe or none"),
        (set_text(&good, "phase", &[r], "after"), "phase", "phase", "\"after\": expected pre or post"),
        (set_text(&good, "label", &[r], "yes"), "label", "label", "\"yes\": expected Yes or No"),
        (
            set(&good, "rank_b", &[r], 99.0),
            "rank_b",
            "rank",
            "rank 99: the trained pairs of hier exc_n5 have ranks 0 to 4",
        ),
        (
            set(&good, "rank_b", &[r], 5.0),
            "rank_b",
            "rank",
            "rank 5: the trained pairs of hier exc_n5 have ranks 0 to 4",
        ),
        (set(&good, "rank_b", &[r], -1.0), "rank_b", "rank", "rank -1: expected a rank from 0"),
        (set(&good, "rank_b", &[r], 70_000.0), "rank_b", "rank", "rank 70000: expected a rank from 0"),
        (set(&good, "rank_b", &[r], 0.0), "rank_b", "same_item", "rank 0 is compared with itself"),
        (set(&good, "seed", &[r], f64::NAN), "seed", "missing_value", "the value is missing: expected an integer"),
        (
            set(&good, "is_train", &[r], 1.0),
            "is_train",
            "mixed_hierarchy",
            "true for the ordered pair (0, 2), but false in row",
        ),
        (set(&good, "is_exception", &[r], 1.0), "is_exception", "mixed_hierarchy", "most rows of hier exc_n5"),
    ];
    // What follows from a value that is wrong: derived columns of the same row, and a pair that its run then lacks.
    let follows = |column: &str, kind: &str| {
        matches!(kind, "missing_pair" | "missing_run" | "missing_seed")
            || (column.starts_with("rank_") || column == "gap") && kind == "rank_order"
    };
    for (table, column, kind, says) in cases {
        for extension in ["parquet", "csv"] {
            let name = format!("t.{extension}");
            table.write(&place.path(&name)).unwrap();
            let found = problems(&place, &name);
            let all = places(&found);
            let at = all.iter().position(|p| *p == (r as i64, column, kind));
            let at = at.unwrap_or_else(|| panic!("{column} {kind} in row {r}: {found:?}"));
            let text = found[at]["problem"].as_str().unwrap();
            assert!(text.contains(says), "{column} {kind}: {text}");
            assert!(found.iter().all(|p| p["file"] == name.as_str()));
            for (k, p) in all.iter().enumerate() {
                assert!(k == at || follows(p.1, p.2), "{column} {kind} brings {:?}", found[k]);
            }
        }
    }
    // The signs of prob_yes and logit_diff, with nothing else to be said about the row: a tie counts as No.
    let untrained = row(0, false, false, 0, 2);
    let table = set(&good, "prob_yes", &[untrained], 0.4);
    let table = set(&set(&table, "correct", &[untrained], 0.0), "paired_correct", &[untrained], f64::NAN);
    set(&table, "paired_correct", &[row(0, false, false, 2, 0)], f64::NAN).write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    assert_eq!(places(&found), [(untrained as i64, "prob_yes", "probability_sign")]);
    assert!(found[0]["problem"].as_str().unwrap().contains("with logit_diff 0.3: expected more than 0.5"));
}

#[test]
fn probabilities_beside_one_half_pass_either_way() {
    let place = Place::new();
    let good = trials::table(&place, &[SMALL]);
    let r = row(0, false, false, 0, 2);
    // prob_yes 0.51 and logit_diff −1/64: bfloat16 logits do not tell which is right.
    let table = set(&set(&good, "prob_yes", &[r], 0.51), "logit_diff", &[r], -1.0 / 64.0);
    let table = set(&set(&table, "margin", &[r], -1.0 / 64.0), "paired_correct", &[r], f64::NAN);
    set(&table, "paired_correct", &[row(0, false, false, 2, 0)], f64::NAN).write(&place.path("t.parquet")).unwrap();
    place.ok("results check t.parquet");
}

#[test]
fn unreadable_values_of_a_csv_are_named_and_the_rest_is_checked() {
    let place = Place::new();
    trials::write(&place, "good.csv", &[SMALL]);
    let text = place.text("good.csv");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let replace = |line: &mut String, column: &str, value: &str| {
        let field = text.lines().next().unwrap().split(',').position(|c| c == column).unwrap();
        let mut fields: Vec<&str> = line.split(',').collect();
        fields[field] = value;
        *line = fields.join(",");
    };
    replace(&mut lines[1 + 7], "seed", "one");
    replace(&mut lines[1 + 30], "logit_diff", "high");
    replace(&mut lines[1 + 50], "is_train", "perhaps");
    replace(&mut lines[1 + 51], "is_train", "");
    place.write("t.csv", lines.join("\n"));
    let found = problems(&place, "t.csv");
    let all = places(&found);
    assert_eq!(
        all,
        [
            // Row 7 cannot be placed, so the run that it belongs to lacks its pair.
            (0, "", "missing_pair"),
            (7, "seed", "unreadable_value"),
            (30, "logit_diff", "unreadable_value"),
            (50, "is_train", "unreadable_value"),
            (51, "is_train", "missing_value"),
        ]
    );
    assert_eq!(found[1]["problem"], "\"one\": expected an integer (or a float that is a whole number)");
    assert!(found[3]["problem"].as_str().unwrap().starts_with("\"perhaps\": expected a bool"), "{}", found[3]);
}

#[test]
fn files_that_are_no_tables_are_one_problem_each_and_the_others_are_checked() {
    let place = Place::new();
    let good = trials::table(&place, &[SMALL]);
    good.write(&place.path("good.parquet")).unwrap();
    let bytes = place.bytes("good.parquet");
    let mut damaged = bytes.clone();
    // Inside the pages, past the magic number.
    damaged[8..200].fill(0xff);
    place
        .write("zero.parquet", "")
        .write("cut.parquet", &bytes[..bytes.len() / 2])
        .write("damaged.parquet", damaged)
        .write("ragged.csv", "seed,phase\n1,pre\n2\n");
    place.write("header.csv", good.columns().map(|(n, _)| n).collect::<Vec<_>>().join(",") + "\n");
    let two = trials::without(&trials::without(&good, "seed"), "gap");
    two.write(&place.path("two.parquet")).unwrap();
    set(&good, "gap", &[3], 2.0).write(&place.path("gap.parquet")).unwrap();
    let found =
        problems(&place, "zero.parquet cut.parquet damaged.parquet header.csv two.parquet gap.parquet absent.parquet");
    let listed: Vec<(&str, i64, &str, &str)> = found
        .iter()
        .zip(places(&found))
        .map(|(p, (row, column, kind))| (p["file"].as_str().unwrap(), row, column, kind))
        .collect();
    assert_eq!(
        listed,
        [
            ("absent.parquet", -1, "", "schema"),
            ("zero.parquet", -1, "", "schema"),
            ("cut.parquet", -1, "", "schema"),
            ("damaged.parquet", -1, "", "schema"),
            ("header.csv", -1, "", "schema"),
            ("two.parquet", -1, "seed", "schema"),
            ("two.parquet", -1, "gap", "schema"),
            ("gap.parquet", 3, "gap", "rank_order"),
        ]
    );
    let text = |k: usize| found[k]["problem"].as_str().unwrap();
    assert!(text(0).starts_with("cannot be read"), "{}", text(0));
    assert!(text(1).contains("empty (0 bytes): expected a trial table"), "{}", text(1));
    assert!(text(3).contains("damaged"), "{}", text(3));
    assert!(text(4).contains("no rows"), "{}", text(4));
    assert!(text(5).starts_with("column \"seed\" is missing: the table has"), "{}", text(5));
    // A table of other things is told once what it is taken for, before its lines are read.
    let found = problems(&place, "ragged.csv");
    assert_eq!(found.len(), 1);
    assert!(found[0]["problem"].as_str().unwrap().contains("not a trial table"), "{}", found[0]);
}

#[test]
fn wrong_types_and_columns_that_are_there_twice_are_told() {
    let place = Place::new();
    let good = trials::table(&place, &[SMALL]);
    let n = good.n_rows();
    let text = edited(&good, "logit_diff", |v| *v = Values::Text(vec!["high".into(); n]));
    text.write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    // Numbers may stand there as text; these are none.
    assert_eq!(places(&found)[..2], [(0, "logit_diff", "unreadable_value"), (1, "logit_diff", "unreadable_value")]);
    assert_eq!(found[0]["problem"], "\"high\": expected a number");
    good.write(&place.path("t.csv")).unwrap();
    let twice = place
        .text("t.csv")
        .lines()
        .map(|line| format!("{line},{}\n", line.split(',').nth(4).unwrap()))
        .collect::<String>();
    place.write("twice.csv", twice);
    let found = problems(&place, "twice.csv");
    assert_eq!(places(&found), [(-1, "", "schema")]);
    assert_eq!(found[0]["problem"], "column \"seed\" is there twice: expected it once");
}

#[test]
fn rows_that_are_there_twice_are_named_with_the_first_also_across_files() {
    let place = Place::new();
    let good = trials::table(&place, &[SMALL]);
    kept(&good, |k| if k == 41 { 2 } else { 1 }).write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    assert_eq!(places(&found), [(42, "", "duplicate_row")]);
    assert_eq!(found[0]["problem"], "the ordered pair (0, 2) of this run is in row 41 of t.parquet already");

    good.write(&place.path("a.parquet")).unwrap();
    kept(&good, |k| usize::from(k == 41 || k == 100)).write(&place.path("b.csv")).unwrap();
    let found = problems(&place, "a.parquet b.csv");
    assert_eq!(places(&found), [(0, "", "duplicate_row"), (1, "", "duplicate_row")]);
    assert!(found.iter().all(|p| p["file"] == "b.csv"));
    assert!(found[1]["problem"].as_str().unwrap().contains("row 100 of a.parquet"));

    // A whole copy: the first twenty are spelled out, the others counted.
    place.write("copy.parquet", place.bytes("a.parquet"));
    let found = problems(&place, "a.parquet copy.parquet");
    assert_eq!(found.len(), 21);
    assert_eq!((found[19]["row"].as_i64(), found[20]["count"].as_u64()), (Some(19), Some(220)));
    assert_eq!(found[20]["problem"], "… and 220 more of this kind");
    let few = problems(&place, "a.parquet copy.parquet --most 0");
    assert_eq!((few.len(), few[0]["count"].as_u64()), (1, Some(240)));
}

#[test]
fn missing_pairs_are_told_by_run_or_by_condition() {
    let place = Place::new();
    let good = trials::table(&place, &[SMALL]);
    let gone = [row(0, true, true, 4, 1), row(0, true, true, 1, 4)];
    kept(&good, |k| usize::from(!gone.contains(&k))).write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    assert_eq!(places(&found), [(row(0, true, true, 0, 1) as i64, "", "missing_pair")]);
    assert_eq!(
        found[0]["problem"],
        "the run that begins here (seed 0, reverse true, phase post) lacks 2 of the 20 ordered pairs of its condition: \
         (1, 4), (4, 1)"
    );
    // No run has (0, 4), and (4, 0) is always there.
    kept(&good, |k| usize::from(k % 20 != row(-1, false, false, 0, 4))).write(&place.path("t.csv")).unwrap();
    let found = problems(&place, "t.csv");
    assert_eq!(places(&found), [(0, "", "missing_pair")]);
    assert_eq!(
        found[0]["problem"],
        "no run of condition full simulated made exc_n5, which begins here, has 1 of the 20 ordered pairs: (0, 4)"
    );
}

#[test]
fn missing_seeds_orders_and_phases_are_told() {
    let place = Place::new();
    let conditions = [SMALL, Simulated { model: "other", ..SMALL }];
    let good = trials::table(&place, &conditions);
    // The second condition lacks seed 0.
    let without = kept(&good, |k| usize::from(!(240 + 80..240 + 160).contains(&k)));
    without.write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    assert_eq!(places(&found), [(240, "seed", "missing_seed")]);
    let text = found[0]["problem"].as_str().unwrap();
    assert!(text.contains("condition full other made exc_n5") && text.contains("lacks seed 0,"), "{text}");
    assert!(text.contains("(row 80 of t.parquet)"), "{text}");
    // One run of seed 1 in the first condition is missing.
    let start = row(1, true, false, 0, 1);
    let without = kept(&good, |k| usize::from(!(start..start + 20).contains(&k)));
    without.write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    assert_eq!(places(&found), [(row(1, false, false, 0, 1) as i64, "", "missing_run")]);
    let text = found[0]["problem"].as_str().unwrap();
    assert!(text.contains("seed 1 of condition full simulated made exc_n5 lacks reverse true phase pre"), "{text}");
    // A condition without a phase in any seed lacks nothing.
    kept(&good, |k| usize::from(k / 20 % 2 == 1)).write(&place.path("t.parquet")).unwrap();
    place.ok("results check t.parquet");
}

#[test]
fn labels_that_are_shuffled_in_some_runs_differ_from_most_rows() {
    let place = Place::new();
    let good = trials::table(&place, &[SMALL]);
    // (0, 2) and (2, 4) change places in one run, and with them the other order.
    let rows: Vec<usize> = [(0, 2), (2, 0)].map(|(a, b)| row(0, false, true, a, b)).to_vec();
    relabelled(&good, &rows).write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    let expected: Vec<(i64, &str, &str)> = rows.iter().map(|&k| (k as i64, "label", "mixed_hierarchy")).collect();
    assert_eq!(places(&found), expected);
    let first = row(-1, false, false, 0, 2);
    assert_eq!(
        found[0]["problem"],
        format!("No for the ordered pair (0, 2), but Yes in row {first} of t.parquet and most rows of hier exc_n5")
    );
}

#[test]
fn labels_that_are_shuffled_throughout_contradict_the_trained_pairs() {
    let place = Place::new();
    let good = trials::table(&place, &[SMALL]);
    let everywhere = |pairs: &[(usize, usize)]| -> Vec<usize> {
        (0..12).flat_map(|run| pairs.iter().map(move |&(a, b)| 20 * run + row(-1, false, false, a, b))).collect()
    };
    // Untrained, in both orders.
    relabelled(&good, &everywhere(&[(0, 2), (2, 0)])).write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    let (forward, backward) = (row(-1, false, false, 0, 2) as i64, row(-1, false, false, 2, 0) as i64);
    assert_eq!(places(&found), [(forward, "label", "implied_label"), (backward, "label", "implied_label")]);
    assert_eq!(found[0]["problem"], "No for the pair (0, 2), but the trained pairs of hier exc_n5 imply Yes");
    // Untrained, in one order: both orders then have one label.
    relabelled(&good, &everywhere(&[(2, 0)])).write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    assert_eq!(places(&found), [(backward, "label", "impossible_label")]);
    assert!(
        found[0]["problem"]
            .as_str()
            .unwrap()
            .contains(&format!("pair (0, 2) is labelled Yes in both orders, here and in row {forward} of t.parquet"))
    );
    // A premise, in both orders: against the rank order without being an exception.
    relabelled(&good, &everywhere(&[(0, 1), (1, 0)])).write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    assert_eq!(places(&found), [(0, "label", "implied_label"), (4, "label", "implied_label")]);
    assert!(found[0]["problem"].as_str().unwrap().contains("expected Yes, or is_exception true"));
    // The exception, made to follow the rank order.
    relabelled(&good, &everywhere(&[(1, 3), (3, 1)])).write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    assert_eq!(places(&found), [(row(-1, false, false, 1, 3) as i64, "is_exception", "exception")]);
    assert!(found[0]["problem"].as_str().unwrap().contains("follows the rank order: expected that 3 wins"));
}

#[test]
fn marks_of_exceptions_and_premises_must_fit() {
    let place = Place::new();
    let good = trials::table(&place, &[SMALL]);
    let rows = |pairs: &[(usize, usize)]| -> Vec<usize> {
        (0..12).flat_map(|run| pairs.iter().map(move |&(a, b)| 20 * run + row(-1, false, false, a, b))).collect()
    };
    let at = |a, b| row(-1, false, false, a, b) as i64;
    // An untrained exception: the pair is then open, so its labels are wrong too.
    set(&good, "is_train", &rows(&[(1, 3), (3, 1)]), 0.0).write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    assert!(places(&found).contains(&(at(1, 3), "is_exception", "exception")), "{found:?}");
    // Marked in one order.
    set(&good, "is_exception", &rows(&[(3, 1)]), 0.0).write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    assert!(places(&found).contains(&(at(1, 3), "is_exception", "exception")), "{found:?}");
    assert!(found[0]["problem"].as_str().unwrap().contains("in one order only"), "{found:?}");
    // A premise that is not trained, inside the cycle.
    set(&good, "is_train", &rows(&[(1, 2), (2, 1)]), 0.0).write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    assert_eq!(places(&found), [(at(1, 2), "is_train", "missing_premise")]);
    assert!(found[0]["problem"].as_str().unwrap().starts_with("the premise (1, 2) is not trained in hier exc_n5"));
    // Nothing trained at all.
    let all: Vec<usize> = (0..good.n_rows()).collect();
    set(&set(&good, "is_train", &all, 0.0), "is_exception", &all, 0.0).write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    assert_eq!(places(&found), [(0, "is_train", "missing_premise")]);
    // Ranks from 1.
    let shifted = ["rank_a", "rank_b", "rank_higher", "rank_lower"].iter().fold(good.clone(), |t, column| {
        edited(&t, column, |v| {
            if let Values::Integer(v) = v {
                v.iter_mut().flatten().for_each(|x| *x += 1);
            }
        })
    });
    shifted.write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    assert_eq!(places(&found), [(0, "rank_a", "rank")]);
    assert!(found[0]["problem"].as_str().unwrap().contains("ranks 1 to 5: expected ranks from 0"));
}

#[test]
fn pairs_that_are_trained_in_other_orders_than_the_rest_are_told() {
    let place = Place::new();
    let good = trials::table(&place, &[SMALL]);
    // Only (0, 1) and not (1, 0), where all others are trained in both orders.
    let backward: Vec<usize> = [-1, 0, 1]
        .into_iter()
        .flat_map(|seed| [false, true].map(|reverse| (seed, reverse)))
        .flat_map(|(seed, reverse)| [false, true].map(|post| row(seed, reverse, post, 2, 1)))
        .collect();
    set(&good, "is_train", &backward, 0.0).write(&place.path("t.parquet")).unwrap();
    place.refused_saying("fit t.parquet", &["is trained in other orders"]);
    let found = problems(&place, "t.parquet");
    let kinds: Vec<&str> = found.iter().map(|p| p["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["trained_order"], "{found:?}");
    assert!(found[0]["problem"].as_str().unwrap().contains("pair (1, 2) is trained in other orders"), "{found:?}");
    // All pairs in one kind of order are fine.
    let good = trials::table(&place, &[PLAIN]);
    let (Some(Values::Integer(a)), Some(Values::Integer(b))) = (good.column("rank_a"), good.column("rank_b")) else {
        panic!("no ranks")
    };
    let backward: Vec<usize> = (0..a.len()).filter(|&k| a[k] > b[k]).collect();
    set(&good, "is_train", &backward, 0.0).write(&place.path("t.parquet")).unwrap();
    place.ok("results check t.parquet");
}

#[test]
fn pairs_that_the_trained_ones_leave_open_have_no_ground_truth() {
    let place = Place::new();
    // 4 beats 1 of six: the cycle 1 2 3 4, in which (1, 3) and (2, 4) are open.
    let task = Simulated { n_items: 6, hier: "exc_n6", exception: Some((4, 1)), ..PLAIN };
    let table = trials::table(&place, &[task]);
    table.write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    let at = |a: usize, b: usize| (5 * a + b - usize::from(b > a)) as i64;
    let open = [at(1, 3), at(2, 4), at(3, 1), at(4, 2)];
    assert_eq!(places(&found), open.map(|k| (k, "label", "open_label")));
    assert!(found[0]["problem"].as_str().unwrap().contains("imply no answer: expected no_gt true"));

    let rows: Vec<usize> = (0..table.n_rows()).filter(|k| open.contains(&((k % 30) as i64))).collect();
    let emptied = ["ground_truth", "margin", "correct", "paired_correct"]
        .iter()
        .fold(set(&table, "no_gt", &rows, 1.0), |t, column| set(&t, column, &rows, f64::NAN));
    emptied.write(&place.path("t.parquet")).unwrap();
    place.ok("results check t.parquet");
    // Without their label, too, which CSV can leave out.
    set_text(&emptied, "label", &rows, "").write(&place.path("t.csv")).unwrap();
    place.ok("results check t.csv");
    // But not where there is a ground truth; and what is empty there must be so.
    set_text(&emptied, "label", &[0], "").write(&place.path("t.csv")).unwrap();
    assert!(places(&problems(&place, "t.csv")).contains(&(0, "label", "missing_value")));
    set(&emptied, "margin", &rows[..1], 0.5).write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    assert_eq!(places(&found), [(rows[0] as i64, "margin", "margin")]);
    assert_eq!(found[0]["problem"], "0.5 where no_gt is true: expected no value");
    // A pair with an answer is not open.
    let (pair, columns) = ([0, 5], ["ground_truth", "margin", "correct", "paired_correct"]);
    let rows: Vec<usize> = (0..emptied.n_rows()).filter(|k| pair.contains(&(k % 30))).collect();
    columns
        .iter()
        .fold(set(&emptied, "no_gt", &rows, 1.0), |t, column| set(&t, column, &rows, f64::NAN))
        .write(&place.path("t.parquet"))
        .unwrap();
    assert_eq!(places(&problems(&place, "t.parquet")), [(0, "no_gt", "no_gt"), (5, "no_gt", "no_gt")]);
}

#[test]
fn mixed_hierarchies_under_one_tag_are_named_by_row_and_file() {
    let place = Place::new();
    let (a, b) = (trials::table(&place, &[PLAIN]), trials::table(&place, &[Simulated { hier: "ti_n9", ..EXCEPTION }]));
    a.write(&place.path("a.parquet")).unwrap();
    // As few rows of the other as make a seed, so that the first are most.
    kept(&b, |k| usize::from(k < 288)).write(&place.path("b.parquet")).unwrap();
    let found = problems(&place, "a.parquet b.parquet --most 1");
    let mixed: Vec<&Value> = found.iter().filter(|p| p["kind"] == "mixed_hierarchy").collect();
    // (3, 5) is no exception in the first; in b it stands at row 3·8 + 4 and has three marks that differ.
    assert_eq!((mixed[0]["file"].as_str(), mixed[0]["row"].as_i64()), (Some("b.parquet"), Some(28)));
    assert_eq!(
        mixed[0]["problem"],
        "true for the ordered pair (3, 5), but false in row 28 of a.parquet and most rows of hier ti_n9"
    );
    // Three marks in two orders in four runs, one spelled out.
    assert_eq!(mixed[1]["count"], 23);
    assert!(found.iter().any(|p| p["kind"] == "duplicate_row"));
}

#[test]
fn the_report_does_not_depend_on_the_number_of_threads() {
    let place = Place::new();
    let (a, b) = (trials::table(&place, &[PLAIN]), trials::table(&place, &[Simulated { hier: "ti_n9", ..EXCEPTION }]));
    a.write(&place.path("a.parquet")).unwrap();
    set(&b, "gap", &[5, 500, 700], 0.0).write(&place.path("b.csv")).unwrap();
    let report = |threads: &str| {
        let mut command = place.command("results check a.parquet b.csv --most 7 --format csv");
        command.env("RAYON_NUM_THREADS", threads).output().unwrap().stdout
    };
    let one = report("1");
    assert!(one.len() > 1000);
    assert!((2..5).all(|threads| report(&threads.to_string()) == one));
}

#[test]
fn ranks_that_make_no_hierarchy_are_problems_and_not_the_end() {
    let place = Place::new();
    let good = trials::table(&place, &[SMALL]);
    let all: Vec<usize> = (0..good.n_rows()).collect();
    let pair: Vec<usize> = all.iter().copied().filter(|k| [1, 8].contains(&(k % 20))).collect();
    // Only (0, 2) is trained, and rank 1 between them is not.
    let table = set(&set(&good, "is_train", &all, 0.0), "is_exception", &all, 0.0);
    set(&table, "is_train", &pair, 1.0).write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    assert!(places(&found).contains(&(0, "rank_b", "rank")), "{found:?}");
    // Every run trains another pair, so that no rank is trained in half of them.
    let one: Vec<usize> = (0..12).map(|run| 20 * run + [0, 1, 2, 3, 5, 6, 7, 10, 11, 15, 0, 10][run]).collect();
    set(&table, "is_train", &one, 1.0).write(&place.path("t.parquet")).unwrap();
    let found = problems(&place, "t.parquet");
    assert!(places(&found).contains(&(0, "is_train", "mixed_hierarchy")), "{found:?}");
}

#[test]
fn lists_can_be_written_and_printed() {
    let place = Place::new();
    let good = trials::table(&place, &[SMALL]);
    set(&good, "gap", &[3, 7], 9.0).write(&place.path("t.parquet")).unwrap();
    let printed = place.run("results check t.parquet");
    assert_eq!(printed.status.code(), Some(2));
    let lines = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(lines.lines().count(), 3, "{lines}");
    assert!(lines.contains("t.parquet    3  gap     rank_order      1  9: expected 4 for ranks 0 and 4"), "{lines}");
    assert_eq!(
        String::from_utf8(printed.stderr).unwrap(),
        "error: 2 problems in 1 of 1 file, 240 rows, 1 condition, 3 seeds\n"
    );
    for extension in ["csv", "json", "parquet"] {
        let output = place.run(&format!("results check t.parquet -o list.{extension}"));
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    }
    let text = place.text("list.csv");
    assert_eq!(records(&text)[0], ["file", "row", "column", "kind", "count", "problem"]);
    assert_eq!(records(&text)[2], ["t.parquet", "7", "gap", "rank_order", "1", "9: expected 3 for ranks 1 and 4"]);
    place.refused_saying("results check t.parquet -o list.txt", &["list.txt", ".parquet, .csv or .json"]);
    place.refused_saying("results check t.parquet --most -1", &["expected a whole number"]);
    place.refused_saying("results check", &["<FILES>"]);
}

#[test]
fn published_tables_pass() {
    let Some(directory) = published() else { return };
    let place = Place::new();
    let output = place.command_of(&["results", "check", &directory]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.ends_with(": no problems\n"), "{text}");
}
