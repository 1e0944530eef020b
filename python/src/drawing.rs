//! Figures that need no files: tasks, margins, mechanism, window and conjunctivity.

use caveat_figures::margins_figure::MarginsInputs;
use caveat_figures::window_figure::WindowInputs;
use caveat_theory::{Activation, TransitiveTask as Task};
use pyo3::prelude::*;

use crate::arguments as arg;
use crate::arrays::list_of_floats;
use crate::errors::{bad, raise};
use crate::figure::Figure;
use crate::kernel::ExchangeableKernel;
use crate::long;

fn draw(
    py: Python<'_>,
    work: impl FnOnce() -> caveat_figures::Result<caveat_figures::Figure> + Send + 'static,
) -> PyResult<Figure> {
    Ok(Figure::new(long::run(py, "figure", None, move |_| work())?))
}

/// The pair classes of a task.
#[pyfunction]
pub(crate) fn task_figure(py: Python<'_>, #[pyo3(from_py_with = arg::task)] task: Task) -> PyResult<Figure> {
    Ok(Figure::new(raise(py.detach(|| caveat_figures::task_figure::draw(&task)))?))
}

/// Margins over conjunctivity.
#[pyfunction]
pub(crate) fn margins_figure(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::task)] task: Task,
    #[pyo3(from_py_with = arg::c)] c: f64,
    conjunctivities: Option<&Bound<'_, PyAny>>,
) -> PyResult<Figure> {
    let mut inputs = MarginsInputs {
        n_items: task.n_items(),
        exceptions: task.exceptions().iter().map(|e| (e.winner, e.loser)).collect(),
        c,
        ..MarginsInputs::default()
    };
    if let Some(conjunctivities) = conjunctivities {
        inputs.conjunctivities = list_of_floats("conjunctivities", conjunctivities)?;
    }
    draw(py, move || caveat_figures::margins_figure::draw(&inputs))
}

/// Chain field, exception field and their sum.
#[pyfunction]
pub(crate) fn mechanism_figure(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::task)] task: Task,
    screenings: &Bound<'_, PyAny>,
) -> PyResult<Figure> {
    let screenings = list_of_floats("screenings", screenings)?;
    draw(py, move || caveat_figures::mechanism_figure::draw(&task, &screenings))
}

/// The balance window over items, position and cycle length.
#[pyfunction]
pub(crate) fn window_figure(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::n_items)] n_items: Vec<usize>,
    #[pyo3(from_py_with = arg::cycle_lengths)] cycle_lengths: Vec<usize>,
    #[pyo3(from_py_with = arg::n_items_moved)] n_items_moved: usize,
) -> PyResult<Figure> {
    let inputs = WindowInputs { n_items, cycle_lengths, n_items_moved };
    draw(py, move || caveat_figures::window_figure::draw(&inputs))
}

/// Conjunctivity by depth of networks, and of random ones where kernels of random features are given.
#[pyfunction]
pub(crate) fn conjunctivity_figure(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::activations)] activations: Vec<String>,
    #[pyo3(from_py_with = arg::max_depth)] max_depth: usize,
    #[pyo3(from_py_with = arg::random_features)] random_features: Vec<Bound<'_, PyAny>>,
) -> PyResult<Figure> {
    let activations = activations.iter().map(|a| raise(a.parse())).collect::<PyResult<Vec<Activation>>>()?;
    let estimates = random_features.iter().enumerate().map(|(at, kernel)| {
        let kernel = kernel.cast::<ExchangeableKernel>().ok().and_then(|kernel| kernel.get().estimate().cloned());
        kernel.ok_or_else(|| {
            bad(format_args!("random_features[{at}]"), "expected a kernel of ExchangeableKernel.random_features")
        })
    });
    let estimates = estimates.collect::<PyResult<Vec<_>>>()?;
    draw(py, move || caveat_figures::conjunctivity_figure::draw(&activations, max_depth, &estimates))
}
