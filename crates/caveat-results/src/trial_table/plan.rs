//! Where the columns of one trial table come from: its own columns, by name without regard to capitals, or its folders.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::DataType;

use super::columns::{ColumnKind, Reading, TrialColumn, refuse_duplicates};
use super::find::{Located, value_of};
use super::values::{constant, constant_text, first_difference};
use crate::choices::suggested_columns;
use crate::delimited::find_column;
use crate::error::{Result, ResultsError, name_list};

/// Columns by which a trial table is known.
const MARKS: [TrialColumn; 4] = [TrialColumn::RankA, TrialColumn::RankB, TrialColumn::LogitDiff, TrialColumn::ProbYes];

/// The columns of one table that are read.
pub(super) struct Plan {
    path: Arc<std::path::Path>,
    /// Columns of the table with their fields.
    pub(super) fields: Vec<(TrialColumn, usize)>,
    /// Further columns of the table, with their fields, where they are wanted; columns of row names are not.
    pub(super) extras: Vec<(String, usize)>,
    /// Columns that only folders give.
    constants: Vec<(TrialColumn, Option<String>)>,
    extra_constants: Vec<(String, Option<String>)>,
    /// Columns that both give.
    checks: Vec<(TrialColumn, Option<String>)>,
}

impl Plan {
    /// Finds `columns` among the names of a table and its folders.
    ///
    /// # Errors
    /// A column that neither has, or that is there twice; a folder whose value is none of its column.
    pub(super) fn new(table: &Located, names: &[String], columns: &[TrialColumn], reading: Reading) -> Result<Self> {
        let path = table.input.shared_path().clone();
        let bad = |problem: String| ResultsError::bad_file(&path, problem);
        if reading != Reading::default() {
            refuse_duplicates(&path, names.iter().map(String::as_str).filter(|n| !n.is_empty()))?;
        }
        let find = |column: TrialColumn| find_column(names, column.name()).map_err(bad);
        let (mut fields, mut constants, mut checks) = (Vec::new(), Vec::new(), Vec::new());
        let mut absent = Vec::new();
        for column in TrialColumn::EVERY {
            let (wanted, folder) = (columns.contains(&column), value_of(&table.folders, column));
            let is_optional = TrialColumn::OPTIONAL.contains(&column);
            if !wanted && (folder.is_none() || is_optional) {
                continue;
            }
            if let Some(Some(value)) = folder.or_else(|| value_of(&table.above, column).filter(|_| wanted))
                && constant(column, Some(value), 1).is_none()
            {
                let problem = format!("the folder {column}={value}: expected {}", column.kind().accepted());
                return Err(bad(problem));
            }
            match (find(column)?, folder) {
                (Some(field), Some(value)) => {
                    fields.push((column, field));
                    checks.push((column, value.clone()));
                }
                (Some(field), None) => fields.push((column, field)),
                (None, Some(value)) => constants.push((column, value.clone())),
                (None, None) => match value_of(&table.above, column) {
                    Some(value) => constants.push((column, value.clone())),
                    None if is_optional => constants.push((column, None)),
                    None => absent.push(column),
                },
            }
        }
        if let [first, others @ ..] = &absent[..] {
            return Err(missing(&path, names, *first, others));
        }
        let is_other = |name: &str| TrialColumn::ALL.iter().all(|c| !c.name().eq_ignore_ascii_case(name));
        let (mut extras, mut extra_constants) = (Vec::new(), Vec::new());
        if reading.extras {
            // R's row names have no name, pandas' index has this one.
            let row_names = |name: &str| name.is_empty() || name.starts_with("__index_level_");
            let others = names.iter().enumerate().filter(|(_, n)| is_other(n) && !row_names(n));
            extras = others.map(|(field, name)| (name.clone(), field)).collect();
            extra_constants = table.folders.iter().filter(|(name, _)| is_other(name)).cloned().collect();
            if let Some((name, _)) = extra_constants.iter().find(|(n, _)| extras.iter().any(|(m, _)| m == n)) {
                let problem = format!("column {name:?} is in the table and among its folders: expected it once");
                return Err(bad(problem));
            }
        }
        Ok(Self { path, fields, extras, constants, extra_constants, checks })
    }

    /// Names and types of the further columns, given those of the fields; folders give text.
    pub(super) fn extra_types(&self, kind: impl Fn(usize) -> DataType) -> Vec<(String, DataType)> {
        let own = self.extras.iter().map(|(name, field)| (name.clone(), kind(*field)));
        own.chain(self.extra_constants.iter().map(|(name, _)| (name.clone(), DataType::Utf8))).collect()
    }

    /// Adds the columns that folders give, and refuses rows that say otherwise than their folders.
    pub(super) fn complete(
        &self,
        columns: &mut Vec<(TrialColumn, ArrayRef)>,
        extras: &mut Vec<(String, ArrayRef)>,
        first_row: u64,
        n_rows: usize,
    ) -> Result<()> {
        let of = |column: TrialColumn, value: &Option<String>, n: usize| {
            let array = constant(column, value.as_deref(), n);
            array
                .ok_or_else(|| ResultsError::bad_file(&self.path, format!("the folder of column {column} is no value")))
        };
        for (column, value) in &self.checks {
            let Some((_, array)) = columns.iter().find(|(c, _)| c == column) else { continue };
            if let Some(row) = first_difference(array, &of(*column, value, n_rows)?) {
                let value = value.as_deref().unwrap_or("__HIVE_DEFAULT_PARTITION__");
                let problem =
                    format!("the value is another than that of the folder, {column}={value}: expected the same");
                return Err(column.bad_value(&self.path, first_row + row as u64, problem));
            }
        }
        for (column, value) in &self.constants {
            columns.push((*column, of(*column, value, n_rows)?));
        }
        extras.extend(self.extra_constants.iter().map(|(n, v)| (n.clone(), constant_text(v.as_deref(), n_rows))));
        Ok(())
    }
}

/// The error that columns are missing; that of a table that is no trial table says so.
fn missing(path: &std::path::Path, names: &[String], first: TrialColumn, others: &[TrialColumn]) -> ResultsError {
    let has = |c: &TrialColumn| find_column(names, c.name()).is_ok_and(|f| f.is_some());
    if MARKS.iter().any(has) || names.is_empty() {
        let found = name_list(names.iter().map(String::as_str));
        let are = if others.len() == 1 { "is" } else { "are" };
        let others = match others {
            [] => String::new(),
            _ => format!(", and so {are} {}", name_list(others.iter().map(|c| c.name()))),
        };
        return ResultsError::MissingColumn { path: path.to_owned(), column: first.name(), others, found };
    }
    let columns = name_list(names.iter().map(String::as_str));
    let example = match suggested_columns(names) {
        Some(roles) => format!("⟨columns={roles}⟩, perhaps"),
        None => "⟨columns=ROLE=COLUMN,…⟩ (roles: winner, loser, accuracy, count, and others)".to_owned(),
    };
    let marks = MARKS.map(TrialColumn::name);
    let problem = format!(
        "not a trial table, which has {} and others: its columns are {columns}; choices of animals or people are read by fit and \
         rank, with {example}",
        marks.join(", ")
    );
    ResultsError::bad_file(path, problem)
}

/// What a value that does not read as its column is told.
pub(super) fn unreadable(column: TrialColumn, text: &str) -> String {
    let hint = match (column.kind(), text.contains(',')) {
        (ColumnKind::Real | ColumnKind::Integer, true) => " (with a decimal point)",
        _ => "",
    };
    format!("{text:?}: expected {}{hint}", column.kind().accepted())
}
