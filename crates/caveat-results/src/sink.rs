//! Writes Arrow batches to a Parquet or CSV file, one after another.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::arrays;
use crate::error::{Result, ResultsError, one_line};

/// A format of tables that are written batch by batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileFormat {
    Parquet,
    Csv,
}

impl FileFormat {
    /// The format that the extension of a file names; `supported` are the extensions for the error.
    pub(crate) fn from_path(path: &Path, supported: &str) -> Result<Self> {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("parquet") => Ok(Self::Parquet),
            Some(extension) if extension.eq_ignore_ascii_case("csv") => Ok(Self::Csv),
            _ => Err(ResultsError::unknown_extension(path, supported)),
        }
    }
}

/// A file being written.
pub(crate) struct Sink<W: Write + Send> {
    path: PathBuf,
    writer: Writer<W>,
}

enum Writer<W: Write + Send> {
    Parquet(Box<ArrowWriter<W>>),
    Csv(Box<csv::Writer<W>>),
}

impl<W: Write + Send> Sink<W> {
    /// Begins a file; `path` is for messages.
    pub(crate) fn new(format: FileFormat, path: &Path, schema: Arc<Schema>, out: W) -> Result<Self> {
        let writer = match format {
            FileFormat::Parquet => {
                let compression = Compression::ZSTD(ZstdLevel::default());
                let properties = WriterProperties::builder().set_compression(compression).build();
                let writer = ArrowWriter::try_new(out, schema, Some(properties)).map_err(|e| failed(path, e))?;
                Writer::Parquet(Box::new(writer))
            }
            FileFormat::Csv => {
                let mut out = csv::Writer::from_writer(out);
                out.write_record(schema.fields().iter().map(|f| f.name())).map_err(|e| failed(path, e))?;
                Writer::Csv(Box::new(out))
            }
        };
        Ok(Self { path: path.to_owned(), writer })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.writer {
            Writer::Parquet(writer) => writer.write(batch).map_err(|e| failed(&self.path, e)),
            Writer::Csv(out) => {
                let columns = batch.columns().iter().map(printable).collect::<Result<Vec<_>>>()?;
                write_csv_rows(&columns, batch.num_rows(), out).map_err(|e| failed(&self.path, e))
            }
        }
    }

    /// Ends the file, which is no whole table before.
    pub(crate) fn finish(self) -> Result<()> {
        match self.writer {
            Writer::Parquet(writer) => writer.close().map(drop).map_err(|e| failed(&self.path, e)),
            Writer::Csv(mut out) => out.flush().map_err(|e| failed(&self.path, e)),
        }
    }
}

fn failed(path: &Path, error: impl std::fmt::Display) -> ResultsError {
    ResultsError::Write { path: path.to_owned(), reason: one_line(error) }
}

/// The column as one of the types that [`print`] knows.
fn printable(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Utf8 | DataType::Int64 | DataType::Float64 | DataType::Float32 | DataType::Boolean => {
            Ok(array.clone())
        }
        _ => Ok(Arc::new(arrays::text(array).map_err(ResultsError::BadTable)?)),
    }
}

/// Writes rows of columns that are text, 64-bit integers, floats or truth values; null and NaN are empty.
pub(crate) fn write_csv_rows(
    columns: &[ArrayRef],
    n_rows: usize,
    out: &mut csv::Writer<impl Write>,
) -> csv::Result<()> {
    let mut cell = Vec::new();
    for row in 0..n_rows {
        for column in columns {
            cell.clear();
            print(column, row, &mut cell);
            out.write_field(&cell)?;
        }
        out.write_record(None::<&[u8]>)?;
    }
    Ok(())
}

/// Appends a value; nothing for null and NaN.
fn print(column: &ArrayRef, row: usize, cell: &mut Vec<u8>) {
    if column.is_null(row) {
        return;
    }
    // Debug prints the fewest digits that read back, and keeps the point: 1.0 stays a float. Writing to memory does not fail.
    let _ = match column.data_type() {
        DataType::Int64 => write!(cell, "{}", column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => match column.as_primitive::<Float64Type>().value(row) {
            x if x.is_nan() => Ok(()),
            x => write!(cell, "{x:?}"),
        },
        DataType::Float32 => match column.as_primitive::<Float32Type>().value(row) {
            x if x.is_nan() => Ok(()),
            x => write!(cell, "{x:?}"),
        },
        DataType::Boolean => write!(cell, "{}", column.as_boolean().value(row)),
        _ => cell.write_all(column.as_string::<i32>().value(row).as_bytes()),
    };
}
