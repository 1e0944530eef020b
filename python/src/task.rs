//! `TransitiveTask`: a chain of premise pairs with exceptions.

use caveat_analysis::choice;
use caveat_theory::{PresentationOrder, TransitiveTask as Task};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyTuple};

use crate::arguments::{self as arg, Argument};
use crate::errors::raise;
use crate::figure::Figure;
use crate::graph::ComparisonGraph;
use crate::table::Table;

/// Transitive inference on ordered items, rank 0 the highest, with any number of exceptions.
///
/// Parameters
/// ----------
/// n_items : int
///     Number of items, at least 2. Every item is trained to beat its lower neighbor.
/// exceptions : sequence of (winner, loser), optional
///     Trained pairs that contradict the order, in ranks: the lower item (the larger rank) wins. One on neighbors replaces their
///     premise pair, any other is added.
/// weights : dict of (rank, rank) to float, optional
///     How often trained pairs are presented; 1 for pairs not named.
/// order : {"both", "higher-first", "lower-first", "winner-first"}
///     In which order the two items of a trained pair are shown.
///
/// Raises
/// ------
/// ValueError
///     A rank out of range, an exception that is the rule or named twice, or a weight that is not positive and finite.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> task = caveat.TransitiveTask(9, exceptions=[(5, 3)])
/// >>> task.n_items, task.exceptions
/// (9, [(5, 3)])
/// >>> caveat.TransitiveTask(9, exceptions=[(3, 5)])
/// Traceback (most recent call last):
///     ...
/// ValueError: exception 3 5: rank 3 beating rank 5 is the rule, not an exception; an exception names the lower item (larger rank) first, as in 5 3
#[pyclass(frozen, eq, module = "caveat")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TransitiveTask {
    pub(crate) task: Task,
}

fields! { TransitiveTask:
    /// Number of items.
    n_items(self) -> usize = self.task.n_items();
    /// The exceptions as (winner, loser), in the order given.
    exceptions(self) -> Vec<(usize, usize)> = self.task.exceptions().iter().map(|e| (e.winner, e.loser)).collect();
    /// In which order the items of a pair are shown.
    order(self) -> &'static str = self.task.order().name();
    /// The trained pairs as a comparison graph.
    graph(self) -> ComparisonGraph = ComparisonGraph::of_ranks(self.task.graph().clone());
    /// Presentation weights other than 1, by (smaller rank, larger rank).
    weights(self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> = self.task.weights().into_py_dict(py);
}

#[pymethods]
impl TransitiveTask {
    #[new]
    #[pyo3(signature = (n_items, exceptions = None, *, weights = None, order = "both"))]
    fn new(
        #[pyo3(from_py_with = arg::n_items)] n_items: usize,
        #[pyo3(from_py_with = arg::exceptions)] exceptions: Option<Vec<(usize, usize)>>,
        #[pyo3(from_py_with = arg::weights)] weights: Option<&Bound<'_, PyDict>>,
        #[pyo3(from_py_with = arg::order)] order: &str,
    ) -> PyResult<Self> {
        let mut task = raise(Task::new(n_items, &exceptions.unwrap_or_default()))?;
        for (pair, weight) in weights.into_iter().flatten() {
            let what = format!("weights[{pair}]");
            let (a, b) = <(usize, usize)>::parse(&what, &pair)?;
            task = raise(task.with_weight(a, b, f64::parse(&what, &weight)?))?;
        }
        Ok(Self { task: task.with_order(raise(choice("order", order))?) })
    }

    /// The training trials, one row each: first, second, label (+1 where the first wins) and weight.
    fn trials(&self, py: Python<'_>) -> PyResult<Table> {
        crate::graph::trials(py, self.task.graph())
    }

    /// All pairs with first < second: class, label (+1 where the first wins; missing where the rule gives no answer), and
    /// whether they are trained.
    ///
    /// Examples
    /// --------
    /// >>> pairs = caveat.TransitiveTask(4, [(2, 0)]).pairs()
    /// >>> list(pairs["class"][:3])
    /// ['exception_cycle', 'exception_cycle', 'cycle_to_section']
    fn pairs(&self, py: Python<'_>) -> PyResult<Table> {
        crate::graph::pairs(py, self.task.graph())
    }

    fn _repr_svg_(&self, py: Python<'_>) -> PyResult<String> {
        Figure::new(raise(py.detach(|| caveat_figures::task_figure::draw(&self.task)))?).svg(py)
    }

    fn __repr__(&self) -> String {
        let mut text = format!("TransitiveTask({}", self.task.n_items());
        if !self.task.exceptions().is_empty() {
            text += &format!(", exceptions={:?}", self.exceptions());
        }
        if !self.task.weights().is_empty() {
            let weights: Vec<String> = self.task.weights().iter().map(|(pair, w)| format!("{pair:?}: {w:?}")).collect();
            text += &format!(", weights={{{}}}", weights.join(", "));
        }
        if self.task.order() != PresentationOrder::Both {
            text += &format!(", order='{}'", self.order());
        }
        text + ")"
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let again = py.import("caveat._comparisons")?.getattr("task_again")?;
        let arguments = (self.n_items(), self.exceptions(), self.weights(py)?, self.order());
        Ok((again, arguments.into_pyobject(py)?))
    }
}

impl Argument<'_, '_> for Task {
    fn parse(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(<&Bound<'_, TransitiveTask>>::parse(what, value)?.get().task.clone())
    }
}
