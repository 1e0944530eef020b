//! Trial tables in Parquet files: the needed columns, text kept dictionary-encoded, any range of rows on its own.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::batch::RawRows;
use super::{ColumnKind, Range, Reading, TrialBatch, TrialColumn, refuse_duplicates};
use crate::caught::guarded;
use crate::error::{Result, ResultsError, name_list, one_line, open_nonempty};

const EXPECTED: &str = "a trial table in Parquet (or CSV, in a file ending in .csv)";

/// Rows decoded at once: small enough that the decoded columns stay in cache.
const BATCH_ROWS: usize = 1 << 14;

/// A Parquet file whose footer has been read.
pub(crate) struct ParquetTable {
    path: Arc<Path>,
    metadata: ArrowReaderMetadata,
    columns: Vec<TrialColumn>,
    /// The columns that are none of a trial table's; only where they were asked for.
    extras: Vec<(String, DataType)>,
    reading: Reading,
    mask: ProjectionMask,
}

impl ParquetTable {
    pub(super) fn open(path: &Path, columns: &[TrialColumn], reading: Reading) -> Result<Self> {
        let (file, _) = open_nonempty(path, EXPECTED)?;
        let not_parquet =
            |e: String| ResultsError::bad_file(path, format!("not a readable Parquet file ({e}): expected {EXPECTED}"));
        let metadata = guarded(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())).map_err(not_parquet)?;

        let fields = metadata.schema().fields();
        if reading != Reading::default() {
            refuse_duplicates(path, fields.iter().map(|f| f.name().as_str()))?;
        }
        let mut indices = Vec::with_capacity(columns.len());
        for &column in columns {
            let Some((index, field)) = fields.find(column.name()) else {
                return Err(ResultsError::MissingColumn {
                    path: path.to_owned(),
                    column: column.name(),
                    found: name_list(fields.iter().map(|f| f.name().as_str())),
                });
            };
            if !accepts(column.kind(), field.data_type()) {
                return Err(ResultsError::WrongType {
                    path: path.to_owned(),
                    column: column.name(),
                    found: field.data_type().to_string(),
                    expected: column.kind().accepted(),
                });
            }
            indices.push(index);
        }

        let text: Vec<usize> = indices.clone();
        let mut extras = Vec::new();
        if reading.extras {
            for (index, field) in fields.iter().enumerate().filter(|(_, f)| TrialColumn::of(f.name()).is_none()) {
                extras.push((field.name().clone(), field.data_type().clone()));
                indices.push(index);
            }
        }

        // Text is asked for as a dictionary: the pages hold one, and no string is then copied per row.
        let schema = Schema::new_with_metadata(
            fields
                .iter()
                .enumerate()
                .map(|(k, field)| {
                    let text = text.contains(&k) && is_text(field.data_type());
                    let kind = if text { dictionary() } else { field.data_type().clone() };
                    Field::new(field.name(), kind, field.is_nullable()).with_metadata(field.metadata().clone())
                })
                .collect::<Vec<_>>(),
            metadata.schema().metadata().clone(),
        );
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let metadata =
            guarded(|| ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)).map_err(not_parquet)?;
        let mask = ProjectionMask::roots(metadata.parquet_schema(), indices);
        let table = Self { path: Arc::from(path), metadata, columns: columns.to_vec(), extras, reading, mask };
        if table.n_rows() == 0 {
            return Err(ResultsError::NoRows {
                path: path.to_owned(),
                filter: String::new(),
                expected: "one per trial",
            });
        }
        Ok(table)
    }

    /// Names and types of the further columns.
    pub(super) fn extras(&self) -> Vec<(String, DataType)> {
        self.extras.clone()
    }

    fn group_rows(&self) -> impl Iterator<Item = u64> {
        // A count below zero is damage that shows when the group is read.
        self.metadata.metadata().row_groups().iter().map(|g| u64::try_from(g.num_rows()).unwrap_or(0))
    }

    pub(super) fn n_rows(&self) -> u64 {
        self.group_rows().fold(0, u64::saturating_add)
    }

    /// Ranges of about `unit` rows, none across row groups.
    pub(super) fn ranges(&self, unit: u64) -> Vec<Range> {
        let (mut ranges, mut first_row) = (Vec::new(), 0_u64);
        for (group, rows) in self.group_rows().enumerate() {
            // Equal parts, so that no unit is a small remainder; not too many, should a damaged footer announce 2⁶⁰ rows.
            let parts = rows.div_ceil(unit).min(1 << 16);
            let part = rows.div_ceil(parts.max(1));
            for offset in (0..parts).map(|k| k * part).take_while(|offset| *offset < rows) {
                let n_rows = part.min(rows - offset);
                ranges.push(Range { group, offset, first_row: first_row.saturating_add(offset), n_rows });
            }
            first_row = first_row.saturating_add(rows);
        }
        ranges
    }

    pub(super) fn read(&self, range: Range, visit: &mut dyn FnMut(TrialBatch) -> Result<()>) -> Result<()> {
        // Each range has its own file handle: clones of one would share its position between threads.
        let file = File::open(&self.path).map_err(|e| ResultsError::read(&self.path, e))?;
        let damaged = |e: String| {
            ResultsError::bad_file(&self.path, format!("the Parquet data are damaged ({e}): write the file again"))
        };
        let mut reader = guarded(|| {
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                .with_projection(self.mask.clone())
                .with_row_groups(vec![range.group])
                .with_offset(range.offset as usize)
                .with_limit(range.n_rows as usize)
                .with_batch_size(BATCH_ROWS)
                .build()
        })
        .map_err(damaged)?;
        let mut first_row = range.first_row;
        while let Some(batch) = guarded(|| reader.next().transpose()).map_err(damaged)? {
            let columns = self
                .columns
                .iter()
                .map(|&column| {
                    // The projection keeps the order of the file, not of the request.
                    let array =
                        batch.column_by_name(column.name()).ok_or_else(|| damaged(format!("no column {column}")))?;
                    self.canonical(column, array).map(|a| (column, a))
                })
                .collect::<Result<Vec<_>>>()?;
            let extra = |(name, _): &(String, DataType)| {
                let array = batch.column_by_name(name).ok_or_else(|| damaged(format!("no column {name:?}")))?;
                Ok((name.clone(), array.clone()))
            };
            let extras = self.extras.iter().map(extra).collect::<Result<Vec<_>>>()?;
            let n_rows = batch.num_rows();
            let rows = RawRows { columns, extras, faults: Vec::new() };
            visit(TrialBatch::new(&self.path, first_row, n_rows, rows, self.reading)?)?;
            first_row += n_rows as u64;
        }
        if first_row - range.first_row != range.n_rows {
            return Err(damaged("fewer rows than the footer announces".to_owned()));
        }
        Ok(())
    }

    fn canonical(&self, column: TrialColumn, array: &ArrayRef) -> Result<ArrayRef> {
        let wanted = match column.kind() {
            ColumnKind::Text => dictionary(),
            ColumnKind::Integer => DataType::Int64,
            ColumnKind::Real => DataType::Float64,
            ColumnKind::Flag => DataType::Boolean,
        };
        if *array.data_type() == wanted {
            return Ok(array.clone());
        }
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(array, &wanted, &strict).map_err(|e| {
            let found = format!("{} ({})", array.data_type(), one_line(e));
            let (path, expected) = (self.path.to_path_buf(), column.kind().accepted());
            ResultsError::WrongType { path, column: column.name(), found, expected }
        })
    }
}

fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_text(value),
        _ => false,
    }
}

/// Whether a column type of a file is read as `kind`. A column of nulls only, as written where no row has a value, has no
/// type of its own.
fn accepts(kind: ColumnKind, found: &DataType) -> bool {
    match kind {
        ColumnKind::Text => is_text(found),
        ColumnKind::Integer => found.is_integer(),
        ColumnKind::Real => found.is_floating() || found.is_integer() || *found == DataType::Null,
        ColumnKind::Flag => *found == DataType::Boolean,
    }
}
