//! Normalization, rotation and gating: operations on each row by itself.

use std::sync::Arc;

use rayon::prelude::*;

use super::{Matrix, Operation};
use crate::vector::vectorized;

/// Rows per unit of parallel work.
const ROWS: usize = 16;

/// x / √(mean x² + ε) · w, row by row; x [rows, width], w [1, width].
#[derive(Debug, Clone)]
pub(crate) struct RmsNorm {
    pub(crate) epsilon: f64,
}

impl RmsNorm {
    /// 1 / √(mean x² + ε).
    #[inline(always)]
    fn scale(&self, x: &[f32]) -> f32 {
        (sum_of_products([x, x]) / x.len() as f32 + self.epsilon as f32).sqrt().recip()
    }

    /// The gradient of a row: (g·w − x · Σ(x·g·w) / (width · (mean x² + ε))) / √(mean x² + ε).
    #[inline(always)]
    fn pull(&self, x: &[f32], g: &[f32], w: &[f32], out: &mut [f32]) {
        let width = out.len();
        // Slices of one length as far as the compiler can tell, so that the loop needs no bounds checks.
        let (x, g, w) = (&x[..width], &g[..width], &w[..width]);
        let scale = self.scale(x);
        let along = sum_of_products([x, g, w]) * scale * scale * scale / width as f32;
        for i in 0..width {
            out[i] = g[i] * w[i] * scale - x[i] * along;
        }
    }
}

/// Σ a·b·…, in eight interleaved sums.
#[inline(always)]
fn sum_of_products<const N: usize>(factors: [&[f32]; N]) -> f32 {
    let width = factors[0].len();
    let factors = factors.map(|factor| &factor[..width]);
    let mut sums = [0.0_f32; 8];
    let whole = width - width % 8;
    let mut start = 0;
    while start < whole {
        let mut terms = [1.0_f32; 8];
        for factor in &factors {
            for (term, x) in terms.iter_mut().zip(&factor[start..start + 8]) {
                *term *= x;
            }
        }
        for (sum, term) in sums.iter_mut().zip(&terms) {
            *sum += term;
        }
        start += 8;
    }
    for index in whole..width {
        let mut term = 1.0;
        for factor in &factors {
            term *= factor[index];
        }
        sums[index - whole] += term;
    }
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]))
}

impl Operation<2> for RmsNorm {
    fn forward(&self, [x, w]: [Matrix<'_>; 2], out: &mut [f32]) {
        let width = x.columns;
        out.par_chunks_mut(ROWS * width).zip(x.values.par_chunks(ROWS * width)).for_each(|(out, x)| {
            vectorized(
                #[inline(always)]
                || {
                    for (out, x) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
                        let scale = self.scale(x);
                        for ((out, x), w) in out.iter_mut().zip(x).zip(w.values) {
                            *out = x * scale * w;
                        }
                    }
                },
            );
        });
    }

    fn backward(&self, [x, w]: [Matrix<'_>; 2], gradient: Matrix<'_>, wanted: [bool; 2]) -> [Option<Vec<f32>>; 2] {
        let width = x.columns;
        let of_x = wanted[0].then(|| {
            let mut out = vec![0.0; x.values.len()];
            out.par_chunks_mut(ROWS * width)
                .zip(x.values.par_chunks(ROWS * width))
                .zip(gradient.values.par_chunks(ROWS * width))
                .for_each(|((out, x), g)| {
                    vectorized(
                        #[inline(always)]
                        || {
                            for ((out, x), g) in
                                out.chunks_exact_mut(width).zip(x.chunks_exact(width)).zip(g.chunks_exact(width))
                            {
                                self.pull(x, g, w.values, out);
                            }
                        },
                    );
                });
            out
        });
        let of_w = wanted[1].then(|| {
            let mut out = vec![0.0; width];
            vectorized(
                #[inline(always)]
                || {
                    for (x, g) in x.values.chunks_exact(width).zip(gradient.values.chunks_exact(width)) {
                        let scale = self.scale(x);
                        for ((out, x), g) in out.iter_mut().zip(x).zip(g) {
                            *out += x * scale * g;
                        }
                    }
                },
            );
            out
        });
        [of_x, of_w]
    }
}

/// Rotation of the pairs (i, i + head_dim / 2) of every head, [nodes, heads · head_dim].
#[derive(Debug, Clone)]
pub(crate) struct Rotate {
    pub(crate) heads: usize,
    /// Cosines and sines, [nodes, head_dim / 2] each.
    pub(crate) tables: Arc<(Vec<f32>, Vec<f32>)>,
}

impl Rotate {
    /// Rotates by the angles, or, if `back`, by their negatives.
    fn rotate(&self, x: Matrix<'_>, out: &mut [f32], back: bool) {
        let width = x.columns;
        let half = width / self.heads / 2;
        let (cos, sin) = (&self.tables.0, &self.tables.1);
        out.par_chunks_mut(ROWS * width).zip(x.values.par_chunks(ROWS * width)).enumerate().for_each(
            |(chunk, (out, x))| {
                vectorized(
                    #[inline(always)]
                    || {
                        for (row, (out, x)) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)).enumerate() {
                            let at = (chunk * ROWS + row) * half;
                            let (cos, sin) = (&cos[at..at + half], &sin[at..at + half]);
                            for (out, x) in out.chunks_exact_mut(2 * half).zip(x.chunks_exact(2 * half)) {
                                let ((low, high), (first, second)) = (out.split_at_mut(half), x.split_at(half));
                                for i in 0..half {
                                    let sin = if back { -sin[i] } else { sin[i] };
                                    low[i] = first[i] * cos[i] - second[i] * sin;
                                    high[i] = second[i] * cos[i] + first[i] * sin;
                                }
                            }
                        }
                    },
                );
            },
        );
    }
}

impl Operation<1> for Rotate {
    fn forward(&self, [x]: [Matrix<'_>; 1], out: &mut [f32]) {
        self.rotate(x, out, false);
    }

    fn backward(&self, _: [Matrix<'_>; 1], gradient: Matrix<'_>, wanted: [bool; 1]) -> [Option<Vec<f32>>; 1] {
        [wanted[0].then(|| {
            let mut out = vec![0.0; gradient.values.len()];
            self.rotate(gradient, &mut out, true);
            out
        })]
    }
}

/// silu(gate) · up, elementwise; [rows, width] each.
#[derive(Debug, Clone)]
pub(crate) struct Gated;

/// Numbers per unit of parallel work.
const PIECE: usize = 1 << 12;

impl Operation<2> for Gated {
    fn forward(&self, [gate, up]: [Matrix<'_>; 2], out: &mut [f32]) {
        out.par_chunks_mut(PIECE).zip(gate.values.par_chunks(PIECE)).zip(up.values.par_chunks(PIECE)).for_each(
            |((out, gate), up)| {
                vectorized(
                    #[inline(always)]
                    || {
                        for ((out, &gate), up) in out.iter_mut().zip(gate).zip(up) {
                            *out = gate * logistic(gate) * up;
                        }
                    },
                );
            },
        );
    }

    fn backward(&self, [gate, up]: [Matrix<'_>; 2], gradient: Matrix<'_>, wanted: [bool; 2]) -> [Option<Vec<f32>>; 2] {
        let of_gate = |gate: f32, up: f32, g: f32| {
            let s = logistic(gate);
            g * up * s * (1.0 + gate * (1.0 - s))
        };
        let of_up = |gate: f32, _: f32, g: f32| g * gate * logistic(gate);
        [
            wanted[0].then(|| map_numbers(gate.values, up.values, gradient.values, of_gate)),
            wanted[1].then(|| map_numbers(gate.values, up.values, gradient.values, of_up)),
        ]
    }
}

/// A function of three numbers, elementwise.
fn map_numbers(a: &[f32], b: &[f32], c: &[f32], of: impl Fn(f32, f32, f32) -> f32 + Sync) -> Vec<f32> {
    let mut out = vec![0.0; a.len()];
    out.par_chunks_mut(PIECE).zip(a.par_chunks(PIECE)).zip(b.par_chunks(PIECE)).zip(c.par_chunks(PIECE)).for_each(
        |(((out, a), b), c)| {
            vectorized(
                #[inline(always)]
                || {
                    for (((out, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
                        *out = of(a, b, c);
                    }
                },
            );
        },
    );
    out
}

/// 1 / (1 + e⁻ˣ).
#[inline(always)]
fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + exponential(-x))
}

/// eˣ to 2 ulp over the range of f32, without a branch, so that loops over it are vectorized: x = k ln 2 + r with |r| ≤ ln 2 / 2,
/// eʳ by its Taylor polynomial of degree 7, and 2ᵏ by its exponent.
#[inline(always)]
pub(super) fn exponential(x: f32) -> f32 {
    let x = x.clamp(-87.3, 88.3);
    let k = (x * std::f32::consts::LOG2_E + 0.5).floor();
    // ln 2 in two parts, the first with few digits, so that k times it is exact.
    let r = (-k).mul_add(0.693_145_75, x);
    let r = (-k).mul_add(1.428_606_8e-6, r);
    let mut p = 1.0 / 5040.0_f32;
    for c in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = p.mul_add(r, c);
    }
    p * f32::from_bits(((k as i32 + 127) as u32) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_right_to_a_few_units_in_the_last_place() {
        for i in -87_000..88_000 {
            let x = i as f32 * 1e-3;
            let exact = f64::from(x).exp();
            let deviation = (f64::from(exponential(x)) - exact).abs() / exact;
            assert!(deviation <= 3.0 * f64::from(f32::EPSILON), "{x}: {deviation:e}");
        }
    }
}
