//! Colors with a fixed meaning in every figure, readable without color vision, and the ramps of heatmaps.
//!
//! Categorical colors are those of Okabe & Ito (2008, "Color universal design"), <https://jfly.uni-koeln.de/color/>.

use caveat_theory::PairClass;
use serde::{Deserialize, Serialize};

/// An opaque sRGB color.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Color(pub u8, pub u8, pub u8);

impl Color {
    /// This color mixed with white: 0 is white, 1 the color itself.
    #[must_use]
    pub fn tint(self, strength: f64) -> Self {
        self.over(WHITE, strength)
    }

    /// This color at opacity `strength` over another.
    #[must_use]
    pub fn over(self, under: Self, strength: f64) -> Self {
        let s = if strength.is_finite() { strength.clamp(0.0, 1.0) } else { 1.0 };
        let mix = |a: u8, b: u8| (f64::from(a) * s + f64::from(b) * (1.0 - s)).round() as u8;
        Self(mix(self.0, under.0), mix(self.1, under.1), mix(self.2, under.2))
    }

    /// Relative luminance in [0, 1] (WCAG 2.2).
    pub fn luminance(self) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// Black or white, whichever is easier to read on this color.
    #[must_use]
    pub fn ink(self) -> Self {
        if self.luminance() > 0.3 { BLACK } else { WHITE }
    }
}

impl From<colorous::Color> for Color {
    fn from(c: colorous::Color) -> Self {
        Self(c.r, c.g, c.b)
    }
}

/// Paper.
pub const WHITE: Color = Color(255, 255, 255);
/// Ink of text and axes.
pub const BLACK: Color = Color(20, 20, 20);
/// Secondary ink: ticks, annotations.
pub const GREY: Color = Color(110, 110, 110);
/// Grid lines and quiet fills.
pub const LIGHT_GREY: Color = Color(222, 222, 222);
/// Cells without a value.
pub const MISSING: Color = Color(238, 238, 238);

/// Okabe–Ito orange.
pub const ORANGE: Color = Color(230, 159, 0);
/// Okabe–Ito sky blue.
pub const SKY_BLUE: Color = Color(86, 180, 233);
/// Okabe–Ito bluish green.
pub const GREEN: Color = Color(0, 158, 115);
/// Okabe–Ito blue.
pub const BLUE: Color = Color(0, 114, 178);
/// Okabe–Ito vermillion.
pub const VERMILLION: Color = Color(213, 94, 0);
/// Okabe–Ito reddish purple.
pub const PURPLE: Color = Color(204, 121, 167);

/// Colors of unordered categories (models, settings), to be combined with markers.
pub const CATEGORIES: [Color; 7] = [BLUE, ORANGE, GREEN, PURPLE, SKY_BLUE, VERMILLION, GREY];

/// The rank profile that the chain alone would give.
pub const CHAIN_FIELD: Color = BLUE;
/// What the exception adds to it.
pub const EXCEPTION_FIELD: Color = VERMILLION;
/// Their sum, the ranks.
pub const RANKS: Color = BLACK;

/// Color of a pair class.
pub fn class_color(class: PairClass) -> Color {
    match class {
        PairClass::Premise => Color(90, 90, 90),
        PairClass::ExceptionCycle => ORANGE,
        PairClass::WithinSection => GREEN,
        PairClass::CrossSection => PURPLE,
        PairClass::CycleToSection => SKY_BLUE,
        PairClass::Ambiguous => LIGHT_GREY,
    }
}

/// Name of a pair class in legends and titles.
pub fn class_label(class: PairClass) -> &'static str {
    match class {
        PairClass::Premise => "premise",
        PairClass::ExceptionCycle => "exception cycle",
        PairClass::WithinSection => "within-section",
        PairClass::CrossSection => "cross-section",
        PairClass::CycleToSection => "cycle to section",
        PairClass::Ambiguous => "ambiguous",
    }
}

/// Color `i` of unordered categories, repeating after [`CATEGORIES`].
pub fn category_color(i: usize) -> Color {
    CATEGORIES[i % CATEGORIES.len()]
}

/// Color of step `i` of `n` ordered ones (values of α, depths, slopes): dark to light, light enough to see, dark enough to read.
pub fn ordered_color(i: usize, n: usize) -> Color {
    let t = if n < 2 { 0.35 } else { 0.05 + 0.77 * i as f64 / (n - 1) as f64 };
    colorous::VIRIDIS.eval_continuous(t).into()
}

/// A map from values to colors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ColorScale {
    /// Blue (negative), white (zero), red (positive); values beyond ±`limit` take the end colors.
    Diverging {
        /// Value of the end colors, positive.
        limit: f64,
    },
    /// Perceptually uniform, dark at `min`, light at `max` (cividis, Nuñez et al. 2018, doi:10.1371/journal.pone.0199239).
    Sequential {
        /// Value of the dark end.
        min: f64,
        /// Value of the light end.
        max: f64,
    },
    /// White where all is right (`max`), ever darker blue the more is wrong, down to `min`.
    Accuracy {
        /// Value of the dark end.
        min: f64,
        /// Value of the white end.
        max: f64,
    },
    /// Percentages around chance: blue at 0, grey at 50, red at 100 (ends of Moreland 2009, doi:10.1007/978-3-642-10520-3_9).
    Percent,
}

impl ColorScale {
    /// Diverging scale for these values: the limit is their largest finite magnitude, 1 if there is none.
    pub fn diverging<'a>(values: impl IntoIterator<Item = &'a f64>) -> Self {
        let limit = values.into_iter().filter(|v| v.is_finite()).fold(0.0, |m: f64, v| m.max(v.abs()));
        Self::Diverging { limit: if limit > 0.0 { limit } else { 1.0 } }
    }

    /// Smallest and largest value of the scale.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::Diverging { limit } => (-limit, limit),
            Self::Sequential { min, max } | Self::Accuracy { min, max } => (min, max),
            Self::Percent => (0.0, 100.0),
        }
    }

    /// Color of a value; [`MISSING`] for NaN, the end colors beyond the range.
    pub fn color(self, value: f64) -> Color {
        if value.is_nan() {
            return MISSING;
        }
        let (min, max) = self.range();
        let t = if max > min { ((value - min) / (max - min)).clamp(0.0, 1.0) } else { 0.5 };
        match self {
            Self::Diverging { .. } => colorous::RED_BLUE.eval_continuous(1.0 - t).into(),
            Self::Sequential { .. } => colorous::CIVIDIS.eval_continuous(t).into(),
            // Steeper near the white end, where single wrong pairs must be seen.
            Self::Accuracy { .. } => colorous::BLUES.eval_continuous((1.0 - t).powf(0.75)).into(),
            Self::Percent => {
                let end = if t < 0.5 { Color(59, 76, 192) } else { Color(180, 4, 38) };
                end.over(LIGHT_GREY, (2.0 * t - 1.0).abs())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_differ_in_color() {
        let colors: std::collections::HashSet<_> = PairClass::ALL.map(class_color).into_iter().collect();
        assert_eq!(colors.len(), PairClass::ALL.len());
    }

    #[test]
    fn the_diverging_scale_is_light_at_zero_and_symmetric_in_darkness() {
        let scale = ColorScale::Diverging { limit: 2.0 };
        assert!(scale.color(0.0).luminance() > 0.85);
        for v in [0.5, 1.0, 2.0] {
            assert!((scale.color(v).luminance() - scale.color(-v).luminance()).abs() < 0.12, "at {v}");
        }
        assert!(scale.color(2.0).0 > scale.color(2.0).2, "positive is red");
        assert_eq!(scale.color(9.0), scale.color(2.0));
        assert_eq!(scale.color(f64::NAN), MISSING);
    }

    #[test]
    fn percentages_are_grey_at_chance_and_darken_towards_both_ends() {
        assert_eq!(ColorScale::Percent.color(50.0), LIGHT_GREY);
        for low in [0.0, 10.0, 30.0, 49.0] {
            let (below, above) = (ColorScale::Percent.color(low), ColorScale::Percent.color(100.0 - low));
            assert!(below.2 > below.0 && above.0 > above.2, "at {low}");
            assert!(below.luminance() < ColorScale::Percent.color(low + 1.0).luminance());
            assert!(above.luminance() < ColorScale::Percent.color(99.0 - low).luminance());
        }
    }

    #[test]
    fn scales_of_no_values_or_no_width_still_give_colors() {
        assert_eq!(ColorScale::diverging(&[f64::NAN]), ColorScale::Diverging { limit: 1.0 });
        let flat = ColorScale::Sequential { min: 1.0, max: 1.0 };
        assert_eq!(flat.color(1.0), flat.color(5.0));
    }

    #[test]
    fn ordered_colors_lighten() {
        let l: Vec<f64> = (0..5).map(|i| ordered_color(i, 5).luminance()).collect();
        assert!(l.windows(2).all(|w| w[0] < w[1]));
    }
}
