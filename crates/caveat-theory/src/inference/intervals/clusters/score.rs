//! The test of a parameter's value by what every cluster says of it, and the values that it accepts.
//!
//! A value θ₀ is held, all other parameters are fitted to all clusters together, and every cluster tells by how much it alone
//! would change the parameter: its influence u_k = ∇θᵀI⁻¹s_k, s_k its score and I the information of all. At the true
//! value influences have mean zero, whatever noise a cluster shares: to first order in it they do not depend on the other
//! parameters' errors. θ₀ is accepted if t = ū/(sd(u)/√K) is within the 97.5 % quantile of Student's t with K − 1 degrees
//! of freedom. No cluster needs an estimate of its own, and none of its errors are taken to be independent. (This is the
//! score test with the clusters' own covariance: D. Boos 1992, *The American Statistician* 46:327; its inversion with few
//! clusters needs Student's t, as R. Ibragimov & U. Müller 2010, *J. Business & Economic Statistics* 28:453.)

use crate::error::Result;
use crate::inference::distributions::student_quantile;
use crate::inference::engine::surface::information::{Directions, SHARE};
use crate::inference::engine::surface::model::Model;
use crate::inference::engine::surface::scoring::{AMPLITUDE, Coordinates, Optimum, Search, Workspace, evaluate, unit};
use crate::inference::estimates::Interval;
use crate::inference::intervals::likelihood::{Coordinate, Profile};
use crate::inference::response::Response;
use crate::numeric::roots::{Bracket, Outward};
use crate::numeric::vectors::{dot, largest, mean_and_error};

/// Influences below this share of the terms that they are sums of are rounding.
const ROUNDING: f64 = 1e-10;

/// Tests values of parameters by the score of each cluster.
pub(crate) struct Clusters<'a, R> {
    model: &'a Model,
    tables: &'a [R],
    pub(crate) profile: Profile<'a, R>,
    /// The largest |t| that is accepted.
    threshold: f64,
    /// Whether all clusters hold the same data, so that nothing scatters between them.
    are_alike: bool,
    work: Workspace,
}

/// The test of a value.
struct Tested {
    /// Student's t: positive where they want a larger one; 0 where the value cannot be tested.
    t: f64,
    /// By how much the parameter differs from the value to first order, and the standard error of that; NaN where unknown.
    error: f64,
    /// The constrained fit.
    optimum: Optimum,
}

impl<'a, R: Response> Clusters<'a, R> {
    pub(crate) fn new(model: &'a Model, tables: &'a [R], profile: Profile<'a, R>) -> Self {
        let threshold = student_quantile(0.975, tables.len() as f64 - 1.0);
        let are_alike = are_alike(tables);
        Self { model, tables, profile, threshold, are_alike, work: Workspace::default() }
    }

    fn test(&mut self, coordinate: Coordinate, value: f64, start: Coordinates) -> Result<Tested> {
        let (_, optimum) = self.profile.loss(coordinate, value, start)?;
        let (surface, chart) = (&self.model.surface, self.profile.search.chart);
        let search = self.model.search(chart, false);
        let total = evaluate(surface, self.profile.response, &search, optimum.theta, &mut self.work)?;
        let mut gradient = if let Coordinate::Theta(k) = coordinate { unit(k) } else { [0.0; 5] };
        let held = coordinate.held(value);
        if let Some(held) = held {
            let (_, slopes) = held.amplitude(chart, [optimum.theta[0], optimum.theta[1]], &self.work.field);
            gradient[AMPLITUDE] = 1.0 / optimum.theta[AMPLITUDE];
            for k in 0..chart.dimension() {
                gradient[k] = -slopes[k];
            }
        }
        let part: Vec<usize> = (0..5).filter(|&k| search.free[k] && (k >= 2 || k < chart.dimension())).collect();
        let scores = self.scores(&search, optimum.theta)?;
        // Parameters at an end of their range that the clusters pull beyond it. Near an end where nothing changes, a climb stops
        // short of it, and its next step would pass the end.
        let bounds = self.profile.bounds();
        let beyond = |k: usize| {
            let (at, score) = (optimum.theta[k], optimum.score[k]);
            let next = at + score / optimum.information[k][k];
            match (next <= bounds[k].0 && score < 0.0, next >= bounds[k].1 && score > 0.0) {
                (true, _) => -1.0,
                (_, true) => 1.0,
                _ => 0.0,
            }
        };
        let is_tested = |k: usize| coordinate == Coordinate::Theta(k) || held.is_some() && k == AMPLITUDE;
        let (out, inside): (Vec<usize>, Vec<usize>) = part.iter().partition(|&&k| !is_tested(k) && beyond(k) != 0.0);
        if out.is_empty() {
            let (t, error) = student(&scores, &total.information, &gradient, &part)?;
            return Ok(Tested { t, error, optimum });
        }
        // Where the clusters agree on the pull, infinitely many of them would hold the parameter there too. Otherwise its true
        // value may be there or inside, and both are tried: with it fixed and with it free.
        let others: Vec<usize> = inside.iter().copied().filter(|&k| !is_tested(k)).collect();
        let tied = match held {
            None => scores.clone(),
            held => self.scores(&Search { held, ..search }, optimum.theta)?,
        };
        let mut open = inside.clone();
        for k in out {
            let (pull, _) = student(&tied, &optimum.information, &unit(k), &[&others[..], &[k]].concat())?;
            if pull * beyond(k) <= self.threshold {
                open.push(k);
            }
        }
        let (t, error) = student(&scores, &total.information, &gradient, &inside)?;
        let mut tested = Tested { t, error, optimum };
        if open.len() > inside.len() {
            let (other, error) = student(&scores, &total.information, &gradient, &open)?;
            if other * t <= 0.0 {
                tested.t = 0.0;
            } else if other.abs() < t.abs() {
                (tested.t, tested.error) = (other, error);
            }
        }
        Ok(tested)
    }

    /// The scores of every cluster at a point.
    fn scores(&mut self, search: &Search, theta: Coordinates) -> Result<Vec<Coordinates>> {
        let score = |table| {
            let surface = &self.model.surface;
            evaluate(surface, table, search, theta, &mut self.work).map(|own| own.score)
        };
        self.tables.iter().map(score).collect()
    }

    /// The accepted values of a coordinate around the estimate, as values of the parameter. An estimate of NaN is
    /// taken from the fit.
    pub(crate) fn interval(
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
                let held = coordinate.held(0.0).map_or(f64::NAN, |held| held.amplitude(chart, u, &self.work.field).0);
                let estimate = (best[AMPLITUDE] / held).ln();
                (estimate, (estimate - GAIN_RANGE, estimate + GAIN_RANGE))
            }
        };
        if !estimate.is_finite() {
            // No signal: the gain may be anything.
            return Ok(Interval { low: range.0, high: range.1 });
        }
        let error = self.test(coordinate, estimate, best)?.error;
        // A bias of margins has no bounds: it is scanned over a thousand times its plausible size.
        let wide = if error.is_finite() { self.threshold * error } else { 0.0 };
        let far = 1e3 * (wide + best[AMPLITUDE] + estimate.abs());
        let within = |bound: f64, far: f64| if bound.is_infinite() { estimate + far } else { bound };
        let (least, most) = (within(bounds.0, -far), within(bounds.1, far));
        if self.are_alike {
            // Without scatter every other value is rejected, however little the data say against it.
            let low = self.likelihood_end(coordinate, estimate, least)?;
            let high = self.likelihood_end(coordinate, estimate, most)?;
            return Ok(Interval { low: low.map_or(range.0, back), high: high.map_or(range.1, back) });
        }
        let mut low = self.end(coordinate, estimate, least, error)?;
        let mut high = self.end(coordinate, estimate, most, error)?;
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

    /// Where the profile of the likelihood ends.
    ///
    /// At an end of the range scores need not have mean zero: infinitely many clusters may give the end although all clusters pull
    /// beyond it. Then the test, which weighs that pull, rejects every value, however near; the likelihood weighs what the data say.
    fn likelihood_end(&mut self, coordinate: Coordinate, estimate: f64, bound: f64) -> Result<Option<f64>> {
        let value = self.profile.best.value;
        let threshold = self.profile.response.threshold(value, self.model.spec.n_parameters());
        let step = 0.005 * (bound - estimate).abs();
        self.profile.end(coordinate, estimate, bound, step, threshold)
    }

    /// Where the accepted values around the estimate end on one side; `None` if they reach the end of the range.
    fn end(&mut self, coordinate: Coordinate, estimate: f64, bound: f64, error: f64) -> Result<Option<f64>> {
        let (toward, limit) = ((bound - estimate).signum(), (bound - estimate).abs());
        // |t|/(|t| + threshold) − ½ is negative where accepted, and finite.
        let threshold = self.threshold;
        let excess = move |t: f64| if t.is_infinite() { 0.5 } else { t.abs() / (t.abs() + threshold) - 0.5 };
        let guess = 0.5 * threshold * error;
        let first = if guess.is_finite() { guess.clamp(1e-4 * limit, 0.2 * limit) } else { 0.01 * limit };
        let best = self.profile.best.theta;
        let value = |distance: f64, start: &Coordinates, _: bool| {
            let tested = self.test(coordinate, estimate + toward * distance, *start)?;
            Ok((excess(tested.t), tested.optimum.theta))
        };
        let is_narrow = |bracket: &Bracket| bracket.high - bracket.low <= 1e-6 * bracket.high;
        let search = Outward { first, growth: 1.5, limit, at_zero: -0.5, margin: 0.02, steps: 40 };
        let found = search.crossing(best, value, is_narrow, |f| f.abs() < 1e-6)?;
        Ok(found.map(|(low, high)| estimate + toward * 0.5 * (low + high)))
    }
}

/// Whether all clusters hold the same data.
pub(crate) fn are_alike<R: Response>(tables: &[R]) -> bool {
    tables.windows(2).all(|pair| pair[0].is_like(&pair[1]))
}

/// How far the logarithm of the gain is scanned on either side of its estimate.
const GAIN_RANGE: f64 = 20.0;

/// Student's t of the clusters' influences on what has a gradient, given their scores and the information of all over some
/// coordinates, and the standard error that they give it. 0 and NaN where a direction without information changes it.
fn student(
    scores: &[Coordinates],
    information: &[Coordinates; 5],
    gradient: &Coordinates,
    part: &[usize],
) -> Result<(f64, f64)> {
    let Some(direction) = influence(information, gradient, part)? else { return Ok((0.0, f64::NAN)) };
    let terms: Vec<Coordinates> = scores.iter().map(|score| std::array::from_fn(|k| direction[k] * score[k])).collect();
    let influences: Vec<f64> = terms.iter().map(|terms| terms.iter().sum()).collect();
    let (mean, error) = mean_and_error(&influences);
    let is_rounding = mean.abs() <= ROUNDING * largest(terms.as_flattened());
    Ok((if is_rounding { 0.0 } else { mean / error }, error * scores.len() as f64))
}

/// I⁻¹∇θ over some coordinates: what a score is multiplied with to give the change of θ in one step. `None` where θ changes
/// along a direction without information.
fn influence(information: &[Coordinates; 5], gradient: &Coordinates, part: &[usize]) -> Result<Option<Coordinates>> {
    let directions = Directions::new(information, part.iter().copied())?;
    let size = &directions.size;
    if directions.all.is_empty() || part.iter().any(|&k| size[k] == 0.0 && gradient[k] != 0.0) {
        return Ok(None);
    }
    let scaled: Coordinates =
        std::array::from_fn(|k| if part.contains(&k) && size[k] > 0.0 { gradient[k] / size[k] } else { 0.0 });
    let norm = dot(&scaled, &scaled).sqrt();
    let mut direction = [0.0; 5];
    for one in &directions.all {
        let along = dot(&one.vector, &scaled);
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
