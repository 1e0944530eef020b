//! Profile intervals of a population's parameters, with cut-offs that are right for few units and near a limit.
//!
//! Twice the log-likelihood that is lost at a value is compared with a cut-off. With n units it is n·log(1 + t²/(n − 1)), t the
//! quantile of Student's t with n − 1 degrees of freedom: exact where units are known without error. Near a limit of the
//! parameter's range (α = 0, say) the estimate cannot lie beyond it, and the usual cut-off would cover too much: the
//! quantile's tail is then that of the likelihood-ratio ordering for a bounded normal mean (Feldman & Cousins 1998, *Phys. Rev.
//! D* 57:3873), 5 % at the limit itself (Self & Liang 1987, *J. Am. Statist. Assoc.* 82:605) and 2.5 % from two standard errors on.

use std::convert::Infallible;

use crate::inference::distributions::{normal_cdf, student_quantile};
use crate::inference::hierarchy::integral::{INFINITIES, Level};
use crate::inference::hierarchy::likelihood::{Fitted, LOG_SD, SLACK, Units};
use crate::numeric::roots::{Bracket, Outward, turning_point};

/// Cut-offs for one number of units.
#[derive(Debug, Clone)]
pub(super) struct CutOff {
    /// At distances from the limit of 0, [`STEP`], 2·[`STEP`] … standard errors; the last far from it.
    at: Vec<f64>,
}

/// Distance of tabulated cut-offs, and how many there are.
const STEP: f64 = 0.1;
const COUNT: usize = 21;

impl CutOff {
    pub(super) fn new(n_units: usize) -> Self {
        let n = n_units as f64;
        let cut_off = |k: usize| {
            let tail = bounded_tail(STEP * k as f64);
            let t = student_quantile(1.0 - tail, n - 1.0);
            n * (t * t / (n - 1.0)).ln_1p()
        };
        Self { at: (0..COUNT).map(cut_off).collect() }
    }

    /// Far from any limit.
    pub(super) fn plain(&self) -> f64 {
        self.at[COUNT - 1]
    }

    /// At a distance from a limit in standard errors.
    fn for_distance(&self, distance: f64) -> f64 {
        let place = (distance / STEP).clamp(0.0, (COUNT - 1) as f64);
        let k = (place as usize).min(COUNT - 2);
        self.at[k] + (place - k as f64) * (self.at[k + 1] - self.at[k])
    }
}

/// The upper tail of the normal distribution at the root of the cut-off of a mean `distance` above its bound that covers 95 %.
fn bounded_tail(distance: f64) -> f64 {
    // Outside are observations x > d + r, and below: x < d − r where that is not beyond the bound, else where d² − 2xd > r².
    let outside = |r: f64| {
        let below = if r <= distance {
            normal_cdf(-r)
        } else if distance == 0.0 {
            0.0
        } else {
            normal_cdf((distance * distance - r * r) / (2.0 * distance) - distance)
        };
        normal_cdf(-r) + below
    };
    normal_cdf(-turning_point(1.0, 3.0, 60, |r| outside(r) > 0.05))
}

/// A parameter of a population: the mean of an axis (even) or its log standard deviation (odd), as among the derivatives.
pub(super) struct Profile<'a, 'u> {
    pub(super) units: &'u Units<'a>,
    pub(super) best: &'u Fitted,
    pub(super) cut: &'u CutOff,
    pub(super) parameter: usize,
}

impl Profile<'_, '_> {
    /// The lower and the upper end; ±∞ where it is the end of the range.
    pub(super) fn interval(&self) -> [f64; 2] {
        [self.end(0), self.end(1)]
    }

    fn range(&self) -> (f64, f64) {
        if self.parameter.is_multiple_of(2) { self.units.ends[self.parameter / 2] } else { LOG_SD }
    }

    fn lost(&self, fitted: &Fitted) -> f64 {
        2.0 * (self.best.value - fitted.value).max(0.0)
    }

    fn end(&self, side: usize) -> f64 {
        let axis = self.parameter / 2;
        let is_mean = self.parameter.is_multiple_of(2);
        let (low, high) = self.range();
        let bound = [low, high][side];
        let beyond = INFINITIES[side];
        let here = self.best.population;
        let (estimate, log_sd) = match here[axis] {
            Level::Limit(at) if at == side || !is_mean => return beyond,
            Level::Limit(_) => ([high, low][side], 0.0),
            Level::Normal { mean, log_sd } => (if is_mean { mean } else { log_sd }, log_sd),
        };
        // The limit itself, or the nearest value inside.
        let is_limit = !is_mean || self.units.open[axis][side];
        let to_limit = if is_limit {
            let mut limit = self.units.held(self.parameter, bound, self.best);
            if is_mean {
                let everybody = self.units.at_limit(axis, side, self.best);
                if everybody.value >= limit.value {
                    limit = everybody;
                }
            }
            self.lost(&limit).sqrt()
        } else {
            f64::INFINITY
        };
        if to_limit * to_limit <= self.cut.for_distance(0.0).max(2.0 * SLACK) {
            return beyond;
        }
        // Above 0 outside the interval.
        let excess = |fitted: &Fitted| match self.lost(fitted).sqrt() {
            f64::INFINITY => f64::INFINITY,
            lost => lost - self.cut.for_distance(to_limit - lost).sqrt(),
        };
        let information = self.best.information[self.parameter][self.parameter];
        let sign = if side == 0 { -1.0 } else { 1.0 };
        let reach = (bound - estimate).abs();
        let first = if matches!(here[axis], Level::Limit(_)) {
            2.0
        } else if is_mean {
            (2.2 / information.sqrt()).clamp(0.05 * log_sd.exp().max(1e-2), 2.0)
        } else {
            0.4
        };
        // The excess is nearly linear.
        let value = |distance: f64, near: &Fitted, is_outward: bool| {
            let held = |near: &Fitted| self.units.held(self.parameter, estimate + sign * distance, near);
            let mut found = held(near);
            if is_outward {
                let other = held(self.best);
                found = if other.value > found.value { other } else { found };
            }
            Ok::<_, Infallible>((excess(&found), found))
        };
        let is_narrow = |b: &Bracket| b.high - b.low < 1e-4 * (1e-2 + b.high) || b.at_high < 2e-3;
        let is_root = |f: f64| f <= 0.0 && f > -2e-3;
        let at_zero = -self.cut.plain().sqrt();
        let search = Outward { first, growth: 1.8, limit: reach, at_zero, margin: 0.05, steps: 30 };
        let found = search.crossing(*self.best, value, is_narrow, is_root).unwrap_or_else(|never| match never {});
        match found {
            Some((_, high)) => estimate + sign * high,
            // Only the limit itself is outside; where there is none, nothing is.
            None if is_limit => estimate + sign * reach,
            None => beyond,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_offs_go_from_one_sided_at_a_limit_to_two_sided_far_from_it() {
        let many = CutOff::new(100_000);
        assert!((many.for_distance(0.0) - 2.7055).abs() < 1e-3 && (many.plain() - 3.8415).abs() < 1e-3, "{many:?}");
        assert!(many.at.windows(2).all(|w| w[0] <= w[1] + 1e-9), "{many:?}");
        // A mean of 12 values known without error has the t interval.
        let t = student_quantile(0.975, 11.0);
        let few = CutOff::new(12);
        assert!(((few.plain() / 12.0).exp_m1() * 11.0 - t * t).abs() < 1e-6);
    }
}
