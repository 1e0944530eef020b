//! `caveat results matrix`: how often each item is placed above each other.

use std::path::PathBuf;

use caveat_analysis::{placement_table, placements};
use caveat_figures::language_models::placements as placements_figure;
use caveat_results::{Format, Input};

use super::reading::{finish, tell_passed_over};
use crate::cli::MatrixArgs;
use crate::failure::Failure;
use crate::output::{check_picture_path, check_separate, check_table_path, write_figure};
use crate::progress::Bars;
use crate::tell::{tell, warn};
use crate::values::Filters;

pub(crate) fn run(args: &MatrixArgs) -> Result<(), Failure> {
    args.output.output.as_deref().map_or(Ok(()), check_table_path)?;
    args.figure.as_deref().map_or(Ok(()), check_picture_path)?;
    let written = args.output.output.iter().chain(&args.figure).map(PathBuf::as_path);
    check_separate(args.files.iter().map(Input::path), written)?;
    tell_passed_over(&args.files);
    let (pairs, doubts) = placements(&args.files, Filters::all(&args.filters), &Bars)?;
    doubts.iter().for_each(|doubt| warn(doubt));
    if let Some(path) = &args.figure {
        let all: Vec<usize> = (0..pairs.conditions.len()).collect();
        write_figure(path, &placements_figure::draw(&pairs, &all)?)?;
        tell(&path.display().to_string());
        // The picture alone, unless the numbers are asked for too.
        if args.output.output.is_none() && args.output.format == Format::Table {
            return Ok(());
        }
    }
    finish(&placement_table(&pairs)?, &args.output)
}
