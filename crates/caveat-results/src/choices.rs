//! Choices of animals, people or networks between two items: reads tables with any columns, and counts and groups choices.
//!
//! [`read_choices`] takes single choices, proportions of pairs, or proportions by symbolic distance, as [`ChoiceColumns`] says.
//! The [`ChoiceTable`] counts them by pair, by distance, and by the clusters (subjects, sessions) that are resampled.

mod collect;
mod columns;
mod counts;
mod filter;
mod names;
mod read;
mod role;
mod source;
mod summaries;
mod tasks;
#[cfg(test)]
mod tests;

pub(crate) use columns::suggested_columns;
pub use columns::{ChoiceColumns, TrialCounts};
pub use counts::CountReconstruction;
pub use filter::{LeftOut, RowFilter};
pub use read::{read_choice_files, read_choices};
pub use role::ChoiceRole;
pub use source::is_choice_file;
pub use summaries::{Cluster, DistanceSummary, PairSummary};
pub use tasks::{DeclaredTasks, TaskUnit, TaskUnits};

use caveat_theory::{Named, named_enum};

use crate::error::ResultsError;
use crate::unread::is_early;

named_enum! {
    /// What choices are grouped by, in the order of the numbers in [`ChoiceRow::groups`].
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Grouping, ALL {
        /// Who chose.
        Subject = "subject",
        /// In which session.
        Session = "session",
        /// Under which condition.
        Condition = "condition",
    }
    refuse |name| -> ResultsError { ResultsError::unknown_choice("grouping", name, Self::list_names()) }
}

impl Grouping {
    fn role(self) -> ChoiceRole {
        match self {
            Self::Subject => ChoiceRole::Subject,
            Self::Session => ChoiceRole::Session,
            Self::Condition => ChoiceRole::Condition,
        }
    }
}

/// One row of choices between two items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChoiceRow {
    /// Rank, from 0, of the item shown first, or of the higher item if the order of presentation is not known.
    pub first: usize,
    /// Rank of the other item.
    pub second: usize,
    /// In how many of the trials the first item was chosen, 0 to `trials`; a fraction if a proportion was rounded.
    pub first_chosen: f64,
    /// Number of trials, positive.
    pub trials: f64,
    /// Indices of subject, session and condition in [`ChoiceTable::groups`]; 0 for those that the table does not have.
    pub groups: [u32; 3],
}

/// One row of choices that are known only by symbolic distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DistanceRow {
    /// Difference of the ranks of the two items, at least 1.
    pub distance: usize,
    /// In how many of the trials the higher item was chosen.
    pub higher_chosen: f64,
    /// Number of trials, positive.
    pub trials: f64,
    /// As in [`ChoiceRow`].
    pub groups: [u32; 3],
}

/// How a file tells its items apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemLabels {
    /// By names whose order was given.
    Names,
    /// By ranks from `first` on, 0 or 1.
    Ranks {
        /// Rank of the highest item.
        first: usize,
        /// Whether `first` was given; otherwise it is the smallest rank in the file.
        is_given: bool,
    },
}

/// Choices as read from files: either `rows` or, if the files do not tell pairs, `distance_rows`; the other is empty.
#[derive(Debug, Clone, PartialEq)]
pub struct ChoiceTable {
    /// Number of items, at least 2 and more than the largest distance.
    pub n_items: usize,
    /// Names of the items, the highest first: as given, or the ranks in the file.
    pub items: Vec<String>,
    /// How the file names items.
    pub labels: ItemLabels,
    /// Choices between two items, in the order of the file.
    pub rows: Vec<ChoiceRow>,
    /// Choices by distance, in the order of the file.
    pub distance_rows: Vec<DistanceRow>,
    /// Whether the file says which item was shown first.
    pub presentation_known: bool,
    /// Names of subjects, sessions and conditions in order of appearance, in the order of [`Grouping::ALL`]; empty for those that the
    /// file does not have. Whole numbers lose a decimal zero: 3.0 is the subject 3.
    pub groups: [Vec<String>; 3],
    /// How numbers of trials were reconstructed, if they were.
    pub reconstruction: Option<CountReconstruction>,
    /// Rows that were left out, and other notes.
    pub left_out: LeftOut,
}

impl ChoiceTable {
    /// Names of the groups of one kind, in order of appearance; empty if the file does not have them.
    pub fn names(&self, by: Grouping) -> &[String] {
        &self.groups[by as usize]
    }

    /// A note if conditions seem to be training and a test that are taken together.
    pub fn training_taken_together(&self) -> Option<String> {
        let names = self.names(Grouping::Condition);
        let early = names.iter().find(|name| is_early(name))?;
        let other = names.iter().find(|name| !is_early(name))?;
        Some(format!(
            "the conditions {early:?} and {other:?} are taken together: if the first is training, choose with \
             ⟨where=CONDITION={other}⟩, CONDITION being the name of their column, or fit each with ⟨by=condition⟩"
        ))
    }

    /// Number of trials in all.
    pub fn trials(&self) -> f64 {
        let pairs = self.rows.iter().map(|r| r.trials);
        pairs.chain(self.distance_rows.iter().map(|r| r.trials)).sum()
    }
}
