//! One line of text with subscripts and superscripts, placed by anchor, baseline and rotation.

use serde::{Deserialize, Serialize};

use crate::fonts;
use crate::palette::{BLACK, Color};

/// Smallest text of a figure at its final size, in points; only sub- and superscripts are smaller.
pub const SMALL: u32 = 7;
/// Axis labels, legends and annotations, in points.
pub const NORMAL: u32 = 8;
/// Panel titles and letters, in points.
pub const LARGE: u32 = 9;

/// Which point of the line the given x is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Anchor {
    /// Its start.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// Which height of the line the given y is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The line that letters stand on.
    Baseline,
    /// Half the height of a capital.
    Middle,
    /// The top of a capital.
    Top,
}

/// A line of text. `_{…}` is a subscript and `^{…}` a superscript; every other character is literal.
///
/// ```
/// use caveat_figures::Text;
/// let label = Text::new("α_{gen}(C)").bold().rotated(-90.0);
/// assert!(label.width() > Text::new("α(C)").width());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    pub(crate) content: String,
    pub(crate) size: u32,
    pub(crate) bold: bool,
    pub(crate) color: Color,
    pub(crate) anchor: Anchor,
    pub(crate) level: Level,
    pub(crate) rotation: f64,
    pub(crate) halo: Option<Color>,
}

impl Text {
    /// Text of size [`NORMAL`], black, starting at its point on the baseline.
    pub fn new(content: impl Into<String>) -> Self {
        Self {
            content: content.into(),
            size: NORMAL,
            bold: false,
            color: BLACK,
            anchor: Anchor::Start,
            level: Level::Baseline,
            rotation: 0.0,
            halo: None,
        }
    }

    /// With this size in points.
    #[must_use]
    pub fn size(mut self, points: u32) -> Self {
        self.size = points.max(1);
        self
    }

    /// In bold.
    #[must_use]
    pub fn bold(mut self) -> Self {
        self.bold = true;
        self
    }

    /// In this color.
    #[must_use]
    pub fn color(mut self, color: Color) -> Self {
        self.color = color;
        self
    }

    /// With its point at this place of the line.
    #[must_use]
    pub fn anchored(mut self, anchor: Anchor, level: Level) -> Self {
        (self.anchor, self.level) = (anchor, level);
        self
    }

    /// Turned clockwise around its point, in degrees.
    #[must_use]
    pub fn rotated(mut self, degrees: f64) -> Self {
        self.rotation = if degrees.is_finite() { degrees } else { 0.0 };
        self
    }

    /// With an outline of this color, to be read on top of lines and cells.
    #[must_use]
    pub fn halo(mut self, color: Color) -> Self {
        self.halo = Some(color);
        self
    }

    /// Width in points.
    pub fn width(&self) -> f64 {
        self.runs().iter().map(|r| r.width).sum()
    }

    /// Pieces of one size and height each, from left to right.
    pub(crate) fn runs(&self) -> Vec<Run> {
        let small = (self.size * 3).div_ceil(4);
        let mut runs = Vec::new();
        for (content, shift) in split(&self.content) {
            let size = if shift == 0.0 { self.size } else { small };
            let measure = |s: &str| fonts::width(s, f64::from(size), self.bold);
            // SVG drops spaces at the start of a text; the run starts after them instead.
            let visible = content.trim_start();
            let (width, indent) = (measure(&content), measure(&content[..content.len() - visible.len()]));
            runs.push(Run { content: visible.to_owned(), size, rise: shift * f64::from(self.size), indent, width });
        }
        runs
    }
}

/// A piece of a line: its text, size, rise above the baseline, indent and width with it, in points.
pub(crate) struct Run {
    pub(crate) content: String,
    pub(crate) size: u32,
    pub(crate) rise: f64,
    pub(crate) indent: f64,
    pub(crate) width: f64,
}

/// Splits the markup into (text, rise in em); control characters, which SVG forbids, are dropped.
fn split(content: &str) -> Vec<(String, f64)> {
    let clean: String = content.chars().filter(|c| !c.is_control()).collect();
    let mut pieces = Vec::new();
    let mut rest = clean.as_str();
    loop {
        let next = ["_{", "^{"]
            .iter()
            .filter_map(|open| rest.find(open))
            .filter_map(|at| rest[at..].find('}').map(|len| (at, at + len)))
            .min();
        let Some((open, close)) = next else {
            break;
        };
        let rise = if rest[open..].starts_with('_') { -0.18 } else { 0.36 };
        pieces.push((rest[..open].to_owned(), 0.0));
        pieces.push((rest[open + 2..close].to_owned(), rise));
        rest = &rest[close + 1..];
    }
    pieces.push((rest.to_owned(), 0.0));
    pieces.retain(|(text, _)| !text.is_empty());
    pieces
}

/// The number as a picture shows it: at most `decimals` decimals, no trailing zeros, a real minus sign, ∞.
pub fn number(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        return "–".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞".into() } else { "−∞".into() };
    }
    let mut s = format!("{value:.decimals$}");
    if s.contains('.') {
        s.truncate(s.trim_end_matches('0').trim_end_matches('.').len());
    }
    if s == "-0" { "0".into() } else { s.replace('-', "−") }
}

/// The number with exactly `decimals` decimals, for numbers that are compared with each other.
pub fn fixed(value: f64, decimals: usize) -> String {
    if value.is_finite() { format!("{value:.decimals$}").replace('-', "−") } else { number(value, decimals) }
}

/// The label of the item of a rank: I₁ for the highest, rank 0.
pub fn item(rank: usize) -> String {
    let digits = (rank + 1).to_string();
    let subscript = digits.bytes().filter_map(|d| char::from_u32(0x2080 + u32::from(d - b'0')));
    std::iter::once('I').chain(subscript).collect()
}

/// A task's items and exceptions (winner, loser), as "n = 9; I₆ > I₄"; of many exceptions the first two.
pub(crate) fn task_words(n_items: usize, exceptions: impl ExactSizeIterator<Item = (usize, usize)>) -> String {
    let more = if exceptions.len() > 2 { ", …" } else { "" };
    let named = exceptions.take(2).map(|(winner, loser)| format!("{} > {}", item(winner), item(loser)));
    let names: Vec<String> = named.collect();
    if names.is_empty() { format!("n = {n_items}") } else { format!("n = {n_items}; {}{more}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_splits_into_runs_and_plain_signs_stay() {
        assert_eq!(split("α_{gen}(C)"), [("α".into(), 0.0), ("gen".into(), -0.18), ("(C)".into(), 0.0)]);
        assert_eq!(split("10^{−2}"), [("10".into(), 0.0), ("−2".into(), 0.36)]);
        for plain in ["exc_mid_n9", "a_{b", "}{_", "x^2"] {
            assert_eq!(split(plain), [(plain.to_owned(), 0.0)]);
        }
        assert_eq!(split(""), []);
        assert_eq!(split("a\u{0}\nb"), [("ab".to_owned(), 0.0)]);
    }

    #[test]
    fn numbers_read_as_in_print() {
        let shown = [(0.25, 2), (1.0, 2), (-0.5, 1), (-0.001, 2), (f64::INFINITY, 0), (f64::NAN, 1), (100.0, 0)];
        assert_eq!(shown.map(|(v, d)| number(v, d)), ["0.25", "1", "−0.5", "0", "∞", "–", "100"]);
    }

    #[test]
    fn fixed_numbers_keep_their_zeros() {
        assert_eq!([fixed(0.9, 2), fixed(-1.0, 1), fixed(f64::NAN, 2)], ["0.90", "−1.0", "–"]);
    }

    #[test]
    fn items_are_counted_from_one() {
        assert_eq!([item(0), item(9), item(98)], ["I₁", "I₁₀", "I₉₉"]);
    }
}
