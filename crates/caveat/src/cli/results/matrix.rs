//! The options of `caveat results matrix`.

use std::path::PathBuf;

use caveat_results::Input;
use clap::Args;

use crate::cli::OutputSpec;
use crate::values::Filters;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat results matrix results/ --where setting=full --where hier=exc_mid_n9
  caveat results matrix results/ --where model=llama32-1b --where phase=pre --format csv
  caveat results matrix results/ --where setting=full --figure placements.pdf
  caveat results matrix results/ -o placements.parquet

FILES are trial tables (Parquet or CSV; - for standard input) or directories of them. One row per condition and
ordered pair of ranks: {\"setting\", \"model\", \"task\", \"hier\", \"lora_r\", \"l2_reg\", \"rank_a\",
\"rank_b\", \"class\", \"probability\", \"share\", \"n\"}. probability is that of the item of rank_a being
placed above that of rank_b: the mean over the two orders of presentation of prob_yes with a
first and 1 - prob_yes with b first, each over seeds and reversals. share is the share of the n
trials of the pair, both orders together, that choose a: prob_yes > 0.5 with a first, or not
with b first. The rows (a, b) and (b, a) add up to 1.

Only rows after training count, unless --where names phase. --where COLUMN OP VALUE keeps rows;
repeat it for several that must all hold; caveat results summary --help explains it.")]
pub(crate) struct MatrixArgs {
    /// Trial tables or directories of them
    #[arg(required = true)]
    pub(crate) files: Vec<Input>,
    /// Keep only rows for which this holds, as in setting=full or class=cross_section; repeatable
    #[arg(long = "where", value_name = "EXPR")]
    pub(crate) filters: Vec<Filters>,
    /// Draw the probabilities as heatmaps, one a condition, at most 24: .svg, .pdf or .png
    #[arg(long, value_name = "FILE")]
    pub(crate) figure: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}
