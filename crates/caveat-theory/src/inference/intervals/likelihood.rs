//! Profile-likelihood intervals of every parameter, and which parameters the observed pairs determine.
//!
//! A value θ₀ is accepted while 2(ℓ(θ̂) − max ℓ given θ₀) ≤ 3.84, the 95 % quantile of χ² with one degree of freedom; for margins, whose error
//! variance is unknown, t² times that variance, t the quantile of Student's t (§9.2).

use crate::error::Result;
use crate::inference::choice::{ChoiceCount, ChoiceFit, ChoiceFitter};
use crate::inference::engine::surface::Chart;
use crate::inference::engine::surface::information::{Directions, SHARE};
use crate::inference::engine::surface::model::{At, Model};
use crate::inference::engine::surface::scoring::{
    AMPLITUDE, BIAS, Coordinates, Held, LAPSE, Optimum, Search, Workspace, bounds, evaluate, maximize, unit,
};
use crate::inference::engine::surface::search::{self, point_inside};
use crate::inference::estimates::{
    Estimates, FitLimit, Interval, Parameter, ParameterInterval, PerParameter, ProfileIntervals,
};
use crate::inference::response::{MAX_LAPSE, Response, THRESHOLD};
use crate::numeric::roots::{Bracket, Outward};
use crate::numeric::sigmoid::{logit, sigmoid};
use crate::numeric::vectors::dot;

impl ChoiceFitter {
    /// 95 % profile-likelihood intervals of a fit to the same choices. 1 to 5 ms for 72 pairs of 9 items.
    ///
    /// A value is inside if the maximum over all others, with it held, is within 1.92 of the maximum; where the profile has
    /// several maxima, each end is the crossing nearest to the estimate.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn intervals(&self, fit: &ChoiceFit, clusters: &[Vec<ChoiceCount>]) -> Result<ProfileIntervals> {
        let data = self.total(&self.tabulate(clusters)?)?;
        intervals(&self.model, &data, &fit.at, &fit.estimates, THRESHOLD)
    }
}

/// Expected gain in log-likelihood, in units of evidence, at which a constrained fit is done.
const TOLERANCE: f64 = 1e-7;

/// What a constrained fit holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Coordinate {
    /// An index into the coordinates.
    Theta(usize),
    /// log gain.
    LogGain,
    /// log gain + z, which is finite in the Hebbian limit.
    LogGainStrength,
}

impl Coordinate {
    /// The scale that is held at a value of it, if it is none of the coordinates.
    pub(crate) fn held(self, value: f64) -> Option<Held> {
        match self {
            Self::Theta(_) => None,
            Self::LogGain => Some(Held::Gain(value.exp())),
            Self::LogGainStrength => Some(Held::GainStrength(value.exp())),
        }
    }
}

impl Model {
    /// The coordinate of a parameter, if it is free.
    pub(crate) fn coordinate(&self, parameter: Parameter) -> Option<Coordinate> {
        let chart = self.surface.primary;
        match (parameter, chart) {
            (Parameter::Conjunctivity, Chart::Plane | Chart::AlongConjunctivity { .. }) => Some(Coordinate::Theta(0)),
            (Parameter::Strength, Chart::Plane) => Some(Coordinate::Theta(1)),
            (Parameter::Strength, Chart::AlongStrength { .. }) => Some(Coordinate::Theta(0)),
            (Parameter::Gain, _) if self.spec.strength != Some(0.0) => Some(Coordinate::LogGain),
            (Parameter::Lapse, _) if self.spec.lapse => Some(Coordinate::Theta(LAPSE)),
            (Parameter::PositionBias, _) if self.spec.position_bias => Some(Coordinate::Theta(BIAS)),
            _ => None,
        }
    }

    /// A parameter's value in its coordinate; not finite outside its range.
    pub(crate) fn transformed(&self, parameter: Parameter, value: f64) -> f64 {
        match parameter {
            Parameter::Conjunctivity => logit(value),
            Parameter::Strength => value.ln() + self.surface.log_weight,
            Parameter::Gain => value.ln(),
            Parameter::Lapse if !(0.0..=MAX_LAPSE).contains(&value) => f64::NAN,
            Parameter::Lapse | Parameter::PositionBias => value,
            // Neither has a coordinate of the primary chart.
            Parameter::Screening | Parameter::Memorization => f64::NAN,
        }
    }

    /// A parameter's value from its place on a coordinate, the inverse of [`transformed`](Self::transformed); gain·C or gain·t where
    /// the coordinate is that of the product.
    pub(crate) fn restored(&self, parameter: Parameter, coordinate: Coordinate, at: f64) -> f64 {
        match parameter {
            Parameter::Conjunctivity => sigmoid(at),
            Parameter::Gain if coordinate == Coordinate::LogGain => at.exp(),
            Parameter::Strength | Parameter::Gain => (at - self.surface.log_weight).exp(),
            _ => at,
        }
    }
}

impl Parameter {
    /// The ends of its range.
    pub(crate) fn range(self) -> (f64, f64) {
        match self {
            Self::Conjunctivity | Self::Memorization => (0.0, 1.0),
            Self::Strength | Self::Gain | Self::Screening => (0.0, f64::INFINITY),
            Self::Lapse => (0.0, MAX_LAPSE),
            Self::PositionBias => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }
}

/// Constrained fits on the primary chart, all by the same evaluation.
pub(crate) struct Profile<'a, R> {
    model: &'a Model,
    pub(crate) response: &'a R,
    pub(crate) search: Search,
    pub(crate) best: Optimum,
    work: Workspace,
}

impl<'a, R: Response> Profile<'a, R> {
    fn new(model: &'a Model, response: &'a R, at: &At) -> Result<Self> {
        Self::on_chart(model, response, model.surface.primary, point_inside(model, at), TOLERANCE)
    }

    /// As [`new`](Self::new) on any chart, from a start on it.
    pub(crate) fn on_chart(
        model: &'a Model,
        response: &'a R,
        chart: Chart,
        start: Coordinates,
        tolerance: f64,
    ) -> Result<Self> {
        let search = Search { tolerance, steps: 100, ..model.search(chart, false) };
        let mut work = Workspace::default();
        let best = maximize(&model.surface, response, &Search { tolerance: 1e-10, ..search }, start, &mut work)?;
        Ok(Self { model, response, search, best, work })
    }

    /// Ends of the coordinates.
    pub(crate) fn bounds(&self) -> [(f64, f64); 5] {
        bounds(&self.model.surface, self.response, self.search.chart)
    }

    /// Twice the loss with one coordinate held, and the constrained optimum, climbed to from `start`.
    fn climb(&mut self, coordinate: Coordinate, value: f64, start: Coordinates) -> Result<(f64, Optimum)> {
        let (mut search, mut start) = (Search { held: coordinate.held(value), ..self.search }, start);
        if let Coordinate::Theta(k) = coordinate {
            search.free[k] = false;
            start[k] = value;
        }
        let optimum = maximize(&self.model.surface, self.response, &search, start, &mut self.work)?;
        Ok((2.0 * (self.best.value - optimum.value), optimum))
    }

    /// As [`climb`](Self::climb), from `start` and from the estimate: the better of both.
    pub(crate) fn loss(&mut self, coordinate: Coordinate, value: f64, start: Coordinates) -> Result<(f64, Optimum)> {
        let near = self.climb(coordinate, value, start)?;
        let far = self.climb(coordinate, value, self.best.theta)?;
        Ok(if far.0 < near.0 { far } else { near })
    }

    /// Where the loss first exceeds the threshold in one direction; `None` if it does not before `bound`.
    pub(crate) fn end(
        &mut self,
        coordinate: Coordinate,
        estimate: f64,
        bound: f64,
        scale: f64,
        threshold: f64,
    ) -> Result<Option<f64>> {
        // The root of the loss is nearly linear.
        let root = |loss: f64| loss.max(0.0).sqrt() - threshold.sqrt();
        let (toward, limit) = ((bound - estimate).signum(), (bound - estimate).abs());
        let best = self.best.theta;
        let value = |distance: f64, start: &Coordinates, is_outward: bool| {
            let mut found = self.climb(coordinate, estimate + toward * distance, *start)?;
            if is_outward && found.0 > threshold {
                // A bad start must not end the interval.
                let again = self.climb(coordinate, estimate + toward * distance, best)?;
                found = if again.0 < found.0 { again } else { found };
            }
            Ok((root(found.0), found.1.theta))
        };
        let is_narrow = |bracket: &Bracket| bracket.high - bracket.low < 1e-6 * (1e-3 + bracket.high);
        let is_root = |f: f64| f.abs() < 1e-5 * threshold.sqrt();
        let search = Outward { first: 2.0 * scale, growth: 1.7, limit, at_zero: root(0.0), margin: 0.02, steps: 40 };
        let found = search.crossing(best, value, is_narrow, is_root)?;
        Ok(found.map(|(low, high)| estimate + toward * 0.5 * (low + high)))
    }
}

/// Profile intervals at a loss of twice the log-likelihood of `threshold`.
pub(crate) fn intervals<R: Response>(
    model: &Model,
    response: &R,
    at: &At,
    estimates: &Estimates,
    threshold: f64,
) -> Result<ProfileIntervals> {
    let mut profile = Profile::new(model, response, at)?;
    let surface = &model.surface;
    let best = profile.best;
    let ends = surface.ends(surface.primary);
    let (largest_amplitude, largest_bias) = response.largest();
    // Scale of the gain at the estimate, and at the weakest strength of the box.
    evaluate(surface, response, &profile.search, best.theta, &mut profile.work)?;
    let log_scale = profile.work.field.log_scale;
    let log_gain = best.theta[AMPLITUDE].ln() - log_scale;
    let weakest = match surface.primary {
        Chart::Plane | Chart::AlongStrength { .. } => {
            let mut theta = best.theta;
            let k = surface.primary.dimension() - 1;
            theta[k] = ends[k].0 + 1.0;
            evaluate(surface, response, &profile.search, theta, &mut profile.work)?;
            (log_scale - profile.work.field.log_scale).max(0.0)
        }
        _ => 0.0,
    };
    let identified = identifiability(model, response, at, estimates, &mut profile.work)?;
    let spread = |k: usize| {
        let own = best.information[k][k];
        if own > 0.0 { (response.unit(best.value) / own).sqrt() } else { f64::INFINITY }
    };
    let profiled = |parameter: Parameter| -> Result<Option<ParameterInterval>> {
        let Some(coordinate) = model.coordinate(parameter) else { return Ok(None) };
        // The first step is neither tiny nor across the box.
        let (estimate, bounds, scale) = match coordinate {
            Coordinate::Theta(k @ (0 | 1)) => (best.theta[k], ends[k], spread(k).clamp(0.05, 0.7)),
            Coordinate::Theta(LAPSE) => (best.theta[LAPSE], (0.0, MAX_LAPSE), spread(LAPSE).clamp(1e-4, 0.1)),
            Coordinate::Theta(_) => {
                let unit = best.theta[AMPLITUDE].max(best.theta[BIAS].abs()).max(1e-3);
                (best.theta[BIAS], (-largest_bias, largest_bias), spread(BIAS).clamp(1e-3 * unit, unit))
            }
            Coordinate::LogGain | Coordinate::LogGainStrength => {
                let cap = if weakest > 0.0 { weakest } else { (largest_amplitude / best.theta[AMPLITUDE]).ln() };
                let relative = spread(AMPLITUDE) / best.theta[AMPLITUDE];
                (log_gain, (log_gain - 20.0, log_gain + cap.min(60.0)), relative.clamp(0.02, 0.7))
            }
        };
        if !estimate.is_finite() {
            // No signal: the data may refuse any gain but 0, and everything else is open.
            return Ok(Some(ParameterInterval { interval: Interval::NONE, identified: false, bounded: false }));
        }
        let bounds = match coordinate {
            // For margins of any size.
            Coordinate::Theta(BIAS) if largest_bias.is_infinite() => (estimate - 1e6 * scale, estimate + 1e6 * scale),
            _ => bounds,
        };
        let low = profile.end(coordinate, estimate, bounds.0, scale, threshold)?;
        let high = profile.end(coordinate, estimate, bounds.1, scale, threshold)?;
        let (range, back) = (parameter.range(), |at| model.restored(parameter, coordinate, at));
        let interval = Interval { low: low.map_or(range.0, back), high: high.map_or(range.1, back) };
        let identified = identified.get(parameter);
        Ok(Some(ParameterInterval { interval, identified, bounded: low.is_some() && high.is_some() }))
    };
    let mut found = ProfileIntervals::try_from_fn(profiled)?;
    // The plane's box ends before the additive limit, where α is 0 and C is ∞ at any m.
    if accepts(model, response, Chart::Corner, (best.value, threshold), &mut profile.work)? {
        extend(&mut found.conjunctivity, 0.0);
        extend(&mut found.strength, f64::INFINITY);
    }
    for (interval, parameter) in [
        (&mut found.conjunctivity, Parameter::Conjunctivity),
        (&mut found.strength, Parameter::Strength),
        (&mut found.lapse, Parameter::Lapse),
        (&mut found.position_bias, Parameter::PositionBias),
    ] {
        extend(interval, estimates.get(parameter));
    }
    if estimates.saturated || accepts(model, response, HEBBIAN, (best.value, threshold), &mut profile.work)? {
        extend(&mut found.gain, f64::INFINITY);
    }
    if estimates.saturated {
        // A bias may grow with the gain, on the side of the estimate.
        for side in [-1.0, 1.0] {
            if side * estimates.position_bias >= -SMALLEST_BIAS {
                extend(&mut found.position_bias, side * f64::INFINITY);
            }
        }
    }
    Ok(found)
}

/// The limit C → 0, where the gain grows without bound at the same gain·C.
pub(crate) const HEBBIAN: Chart = Chart::AlongConjunctivity { z: f64::NEG_INFINITY };

/// Whether twice the log-likelihood of a limit of the plane is within a threshold of the best value.
pub(crate) fn accepts<R: Response>(
    model: &Model,
    response: &R,
    chart: Chart,
    (best, threshold): (f64, f64),
    work: &mut Workspace,
) -> Result<bool> {
    if !model.surface.limits().contains(&chart) {
        return Ok(false);
    }
    work.forget();
    let found = search::maxima(model, response, chart, work)?[0].value;
    Ok(2.0 * (best - found) <= threshold)
}

/// Biases of saturated fits below this are on neither side.
const SMALLEST_BIAS: f64 = 1e-6;

/// Stretches an interval, if there is one, to hold an end of the range or a number.
fn extend(found: &mut Option<ParameterInterval>, value: f64) {
    let Some(found) = found.as_mut().filter(|f| !value.is_nan() && !f.interval.low.is_nan()) else { return };
    if value < found.interval.low || value > found.interval.high {
        found.bounded &= value.is_finite() && value != 0.0;
        found.interval.include(value);
    }
}

/// Whether each parameter changes along no null direction of the information.
fn identifiability<R: Response>(
    model: &Model,
    response: &R,
    at: &At,
    estimates: &Estimates,
    work: &mut Workspace,
) -> Result<PerParameter<bool>> {
    let chart = model.surface.primary;
    let search = model.search(chart, true);
    let there = evaluate(&model.surface, response, &search, point_inside(model, at), work)?;
    let (dimension, slopes) = (chart.dimension(), work.field.scale_slopes);
    let part = [dimension > 0, dimension > 1, true, model.spec.lapse, model.spec.position_bias];
    let directions = Directions::new(&there.information, (0..5).filter(|&k| part[k]))?;
    let size = &directions.size;
    // Without any effect of its own a coordinate is undetermined.
    let mut null: Vec<Coordinates> = (0..5).filter(|&k| part[k] && size[k] == 0.0).map(unit).collect();
    null.extend(directions.all.iter().filter(|d| d.is_null).map(|d| d.vector));
    // Gradient of each parameter in the scaled coordinates, compared with the null directions.
    let determined = |gradient: Coordinates| {
        let norm = dot(&gradient, &gradient).sqrt();
        null.iter().all(|d| dot(&gradient, d).abs() <= SHARE * norm)
    };
    let log_gain: Coordinates = std::array::from_fn(|k| match k {
        0 | 1 if k < dimension && size[k] > 0.0 => -slopes[k] / size[k],
        AMPLITUDE => 1.0 / (there.theta[AMPLITUDE] * size[AMPLITUDE]),
        _ => 0.0,
    });
    let strength = if chart == Chart::Plane { 1 } else { 0 };
    let limit = estimates.limit;
    let silent = limit == Some(FitLimit::NoSignal);
    let conjunctive = limit == Some(FitLimit::Conjunctive) && model.spec.strength.is_none();
    let hebbian = limit == Some(FitLimit::Hebbian);
    let null_gain = null.iter().any(|d| d[AMPLITUDE] == 1.0);
    Ok(PerParameter {
        conjunctivity: !silent && determined(unit(0)),
        strength: !silent && !conjunctive && determined(unit(strength)),
        gain: !silent && !conjunctive && !hebbian && !null_gain && !estimates.saturated && determined(log_gain),
        lapse: determined(unit(LAPSE)),
        position_bias: determined(unit(BIAS)),
        ..PerParameter::default()
    })
}
