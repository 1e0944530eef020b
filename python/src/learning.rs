//! `solve`, `gradient_flow` and `logistic`: train a learner on a task or graph.

use caveat_theory::{
    ExchangeableKernel as Orbits, Learner, MeasuredKernel, PresentationOrder, Result, Route, Solution as Solved,
    solve as solve_kernel,
};
use pyo3::prelude::*;

use crate::arguments as arg;
use crate::errors::{bad, raise};
use crate::kernel::{ExchangeableKernel, Kernel, in_order};
use crate::long;
use crate::solution::{Asked, LogisticSolution, SMALL, Solution};
use crate::trained::Trained;

/// Trains a learner on an exchangeable kernel.
fn learn(
    py: Python<'_>,
    what: &'static str,
    trained: &Trained,
    kernel: Orbits,
    learner: Learner,
    route: Option<Route>,
) -> PyResult<Solved> {
    let (trained, size) = (trained.clone(), trained.graph().n_items() + trained.graph().edges().len());
    let work = move || solve_kernel(trained.borrow(), &kernel, learner, route);
    long::run_unless(py, size <= SMALL, what, work)
}

/// Ridge regression on a task or graph: ranks, margins and accuracy, exactly.
///
/// Parameters
/// ----------
/// task : TransitiveTask or ComparisonGraph
///     What is trained.
/// kernel : ExchangeableKernel or array of shape (P, P)
///     How pairs are represented. A matrix over the ordered pairs is used as it is, in lexicographic order or in the order that a
///     frame's row or column names say.
/// c : float
///     Inverse regularization, 1/ridge on the kernel's own scale; infinite by default, for no ridge.
/// route : {"chain", "graph", "asymmetric", "dense"}, optional
///     The route to take, instead of the fastest that applies.
///
/// Returns
/// -------
/// Solution
///
/// Raises
/// ------
/// ValueError
///     A parameter out of range, an indefinite kernel, or a route that does not apply.
/// RuntimeError
///     A solver that did not reach its tolerance.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> task = caveat.TransitiveTask(9, exceptions=[(5, 3)])
/// >>> solution = caveat.solve(task, caveat.ExchangeableKernel(0.2), c=10.0)
/// >>> solution.accuracy()["cross_section"]
/// 1.0
/// >>> solution.route
/// 'chain'
#[pyfunction]
#[pyo3(signature = (task, kernel, *, c = f64::INFINITY, route = None))]
pub(crate) fn solve(
    py: Python<'_>,
    task: &Bound<'_, PyAny>,
    kernel: &Bound<'_, PyAny>,
    #[pyo3(from_py_with = arg::c)] c: f64,
    #[pyo3(from_py_with = arg::route)] route: Option<&str>,
) -> PyResult<Solution> {
    let asked = Asked::new(task, kernel, route)?;
    let route: Option<Route> = raise(route.map(str::parse).transpose())?;
    let (solved, conjunctivity) = match Kernel::parse("kernel", &in_order("kernel", kernel, Some(&asked.items))?)? {
        Kernel::Exchangeable(ExchangeableKernel { kernel, .. }) => {
            // On a given kernel C is 1/ridge; its antisymmetric part is normalized by κ_id − κ_flip.
            let learner = Learner::Ridge { c: c * kernel.scale() };
            (learn(py, "ridge regression", &asked.trained, kernel, learner, route)?, kernel.conjunctivity())
        }
        Kernel::Matrix(entries) => {
            if !matches!(route, None | Some(Route::Dense)) {
                return Err(bad(
                    "route",
                    "a kernel matrix is solved on the dense route only; ExchangeableKernel.from_matrix lifts that",
                ));
            }
            let trained = asked.trained.clone();
            // The cost is the cube of the number of trials.
            let is_short = trained.graph().edges().len() <= 128 && entries.len() <= 1_000_000;
            let work = move || -> Result<_> {
                let matrix = caveat_theory::Kernel::Matrix(&entries);
                let solved = solve_kernel(trained.borrow(), matrix, Learner::Ridge { c }, None)?;
                Ok((solved, MeasuredKernel::project(trained.graph().n_items(), &entries)?.conjunctivity))
            };
            long::run_unless(py, is_short, "ridge regression", work)?
        }
    };
    Solution::new(py, solved, conjunctivity, c, asked)
}

/// The kernel of a learner that needs both positions to act alike.
fn parse_symmetric(what: &str, kernel: &Bound<'_, PyAny>) -> PyResult<Orbits> {
    match Kernel::parse("kernel", kernel)? {
        Kernel::Exchangeable(ExchangeableKernel { kernel, .. }) if kernel.is_position_symmetric() => Ok(kernel),
        Kernel::Exchangeable(_) => Err(bad(
            "kernel",
            format_args!(
                "{what} needs a position-symmetric kernel (same first = same second); kernel.symmetrized() is one"
            ),
        )),
        Kernel::Matrix(_) => Err(bad(
            "kernel",
            format_args!(
                "{what} takes no matrix over ordered pairs; ExchangeableKernel.from_matrix makes a kernel of it"
            ),
        )),
    }
}

/// Gradient flow from zero under squared loss, for a time instead of a ridge.
///
/// Parameters
/// ----------
/// task : TransitiveTask or ComparisonGraph
///     What is trained.
/// kernel : ExchangeableKernel
///     How pairs are represented; it must treat both positions alike.
/// time : float
///     Training time for the kernel normalized to κ_id − κ_flip = 1, at least 0; infinite for the end of training. Gradient descent
///     with learning rate η on half the summed squared error of all ordered trials reaches the time (κ_id − κ_flip)·η·steps.
///
/// Returns
/// -------
/// Solution
///
/// Examples
/// --------
/// >>> import caveat
/// >>> task, kernel = caveat.TransitiveTask(9, [(5, 3)]), caveat.ExchangeableKernel(0.2)
/// >>> early, late = (caveat.gradient_flow(task, kernel, time=t) for t in (0.5, 50.0))
/// >>> early.margin(5, 3) < late.margin(5, 3)  # the exception is memorized with time
/// True
#[pyfunction]
#[pyo3(signature = (task, kernel, *, time))]
pub(crate) fn gradient_flow(
    py: Python<'_>,
    task: &Bound<'_, PyAny>,
    kernel: &Bound<'_, PyAny>,
    #[pyo3(from_py_with = arg::time)] time: f64,
) -> PyResult<Solution> {
    let asked = Asked::new(task, kernel, None)?;
    let kernel = parse_symmetric("gradient flow", kernel)?;
    let solved = learn(py, "gradient flow", &asked.trained, kernel, Learner::GradientFlow { time }, None)?;
    Solution::new(py, solved, kernel.conjunctivity(), time, asked)
}

/// Kernel logistic regression on a task or graph; with conjunctivity 0 and no regularization, the Bradley–Terry model.
///
/// Parameters
/// ----------
/// task : TransitiveTask or ComparisonGraph
///     What is trained, in both presentation orders.
/// kernel : ExchangeableKernel
///     How pairs are represented; it must treat both positions alike.
/// c : float
///     Inverse regularization on the kernel's own scale. Infinity, the default, needs a maximum of the likelihood to exist.
///
/// Returns
/// -------
/// LogisticSolution
///
/// Examples
/// --------
/// >>> import caveat
/// >>> task = caveat.TransitiveTask(9, [(5, 3)])
/// >>> solution = caveat.logistic(task, caveat.ExchangeableKernel(0.2), c=10.0)
/// >>> solution.probability(0, 8) > solution.probability(0, 5) > 0.5
/// True
#[pyfunction]
#[pyo3(signature = (task, kernel, *, c = f64::INFINITY))]
pub(crate) fn logistic<'py>(
    py: Python<'py>,
    task: &Bound<'py, PyAny>,
    kernel: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = arg::c)] c: f64,
) -> PyResult<Bound<'py, LogisticSolution>> {
    let asked = Asked::new(task, kernel, None)?;
    let kernel = parse_symmetric("logistic regression", kernel)?;
    if asked.trained.graph().order() != PresentationOrder::Both {
        return Err(bad("task", "logistic regression needs both presentation orders"));
    }
    let learner = Learner::Logistic { c: c * kernel.scale() };
    let solved = learn(py, "logistic regression", &asked.trained, kernel, learner, None)?;
    let solution = Solution::new(py, solved, kernel.conjunctivity(), c, asked)?;
    Bound::new(py, PyClassInitializer::from(solution).add_subclass(LogisticSolution))
}
