//! The options of `caveat lm`: fetching, fine-tuning and questioning pretrained language models.

mod fetch;
mod geometry;
mod models;
mod run;
mod score;
mod sweep;

use caveat_results::Format;
use clap::{Args, Subcommand};

pub(crate) use fetch::{FetchArgs, SourceName};
pub(crate) use geometry::GeometryArgs;
pub(crate) use models::ModelsArgs;
pub(crate) use run::{RunArgs, Saved};
pub(crate) use score::ScoreArgs;
pub(crate) use sweep::SweepArgs;

use crate::values;

#[derive(Debug, Subcommand)]
pub(crate) enum LmCommand {
    /// List the models that can be fetched by name
    Models(ModelsArgs),
    /// Fetch a model into the cache, verified
    Fetch(FetchArgs),
    /// Question a model, fine-tune it, question it again
    Run(Box<RunArgs>),
    /// Do all runs of a file that are not there yet
    Sweep(SweepArgs),
    /// Score prompts of your own: the logits of two answers
    Score(ScoreArgs),
    /// Tabulate the hidden-state geometry of many runs
    Geometry(GeometryArgs),
}

/// Where a model is computed.
#[derive(Debug, Clone, Args)]
pub(crate) struct ComputeSpec {
    /// Device: cpu, or vulkan or cuda where the program was built with them [default: cpu]
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,
    /// Threads of the processor [default: one a core]
    #[arg(long, value_name = "N", value_parser = values::threads, allow_negative_numbers = true)]
    pub(crate) threads: Option<usize>,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct FormatSpec {
    /// Format on standard output
    #[arg(long, value_name = "table|csv|json", default_value = "table")]
    pub(crate) format: Format,
}
