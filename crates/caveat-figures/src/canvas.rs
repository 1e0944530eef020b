//! The drawing surface: lines, areas, markers and text on a page measured in points, rendered as SVG, PDF or PNG.
//!
//! All three formats show the same picture. PDF and PNG draw text with the bundled font and take characters that it lacks from
//! the fonts of the system; an SVG names its fonts. Nothing in it carries an id, so one HTML page can hold any number of them.

use std::collections::BTreeSet;
use std::path::Path;

use caveat_theory::{Named, named_enum};
use serde::{Deserialize, Serialize};

use crate::element::{Element, Pen, Segment};
use crate::error::{FigureError, Result};
use crate::fonts;
use crate::palette::{Color, WHITE};
use crate::render;
use crate::text::{Anchor, Level, Text};

/// Width of a figure in one column of a paper, 3.4 in.
pub const SINGLE_COLUMN: f64 = 245.0;
/// Width of a figure across the page, 7.0 in.
pub const DOUBLE_COLUMN: f64 = 504.0;
/// Resolution of PNG output, dots per inch.
pub const PNG_DPI: f64 = 400.0;
/// Height of a capital of the font, in em.
const CAP_HEIGHT: f64 = 0.729;

named_enum! {
    /// File format of a picture, named as its files end.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Format, ALL {
        /// Scalable, for the web and further editing; names its font without holding it.
        Svg = "svg",
        /// Scalable, with the font in it.
        Pdf = "pdf",
        /// Pixels, [`PNG_DPI`] per inch.
        Png = "png",
    }
}

impl Format {
    /// The format that a file's extension names.
    ///
    /// # Errors
    /// An extension other than svg, pdf and png.
    pub fn from_path(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        let format = extension.and_then(|extension| Self::from_argument(&extension));
        format.ok_or_else(|| FigureError::UnknownFormat(path.display().to_string()))
    }
}

/// A rectangle of the page in points; y grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Rect {
    /// The rectangle with this top left corner and size.
    pub fn new(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self { x, y, width, height }
    }

    /// Right edge.
    pub fn right(self) -> f64 {
        self.x + self.width
    }

    /// Bottom edge.
    pub fn bottom(self) -> f64 {
        self.y + self.height
    }

    /// Center.
    pub fn center(self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// Without margins on the left, top, right and bottom.
    #[must_use]
    pub fn inset(self, left: f64, top: f64, right: f64, bottom: f64) -> Self {
        let width = (self.width - left - right).max(1.0);
        let height = (self.height - top - bottom).max(1.0);
        Self::new(self.x + left, self.y + top, width, height)
    }
}

/// Pattern of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dash {
    /// Unbroken.
    Solid,
    /// Dashes.
    Dashed,
    /// Dots.
    Dotted,
    /// Dashes and dots in turn.
    DashDot,
}

impl Dash {
    /// All patterns, for telling lines apart without color.
    pub const ALL: [Self; 4] = [Self::Solid, Self::Dashed, Self::Dotted, Self::DashDot];

    /// Lengths of dashes and gaps for a line of this width, in points.
    fn lengths(self, width: f64) -> Vec<f64> {
        let pattern: &[f64] = match self {
            Self::Solid => &[],
            Self::Dashed => &[4.0, 2.2],
            Self::Dotted => &[1.1, 1.7],
            Self::DashDot => &[5.0, 1.8, 1.2, 1.8],
        };
        pattern.iter().map(|p| p * width.max(0.7)).collect()
    }
}

/// Color, width in points and pattern of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// Color.
    pub color: Color,
    /// Width in points.
    pub width: f64,
    /// Pattern.
    pub dash: Dash,
}

impl Stroke {
    /// An unbroken line.
    pub fn new(color: Color, width: f64) -> Self {
        Self { color, width, dash: Dash::Solid }
    }

    /// With this pattern.
    #[must_use]
    pub fn dash(mut self, dash: Dash) -> Self {
        self.dash = dash;
        self
    }

    fn pen(self) -> Pen {
        Pen { color: self.color, width: self.width, dashes: self.dash.lengths(self.width) }
    }
}

/// Shape of a data point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// Filled disc.
    Circle,
    /// Filled square.
    Square,
    /// Filled triangle on its base.
    Triangle,
    /// Filled square on its corner.
    Diamond,
    /// Ring with a white middle.
    Ring,
    /// Two crossed strokes, ×.
    Cross,
}

impl Marker {
    /// All shapes, for telling points apart without color.
    pub const ALL: [Self; 6] = [Self::Circle, Self::Square, Self::Triangle, Self::Diamond, Self::Ring, Self::Cross];
}

/// A page measured in points, 72 to the inch; what is drawn later covers what is below.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Canvas {
    width: f64,
    height: f64,
    title: String,
    elements: Vec<Element>,
}

impl Canvas {
    /// An empty white page; sizes are rounded to whole points between 1 and 10 000.
    pub fn new(width: f64, height: f64) -> Self {
        let whole = |v: f64| if v.is_finite() { v.round().clamp(1.0, 10_000.0) } else { 1.0 };
        Self { width: whole(width), height: whole(height), title: String::new(), elements: Vec::new() }
    }

    /// With a title that screen readers announce.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Width in points.
    pub fn width(&self) -> f64 {
        self.width
    }

    /// Height in points.
    pub fn height(&self) -> f64 {
        self.height
    }

    /// The whole page.
    pub fn page(&self) -> Rect {
        Rect::new(0.0, 0.0, self.width, self.height)
    }

    /// A line through points; a point that is not finite breaks it.
    pub fn polyline(&mut self, points: &[(f64, f64)], stroke: Stroke) {
        for piece in points.split(|p| !(p.0.is_finite() && p.1.is_finite())) {
            if piece.len() > 1 {
                self.elements.push(Element::Line { points: piece.to_vec(), pen: stroke.pen() });
            }
        }
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: Stroke) {
        self.polyline(&[from, to], stroke);
    }

    /// A cubic Bézier curve with two control points.
    pub fn curve(&mut self, [from, c1, c2, to]: [(f64, f64); 4], stroke: Stroke) {
        self.path(vec![Segment::Move(from), Segment::Curve([c1, c2, to])], None, Some(stroke));
    }

    /// The head of an arrow, its tip at `tip`, pointing along `direction`.
    pub fn arrow_head(&mut self, tip: (f64, f64), direction: (f64, f64), size: f64, color: Color) {
        let length = direction.0.hypot(direction.1);
        if length > 0.0 && length.is_finite() {
            let (dx, dy) = (direction.0 / length * size, direction.1 / length * size);
            let (back, side) = ((tip.0 - dx, tip.1 - dy), (-dy * 0.42, dx * 0.42));
            self.polygon(&[tip, (back.0 + side.0, back.1 + side.1), (back.0 - side.0, back.1 - side.1)], color, 1.0);
        }
    }

    /// A filled polygon at an opacity between 0 and 1; nothing if a corner is not finite.
    pub fn polygon(&mut self, corners: &[(f64, f64)], fill: Color, opacity: f64) {
        self.shape(corners, Some((fill, opacity)), None);
    }

    fn shape(&mut self, corners: &[(f64, f64)], fill: Option<(Color, f64)>, stroke: Option<Stroke>) {
        if corners.len() > 2 && corners.iter().all(|p| p.0.is_finite() && p.1.is_finite()) {
            let lines = corners[1..].iter().map(|&corner| Segment::Line(corner));
            let segments = std::iter::once(Segment::Move(corners[0])).chain(lines).chain([Segment::Close]);
            self.path(segments.collect(), fill, stroke);
        }
    }

    fn path(&mut self, segments: Vec<Segment>, fill: Option<(Color, f64)>, stroke: Option<Stroke>) {
        self.elements.push(Element::Path { segments, fill, outline: stroke.map(Stroke::pen) });
    }

    /// A rectangle, filled, outlined or both.
    pub fn rect(&mut self, r: Rect, fill: Option<Color>, outline: Option<Stroke>) {
        if [r.x, r.y, r.width, r.height].iter().all(|v| v.is_finite()) {
            let corners = [(r.x, r.y), (r.right(), r.y), (r.right(), r.bottom()), (r.x, r.bottom())];
            match (fill, outline) {
                (None, None) => {}
                (Some(fill), None) => self.cells([(r, fill)]),
                _ => self.shape(&corners, fill.map(|c| (c, 1.0)), outline),
            }
        }
    }

    /// Many filled rectangles without outlines.
    pub fn cells(&mut self, cells: impl IntoIterator<Item = (Rect, Color)>) {
        self.push_cells(cells, false);
    }

    /// Many filled rectangles whose edges are not smoothed: smooth ones would show as hairlines between neighbors.
    pub fn crisp_cells(&mut self, cells: impl IntoIterator<Item = (Rect, Color)>) {
        self.push_cells(cells, true);
    }

    fn push_cells(&mut self, cells: impl IntoIterator<Item = (Rect, Color)>, crisp: bool) {
        let cells = cells.into_iter().map(|(r, color)| ([r.x, r.y, r.width, r.height], color)).collect();
        self.elements.push(Element::Cells { cells, crisp });
    }

    /// A data point of radius `r`; nothing if its place is not finite.
    pub fn marker(&mut self, marker: Marker, (x, y): (f64, f64), r: f64, color: Color) {
        if !(x.is_finite() && y.is_finite() && r.is_finite()) {
            return;
        }
        let corners = |offsets: &[(f64, f64)]| -> Vec<(f64, f64)> {
            offsets.iter().map(|(dx, dy)| (x + dx * r, y + dy * r)).collect()
        };
        let edge = Stroke::new(color, (0.45 * r).clamp(0.6, 1.2));
        match marker {
            Marker::Circle => self.disc((x, y), r, color, None),
            Marker::Ring => self.disc((x, y), r - edge.width / 2.0, WHITE, Some(edge)),
            Marker::Square => {
                self.polygon(&corners(&[(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)]), color, 1.0);
            }
            Marker::Triangle => self.polygon(&corners(&[(0.0, -1.15), (1.05, 0.75), (-1.05, 0.75)]), color, 1.0),
            Marker::Diamond => self.polygon(&corners(&[(0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)]), color, 1.0),
            Marker::Cross => {
                for offsets in [[(-0.85, -0.85), (0.85, 0.85)], [(-0.85, 0.85), (0.85, -0.85)]] {
                    self.polyline(&corners(&offsets), edge);
                }
            }
        }
    }

    /// A disc, outlined or not.
    pub fn disc(&mut self, center: (f64, f64), r: f64, fill: Color, outline: Option<Stroke>) {
        let outline = outline.map(|s| (s.color, s.width));
        self.elements.push(Element::Disc { center, r: r.max(0.1), fill, outline });
    }

    /// A line of text with its point at (x, y).
    pub fn text(&mut self, (x, y): (f64, f64), text: &Text) {
        let runs = text.runs();
        if runs.is_empty() || !(x.is_finite() && y.is_finite()) {
            return;
        }
        let (sin, cos) = text.rotation.to_radians().sin_cos();
        let cap = CAP_HEIGHT * f64::from(text.size);
        let drop = match text.level {
            Level::Baseline => 0.0,
            Level::Middle => cap / 2.0,
            Level::Top => cap,
        };
        let total: f64 = runs.iter().map(|r| r.width).sum();
        // A single run leaves its anchoring to the viewer, whose font may be another.
        let alone = runs.len() == 1;
        let mut along = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -total / 2.0,
            Anchor::End => -total,
        };
        for run in runs {
            let down = drop - run.rise;
            let start = if alone { 0.0 } else { along + run.indent };
            self.elements.push(Element::Text {
                at: (x + start * cos - down * sin, y + start * sin + down * cos),
                content: run.content,
                size: run.size,
                anchor: if alone { text.anchor } else { Anchor::Start },
                rotation: text.rotation,
                bold: text.bold,
                color: text.color,
                halo: text.halo,
            });
            along += run.width;
        }
    }

    fn as_page(&self) -> render::Page<'_> {
        render::Page { width: self.width, height: self.height, title: &self.title, elements: &self.elements }
    }

    /// The picture as a file of the given format.
    ///
    /// # Errors
    /// [`FigureError::Render`] if the renderer fails.
    pub fn render(&self, format: Format) -> Result<Vec<u8>> {
        match format {
            Format::Svg => Ok(self.svg().into_bytes()),
            Format::Pdf => {
                render::pdf::pdf(&self.as_page()).map_err(|problem| FigureError::Render { format: "PDF", problem })
            }
            Format::Png => render::png::png(&self.as_page(), PNG_DPI)
                .map_err(|problem| FigureError::Render { format: "PNG", problem: problem.to_string() }),
        }
    }

    /// Characters that neither the bundled fonts nor those of the system have: PDF and PNG show boxes in their place.
    pub fn characters_without_font(&self) -> BTreeSet<char> {
        let texts = self.elements.iter().filter_map(|element| match element {
            Element::Text { content, bold, .. } => Some((content, *bold)),
            _ => None,
        });
        let characters = texts.flat_map(|(content, bold)| content.chars().map(move |c| (c, bold)));
        characters.filter(|&(c, bold)| !fonts::font_for(c, bold).has(c)).map(|(c, _)| c).collect()
    }

    /// The picture as SVG text with a view box, to be scaled by whatever page it stands in.
    pub fn svg(&self) -> String {
        render::svg::svg(&self.as_page())
    }

    /// Number of drawn elements, cells counted one by one.
    #[cfg(test)]
    pub(crate) fn n_elements(&self) -> usize {
        self.elements.iter().map(|e| if let Element::Cells { cells, .. } = e { cells.len() } else { 1 }).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::BLACK;

    fn sample() -> Canvas {
        let mut canvas = Canvas::new(SINGLE_COLUMN, 100.0).titled("a <title> & more");
        canvas.line((10.0, 10.0), (200.0, 50.0), Stroke::new(BLACK, 1.0).dash(Dash::Dashed));
        canvas.text((20.0, 60.0), &Text::new("α_{gen} < $5 & $6 \"é\" 語").halo(WHITE));
        canvas.marker(Marker::Ring, (50.0, 80.0), 3.0, BLACK);
        canvas
    }

    #[test]
    fn characters_that_no_font_has_are_named() {
        let mut canvas = Canvas::new(100.0, 100.0);
        // No font draws what is set aside for internal use.
        canvas.text((10.0, 10.0), &Text::new("α = 0.2 \u{10FFFE}").bold());
        canvas.text((10.0, 20.0), &Text::new("I₁"));
        assert_eq!(canvas.characters_without_font().into_iter().collect::<String>(), "\u{10FFFE}");
    }

    #[test]
    fn formats_follow_extensions() {
        assert_eq!(Format::from_path(Path::new("a/b.SVG")).unwrap(), Format::Svg);
        assert_eq!(Format::from_path(Path::new("b.png")).unwrap(), Format::Png);
        assert!(matches!(Format::from_path(Path::new("b.jpeg")), Err(FigureError::UnknownFormat(_))));
        assert!(matches!(Format::from_path(Path::new("svg")), Err(FigureError::UnknownFormat(_))));
    }

    #[test]
    fn an_svg_scales_and_has_no_ids_to_collide() {
        let svg = sample().svg();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
        assert!(svg.contains(r#"viewBox="0 0 245 100""#) && svg.contains(r#"width="245pt""#));
        assert!(!svg.contains(" id="));
        assert!(svg.contains("a &lt;title&gt; &amp; more") && svg.contains("$5 &amp; $6"));
    }

    #[test]
    fn a_png_has_the_pixels_of_its_size_in_print() {
        let file = sample().render(Format::Png).unwrap();
        let reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let expected = ((245.0 * PNG_DPI / 72.0).round() as u32, (100.0 * PNG_DPI / 72.0).round() as u32);
        assert_eq!(reader.info().size(), expected);
        assert_eq!(reader.info().pixel_dims.unwrap().xppu, 15748);
    }

    #[test]
    fn a_pdf_is_one() {
        assert!(sample().render(Format::Pdf).unwrap().starts_with(b"%PDF-"));
    }

    #[test]
    fn points_that_are_not_finite_break_lines_and_draw_no_markers() {
        let mut canvas = Canvas::new(f64::NAN, 1e9);
        assert_eq!((canvas.width(), canvas.height()), (1.0, 10_000.0));
        canvas.polyline(&[(0.0, 0.0), (1.0, 1.0), (f64::NAN, 1.0), (2.0, 2.0)], Stroke::new(BLACK, 1.0));
        assert_eq!(canvas.n_elements(), 1);
        canvas.marker(Marker::Circle, (f64::INFINITY, 0.0), 2.0, BLACK);
        canvas.polygon(&[(0.0, 0.0), (1.0, f64::NAN), (1.0, 1.0)], BLACK, 1.0);
        canvas.text((0.0, f64::NAN), &Text::new("x"));
        assert_eq!(canvas.n_elements(), 1);
    }
}
