//! Axes as maps from values to a place between 0 and 1, with ticks at round values.

use crate::text::{SMALL, Text, number};

/// How values spread along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spacing {
    Linear,
    Log,
}

/// A tick: where it is and what stands beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Value at the tick.
    pub value: f64,
    /// Text beside it.
    pub label: String,
    /// Whether it is shorter, between the others, and without a grid line.
    pub minor: bool,
}

impl Tick {
    fn major(value: f64, label: impl Into<String>) -> Self {
        Self { value, label: label.into(), minor: false }
    }

    fn minor(value: f64) -> Self {
        Self { value, label: String::new(), minor: true }
    }
}

/// An axis: its range, spacing, ticks and label.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    spacing: Spacing,
    min: f64,
    max: f64,
    pub(crate) ticks: Vec<Tick>,
    pub(crate) label: String,
}

impl Axis {
    /// Linear from `min` to `max` (downwards if `min` is larger); a range that is empty or not finite is widened to one that is.
    pub fn linear(min: f64, max: f64) -> Self {
        let (min, max) = match (min.is_finite(), max.is_finite()) {
            (true, true) if min != max => (min, max),
            (true, _) => (min - 0.5, min + 0.5),
            (false, true) => (max - 0.5, max + 0.5),
            (false, false) => (0.0, 1.0),
        };
        Self { spacing: Spacing::Linear, min, max, ticks: linear_ticks(min, max), label: String::new() }
    }

    /// Logarithmic from `min` to `max`, both positive; other ranges become a decade around the end that is usable, if any.
    pub fn log(min: f64, max: f64) -> Self {
        let usable = |v: f64| v.is_finite() && v > 0.0;
        let (min, max) = match (usable(min), usable(max)) {
            (true, true) if min != max => (min, max),
            (true, _) => (min / 3.0, min * 3.0),
            (false, true) => (max / 3.0, max * 3.0),
            (false, false) => (0.1, 10.0),
        };
        Self { spacing: Spacing::Log, min, max, ticks: log_ticks(min, max), label: String::new() }
    }

    /// Linear over the finite values with a margin of a twentieth on either side.
    pub fn covering<'a>(values: impl IntoIterator<Item = &'a f64>) -> Self {
        let finite = values.into_iter().filter(|v| v.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
        let margin = (high - low) / 20.0;
        Self::linear(low - margin, high + margin)
    }

    /// With this label.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With these ticks instead of its own.
    #[must_use]
    pub fn ticks<S: Into<String>>(mut self, ticks: impl IntoIterator<Item = (f64, S)>) -> Self {
        self.ticks = ticks.into_iter().map(|(value, label)| Tick::major(value, label)).collect();
        self
    }

    /// Without words at its ticks and without a label, for a panel that shares its neighbor's axis.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.label.clear();
        self.ticks.iter_mut().for_each(|t| t.label.clear());
        self
    }

    /// With every other tick unlabeled, except zero, repeatedly until the labels fit a length in points.
    #[must_use]
    pub(crate) fn thinned(mut self, length: f64) -> Self {
        loop {
            let labeled: Vec<usize> = (0..self.ticks.len()).filter(|&k| !self.ticks[k].minor).collect();
            let width = |&k: &usize| Text::new(&self.ticks[k].label).size(SMALL).width() + 5.0;
            if labeled.len() <= 3 || labeled.iter().map(width).sum::<f64>() <= length {
                return self;
            }
            let zero = labeled.iter().position(|&k| self.ticks[k].value == 0.0).unwrap_or(0);
            for (place, k) in labeled.into_iter().enumerate() {
                if (place + zero) % 2 == 1 {
                    self.ticks[k] = Tick::minor(self.ticks[k].value);
                }
            }
        }
    }

    /// Width in points of the widest label of a visible tick.
    pub(crate) fn widest_label(&self) -> f64 {
        let labels = self.visible_ticks().map(|(_, t)| Text::new(&t.label).size(SMALL).width());
        labels.fold(0.0, f64::max)
    }

    /// Value at the start of the axis (left or bottom).
    pub fn min(&self) -> f64 {
        self.min
    }

    /// Value at its end (right or top).
    pub fn max(&self) -> f64 {
        self.max
    }

    /// Place of a value: 0 at the start, 1 at the end, beyond outside; NaN if it has none.
    pub fn place(&self, value: f64) -> f64 {
        match self.spacing {
            Spacing::Linear => (value - self.min) / (self.max - self.min),
            Spacing::Log if value > 0.0 => (value / self.min).ln() / (self.max / self.min).ln(),
            Spacing::Log => f64::NAN,
        }
    }

    /// The value at a place, the inverse of [`Axis::place`].
    pub fn value(&self, place: f64) -> f64 {
        match self.spacing {
            Spacing::Linear => self.min + place * (self.max - self.min),
            Spacing::Log => self.min * (self.max / self.min).powf(place),
        }
    }

    /// Ticks within the range and their places.
    pub(crate) fn visible_ticks(&self) -> impl Iterator<Item = (f64, &Tick)> {
        self.ticks.iter().map(|t| (self.place(t.value), t)).filter(|(p, _)| (-1e-9..=1.0 + 1e-9).contains(p))
    }
}

/// Ticks at multiples of 1, 2 or 5 times a power of ten, three to seven of them.
fn linear_ticks(min: f64, max: f64) -> Vec<Tick> {
    let (low, high) = (min.min(max), min.max(max));
    let rough = (high - low) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= rough * 0.999).unwrap_or(rough);
    let decimals = (-(step.log10() + 1e-9).floor()).clamp(0.0, 12.0) as usize;
    let (first, last) = ((low / step - 1e-6).ceil(), (high / step + 1e-6).floor());
    // A range too narrow for its magnitude has no distinct multiples; its ends are labeled instead.
    if !(step > 0.0 && (last - first) < 50.0 && last.abs() < 1e15) {
        return [low, high].map(|value| Tick::major(value, format!("{value:.3e}"))).into();
    }
    (0..=(last - first) as usize)
        .map(|k| {
            let value = (first + k as f64) * step;
            Tick::major(value, number(value, decimals))
        })
        .collect()
}

/// Ticks at powers of ten, at most seven labeled, the others and (up to five decades) 2 to 9 times them minor.
fn log_ticks(min: f64, max: f64) -> Vec<Tick> {
    let (low, high) = (min.min(max), min.max(max));
    let (first, last) = ((low.log10() - 1e-9).ceil() as i32, (high.log10() + 1e-9).floor() as i32);
    let stride = ((last - first) / 7 + 1).max(1);
    let plain = first >= -2 && last <= 3;
    let label = |k: i32| match k {
        _ if plain => number(10f64.powi(k), (-k).max(0) as usize),
        0 => "1".into(),
        _ => format!("10^{{{}}}", number(f64::from(k), 0)),
    };
    let mut ticks = Vec::new();
    for k in first - 1..=last {
        let decade = 10f64.powi(k);
        ticks.push(if k.rem_euclid(stride) == 0 { Tick::major(decade, label(k)) } else { Tick::minor(decade) });
        if last - first <= 5 {
            ticks.extend((2..10).map(|m| Tick::minor(f64::from(m) * decade)));
        }
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.visible_ticks().filter(|(_, t)| !t.minor).map(|(_, t)| t.label.as_str()).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(labels(&Axis::linear(0.0, 1.0)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(&Axis::linear(-1.3, 1.3)), ["−1", "0", "1"]);
        assert_eq!(labels(&Axis::linear(8.0, 3.0)), ["3", "4", "5", "6", "7", "8"]);
        assert_eq!(labels(&Axis::linear(0.0, 2.5e-4)).len(), 6);
    }

    #[test]
    fn log_ticks_are_decades() {
        assert_eq!(labels(&Axis::log(0.01, 100.0)), ["0.01", "0.1", "1", "10", "100"]);
        assert_eq!(labels(&Axis::log(1e-4, 1.0)), ["10^{−4}", "10^{−3}", "10^{−2}", "10^{−1}", "1"]);
        assert!(labels(&Axis::log(1e-12, 1e12)).len() <= 8);
    }

    #[test]
    fn short_axes_keep_every_other_label_and_zero() {
        assert_eq!(labels(&Axis::linear(-11.0, 11.0).thinned(50.0)), ["−10", "0", "10"]);
        assert_eq!(labels(&Axis::linear(-3.0, 1.0).thinned(30.0)), ["−2", "0"]);
        assert_eq!(labels(&Axis::linear(-11.0, 11.0).thinned(500.0)).len(), 5);
    }

    #[test]
    fn places_and_values_are_inverse() {
        for axis in [Axis::linear(-2.0, 7.0), Axis::log(1e-3, 50.0), Axis::linear(5.0, 1.0)] {
            for p in [0.0, 0.3, 1.0, 1.4] {
                assert!((axis.place(axis.value(p)) - p).abs() < 1e-12);
            }
        }
        assert!(Axis::log(0.1, 1.0).place(-1.0).is_nan());
    }

    #[test]
    fn ranges_without_width_or_number_still_make_an_axis() {
        for axis in [
            Axis::linear(f64::NAN, f64::NAN),
            Axis::linear(3.0, 3.0),
            Axis::log(0.0, -1.0),
            Axis::log(2.0, 2.0),
            Axis::covering(&[]),
            Axis::covering(&[f64::NAN, 1.0]),
            Axis::linear(1e15, 1e15 + 1.0),
        ] {
            assert!(axis.min() < axis.max() && !axis.ticks.is_empty(), "{axis:?}");
        }
    }
}
