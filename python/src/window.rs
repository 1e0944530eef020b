//! `balance_window` and the grid behind `phase_diagram`: where generalization and memorization hold together.

use caveat_figures::phase_figure::PhaseInputs;
use caveat_theory::phase::StrengthKind;
use caveat_theory::{PairClass, PhaseAxes, PhaseGrid as Grid, Training, balance_window as window, phase_grid as grid};
use numpy::{PyArray1, PyArray2};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use rayon::prelude::*;

use crate::arrays::{list_of_floats, matrix, vector};
use crate::errors::{bad, raise};
use crate::figure::Figure;
use crate::long;
use crate::task::TransitiveTask;

/// Where a task is both generalized and memorized, for one kind and strength of training.
///
/// All cross-section pairs are right for α from ``generalization_from`` up to ``conjunctivity_generalization``, and all pairs of the
/// exception's cycle for α above ``conjunctivity_memorization``.
#[pyclass(frozen, get_all, module = "caveat")]
#[derive(Debug, Clone)]
pub(crate) struct BalanceWindow {
    /// The smallest screening at which a cross-section pair fails; None if none ever does or no single screening exists.
    screening_star: Option<f64>,
    /// The α below which all cross-section pairs are right; 1 if they never fail, 0 or less if they fail already at α = 0.
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
///     Inverse regularization of ridge regression; infinite, for none, by default.
/// time : float, optional
///     Training time of gradient flow, in place of ``c``.
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
    task: &Bound<'_, PyAny>,
    c: Option<f64>,
    time: Option<f64>,
) -> PyResult<BalanceWindow> {
    let task = transitive("task", task)?;
    let training = training(c, time)?;
    let work = move || window(&task, training);
    let found = raise(long::run(py, "balance window", None, move |_| work())?)?;
    Ok(BalanceWindow {
        screening_star: found.screening_star,
        conjunctivity_generalization: found.conjunctivity_generalization,
        generalization_from: found.generalization_from,
        conjunctivity_memorization: found.conjunctivity_memorization,
        balances: found.balances,
        critical: found.critical,
    })
}

fn training(c: Option<f64>, time: Option<f64>) -> PyResult<Training> {
    match (c, time) {
        (Some(_), Some(_)) => Err(bad("time", "it takes the place of c: give one of the two")),
        (_, Some(time)) => Ok(Training::GradientFlow { time }),
        (c, None) => Ok(Training::Ridge { c: c.unwrap_or(f64::INFINITY) }),
    }
}

/// The argument `what`, a `TransitiveTask`.
pub(crate) fn transitive(what: &str, value: &Bound<'_, PyAny>) -> PyResult<caveat_theory::TransitiveTask> {
    match value.cast::<TransitiveTask>() {
        Ok(task) => Ok(task.get().task.clone()),
        Err(_) => {
            let got = value.get_type().name()?;
            Err(PyTypeError::new_err(format!("{what}: expected a TransitiveTask, got {got}")))
        }
    }
}

/// Conjunctivity and inverse strength.
type Axes<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>);

/// Accuracy of every pair class over conjunctivity and regularization.
#[pyclass(frozen, module = "caveat._lib")]
#[derive(Debug)]
pub(crate) struct PhaseGrid {
    task: caveat_theory::TransitiveTask,
    grid: Grid,
    /// One row-major grid per scored class.
    shares: Vec<Py<PyArray2<f64>>>,
}

#[pymethods]
impl PhaseGrid {
    /// Computes the grid in parallel: a row per value of ``inverse_strength``, a column per conjunctivity.
    #[new]
    #[pyo3(signature = (task, conjunctivity, inverse_strength, gradient_flow, progress))]
    fn new(
        py: Python<'_>,
        task: &Bound<'_, PyAny>,
        conjunctivity: &Bound<'_, PyAny>,
        inverse_strength: &Bound<'_, PyAny>,
        gradient_flow: bool,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let task = transitive("task", task)?;
        let axes = PhaseAxes {
            conjunctivity: list_of_floats("conjunctivity", conjunctivity)?,
            inverse_strength: list_of_floats(
                if gradient_flow { "inverse_time" } else { "inverse_c" },
                inverse_strength,
            )?,
            kind: if gradient_flow { StrengthKind::GradientFlow } else { StrengthKind::Ridge },
        };
        if axes.conjunctivity.is_empty() || axes.inverse_strength.is_empty() {
            return Err(bad("conjunctivity and regularization", "the grid has no cell; give at least one value each"));
        }
        let of = task.clone();
        let (grid, shares) = long::run(py, "phase diagram", progress, move |steps| {
            steps.expect(axes.conjunctivity.len() * axes.inverse_strength.len());
            grid(&of, &axes, &|done| steps.add(done)).map(|grid| {
                let shares: Vec<Vec<f64>> = PairClass::SCORED.into_par_iter().map(|class| grid.class(class)).collect();
                (grid, shares)
            })
        })
        .and_then(raise)?;
        let columns = grid.axes.conjunctivity.len();
        let shares: PyResult<_> = shares.into_iter().map(|s| Ok(matrix(py, s, columns)?.unbind())).collect();
        Ok(Self { task, grid, shares: shares? })
    }

    /// Accuracy by class name, arrays of shape (inverse strengths, conjunctivities).
    #[getter]
    fn accuracy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, pyo3::types::PyDict>> {
        let all = pyo3::types::PyDict::new(py);
        for (class, shares) in PairClass::SCORED.into_iter().zip(&self.shares) {
            all.set_item(class.name(), shares)?;
        }
        Ok(all)
    }

    /// The two axes: conjunctivity and inverse strength.
    #[getter]
    fn axes<'py>(&self, py: Python<'py>) -> Axes<'py> {
        let axes = &self.grid.axes;
        (vector(py, axes.conjunctivity.clone()), vector(py, axes.inverse_strength.clone()))
    }
}

/// Phase diagrams, a row per grid.
#[pyfunction]
pub(crate) fn phase_figure(py: Python<'_>, grids: Vec<Py<PhaseGrid>>) -> PyResult<Figure> {
    let rows: Vec<(caveat_theory::TransitiveTask, Grid)> =
        grids.iter().map(|grid| (grid.get().task.clone(), grid.get().grid.clone())).collect();
    let draw = move |_: &long::Steps| caveat_figures::phase_figure::draw(PhaseInputs { rows: &rows });
    Ok(Figure::new(raise(long::run(py, "figure", None, draw)?)?))
}

/// Values at the centers of ``n`` cells from ``low`` to ``high``, even in the logarithm if wanted: the axes of phase diagrams.
#[pyfunction]
pub(crate) fn phase_axes<'py>(
    py: Python<'py>,
    n_conjunctivity: usize,
    n_strength: usize,
    inverse: (f64, f64),
) -> PyResult<Axes<'py>> {
    let axes = raise(PhaseAxes::cell_centers(n_conjunctivity, n_strength, (0.0, 1.0), inverse))?;
    Ok((vector(py, axes.conjunctivity), vector(py, axes.inverse_strength)))
}
