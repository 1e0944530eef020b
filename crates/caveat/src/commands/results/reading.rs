//! Trial tables in and tables out, as every subcommand of `caveat results` has them.

use caveat_results::{Input, Table, tables_passed_over};

use crate::cli::OutputSpec;
use crate::failure::Failure;
use crate::output::print_table;
use crate::tell::tell;

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
