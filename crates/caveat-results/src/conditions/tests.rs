//! Tests of conditions on small tables, and on the published ones where `CAVEAT_PUBLISHED_LM` names their directory.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use caveat_theory::PresentationOrder;

use super::*;
use crate::{Table, TrialColumn, scan_trials};

/// One row of a small trial table; the columns that conditions do not read are left out.
#[derive(Clone)]
struct Row {
    setting: &'static str,
    seed: i64,
    phase: &'static str,
    a: i64,
    b: i64,
    train: bool,
    exception: bool,
    label: &'static str,
    logit: f64,
    lora_r: f64,
}

impl Row {
    fn new(a: i64, b: i64, train: bool, label: &'static str, logit: f64) -> Self {
        let (setting, phase) = ("full", "post");
        Self { setting, seed: 0, phase, a, b, train, exception: false, label, logit, lora_r: f64::NAN }
    }
}

fn table(rows: &[Row]) -> Table {
    let n = rows.len();
    Table::new()
        .text("setting", rows.iter().map(|r| r.setting))
        .and_then(|t| t.text("model", vec!["m"; n]))
        .and_then(|t| t.text("task", vec!["fake"; n]))
        .and_then(|t| t.text("hier", vec!["h"; n]))
        .and_then(|t| t.integer("seed", rows.iter().map(|r| r.seed)))
        .and_then(|t| t.text("phase", rows.iter().map(|r| r.phase)))
        .and_then(|t| t.integer("rank_a", rows.iter().map(|r| r.a)))
        .and_then(|t| t.integer("rank_b", rows.iter().map(|r| r.b)))
        .and_then(|t| t.flag("is_train", rows.iter().map(|r| r.train)))
        .and_then(|t| t.flag("is_exception", rows.iter().map(|r| r.exception)))
        .and_then(|t| t.text("label", rows.iter().map(|r| r.label)))
        .and_then(|t| t.float("logit_diff", rows.iter().map(|r| r.logit)))
        .and_then(|t| t.float("lora_r", rows.iter().map(|r| r.lora_r)))
        .and_then(|t| t.float("l2_reg", vec![f64::NAN; n]))
        .unwrap()
}

/// Chain 0 > 1 > 2 > 3 and the exception 3 > 1, every ordered pair, logits 10 a + b + seed.
fn sample(seed: i64) -> Vec<Row> {
    let mut rows = Vec::new();
    for (a, b) in (0..4).flat_map(|a| (0..4).map(move |b| (a, b))).filter(|(a, b)| a != b) {
        let exception = (a, b) == (1, 3) || (a, b) == (3, 1);
        let first_wins = (a < b) != exception;
        let train = exception || i64::abs(a - b) == 1;
        let label = if first_wins { "Yes" } else { "No" };
        rows.push(Row { seed, exception, ..Row::new(a, b, train, label, (10 * a + b + seed) as f64) });
    }
    rows
}

fn read(tables: &[(&str, Table)]) -> Result<Vec<Condition>> {
    read_phase(tables, Phase::Post)
}

fn read_phase(tables: &[(&str, Table)], phase: Phase) -> Result<Vec<Condition>> {
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = tables.iter().map(|(name, _)| directory.path().join(name)).collect();
    for ((_, table), path) in tables.iter().zip(&paths) {
        table.write(path).unwrap();
    }
    read_conditions(&paths, phase, &|_, _| {})
}

fn refusal(rows: &[Row]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let [parquet, csv] = ["parquet", "csv"].map(|format| {
        let path = directory.path().join("t").with_extension(format);
        table(rows).write(&path).unwrap();
        let message = read_conditions(&[path], Phase::Post, &|_, _| {}).unwrap_err().to_string();
        assert!(!message.contains('\n'), "{message}");
        message.replace(&format!("t.{format}"), "t")
    });
    assert_eq!(parquet, csv, "both formats should be refused alike");
    parquet
}

#[test]
fn means_margins_and_task_are_those_of_the_rows() {
    for name in ["t.parquet", "t.csv"] {
        let rows = [sample(0), sample(6)].concat();
        let conditions = read(&[(name, table(&rows))]).unwrap();
        let [c] = conditions.as_slice() else { panic!("{} conditions", conditions.len()) };
        assert_eq!((c.n_items(), c.n_rows(), c.seeds()), (4, 24, &[0, 6][..]));
        assert_eq!((c.mean(1, 2), c.count(1, 2), c.mean(2, 2), c.count(9, 0)), (Some(15.0), 2, None, 0));
        assert_eq!(c.seed_sum(1, 1, 2), (18.0, 1));
        assert_eq!(c.task(), Some(&TransitiveTask::new(4, &[(3, 1)]).unwrap()));
        assert_eq!(c.graph(), c.task().unwrap().graph());
        assert_eq!(c.exceptions(), [(3, 1)]);
        assert_eq!((c.key().lora_r, c.key().to_string().as_str()), (None, "full m fake h"));
        let margins = c.margins();
        assert_eq!(margins.len(), 6);
        let expected = PairMargin { first: 1, second: 3, margin: -9.0, n_rows: 4, is_train: true, is_exception: true };
        assert_eq!(margins[4], expected);
        assert_eq!(margins.iter().filter(|m| m.is_train).count(), 4);
        assert_eq!(c.seed_margins(), vec![margins.iter().map(|m| m.margin).collect::<Vec<_>>(); 2]);
    }
}

#[test]
fn rows_of_one_condition_in_several_files_are_merged() {
    let whole = read(&[("a.parquet", table(&[sample(0), sample(1)].concat()))]).unwrap();
    let parts = read(&[("a.parquet", table(&sample(0))), ("b.csv", table(&sample(1)))]).unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].margins(), whole[0].margins());
    assert_eq!(parts[0].seed_margins(), whole[0].seed_margins());
}

#[test]
fn hyperparameters_tell_conditions_apart_and_order_them() {
    let with = |lora_r, setting| sample(0).into_iter().map(move |r| Row { lora_r, setting, ..r });
    let rows: Vec<Row> = with(16.0, "lora").chain(with(4.0, "lora")).chain(with(f64::NAN, "full")).collect();
    let conditions = read(&[("t.parquet", table(&rows))]).unwrap();
    let keys: Vec<_> = conditions.iter().map(|c| (c.key().setting.as_str(), c.key().lora_r)).collect();
    assert_eq!(keys, [("full", None), ("lora", Some(4.0)), ("lora", Some(16.0))]);
}

#[test]
fn only_rows_of_the_phase_are_read() {
    let mut rows = sample(0);
    rows.extend(sample(0).into_iter().map(|r| Row { phase: "pre", logit: f64::NAN, ..r }));
    let conditions = read(&[("t.parquet", table(&rows))]).unwrap();
    assert_eq!(conditions[0].n_rows(), 12);
    let message = read_phase(&[("t.csv", table(&sample(0)))], Phase::Pre).unwrap_err().to_string();
    assert!(message.contains("the table has no rows with phase pre"), "{message}");
}

#[test]
fn pairs_without_both_orders_have_no_margin_and_seeds_without_them_nan() {
    let mut rows = [sample(0), sample(1)].concat();
    rows.retain(|r| (r.a, r.b) != (2, 0) && (r.seed, r.a, r.b) != (1, 3, 0));
    let condition = read(&[("t.parquet", table(&rows))]).unwrap().remove(0);
    let pairs: Vec<_> = condition.margins().iter().map(|m| (m.first, m.second)).collect();
    assert_eq!(pairs, [(0, 1), (0, 3), (1, 2), (1, 3), (2, 3)]);
    let seeds = condition.seed_margins();
    assert!(seeds[1][1].is_nan());
    assert_eq!(seeds.concat().iter().filter(|m| m.is_nan()).count(), 1);
}

#[test]
fn orders_of_presentation_are_those_that_were_trained() {
    let order = |trained: fn(&Row) -> bool| {
        let rows: Vec<Row> = sample(0).into_iter().map(|r| Row { train: r.train && trained(&r), ..r }).collect();
        read(&[("t.csv", table(&rows))]).map(|mut c| c.remove(0).graph().order())
    };
    assert_eq!(order(|_| true).unwrap(), PresentationOrder::Both);
    assert_eq!(order(|r| r.a < r.b).unwrap(), PresentationOrder::HigherFirst);
    assert_eq!(order(|r| r.a > r.b).unwrap(), PresentationOrder::LowerFirst);
    assert_eq!(order(|r| r.label == "Yes").unwrap(), PresentationOrder::WinnerFirst);
    let message = order(|r| r.a < r.b || r.a == 2).unwrap_err().to_string();
    assert!(message.contains("\"is_train\"") && message.contains("is trained in other orders"), "{message}");
}

#[test]
fn a_chain_is_recognized_from_one_order_of_each_pair_alone() {
    let rows: Vec<Row> = sample(0).into_iter().filter(|r| r.a < r.b).collect();
    let condition = read(&[("t.parquet", table(&rows))]).unwrap().remove(0);
    assert_eq!(condition.graph().order(), PresentationOrder::Both);
    assert_eq!(condition.task().unwrap().exceptions().len(), 1);
    assert!(condition.margins().is_empty());
}

#[test]
fn inconsistent_rows_are_named_by_file_row_and_column() {
    let spoil = |row: usize, change: fn(&mut Row)| {
        let mut rows = [sample(0), sample(1)].concat();
        change(&mut rows[row]);
        refusal(&rows)
    };
    for (message, says) in [
        (spoil(3, |r| r.a = -1), "row 3 (counted from 0), column \"rank_a\": rank -1: expected a rank from 0 to 1023"),
        (spoil(4, |r| r.b = 5000), "row 4 (counted from 0), column \"rank_b\": rank 5000"),
        (spoil(5, |r| r.b = r.a), "row 5 (counted from 0), column \"rank_b\": rank 1 is compared with itself"),
        (spoil(6, |r| r.logit = f64::NAN), "row 6 (counted from 0), column \"logit_diff\": NaN"),
        (spoil(7, |r| r.logit = f64::INFINITY), "row 7 (counted from 0), column \"logit_diff\": inf"),
        (spoil(8, |r| r.phase = "mid"), "row 8 (counted from 0), column \"phase\": \"mid\": expected pre or post"),
        (
            spoil(12, |r| r.train = false),
            "row 12 (counted from 0), column \"is_train\": false for the ordered pair (0, 1)",
        ),
        (spoil(13, |r| r.exception = true), "row 13 (counted from 0), column \"is_exception\": true for"),
        (
            spoil(12, |r| r.label = "No"),
            "row 12 (counted from 0), column \"label\": No for the ordered pair (0, 1), but Yes in row 0",
        ),
        (spoil(0, |r| r.label = "maybe"), "row 0 (counted from 0), column \"label\": \"maybe\" on a trained pair"),
    ] {
        assert!(message.contains(says), "{message:?} should say {says:?}");
    }
    assert!(spoil(12, |r| r.train = false).contains("condition full m fake h"));
}

#[test]
fn contradictions_between_files_and_between_orders_are_found() {
    let mut other = sample(1);
    other[0].train = false;
    let message = read(&[("a.parquet", table(&sample(0))), ("b.parquet", table(&other))]).unwrap_err().to_string();
    assert!(message.contains("b.parquet: row 0") && message.contains("a.parquet"), "{message}");

    let mut rows = sample(0);
    rows[0].label = "No";
    assert!(refusal(&rows).contains("trained pair (0, 1) is labelled No in both orders"));
    let mut rows = sample(0);
    rows[5].exception = !rows[5].exception;
    assert!(refusal(&rows).contains("column \"is_exception\": pair (1, 3) is marked in one order only"));
    let rows: Vec<Row> = sample(0).into_iter().map(|r| Row { train: false, ..r }).collect();
    assert!(refusal(&rows).contains("rows with is_train true: there are no comparisons"));
}

#[test]
fn untrained_rows_may_lack_a_label() {
    let rows: Vec<Row> =
        sample(0).into_iter().map(|r| Row { label: if r.train { r.label } else { "" }, ..r }).collect();
    assert_eq!(read(&[("t.csv", table(&rows)), ("u.parquet", table(&rows))]).unwrap()[0].n_rows(), 24);
}

#[test]
fn many_items_and_seeds_in_any_order_sum_as_computed_directly() {
    // Ranks that make the arrays grow, seeds that interleave, enough rows for several units of parallel work.
    let (n, n_seeds) = (40_i64, 190_i64);
    let mut rows = Vec::new();
    for (a, b) in (0..n).flat_map(|a| (0..n).map(move |b| (a, b))).filter(|(a, b)| a != b) {
        for seed in 0..n_seeds {
            let (train, label) = ((a - b).abs() == 1, if a < b { "Yes" } else { "No" });
            let logit = ((a * 7 + b * 13 + seed * 29) % 64) as f64 / 16.0;
            rows.push(Row { seed, ..Row::new(a, b, train, label, logit) });
        }
    }
    let conditions = read(&[("t.parquet", table(&rows))]).unwrap();
    let c = &conditions[0];
    assert_eq!((c.n_items(), c.seeds().len(), c.n_rows()), (n as usize, n_seeds as usize, rows.len() as u64));
    for (a, b) in [(0, 1), (39, 0), (17, 38)] {
        let direct: f64 = rows.iter().filter(|r| (r.a, r.b) == (a, b)).map(|r| r.logit).sum();
        assert_eq!(c.mean(a as usize, b as usize), Some(direct / n_seeds as f64));
        let seed_5 = ((a * 7 + b * 13 + 5 * 29) % 64) as f64 / 16.0;
        assert_eq!(c.seed_sum(5, a as usize, b as usize), (seed_5, 1));
    }
}

fn published() -> Option<PathBuf> {
    let directory = std::env::var_os("CAVEAT_PUBLISHED_LM").map(PathBuf::from);
    if directory.is_none() {
        println!("skipped: CAVEAT_PUBLISHED_LM is not set");
    }
    directory
}

#[test]
fn the_published_tables_give_370_conditions_with_their_tasks() {
    let Some(directory) = published() else { return };
    let (last, total) = (AtomicU64::new(0), AtomicU64::new(0));
    let conditions = read_conditions(&[directory], Phase::Post, &|done, all| {
        last.fetch_max(done, Ordering::Relaxed);
        total.store(all, Ordering::Relaxed);
    })
    .unwrap();
    assert_eq!(conditions.len(), 370);
    assert_eq!((last.into_inner(), total.into_inner()), (6_042_400, 6_042_400));
    assert_eq!(conditions.iter().map(Condition::n_rows).sum::<u64>(), 3_021_200);
    for c in &conditions {
        let (n, exceptions): (usize, &[(usize, usize)]) = match c.key().hier.as_str() {
            "ti_n9" => (9, &[]),
            "exc_mid_n9" => (9, &[(5, 3)]),
            "exc_mid_n11" => (11, &[(6, 4)]),
            other => panic!("unexpected hierarchy {other}"),
        };
        assert_eq!(c.task(), Some(&TransitiveTask::new(n, exceptions).unwrap()), "{}", c.key());
        assert_eq!(c.exceptions(), exceptions);
        assert_eq!((c.seeds().len(), c.margins().len()), (50, n * (n - 1) / 2));
        assert!(c.margins().iter().all(|m| m.n_rows == 200));
    }
}

#[test]
fn published_means_are_those_of_a_plain_pass_over_the_rows() {
    let Some(directory) = published() else { return };
    let path = directory.join("exception").join("exc_mid_n9__fake.parquet");
    let parts = scan_trials(
        std::slice::from_ref(&path),
        &TrialColumn::ALL,
        &|_, _| {},
        |sums: &mut Vec<(String, f64)>, batch| {
            let text = |c| batch.text(c).unwrap();
            let [setting, model, phase] = [TrialColumn::Setting, TrialColumn::Model, TrialColumn::Phase].map(text);
            let (a, b) = (batch.integers(TrialColumn::RankA)?, batch.integers(TrialColumn::RankB)?);
            let (lora_r, l2_reg) = (batch.reals(TrialColumn::LoraR)?, batch.reals(TrialColumn::L2Reg)?);
            let logit = batch.reals(TrialColumn::LogitDiff)?;
            for k in (0..batch.n_rows()).filter(|&k| phase.get(k) == Some("post")) {
                let names = (setting.get(k).unwrap(), model.get(k).unwrap());
                sums.push((format!("{names:?} {} {} {} {}", lora_r[k], l2_reg[k], a[k], b[k]), logit[k]));
            }
            Ok(())
        },
    );
    let mut means: HashMap<String, (f64, f64)> = HashMap::new();
    for (key, logit) in parts.unwrap().concat() {
        let sum = means.entry(key).or_default();
        *sum = (sum.0 + logit, sum.1 + 1.0);
    }
    let conditions = read_conditions(&[path], Phase::Post, &|_, _| {}).unwrap();
    assert_eq!(means.len(), conditions.len() * 72);
    for c in &conditions {
        let key = c.key();
        let names = (key.setting.as_str(), key.model.as_str());
        let [lora_r, l2_reg] = [key.lora_r, key.l2_reg].map(|x| x.unwrap_or(f64::NAN));
        for (at, m) in c.margins().into_iter().enumerate() {
            let mean = |a, b| {
                let (sum, count) = means[&format!("{names:?} {lora_r} {l2_reg} {a} {b}")];
                sum / count
            };
            let expected = (mean(m.first, m.second) - mean(m.second, m.first)) / 2.0;
            assert!((m.margin - expected).abs() < 1e-12, "{key}: {m:?}, expected {expected}");
            // Every seed has as many rows of a pair as any other.
            let seeds: Vec<f64> = c.seed_margins().iter().map(|s| s[at]).collect();
            assert!((seeds.iter().sum::<f64>() / seeds.len() as f64 - expected).abs() < 1e-12);
        }
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let rows: Vec<Row> = (0..30).flat_map(sample).map(|r| Row { logit: r.logit * 0.1, ..r }).collect();
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..5).map(|k| directory.path().join(format!("{k}.parquet"))).collect();
    for (k, path) in paths.iter().enumerate() {
        let rows: Vec<Row> = rows.iter().map(|r| Row { logit: r.logit + 0.01 * k as f64, ..r.clone() }).collect();
        table(&rows).write(path).unwrap();
    }
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| read_conditions(&paths, Phase::Post, &|_, _| {}).unwrap()[0].margins())
    };
    assert_eq!(with(1), with(4));
}
