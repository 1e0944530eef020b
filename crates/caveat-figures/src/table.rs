//! The numbers behind a figure as a tidy table.

/// Values of one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Words.
    Text(Vec<String>),
    /// Whole numbers.
    Integer(Vec<i64>),
    /// Numbers; NaN where there is none.
    Number(Vec<f64>),
}

impl Values {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(v) => v.len(),
            Self::Integer(v) => v.len(),
            Self::Number(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<Vec<String>> for Values {
    fn from(v: Vec<String>) -> Self {
        Self::Text(v)
    }
}

impl From<Vec<f64>> for Values {
    fn from(v: Vec<f64>) -> Self {
        Self::Number(v)
    }
}

impl From<Vec<usize>> for Values {
    fn from(v: Vec<usize>) -> Self {
        Self::Integer(v.into_iter().map(|x| i64::try_from(x).unwrap_or(i64::MAX)).collect())
    }
}

/// Named columns of equal length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    columns: Vec<(String, Values)>,
}

impl Table {
    /// A table without columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more column. A column of another length than the first is a mistake in the figure's code.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, values: impl Into<Values>) -> Self {
        let values = values.into();
        debug_assert!(self.columns.is_empty() || values.len() == self.n_rows(), "columns of unequal length");
        self.columns.push((name.into(), values));
        self
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[(String, Values)] {
        &self.columns
    }

    /// Number of rows: those that all columns have.
    pub fn n_rows(&self) -> usize {
        self.columns.iter().map(|(_, v)| v.len()).min().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_keep_their_order() {
        let table = Table::new().with("n", vec![9usize, 11]).with("screening", vec![1.0, f64::NAN]);
        assert_eq!(table.n_rows(), 2);
        assert_eq!(table.columns()[0], ("n".into(), Values::Integer(vec![9, 11])));
        assert_eq!(Table::new().n_rows(), 0);
    }
}
