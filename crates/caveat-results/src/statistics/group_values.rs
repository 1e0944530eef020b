//! A group of a summary: what tells it from others, and what it counts.

use caveat_theory::PairClass;

use super::wilson::wilson_interval;

/// The value that all rows of a group have in a column.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupValue {
    /// Text; empty where missing.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A float, NaN where missing.
    Real(f64),
    /// A truth value.
    Flag(bool),
    /// The class.
    Class(PairClass),
}

/// The rows of one class that share their values in some columns.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryGroup {
    /// Values in the columns that the summary is by, in their order.
    pub values: Vec<GroupValue>,
    /// Class of their pairs.
    pub class: PairClass,
    /// Number of binary trials: rows whose `correct` is not missing.
    pub n: u64,
    /// Number of those that are correct.
    pub n_correct: u64,
    /// Mean margin over the rows that have one, NaN without any.
    pub margin: f64,
    /// Standard error of the margin over seeds: the standard deviation of the seeds' means over the root of their number. NaN
    /// unless at least two seeds have margins.
    pub margin_se: f64,
    /// Number of seeds with rows in the group.
    pub n_seeds: u64,
}

impl SummaryGroup {
    /// Share of correct trials, NaN without any.
    pub fn accuracy(&self) -> f64 {
        self.n_correct as f64 / self.n as f64
    }

    /// Wilson's 95 % interval of the accuracy.
    pub fn interval(&self) -> (f64, f64) {
        wilson_interval(self.n_correct as f64, self.n as f64)
    }
}
