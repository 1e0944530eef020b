//! The options of `caveat lm`, which fetches, fine-tunes and questions pretrained language models and tabulates results.

#[cfg(not(feature = "lm"))]
mod absent;
mod geometry;
#[cfg(feature = "lm")]
mod laboratory;

use clap::Subcommand;

#[cfg(not(feature = "lm"))]
pub(crate) use absent::{
    Unread as FetchArgs, Unread as ModelsArgs, Unread as RunArgs, Unread as ScoreArgs, Unread as SweepArgs,
};
pub(crate) use geometry::GeometryArgs;
#[cfg(feature = "lm")]
pub(crate) use laboratory::{ComputeSpec, FetchArgs, ModelsArgs, RunArgs, Saved, ScoreArgs, SweepArgs};

/// A note in the help of `caveat lm` in a program without language models.
#[cfg(not(feature = "lm"))]
const NOTE: &str = "This program was built without language models. Only geometry works; \
    every other subcommand says how to build one that has them.";
#[cfg(feature = "lm")]
const NOTE: &str = "";

#[derive(Debug, Subcommand)]
#[command(after_help = NOTE)]
pub(crate) enum LmCommand {
    /// List the models that can be fetched by name
    Models(ModelsArgs),
    /// Fetch a model into the cache, verified
    Fetch(FetchArgs),
    /// Question a model, fine-tune it, question it again
    Run(Box<RunArgs>),
    /// Do all runs of a file that have not been done yet
    Sweep(SweepArgs),
    /// Score prompts of your own: the logits of two answers
    Score(ScoreArgs),
    /// Tabulate the hidden-state geometry of many runs
    Geometry(GeometryArgs),
}
