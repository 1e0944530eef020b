//! Trial tables in CSV files.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, StringDictionaryBuilder,
};
use arrow_array::types::Int32Type;
use arrow_schema::DataType;

use super::batch::{Fault, RawRows};
use super::{ColumnKind, Reading, TrialBatch, TrialColumn, refuse_duplicates};
use crate::error::{Result, ResultsError, name_list, one_line, open_nonempty};

const EXPECTED: &str = "a trial table in CSV";
const BATCH_ROWS: usize = 1 << 13;

/// A CSV file whose header has been read.
pub(crate) struct CsvTable {
    path: Arc<Path>,
    /// The requested columns with their field numbers.
    columns: Vec<(TrialColumn, usize)>,
    /// The columns that are none of a trial table's, with their field numbers; only where they were asked for.
    extras: Vec<(String, usize)>,
    reading: Reading,
    n_rows: u64,
}

impl CsvTable {
    pub(super) fn open(path: &Path, columns: &[TrialColumn], reading: Reading) -> Result<Self> {
        let (file, _) = open_nonempty(path, EXPECTED)?;
        let mut reader = csv::Reader::from_reader(file);
        let headers = reader.byte_headers().map_err(|e| bad_record(path, &e))?;
        let names: Vec<String> = headers.iter().map(|h| String::from_utf8_lossy(h).trim().to_owned()).collect();
        if reading != Reading::default() {
            refuse_duplicates(path, names.iter().map(String::as_str))?;
        }
        let columns = columns
            .iter()
            .map(|&column| match names.iter().position(|n| n == column.name()) {
                Some(field) => Ok((column, field)),
                None => Err(ResultsError::MissingColumn {
                    path: path.to_owned(),
                    column: column.name(),
                    found: name_list(names.iter().map(String::as_str)),
                }),
            })
            .collect::<Result<_>>()?;
        // For progress only: lines are counted, not records.
        let n_rows = count_lines(path)?.saturating_sub(1);
        let others = names.into_iter().enumerate().filter(|(_, name)| TrialColumn::of(name).is_none());
        let extras = if reading.extras { others.map(|(field, name)| (name, field)).collect() } else { Vec::new() };
        Ok(Self { path: Arc::from(path), columns, extras, reading, n_rows })
    }

    /// Names of the further columns, which are read as text.
    pub(super) fn extras(&self) -> Vec<(String, DataType)> {
        self.extras.iter().map(|(name, _)| (name.clone(), DataType::Utf8)).collect()
    }

    pub(super) fn n_rows(&self) -> u64 {
        self.n_rows
    }

    pub(super) fn read(&self, visit: &mut dyn FnMut(TrialBatch) -> Result<()>) -> Result<()> {
        let (file, _) = open_nonempty(&self.path, EXPECTED)?;
        let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 18).from_reader(file);
        let mut builders: Vec<Builder> = self.columns.iter().map(|(c, _)| Builder::new(c.kind())).collect();
        let mut extras: Vec<StringBuilder> = self.extras.iter().map(|_| StringBuilder::new()).collect();
        let mut faults = Vec::new();
        let mut record = csv::ByteRecord::new();
        let (mut first_row, mut n_rows) = (0, 0);
        loop {
            let more = reader.read_byte_record(&mut record).map_err(|e| bad_record(&self.path, &e))?;
            if more {
                for (builder, &(column, field)) in builders.iter_mut().zip(&self.columns) {
                    // The reader has checked that all rows have as many fields as the header.
                    let text = record.get(field).unwrap_or_default().trim_ascii();
                    let read = builder.push(text);
                    if read.is_some() {
                        continue;
                    }
                    let text = String::from_utf8_lossy(text).into_owned();
                    if self.reading.lenient {
                        // An empty field is read by every builder.
                        builder.push(b"");
                        faults.push(Fault { row: n_rows, column, text: Some(text) });
                        continue;
                    }
                    return Err(ResultsError::BadValue {
                        path: self.path.to_path_buf(),
                        row: first_row + n_rows as u64,
                        column: column.name(),
                        problem: format!("{text:?}: expected {}", column.kind().accepted()),
                    });
                }
                for (builder, (name, field)) in extras.iter_mut().zip(&self.extras) {
                    match std::str::from_utf8(record.get(*field).unwrap_or_default()) {
                        Ok("") => builder.append_null(),
                        Ok(text) => builder.append_value(text),
                        Err(_) => {
                            let row = first_row + n_rows as u64;
                            let problem =
                                format!("row {row} (counted from 0), column {name:?}: expected text in UTF-8");
                            return Err(ResultsError::bad_file(&self.path, problem));
                        }
                    }
                }
                n_rows += 1;
            }
            if n_rows == BATCH_ROWS || (!more && n_rows > 0) {
                let rows = RawRows {
                    columns: builders.iter_mut().zip(&self.columns).map(|(b, &(c, _))| (c, b.finish())).collect(),
                    extras: extras
                        .iter_mut()
                        .zip(&self.extras)
                        .map(|(b, (name, _))| (name.clone(), ArrayBuilder::finish(b)))
                        .collect(),
                    faults: std::mem::take(&mut faults),
                };
                visit(TrialBatch::new(&self.path, first_row, n_rows, rows, self.reading)?)?;
                first_row += n_rows as u64;
                n_rows = 0;
            }
            if !more {
                break;
            }
        }
        if first_row == 0 {
            let path = self.path.to_path_buf();
            return Err(ResultsError::NoRows { path, filter: String::new(), expected: "one per trial" });
        }
        Ok(())
    }
}

enum Builder {
    Text(StringDictionaryBuilder<Int32Type>),
    Integer(Int64Builder),
    Real(Float64Builder),
    Flag(BooleanBuilder),
}

impl Builder {
    fn new(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Text => Self::Text(StringDictionaryBuilder::new()),
            ColumnKind::Integer => Self::Integer(Int64Builder::new()),
            ColumnKind::Real => Self::Real(Float64Builder::new()),
            ColumnKind::Flag => Self::Flag(BooleanBuilder::new()),
        }
    }

    /// Adds a field; `None` if it does not read as this kind. An empty field is a missing value.
    fn push(&mut self, text: &[u8]) -> Option<()> {
        let text = std::str::from_utf8(text).ok()?;
        match self {
            Self::Text(b) if text.is_empty() => b.append_null(),
            Self::Text(b) => drop(b.append(text).ok()?),
            Self::Integer(b) if text.is_empty() => b.append_null(),
            Self::Integer(b) => b.append_value(text.parse().ok()?),
            Self::Real(b) if text.is_empty() => b.append_null(),
            Self::Real(b) => b.append_value(text.parse().ok()?),
            Self::Flag(b) => match text {
                "true" | "True" | "TRUE" | "1" => b.append_value(true),
                "false" | "False" | "FALSE" | "0" => b.append_value(false),
                "" => b.append_null(),
                _ => return None,
            },
        }
        Some(())
    }

    fn finish(&mut self) -> arrow_array::ArrayRef {
        match self {
            Self::Text(b) => Arc::new(b.finish()),
            Self::Integer(b) => ArrayBuilder::finish(b),
            Self::Real(b) => ArrayBuilder::finish(b),
            Self::Flag(b) => ArrayBuilder::finish(b),
        }
    }
}

fn bad_record(path: &Path, error: &csv::Error) -> ResultsError {
    match error.kind() {
        csv::ErrorKind::Io(e) => ResultsError::read(path, std::io::Error::new(e.kind(), e.to_string())),
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => ResultsError::BadLine {
            path: path.to_owned(),
            line: pos.as_ref().map_or(0, csv::Position::line),
            problem: format!("{len} fields: expected {expected_len} as in the header"),
        },
        _ => ResultsError::bad_file(path, one_line(error)),
    }
}

fn count_lines(path: &Path) -> Result<u64> {
    let (file, _) = open_nonempty(path, EXPECTED)?;
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let (mut lines, mut last) = (0, b'\n');
    loop {
        let bytes = reader.fill_buf().map_err(|e| ResultsError::read(path, e))?;
        let Some(&end) = bytes.last() else { break };
        lines += bytes.iter().filter(|b| **b == b'\n').count() as u64;
        last = end;
        let length = bytes.len();
        reader.consume(length);
    }
    Ok(lines + u64::from(last != b'\n'))
}
