//! Ridge and gradient-flow margins with exact derivatives, as spectral sums over one eigendecomposition of the Laplacian.
//!
//! With equal weights, r_i − r_j = Σ_k P_k·g_k over the eigenpairs (ℓ_k, v_k) of L, P_k = (v_ki − v_kj)⟨v_k, Bᵀy⟩, and
//! g = 1/(ℓ + μ) for the ridge, h·(1 − e^{−(hℓ+α)τ})/(hℓ + α) for the flow (docs/theory.md, sections 3 and 6).

use crate::comparison_graph::{ComparisonGraph, Edge};
use crate::error::Result;
use crate::inference::engine::surface::chart::Point;
use crate::inference::engine::surface::field::Field;
use crate::inference::engine::surface::pairs::{ObservedPairs, hebbian};
use crate::learner::LearnerKind;
use crate::numeric::eigen::Eigen;
use crate::numeric::sigmoid::sigmoid;
use crate::numeric::vectors::dot;

#[derive(Debug, Clone)]
pub(crate) struct Spectral {
    learner: LearnerKind,
    /// Nonzero eigenvalues that the sources excite.
    values: Vec<f64>,
    /// P, one row of modes per pair.
    parts: Vec<f64>,
}

impl Spectral {
    pub(crate) fn new(graph: &ComparisonGraph, learner: LearnerKind, observed: &ObservedPairs) -> Result<Self> {
        let n = graph.n_items();
        let laplacian = graph.laplacian(std::iter::repeat(1.0));
        let source = graph.divergence(graph.edges().iter().map(Edge::label));
        let Eigen { values: all, vectors } = Eigen::new(&laplacian, "the eigendecomposition of the Laplacian")?;
        let largest = all[n - 1];
        // The null space is constant on components, where the source sums to 0; the smallest other eigenvalue is at
        // least about π²/n² and far above rounding.
        let modes: Vec<usize> = (0..n).filter(|&k| all[k] > 1e-13 * n as f64 * largest).collect();
        let amplitudes: Vec<f64> = modes.iter().map(|&k| dot(vectors.col_as_slice(k), &source)).collect();
        let norm = dot(&source, &source).sqrt();
        let kept: Vec<usize> = (0..modes.len()).filter(|&a| amplitudes[a].abs() > 4.0 * f64::EPSILON * norm).collect();
        let mut parts = Vec::with_capacity(kept.len() * observed.pairs.len());
        for &(i, j) in &observed.pairs {
            parts.extend(kept.iter().map(|&a| (vectors[(i, modes[a])] - vectors[(j, modes[a])]) * amplitudes[a]));
        }
        Ok(Self { learner, values: kept.iter().map(|&a| all[modes[a]]).collect(), parts })
    }

    /// Sums over modes: `sums[c]` for every column of coefficients, for one pair.
    fn sums<const N: usize>(&self, pair: usize, coefficients: &[f64]) -> [f64; N] {
        let k = self.values.len();
        let row = &self.parts[pair * k..(pair + 1) * k];
        std::array::from_fn(|c| dot(row, &coefficients[c * k..(c + 1) * k]))
    }

    /// f and its slopes in x and z (in log m/(1−m) at the corner), written over the field's shape and slopes.
    pub(crate) fn margins(&self, observed: &ObservedPairs, point: Point, field: &mut Field) {
        let mut g = std::mem::take(&mut field.scratch);
        g.clear();
        let (f, [fx, fz]) = (&mut field.shape, &mut field.slopes);
        match point {
            Point::Corner { logit_memorization } => {
                let (m, rest) = (sigmoid(logit_memorization), sigmoid(-logit_memorization));
                g.extend(self.values.iter().map(|l| 1.0 / l));
                for (k, &y) in observed.labels.iter().enumerate() {
                    let [d] = self.sums(k, &g);
                    (f[k], fx[k]) = if y.is_nan() { (d, 0.0) } else { (m * y + rest * d, m * rest * (y - d)) };
                }
                fz.fill(0.0);
            }
            Point::Plane { x, z } if z == f64::NEG_INFINITY => {
                hebbian(observed, self.learner, x, f, fx);
                fz.fill(0.0);
            }
            Point::Plane { x, z } => match self.learner {
                LearnerKind::GradientFlow => self.flow(observed, (x, z), &mut g, (f, fx, fz)),
                _ => self.ridge(observed, (x, z), &mut g, (f, fx, fz)),
            },
        }
        field.scratch = g;
    }

    fn ridge(
        &self,
        observed: &ObservedPairs,
        (x, z): (f64, f64),
        g: &mut Vec<f64>,
        (f, fx, fz): (&mut [f64], &mut [f64], &mut [f64]),
    ) {
        // odds = α/(1−α), inverse = 1/C: μ = 2(odds + (1 + odds)/C), m = odds/(odds + (1 + odds)/C).
        let (odds, inverse) = (x.exp(), (-z).exp());
        if odds.is_infinite() {
            let (m, rest) = (1.0 / (1.0 + inverse), inverse / (1.0 + inverse));
            for (k, &y) in observed.labels.iter().enumerate() {
                let y = if y.is_nan() { 0.0 } else { y };
                (f[k], fx[k], fz[k]) = (m * y, 0.0, m * rest * y);
            }
            return;
        }
        let ridge = (1.0 + odds) * inverse;
        let screening = 2.0 * (odds + ridge);
        let (m, rest) = if screening > 0.0 { (odds / (odds + ridge), ridge / (odds + ridge)) } else { (0.0, 1.0) };
        let (screening_x, screening_z) = (2.0 * odds * (1.0 + inverse), -2.0 * ridge);
        let (memory_x, memory_z) = (m * rest * sigmoid(-x), m * rest);
        g.extend(self.values.iter().map(|l| 1.0 / (l + screening)));
        g.extend(self.values.iter().map(|l| -1.0 / ((l + screening) * (l + screening))));
        for (k, &y) in observed.labels.iter().enumerate() {
            let [d, slope] = self.sums(k, g);
            if y.is_nan() {
                (f[k], fx[k], fz[k]) = (d, slope * screening_x, slope * screening_z);
            } else {
                f[k] = m * y + rest * d;
                fx[k] = rest * slope * screening_x + (y - d) * memory_x;
                fz[k] = rest * slope * screening_z + (y - d) * memory_z;
            }
        }
    }

    fn flow(
        &self,
        observed: &ObservedPairs,
        (x, z): (f64, f64),
        g: &mut Vec<f64>,
        (f, fx, fz): (&mut [f64], &mut [f64], &mut [f64]),
    ) {
        let (a, rest, time) = (sigmoid(x), sigmoid(-x), z.exp());
        let h = rest / 2.0;
        if h == 0.0 {
            for (k, &y) in observed.labels.iter().enumerate() {
                let y = if y.is_nan() { 0.0 } else { y };
                let slope = if time.is_infinite() { 0.0 } else { time * (-time).exp() };
                (f[k], fx[k], fz[k]) = (-(-time).exp_m1() * y, 0.0, slope * y);
            }
            return;
        }
        let modes = self.values.len();
        g.resize(6 * modes, 0.0);
        for (k, &l) in self.values.iter().enumerate() {
            let (potential, potential_rate, potential_time) = integral(h * l, time);
            let (rank, rank_rate, rank_time) = integral(h * l + a, time);
            // Values, then derivatives in α (∂h/∂α = −½), then in log t, of r and of q.
            g[k] = h * rank;
            g[modes + k] = -0.5 * rank + h * rank_rate * (1.0 - l / 2.0);
            g[2 * modes + k] = h * rank_time;
            g[3 * modes + k] = h * potential;
            g[4 * modes + k] = -0.5 * potential - h * potential_rate * l / 2.0;
            g[5 * modes + k] = h * potential_time;
        }
        let rate = if a == 0.0 { 0.0 } else { a * time };
        let (m, forgotten) = (-(-rate).exp_m1(), (-rate).exp());
        // ∂m/∂α = t·e^{−αt} and ∂m/∂log t = αt·e^{−αt}, 0 where the exponential has won.
        let (memory_a, memory_z) = if forgotten == 0.0 { (0.0, 0.0) } else { (time * forgotten, rate * forgotten) };
        let chain = a * rest;
        for (k, &y) in observed.labels.iter().enumerate() {
            let [d, d_a, d_z, q, q_a, q_z] = self.sums(k, g);
            if y.is_nan() {
                (f[k], fx[k], fz[k]) = (d, chain * d_a, d_z);
            } else {
                f[k] = m * y + forgotten * q;
                fx[k] = chain * (forgotten * q_a + (y - q) * memory_a);
                fz[k] = forgotten * q_z + (y - q) * memory_z;
            }
        }
    }
}

/// G = (1 − e^{−rt})/r, ∂G/∂r, and ∂G/∂log t.
fn integral(rate: f64, time: f64) -> (f64, f64, f64) {
    if time.is_infinite() {
        return (1.0 / rate, -1.0 / (rate * rate), 0.0);
    }
    let s = rate * time;
    let remaining = (-s).exp();
    // The quotients cancel for small s: a power series to s⁴/720 relative to 1/2.
    let (value, slope) = if s < 1e-3 {
        (1.0 - s / 2.0 + s * s / 6.0 - s * s * s / 24.0, -0.5 + s / 3.0 - s * s / 8.0 + s * s * s / 30.0)
    } else {
        let value = -(-s).exp_m1() / s;
        (value, (remaining - value) / s)
    };
    // Written as products that do not overflow: ∂G/∂r = t²·slope.
    (
        time * value,
        if slope == 0.0 { 0.0 } else { time * slope * time },
        if remaining == 0.0 { 0.0 } else { time * remaining },
    )
}
