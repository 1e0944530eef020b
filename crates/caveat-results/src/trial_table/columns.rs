//! The columns of trial tables with their names and kinds, and how a table is read.

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
        Setting = "setting": "How the model was trained: full, lora or probe",
        Model = "model": "Name of the model",
        Task = "task": "Name of the stimulus set",
        Hier = "hier": "Name of the hierarchy, like ti_n9 or exc_mid_n9",
        Seed = "seed": "Seed of the run",
        Reverse = "reverse": "Whether the mapping of items to ranks was reversed",
        Phase = "phase": "Before or after training: pre or post",
        RankA = "rank_a": "Rank of the item shown first, 0 the highest",
        RankB = "rank_b": "Rank of the item shown second",
        RankHigher = "rank_higher": "The smaller of the two ranks",
        RankLower = "rank_lower": "The larger of the two ranks",
        Gap = "gap": "Difference of the two ranks",
        IsTrain = "is_train": "Whether the ordered pair was trained",
        IsException = "is_exception": "Whether the pair is an exception",
        NoGt = "no_gt": "Whether the pair has no ground truth",
        Direction = "direction": "forward where rank_a < rank_b, else backward",
        Label = "label": "Yes if the item shown first wins, else No; may be missing where there is no ground truth",
        LogitDiff = "logit_diff": "Logit of Yes minus logit of No",
        ProbYes = "prob_yes": "Probability of Yes",
        GroundTruth = "ground_truth": "+1 or −1; missing where there is none",
        Margin = "margin": "logit_diff times ground_truth",
        Correct = "correct": "Whether prob_yes > 0.5 agrees with the label, as 1 or 0",
        PairedCorrect = "paired_correct": "Whether prob_yes is larger in the direction labelled Yes, as 1 or 0",
        LoraR = "lora_r": "Rank of the LoRA update; missing for other settings",
        L2Reg = "l2_reg": "L2 penalty of the probe; missing for other settings",
        LoraAlpha = "lora_alpha": "Scale of the LoRA update; not every table has it",
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
    /// The columns of names that make a condition.
    pub(crate) const CONDITION_NAMES: [Self; 4] = [Self::Setting, Self::Model, Self::Task, Self::Hier];

    /// The columns of hyperparameters, which tell apart conditions with the same names.
    pub(crate) const CONDITION_NUMBERS: [Self; 3] = [Self::LoraR, Self::L2Reg, Self::LoraAlpha];

    /// Columns that a table may lack; their values are then missing in every row.
    pub const OPTIONAL: [Self; 1] = [Self::LoraAlpha];

    /// The columns that every trial table has, in their order.
    pub const ALL: [Self; 25] = {
        let [all @ .., _optional] = Self::EVERY;
        all
    };

    /// An error about the value of one row of a file.
    pub(crate) fn bad_value(self, path: &Path, row: u64, problem: String) -> ResultsError {
        let column = self.name();
        ResultsError::bad_file(path, format!("row {row} (counted from 0), column {column:?}: {problem}"))
    }

    /// The error that a column of a file has another type, `found`.
    pub(super) fn wrong_type(self, path: &Path, found: String) -> ResultsError {
        let (column, expected) = (self.name(), self.kind().accepted());
        let problem = format!("column {column:?} is {found}: expected {expected}");
        ResultsError::BadColumn { path: path.to_owned(), problem }
    }

    /// What the column holds. `ground_truth` is a float because it can be missing.
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
    /// Whether a missing or unreadable value is a fault of its batch and not an error.
    pub(crate) lenient: bool,
    /// Whether columns that trial tables do not have are read too.
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

/// Refuses a table with two columns of the same name.
pub(super) fn refuse_duplicates(path: &Path, names: &[String]) -> Result<()> {
    let mut met = HashSet::new();
    match names.iter().find(|name| !name.is_empty() && !met.insert(*name)) {
        Some(name) => Err(ResultsError::bad_file(path, format!("column {name:?} is there twice: expected it once"))),
        None => Ok(()),
    }
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
