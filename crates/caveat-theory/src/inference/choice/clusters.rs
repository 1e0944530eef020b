//! Intervals over clusters (seeds, subjects, sessions) that hold with two of them: a test of every value of a parameter.
//!
//! A value θ₀ is held, all other parameters are fitted to all clusters together, and every cluster tells by how much it alone
//! would change the parameter: its influence u_k = ∇θᵀI⁻¹s_k, s_k its score and I the information of all. At the true
//! value influences have mean zero, whatever noise a cluster shares: to first order in it they do not depend on the other
//! parameters' errors. θ₀ is accepted if t = ū/(sd(u)/√K) is within the 97.5 % quantile of Student's t with K − 1 degrees
//! of freedom. No cluster needs an estimate of its own, and none of its errors are taken to be independent. (This is the
//! score test with the clusters' own covariance: D. Boos 1992, *The American Statistician* 46:327; its inversion with few
//! clusters needs Student's t, as R. Ibragimov & U. Müller 2010, *J. Business & Economic Statistics* 28:453.)

use serde::Serialize;

use super::super::bootstrap::Interval;
use super::super::distributions::student_quantile;
use super::super::family::{Chart, Family, logistic, logit};
use super::super::fit::{Fit, FitLimit};
use super::information::{Directions, SHARE};
use super::profile::{self, ChoiceIntervals, Coordinate, Profile};
use super::response::{Binomial, MAX_LAPSE, Response};
use super::scoring::{AMPLITUDE, Coordinates, Held, Optimum, Search, Workspace, evaluate};
use super::search::inside;
use super::{
    At, ChoiceCount, ChoiceFit, ChoiceFitter, ChoiceParameter, Estimates, MarginModelFit, MarginModelFitter,
    MarginObservation, Model, ModelSpec,
};
use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};

/// Expected gain in log-likelihood, in units of evidence, at which a constrained fit is done.
const TOLERANCE: f64 = 1e-10;

/// Influences below this share of the terms that they are sums of are rounding.
const ROUNDING: f64 = 1e-10;

/// 95 % intervals over clusters; `None` for a parameter that is fixed or not part of the model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClusterIntervals {
    /// Of α.
    pub conjunctivity: Option<Interval>,
    /// Of C or t.
    pub strength: Option<Interval>,
    /// Of the gain, or of gain·strength where the estimate is the Hebbian limit. `None` where the strength is held at 0.
    pub gain: Option<Interval>,
    /// Of λ.
    pub lapse: Option<Interval>,
    /// Of b.
    pub position_bias: Option<Interval>,
    /// Of μ; `None` but for ridge regression with free α and C and equal presentation weights.
    pub screening: Option<Interval>,
    /// Of m, as of μ.
    pub memorization: Option<Interval>,
    /// Number of clusters.
    pub clusters: usize,
}

of_parameter!(ClusterIntervals, Option<Interval>);

impl ChoiceFitter {
    /// 95 % intervals of a fit to the same choices, over `clusters` that are independent of each other; what trials of one
    /// cluster share may be anything.
    ///
    /// A value of a parameter is accepted by Student's t of what each cluster alone would change. An interval holds the
    /// accepted values around the estimate; where that is an end of its range, or the fit is saturated, those within the
    /// profile's interval too. It ends where the range does if all up to there are accepted, so that it is the whole range
    /// where the clusters tell nothing. Two clusters have one degree of freedom, a quantile of 12.7 and wide
    /// intervals. They are of the parameters that infinitely many clusters would give.
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
    pub fn cluster_intervals(
        &self,
        fit: &MarginModelFit,
        clusters: &[Vec<MarginObservation>],
    ) -> Result<ClusterIntervals> {
        let tables: Vec<_> = clusters.iter().map(|c| self.tabulate(c.iter())).collect::<Result<_>>()?;
        let total = self.tabulate(clusters.iter().flatten())?;
        intervals(&self.model, &total, &tables, &fit.at, &fit.estimates)
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
    fit: &Fit,
    clusters: &[Vec<f64>],
    weights: Option<&[f64]>,
) -> Result<ClusterIntervals> {
    let refused = |problem: String| Err(TheoryError::BadInput { what: "intervals over clusters", problem });
    if let Some(weights) = weights.filter(|w| w.len() != clusters.len()) {
        return refused(format!("{} weights for {} clusters; give one each", weights.len(), clusters.len()));
    }
    if let Some(k) = clusters.iter().position(|c| c.len() != pairs.len()) {
        return refused(format!(
            "cluster {k} has {} margins for {} pairs; give one each",
            clusters[k].len(),
            pairs.len()
        ));
    }
    if fit.n_pairs != pairs.len() {
        return refused(format!("a fit of {} pairs for {}; give that to these pairs", fit.n_pairs, pairs.len()));
    }
    let fitter = MarginModelFitter::new(graph, &ModelSpec::new(Family::Ridge), pairs)?;
    let observations = |(k, cluster): (usize, &Vec<f64>)| -> Vec<MarginObservation> {
        let weight = weights.map_or(1.0, |w| w[k]);
        let one = |(&(first, second), &margin)| MarginObservation { first, second, margin, weight };
        pairs.iter().zip(cluster).map(one).collect()
    };
    let clusters: Vec<Vec<MarginObservation>> = clusters.iter().enumerate().map(observations).collect();
    let estimates = Estimates {
        conjunctivity: fit.conjunctivity,
        strength: fit.c,
        gain: fit.gain,
        lapse: 0.0,
        position_bias: 0.0,
        screening: fit.screening,
        memorization: fit.memorization,
        limit: fit.limit,
        saturated: false,
    };
    // Shapes have a root mean square of 1, so that the amplitude is that of the margins.
    let amplitude = (fit.fitted.iter().map(|f| f * f).sum::<f64>() / pairs.len() as f64).sqrt();
    let log_weight = fitter.model.surface.log_weight();
    let (chart, u) = match fit.limit {
        Some(FitLimit::NoSignal) => (Chart::Plane, [0.0, 0.0]),
        Some(FitLimit::Additive) => (Chart::Corner, [logit(fit.memorization), 0.0]),
        _ => (Chart::Plane, [logit(fit.conjunctivity), fit.c.ln() + log_weight]),
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
        return Err(TheoryError::BadInput {
            what: "intervals over clusters",
            problem: format!(
                "{} with data, and the spread between them takes at least 2",
                match tables.len() {
                    0 => "no cluster",
                    _ => "one cluster",
                }
            ),
        });
    }
    let primary = model.surface.primary();
    let profile = Profile::on(model, total, primary, inside(model, at), TOLERANCE)?;
    let peak = profile.best.value;
    let mut on_primary = Clusters::new(model, tables, profile);
    let log_weight = model.surface.log_weight();
    let mut of = |parameter: ChoiceParameter| -> Result<Option<Interval>> {
        let Some(mut coordinate) = model.coordinate(parameter) else { return Ok(None) };
        if coordinate == Coordinate::LogGain && estimates.limit == Some(FitLimit::Hebbian) {
            coordinate = Coordinate::LogGainStrength;
        }
        let (range, back): ((f64, f64), &dyn Fn(f64) -> f64) = match parameter {
            ChoiceParameter::Conjunctivity => ((0.0, 1.0), &logistic),
            ChoiceParameter::Strength => ((0.0, f64::INFINITY), &move |z| (z - log_weight).exp()),
            ChoiceParameter::Gain if coordinate == Coordinate::LogGainStrength => {
                ((0.0, f64::INFINITY), &move |g| (g - log_weight).exp())
            }
            ChoiceParameter::Gain => ((0.0, f64::INFINITY), &f64::exp),
            ChoiceParameter::Lapse => ((0.0, MAX_LAPSE), &|l| l),
            ChoiceParameter::PositionBias => ((f64::NEG_INFINITY, f64::INFINITY), &|b| b),
        };
        let estimate = match parameter {
            ChoiceParameter::Conjunctivity => estimates.conjunctivity,
            ChoiceParameter::Strength => estimates.strength,
            ChoiceParameter::Gain => f64::NAN,
            ChoiceParameter::Lapse => estimates.lapse,
            ChoiceParameter::PositionBias => estimates.position_bias,
        };
        on_primary.interval(coordinate, model.transformed(parameter, estimate), range, back).map(Some)
    };
    // Where the profile of the likelihood ends, looked up where it is needed.
    let mut profile: Option<ChoiceIntervals> = None;
    let mut of = |parameter: ChoiceParameter| -> Result<Option<Interval>> {
        let Some(found) = of(parameter)? else { return Ok(None) };
        let is_product = parameter == ChoiceParameter::Gain && estimates.limit == Some(FitLimit::Hebbian);
        let estimate = estimates.of(parameter);
        let holds = estimate.is_nan() || is_within(&found, estimate);
        if is_product || (holds && !estimates.saturated) {
            return Ok(Some(found));
        }
        if profile.is_none() {
            let threshold = total.threshold(peak, model.spec.n_parameters());
            profile = Some(profile::intervals(model, total, at, estimates, threshold)?);
        }
        let likely = profile.as_ref().and_then(|p| p.of(parameter)).map_or(found, |p| p.interval);
        let wider = hull(hull(found, likely), Interval { low: estimate, high: estimate });
        let is_open = parameter == ChoiceParameter::Gain && estimates.saturated;
        Ok(Some(Interval { high: if is_open { f64::INFINITY } else { wider.high }, ..wider }))
    };
    let [conjunctivity, strength, mut gain, lapse, position_bias] = [
        of(ChoiceParameter::Conjunctivity)?,
        of(ChoiceParameter::Strength)?,
        of(ChoiceParameter::Gain)?,
        of(ChoiceParameter::Lapse)?,
        of(ChoiceParameter::PositionBias)?,
    ];
    if let (Some(Interval { low: 0.0, .. }), Some(gain)) = (strength, &mut gain)
        && estimates.limit != Some(FitLimit::Hebbian)
    {
        let lost = (peak, total.threshold(peak, model.spec.n_parameters()));
        if profile::accepts(model, total, profile::HEBBIAN, lost, &mut Workspace::default())? {
            gain.high = f64::INFINITY;
        }
    }
    let (mut conjunctivity, mut strength, mut screening, mut memorization) = (conjunctivity, strength, None, None);
    if model.spec.family == Family::Ridge && primary == Chart::Plane && model.surface.is_exact() {
        let mut start = on_primary.profile.best.theta;
        let ends = model.surface.ends(Chart::Screening);
        // Without signal neither is known; any start will do.
        let within = |x: f64, (low, high): (f64, f64)| if x.is_nan() { 0.0 } else { x.clamp(low, high) };
        start[0] = within(estimates.screening.ln(), ends[0]);
        start[1] = within(logit(estimates.memorization), ends[1]);
        let profile = Profile::on(model, total, Chart::Screening, start, TOLERANCE)?;
        let mut on_screening = Clusters::new(model, tables, profile);
        screening = Some(on_screening.interval(
            Coordinate::Theta(0),
            estimates.screening.ln(),
            (0.0, f64::INFINITY),
            &f64::exp,
        )?);
        // At μ = 0 α is 0 and C is ∞, for any m; the plane's box does not reach all of that.
        if let (Some(Interval { low: 0.0, .. }), Some(a), Some(c)) = (screening, &mut conjunctivity, &mut strength) {
            (a.low, c.high) = (0.0, f64::INFINITY);
        }
        memorization =
            Some(on_screening.interval(Coordinate::Theta(1), logit(estimates.memorization), (0.0, 1.0), &logistic)?);
    }
    let clusters = tables.len();
    Ok(ClusterIntervals { conjunctivity, strength, gain, lapse, position_bias, screening, memorization, clusters })
}

/// Whether an estimate lies in an interval, but for rounding.
fn is_within(interval: &Interval, estimate: f64) -> bool {
    let slack = 1e-6 * estimate.abs();
    interval.low <= estimate + slack && estimate - slack <= interval.high
}

/// The smallest interval around both; what is NaN counts for nothing.
fn hull(a: Interval, b: Interval) -> Interval {
    Interval { low: a.low.min(b.low), high: a.high.max(b.high) }
}

/// Tests of values of parameters by what each cluster says of them.
struct Clusters<'a, R> {
    model: &'a Model,
    tables: &'a [R],
    profile: Profile<'a, R>,
    /// The largest |t| that is accepted.
    threshold: f64,
    work: Workspace,
}

/// What the clusters say of a value.
struct Tested {
    /// Student's t: positive where they want a larger one; 0 where the value cannot be tested.
    t: f64,
    /// By how much the parameter differs from the value to first order, and the standard error of that; NaN where unknown.
    error: f64,
    /// The constrained fit.
    optimum: Optimum,
}

impl<'a, R: Response> Clusters<'a, R> {
    fn new(model: &'a Model, tables: &'a [R], profile: Profile<'a, R>) -> Self {
        let threshold = student_quantile(0.975, tables.len() as f64 - 1.0);
        Self { model, tables, profile, threshold, work: Workspace::default() }
    }

    fn test(&mut self, coordinate: Coordinate, value: f64, start: Coordinates) -> Result<Tested> {
        let (_, optimum) = self.profile.loss(coordinate, value, start)?;
        let (surface, chart) = (&self.model.surface, self.profile.search.chart);
        let search = self.model.search(chart, false);
        let total = evaluate(surface, self.profile.response, &search, optimum.theta, &mut self.work)?;
        let mut gradient = [0.0; 5];
        let held = match coordinate {
            Coordinate::Theta(k) => {
                gradient[k] = 1.0;
                None
            }
            Coordinate::LogGain => Some(Held::Gain(1.0)),
            Coordinate::LogGainStrength => Some(Held::GainStrength(1.0)),
        };
        if let Some(held) = held {
            let (_, slopes) = held.amplitude(chart, [optimum.theta[0], optimum.theta[1]], &self.work.field);
            gradient[AMPLITUDE] = 1.0 / optimum.theta[AMPLITUDE];
            for k in 0..chart.dimension() {
                gradient[k] = -slopes[k];
            }
        }
        let part: Vec<usize> = (0..5).filter(|&k| search.free[k] && (k >= 2 || k < chart.dimension())).collect();
        let (t, error) = self.student(&total, &gradient, &part, &search)?;
        // A parameter that the fit holds at an end of its range, although the clusters pull it beyond, may have its true
        // value there or inside. Both are allowed for: with it fixed and with it free. Near an end where nothing changes any
        // more a climb stops on the way, and its next step would pass the end.
        let bounds = self.profile.bounds();
        let is_out = |k: usize| {
            let (at, score) = (optimum.theta[k], optimum.score[k]);
            let next = at + score / optimum.information[k][k];
            (next <= bounds[k].0 && score < 0.0) || (next >= bounds[k].1 && score > 0.0)
        };
        let inside: Vec<usize> =
            part.iter().copied().filter(|&k| coordinate == Coordinate::Theta(k) || !is_out(k)).collect();
        let mut tested = Tested { t, error, optimum };
        if inside.len() < part.len() {
            let (other, error) = self.student(&total, &gradient, &inside, &search)?;
            if other * t <= 0.0 {
                tested.t = 0.0;
            } else if other.abs() < t.abs() {
                (tested.t, tested.error) = (other, error);
            }
        }
        Ok(tested)
    }

    /// Student's t of the clusters' influences at a point, and the standard error that they give the parameter.
    fn student(
        &mut self,
        total: &Optimum,
        gradient: &Coordinates,
        part: &[usize],
        search: &Search,
    ) -> Result<(f64, f64)> {
        let Some(direction) = influence(total, gradient, part)? else { return Ok((0.0, f64::NAN)) };
        let n = self.tables.len() as f64;
        let (mut influences, mut largest) = (Vec::with_capacity(self.tables.len()), 0.0_f64);
        for table in self.tables {
            let own = evaluate(&self.model.surface, table, search, total.theta, &mut self.work)?;
            let terms = [0, 1, 2, 3, 4].map(|k| direction[k] * own.score[k]);
            influences.push(terms.iter().sum::<f64>());
            largest = terms.iter().fold(largest, |a, term| a.max(term.abs()));
        }
        let mean = influences.iter().sum::<f64>() / n;
        let squares: f64 = influences.iter().map(|u| (u - mean) * (u - mean)).sum();
        let error = (squares / (n - 1.0) / n).sqrt();
        if mean.abs() <= ROUNDING * largest {
            return Ok((0.0, error * n));
        }
        Ok((mean / error, error * n))
    }

    /// The accepted values of a coordinate around the estimate, as values of the parameter. An estimate of NaN is
    /// taken from the fit.
    fn interval(
        &mut self,
        coordinate: Coordinate,
        estimate: f64,
        range: (f64, f64),
        back: &dyn Fn(f64) -> f64,
    ) -> Result<Interval> {
        let best = self.profile.best.theta;
        let bounds = self.profile.bounds();
        let (estimate, bounds) = match coordinate {
            // A limit lies at the end of the box.
            Coordinate::Theta(k) if !estimate.is_nan() => (estimate.clamp(bounds[k].0, bounds[k].1), bounds[k]),
            Coordinate::Theta(k) => (best[k], bounds[k]),
            Coordinate::LogGain | Coordinate::LogGainStrength => {
                let (surface, chart) = (&self.model.surface, self.profile.search.chart);
                let u = [best[0], best[1]];
                self.work.forget();
                surface.evaluate(chart, u, false, &mut self.work.field)?;
                let held = if coordinate == Coordinate::LogGain { Held::Gain(1.0) } else { Held::GainStrength(1.0) };
                let (unit, _) = held.amplitude(chart, u, &self.work.field);
                let estimate = (best[AMPLITUDE] / unit).ln();
                (estimate, (estimate - GAIN_RANGE, estimate + GAIN_RANGE))
            }
        };
        if !estimate.is_finite() {
            // No signal: nothing says how large the gain is.
            return Ok(Interval { low: range.0, high: range.1 });
        }
        let error = self.test(coordinate, estimate, best)?.error;
        // A bias of margins has no bounds of its own: it is scanned over a thousand times what could be expected of it.
        let wide = if error.is_finite() { self.threshold * error } else { 0.0 };
        let far = 1e3 * (wide + best[AMPLITUDE] + estimate.abs());
        let within = |bound: f64, far: f64| if bound.is_infinite() { estimate + far } else { bound };
        let mut low = self.end(coordinate, estimate, within(bounds.0, -far), error)?;
        let mut high = self.end(coordinate, estimate, within(bounds.1, far), error)?;
        if estimate >= bounds.1 {
            let far = self.likelihood_end(coordinate, estimate, bounds.0)?;
            low = low.zip(far).map(|(a, b)| a.min(b));
        }
        if estimate <= bounds.0 {
            let far = self.likelihood_end(coordinate, estimate, bounds.1)?;
            high = high.zip(far).map(|(a, b)| a.max(b));
        }
        Ok(Interval { low: low.map_or(range.0, back), high: high.map_or(range.1, back) })
    }

    /// Where the profile of the likelihood ends, of an estimate at the other end of its range.
    ///
    /// At an end of the range scores need not have mean zero: what infinitely many clusters give may be the end although all
    /// clusters pull beyond it. Then the test rejects every value, however near, for what it weighs is that pull and not how much
    /// the data say against the value. The likelihood does.
    fn likelihood_end(&mut self, coordinate: Coordinate, estimate: f64, bound: f64) -> Result<Option<f64>> {
        let value = self.profile.best.value;
        let threshold = self.profile.response.threshold(value, self.model.spec.n_parameters());
        let step = 0.005 * (bound - estimate).abs();
        self.profile.end(coordinate, estimate, bound, step, threshold)
    }

    /// Where the accepted values around the estimate end on one side; `None` if it is the end of the range.
    fn end(&mut self, coordinate: Coordinate, estimate: f64, bound: f64, error: f64) -> Result<Option<f64>> {
        let (toward, limit) = ((bound - estimate).signum(), (bound - estimate).abs());
        if limit == 0.0 {
            return Ok(None);
        }
        // |t|/(|t| + threshold) − ½ is negative where accepted, and finite.
        let threshold = self.threshold;
        let excess = move |t: f64| if t.is_infinite() { 0.5 } else { t.abs() / (t.abs() + threshold) - 0.5 };
        let guess = 0.5 * threshold * error;
        let mut distance = if guess.is_finite() { guess.clamp(1e-4 * limit, 0.2 * limit) } else { 0.01 * limit };
        let (mut low, mut f_low, mut start) = (0.0, -0.5, self.profile.best.theta);
        let (mut high, mut f_high);
        loop {
            let tested = self.test(coordinate, estimate + toward * distance, start)?;
            (high, f_high) = (distance, excess(tested.t));
            if f_high > 0.0 {
                break;
            }
            if distance >= limit {
                return Ok(None);
            }
            (low, f_low, start) = (high, f_high, tested.optimum.theta);
            distance = (distance * 1.5).min(limit);
        }
        // False position (Illinois), with the bracket as safeguard.
        for _ in 0..40 {
            if high - low <= 1e-6 * high {
                break;
            }
            let share = (f_low / (f_low - f_high)).clamp(0.02, 0.98);
            let middle = low + share * (high - low);
            let tested = self.test(coordinate, estimate + toward * middle, start)?;
            let f = excess(tested.t);
            if f.abs() < 1e-6 {
                return Ok(Some(estimate + toward * middle));
            }
            if f > 0.0 {
                (high, f_high) = (middle, f);
                f_low *= 0.5;
            } else {
                (low, f_low, start) = (middle, f, tested.optimum.theta);
                f_high *= 0.5;
            }
        }
        Ok(Some(estimate + toward * 0.5 * (low + high)))
    }
}

/// How far the logarithm of the gain is scanned on either side of its estimate.
const GAIN_RANGE: f64 = 20.0;

/// I⁻¹∇θ over some coordinates: what a score is multiplied with to give the change of θ in one step. `None` where θ changes
/// along a direction without information.
fn influence(at: &Optimum, gradient: &Coordinates, part: &[usize]) -> Result<Option<Coordinates>> {
    let directions = Directions::new(&at.information, part.iter().copied())?;
    let size = &directions.size;
    if directions.all.is_empty() || part.iter().any(|&k| size[k] == 0.0 && gradient[k] != 0.0) {
        return Ok(None);
    }
    let scaled: Coordinates =
        std::array::from_fn(|k| if part.contains(&k) && size[k] > 0.0 { gradient[k] / size[k] } else { 0.0 });
    let product = |a: &Coordinates, b: &Coordinates| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let norm = product(&scaled, &scaled).sqrt();
    let mut direction = [0.0; 5];
    for one in &directions.all {
        let along = product(&one.vector, &scaled);
        if one.is_null {
            if along.abs() > SHARE * norm {
                return Ok(None);
            }
            continue;
        }
        for k in (0..5).filter(|&k| one.vector[k] != 0.0) {
            direction[k] += one.vector[k] * along / one.value / size[k];
        }
    }
    Ok(Some(direction))
}

#[cfg(test)]
mod tests;
