//! The options of `caveat results`: what there is to do with trial tables as they are.

mod check;
mod convert;
mod matrix;
mod summary;

use clap::Subcommand;

pub(crate) use check::CheckArgs;
pub(crate) use convert::ConvertArgs;
pub(crate) use matrix::MatrixArgs;
pub(crate) use summary::SummaryArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum ResultsCommand {
    /// Find everything that is wrong with trial tables, by file and row
    Check(CheckArgs),
    /// Accuracy by pair class and any columns, with Wilson intervals
    Summary(SummaryArgs),
    /// Convert between Parquet and CSV, or collect a folder of runs in one trial table
    Convert(ConvertArgs),
    /// How often each item is placed above each other, as table and heatmap
    Matrix(MatrixArgs),
}
