//! Rows of a table as text by role: the fields of a file of choices that mean something.

use super::columns::ChoiceRole;
use super::filter::RowFilter;
use crate::delimited::{Numbers, not_utf8};
use crate::error::Result;
use crate::input::Input;
use crate::rows::Rows;

const EXPECTED: &str = "a table of choices in CSV or Parquet";

/// The text of one row by role; `None` for a role without a column.
pub(super) type Cells<'a> = [Option<&'a str>; ChoiceRole::ALL.len()];

/// An open file whose column names are known.
pub(super) struct Source {
    rows: Rows,
}

impl Source {
    pub(super) fn open(input: &Input) -> Result<Self> {
        Ok(Self { rows: Rows::open(input, EXPECTED)? })
    }

    /// Names of the columns, in order.
    pub(super) fn names(&self) -> &[String] {
        self.rows.names()
    }

    /// How numbers are written.
    pub(super) fn numbers(&self) -> Numbers {
        self.rows.numbers()
    }

    /// Visits all rows in order that the filters let through, each with its field; a problem that the visitor reports is given
    /// the file and the line or row. Returns the number of rows that were not let through.
    pub(super) fn visit(
        mut self,
        fields: &[(ChoiceRole, usize)],
        filters: &[(&RowFilter, usize)],
        visit: &mut dyn FnMut(&Cells<'_>) -> std::result::Result<(), String>,
    ) -> Result<u64> {
        self.rows.select(&fields.iter().map(|f| f.1).chain(filters.iter().map(|f| f.1)).collect::<Vec<_>>());
        let numbers = self.numbers();
        let (mut record, mut filtered) = (csv::ByteRecord::new(), 0);
        loop {
            let place = self.rows.place();
            if !self.rows.read(&mut record)? {
                return Ok(filtered);
            }
            let passes = filters.iter().try_fold(true, |passes, (filter, field)| {
                let text = String::from_utf8_lossy(record.get(*field).unwrap_or_default());
                Ok(passes && filter.holds(text.trim(), numbers)?)
            });
            if !passes.map_err(|problem: String| self.rows.bad(place, problem))? {
                filtered += 1;
                continue;
            }
            let mut cells: Cells<'_> = [None; ChoiceRole::ALL.len()];
            let visited = fields
                .iter()
                .try_for_each(|&(role, field)| {
                    // The reader has checked that all rows have as many fields as the header.
                    let bytes = record.get(field).unwrap_or_default();
                    let text = std::str::from_utf8(bytes).map_err(|_| not_utf8(format!("the {role}"), bytes))?;
                    cells[role as usize] = Some(text.trim());
                    Ok(())
                })
                .and_then(|()| visit(&cells));
            visited.map_err(|problem| self.rows.bad(place, problem))?;
        }
    }
}
