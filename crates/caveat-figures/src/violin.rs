//! Violins: the distribution of values on a bounded range as a smooth outline, with the values in it.

use crate::axes::Panel;
use crate::canvas::{Canvas, Marker, Stroke};
use crate::palette::Color;

/// Points of each side of an outline.
const OUTLINE_POINTS: usize = 121;
/// Bandwidths by which the outline extends beyond the outermost values, within the range.
const TAIL: f64 = 1.5;
/// Fewest values that get an outline: fewer are better seen one by one.
const FEWEST: usize = 3;
/// Smallest bandwidth, as a share of the range: narrower outlines would be lines in print.
const NARROWEST: f64 = 0.008;

/// The distribution of values between `low` and `high`.
///
/// The outline is a Gaussian kernel density with Silverman's bandwidth 0.9 · min(s, IQR / 1.34) · n^(−1/5) (Silverman 1986,
/// "Density estimation for statistics and data analysis", eq. 3.31; s alone where the quartiles coincide). It is reflected at
/// both ends of the range, so that its mass stays inside, and scaled to a largest width of 1. Fewer than three values, or
/// values that are all equal, have no outline; each distinct one is a tick.
#[derive(Debug, Clone, PartialEq)]
pub struct Violin {
    values: Vec<f64>,
    range: (f64, f64),
    /// Width of the kernel in units of the values; `None` without an outline.
    bandwidth: Option<f64>,
    /// Largest density, by which widths are divided.
    peak: f64,
    /// (value, width in [0, 1]), in increasing order of values.
    outline: Vec<(f64, f64)>,
}

impl Violin {
    /// The distribution of the finite values, those beyond the range `(low, high)` moved to its ends.
    ///
    /// Cost O(n log n + 121 n).
    pub fn new(values: impl IntoIterator<Item = f64>, range: (f64, f64)) -> Self {
        let (low, high) = (range.0.min(range.1), range.0.max(range.1));
        let finite = values.into_iter().filter(|v| v.is_finite());
        let values: Vec<f64> = finite.map(|v| v.max(low).min(high)).collect();
        let bandwidth = bandwidth(&values).map(|h| h.max(NARROWEST * (high - low)));
        let mut violin = Self { values, range: (low, high), bandwidth, peak: 1.0, outline: Vec::new() };
        if let Some(h) = bandwidth {
            let (from, to) = violin.values.iter().fold((high, low), |(a, b), &v| (a.min(v), b.max(v)));
            let (from, to) = ((from - TAIL * h).max(low), (to + TAIL * h).min(high));
            let step = (to - from) / (OUTLINE_POINTS - 1) as f64;
            let at = (0..OUTLINE_POINTS).map(|k| (from + step * k as f64).min(to));
            let densities: Vec<(f64, f64)> = at.map(|v| (v, violin.density(v))).collect();
            violin.peak = densities.iter().fold(0.0, |peak, d| d.1.max(peak));
            violin.outline = densities.into_iter().map(|(v, d)| (v, d / violin.peak)).collect();
        }
        violin
    }

    /// Probability density at a value in the range; 0 outside it, NaN without an outline.
    pub fn density(&self, value: f64) -> f64 {
        let Some(h) = self.bandwidth else {
            return f64::NAN;
        };
        let (low, high) = self.range;
        if !(low..=high).contains(&value) {
            return 0.0;
        }
        let kernel = |d: f64| (-0.5 * (d / h).powi(2)).exp();
        let around = |v: f64| {
            // Images farther away are beyond 8 bandwidths of any value in the range.
            let period = 2.0 * (high - low);
            let images = (8.0 * h / period).ceil();
            let shifts = (0..=2 * images as usize).map(|k| (k as f64 - images) * period);
            shifts.map(|s| kernel(value - v + s) + kernel(value + v - 2.0 * low + s)).sum::<f64>()
        };
        let total: f64 = self.values.iter().map(|&v| around(v)).sum();
        total / (self.values.len() as f64 * h * std::f64::consts::TAU.sqrt())
    }

    /// Draws it in a panel around `x`, at most `half_width` to either side (both in units of the x axis), with its values.
    ///
    /// A fixed low-discrepancy sequence spreads the values over the width, so that a figure is the same every time.
    pub fn draw(&self, canvas: &mut Canvas, panel: &Panel, x: f64, half_width: f64, color: Color) {
        let right = self.outline.iter().map(|&(v, w)| panel.place((x + half_width * w, v)));
        let left = self.outline.iter().rev().map(|&(v, w)| panel.place((x - half_width * w, v)));
        let mut outline: Vec<(f64, f64)> = right.chain(left).collect();
        if let Some(&first) = outline.first() {
            canvas.polygon(&outline, color.tint(0.3), 1.0);
            outline.push(first);
            canvas.polyline(&outline, Stroke::new(color, 0.6));
        } else {
            let mut distinct = self.values.clone();
            distinct.sort_by(f64::total_cmp);
            distinct.dedup();
            for value in distinct {
                panel.line(canvas, &[(x - half_width, value), (x + half_width, value)], Stroke::new(color, 0.9));
            }
        }
        let ink = color.over(crate::palette::BLACK, 0.8);
        for (k, &value) in self.values.iter().enumerate() {
            let width = if self.bandwidth.is_some() { self.density(value) / self.peak } else { 0.5 };
            let across = (2.0 * van_der_corput(k + 1) - 1.0) * 0.86 * width.min(1.0) * half_width;
            panel.points(canvas, &[(x + across, value)], Marker::Circle, 0.65, ink);
        }
    }
}

/// Silverman's bandwidth; `None` for too few values or without spread.
fn bandwidth(values: &[f64]) -> Option<f64> {
    if values.len() < FEWEST {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let quantile = |q: f64| {
        let at = q * (n - 1.0);
        let k = at.floor() as usize;
        let next = sorted[(k + 1).min(sorted.len() - 1)];
        sorted[k] + (at - at.floor()) * (next - sorted[k])
    };
    let by_quartiles = (quantile(0.75) - quantile(0.25)) / 1.34;
    let spread = if by_quartiles > 0.0 { deviation.min(by_quartiles) } else { deviation };
    // Equal values may have a mean that is off by rounding.
    (sorted[0] < sorted[sorted.len() - 1]).then(|| 0.9 * spread * n.powf(-0.2))
}

/// The k-th number of van der Corput's sequence in base 2, in [0, 1): the binary digits of k behind the point, in reverse.
pub(crate) fn van_der_corput(k: usize) -> f64 {
    (k as u64).reverse_bits() as f64 / 2f64.powi(64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Rect;
    use crate::scale::Axis;
    use proptest::prelude::*;

    /// The integral of the density over its range by Simpson's rule in steps that resolve the kernel.
    fn mass(violin: &Violin) -> f64 {
        let (low, high) = violin.range;
        let steps = 2 * (4.0 * (high - low) / violin.bandwidth.unwrap()).ceil() as usize;
        let step = (high - low) / steps as f64;
        let weight = |k: usize| if k == 0 || k == steps { 1.0 } else { 2.0 + 2.0 * (k % 2) as f64 };
        (0..=steps).map(|k| weight(k) * violin.density((low + step * k as f64).min(high))).sum::<f64>() * step / 3.0
    }

    #[test]
    fn the_bandwidth_is_silvermans() {
        // 0, 25, 50, 75, 100: s = 25 √(5/2), quartiles 25 and 75, so the smaller spread is 50 / 1.34.
        let expected = 0.9 * 50.0 / 1.34 * 5f64.powf(-0.2);
        let violin = Violin::new([0.0, 25.0, 50.0, 75.0, 100.0], (0.0, 100.0));
        assert!((violin.bandwidth.unwrap() - expected).abs() < 1e-12);
        // Quartiles that coincide leave the standard deviation: mean 92, squares 4 · 8² + 32² = 1280, over 4.
        let violin = Violin::new([100.0, 100.0, 100.0, 100.0, 60.0], (0.0, 100.0));
        assert!((violin.bandwidth.unwrap() - 0.9 * 320f64.sqrt() * 5f64.powf(-0.2)).abs() < 1e-12);
    }

    #[test]
    fn the_widest_place_has_width_one_and_lies_where_the_values_are() {
        let violin = Violin::new((0..50).map(|k| 90.0 + f64::from(k % 7)), (0.0, 100.0));
        let widest = violin.outline.iter().copied().fold((0.0, 0.0), |a, b| if b.1 > a.1 { b } else { a });
        assert_eq!(widest.1, 1.0);
        assert!((90.0..=96.0).contains(&widest.0), "{widest:?}");
        assert!(violin.outline.iter().all(|(v, w)| (0.0..=100.0).contains(v) && (0.0..=1.0).contains(w)));
    }

    #[test]
    fn few_and_constant_values_are_ticks() {
        let panel = Panel::new(Rect::new(0.0, 0.0, 50.0, 50.0), Axis::linear(0.0, 1.0), Axis::linear(0.0, 100.0));
        let cases: [(&[f64], usize); 6] = [
            (&[], 0),
            (&[f64::NAN], 0),
            (&[40.0], 2),
            (&[40.0, 60.0], 4),
            (&[0.1 + 0.2; 30], 31),
            (&[10.0, 20.0, f64::INFINITY, 40.0], 2 + 3),
        ];
        for (values, elements) in cases {
            let mut canvas = Canvas::new(50.0, 50.0);
            Violin::new(values.iter().copied(), (0.0, 100.0)).draw(&mut canvas, &panel, 0.5, 0.4, crate::palette::BLUE);
            assert_eq!(canvas.n_elements(), elements, "{values:?}");
        }
    }

    #[test]
    fn the_sequence_halves_again_and_again() {
        assert_eq!([1, 2, 3, 4].map(van_der_corput), [0.5, 0.25, 0.75, 0.125]);
    }

    proptest! {
        #[test]
        fn the_density_has_mass_one(values in prop::collection::vec(0.0..=100.0f64, 3..40), squeeze in 0.01..1.0f64) {
            let violin = Violin::new(values.into_iter().map(|v| v * squeeze), (0.0, 100.0));
            if violin.bandwidth.is_some() {
                // Simpson's error with 8 steps a bandwidth is of the order (1/8)⁴ / 180 of the fourth derivative's mean.
                prop_assert!((mass(&violin) - 1.0).abs() < 1e-4, "{}", mass(&violin));
            }
        }
    }
}
