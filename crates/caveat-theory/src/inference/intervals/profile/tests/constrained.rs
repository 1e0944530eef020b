//! The profile itself: the best model that has one given value of a parameter, by a search that knows nothing of accepted sets.

use crate::error::{Result, TheoryError, check_range};
use crate::inference::MarginFitter;
use crate::inference::engine::profile::basis::{Basis, BasisGrid};
use crate::inference::estimates::Parameter;
use crate::numeric::minimum::try_minimize;
use crate::numeric::vectors::dot;

/// The smallest Σ residual² of models with each of the given values of a parameter.
///
/// The gain is the gain itself, also where the fit reports gain·C. Every value costs a search over μ alone, of about 130
/// small least-squares problems and 20 solves.
///
/// # Errors
/// A value out of the parameter's range, or margins that the fitter refuses.
pub(super) fn profile(
    fitter: &MarginFitter<'_>,
    parameter: Parameter,
    values: &[f64],
    observed: &[f64],
) -> Result<Vec<f64>> {
    fitter.check(observed)?;
    values
        .iter()
        .map(|&value| {
            let (name, range, high) = match parameter {
                Parameter::Conjunctivity => ("conjunctivity", "between 0 and 1", 1.0),
                Parameter::Memorization => ("memorization", "between 0 and 1", 1.0),
                Parameter::Strength => ("C", "at least 0 (inf is allowed)", f64::INFINITY),
                Parameter::Gain => ("gain", "at least 0 (inf is allowed)", f64::INFINITY),
                Parameter::Screening => ("screening", "at least 0 (inf is allowed)", f64::INFINITY),
                Parameter::Lapse | Parameter::PositionBias => {
                    return Err(TheoryError::BadInput {
                        what: "profile",
                        problem: format!("{parameter:?} is no parameter of a fit to margins of pairs; profile another"),
                    });
                }
            };
            check_range(name, value, 0.0, high, range)?;
            profile_at(&fitter.grid, parameter, value, observed)
        })
        .collect()
}

/// What a fixed parameter leaves free at one screening.
enum Constraint {
    /// B = s·A with A ≥ 0; s = ∞ is A = 0.
    Ray(f64),
    /// A = gain/(1+μ), 0 ≤ B ≤ gain.
    Gain(f64),
    /// Both, within their bounds.
    Free,
}

impl Constraint {
    fn residual(&self, basis: &Basis, observed: &[f64]) -> f64 {
        let (u, v) = (&basis.rank, &basis.memory);
        match *self {
            Self::Free => basis.solve(observed).1,
            Self::Ray(slope) => {
                // Scaled so that neither direction overflows.
                let (a, b) =
                    if slope.is_infinite() { (0.0, 1.0) } else { (1.0 / (1.0 + slope), slope / (1.0 + slope)) };
                let (mut wo, mut ww) = (0.0, 0.0);
                for ((u, v), o) in u.iter().zip(v).zip(observed) {
                    let w = a * u + b * v;
                    wo += w * o;
                    ww += w * w;
                }
                let k = if ww > 0.0 { (wo / ww).max(0.0) } else { 0.0 };
                basis.residual(k * a, k * b, observed)
            }
            Self::Gain(gain) => {
                let a = gain / (1.0 + basis.screening);
                let (vo, uv, vv) = (dot(v, observed), dot(u, v), dot(v, v));
                let b = if vv > 0.0 { ((vo - a * uv) / vv).clamp(0.0, gain) } else { 0.0 };
                basis.residual(a, b, observed)
            }
        }
    }
}

fn profile_at(grid: &BasisGrid<'_>, parameter: Parameter, value: f64, observed: &[f64]) -> Result<f64> {
    use Constraint::{Free, Gain, Ray};
    let weighted = value * grid.weight();
    // The lowest μ that allows the value, and the constraint from there on.
    let (lowest, constraint): (f64, Box<dyn Fn(f64) -> Constraint>) = match parameter {
        Parameter::Screening => {
            let basis = grid.exact(value)?;
            return Ok(Free.residual(&basis, observed));
        }
        Parameter::Conjunctivity if value == 1.0 => return Ok(Ray(f64::INFINITY).residual(&grid.hebbian, observed)),
        Parameter::Conjunctivity => {
            let p = 2.0 * value / (1.0 - value);
            (p, Box::new(move |mu| Ray(if p == 0.0 { 0.0 } else { p * (1.0 + 1.0 / mu) })))
        }
        Parameter::Strength if value == 0.0 => return Ok(Free.residual(&grid.hebbian, observed)),
        Parameter::Strength => {
            let inverse = 1.0 / weighted;
            let lowest = 2.0 * inverse;
            (lowest, Box::new(move |mu| Ray((mu - lowest).max(0.0) * (1.0 + 1.0 / mu) / (1.0 + inverse))))
        }
        Parameter::Gain if value.is_infinite() => return Ok(Free.residual(&grid.hebbian, observed)),
        Parameter::Memorization => (0.0, Box::new(move |mu| Ray(value * (1.0 + mu)))),
        _ => (0.0, Box::new(move |_| Gain(value))),
    };
    let mut best = f64::INFINITY;
    // Limits that have the value: those at μ = 0, then those at μ = ∞.
    if lowest == 0.0 {
        let at_zero = match parameter {
            // Every m is α = 0 and C = ∞ there.
            Parameter::Conjunctivity | Parameter::Strength => Free,
            Parameter::Memorization => Ray(value),
            _ => Gain(value),
        };
        best = best.min(at_zero.residual(&grid.additive, observed));
    }
    let at_infinity = match parameter {
        Parameter::Conjunctivity => Ray(2.0 * value / (1.0 - value)),
        Parameter::Memorization if value == 0.0 => Free,
        Parameter::Memorization | Parameter::Strength => Ray(f64::INFINITY),
        _ => Gain(value),
    };
    best = best.min(at_infinity.residual(&grid.hebbian, observed));
    let last = grid.points.len() - 1;
    let first = (0..=last).find(|&k| grid.points[k].screening > lowest).unwrap_or(last + 1);
    let on_grid: Vec<f64> =
        (first..=last).map(|k| constraint(grid.points[k].screening).residual(&grid.points[k], observed)).collect();
    let exact = |log: f64| -> Result<f64> {
        let mu = log.exp().max(lowest);
        Ok(constraint(mu).residual(&grid.exact(mu)?, observed))
    };
    let start = if lowest > 0.0 { lowest.ln() } else { grid.log_screening(0) };
    let at_start = if lowest > 0.0 { exact(start)? } else { f64::INFINITY };
    let (mut low, mut high, mut middle, mut value) = (start, grid.log_screening(first.min(last)), start, at_start);
    for (k, &residual) in on_grid.iter().enumerate() {
        if residual < value {
            let log = |k: usize| grid.log_screening(k);
            value = residual;
            middle = log(first + k);
            low = if k == 0 { start } else { log(first + k - 1) };
            high = log((first + k + 1).min(last));
        }
    }
    best = best.min(value);
    if low < high {
        let refined = try_minimize((low, high), middle, 1e-9, exact)?;
        best = best.min(refined.1);
    }
    Ok(best)
}
