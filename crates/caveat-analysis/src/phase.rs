//! `phase`: accuracy of every pair class over conjunctivity and regularization, and its table.

use caveat_results::Table;
use caveat_theory::{LearnerKind, PairClass, PhaseAxes, PhaseGrid, TransitiveTask, phase_grid};

use crate::error::Result;
use crate::watch::Watch;

/// Computes a grid.
///
/// # Errors
/// Those of [`phase_grid`].
pub fn phase(task: &TransitiveTask, axes: &PhaseAxes, watch: &dyn Watch) -> Result<PhaseGrid> {
    let total = axes.conjunctivity.len() * axes.inverse_strength.len();
    let work = watch.begin(total as u64, "phase grid");
    Ok(phase_grid(task, axes, &|done| work.advance(done as u64))?)
}

/// One row per cell: conjunctivity, regularization and its inverse, and the accuracy of every class.
///
/// # Errors
/// None in practice; those of [`Table`].
pub fn phase_table(grid: &PhaseGrid) -> Result<Table> {
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
