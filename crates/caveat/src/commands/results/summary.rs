//! `caveat results summary`: accuracy and margin by pair class and any columns.

use caveat_results::{Selection, summarize};

use super::{finish, reading};
use crate::cli::SummaryArgs;
use crate::failure::Failure;
use crate::output::check_table_path;

pub(crate) fn run(args: &SummaryArgs) -> Result<(), Failure> {
    args.output.output.as_deref().map_or(Ok(()), check_table_path)?;
    let selection = Selection::new(args.filters.clone(), &args.by);
    let summary = reading(|progress| summarize(&args.files, &args.by, &selection, progress))?;
    finish(&summary.table()?, &args.output)
}
