//! Trial tables in separated text, like CSV and TSV.

use std::io::Read;

use arrow_array::builder::{ArrayBuilder, StringBuilder};
use arrow_schema::DataType;

use super::TrialBatch;
use super::batch::{Fault, RawRows};
use super::columns::{EXPECTED, Reading, TrialColumn};
use super::find::Located;
use super::plan::{Plan, unreadable};
use super::values::Builder;
use crate::delimited::{Delimited, not_utf8};
use crate::error::{Result, ResultsError};
use crate::input::Input;

const BATCH_ROWS: usize = 1 << 13;

/// A text table whose header has been read.
pub(crate) struct CsvTable {
    input: Input,
    plan: Plan,
    reading: Reading,
    pub(super) n_rows: u64,
    /// The extra columns, which are read as text.
    pub(super) extras: Vec<(String, DataType)>,
}

impl CsvTable {
    pub(super) fn open(table: &Located, columns: &[TrialColumn], reading: Reading) -> Result<Self> {
        let header = Delimited::open(&table.input, EXPECTED)?;
        let plan = Plan::new(table, &header.names, columns, reading)?;
        // Lines, not records: the number is for progress only.
        let n_rows = count_lines(&table.input)?.saturating_sub(1);
        let extras = plan.extra_types(|_| DataType::Utf8);
        Ok(Self { input: table.input.clone(), plan, reading, n_rows, extras })
    }

    pub(super) fn read(&self, visit: &mut dyn FnMut(TrialBatch) -> Result<()>) -> Result<()> {
        let mut table = Delimited::open(&self.input, EXPECTED)?;
        let numbers = table.numbers;
        let path = self.input.shared_path();
        let mut builders: Vec<Builder> = self.plan.fields.iter().map(|(c, _)| Builder::new(*c)).collect();
        let mut extra_builders: Vec<StringBuilder> = self.plan.extras.iter().map(|_| StringBuilder::new()).collect();
        let mut faults = Vec::new();
        let mut record = csv::ByteRecord::new();
        let (mut first_row, mut n_rows) = (0, 0);
        loop {
            let place = table.offset();
            let more = table.read(&mut record)?;
            if more {
                for (builder, &(column, field)) in builders.iter_mut().zip(&self.plan.fields) {
                    // The reader has checked that all rows have as many fields as the header.
                    let text = record.get(field).unwrap_or_default().trim_ascii();
                    if builder.push(text, numbers).is_some() {
                        continue;
                    }
                    let words = String::from_utf8_lossy(text).into_owned();
                    if self.reading.lenient {
                        // An empty field is read by every builder.
                        builder.push(b"", numbers);
                        faults.push(Fault { row: n_rows, column, text: Some(words) });
                        continue;
                    }
                    if std::str::from_utf8(text).is_err() {
                        return Err(table.bad_line(place, not_utf8(format!("column {:?}:", column.name()), text)));
                    }
                    return Err(column.bad_value(path, first_row + n_rows as u64, unreadable(column, &words)));
                }
                for (builder, (name, field)) in extra_builders.iter_mut().zip(&self.plan.extras) {
                    let bytes = record.get(*field).unwrap_or_default();
                    match std::str::from_utf8(bytes) {
                        Ok("") => builder.append_null(),
                        Ok(text) => builder.append_value(text),
                        Err(_) => return Err(table.bad_line(place, not_utf8(format!("column {name:?}:"), bytes))),
                    }
                }
                n_rows += 1;
            }
            if n_rows == BATCH_ROWS || (!more && n_rows > 0) {
                let fields = self.plan.fields.iter();
                let mut columns = builders.iter_mut().zip(fields).map(|(b, &(c, _))| (c, b.finish())).collect();
                let names = self.plan.extras.iter();
                let mut extras = extra_builders
                    .iter_mut()
                    .zip(names)
                    .map(|(b, (name, _))| (name.clone(), ArrayBuilder::finish(b)))
                    .collect();
                self.plan.complete(&mut columns, &mut extras, first_row, n_rows)?;
                let rows = RawRows { columns, extras, faults: std::mem::take(&mut faults) };
                visit(TrialBatch::new(path, first_row, n_rows, rows, self.reading)?)?;
                first_row += n_rows as u64;
                n_rows = 0;
            }
            if !more {
                break;
            }
        }
        if first_row == 0 {
            return Err(ResultsError::no_rows(path, "", "one per trial"));
        }
        Ok(())
    }
}

/// Number of lines of the text, whatever they end in.
fn count_lines(input: &Input) -> Result<u64> {
    let mut text = input.text(EXPECTED)?;
    let record = text.record.clone();
    let mut buffer = vec![0; 1 << 18];
    let (mut lines, mut returns, mut last, mut read) = (0, 0, b'\n', 0);
    loop {
        let n = text.read(&mut buffer).map_err(|e| input.unreadable(&e))?;
        if n == 0 {
            break;
        }
        read += n as u64;
        record.store(read, std::sync::atomic::Ordering::Relaxed);
        lines += buffer[..n].iter().filter(|b| **b == b'\n').count() as u64;
        returns += buffer[..n].iter().filter(|b| **b == b'\r').count() as u64;
        last = buffer[n - 1];
    }
    Ok(lines.max(returns) + u64::from(!matches!(last, b'\n' | b'\r')))
}
