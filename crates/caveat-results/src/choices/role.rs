//! The roles of columns in files of choices.

use caveat_theory::{Named, named_enum};

use crate::error::ResultsError;

named_enum! {
    /// What a column of a file of choices holds, in the order of help texts.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum ChoiceRole, ALL {
        /// The item that was chosen (with [`Self::Accuracy`]: the one that the proportion counts).
        Winner = "winner",
        /// The item that was not.
        Loser = "loser",
        /// Of these two, the one shown first (or on the left); optional.
        First = "first",
        /// The higher item of a pair, the one that the rule puts above the other.
        Higher = "higher",
        /// The lower item of that pair.
        Lower = "lower",
        /// Symbolic distance of a pair, the difference of its ranks, where the file does not tell the pairs.
        Distance = "distance",
        /// Proportion, 0 to 1, of the row's trials in which the item of role winner or higher (by distance: the higher item) was
        /// chosen.
        Accuracy = "accuracy",
        /// Number of trials that the row stands for, positive; `weight` is another name for it.
        Count = "count" | "weight",
        /// Who chose.
        Subject = "subject",
        /// In which session.
        Session = "session",
        /// Under which condition.
        Condition = "condition",
    }
    refuse |name| -> ResultsError { ResultsError::unknown_choice("role", name, Self::list_names()) }
}
