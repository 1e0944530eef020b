//! The roles of columns in files of choices.

use caveat_theory::{Named, named_enum};

use crate::error::ResultsError;

named_enum! {
    /// What a column of a file of choices holds, in the order of help texts.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum ChoiceRole, ALL {
        Winner = "winner": "The item that was chosen, or with an accuracy the one whose proportion it is",
        Loser = "loser": "The item that was not chosen",
        First = "first": "Which of these two was shown first (or on the left); optional",
        Higher = "higher": "The item of a pair that is higher by the rule",
        Lower = "lower": "The lower item of that pair",
        Distance = "distance": "Symbolic distance, the difference of two ranks, if the file does not tell the pairs",
        Accuracy = "accuracy": "Proportion of trials, 0 to 1, in which the winner or the higher item was chosen",
        Count = "count": "Number of trials of the row, positive" | "weight",
        Subject = "subject": "Who chose",
        Session = "session": "In which session",
        Condition = "condition": "Under which condition",
    }
    refuse |name| -> ResultsError { ResultsError::unknown_choice("role", name, Self::list_names()) }
}
