//! What columns mean, as `role=column` text.

use std::fmt::Display;
use std::str::FromStr;

use crate::delimited::find_column;
use crate::error::{Result, ResultsError};

/// Reads `role=column,role=column,…`; spaces around roles and columns do not count. `choices` are the roles in words.
///
/// # Errors
/// Text without `=`, an unknown or repeated role, or an empty column.
pub(crate) fn parse<R>(text: &str, choices: &str) -> Result<Vec<(R, String)>>
where
    R: FromStr<Err = ResultsError> + PartialEq + Display,
{
    let mut columns: Vec<(R, String)> = Vec::new();
    for part in text.split(',') {
        let Some((role, column)) = part.split_once('=').filter(|(_, c)| !c.trim().is_empty()) else {
            let problem = format!("{:?} is not role=column: roles are {choices}", part.trim());
            return Err(ResultsError::BadTable(problem));
        };
        let role: R = role.trim().parse()?;
        if columns.iter().any(|(r, _)| *r == role) {
            return Err(ResultsError::BadTable(format!("the role {role} is given twice: name one column for it")));
        }
        columns.push((role, column.trim().to_owned()));
    }
    Ok(columns)
}

/// The field of every role among the names of a table, whose columns are `found` in words.
///
/// The error says which column is missing or there twice, without the file.
pub(crate) fn fields<R: Copy + Display>(
    columns: &[(R, String)],
    names: &[String],
    found: &str,
) -> std::result::Result<Vec<(R, usize)>, String> {
    let field = |(role, column): &(R, String)| {
        let missing = || format!("column {column:?} (the {role}) is missing: the table has {found}");
        Ok((*role, find_column(names, column)?.ok_or_else(missing)?))
    };
    columns.iter().map(field).collect()
}
