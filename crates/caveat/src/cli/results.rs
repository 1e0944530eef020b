//! The options of `caveat results`: what to do with trial tables as they are.

use std::path::PathBuf;

use caveat_results::{Filter, GroupColumn, Input, Layout};
use clap::{Args, Subcommand};

use super::OutputSpec;
use crate::values::{self, Filters};

#[derive(Debug, Subcommand)]
pub(crate) enum ResultsCommand {
    /// Find everything that is wrong with trial tables, by file and row
    Check(CheckArgs),
    /// Accuracy by pair class and any columns, with Wilson intervals
    Summary(SummaryArgs),
    /// Convert between Parquet and CSV, or collect a folder of runs in one trial table
    Convert(ConvertArgs),
    /// How often each item is placed above each other one, as a table and a heatmap
    Matrix(MatrixArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat results check results/
  caveat results check results/ --most 0                  only how many problems of each kind
  caveat results check runs.parquet --format json | jq -r '.[].kind' | sort | uniq -c

Columns of the output: file, row (from 0; empty if the problem concerns the whole file), column, kind, count, problem. If a file \
has more than --most problems of one kind, the rest are one line with their number as its count.

A file that cannot be read counts as a problem, and the others are still checked. What most rows of a hierarchy say about a pair \
counts as right.

Exit code 0 if nothing is wrong, 2 if anything is.

Kinds: schema, missing_value, unreadable_value, setting, phase, direction, label, rank, same_item, rank_order, logit_diff, \
prob_yes, probability_sign, ground_truth, margin, correct, paired_correct, hyperparameter, duplicate_row, missing_pair, \
missing_seed, missing_run, mixed_hierarchy, impossible_label, implied_label, open_label, no_gt, exception, missing_premise, \
trained_order, hierarchy_name.")]
pub(crate) struct CheckArgs {
    /// Trial tables or directories of them
    #[arg(required = true)]
    pub(crate) files: Vec<Input>,
    /// Problems of one kind to list for each file; the rest are only counted
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) most: usize,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat results summary results/ --by hier
  caveat results summary results/ --by model,hier --where setting=full --format json
  caveat results summary results/ --by lora_r --where setting=lora --where class=cross_section
  caveat results summary results/ --by phase,setting,class -o summary.parquet

FILES are trial tables (Parquet or CSV; - for standard input) or directories of them. --by takes any columns of the trial table, \
and class.

There is one row per group of rows and pair class. The class is premise, exception_cycle, within_section, cross_section, \
cycle_to_section or ambiguous. It follows from the trained pairs of the row's hierarchy: those for which is_train holds, where \
the label says who wins.

JSON: an array with one object per row: {the columns of --by…, \"class\", \"accuracy\", \"n\", \"low\", \"high\", \"margin\", \
\"margin_se\", \"n_seeds\"}. accuracy is the mean of correct over the n rows that have it; low and high are its 95 % Wilson \
interval. margin is the mean of margin, and margin_se its standard error over the means of the seeds. Missing values are null: \
accuracy if n is 0, margin_se with fewer than two seeds. Rows are sorted by the columns of --by, then by class.

--where COLUMN OP VALUE keeps rows; repeat it to require several conditions. OP is one of = != < <= > >=; quote < and > from the \
shell. After = and != there may be several values with commas between them. Numbers are equal if they agree to within 1e-9 of \
their size. l2_reg= or l2_reg=none stands for a missing value. Text, truth values (true, false) and class take = and != only.

What was trained is taken from whole runs: a filter by a column of single rows, such as gap, changes no class.

Only rows after training count, unless --by or --where names phase.")]
pub(crate) struct SummaryArgs {
    /// Trial tables or directories of them
    #[arg(required = true)]
    pub(crate) files: Vec<Input>,
    /// Columns to group by, besides the class: any of the trial table, with commas between them
    #[arg(long, value_delimiter = ',', default_value = "hier", value_name = "COLUMNS")]
    pub(crate) by: Vec<GroupColumn>,
    /// Keep only rows for which this holds, as in setting=full or "gap>=2"; repeatable
    #[arg(long = "where", value_name = "EXPR", value_parser = Filter::all)]
    pub(crate) filters: Vec<Filters>,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat results convert trials.parquet -o trials.csv
  caveat results convert ti/ exception/ -o all.parquet         several tables, one after another
  caveat results convert runs/ -o trials.parquet               a folder of runs

The output has the 25 columns of a trial table in canonical order, then the other columns of the inputs, which must be the same \
in all. Missing values are empty in CSV. Floats are written with the fewest digits that read back exactly.

A folder of runs holds files
  MODEL/TASK/HIER/[lora_rR_alphaA | l2_X | none]/seedS_fwd|rev/results.json
lora_… stands for LoRA, l2_… for probes (l2_0p0001 or l2_1e-4), none where nothing was trained, and no such folder for full \
fine-tuning.

Each results.json is an object {\"pre_finetune\": [...], \"post_finetune\": [...]} of items {\"rank_a\", \"rank_b\", \"gap\", \
\"is_train\", \"is_exception\", \"no_gt\", \"label\", \"logit_diff\", \"prob_yes\"}. One of the phases may be absent. So may \
gap, is_exception, no_gt, and label where no_gt is true. A table of runs has a 26th column, lora_alpha.

HIER is named as in ti_n9, exc_mid_n9 and exc_5_2_n9, and the items and exceptions of the run must agree with it. Folders above \
MODEL, other names of HIER, and names that look like something else (a way of training, lr1e-4, a date) are accepted only if \
results.json records the model, task, hier or method in doubt.

What results.json records at any depth (model, task, hier, seed, reverse, method, lora_r, load_in_4bit and the like) must not \
contradict the path, nor may adapters beside it. Other keys are ignored.

Any other folder is refused unless --layout says what it is, as in --layout setting/model/task/hier/seed for \
qlora/smol/poker/ti_n9/3. A setting is named after its folder. What a layout says is kept, and contradictions are reported.")]
pub(crate) struct ConvertArgs {
    /// Trial tables, directories of them, or directories of runs
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<Input>,
    /// What each folder of other runs is, from the given directory downwards: model, task, hier, setting and seed, and _ for a
    /// folder to pass over, as in model/task/hier/setting/seed
    #[arg(long, value_name = "WORDS")]
    pub(crate) layout: Option<Layout>,
    /// The trial table to write: .parquet or .csv
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat results matrix results/ --where setting=full --where hier=exc_mid_n9
  caveat results matrix results/ --where model=llama32-1b --where phase=pre --format csv
  caveat results matrix results/ --where setting=full --figure placements.pdf
  caveat results matrix results/ -o placements.parquet

FILES are trial tables (Parquet or CSV; - for standard input) or directories of them.

There is one row per condition and ordered pair of ranks: {\"setting\", \"model\", \"task\", \"hier\", \"lora_r\", \"l2_reg\", \
\"rank_a\", \"rank_b\", \"class\", \"probability\", \"share\", \"n\"}.

probability is how probable it is that the item of rank_a is placed above that of rank_b. It is the mean over both orders of \
presentation: prob_yes with a first, 1 - prob_yes with b first, each averaged over seeds and reversals.

share is the share of the pair's n trials, in both orders, that choose a: prob_yes > 0.5 with a first, prob_yes <= 0.5 with b \
first. For (a, b) and (b, a), each of them adds up to 1.

Only rows after training count, unless --where names phase. --where COLUMN OP VALUE keeps rows; repeat it to require several \
conditions. `caveat results summary --help` explains it.")]
pub(crate) struct MatrixArgs {
    /// Trial tables or directories of them
    #[arg(required = true)]
    pub(crate) files: Vec<Input>,
    /// Keep only rows for which this holds, as in setting=full or class=cross_section; repeatable
    #[arg(long = "where", value_name = "EXPR", value_parser = Filter::all)]
    pub(crate) filters: Vec<Filters>,
    /// Draw the probabilities as heatmaps, one per condition, at most 24: .svg, .pdf or .png
    #[arg(long, value_name = "FILE")]
    pub(crate) figure: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}
