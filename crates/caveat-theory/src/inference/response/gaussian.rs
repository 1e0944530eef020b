//! The likelihood of margins with errors of one unknown variance.

use super::cells::{Cell, cells_of};
use super::{LEAST_ERROR, Response, Terms};
use crate::inference::distributions::student_quantile;
use crate::numeric::vectors::add_scaled;

/// Mean margins with weights: −½ Σ w(y − η)².
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gaussian {
    /// Σ w·y per pair.
    sums: Vec<f64>,
    weights: Vec<f64>,
    /// Σ w·y².
    pub(crate) squares: f64,
    /// Number of observations.
    pub(crate) count: usize,
}

impl Gaussian {
    pub(crate) fn add_margin(&mut self, pair: usize, margin: f64, weight: f64) {
        self.sums[pair] += weight * margin;
        self.weights[pair] += weight;
        self.squares += weight * margin * margin;
        self.count += 1;
    }

    /// The value that is summed over pair means, from Σ w(y − η)² of all single observations.
    pub(crate) fn value(&self, residual: f64) -> f64 {
        0.5 * (self.residual(0.0) - residual)
    }

    /// Σ w(y − η)² of all single observations, from the value that is summed over pair means.
    pub(crate) fn residual(&self, value: f64) -> f64 {
        (self.squares - self.squares_of_means()).max(0.0) - 2.0 * value
    }

    /// Σ w·ȳ² over pairs, ȳ the mean margin of each.
    fn squares_of_means(&self) -> f64 {
        self.sums.iter().zip(&self.weights).map(|(s, w)| if *w > 0.0 { s * s / w } else { 0.0 }).sum()
    }
}

impl Response for Gaussian {
    fn empty(n_pairs: usize) -> Self {
        Self { sums: vec![0.0; n_pairs], weights: vec![0.0; n_pairs], squares: 0.0, count: 0 }
    }

    fn clear(&mut self) {
        self.sums.fill(0.0);
        self.weights.fill(0.0);
        (self.squares, self.count) = (0.0, 0);
    }

    fn add(&mut self, other: &Self) {
        add_scaled(&mut self.sums, 1.0, &other.sums);
        add_scaled(&mut self.weights, 1.0, &other.weights);
        self.squares += other.squares;
        self.count += other.count;
    }

    fn is_like(&self, other: &Self) -> bool {
        let weight: f64 = self.weights.iter().sum();
        let rounding = 8.0 * f64::EPSILON * (self.squares / weight).sqrt();
        // A pair without weight gives NaN, which is like NaN.
        let means = |table: &Self, k: usize| table.sums[k] / table.weights[k];
        let close = |a: f64, b: f64| (a - b).abs() <= rounding || a.is_nan() && b.is_nan();
        (0..self.sums.len()).all(|k| close(means(self, k), means(other, k)))
    }

    fn evidence<'a>(_: &'a Self, one: &'a Self) -> &'a Self {
        one
    }

    fn is_missing(&self, pair: usize) -> bool {
        self.weights[pair] == 0.0
    }

    fn terms(&self, pair: usize, eta: f64, _: Option<f64>) -> Terms {
        let w = self.weights[pair];
        let residual = self.sums[pair] / w - eta;
        Terms { value: -0.5 * w * residual * residual, eta: w * residual, eta_eta: w, ..Terms::default() }
    }

    fn unit(&self, value: f64) -> f64 {
        // σ², and where the fit is exact the rounding of the squares.
        (self.residual(value) / self.count as f64).max(1e-20 * self.squares)
    }

    /// Without degrees of freedom the variance is unknown, and nothing is excluded.
    fn threshold(&self, value: f64, parameters: usize) -> f64 {
        if self.count <= parameters {
            return f64::INFINITY;
        }
        let freedom = (self.count - parameters) as f64;
        let t = student_quantile(0.975, freedom);
        t * t * (self.residual(value) / freedom).max(self.unit(0.0) * 1e-9)
    }

    fn largest(&self) -> (f64, f64) {
        (f64::INFINITY, f64::INFINITY)
    }

    fn smallest(&self, unit: f64) -> f64 {
        0.01 * unit / (self.squares * self.weights.iter().sum::<f64>()).sqrt().max(f64::MIN_POSITIVE)
    }

    fn least_unit(&self) -> f64 {
        LEAST_ERROR * LEAST_ERROR * self.squares / self.count as f64
    }

    fn log_likelihood(&self, value: f64) -> f64 {
        let least = LEAST_ERROR * LEAST_ERROR * self.squares;
        -0.5 * self.count as f64 * (self.residual(value) + least).max(f64::MIN_POSITIVE).ln()
    }

    fn cells(&self, index: &[(usize, f64)], merge: bool) -> Vec<Cell> {
        let parts = self.sums.iter().zip(&self.weights).map(|(s, w)| [*s, *w]);
        cells_of(index, parts, |k| self.is_missing(k), merge.then_some(|[s, w]| [-s, w]))
    }

    fn fill(&self, cells: &[Cell], shape: &[f64], amplitude: f64, _: &[f64], bias: f64, out: &mut Vec<f64>) {
        let residual: f64 = cells
            .iter()
            .map(|cell| {
                let eta = amplitude * cell.sign * shape[cell.pair] + bias;
                cell.parts[1] * eta * eta - 2.0 * cell.parts[0] * eta
            })
            .sum();
        out.clear();
        out.push(self.log_likelihood(-0.5 * (residual + self.squares_of_means()).max(0.0)));
    }
}
