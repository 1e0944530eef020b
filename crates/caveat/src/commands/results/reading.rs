//! Trial tables in and tables out, as every subcommand of `caveat results` has them.

use caveat_results::{Input, Progress, Table, tables_passed_over};

use crate::cli::OutputSpec;
use crate::failure::Failure;
use crate::output::print_table;
use crate::progress;
use crate::tell::tell;

/// Reads trial tables behind a progress bar.
pub(crate) fn reading<T>(read: impl FnOnce(Progress<'_>) -> caveat_results::Result<T>) -> Result<T, Failure> {
    let bar = progress::bar(1, "reading trial tables");
    let outcome = read(&|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    Ok(outcome?)
}

/// Says which tables under directories are not read.
pub(crate) fn tell_passed_over(files: &[Input]) {
    tables_passed_over(files).iter().for_each(|note| tell(note));
}

/// Writes a table to the file asked for, or prints it.
pub(super) fn finish(table: &Table, output: &OutputSpec) -> Result<(), Failure> {
    match &output.output {
        Some(path) => Ok(table.write(path)?),
        None => print_table(table, output.format),
    }
}
