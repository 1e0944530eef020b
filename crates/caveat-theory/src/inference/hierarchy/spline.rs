//! A cubic spline through values at nodes of any distance, and its integrals against normal densities.
//!
//! The spline is level at both ends and has two continuous derivatives, so that derivatives of an integral in the density's mean μ
//! and log σ are integrals of its own derivatives: ∂/∂μ ∫ s·N = ∫ s′·N and ∂/∂log σ ∫ s·N = σ² ∫ s″·N. All of them are linear in
//! the values, and only the weights of the values depend on the density: per cell, they are moments of the density in it, and the
//! second derivatives at the nodes, which solve a tridiagonal system, are passed on to the values by its transpose.

use crate::inference::distributions::{normal_cdf, normal_density};

/// An integral and its derivatives in the mean and the log standard deviation of the density.
pub(super) type Jet = [f64; 3];

/// Nodes and weights of Gauss and Legendre on [0, 1], right for polynomials of degree 7, and of degree 11.
const GAUSS_4: [(f64, f64); 4] = [
    (0.069_431_844_202_973_71, 0.173_927_422_568_726_93),
    (0.330_009_478_207_571_87, 0.326_072_577_431_273_07),
    (0.669_990_521_792_428_1, 0.326_072_577_431_273_07),
    (0.930_568_155_797_026_3, 0.173_927_422_568_726_93),
];
const GAUSS_6: [(f64, f64); 6] = [
    (0.033_765_242_898_423_99, 0.085_662_246_189_585_17),
    (0.169_395_306_766_867_74, 0.180_380_786_524_069_3),
    (0.380_690_406_958_401_55, 0.233_956_967_286_345_52),
    (0.619_309_593_041_598_4, 0.233_956_967_286_345_52),
    (0.830_604_693_233_132_3, 0.180_380_786_524_069_3),
    (0.966_234_757_101_576, 0.085_662_246_189_585_17),
];

/// Standard deviations beyond which a density is 0 in double precision; nearer ones still guide a search.
const FAR: f64 = 37.0;

/// Share of a standard normal density between two places, with relative precision in the tails.
pub(super) fn between(a: f64, b: f64) -> f64 {
    if a > 0.0 { normal_cdf(-a) - normal_cdf(-b) } else { normal_cdf(b) - normal_cdf(a) }
}

/// ∫ tʲ N(u; mean, sd²) du over the cell from `from` to `to`, t going from 0 to 1 in it, for j = 0 … 3.
fn moments(from: f64, to: f64, mean: f64, sd: f64) -> [f64; 4] {
    let (a, b) = ((from - mean) / sd, (to - mean) / sd);
    let width = b - a;
    if a > FAR || b < -FAR {
        return [0.0; 4];
    }
    if width < 1.0 {
        let mut moments = [0.0; 4];
        let rule: &[(f64, f64)] = if width < 0.2 { &GAUSS_4 } else { &GAUSS_6 };
        for &(t, weight) in rule {
            let mut share = weight * width * normal_density(a + t * width);
            for moment in &mut moments {
                *moment += share;
                share *= t;
            }
        }
        return moments;
    }
    // t = (z − a)/width, and ∫ zʲφ by parts.
    let (at_a, at_b) = (normal_density(a), normal_density(b));
    let zeroth = between(a, b);
    let first = (at_a - at_b - a * zeroth) / width;
    let second = (zeroth - width * at_b - a * width * first) / (width * width);
    let third = (2.0 * first * width - width * width * at_b - a * width * width * second) / width.powi(3);
    [zeroth, first, second, third]
}

/// Distances of nodes with the factors of the system for the second derivatives.
#[derive(Debug, Clone)]
pub(super) struct Spline<'a> {
    at: &'a [f64],
    widths: Vec<f64>,
    /// Pivots of the elimination from the first row on.
    pivots: Vec<f64>,
}

impl<'a> Spline<'a> {
    /// Of at least two nodes, ascending.
    pub(super) fn new(at: &'a [f64]) -> Self {
        let widths: Vec<f64> = at.windows(2).map(|w| w[1] - w[0]).collect();
        let n = at.len();
        let mut pivots = Vec::with_capacity(n);
        for k in 0..n {
            let left = if k > 0 { widths[k - 1] } else { 0.0 };
            let right = if k + 1 < n { widths[k] } else { 0.0 };
            let taken = if k > 0 { left * left / pivots[k - 1] } else { 0.0 };
            pivots.push(2.0 * (left + right) - taken);
        }
        Self { at, widths, pivots }
    }

    /// Solves the symmetric system in place.
    fn solve(&self, x: &mut [f64]) {
        let n = x.len();
        for k in 1..n {
            x[k] -= self.widths[k - 1] / self.pivots[k - 1] * x[k - 1];
        }
        x[n - 1] /= self.pivots[n - 1];
        for k in (0..n - 1).rev() {
            x[k] = (x[k] - self.widths[k] * x[k + 1]) / self.pivots[k];
        }
    }

    /// Second derivatives at the nodes.
    pub(super) fn curvatures(&self, values: &[f64]) -> Vec<f64> {
        let n = values.len();
        let slope = |k: usize| (values[k + 1] - values[k]) / self.widths[k];
        let mut x: Vec<f64> = (0..n)
            .map(|k| {
                let right = if k + 1 < n { slope(k) } else { 0.0 };
                let left = if k > 0 { slope(k - 1) } else { 0.0 };
                6.0 * (right - left)
            })
            .collect();
        self.solve(&mut x);
        x
    }

    /// Weights of the values in ∫ s·N between the ends, and in its derivatives as if s went on level beyond them.
    pub(super) fn weights(&self, mean: f64, sd: f64) -> [Vec<f64>; 3] {
        let n = self.at.len();
        let mut weights = [vec![0.0; n], vec![0.0; n], vec![0.0; n]];
        let mut curvatures = weights.clone();
        for (k, &h) in self.widths.iter().enumerate() {
            let [m0, m1, m2, m3] = moments(self.at[k], self.at[k + 1], mean, sd);
            if m0 == 0.0 {
                continue;
            }
            let (sixth, variance) = (h / 6.0, sd * sd);
            weights[0][k] += m0 - m1;
            weights[0][k + 1] += m1;
            curvatures[0][k] += h * sixth * (3.0 * m2 - 2.0 * m1 - m3);
            curvatures[0][k + 1] += h * sixth * (m3 - m1);
            weights[1][k] -= m0 / h;
            weights[1][k + 1] += m0 / h;
            curvatures[1][k] += sixth * (6.0 * m1 - 2.0 * m0 - 3.0 * m2);
            curvatures[1][k + 1] += sixth * (3.0 * m2 - m0);
            curvatures[2][k] += variance * (m0 - m1);
            curvatures[2][k + 1] += variance * m1;
        }
        for (own, mut passed) in weights.iter_mut().zip(curvatures) {
            self.solve(&mut passed);
            for (k, h) in self.widths.iter().enumerate() {
                let share = 6.0 * (passed[k] - passed[k + 1]) / h;
                own[k + 1] += share;
                own[k] -= share;
            }
        }
        weights
    }

    /// ∫ s·N from the first node to `u`, given the second derivatives.
    pub(super) fn mass(&self, values: &[f64], curvatures: &[f64], (mean, sd): (f64, f64), u: f64) -> f64 {
        let mut sum = 0.0;
        for (k, &h) in self.widths.iter().enumerate() {
            let (from, to) = (self.at[k], self.at[k + 1].min(u));
            if to <= from {
                break;
            }
            // Of a part of a cell, t goes to `part`.
            let part = (to - from) / h;
            let [m0, m1, m2, m3] = moments(from, to, mean, sd);
            let (m1, m2, m3) = (part * m1, part * part * m2, part.powi(3) * m3);
            sum += values[k] * (m0 - m1) + values[k + 1] * m1;
            sum += h * h / 6.0 * (curvatures[k] * (3.0 * m2 - 2.0 * m1 - m3) + curvatures[k + 1] * (m3 - m1));
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nodes at uneven distances.
    fn nodes() -> Vec<f64> {
        (0..25).map(|k| 0.4 * f64::from(k) - 5.0 + 0.1 * f64::from(k % 3)).collect()
    }

    fn sum(weights: &[f64], values: &[f64]) -> f64 {
        weights.iter().zip(values).map(|(w, v)| w * v).sum()
    }

    #[test]
    fn integrals_of_bells_have_their_closed_form_with_derivatives() {
        let at = nodes();
        let values: Vec<f64> = at.iter().map(|u| (-0.5 * u * u).exp()).collect();
        let spline = Spline::new(&at);
        // ∫ exp(−u²/2) N(u; μ, σ²) du = exp(−μ²/2v)/√v, v = 1 + σ².
        for (mean, sd) in [(0.3, 1e-4), (-0.7, 0.2), (0.5, 0.9), (1.5, 3.0), (-2.0, 0.4)] {
            let v: f64 = 1.0 + sd * sd;
            let value = (-mean * mean / (2.0 * v)).exp() / v.sqrt();
            let exact = [value, -mean / v * value, value * sd * sd * (mean * mean / (v * v) - 1.0 / v)];
            let found = spline.weights(mean, sd).map(|w| sum(&w, &values));
            // 3h⁴/384 with h ≤ 0.5 of a curve whose fourth derivative is at most 3; slopes lose a power of h each.
            for (k, tolerance) in [(0, 5e-4), (1, 5e-3), (2, 0.02 * (sd * sd).min(1.0) + 1e-6)] {
                assert!((found[k] - exact[k]).abs() < tolerance, "{mean} {sd} {k}: {} {}", found[k], exact[k]);
            }
        }
    }

    #[test]
    fn weights_are_the_spline_s_integral_and_slopes_are_those_of_the_weights() {
        let at = nodes();
        let values: Vec<f64> = at.iter().enumerate().map(|(k, u)| (0.8 * u).sin() + (k % 2) as f64).collect();
        let spline = Spline::new(&at);
        let curvatures = spline.curvatures(&values);
        let (last, beyond) = (values[24], (values[0], at[0], at[24]));
        for (mean, sd) in [(0.3, 0.02), (-0.7, 0.4), (0.5, 2.5), (-4.0, 0.7)] {
            let [value, slope, spread] = spline.weights(mean, sd).map(|w| sum(&w, &values));
            let mass = spline.mass(&values, &curvatures, (mean, sd), f64::INFINITY);
            assert!((value - mass).abs() < 1e-12 * (1.0 + mass.abs()), "{mean} {sd}: {value} {mass}");
            // The whole integral, level beyond the ends.
            let whole = |mean: f64, sd: f64| {
                let (low, high) = (normal_cdf((beyond.1 - mean) / sd), normal_cdf((mean - beyond.2) / sd));
                sum(&spline.weights(mean, sd)[0], &values) + beyond.0 * low + last * high
            };
            let h = 1e-4 * sd;
            let numeric = (whole(mean + h, sd) - whole(mean - h, sd)) / (2.0 * h);
            assert!((slope - numeric).abs() < 1e-5 * (1.0 + numeric.abs()), "{mean} {sd}: {slope} {numeric}");
            let e = 1e-4;
            let numeric = (whole(mean, sd * f64::exp(e)) - whole(mean, sd * f64::exp(-e))) / (2.0 * e);
            assert!((spread - numeric).abs() < 1e-5 * (1.0 + numeric.abs()), "{mean} {sd}: {spread} {numeric}");
        }
    }

    #[test]
    fn moments_are_the_same_by_quadrature_and_by_parts() {
        for a in [-6.0, -2.0, -0.3, 1.0, 5.0] {
            // A cell just above the width where the formulas change, by halves that are below it.
            let whole = moments(a, a + 1.0 + 1e-9, 0.0, 1.0);
            let (low, high) = (moments(a, a + 0.5, 0.0, 1.0), moments(a + 0.5, a + 1.0, 0.0, 1.0));
            let joined = [
                low[0] + high[0],
                0.5 * (low[1] + high[1] + high[0]),
                0.25 * (low[2] + high[2] + 2.0 * high[1] + high[0]),
                0.125 * (low[3] + high[3] + 3.0 * high[2] + 3.0 * high[1] + high[0]),
            ];
            for (x, y) in whole.iter().zip(joined) {
                assert!((x - y).abs() < 1e-8 * joined[0], "{a}: {whole:?} {joined:?}");
            }
        }
    }
}
