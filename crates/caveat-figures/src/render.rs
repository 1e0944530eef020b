//! The formats of a picture, each written from the same elements.

mod glyphs;
pub(crate) mod pdf;
mod pdf_fonts;
pub(crate) mod png;
pub(crate) mod svg;
#[cfg(test)]
mod tests;

use crate::element::Element;

/// A page to be written: its size in points, its title and what is on it.
pub(crate) struct Page<'a> {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) title: &'a str,
    pub(crate) elements: &'a [Element],
}

/// To a hundredth of a point, less than any printer or screen shows: the same edges in every format.
fn rounded(value: f64) -> f32 {
    ((value * 100.0).round() / 100.0) as f32
}
