//! Extra columns of trial tables: what they hold, whether tables agree on them, and their values.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, new_null_array};
use arrow_schema::{DataType, Field};

use crate::arrays::{self, flag, is_simple};
use crate::error::{Result, ResultsError, name_list};
use crate::sink::FileFormat;
use crate::trial_table::{Source, TrialBatch};

/// What the text of a CSV column can be read as, from the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// No value at all.
    Empty,
    Integer,
    Real,
    Flag,
    Text,
}

impl Kind {
    fn recognize(text: &str) -> Self {
        // Text that would be written differently (007, +1) is not a number.
        if text.parse::<i64>().is_ok_and(|x| x.to_string() == text) {
            Self::Integer
        } else if is_real(text) {
            Self::Real
        } else if flag(text).is_some() {
            Self::Flag
        } else {
            Self::Text
        }
    }

    fn join(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Empty, x) | (x, Self::Empty) => x,
            (Self::Integer | Self::Real, Self::Integer | Self::Real) => Self::Real,
            _ => Self::Text,
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Integer => DataType::Int64,
            Self::Real => DataType::Float64,
            Self::Flag => DataType::Boolean,
            Self::Empty | Self::Text => DataType::Utf8,
        }
    }

    /// Whether every value of this kind fits a column of a Parquet file.
    fn fits(self, column: &DataType) -> bool {
        match self {
            Self::Empty => true,
            Self::Integer => column.is_integer() || column.is_floating() || *column == DataType::Utf8,
            Self::Real => column.is_floating() || *column == DataType::Utf8,
            Self::Flag => matches!(column, DataType::Boolean | DataType::Utf8),
            // Dates and times are text in CSV; whether each can be read shows later.
            Self::Text => *column == DataType::Utf8 || column.is_temporal(),
        }
    }
}

fn is_real(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let plain = match digits {
        [b'0', second, ..] => !second.is_ascii_digit(),
        [first, ..] => first.is_ascii_digit() || *first == b'.',
        [] => false,
    };
    matches!(text, "inf" | "-inf" | "NaN") || plain && text.parse::<f64>().is_ok()
}

/// The kinds of the extra columns of one CSV, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct CsvKinds(Vec<Kind>);

impl CsvKinds {
    /// Widens the kinds to fit some rows.
    pub(super) fn add(&mut self, batch: &TrialBatch) {
        self.0.resize(batch.extras().len(), Kind::Empty);
        for (kind, (_, array)) in self.0.iter_mut().zip(batch.extras()) {
            for text in array.as_string::<i32>().iter().flatten() {
                if *kind == Kind::Text {
                    break;
                }
                *kind = kind.join(Kind::recognize(text));
            }
        }
    }
}

/// The extra columns of all tables: names and types, in the order of the first table.
pub(super) struct Extras(Vec<(String, DataType)>);

impl Extras {
    /// Finds the extra columns, which must be the same in all tables; `kinds` are those of CSV files.
    pub(super) fn agree(
        tables: &[PathBuf],
        sources: &[Source],
        kinds: &[Option<&CsvKinds>],
        format: FileFormat,
    ) -> Result<Self> {
        let listed: Vec<&[(String, DataType)]> = sources.iter().map(Source::extras).collect();
        let (Some(first), Some(first_table)) = (listed.first(), tables.first()) else { return Ok(Self(Vec::new())) };
        let names = |list: &[(String, DataType)]| name_list(list.iter().map(|(n, _)| n));
        for (table, list) in tables.iter().zip(&listed) {
            let same = list.len() == first.len() && first.iter().all(|(n, _)| list.iter().any(|(m, _)| m == n));
            if !same {
                let problem = format!(
                    "beside those of a trial table it has {}: expected {} as in {}",
                    names(list),
                    names(first),
                    first_table.display()
                );
                return Err(ResultsError::bad_file(table, problem));
            }
        }
        let mut agreed = Vec::new();
        for (name, _) in first.iter() {
            // The index of the column in each table.
            let places: Vec<usize> =
                listed.iter().map(|l| l.iter().position(|(n, _)| n == name).unwrap_or(0)).collect();
            let typed = || (0..tables.len()).filter(|k| kinds[*k].is_none());
            let type_in = |k: usize| plain_type(&listed[k][places[k]].1);
            let kind_of = |k: usize| kinds[k].and_then(|c| c.0.get(places[k]).copied());
            let disagrees = |k: usize, found: &DataType, expected: &DataType, at: usize| {
                let problem = format!("column {name:?} is {found}: expected {expected} as in {}", tables[at].display());
                ResultsError::bad_file(&tables[k], problem)
            };
            let fixed = typed().map(|k| (k, type_in(k))).find(|(_, t)| *t != DataType::Null);
            let agreed_type = match fixed {
                Some((at, expected)) => {
                    if let Some(k) = typed().find(|&k| ![DataType::Null, expected.clone()].contains(&type_in(k))) {
                        return Err(disagrees(k, &type_in(k), &expected, at));
                    }
                    let wrong =
                        (0..tables.len()).find_map(|k| Some((k, kind_of(k)?)).filter(|(_, c)| !c.fits(&expected)));
                    if let Some((k, kind)) = wrong {
                        return Err(disagrees(k, &kind.data_type(), &expected, at));
                    }
                    expected
                }
                None => (0..tables.len()).filter_map(kind_of).fold(Kind::Empty, Kind::join).data_type(),
            };
            if format == FileFormat::Csv && !is_simple(&agreed_type) {
                let problem =
                    format!("column {name:?} is {agreed_type}, which CSV cannot hold: expected single values");
                return Err(ResultsError::bad_file(first_table, problem));
            }
            agreed.push((name.clone(), agreed_type));
        }
        Ok(Self(agreed))
    }

    pub(super) fn fields(&self) -> Vec<Field> {
        self.0.iter().map(|(name, kind)| Field::new(name, kind.clone(), true)).collect()
    }

    /// The values of a batch.
    pub(super) fn columns(&self, batch: &TrialBatch) -> Result<Vec<ArrayRef>> {
        let values = |(name, wanted): &(String, DataType)| {
            let found = batch.extras().iter().find(|(n, _)| n == name);
            match found {
                Some((_, array)) => convert(array, wanted).map_err(|e| {
                    let rows =
                        format!("rows {} to {}", batch.first_row(), batch.first_row() + batch.n_rows() as u64 - 1);
                    ResultsError::bad_file(batch.path(), format!("{rows} (counted from 0), column {name:?}: {e}"))
                }),
                None => Ok(new_null_array(wanted, batch.n_rows())),
            }
        };
        self.0.iter().map(values).collect()
    }
}

/// The type without a dictionary, and with one encoding of text.
fn plain_type(found: &DataType) -> DataType {
    match found {
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Dictionary(_, value) => plain_type(value),
        other => other.clone(),
    }
}

fn convert(array: &ArrayRef, wanted: &DataType) -> std::result::Result<ArrayRef, String> {
    if array.data_type() == wanted {
        return Ok(array.clone());
    }
    match array.data_type() {
        DataType::Null => Ok(new_null_array(wanted, array.len())),
        // From a CSV.
        DataType::Utf8 => arrays::read(array.as_string(), wanted),
        _ if *wanted == DataType::Utf8 => Ok(Arc::new(arrays::text(array)?)),
        _ => {
            let plain = arrays::unpacked(array)?;
            let same = plain.data_type() == wanted;
            same.then_some(plain).ok_or_else(|| format!("it is {} and not {wanted}", array.data_type()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_a_number_only_if_it_reads_back_the_same() {
        for (text, kind) in [
            ("12", Kind::Integer),
            ("-3", Kind::Integer),
            ("9223372036854775808", Kind::Real),
            ("-0", Kind::Real),
            ("1.0", Kind::Real),
            ("1e-7", Kind::Real),
            ("-inf", Kind::Real),
            ("007", Kind::Text),
            ("+1", Kind::Text),
            ("Infinity", Kind::Text),
            ("1 2", Kind::Text),
            ("-", Kind::Text),
            ("True", Kind::Flag),
            ("yes", Kind::Text),
        ] {
            assert_eq!(Kind::recognize(text), kind, "{text}");
        }
    }

    #[test]
    fn joining_is_commutative_associative_and_idempotent() {
        let all = [Kind::Empty, Kind::Integer, Kind::Real, Kind::Flag, Kind::Text];
        for a in all {
            assert_eq!(a.join(a), a);
            for b in all {
                assert_eq!(a.join(b), b.join(a));
                for c in all {
                    assert_eq!(a.join(b).join(c), a.join(b.join(c)));
                }
            }
        }
    }
}
