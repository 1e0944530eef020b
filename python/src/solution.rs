//! How every item is ranked and every pair judged after training, as a `Solution`.

use std::sync::{Arc, OnceLock};

use caveat_analysis::check_pairs;
use caveat_results::{Table as Columns, Values};
use caveat_theory::{ComparisonGraph, Margins, PairClass, PairClasses, Solution as Solved, memory};
use numpy::{PyArray1, PyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::arrays::{labels, matrix, read_only, vector};
use crate::errors::{bad, raise};
use crate::graph::Items;
use crate::long;
use crate::table::Table;
use crate::trained::Trained;

/// Items and pairs together up to which a solution, and pairs of items up to which all margins take some milliseconds at most.
pub(crate) const SMALL: usize = 10_000;

/// Beyond this many items the table of margins would fill memory.
const MAX_MARGINS: usize = 20_000;

/// Ranks and margins of everything trained on a task or graph.
///
/// A margin f(i, j) is positive where the model says that i wins. Items are named by their labels, which are their ranks for a
/// `TransitiveTask`.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> task = caveat.TransitiveTask(9, exceptions=[(5, 3)])
/// >>> solution = caveat.solve(task, caveat.ExchangeableKernel(0.2), c=10.0)
/// >>> solution.ranks.shape, solution.margins.shape
/// ((9,), (9, 9))
/// >>> solution.margin(5, 3) > 0  # the exception is remembered
/// True
/// >>> solution.accuracy()["premise"]
/// 1.0
#[pyclass(frozen, subclass, module = "caveat")]
pub(crate) struct Solution {
    margins: Arc<Solved>,
    graph: ComparisonGraph,
    items: Items,
    ranks: Option<Py<PyArray1<f64>>>,
    matrix: OnceLock<Py<PyArray2<f64>>>,
    learner: &'static str,
    route: String,
    conjunctivity: f64,
    strength: f64,
    screening: f64,
    memorization: f64,
    asked: Asked,
}

/// What was to be solved; `pickle` keeps this and solves again.
pub(crate) struct Asked {
    task: Py<PyAny>,
    kernel: Py<PyAny>,
    route: Option<String>,
}

fields! { Solution:
    /// Number of items.
    n_items(self) -> usize = self.graph.n_items();
    /// What learned: ``"ridge"``, ``"gradient_flow"`` or ``"logistic"``.
    learner(self) -> &'static str = self.learner;
    /// How it was computed.
    route(self) -> &str = &self.route;
    /// The conjunctivity α of the kernel.
    conjunctivity(self) -> f64 = self.conjunctivity;
    /// Inverse regularization; NaN for gradient flow.
    c(self) -> f64 = if self.learner == "gradient_flow" { f64::NAN } else { self.strength };
    /// Training time of gradient flow; NaN for other learners.
    time(self) -> f64 = if self.learner == "gradient_flow" { self.strength } else { f64::NAN };
    /// Screening μ of a pair presented once; NaN where there is none.
    screening(self) -> f64 = self.screening;
    /// Memorization weight m of a pair presented once; NaN where there is none.
    memorization(self) -> f64 = self.memorization;
}

#[pymethods]
impl Solution {
    /// The rank of every item, in the order of `items`: an item with a larger rank wins, but for what is remembered of trained
    /// pairs. None for a kernel matrix, which gives no ranks.
    #[getter]
    fn ranks(&self, py: Python<'_>) -> Option<Py<PyArray1<f64>>> {
        self.ranks.as_ref().map(|ranks| ranks.clone_ref(py))
    }

    /// The margins of all pairs, an array of shape (n_items, n_items) with zeros on its diagonal. Made once.
    #[getter]
    fn margins(&self, py: Python<'_>) -> PyResult<Py<PyArray2<f64>>> {
        if let Some(made) = self.matrix.get() {
            return Ok(made.clone_ref(py));
        }
        let n = self.graph.n_items();
        if n > MAX_MARGINS {
            return Err(bad(
                "margins",
                format_args!(
                    "{n} items have too many pairs for a table: at most {MAX_MARGINS}; ask margin(first, second) for some"
                ),
            ));
        }
        let bytes = 16.0 * (n * n) as f64;
        let fits = |_: f64| "ask margin(first, second) for some".to_owned();
        raise(memory::check(bytes, || format!("the margins of all pairs of {n} items"), fits))?;
        let margins = self.margins.clone();
        // Adding zero makes −0 plain 0.
        let all = move || margins.matrix().into_iter().map(|f| f + 0.0).collect::<Vec<f64>>();
        let values = long::run_unless(py, self.is_small(), "margins", all)?;
        let made = read_only(matrix(py, values, n)?)?.unbind();
        Ok(self.matrix.get_or_init(|| made).clone_ref(py))
    }

    /// The margin of two items, or an array of those of many.
    ///
    /// Parameters
    /// ----------
    /// first, second : label, or arrays of labels of one shape
    ///     The items compared.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     A label that is not among the items.
    ///
    /// Examples
    /// --------
    /// >>> import caveat
    /// >>> graph = caveat.ComparisonGraph([("ant", "bee"), ("bee", "cow")])
    /// >>> solution = caveat.solve(graph, caveat.ExchangeableKernel(0.0))
    /// >>> round(solution.margin("ant", "cow"), 12)
    /// 2.0
    /// >>> solution.margin(["ant", "cow"], ["bee", "ant"]).round(12)
    /// array([ 1., -2.])
    fn margin<'py>(&self, first: &Bound<'py, PyAny>, second: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let margins = &self.margins;
        self.of_pairs(first, second, |i, j| if i == j { 0.0 } else { margins.margin(i, j) })
    }

    /// Share of correct judgments in every class of pairs, from 0 to 1; NaN for a class with no pair. A tie counts one half.
    fn accuracy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (graph, margins) = (self.graph.clone(), self.margins.clone());
        let work = move || graph.classes().map(|classes| margins.accuracy(&classes));
        let found = raise(long::run_unless(py, self.is_small(), "accuracy", work)?)?;
        let shares = PyDict::new(py);
        for class in PairClass::SCORED {
            shares.set_item(class.name(), found.in_class(class).unwrap_or(f64::NAN))?;
        }
        Ok(shares)
    }

    /// One row per ordered pair of item indices: first, second, class, label (+1 where the first should win) and margin.
    fn pairs(&self, py: Python<'_>) -> PyResult<Table> {
        raise(check_pairs(self.graph.n_items(), "a table"))?;
        let (graph, margins) = (self.graph.clone(), self.margins.clone());
        let work = move || graph.classes().map(|classes| of_pairs(&classes, margins.as_ref()));
        let columns = long::run_unless(py, self.is_small(), "pairs", work)?;
        Ok(Table::new(raise(raise(columns)?)?))
    }

    /// The items' labels, in the order of `ranks` and `margins`.
    #[getter]
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.items.array(py)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let again = py.import("caveat._comparisons")?.getattr("solve_again")?;
        let Asked { task, kernel, route } = &self.asked;
        Ok((again, (self.learner, task, kernel, self.strength, route.as_deref()).into_pyobject(py)?))
    }

    fn __repr__(&self) -> String {
        let strength = if self.learner == "gradient_flow" { "time" } else { "c" };
        format!(
            "<Solution by {} on {} items: conjunctivity {:.6}, {strength} {}, route {}>",
            self.learner.replace('_', " "),
            self.graph.n_items(),
            self.conjunctivity,
            self.strength,
            self.route
        )
    }
}

impl Asked {
    pub(crate) fn new(task: &Bound<'_, PyAny>, kernel: &Bound<'_, PyAny>, route: Option<&str>) -> Self {
        Self { task: task.clone().unbind(), kernel: kernel.clone().unbind(), route: route.map(str::to_owned) }
    }
}

impl Solution {
    #[allow(clippy::too_many_arguments, reason = "what a solution tells of itself")]
    pub(crate) fn new(
        py: Python<'_>,
        solved: Arc<Solved>,
        trained: &Trained,
        items: Items,
        conjunctivity: f64,
        strength: f64,
        asked: Asked,
    ) -> PyResult<Self> {
        let ranks = solved.ranks().map(|ranks| read_only(vector(py, ranks)).map(Bound::unbind)).transpose()?;
        Ok(Self {
            graph: trained.graph().clone(),
            items,
            ranks,
            matrix: OnceLock::new(),
            learner: solved.learner().kind().name(),
            route: solved.route().to_string(),
            conjunctivity,
            strength,
            screening: solved.screening(),
            memorization: solved.memorization(),
            margins: solved,
            asked,
        })
    }

    fn is_small(&self) -> bool {
        self.graph.n_items() * self.graph.n_items() <= SMALL
    }

    /// A number for two labels, or an array for two arrays of them.
    fn of_pairs<'py>(
        &self,
        first: &Bound<'py, PyAny>,
        second: &Bound<'py, PyAny>,
        value: impl Fn(usize, usize) -> f64 + Sync,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = first.py();
        match (is_many(first)?, is_many(second)?) {
            (false, false) => {
                let (i, j) = (self.items.index(&"first", first)?, self.items.index(&"second", second)?);
                Ok((value(i, j) + 0.0).into_pyobject(py)?.into_any())
            }
            (true, true) => {
                let (first, second) = (labels("first", first)?, labels("second", second)?);
                if first.shape() != second.shape() {
                    return Err(bad(
                        "second",
                        format_args!("expected the shape of first, {:?}, got {:?}", first.shape(), second.shape()),
                    ));
                }
                let (i, j) = (self.items.indices("first", &first)?, self.items.indices("second", &second)?);
                let compute = || i.into_iter().zip(j).map(|(i, j)| value(i, j) + 0.0).collect::<Vec<f64>>();
                let values = py.detach(compute);
                let shape = first.getattr("shape")?;
                vector(py, values).call_method1("reshape", (shape,))
            }
            _ => Err(PyTypeError::new_err(
                "first and second: expected two labels or two arrays of labels, got one of each",
            )),
        }
    }
}

/// Whether an argument is a list of labels rather than a label.
fn is_many(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    if value.is_instance_of::<PyList>() {
        return Ok(true);
    }
    if value.extract::<i64>().is_ok() || value.is_instance_of::<pyo3::types::PyString>() {
        return Ok(false);
    }
    Ok(value.hasattr("__array__")? && value.getattr_opt("shape")?.is_some_and(|s| s.len().is_ok_and(|n| n > 0)))
}

fn of_pairs(classes: &PairClasses, margins: &dyn Margins) -> caveat_results::Result<Columns> {
    let n = classes.n_items();
    let ordered = || (0..n).flat_map(|i| (0..n).filter(move |&j| j != i).map(move |j| (i, j)));
    Columns::new()
        .with("first", Values::Integer(ordered().map(|p| i64::try_from(p.0).ok()).collect()))?
        .with("second", Values::Integer(ordered().map(|p| i64::try_from(p.1).ok()).collect()))?
        .text("class", ordered().map(|(i, j)| classes.class(i, j).name()))?
        .with("label", Values::Integer(ordered().map(|(i, j)| classes.label(i, j).map(i64::from)).collect()))?
        .float("margin", ordered().map(|(i, j)| margins.margin(i, j) + 0.0))
}

/// Kernel logistic regression: a `Solution` in log-odds, with probabilities.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> learned = caveat.logistic(caveat.TransitiveTask(9, [(5, 3)]), caveat.ExchangeableKernel(0.2), c=10.0)
/// >>> round(learned.probability(0, 8), 3), round(learned.probability(5, 3), 3)
/// (0.868, 0.779)
#[pyclass(frozen, extends = Solution, module = "caveat")]
pub(crate) struct LogisticSolution {
    pub(crate) solution: Arc<Solved>,
}

#[pymethods]
impl LogisticSolution {
    /// The probability that ``first`` beats ``second``; arguments as of `Solution.margin`.
    ///
    /// Examples
    /// --------
    /// >>> import caveat
    /// >>> graph = caveat.ComparisonGraph.from_pairs([0, 1], [1, 0], weights=[6, 2])
    /// >>> bradley_terry = caveat.logistic(graph, caveat.ExchangeableKernel(0.0))
    /// >>> round(bradley_terry.probability(0, 1), 12)
    /// 0.75
    fn probability<'py>(
        slf: PyRef<'py, Self>,
        first: &Bound<'py, PyAny>,
        second: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let solution = slf.solution.clone();
        let probability = |i, j| solution.logistic().map_or(f64::NAN, |of| of.probability(i, j));
        slf.into_super().of_pairs(first, second, |i, j| if i == j { 0.5 } else { probability(i, j) })
    }
}
