//! A run of text as glyphs in places: fonts chosen by sign, shaped, from left to right as they are seen.

use rustybuzz::ttf_parser::{GlyphId, OutlineBuilder};
use rustybuzz::{Direction, UnicodeBuffer};
use unicode_bidi::{BidiInfo, Level};

use crate::element::Point;
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
    /// The signs that the glyph stands for; empty if one before it in the text stands for them.
    pub(crate) signs: String,
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
            // The first glyph of several in one place stands for all of its signs.
            let start = clusters[k];
            let is_first = clusters[..k].iter().all(|&other| other != start);
            let end = clusters.iter().copied().filter(|&other| other > start).min().unwrap_or(text.len());
            self.glyphs.push(Glyph {
                font,
                // Fonts have at most 65,536 glyphs.
                id: GlyphId(u16::try_from(info.glyph_id).unwrap_or(0)),
                x: self.width + f64::from(position.x_offset) * scale,
                y: f64::from(position.y_offset) * scale,
                signs: if is_first { text[start..end].to_owned() } else { String::new() },
            });
            self.width += f64::from(position.x_advance) * scale;
        }
    }
}

/// Pieces of one font each, in the order of the text; marks stay with what they stand on.
fn by_font(text: &str, bold: bool) -> Vec<(&'static Font, &str)> {
    let mut pieces: Vec<(&'static Font, usize, usize)> = Vec::new();
    for (at, sign) in text.char_indices() {
        let end = at + sign.len_utf8();
        match pieces.last_mut() {
            Some((font, _, until)) if font.has(sign) => *until = end,
            last => {
                let font = font_for(sign, bold);
                match last {
                    Some((same, _, until)) if std::ptr::eq(*same, font) => *until = end,
                    _ => pieces.push((font, at, end)),
                }
            }
        }
    }
    pieces.into_iter().map(|(font, start, end)| (font, &text[start..end])).collect()
}

/// Outlines of glyphs on the page, turned clockwise around `at` by `rotation` degrees.
struct OnPage<'a, B> {
    /// Takes points of the page, y downwards.
    builder: &'a mut B,
    at: Point,
    /// Sine and cosine of the rotation.
    turn: (f64, f64),
    origin: Point,
    scale: f64,
}

/// What takes an outline, in points of the page.
pub(crate) trait Outline {
    fn move_to(&mut self, to: Point);
    fn line_to(&mut self, to: Point);
    fn quadratic_to(&mut self, control: Point, to: Point);
    fn cubic_to(&mut self, first: Point, second: Point, to: Point);
    fn close(&mut self);
}

/// Draws the outlines of a run of text of `size` points.
pub(crate) fn outline(run: &GlyphRun, size: f64, at: Point, rotation: f64, builder: &mut impl Outline) {
    let turn = rotation.to_radians().sin_cos();
    for glyph in &run.glyphs {
        let scale = size / glyph.font.units_per_em();
        let mut placed = OnPage { builder, at, turn, origin: (glyph.x, glyph.y), scale };
        // A glyph without an outline, as of a space, draws nothing.
        let _ = glyph.font.face.outline_glyph(glyph.id, &mut placed);
    }
}

impl<B> OnPage<'_, B> {
    fn place(&self, x: f32, y: f32) -> Point {
        let (u, v) = (self.origin.0 + f64::from(x) * self.scale, self.origin.1 + f64::from(y) * self.scale);
        let (sin, cos) = self.turn;
        (self.at.0 + u * cos + v * sin, self.at.1 + u * sin - v * cos)
    }
}

impl<B: Outline> OutlineBuilder for OnPage<'_, B> {
    fn move_to(&mut self, x: f32, y: f32) {
        let to = self.place(x, y);
        self.builder.move_to(to);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.place(x, y);
        self.builder.line_to(to);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (control, to) = (self.place(x1, y1), self.place(x, y));
        self.builder.quadratic_to(control, to);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (first, second, to) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        self.builder.cubic_to(first, second, to);
    }

    fn close(&mut self) {
        self.builder.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fonts;

    fn signs(run: &GlyphRun) -> Vec<&str> {
        run.glyphs.iter().map(|glyph| glyph.signs.as_str()).collect()
    }

    #[test]
    fn text_is_as_wide_as_its_glyphs_but_for_kerning() {
        for text in ["0123", "α = 0.197", "exc_mid_n9"] {
            let run = GlyphRun::new(text, 8.0, false, Anchor::Start);
            assert!((run.width / fonts::width(text, 8.0, false) - 1.0).abs() < 0.02, "{text}");
            assert_eq!(signs(&run).concat(), text);
        }
        // DejaVu kerns this pair.
        let kerned = GlyphRun::new("AV", 8.0, false, Anchor::Start);
        assert!(kerned.width < fonts::width("AV", 8.0, false) - 0.3);
    }

    #[test]
    fn anchors_shift_the_run() {
        let [start, middle, end] =
            [Anchor::Start, Anchor::Middle, Anchor::End].map(|anchor| GlyphRun::new("width", 8.0, true, anchor));
        let first = |run: &GlyphRun| run.glyphs[0].x;
        assert!((first(&start) - first(&middle) - start.width / 2.0).abs() < 1e-9);
        assert!((first(&start) - first(&end) - start.width).abs() < 1e-9);
    }

    #[test]
    fn ligatures_and_marks_stand_for_all_their_signs() {
        let run = GlyphRun::new("fi", 8.0, false, Anchor::Start);
        assert_eq!((run.glyphs.len(), run.glyphs[0].signs.as_str()), (1, "fi"));
        let marked = GlyphRun::new("e\u{301}x", 8.0, false, Anchor::Start);
        assert_eq!(signs(&marked).concat(), "e\u{301}x");
    }

    #[test]
    fn text_from_right_to_left_is_seen_so() {
        // Hebrew alef and bet: the first letter is the rightmost.
        let run = GlyphRun::new("a \u{5d0}\u{5d1}", 8.0, false, Anchor::Start);
        assert_eq!(signs(&run), ["a", " ", "\u{5d1}", "\u{5d0}"]);
        assert!(run.glyphs.windows(2).all(|pair| pair[0].x < pair[1].x));
    }

    #[test]
    fn spaces_are_those_of_svg() {
        let [one, many] = ["a b", " a   b  "].map(|text| GlyphRun::new(text, 8.0, false, Anchor::Start));
        assert_eq!(one.width, many.width);
        assert!(GlyphRun::new("   ", 8.0, false, Anchor::End).glyphs.is_empty());
    }
}
