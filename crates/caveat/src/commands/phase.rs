//! `caveat phase`: accuracy of every pair class over conjunctivity and regularization, as a table and a picture.

use caveat_figures::phase_figure::{self, PhaseInputs};
use caveat_results::{Format, Table};
use caveat_theory::phase::GRID_BYTES;
use caveat_theory::{LearnerKind, PairClass, PhaseAxes, PhaseGrid, TransitiveTask, phase_grid};

use super::both_orders;
use crate::cli::PhaseArgs;
use crate::failure::Failure;
use crate::output::{check_picture_path, check_table_path, print_table, write_figure};
use crate::progress;

pub(crate) fn run(args: &PhaseArgs) -> Result<(), Failure> {
    if let Some(path) = &args.output.output {
        check_table_path(path)?;
    }
    if let Some(path) = &args.figure {
        check_picture_path(path)?;
    }
    check_strengths(args)?;
    let task = both_orders(&args.task)?;
    let (alpha, inverse) = ((args.conjunctivity[0], args.conjunctivity[1]), (args.inverse_c[0], args.inverse_c[1]));
    let mut axes = PhaseAxes::cell_centers(args.grid.0, args.grid.1, alpha, inverse)?;
    if args.gradient_flow {
        axes.learner = LearnerKind::GradientFlow;
    }
    axes.check_memory(bytes_per_cell(args))?;
    let grid = with_progress(&task, &axes, "phase grid")?;
    if let Some(path) = &args.figure {
        write_figure(path, &phase_figure::draw(PhaseInputs { rows: &[(task.clone(), grid.clone())] })?)?;
    }
    match (&args.output.output, &args.figure) {
        (Some(path), _) => Ok(table(&grid)?.write(path)?),
        // A table of the whole grid on the terminal helps nobody who asked for the picture.
        (None, Some(_)) if args.output.format == Format::Table => Ok(()),
        (None, _) => print_table(&table(&grid)?, args.output.format),
    }
}

/// Beyond these, pictures and sums of 1/C run out of double precision.
const STRENGTHS: std::ops::RangeInclusive<f64> = 1e-100..=1e100;

/// Refuses a range of the second axis that is none, before anything is computed of it.
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

/// What a cell of the grid takes, of everything that is made of it.
fn bytes_per_cell(args: &PhaseArgs) -> f64 {
    // A second grid and the boundaries in it.
    let picture = if args.figure.is_some() { 120.0 } else { 0.0 };
    // Eight columns, and again as they are written.
    let table = match (&args.output.output, &args.figure) {
        (None, Some(_)) if args.output.format == Format::Table => 0.0,
        _ => 200.0,
    };
    GRID_BYTES + table + picture
}

/// Computes a grid behind a progress bar.
pub(crate) fn with_progress(task: &TransitiveTask, axes: &PhaseAxes, what: &str) -> Result<PhaseGrid, Failure> {
    let total = axes.conjunctivity.len() * axes.inverse_strength.len();
    let bar = progress::bar(total as u64, what);
    let grid = phase_grid(task, axes, &|done| bar.inc(done as u64));
    bar.finish_and_clear();
    Ok(grid?)
}

/// One row per cell.
pub(crate) fn table(grid: &PhaseGrid) -> Result<Table, Failure> {
    let PhaseAxes { conjunctivity, inverse_strength, learner } = &grid.axes;
    let (inverse_name, name) = match learner {
        LearnerKind::Ridge | LearnerKind::Logistic => ("inverse_c", "c"),
        LearnerKind::GradientFlow => ("inverse_time", "time"),
    };
    let width = conjunctivity.len();
    let cells = 0..grid.n_cells();
    let mut table = Table::new()
        .float("conjunctivity", cells.clone().map(|k| conjunctivity[k % width]))?
        .float(inverse_name, cells.clone().map(|k| inverse_strength[k / width]))?
        .float(name, cells.map(|k| 1.0 / inverse_strength[k / width]))?;
    for class in PairClass::SCORED {
        table = table.float(class.name(), grid.class(class).iter().copied())?;
    }
    Ok(table)
}
