//! `caveat lm geometry`: what many runs have kept of their hidden states, as one table.

use caveat_lm::Geometries;
use caveat_results::Format;

use crate::cli::GeometryArgs;
use crate::failure::Failure;
use crate::output::{check_table_path, print_table};

pub(crate) fn run(args: &GeometryArgs) -> Result<(), Failure> {
    args.output.output.as_deref().map_or(Ok(()), check_table_path)?;
    let geometries = Geometries::read(&args.runs)?;
    match (&args.output.output, args.output.format) {
        (Some(path), _) => Ok(geometries.table()?.write(path)?),
        (None, Format::Table) => print_table(&geometries.means()?, Format::Table),
        (None, format) => print_table(&geometries.table()?, format),
    }
}
