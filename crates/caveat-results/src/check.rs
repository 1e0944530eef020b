//! Checks trial tables: finds everything that is wrong with them, by file and row.

mod findings;
mod hierarchy;
mod runs;
mod structure;
mod values;

use std::collections::HashSet;
use std::path::PathBuf;

use rayon::prelude::*;

use crate::error::{Result, ResultsError};
use crate::input::AsInput;
use crate::table::Table;
use crate::trial_table::{Located, Progress, Reading, Source, TrialColumn, locate, scan_leniently};
use findings::Findings;
use runs::Runs;

pub use findings::{Problem, ProblemKind};

/// What [`check_trials`] checked and found.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// The problems, by file in the order given, then by row. Of one kind in one file, those beyond the number asked for are one
    /// entry after the others, with their number as its `count`.
    pub problems: Vec<Problem>,
    /// Number of tables, unreadable ones included.
    pub n_tables: usize,
    /// Number of rows of the readable tables.
    pub n_rows: u64,
    /// Number of conditions: setting, model, task, hierarchy and hyperparameters.
    pub n_conditions: usize,
    /// Number of different seeds.
    pub n_seeds: usize,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// Number of problems, including those that are only counted.
    pub fn n_problems(&self) -> u64 {
        self.problems.iter().map(|p| p.count).sum()
    }

    /// Number of tables that have problems.
    pub fn n_bad_tables(&self) -> usize {
        self.problems.iter().map(|p| &p.path).collect::<HashSet<_>>().len()
    }

    /// The problems as a table with the columns file, row (from 0; missing for the whole file), column, kind, count and problem. Does
    /// not fail in practice.
    pub fn table(&self) -> Result<Table> {
        let all = || self.problems.iter();
        Table::new()
            .text("file", all().map(|p| p.path.display().to_string()))?
            .integer("row", all().map(|p| p.row.and_then(|r| i64::try_from(r).ok())))?
            .text("column", all().map(|p| p.column.map_or("", TrialColumn::name)))?
            .text("kind", all().map(|p| p.kind.name()))?
            .integer("count", all().map(|p| i64::try_from(p.count).ok()))?
            .text("problem", all().map(|p| p.text.as_str()))
    }
}

/// Checks the trial tables under `paths`: every value against its row, and rows against each other across all files.
///
/// Of one kind of problem in one file the first `most` by row are spelled out and the others counted. Rows whose condition, seed,
/// order, phase or ranks are wrong are not compared with others, and neither are files that cannot be read. If rows disagree about
/// an ordered pair of a hierarchy, most of them are taken to be right and the others are reported. Reads in parallel; the report
/// does not depend on the number of threads. Memory: about 50 bytes a row. `progress` is called with the rows done and in all.
///
/// # Errors
/// No path at all. Everything about files is in the report.
pub fn check_trials<P: AsInput>(paths: &[P], most: usize, progress: Progress<'_>) -> Result<CheckReport> {
    if paths.is_empty() {
        return Err(ResultsError::NoTables { place: "no path was given".to_owned(), passed_over: String::new() });
    }
    let (located, mut problems) = list_tables(paths);
    let tables: Vec<PathBuf> = located.iter().map(|t| t.input.path().to_owned()).collect();
    let mut findings = Findings::new(most);
    let outcomes = scan_leniently(&located, &TrialColumn::EVERY, progress, |runs: &mut Runs, table, batch| {
        runs.add(batch, table, most)
    });

    let mut all = Runs::default();
    for (table, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(parts) => parts.into_iter().try_for_each(|part| all.merge(part, &mut findings))?,
            Err(error) => report_unreadable(&located, table, error, &mut findings),
        }
    }

    let hierarchies = hierarchy::check(&all, &tables, &mut findings)?;
    structure::check(&all, &hierarchies, &tables, &mut findings);

    let n_tables = tables.len() + problems.len();
    // Paths without tables come first.
    problems.extend(findings.into_problems(&tables));
    Ok(CheckReport {
        n_tables,
        problems,
        n_rows: all.n_rows,
        n_conditions: all.conditions().len(),
        n_seeds: all.iter().map(|(key, _)| key.seed).collect::<HashSet<_>>().len(),
    })
}

/// The tables under the paths, and a problem for each path that leads to none.
fn list_tables<P: AsInput>(paths: &[P]) -> (Vec<Located>, Vec<Problem>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for input in paths.iter().map(AsInput::as_input) {
        match locate(std::slice::from_ref(&input)) {
            Ok(_) => found.push(input),
            Err(error) => problems.push(Problem {
                kind: ProblemKind::Schema,
                path: input.path().to_owned(),
                row: None,
                column: None,
                text: without_path(input.path(), &error),
                count: 1,
            }),
        }
    }
    // Together, so that a table reached by two paths is listed once. Each path was found a moment ago.
    (locate(&found).unwrap_or_default(), problems)
}

/// Reports a file that is not a table, or each column that is missing or of the wrong type.
fn report_unreadable(tables: &[Located], table: usize, error: ResultsError, findings: &mut Findings) {
    let table_read = &tables[table];
    let path = table_read.input.path();
    let errors: Vec<(Option<TrialColumn>, ResultsError)> = match error {
        ResultsError::BadColumn { .. } => TrialColumn::EVERY
            .par_iter()
            .filter_map(|&c| Source::open(table_read, &[c], Reading::default()).err().map(|e| (Some(c), e)))
            .collect(),
        _ => Vec::new(),
    };
    let errors = if errors.is_empty() { vec![(None, error)] } else { errors };
    for (column, error) in errors {
        findings.add(table, ProblemKind::Schema, None, column, || without_path(path, &error));
    }
}

/// The message of an error, without the path at its beginning.
fn without_path(path: &std::path::Path, error: &ResultsError) -> String {
    let message = error.to_string();
    message.strip_prefix(&format!("{}: ", path.display())).map(str::to_owned).unwrap_or(message)
}
