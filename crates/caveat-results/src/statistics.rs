//! Statistics of trial tables: accuracy by pair class and any columns, and tables of ordered pairs.
//!
//! Which class a pair belongs to follows from the trained pairs of its hierarchy, and those from the rows themselves: where
//! `is_train` holds, the label says who wins.

mod choices;
mod filter;
mod group_values;
mod groups;
mod hierarchy;
mod pair_table;
mod summary;
mod wilson;

pub use choices::{ChoicesByPair, SeedChoices, read_choices_by_pair};
pub use filter::{Filter, GroupColumn, Selection};
pub use group_values::{GroupValue, SummaryGroup};
pub use hierarchy::Hierarchy;
pub use pair_table::{PairCell, PairTable, Placements, read_pair_table};
pub use summary::{Summary, summarize};
pub use wilson::wilson_interval;

#[cfg(test)]
mod tests;
