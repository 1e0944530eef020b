//! `balance_window` and the grid of `phase_diagram`: where a task is both generalized and memorized.

use caveat_theory::phase::GRID_BYTES;
use caveat_theory::{
    Learner, LearnerKind, PairClass, PhaseAxes, TransitiveTask as Task, balance_window as window, phase_grid as grid,
};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBool, PyDict};
use serde::{Deserialize, Serialize};

use crate::arguments as arg;
use crate::arrays::{list_of_floats, matrix};
use crate::errors::{bad, raise};
use crate::figure::Figure;
use crate::long;

/// Where a task is both generalized and memorized, for one kind and strength of training.
///
/// All cross-section pairs are right for α from ``generalization_from`` up to ``conjunctivity_generalization``, and all pairs of the
/// exception's cycle for α above ``conjunctivity_memorization``.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> caveat.balance_window(caveat.TransitiveTask(9, [(5, 3)]), c=2.0).balances
/// False
#[pyclass(frozen, get_all, module = "caveat")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BalanceWindow {
    /// The smallest screening at which a cross-section pair fails; None if none ever does or no single screening exists.
    screening_star: Option<f64>,
    /// The α below which all cross-section pairs are right; 1 if they never fail, 0 or less if they fail even at α = 0.
    conjunctivity_generalization: f64,
    /// The α up to which some cross-section pair fails first; above 0 only with reversed premises among several exceptions.
    generalization_from: f64,
    /// The α above which the exception and what it contradicts are remembered.
    conjunctivity_memorization: f64,
    /// Whether some α does both.
    balances: bool,
    /// The C or time at which the window closes; None if cross-section pairs never fail.
    critical: Option<f64>,
}

#[pymethods]
impl BalanceWindow {
    fn __repr__(&self) -> String {
        let optional = |x: Option<f64>| x.map_or("None".into(), |x| format!("{x:.6}"));
        format!(
            "BalanceWindow(conjunctivity_memorization={:.6}, conjunctivity_generalization={:.6}, generalization_from={:.6}, \
             balances={}, screening_star={}, critical={})",
            self.conjunctivity_memorization,
            self.conjunctivity_generalization,
            self.generalization_from,
            if self.balances { "True" } else { "False" },
            optional(self.screening_star),
            optional(self.critical)
        )
    }
}

/// Computes where generalization and memorization hold together, and the strength of training at which that ends.
///
/// Parameters
/// ----------
/// task : TransitiveTask
///     With at least one exception for the window to mean something.
/// c : float
///     Inverse regularization of ridge regression; infinite by default, for no ridge.
/// time : float, optional
///     Training time of gradient flow, instead of ``c``.
///
/// Returns
/// -------
/// BalanceWindow
///
/// Examples
/// --------
/// >>> import caveat
/// >>> window = caveat.balance_window(caveat.TransitiveTask(9, [(5, 3)]))
/// >>> round(window.screening_star, 12), round(window.conjunctivity_generalization, 12)
/// (1.0, 0.333333333333)
#[pyfunction]
#[pyo3(signature = (task, *, c = None, time = None))]
pub(crate) fn balance_window(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::task)] task: Task,
    #[pyo3(from_py_with = arg::c)] c: Option<f64>,
    #[pyo3(from_py_with = arg::time)] time: Option<f64>,
) -> PyResult<BalanceWindow> {
    let training = learner(c, time)?;
    // One exception has closed forms; several need hundreds of margins of all pairs, gradient flow and weights need solutions.
    let most = if task.exceptions().len() <= 1 { 10_000 } else { 24 };
    let is_short = time.is_none() && task.weights().is_empty() && task.n_items() <= most;
    let found = long::run_unless(py, is_short, "balance window", move || window(&task, training))?;
    Ok(BalanceWindow {
        screening_star: found.screening_star,
        conjunctivity_generalization: found.conjunctivity_generalization,
        generalization_from: found.generalization_from,
        conjunctivity_memorization: found.conjunctivity_memorization,
        balances: found.balances,
        critical: found.critical,
    })
}

fn learner(c: Option<f64>, time: Option<f64>) -> PyResult<Learner> {
    match (c, time) {
        (Some(_), Some(_)) => Err(bad("time", "it takes the place of c: give one of the two")),
        (_, Some(time)) => Ok(Learner::GradientFlow { time }),
        (c, None) => Ok(Learner::Ridge { c: c.unwrap_or(f64::INFINITY) }),
    }
}

/// Conjunctivity and inverse strength.
type Axes<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>);

/// The axes of a grid, with at least one cell.
fn axes(
    conjunctivity: &Bound<'_, PyAny>,
    inverse_strength: &Bound<'_, PyAny>,
    gradient_flow: bool,
) -> PyResult<PhaseAxes> {
    let name = if gradient_flow { "inverse_time" } else { "inverse_c" };
    let axes = PhaseAxes {
        conjunctivity: list_of_floats("conjunctivity", conjunctivity)?,
        inverse_strength: list_of_floats(name, inverse_strength)?,
        learner: if gradient_flow { LearnerKind::GradientFlow } else { LearnerKind::Ridge },
    };
    if axes.conjunctivity.is_empty() || axes.inverse_strength.is_empty() {
        return Err(bad("conjunctivity and regularization", "the grid has no cell; give at least one value each"));
    }
    Ok(axes)
}

/// Accuracy by class name, arrays of shape (inverse strengths, conjunctivities), computed in parallel.
#[pyfunction]
pub(crate) fn phase_grid<'py>(
    py: Python<'py>,
    #[pyo3(from_py_with = arg::task)] task: Task,
    conjunctivity: &Bound<'py, PyAny>,
    inverse_strength: &Bound<'py, PyAny>,
    gradient_flow: bool,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let axes = axes(conjunctivity, inverse_strength, gradient_flow)?;
    raise(axes.check_memory(GRID_BYTES))?;
    let (columns, cells) = (axes.conjunctivity.len(), axes.conjunctivity.len() * axes.inverse_strength.len());
    let is_flag = progress.is_none_or(|progress| progress.is_instance_of::<PyBool>());
    let is_short = !gradient_flow && cells <= 1_000 && task.n_items() <= 24 && is_flag;
    let compute = move |steps: &long::Steps| {
        steps.expect(cells);
        grid(&task, &axes, &|done| steps.add(done))
    };
    let computed = match is_short {
        true => long::run_here(py, "phase diagram", || compute(&long::Steps::default()))?,
        false => long::run(py, "phase diagram", progress, compute)?,
    };
    let classes = PairClass::SCORED.into_iter().zip(computed.into_classes());
    let shares = classes.map(|(class, shares)| Ok((class.name(), matrix(py, shares, columns)?)));
    shares.collect::<PyResult<Vec<_>>>()?.into_py_dict(py)
}

/// Phase diagrams of tasks, a row each.
#[pyfunction]
pub(crate) fn phase_figure(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::tasks)] tasks: Vec<Task>,
    conjunctivity: &Bound<'_, PyAny>,
    inverse_strength: &Bound<'_, PyAny>,
    gradient_flow: bool,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Figure> {
    let axes = axes(conjunctivity, inverse_strength, gradient_flow)?;
    raise(axes.check_memory(4.0 * GRID_BYTES * tasks.len() as f64))?;
    let drawn = long::run(py, "phase diagram", progress, move |steps| -> caveat_figures::Result<_> {
        steps.expect(tasks.len() * axes.conjunctivity.len() * axes.inverse_strength.len());
        let row = |task: Task| grid(&task, &axes, &|done| steps.add(done)).map(|grid| (task, grid));
        let rows = tasks.into_iter().map(row).collect::<caveat_theory::Result<Vec<_>>>()?;
        caveat_figures::phase_figure::draw(&rows)
    })?;
    Ok(Figure::new(drawn))
}

/// The centers of ``cells`` cells on both axes of a phase diagram: even in conjunctivity and in the logarithm of inverse strength.
#[pyfunction]
pub(crate) fn phase_axes<'py>(
    py: Python<'py>,
    #[pyo3(from_py_with = arg::cells)] cells: usize,
    inverse: (f64, f64),
) -> PyResult<Axes<'py>> {
    let axes = raise(PhaseAxes::cell_centers(cells, cells, (0.0, 1.0), inverse))?;
    Ok((PyArray1::from_vec(py, axes.conjunctivity), PyArray1::from_vec(py, axes.inverse_strength)))
}
