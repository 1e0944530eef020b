//! Reads a folder of runs, whose paths tell what was run, as rows of a trial table.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::fs;
use std::mem::replace;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use rayon::prelude::*;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::claims::{self, Items};
use super::layout::Layout;
use super::records::{About, Said, said};
use super::run_path::RunPath;
use crate::conditions::MAX_ITEMS;
use crate::error::{Result, ResultsError, one_line};
use crate::run_layout::{RESULTS, find_files};
use crate::trial_table::{Phase, Progress, TrialColumn};

/// The column after the canonical ones.
pub(super) const LORA_ALPHA: &str = "lora_alpha";

/// Rows written at a time.
const BATCH_ROWS: usize = 1 << 16;

/// The file of a run.
#[derive(Debug, Clone)]
pub(super) struct RunFile {
    pub(super) path: PathBuf,
    /// Its path below the input directory.
    below: PathBuf,
    /// The name of that directory.
    given: Arc<str>,
}

/// All results.json files at any depth under a directory, by path; hidden directories and links to directories are passed over.
pub(super) fn find(directory: &Path) -> Result<Vec<RunFile>> {
    let mut paths = Vec::new();
    find_files(directory, RESULTS, usize::MAX, &mut paths)?;
    paths.sort();
    // `.` and `..` have names only once resolved.
    let named = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let given = named(directory).or_else(|| named(&directory.canonicalize().ok()?)).unwrap_or_default();
    let given: Arc<str> = given.into();
    let below = |path: &PathBuf| path.strip_prefix(directory).unwrap_or(path).to_owned();
    Ok(paths.into_iter().map(|path| RunFile { below: below(&path), path, given: given.clone() }).collect())
}

/// A file of results, with everything else that it says about the run.
#[derive(Default)]
struct Results {
    pre_finetune: Option<Vec<Item>>,
    post_finetune: Option<Vec<Item>>,
    record: Map<String, Value>,
}

impl<'de> Deserialize<'de> for Results {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct OfObject;
        impl<'de> Visitor<'de> for OfObject {
            type Value = Results;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Results, A::Error> {
                let mut results = Results::default();
                while let Some(key) = map.next_key::<String>()? {
                    let is_again = match key.as_str() {
                        "pre_finetune" => replace(&mut results.pre_finetune, map.next_value()?).is_some(),
                        "post_finetune" => replace(&mut results.post_finetune, map.next_value()?).is_some(),
                        _ => results.record.insert(key.clone(), map.next_value()?).is_some(),
                    };
                    if is_again {
                        return Err(A::Error::custom(format_args!("{key} is there twice")));
                    }
                }
                Ok(results)
            }
        }
        deserializer.deserialize_map(OfObject)
    }
}

/// One judgment. The direction is not read, as it follows from the ranks and files differ in what they mean by it.
#[derive(Deserialize)]
struct Item {
    rank_a: i64,
    rank_b: i64,
    gap: Option<f64>,
    is_train: bool,
    is_exception: Option<bool>,
    no_gt: Option<bool>,
    label: Option<String>,
    logit_diff: f64,
    prob_yes: f64,
    /// The run, if judgments are rows of a trial table.
    setting: Option<Value>,
    method: Option<Value>,
    model: Option<Value>,
    task: Option<Value>,
    hier: Option<Value>,
    seed: Option<Value>,
}

impl Item {
    /// What the judgment says about its run.
    fn said(&mut self) -> impl Iterator<Item = (&'static str, About, Value)> {
        let all = [
            ("setting", About::Method, self.setting.take()),
            ("method", About::Method, self.method.take()),
            ("model", About::Model, self.model.take()),
            ("task", About::Task, self.task.take()),
            ("hier", About::Hier, self.hier.take()),
            ("seed", About::Seed, self.seed.take()),
        ];
        all.into_iter().filter_map(|(key, about, value)| Some((key, about, value?)))
    }
}

/// A row of a run, without what all rows share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    logit_diff: f64,
    prob_yes: f64,
    a: u16,
    b: u16,
    phase: Phase,
    is_train: bool,
    is_exception: bool,
    no_gt: bool,
    /// Whether the label, if any, is Yes.
    yes: Option<bool>,
    /// Whether the order labelled Yes has the larger prob_yes, if there are both orders.
    paired: Option<bool>,
}

impl Row {
    /// Whether the first item wins, if there is a ground truth.
    fn truth(&self) -> Option<bool> {
        self.yes.filter(|_| !self.no_gt)
    }

    /// Winner and loser if the lower item wins, by the label or the mark of an exception.
    fn exception(&self) -> Option<(usize, usize)> {
        let lower_wins = self.truth().is_some_and(|first_wins| first_wins == (self.a > self.b));
        (lower_wins || self.is_exception).then(|| (self.a.max(self.b).into(), self.a.min(self.b).into()))
    }

    fn sign(&self) -> Option<f64> {
        self.truth().map(|yes| if yes { 1.0 } else { -1.0 })
    }
}

/// A run that was read.
pub(super) struct Run {
    path: RunPath,
    pub(super) rows: Vec<Row>,
    /// Contradictions between its file and a layout, which is followed.
    pub(super) told: Vec<String>,
}

impl Run {
    pub(super) fn has_truth_throughout(&self) -> bool {
        self.rows.iter().all(|r| r.truth().is_some())
    }
}

/// Reads all runs in parallel; of several wrong files, reports the first in order.
pub(super) fn read(files: Vec<RunFile>, layout: Option<&Layout>, progress: Progress<'_>) -> Result<Vec<Run>> {
    let paths = files
        .iter()
        .map(|f| RunPath::parse(&f.below, &f.given, layout).map_err(|problem| ResultsError::bad_file(&f.path, problem)))
        .collect::<Result<Vec<_>>>()?;
    let (done, total) = (AtomicU64::new(0), files.len() as u64);
    let runs: Vec<Result<Run>> = paths
        .into_par_iter()
        .zip(&files)
        .map(|(path, file)| {
            let run = read_run(path, &file.path);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            run
        })
        .collect();
    let runs = runs.into_iter().collect::<Result<Vec<Run>>>()?;
    let mut met = HashMap::new();
    for (run, file) in runs.iter().zip(&files) {
        let told = &run.path;
        let key = (
            (told.setting.name(), &told.model, &told.task, &told.hier, told.seed, told.reverse),
            (
                told.setting.lora_r().map(f64::to_bits),
                told.setting.lora_alpha().map(f64::to_bits),
                told.setting.l2_reg().map(f64::to_bits),
            ),
        );
        if let Some(other) = met.insert(key, &file.path) {
            let problem = format!("is the same run as {}: expected each run once", other.display());
            return Err(ResultsError::bad_file(&file.path, problem));
        }
    }
    Ok(runs)
}

fn read_run(mut run_path: RunPath, path: &Path) -> Result<Run> {
    let text = fs::read(path).map_err(|e| ResultsError::read(path, e))?;
    let wrong = |problem: String| ResultsError::bad_file(path, problem);
    if text.is_empty() {
        return Err(ResultsError::empty_file(path, "the JSON results of a run"));
    }
    let results: Results = serde_json::from_slice(&text).map_err(|e| {
        wrong(format!(
            "not the results of a run ({}): expected an object with pre_finetune and post_finetune, arrays of judgments with \
             finite numbers",
            one_line(e)
        ))
    })?;
    let mut all_said = said(&results.record);
    let phases = [(Phase::Pre, results.pre_finetune), (Phase::Post, results.post_finetune)];
    let mut rows = Vec::new();
    for (phase, items) in phases.into_iter().filter_map(|(phase, items)| Some((phase, items?))) {
        let start = rows.len();
        let mut met: HashMap<(u16, u16), usize> = HashMap::with_capacity(items.len());
        for (k, mut item) in items.into_iter().enumerate() {
            for (key, about, value) in item.said() {
                // Most rows say the same.
                if all_said.iter().rev().find(|said| said.about == about).is_none_or(|said| said.value != value) {
                    all_said.push(Said { about, key: format!("{phase}_finetune[{k}].{key}"), value });
                }
            }
            let place = |problem: String| wrong(format!("{phase}_finetune, item {k} (counted from 0): {problem}"));
            let row = row_of(item, phase).map_err(place)?;
            if let Some(other) = met.insert((row.a, row.b), k) {
                let pair = (row.a, row.b);
                return Err(place(format!("the ordered pair {pair:?} is item {other} already: expected it once")));
            }
            rows.push(row);
        }
        pair_up(&mut rows[start..], &met);
    }
    if rows.is_empty() {
        return Err(wrong("there is no judgment in it: expected pre_finetune or post_finetune with some".to_owned()));
    }
    let largest = rows.iter().map(|r| r.a.max(r.b)).max().map_or(0, usize::from);
    let exceptions: BTreeSet<_> = rows.iter().filter_map(Row::exception).collect();
    let told = claims::check(&mut run_path, path, &all_said, &Items { largest, exceptions }).map_err(wrong)?;
    let told = told.into_iter().map(|problem| format!("{}: {problem}", path.display())).collect();
    Ok(Run { path: run_path, rows, told })
}

fn row_of(item: Item, phase: Phase) -> std::result::Result<Row, String> {
    let rank = |name: &str, rank: i64| match u16::try_from(rank) {
        Ok(rank) if usize::from(rank) < MAX_ITEMS => Ok(rank),
        _ => Err(format!("{name} {rank}: expected a rank from 0, the highest, to {}", MAX_ITEMS - 1)),
    };
    let (a, b) = (rank("rank_a", item.rank_a)?, rank("rank_b", item.rank_b)?);
    if a == b {
        return Err(format!("rank {a} is compared with itself: expected two ranks"));
    }
    if let Some(gap) = item.gap.filter(|gap| gap.abs() != f64::from(a.abs_diff(b))) {
        return Err(format!("gap {gap}: expected {} for ranks {a} and {b}", a.abs_diff(b)));
    }
    let no_gt = item.no_gt.unwrap_or(false);
    let yes = match item.label.as_deref() {
        Some("Yes") => Some(true),
        Some("No") => Some(false),
        None if no_gt => None,
        None => return Err("label is missing where no_gt is false: expected \"Yes\" or \"No\"".into()),
        Some(other) => return Err(format!("label {other:?}: expected \"Yes\" or \"No\"")),
    };
    let (logit_diff, prob_yes) = (item.logit_diff, item.prob_yes);
    if !logit_diff.is_finite() {
        return Err(format!("logit_diff {logit_diff}: expected a finite number"));
    }
    if !(0.0..=1.0).contains(&prob_yes) {
        return Err(format!("prob_yes {prob_yes}: expected a probability from 0 to 1"));
    }
    let is_exception = item.is_exception.unwrap_or(false);
    Ok(Row { logit_diff, prob_yes, a, b, phase, is_train: item.is_train, is_exception, no_gt, yes, paired: None })
}

/// Fills in `paired`, which compares the order labelled Yes with the other. For all pairs but exceptions these are forward and
/// backward. A tie is wrong.
fn pair_up(rows: &mut [Row], index: &HashMap<(u16, u16), usize>) {
    for k in 0..rows.len() {
        let row = rows[k];
        let other = index.get(&(row.b, row.a)).map(|&at| rows[at]);
        rows[k].paired = other.and_then(|other| match (row.truth()?, other.truth()?) {
            (true, false) => Some(row.prob_yes > other.prob_yes),
            (false, true) => Some(other.prob_yes > row.prob_yes),
            _ => None,
        });
    }
}

/// Consecutive runs with about [`BATCH_ROWS`] rows together.
pub(super) fn in_batches(runs: &[Run]) -> impl Iterator<Item = &[Run]> {
    let mut rest = runs;
    std::iter::from_fn(move || {
        let mut rows = 0;
        let end = rest.iter().position(|run| {
            rows += run.rows.len();
            rows >= BATCH_ROWS
        });
        let (some, later) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
        rest = later;
        (!some.is_empty()).then_some(some)
    })
}

/// All columns of a trial table and `lora_alpha`, of some runs.
pub(super) fn columns(runs: &[Run], truth_is_whole: bool) -> Vec<ArrayRef> {
    use TrialColumn as C;
    let rows = || runs.iter().flat_map(|run| run.rows.iter().map(move |row| (&run.path, row)));
    let text = |f: &dyn Fn(&RunPath, &Row) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows().map(|(run, row)| f(run, row))))
    };
    let integer = |f: &dyn Fn(&RunPath, &Row) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows().map(|(run, row)| f(run, row))))
    };
    let real = |f: &dyn Fn(&RunPath, &Row) -> Option<f64>| -> ArrayRef {
        Arc::new(rows().map(|(run, row)| f(run, row)).collect::<Float64Array>())
    };
    let flag = |f: &dyn Fn(&RunPath, &Row) -> bool| -> ArrayRef {
        Arc::new(BooleanArray::from_iter(rows().map(|(run, row)| Some(f(run, row)))))
    };
    let truth = |yes: bool| f64::from(u8::from(yes));
    let values = |column: C| match column {
        C::Setting => text(&|run, _| run.setting.name().into()),
        C::Model => text(&|run, _| run.model.clone()),
        C::Task => text(&|run, _| run.task.clone()),
        C::Hier => text(&|run, _| run.hier.clone()),
        C::Seed => integer(&|run, _| run.seed),
        C::Reverse => flag(&|run, _| run.reverse.unwrap_or(false)),
        C::Phase => text(&|_, r| r.phase.name().into()),
        C::RankA => integer(&|_, r| r.a.into()),
        C::RankB => integer(&|_, r| r.b.into()),
        C::RankHigher => integer(&|_, r| r.a.min(r.b).into()),
        C::RankLower => integer(&|_, r| r.a.max(r.b).into()),
        C::Gap => integer(&|_, r| r.a.abs_diff(r.b).into()),
        C::IsTrain => flag(&|_, r| r.is_train),
        C::IsException => flag(&|_, r| r.is_exception),
        C::NoGt => flag(&|_, r| r.no_gt),
        C::Direction => text(&|_, r| if r.a < r.b { "forward".into() } else { "backward".into() }),
        C::Label => Arc::new(rows().map(|(_, r)| r.yes.map(|y| if y { "Yes" } else { "No" })).collect::<StringArray>()),
        C::LogitDiff => real(&|_, r| Some(r.logit_diff)),
        C::ProbYes => real(&|_, r| Some(r.prob_yes)),
        C::GroundTruth if truth_is_whole => integer(&|_, r| if r.yes == Some(true) { 1 } else { -1 }),
        C::GroundTruth => real(&|_, r| r.sign()),
        C::Margin => real(&|_, r| r.sign().map(|s| s * r.logit_diff)),
        C::Correct => real(&|_, r| r.truth().map(|yes| truth((r.prob_yes > 0.5) == yes))),
        C::PairedCorrect => real(&|_, r| r.paired.map(truth)),
        C::LoraR => real(&|run, _| run.setting.lora_r()),
        C::L2Reg => real(&|run, _| run.setting.l2_reg()),
        C::LoraAlpha => real(&|run, _| run.setting.lora_alpha()),
    };
    C::ALL.into_iter().chain([C::LoraAlpha]).map(values).collect()
}
