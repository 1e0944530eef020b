//! `fit`, `cluster_intervals` and `bootstrap`: parameters from margins, and their uncertainty.

use caveat_theory::Result;
use caveat_theory::inference::{
    self as theory, FitLimit, Interval, MarginFitter, Parameter, PerParameter, opposite::NOTABLE, opposite_margins,
};
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyList, PyTuple};
use serde::{Deserialize, Serialize};

use crate::arguments as arg;
use crate::arrays::pair_array;
use crate::errors::warn;
use crate::graph::ComparisonGraph;
use crate::long;
use crate::observed::{Observed, joint_fitter, parse_all_margins, parse_margins};

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
    /// The pairs fitted by item index, an array of shape (n_pairs, 2); of several tasks one after the other.
    pairs(self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i64>>> =
        pair_array(py, self.tasks.iter().flat_map(|t| &t.pairs));
    /// The fitted margins, in the order of `pairs`.
    fitted(self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> = PyArray1::from_slice(py, &self.fit.fitted);
    /// The observed margins, in the order of `pairs`.
    observed(self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> = PyArray1::from_slice(py, &self.margins);
}

#[pymethods]
impl Fit {
    /// 95 % profile intervals of all parameters, for independent errors of the pairs.
    ///
    /// Returns
    /// -------
    /// Intervals
    ///     With ``identified`` and ``bounded``.
    fn profile_intervals(&self, py: Python<'_>) -> PyResult<Intervals> {
        let (fit, tasks, margins) = (self.fit.clone(), self.tasks.clone(), self.margins.clone());
        let work = move || theory::profile_intervals(&joint_fitter(&tasks)?, &fit, &margins);
        let found = long::run_unless(py, is_short(&self.tasks), "profile intervals", work)?;
        Ok(Intervals {
            intervals: found.map(|p| p.map(|p| p.interval)),
            identified: Some(found.map(|p| p.is_some_and(|p| p.identified))),
            bounded: Some(found.map(|p| p.is_some_and(|p| p.bounded))),
            ..Intervals::default()
        })
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (graphs, margins, pairs) = (PyList::empty(py), PyList::empty(py), PyList::empty(py));
        let mut start = 0;
        for task in &self.tasks {
            graphs.append(ComparisonGraph::of_ranks(task.graph.clone()))?;
            margins.append(PyArray1::from_slice(py, &self.margins[start..start + task.pairs.len()]))?;
            pairs.append(pair_array(py, &task.pairs)?)?;
            start += task.pairs.len();
        }
        Ok((py.import("caveat._lib")?.getattr("fit")?, (graphs, margins, pairs).into_pyobject(py)?))
    }

    fn __repr__(&self) -> String {
        let limit = self.limit().map_or(String::new(), |limit| format!(", limit {limit}"));
        // Where many values fit equally well, no one of them is an estimate.
        let shown = |value: f64, is: bool| if is { format!("{value:.6}") } else { "not identified".to_owned() };
        // The pairs identify the additive limit itself, where α is exactly 0 and C is ∞, and gain·C in the Hebbian limit.
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

/// Whether a fit of these tasks, which needs about a hundred solutions, takes a few milliseconds at most.
fn is_short(tasks: &[Observed]) -> bool {
    tasks.len() <= 4 && tasks.iter().all(|t| t.graph.n_items() <= 24)
}

/// 95 % intervals of the parameters, each (low, high), with NaN for one without.
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
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
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
    /// Both ends, NaN where there is no interval, as for μ and m where presentation weights differ.
    fn ends(&self, parameter: Parameter) -> (f64, f64) {
        self.intervals.get(parameter).map_or((f64::NAN, f64::NAN), |i| (i.low, i.high))
    }
}

fn flags<'py>(py: Python<'py>, flags: Option<PerParameter<bool>>) -> PyResult<Option<Bound<'py, PyDict>>> {
    let by_name = |flags: PerParameter<bool>| PARAMETERS.map(|(name, parameter)| (name, flags.get(parameter)));
    flags.map(|flags| by_name(flags).into_py_dict(py)).transpose()
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
    /// By parameter, whether the pairs determine it at all; of profile intervals only.
    identified(self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> = flags(py, self.identified);
    /// By parameter, whether the interval is bounded on both sides; of profile intervals only.
    bounded(self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> = flags(py, self.bounded);
}

#[pymethods]
impl Intervals {
    fn __repr__(&self) -> String {
        let shown = PARAMETERS.map(|(name, parameter)| {
            let (low, high) = self.ends(parameter);
            format!("{name}=({low:.6}, {high:.6})")
        });
        format!("Intervals({})", shown.join(", "))
    }
}

/// Fits conjunctivity, regularization and gain to margins, by least squares.
///
/// Parameters
/// ----------
/// task : TransitiveTask or ComparisonGraph, or a list of them
///     What the learner was trained on. A list is fitted with one set of parameters.
/// margins : array of shape (n_items, n_items) or (pairs,), or a list of them
///     How strongly the first item of a pair is preferred, for instance a difference of logits. A matrix gives the average of both
///     orders of a pair, (f(i, j) − f(j, i))/2, without the pairs that are NaN or masked. A list belongs to ``pairs``, or to all pairs
///     (0, 1), (0, 2), …, (1, 2), …. Rows and columns of a frame or series may be named by items, or by pairs of them, in any order.
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
///     Margins that speak for the opposite order of items. Then the gain is 0 and nothing is identified.
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
    let (tasks, margins) = parse_all_margins(task, "margins", margins, pairs, false)?;
    let margins: Vec<f64> = margins.into_iter().flatten().flatten().collect();
    let is_short = is_short(&tasks);
    let work = move || -> Result<(Fit, Option<String>)> {
        let fitter = joint_fitter(&tasks)?;
        let fit = fitter.fit(&margins)?;
        let identified = theory::identified(&fitter, &fit)?;
        let mut doubt = None;
        // Where margins follow the order, the opposite one cannot explain them much better.
        let follows = fit.estimates.limit != Some(FitLimit::NoSignal) && fit.r_squared > 0.1;
        if !follows {
            let turned = fitter.fit(&margins.iter().map(|m| -m).collect::<Vec<_>>())?;
            let squares = margins.iter().map(|m| m * m).sum();
            let opposite = opposite_margins(fit.residual_squares, turned.residual_squares, squares, margins.len());
            doubt = (opposite >= NOTABLE).then(|| {
                format!(
                    "the margins speak for the opposite order of items: R² is {:.2} as they are, and {:.2} with all signs turned",
                    fit.r_squared, turned.r_squared
                )
            });
        }
        Ok((Fit { fit, tasks, margins, identified }, doubt))
    };
    let (fit, doubt) = long::run_unless(py, is_short, "fit", work)?;
    doubt.iter().try_for_each(|doubt| warn(py, doubt, 1))?;
    Ok(fit)
}

/// 95 % intervals of the parameters by resampling whole clusters (seeds, subjects) and refitting. With fewer than 20 clusters they
/// are too narrow; `cluster_intervals` are not.
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
    let (task, clusters) = parse_margins(task, "margins", margins, pairs, true)?;
    let work = move |_: &long::Steps| {
        theory::bootstrap(&MarginFitter::new(&task.graph, &task.pairs)?, &clusters, replicates, seed)
    };
    let theory::BootstrapIntervals { intervals, replicates, seed, .. } = long::run(py, "bootstrap", None, work)?;
    Ok(Intervals { intervals, replicates: Some(replicates), seed: Some(seed), ..Intervals::default() })
}

/// 95 % intervals of the parameters over clusters (seeds, subjects). They hold for two clusters or more, whatever noise the pairs of
/// a cluster share.
///
/// A value is inside if Student's t of what each cluster alone would change, with all other parameters fitted, is within its 97.5 %
/// quantile. For two clusters that quantile is 12.7, so intervals are wide, as they should be.
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
///     Of the fit to the mean over clusters. An interval reaches the end of the parameter's range (0, 1 or infinity) if every value
///     up to there is inside.
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
    let (Observed { graph, pairs }, clusters) = parse_margins(task, "margins", margins, pairs, true)?;
    let work = move |_: &long::Steps| {
        let count = clusters.len() as f64;
        let mean: Vec<f64> = (0..pairs.len()).map(|k| clusters.iter().map(|c| c[k]).sum::<f64>() / count).collect();
        let fit = MarginFitter::new(&graph, &pairs)?.fit(&mean)?;
        theory::margin_intervals(&graph, &pairs, &fit, &clusters, None)
    };
    let theory::ClusterIntervals { intervals, clusters, .. } = long::run(py, "intervals", None, work)?;
    Ok(Intervals { intervals, clusters: Some(clusters), ..Intervals::default() })
}
