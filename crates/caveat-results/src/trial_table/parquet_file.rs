//! Trial tables in Parquet: reads the needed columns, with text as dictionaries, in any range of rows.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::TrialBatch;
use super::batch::{Fault, RawRows};
use super::columns::{ColumnKind, EXPECTED, Range, Reading, TrialColumn};
use super::find::Located;
use super::plan::{Plan, unreadable};
use super::values::{accepts, canonical};
use crate::arrays::{dictionary_type, is_text};
use crate::caught::guarded;
use crate::error::{Result, ResultsError};
use crate::input::{Input, ParquetInput, damaged};
use crate::rows::parquet_names;

/// Rows decoded at a time, few enough that the columns stay in cache.
const BATCH_ROWS: usize = 1 << 14;

/// A Parquet file whose footer has been read.
pub(crate) struct ParquetTable {
    input: Input,
    metadata: ArrowReaderMetadata,
    plan: Plan,
    /// The fields that are read, ascending, as the projection keeps the order of the file.
    kept: Vec<usize>,
    /// Columns that trial tables do not have, if they were asked for.
    pub(super) extras: Vec<(String, DataType)>,
    reading: Reading,
    mask: ProjectionMask,
}

impl ParquetTable {
    pub(super) fn open(table: &Located, columns: &[TrialColumn], reading: Reading) -> Result<Self> {
        let input = &table.input;
        let ParquetInput { metadata, .. } = ParquetInput::open(input, EXPECTED)?;
        let fields = metadata.schema().fields();
        let plan = Plan::new(table, &parquet_names(&metadata), columns, reading)?;
        for &(column, index) in &plan.fields {
            let found = fields[index].data_type();
            if !accepts(column.kind(), found) {
                return Err(column.wrong_type(input.path(), found.to_string()));
            }
        }
        let extras = plan.extra_types(|field| fields[field].data_type().clone());
        let mut kept: Vec<usize> =
            plan.fields.iter().map(|f| f.1).chain(plan.extras.iter().map(|(_, field)| *field)).collect();
        kept.sort_unstable();
        kept.dedup();

        // Text is read as a dictionary, as the pages hold it, so that no string is copied for every row.
        let is_name = |k: usize| plan.fields.iter().any(|(c, field)| *field == k && c.kind() == ColumnKind::Text);
        let schema = Schema::new_with_metadata(
            fields
                .iter()
                .enumerate()
                .map(|(k, field)| {
                    let text = is_name(k) && is_text(field.data_type());
                    let kind = if text { dictionary_type() } else { field.data_type().clone() };
                    Field::new(field.name(), kind, field.is_nullable()).with_metadata(field.metadata().clone())
                })
                .collect::<Vec<_>>(),
            metadata.schema().metadata().clone(),
        );
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let metadata = guarded(|| ArrowReaderMetadata::try_new(metadata.metadata().clone(), options))
            .map_err(|e| damaged(input, e))?;
        let mask = ProjectionMask::roots(metadata.parquet_schema(), kept.iter().copied());
        let table = Self { input: input.clone(), metadata, plan, kept, extras, reading, mask };
        if table.n_rows() == 0 {
            return Err(ResultsError::no_rows(input.path(), "", "one per trial"));
        }
        Ok(table)
    }

    fn group_rows(&self) -> impl Iterator<Item = u64> {
        // A negative count is damage, which is reported when the group is read.
        self.metadata.metadata().row_groups().iter().map(|g| u64::try_from(g.num_rows()).unwrap_or(0))
    }

    pub(super) fn n_rows(&self) -> u64 {
        self.group_rows().fold(0, u64::saturating_add)
    }

    /// Ranges of about `unit` rows, none across row groups.
    pub(super) fn ranges(&self, unit: u64) -> Vec<Range> {
        let (mut ranges, mut first_row) = (Vec::new(), 0_u64);
        for (group, rows) in self.group_rows().enumerate() {
            // Parts are equal, so that none is a small remainder, and not too many even if a damaged footer announces 2⁶⁰ rows.
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
        let file = self.input.parquet_file(EXPECTED)?;
        let damaged = |e: String| damaged(&self.input, e);
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
        let path = self.input.shared_path();
        let mut first_row = range.first_row;
        while let Some(batch) = guarded(|| reader.next().transpose()).map_err(damaged)? {
            let array = |field: usize| {
                let place = self.kept.iter().position(|k| *k == field).and_then(|p| batch.columns().get(p));
                place.ok_or_else(|| damaged("columns are missing".to_owned()))
            };
            let n_rows = batch.num_rows();
            let (mut columns, mut faults) = (Vec::with_capacity(self.plan.fields.len()), Vec::new());
            for &(column, field) in &self.plan.fields {
                let array = array(field)?;
                let (values, unread) = guarded(|| canonical(column, array))
                    .map_err(|e| column.wrong_type(path, format!("{} ({e})", array.data_type())))?;
                if let Some((row, text)) = unread.first().filter(|_| !self.reading.lenient) {
                    return Err(column.bad_value(path, first_row + *row as u64, unreadable(column, text)));
                }
                faults.extend(unread.into_iter().map(|(row, text)| Fault { row, column, text: Some(text) }));
                columns.push((column, values));
            }
            let extra = |(name, field): &(String, usize)| Ok((name.clone(), array(*field)?.clone()));
            let mut extras = self.plan.extras.iter().map(extra).collect::<Result<Vec<_>>>()?;
            self.plan.complete(&mut columns, &mut extras, first_row, n_rows)?;
            let rows = RawRows { columns, extras, faults };
            visit(TrialBatch::new(path, first_row, n_rows, rows, self.reading)?)?;
            first_row += n_rows as u64;
        }
        if first_row - range.first_row != range.n_rows {
            return Err(damaged("fewer rows than the footer announces".to_owned()));
        }
        Ok(())
    }
}
