//! The subcommands of `caveat lm` that compute language models, one file each.

mod allocator;
mod fetch;
mod interrupt;
mod models;
mod prepare;
mod progress;
mod run;
mod score;
mod summary;
mod sweep;

use super::geometry;
use crate::cli::LmCommand;
use crate::failure::Failure;
use allocator::keep_memory;

/// Runs `caveat lm` in a program with language models; how to build one is irrelevant.
pub(crate) fn run(command: &LmCommand, _build: &str) -> Result<(), Failure> {
    if let LmCommand::Run(_) | LmCommand::Sweep(_) | LmCommand::Score(_) = command {
        keep_memory();
    }
    match command {
        LmCommand::Models(args) => models::run(args),
        LmCommand::Fetch(args) => fetch::run(args),
        LmCommand::Run(args) => run::run(args),
        LmCommand::Sweep(args) => sweep::run(args),
        LmCommand::Score(args) => score::run(args),
        LmCommand::Geometry(args) => geometry::run(args),
    }
}
