//! A picture as PNG: pixels on white, the text drawn with the outlines of its font.

use tiny_skia::{FillRule, LineJoin, Paint, Path, PathBuilder, Pixmap, Stroke, StrokeDash, Transform};

use super::glyphs::{self, GlyphRun};
use super::{Page, rounded};
use crate::element::{Element, HALO, Pen, Point, Segment, path_through};
use crate::palette::Color;

/// The page at this many dots per inch.
///
/// # Errors
/// A picture with more pixels than memory can hold.
pub(crate) fn png(page: &Page<'_>, dots_per_inch: f64) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let scale = dots_per_inch / 72.0;
    let (width, height) = ((page.width * scale).round() as u32, (page.height * scale).round() as u32);
    let mut pixels = Pixmap::new(width, height).ok_or("the picture is too large")?;
    pixels.fill(tiny_skia::Color::WHITE);
    let mut drawing = Drawing { pixels, transform: Transform::from_scale(scale as f32, scale as f32) };
    for element in page.elements {
        drawing.draw(element);
    }
    // On white every pixel is opaque, so color channels need no division by alpha.
    let rgb: Vec<u8> = drawing.pixels.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let per_meter = (dots_per_inch / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: per_meter, yppu: per_meter, unit: png::Unit::Meter }));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(file)
}

struct Drawing {
    pixels: Pixmap,
    /// From points to pixels.
    transform: Transform,
}

impl Drawing {
    fn draw(&mut self, element: &Element) {
        match element {
            Element::Line { points, pen } => self.stroke(path_of(&path_through(points), rounded), pen),
            Element::Path { segments, fill, outline } => {
                let path = path_of(segments, rounded);
                if let (Some(path), Some((color, opacity))) = (&path, fill) {
                    self.fill(path, *color, *opacity, true);
                }
                if let Some(pen) = outline {
                    self.stroke(path, pen);
                }
            }
            Element::Cells { cells, crisp } => {
                for (rect, fill) in cells {
                    let [x, y, w, h] = rect.map(rounded);
                    if let Some(cell) = tiny_skia::Rect::from_xywh(x, y, w, h) {
                        self.fill(&PathBuilder::from_rect(cell), *fill, 1.0, !crisp);
                    }
                }
            }
            Element::Disc { center, r, fill, outline } => {
                let Some(disc) = PathBuilder::from_circle(rounded(center.0), rounded(center.1), rounded(*r)) else {
                    return;
                };
                self.fill(&disc, *fill, 1.0, true);
                if let Some((color, width)) = outline {
                    self.stroke(Some(disc), &Pen::unbroken(*color, *width));
                }
            }
            Element::Text { at, content, size, anchor, rotation, bold, color, halo } => {
                let size = f64::from(*size);
                let run = GlyphRun::new(content, size, *bold, *anchor);
                // A hundredth of a point would blur letters.
                let exact = |value: f64| value as f32;
                let Some(path) = path_of(&glyphs::outline(&run, size, *at, *rotation), exact) else { return };
                if let Some(halo) = halo {
                    self.stroke(Some(path.clone()), &Pen::unbroken(*halo, HALO));
                }
                self.fill(&path, *color, 1.0, true);
            }
        }
    }

    fn fill(&mut self, path: &Path, color: Color, opacity: f64, smooth: bool) {
        let paint = paint(color, opacity, smooth);
        self.pixels.fill_path(path, &paint, FillRule::Winding, self.transform, None);
    }

    fn stroke(&mut self, path: Option<Path>, pen: &Pen) {
        let Some(path) = path else { return };
        let dash = StrokeDash::new(pen.dashes.iter().copied().map(rounded).collect(), 0.0);
        let stroke = Stroke { width: rounded(pen.width), line_join: LineJoin::Round, dash, ..Stroke::default() };
        self.pixels.stroke_path(&path, &paint(pen.color, 1.0, true), &stroke, self.transform, None);
    }
}

fn paint(Color(r, g, b): Color, opacity: f64, smooth: bool) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(r, g, b, (opacity * 255.0).round() as u8);
    paint.anti_alias = smooth;
    paint
}

fn path_of(segments: &[Segment], number: impl Fn(f64) -> f32) -> Option<Path> {
    let place = |(x, y): Point| (number(x), number(y));
    let mut path = PathBuilder::new();
    for segment in segments {
        match *segment {
            Segment::Move(to) => {
                let (x, y) = place(to);
                path.move_to(x, y);
            }
            Segment::Line(to) => {
                let (x, y) = place(to);
                path.line_to(x, y);
            }
            Segment::Quadratic(points) => {
                let [a, b] = points.map(place);
                path.quad_to(a.0, a.1, b.0, b.1);
            }
            Segment::Curve(points) => {
                let [a, b, c] = points.map(place);
                path.cubic_to(a.0, a.1, b.0, b.1, c.0, c.1);
            }
            Segment::Close => path.close(),
        }
    }
    path.finish()
}
