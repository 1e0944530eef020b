//! The trial table, one row per judged ordered pair: its columns, finding its files, and scanning them in parallel.

mod batch;
mod csv_file;
mod find;
mod parquet_file;
mod plan;
mod values;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use arrow_schema::DataType;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub(crate) use batch::Fault;
pub use batch::{TextColumn, TrialBatch};
pub(crate) use find::{Located, locate, refuse_copies};
pub use find::{find_tables, tables_passed_over};

use crate::error::{Result, ResultsError};
use crate::input::{AsInput, Form};

/// What [`scan_trials`] calls with the rows done and the rows in all, from any thread, a few times per million rows.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

const EXPECTED: &str = "a trial table in Parquet or CSV";

/// What to do with tables that are alike, if they are of different runs.
pub(crate) const OF_RUNS: &str = ", or put tables of different runs into folders that say so, like seed=1/";

/// Rows per unit of parallel work. Fixed, so that results never depend on the number of threads.
const UNIT_ROWS: u64 = 1 << 18;

/// A column of the trial table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TrialColumn {
    /// How the model was trained: full, lora or probe.
    Setting,
    /// Name of the model.
    Model,
    /// Name of the stimulus set.
    Task,
    /// Name of the hierarchy, like ti_n9 or exc_mid_n9.
    Hier,
    /// Seed of the run.
    Seed,
    /// Whether the mapping of items to ranks was reversed.
    Reverse,
    /// Before or after training: pre or post.
    Phase,
    /// Rank of the item shown first, 0 the highest.
    RankA,
    /// Rank of the item shown second.
    RankB,
    /// The smaller of the two ranks.
    RankHigher,
    /// The larger of the two ranks.
    RankLower,
    /// Difference of the two ranks.
    Gap,
    /// Whether the ordered pair was trained.
    IsTrain,
    /// Whether the pair is an exception.
    IsException,
    /// Whether the pair has no ground truth.
    NoGt,
    /// forward where rank_a < rank_b, else backward.
    Direction,
    /// Yes if the item shown first wins, else No; may be missing where there is no ground truth.
    Label,
    /// Logit of Yes minus logit of No.
    LogitDiff,
    /// Probability of Yes.
    ProbYes,
    /// +1 or −1; missing where there is none.
    GroundTruth,
    /// logit_diff times ground_truth.
    Margin,
    /// Whether prob_yes > 0.5 agrees with the label, as 1 or 0.
    Correct,
    /// Whether prob_yes is larger in the direction labelled Yes, as 1 or 0.
    PairedCorrect,
    /// Rank of the LoRA update; missing for other settings.
    LoraR,
    /// L2 penalty of the probe; missing for other settings.
    L2Reg,
    /// Scale of the LoRA update; not every table has it.
    LoraAlpha,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text, possibly missing.
    Text,
    /// Whole numbers, never missing.
    Integer,
    /// Floats, NaN where missing.
    Real,
    /// Truth values, never missing.
    Flag,
}

impl ColumnKind {
    /// The column types of files that are read as this kind, in words.
    pub(crate) fn accepted(self) -> &'static str {
        match self {
            Self::Text => "text (utf8, large_utf8 or a dictionary of these)",
            Self::Integer => "an integer (or a float that is a whole number)",
            Self::Real => "a number",
            Self::Flag => "a bool (or 1 and 0)",
        }
    }
}

impl TrialColumn {
    /// Columns that a table may lack, which then are missing in every row.
    pub const OPTIONAL: [Self; 1] = [Self::LoraAlpha];

    /// All columns that every trial table has, in their order.
    pub const ALL: [Self; 25] = [
        Self::Setting,
        Self::Model,
        Self::Task,
        Self::Hier,
        Self::Seed,
        Self::Reverse,
        Self::Phase,
        Self::RankA,
        Self::RankB,
        Self::RankHigher,
        Self::RankLower,
        Self::Gap,
        Self::IsTrain,
        Self::IsException,
        Self::NoGt,
        Self::Direction,
        Self::Label,
        Self::LogitDiff,
        Self::ProbYes,
        Self::GroundTruth,
        Self::Margin,
        Self::Correct,
        Self::PairedCorrect,
        Self::LoraR,
        Self::L2Reg,
    ];

    /// Name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Setting => "setting",
            Self::Model => "model",
            Self::Task => "task",
            Self::Hier => "hier",
            Self::Seed => "seed",
            Self::Reverse => "reverse",
            Self::Phase => "phase",
            Self::RankA => "rank_a",
            Self::RankB => "rank_b",
            Self::RankHigher => "rank_higher",
            Self::RankLower => "rank_lower",
            Self::Gap => "gap",
            Self::IsTrain => "is_train",
            Self::IsException => "is_exception",
            Self::NoGt => "no_gt",
            Self::Direction => "direction",
            Self::Label => "label",
            Self::LogitDiff => "logit_diff",
            Self::ProbYes => "prob_yes",
            Self::GroundTruth => "ground_truth",
            Self::Margin => "margin",
            Self::Correct => "correct",
            Self::PairedCorrect => "paired_correct",
            Self::LoraR => "lora_r",
            Self::L2Reg => "l2_reg",
            Self::LoraAlpha => "lora_alpha",
        }
    }

    /// What the column holds. `ground_truth` is a float, because it is missing on pairs without one.
    pub fn kind(self) -> ColumnKind {
        match self {
            Self::Setting | Self::Model | Self::Task | Self::Hier => ColumnKind::Text,
            Self::Phase | Self::Direction | Self::Label => ColumnKind::Text,
            Self::Seed | Self::RankA | Self::RankB => ColumnKind::Integer,
            Self::RankHigher | Self::RankLower | Self::Gap => ColumnKind::Integer,
            Self::Reverse | Self::IsTrain | Self::IsException | Self::NoGt => ColumnKind::Flag,
            Self::LogitDiff | Self::ProbYes | Self::GroundTruth | Self::Margin => ColumnKind::Real,
            Self::Correct | Self::PairedCorrect => ColumnKind::Real,
            Self::LoraR | Self::L2Reg | Self::LoraAlpha => ColumnKind::Real,
        }
    }
}

impl fmt::Display for TrialColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Before or after training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before training.
    Pre,
    /// After training.
    #[default]
    Post,
}

impl Phase {
    /// Name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::Post => "post",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Phase {
    type Err = ResultsError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "pre" => Ok(Self::Pre),
            "post" => Ok(Self::Post),
            _ => Err(ResultsError::UnknownChoice { what: "phase", value: name.to_owned(), choices: "pre or post" }),
        }
    }
}

/// Reads only `columns` of the trial tables under `paths` and folds their rows, in parallel over ranges of rows.
///
/// Each range starts from `A::default()` and is folded row batch by row batch through `visit`; the folded ranges come
/// back in the order of files and rows. The ranges do not depend on the number of threads, so neither does a result
/// that is merged in this order. Files are known by their content: Parquet, or separated text, also packed with gzip or zstd.
/// Columns are found without regard to capitals, and folders named like `setting=full` give columns that tables lack.
///
/// # Errors
/// A table that holds byte by byte what another holds. Else that of the first range in order that has one: a file that is no such table, an empty one, a needed column that is
/// missing or of the wrong type, a missing value where there must be one, or any error of `visit`.
pub fn scan_trials<P, A, V>(paths: &[P], columns: &[TrialColumn], progress: Progress<'_>, visit: V) -> Result<Vec<A>>
where
    P: AsInput,
    A: Default + Send,
    V: Fn(&mut A, &TrialBatch) -> Result<()> + Sync,
{
    let located = locate(paths)?;
    refuse_copies(&located, OF_RUNS)?;
    let tables: Vec<Source> = located
        .par_iter()
        .map(|table| Source::open(table, columns, Reading::default()))
        .collect::<Vec<_>>()
        .into_iter()
        .collect::<Result<_>>()?;
    let total: u64 = tables.iter().map(Source::n_rows).sum();
    let units: Vec<(usize, Range)> =
        tables.iter().enumerate().flat_map(|(k, t)| t.ranges().into_iter().map(move |r| (k, r))).collect();

    let done = AtomicU64::new(0);
    // Units after a failed one are skipped, those before it still run: the first error in order is always found.
    let failed = AtomicUsize::new(usize::MAX);
    let results: Vec<Result<A>> = units
        .par_iter()
        .enumerate()
        .with_max_len(1)
        .map(|(k, &(table, range))| {
            let mut folded = A::default();
            if failed.load(Ordering::Relaxed) < k {
                return Ok(folded);
            }
            let outcome = tables[table].read(range, &mut |batch| {
                visit(&mut folded, &batch)?;
                let rows = batch.n_rows() as u64;
                progress(done.fetch_add(rows, Ordering::Relaxed) + rows, total);
                Ok(())
            });
            outcome.map(|()| folded).inspect_err(|_| {
                failed.fetch_min(k, Ordering::Relaxed);
            })
        })
        .collect();
    results.into_iter().collect()
}

/// How a table is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Whether a missing or unreadable value becomes a fault of its batch instead of an error.
    pub(crate) lenient: bool,
    /// Whether the columns that are none of a trial table's are read too.
    pub(crate) extras: bool,
}

/// Reads `columns` of `tables` as [`scan_trials`] does, but goes on where that stops: a bad value is a fault of its batch,
/// and a table that cannot be read is an error of its own. One outcome per table, in order; `visit` gets its number.
pub(crate) fn scan_leniently<A, V>(
    tables: &[Located],
    columns: &[TrialColumn],
    progress: Progress<'_>,
    visit: V,
) -> Vec<Result<Vec<A>>>
where
    A: Default + Send,
    V: Fn(&mut A, usize, &TrialBatch) -> Result<()> + Sync,
{
    let reading = Reading { lenient: true, extras: false };
    let sources: Vec<Result<Source>> = tables.par_iter().map(|table| Source::open(table, columns, reading)).collect();
    let readable = || sources.iter().enumerate().filter_map(|(k, s)| s.as_ref().ok().map(|s| (k, s)));
    let total: u64 = readable().map(|(_, s)| s.n_rows()).sum();
    let units: Vec<(usize, &Source, Range)> =
        readable().flat_map(|(k, s)| s.ranges().into_iter().map(move |r| (k, s, r))).collect();
    let done = AtomicU64::new(0);
    let parts: Vec<(usize, Result<A>)> = units
        .into_par_iter()
        .with_max_len(1)
        .map(|(table, source, range)| {
            let mut folded = A::default();
            let outcome = source.read(range, &mut |batch| {
                visit(&mut folded, table, &batch)?;
                let rows = batch.n_rows() as u64;
                progress(done.fetch_add(rows, Ordering::Relaxed) + rows, total);
                Ok(())
            });
            (table, outcome.map(|()| folded))
        })
        .collect();
    let mut outcomes: Vec<Result<Vec<A>>> = sources.into_iter().map(|s| s.map(|_| Vec::new())).collect();
    for (table, part) in parts {
        match (&mut outcomes[table], part) {
            (Ok(parts), Ok(part)) => parts.push(part),
            (whole @ Ok(_), Err(e)) => *whole = Err(e),
            (Err(_), _) => {}
        }
    }
    outcomes
}

/// A range of rows, within one row group where the format has them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    group: usize,
    /// First row within the group.
    offset: u64,
    /// First row within the file.
    first_row: u64,
    n_rows: u64,
}

/// Refuses a table in which two columns have one name.
fn refuse_duplicates<'a>(path: &Path, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut met = HashSet::new();
    names.into_iter().try_for_each(|name| match met.insert(name) {
        true => Ok(()),
        false => Err(ResultsError::bad_file(path, format!("column {name:?} is there twice: expected it once"))),
    })
}

/// An opened trial table whose needed columns are known to be there.
pub(crate) enum Source {
    Parquet(parquet_file::ParquetTable),
    Csv(csv_file::CsvTable),
}

impl Source {
    pub(crate) fn open(table: &Located, columns: &[TrialColumn], reading: Reading) -> Result<Self> {
        match table.input.form(EXPECTED)? {
            Form::Text => csv_file::CsvTable::open(table, columns, reading).map(Self::Csv),
            Form::Parquet(_) => parquet_file::ParquetTable::open(table, columns, reading).map(Self::Parquet),
        }
    }

    /// Whether the columns beyond those of a trial table are text that may say numbers.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Csv(_))
    }

    pub(crate) fn n_rows(&self) -> u64 {
        match self {
            Self::Parquet(table) => table.n_rows(),
            Self::Csv(table) => table.n_rows(),
        }
    }

    /// Names and types of the columns that are none of a trial table's; those of a CSV are text.
    pub(crate) fn extras(&self) -> Vec<(String, DataType)> {
        match self {
            Self::Parquet(table) => table.extras(),
            Self::Csv(table) => table.extras(),
        }
    }

    pub(crate) fn ranges(&self) -> Vec<Range> {
        match self {
            Self::Parquet(table) => table.ranges(UNIT_ROWS),
            Self::Csv(table) => vec![Range { group: 0, offset: 0, first_row: 0, n_rows: table.n_rows() }],
        }
    }

    pub(crate) fn read(&self, range: Range, visit: &mut dyn FnMut(TrialBatch) -> Result<()>) -> Result<()> {
        match self {
            Self::Parquet(table) => table.read(range, visit),
            Self::Csv(table) => table.read(visit),
        }
    }
}

#[cfg(test)]
#[path = "trial_table/tests.rs"]
mod tests;
