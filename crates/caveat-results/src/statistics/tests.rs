//! The statistics against a plain pass over the rows, one at a time, of tables with several hierarchies, gaps and ties.

mod pair_tables;
mod refusals;
mod summaries;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use caveat_theory::PairClass;

use super::*;
use crate::trial_table::{ColumnKind, Phase, TrialColumn};
use crate::{Result, Table, Values};

/// One row of a trial table, its values in the order of `TrialColumn::ALL`.
type Row = Vec<GroupValue>;

fn at(column: TrialColumn) -> usize {
    TrialColumn::ALL.iter().position(|c| *c == column).unwrap()
}

fn text(row: &Row, column: TrialColumn) -> &str {
    if let GroupValue::Text(x) = &row[at(column)] { x } else { panic!("{column} is no text") }
}

fn integer(row: &Row, column: TrialColumn) -> i64 {
    if let GroupValue::Integer(x) = row[at(column)] { x } else { panic!("{column} is no integer") }
}

fn real(row: &Row, column: TrialColumn) -> f64 {
    if let GroupValue::Real(x) = row[at(column)] { x } else { panic!("{column} is no float") }
}

/// A well-mixed number of the arguments.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Name, number of items and exception (winner, loser).
type HierarchyShape = (&'static str, i64, Option<(i64, i64)>);

/// The hierarchies; the cycle of `wide` has untrained pairs inside.
const HIERARCHIES: [HierarchyShape; 3] = [("chain", 6, None), ("short", 9, Some((5, 3))), ("wide", 10, Some((6, 2)))];

/// The class by its definition for a chain with one exception at most.
fn class_of(hier: &str, a: i64, b: i64) -> PairClass {
    let (_, _, exception) = HIERARCHIES.into_iter().find(|h| h.0 == hier).unwrap();
    let trained = (a - b).abs() == 1 || exception == Some((a.max(b), a.min(b)));
    let Some((bottom, top)) = exception else {
        return if trained { PairClass::Premise } else { PairClass::WithinSection };
    };
    // −1 above the cycle, 0 in it, 1 below it.
    let side = |r: i64| i64::from(r > bottom) - i64::from(r < top);
    match (side(a), side(b)) {
        (0, 0) if trained => PairClass::ExceptionCycle,
        (0, 0) => PairClass::Ambiguous,
        _ if trained => PairClass::Premise,
        (0, _) | (_, 0) => PairClass::CycleToSection,
        (x, y) if x == y => PairClass::WithinSection,
        _ => PairClass::CrossSection,
    }
}

fn row_class(row: &Row) -> PairClass {
    class_of(text(row, TrialColumn::Hier), integer(row, TrialColumn::RankA), integer(row, TrialColumn::RankB))
}

/// The rows of seven conditions: three seeds, both reversals and phases, values on a grid with ties, some missing, and some
/// untrained pairs left out.
fn rows() -> Vec<Row> {
    let conditions: [(&str, &str, usize, f64, f64); 7] = [
        ("full", "small", 0, f64::NAN, f64::NAN),
        ("full", "small", 1, f64::NAN, f64::NAN),
        ("full", "large", 1, f64::NAN, f64::NAN),
        ("full", "large", 2, f64::NAN, f64::NAN),
        ("lora", "small", 1, 32.0, f64::NAN),
        ("lora", "small", 1, 4.0, f64::NAN),
        ("probe", "small", 2, f64::NAN, 1e-4),
    ];
    let mut rows = Vec::new();
    for (c, (setting, model, hier, lora_r, l2_reg)) in conditions.into_iter().enumerate() {
        let (hier, n, exception) = HIERARCHIES[hier];
        for (seed, reverse, phase) in [-7_i64, 0, 12]
            .into_iter()
            .flat_map(|s| [(s, false, "pre"), (s, false, "post"), (s, true, "pre"), (s, true, "post")])
        {
            for (a, b) in (0..n).flat_map(|a| (0..n).map(move |b| (a, b))).filter(|(a, b)| a != b) {
                let draw = mixed(rows.len() as u64 * 8 + c as u64);
                let class = class_of(hier, a, b);
                let is_exception = exception == Some((a.max(b), a.min(b)));
                let train = is_exception || (a - b).abs() == 1;
                if !train && draw.is_multiple_of(23) {
                    continue;
                }
                let open = class == PairClass::Ambiguous;
                let first_wins = (a < b) != is_exception;
                let truth = if open {
                    f64::NAN
                } else if first_wins {
                    1.0
                } else {
                    -1.0
                };
                let logit = (draw >> 8 & 63) as f64 / 16.0 - 1.5 + if first_wins { 0.5 } else { -0.5 };
                let prob = 1.0 / (1.0 + (-logit).exp());
                let missing = |chance: u64, x: f64| if (draw >> 20).is_multiple_of(chance) { f64::NAN } else { x };
                let right = if open { f64::NAN } else { f64::from((prob > 0.5) == first_wins) };
                let label = if open {
                    ""
                } else if first_wins {
                    "Yes"
                } else {
                    "No"
                };
                let (txt, int) = (|x: &str| GroupValue::Text(x.to_owned()), GroupValue::Integer);
                let (flag, num) = (GroupValue::Flag, GroupValue::Real);
                rows.push(vec![
                    txt(setting),
                    txt(model),
                    txt("fake"),
                    txt(hier),
                    int(seed),
                    flag(reverse),
                    txt(phase),
                    int(a),
                    int(b),
                    int(a.min(b)),
                    int(a.max(b)),
                    int((a - b).abs()),
                    flag(train),
                    flag(is_exception),
                    flag(open),
                    txt(if a < b { "forward" } else { "backward" }),
                    txt(label),
                    num(logit),
                    num(prob),
                    num(truth),
                    num(missing(29, logit * truth)),
                    num(missing(31, right)),
                    num(right),
                    num(lora_r),
                    num(l2_reg),
                ]);
            }
        }
    }
    rows
}

fn table(rows: &[Row]) -> Table {
    TrialColumn::ALL.into_iter().enumerate().fold(Table::new(), |table, (k, column)| {
        let values = rows.iter().map(|r| &r[k]);
        let values = match column.kind() {
            ColumnKind::Text => Values::Text(rows.iter().map(|r| text(r, column).to_owned()).collect()),
            ColumnKind::Integer => Values::Integer(rows.iter().map(|r| Some(integer(r, column))).collect()),
            ColumnKind::Real => Values::Float(rows.iter().map(|r| real(r, column)).collect()),
            ColumnKind::Flag => Values::Flag(values.map(|v| *v == GroupValue::Flag(true)).collect()),
        };
        table.with(column.name(), values).unwrap()
    })
}

/// Writes rows to a file in a directory that lasts as long as the first value.
fn written(name: &str, rows: &[Row]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    table(rows).write(&path).unwrap();
    (directory, vec![path])
}

fn columns(names: &[&str]) -> Vec<GroupColumn> {
    names.iter().map(|n| n.parse().unwrap()).collect()
}

fn selection(filters: &[&str], by: &[GroupColumn]) -> Selection {
    Selection::new(filters.iter().map(|f| f.parse().unwrap()).collect(), by)
}

fn summary(paths: &[PathBuf], by: &[&str], filters: &[&str]) -> Result<Summary> {
    let by = columns(by);
    summarize(paths, &by, &selection(filters, &by), &|_, _| {})
}

fn value(row: &Row, column: GroupColumn) -> GroupValue {
    match column {
        GroupColumn::Trial(column) => row[at(column)].clone(),
        GroupColumn::Class => GroupValue::Class(row_class(row)),
    }
}

/// A text that sorts as the value does.
fn sortable(value: &GroupValue) -> String {
    match value {
        GroupValue::Text(x) => x.clone(),
        GroupValue::Integer(x) => format!("{:020}", x + 1_000_000),
        GroupValue::Real(x) if x.is_nan() => String::new(),
        GroupValue::Real(x) => format!("{:030.12}", x + 1_000_000.0),
        GroupValue::Flag(x) => u8::from(*x).to_string(),
        GroupValue::Class(class) => PairClass::ALL.iter().position(|c| c == class).unwrap().to_string(),
    }
}

/// The same by definition, row by row; `keep` stands for the filters.
fn naive(rows: &[Row], by: &[&str], keep: impl Fn(&Row) -> bool) -> Vec<SummaryGroup> {
    let mut by_class = columns(by);
    if !by.contains(&"class") {
        by_class.push(GroupColumn::Class);
    }
    let mut groups: BTreeMap<Vec<String>, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(|r| keep(r)) {
        groups.entry(by_class.iter().map(|c| sortable(&value(row, *c))).collect()).or_default().push(row);
    }
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    groups
        .into_values()
        .map(|members| {
            let correct: Vec<f64> =
                members.iter().map(|r| real(r, TrialColumn::Correct)).filter(|x| !x.is_nan()).collect();
            let margins = |rows: &[&Row]| -> Vec<f64> {
                rows.iter().map(|r| real(r, TrialColumn::Margin)).filter(|x| !x.is_nan()).collect()
            };
            let mut seeds: BTreeMap<i64, Vec<&Row>> = BTreeMap::new();
            members.iter().for_each(|r| seeds.entry(integer(r, TrialColumn::Seed)).or_default().push(r));
            let means: Vec<f64> = seeds.values().map(|r| mean(&margins(r))).filter(|x| !x.is_nan()).collect();
            let center = mean(&means);
            let variance = means.iter().map(|x| (x - center) * (x - center)).sum::<f64>() / (means.len() as f64 - 1.0);
            let enough = means.len() > 1;
            SummaryGroup {
                values: columns(by).iter().map(|c| value(members[0], *c)).collect(),
                class: row_class(members[0]),
                n: correct.len() as u64,
                n_correct: correct.iter().sum::<f64>() as u64,
                margin: mean(&margins(&members)),
                margin_se: if enough { variance.sqrt() / (means.len() as f64).sqrt() } else { f64::NAN },
                n_seeds: seeds.len() as u64,
            }
        })
        .collect()
}

fn same(a: f64, b: f64, tolerance: f64) -> bool {
    (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance
}

#[track_caller]
fn assert_same(found: &[SummaryGroup], expected: &[SummaryGroup]) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        let same_values = f.values.iter().zip(&e.values).all(|pair| match pair {
            (GroupValue::Real(x), GroupValue::Real(y)) => same(*x, *y, 0.0),
            (x, y) => x == y,
        });
        // Margins lie on a grid of 1/16, so their sums are exact; the spread of a few means of size 4 is not.
        let same_margins = same(f.margin, e.margin, 0.0) && same(f.margin_se, e.margin_se, 1e-14);
        assert!(
            same_values
                && same_margins
                && (f.class, f.n, f.n_correct, f.n_seeds) == (e.class, e.n, e.n_correct, e.n_seeds),
            "{f:?} should be {e:?}"
        );
    }
}

fn is_post(row: &Row) -> bool {
    text(row, TrialColumn::Phase) == "post"
}
