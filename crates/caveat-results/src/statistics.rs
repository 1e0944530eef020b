//! Statistics of trial tables: accuracy by pair class and any columns, and tables of ordered pairs.
//!
//! The class of a pair follows from the trained pairs of its hierarchy, and these from the rows: where `is_train` holds, the label
//! says who wins.

mod choices;
mod filter;
mod groups;
mod hierarchy;
mod pair_table;
mod summary;
mod wilson;

pub use choices::{ChoicesByPair, SeedChoices, read_choices_by_pair};
pub use filter::{Filter, GroupColumn, Selection};
pub use groups::{GroupValue, SummaryGroup};
pub use hierarchy::Hierarchy;
pub use pair_table::{PairCell, PairTable, Placements, read_pair_table};
pub use summary::{Summary, summarize};
pub use wilson::wilson_interval;

#[cfg(test)]
mod tests;
