//! `predict` and `prediction_intervals`: what a fit predicts for another task, and how well that holds.

use caveat_analysis::AnalysisError;
use caveat_results::Table as Columns;
use caveat_theory::inference as theory;
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict};
use serde::{Deserialize, Serialize};

use crate::arguments as arg;
use crate::arrays::{pair_array, upper_pairs};
use crate::errors::{bad, raise};
use crate::inference::Fit;
use crate::long;
use crate::observed::{Observed, joint_fitter, labeled_pairs, parse_all_margins, parse_margins};
use crate::table::{Table, with_pairs};
use crate::trained::Trained;

/// Margins that a fit predicts for another task, and how well they agree with observed ones.
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
    /// The pairs by item index, an array of shape (pairs, 2).
    pairs(self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i64>>> = pair_array(py, &self.target.pairs);
    /// Predicted margins, in the order of `pairs`.
    predicted(self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> = PyArray1::from_slice(py, &self.predicted);
    /// Slope and intercept of observed on predicted margins, with the root-mean-square error; None without observed margins.
    calibration(self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> = {
        let calibration = self.observed.as_ref().map(|(_, compared)| compared.calibration);
        let by_name = |c: theory::Calibration| {
            [("slope", c.slope), ("intercept", c.intercept), ("root_mean_square_error", c.root_mean_square_error)]
        };
        calibration.map(|c| by_name(c).into_py_dict(py)).transpose()
    };
}

#[pymethods]
impl Prediction {
    /// One row per pair: item indices, class, the right answer (label), the predicted and, if given, the observed margin, and
    /// whether each contradicts the right answer (1, 0, or missing without a right answer).
    fn table(&self, py: Python<'_>) -> PyResult<Table> {
        let columns = || -> Result<Columns, AnalysisError> {
            let (graph, pairs) = (&self.target.graph, &self.target.pairs);
            let classes = graph.classes()?;
            let fails_predicted = theory::predicted_failures(graph, pairs, &self.predicted)?;
            let whole = |fails: Option<bool>| fails.map(i64::from);
            let table = with_pairs(pairs.iter().copied())?
                .text("class", pairs.iter().map(|&(i, j)| classes.class(i, j).name()))?
                .integer("label", pairs.iter().map(|&(i, j)| classes.label(i, j).map(i64::from)))?
                .float("predicted", self.predicted.iter().copied())?
                .integer("fails_predicted", fails_predicted.into_iter().map(whole))?;
            Ok(match &self.observed {
                Some((margins, compared)) => table
                    .float("observed", margins.iter().copied())?
                    .integer("fails_observed", compared.fails_observed.iter().copied().map(whole))?,
                None => table,
            })
        };
        Ok(Table::new(raise(py.detach(columns))?))
    }

    fn __repr__(&self) -> String {
        match &self.observed {
            Some((_, p)) => format!("<Prediction of {} pairs, R² {:.6}>", self.predicted.len(), p.r_squared),
            None => format!("<Prediction of {} pairs>", self.predicted.len()),
        }
    }
}

/// Predicts the margins on a task from a fit to another one, without refitting.
///
/// Parameters
/// ----------
/// fit : Fit
///     For instance of plain transitive inference.
/// task : TransitiveTask or ComparisonGraph
///     The task to predict, for instance the same with an exception.
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
            let (target, mut margins) = parse_margins(task, "observed", margins, pairs, false)?;
            (target, margins.pop())
        }
        None => {
            let (trained, items) = Trained::parse("task", task)?;
            let graph = trained.graph().clone();
            let pairs = match pairs {
                Some(pairs) => labeled_pairs("pairs", pairs, &items)?,
                None => upper_pairs(graph.n_items()).collect(),
            };
            (Observed { graph, pairs }, None)
        }
    };
    let (fit, is_short) = (fit.get().fit.clone(), target.graph.n_items() <= 128);
    let work = move || -> caveat_theory::Result<_> {
        let (predicted, observed) = match seen {
            Some(margins) => {
                let compared = theory::predict(&fit, &target.graph, &target.pairs, &margins)?;
                (compared.predicted.clone(), Some((margins, compared)))
            }
            None => (theory::predicted_margins(&fit, &target.graph, &target.pairs)?, None),
        };
        Ok(Prediction { target, predicted, observed })
    };
    long::run_unless(py, is_short, "prediction", work)
}

/// 95 % intervals of predicted margins, and how many observed margins are inside; from `prediction_intervals`.
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
        let columns = || {
            with_pairs(self.target.pairs.iter().copied())?
                .float("observed", self.observed.iter().copied())?
                .float("low", self.found.observation.iter().map(|i| i.low))?
                .float("high", self.found.observation.iter().map(|i| i.high))?
                .float("theory_low", self.found.theory.iter().map(|i| i.low))?
                .float("theory_high", self.found.theory.iter().map(|i| i.high))
        };
        Ok(Table::new(raise(py.detach(columns))?))
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
///     Its margins, as for `fit`: means over about as many clusters as ``training_margins`` has, on the same scale.
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
    let (tasks, clusters) =
        parse_all_margins(training_task, "training_margins", training_margins, training_pairs, true)?;
    let (target, margins) = parse_margins(task, "observed", observed, pairs, false)?;
    let observed = margins.into_iter().next().ok_or_else(|| bad("observed", "there are none"))?;
    let work = move |_: &long::Steps| -> caveat_theory::Result<_> {
        let clusters: Vec<&[Vec<f64>]> = clusters.iter().map(Vec::as_slice).collect();
        let (fitter, asked) = (joint_fitter(&tasks)?, target.as_task());
        let found = theory::prediction_intervals(&fitter, &clusters, &asked, &observed, replicates, seed)?;
        Ok(PredictionIntervals { target, observed, found })
    };
    long::run(py, "prediction intervals", None, work)
}
