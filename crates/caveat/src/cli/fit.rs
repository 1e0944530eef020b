//! The options of `caveat fit`.

use std::path::PathBuf;

use caveat_results::Phase;
use clap::{Args, ValueEnum};

use super::OutputSpec;
use crate::values;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat fit results/ --by model,setting,task,hier --format json
  caveat fit results/ --train ti_n9 --test exc_mid_n9,exc_mid_n11       predict, nothing refitted

FILES are trial tables (.parquet or .csv) or directories of them. JSON: an array, one object a condition: {\"setting\", \"model\",
\"task\", \"hier\", \"lora_r\", \"l2_reg\", \"conjunctivity\", \"c\", \"screening\", \"memorization\", \"gain\", \"limit\", \"r_squared\", \"correlation\",
\"n_pairs\", intervals…}. R² is about zero. limit is none inside; where it is hebbian, c is 0 and gain is gain·C; additive, α = 0 and C = inf with
memorization as their limit; conjunctive, α = 1; no_signal, nothing is identified. Infinity is null.")]
pub(crate) struct FitArgs {
    /// Trial tables or directories of them
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Columns that make a condition, besides the hyperparameter; others are averaged over
    #[arg(long, value_delimiter = ',', default_value = "setting,model,task,hier", value_name = "COLUMNS")]
    pub(crate) by: Vec<ByColumn>,
    /// Fit on these hierarchies …
    #[arg(long, value_delimiter = ',', value_name = "HIER", requires = "test")]
    pub(crate) train: Vec<String>,
    /// … and predict these
    #[arg(long, value_delimiter = ',', value_name = "HIER", requires = "train")]
    pub(crate) test: Vec<String>,
    /// Rows to use: pre or post training
    #[arg(long, default_value = "post", value_name = "pre|post")]
    pub(crate) phase: Phase,
    /// Bootstrap replicates over seeds for the 95 % intervals; 0 for none
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) bootstrap: usize,
    /// Seed of the bootstrap
    #[arg(long, default_value_t = 0, value_name = "SEED", value_parser = values::seed, allow_negative_numbers = true)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ByColumn {
    Setting,
    Model,
    Task,
    Hier,
}
