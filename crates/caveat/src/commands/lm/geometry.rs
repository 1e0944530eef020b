//! `caveat lm geometry`: the hidden-state geometry of many runs as one table and a figure.

use std::path::PathBuf;

use caveat_figures::language_models::hidden_states;
use caveat_results::{Format, Geometries};

use crate::cli::GeometryArgs;
use crate::failure::Failure;
use crate::output::{check_picture_path, check_separate, check_table_path, print_table, write_figure};

pub(crate) fn run(args: &GeometryArgs) -> Result<(), Failure> {
    args.output.output.as_deref().map_or(Ok(()), check_table_path)?;
    args.figure.as_deref().map_or(Ok(()), check_picture_path)?;
    let written = args.output.output.iter().chain(&args.figure).map(PathBuf::as_path);
    check_separate(args.runs.iter().map(PathBuf::as_path), written)?;
    let geometries = Geometries::read(&args.runs)?;
    if let Some(path) = &args.figure {
        write_figure(path, &hidden_states::draw(geometries.rows())?)?;
    }
    match (&args.output.output, args.output.format) {
        (Some(path), _) => Ok(geometries.table()?.write(path)?),
        (None, Format::Table) => print_table(&geometries.means()?, Format::Table),
        (None, format) => print_table(&geometries.table()?, format),
    }
}
