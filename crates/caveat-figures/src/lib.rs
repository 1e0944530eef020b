//! Publication figures of transitive inference with exceptions.
//!
//! Every figure is one file with one function `draw(inputs) -> Result<Figure>`, documented under fixed headings: *Question*,
//! *Claim*, *Inputs*, *Drawing*. A [`Figure`] is a picture and the tidy table of the numbers in it; neither is written
//! anywhere by this crate.
//!
//! Below the figures lies a small drawing layer: a [`Canvas`] measured in points (72 to the inch) that renders one picture as
//! SVG, PDF or PNG, [`Panel`]s with axes in data coordinates, heatmaps, legends, and the [`palette`] that gives every pair
//! class the same color in every figure. Text is at least 7 points high at the printed size and lines half a point wide.
//!
//! ```
//! use caveat_figures::{Axis, Canvas, Format, Panel, Rect, SINGLE_COLUMN, Stroke, palette};
//! let mut canvas = Canvas::new(SINGLE_COLUMN, 160.0);
//! let panel = Panel::new(Rect::new(40.0, 10.0, 195.0, 115.0), Axis::linear(0.0, 1.0).label("α"), Axis::log(0.1, 10.0));
//! panel.line(&mut canvas, &[(0.0, 0.2), (1.0, 5.0)], Stroke::new(palette::BLUE, 1.2));
//! panel.axes(&mut canvas);
//! assert!(canvas.render(Format::Svg)?.starts_with(b"<svg"));
//! # Ok::<(), caveat_figures::FigureError>(())
//! ```

mod axes;
pub mod behavior;
mod canvas;
pub mod conjunctivity_figure;
pub mod design_figure;
mod element;
mod error;
mod figure;
mod fonts;
pub mod heatmap;
pub mod language_models;
pub mod layout;
mod legend;
pub mod margins_figure;
pub mod mechanism_figure;
pub mod palette;
pub mod phase_figure;
mod region;
mod render;
mod scale;
pub mod task_figure;
mod text;
mod violin;
pub mod window_figure;

pub use axes::{Panel, letter_above, margins, title_above};
pub use canvas::{Canvas, DOUBLE_COLUMN, Dash, Format, Marker, PNG_DPI, Rect, SINGLE_COLUMN, Stroke};
pub use error::{FigureError, Result};
pub use figure::Figure;
pub use legend::{Key, Legend};
pub use palette::Color;
pub use region::outlines;
pub use scale::{Axis, Tick};
pub use text::{Anchor, LARGE, Level, NORMAL, SMALL, Text, fixed, item, number};
pub use violin::Violin;
