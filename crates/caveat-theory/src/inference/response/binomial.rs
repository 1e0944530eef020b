//! The likelihood of choices: how often the first of an ordered pair was chosen.

use super::cells::{Cell, cells_of, ln};
use super::{MAX_AMPLITUDE, Response, THRESHOLD, Terms};
use crate::numeric::sigmoid::{both_log_sigmoids, both_sigmoids};
use crate::numeric::vectors::add_scaled;

/// Counts of choices.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Binomial {
    chosen: Vec<f64>,
    trials: Vec<f64>,
}

impl Binomial {
    pub(crate) fn add_count(&mut self, pair: usize, chosen: f64, trials: f64) {
        self.chosen[pair] += chosen;
        self.trials[pair] += trials;
    }

    pub(crate) fn n_trials(&self) -> f64 {
        self.trials.iter().sum()
    }

    /// Log-likelihood at p = ½.
    pub(crate) fn chance(&self) -> f64 {
        -self.n_trials() * std::f64::consts::LN_2
    }

    /// Log-likelihood at each pair's own rate.
    pub(crate) fn saturated(&self) -> f64 {
        let part = |k: f64, n: f64| if k > 0.0 { k * (k / n).ln() } else { 0.0 };
        self.chosen.iter().zip(&self.trials).map(|(&k, &n)| part(k, n) + part(n - k, n)).sum()
    }
}

impl Response for Binomial {
    fn empty(n_pairs: usize) -> Self {
        Self { chosen: vec![0.0; n_pairs], trials: vec![0.0; n_pairs] }
    }

    fn clear(&mut self) {
        self.chosen.fill(0.0);
        self.trials.fill(0.0);
    }

    fn add(&mut self, other: &Self) {
        add_scaled(&mut self.chosen, 1.0, &other.chosen);
        add_scaled(&mut self.trials, 1.0, &other.trials);
    }

    fn is_like(&self, other: &Self) -> bool {
        self == other
    }

    fn evidence<'a>(total: &'a Self, _: &'a Self) -> &'a Self {
        total
    }

    fn is_missing(&self, pair: usize) -> bool {
        self.trials[pair] == 0.0
    }

    fn terms(&self, pair: usize, eta: f64, lapse: Option<f64>) -> Terms {
        let (k, n) = (self.chosen[pair], self.trials[pair]);
        let (up, down) = both_sigmoids(eta);
        match lapse {
            None => {
                let (log_up, log_down) = both_log_sigmoids(eta);
                Terms {
                    value: k * log_up + (n - k) * log_down,
                    eta: k * down - (n - k) * up,
                    eta_eta: n * up * down,
                    ..Terms::default()
                }
            }
            Some(lapse) => {
                let (p, q) = (0.5 * lapse + (1.0 - lapse) * up, 0.5 * lapse + (1.0 - lapse) * down);
                let log_part = |count: f64, share: f64| if count > 0.0 { count * share.ln() } else { 0.0 };
                // 0/0 where a count is 0 and its probability underflows.
                let part = |count: f64, share: f64| if count > 0.0 { count / share } else { 0.0 };
                let score = part(k, p) - part(n - k, q);
                let (by_eta, by_lapse) = ((1.0 - lapse) * up * down, 0.5 * (down - up));
                let information = n / (p * q).max(f64::MIN_POSITIVE);
                Terms {
                    value: log_part(k, p) + log_part(n - k, q),
                    eta: score * by_eta,
                    lapse: score * by_lapse,
                    eta_eta: information * by_eta * by_eta,
                    eta_lapse: information * by_eta * by_lapse,
                    lapse_lapse: information * by_lapse * by_lapse,
                }
            }
        }
    }

    fn unit(&self, _: f64) -> f64 {
        1.0
    }

    fn threshold(&self, _: f64, _: usize) -> f64 {
        THRESHOLD
    }

    fn largest(&self) -> (f64, f64) {
        (MAX_AMPLITUDE, MAX_AMPLITUDE)
    }

    fn smallest(&self, _: f64) -> f64 {
        0.02 / self.n_trials()
    }

    fn least_unit(&self) -> f64 {
        1.0
    }

    fn log_likelihood(&self, value: f64) -> f64 {
        value
    }

    fn cells(&self, index: &[(usize, f64)], merge: bool) -> Vec<Cell> {
        let parts = self.chosen.iter().zip(&self.trials).map(|(k, n)| [*k, n - k]);
        cells_of(index, parts, |k| self.is_missing(k), merge.then_some(|[a, b]| [b, a]))
    }

    fn fill(&self, cells: &[Cell], shape: &[f64], amplitude: f64, lapses: &[f64], bias: f64, out: &mut Vec<f64>) {
        out.clear();
        out.resize(lapses.len().max(1), 0.0);
        for cell in cells {
            let eta = amplitude * cell.sign * shape[cell.pair] + bias;
            let [k, rest] = cell.parts;
            if lapses.is_empty() {
                let (log_up, log_down) = both_log_sigmoids(eta);
                out[0] += k * log_up + rest * log_down;
                continue;
            }
            let (up, down) = both_sigmoids(eta);
            // Lapse rates are positive here, and with them all probabilities.
            for (sum, lapse) in out.iter_mut().zip(lapses) {
                let (floor, share) = (0.5 * lapse, 1.0 - lapse);
                *sum += k * ln(floor + share * up) + rest * ln(floor + share * down);
            }
        }
    }
}
