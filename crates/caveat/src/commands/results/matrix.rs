//! `caveat results matrix`: how often each item is placed above each other.

use caveat_analysis::{placement_table, placements};
use caveat_figures::language_models::placements as placements_figure;
use caveat_results::Input;

use crate::cli::MatrixArgs;
use crate::failure::Failure;
use crate::output::write_figure;
use crate::progress::Bars;
use crate::tell::{tell, tell_passed_over, warn};

pub(crate) fn run(args: &MatrixArgs) -> Result<(), Failure> {
    args.output.check(args.files.iter().map(Input::path), &[], &[&args.figure])?;
    tell_passed_over(&args.files);
    let (pairs, doubts) = placements(&args.files, args.filters.concat(), &Bars)?;
    doubts.iter().for_each(|doubt| warn(doubt));
    if let Some(path) = &args.figure {
        let all: Vec<usize> = (0..pairs.conditions.len()).collect();
        write_figure(path, &placements_figure::draw(&pairs, &all)?)?;
        tell(&path.display().to_string());
        // Only the picture, unless the numbers are asked for too.
        if args.output.is_for_reading() {
            return Ok(());
        }
    }
    args.output.give(&placement_table(&pairs)?)
}
