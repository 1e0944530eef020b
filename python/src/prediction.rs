//! `predict` and `prediction_intervals`: what fits say of other tasks, and how well it holds.

use caveat_results::{Table as Columns, Values};
use caveat_theory::Result;
use caveat_theory::inference::{self as theory, MarginFitter};
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::{Deserialize, Serialize};

use crate::arguments as arg;
use crate::arrays::matrix;
use crate::errors::{bad, raise};
use crate::inference::{Fit, owned};
use crate::kept::{self, Reduced};
use crate::long;
use crate::observed::{Observed, all_observed, labeled_pairs};
use crate::table::Table;
use crate::trained::Trained;

/// Margins that a fit predicts for another task, and how well they hold where they were observed.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> plain = caveat.TransitiveTask(9)
/// >>> fit = caveat.fit(plain, caveat.solve(plain, caveat.ExchangeableKernel(0.2), c=10.0).margins)
/// >>> prediction = caveat.predict(fit, caveat.TransitiveTask(9, [(5, 3)]))
/// >>> told = prediction.table()
/// >>> [(int(i), int(j)) for i, j, fails in zip(told["first"], told["second"], told["fails_predicted"]) if fails == 1]
/// [(2, 5), (3, 6)]
#[pyclass(frozen, module = "caveat")]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Prediction {
    target: Observed,
    predicted: Vec<f64>,
    observed: Option<(Vec<f64>, theory::Prediction)>,
}

fields! { Prediction:
    /// 1 − Σ (observed − predicted)²/Σ observed², about zero; None without observed margins.
    r_squared(self) -> Option<f64> = self.observed.as_ref().map(|(_, p)| p.r_squared);
    /// Pearson correlation of observed and predicted margins; None without observed margins.
    correlation(self) -> Option<f64> = self.observed.as_ref().map(|(_, p)| p.correlation);
    /// Share of pairs whose sign is predicted; None without observed margins.
    sign_agreement(self) -> Option<f64> = self.observed.as_ref().map(|(_, p)| p.sign_agreement);
}

#[pymethods]
impl Prediction {
    /// The pairs by item index, an array of shape (pairs, 2).
    #[getter]
    fn pairs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i64>>> {
        matrix(py, self.target.rows(), 2)
    }

    /// Predicted margins, in the order of `pairs`.
    #[getter]
    fn predicted<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.predicted)
    }

    /// Slope and intercept of observed on predicted margins, with the root-mean-square error; None without observed margins.
    #[getter]
    fn calibration<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some((_, prediction)) = &self.observed else { return Ok(None) };
        let all = PyDict::new(py);
        all.set_item("slope", prediction.calibration.slope)?;
        all.set_item("intercept", prediction.calibration.intercept)?;
        all.set_item("root_mean_square_error", prediction.calibration.root_mean_square_error)?;
        Ok(Some(all))
    }

    /// One row per pair: item indices, class, the right answer (label), predicted and, where there are, observed margins, and
    /// whether each contradicts the right answer (1, 0, or missing without a right answer).
    fn table(&self, py: Python<'_>) -> PyResult<Table> {
        let columns = || -> std::result::Result<Columns, caveat_analysis::AnalysisError> {
            let classes = self.target.graph.classes()?;
            let pairs = &self.target.pairs;
            let index = |f: fn(&(usize, usize)) -> usize| {
                Values::Integer(pairs.iter().map(|p| i64::try_from(f(p)).ok()).collect())
            };
            let label = |&(i, j): &(usize, usize)| classes.label(i, j).map(i64::from);
            let fails = |failed: &[Option<bool>]| Values::Integer(failed.iter().map(|f| f.map(i64::from)).collect());
            let fails_predicted = theory::predicted_failures(&self.target.graph, pairs, &self.predicted)?;
            let table = Columns::new()
                .with("first", index(|p| p.0))?
                .with("second", index(|p| p.1))?
                .text("class", pairs.iter().map(|&(i, j)| classes.class(i, j).name()))?
                .with("label", Values::Integer(pairs.iter().map(label).collect()))?
                .float("predicted", self.predicted.iter().copied())?
                .with("fails_predicted", fails(&fails_predicted))?;
            Ok(match &self.observed {
                Some((margins, compared)) => table
                    .float("observed", margins.iter().copied())?
                    .with("fails_observed", fails(&compared.fails_observed))?,
                None => table,
            })
        };
        Ok(Table::new(raise(py.detach(columns))?))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        kept::reduce(py, "Prediction", self)
    }

    fn __repr__(&self) -> String {
        match &self.observed {
            Some((_, p)) => format!("<Prediction of {} pairs, R² {:.6}>", self.predicted.len(), p.r_squared),
            None => format!("<Prediction of {} pairs>", self.predicted.len()),
        }
    }
}

/// Predicts the margins on a task from a fit to another one, nothing refitted.
///
/// Parameters
/// ----------
/// fit : Fit
///     For instance of plain transitive inference.
/// task : TransitiveTask or ComparisonGraph
///     What is predicted, for instance the same with an exception.
/// observed : array, optional
///     Margins to compare with, as for `fit`.
/// pairs : array of shape (pairs, 2), optional
///     Labels of the pairs to predict; all (0, 1), (0, 2), …, (1, 2), … by default.
///
/// Returns
/// -------
/// Prediction
///
/// Examples
/// --------
/// >>> import caveat
/// >>> kernel = caveat.ExchangeableKernel(0.2)
/// >>> plain, exception = caveat.TransitiveTask(9), caveat.TransitiveTask(9, [(5, 3)])
/// >>> fit = caveat.fit(plain, caveat.solve(plain, kernel, c=10.0).margins)
/// >>> seen = caveat.solve(exception, kernel, c=10.0).margins
/// >>> caveat.predict(fit, exception, seen).r_squared > 0.999999
/// True
#[pyfunction]
#[pyo3(signature = (fit, task, observed = None, pairs = None))]
pub(crate) fn predict(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::fit)] fit: &Bound<'_, Fit>,
    task: &Bound<'_, PyAny>,
    observed: Option<&Bound<'_, PyAny>>,
    pairs: Option<&Bound<'_, PyAny>>,
) -> PyResult<Prediction> {
    let (target, seen) = match observed {
        Some(margins) => {
            let (target, mut margins) = crate::observed::observed(task, "observed", margins, pairs, false)?;
            (target, margins.pop())
        }
        None => {
            let (trained, items) = Trained::parse("task", task)?;
            let graph = trained.graph().clone();
            let n = graph.n_items();
            let pairs = match pairs {
                Some(pairs) => labeled_pairs("pairs", pairs, &items)?,
                None => (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect(),
            };
            (Observed { graph, pairs }, None)
        }
    };
    let (from, graph, of, margins) = (fit.get().fit.clone(), target.graph.clone(), target.pairs.clone(), seen.clone());
    let work = move || -> Result<(Vec<f64>, Option<theory::Prediction>)> {
        match margins {
            Some(margins) => theory::predict(&from, &graph, &of, &margins).map(|p| (p.predicted.clone(), Some(p))),
            None => theory::predicted_margins(&from, &graph, &of).map(|predicted| (predicted, None)),
        }
    };
    let (predicted, compared) = raise(long::run_unless(py, target.graph.n_items() <= 128, "prediction", work)?)?;
    Ok(Prediction { target, predicted, observed: seen.zip(compared) })
}

/// 95 % intervals of predicted margins, and how many observed ones they hold; from `prediction_intervals`.
///
/// Examples
/// --------
/// >>> import caveat, numpy as np
/// >>> plain, task, kernel = caveat.TransitiveTask(7), caveat.TransitiveTask(7, [(4, 2)]), caveat.ExchangeableKernel(0.2)
/// >>> seeds = caveat.solve(plain, kernel, c=10.0).margins + 0.1 * np.random.default_rng(0).normal(size=(9, 7, 7))
/// >>> seen = caveat.solve(task, kernel, c=10.0).margins
/// >>> intervals = caveat.prediction_intervals(plain, seeds, task, seen, replicates=200)
/// >>> intervals.table().column_names
/// ['first', 'second', 'observed', 'low', 'high', 'theory_low', 'theory_high']
#[pyclass(frozen, module = "caveat")]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PredictionIntervals {
    target: Observed,
    observed: Vec<f64>,
    found: theory::PredictionIntervals,
}

fields! { PredictionIntervals:
    /// Share of the observed margins inside the intervals of observations; 0.95 where the theory is calibrated.
    coverage(self) -> f64 = self.found.coverage;
    /// Standard deviation of the training residuals.
    residual_deviation(self) -> f64 = self.found.residual_deviation;
    /// Number of bootstrap replicates.
    replicates(self) -> usize = self.found.replicates;
    /// Seed of the random numbers.
    seed(self) -> u64 = self.found.seed;
}

#[pymethods]
impl PredictionIntervals {
    /// One row per pair: item indices, observed margin, the interval of an observation (low, high) and that of the theory's margin
    /// given the uncertainty of the parameters alone (theory_low, theory_high).
    fn table(&self, py: Python<'_>) -> PyResult<Table> {
        let pairs = &self.target.pairs;
        let index =
            |f: fn(&(usize, usize)) -> usize| Values::Integer(pairs.iter().map(|p| i64::try_from(f(p)).ok()).collect());
        let columns = || {
            Columns::new()
                .with("first", index(|p| p.0))?
                .with("second", index(|p| p.1))?
                .float("observed", self.observed.iter().copied())?
                .float("low", self.found.observation.iter().map(|i| i.low))?
                .float("high", self.found.observation.iter().map(|i| i.high))?
                .float("theory_low", self.found.theory.iter().map(|i| i.low))?
                .float("theory_high", self.found.theory.iter().map(|i| i.high))
        };
        Ok(Table::new(raise(py.detach(columns))?))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        kept::reduce(py, "PredictionIntervals", self)
    }

    fn __repr__(&self) -> String {
        format!("<PredictionIntervals of {} pairs, coverage {:.3}>", self.observed.len(), self.found.coverage)
    }
}

/// Prediction intervals for the margins on a task, from clusters of learners trained on others.
///
/// Parameters
/// ----------
/// training_task : TransitiveTask or ComparisonGraph, or a list of them
///     What is fitted.
/// training_margins : array of shape (clusters, n_items, n_items) or (clusters, pairs), or a list of them
///     Margins of every cluster (seed, subject), as for `bootstrap`.
/// task : TransitiveTask or ComparisonGraph
///     What is predicted.
/// observed : array
///     Its margins, as for `fit`: means over about as many clusters, on the same scale.
/// pairs, training_pairs : array of shape (pairs, 2), optional
///     Labels of the pairs of ``observed`` and of ``training_margins``.
/// replicates : int
///     Number of bootstrap samples.
/// seed : int
///     The same seed gives the same intervals on any number of threads.
///
/// Returns
/// -------
/// PredictionIntervals
///
/// Examples
/// --------
/// >>> import caveat, numpy as np
/// >>> plain, task, kernel = caveat.TransitiveTask(7), caveat.TransitiveTask(7, [(4, 2)]), caveat.ExchangeableKernel(0.2)
/// >>> seeds = caveat.solve(plain, kernel, c=10.0).margins + 0.1 * np.random.default_rng(0).normal(size=(9, 7, 7))
/// >>> seen = caveat.solve(task, kernel, c=10.0).margins
/// >>> caveat.prediction_intervals(plain, seeds, task, seen, replicates=200).coverage > 0.8
/// True
#[pyfunction]
#[pyo3(signature = (training_task, training_margins, task, observed, *, pairs = None, training_pairs = None, replicates = 2_000, seed = 0))]
#[allow(clippy::too_many_arguments, reason = "keywords of a Python function")]
pub(crate) fn prediction_intervals(
    py: Python<'_>,
    training_task: &Bound<'_, PyAny>,
    training_margins: &Bound<'_, PyAny>,
    task: &Bound<'_, PyAny>,
    observed: &Bound<'_, PyAny>,
    pairs: Option<&Bound<'_, PyAny>>,
    training_pairs: Option<&Bound<'_, PyAny>>,
    #[pyo3(from_py_with = arg::replicates)] replicates: usize,
    #[pyo3(from_py_with = arg::seed)] seed: u64,
) -> PyResult<PredictionIntervals> {
    let (tasks, clusters): (Vec<Observed>, Vec<Vec<Vec<f64>>>) =
        all_observed(training_task, "training_margins", training_margins, training_pairs, true)?.into_iter().unzip();
    let (target, margins) = crate::observed::observed(task, "observed", observed, pairs, false)?;
    let margins = margins.into_iter().next().ok_or_else(|| bad("observed", "there are none"))?;
    let (all, graph, of, seen) = (owned(&tasks), target.graph.clone(), target.pairs.clone(), margins.clone());
    let work = move || -> Result<theory::PredictionIntervals> {
        let tasks: Vec<_> = all.iter().map(|(graph, pairs)| theory::ObservedTask { graph, pairs }).collect();
        let clusters: Vec<&[Vec<f64>]> = clusters.iter().map(Vec::as_slice).collect();
        let target = theory::ObservedTask { graph: &graph, pairs: &of };
        theory::prediction_intervals(&MarginFitter::joint(&tasks)?, &clusters, &target, &seen, replicates, seed)
    };
    let found = raise(long::run(py, "prediction intervals", None, move |_| work())?)?;
    Ok(PredictionIntervals { target, observed: margins, found })
}
