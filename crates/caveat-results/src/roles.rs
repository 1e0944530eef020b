//! Roles of columns: parsing `role=column` and finding the columns in a table.

use std::fmt::Display;
use std::str::FromStr;

use crate::delimited::find_column;
use crate::error::{Result, ResultsError};

/// Splits `role=column,role=column,…`; `choices` lists the roles for messages. Refuses empty columns.
pub(crate) fn split<'a>(text: &'a str, choices: &str) -> Result<Vec<(&'a str, &'a str)>> {
    let part = |part: &'a str| {
        part.split_once('=')
            .filter(|(_, column)| !column.trim().is_empty())
            .ok_or_else(|| ResultsError::BadTable(format!("{:?} is not role=column: roles are {choices}", part.trim())))
    };
    text.split(',').map(part).collect()
}

/// Parses the roles of columns, without spaces around them; refuses unknown or repeated roles and empty columns.
pub(crate) fn assign<'a, R>(roles: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Vec<(R, String)>>
where
    R: FromStr<Err = ResultsError> + PartialEq + Display,
{
    let mut columns: Vec<(R, String)> = Vec::new();
    for (role, column) in roles {
        let (role, column): (R, &str) = (role.trim().parse()?, column.trim());
        if column.is_empty() {
            return Err(ResultsError::BadTable(format!("the role {role} is of no column: name one")));
        }
        if columns.iter().any(|(r, _)| *r == role) {
            return Err(ResultsError::BadTable(format!("the role {role} is given twice: name one column for it")));
        }
        columns.push((role, column.to_owned()));
    }
    Ok(columns)
}

/// Finds the field of every role among the names of a table, which `found` lists for messages. Errors are without the file's name.
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
