//! Rows of a table as text by role: the fields of a file of choices that mean something.

use super::columns::ChoiceRole;
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

    /// Visits all rows in order; a problem that the visitor reports is given the file and the line or row.
    pub(super) fn visit(
        mut self,
        fields: &[(ChoiceRole, usize)],
        visit: &mut dyn FnMut(&Cells<'_>) -> std::result::Result<(), String>,
    ) -> Result<()> {
        self.rows.select(&fields.iter().map(|(_, field)| *field).collect::<Vec<_>>());
        let mut record = csv::ByteRecord::new();
        loop {
            let place = self.rows.place();
            if !self.rows.read(&mut record)? {
                return Ok(());
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
