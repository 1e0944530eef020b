//! The options of `caveat results summary`.

use caveat_results::{GroupColumn, Input};
use clap::Args;

use crate::cli::OutputSpec;
use crate::values::Filters;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat results summary results/ --by hier
  caveat results summary results/ --by model,hier --where setting=full --format json
  caveat results summary results/ --by lora_r --where setting=lora --where class=cross_section
  caveat results summary results/ --by phase,setting,class -o summary.parquet

FILES are trial tables (Parquet or CSV; - for standard input) or directories of them. --by takes any columns of the
trial table, and class. There is one row per group of rows and pair class: premise,
exception_cycle, within_section, cross_section, cycle_to_section or ambiguous, as the trained
pairs of the row's hierarchy imply (where is_train holds, the label says who wins).

JSON: an array, one object a row: {the columns of --by…, \"class\", \"accuracy\", \"n\", \"low\",
\"high\", \"margin\", \"margin_se\", \"n_seeds\"}. accuracy is the mean of correct over the n rows
that have it, low and high Wilson's 95 % interval; margin is the mean of margin, margin_se its
standard error over the means of the seeds. Missing values are null: accuracy where n is 0,
margin_se with fewer than two seeds. Rows are sorted by the columns of --by, then by class.

--where COLUMN OP VALUE keeps rows; repeat it for several that must all hold. OP is one of
= != < <= > >=; quote < and > from the shell. After = and != there may be several values with
commas between them. Numbers are equal within 1e-9 of their size; l2_reg= or l2_reg=none is a
missing one. Text, truth values (true, false) and class take = and != only. What was trained is
taken from whole runs: a filter by a column of single rows, as gap, changes no class.

Only rows after training count, unless --by or --where names phase.")]
pub(crate) struct SummaryArgs {
    /// Trial tables or directories of them
    #[arg(required = true)]
    pub(crate) files: Vec<Input>,
    /// Columns to group by, besides the class: any of the trial table, with commas between them
    #[arg(long, value_delimiter = ',', default_value = "hier", value_name = "COLUMNS")]
    pub(crate) by: Vec<GroupColumn>,
    /// Keep only rows for which this holds, as in setting=full or "gap>=2"; repeatable
    #[arg(long = "where", value_name = "EXPR")]
    pub(crate) filters: Vec<Filters>,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}
