//! What a column of a file of choices may hold.

use std::fmt;
use std::str::FromStr;

use crate::error::{Result, ResultsError};

/// What a column of a file of choices holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChoiceRole {
    /// The item that was chosen (with [`Self::Accuracy`]: the one that the proportion counts).
    Winner,
    /// The item that was not.
    Loser,
    /// Of these two, the one shown first (or on the left); optional.
    First,
    /// The higher item of a pair, the one that the rule puts above the other.
    Higher,
    /// The lower item of that pair.
    Lower,
    /// Symbolic distance of a pair, the difference of its ranks, where the file does not tell the pairs.
    Distance,
    /// Proportion, 0 to 1, of the row's trials in which the item of role winner or higher (by distance: the higher item) was
    /// chosen.
    Accuracy,
    /// Number of trials that the row stands for, positive; `weight` is another name for it.
    Count,
    /// Who chose.
    Subject,
    /// In which session.
    Session,
    /// Under which condition.
    Condition,
}

impl ChoiceRole {
    /// All roles, in the order of help texts.
    pub const ALL: [Self; 11] = [
        Self::Winner,
        Self::Loser,
        Self::First,
        Self::Higher,
        Self::Lower,
        Self::Distance,
        Self::Accuracy,
        Self::Count,
        Self::Subject,
        Self::Session,
        Self::Condition,
    ];

    /// The names of all roles, as on a command line.
    pub const CHOICES: &'static str =
        "winner, loser, first, higher, lower, distance, accuracy, count, subject, session or condition";

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Winner => "winner",
            Self::Loser => "loser",
            Self::First => "first",
            Self::Higher => "higher",
            Self::Lower => "lower",
            Self::Distance => "distance",
            Self::Accuracy => "accuracy",
            Self::Count => "count",
            Self::Subject => "subject",
            Self::Session => "session",
            Self::Condition => "condition",
        }
    }
}

impl fmt::Display for ChoiceRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ChoiceRole {
    type Err = ResultsError;

    fn from_str(name: &str) -> Result<Self> {
        let by_name = Self::ALL.into_iter().find(|r| r.name() == name);
        by_name.or((name == "weight").then_some(Self::Count)).ok_or_else(|| ResultsError::UnknownChoice {
            what: "role",
            value: name.to_owned(),
            choices: Self::CHOICES,
        })
    }
}
