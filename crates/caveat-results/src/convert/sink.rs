//! Where converted rows go: a Parquet or CSV file, written batch by batch.

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

use crate::arrays::{self, is_simple};
use crate::error::{Result, ResultsError, one_line};

/// A format of trial tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Parquet,
    Csv,
}

impl Format {
    /// The format that the extension of a file names.
    pub(super) fn from_path(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("parquet") => Ok(Self::Parquet),
            Some("csv") => Ok(Self::Csv),
            other => Err(ResultsError::UnknownExtension {
                path: path.to_owned(),
                found: other.map_or("no file extension".to_owned(), |e| format!("unknown extension .{e}")),
                supported: ".parquet or .csv",
            }),
        }
    }

    /// Whether columns of this type can be written.
    pub(super) fn holds(self, kind: &DataType) -> bool {
        match self {
            Self::Parquet => true,
            Self::Csv => is_simple(kind),
        }
    }
}

/// A file being written.
pub(super) struct Sink<W: Write + Send> {
    path: PathBuf,
    writer: Writer<W>,
}

enum Writer<W: Write + Send> {
    Parquet(Box<ArrowWriter<W>>),
    Csv { out: Box<csv::Writer<W>>, cell: Vec<u8> },
}

impl<W: Write + Send> Sink<W> {
    /// Begins a file; `path` is for messages.
    pub(super) fn new(format: Format, path: &Path, schema: Arc<Schema>, out: W) -> Result<Self> {
        let writer = match format {
            Format::Parquet => {
                let compression = Compression::ZSTD(ZstdLevel::default());
                let properties = WriterProperties::builder().set_compression(compression).build();
                let writer = ArrowWriter::try_new(out, schema, Some(properties)).map_err(|e| failed(path, e))?;
                Writer::Parquet(Box::new(writer))
            }
            Format::Csv => {
                let mut out = csv::Writer::from_writer(out);
                out.write_record(schema.fields().iter().map(|f| f.name())).map_err(|e| failed(path, e))?;
                Writer::Csv { out: Box::new(out), cell: Vec::new() }
            }
        };
        Ok(Self { path: path.to_owned(), writer })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.writer {
            Writer::Parquet(writer) => writer.write(batch).map_err(|e| failed(&self.path, e)),
            Writer::Csv { out, cell } => {
                let columns = batch.columns().iter().map(printable).collect::<Result<Vec<_>>>()?;
                for row in 0..batch.num_rows() {
                    for column in &columns {
                        cell.clear();
                        print(column, row, cell);
                        out.write_field(&cell).map_err(|e| failed(&self.path, e))?;
                    }
                    out.write_record(None::<&[u8]>).map_err(|e| failed(&self.path, e))?;
                }
                Ok(())
            }
        }
    }

    /// Ends the file; without it what was written is no whole table.
    pub(super) fn finish(self) -> Result<()> {
        match self.writer {
            Writer::Parquet(writer) => writer.close().map(drop).map_err(|e| failed(&self.path, e)),
            Writer::Csv { mut out, .. } => out.flush().map_err(|e| failed(&self.path, e)),
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

/// Appends a value; nothing for a missing one and NaN.
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
        _ => {
            cell.extend_from_slice(column.as_string::<i32>().value(row).as_bytes());
            Ok(())
        }
    };
}
