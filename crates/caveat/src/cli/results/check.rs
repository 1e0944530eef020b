//! The options of `caveat results check`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Trial tables or directories of them
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
}
