//! A batch of rows of a trial table, with the requested columns as plain slices.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};

use super::columns::{ColumnKind, Reading, TrialColumn};
use crate::delimited::is_missing;
use crate::error::{Result, ResultsError};
use crate::interner::index_of;
use crate::labels::tidy;

/// A text column of a batch: few distinct values, one key per row.
#[derive(Debug, Clone)]
pub struct TextColumn {
    /// For every row, an index into `values` or [`TextColumn::MISSING`].
    pub keys: Vec<i32>,
    /// The different values. Some may not occur.
    pub values: StringArray,
}

impl TextColumn {
    /// The key of a missing value.
    pub const MISSING: i32 = -1;
    /// The code of a missing value.
    pub(crate) const NO_CODE: u8 = u8::MAX;

    /// The text of a row, `None` if it is missing.
    pub fn get(&self, row: usize) -> Option<&str> {
        usize::try_from(self.keys[row]).ok().map(|k| self.values.value(k))
    }

    /// Codes of the values by their places in `names`, for [`code`](Self::code).
    pub(crate) fn codes(&self, names: &[&str]) -> Vec<u8> {
        let code = |text: Option<&str>| match text {
            Some(text) => names.iter().position(|name| *name == text).unwrap_or(names.len()) as u8,
            None => Self::NO_CODE,
        };
        std::iter::once(Self::NO_CODE).chain(self.values.iter().map(code)).collect()
    }

    /// The place of a row's text among the names of [`codes`](Self::codes), their number for another text, or
    /// [`NO_CODE`](Self::NO_CODE) for a missing one.
    #[inline]
    pub(crate) fn code(&self, codes: &[u8], row: usize) -> u8 {
        // The code of key k is at k + 1, after that of a missing value.
        codes[(self.keys[row] + 1) as usize]
    }
}

#[derive(Debug, Clone)]
enum Data {
    Text(TextColumn),
    Integer(Int64Array),
    Real(Float64Array),
    Flag(BooleanArray),
}

/// A value that is an error in a strict reading. A lenient one goes on with a meaningless value in that row and column.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// Row within the batch.
    pub(crate) row: usize,
    pub(crate) column: TrialColumn,
    /// The text that could not be read; `None` for a missing value.
    pub(crate) text: Option<String>,
}

/// Rows as a file gives them, to be made a batch.
pub(super) struct RawRows {
    /// Arrays of the canonical types: `Dictionary(Int32, Utf8)`, `Int64`, `Float64`, `Boolean`.
    pub(super) columns: Vec<(TrialColumn, ArrayRef)>,
    /// Columns that trial tables do not have.
    pub(super) extras: Vec<(String, ArrayRef)>,
    pub(super) faults: Vec<Fault>,
}

/// Consecutive rows of one trial table.
#[derive(Debug, Clone)]
pub struct TrialBatch {
    path: Arc<Path>,
    first_row: u64,
    n_rows: usize,
    columns: Vec<(TrialColumn, Data)>,
    extras: Vec<(String, ArrayRef)>,
    faults: Vec<Fault>,
}

impl TrialBatch {
    pub(super) fn new(
        path: &Arc<Path>,
        first_row: u64,
        n_rows: usize,
        rows: RawRows,
        reading: Reading,
    ) -> Result<Self> {
        let RawRows { columns, extras, mut faults } = rows;
        if reading.lenient {
            let has_nulls = |(column, array): &&(TrialColumn, ArrayRef)| {
                matches!(column.kind(), ColumnKind::Integer | ColumnKind::Flag) && array.null_count() > 0
            };
            for (column, array) in columns.iter().filter(has_nulls) {
                let nulls = (0..array.len()).filter(|&row| array.is_null(row));
                faults.extend(nulls.map(|row| Fault { row, column: *column, text: None }));
            }
            // A value that could not be read is null as well; it stays the first fault of its cell.
            faults.sort_by_key(|f| (f.row, f.column));
            faults.dedup_by_key(|f| (f.row, f.column));
        }
        let columns = columns
            .into_iter()
            .map(|(column, array)| {
                let data = match column.kind() {
                    ColumnKind::Text => array.as_dictionary_opt::<Int32Type>().and_then(text).map(Data::Text),
                    kind => {
                        if let Some(row) = first_null(&array).filter(|_| kind != ColumnKind::Real && !reading.lenient) {
                            let problem = format!("the value is missing: expected {}", kind.accepted());
                            return Err(column.bad_value(path, first_row + row as u64, problem));
                        }
                        match kind {
                            ColumnKind::Integer => array.as_primitive_opt::<Int64Type>().cloned().map(Data::Integer),
                            ColumnKind::Real => {
                                array.as_primitive_opt::<Float64Type>().map(nan_for_null).map(Data::Real)
                            }
                            _ => array.as_boolean_opt().cloned().map(Data::Flag),
                        }
                    }
                };
                data.filter(|_| array.len() == n_rows)
                    .map(|d| (column, d))
                    .ok_or_else(|| column.wrong_type(path, format!("{} in {} rows", array.data_type(), array.len())))
            })
            .collect::<Result<_>>()?;
        Ok(Self { path: path.clone(), first_row, n_rows, columns, extras, faults })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file, as a shared path.
    pub(crate) fn shared_path(&self) -> &Arc<Path> {
        &self.path
    }

    /// Row of the file, from 0, with which the batch begins.
    pub fn first_row(&self) -> u64 {
        self.first_row
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// A text column.
    ///
    /// # Errors
    /// A column of another kind, or one that was not requested; so for the other kinds.
    pub fn text(&self, column: TrialColumn) -> Result<&TextColumn> {
        self.find(column, |d| if let Data::Text(x) = d { Some(x) } else { None })
    }

    /// An integer column.
    pub fn integers(&self, column: TrialColumn) -> Result<&[i64]> {
        self.find(column, |d| if let Data::Integer(x) = d { Some(&x.values()[..]) } else { None })
    }

    /// A float column, NaN where missing.
    pub fn reals(&self, column: TrialColumn) -> Result<&[f64]> {
        self.find(column, |d| if let Data::Real(x) = d { Some(&x.values()[..]) } else { None })
    }

    /// A column of truth values, without nulls.
    pub fn flags(&self, column: TrialColumn) -> Result<&BooleanArray> {
        self.find(column, |d| if let Data::Flag(x) = d { Some(x) } else { None })
    }

    /// The columns that trial tables do not have, if they were asked for.
    pub(crate) fn extras(&self) -> &[(String, ArrayRef)] {
        &self.extras
    }

    /// The faults of a lenient reading, by row and column.
    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// An error about the value of one row.
    pub fn bad_value(&self, row: usize, column: TrialColumn, problem: impl Into<String>) -> ResultsError {
        column.bad_value(&self.path, self.first_row + row as u64, problem.into())
    }

    fn find<'a, T>(&'a self, column: TrialColumn, pick: impl Fn(&'a Data) -> Option<T>) -> Result<T> {
        let data = self.columns.iter().find(|(c, _)| *c == column).and_then(|(_, d)| pick(d));
        data.ok_or_else(|| ResultsError::BadTable(format!("column {:?} was not requested as this kind", column.name())))
    }
}

fn first_null(array: &dyn Array) -> Option<usize> {
    (array.null_count() > 0).then(|| (0..array.len()).find(|&i| array.is_null(i))).flatten()
}

fn nan_for_null(array: &Float64Array) -> Float64Array {
    if array.null_count() == 0 {
        return array.clone();
    }
    Float64Array::from_iter_values(array.iter().map(|x| x.unwrap_or(f64::NAN)))
}

fn text(array: &arrow_array::DictionaryArray<Int32Type>) -> Option<TextColumn> {
    let values = array.values().as_string_opt::<i32>()?.clone();
    let keys = array.keys();
    // Text that means a missing value does so in every format.
    let means_missing = values.iter().flatten().any(is_missing);
    let keys = if keys.null_count() + values.null_count() == 0 && !means_missing {
        keys.values().to_vec()
    } else {
        let present = |k: &i32| usize::try_from(*k).is_ok_and(|k| values.is_valid(k) && !is_missing(values.value(k)));
        keys.iter().map(|k| k.filter(present).unwrap_or(TextColumn::MISSING)).collect()
    };
    Some(match values.iter().flatten().any(|text| tidy(text) != text) {
        true => tidied(keys, &values),
        false => TextColumn { keys, values },
    })
}

/// A column with only the visible text of its values, so that spellings that print alike are one name.
fn tidied(mut keys: Vec<i32>, values: &StringArray) -> TextColumn {
    let (mut place, mut names) = (HashMap::new(), Vec::new());
    let moved: Vec<i32> = values
        .iter()
        .map(|text| {
            let name = tidy(text.unwrap_or_default()).into_owned();
            index_of(&mut place, &mut names, name.clone(), || name) as i32
        })
        .collect();
    for key in &mut keys {
        if *key != TextColumn::MISSING {
            *key = moved[*key as usize];
        }
    }
    TextColumn { keys, values: StringArray::from(names) }
}
