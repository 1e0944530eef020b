//! `Solution`: how every item is ranked and every pair judged after training.

use std::sync::{Arc, OnceLock};

use caveat_analysis::{AnalysisError, check_pairs};
use caveat_theory::{ComparisonGraph, LearnerKind, Margins, PairClass, Solution as Solved, memory};
use numpy::{PyArray1, PyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyList, PyString, PyTuple};

use crate::arrays::{labels, matrix, ordered_pairs, read_only};
use crate::errors::{bad, raise};
use crate::graph::Items;
use crate::long;
use crate::table::{Table, with_pairs};
use crate::trained::Trained;

/// A solution for so many items and pairs together, or the margins of so many pairs of items, takes a few milliseconds at most.
pub(crate) const SMALL: usize = 10_000;

/// With more items the table of margins would fill memory.
const MAX_MARGINS: usize = 20_000;

/// Ranks and margins that were learned from a task or graph.
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
    solved: Arc<Solved>,
    ranks: Option<Py<PyArray1<f64>>>,
    matrix: OnceLock<Py<PyArray2<f64>>>,
    conjunctivity: f64,
    strength: f64,
    asked: Asked,
}

/// What is to be solved; `pickle` keeps the arguments and solves again.
pub(crate) struct Asked {
    pub(crate) trained: Trained,
    pub(crate) items: Items,
    arguments: (Py<PyAny>, Py<PyAny>, Option<String>),
}

fields! { Solution:
    /// Number of items.
    n_items(self) -> usize = self.graph().n_items();
    /// What learned: ``"ridge"``, ``"gradient_flow"`` or ``"logistic"``.
    learner(self) -> &'static str = self.kind().name();
    /// How it was computed.
    route(self) -> String = self.solved.route().to_string();
    /// The conjunctivity α of the kernel.
    conjunctivity(self) -> f64 = self.conjunctivity;
    /// Inverse regularization; NaN for gradient flow.
    c(self) -> f64 = if self.kind() == LearnerKind::GradientFlow { f64::NAN } else { self.strength };
    /// Training time of gradient flow; NaN for other learners.
    time(self) -> f64 = if self.kind() == LearnerKind::GradientFlow { self.strength } else { f64::NAN };
    /// Screening μ of a pair presented once; NaN where there is none.
    screening(self) -> f64 = self.solved.screening();
    /// Memorization weight m of a pair presented once; NaN where there is none.
    memorization(self) -> f64 = self.solved.memorization();
    /// The items' labels, in the order of `ranks` and `margins`.
    items(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> = self.asked.items.array(py);
    /// The rank of every item, in the order of `items`: the item with the larger rank wins, unless memory of a trained pair says
    /// otherwise. None for a kernel matrix, which gives no ranks.
    ranks(self, py: Python<'py>) -> Option<Py<PyArray1<f64>>> = self.ranks.as_ref().map(|ranks| ranks.clone_ref(py));
}

#[pymethods]
impl Solution {
    /// The margins of all pairs, an array of shape (n_items, n_items) with zeros on its diagonal. Computed once.
    #[getter]
    fn margins(&self, py: Python<'_>) -> PyResult<Py<PyArray2<f64>>> {
        if let Some(made) = self.matrix.get() {
            return Ok(made.clone_ref(py));
        }
        let n = self.graph().n_items();
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
        let solved = self.solved.clone();
        // Adding zero makes −0 plain 0.
        let all = move || Ok::<_, AnalysisError>(solved.matrix().into_iter().map(|f| f + 0.0).collect::<Vec<f64>>());
        let values = long::run_unless(py, self.is_small(), "margins", all)?;
        let made = read_only(matrix(py, values, n)?)?.unbind();
        Ok(self.matrix.get_or_init(|| made).clone_ref(py))
    }

    /// The margin of two items, or of many pairs as an array.
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
        let solved = &self.solved;
        self.of_pairs(first, second, |i, j| if i == j { 0.0 } else { solved.margin(i, j) })
    }

    /// Share of correct judgments in every class of pairs, from 0 to 1; NaN for a class with no pair. A tie counts one half.
    fn accuracy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (graph, solved) = (self.graph().clone(), self.solved.clone());
        let work = move || graph.classes().map(|classes| solved.accuracy(&classes));
        let found = long::run_unless(py, self.is_small(), "accuracy", work)?;
        let share = |class: PairClass| (class.name(), found.in_class(class).unwrap_or(f64::NAN));
        PairClass::SCORED.map(share).into_py_dict(py)
    }

    /// One row per ordered pair of item indices: first, second, class, label (+1 where the first should win) and margin.
    fn pairs(&self, py: Python<'_>) -> PyResult<Table> {
        raise(check_pairs(self.n_items(), "a table"))?;
        let (graph, solved) = (self.graph().clone(), self.solved.clone());
        let work = move || -> Result<_, AnalysisError> {
            let classes = graph.classes()?;
            let pairs = ordered_pairs(graph.n_items());
            Ok(with_pairs(pairs.clone())?
                .text("class", pairs.clone().map(|(i, j)| classes.class(i, j).name()))?
                .integer("label", pairs.clone().map(|(i, j)| classes.label(i, j).map(i64::from)))?
                .float("margin", pairs.map(|(i, j)| solved.margin(i, j) + 0.0))?)
        };
        Ok(Table::new(long::run_unless(py, self.is_small(), "pairs", work)?))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let again = py.import("caveat._comparisons")?.getattr("solve_again")?;
        let (task, kernel, route) = &self.asked.arguments;
        Ok((again, (self.learner(), task, kernel, self.strength, route.as_deref()).into_pyobject(py)?))
    }

    fn __repr__(&self) -> String {
        let strength = if self.kind() == LearnerKind::GradientFlow { "time" } else { "c" };
        format!(
            "<Solution by {} on {} items: conjunctivity {:.6}, {strength} {}, route {}>",
            self.learner().replace('_', " "),
            self.n_items(),
            self.conjunctivity,
            self.strength,
            self.route()
        )
    }
}

impl Asked {
    pub(crate) fn new(task: &Bound<'_, PyAny>, kernel: &Bound<'_, PyAny>, route: Option<&str>) -> PyResult<Self> {
        let (trained, items) = Trained::parse("task", task)?;
        let arguments = (task.clone().unbind(), kernel.clone().unbind(), route.map(str::to_owned));
        Ok(Self { trained, items, arguments })
    }
}

impl Solution {
    pub(crate) fn new(
        py: Python<'_>,
        solved: Solved,
        conjunctivity: f64,
        strength: f64,
        asked: Asked,
    ) -> PyResult<Self> {
        let ranks = solved.ranks().map(|ranks| read_only(PyArray1::from_vec(py, ranks)).map(Bound::unbind));
        let (ranks, matrix) = (ranks.transpose()?, OnceLock::new());
        Ok(Self { solved: Arc::new(solved), ranks, matrix, conjunctivity, strength, asked })
    }

    fn graph(&self) -> &ComparisonGraph {
        self.asked.trained.graph()
    }

    fn kind(&self) -> LearnerKind {
        self.solved.learner().kind()
    }

    fn is_small(&self) -> bool {
        self.n_items() * self.n_items() <= SMALL
    }

    /// A number for two labels, or an array for two arrays of them.
    fn of_pairs<'py>(
        &self,
        first: &Bound<'py, PyAny>,
        second: &Bound<'py, PyAny>,
        value: impl Fn(usize, usize) -> f64 + Sync,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, items) = (first.py(), &self.asked.items);
        match (is_many(first)?, is_many(second)?) {
            (false, false) => {
                let (i, j) = (items.index(&"first", first)?, items.index(&"second", second)?);
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
                let (i, j) = (items.indices("first", &first)?, items.indices("second", &second)?);
                let values = py.detach(|| i.into_iter().zip(j).map(|(i, j)| value(i, j) + 0.0).collect::<Vec<f64>>());
                PyArray1::from_vec(py, values).call_method1("reshape", (first.getattr("shape")?,))
            }
            _ => Err(PyTypeError::new_err(
                "first and second: expected two labels or two arrays of labels, got one of each",
            )),
        }
    }
}

/// Whether an argument is a list of labels, rather than one.
fn is_many(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    if value.is_instance_of::<PyList>() {
        return Ok(true);
    }
    if value.extract::<i64>().is_ok() || value.is_instance_of::<PyString>() {
        return Ok(false);
    }
    Ok(value.hasattr("__array__")? && value.getattr_opt("shape")?.is_some_and(|s| s.len().is_ok_and(|n| n > 0)))
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
pub(crate) struct LogisticSolution;

#[pymethods]
impl LogisticSolution {
    /// The probability that ``first`` beats ``second``; arguments as for `Solution.margin`.
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
        let solution = slf.into_super();
        let solved = &solution.solved;
        let probability = |i, j| solved.logistic().map_or(f64::NAN, |of| of.probability(i, j));
        solution.of_pairs(first, second, |i, j| if i == j { 0.5 } else { probability(i, j) })
    }
}
