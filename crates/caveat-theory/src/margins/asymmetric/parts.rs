//! What an exchangeable kernel does to item effects by position, and to the constant; and its root.

use crate::kernel::ExchangeableKernel;

/// The kernel split into item part and local part.
pub(super) struct Parts {
    /// S: κ_1 − κ_0, κ_x − κ_0, κ_2 − κ_0 per item, and κ_0.
    pub(super) item: ItemPart,
    /// What a pair has with itself, and with its reversal, beyond the items.
    pub(super) conj: f64,
    pub(super) flip: f64,
}

impl Parts {
    pub(super) fn new(k: &ExchangeableKernel) -> Self {
        let per_item = [k.same_first - k.disjoint, k.crossed - k.disjoint, k.same_second - k.disjoint];
        Self {
            item: ItemPart { per_item, constant: k.disjoint },
            conj: k.identical - k.same_first - k.same_second + k.disjoint,
            flip: k.flipped - 2.0 * k.crossed + k.disjoint,
        }
    }
}

/// A matrix on (first effects, second effects, constant): the same symmetric 2 × 2 block per item, and a number for the constant.
pub(super) struct ItemPart {
    /// First with first, first with second, second with second.
    per_item: [f64; 3],
    constant: f64,
}

impl ItemPart {
    /// Its product with x.
    pub(super) fn times(&self, n: usize, x: impl Fn(usize) -> f64) -> Vec<f64> {
        let [a, b, d] = self.per_item;
        let mut y: Vec<f64> = (0..n).map(|i| a * x(i) + b * x(n + i)).collect();
        y.extend((0..n).map(|i| b * x(i) + d * x(n + i)));
        y.push(self.constant * x(2 * n));
        y
    }

    /// Every entry's absolute value.
    pub(super) fn abs(&self) -> Self {
        Self { per_item: self.per_item.map(f64::abs), constant: self.constant.abs() }
    }

    /// Its root, in closed form; `None` if it is indefinite beyond rounding of entries of size `scale`.
    pub(super) fn root(&self, scale: f64) -> Option<Self> {
        let [a, b, d] = self.per_item;
        let tolerance = 32.0 * f64::EPSILON * scale;
        let (mean, spread) = ((a + d) / 2.0, ((a - d) / 2.0).hypot(b));
        if mean - spread < -tolerance || self.constant < -tolerance {
            return None;
        }
        let (large, small) = ((mean + spread).max(0.0).sqrt(), (mean - spread).max(0.0).sqrt());
        // √A = (A + √det·I)/(√λ₁ + √λ₂).
        let det = large * small;
        let sum = large + small;
        let per_item = if sum > 0.0 { [(a + det) / sum, b / sum, (d + det) / sum] } else { [0.0; 3] };
        Some(Self { per_item, constant: self.constant.max(0.0).sqrt() })
    }
}
