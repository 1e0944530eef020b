//! Margins of all pairs over the conjunctivity, without and with exceptions.
//!
//! # Question
//! Which pairs does a representation of given conjunctivity judge rightly once there is an exception?
//!
//! # Claim
//! Without an exception every pair is judged rightly at any α < 1. With one, a representation too additive fails to memorize
//! the cycle and one too conjunctive fails across it.
//!
//! # Inputs
//! [`MarginsInputs`]: number of items, exceptions, C, and the values of α.
//!
//! # Drawing
//! Heatmaps of f(i, j), one column per α; the top row is the plain task. Trained pairs are outlined, wrong signs crossed.
//! Each heatmap has its own color scale, since margins shrink with α: the number below it is its largest |f|.

use caveat_results::Table;
use caveat_theory::margins::{Margins, chain};
use caveat_theory::{PairClass, PairClasses, RidgeModel, TransitiveTask};

use crate::canvas::{Canvas, DOUBLE_COLUMN, Marker, Rect, Stroke};
use crate::error::{FigureError, Result};
use crate::figure::Figure;
use crate::heatmap::{ItemLabels, color_bar, judged_heatmap};
use crate::layout;
use crate::legend::{Key, Legend};
use crate::palette::{BLACK, ColorScale};
use crate::text::{Anchor, Level, SMALL, Text, fixed, number};

/// Tasks and models whose margins are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct MarginsInputs {
    /// Number of items.
    pub n_items: usize,
    /// Exceptions (winner, loser) of the second row, in ranks.
    pub exceptions: Vec<(usize, usize)>,
    /// Inverse regularization C.
    pub c: f64,
    /// Values of α, one column each.
    pub conjunctivities: Vec<f64>,
}

impl Default for MarginsInputs {
    fn default() -> Self {
        Self { n_items: 9, exceptions: vec![(5, 3)], c: 10.0, conjunctivities: vec![0.02, 0.1, 0.2, 0.4, 0.8] }
    }
}

/// Draws the margins.
///
/// # Errors
/// No value of α, or a task or model that the theory refuses.
pub fn draw(inputs: &MarginsInputs) -> Result<Figure> {
    let columns = inputs.conjunctivities.len();
    if columns == 0 {
        return Err(FigureError::nothing("margins", "name at least one conjunctivity"));
    }
    let mut tasks = vec![("without exception", TransitiveTask::new(inputs.n_items, &[])?)];
    if !inputs.exceptions.is_empty() {
        tasks.push(("with exception", TransitiveTask::new(inputs.n_items, &inputs.exceptions)?));
    }
    let (left, top, gap) = (34.0, 34.0, 8.0);
    let body = DOUBLE_COLUMN - left - 54.0;
    let side = ((body - gap * (columns - 1) as f64) / columns as f64).min(150.0);
    let height = top + tasks.len() as f64 * (side + 12.0) + 22.0;
    let mut canvas = Canvas::new(DOUBLE_COLUMN, height);
    let width = side * columns as f64 + gap * (columns - 1) as f64;
    let rows = layout::grid(Rect::new(left, top, width, height - top - 26.0), tasks.len(), columns, (gap, 12.0));
    let mut numbers = Vec::new();
    for (row, (name, task)) in tasks.iter().enumerate() {
        let classes = task.classes()?;
        for (column, &conjunctivity) in inputs.conjunctivities.iter().enumerate() {
            let solution = chain::solve(task, &RidgeModel::new(conjunctivity, inputs.c)?)?;
            let square = layout::square(rows[row * columns + column]);
            let labels = ItemLabels { rows: column == 0, columns: row == 0 };
            panel(&mut canvas, square, &solution, &classes, labels);
            numbers.extend(classes.pairs().map(|(i, j, class, label)| Row {
                task: name,
                conjunctivity,
                pair: (i, j),
                class,
                label: label.map_or(f64::NAN, f64::from),
                margin: solution.margin(i, j),
            }));
            if row == 0 {
                let title = Text::new(format!("α = {}", number(conjunctivity, 3)));
                canvas.text((square.center().0, top - 15.0), &title.anchored(Anchor::Middle, Level::Baseline));
            }
            if column == 0 {
                let label = Text::new(*name).rotated(-90.0).anchored(Anchor::Middle, Level::Baseline);
                canvas.text((square.x - 19.0, square.center().1), &label);
            }
        }
    }
    let last = rows[columns - 1];
    let bar = Rect::new(last.x + side + 9.0, top, 7.0, (tasks.len() as f64 * (side + 12.0) - 12.0).min(2.0 * side));
    color_bar(&mut canvas, bar, ColorScale::Diverging { limit: 1.0 }, "margin f, row against column / max |f|");
    let legend = Legend::new()
        .with(Key::Outline(Stroke::new(BLACK, 0.9)), "trained pair")
        .with(Key::Point(Marker::Cross, BLACK), "wrong answer");
    legend.draw(&mut canvas, (left, height - 16.0), 2);
    let caption = format!(
        "Margins f(i, j) of all pairs of {} items at C = {} over the conjunctivity α, without (top) and with (bottom) the \
         exception. Trained pairs are outlined, wrong answers crossed; every heatmap is scaled to its largest |f|.",
        inputs.n_items,
        number(inputs.c, 3)
    );
    let table = table(&numbers, inputs.c)?;
    Ok(Figure::new("margins", "Margins without and with an exception", caption, canvas, table))
}

/// One heatmap with outlines and crosses.
fn panel(canvas: &mut Canvas, square: Rect, solution: &impl Margins, classes: &PairClasses, labels: ItemLabels) {
    // The diagonal is 0 by definition and not drawn.
    let margins = solution.matrix();
    let scale = ColorScale::diverging(&margins);
    judged_heatmap(canvas, square, &margins, scale, classes, labels, |i, j| solution.sign(i, j));
    let (low, high) = scale.range();
    let size =
        Text::new(format!("max |f| = {}", fixed(high.max(-low), 2))).size(SMALL).anchored(Anchor::End, Level::Top);
    canvas.text((square.right(), square.bottom() + 2.5), &size);
}

/// An unordered pair of a heatmap.
struct Row {
    task: &'static str,
    conjunctivity: f64,
    /// Ranks, the higher item first.
    pair: (usize, usize),
    class: PairClass,
    label: f64,
    margin: f64,
}

fn table(rows: &[Row], c: f64) -> Result<Table> {
    Ok(Table::new()
        .text("task", rows.iter().map(|r| r.task))?
        .float("conjunctivity", rows.iter().map(|r| r.conjunctivity))?
        .float("c", rows.iter().map(|_| c))?
        .count("rank_higher", rows.iter().map(|r| r.pair.0))?
        .count("rank_lower", rows.iter().map(|r| r.pair.1))?
        .text("class", rows.iter().map(|r| r.class.name()))?
        .float("label", rows.iter().map(|r| r.label))?
        .float("margin", rows.iter().map(|r| r.margin))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Format;

    #[test]
    fn every_size_and_limit_is_drawn() {
        for (n, exceptions, c, conjunctivities) in [
            (2, vec![], f64::INFINITY, vec![0.0, 1.0]),
            (9, vec![(5, 3)], 10.0, vec![0.2]),
            (30, vec![(20, 10)], 1e-3, vec![0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0]),
        ] {
            let inputs = MarginsInputs { n_items: n, exceptions, c, conjunctivities };
            assert!(!draw(&inputs).unwrap().canvas.render(Format::Svg).unwrap().is_empty());
        }
    }

    #[test]
    fn bad_inputs_are_refused() {
        let inputs = MarginsInputs { conjunctivities: vec![], ..MarginsInputs::default() };
        assert!(matches!(draw(&inputs), Err(FigureError::Nothing { .. })));
        let inputs = MarginsInputs { conjunctivities: vec![1.5], ..MarginsInputs::default() };
        assert!(matches!(draw(&inputs), Err(FigureError::Theory(_))));
    }
}
