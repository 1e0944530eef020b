//! The options of the subcommands that compute language models.

mod fetch;
mod models;
mod run;
mod score;
mod sweep;

use caveat_results::Format;
use clap::Args;

pub(crate) use fetch::FetchArgs;
pub(crate) use models::ModelsArgs;
pub(crate) use run::{RunArgs, Saved};
pub(crate) use score::ScoreArgs;
pub(crate) use sweep::SweepArgs;

/// Where a model is computed.
#[derive(Debug, Clone, Args)]
pub(crate) struct ComputeSpec {
    /// Device: cpu, or vulkan or cuda where the program was built with them [default: cpu]
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,
    /// Threads of the processor [default: one a core]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true)]
    pub(crate) threads: Option<usize>,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct FormatSpec {
    /// Format on standard output
    #[arg(long, value_name = "table|csv|json", default_value = "table")]
    pub(crate) format: Format,
}

/// A number of threads.
fn threads(text: &str) -> Result<usize, String> {
    /// More than any machine has.
    const MOST: usize = 1 << 14;
    let expected = || format!("expected a whole number of threads from 1 to {MOST}");
    text.trim().parse().ok().filter(|threads| (1..=MOST).contains(threads)).ok_or_else(expected)
}
