//! Reads and writes results: trial tables as conditions, comparison lists as graphs, matrices, and tidy tables.
//!
//! This crate does no science. It turns files into the types of [`caveat_theory`] and results into files, and its errors
//! say in one line which file is wrong, where, and what would be right.
//!
//! * [`scan_trials`] reads chosen columns of trial tables (Parquet or CSV) in parallel; [`read_conditions`] aggregates
//!   them to one [`Condition`] per setting, model, task, hierarchy and hyperparameter.
//! * [`summarize`] is accuracy by pair class and any columns, [`read_pair_table`] how each condition judges each ordered pair,
//!   [`read_choices_by_pair`] the same as counts by seed.
//! * [`check_trials`] finds everything that is wrong with trial tables; [`convert_trials`] converts them, and collects a folder
//!   of runs in one.
//! * [`read_comparisons`] and [`places`] turn a comparison list of any size into a ranking.
//! * [`label_key`] is the one rule for which spellings name one item, in all of these.
//! * [`read_choices`] turns choices of animals or people, in files with any columns, into counts by pair, distance and cluster.
//! * [`Geometries`] tabulates the geometries of hidden states that runs saved.
//! * [`read_matrix`] and [`write_matrix`] are NumPy's .npy format.
//! * [`Table`] is every command's output: Parquet, CSV, JSON, or aligned text.
//! * [`write_atomically`] writes all of them.

mod argument;
mod arrays;
mod atomic;
mod caught;
mod check;
mod choices;
mod comparisons;
mod conditions;
mod convert;
mod delimited;
mod error;
mod expression;
mod geometries;
mod hierarchy_name;
mod input;
mod interner;
mod labels;
mod matrix;
mod roles;
mod rows;
mod run_layout;
mod sink;
mod statistics;
mod table;
mod trial_table;
mod unread;
mod words;

pub use argument::spell_arguments;
pub use atomic::{WriteFailure, write_atomically};
pub use caught::{guarded, panic_is_caught};
pub use check::{CheckReport, Problem, ProblemKind, check_trials};
pub use choices::{
    ChoiceColumns, ChoiceRole, ChoiceRow, ChoiceTable, Cluster, CountReconstruction, DeclaredTasks, DistanceRow,
    DistanceSummary, Grouping, ItemLabels, LeftOut, PairSummary, RowFilter, TaskUnit, TaskUnits, TrialCounts,
    is_choice_file, read_choice_files, read_choices,
};
pub use comparisons::{ComparisonColumns, ComparisonRole, LabeledComparisons, places, ranks_table, read_comparisons};
pub use conditions::{Condition, ConditionKey, MAX_ITEMS, PairMargin, read_conditions};
pub use convert::{Converted, Layout, convert_trials};
pub use error::{Result, ResultsError};
pub use geometries::{GEOMETRY, Geometries, GeometryNumbers, GeometryRow, GeometrySource};
pub use hierarchy_name::{PUBLISHED_HIERARCHIES, hierarchy_name};
pub use input::{AsInput, Foreign, Input, Remedy, foreign_kind};
pub use labels::{Merged, is_missing_label, label_key, label_order, look_alikes, look_alikes_of, merge_labels};
pub use matrix::{read_matrix, write_matrix};
pub use rows::column_names;
pub use run_layout::{RESULTS, RunSetting, run_folder};
pub use statistics::{
    ChoicesByPair, Filter, GroupColumn, GroupValue, Hierarchy, PairCell, PairTable, Placements, SeedChoices, Selection,
    Summary, SummaryGroup, read_choices_by_pair, read_pair_table, summarize, wilson_interval,
};
pub use table::{Format, Table, Values};
pub use trial_table::{
    ColumnKind, Phase, Progress, TextColumn, TrialBatch, TrialColumn, scan_trials, tables_passed_over,
};
pub use unread::{may_be_stage, may_count};
