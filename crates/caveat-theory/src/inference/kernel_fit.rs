//! Least-squares fit of ridge and gain to observed margins, for regression with any kernel of pairs and a free intercept.
//!
//! The learner minimizes Σ w (f + b − y)² + λ‖f‖² over its trials, f in the space of the kernel K, with an intercept b that
//! costs nothing. What is observed is the antisymmetrized margin, gain · (f(i, j) − f(j, i))/2, from which b drops out.
//!
//! **Why a free intercept.** The features that are measured on pairs have much in common whatever the pair: φ ↦ φ + v adds
//! ⟨v, φ⟩ + ⟨v, φ′⟩ + ‖v‖² to K. A large common component is an intercept that costs next to nothing; its limit, where v and any
//! constant in K have no effect at all, is regression on features centered at the mean of the trials, K̃ = (I − 1πᵀ)K(I − π1ᵀ)
//! with π the trials' shares of weight, after taking the mean label off. For an exchangeable kernel with κ_1 = κ_2 and pairs
//! trained in both orders b = 0, and the margins are those of [`margins::chain`](crate::margins::chain) and
//! [`margins::graph`](crate::margins::graph).
//!
//! **Path.** With √W K̃ √W = UΣUᵀ over the trials, f_λ(e) = Σ_r g_r(e)/(σ_r + λ). One eigendecomposition serves every λ and
//! both limits: λ = 0 (ridgeless, of minimum norm) and λ → ∞ (Hebbian, λf → Σ_r g_r). Directions with σ_r at rounding level are
//! left out, since a positive semidefinite kernel takes them to zero on every pair.
//!
//! λ ∈ [0, ∞] is on the kernel's own scale, gain ≥ 0 in units of the observed margins. Source: §9.

use faer::Mat;
use serde::Serialize;

use crate::comparison_graph::Trial;
use crate::error::{Result, TheoryError, check_pairs, check_range};
use crate::inference::engine::profile::{LIMIT_TIE, agreement};
use crate::inference::estimates::FitLimit;
use crate::margins::dense::{check_semidefinite, check_trials};
use crate::numeric::eigen::Eigen;
use crate::numeric::minimum::minimize;
use crate::numeric::vectors::{dot, largest};

/// log₁₀ λ of the grid runs this far beyond the eigenvalues on both sides, in steps of 1/PER_DECADE.
const BEYOND: f64 = 3.0;
const PER_DECADE: f64 = 8.0;

/// A fit of ridge and gain, and how well it describes the margins.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelFit {
    /// λ ∈ [0, ∞], on the kernel's own scale; NaN without signal.
    pub ridge: f64,
    /// Scale of the margins; in the Hebbian limit gain/λ.
    pub gain: f64,
    /// Which limit the optimum is, if any: ridgeless, Hebbian or no signal.
    pub limit: Option<FitLimit>,
    /// Σ residual².
    pub residual_squares: f64,
    /// 1 − Σ residual²/Σ margin², about zero; NaN if all observed margins are 0.
    pub r_squared: f64,
    /// Pearson correlation of observed and fitted margins; NaN if either is constant.
    pub correlation: f64,
    /// Number of pairs.
    pub n_pairs: usize,
    /// Fitted margins, in the order of the pairs.
    pub fitted: Vec<f64>,
}

/// The antisymmetrized margins of a list of pairs at every ridge, by one eigendecomposition.
#[derive(Debug, Clone)]
pub struct KernelFitter {
    /// σ_r of the directions that are not rounding, increasing.
    eigenvalues: Vec<f64>,
    /// (g_r(i, j) − g_r(j, i))/2: pairs × directions.
    components: Mat<f64>,
    pairs: Vec<(usize, usize)>,
}

impl KernelFitter {
    /// Prepares the margins of `pairs` for a learner of `trials`.
    ///
    /// `kernel((i, j), (k, l))` is any positive semidefinite kernel on ordered pairs. A component that all pairs share has no
    /// effect but costs digits: remove the bulk of it where it is large. Cost T² + 2·pairs·T calls of the kernel and
    /// O(T³ + T²·pairs) for T trials; memory O(T·(T + pairs)).
    ///
    /// # Errors
    /// No pair or no trial, one out of range or of an item with itself, a kernel value that is not finite, a kernel that is not
    /// positive semidefinite on the trials, or more than [`MAX_TRIALS`](crate::margins::dense::MAX_TRIALS) of them.
    pub fn new(
        n_items: usize,
        trials: &[Trial],
        kernel: impl Fn((usize, usize), (usize, usize)) -> f64,
        pairs: &[(usize, usize)],
    ) -> Result<Self> {
        check_trials(n_items, trials)?;
        if pairs.is_empty() {
            return Err(TheoryError::NoComparisons);
        }
        let trained: Vec<(usize, usize)> = trials.iter().map(|t| (t.first, t.second)).collect();
        check_pairs(pairs.iter().chain(&trained).copied(), n_items)?;
        let checked = |e: (usize, usize), f: (usize, usize)| {
            let value = kernel(e, f);
            if value.is_finite() {
                return Ok(value);
            }
            let problem = format!("entry for pairs {e:?}, {f:?} is {value}: all must be finite");
            Err(TheoryError::BadInput { what: "kernel matrix", problem })
        };

        let count = trials.len();
        let total: f64 = trials.iter().map(|t| t.weight).sum();
        let shares: Vec<f64> = trials.iter().map(|t| t.weight / total).collect();
        let roots: Vec<f64> = trials.iter().map(|t| t.weight.sqrt()).collect();
        let mut centered = Mat::zeros(count, count);
        let mut largest = 0.0_f64;
        for a in 0..count {
            for b in 0..=a {
                let value = checked(trained[a], trained[b])?;
                largest = largest.max(value.abs() * roots[a] * roots[b]);
                (centered[(a, b)], centered[(b, a)]) = (value, value);
            }
        }
        let means: Vec<f64> = (0..count).map(|a| (0..count).map(|b| shares[b] * centered[(a, b)]).sum()).collect();
        let mean = dot(&means, &shares);
        let mean_label: f64 = trials.iter().zip(&shares).map(|(t, share)| t.label * share).sum();
        for a in 0..count {
            for b in 0..count {
                centered[(a, b)] = (centered[(a, b)] - means[a] - (means[b] - mean)) * roots[a] * roots[b];
            }
        }

        let Eigen { values, vectors } = Eigen::new(&centered, "the eigendecomposition of the kernel matrix")?;
        // Centering leaves rounding of the size of the entries before it.
        let top = values.iter().fold(largest, |m, v| m.max(v.abs()));
        let cutoff = top * f64::EPSILON * 8.0 * count as f64;
        check_semidefinite(&values, cutoff)?;
        let kept: Vec<usize> = (0..count).filter(|&r| values[r] > cutoff).collect();
        let label =
            |r: usize| -> f64 { (0..count).map(|t| vectors[(t, r)] * roots[t] * (trials[t].label - mean_label)).sum() };
        let labels: Vec<f64> = kept.iter().map(|&r| label(r)).collect();

        let mut differences = Mat::zeros(pairs.len(), count);
        for (p, &(i, j)) in pairs.iter().enumerate() {
            for t in 0..count {
                differences[(p, t)] = 0.5 * (checked((i, j), trained[t])? - checked((j, i), trained[t])?);
            }
            let mean: f64 = (0..count).map(|t| shares[t] * differences[(p, t)]).sum();
            for t in 0..count {
                differences[(p, t)] = (differences[(p, t)] - mean) * roots[t];
            }
        }
        let directions = Mat::from_fn(count, kept.len(), |t, k| vectors[(t, kept[k])] * labels[k]);
        let eigenvalues = kept.iter().map(|&r| values[r]).collect();
        Ok(Self { eigenvalues, components: differences * directions, pairs: pairs.to_vec() })
    }

    /// The pairs, in the order of the margins.
    pub fn pairs(&self) -> &[(usize, usize)] {
        &self.pairs
    }

    /// Margins (f(i, j) − f(j, i))/2 of all pairs at the ridge λ ∈ [0, ∞]; at ∞ the finite limit of λ times them.
    ///
    /// # Errors
    /// A ridge that is negative or NaN.
    pub fn margins(&self, ridge: f64) -> Result<Vec<f64>> {
        check_range("ridge", ridge, 0.0, f64::INFINITY, "a number of at least 0")?;
        Ok(self.margins_at(ridge))
    }

    fn margins_at(&self, ridge: f64) -> Vec<f64> {
        let factor = |value: &f64| if ridge.is_infinite() { 1.0 } else { 1.0 / (value + ridge) };
        let factors: Vec<f64> = self.eigenvalues.iter().map(factor).collect();
        let margin = |p: usize| factors.iter().enumerate().map(|(k, factor)| factor * self.components[(p, k)]).sum();
        (0..self.pairs.len()).map(margin).collect()
    }

    /// The least-squares fit of ridge and gain ≥ 0 to margins in the order of the pairs.
    ///
    /// The squared error may have several minima along the ridge: a grid of eight ridges a decade, from a thousandth of the
    /// smallest eigenvalue to a thousand times the largest, decides which is refined. Cost about 150 margins of every pair.
    ///
    /// # Errors
    /// A number of margins other than that of the pairs, or one that is not finite.
    pub fn fit(&self, observed: &[f64]) -> Result<KernelFit> {
        if observed.len() != self.pairs.len() || observed.iter().any(|o| !o.is_finite()) {
            let (n, all) = (observed.len(), self.pairs.len());
            let problem = format!("{n} margins for {all} pairs; give one finite number each");
            return Err(TheoryError::BadInput { what: "observed margins", problem });
        }
        let (Some(smallest), Some(largest)) = (self.eigenvalues.first(), self.eigenvalues.last()) else {
            return Ok(KernelFit::new(f64::NAN, 0.0, vec![0.0; observed.len()], observed));
        };
        let low = smallest.ln() - BEYOND * std::f64::consts::LN_10;
        let high = largest.ln() + BEYOND * std::f64::consts::LN_10;
        let steps = ((high - low) / std::f64::consts::LN_10 * PER_DECADE).ceil();
        let log = |k: f64| low + (high - low) * k / steps;
        let error = |x: f64| scaled(&self.margins_at(x.exp()), observed).1;
        let mut best = (0.0, f64::INFINITY);
        for k in 0..=steps as usize {
            let error = error(log(k as f64));
            if error < best.1 {
                best = (k as f64, error);
            }
        }
        let around = (log((best.0 - 1.0).max(0.0)), log((best.0 + 1.0).min(steps)));
        let (refined, value) = minimize(around, log(best.0), 1e-9, error);
        let mut found = if value < best.1 { (refined.exp(), value) } else { (log(best.0).exp(), best.1) };
        for limit in [f64::INFINITY, 0.0] {
            let value = scaled(&self.margins_at(limit), observed).1;
            if value <= found.1 * (1.0 + LIMIT_TIE) {
                found = (limit, value);
            }
        }
        let margins = self.margins_at(found.0);
        let gain = scaled(&margins, observed).0;
        Ok(KernelFit::new(found.0, gain, margins.into_iter().map(|f| gain * f).collect(), observed))
    }
}

/// The best gain ≥ 0 for margins, and Σ residual² with it.
fn scaled(margins: &[f64], observed: &[f64]) -> (f64, f64) {
    // Dividing by the largest keeps squares from over- and underflowing.
    let largest = largest(margins);
    let (mut products, mut squares) = (0.0, 0.0);
    for (f, o) in margins.iter().zip(observed) {
        let f = f / largest;
        products += f * o;
        squares += f * f;
    }
    let gain = if squares > 0.0 && products > 0.0 { products / squares / largest } else { 0.0 };
    (gain, margins.iter().zip(observed).map(|(f, o)| (o - gain * f) * (o - gain * f)).sum())
}

impl KernelFit {
    fn new(ridge: f64, gain: f64, fitted: Vec<f64>, observed: &[f64]) -> Self {
        let limit = match ridge {
            _ if gain == 0.0 => Some(FitLimit::NoSignal),
            0.0 => Some(FitLimit::Ridgeless),
            f64::INFINITY => Some(FitLimit::Hebbian),
            _ => None,
        };
        let (r_squared, correlation) = agreement(observed, &fitted);
        let residual_squares = observed.iter().zip(&fitted).map(|(o, f)| (o - f) * (o - f)).sum();
        let ridge = if gain == 0.0 { f64::NAN } else { ridge };
        Self { ridge, gain, limit, residual_squares, r_squared, correlation, n_pairs: observed.len(), fitted }
    }
}

#[cfg(test)]
mod tests;
