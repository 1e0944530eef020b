//! `caveat results summary`: accuracy and margin by pair class and any columns.

use caveat_results::{Input, Selection, Table, summarize};

use super::reading::{finish, reading, tell_passed_over};
use crate::cli::SummaryArgs;
use crate::failure::Failure;
use crate::output::{check_separate, check_table_path};
use crate::tell::tell;
use crate::values::Filters;

pub(crate) fn run(args: &SummaryArgs) -> Result<(), Failure> {
    args.output.output.as_deref().map_or(Ok(()), check_table_path)?;
    check_separate(args.files.iter().map(Input::path), args.output.output.as_deref())?;
    tell_passed_over(&args.files);
    let (table, doubts) = table(args)?;
    doubts.iter().for_each(|doubt| tell(&format!("warning: {doubt}")));
    finish(&table, &args.output)
}

/// One row per group and class of pairs, and what speaks against what was taken for trained.
pub(crate) fn table(args: &SummaryArgs) -> Result<(Table, Vec<String>), Failure> {
    let selection = Selection::new(Filters::all(&args.filters), &args.by);
    let summary = reading(|progress| summarize(&args.files, &args.by, &selection, progress))?;
    Ok((summary.table()?, summary.doubts))
}
