//! DejaVu Sans as bundled with the drawing library: font bytes for rendering and advance widths for layout.
//!
//! Pictures must look the same on a machine without any font. The drawing library carries DejaVu Sans but hands it out only
//! inside an SVG, base64-encoded; it is taken from there once per process.

use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kuva::backend::svg::SvgBackend;
use kuva::render::render::Scene;
use resvg::usvg::fontdb;

use crate::error::{FigureError, Result};

/// Fonts of an SVG file, in order of preference.
pub(crate) const FAMILY: &str = "DejaVu Sans, Arial, Helvetica, sans-serif";

/// What the fonts are looked up by.
struct Fonts {
    /// Regular and bold, parsed for their advances.
    faces: [ttf_parser::Face<'static>; 2],
    database: Arc<fontdb::Database>,
}

/// Loaded on first use; the error is kept as text because it is reported at every use.
static FONTS: LazyLock<std::result::Result<Fonts, String>> = LazyLock::new(load);

fn load() -> std::result::Result<Fonts, String> {
    let svg = SvgBackend::new().with_embedded_font(true).render_scene(&Scene::new(1.0, 1.0));
    let marker = "data:font/truetype;base64,";
    let mut database = fontdb::Database::new();
    let mut faces = Vec::new();
    for font in svg.split(marker).skip(1) {
        let encoded = font.split('\'').next().unwrap_or_default();
        let bytes = STANDARD.decode(encoded).map_err(|e| format!("bundled font: {e}"))?;
        // Kept for the life of the process, once, so that faces can borrow from it.
        let bytes: &'static [u8] = bytes.leak();
        faces.push(ttf_parser::Face::parse(bytes, 0).map_err(|e| format!("bundled font: {e}"))?);
        database.load_font_source(fontdb::Source::Binary(Arc::new(bytes)));
    }
    let mut upright = faces.into_iter().filter(|f| !f.is_italic() && !f.is_monospaced());
    let (Some(a), Some(b)) = (upright.next(), upright.next()) else {
        return Err("the drawing library bundles no regular and bold DejaVu Sans".into());
    };
    let faces = if a.is_bold() { [b, a] } else { [a, b] };
    database.set_sans_serif_family("DejaVu Sans");
    Ok(Fonts { faces, database: Arc::new(database) })
}

fn fonts() -> Result<&'static Fonts> {
    FONTS.as_ref().map_err(|e| FigureError::Render { format: "text", problem: e.clone() })
}

/// The bundled fonts and nothing of the system's.
pub(crate) fn database() -> Result<Arc<fontdb::Database>> {
    fonts().map(|f| Arc::clone(&f.database))
}

/// Width of a line of text in points, without kerning; 0.6 em a character where the font is not to be had.
pub(crate) fn width(text: &str, size: f64, bold: bool) -> f64 {
    let Ok(fonts) = fonts() else {
        return 0.6 * size * text.chars().count() as f64;
    };
    let face = &fonts.faces[usize::from(bold)];
    let em = f64::from(face.units_per_em());
    let advance = |c| face.glyph_index(c).and_then(|g| face.glyph_hor_advance(g)).map_or(em, f64::from);
    text.chars().map(advance).sum::<f64>() * size / em
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_fonts_load() {
        assert!(database().unwrap().faces().any(|f| f.families[0].0 == "DejaVu Sans"));
    }

    #[test]
    fn every_sign_of_the_figures_has_a_glyph() {
        for face in &fonts().unwrap().faces {
            for c in "αμλγΔ₀₁₂₃₄₅₆₇₈₉∞−×≥≤±·–—→²⁰ᵀ…".chars() {
                assert!(face.glyph_index(c).is_some(), "{c} in bold: {}", face.is_bold());
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
}
