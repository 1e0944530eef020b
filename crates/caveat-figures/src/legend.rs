//! Legends: keys with words beside them, in rows and columns.

use crate::canvas::{Canvas, Dash, Marker, Rect, Stroke};
use crate::palette::{BLACK, Color};
use crate::text::{Anchor, Level, SMALL, Text};

/// Width of a key.
const KEY: f64 = 14.0;
/// Space between a key and its word.
const GAP: f64 = 4.0;
/// Space between columns.
const COLUMN_GAP: f64 = 12.0;
/// Height of a row.
const ROW: f64 = 11.0;

/// What a legend explains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Key {
    /// A line.
    Line(Stroke),
    /// A data point.
    Point(Marker, Color),
    /// One of many small data points.
    Dot(Color),
    /// A data point beyond the start of its axis.
    Beyond(Color),
    /// A line with data points on it.
    LinePoint(Stroke, Marker),
    /// A filled area.
    Patch(Color),
    /// An outlined cell.
    Outline(Stroke),
}

/// Keys and their words, in order.
#[derive(Debug, Clone, Default)]
pub struct Legend {
    entries: Vec<(Key, Text)>,
}

impl Legend {
    /// A legend without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more entry.
    #[must_use]
    pub fn with(mut self, key: Key, words: impl Into<String>) -> Self {
        self.push(key, words);
        self
    }

    /// Adds an entry.
    pub fn push(&mut self, key: Key, words: impl Into<String>) {
        self.entries.push((key, Text::new(words).size(SMALL).anchored(Anchor::Start, Level::Middle)));
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Width and height with this many columns.
    pub fn size(&self, columns: usize) -> (f64, f64) {
        let widths = self.column_widths(columns);
        let gaps = COLUMN_GAP * widths.len().saturating_sub(1) as f64;
        (widths.iter().sum::<f64>() + gaps, ROW * self.entries.len().div_ceil(columns.max(1)) as f64)
    }

    /// Height in as many columns as fit a width.
    pub fn height_within(&self, width: f64) -> f64 {
        self.size(self.columns_within(width)).1
    }

    /// Most columns that fit a width, at least one.
    pub fn columns_within(&self, width: f64) -> usize {
        (1..=self.len()).rev().find(|&k| self.size(k).0 <= width).unwrap_or(1)
    }

    fn column_widths(&self, columns: usize) -> Vec<f64> {
        let columns = columns.clamp(1, self.entries.len().max(1));
        let mut widths = vec![0.0f64; columns];
        for (k, (_, text)) in self.entries.iter().enumerate() {
            let w = &mut widths[k % columns];
            *w = w.max(KEY + GAP + text.width());
        }
        widths
    }

    /// Draws it row by row with its top left corner at (x, y).
    pub fn draw(&self, canvas: &mut Canvas, (x, y): (f64, f64), columns: usize) {
        let widths = self.column_widths(columns);
        for (k, (key, text)) in self.entries.iter().enumerate() {
            let column = k % widths.len();
            let left = x + widths[..column].iter().map(|w| w + COLUMN_GAP).sum::<f64>();
            let middle = y + ROW * ((k / widths.len()) as f64 + 0.5);
            draw_key(canvas, *key, (left, middle));
            canvas.text((left + KEY + GAP, middle), text);
        }
    }

    /// Draws it below `y`, centered in `rect`, in as many columns as fit.
    pub fn draw_centered(&self, canvas: &mut Canvas, rect: Rect, y: f64) {
        let columns = self.columns_within(rect.width);
        let x = rect.center().0 - self.size(columns).0 / 2.0;
        self.draw(canvas, (x, y), columns);
    }
}

fn draw_key(canvas: &mut Canvas, key: Key, (x, y): (f64, f64)) {
    let middle = x + KEY / 2.0;
    match key {
        Key::Line(stroke) => canvas.line((x, y), (x + KEY, y), stroke),
        Key::Point(marker, color) => canvas.marker(marker, (middle, y), 2.4, color),
        Key::Dot(color) => canvas.marker(Marker::Circle, (middle, y), 1.0, color),
        Key::Beyond(color) => canvas.arrow_head((middle - 2.0, y), (-1.0, 0.0), 4.0, color),
        Key::LinePoint(stroke, marker) => {
            canvas.line((x, y), (x + KEY, y), stroke);
            canvas.marker(marker, (middle, y), 2.2, stroke.color);
        }
        Key::Patch(color) => {
            // Light areas need an edge to be seen on white.
            let edge = (color.luminance() > 0.7).then(|| Stroke::new(BLACK.tint(0.4), 0.5));
            canvas.rect(Rect::new(x + 3.0, y - 3.5, 8.0, 7.0), Some(color), edge);
        }
        Key::Outline(stroke) => {
            canvas.rect(Rect::new(x + 3.0, y - 3.5, 8.0, 7.0), None, Some(stroke.dash(Dash::Solid)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_columns_are_wider_and_lower() {
        let mut legend = Legend::new();
        assert!(legend.is_empty() && legend.size(3) == (0.0, 0.0));
        for word in ["premise", "exception cycle", "within-section", "cross-section"] {
            legend.push(Key::Patch(BLACK), word);
        }
        let (narrow, wide) = (legend.size(1), legend.size(4));
        assert!(narrow.0 < wide.0 && narrow.1 == 4.0 * wide.1);
        assert_eq!(legend.columns_within(1e6), 4);
        assert_eq!(legend.columns_within(1.0), 1);
    }
}
