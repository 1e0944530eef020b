//! `caveat results summary`: accuracy and margin by pair class and any columns.

use caveat_analysis::summarize;
use caveat_results::Input;

use super::reading::{finish, tell_passed_over};
use crate::cli::SummaryArgs;
use crate::failure::Failure;
use crate::output::{check_separate, check_table_path};
use crate::progress::Bars;
use crate::tell::warn;
use crate::values::Filters;

pub(crate) fn run(args: &SummaryArgs) -> Result<(), Failure> {
    args.output.output.as_deref().map_or(Ok(()), check_table_path)?;
    check_separate(args.files.iter().map(Input::path), args.output.output.as_deref())?;
    tell_passed_over(&args.files);
    let (table, doubts) = summarize(&args.files, &args.by, Filters::all(&args.filters), &Bars)?;
    doubts.iter().for_each(|doubt| warn(doubt));
    finish(&table, &args.output)
}
