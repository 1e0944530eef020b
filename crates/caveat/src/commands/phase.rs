//! `caveat phase`: accuracy of every pair class over conjunctivity and regularization, as a table and a picture.

use caveat_analysis::{phase, phase_table};
use caveat_figures::phase_figure;
use caveat_theory::phase::GRID_BYTES;
use caveat_theory::{LearnerKind, PhaseAxes};

use super::both_orders;
use crate::cli::PhaseArgs;
use crate::failure::Failure;
use crate::output::write_figure;
use crate::progress::Bars;

pub(crate) fn run(args: &PhaseArgs) -> Result<(), Failure> {
    args.output.check([], &[], &[&args.figure])?;
    check_strengths(args)?;
    let task = both_orders(&args.task)?;
    let (alpha, inverse) = ((args.conjunctivity[0], args.conjunctivity[1]), (args.inverse_c[0], args.inverse_c[1]));
    let mut axes = PhaseAxes::cell_centers(args.grid.0, args.grid.1, alpha, inverse)?;
    if args.gradient_flow {
        axes.learner = LearnerKind::GradientFlow;
    }
    axes.check_memory(bytes_per_cell(args))?;
    let grid = phase(&task, &axes, &Bars)?;
    if let Some(path) = &args.figure {
        write_figure(path, &phase_figure::draw(&[(task.clone(), grid.clone())])?)?;
    }
    // Whoever asks for the picture does not want the table of the whole grid on the terminal.
    if is_picture_alone(args) { Ok(()) } else { args.output.give(&phase_table(&grid)?) }
}

/// Whether the table is neither written nor printed.
fn is_picture_alone(args: &PhaseArgs) -> bool {
    args.figure.is_some() && args.output.is_for_reading()
}

/// Outside this range, pictures and sums of 1/C exceed double precision.
const STRENGTHS: std::ops::RangeInclusive<f64> = 1e-100..=1e100;

/// Refuses an impossible range of the second axis, before anything is computed.
fn check_strengths(args: &PhaseArgs) -> Result<(), Failure> {
    let (low, high) = (args.inverse_c[0], args.inverse_c[1]);
    if STRENGTHS.contains(&low) && STRENGTHS.contains(&high) && low <= high {
        return Ok(());
    }
    let (least, most) = (STRENGTHS.start(), STRENGTHS.end());
    Err(Failure::input(format!(
        "--inverse-c {low:e} {high:e}: expected the lower and the upper end of a range within {least:e} to {most:e}"
    )))
}

/// Memory for a cell of the grid, in bytes, with everything that is made from it.
fn bytes_per_cell(args: &PhaseArgs) -> f64 {
    // A second grid and the boundaries.
    let picture = if args.figure.is_some() { 120.0 } else { 0.0 };
    // Eight columns, and the same again as text.
    let table = if is_picture_alone(args) { 0.0 } else { 200.0 };
    GRID_BYTES + table + picture
}
