//! A picture as PDF: vector graphics, and text that can be searched and copied, with the glyphs it uses.

use pdf_writer::types::LineJoinStyle;
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::glyphs::{self, Glyph, GlyphRun};
use super::pdf_fonts::{PdfFonts, packed};
use super::{Page, rounded};
use crate::element::{Element, HALO, Pen, Point, Segment, path_through};
use crate::palette::Color;

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const INFO: Ref = Ref::new(5);
/// The first object whose number depends on the picture.
const FIRST_FREE: i32 = 6;

/// Length of the control lines of a quarter of a circle of radius 1.
const KAPPA: f64 = 0.552_284_749_830_793_4;

/// The page as a PDF of one page.
///
/// # Errors
/// A font of the system whose glyphs cannot be extracted.
pub(crate) fn pdf(page: &Page<'_>) -> Result<Vec<u8>, String> {
    let (width, height) = (page.width as f32, page.height as f32);
    let mut drawing = Drawing { content: Content::new(), fonts: PdfFonts::default(), opacities: Vec::new() };
    // In a PDF the origin is at the bottom; here y grows downwards.
    drawing.content.transform([1.0, 0.0, 0.0, -1.0, 0.0, height]);
    drawing.content.set_line_join(LineJoinStyle::RoundJoin);
    drawing.content.set_fill_gray(1.0).rect(0.0, 0.0, width, height).fill_nonzero();
    for element in page.elements {
        drawing.draw(element);
    }
    let Drawing { content, fonts, opacities, .. } = drawing;

    let mut pdf = Pdf::new();
    let mut next = Ref::new(FIRST_FREE);
    pdf.catalog(CATALOG).pages(PAGES);
    pdf.pages(PAGES).kids([PAGE]).count(1);
    pdf.document_info(INFO).title(TextStr(page.title)).creator(TextStr("caveat"));
    let states: Vec<Ref> = opacities.iter().map(|_| next.bump()).collect();
    let of_fonts: Vec<Ref> = fonts.iter().map(|_| next.bump()).collect();
    let mut described = pdf.page(PAGE);
    described.media_box(Rect::new(0.0, 0.0, width, height)).parent(PAGES).contents(CONTENT);
    let mut resources = described.resources();
    let mut named = resources.fonts();
    for (k, id) in of_fonts.iter().enumerate() {
        named.pair(Name(font_name(k).as_bytes()), id);
    }
    named.finish();
    let mut named = resources.ext_g_states();
    for (k, id) in states.iter().enumerate() {
        named.pair(Name(state_name(k).as_bytes()), id);
    }
    named.finish();
    resources.finish();
    described.finish();
    for (&opacity, id) in opacities.iter().zip(states) {
        pdf.ext_graphics(id).non_stroking_alpha(opacity as f32);
    }
    for (font, id) in fonts.iter().zip(of_fonts) {
        font.write(&mut pdf, id, &mut next)?;
    }
    pdf.stream(CONTENT, &packed(&content.finish())).filter(Filter::FlateDecode);
    Ok(pdf.finish())
}

fn font_name(k: usize) -> String {
    format!("F{k}")
}

fn state_name(k: usize) -> String {
    format!("G{k}")
}

struct Drawing {
    content: Content,
    fonts: PdfFonts,
    /// Opacities of fills below 1.
    opacities: Vec<f64>,
}

impl Drawing {
    fn draw(&mut self, element: &Element) {
        match element {
            Element::Line { points, pen } => self.path(&path_through(points), None, Some(pen)),
            Element::Path { segments, fill, outline } => self.path(segments, *fill, outline.as_ref()),
            // How edges are smoothed is up to the viewer.
            Element::Cells { cells, .. } => {
                for (rect, fill) in cells {
                    self.fill_color(*fill);
                    let [x, y, w, h] = rect.map(rounded);
                    self.content.rect(x, y, w, h).fill_nonzero();
                }
            }
            Element::Disc { center, r, fill, outline } => {
                let outline = outline.map(|(color, width)| Pen::unbroken(color, width));
                self.path(&circle(*center, *r), Some((*fill, 1.0)), outline.as_ref());
            }
            Element::Text { at, content, size, anchor, rotation, bold, color, halo } => {
                let size = f64::from(*size);
                let run = GlyphRun::new(content, size, *bold, *anchor);
                if let Some(halo) = halo {
                    // The halo is drawn as lines: text that is drawn twice would be copied twice.
                    let outlines = glyphs::outline(&run, size, *at, *rotation);
                    self.path(&outlines, None, Some(&Pen::unbroken(*halo, HALO)));
                }
                self.text(&run, size, *at, *rotation, *color);
            }
        }
    }

    fn path(&mut self, segments: &[Segment], fill: Option<(Color, f64)>, outline: Option<&Pen>) {
        let opacity = fill.map(|(_, opacity)| opacity).filter(|&opacity| opacity < 1.0);
        if let Some(opacity) = opacity {
            let known = self.opacities.iter().position(|&other| other == opacity);
            let k = known.unwrap_or_else(|| {
                self.opacities.push(opacity);
                self.opacities.len() - 1
            });
            self.content.save_state().set_parameters(Name(state_name(k).as_bytes()));
        }
        if let Some((color, _)) = fill {
            self.fill_color(color);
        }
        // Between the first point of a path and its painting, no pen may be set (ISO 32000-1, 8.2).
        if let Some(pen) = outline {
            self.pen(pen);
        }
        self.add_path(segments);
        match (fill, outline) {
            (Some(_), Some(_)) => self.content.fill_nonzero_and_stroke(),
            (Some(_), None) => self.content.fill_nonzero(),
            (None, Some(_)) => self.content.stroke(),
            (None, None) => self.content.end_path(),
        };
        if opacity.is_some() {
            self.content.restore_state();
        }
    }

    fn add_path(&mut self, segments: &[Segment]) {
        let place = |(x, y): Point| (rounded(x), rounded(y));
        let content = &mut self.content;
        let mut last = (0.0, 0.0);
        let curve = |content: &mut Content, points: [Point; 3]| {
            let [a, b, c] = points.map(place);
            content.cubic_to(a.0, a.1, b.0, b.1, c.0, c.1);
        };
        for segment in segments {
            match *segment {
                Segment::Move(to) => {
                    let (x, y) = place(to);
                    content.move_to(x, y);
                    last = to;
                }
                Segment::Line(to) => {
                    let (x, y) = place(to);
                    content.line_to(x, y);
                    last = to;
                }
                // PDF has only cubic curves.
                Segment::Quadratic([control, to]) => {
                    let between = |(x, y): Point| (x + (control.0 - x) * 2.0 / 3.0, y + (control.1 - y) * 2.0 / 3.0);
                    curve(content, [between(last), between(to), to]);
                    last = to;
                }
                Segment::Curve(points) => {
                    curve(content, points);
                    last = points[2];
                }
                Segment::Close => {
                    content.close_path();
                }
            }
        }
    }

    fn text(&mut self, run: &GlyphRun, size: f64, at: Point, rotation: f64, color: Color) {
        if run.glyphs.is_empty() {
            return;
        }
        self.fill_color(color);
        self.content.begin_text();
        // One font at one height at a time.
        for alike in run.glyphs.chunk_by(|a, b| std::ptr::eq(a.font, b.font) && a.y == b.y) {
            self.show(alike, size, at, rotation);
        }
        self.content.end_text();
    }

    fn show(&mut self, glyphs: &[Glyph], size: f64, at: Point, rotation: f64) {
        let first = &glyphs[0];
        let (k, font) = self.fonts.get(first.font);
        let (sin, cos) = rotation.to_radians().sin_cos();
        let (x, y) = (at.0 + first.x * cos + first.y * sin, at.1 + first.x * sin - first.y * cos);
        self.content.set_font(Name(font_name(k).as_bytes()), size as f32);
        self.content.set_text_matrix([cos as f32, sin as f32, sin as f32, -cos as f32, rounded(x), rounded(y)]);
        let mut positioned = self.content.show_positioned();
        let mut items = positioned.items();
        let (mut pen, mut codes) = (first.x, Vec::with_capacity(2 * glyphs.len()));
        for glyph in glyphs {
            // In thousandths of the size, how far what follows moves to the left.
            let back = (pen - glyph.x) * 1000.0 / size;
            if back.abs() > 0.5 {
                if !codes.is_empty() {
                    items.show(Str(&codes));
                    codes.clear();
                }
                items.adjust(back.round() as f32);
                pen = glyph.x;
            }
            let (code, width) = font.take(glyph);
            codes.extend(code.to_be_bytes());
            pen += width * size;
        }
        items.show(Str(&codes));
    }

    fn fill_color(&mut self, color: Color) {
        let [r, g, b] = channels(color);
        self.content.set_fill_rgb(r, g, b);
    }

    fn pen(&mut self, pen: &Pen) {
        let [r, g, b] = channels(pen.color);
        self.content.set_stroke_rgb(r, g, b).set_line_width(rounded(pen.width));
        self.content.set_dash_pattern(pen.dashes.iter().copied().map(rounded), 0.0);
    }
}

fn channels(Color(r, g, b): Color) -> [f32; 3] {
    // Three decimals distinguish all 256 values.
    [r, g, b].map(|value| (f32::from(value) / 255.0 * 1000.0).round() / 1000.0)
}

fn circle((x, y): Point, r: f64) -> [Segment; 6] {
    let k = KAPPA * r;
    [
        Segment::Move((x + r, y)),
        Segment::Curve([(x + r, y + k), (x + k, y + r), (x, y + r)]),
        Segment::Curve([(x - k, y + r), (x - r, y + k), (x - r, y)]),
        Segment::Curve([(x - r, y - k), (x - k, y - r), (x, y - r)]),
        Segment::Curve([(x + k, y - r), (x + r, y - k), (x + r, y)]),
        Segment::Close,
    ]
}
