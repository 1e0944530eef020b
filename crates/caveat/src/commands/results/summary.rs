//! `caveat results summary`: accuracy and margin by pair class and any columns.

use caveat_analysis::summarize;
use caveat_results::Input;

use crate::cli::SummaryArgs;
use crate::failure::Failure;
use crate::progress::Bars;
use crate::tell::{tell_passed_over, warn};

pub(crate) fn run(args: &SummaryArgs) -> Result<(), Failure> {
    args.output.check(args.files.iter().map(Input::path), &[], &[])?;
    tell_passed_over(&args.files);
    let (table, doubts) = summarize(&args.files, &args.by, args.filters.concat(), &Bars)?;
    doubts.iter().for_each(|doubt| warn(doubt));
    args.output.give(&table)
}
