//! The limit of many trials: posterior standard deviations from the Fisher information of (α, ln C, ln gain).

use faer::Mat;
use faer::linalg::solvers::{DenseSolveCore, FullPivLu};

use crate::error::{Result, TheoryError, check_range};
use crate::inference::design::check_pairs;
use crate::inference::design::likelihood::{margins_at, probabilities};
use crate::kernel::RidgeModel;
use crate::task::TransitiveTask;

/// Standard deviations of α, ln C and ln gain after `trials` judgments spread evenly over `pairs`, all three unknown.
///
/// The square roots of the diagonal of the inverse information, which the posterior reaches for many trials if the parameters
/// lie inside the prior. α must be inside (0, 1) and C finite; infinite where the pairs do not identify a parameter.
///
/// # Errors
/// A parameter out of range, no pairs, a pair of one item or out of range, too many items, or what the solvers refuse.
pub(super) fn asymptotic_sd(
    task: &TransitiveTask,
    pairs: &[(usize, usize)],
    model: &RidgeModel,
    gain: f64,
    lapse: f64,
    trials: f64,
) -> Result<[f64; 3]> {
    check_pairs(task, pairs)?;
    let (alpha, c) = (model.conjunctivity(), model.c());
    check_range("conjunctivity", alpha, f64::MIN_POSITIVE, 1.0 - f64::EPSILON, "inside 0 and 1")?;
    check_range("C", c, f64::MIN_POSITIVE, f64::MAX, "positive and finite")?;
    check_range("gain", gain, f64::MIN_POSITIVE, f64::MAX, "positive and finite")?;
    check_range("lapse", lapse, 0.0, 1.0 - f64::EPSILON, "at least 0 and below 1")?;
    check_range("trials", trials, f64::MIN_POSITIVE, f64::MAX, "positive and finite")?;
    // Central differences: their error is about the square of the step.
    let step = 1e-4 * alpha.min(1.0 - alpha);
    let (up, down) = (margins_at(task, pairs, alpha + step, c)?, margins_at(task, pairs, alpha - step, c)?);
    let log_step = 1e-4f64;
    let (more, less) =
        (margins_at(task, pairs, alpha, c * log_step.exp())?, margins_at(task, pairs, alpha, c * (-log_step).exp())?);
    let margins = margins_at(task, pairs, alpha, c)?;
    let mut information = Mat::<f64>::zeros(3, 3);
    for e in 0..pairs.len() {
        let x = gain * margins[e];
        let slopes = [gain * (up[e] - down[e]) / (2.0 * step), gain * (more[e] - less[e]) / (2.0 * log_step), x];
        let (p, q) = probabilities(x, lapse);
        let (s, t) = probabilities(x, 0.0);
        let derivative = (1.0 - lapse) * s * t;
        let weight = trials / pairs.len() as f64 * derivative * derivative / (p * q);
        for a in 0..3 {
            for b in 0..3 {
                information[(a, b)] += weight * slopes[a] * slopes[b];
            }
        }
    }
    // Scaled to a unit diagonal, so that a small pivot means that parameters cannot be told apart.
    let scale: [f64; 3] = std::array::from_fn(|a| information[(a, a)].sqrt());
    if scale.iter().any(|s| !s.is_finite()) {
        let reason = "the information of these judgments overflows; use a smaller gain".into();
        return Err(TheoryError::BadInput { what: "asymptotic deviations", problem: reason });
    }
    if scale.contains(&0.0) {
        return Ok([f64::INFINITY; 3]);
    }
    let scaled = Mat::from_fn(3, 3, |a, b| information[(a, b)] / (scale[a] * scale[b]));
    let inverse = FullPivLu::new(scaled.as_ref()).inverse();
    Ok(std::array::from_fn(|a| {
        let variance = inverse[(a, a)];
        // Differences with steps of 1e-4 leave about 1e-8 of relative error in the information.
        if variance > 0.0 && variance < 1e7 { variance.sqrt() / scale[a] } else { f64::INFINITY }
    }))
}
