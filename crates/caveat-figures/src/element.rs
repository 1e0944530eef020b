//! What is drawn on a canvas, in a form that can be kept.

use serde::{Deserialize, Serialize};

use crate::palette::Color;
use crate::text::Anchor;

/// A place on the page in points, y downwards.
pub(crate) type Point = (f64, f64);

/// A drawn element; lengths in points.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Element {
    /// A line through points.
    Line { points: Vec<Point>, pen: Pen },
    /// A path, filled at an opacity, outlined, or both.
    Path { segments: Vec<Segment>, fill: Option<(Color, f64)>, outline: Option<Pen> },
    /// Filled rectangles (x, y, width, height); the edges of crisp ones are not smoothed.
    Cells { cells: Vec<([f64; 4], Color)>, crisp: bool },
    /// A disc of radius `r`, with or without a line of a color and width around it.
    Disc { center: Point, r: f64, fill: Color, outline: Option<(Color, f64)> },
    /// A run of text, turned clockwise by degrees, with or without a line of a color and [`HALO`] points around its letters.
    Text {
        at: Point,
        content: String,
        size: u32,
        anchor: Anchor,
        rotation: f64,
        bold: bool,
        color: Color,
        halo: Option<Color>,
    },
}

/// A part of a path.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Segment {
    /// Start of a part.
    Move(Point),
    /// A straight line.
    Line(Point),
    /// A quadratic Bézier curve, as in letters: its control point and its end.
    Quadratic([Point; 2]),
    /// A cubic Bézier curve: two control points and its end.
    Curve([Point; 3]),
    /// Back to the start of the part.
    Close,
}

/// The path through points.
pub(crate) fn path_through(points: &[Point]) -> Vec<Segment> {
    points.iter().enumerate().map(|(k, &to)| if k == 0 { Segment::Move(to) } else { Segment::Line(to) }).collect()
}

/// How a line is drawn: its color, width, and the lengths of its dashes and gaps in turn, none if it is unbroken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pen {
    pub(crate) color: Color,
    pub(crate) width: f64,
    pub(crate) dashes: Vec<f64>,
}

impl Pen {
    pub(crate) fn unbroken(color: Color, width: f64) -> Self {
        Self { color, width, dashes: Vec::new() }
    }
}

/// Width of the line around a text with a halo, half of it outside, in points.
pub(crate) const HALO: f64 = 2.0;
