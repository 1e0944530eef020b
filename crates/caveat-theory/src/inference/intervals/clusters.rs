//! Intervals over clusters (seeds, subjects, sessions) that hold with two of them: a test of every value of a parameter.
//!
//! [`score`] is the test; here what is tested, and where the likelihood is asked instead.

mod score;

use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};
use crate::inference::choice::{ChoiceCount, ChoiceFit, ChoiceFitter};
use crate::inference::engine::surface::Chart;
use crate::inference::engine::surface::model::{At, Model};
use crate::inference::engine::surface::scoring::Workspace;
use crate::inference::engine::surface::search::point_inside;
use crate::inference::estimates::{
    ClusterIntervals, Estimates, FitLimit, Interval, Parameter, PerParameter, ProfileIntervals,
};
use crate::inference::intervals::likelihood::{self, Coordinate, Profile};
use crate::inference::margin_fit::MarginFit;
use crate::inference::margins::{MarginModelFitter, MarginObservation};
use crate::inference::model::ModelSpec;
use crate::inference::response::{Binomial, Response};
use crate::learner::LearnerKind;
use crate::numeric::sigmoid::{logit, sigmoid};
use score::{Clusters, are_alike};

/// An α below which the plane's box may have kept an interval from its end.
const BOX_END: f64 = 1e-6;

/// Expected gain in log-likelihood, in units of evidence, at which a constrained fit is done.
const TOLERANCE: f64 = 1e-10;

impl ChoiceFitter {
    /// 95 % intervals of a fit to the same choices, for the parameters that infinitely many clusters would give. `clusters` are
    /// independent of each other; trials of one cluster may share anything.
    ///
    /// Student's t of the change that each cluster alone would make accepts a value or not. An interval holds the accepted values
    /// around the estimate; where the estimate is an end of its range, or the fit is saturated, also those of the profile's interval.
    /// It ends at the end of the range if all values up to there are accepted: where the clusters tell nothing, it is the whole range.
    /// Where all clusters hold the same data, it is the profile's (for margins, that of one cluster). Two clusters have one degree of
    /// freedom, a quantile of 12.7 and wide intervals.
    ///
    /// Clusters without a trial do not count. Cost about 100 constrained fits, some milliseconds for 72 pairs of 9 items, and
    /// as many evaluations of every cluster.
    ///
    /// # Errors
    /// Fewer than two clusters with trials, or what [`fit`](Self::fit) refuses.
    pub fn cluster_intervals(&self, fit: &ChoiceFit, clusters: &[Vec<ChoiceCount>]) -> Result<ClusterIntervals> {
        let mut tables = self.tabulate(clusters)?;
        let total: Binomial = self.total(&tables)?;
        tables.retain(|table| table.n_trials() > 0.0);
        intervals(&self.model, &total, &tables, &fit.at, &fit.estimates)
    }
}

impl MarginModelFitter {
    /// 95 % intervals of a fit over clusters, as [`ChoiceFitter::cluster_intervals`].
    ///
    /// # Errors
    /// Fewer than two clusters, or what [`fit`](Self::fit) refuses.
    pub fn cluster_intervals(&self, fit: &MarginFit, clusters: &[Vec<MarginObservation>]) -> Result<ClusterIntervals> {
        let tables: Vec<_> = clusters.iter().map(|c| self.tabulate(c.iter())).collect::<Result<_>>()?;
        let total = self.tabulate(clusters.iter().flatten())?;
        intervals(&self.model, &total, &tables, fit.point()?, &fit.estimates)
    }
}

/// 95 % intervals over clusters of `fit`, ridge regression's to the mean margins of `clusters`, as
/// [`ChoiceFitter::cluster_intervals`].
///
/// `clusters[k]` holds the margins of cluster k in the order of `pairs`; means are with `weights`, one positive number a cluster,
/// if given. Cost some milliseconds for 36 pairs of 9 items.
///
/// # Errors
/// Fewer than two clusters, a fit of another number of pairs, margins that are not one finite number per pair, weights that
/// are not one positive number per cluster, or what [`MarginModelFitter::new`] refuses.
pub fn margin_intervals(
    graph: &ComparisonGraph,
    pairs: &[(usize, usize)],
    fit: &MarginFit,
    clusters: &[Vec<f64>],
    weights: Option<&[f64]>,
) -> Result<ClusterIntervals> {
    let refused = |problem: String| Err(TheoryError::BadInput { what: "intervals over clusters", problem });
    if let Some(weights) = weights.filter(|w| w.len() != clusters.len()) {
        return refused(format!("{} weights for {} clusters; give one each", weights.len(), clusters.len()));
    }
    if let Some(k) = clusters.iter().position(|c| c.len() != pairs.len()) {
        let (n, all) = (clusters[k].len(), pairs.len());
        return refused(format!("cluster {k} has {n} margins for {all} pairs; give one each"));
    }
    if fit.n_observations != pairs.len() {
        return refused(format!("a fit of {} pairs for {}; give that to these pairs", fit.n_observations, pairs.len()));
    }
    let fitter = MarginModelFitter::new(graph, &ModelSpec::new(LearnerKind::Ridge), pairs)?;
    let observations = |(k, cluster): (usize, &Vec<f64>)| -> Vec<MarginObservation> {
        let weight = weights.map_or(1.0, |w| w[k]);
        let one = |(&(first, second), &margin)| MarginObservation { first, second, margin, weight };
        pairs.iter().zip(cluster).map(one).collect()
    };
    let clusters: Vec<Vec<MarginObservation>> = clusters.iter().enumerate().map(observations).collect();
    let estimates = fit.estimates;
    // Shapes have a root mean square of 1, so that the amplitude is that of the margins.
    let amplitude = (fit.fitted.iter().map(|f| f * f).sum::<f64>() / pairs.len() as f64).sqrt();
    let log_weight = fitter.model.surface.log_weight;
    let (chart, u) = match estimates.limit {
        Some(FitLimit::NoSignal) => (Chart::Plane, [0.0, 0.0]),
        Some(FitLimit::Additive) => (Chart::Corner, [logit(estimates.memorization), 0.0]),
        _ => (Chart::Plane, [logit(estimates.conjunctivity), estimates.strength.ln() + log_weight]),
    };
    let at = At { chart, theta: [u[0], u[1], amplitude, 0.0, 0.0] };
    let tables: Vec<_> = clusters.iter().map(|c| fitter.tabulate(c.iter())).collect::<Result<_>>()?;
    let total = fitter.tabulate(clusters.iter().flatten())?;
    intervals(&fitter.model, &total, &tables, &at, &estimates)
}

fn intervals<R: Response>(
    model: &Model,
    total: &R,
    tables: &[R],
    at: &At,
    estimates: &Estimates,
) -> Result<ClusterIntervals> {
    if tables.len() < 2 {
        let number = if tables.is_empty() { "no" } else { "one" };
        let problem = format!("{number} cluster with data, and the spread between them takes at least 2");
        return Err(TheoryError::BadInput { what: "intervals over clusters", problem });
    }
    let total = if are_alike(tables) { R::evidence(total, &tables[0]) } else { total };
    let primary = model.surface.primary;
    let profile = Profile::on_chart(model, total, primary, point_inside(model, at), TOLERANCE)?;
    let peak = profile.best.value;
    let mut on_primary = Clusters::new(model, tables, profile);
    let mut accepted = |parameter: Parameter| -> Result<Option<Interval>> {
        let Some(mut coordinate) = model.coordinate(parameter) else { return Ok(None) };
        if coordinate == Coordinate::LogGain && estimates.limit == Some(FitLimit::Hebbian) {
            coordinate = Coordinate::LogGainStrength;
        }
        let estimate = if parameter == Parameter::Gain { f64::NAN } else { estimates.get(parameter) };
        let back = |at| model.restored(parameter, coordinate, at);
        on_primary.interval(coordinate, model.transformed(parameter, estimate), parameter.range(), &back).map(Some)
    };
    // Where the profile of the likelihood ends, looked up where it is needed.
    let mut profile: Option<ProfileIntervals> = None;
    let widened = |parameter: Parameter| -> Result<Option<Interval>> {
        let Some(mut found) = accepted(parameter)? else { return Ok(None) };
        let is_product = parameter == Parameter::Gain && estimates.limit == Some(FitLimit::Hebbian);
        let estimate = estimates.get(parameter);
        let holds = estimate.is_nan() || is_within(&found, estimate);
        // A logistic C at the end of its range is no limit: with another gain it would lie inside.
        let is_cut_off = model.spec.learner == LearnerKind::Logistic && estimates.strength.is_infinite();
        if is_product || (holds && !estimates.saturated && !is_cut_off) {
            return Ok(Some(found));
        }
        if profile.is_none() {
            let threshold = total.threshold(peak, model.spec.n_parameters());
            profile = Some(likelihood::intervals(model, total, at, estimates, threshold)?);
        }
        if let Some(likely) = profile.as_ref().and_then(|p| p.get(parameter)) {
            found.join(likely.interval);
        }
        found.include(estimate);
        if parameter == Parameter::Gain && estimates.saturated {
            found.high = f64::INFINITY;
        }
        Ok(Some(found))
    };
    let mut found = PerParameter::try_from_fn(widened)?;
    let is_likely = |limit: Chart| {
        let lost = (peak, total.threshold(peak, model.spec.n_parameters()));
        likelihood::accepts(model, total, limit, lost, &mut Workspace::default())
    };
    if let (Some(Interval { low: 0.0, .. }), Some(gain)) = (found.strength, &mut found.gain)
        && estimates.limit != Some(FitLimit::Hebbian)
        && is_likely(likelihood::HEBBIAN)?
    {
        gain.high = f64::INFINITY;
    }
    if model.spec.learner == LearnerKind::Ridge && primary == Chart::Plane && model.surface.is_exact() {
        let mut start = on_primary.profile.best.theta;
        let ends = model.surface.ends(Chart::Screening);
        let (log_mu, logit_m) = (estimates.screening.ln(), logit(estimates.memorization));
        // Without signal neither is known; any start will do.
        let within = |x: f64, (low, high): (f64, f64)| if x.is_nan() { 0.0 } else { x.clamp(low, high) };
        (start[0], start[1]) = (within(log_mu, ends[0]), within(logit_m, ends[1]));
        let profile = Profile::on_chart(model, total, Chart::Screening, start, TOLERANCE)?;
        let mut on_screening = Clusters::new(model, tables, profile);
        let (mu, m) = (Parameter::Screening.range(), Parameter::Memorization.range());
        found.screening = Some(on_screening.interval(Coordinate::Theta(0), log_mu, mu, &f64::exp)?);
        found.memorization = Some(on_screening.interval(Coordinate::Theta(1), logit_m, m, &sigmoid)?);
        // At μ = 0 α is 0 and C is ∞, for any m; the plane's box does not reach all of that. If neither α nor the likelihood comes
        // near it, the test of μ is only too weak to exclude it.
        if let (Some(Interval { low: 0.0, .. }), Some(a), Some(c)) =
            (found.screening, &mut found.conjunctivity, &mut found.strength)
            && (a.low < BOX_END || is_likely(Chart::Corner)?)
        {
            (a.low, c.high) = (0.0, f64::INFINITY);
        }
        // C → 0 is μ → ∞ and m → 0 at any product, which the box of μ and m does not reach.
        if let (Some(Interval { low: 0.0, .. }), Some(mu), Some(m)) =
            (found.strength, &mut found.screening, &mut found.memorization)
        {
            (mu.high, m.low) = (f64::INFINITY, 0.0);
        }
    }
    Ok(ClusterIntervals { intervals: found, clusters: tables.len() })
}

/// Whether an estimate lies in an interval, up to rounding.
fn is_within(interval: &Interval, estimate: f64) -> bool {
    let slack = if estimate.is_finite() { 1e-6 * estimate.abs() } else { 0.0 };
    interval.low <= estimate + slack && estimate - slack <= interval.high
}

#[cfg(test)]
mod tests;
