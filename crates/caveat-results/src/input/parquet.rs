//! Parquet as an input: the footer, and errors that tell damage from unsupported compression.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::Compression;

use super::Input;
use crate::caught::guarded;
use crate::error::{Result, ResultsError};

/// A Parquet file whose footer has been read.
pub(crate) struct ParquetInput {
    pub(crate) file: std::fs::File,
    pub(crate) metadata: ArrowReaderMetadata,
}

impl ParquetInput {
    /// Reads the footer; refuses other kinds of files, damage, and columns with unsupported compression.
    pub(crate) fn open(input: &Input, expected: &'static str) -> Result<Self> {
        let file = input.parquet_file(expected)?;
        let metadata = guarded(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())).map_err(|e| {
            ResultsError::bad_file(
                input.path(),
                format!("not a readable Parquet file ({e}): it is damaged or cut off, so write or download it again"),
            )
        })?;
        let metadata = without_dictionaries_of_truth(metadata).map_err(|e| damaged(input, e))?;
        let chunks = metadata.metadata().row_groups().iter().flat_map(|g| g.columns());
        if let Some(chunk) = chunks.into_iter().find(|c| matches!(c.compression(), Compression::LZO)) {
            let problem = format!(
                "column {} is packed with LZO, which is not read: write the file with zstd, snappy, gzip, lz4, brotli or none",
                chunk.column_path().string()
            );
            return Err(ResultsError::bad_file(input.path(), problem));
        }
        Ok(Self { file, metadata })
    }
}

/// Reads truth values that pyarrow wrote from a dictionary as plain ones; Parquet stores them so.
fn without_dictionaries_of_truth(metadata: ArrowReaderMetadata) -> std::result::Result<ArrowReaderMetadata, String> {
    let is_of_truth = |kind: &DataType| matches!(kind, DataType::Dictionary(_, value) if **value == DataType::Boolean);
    let schema = metadata.schema();
    if !schema.fields().iter().any(|field| is_of_truth(field.data_type())) {
        return Ok(metadata);
    }
    let plain = |field: &Arc<Field>| match is_of_truth(field.data_type()) {
        true => Arc::new(field.as_ref().clone().with_data_type(DataType::Boolean)),
        false => field.clone(),
    };
    let fields: Vec<Arc<Field>> = schema.fields().iter().map(plain).collect();
    let schema = Schema::new_with_metadata(fields, schema.metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    guarded(|| ArrowReaderMetadata::try_new(metadata.metadata().clone(), options))
}

/// An error about the data of a Parquet file.
pub(crate) fn damaged(input: &Input, problem: impl std::fmt::Display) -> ResultsError {
    ResultsError::bad_file(
        input.path(),
        format!("the Parquet data are damaged ({problem}): write or download the file again"),
    )
}
