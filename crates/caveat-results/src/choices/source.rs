//! Opens files of choices, and visits their rows as text by role.

use super::columns::has_choice_columns;
use super::filter::RowFilter;
use super::role::ChoiceRole;
use crate::delimited::not_utf8;
use crate::error::{Result, ResultsError};
use crate::input::{AsInput, Input};
use crate::labels::label_key;
use crate::rows::{Rows, column_names};
use crate::trial_table::{Located, locate};
use crate::unread::Watched;

const EXPECTED: &str = "a table of choices in CSV or Parquet";

/// The text of one row by role; `None` for a role without a column.
pub(super) type Cells<'a> = [Option<&'a str>; ChoiceRole::ALL.len()];

/// An open file with the names of its columns, then those of its folders (`condition=a/`) that it lacks.
pub(super) struct Source {
    pub(super) rows: Rows,
    pub(super) names: Vec<String>,
    /// Values of the columns that folders give; empty if missing.
    folders: Vec<String>,
    /// Columns of the file that folders give as well, with the folder's value.
    twice: Vec<(usize, String)>,
}

/// The files of choices under some paths: files themselves, and all tables under directories.
pub(super) fn tables_under(inputs: &[Input]) -> Result<Vec<Located>> {
    let found: Vec<Vec<Located>> =
        inputs.iter().map(|input| locate(std::slice::from_ref(input))).collect::<Result<_>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// Whether a file, or the first table under a directory, holds choices in columns named as their roles, and is not a trial table.
///
/// # Errors
/// A file that is neither text nor Parquet, or that cannot be read.
pub fn is_choice_file(file: &(impl AsInput + ?Sized)) -> Result<bool> {
    match tables_under(&[file.as_input()]).as_deref() {
        Ok([first, ..]) => Ok(has_choice_columns(&Source::open(first)?.names)),
        // Other readers report an empty directory.
        Ok([]) | Err(ResultsError::NoTables { .. }) => Ok(false),
        Err(_) => Ok(has_choice_columns(&column_names(file)?)),
    }
}

impl Source {
    pub(super) fn open(table: &Located) -> Result<Self> {
        let rows = Rows::open(&table.input, EXPECTED)?;
        let mut names = rows.names().to_vec();
        let own = names.len();
        let (mut folders, mut twice) = (Vec::new(), Vec::new());
        for (name, value) in table.folders.iter().chain(&table.above) {
            let value = value.clone().unwrap_or_default();
            match names.iter().position(|known| known.eq_ignore_ascii_case(name)) {
                Some(field) if field < own => twice.push((field, value)),
                // The name of a deeper folder.
                Some(_) => {}
                None => {
                    names.push(name.clone());
                    folders.push(value);
                }
            }
        }
        Ok(Self { rows, names, folders, twice })
    }

    /// Whether a field is given by the file's folders.
    pub(super) fn is_of_folder(&self, field: usize) -> bool {
        field >= self.rows.names().len()
    }

    /// Visits in order the rows that pass the filters, each filter with its field. Problems that the visitor reports, and rows that
    /// contradict their folder, become errors with the file and the line or row. The `watched` columns see the values of the rows
    /// visited. Returns the number of rows that do not pass.
    pub(super) fn visit(
        mut self,
        fields: &[(ChoiceRole, usize)],
        filters: &[(&RowFilter, usize)],
        watched: &mut [Watched],
        visit: &mut dyn FnMut(&Cells<'_>) -> std::result::Result<(), String>,
    ) -> Result<u64> {
        let own = self.rows.names().len();
        let read: Vec<usize> = fields.iter().map(|f| f.1).chain(filters.iter().map(|f| f.1)).collect();
        let selected = read.iter().copied().chain(watched.iter().map(|w| w.field)).filter(|field| *field < own);
        self.rows.select(&selected.collect::<Vec<_>>());
        let folders = std::mem::take(&mut self.folders);
        // Columns that are not read may contradict their folders.
        let mut twice = std::mem::take(&mut self.twice);
        twice.retain(|(field, _)| read.contains(field));
        let numbers = self.rows.numbers();
        let (mut record, mut filtered) = (csv::ByteRecord::new(), 0);
        loop {
            let place = self.rows.place();
            if !self.rows.read(&mut record)? {
                return Ok(filtered);
            }
            let passes = filters.iter().try_fold(true, |passes, (filter, field)| {
                let text = String::from_utf8_lossy(cell(&record, own, &folders, *field));
                Ok(passes && filter.holds(text.trim(), numbers)?)
            });
            if !passes.map_err(|problem: String| self.rows.bad(place, problem))? {
                filtered += 1;
                continue;
            }
            for (field, value) in &twice {
                let text = String::from_utf8_lossy(cell(&record, own, &folders, *field));
                if label_key(text.trim()) != label_key(value) {
                    let column = &self.names[*field];
                    let problem = format!(
                        "the column {column} says {:?}, and the folder {column}={value}: expected the same, or a folder of another \
                         name",
                        text.trim()
                    );
                    return Err(self.rows.bad(place, problem));
                }
            }
            for column in watched.iter_mut() {
                column.see(cell(&record, own, &folders, column.field).trim_ascii());
            }
            let mut cells: Cells<'_> = [None; ChoiceRole::ALL.len()];
            let visited = fields
                .iter()
                .try_for_each(|&(role, field)| {
                    let bytes = cell(&record, own, &folders, field);
                    let text = std::str::from_utf8(bytes).map_err(|_| not_utf8(format!("the {role}"), bytes))?;
                    cells[role as usize] = Some(text.trim());
                    Ok(())
                })
                .and_then(|()| visit(&cells));
            visited.map_err(|problem| self.rows.bad(place, problem))?;
        }
    }
}

/// The text of a row in a column of the file or of its folders.
fn cell<'a>(record: &'a csv::ByteRecord, own: usize, folders: &'a [String], field: usize) -> &'a [u8] {
    match field.checked_sub(own) {
        // The reader has checked that all rows have as many fields as the header.
        None => record.get(field).unwrap_or_default(),
        Some(folder) => folders[folder].as_bytes(),
    }
}
