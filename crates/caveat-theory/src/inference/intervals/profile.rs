//! Profile intervals of a fit's parameters: the values at which some model still fits almost as well as the best one.

use crate::error::{Result, TheoryError};
use crate::inference::distributions::student_quantile;
use crate::inference::engine::profile::MarginFitter;
use crate::inference::engine::profile::identify::identified;
use crate::inference::estimates::{FitLimit, Interval, ParameterInterval, PerParameter, ProfileIntervals};
use crate::inference::margin_fit::MarginFit;
use crate::numeric::vectors::dot;

mod region;

use region::{Extremes, Region};

/// The 95 % profile intervals of the fit `fit` of `fitter` to the margins `observed`.
///
/// A value of a parameter is accepted if the best model with that value has Σ residual² ≤ SSE·(1 + F/(N − 3)), where SSE is
/// that of the fit, N the number of pairs and F the 95 % quantile of the F distribution with 1 and N − 3 degrees of freedom:
/// the likelihood-ratio interval for independent Gaussian errors of one unknown variance, with the exact distribution of the
/// linear model (Bates & Watts 1988, *Nonlinear Regression Analysis*, section 6.1). Errors that pairs share, as those of
/// one seed do, are not in it; the bootstrap has them.
///
/// An interval is the hull of the accepted values, which need not be connected. Where the limit of a parameter is accepted,
/// that end is 0, 1 or ∞. Cost about 300 solves, less than a millisecond for 9 items.
///
/// # Errors
/// Three pairs or fewer, which leave no degree of freedom; margins that the fitter refuses; a fit of another fitter.
pub fn profile_intervals(fitter: &MarginFitter<'_>, fit: &MarginFit, observed: &[f64]) -> Result<ProfileIntervals> {
    fitter.check(observed)?;
    let n = observed.len();
    if n <= 3 {
        let problem = format!("{n} pairs leave no degree of freedom for 3 parameters; give at least 4");
        return Err(TheoryError::BadInput { what: "profile intervals", problem });
    }
    let identified = identified(fitter, fit)?;
    let (total, threshold) = (dot(observed, observed), threshold(fit, observed));
    let region = Region { grid: &fitter.grid, observed, threshold };
    let all = Interval { low: 0.0, high: f64::INFINITY };
    let unit = Interval { low: 0.0, high: 1.0 };
    // If no signal at all is accepted, any shape of a margin 0 is, and any gain: large C or small, the others make up for it.
    let found = if total <= threshold {
        Extremes { conjunctivity: unit, inverse_c: all, gain: all, memorization: unit, screening: all, gain_c: all }
    } else {
        region.extremes(fit.coefficients()?.0.screening, fit.estimates.limit == Some(FitLimit::Hebbian))?
    };
    let weight = fitter.grid.weight();
    let c = Interval { low: 1.0 / (found.inverse_c.high * weight), high: 1.0 / (found.inverse_c.low * weight) };
    let gain = if fit.estimates.limit == Some(FitLimit::Hebbian) {
        Interval { low: found.gain_c.low / weight, high: found.gain_c.high / weight }
    } else {
        found.gain
    };
    let inside = |i: Interval| i.low > 0.0 && i.high < f64::INFINITY;
    let partial = |i: Interval| i.low > 0.0 || i.high < 1.0;
    let found_interval = |interval, bounded, identified| Some(ParameterInterval { interval, identified, bounded });
    Ok(PerParameter {
        conjunctivity: found_interval(found.conjunctivity, partial(found.conjunctivity), identified.conjunctivity),
        strength: found_interval(c, inside(c), identified.strength),
        gain: found_interval(gain, inside(gain), identified.gain),
        lapse: None,
        position_bias: None,
        screening: found_interval(found.screening, inside(found.screening), identified.screening),
        memorization: found_interval(found.memorization, partial(found.memorization), identified.memorization),
    })
}

/// The largest Σ residual² that is accepted.
fn threshold(fit: &MarginFit, observed: &[f64]) -> f64 {
    let n = observed.len();
    let free = (n - 3) as f64;
    // Residuals have rounding errors of their own, without which a perfect fit would accept nothing.
    let rounding = 16.0 * n as f64 * f64::EPSILON * f64::EPSILON * dot(observed, observed);
    fit.residual_squares * (1.0 + student_quantile(0.975, free).powi(2) / free) + rounding
}

#[cfg(test)]
mod tests;
