//! Rows of any table as text, one record after another, from separated text and Parquet alike.

use std::fs::File;

use arrow_array::{Array, StringArray};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::arrays;
use crate::caught::guarded;
use crate::delimited::{Delimited, Numbers, column_name};
use crate::error::{Result, ResultsError, name_list};
use crate::input::{AsInput, Input, ParquetInput, damaged};

/// Rows of a Parquet file that are decoded at a time.
const BATCH_ROWS: usize = 1 << 13;

/// An open table: find columns among its `names`, `select` them, then `read` rows, each preceded by its `place` for errors.
pub(crate) struct Rows {
    input: Input,
    form: Kind,
}

enum Kind {
    Text(Box<Delimited>),
    Parquet(Box<ParquetRows>),
}

struct ParquetRows {
    names: Vec<String>,
    /// Until the first row is read.
    unread: Option<(File, ArrowReaderMetadata)>,
    /// The fields that are read, ascending.
    fields: Vec<usize>,
    reader: Option<ParquetRecordBatchReader>,
    /// The decoded rows: a column for every field that is read.
    columns: Vec<StringArray>,
    batch_rows: usize,
    /// Next row of the batch.
    next: usize,
    /// Next row of the file.
    row: u64,
}

impl Rows {
    /// Opens a table in text or Parquet; refuses other kinds of files, by name, and ambiguous separators.
    pub(crate) fn open(input: &Input, expected: &'static str) -> Result<Self> {
        let form = match input.is_parquet(expected)? {
            false => Kind::Text(Box::new(Delimited::open(input, expected)?)),
            true => {
                let ParquetInput { file, metadata } = ParquetInput::open(input, expected)?;
                let names = parquet_names(&metadata);
                let fields = (0..names.len()).collect();
                Kind::Parquet(Box::new(ParquetRows {
                    names,
                    unread: Some((file, metadata)),
                    fields,
                    reader: None,
                    columns: Vec::new(),
                    batch_rows: 0,
                    next: 0,
                    row: 0,
                }))
            }
        };
        Ok(Self { input: input.clone(), form })
    }

    /// Names of the columns, trimmed, composed and without a byte-order mark.
    pub(crate) fn names(&self) -> &[String] {
        match &self.form {
            Kind::Text(table) => &table.names,
            Kind::Parquet(table) => &table.names,
        }
    }

    /// How the table writes numbers.
    pub(crate) fn numbers(&self) -> Numbers {
        match &self.form {
            Kind::Text(table) => table.numbers,
            Kind::Parquet(_) => Numbers::Point,
        }
    }

    /// Whether it is a text file.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.form, Kind::Text(_))
    }

    /// The columns, for a message.
    pub(crate) fn found(&self) -> String {
        match &self.form {
            Kind::Text(table) => table.found(),
            Kind::Parquet(table) => name_list(&table.names),
        }
    }

    /// Selects the fields to read, before the first row; the others may be empty in records.
    pub(crate) fn select(&mut self, fields: &[usize]) {
        if let Kind::Parquet(table) = &mut self.form {
            table.fields = fields.to_vec();
            table.fields.sort_unstable();
            table.fields.dedup();
        }
    }

    /// The place of the next row, for [`bad`](Self::bad).
    pub(crate) fn place(&self) -> u64 {
        match &self.form {
            Kind::Text(table) => table.offset(),
            Kind::Parquet(table) => table.row,
        }
    }

    /// Reads the next row, with a field for every name; false at the end. Missing values are empty.
    pub(crate) fn read(&mut self, record: &mut csv::ByteRecord) -> Result<bool> {
        match &mut self.form {
            Kind::Text(table) => table.read(record),
            Kind::Parquet(table) => table.read(&self.input, record),
        }
    }

    /// An error about the row at a place: by its line or, in Parquet, by its number from 0.
    pub(crate) fn bad(&self, place: u64, problem: impl Into<String>) -> ResultsError {
        match &self.form {
            Kind::Text(table) => table.bad_line(place, problem),
            Kind::Parquet(_) => {
                let problem = format!("row {place} (counted from 0): {}", problem.into());
                ResultsError::bad_file(self.input.path(), problem)
            }
        }
    }
}

impl ParquetRows {
    fn read(&mut self, input: &Input, record: &mut csv::ByteRecord) -> Result<bool> {
        while self.next >= self.batch_rows {
            if !self.decode(input)? {
                return Ok(false);
            }
        }
        record.clear();
        let mut columns = self.fields.iter().zip(&self.columns).peekable();
        for field in 0..self.names.len() {
            match columns.next_if(|(f, _)| **f == field) {
                Some((_, column)) if column.is_valid(self.next) => {
                    record.push_field(column.value(self.next).as_bytes())
                }
                _ => record.push_field(b""),
            }
        }
        self.next += 1;
        self.row += 1;
        Ok(true)
    }

    /// Decodes the next batch; false at the end.
    fn decode(&mut self, input: &Input) -> Result<bool> {
        if let Some((file, metadata)) = self.unread.take() {
            let mask = ProjectionMask::roots(metadata.parquet_schema(), self.fields.iter().copied());
            let reader = guarded(|| {
                ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
                    .with_projection(mask)
                    .with_batch_size(BATCH_ROWS)
                    .build()
            });
            self.reader = Some(reader.map_err(|e| damaged(input, e))?);
        }
        let Some(reader) = &mut self.reader else { return Ok(false) };
        let Some(batch) = guarded(|| reader.next().transpose()).map_err(|e| damaged(input, e))? else {
            return Ok(false);
        };
        if batch.num_columns() != self.fields.len() {
            return Err(damaged(input, "columns are missing"));
        }
        self.columns.clear();
        for (array, &field) in batch.columns().iter().zip(&self.fields) {
            let text = guarded(|| arrays::text(array)).map_err(|e| {
                let found =
                    format!("column {:?} is {} ({e}): expected text or numbers", self.names[field], array.data_type());
                ResultsError::bad_file(input.path(), found)
            })?;
            self.columns.push(text);
        }
        self.batch_rows = batch.num_rows();
        self.next = 0;
        Ok(true)
    }
}

/// The names of all columns of a Parquet file, trimmed and composed.
pub(crate) fn parquet_names(metadata: &ArrowReaderMetadata) -> Vec<String> {
    metadata.schema().fields().iter().map(|field| column_name(field.name().as_bytes())).collect()
}

/// The trimmed names of a table's columns.
///
/// # Errors
/// A file that is neither text nor Parquet, or that cannot be read.
pub fn column_names(file: &(impl AsInput + ?Sized)) -> Result<Vec<String>> {
    Ok(Rows::open(&file.as_input(), "a table in CSV or Parquet")?.names().to_vec())
}
