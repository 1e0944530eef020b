//! `fit_choices`: parameters from choices, by maximum likelihood.

use std::sync::OnceLock;

use caveat_theory::inference::{
    ChoiceCount, ChoiceFit as Fitted, ChoiceFitter, FitLimit, Interval, ModelSpec, Parameter, PerParameter,
    check_positions, leans_opposite, opposite::NOTABLE, opposite_choices, ordered_pairs,
};
use caveat_theory::{ComparisonGraph, LearnerKind, Result};
use numpy::{PyArray1, PyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict};
use serde::{Deserialize, Serialize};

use crate::arguments as arg;
use crate::arrays::{array, floats, list_of_floats, pair_array};
use crate::errors::{bad, raise, warn};
use crate::long;
use crate::observed::{labeled_pairs, same_rows};
use crate::trained::Trained;

const PARAMETERS: [(&str, Parameter); 5] = [
    ("conjunctivity", Parameter::Conjunctivity),
    ("strength", Parameter::Strength),
    ("gain", Parameter::Gain),
    ("lapse", Parameter::Lapse),
    ("position_bias", Parameter::PositionBias),
];

/// A maximum-likelihood fit to choices: the first of a pair is chosen with probability λ/2 + (1 − λ)·logistic(gain·f + bias).
///
/// Examples
/// --------
/// >>> import caveat, numpy as np
/// >>> task = caveat.TransitiveTask(7)
/// >>> pairs = [(i, j) for i in range(7) for j in range(i + 1, 7)]
/// >>> margins = 4 * caveat.solve(task, caveat.ExchangeableKernel(0.2), c=10.0).margins
/// >>> chance = [1 / (1 + np.exp(-margins[i, j])) for i, j in pairs]
/// >>> fit = caveat.fit_choices(task, pairs, [10_000 * p for p in chance], trials=10_000)
/// >>> round(fit.conjunctivity, 4), round(fit.gain, 3)
/// (0.2, 4.0)
#[pyclass(frozen, module = "caveat")]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ChoiceFit {
    fit: Fitted,
    graph: ComparisonGraph,
    spec: ModelSpec,
    clusters: Vec<Vec<ChoiceCount>>,
    /// Made again from graph and specification after unpickling.
    #[serde(skip)]
    fitter: OnceLock<ChoiceFitter>,
}

impl ChoiceFit {
    /// What refits: the margins over all parameters, on the pairs of the choices.
    fn fitter(&self, py: Python<'_>) -> PyResult<ChoiceFitter> {
        if let Some(made) = self.fitter.get() {
            return Ok(made.clone());
        }
        let (graph, spec, pairs) = (self.graph.clone(), self.spec, ordered_pairs(&self.clusters));
        let made = long::run(py, "margins", None, move |_| ChoiceFitter::new(&graph, &spec, &pairs))?;
        Ok(self.fitter.get_or_init(|| made).clone())
    }

    /// The intervals that `find` computes, as (low, high) by parameter, for those that were estimated.
    fn intervals<'py>(
        &self,
        py: Python<'py>,
        what: &'static str,
        find: impl FnOnce(&ChoiceFitter, &Fitted, &[Vec<ChoiceCount>]) -> Result<PerParameter<Option<Interval>>>
        + Send
        + 'static,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (fitter, fit, clusters) = (self.fitter(py)?, self.fit.clone(), self.clusters.clone());
        let found = long::run(py, what, None, move |_| find(&fitter, &fit, &clusters))?;
        let ends = |(name, parameter)| found.get(parameter).map(|i: Interval| (name, (i.low, i.high)));
        PARAMETERS.into_iter().filter_map(ends).into_py_dict(py)
    }
}

fields! { ChoiceFit:
    /// The conjunctivity α; NaN without signal.
    conjunctivity(self) -> f64 = self.fit.estimates.conjunctivity;
    /// Inverse regularization C, or for gradient flow the training time.
    strength(self) -> f64 = self.fit.estimates.strength;
    /// Scale of the margins, in logits.
    gain(self) -> f64 = self.fit.estimates.gain;
    /// Lapse rate λ, from 0 to ½; 0 for a model without.
    lapse(self) -> f64 = self.fit.estimates.lapse;
    /// Bias toward the item shown first, in logits; 0 for a model without.
    position_bias(self) -> f64 = self.fit.estimates.position_bias;
    /// Screening μ of ridge regression; otherwise NaN.
    screening(self) -> f64 = self.fit.estimates.screening;
    /// Memorization weight m of ridge regression; otherwise NaN.
    memorization(self) -> f64 = self.fit.estimates.memorization;
    /// The edge of the parameter space that the fit lies on, or None.
    limit(self) -> Option<&'static str> = self.fit.estimates.limit.map(FitLimit::name);
    /// Whether the fit predicts the choices without error, so that any larger gain fits as well.
    saturated(self) -> bool = self.fit.estimates.saturated;
    /// Log-likelihood, without binomial coefficients.
    log_likelihood(self) -> f64 = self.fit.log_likelihood;
    /// Share of the deviance of chance that is explained; 1 is as good as each pair's own rate.
    deviance_explained(self) -> f64 = self.fit.deviance_explained;
    /// McFadden's R² against chance.
    mcfadden(self) -> f64 = self.fit.mcfadden;
    /// Number of trials.
    n_trials(self) -> f64 = self.fit.n_trials;
    /// Number of free parameters.
    n_parameters(self) -> usize = self.fit.n_parameters;
    /// The distinct ordered pairs by item index, an array of shape (pairs, 2).
    pairs(self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i64>>> =
        pair_array(py, &ordered_pairs(&self.clusters));
    /// Fitted probability that the first is chosen, in the order of `pairs`.
    probabilities(self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> =
        PyArray1::from_slice(py, &self.fit.probabilities);
}

#[pymethods]
impl ChoiceFit {
    /// 95 % profile-likelihood intervals.
    ///
    /// Returns
    /// -------
    /// dict
    ///     By parameter ``(low, high)``, for those that were estimated.
    fn profile_intervals<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.intervals(py, "profile intervals", |fitter, fit, clusters| {
            Ok(fitter.intervals(fit, clusters)?.map(|profile| profile.map(|p| p.interval)))
        })
    }

    /// 95 % intervals over clusters (subjects, sessions). They hold for two clusters or more, whatever the trials of one share.
    ///
    /// Returns
    /// -------
    /// dict
    ///     By parameter ``(low, high)``, for those that were estimated.
    fn cluster_intervals<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.intervals(py, "intervals", |fitter, fit, clusters| Ok(fitter.cluster_intervals(fit, clusters)?.intervals))
    }

    /// 95 % intervals by resampling whole clusters and refitting; they are too narrow with fewer than 20.
    ///
    /// Parameters
    /// ----------
    /// replicates : int
    ///     Number of bootstrap samples.
    /// seed : int
    ///     The same seed gives the same intervals on any number of threads.
    ///
    /// Returns
    /// -------
    /// dict
    ///     By parameter ``(low, high)``, for those that were estimated.
    #[pyo3(signature = (*, replicates = 10_000, seed = 0))]
    fn bootstrap<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = arg::replicates)] replicates: usize,
        #[pyo3(from_py_with = arg::seed)] seed: u64,
    ) -> PyResult<Bound<'py, PyDict>> {
        self.intervals(py, "bootstrap", move |fitter, fit, clusters| {
            Ok(fitter.bootstrap(fit, clusters, replicates, seed)?.intervals)
        })
    }

    fn __repr__(&self) -> String {
        let e = &self.fit.estimates;
        format!(
            "<ChoiceFit: conjunctivity {:.6}, strength {:.6}, gain {:.6}, {} trials, deviance explained {:.4}>",
            e.conjunctivity, e.strength, e.gain, self.fit.n_trials, self.fit.deviance_explained
        )
    }
}

/// Fits conjunctivity, regularization and gain to choices, by maximum likelihood.
///
/// Parameters
/// ----------
/// task : TransitiveTask or ComparisonGraph
///     What the learner was trained on.
/// pairs : array of shape (rows, 2)
///     Labels of the two items of every row. The item shown first stands in front, or in the column ``first`` of a frame.
/// first_chosen : array of shape (rows,)
///     In how many of the trials the first item was chosen; 0 or 1 for single trials.
/// trials : float or array of shape (rows,)
///     Number of trials of every row.
/// clusters : array of shape (rows,), optional
///     Which rows count as one sample (subject, session), for `ChoiceFit.cluster_intervals` and `ChoiceFit.bootstrap`. Every row
///     needs a label.
/// learner : {"ridge", "gradient_flow", "logistic"}
///     What learned the margins.
/// lapse, position_bias : bool
///     Whether to estimate a lapse rate, and a bias toward the item shown first.
/// conjunctivity, strength : float, optional
///     Values to hold fixed.
///
/// Returns
/// -------
/// ChoiceFit
///
/// Raises
/// ------
/// ValueError
///     Shapes that do not go together, or counts that are not from 0 to the number of trials. With a position bias also if the item
///     of the smaller index is first in every trial or in none, or the first is chosen in every trial or in none.
///
/// Warns
/// -----
/// UserWarning
///     Choices that speak for the opposite order of items. Then the gain is 0 and nothing is identified.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> shown, chosen = [(0, 1), (1, 2), (2, 3), (0, 2), (1, 3), (0, 3)], [19, 18, 19, 18, 17, 20]
/// >>> fit = caveat.fit_choices(caveat.TransitiveTask(4), shown, chosen, trials=20)
/// >>> fit.n_trials, fit.deviance_explained > 0.9
/// (120.0, True)
#[pyfunction]
#[pyo3(signature = (task, pairs, first_chosen, trials = None, *, clusters = None, learner = "ridge", lapse = false, position_bias = false, conjunctivity = None, strength = None))]
#[allow(clippy::too_many_arguments, reason = "keywords of a Python function")]
pub(crate) fn fit_choices(
    py: Python<'_>,
    task: &Bound<'_, PyAny>,
    pairs: &Bound<'_, PyAny>,
    first_chosen: &Bound<'_, PyAny>,
    trials: Option<&Bound<'_, PyAny>>,
    clusters: Option<&Bound<'_, PyAny>>,
    #[pyo3(from_py_with = arg::learner)] learner: &str,
    #[pyo3(from_py_with = arg::lapse)] lapse: bool,
    #[pyo3(from_py_with = arg::position_bias)] position_bias: bool,
    #[pyo3(from_py_with = arg::conjunctivity)] conjunctivity: Option<f64>,
    #[pyo3(from_py_with = arg::strength)] strength: Option<f64>,
) -> PyResult<ChoiceFit> {
    let (trained, items) = Trained::parse("task", task)?;
    for (what, value) in [("first_chosen", Some(first_chosen)), ("trials", trials), ("clusters", clusters)] {
        if let Some(value) = value {
            same_rows(pairs, what, value)?;
        }
    }
    let pairs = labeled_pairs("pairs", pairs, &items)?;
    let chosen = list_of_floats("first_chosen", first_chosen)?;
    let trials = match trials {
        None => vec![1.0; pairs.len()],
        Some(trials) => {
            let given = floats("trials", trials)?;
            match given.ndim() {
                0 => vec![given.as_array().iter().copied().sum(); pairs.len()],
                _ => list_of_floats("trials", trials)?,
            }
        }
    };
    for (what, count) in [("first_chosen", chosen.len()), ("trials", trials.len())] {
        if count != pairs.len() {
            return Err(bad(what, format_args!("{count} numbers for {} pairs; give one each", pairs.len())));
        }
    }
    let learner: LearnerKind = raise(learner.parse())?;
    let group = match clusters {
        None => vec![0; pairs.len()],
        Some(clusters) => numbered(clusters, pairs.len())?,
    };
    let mut counts: Vec<Vec<ChoiceCount>> = vec![Vec::new(); group.iter().max().map_or(0, |g| g + 1)];
    for (row, &(first, second)) in pairs.iter().enumerate() {
        counts[group[row]].push(ChoiceCount { first, second, first_chosen: chosen[row], trials: trials[row] });
    }
    let spec = ModelSpec { learner, conjunctivity, strength, lapse, position_bias };
    if position_bias {
        raise(check_positions(&counts))?;
    }
    let graph = trained.graph().clone();
    // Margins of logistic regression, and of unequal weights, are solved on a grid first.
    let is_short = learner == LearnerKind::Ridge && pairs.len() <= 128 && graph.n_items() <= 16;
    let work = move || -> Result<(ChoiceFit, f64)> {
        let fitter = ChoiceFitter::new(&graph, &spec, &ordered_pairs(&counts))?;
        let fit = fitter.fit(&counts)?;
        let chance = fit.log_likelihood / (1.0 - fit.mcfadden);
        let preferences = counts.iter().flatten().map(|c| (c.first, c.second, c.first_chosen - 0.5 * c.trials));
        // Where choices follow the order, the opposite one cannot explain them much better.
        let is_doubtful = fit.estimates.limit == Some(FitLimit::NoSignal)
            || fit.log_likelihood - chance < NOTABLE
            || leans_opposite(preferences);
        let opposite = if is_doubtful { opposite_choices(&fitter, &fit, &counts)? } else { 0.0 };
        Ok((ChoiceFit { fit, graph, spec, clusters: counts, fitter: fitter.into() }, opposite))
    };
    let (fit, opposite) = long::run_unless(py, is_short, "fit of choices", work)?;
    if opposite >= NOTABLE {
        let message = format!(
            "the choices speak for the opposite order of items: with winner and loser exchanged, the log-likelihood is {opposite:.1} higher"
        );
        warn(py, &message, 1)?;
    }
    Ok(fit)
}

/// The number of every row's cluster, in order of appearance.
fn numbered(clusters: &Bound<'_, PyAny>, rows: usize) -> PyResult<Vec<usize>> {
    let labels = array("clusters", clusters)?;
    if labels.shape() != [rows] {
        return Err(bad(
            "clusters",
            format_args!("expected {rows} labels, one for each pair, got the shape {:?}", labels.shape()),
        ));
    }
    // A row without a label could belong to any cluster.
    clusters.py().import("caveat._comparisons")?.call_method1("refuse_missing", ("clusters", &labels))?;
    let seen = PyDict::new(clusters.py());
    let number = |label| seen.call_method1("setdefault", (label, seen.len()))?.extract();
    labels.call_method0("tolist")?.try_iter()?.map(|label| number(label?)).collect()
}
