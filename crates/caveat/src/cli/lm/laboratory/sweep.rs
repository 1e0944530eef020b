//! The options of `caveat lm sweep`.

use std::path::PathBuf;

use clap::Args;

use super::{ComputeSpec, FormatSpec};
use crate::values;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat lm sweep sweep.toml --dry-run
  caveat lm sweep sweep.toml
  caveat lm sweep sweep.toml -o runs --limit 10 --format json

FILE is TOML: output, device, a table [defaults], and one [[grid]] or more with the keys models,
hierarchies, items, seeds, orders, template and those of training (method, lora_r, lora_alpha, modules, l2,
optimizer, learning_rate, weight_decay, batch_size, epochs, shuffle, schedule, warmup_steps, clip_norm).
Lists are crossed; paths are relative to the file:
  [defaults]
  models = ['smollm2-135m']
  hierarchies = ['ti_n9', 'exc_mid_n9']
  seeds = '0-9'
  orders = ['fwd', 'rev']
  [[grid]]
  [[grid]]
  method = 'lora'
  lora_r = [2, 8, 32]

Runs that are there are passed over, so the same command goes on after any end; several processes may
work on one file at once, on one machine or several that share the folder; no file locks are needed. The run
of a process that was killed is free at once on its machine, on others two minutes later. A run that fails is appended to failures.jsonl in the output folder, and the next
begins. Exit code 1 if any failed, 130 after Ctrl-C. `caveat results convert` makes a table of the runs.

JSON: {\"output\", \"runs\", \"done\", \"there\", \"busy\", \"failed\", \"left\", \"interrupted\", \"failures\": [{\"folder\",
\"error\"}]}; with --dry-run an array of the runs.")]
pub(crate) struct SweepArgs {
    /// The runs, as TOML
    pub(crate) file: PathBuf,
    /// Folder of runs, instead of that in the file
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// List the runs and whether they are there, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Runs to begin at most
    #[arg(long, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) limit: Option<usize>,
    #[command(flatten)]
    pub(crate) compute: ComputeSpec,
    #[command(flatten)]
    pub(crate) format: FormatSpec,
}
