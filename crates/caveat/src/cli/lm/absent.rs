//! The subcommands of `caveat lm` that compute language models, in a program built without them: they accept any arguments, so that
//! the error is about this, and not about an unknown option.

use std::ffi::OsString;

use clap::Args;

/// Arguments that are ignored.
#[derive(Debug, Args)]
#[command(
    after_help = "This program was built without language models; run the command to see how to build one that has them."
)]
pub(crate) struct Unread {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}
