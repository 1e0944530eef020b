//! Converts values of trial tables, text and arrays of any simple type, to the canonical columns.

use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, BooleanBuilder, Float64Builder, Int64Builder, StringDictionaryBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, UInt32Array};
use arrow_schema::DataType;
use arrow_select::take::take;

use super::columns::{ColumnKind, TrialColumn};
use crate::arrays::{self, dictionary_type, is_binary, is_decimal, is_text};
use crate::delimited::{Numbers, flag, is_missing, whole};

/// The canonical type of a kind of column.
pub(super) fn canonical_type(kind: ColumnKind) -> DataType {
    match kind {
        ColumnKind::Text => dictionary_type(),
        ColumnKind::Integer => DataType::Int64,
        ColumnKind::Real => DataType::Float64,
        ColumnKind::Flag => DataType::Boolean,
    }
}

/// Whether values of a type in a file can be read as `kind`. A column that holds nothing but nulls can always.
pub(super) fn accepts(kind: ColumnKind, found: &DataType) -> bool {
    let is_number = |t: &DataType| t.is_integer() || t.is_floating() || is_decimal(t);
    match found {
        DataType::Dictionary(_, value) => accepts(kind, value),
        DataType::Null => true,
        found if is_text(found) => true,
        found => match kind {
            ColumnKind::Text => is_binary(found),
            ColumnKind::Integer | ColumnKind::Real | ColumnKind::Flag => {
                is_number(found) || *found == DataType::Boolean
            }
        },
    }
}

/// Collects the values of one column.
pub(super) enum Builder {
    Text(StringDictionaryBuilder<Int32Type>),
    Integer(Int64Builder),
    /// With whether truth values are read as 1 and 0.
    Real(Float64Builder, bool),
    Flag(BooleanBuilder),
}

impl Builder {
    pub(super) fn new(column: TrialColumn) -> Self {
        match column.kind() {
            ColumnKind::Text => Self::Text(StringDictionaryBuilder::new()),
            ColumnKind::Integer => Self::Integer(Int64Builder::new()),
            ColumnKind::Real => Self::Real(Float64Builder::new(), is_truth(column)),
            ColumnKind::Flag => Self::Flag(BooleanBuilder::new()),
        }
    }

    /// Adds a value, or null for a text that means a missing one; `None` if the text cannot be read.
    pub(super) fn push(&mut self, text: &[u8], numbers: Numbers) -> Option<()> {
        let text = std::str::from_utf8(text).ok()?;
        // A setting may be called none; in numbers and truth values it means a missing one.
        if is_missing(text) || text.eq_ignore_ascii_case("none") && !matches!(self, Self::Text(_)) {
            match self {
                Self::Text(b) => b.append_null(),
                Self::Integer(b) => b.append_null(),
                Self::Real(b, _) => b.append_null(),
                Self::Flag(b) => b.append_null(),
            }
            return Some(());
        }
        match self {
            Self::Text(b) => drop(b.append(text).ok()?),
            Self::Integer(b) => b.append_value(numbers.whole(text)?),
            Self::Real(b, truth) => {
                let number = numbers.parse(text).or_else(|| flag(text).filter(|_| *truth).map(f64::from));
                b.append_value(number?);
            }
            Self::Flag(b) => b.append_value(flag(text)?),
        }
        Some(())
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(b) => Arc::new(b.finish()),
            Self::Integer(b) => ArrayBuilder::finish(b),
            Self::Real(b, _) => ArrayBuilder::finish(b),
            Self::Flag(b) => ArrayBuilder::finish(b),
        }
    }
}

/// Whether a float column holds truth values, which some files write as such.
fn is_truth(column: TrialColumn) -> bool {
    matches!(column, TrialColumn::Correct | TrialColumn::PairedCorrect)
}

/// A column of its canonical type, with the rows whose value could not be read and its text; there the column is null.
pub(super) type Canonical = (ArrayRef, Vec<(usize, String)>);

/// Converts values of a type that [`accepts`] allows to the canonical type; the error says why a whole column cannot be read.
pub(super) fn canonical(column: TrialColumn, array: &ArrayRef) -> Result<Canonical, String> {
    let (kind, found) = (column.kind(), array.data_type());
    if *found == canonical_type(kind) {
        return Ok((array.clone(), Vec::new()));
    }
    // Text keeps its dictionary.
    let array = if kind == ColumnKind::Text { array.clone() } else { arrays::unpacked(array)? };
    Ok(match (kind, array.data_type()) {
        (ColumnKind::Integer, t) if t.is_integer() => (Arc::new(arrays::whole_numbers(&array)?), Vec::new()),
        (ColumnKind::Integer, t) if t.is_floating() || is_decimal(t) => {
            let numbers = arrays::numbers(&array)?;
            let mut faults = Vec::new();
            let values = numbers.iter().enumerate().map(|(row, x)| {
                let x = x.filter(|x| !x.is_nan())?;
                let read = whole(x);
                if read.is_none() {
                    faults.push((row, format!("{x:?}")));
                }
                read
            });
            (Arc::new(values.collect::<Int64Array>()), faults)
        }
        (ColumnKind::Real, t) if t.is_floating() || t.is_integer() || is_decimal(t) || *t == DataType::Null => {
            (Arc::new(arrays::numbers(&array)?), Vec::new())
        }
        (ColumnKind::Real, DataType::Boolean) if is_truth(column) => {
            let values = array.as_boolean().iter().map(|x| x.map(f64::from));
            (Arc::new(values.collect::<Float64Array>()), Vec::new())
        }
        (ColumnKind::Flag, t) if t.is_floating() || t.is_integer() || is_decimal(t) => {
            let numbers = arrays::numbers(&array)?;
            let mut faults = Vec::new();
            let values = numbers.iter().enumerate().map(|(row, x)| match x {
                Some(0.0) => Some(false),
                Some(1.0) => Some(true),
                Some(x) if !x.is_nan() => {
                    faults.push((row, format!("{x}")));
                    None
                }
                _ => None,
            });
            (Arc::new(values.collect::<BooleanArray>()), faults)
        }
        (ColumnKind::Text, t) if is_text(t) => (Arc::new(arrays::dictionary(&array)?), Vec::new()),
        // Numbers and truth values as text, nulls only, and text as bytes.
        _ => from_text(column, &arrays::text(&array)?),
    })
}

fn from_text(column: TrialColumn, text: &StringArray) -> Canonical {
    let (mut builder, mut faults) = (Builder::new(column), Vec::new());
    for (row, value) in text.iter().enumerate() {
        let value = value.unwrap_or_default().trim();
        if builder.push(value.as_bytes(), Numbers::Point).is_none() {
            faults.push((row, value.to_owned()));
            builder.push(b"", Numbers::Point);
        }
    }
    (builder.finish(), faults)
}

/// A column with the same value in all rows, as a folder gives it; `None` if the text cannot be read as that column.
pub(super) fn constant(column: TrialColumn, value: Option<&str>, n_rows: usize) -> Option<ArrayRef> {
    let mut builder = Builder::new(column);
    builder.push(value.unwrap_or_default().trim().as_bytes(), Numbers::Point)?;
    take(&builder.finish(), &UInt32Array::from(vec![0; n_rows]), None).ok()
}

/// First row in which two columns of the same canonical type differ. NaN is a missing value.
pub(super) fn first_difference(a: &ArrayRef, b: &ArrayRef) -> Option<usize> {
    fn present(text: Option<&str>) -> Option<&str> {
        text.filter(|text| !is_missing(text))
    }
    fn differ<T: PartialEq>(a: impl Iterator<Item = T>, b: impl Iterator<Item = T>) -> Option<usize> {
        a.zip(b).position(|(x, y)| x != y)
    }
    match a.data_type() {
        DataType::Dictionary(..) => {
            let [a, b] = [a, b].map(|array| array.as_dictionary_opt::<Int32Type>()?.downcast_dict::<StringArray>());
            differ(a?.into_iter().map(present), b?.into_iter().map(present))
        }
        DataType::Float64 => {
            let present = |x: Option<f64>| x.filter(|x| !x.is_nan());
            let [a, b] = [a, b].map(|array| array.as_primitive_opt::<Float64Type>());
            differ(a?.iter().map(present), b?.iter().map(present))
        }
        DataType::Int64 => differ(a.as_primitive_opt::<Int64Type>()?.iter(), b.as_primitive_opt::<Int64Type>()?.iter()),
        _ => differ(a.as_boolean_opt()?.iter(), b.as_boolean_opt()?.iter()),
    }
}
