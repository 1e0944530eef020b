//! The columns of trial tables: names, kinds, and what a reading takes of them.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Result, ResultsError};

pub(super) const EXPECTED: &str = "a trial table in Parquet or CSV";

/// A column of the trial table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TrialColumn {
    /// How the model was trained: full, lora or probe.
    Setting,
    /// Name of the model.
    Model,
    /// Name of the stimulus set.
    Task,
    /// Name of the hierarchy, like ti_n9 or exc_mid_n9.
    Hier,
    /// Seed of the run.
    Seed,
    /// Whether the mapping of items to ranks was reversed.
    Reverse,
    /// Before or after training: pre or post.
    Phase,
    /// Rank of the item shown first, 0 the highest.
    RankA,
    /// Rank of the item shown second.
    RankB,
    /// The smaller of the two ranks.
    RankHigher,
    /// The larger of the two ranks.
    RankLower,
    /// Difference of the two ranks.
    Gap,
    /// Whether the ordered pair was trained.
    IsTrain,
    /// Whether the pair is an exception.
    IsException,
    /// Whether the pair has no ground truth.
    NoGt,
    /// forward where rank_a < rank_b, else backward.
    Direction,
    /// Yes if the item shown first wins, else No; may be missing where there is no ground truth.
    Label,
    /// Logit of Yes minus logit of No.
    LogitDiff,
    /// Probability of Yes.
    ProbYes,
    /// +1 or −1; missing where there is none.
    GroundTruth,
    /// logit_diff times ground_truth.
    Margin,
    /// Whether prob_yes > 0.5 agrees with the label, as 1 or 0.
    Correct,
    /// Whether prob_yes is larger in the direction labelled Yes, as 1 or 0.
    PairedCorrect,
    /// Rank of the LoRA update; missing for other settings.
    LoraR,
    /// L2 penalty of the probe; missing for other settings.
    L2Reg,
    /// Scale of the LoRA update; not every table has it.
    LoraAlpha,
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
    pub const ALL: [Self; 25] = [
        Self::Setting,
        Self::Model,
        Self::Task,
        Self::Hier,
        Self::Seed,
        Self::Reverse,
        Self::Phase,
        Self::RankA,
        Self::RankB,
        Self::RankHigher,
        Self::RankLower,
        Self::Gap,
        Self::IsTrain,
        Self::IsException,
        Self::NoGt,
        Self::Direction,
        Self::Label,
        Self::LogitDiff,
        Self::ProbYes,
        Self::GroundTruth,
        Self::Margin,
        Self::Correct,
        Self::PairedCorrect,
        Self::LoraR,
        Self::L2Reg,
    ];

    /// Name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Setting => "setting",
            Self::Model => "model",
            Self::Task => "task",
            Self::Hier => "hier",
            Self::Seed => "seed",
            Self::Reverse => "reverse",
            Self::Phase => "phase",
            Self::RankA => "rank_a",
            Self::RankB => "rank_b",
            Self::RankHigher => "rank_higher",
            Self::RankLower => "rank_lower",
            Self::Gap => "gap",
            Self::IsTrain => "is_train",
            Self::IsException => "is_exception",
            Self::NoGt => "no_gt",
            Self::Direction => "direction",
            Self::Label => "label",
            Self::LogitDiff => "logit_diff",
            Self::ProbYes => "prob_yes",
            Self::GroundTruth => "ground_truth",
            Self::Margin => "margin",
            Self::Correct => "correct",
            Self::PairedCorrect => "paired_correct",
            Self::LoraR => "lora_r",
            Self::L2Reg => "l2_reg",
            Self::LoraAlpha => "lora_alpha",
        }
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

impl fmt::Display for TrialColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Before or after training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before training.
    Pre,
    /// After training.
    #[default]
    Post,
}

impl Phase {
    /// Name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::Post => "post",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Phase {
    type Err = ResultsError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "pre" => Ok(Self::Pre),
            "post" => Ok(Self::Post),
            _ => Err(ResultsError::UnknownChoice { what: "phase", value: name.to_owned(), choices: "pre or post" }),
        }
    }
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
