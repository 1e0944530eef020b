//! `fit`, `cluster_intervals` and `bootstrap`: parameters from margins, and their uncertainty.

use caveat_theory::inference::{
    self as theory, FitLimit, Interval, MarginFitter, Parameter, PerParameter, opposite::NOTABLE, opposite_margins,
};
use caveat_theory::{ComparisonGraph, Result};
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use serde::{Deserialize, Serialize};

use crate::arguments as arg;
use crate::arrays::matrix;
use crate::errors::{raise, warn};
use crate::kept::{self, Reduced};
use crate::long;
use crate::observed::{Observed, all_observed, observed};

/// A least-squares fit of ridge regression to margins: margin = gain · f(α, C).
///
/// Examples
/// --------
/// >>> import caveat
/// >>> task = caveat.TransitiveTask(9, [(5, 3)])
/// >>> margins = 3 * caveat.solve(task, caveat.ExchangeableKernel(0.2), c=10.0).margins
/// >>> fit = caveat.fit(task, margins)
/// >>> round(fit.conjunctivity, 6), round(fit.c, 4), round(fit.gain, 6)
/// (0.2, 10.0, 3.0)
#[pyclass(frozen, module = "caveat")]
#[derive(Debug)]
pub(crate) struct Fit {
    pub(crate) fit: theory::MarginFit,
    tasks: Vec<Observed>,
    margins: Vec<f64>,
    identified: PerParameter<bool>,
}

fields! { Fit:
    /// The conjunctivity α; NaN without signal.
    conjunctivity(self) -> f64 = self.fit.estimates.conjunctivity;
    /// Inverse regularization C, from 0 (only in the Hebbian limit) to infinity.
    c(self) -> f64 = self.fit.estimates.strength;
    /// Screening μ, from 0 to infinity.
    screening(self) -> f64 = self.fit.estimates.screening;
    /// Memorization weight m of a trained pair, from 0 to 1.
    memorization(self) -> f64 = self.fit.estimates.memorization;
    /// Scale of the margins; in the Hebbian limit gain·C.
    gain(self) -> f64 = self.fit.estimates.gain;
    /// The edge of the parameter space that the fit lies on: ``"hebbian"``, ``"additive"``, ``"conjunctive"``, ``"no_signal"``, or None.
    limit(self) -> Option<&'static str> = self.fit.estimates.limit.map(FitLimit::name);
    /// 1 − Σ residual²/Σ margin², about zero.
    r_squared(self) -> f64 = self.fit.r_squared;
    /// Pearson correlation of observed and fitted margins.
    correlation(self) -> f64 = self.fit.correlation;
    /// Sum of squared residuals.
    residual_squares(self) -> f64 = self.fit.residual_squares;
    /// Number of pairs fitted.
    n_pairs(self) -> usize = self.fit.n_observations;
}

#[pymethods]
impl Fit {
    /// The pairs fitted by item index, an array of shape (n_pairs, 2); of several tasks one after the other.
    #[getter]
    fn pairs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i64>>> {
        matrix(py, self.tasks.iter().flat_map(Observed::rows).collect(), 2)
    }

    /// The fitted margins, in the order of `pairs`.
    #[getter]
    fn fitted<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.fit.fitted)
    }

    /// The observed margins, in the order of `pairs`.
    #[getter]
    fn observed<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.margins)
    }

    /// 95 % profile intervals of all parameters, for independent errors of the pairs.
    ///
    /// Returns
    /// -------
    /// Intervals
    ///     With ``identified`` and ``bounded``.
    fn profile_intervals(&self, py: Python<'_>) -> PyResult<Intervals> {
        let (fit, margins) = (self.fit.clone(), self.margins.clone());
        let (tasks, is_short) = (owned(&self.tasks), is_short(&self.tasks));
        let work = move || -> Result<theory::ProfileIntervals> {
            let tasks: Vec<_> = tasks.iter().map(|(graph, pairs)| theory::ObservedTask { graph, pairs }).collect();
            theory::profile_intervals(&MarginFitter::joint(&tasks)?, &fit, &margins)
        };
        let found = raise(long::run_unless(py, is_short, "profile intervals", work)?)?;
        Ok(Intervals {
            identified: Some(found.map(|p| p.is_some_and(|p| p.identified))),
            bounded: Some(found.map(|p| p.is_some_and(|p| p.bounded))),
            ..Intervals::new(found.map(|p| p.map(|p| p.interval)))
        })
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (graphs, margins, pairs) = (PyList::empty(py), PyList::empty(py), PyList::empty(py));
        let mut start = 0;
        for task in &self.tasks {
            graphs.append(crate::graph::ComparisonGraph::of_ranks(task.graph.clone()))?;
            margins.append(PyArray1::from_slice(py, &self.margins[start..start + task.pairs.len()]))?;
            pairs.append(matrix(py, task.rows(), 2)?)?;
            start += task.pairs.len();
        }
        Ok((py.import("caveat._lib")?.getattr("fit")?, (graphs, margins, pairs).into_pyobject(py)?))
    }

    fn __repr__(&self) -> String {
        let limit = self.limit().map_or(String::new(), |limit| format!(", limit {limit}"));
        // Where many values fit as well, one of them is no estimate.
        let shown = |value: f64, is: bool| if is { format!("{value:.6}") } else { "not identified".to_owned() };
        // The additive limit is itself what the pairs tell: there α is exactly 0 and C is ∞. In the Hebbian one gain·C is told.
        let limit_is = |limit| self.fit.estimates.limit == Some(limit);
        let tells = |identified: bool| identified || limit_is(FitLimit::Additive);
        format!(
            "<Fit: conjunctivity {}, c {}, gain {}, R² {:.6} over {} pairs{limit}>",
            shown(self.fit.estimates.conjunctivity, tells(self.identified.conjunctivity)),
            shown(self.fit.estimates.strength, tells(self.identified.strength)),
            shown(self.fit.estimates.gain, tells(self.identified.gain) || limit_is(FitLimit::Hebbian)),
            self.fit.r_squared,
            self.fit.n_observations
        )
    }
}

/// Whether a fit of these tasks, which is some hundred solutions, takes no more than a few milliseconds.
fn is_short(tasks: &[Observed]) -> bool {
    tasks.len() <= 4 && tasks.iter().all(|t| t.graph.n_items() <= 24)
}

/// Graphs and pairs that a thread of its own may keep.
pub(crate) fn owned(tasks: &[Observed]) -> Vec<(ComparisonGraph, Vec<(usize, usize)>)> {
    tasks.iter().map(|t| (t.graph.clone(), t.pairs.clone())).collect()
}

/// 95 % intervals of the parameters, each (low, high); NaN where there is none.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> task = caveat.TransitiveTask(6, [(4, 2)])
/// >>> margins = 3 * caveat.solve(task, caveat.ExchangeableKernel(0.2), c=10.0).margins
/// >>> margins[0, 5] += 0.2
/// >>> low, high = caveat.fit(task, margins).profile_intervals().conjunctivity
/// >>> low < 0.2 < high
/// True
#[pyclass(frozen, module = "caveat")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Intervals {
    intervals: PerParameter<Option<Interval>>,
    identified: Option<PerParameter<bool>>,
    bounded: Option<PerParameter<bool>>,
    replicates: Option<usize>,
    seed: Option<u64>,
    clusters: Option<usize>,
}

const PARAMETERS: [(&str, Parameter); 5] = [
    ("conjunctivity", Parameter::Conjunctivity),
    ("c", Parameter::Strength),
    ("gain", Parameter::Gain),
    ("screening", Parameter::Screening),
    ("memorization", Parameter::Memorization),
];

impl Intervals {
    fn new(intervals: PerParameter<Option<Interval>>) -> Self {
        Self { intervals, identified: None, bounded: None, replicates: None, seed: None, clusters: None }
    }

    /// Both ends, NaN where there is no interval, as of μ and m where presentation weights differ.
    fn ends(&self, parameter: Parameter) -> (f64, f64) {
        self.intervals.get(parameter).map_or((f64::NAN, f64::NAN), |i| (i.low, i.high))
    }
}

fields! { Intervals:
    /// Of the conjunctivity α.
    conjunctivity(self) -> (f64, f64) = self.ends(Parameter::Conjunctivity);
    /// Of the inverse regularization C.
    c(self) -> (f64, f64) = self.ends(Parameter::Strength);
    /// Of the gain.
    gain(self) -> (f64, f64) = self.ends(Parameter::Gain);
    /// Of the screening μ.
    screening(self) -> (f64, f64) = self.ends(Parameter::Screening);
    /// Of the memorization weight m.
    memorization(self) -> (f64, f64) = self.ends(Parameter::Memorization);
    /// Number of bootstrap replicates; of bootstrap intervals only.
    replicates(self) -> Option<usize> = self.replicates;
    /// Seed of the bootstrap; of bootstrap intervals only.
    seed(self) -> Option<u64> = self.seed;
    /// Number of clusters; of intervals over clusters only.
    clusters(self) -> Option<usize> = self.clusters;
}

#[pymethods]
impl Intervals {
    /// By parameter, whether the pairs determine it at all; of profile intervals only.
    #[getter]
    fn identified<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.identified.map(|flags| flags_of(py, &flags)).transpose()
    }

    /// By parameter, whether the interval says something on both sides; of profile intervals only.
    #[getter]
    fn bounded<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.bounded.map(|flags| flags_of(py, &flags)).transpose()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        kept::reduce(py, "Intervals", self)
    }

    fn __repr__(&self) -> String {
        let all: Vec<String> = PARAMETERS
            .iter()
            .map(|&(name, parameter)| {
                let (low, high) = self.ends(parameter);
                format!("{name}=({low:.6}, {high:.6})")
            })
            .collect();
        format!("Intervals({})", all.join(", "))
    }
}

fn flags_of<'py>(py: Python<'py>, flags: &PerParameter<bool>) -> PyResult<Bound<'py, PyDict>> {
    let all = PyDict::new(py);
    for (name, parameter) in PARAMETERS {
        all.set_item(name, flags.get(parameter))?;
    }
    Ok(all)
}

/// Fits conjunctivity, regularization and gain to margins, by least squares.
///
/// Parameters
/// ----------
/// task : TransitiveTask or ComparisonGraph, or a list of them
///     What the learner was trained on. A list is fitted with one set of parameters.
/// margins : array of shape (n_items, n_items) or (pairs,), or a list of them
///     How strongly the first item of a pair is preferred (a difference of logits, say). Of a matrix, the two orders of a pair are
///     averaged, (f(i, j) − f(j, i))/2, and pairs with NaN, or masked, left out. A list of margins is of ``pairs``, or of all pairs
///     (0, 1), (0, 2), …, (1, 2), …. Of a frame or series, rows and columns may be named by items, or by pairs of them, in any order.
/// pairs : array of shape (pairs, 2), or a list of them, optional
///     The labels of the items of every margin.
///
/// Returns
/// -------
/// Fit
///
/// Raises
/// ------
/// ValueError
///     Shapes that do not go together, a margin that is not finite, or pairs trained unequally often.
///
/// Warns
/// -----
/// UserWarning
///     Margins that speak for the opposite order of items: then the gain is 0 and nothing is identified.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> task = caveat.TransitiveTask(5, [(3, 1)])
/// >>> pairs, margins = [(0, 1), (1, 2), (0, 4), (3, 1), (1, 4)], [2.0, 1.9, 3.1, 1.5, 0.9]
/// >>> fit = caveat.fit(task, margins, pairs)
/// >>> fit.n_pairs, fit.r_squared > 0.9
/// (5, True)
#[pyfunction]
#[pyo3(signature = (task, margins, pairs = None))]
pub(crate) fn fit(
    py: Python<'_>,
    task: &Bound<'_, PyAny>,
    margins: &Bound<'_, PyAny>,
    pairs: Option<&Bound<'_, PyAny>>,
) -> PyResult<Fit> {
    let (tasks, margins): (Vec<Observed>, Vec<Vec<Vec<f64>>>) =
        all_observed(task, "margins", margins, pairs, false)?.into_iter().unzip();
    let margins: Vec<f64> = margins.into_iter().flatten().flatten().collect();
    let (all, values) = (owned(&tasks), margins.clone());
    let work = move || -> Result<(theory::MarginFit, PerParameter<bool>, f64, f64)> {
        let tasks: Vec<_> = all.iter().map(|(graph, pairs)| theory::ObservedTask { graph, pairs }).collect();
        let fitter = MarginFitter::joint(&tasks)?;
        let fit = fitter.fit(&values)?;
        let identified = theory::identified(&fitter, &fit)?;
        // Where margins follow the order, the opposite one cannot explain them much better.
        if fit.estimates.limit != Some(FitLimit::NoSignal) && fit.r_squared > 0.1 {
            return Ok((fit, identified, 0.0, 0.0));
        }
        let turned = fitter.fit(&values.iter().map(|m| -m).collect::<Vec<_>>())?;
        let squares = values.iter().map(|m| m * m).sum();
        let opposite = opposite_margins(fit.residual_squares, turned.residual_squares, squares, values.len());
        Ok((fit, identified, opposite, turned.r_squared))
    };
    let (fit, identified, opposite, turned) = raise(long::run_unless(py, is_short(&tasks), "fit", work)?)?;
    if opposite >= NOTABLE {
        let message = format!(
            "the margins speak for the opposite order of items: R² is {:.2} as they are, and {turned:.2} with all signs turned",
            fit.r_squared
        );
        warn(py, &message, 1)?;
    }
    Ok(Fit { fit, tasks, margins, identified })
}

/// 95 % intervals of the parameters by resampling whole clusters (seeds, subjects) and refitting; with fewer than 20 clusters they
/// are too narrow, and `cluster_intervals` are not.
///
/// Parameters
/// ----------
/// task : TransitiveTask or ComparisonGraph
///     What the learners were trained on.
/// margins : array of shape (clusters, n_items, n_items) or (clusters, pairs)
///     Margins of every cluster, as for `fit`.
/// pairs : array of shape (pairs, 2), optional
///     The labels of the items of every margin.
/// replicates : int
///     Number of bootstrap samples.
/// seed : int
///     The same seed gives the same intervals on any number of threads.
///
/// Returns
/// -------
/// Intervals
///
/// Examples
/// --------
/// >>> import caveat, numpy as np
/// >>> task = caveat.TransitiveTask(9, [(5, 3)])
/// >>> true = caveat.solve(task, caveat.ExchangeableKernel(0.2), c=10.0).margins
/// >>> seeds = true + 0.1 * np.random.default_rng(0).normal(size=(20, 9, 9))
/// >>> low, high = caveat.bootstrap(task, seeds).conjunctivity
/// >>> low < 0.2 < high
/// True
#[pyfunction]
#[pyo3(signature = (task, margins, pairs = None, *, replicates = 10_000, seed = 0))]
pub(crate) fn bootstrap(
    py: Python<'_>,
    task: &Bound<'_, PyAny>,
    margins: &Bound<'_, PyAny>,
    pairs: Option<&Bound<'_, PyAny>>,
    #[pyo3(from_py_with = arg::replicates)] replicates: usize,
    #[pyo3(from_py_with = arg::seed)] seed: u64,
) -> PyResult<Intervals> {
    let (observed, clusters) = observed(task, "margins", margins, pairs, true)?;
    let (graph, pairs) = (observed.graph, observed.pairs);
    let work = move || -> Result<theory::BootstrapIntervals> {
        theory::bootstrap(&MarginFitter::new(&graph, &pairs)?, &clusters, replicates, seed)
    };
    let found = raise(long::run(py, "bootstrap", None, move |_| work())?)?;
    Ok(Intervals { replicates: Some(found.replicates), seed: Some(found.seed), ..Intervals::new(found.intervals) })
}

/// 95 % intervals of the parameters over clusters (seeds, subjects), which hold from two clusters on, whatever noise the pairs of a
/// cluster share.
///
/// A value is inside if Student's t of what each cluster alone would change, with all other parameters fitted, is within its 97.5 %
/// quantile. With two clusters that is 12.7 and intervals are wide, as they should be.
///
/// Parameters
/// ----------
/// task : TransitiveTask or ComparisonGraph
///     What the learners were trained on.
/// margins : array of shape (clusters, n_items, n_items) or (clusters, pairs)
///     Margins of every cluster, as for `fit`.
/// pairs : array of shape (pairs, 2), optional
///     The labels of the items of every margin.
///
/// Returns
/// -------
/// Intervals
///     Of the fit to the mean over clusters; an end of a parameter's range (0, 1 or infinity) where all up to there is inside.
///
/// Examples
/// --------
/// >>> import caveat, numpy as np
/// >>> task = caveat.TransitiveTask(9, [(5, 3)])
/// >>> true = caveat.solve(task, caveat.ExchangeableKernel(0.2), c=10.0).margins
/// >>> seeds = true + 0.1 * np.random.default_rng(0).normal(size=(3, 9, 9))
/// >>> low, high = caveat.cluster_intervals(task, seeds).conjunctivity
/// >>> low < 0.2 < high
/// True
#[pyfunction]
#[pyo3(signature = (task, margins, pairs = None))]
pub(crate) fn cluster_intervals(
    py: Python<'_>,
    task: &Bound<'_, PyAny>,
    margins: &Bound<'_, PyAny>,
    pairs: Option<&Bound<'_, PyAny>>,
) -> PyResult<Intervals> {
    let (observed, clusters) = observed(task, "margins", margins, pairs, true)?;
    let (graph, pairs) = (observed.graph, observed.pairs);
    let work = move || -> Result<theory::ClusterIntervals> {
        let count = clusters.len() as f64;
        let mean: Vec<f64> = (0..pairs.len()).map(|k| clusters.iter().map(|c| c[k]).sum::<f64>() / count).collect();
        let fit = MarginFitter::new(&graph, &pairs)?.fit(&mean)?;
        theory::margin_intervals(&graph, &pairs, &fit, &clusters, None)
    };
    let found = raise(long::run(py, "intervals", None, move |_| work())?)?;
    Ok(Intervals { clusters: Some(found.clusters), ..Intervals::new(found.intervals) })
}
