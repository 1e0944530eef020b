//! Which parameters the observed pairs determine at all: the directions of the model in which no margin changes.

use faer::Mat;

use crate::error::{Result, TheoryError};
use crate::inference::engine::profile::MarginFitter;
use crate::inference::engine::profile::basis::Coefficients;
use crate::inference::estimates::{FitLimit, PerParameter};
use crate::inference::margin_fit::MarginFit;
use crate::numeric::vectors::{add_scaled, dot};

/// A direction leaves the margins unchanged where they change by less than this share of what the largest direction does.
/// Derivatives are exact to about 1e-9, or to 1e-7 at the ends of the search, μ = 1e±8.
const SINGULAR: f64 = 1e-6;

/// A parameter is constant along a direction where it changes by less than this share of its steepest change.
const CONSTANT: f64 = 1e-4;

/// Which parameters the observed pairs determine at the fit, however small the noise.
///
/// The margins are a function of (μ, A, B), in a chart that is finite where the fit is: ln μ inside, μ at the additive
/// limit, 1/μ at the Hebbian and the conjunctive one. A parameter is not identified where a direction of that space changes
/// it and, to first order, none of the observed margins: its gradient is not in the row space of the Jacobian. Distant second
/// solutions play no part. A parameter at an edge of its range (α = 0, say) is identified if the pairs tell that it lies there.
/// In the limits:
///
/// * no signal: nothing is identified;
/// * Hebbian: the gain is not (only gain·C, which the gain of [`Estimates`](crate::inference::Estimates) then holds);
/// * conjunctive: C, m and the gain are not (only gain·m).
///
/// # Errors
/// A fit to another number of pairs than the fitter's.
pub fn identified(fitter: &MarginFitter<'_>, fit: &MarginFit) -> Result<PerParameter<bool>> {
    if fit.n_observations != fitter.pairs().len() {
        let (own, other) = (fitter.pairs().len(), fit.n_observations);
        let problem = format!("the fit has {other} pairs and the fitter {own}; give the fitter's own fit");
        return Err(TheoryError::BadInput { what: "identification", problem });
    }
    if fit.estimates.limit == Some(FitLimit::NoSignal) {
        return Ok(PerParameter::default());
    }
    let (at, _) = fit.coefficients()?;
    let (a, b, mu) = (at.rank_slope, at.memory, at.screening);
    let basis = fitter.grid.exact(mu)?;
    // ∂margins/∂t at fixed A and B, t the chart's first coordinate.
    let shape = if mu.is_infinite() || mu == 0.0 {
        // One-sided, to second order: (4 f(h) − f(2h) − 3 f(0))/2h. h is small against every eigenvalue of a Laplacian.
        let h = 1e-6;
        let step = |k: f64| fitter.grid.exact(if mu == 0.0 { k * h } else { 1.0 / (k * h) });
        let (one, two) = (step(1.0)?.margins(at), step(2.0)?.margins(at));
        let zero = basis.margins(at);
        (0..zero.len()).map(|k| (4.0 * one[k] - two[k] - 3.0 * zero[k]) / (2.0 * h)).collect::<Vec<f64>>()
    } else {
        // Central, to fourth order.
        let h = 0.02;
        let step = |k: f64| fitter.grid.exact(mu * (k * h).exp()).map(|b| b.margins(at));
        let (p1, p2, m1, m2) = (step(1.0)?, step(2.0)?, step(-1.0)?, step(-2.0)?);
        (0..p1.len()).map(|k| (8.0 * (p1[k] - m1[k]) - (p2[k] - m2[k])) / (12.0 * h)).collect()
    };
    // Columns in units of the margins: a relative change of A, and of B where there is any.
    let (unit_a, unit_b) = (if a > 0.0 { a } else { b }, if b > 0.0 { b } else { a });
    let columns: [Vec<f64>; 3] =
        [shape, basis.rank.iter().map(|u| u * unit_a).collect(), basis.memory.iter().map(|v| v * unit_b).collect()];
    let silent = silent_directions(&columns)?;
    let gradients = gradients((at, fit.estimates.limit, fit.estimates.memorization), unit_a, unit_b);
    let constant = |gradient: Option<[f64; 3]>| {
        let Some(gradient) = gradient else { return false };
        let steepest = dot(&gradient, &gradient).sqrt();
        silent.iter().all(|n| dot(&gradient, n).abs() <= CONSTANT * steepest)
    };
    let mut flags = gradients.map(constant);
    // α follows mμ and C follows (1−m)μ. Where such a product has two factors that are 0, its gradient vanishes, and it is
    // free if both factors are.
    let vanishes = |g: Option<[f64; 3]>| g == Some([0.0; 3]);
    if !flags.screening && !flags.memorization {
        flags.conjunctivity &= !vanishes(gradients.conjunctivity);
        flags.strength &= !vanishes(gradients.strength);
    }
    Ok(flags)
}

/// An orthonormal basis of the directions (in units of the columns as given) that change no margin.
fn silent_directions(columns: &[Vec<f64>; 3]) -> Result<Vec<[f64; 3]>> {
    let norms = columns.each_ref().map(|c| dot(c, c).sqrt());
    let largest = norms[1].max(norms[2]);
    // A column is nothing against rounding of the other two; otherwise it counts by its direction alone.
    let scale = norms.map(|n| if n > 1e-13 * largest { n } else { 0.0 });
    let normalized = Mat::from_fn(columns[0].len().max(3), 3, |row, col| {
        columns[col].get(row).map_or(0.0, |x| if scale[col] > 0.0 { x / scale[col] } else { 0.0 })
    });
    let failed = || TheoryError::not_converged("the singular values of the Jacobian", f64::NAN, SINGULAR, 1);
    let svd = normalized.thin_svd().map_err(|_| failed())?;
    let (values, right) = (svd.S().column_vector(), svd.V());
    let mut silent: Vec<[f64; 3]> = Vec::new();
    for k in (0..3).filter(|&k| values[k] <= SINGULAR * values[0]) {
        // Back from normalized columns to the columns as given, orthogonal to the directions found before.
        let mut n = [0, 1, 2].map(|row| right[(row, k)] / if scale[row] > 0.0 { scale[row] / largest } else { 1.0 });
        for other in &silent {
            let inner = dot(other, &n);
            add_scaled(&mut n, -inner, other);
        }
        let norm = dot(&n, &n).sqrt();
        if norm > 0.0 {
            silent.push(n.map(|x| x / norm));
        }
    }
    Ok(silent)
}

/// Gradient of every parameter (of 1/C or of a logarithm where those are finite) by the chart's coordinate and by A and
/// B in the given units; `None` where the limit leaves the parameter open.
fn gradients(
    (at, limit, m): (&Coefficients, Option<FitLimit>, f64),
    unit_a: f64,
    unit_b: f64,
) -> PerParameter<Option<[f64; 3]>> {
    let (a, b, mu) = (at.rank_slope, at.memory, at.screening);
    let scaled = |[t, da, db]: [f64; 3]| Some([t, da * unit_a, db * unit_b]);
    if limit == Some(FitLimit::Conjunctive) {
        // 1 − α = 2A(1+ξ)/(2A(1+ξ) + B) with ξ = 1/μ, at A = 0.
        return PerParameter {
            conjunctivity: scaled([0.0, 1.0 / b, 0.0]),
            strength: None,
            gain: None,
            screening: scaled([1.0, 0.0, 0.0]),
            memorization: None,
            ..PerParameter::default()
        };
    }
    let ratio = b / a;
    if mu.is_infinite() {
        // mμ = (B/A)/(1+ξ), m = (B/A)ξ/(1+ξ), C = ξ(2 + mμ)/(1 − m), at ξ = 0.
        return PerParameter {
            conjunctivity: scaled([-ratio, -ratio / a, 1.0 / a]),
            strength: scaled([1.0, 0.0, 0.0]),
            gain: None,
            screening: scaled([1.0, 0.0, 0.0]),
            memorization: scaled([ratio, 0.0, 0.0]),
            ..PerParameter::default()
        };
    }
    // dm = dB/(A(1+μ)) − m dA/A − m dμ/(1+μ), and dμ = μ dt inside, dt at the additive limit.
    let per_t = if mu == 0.0 { 1.0 } else { mu };
    let dm = [-m * per_t / (1.0 + mu), -m / a, 1.0 / (a * (1.0 + mu))];
    let dmu = [per_t, 0.0, 0.0];
    // d(mμ) and d((1−m)μ); α follows the first alone, 1/C = (1−m)μ/(2 + mμ) both.
    let dp = [0, 1, 2].map(|k| mu * dm[k] + m * dmu[k]);
    let dq = [0, 1, 2].map(|k| (1.0 - m) * dmu[k] - mu * dm[k]);
    let (p, q) = (m * mu, (1.0 - m) * mu);
    PerParameter {
        conjunctivity: scaled(dp),
        strength: scaled([0, 1, 2].map(|k| dq[k] * (2.0 + p) - q * dp[k])),
        gain: scaled([per_t / (1.0 + mu), 1.0 / a, 0.0]),
        screening: scaled(dmu),
        memorization: scaled(dm),
        ..PerParameter::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::RidgeModel;
    use crate::margins::{Margins, chain};
    use crate::task::TransitiveTask;

    /// Flags in the order α, C, gain, μ, m, for exact margins of a model on some pairs.
    fn flags(task: &TransitiveTask, pairs: &[(usize, usize)], margins: &[f64]) -> (Option<FitLimit>, [bool; 5]) {
        let fitter = MarginFitter::new(task.graph(), pairs).unwrap();
        let fit = fitter.fit(margins).unwrap();
        let i = identified(&fitter, &fit).unwrap();
        (fit.estimates.limit, [i.conjunctivity, i.strength, i.gain, i.screening, i.memorization])
    }

    fn of_model(n: usize, exceptions: &[(usize, usize)], pairs: &[(usize, usize)]) -> (Option<FitLimit>, [bool; 5]) {
        let task = TransitiveTask::new(n, exceptions).unwrap();
        let s = chain::solve(&task, &RidgeModel::new(0.3, 5.0).unwrap()).unwrap();
        let margins: Vec<f64> = pairs.iter().map(|&(i, j)| 2.0 * s.margin(i, j)).collect();
        flags(&task, pairs, &margins)
    }

    fn all_pairs(n: usize) -> Vec<(usize, usize)> {
        (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect()
    }

    const NONE: [bool; 5] = [false; 5];
    const EVERY: [bool; 5] = [true; 5];

    #[test]
    fn all_pairs_identify_everything_from_four_items_on() {
        for exceptions in [&[][..], &[(3, 1)]] {
            for n in [4, 5, 9] {
                assert_eq!(of_model(n, exceptions, &all_pairs(n)), (None, EVERY), "{n} {exceptions:?}");
            }
        }
    }

    #[test]
    fn untrained_pairs_tell_only_screening_and_gain() {
        let untrained: Vec<_> = all_pairs(9).into_iter().filter(|&(i, j)| j > i + 1 && (i, j) != (3, 5)).collect();
        assert_eq!(of_model(9, &[(5, 3)], &untrained), (None, [false, false, true, true, false]));
    }

    #[test]
    fn trained_pairs_alone_tell_less_on_short_chains() {
        let premises = |n: usize| (0..n - 1).map(|i| (i, i + 1)).collect::<Vec<_>>();
        // gain(m + (1−m)δ): by symmetry a chain has ⌈(n−1)/2⌉ different premises, and three are needed for three parameters.
        for n in [2, 3, 4, 5] {
            let (_, found) = of_model(n, &[], &premises(n));
            assert!(!found[1] && !found[3] && !found[4], "{n} {found:?}");
        }
        assert_eq!(of_model(9, &[], &premises(9)), (None, EVERY));
    }

    #[test]
    fn two_or_three_items_leave_directions_open() {
        assert_eq!(of_model(2, &[], &[(0, 1)]).1, NONE);
        // Three items: f(0,2) = 2·gain/(1+μ) and f(0,1) = gain·(1 + mμ)/(1+μ), so only their ratio mμ, that is α.
        let (_, found) = of_model(3, &[], &all_pairs(3));
        assert_eq!(found, [true, false, false, false, false]);
    }

    #[test]
    fn a_single_pair_tells_nothing() {
        for pair in [(0, 1), (0, 5), (3, 5)] {
            assert_eq!(of_model(9, &[(5, 3)], &[pair]).1, NONE, "{pair:?}");
        }
    }

    #[test]
    fn limits_leave_open_what_they_leave_open() {
        let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
        let pairs = all_pairs(9);
        let margins = |model: &RidgeModel, gain: f64| -> Vec<f64> {
            let s = chain::solve(&task, model).unwrap();
            pairs.iter().map(|&(i, j)| gain * s.margin(i, j)).collect()
        };
        let hebbian = margins(&RidgeModel::new(0.3, 1e-9).unwrap(), 1e9);
        assert_eq!(flags(&task, &pairs, &hebbian), (Some(FitLimit::Hebbian), [true, true, false, true, true]));
        let conjunctive = margins(&RidgeModel::new(1.0, f64::INFINITY).unwrap(), 1.0);
        assert_eq!(
            flags(&task, &pairs, &conjunctive),
            (Some(FitLimit::Conjunctive), [true, false, false, true, false])
        );
        let nothing = vec![0.0; 36];
        assert_eq!(flags(&task, &pairs, &nothing), (Some(FitLimit::NoSignal), NONE));
        // Without an exception the unscreened chain meets every label, so m has nothing to add.
        let plain = TransitiveTask::new(9, &[]).unwrap();
        let additive: Vec<f64> = pairs.iter().map(|&(i, j)| (j - i) as f64).collect();
        assert_eq!(flags(&plain, &pairs, &additive), (Some(FitLimit::Additive), [true, true, true, true, false]));
    }

    #[test]
    fn a_perfectly_memorized_exception_hides_nothing_with_all_pairs_but_all_with_trained_ones() {
        // C = ∞: trained pairs have f = y whatever α is.
        let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
        let trained: Vec<_> = (0..8).map(|i| (i, i + 1)).chain([(3, 5)]).collect();
        let labels: Vec<f64> = trained.iter().map(|&p| if p == (3, 5) { -2.0 } else { 2.0 }).collect();
        let (_, found) = flags(&task, &trained, &labels);
        assert!(!found[0] && !found[3], "{found:?}");
    }
}
