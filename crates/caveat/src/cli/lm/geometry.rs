//! The options of `caveat lm geometry`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::OutputSpec;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat lm geometry runs/
  caveat lm geometry runs/ -o geometry.parquet --figure geometry.svg
  caveat lm geometry runs/ --format json > geometry.json, and later caveat lm geometry geometry.json

A terminal shows means over seeds and orders, with the number of runs n. Files, CSV and JSON have one row per run.

Columns: what was run; phase (pre or post training); kernel (cosine or dot: similarities of hidden states; fitted: the theory \
fitted to margins alone); conjunctivity; variance and antisymmetric (shares of the kernel that its exchangeable projection \
explains); c, r_squared and correlation of the margins that the projection predicts; r_squared_measured and correlation_measured \
of those that the kernel itself predicts.")]
pub(crate) struct GeometryArgs {
    /// Folders of runs that saved their similarities, or tables that this command wrote with --format json
    #[arg(required = true, value_name = "DIR")]
    pub(crate) runs: Vec<PathBuf>,
    /// Also draw α and the R² of predicted margins: .svg, .pdf or .png
    #[arg(long, value_name = "FILE")]
    pub(crate) figure: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}
