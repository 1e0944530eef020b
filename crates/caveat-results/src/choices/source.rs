//! Rows of a CSV or Parquet file as text, the fields that have a role.

use std::fs::File;
use std::path::Path;

use arrow_array::{Array, StringArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::columns::ChoiceRole;
use crate::caught::guarded;
use crate::comparisons::{bad_record, line_at, refuse_binary};
use crate::error::{Result, ResultsError, one_line, open_nonempty};

const EXPECTED: &str = "a table of choices in CSV, or in Parquet in a file ending in .parquet";

/// Rows of a Parquet file decoded at once.
const BATCH_ROWS: usize = 1 << 14;

/// The text of one row by role; `None` for a role without a column.
pub(super) type Cells<'a> = [Option<&'a str>; ChoiceRole::ALL.len()];

/// An open file whose column names are known.
pub(super) struct Source<'a> {
    path: &'a Path,
    names: Vec<String>,
    reader: Reader,
}

enum Reader {
    Csv(Box<csv::Reader<File>>),
    Parquet(File, ArrowReaderMetadata),
}

impl<'a> Source<'a> {
    pub(super) fn open(path: &'a Path) -> Result<Self> {
        let (mut file, _) = open_nonempty(path, EXPECTED)?;
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("parquet")) {
            let metadata = guarded(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())).map_err(|e| {
                ResultsError::bad_file(path, format!("not a readable Parquet file ({e}): expected {EXPECTED}"))
            })?;
            let names = metadata.schema().fields().iter().map(|f| f.name().clone()).collect();
            return Ok(Self { path, names, reader: Reader::Parquet(file, metadata) });
        }
        refuse_binary(path, &mut file, EXPECTED)?;
        let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 18).from_reader(file);
        let headers = reader.byte_headers().map_err(|e| bad_record(path, &e, 0))?;
        let names = headers.iter().map(|h| String::from_utf8_lossy(h).trim().to_owned()).collect();
        Ok(Self { path, names, reader: Reader::Csv(Box::new(reader)) })
    }

    /// Names of the columns, in order.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Visits all rows in order; a problem that the visitor reports is given the file and the line or row.
    pub(super) fn visit(
        self,
        fields: &[(ChoiceRole, usize)],
        visit: &mut dyn FnMut(&Cells<'_>) -> std::result::Result<(), String>,
    ) -> Result<()> {
        match self.reader {
            Reader::Csv(reader) => visit_csv(self.path, *reader, fields, visit),
            Reader::Parquet(file, metadata) => visit_parquet(self.path, file, metadata, fields, visit),
        }
    }
}

fn visit_csv(
    path: &Path,
    mut reader: csv::Reader<File>,
    fields: &[(ChoiceRole, usize)],
    visit: &mut dyn FnMut(&Cells<'_>) -> std::result::Result<(), String>,
) -> Result<()> {
    let mut record = csv::ByteRecord::new();
    loop {
        let offset = reader.position().byte();
        if !reader.read_byte_record(&mut record).map_err(|e| bad_record(path, &e, offset))? {
            return Ok(());
        }
        let mut cells: Cells<'_> = [None; ChoiceRole::ALL.len()];
        let visited = fields
            .iter()
            .try_for_each(|&(role, field)| {
                // The reader has checked that all rows have as many fields as the header.
                let bytes = record.get(field).unwrap_or_default().trim_ascii();
                let text = std::str::from_utf8(bytes);
                cells[role as usize] = Some(text.map_err(|_| format!("the {role} is not text in UTF-8"))?);
                Ok(())
            })
            .and_then(|()| visit(&cells));
        visited.map_err(|problem| {
            let line = line_at(path, offset);
            ResultsError::BadLine { path: path.to_owned(), line, problem }
        })?;
    }
}

fn visit_parquet(
    path: &Path,
    file: File,
    metadata: ArrowReaderMetadata,
    fields: &[(ChoiceRole, usize)],
    visit: &mut dyn FnMut(&Cells<'_>) -> std::result::Result<(), String>,
) -> Result<()> {
    let damaged =
        |e: String| ResultsError::bad_file(path, format!("the Parquet data are damaged ({e}): write the file again"));
    let mask = ProjectionMask::roots(metadata.parquet_schema(), fields.iter().map(|(_, field)| *field));
    // Projected columns stand in the order of the file, each once.
    let mut kept: Vec<usize> = fields.iter().map(|(_, field)| *field).collect();
    kept.sort_unstable();
    kept.dedup();
    let mut reader = guarded(|| {
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
    })
    .map_err(damaged)?;
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let mut first_row = 0;
    while let Some(batch) = guarded(|| reader.next().transpose()).map_err(damaged)? {
        let mut columns = Vec::with_capacity(fields.len());
        for &(role, field) in fields {
            let place = kept.iter().position(|k| *k == field);
            let array = place.and_then(|p| batch.columns().get(p)).ok_or_else(|| damaged(format!("no {role}")))?;
            let text = guarded(|| cast_with_options(array, &DataType::Utf8, &strict)).map_err(|e| {
                let found = format!("the {role} is {} ({}): expected text or numbers", array.data_type(), one_line(e));
                ResultsError::bad_file(path, found)
            })?;
            let text = text.as_any().downcast_ref::<StringArray>().cloned();
            columns.push((role, text.ok_or_else(|| damaged(format!("the {role} is no text")))?));
        }
        for row in 0..batch.num_rows() {
            let mut cells: Cells<'_> = [None; ChoiceRole::ALL.len()];
            for (role, text) in &columns {
                cells[*role as usize] = Some(if text.is_null(row) { "" } else { text.value(row).trim() });
            }
            visit(&cells).map_err(|problem| {
                ResultsError::bad_file(path, format!("row {} (counted from 0): {problem}", first_row + row as u64))
            })?;
        }
        first_row += batch.num_rows() as u64;
    }
    Ok(())
}
