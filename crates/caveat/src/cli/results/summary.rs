//! The options of `caveat results summary`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct SummaryArgs {
    /// Trial tables or directories of them
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
}
