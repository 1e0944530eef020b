//! Trial tables, with one row per judged ordered pair: their columns, finding their files, and reading them in parallel.

mod batch;
mod columns;
mod csv_file;
mod find;
mod parquet_file;
mod plan;
mod values;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use arrow_schema::DataType;
use rayon::prelude::*;

pub(crate) use batch::Fault;
pub use batch::{TextColumn, TrialBatch};
use columns::EXPECTED;
pub use columns::{ColumnKind, Phase, TrialColumn};
pub(crate) use columns::{Range, Reading, distinct};
pub use find::tables_passed_over;
pub(crate) use find::{Located, locate, refuse_copies};

use crate::error::Result;
use crate::input::AsInput;

/// Called with the rows done and the rows in all, from any thread, some dozen times per million rows.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// What to do with equal tables of different runs; the end of a message.
pub(crate) const OF_RUNS: &str = ", or put tables of different runs into folders that say so, like seed=1/";

/// Rows per unit of parallel work. Fixed, so that results never depend on the number of threads.
const UNIT_ROWS: u64 = 1 << 18;

/// Reads only `columns` of the trial tables under `paths` and folds their rows, in parallel over ranges of rows.
///
/// Every range starts from `A::default()` and is folded batch by batch through `visit`; the results come back in the order of
/// files and rows. The ranges do not depend on the number of threads, so neither does a result that is merged in this order.
/// Files are recognized by their content: Parquet, or separated text, also packed with gzip or zstd. Columns are found whatever
/// their capitals, and folders named like `setting=full` stand for columns that tables lack.
///
/// # Errors
/// A table that is a byte-by-byte copy of another. Otherwise the first error in the order of ranges: a file that is not a trial
/// table or is empty, a missing column or one of the wrong type, a missing value where there must be one, or any error of `visit`.
pub fn scan_trials<P, A, V>(paths: &[P], columns: &[TrialColumn], progress: Progress<'_>, visit: V) -> Result<Vec<A>>
where
    P: AsInput,
    A: Default + Send,
    V: Fn(&mut A, &TrialBatch) -> Result<()> + Sync,
{
    let located = locate(paths)?;
    refuse_copies(&located, OF_RUNS)?;
    let tables = all_in_order(&located, |table| Source::open(table, columns, Reading::default()))?;
    let tables: Vec<(usize, &Source)> = tables.iter().enumerate().collect();
    // The first error in order is always found.
    fold(&tables, true, progress, |folded, _, batch| visit(folded, batch)).into_iter().map(|(_, part)| part).collect()
}

/// Maps all items in parallel; of several errors, returns the first in order.
pub(crate) fn all_in_order<T: Sync, U: Send>(
    items: &[T],
    map: impl Fn(&T) -> Result<U> + Sync + Send,
) -> Result<Vec<U>> {
    items.par_iter().map(map).collect::<Vec<_>>().into_iter().collect()
}

/// Folds the rows of tables in parallel over ranges of rows; returns the result of every range with the number of its table, in
/// order. If it `stops`, ranges after a failed one are skipped.
fn fold<A, V>(tables: &[(usize, &Source)], stops: bool, progress: Progress<'_>, visit: V) -> Vec<(usize, Result<A>)>
where
    A: Default + Send,
    V: Fn(&mut A, usize, &TrialBatch) -> Result<()> + Sync,
{
    let total: u64 = tables.iter().map(|(_, source)| source.n_rows()).sum();
    let units: Vec<(usize, &Source, Range)> =
        tables.iter().flat_map(|&(k, source)| source.ranges().into_iter().map(move |r| (k, source, r))).collect();
    let done = AtomicU64::new(0);
    let failed = AtomicUsize::new(usize::MAX);
    units
        .par_iter()
        .enumerate()
        .with_max_len(1)
        .map(|(k, &(table, source, range))| {
            let mut folded = A::default();
            if stops && failed.load(Ordering::Relaxed) < k {
                return (table, Ok(folded));
            }
            let outcome = source.read(range, &mut |batch| {
                visit(&mut folded, table, &batch)?;
                let rows = batch.n_rows() as u64;
                progress(done.fetch_add(rows, Ordering::Relaxed) + rows, total);
                Ok(())
            });
            let part = outcome.map(|()| folded).inspect_err(|_| {
                failed.fetch_min(k, Ordering::Relaxed);
            });
            (table, part)
        })
        .collect()
}

/// Reads `columns` of `tables` as [`scan_trials`] does, but does not stop at errors: a bad value is a fault of its batch, and a
/// table that cannot be read is an error of its own. One outcome per table, in order; `visit` gets its number.
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
    let readable: Vec<(usize, &Source)> =
        sources.iter().enumerate().filter_map(|(k, source)| Some((k, source.as_ref().ok()?))).collect();
    let parts = fold(&readable, false, progress, visit);
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

/// An open trial table that has all needed columns.
pub(crate) enum Source {
    Parquet(parquet_file::ParquetTable),
    Csv(csv_file::CsvTable),
}

impl Source {
    pub(crate) fn open(table: &Located, columns: &[TrialColumn], reading: Reading) -> Result<Self> {
        match table.input.is_parquet(EXPECTED)? {
            false => csv_file::CsvTable::open(table, columns, reading).map(Self::Csv),
            true => parquet_file::ParquetTable::open(table, columns, reading).map(Self::Parquet),
        }
    }

    /// Whether the table is text, whose extra columns may hold anything.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Csv(_))
    }

    pub(crate) fn n_rows(&self) -> u64 {
        match self {
            Self::Parquet(table) => table.n_rows(),
            Self::Csv(table) => table.n_rows,
        }
    }

    /// Names and types of the columns that trial tables do not have; those of a CSV are text.
    pub(crate) fn extras(&self) -> &[(String, DataType)] {
        match self {
            Self::Parquet(table) => &table.extras,
            Self::Csv(table) => &table.extras,
        }
    }

    pub(crate) fn ranges(&self) -> Vec<Range> {
        match self {
            Self::Parquet(table) => table.ranges(UNIT_ROWS),
            Self::Csv(table) => vec![Range { group: 0, offset: 0, first_row: 0, n_rows: table.n_rows }],
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
mod tests;
