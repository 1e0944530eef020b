//! Conditions on the rows of files of choices, and reports of rows that were left out.

use std::cell::LazyCell;
use std::fmt;
use std::str::FromStr;

use super::role::ChoiceRole;
use crate::delimited::{Numbers, find_column, flag, is_missing};
use crate::error::{Result, ResultsError, name_list};
use crate::expression::{Expression, Operator, compare_numbers, conjuncts, equal, unquoted};

/// A condition on one column of a row, written as COLUMN OP VALUE.
///
/// OP is one of `= == != < <= > >=`. After `=` and `!=` there may be several values separated by commas: any of them, or none of
/// them. Numbers are compared as numbers, `true` and `false` in every spelling, other text literally. An empty value stands for a
/// missing one, which is neither below nor above any. A value may be in quotation marks.
///
/// ```
/// use caveat_results::RowFilter;
/// let filters = RowFilter::all("phase==test & rt<2000")?;
/// assert_eq!((filters.len(), filters[1].to_string().as_str()), (2, "rt<2000"));
/// assert!(RowFilter::all("rt<fast").unwrap_err().to_string().contains("a number after <"));
/// # Ok::<(), caveat_results::ResultsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RowFilter {
    pub(super) column: String,
    operator: Operator,
    values: Vec<Value>,
    text: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Missing,
    Number(f64),
    Flag(bool),
    Text(String),
}

impl fmt::Display for RowFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl FromStr for RowFilter {
    type Err = ResultsError;

    fn from_str(text: &str) -> Result<Self> {
        let Expression { column, operator, sign, values } = Expression::parse(text).map_err(ResultsError::BadTable)?;
        let quoted = values.starts_with(['"', '\'']);
        let parts: Vec<&str> = if operator.is_equality() { values.split(',').collect() } else { vec![values] };
        let values = parts
            .into_iter()
            .map(|part| match unquoted(part) {
                value if is_missing(value) && !quoted => Value::Missing,
                value if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") => {
                    Value::Flag(value.eq_ignore_ascii_case("true"))
                }
                value => match Numbers::Point.parse(value) {
                    Some(number) => Value::Number(number),
                    None => Value::Text(value.to_owned()),
                },
            })
            .collect::<Vec<_>>();
        if !operator.is_equality() && !matches!(values.as_slice(), [Value::Number(_)]) {
            return Err(ResultsError::BadTable(format!("{text:?}: expected a number after {sign}")));
        }
        Ok(Self { column: column.to_owned(), operator, values, text: text.trim().to_owned() })
    }
}

impl RowFilter {
    /// The conditions of an expression, joined by `&` or `and`.
    ///
    /// # Errors
    /// A condition without an operator or a column, or an order with anything but a number.
    pub fn all(expression: &str) -> Result<Vec<Self>> {
        conjuncts(expression).into_iter().map(str::parse).collect()
    }

    /// Finds the column of every filter among `names`; the error says which is missing, without the file's name.
    pub(crate) fn fields<'a>(
        filters: &'a [Self],
        names: &[String],
    ) -> std::result::Result<Vec<(&'a Self, usize)>, String> {
        let find = |filter: &'a Self| {
            let field = find_column(names, &filter.column)?.ok_or_else(|| {
                let found = name_list(names);
                format!("column {:?}, which {filter} is about, is missing: the table has {found}", filter.column)
            })?;
            Ok((filter, field))
        };
        filters.iter().map(find).collect()
    }

    /// Whether it compares with missing values only.
    pub(crate) fn is_of_missing(&self) -> bool {
        self.values.iter().all(|value| *value == Value::Missing)
    }

    /// Whether a cell passes, or what is wrong with it.
    pub(crate) fn holds(&self, cell: &str, numbers: Numbers) -> std::result::Result<bool, String> {
        let number = LazyCell::new(|| numbers.parse(cell));
        if !self.operator.is_equality() {
            if is_missing(cell) {
                return Ok(false);
            }
            if number.is_none() {
                return Err(format!("column {:?}: {cell:?} is no number, which {} is about", self.column, self.text));
            }
        }
        Ok(self.operator.holds(&self.values, |value| match value {
            Value::Missing => equal(is_missing(cell)),
            Value::Number(wanted) => compare_numbers((*number)?, *wanted),
            Value::Flag(wanted) => equal(flag(cell) == Some(*wanted)),
            Value::Text(text) => equal(cell == text),
        }))
    }
}

/// Rows that were left out, and other notes on reading a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Number of rows that a filter left out.
    pub filtered: u64,
    /// Number of rows left out because they lack a value.
    pub missing: u64,
    /// How many of these lack the value of each role.
    pub by_role: Vec<(ChoiceRole, u64)>,
    /// Other notes for a person, a line each: columns that are not read but seem to matter, names that are one or nearly so.
    pub notes: Vec<String>,
}

impl LeftOut {
    pub(super) fn add_missing(&mut self, roles: &[ChoiceRole]) {
        self.missing += 1;
        for &role in roles {
            match self.by_role.iter_mut().find(|(r, _)| *r == role) {
                Some((_, n)) => *n += 1,
                None => self.by_role.push((role, 1)),
            }
        }
        self.by_role.sort_unstable();
    }

    /// Notes for a person, a line each, given how many rows are `used`.
    pub fn notes(&self, used: usize) -> Vec<String> {
        let total = used as u64 + self.filtered + self.missing;
        let rows = |n: u64| format!("{n} of {total} row{}", if total == 1 { "" } else { "s" });
        let mut notes = Vec::new();
        if self.filtered > 0 {
            notes.push(format!("{} left out by ⟨where⟩", rows(self.filtered)));
        }
        if self.missing > 0 {
            let lacking: Vec<String> = self.by_role.iter().map(|(role, n)| format!("{role} in {n}")).collect();
            notes.push(format!("{} left out by ⟨skip_missing⟩: no {}", rows(self.missing), lacking.join(", no ")));
        }
        notes.extend_from_slice(&self.notes);
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_compared_as_what_they_are() {
        for (filter, holds, fails) in [
            ("a=1", vec!["1", "1.0", "1e0"], vec!["2", "", "x"]),
            ("a!=1", vec!["2", "", "x"], vec!["1", "1.0"]),
            ("a=x,2", vec!["x", "2.0"], vec!["X", "3"]),
            ("a==true", vec!["TRUE", "True", "T", "1"], vec!["false", "0", ""]),
            ("a<2", vec!["1.9", "-inf"], vec!["2", "2.0000000001", "", "NA"]),
            ("a>=2", vec!["2", "3"], vec!["1", "nan"]),
            ("a=", vec!["", "NA", "null"], vec!["0"]),
            ("a!=NA", vec!["0", "x"], vec!["", "NaN"]),
            ("a=\"NA\"", vec!["NA"], vec![""]),
        ] {
            let filter: RowFilter = filter.parse().unwrap();
            for cell in holds {
                assert_eq!(filter.holds(cell, Numbers::Point), Ok(true), "{filter} of {cell:?}");
            }
            for cell in fails {
                assert_eq!(filter.holds(cell, Numbers::Point), Ok(false), "{filter} of {cell:?}");
            }
        }
        let below: RowFilter = "rt<2".parse().unwrap();
        assert!(below.holds("fast", Numbers::Point).unwrap_err().contains("\"fast\" is no number"));
        assert_eq!(below.holds("1,5", Numbers::Comma), Ok(true));
        assert!("rt<".parse::<RowFilter>().is_err());
    }
}
