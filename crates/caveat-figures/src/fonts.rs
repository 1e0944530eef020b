//! Fonts: DejaVu Sans, which is part of the program, and fonts of the system for characters that it lacks.
//!
//! Pictures must look the same on a machine without fonts, so text is measured and drawn with the bundled one.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{LazyLock, Mutex, PoisonError};

use flate2::read::GzDecoder;
use fontdb::{Database, Source};
use rustybuzz::ttf_parser;

/// Fonts of an SVG file, in order of preference.
pub(crate) const FAMILY: &str = "DejaVu Sans, Arial, Helvetica, sans-serif";

/// DejaVu Sans 2.37, regular and bold.
const BUNDLED: [&[u8]; 2] =
    [include_bytes!("../fonts/DejaVuSans.ttf.gz"), include_bytes!("../fonts/DejaVuSans-Bold.ttf.gz")];

/// Largest font file of the system that is read, in bytes; fonts of all Chinese characters take a fifth of it.
const MAX_BYTES: u64 = 1 << 27;

/// A font, in memory for the life of the process.
pub(crate) struct Font {
    /// The file.
    pub(crate) data: &'static [u8],
    /// Its place in the file, which may hold several.
    pub(crate) index: u32,
    pub(crate) face: rustybuzz::Face<'static>,
}

impl Font {
    fn parse(data: &'static [u8], index: u32) -> Option<&'static Self> {
        let face = rustybuzz::Face::from_slice(data, index)?;
        Some(Box::leak(Box::new(Self { data, index, face })))
    }

    /// Units of the font to the em.
    pub(crate) fn units_per_em(&self) -> f64 {
        f64::from(self.face.units_per_em())
    }

    pub(crate) fn has(&self, character: char) -> bool {
        self.face.glyph_index(character).is_some()
    }
}

static REGULAR_AND_BOLD: LazyLock<[&Font; 2]> = LazyLock::new(|| {
    BUNDLED.map(|packed| {
        let mut data = Vec::new();
        let read = GzDecoder::new(packed).read_to_end(&mut data);
        // The files are part of the program.
        read.ok().and_then(|_| Font::parse(data.leak(), 0)).expect("the bundled fonts are whole")
    })
});

/// The bundled font.
pub(crate) fn bundled(bold: bool) -> &'static Font {
    REGULAR_AND_BOLD[usize::from(bold)]
}

/// The font for a character: the bundled one, else one of the system. If no font has it, the bundled one draws a box.
pub(crate) fn font_for(character: char, bold: bool) -> &'static Font {
    let font = bundled(bold);
    if font.has(character) { font } else { system_font(character).unwrap_or(font) }
}

/// The first font of the system with the character, ordered by name so that it is the same each time.
fn system_font(character: char) -> Option<&'static Font> {
    struct System {
        /// Files and places in them, by name; read when the first character is missing.
        candidates: Vec<(Source, u32)>,
        /// Fonts in use, which are few.
        loaded: Vec<&'static Font>,
        found: HashMap<char, Option<&'static Font>>,
    }
    static SYSTEM: LazyLock<Mutex<System>> = LazyLock::new(|| {
        let mut database = Database::new();
        database.load_system_fonts();
        let mut faces: Vec<_> = database.faces().collect();
        faces.sort_by_key(|face| {
            (face.style != fontdb::Style::Normal, face.weight.0.abs_diff(400), &face.post_script_name)
        });
        let candidates = faces.into_iter().map(|face| (face.source.clone(), face.index)).collect();
        Mutex::new(System { candidates, loaded: Vec::new(), found: HashMap::new() })
    });
    let mut system = SYSTEM.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(&found) = system.found.get(&character) {
        return found;
    }
    let mut found = system.loaded.iter().copied().find(|font| font.has(character));
    if found.is_none() {
        let data = system.candidates.iter().find_map(|(source, index)| {
            let data = read(source)?;
            let has = ttf_parser::Face::parse(&data, *index).is_ok_and(|face| face.glyph_index(character).is_some());
            has.then_some((data, *index))
        });
        found = data.and_then(|(data, index)| Font::parse(data.leak(), index));
        system.loaded.extend(found);
    }
    system.found.insert(character, found);
    found
}

fn read(source: &Source) -> Option<Vec<u8>> {
    let Source::File(path) = source else { return None };
    let small = std::fs::metadata(path).is_ok_and(|file| file.len() <= MAX_BYTES);
    small.then(|| std::fs::read(path).ok()).flatten()
}

/// Width of a line of text in points, without kerning; a character that the bundled font lacks counts as an em.
pub(crate) fn width(text: &str, size: f64, bold: bool) -> f64 {
    let font = bundled(bold);
    let em = font.units_per_em();
    let advance = |c| font.face.glyph_index(c).and_then(|g| font.face.glyph_hor_advance(g)).map_or(em, f64::from);
    text.chars().map(advance).sum::<f64>() * size / em
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_of_the_figures_has_a_glyph() {
        for bold in [false, true] {
            assert_eq!(bundled(bold).face.is_bold(), bold);
            for c in "αμλγΔ₀₁₂₃₄₅₆₇₈₉∞−×≥≤±·–—→²⁰ᵀ…".chars() {
                assert!(bundled(bold).has(c), "{c} in bold: {bold}");
            }
        }
    }

    #[test]
    fn widths_are_those_of_the_font() {
        // DejaVu Sans: a digit is 1303 of 2048 units wide, bold ones 1425.
        assert!((width("0", 2048.0, false) - 1303.0).abs() < 1e-9);
        assert!((width("0", 2048.0, true) - 1425.0).abs() < 1e-9);
        assert_eq!(width("", 8.0, false), 0.0);
    }

    #[test]
    fn a_sign_that_no_font_has_is_drawn_with_the_bundled_one() {
        // No font draws what is set aside for internal use.
        let nowhere = '\u{10FFFE}';
        assert!(std::ptr::eq(font_for(nowhere, true), bundled(true)));
        assert!(std::ptr::eq(font_for('a', false), bundled(false)));
    }
}
