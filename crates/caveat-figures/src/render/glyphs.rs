//! A run of text as placed glyphs: fonts chosen by character, shaped, from left to right as they are seen.

use rustybuzz::ttf_parser::{GlyphId, OutlineBuilder};
use rustybuzz::{Direction, UnicodeBuffer};
use unicode_bidi::{BidiInfo, Level};

use crate::element::{Point, Segment};
use crate::fonts::{Font, font_for};
use crate::text::Anchor;

/// A run of text, ready to be drawn: `x` to the right and `y` upwards from its point, in points, before it is turned.
pub(crate) struct GlyphRun {
    pub(crate) glyphs: Vec<Glyph>,
    /// Width of all, in points.
    pub(crate) width: f64,
}

/// A glyph of a font.
pub(crate) struct Glyph {
    pub(crate) font: &'static Font,
    pub(crate) id: GlyphId,
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// The characters that the glyph represents; empty if an earlier glyph represents them.
    pub(crate) characters: String,
}

impl GlyphRun {
    /// Sets `text` at `size` points. Spaces are as in SVG: several are one, and none end it.
    pub(crate) fn new(text: &str, size: f64, bold: bool, anchor: Anchor) -> Self {
        let text = text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let mut run = Self { glyphs: Vec::new(), width: 0.0 };
        let bidi = BidiInfo::new(&text, Some(Level::ltr()));
        for paragraph in &bidi.paragraphs {
            let (levels, parts) = bidi.visual_runs(paragraph, paragraph.range.clone());
            for part in parts {
                let rightwards = levels[part.start].is_ltr();
                let mut pieces = by_font(&text[part], bold);
                if !rightwards {
                    pieces.reverse();
                }
                for (font, piece) in pieces {
                    run.append(font, piece, size, rightwards);
                }
            }
        }
        let shift = match anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => run.width / 2.0,
            Anchor::End => run.width,
        };
        run.glyphs.iter_mut().for_each(|glyph| glyph.x -= shift);
        run
    }

    fn append(&mut self, font: &'static Font, text: &str, size: f64, rightwards: bool) {
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.set_direction(if rightwards { Direction::LeftToRight } else { Direction::RightToLeft });
        let shaped = rustybuzz::shape(&font.face, &[], buffer);
        let scale = size / font.units_per_em();
        let clusters: Vec<usize> = shaped.glyph_infos().iter().map(|info| info.cluster as usize).collect();
        for (k, (info, position)) in shaped.glyph_infos().iter().zip(shaped.glyph_positions()).enumerate() {
            // The first of several glyphs in one place represents all of its characters.
            let start = clusters[k];
            let is_first = clusters[..k].iter().all(|&other| other != start);
            let end = clusters.iter().copied().filter(|&other| other > start).min().unwrap_or(text.len());
            self.glyphs.push(Glyph {
                font,
                // Fonts have at most 65,536 glyphs.
                id: GlyphId(u16::try_from(info.glyph_id).unwrap_or(0)),
                x: self.width + f64::from(position.x_offset) * scale,
                y: f64::from(position.y_offset) * scale,
                characters: if is_first { text[start..end].to_owned() } else { String::new() },
            });
            self.width += f64::from(position.x_advance) * scale;
        }
    }
}

/// Pieces of one font each, in the order of the text; marks stay with their base characters.
fn by_font(text: &str, bold: bool) -> Vec<(&'static Font, &str)> {
    let mut pieces: Vec<(&'static Font, usize, usize)> = Vec::new();
    for (at, character) in text.char_indices() {
        let end = at + character.len_utf8();
        match pieces.last_mut() {
            Some((font, _, until)) if font.has(character) => *until = end,
            last => {
                let font = font_for(character, bold);
                match last {
                    Some((same, _, until)) if std::ptr::eq(*same, font) => *until = end,
                    _ => pieces.push((font, at, end)),
                }
            }
        }
    }
    pieces.into_iter().map(|(font, start, end)| (font, &text[start..end])).collect()
}

/// The outlines of a run of text of `size` points on the page, turned clockwise around `at` by `rotation` degrees.
pub(crate) fn outline(run: &GlyphRun, size: f64, at: Point, rotation: f64) -> Vec<Segment> {
    let turn = rotation.to_radians().sin_cos();
    let mut segments = Vec::new();
    for glyph in &run.glyphs {
        let scale = size / glyph.font.units_per_em();
        let mut placed = OnPage { segments: &mut segments, at, turn, origin: (glyph.x, glyph.y), scale };
        // A glyph without an outline, such as a space, draws nothing.
        let _ = glyph.font.face.outline_glyph(glyph.id, &mut placed);
    }
    segments
}

/// Receives the outline of a glyph, in units of its font and y upwards.
struct OnPage<'a> {
    segments: &'a mut Vec<Segment>,
    at: Point,
    /// Sine and cosine of the rotation.
    turn: (f64, f64),
    origin: Point,
    scale: f64,
}

impl OnPage<'_> {
    fn place(&self, x: f32, y: f32) -> Point {
        let (u, v) = (self.origin.0 + f64::from(x) * self.scale, self.origin.1 + f64::from(y) * self.scale);
        let (sin, cos) = self.turn;
        (self.at.0 + u * cos + v * sin, self.at.1 + u * sin - v * cos)
    }
}

impl OutlineBuilder for OnPage<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.segments.push(Segment::Move(self.place(x, y)));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.segments.push(Segment::Line(self.place(x, y)));
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.segments.push(Segment::Quadratic([self.place(x1, y1), self.place(x, y)]));
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.segments.push(Segment::Curve([self.place(x1, y1), self.place(x2, y2), self.place(x, y)]));
    }

    fn close(&mut self) {
        self.segments.push(Segment::Close);
    }
}
