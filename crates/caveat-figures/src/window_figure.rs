//! The balance window over the size of the task and the place and length of its cycle.
//!
//! # Question
//! Which task leaves a learner the most room between keeping the rule and remembering the exception?
//!
//! # Claim
//! The window narrows with the number of items around the cycle and widens towards the ends of the chain, where an
//! exception has little to reach across.
//!
//! # Inputs
//! [`WindowInputs`]: numbers of items, lengths of the cycle, and the number of items over which its place is varied.
//!
//! # Drawing
//! One line per number of items in the cycle. **a** α_gen without regularization over n, the cycle in the middle. **b** the
//! same over the place of the cycle. **c** the critical C, below which no α does both, over n.

use caveat_results::Table;
use caveat_theory::window::{BalanceWindow, balance_window};
use caveat_theory::{Learner, TransitiveTask};

use crate::axes::{Panel, margins};
use crate::canvas::{Canvas, DOUBLE_COLUMN, Marker, Rect, Stroke};
use crate::error::{FigureError, Result};
use crate::figure::Figure;
use crate::layout;
use crate::legend::{Key, Legend};
use crate::palette::ordered_color;
use crate::scale::Axis;
use crate::text::item;

/// What to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowInputs {
    /// Numbers of items, increasing.
    pub n_items: Vec<usize>,
    /// Numbers of items in the cycle, at least 3.
    pub cycle_lengths: Vec<usize>,
    /// Number of items of the task whose cycle is moved.
    pub n_items_moved: usize,
}

impl Default for WindowInputs {
    fn default() -> Self {
        Self { n_items: (5..=41).step_by(2).collect(), cycle_lengths: vec![3, 5, 7, 9], n_items_moved: 15 }
    }
}

/// The window of one task; `None` if the cycle does not fit between at least one item on either side.
fn window(n: usize, top: usize, length: usize) -> Result<Option<BalanceWindow>> {
    let bottom = top + length - 1;
    if top == 0 || bottom + 1 >= n {
        return Ok(None);
    }
    let task = TransitiveTask::new(n, &[(bottom, top)])?;
    Ok(Some(balance_window(&task, Learner::Ridge { c: f64::INFINITY })?))
}

/// Draws the windows.
///
/// # Errors
/// No number of items or cycle length, or a cycle of fewer than three items.
pub fn draw(inputs: &WindowInputs) -> Result<Figure> {
    if inputs.n_items.is_empty() || inputs.cycle_lengths.is_empty() {
        return Err(FigureError::nothing("window", "name at least one number of items and one cycle length"));
    }
    if let Some(short) = inputs.cycle_lengths.iter().find(|&&l| l < 3) {
        let problem = format!("{short} items make no cycle: an exception on a trained pair reverses it, at least 3 do");
        return Err(FigureError::bad("cycle length", problem));
    }
    let mut numbers = Vec::new();
    let (mut by_size, mut by_place) = (Vec::new(), Vec::new());
    for &length in &inputs.cycle_lengths {
        let mut line = |tasks: &mut dyn Iterator<Item = (usize, usize, usize)>| -> Result<Line> {
            let mut line = Vec::new();
            for (x, n, top) in tasks {
                if let Some(w) = window(n, top, length)? {
                    numbers.push((n, top, length, w));
                    line.push((x as f64, w));
                }
            }
            Ok(line)
        };
        let moved = inputs.n_items_moved;
        by_size.push(line(&mut inputs.n_items.iter().map(|&n| (n, n, n.saturating_sub(length) / 2)))?);
        by_place.push(line(&mut (1..moved.saturating_sub(length)).map(|top| (top, moved, top)))?);
    }
    if numbers.is_empty() {
        let missing = "no cycle fits its task: n must exceed the cycle length by at least 2";
        return Err(FigureError::nothing("window", missing));
    }
    Ok(draw_lines(inputs, &by_size, &by_place, table(&numbers)?))
}

/// The windows of one line, over n or over the place of the cycle.
type Line = Vec<(f64, BalanceWindow)>;

fn draw_lines(inputs: &WindowInputs, by_size: &[Line], by_place: &[Line], table: Table) -> Figure {
    let stroke = |i| Stroke::new(ordered_color(i, inputs.cycle_lengths.len()), 1.1);
    let (left, below) = margins("0.01");
    let height = 176.0;
    let mut canvas = Canvas::new(DOUBLE_COLUMN, height);
    let body = Rect::new(left + 6.0, 22.0, DOUBLE_COLUMN - left - 16.0, height - 22.0 - below - 16.0);
    let cells = layout::columns_of(body, 3, left + 6.0);
    let generalization = |w: &BalanceWindow| w.conjunctivity_generalization;
    let critical = |w: &BalanceWindow| w.critical.unwrap_or(f64::NAN);
    let n = &inputs.n_items;
    let x_size = Axis::linear(0.0, n.iter().copied().max().unwrap_or(1) as f64 * 1.04).label("number of items n");
    let moved = inputs.n_items_moved;
    let stride = moved.div_ceil(7).max(1);
    let x_place = Axis::linear(0.0, moved as f64 - 1.0)
        .ticks((0..moved).step_by(stride).map(|k| (k as f64, item(k))))
        .label(format!("first item of the cycle (n = {moved})"));
    let (sizes, places) = (by_size.iter().flatten(), by_place.iter().flatten());
    let y_critical = log_axis(sizes.clone().map(|(_, w)| critical(w))).label("critical C");
    let y_alpha = log_axis(sizes.chain(places).map(|(_, w)| generalization(w))).label("α_{gen} at C = ∞");
    let panels = [
        (Panel::new(cells[0], x_size.clone(), y_alpha.clone()), values(by_size, generalization)),
        (Panel::new(cells[1], x_place, y_alpha), values(by_place, generalization)),
        (Panel::new(cells[2], x_size, y_critical), values(by_size, critical)),
    ];
    for (k, (panel, lines)) in panels.iter().enumerate() {
        panel.grid(&mut canvas);
        for (i, line) in lines.iter().enumerate() {
            panel.line(&mut canvas, line, stroke(i));
            panel.points(&mut canvas, line, Marker::ALL[i % 4], 1.7, stroke(i).color);
        }
        panel.axes(&mut canvas);
        panel.letter(&mut canvas, &layout::letter(k));
    }
    let mut legend = Legend::new();
    for (i, length) in inputs.cycle_lengths.iter().enumerate() {
        legend.push(Key::LinePoint(stroke(i), Marker::ALL[i % 4]), format!("cycle of {length}"));
    }
    let row = canvas.page().inset(8.0, 0.0, 8.0, 0.0);
    legend.draw_centered(&mut canvas, row, height - 14.0);
    let caption = format!(
        "Room for balance. (a) Largest conjunctivity at which cross-section pairs are all ordered, without \
             regularization, over the number of items; the cycle lies in the middle. (b) The same over the place of the cycle \
             among {moved} items. (c) Critical C, below which no conjunctivity both generalizes and remembers."
    );
    let title = "The balance window over task size, cycle place and cycle length";
    Figure::new("window", title, caption, canvas, table)
}

fn values(lines: &[Line], f: impl Fn(&BalanceWindow) -> f64) -> Vec<Vec<(f64, f64)>> {
    lines.iter().map(|line| line.iter().map(|(x, w)| (*x, f(w))).collect()).collect()
}

/// A logarithmic axis a little wider than the positive finite values.
fn log_axis(values: impl Iterator<Item = f64>) -> Axis {
    let (low, high) =
        values.filter(|v| v.is_finite() && *v > 0.0).fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
    Axis::log(low / 1.3, high * 1.3)
}

/// One row per task: its number of items, the first item and the length of its cycle, and its window.
fn table(rows: &[(usize, usize, usize, BalanceWindow)]) -> Result<Table> {
    Ok(Table::new()
        .count("n_items", rows.iter().map(|r| r.0))?
        .count("winner", rows.iter().map(|r| r.1 + r.2 - 1))?
        .count("loser", rows.iter().map(|r| r.1))?
        .float("screening_star", rows.iter().map(|r| r.3.screening_star.unwrap_or(f64::NAN)))?
        .float("conjunctivity_generalization", rows.iter().map(|r| r.3.conjunctivity_generalization))?
        .float("critical_c", rows.iter().map(|r| r.3.critical.unwrap_or(f64::NAN)))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Format;

    #[test]
    fn the_window_of_nine_items_is_the_known_one() {
        let w = window(9, 3, 3).unwrap().unwrap();
        assert!((w.conjunctivity_generalization - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(window(9, 0, 3).unwrap(), None);
        assert_eq!(window(9, 6, 3).unwrap(), None);
    }

    #[test]
    fn lines_are_drawn_as_far_as_cycles_fit() {
        let figure = draw(&WindowInputs::default()).unwrap();
        assert!(!figure.canvas.render(Format::Svg).unwrap().is_empty());
        let small = WindowInputs { n_items: vec![5], cycle_lengths: vec![3, 9], n_items_moved: 0 };
        assert_eq!(draw(&small).unwrap().table.n_rows(), 1);
    }

    #[test]
    fn inputs_without_a_window_are_refused() {
        let none = WindowInputs { n_items: vec![4], cycle_lengths: vec![3], n_items_moved: 4 };
        assert!(matches!(draw(&none), Err(FigureError::Nothing { .. })));
        let short = WindowInputs { cycle_lengths: vec![2], ..WindowInputs::default() };
        assert!(matches!(draw(&short), Err(FigureError::BadInput { .. })));
    }
}
