//! The fonts of a PDF: for each, the glyphs that the picture uses and the characters that they represent.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Filter, Name, Pdf, Rect, Ref, Str};
use rustybuzz::ttf_parser::{GlyphId, RawFace, Tag};
use subsetter::GlyphRemapper;

use super::glyphs::Glyph;
use crate::fonts::Font;

const CMAP: Name<'_> = Name(b"Signs");
const SYSTEM: SystemInfo<'_> = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
/// Width of the strokes of letters, which the font files do not state; this is a usual value.
const STEM: f32 = 80.0;

/// The fonts in the order of their first use.
#[derive(Default)]
pub(super) struct PdfFonts(Vec<PdfFont>);

impl PdfFonts {
    /// The font's number, and the font.
    pub(super) fn get(&mut self, font: &'static Font) -> (usize, &mut PdfFont) {
        let known = self.0.iter().position(|other| std::ptr::eq(other.font, font));
        let k = known.unwrap_or_else(|| {
            self.0.push(PdfFont { font, glyphs: GlyphRemapper::new(), used: BTreeMap::new() });
            self.0.len() - 1
        });
        (k, &mut self.0[k])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &PdfFont> {
        self.0.iter()
    }
}

/// A font with the glyphs used so far.
pub(super) struct PdfFont {
    font: &'static Font,
    glyphs: GlyphRemapper,
    /// The glyph and its characters, by the number it has in the PDF.
    used: BTreeMap<u16, (GlyphId, String)>,
}

impl PdfFont {
    /// The number of a glyph in the PDF, and how far it moves the pen, in em.
    pub(super) fn take(&mut self, glyph: &Glyph) -> (u16, f64) {
        let code = self.glyphs.remap(glyph.id.0);
        let (_, characters) = self.used.entry(code).or_insert_with(|| (glyph.id, String::new()));
        if characters.is_empty() {
            characters.clone_from(&glyph.characters);
        }
        (code, self.width(glyph.id))
    }

    /// In em, rounded as it is written.
    fn width(&self, glyph: GlyphId) -> f64 {
        let units = self.font.face.glyph_hor_advance(glyph).unwrap_or(0);
        (f64::from(units) / self.font.units_per_em() * 1000.0).round() / 1000.0
    }

    /// Writes the font as object `id` and its parts as the next objects.
    pub(super) fn write(&self, pdf: &mut Pdf, id: Ref, next: &mut Ref) -> Result<(), String> {
        let face = &self.font.face;
        let name = self.name();
        let subset = subsetter::subset(self.font.data, self.font.index, &self.glyphs)
            .map_err(|e| format!("the font {name} cannot be embedded: {e}"))?;
        let postscript = RawFace::parse(&subset, 0).ok().and_then(|raw| raw.table(Tag::from_bytes(b"CFF ")));
        let [descendant, descriptor, program, characters] = [(); 4].map(|()| next.bump());

        pdf.type0_font(id)
            .base_font(Name(name.as_bytes()))
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(descendant)
            .to_unicode(characters);

        let mut cid = pdf.cid_font(descendant);
        cid.subtype(if postscript.is_some() { CidFontType::Type0 } else { CidFontType::Type2 });
        cid.base_font(Name(name.as_bytes())).system_info(SYSTEM).font_descriptor(descriptor).default_width(0.0);
        if postscript.is_none() {
            cid.cid_to_gid_map_predefined(Name(b"Identity"));
        }
        let mut widths = cid.widths();
        for (&code, (glyph, _)) in &self.used {
            widths.consecutive(code, [(self.width(*glyph) * 1000.0) as f32]);
        }
        drop(widths);
        drop(cid);

        let scale = |units: i16| (f64::from(units) / self.font.units_per_em() * 1000.0) as f32;
        let all = face.global_bounding_box();
        let mut described = pdf.font_descriptor(descriptor);
        described
            .name(Name(name.as_bytes()))
            .flags(FontFlags::SYMBOLIC)
            .bbox(Rect::new(scale(all.x_min), scale(all.y_min), scale(all.x_max), scale(all.y_max)))
            .italic_angle(face.italic_angle())
            .ascent(scale(face.ascender()))
            .descent(scale(face.descender()))
            .cap_height(scale(face.capital_height().unwrap_or_else(|| face.ascender())))
            .stem_v(STEM);
        if postscript.is_some() {
            described.font_file3(program)
        } else {
            described.font_file2(program)
        };
        drop(described);

        let bytes = packed(postscript.unwrap_or(&subset));
        let mut stream = pdf.stream(program, &bytes);
        stream.filter(Filter::FlateDecode);
        if postscript.is_some() {
            stream.pair(Name(b"Subtype"), Name(b"CIDFontType0C"));
        }
        drop(stream);

        let mut cmap = UnicodeCmap::new(CMAP, SYSTEM);
        // The box that replaces characters without a font represents none of them.
        for (&code, (_, text)) in self.used.iter().filter(|(code, (_, text))| **code != 0 && !text.is_empty()) {
            cmap.pair_with_multiple(code, text.chars());
        }
        pdf.stream(characters, &packed(&cmap.finish())).filter(Filter::FlateDecode);
        Ok(())
    }

    /// The font's name after the tag of the subset, six letters that distinguish subsets.
    fn name(&self) -> String {
        // FNV-1a over the glyphs; the same picture has the same name.
        let hash = self.used.values().fold(0xcbf2_9ce4_8422_2325_u64, |hash, (glyph, _)| {
            (hash ^ u64::from(glyph.0)).wrapping_mul(0x0100_0000_01b3)
        });
        let letters = (0..6).map(|k| char::from(b'A' + (hash / 26_u64.pow(k) % 26) as u8));
        let names = self.font.face.names();
        let postscript = names.into_iter().find(|name| name.name_id == 6 && name.is_unicode());
        let name = postscript.and_then(|name| name.to_string()).unwrap_or_else(|| "Font".to_owned());
        letters.chain(['+']).chain(name.chars().filter(char::is_ascii_graphic)).collect()
    }
}

/// The bytes compressed for a PDF.
pub(super) fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing into memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
