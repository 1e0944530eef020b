//! What is drawn on a canvas, in a form that can be kept, and as the drawing library has it.

use kuva::render::color::Color as Paint;
use kuva::render::render::{PathData, Primitive, TextAnchor};
use serde::{Deserialize, Serialize};

use crate::palette::Color;
use crate::text::Anchor;

/// A drawn element; lengths in points.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Element {
    /// A line through points.
    Line { points: Vec<(f64, f64)>, color: Color, width: f64, dashes: Option<String> },
    /// A path in SVG's words, outlined by a color and a width.
    Path { d: String, fill: Option<Color>, outline: Option<(Color, f64)>, opacity: Option<f64>, dashes: Option<String> },
    /// Filled rectangles, one in each place of the lists.
    Cells { x: Vec<f64>, y: Vec<f64>, w: Vec<f64>, h: Vec<f64>, fills: Vec<Color> },
    /// A disc of radius `r`.
    Disc { center: (f64, f64), r: f64, fill: Color, outline: Option<(Color, f64)> },
    /// A run of text, turned by degrees.
    Text { at: (f64, f64), content: String, size: u32, anchor: Anchor, rotation: f64, bold: bool, color: Color },
    /// The beginning of a group with these attributes of SVG.
    Open(String),
    /// The end of a group.
    Close,
}

impl Element {
    /// As the drawing library has it.
    pub(crate) fn primitive(&self) -> Primitive {
        match self {
            Self::Line { points, color, width, dashes } => Primitive::PolyLine {
                points: points.clone(),
                stroke: paint(*color),
                stroke_width: *width,
                stroke_dasharray: dashes.clone(),
            },
            Self::Path { d, fill, outline, opacity, dashes } => Primitive::Path(Box::new(PathData {
                d: d.clone(),
                fill: fill.map(paint),
                stroke: outline.map_or(Paint::None, |(color, _)| paint(color)),
                stroke_width: outline.map_or(0.0, |(_, width)| width),
                opacity: *opacity,
                stroke_dasharray: dashes.clone(),
            })),
            Self::Cells { x, y, w, h, fills } => Primitive::RectBatch {
                x: x.clone(),
                y: y.clone(),
                w: w.clone(),
                h: h.clone(),
                fills: fills.iter().copied().map(paint).collect(),
            },
            Self::Disc { center: (cx, cy), r, fill, outline } => Primitive::Circle {
                cx: *cx,
                cy: *cy,
                r: *r,
                fill: paint(*fill),
                fill_opacity: None,
                stroke: outline.map(|(color, _)| paint(color)),
                stroke_width: outline.map(|(_, width)| width),
            },
            Self::Text { at: (x, y), content, size, anchor, rotation, bold, color } => Primitive::Text {
                x: *x,
                y: *y,
                // The library reads $…$ as mathematics; here a dollar is a dollar.
                content: content.replace('$', "\\$"),
                size: *size,
                anchor: match anchor {
                    Anchor::Start => TextAnchor::Start,
                    Anchor::Middle => TextAnchor::Middle,
                    Anchor::End => TextAnchor::End,
                },
                rotate: (*rotation != 0.0).then_some(*rotation),
                bold: *bold,
                color: Some(paint(*color)),
            },
            Self::Open(attributes) => group(attributes),
            Self::Close => Primitive::GroupEnd,
        }
    }
}

/// The beginning of a group with these attributes of SVG.
pub(crate) fn group(attributes: &str) -> Primitive {
    Primitive::GroupStart { transform: None, title: None, extra_attrs: Some(attributes.to_owned()) }
}

fn paint(Color(r, g, b): Color) -> Paint {
    Paint::Rgb(r, g, b)
}
