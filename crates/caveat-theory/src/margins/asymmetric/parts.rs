//! What an exchangeable kernel does to item effects by position, and to the constant; and its root.

use crate::kernel::ExchangeableKernel;

/// The kernel split into item part and local part.
pub(super) struct Parts {
    /// κ_1 − κ_0, κ_x − κ_0, κ_2 − κ_0.
    pub(super) item: [f64; 3],
    pub(super) zero: f64,
    /// What a pair has with itself, and with its reversal, beyond the items.
    pub(super) conj: f64,
    pub(super) flip: f64,
}

impl Parts {
    pub(super) fn new(k: &ExchangeableKernel) -> Self {
        Self {
            item: [k.same_first - k.disjoint, k.crossed - k.disjoint, k.same_second - k.disjoint],
            zero: k.disjoint,
            conj: k.identical - k.same_first - k.same_second + k.disjoint,
            flip: k.flipped - 2.0 * k.crossed + k.disjoint,
        }
    }

    /// S x for x = (first effects, second effects, constant).
    pub(super) fn item_times(&self, n: usize, x: impl Fn(usize) -> f64) -> Vec<f64> {
        let [a, b, d] = self.item;
        let mut y: Vec<f64> = (0..n).map(|i| a * x(i) + b * x(n + i)).collect();
        y.extend((0..n).map(|i| b * x(i) + d * x(n + i)));
        y.push(self.zero * x(2 * n));
        y
    }
}

/// S^{1/2} in closed form: a 2 × 2 root per item and one for the constant.
pub(super) struct ItemRoot {
    item: [f64; 3],
    zero: f64,
}

impl ItemRoot {
    /// `None` if S is indefinite.
    pub(super) fn new(parts: &Parts, scale: f64) -> Option<Self> {
        let [a, b, d] = parts.item;
        let tolerance = 32.0 * f64::EPSILON * scale;
        let (mean, spread) = ((a + d) / 2.0, ((a - d) / 2.0).hypot(b));
        if mean - spread < -tolerance || parts.zero < -tolerance {
            return None;
        }
        let (large, small) = ((mean + spread).max(0.0).sqrt(), (mean - spread).max(0.0).sqrt());
        // √A = (A + √det·I)/(√λ₁ + √λ₂).
        let det = large * small;
        let sum = large + small;
        let item = if sum > 0.0 { [(a + det) / sum, b / sum, (d + det) / sum] } else { [0.0; 3] };
        Some(Self { item, zero: parts.zero.max(0.0).sqrt() })
    }

    pub(super) fn times(&self, n: usize, x: &[f64]) -> Vec<f64> {
        let [a, b, d] = self.item;
        let mut y: Vec<f64> = (0..n).map(|i| a * x[i] + b * x[n + i]).collect();
        y.extend((0..n).map(|i| b * x[i] + d * x[n + i]));
        y.push(self.zero * x[2 * n]);
        y
    }
}
