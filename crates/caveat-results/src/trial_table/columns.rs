//! The columns of trial tables: names, kinds, and what a reading takes of them.

use std::collections::HashSet;
use std::path::Path;

use caveat_theory::{Named, named_enum};
use serde::{Deserialize, Serialize};

use crate::error::{Result, ResultsError};

pub(super) const EXPECTED: &str = "a trial table in Parquet or CSV";

named_enum! {
    /// A column of the trial table.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum TrialColumn, EVERY {
        /// How the model was trained: full, lora or probe.
        Setting = "setting",
        /// Name of the model.
        Model = "model",
        /// Name of the stimulus set.
        Task = "task",
        /// Name of the hierarchy, like ti_n9 or exc_mid_n9.
        Hier = "hier",
        /// Seed of the run.
        Seed = "seed",
        /// Whether the mapping of items to ranks was reversed.
        Reverse = "reverse",
        /// Before or after training: pre or post.
        Phase = "phase",
        /// Rank of the item shown first, 0 the highest.
        RankA = "rank_a",
        /// Rank of the item shown second.
        RankB = "rank_b",
        /// The smaller of the two ranks.
        RankHigher = "rank_higher",
        /// The larger of the two ranks.
        RankLower = "rank_lower",
        /// Difference of the two ranks.
        Gap = "gap",
        /// Whether the ordered pair was trained.
        IsTrain = "is_train",
        /// Whether the pair is an exception.
        IsException = "is_exception",
        /// Whether the pair has no ground truth.
        NoGt = "no_gt",
        /// forward where rank_a < rank_b, else backward.
        Direction = "direction",
        /// Yes if the item shown first wins, else No; may be missing where there is no ground truth.
        Label = "label",
        /// Logit of Yes minus logit of No.
        LogitDiff = "logit_diff",
        /// Probability of Yes.
        ProbYes = "prob_yes",
        /// +1 or −1; missing where there is none.
        GroundTruth = "ground_truth",
        /// logit_diff times ground_truth.
        Margin = "margin",
        /// Whether prob_yes > 0.5 agrees with the label, as 1 or 0.
        Correct = "correct",
        /// Whether prob_yes is larger in the direction labelled Yes, as 1 or 0.
        PairedCorrect = "paired_correct",
        /// Rank of the LoRA update; missing for other settings.
        LoraR = "lora_r",
        /// L2 penalty of the probe; missing for other settings.
        L2Reg = "l2_reg",
        /// Scale of the LoRA update; not every table has it.
        LoraAlpha = "lora_alpha",
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text, possibly missing.
    Text,
    /// Whole numbers, never missing.
    Integer,
    /// Floats, NaN where missing.
    Real,
    /// Truth values, never missing.
    Flag,
}

impl ColumnKind {
    /// The column types of files that are read as this kind, in words.
    pub(crate) fn accepted(self) -> &'static str {
        match self {
            Self::Text => "text (utf8, large_utf8 or a dictionary of these)",
            Self::Integer => "an integer (or a float that is a whole number)",
            Self::Real => "a number",
            Self::Flag => "a bool (or 1 and 0)",
        }
    }
}

impl TrialColumn {
    /// The columns that name what a condition is of.
    pub(crate) const CONDITION_NAMES: [Self; 4] = [Self::Setting, Self::Model, Self::Task, Self::Hier];

    /// The columns of hyperparameters, by which conditions of the same names differ.
    pub(crate) const CONDITION_NUMBERS: [Self; 3] = [Self::LoraR, Self::L2Reg, Self::LoraAlpha];

    /// Columns that a table may lack, which then are missing in every row.
    pub const OPTIONAL: [Self; 1] = [Self::LoraAlpha];

    /// All columns that every trial table has, in their order.
    pub const ALL: [Self; 25] = {
        let [all @ .., _optional] = Self::EVERY;
        all
    };

    /// An error about the value of one row of a file.
    pub(crate) fn bad_value(self, path: &Path, row: u64, problem: String) -> ResultsError {
        ResultsError::BadValue { path: path.to_owned(), row, column: self.name(), problem }
    }

    /// The error that a file has values of the type that was `found`.
    pub(super) fn wrong_type(self, path: &Path, found: String) -> ResultsError {
        let (column, expected) = (self.name(), self.kind().accepted());
        ResultsError::WrongType { path: path.to_owned(), column, found, expected }
    }

    /// What the column holds. `ground_truth` is a float, because it is missing on pairs without one.
    pub fn kind(self) -> ColumnKind {
        match self {
            Self::Setting | Self::Model | Self::Task | Self::Hier => ColumnKind::Text,
            Self::Phase | Self::Direction | Self::Label => ColumnKind::Text,
            Self::Seed | Self::RankA | Self::RankB => ColumnKind::Integer,
            Self::RankHigher | Self::RankLower | Self::Gap => ColumnKind::Integer,
            Self::Reverse | Self::IsTrain | Self::IsException | Self::NoGt => ColumnKind::Flag,
            Self::LogitDiff | Self::ProbYes | Self::GroundTruth | Self::Margin => ColumnKind::Real,
            Self::Correct | Self::PairedCorrect => ColumnKind::Real,
            Self::LoraR | Self::L2Reg | Self::LoraAlpha => ColumnKind::Real,
        }
    }
}

named_enum! {
    /// Before or after training.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum Phase, ALL {
        /// Before training.
        Pre = "pre",
        /// After training.
        #[default]
        Post = "post",
    }
    refuse |name| -> ResultsError { ResultsError::unknown_choice("phase", name, Self::list_names()) }
}

/// How a table is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Whether a missing or unreadable value becomes a fault of its batch instead of an error.
    pub(crate) lenient: bool,
    /// Whether the columns that are none of a trial table's are read too.
    pub(crate) extras: bool,
}

/// A range of rows, within one row group where the format has them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(super) group: usize,
    /// First row within the group.
    pub(super) offset: u64,
    /// First row within the file.
    pub(super) first_row: u64,
    pub(super) n_rows: u64,
}

/// Refuses a table in which two columns have one name.
pub(super) fn refuse_duplicates<'a>(path: &Path, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut met = HashSet::new();
    names.into_iter().try_for_each(|name| match met.insert(name) {
        true => Ok(()),
        false => Err(ResultsError::bad_file(path, format!("column {name:?} is there twice: expected it once"))),
    })
}

/// The columns, each once.
pub(crate) fn distinct(columns: impl IntoIterator<Item = TrialColumn>) -> Vec<TrialColumn> {
    let mut found = Vec::new();
    for column in columns {
        if !found.contains(&column) {
            found.push(column);
        }
    }
    found
}
