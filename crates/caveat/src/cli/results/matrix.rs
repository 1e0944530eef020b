//! The options of `caveat results matrix`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct MatrixArgs {
    /// Trial tables or directories of them
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
}
