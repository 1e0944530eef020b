//! The options of `caveat results check`.

use caveat_results::Input;
use clap::Args;

use crate::cli::OutputSpec;
use crate::values;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat results check results/
  caveat results check results/ --most 0                  only how many problems of each kind
  caveat results check runs.parquet --format json | jq -r '.[].kind' | sort | uniq -c

Columns of the output: file, row (from 0; empty where it is about the file), column, kind, count,
problem. Where a kind has more than --most problems in a file, the rest is one line with their number
as its count. A file that cannot be read is a problem, and the others are checked all the same. What
most rows of a hierarchy say about a pair counts as right. Exit code 0 if nothing is wrong, 2 if
anything is.

Kinds: schema, missing_value, unreadable_value, setting, phase, direction, label, rank, same_item,
rank_order, logit_diff, prob_yes, probability_sign, ground_truth, margin, correct, paired_correct,
hyperparameter, duplicate_row, missing_pair, missing_seed, missing_run, mixed_hierarchy,
impossible_label, implied_label, open_label, no_gt, exception, missing_premise, trained_order,
hierarchy_name.")]
pub(crate) struct CheckArgs {
    /// Trial tables or directories of them
    #[arg(required = true)]
    pub(crate) files: Vec<Input>,
    /// Problems of one kind in one file that are spelled out; the rest is counted
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) most: usize,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}
