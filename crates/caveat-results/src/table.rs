//! A tidy table for output: named columns, written by file extension or printed as aligned text, CSV or JSON.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow_schema::{DataType, Field, Schema};
use caveat_theory::{Named, named_enum};
use serde::{Deserialize, Serialize};

use crate::atomic::write_atomically;
use crate::error::{Result, ResultsError, one_line};
use crate::sink::{FileFormat, Sink, write_csv_rows};

/// The values of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Values {
    /// Floats; NaN means missing.
    Float(Vec<f64>),
    /// Integers; `None` means missing.
    Integer(Vec<Option<i64>>),
    /// Text, never missing.
    Text(Vec<String>),
    /// Truth values, never missing.
    Flag(Vec<bool>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Float(v) => v.len(),
            Self::Integer(v) => v.len(),
            Self::Text(v) => v.len(),
            Self::Flag(v) => v.len(),
        }
    }
}

named_enum! {
    /// How a table is printed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum Format, ALL {
        /// Aligned columns for reading, floats to six significant digits, `-` for a missing value.
        #[default]
        Table = "table",
        /// A header line and one line a row; a missing value is empty, infinity is `inf`.
        Csv = "csv",
        /// An array of objects, one a row, keys in column order; a missing value is null, and so is infinity.
        Json = "json",
    }
    refuse |name| -> ResultsError { ResultsError::unknown_choice("format", name, Self::list_names()) }
}

/// A table of named columns of equal length, in the order they were added.
///
/// ```
/// use caveat_results::{Format, Table};
/// let table = Table::new().text("item", ["a", "b"])?.float("rank", [0.5, f64::NAN])?;
/// assert_eq!(table.render(Format::Csv)?, "item,rank\na,0.5\nb,\n");
/// assert_eq!(table.render(Format::Json)?, "[\n{\"item\":\"a\",\"rank\":0.5},\n{\"item\":\"b\",\"rank\":null}\n]\n");
/// # Ok::<(), caveat_results::ResultsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Table {
    columns: Vec<(String, Values)>,
}

impl Table {
    /// The extensions that [`write`](Self::write) knows.
    pub const EXTENSIONS: &'static str = ".parquet, .csv or .json";

    /// A table without columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column of floats, of which NaN is missing, with the errors of [`with`](Self::with).
    pub fn float(self, name: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Result<Self> {
        self.with(name, Values::Float(values.into_iter().collect()))
    }

    /// Adds a column of integers, `i64` or `Option<i64>`, with the errors of [`with`](Self::with).
    pub fn integer<T: Into<Option<i64>>>(
        self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = T>,
    ) -> Result<Self> {
        self.with(name, Values::Integer(values.into_iter().map(Into::into).collect()))
    }

    /// Adds a column of counts or indices, with the errors of [`with`](Self::with).
    pub fn count(self, name: impl Into<String>, values: impl IntoIterator<Item = usize>) -> Result<Self> {
        self.integer(name, values.into_iter().map(|value| i64::try_from(value).ok()))
    }

    /// Adds a column of text, with the errors of [`with`](Self::with).
    pub fn text<T: Into<String>>(self, name: impl Into<String>, values: impl IntoIterator<Item = T>) -> Result<Self> {
        self.with(name, Values::Text(values.into_iter().map(Into::into).collect()))
    }

    /// Adds a column of truth values, with the errors of [`with`](Self::with).
    pub fn flag(self, name: impl Into<String>, values: impl IntoIterator<Item = bool>) -> Result<Self> {
        self.with(name, Values::Flag(values.into_iter().collect()))
    }

    /// Adds a column.
    ///
    /// # Errors
    /// A name that is there already, or a length other than that of the columns before.
    pub fn with(mut self, name: impl Into<String>, values: Values) -> Result<Self> {
        let name = name.into();
        if self.columns.iter().any(|(n, _)| *n == name) {
            return Err(ResultsError::BadTable(format!("column {name:?} is in the table already")));
        }
        if !self.columns.is_empty() && values.len() != self.n_rows() {
            return Err(ResultsError::BadTable(format!(
                "column {name:?} has {} rows: expected {} as in the columns before it",
                values.len(),
                self.n_rows()
            )));
        }
        self.columns.push((name, values));
        Ok(self)
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, v)| v.len())
    }

    /// The first `rows` rows, or all if there are fewer.
    #[must_use]
    pub fn head(&self, rows: usize) -> Self {
        let rows = rows.min(self.n_rows());
        let cut = |values: &Values| match values {
            Values::Float(v) => Values::Float(v[..rows].to_vec()),
            Values::Integer(v) => Values::Integer(v[..rows].to_vec()),
            Values::Text(v) => Values::Text(v[..rows].to_vec()),
            Values::Flag(v) => Values::Flag(v[..rows].to_vec()),
        };
        Self { columns: self.columns.iter().map(|(name, values)| (name.clone(), cut(values))).collect() }
    }

    /// The columns with their names, in order.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &Values)> {
        self.columns.iter().map(|(n, v)| (n.as_str(), v))
    }

    /// The values of a column, if there is one of that name.
    pub fn column(&self, name: &str) -> Option<&Values> {
        self.columns.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// Writes the table as its extension says, atomically.
    ///
    /// # Errors
    /// An unknown extension, or a file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            return write_atomically(path, |out| self.print(Format::Json, out));
        }
        let format = FileFormat::from_path(path, Self::EXTENSIONS)?;
        let batch = self.record_batch()?;
        write_atomically(path, |out| {
            let mut sink = Sink::new(format, path, batch.schema(), out)?;
            sink.write(&batch)?;
            sink.finish()
        })
    }

    /// The table as text; writing to memory does not fail in practice.
    pub fn render(&self, format: Format) -> Result<String> {
        let mut out = Vec::new();
        self.print(format, &mut out).map_err(|e| ResultsError::BadTable(e.to_string()))?;
        String::from_utf8(out).map_err(|e| ResultsError::BadTable(e.to_string()))
    }

    /// Prints the table to `out`, which should be buffered.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn print(&self, format: Format, out: &mut impl Write) -> io::Result<()> {
        match format {
            Format::Table => self.print_aligned(out),
            Format::Csv => self.print_csv(out),
            Format::Json => self.print_json(out),
        }
    }

    fn print_csv(&self, out: &mut impl Write) -> io::Result<()> {
        let batch = self.record_batch().map_err(io::Error::other)?;
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(self.columns.iter().map(|(n, _)| n.as_bytes())).map_err(system)?;
        write_csv_rows(batch.columns(), self.n_rows(), &mut csv).map_err(system)?;
        csv.flush()
    }

    fn print_json(&self, out: &mut impl Write) -> io::Result<()> {
        let keys: Vec<String> =
            self.columns.iter().map(|(n, _)| serde_json::Value::from(n.as_str()).to_string()).collect();
        out.write_all(b"[")?;
        for row in 0..self.n_rows() {
            out.write_all(if row == 0 { b"\n{" } else { b",\n{" })?;
            for (k, ((_, values), key)) in self.columns.iter().zip(&keys).enumerate() {
                if k > 0 {
                    out.write_all(b",")?;
                }
                write!(out, "{key}:")?;
                match values {
                    Values::Float(v) if v[row].is_finite() => write!(out, "{:?}", v[row])?,
                    Values::Float(_) => out.write_all(b"null")?,
                    Values::Integer(v) => match v[row] {
                        Some(x) => write!(out, "{x}")?,
                        None => out.write_all(b"null")?,
                    },
                    Values::Text(v) => serde_json::to_writer(&mut *out, &v[row])?,
                    Values::Flag(v) => write!(out, "{}", v[row])?,
                }
            }
            out.write_all(b"}")?;
        }
        out.write_all(if self.n_rows() == 0 { b"]\n" } else { b"\n]\n" })
    }

    fn print_aligned(&self, out: &mut impl Write) -> io::Result<()> {
        let columns: Vec<(Vec<String>, bool)> = self
            .columns
            .iter()
            .map(|(name, values)| {
                let mut cells = vec![name.clone()];
                match values {
                    Values::Float(v) => cells.extend(v.iter().map(|&x| six_digits(x))),
                    Values::Integer(v) => cells.extend(v.iter().map(|x| x.map_or("-".to_owned(), |x| x.to_string()))),
                    Values::Text(v) => cells.extend(v.iter().map(|x| on_one_line(x))),
                    Values::Flag(v) => cells.extend(v.iter().map(bool::to_string)),
                }
                (cells, matches!(values, Values::Float(_) | Values::Integer(_)))
            })
            .collect();
        let widths: Vec<usize> =
            columns.iter().map(|(cells, _)| cells.iter().map(|c| c.chars().count()).max().unwrap_or(0)).collect();
        let mut line = String::new();
        for row in 0..=self.n_rows() {
            line.clear();
            for ((cells, right), &width) in columns.iter().zip(&widths) {
                if !line.is_empty() {
                    line.push_str("  ");
                }
                let cell = &cells[row];
                match right {
                    true => line.push_str(&format!("{cell:>width$}")),
                    false => line.push_str(&format!("{cell:<width$}")),
                }
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// The table in Arrow's memory format, NaN and `None` as nulls. Cost O(cells). Does not fail in practice.
    pub fn record_batch(&self) -> Result<RecordBatch> {
        let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = self
            .columns
            .iter()
            .map(|(name, values)| match values {
                Values::Float(v) => {
                    let array = Float64Array::from_iter(v.iter().map(|&x| (!x.is_nan()).then_some(x)));
                    (Field::new(name, DataType::Float64, true), Arc::new(array) as ArrayRef)
                }
                Values::Integer(v) => {
                    (Field::new(name, DataType::Int64, true), Arc::new(Int64Array::from(v.clone())) as ArrayRef)
                }
                Values::Text(v) => {
                    let array = StringArray::from_iter_values(v);
                    (Field::new(name, DataType::Utf8, false), Arc::new(array) as ArrayRef)
                }
                Values::Flag(v) => {
                    (Field::new(name, DataType::Boolean, false), Arc::new(BooleanArray::from(v.clone())) as ArrayRef)
                }
            })
            .unzip();
        let options = RecordBatchOptions::new().with_row_count(Some(self.n_rows()));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
            .map_err(|e| ResultsError::BadTable(one_line(&e)))
    }
}

/// The I/O error behind one of the CSV writer, with its kind: a closed pipe stays one.
fn system(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(e) => e,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// A float to six significant digits, trailing zeros dropped, the point kept: 0.2, 1.0, 1.5e-7, inf; `-` for NaN.
fn six_digits(x: f64) -> String {
    if x.is_nan() {
        return "-".to_owned();
    }
    if x == 0.0 || x.is_infinite() {
        return if x == 0.0 { "0.0".to_owned() } else { x.to_string() };
    }
    let scientific = format!("{x:.5e}");
    // The exponent is that of the rounded digits, so that 999999.9 counts as 1e6.
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |digits: &str| {
        let trimmed = digits.trim_end_matches('0');
        if trimmed.ends_with('.') { format!("{trimmed}0") } else { trimmed.to_owned() }
    };
    if (-4..6).contains(&exponent) {
        let decimals = (5 - exponent).max(1) as usize;
        trim(&format!("{x:.decimals$}"))
    } else {
        format!("{}e{exponent}", trim(mantissa))
    }
}

/// Text with control characters escaped, so that it stays on its line.
fn on_one_line(text: &str) -> String {
    if text.contains(char::is_control) { text.escape_debug().to_string() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_the_first_rows_and_never_more_than_there_are() {
        let table = sample();
        let head = table.head(1);
        assert_eq!((head.n_rows(), head.columns().count()), (1, table.columns().count()));
        let rows = |t: &Table| t.render(Format::Csv).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(rows(&head), rows(&table)[..2]);
        assert_eq!(rows(&table.head(usize::MAX)), rows(&table));
        assert_eq!(table.head(0).record_batch().unwrap().schema(), table.record_batch().unwrap().schema());
    }

    fn sample() -> Table {
        Table::new()
            .text("class", ["premise", "a \"b\", c"])
            .unwrap()
            .float("value", [1.0, f64::NAN])
            .unwrap()
            .integer("count", [Some(3), None])
            .unwrap()
            .flag("trained", [true, false])
            .unwrap()
    }

    #[test]
    fn csv_keeps_floats_floats_and_leaves_missing_values_empty() {
        let csv = sample().render(Format::Csv).unwrap();
        assert_eq!(csv, "class,value,count,trained\npremise,1.0,3,true\n\"a \"\"b\"\", c\",,,false\n");
        let extreme = Table::new().float("x", [f64::INFINITY, -1e300, 0.1 + 0.2, 5e-324, -0.0]).unwrap();
        assert_eq!(extreme.render(Format::Csv).unwrap(), "x\ninf\n-1e300\n0.30000000000000004\n5e-324\n-0.0\n");
    }

    #[test]
    fn a_single_empty_cell_still_is_a_row_in_csv() {
        let csv = Table::new().float("x", [f64::NAN, 1.0]).unwrap().render(Format::Csv).unwrap();
        assert_eq!(csv::Reader::from_reader(csv.as_bytes()).records().count(), 2);
    }

    #[test]
    fn json_has_keys_in_column_order_and_null_for_missing_and_infinite() {
        let json = sample().float("limit", [f64::INFINITY, 2.0]).unwrap().render(Format::Json).unwrap();
        assert_eq!(
            json,
            "[\n{\"class\":\"premise\",\"value\":1.0,\"count\":3,\"trained\":true,\"limit\":null},\n\
             {\"class\":\"a \\\"b\\\", c\",\"value\":null,\"count\":null,\"trained\":false,\"limit\":2.0}\n]\n"
        );
        let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(parsed[0]["value"].is_f64());
        assert_eq!(Table::new().render(Format::Json).unwrap(), "[]\n");
    }

    #[test]
    fn text_is_aligned_numbers_to_the_right() {
        let text = sample().render(Format::Table).unwrap();
        assert_eq!(
            text,
            "class     value  count  trained\npremise     1.0      3  true\na \"b\", c      -      -  false\n"
        );
    }

    #[test]
    fn six_significant_digits_are_shown() {
        for (x, shown) in [
            (1.0, "1.0"),
            (0.2, "0.2"),
            (1.0 / 3.0, "0.333333"),
            (-1234.5678, "-1234.57"),
            (999_999.9, "1.0e6"),
            (123_456.7, "123456.7"),
            (1.5e-7, "1.5e-7"),
            (0.000_123_456_78, "0.000123457"),
            (0.0, "0.0"),
            (-0.0, "0.0"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(six_digits(x), shown);
        }
    }

    #[test]
    fn files_are_written_by_extension() {
        let directory = tempfile::tempdir().unwrap();
        for (name, format) in [("t.csv", Format::Csv), ("t.JSON", Format::Json)] {
            let path = directory.path().join(name);
            sample().write(&path).unwrap();
            assert_eq!(std::fs::read_to_string(path).unwrap(), sample().render(format).unwrap());
        }
        for (name, says) in [("t.xlsx", "unknown extension .xlsx"), ("t", "no file extension")] {
            let message = sample().write(&directory.path().join(name)).unwrap_err().to_string();
            assert!(message.contains(says) && message.contains(Table::EXTENSIONS), "{message}");
        }
    }

    #[test]
    fn parquet_holds_the_same_values_with_nulls() {
        use arrow_array::Array;
        use arrow_array::cast::AsArray;
        use arrow_array::types::{Float64Type, Int64Type};
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.parquet");
        sample().write(&path).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let batch = reader.build().unwrap().next().unwrap().unwrap();
        assert_eq!(batch.num_rows(), 2);
        assert_eq!(batch.column(0).as_string::<i32>().value(1), "a \"b\", c");
        let value = batch.column(1).as_primitive::<Float64Type>();
        assert!(value.value(0) == 1.0 && value.is_null(1));
        assert!(batch.column(2).as_primitive::<Int64Type>().is_null(1));
        assert!(batch.column(3).as_boolean().value(0));
    }

    #[test]
    fn uneven_and_duplicate_columns_are_refused() {
        let message = |t: Result<Table>| t.unwrap_err().to_string();
        assert!(message(sample().flag("x", [true])).contains("has 1 rows: expected 2"));
        assert!(message(sample().flag("class", [true, false])).contains("is in the table already"));
        assert!("yaml".parse::<Format>().unwrap_err().to_string().contains("table, csv or json"));
    }
}
