//! `caveat fit` on choices of several conditions: each has its own task, and nothing else in a file changes its fit.

use crate::common::trials::{self, EXCEPTION, PLAIN, Simulated};
use crate::common::{Place, assert_close, margins};
use proptest::prelude::*;
use serde_json::Value;

/// A condition of simulated learners; counts are the model's own rates, in whole trials.
#[derive(Debug, Clone, Copy)]
struct List {
    name: &'static str,
    n: usize,
    exception: Option<(usize, usize)>,
    alpha: f64,
}

const SHORT: List = List { name: "short", n: 5, exception: None, alpha: 0.2 };
const LONG: List = List { name: "long", n: 8, exception: None, alpha: 0.2 };
const CAUGHT: List = List { name: "caught", n: 8, exception: Some((5, 3)), alpha: 0.2 };

/// A row: subject, condition, winner, loser, first, count.
type Row = (String, &'static str, usize, usize, usize, u32);

impl List {
    fn task(&self) -> String {
        self.exception.map_or(self.n.to_string(), |(w, l)| format!("{}:{w}-{l}", self.n))
    }

    /// The choices of four subjects, ranks from 0.
    fn rows(&self, place: &Place) -> Vec<Row> {
        let exception = self.exception.map_or(String::new(), |(w, l)| format!("--exception {w} {l}"));
        let f = margins(&place.json(&format!("predict -n {} {exception} --alpha {} --c 6", self.n, self.alpha)));
        let mut rows = Vec::new();
        for subject in 0..4 {
            for (a, b) in (0..self.n).flat_map(|a| (0..self.n).filter(move |&b| b != a).map(move |b| (a, b))) {
                let p = 1.0 / (1.0 + (-(3.0 + 0.4 * f64::from(subject)) * f[a][b]).exp());
                let wins = (40.0 * p).round() as u32;
                for (winner, loser, count) in [(a, b, wins), (b, a, 40 - wins)] {
                    if count > 0 {
                        rows.push((format!("s{subject}"), self.name, winner, loser, a, count));
                    }
                }
            }
        }
        rows
    }
}

/// A file of rows, items named by `item`.
fn write(place: &Place, file: &str, rows: &[Row], item: impl Fn(usize) -> String) {
    let mut text = "subject,condition,winner,loser,first,count\n".to_owned();
    for (subject, condition, winner, loser, first, count) in rows {
        text += &format!("{subject},{condition},{},{},{},{count}\n", item(*winner), item(*loser), item(*first));
    }
    place.write(file, text);
}

fn rank(item: usize) -> String {
    item.to_string()
}

/// The fit of one condition.
fn of<'a>(fits: &'a Value, condition: &str) -> &'a Value {
    fits.as_array()
        .unwrap()
        .iter()
        .find(|f| f["condition"] == condition)
        .unwrap_or_else(|| panic!("{condition}: {fits}"))
}

/// What the command says on standard error.
fn said(place: &Place, line: &str) -> String {
    let output = place.run(line);
    assert!(output.status.success(), "caveat {line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_condition_is_fitted_on_the_items_that_it_shows() {
    let place = Place::new();
    let (short, long) = (SHORT.rows(&place), LONG.rows(&place));
    write(&place, "short.csv", &short, rank);
    write(&place, "both.csv", &[short, long].concat(), rank);
    let alone = place.json("fit short.csv --by condition --bootstrap 0");
    let both = place.json("fit both.csv --by condition --bootstrap 0");
    assert_eq!(of(&both, "short"), of(&alone, "short"));
    assert_eq!((&of(&both, "short")["task"], &of(&both, "long")["task"]), (&"5".into(), &"8".into()));
    for list in [SHORT, LONG] {
        assert_close(&of(&both, list.name)["conjunctivity"], list.alpha, 0.03);
    }
    // By subject within it, a condition keeps its list, and what was assumed is said.
    let by = place.json("fit both.csv --by subject,condition --bootstrap 0");
    assert!(by.as_array().unwrap().iter().all(|f| f["task"] == if f["condition"] == "short" { "5" } else { "8" }));
    assert!(said(&place, "fit both.csv --by condition --bootstrap 0").contains("short 5, long 8"));
    // Lists of different lengths are not one.
    place.refused_saying("fit both.csv", &["condition short", "condition long", "add condition to --by"]);
    place.refused_saying("fit both.csv --by subject", &["add condition to --by"]);
    place.refused_saying("fit both.csv --by condition -n 8", &["short", "5 of the 8", "--task short=5"]);
    // The pictures and the comparison have the list too.
    let compared = place.json("fit both.csv --by condition --compare --folds 2");
    assert!(
        compared.as_array().unwrap().iter().all(|f| f["task"] == if f["condition"] == "short" { "5" } else { "8" })
    );
    place.ok("fit both.csv --by condition --bootstrap 0 --figure f.svg --distance-figure d.svg");
}

#[test]
fn tasks_are_declared_by_condition() {
    let place = Place::new();
    let rows = [LONG.rows(&place), CAUGHT.rows(&place), SHORT.rows(&place)].concat();
    write(&place, "c.csv", &rows, rank);
    let declared = "--task caught=8:5-3 --task long=8 --task short=5";
    let fits = place.json(&format!("fit c.csv --by condition --bootstrap 0 {declared}"));
    for list in [SHORT, LONG, CAUGHT] {
        let fit = of(&fits, list.name);
        assert_close(&fit["conjunctivity"], list.alpha, 0.03);
        assert_close(&fit["c"], 6.0, 0.15);
        assert_eq!(fit["task"], list.task().as_str());
    }
    // A condition that is not named has the items that it shows, and no exception.
    let one = place.json("fit c.csv --by condition --bootstrap 0 --task caught=8:5-3");
    assert_eq!(one, fits);
    // A task without a name is of all that are not named.
    let all = place.json("fit c.csv --by condition --bootstrap 0 --task 8 --task caught=8:5-3 --task short=5");
    assert_eq!(all, fits);
    let words = said(&place, "fit c.csv --by condition --bootstrap 0 --task short=8");
    assert!(words.contains("condition short never shows the items 5, 6, 7 of its 8 items"), "{words}");
    for (options, words) in [
        ("--task shrt=5", vec!["shrt", "condition", "\"long\"", "\"short\""]),
        ("--task short=4", vec!["condition short", "4 items", "shows 5"]),
        ("--task short=5:3-6", vec!["rank 6"]),
        ("--task short=5:1-3", vec!["exception 1 3"]),
        ("--task short=5 --task short=6", vec!["short", "two tasks"]),
        ("--task 5 --task 8", vec!["two tasks"]),
        ("--task short", vec!["short", "N:WINNER-LOSER"]),
        ("--task =5", vec!["CONDITION=TASK"]),
        ("--task short=5 -n 8", vec!["--task", "--n-items"]),
        ("--task short=5 --exception 3 1", vec!["--task", "--exception"]),
        ("--exception 5 3", vec!["exception 5 3", "3 conditions", "--task short=8:5-3", "if all had it"]),
    ] {
        place.refused_saying(&format!("fit c.csv --by condition {options}"), &words);
    }
    // Of one condition, an exception is certain.
    write(&place, "caught.csv", &CAUGHT.rows(&place), rank);
    let alone = place.json("fit caught.csv --by condition --bootstrap 0 --exception 5 3");
    assert_eq!(of(&alone, "caught"), of(&fits, "caught"));
    // Conditions of one task are fitted together, others are not.
    place.refused_saying("fit c.csv --task caught=8:5-3", &["--by"]);
    write(&place, "alike.csv", &[LONG.rows(&place), CAUGHT.rows(&place)].concat(), rank);
    place.ok("fit alike.csv --bootstrap 0");
    place.refused_saying("fit alike.csv --task caught=8:5-3", &["8:5-3", "add condition to --by"]);
    // Trial tables say themselves what was trained.
    trials::write(&place, "t.csv", &[PLAIN]);
    place.refused_saying("fit t.csv --task 9", &["--task", "trial tables"]);
}

#[test]
fn a_list_that_does_not_begin_with_the_highest_item_is_told_not_shifted() {
    let place = Place::new();
    let moved: Vec<Row> =
        SHORT.rows(&place).into_iter().map(|(s, c, w, l, f, n)| (s, c, w + 4, l + 4, f + 4, n)).collect();
    write(&place, "c.csv", &[LONG.rows(&place), moved.clone()].concat(), rank);
    write(&place, "alone.csv", &SHORT.rows(&place), rank);
    place.refused_saying(
        "fit c.csv --by condition",
        &["condition short", "4, 5, 6, 7, 8", "--task short=5", "--task short=9"],
    );
    let alone = place.json("fit alone.csv --by condition --bootstrap 0");
    let five = place.json("fit c.csv --by condition --bootstrap 0 --task short=5");
    assert_eq!(of(&five, "short"), of(&alone, "short"));
    assert_eq!(of(&place.json("fit c.csv --by condition --bootstrap 0 --task short=9"), "short")["task"], "9");
    // The same of names.
    let name = |k: usize| ["ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ida"][k].to_owned();
    write(&place, "named.csv", &[LONG.rows(&place), moved].concat(), name);
    let order = "--order ann,bob,cat,dan,eve,fay,gus,hal,ida --by condition --bootstrap 0";
    place.refused_saying(
        &format!("fit named.csv {order}"),
        &["condition short", "eve, fay, gus, hal, ida", "--task short=5"],
    );
    let named = place.json(&format!("fit named.csv {order} --task short=5"));
    assert_eq!(of(&named, "short"), of(&alone, "short"));
    place.refused_saying(&format!("fit named.csv {order} --task short=12"), &["short", "12", "9"]);
    // Ranks from 1 are the file's business, but for exceptions.
    write(&place, "one.csv", &CAUGHT.rows(&place), |k| (k + 1).to_string());
    write(&place, "zero.csv", &CAUGHT.rows(&place), rank);
    let line = "fit one.csv --by condition --bootstrap 0 --task caught=8:5-3";
    assert_eq!(place.json(line), place.json("fit zero.csv --by condition --bootstrap 0 --task caught=8:5-3"));
    let words = said(&place, line);
    assert!(words.contains("1 is taken for the highest") && words.contains("6 of the file beats 4"), "{words}");
}

#[test]
fn subjects_of_one_list_share_it_and_those_of_another_are_told() {
    let place = Place::new();
    let columns = "--columns winner=winner,loser=loser,count=count,subject=subject --bootstrap 0";
    let long = LONG.rows(&place);
    // By chance: one subject made three choices, none of them of the lowest item.
    let mut rows = long.clone();
    rows.extend([(0, 1), (1, 2), (3, 5)].map(|(w, l)| ("late".to_owned(), "long", w, l, w, 1)));
    write(&place, "chance.csv", &rows, rank);
    let line = format!("fit chance.csv {columns} --by subject");
    assert!(place.json(&line).as_array().unwrap().iter().all(|f| f["task"] == "8"));
    assert!(said(&place, &line).contains("1 of 5 subjects never show some of the 8 items"));
    // Not by chance: other subjects had the short list.
    let mut rows = long;
    rows.extend(SHORT.rows(&place).into_iter().map(|(s, c, w, l, f, n)| (format!("x{s}"), c, w, l, f, n)));
    write(&place, "two.csv", &rows, rank);
    for by in ["", "--by subject"] {
        let line = format!("fit two.csv {columns} {by}");
        place.refused_saying(&line, &["4 of 8 subjects", "xs0", "--task xs0=5", "--task 8"]);
        assert!(said(&place, &format!("{line} -n 8")).contains("4 of 8 subjects never show"));
        place.ok(&format!("{line} --task 8"));
    }
    let short: Vec<String> = (0..4).map(|k| format!("--task xs{k}=5")).collect();
    let fits = place.json(&format!("fit two.csv {columns} --by subject {}", short.join(" ")));
    for fit in fits.as_array().unwrap() {
        let is_short = fit["subject"].as_str().unwrap().starts_with('x');
        assert_eq!(fit["task"], if is_short { "5" } else { "8" });
        assert_close(&fit["conjunctivity"], 0.2, 0.05);
    }
    place.refused_saying(&format!("fit two.csv {columns} {}", short.join(" ")), &["add subject to --by"]);
    place.refused_saying(&format!("fit two.csv {columns} --task nobody=5"), &["nobody", "no such subject", "\"s0\""]);
}

#[test]
fn proportions_by_distance_have_lists_of_their_own_too() {
    let place = Place::new();
    let row = |condition: &str, d: usize| format!("{condition},{d},{},40\n", 0.6 + 0.05 * d as f64);
    let rows: String = (1..5).map(|d| row("short", d)).chain((1..7).map(|d| row("long", d))).collect();
    place.write("d.csv", format!("condition,distance,accuracy,count\n{rows}"));
    let short: String = (1..5).map(|d| row("short", d)).collect();
    place.write("short.csv", format!("condition,distance,accuracy,count\n{short}"));
    let fits = place.json("fit d.csv --by condition --bootstrap 0 --distance-figure d.svg");
    assert_eq!(of(&fits, "short"), of(&place.json("fit short.csv --by condition --bootstrap 0"), "short"));
    assert_eq!((&of(&fits, "short")["task"], &of(&fits, "long")["task"]), (&"5".into(), &"7".into()));
    place.refused_saying("fit d.csv --by condition --task short=4", &["condition short", "distance 4", "5 items"]);
    place.refused_saying("fit d.csv", &["add condition to --by"]);
    place.refused_saying("fit short.csv --position-bias", &["--position-bias", "distances only"]);
}

#[test]
fn several_files_are_one() {
    let place = Place::new();
    let rows = [LONG.rows(&place), CAUGHT.rows(&place)].concat();
    write(&place, "all.csv", &rows, rank);
    write(&place, "a.csv", &rows[..77], rank);
    write(&place, "b.csv", &rows[77..], rank);
    let options = "--by condition --bootstrap 20 --task caught=8:5-3";
    assert_eq!(place.json(&format!("fit a.csv b.csv {options}")), place.json(&format!("fit all.csv {options}")));
    place.write("other.csv", "condition,winner,loser\nlong,0,1\n");
    place.refused_saying("fit a.csv other.csv", &["other.csv", "no column for first", "a.csv has one"]);
    place.refused_saying("fit other.csv a.csv", &["a.csv", "a column for", "other.csv has none"]);
    place.refused_saying("fit a.csv ./a.csv", &["a.csv", "named twice"]);
    place.write("bad.csv", "subject,condition,winner,loser,first,count\ns0,long,0,1,0,1\ns0,long,0,0,0,1\n");
    place.refused_saying("fit a.csv bad.csv", &["bad.csv", "line 3"]);
}

#[test]
fn a_position_bias_needs_positions() {
    let place = Place::new();
    let rows = LONG.rows(&place);
    write(&place, "c.csv", &rows, rank);
    place.ok("fit c.csv --position-bias --bootstrap 0");
    let without = "--columns winner=winner,loser=loser,count=count --position-bias";
    for more in ["", "--compare", "--by subject"] {
        place.refused_saying(&format!("fit c.csv {without} {more}"), &["which item was shown first", "first=COLUMN"]);
    }
    place.write("pairs.csv", "higher,lower,accuracy,count\n0,1,0.8,20\n1,2,0.7,20\n0,2,0.9,20\n");
    place.refused_saying("fit pairs.csv --position-bias", &["first=COLUMN"]);
    // Always the higher item, always the lower one, always the chosen one.
    let first =
        |f: fn(&Row) -> usize| rows.iter().map(|r| (r.0.clone(), r.1, r.2, r.3, f(r), r.5)).collect::<Vec<Row>>();
    for (f, words) in [
        ((|r| r.2.min(r.3)) as fn(&Row) -> usize, "the higher item is shown first in every trial"),
        (|r| r.2.max(r.3), "the lower item is shown first in every trial"),
        (|r| r.2, "always the one chosen"),
        (|r| r.3, "never the one chosen"),
    ] {
        write(&place, "f.csv", &first(f), rank);
        place.ok("fit f.csv --bootstrap 0");
        for more in ["", "--compare --folds 2"] {
            place.refused_saying(&format!("fit f.csv --position-bias {more}"), &["position bias", words]);
        }
    }
    // Of one subject of several, that is worth a warning.
    let one = |r: &Row| if r.0 == "s1" { r.2 } else { r.4 };
    write(&place, "f.csv", &first(one), rank);
    let words = said(&place, "fit f.csv --position-bias --by subject --bootstrap 0");
    assert!(words.contains("warning: subject s1") && words.contains("always the one chosen"), "{words}");
    place.refused_saying("fit c.csv --task 1000001", &["1000001"]);
    // Trial tables show both orders, and name the task: conditions that were trained otherwise are not mixed.
    trials::write(&place, "t.csv", &[PLAIN, EXCEPTION]);
    place.ok("fit t.csv --position-bias --bootstrap 0 --loss logistic");
    for more in ["", "--position-bias", "--loss logistic", "--compare --folds 2", "--loss logistic --compare --folds 2"]
    {
        place.refused_saying(&format!("fit t.csv --by model {more}"), &["add hier"]);
    }
}

#[test]
fn data_that_speak_for_the_opposite_order_are_refused_or_told() {
    let place = Place::new();
    let turned =
        |rows: Vec<Row>| -> Vec<Row> { rows.into_iter().map(|(s, c, w, l, f, n)| (s, c, l, w, f, n)).collect() };
    write(&place, "turned.csv", &turned(CAUGHT.rows(&place)), rank);
    for options in
        ["--exception 5 3", "--by subject", "--compare --folds 2", "--lapse --position-bias", "--learner gradient-flow"]
    {
        let words = ["opposite order", "the lower item is chosen in", "--order"];
        place.refused_saying(&format!("fit turned.csv --bootstrap 0 {options}"), &words);
    }
    // The order turned round, all is well: ranks as names, the highest first.
    place.ok("fit turned.csv --bootstrap 0 --order 7,6,5,4,3,2,1,0");
    // One condition of several.
    let mut rows = [LONG.rows(&place), CAUGHT.rows(&place)].concat();
    rows.extend(turned(SHORT.rows(&place)));
    write(&place, "mixed.csv", &rows, rank);
    let words = said(&place, "fit mixed.csv --by condition --bootstrap 0");
    assert!(words.contains("warning: condition short: the choices speak for the opposite order"), "{words}");
    // A few choices prove nothing.
    place.write("few.csv", "winner,loser\n1,0\n2,1\n0,2\n");
    assert!(!said(&place, "fit few.csv --bootstrap 0").contains("opposite"));
    // Margins with their signs turned.
    let backwards = Simulated { gain: -5.0, hier: "ti_n9_turned", ..PLAIN };
    trials::write(&place, "t.csv", &[backwards]);
    for options in ["", "--position-bias", "--learner gradient-flow", "--compare --folds 2", "--loss logistic"] {
        place.refused_saying(&format!("fit t.csv --bootstrap 0 {options}"), &["opposite order", "logit_diff"]);
    }
    // Labels turned and margins as they are: what was trained is answered the other way round.
    trials::write(&place, "l.csv", &[PLAIN]);
    let text = std::fs::read_to_string(place.path("l.csv")).unwrap();
    let labels = text.replace(",Yes", ",~").replace(",No", ",Yes").replace(",~", ",No");
    place.write("l.csv", labels);
    for options in ["", "--learner gradient-flow", "--loss logistic"] {
        place.refused_saying(&format!("fit l.csv --bootstrap 0 {options}"), &["opposite order", "what label says"]);
    }
    place.refused_saying(
        "fit l.csv --bootstrap 0 --loss logistic",
        &["trained pairs are answered against their labels"],
    );
    trials::write(&place, "two.csv", &[PLAIN, EXCEPTION, backwards]);
    let words = said(&place, "fit two.csv --bootstrap 0");
    assert!(words.contains("warning:") && words.contains("ti_n9_turned") && words.contains("signs turned"), "{words}");
    place.refused_saying("fit two.csv --bootstrap 0 --train ti_n9_turned --test exc_mid_n9", &["opposite order"]);
    assert!(!said(&place, "fit two.csv --bootstrap 0 --train ti_n9 --test exc_mid_n9").contains("opposite"));
    assert!(said(&place, "fit two.csv --bootstrap 0 --phase pre").is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn nothing_else_in_a_file_changes_the_fit_of_a_condition(
        seed in any::<u64>(),
        kept in 0..3_usize,
        cut in 1..200_usize,
        step in 1..7_usize,
        is_named in any::<bool>(),
    ) {
        let place = Place::new();
        let lists = [SHORT, LONG, CAUGHT];
        let list = lists[kept];
        let rows = list.rows(&place);
        write(&place, "alone.csv", &rows, rank);
        let options = "--by condition --bootstrap 40 --position-bias";
        let alone = place.json(&format!("fit alone.csv {options} --task {}={}", list.name, list.task()));
        // Other conditions come in, all rows are shuffled and cut into two files, and items may have other names.
        let mut all: Vec<Row> = lists.iter().flat_map(|l| l.rows(&place)).collect();
        let mut state = seed;
        for k in (1..all.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            all.swap(k, (state >> 33) as usize % (k + 1));
        }
        let name = |k: usize| if is_named { format!("item {}", (k * step + k / 2 + 3) * 7 % 101) } else { rank(k) };
        write(&place, "a.csv", &all[..cut], name);
        write(&place, "b.csv", &all[cut..], name);
        let mut line: Vec<String> = format!("fit a.csv b.csv {options} --format json").split(' ').map(str::to_owned).collect();
        for l in lists {
            line.extend(["--task".to_owned(), format!("{}={}", l.name, l.task())]);
        }
        if is_named {
            line.extend(["--order".to_owned(), (0..8).map(name).collect::<Vec<_>>().join(",")]);
        }
        let output = place.command_of(&line.iter().map(String::as_str).collect::<Vec<_>>()).output().unwrap();
        prop_assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let fits: Value = serde_json::from_slice(&output.stdout).unwrap();
        // Counts are whole numbers, so that not even the last digit changes.
        prop_assert_eq!(of(&fits, list.name), of(&alone, list.name));
    }
}

#[test]
fn files_that_count_ranks_from_0_and_from_1_are_asked_for() {
    let place = Place::new();
    let rows = LONG.rows(&place);
    write(&place, "zero.csv", &rows, rank);
    write(&place, "one.csv", &rows, |k| (k + 1).to_string());
    place.refused_saying(
        "fit zero.csv one.csv",
        &["from 0 to 7 in zero.csv", "from 1 to 8 in one.csv", "--first-rank 0"],
    );
    place.refused_saying("fit one.csv zero.csv", &["from 0 to 7", "from 1 to 8"]);
    // A file may lack the highest item, and what is said is not asked for.
    let rest: Vec<Row> = rows.iter().filter(|r| r.2 > 0 && r.3 > 0).cloned().collect();
    write(&place, "rest.csv", &rest, rank);
    place.ok("fit zero.csv rest.csv --bootstrap 0");
    assert_eq!(place.json("fit zero.csv one.csv --first-rank 0 --bootstrap 0")[0]["task"], "9");
    place.refused_saying("fit zero.csv -n 5", &["expected 0 to 4, or 1 to 5"]);
}

#[test]
fn names_of_subjects_are_one_only_where_they_are_one_number() {
    let place = Place::new();
    let rows = |names: [&'static str; 2]| -> Vec<Row> {
        let rows = LONG.rows(&place);
        rows.into_iter().map(|r| (names[usize::from(r.0 != "s0")].to_owned(), r.1, r.2, r.3, r.4, r.5)).collect()
    };
    for (names, n, words) in [
        (["1.1", "1.10"], 2, None),
        (["01", "1"], 1, Some("the subjects \"01\" and \"1\" are the same number and taken for one")),
        (["2.0", "2"], 1, None),
        (["S", "s"], 2, Some("the subjects \"S\" and \"s\" differ by case alone")),
        (["Zoe\u{308}\u{a0}", "Zoë"], 1, None),
    ] {
        write(&place, "c.csv", &rows(names), rank);
        let fits = place.json("fit c.csv --by subject --bootstrap 0");
        assert_eq!(fits.as_array().unwrap().len(), n, "{names:?}");
        let said = said(&place, "fit c.csv --by subject --bootstrap 0");
        assert!(words.is_none_or(|words| said.contains(words)), "{said}");
        assert_eq!(words.is_none(), !said.contains("subjects \""), "{said}");
    }
}

#[test]
fn columns_named_like_roles_that_are_not_read_are_told() {
    let place = Place::new();
    write(&place, "c.csv", &LONG.rows(&place), rank);
    let line = "fit c.csv --bootstrap 0 --columns winner=winner,loser=loser";
    let words = said(&place, line);
    assert!(words.contains("the columns count, subject and condition are not read: if rows differ by them"), "{words}");
    assert!(
        words.contains("--columns winner=winner,loser=loser,count=count,subject=subject,condition=condition"),
        "{words}"
    );
    // What is named, given in another way or filtered by is no surprise.
    let told = format!("{line},subject=subject --trials 1 --where condition=long");
    assert!(!said(&place, &told).contains("not read"), "{}", said(&place, &told));
    let one = said(&place, &format!("{line},count=count,subject=subject"));
    assert!(
        one.contains("the column condition is not read") && one.contains("subject=subject,condition=condition"),
        "{one}"
    );
    assert!(!said(&place, "fit c.csv --bootstrap 0").contains("not read"));
    // So are columns of other names, where roles are found by theirs.
    place.write("n.csv", place.text("c.csv").replacen("count", "n", 1));
    let other = said(&place, "fit n.csv --bootstrap 0");
    assert!(other.contains("the column n is not read") && other.contains("count=n"), "{other}");
}
