//! Whether chains have converged, and how many independent draws theirs are worth: rank-normalized R-hat and effective sizes.
//!
//! Source: Vehtari, Gelman, Simpson, Carpenter & Bürkner 2021, doi:10.1214/20-BA1221; the sum of autocorrelations by Geyer's
//! initial monotone sequence (Geyer 1992, doi:10.1214/ss/1177011137).

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::inference::estimates::Interval;
use crate::inference::intervals::bootstrap::quantile;

/// What the draws of one quantity say about themselves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Diagnostics {
    /// Rank-normalized split R-hat, the larger of that of location and that of scale: above 1.01 the chains do not agree.
    pub r_hat: f64,
    /// Effective number of draws for the middle of the distribution.
    pub ess_bulk: f64,
    /// Effective number of draws for its 5 % and 95 % quantiles, the smaller of the two.
    pub ess_tail: f64,
}

impl Diagnostics {
    /// The largest R-hat of chains that agree.
    pub const LARGEST_R_HAT: f64 = 1.01;

    /// Effective draws that each chain should be worth.
    pub const LEAST_ESS: f64 = 100.0;

    /// Whether chains, so many as `chains`, agree and are long enough.
    pub fn are_good(&self, chains: usize) -> bool {
        let least = Self::LEAST_ESS * chains as f64;
        self.r_hat <= Self::LARGEST_R_HAT && self.ess_bulk >= least && self.ess_tail >= least
    }
}

/// The posterior of one quantity in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DrawSummary {
    /// Mean of the draws.
    pub mean: f64,
    /// Standard deviation of the draws.
    pub sd: f64,
    /// Their median.
    pub median: f64,
    /// Their 2.5 % and 97.5 % quantiles.
    pub interval: Interval,
    /// What they say about themselves.
    pub diagnostics: Diagnostics,
}

/// Summarizes one quantity: `values` in `chains` chains of equal length, one after the other. NaN without values.
///
/// # Panics
/// If the values cannot be divided into the chains.
pub fn summarize(values: &[f64], chains: usize) -> DrawSummary {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    DrawSummary {
        mean,
        sd: (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0)).sqrt(),
        median: quantile(&sorted, 0.5),
        interval: Interval { low: quantile(&sorted, 0.025), high: quantile(&sorted, 0.975) },
        diagnostics: diagnose(values, chains),
    }
}

/// Diagnoses one quantity: `values` in `chains` chains of equal length, one after the other, at least 4 values each. NaN for values
/// that are not finite or all the same.
///
/// # Panics
/// If the values cannot be divided into the chains.
pub fn diagnose(values: &[f64], chains: usize) -> Diagnostics {
    assert!(chains > 0 && values.len().is_multiple_of(chains), "chains of equal length");
    let nothing = Diagnostics { r_hat: f64::NAN, ess_bulk: f64::NAN, ess_tail: f64::NAN };
    let draws = values.len() / chains;
    if draws < 4 || values.iter().any(|v| !v.is_finite()) || values.iter().all(|v| *v == values[0]) {
        return nothing;
    }
    // Halves of chains, the middle draw of an odd number left out.
    let half = draws / 2;
    let halves: Vec<f64> = values
        .chunks_exact(draws)
        .flat_map(|chain| chain[..half].iter().chain(&chain[draws - half..]))
        .copied()
        .collect();
    let mut sorted = halves.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let median = quantile(&sorted, 0.5);
    let folded: Vec<f64> = halves.iter().map(|v| (v - median).abs()).collect();
    let normal = normal_scores(&halves);
    let tail = |share: f64| {
        let end = quantile(&sorted, share);
        let below: Vec<f64> = halves.iter().map(|v| f64::from(u8::from(*v <= end))).collect();
        effective_size(&below, half)
    };
    Diagnostics {
        r_hat: r_hat(&normal, half).max(r_hat(&normal_scores(&folded), half)),
        ess_bulk: effective_size(&normal, half),
        ess_tail: tail(0.05).min(tail(0.95)),
    }
}

/// Normal quantiles at the ranks of the values, ties at their mean rank: Φ⁻¹((rank − 3/8)/(S + 1/4)).
fn normal_scores(values: &[f64]) -> Vec<f64> {
    let normal = Normal::standard();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut scores = vec![0.0; values.len()];
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        // The first of the run has as many values before it as have got their scores.
        let before = order.partition_point(|&k| values[k] < values[tied[0]]);
        let rank = before as f64 + 0.5 * (tied.len() + 1) as f64;
        let score = normal.inverse_cdf((rank - 0.375) / (values.len() as f64 + 0.25));
        tied.iter().for_each(|&k| scores[k] = score);
    }
    scores
}

/// Means and unbiased variances of chains.
fn moments(values: &[f64], draws: usize) -> (Vec<f64>, Vec<f64>) {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let of_chain = |chain: &[f64]| {
        let mean = mean(chain);
        (mean, chain.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (draws - 1) as f64)
    };
    values.chunks_exact(draws).map(of_chain).unzip()
}

/// Mean variance within chains, and the pooled estimate of the variance with that between them in it.
fn variances(values: &[f64], draws: usize) -> (f64, f64) {
    let (means, within) = moments(values, draws);
    let mean_within = within.iter().sum::<f64>() / within.len() as f64;
    let (_, between) = moments(&means, means.len());
    (mean_within, mean_within * (draws - 1) as f64 / draws as f64 + between[0])
}

fn r_hat(values: &[f64], draws: usize) -> f64 {
    let (within, pooled) = variances(values, draws);
    (pooled / within).sqrt()
}

fn effective_size(values: &[f64], draws: usize) -> f64 {
    let (within, pooled) = variances(values, draws);
    let size = values.len() as f64;
    if pooled == 0.0 {
        return size;
    }
    let (means, _) = moments(values, draws);
    let correlation = |lag: usize| {
        let covariance = |(chain, mean): (&[f64], &f64)| {
            chain.iter().zip(&chain[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>() / draws as f64
        };
        let total: f64 = values.chunks_exact(draws).zip(&means).map(covariance).sum();
        1.0 - (within - total / means.len() as f64) / pooled
    };
    // Sums of neighboring correlations, as long as they are positive, none larger than the one before it.
    let mut total = 0.0;
    let mut least = f64::INFINITY;
    let mut lag = 0;
    let mut next_even = 1.0;
    loop {
        let even = if lag == 0 { 1.0 } else { next_even };
        let pair = even + correlation(lag + 1);
        if pair < 0.0 {
            // The last even correlation counts where it is positive.
            total += 0.5 * even.max(0.0);
            break;
        }
        least = least.min(pair);
        total += least;
        lag += 2;
        if lag + 1 >= draws - 1 {
            break;
        }
        next_even = correlation(lag);
    }
    let time = (2.0 * total - 1.0).max(1.0 / size.log10());
    size / time
}
