//! The mechanism: ranks as the sum of the chain's field and the exceptions' field.
//!
//! # Question
//! Why does an exception make a learner misorder items that were never part of it?
//!
//! # Claim
//! Ranks solve a screened Poisson equation. The exception pushes its upper item down and its lower item up. With weak
//! screening the far ends of the chain outweigh it; with strong screening its local field wins, and items just above the
//! cycle end below items just under it.
//!
//! # Inputs
//! A task and values of the screening μ.
//!
//! # Drawing
//! One panel per μ: chain field, exception field and their sum over the items, the cycle shaded. Lines connect misordered
//! cross-section pairs; if there are more than 30, only their items are marked.

use caveat_results::Table;
use caveat_theory::margins::{Margins, chain};
use caveat_theory::{PairClass, RidgeModel, Section, TransitiveTask};

use crate::axes::{Panel, margins};
use crate::canvas::{Canvas, DOUBLE_COLUMN, Dash, Marker, Rect, Stroke};
use crate::error::{FigureError, Result};
use crate::figure::Figure;
use crate::layout;
use crate::legend::{Key, Legend};
use crate::palette::{CHAIN_FIELD, Color, EXCEPTION_FIELD, GREY, LIGHT_GREY, RANKS, class_color};
use crate::scale::Axis;
use crate::text::{item, number};

/// Most misordered pairs that are connected; of more, only the items are marked.
const MOST_LINES: usize = 30;

/// Draws the ranks of a task, one panel for each value of the screening μ.
///
/// # Errors
/// No screening, or a task or screening that the theory refuses.
pub fn draw(task: &TransitiveTask, screenings: &[f64]) -> Result<Figure> {
    if screenings.is_empty() {
        return Err(FigureError::nothing("mechanism", "name at least one screening"));
    }
    let (left, below) = margins("−0.5");
    let height = 178.0;
    let mut canvas = Canvas::new(DOUBLE_COLUMN, height);
    let body = Rect::new(left + 8.0, 22.0, DOUBLE_COLUMN - left - 18.0, height - 22.0 - below - 16.0);
    let cells = layout::columns_of(body, screenings.len(), left + 2.0);
    let mut numbers = Vec::new();
    for (k, (&screening, rect)) in screenings.iter().zip(cells).enumerate() {
        numbers.extend(draw_panel(&mut canvas, rect, task, screening, k)?);
    }
    let mut legend = Legend::new().with(Key::Line(Stroke::new(CHAIN_FIELD, 1.2).dash(Dash::Dashed)), "chain field r⁰");
    if !task.exceptions().is_empty() {
        legend.push(Key::Line(Stroke::new(EXCEPTION_FIELD, 1.2).dash(Dash::DashDot)), "exception field");
    }
    legend.push(Key::LinePoint(Stroke::new(RANKS, 1.8), Marker::Circle), "rank r, their sum");
    if !task.exceptions().is_empty() {
        legend.push(Key::Patch(cycle_shade()), "cycle");
        legend.push(Key::Line(Stroke::new(class_color(PairClass::CrossSection), 1.1)), "misordered across the cycle");
    }
    let row = canvas.page().inset(10.0, 0.0, 10.0, 0.0);
    legend.draw_centered(&mut canvas, row, height - 14.0);
    let caption = "Ranks of the items (black) are the field of the chain (blue) plus that of the exception (vermillion). The \
                   screening μ = 2(α + 1/C)/(1 − α) sets how far each field reaches. Lines connect items on either side of the \
                   cycle that are misordered; titles count those pairs.";
    Ok(Figure::new("mechanism", "How an exception misorders items outside it", caption, canvas, table(&numbers)?))
}

fn cycle_shade() -> Color {
    class_color(PairClass::ExceptionCycle).tint(0.22)
}

/// Draws panel `k` and returns its items.
fn draw_panel(canvas: &mut Canvas, rect: Rect, task: &TransitiveTask, screening: f64, k: usize) -> Result<Vec<Row>> {
    // Ranks depend on α and C through μ alone; any memorization weight gives the same ones.
    let solution = chain::solve(task, &RidgeModel::from_screening(screening, 0.5)?)?;
    let classes = task.classes()?;
    let n = task.n_items();
    let series = |f: &dyn Fn(usize) -> f64| -> Vec<(f64, f64)> { (0..n).map(|i| (i as f64, f(i))).collect() };
    let chain_field = series(&|i| solution.rule_rank(i));
    let exception_field = series(&|i| solution.exception_rank(i));
    let ranks = series(&|i| solution.rank(i));
    let values: Vec<f64> = chain_field.iter().chain(&exception_field).chain(&ranks).map(|p| p.1).collect();
    let stride = n.div_ceil(10);
    let x = Axis::linear(-0.6, n as f64 - 0.4).label("item").ticks((0..n).step_by(stride).map(|i| (i as f64, item(i))));
    let y = Axis::covering(&values).label(if k == 0 { "rank" } else { "" });
    let (low, high) = (y.min(), y.max());
    let panel = Panel::new(rect, x, y);
    let mut start = 0;
    for run in classes.sections().chunk_by(|a, b| a == b) {
        if matches!(run[0], Section::Cycle(_)) {
            let (a, b) = (start as f64 - 0.45, (start + run.len()) as f64 - 0.55);
            panel.band(canvas, &[(a, low, high), (b, low, high)], cycle_shade(), 1.0);
        }
        start += run.len();
    }
    panel.horizontal(canvas, 0.0, Stroke::new(LIGHT_GREY.over(GREY, 0.6), 0.5));
    let radius = (60.0 / n as f64).clamp(0.8, 2.2);
    let (mut pairs, mut tied, mut wrong) = (0, 0, Vec::new());
    for (i, j, class, label) in classes.pairs() {
        let Some(label) = label.filter(|_| class == PairClass::CrossSection) else {
            continue;
        };
        pairs += 1;
        match solution.sign(i, j) * label {
            0 => tied += 1,
            1 => {}
            _ => wrong.push([ranks[i], ranks[j]]),
        }
    }
    let purple = class_color(PairClass::CrossSection);
    for pair in &wrong {
        // More lines than these would only fill the panel.
        if wrong.len() <= MOST_LINES {
            panel.line(canvas, pair, Stroke::new(purple, 1.1));
        }
        panel.points(canvas, pair, Marker::Circle, radius + 1.6, purple);
    }
    // The fields lie over their sum, with which they may coincide.
    panel.line(canvas, &ranks, Stroke::new(RANKS, 1.8));
    panel.line(canvas, &chain_field, Stroke::new(CHAIN_FIELD, 1.2).dash(Dash::Dashed));
    if !task.exceptions().is_empty() {
        panel.line(canvas, &exception_field, Stroke::new(EXCEPTION_FIELD, 1.2).dash(Dash::DashDot));
    }
    panel.points(canvas, &ranks, Marker::Circle, radius, RANKS);
    panel.axes(canvas);
    let mu = number(screening, 3);
    let title = match wrong.len() {
        _ if pairs == 0 => format!("μ = {mu}"),
        0 if tied > 0 => format!("μ = {mu}, {tied} of {pairs} tied"),
        wrong => format!("μ = {mu}, {wrong} of {pairs} misordered"),
    };
    panel.title(canvas, &title);
    panel.letter(canvas, &layout::letter(k));
    Ok((0..n).map(|i| (screening, i, [chain_field[i].1, exception_field[i].1, ranks[i].1])).collect())
}

/// An item of a panel: the screening, the item, and both fields with their sum.
type Row = (f64, usize, [f64; 3]);

fn table(rows: &[Row]) -> Result<Table> {
    Ok(Table::new()
        .float("screening", rows.iter().map(|r| r.0))?
        .count("item", rows.iter().map(|r| r.1))?
        .float("chain_field", rows.iter().map(|r| r.2[0]))?
        .float("exception_field", rows.iter().map(|r| r.2[1]))?
        .float("rank", rows.iter().map(|r| r.2[2]))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Format;

    #[test]
    fn tasks_with_and_without_exceptions_are_drawn() {
        for (n, exceptions) in [(2, vec![]), (9, vec![(5, 3)]), (40, vec![(12, 8), (30, 29)])] {
            let task = TransitiveTask::new(n, &exceptions).unwrap();
            let figure = draw(&task, &[0.0, 1e-3, 2.0]).unwrap();
            assert!(!figure.canvas.render(Format::Svg).unwrap().is_empty());
            assert_eq!(figure.table.n_rows(), 3 * n);
        }
    }

    #[test]
    fn strong_screening_misorders_across_the_cycle_and_weak_does_not() {
        let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
        let svg = draw(&task, &[0.5, 1.0, 1.5]).unwrap().canvas.svg();
        // μ* = 1.
        for title in ["μ = 0.5, 0 of 9 misordered", "μ = 1, 1 of 9 tied", "μ = 1.5, 1 of 9 misordered"] {
            assert!(svg.contains(title), "{title}");
        }
    }

    #[test]
    fn bad_inputs_are_refused() {
        let task = TransitiveTask::new(9, &[]).unwrap();
        assert!(draw(&task, &[]).is_err());
        assert!(draw(&task, &[-1.0]).is_err());
    }
}
