//! The options of `caveat results convert`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// Trial tables or directories of them
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
}
