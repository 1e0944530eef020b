//! Finds the columns of a trial table among its own, whatever their capitals, and in the names of its folders.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use arrow_schema::DataType;

use super::columns::{ColumnKind, Reading, TrialColumn, refuse_duplicates};
use super::find::{Located, MISSING, value_of};
use super::values::{constant, first_difference};
use crate::choices::suggested_columns;
use crate::delimited::find_column;
use crate::error::{Result, ResultsError, name_list};

/// Columns by which a trial table is recognized.
const MARKS: [TrialColumn; 4] = [TrialColumn::RankA, TrialColumn::RankB, TrialColumn::LogitDiff, TrialColumn::ProbYes];

/// Where each column of a table is read from.
pub(super) struct Plan {
    path: Arc<std::path::Path>,
    /// Columns of the table with their fields.
    pub(super) fields: Vec<(TrialColumn, usize)>,
    /// Extra columns of the table with their fields, if they are wanted; without columns of row names.
    pub(super) extras: Vec<(String, usize)>,
    /// Columns that only folders give.
    constants: Vec<(TrialColumn, Option<String>)>,
    extra_constants: Vec<(String, Option<String>)>,
    /// Columns that both the table and its folders give.
    checks: Vec<(TrialColumn, Option<String>)>,
}

impl Plan {
    /// Finds `columns` among the names of a table and its folders; refuses missing ones, duplicates, and values of other kinds.
    pub(super) fn new(table: &Located, names: &[String], columns: &[TrialColumn], reading: Reading) -> Result<Self> {
        let path = table.input.shared_path().clone();
        let bad = |problem: String| ResultsError::bad_file(&path, problem);
        if reading != Reading::default() {
            refuse_duplicates(&path, names)?;
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
            // R's row names have no name, and pandas' index has this one.
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

    /// Names and types of the extra columns, given the types of fields; folders give text.
    pub(super) fn extra_types(&self, kind: impl Fn(usize) -> DataType) -> Vec<(String, DataType)> {
        let own = self.extras.iter().map(|(name, field)| (name.clone(), kind(*field)));
        own.chain(self.extra_constants.iter().map(|(name, _)| (name.clone(), DataType::Utf8))).collect()
    }

    /// Adds the columns that folders give, and refuses rows that contradict their folders.
    pub(super) fn complete(
        &self,
        columns: &mut Vec<(TrialColumn, ArrayRef)>,
        extras: &mut Vec<(String, ArrayRef)>,
        first_row: u64,
        n_rows: usize,
    ) -> Result<()> {
        let filled = |column: TrialColumn, value: &Option<String>| {
            let problem = || format!("the folder of column {column} is no value");
            constant(column, value.as_deref(), n_rows).ok_or_else(|| ResultsError::bad_file(&self.path, problem()))
        };
        for (column, value) in &self.checks {
            let Some((_, array)) = columns.iter().find(|(c, _)| c == column) else { continue };
            if let Some(row) = first_difference(array, &filled(*column, value)?) {
                let value = value.as_deref().unwrap_or(MISSING);
                let problem =
                    format!("the value is another than that of the folder, {column}={value}: expected the same");
                return Err(column.bad_value(&self.path, first_row + row as u64, problem));
            }
        }
        for (column, value) in &self.constants {
            columns.push((*column, filled(*column, value)?));
        }
        let text = |value: &Option<String>| Arc::new(StringArray::from(vec![value.as_deref(); n_rows])) as ArrayRef;
        extras.extend(self.extra_constants.iter().map(|(name, value)| (name.clone(), text(value))));
        Ok(())
    }
}

/// The error that columns are missing, or that the table is not a trial table at all.
fn missing(path: &std::path::Path, names: &[String], first: TrialColumn, others: &[TrialColumn]) -> ResultsError {
    let has = |c: &TrialColumn| find_column(names, c.name()).is_ok_and(|f| f.is_some());
    if MARKS.iter().any(has) || names.is_empty() {
        let found = name_list(names);
        let are = if others.len() == 1 { "is" } else { "are" };
        let others = match others {
            [] => String::new(),
            _ => format!(", and so {are} {}", name_list(others.iter().map(|c| c.name()))),
        };
        let problem = format!("column {:?} is missing{others}: the table has {found}", first.name());
        return ResultsError::BadColumn { path: path.to_owned(), problem };
    }
    let columns = name_list(names);
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

/// The problem of a value that cannot be read as its column.
pub(super) fn unreadable(column: TrialColumn, text: &str) -> String {
    let hint = match (column.kind(), text.contains(',')) {
        (ColumnKind::Real | ColumnKind::Integer, true) => " (with a decimal point)",
        _ => "",
    };
    format!("{text:?}: expected {}{hint}", column.kind().accepted())
}
