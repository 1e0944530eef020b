//! Observed, fitted and predicted margins side by side.
//!
//! # Question
//! Does a learner's whole pattern of judgments look like the theory's, errors included?
//!
//! # Claim
//! With two numbers fitted, α and C, the theory reproduces the pattern of all pairs; with none fitted it predicts the pattern
//! under an exception.
//!
//! # Inputs
//! [`Condition`]s, one row each, by model, setting, stimulus and hierarchy.
//!
//! # Drawing
//! Heatmaps of margins, row against column, on one color scale per row; trained pairs outlined, wrong signs crossed.

use std::collections::BTreeMap;

use caveat_results::Table;
use caveat_theory::PairClass;

use super::{Condition, TheoryMargins, order, shortened, shortened_apart, table_of};
use crate::canvas::{Canvas, Marker, Rect, SINGLE_COLUMN, Stroke};
use crate::error::{FigureError, Result};
use crate::figure::Figure;
use crate::heatmap::{ItemLabels, color_bar, judged_heatmap, ordered_pairs};
use crate::legend::{Key, Legend};
use crate::palette::{BLACK, ColorScale};
use crate::text::{Anchor, Level, NORMAL, SMALL, Text, fixed};

/// Side of a heatmap in points.
const SIDE: f64 = 96.0;
/// Height of a row: heatmap, words above and below.
const ROW: f64 = SIDE + 38.0;
/// Left margin.
const LEFT: f64 = 22.0;
/// Space between heatmaps.
const GAP: f64 = 9.0;

/// Draws the conditions below one another.
///
/// # Errors
/// No condition, a condition whose matrices have a wrong size, or more conditions than fit a page (20).
pub fn draw(conditions: &[Condition]) -> Result<Figure> {
    const MOST: usize = 20;
    if conditions.is_empty() {
        return Err(FigureError::nothing("observed-margins", "give at least one condition"));
    }
    if conditions.len() > MOST {
        let problem = format!("{} are too many for one figure: at most {MOST} are", conditions.len());
        return Err(FigureError::bad("conditions", problem));
    }
    let any = |f: fn(&Condition) -> bool| conditions.iter().any(f);
    let mut kinds = vec!["observed"];
    kinds.extend(any(|c| c.fitted.is_some()).then_some("fitted"));
    kinds.extend(any(|c| c.predicted.is_some()).then_some("predicted"));
    let width = (LEFT + kinds.len() as f64 * (SIDE + GAP) + 46.0).max(SINGLE_COLUMN);
    let mut canvas = Canvas::new(width, conditions.len() as f64 * ROW + 34.0);
    for (column, kind) in kinds.iter().enumerate() {
        let x = LEFT + column as f64 * (SIDE + GAP) + SIDE / 2.0;
        canvas.text((x, 12.0), &Text::new(*kind).anchored(Anchor::Middle, Level::Baseline));
    }
    let mut numbers = Vec::new();
    let titles = titles(conditions, canvas.width() - LEFT - 40.0);
    for (row, condition) in order::sorted(conditions).into_iter().enumerate() {
        draw_row(&mut canvas, condition, (&titles[condition.label().as_str()], &kinds), 16.0 + row as f64 * ROW)?;
        let (classes, n) = (condition.classes()?, condition.n_items);
        numbers.extend(ordered_pairs(n).map(|(i, j)| (condition, (i, j), classes.class(i, j))));
    }
    let legend = Legend::new()
        .with(Key::Outline(Stroke::new(BLACK, 0.9)), "trained pair")
        .with(Key::Point(Marker::Cross, BLACK), "wrong answer");
    let y = canvas.height() - 15.0;
    legend.draw(&mut canvas, (LEFT, y), 2);
    let caption = "Margins of all pairs, row against column: observed, fitted (α, C and gain to this condition) and predicted \
                   (nothing fitted to it), on one color scale per row. Trained pairs are outlined, wrong answers crossed.";
    let title = "Observed, fitted and predicted margins";
    Ok(Figure::new("observed-margins", title, caption, canvas, table(&numbers)?))
}

/// Titles by full label; where a label is too long, the model is cut.
fn titles(conditions: &[Condition], width: f64) -> BTreeMap<String, String> {
    let taken = |c: &Condition| Text::new(format!(" · {}", c.label_with(""))).bold().width();
    let room = width - conditions.iter().map(taken).fold(0.0, f64::max);
    let models = shortened_apart(conditions.iter().map(|c| c.model.as_str()), room, NORMAL);
    let title = |c: &Condition| c.label_with(&models[c.model.as_str()]);
    conditions.iter().map(|c| (c.label(), shortened(&title(c), width, NORMAL))).collect()
}

fn draw_row(canvas: &mut Canvas, condition: &Condition, (title, kinds): (&str, &[&str]), top: f64) -> Result<()> {
    condition.check(None)?;
    let (classes, n) = (condition.classes()?, condition.n_items);
    let mut matrices = Vec::new();
    for (column, kind) in kinds.iter().enumerate() {
        let (margins, r_squared) = match (*kind, &condition.fitted, &condition.predicted) {
            ("fitted", Some(theory), _) | ("predicted", _, Some(theory)) => {
                condition.check(Some(theory))?;
                (&theory.margins, theory.r_squared)
            }
            ("observed", ..) => (&condition.observed, f64::NAN),
            _ => continue,
        };
        matrices.push((column, margins, r_squared));
    }
    let scale =
        ColorScale::diverging(matrices.iter().flat_map(|(_, m, _)| ordered_pairs(n).map(|(i, j)| &m[i * n + j])));
    canvas.text((LEFT, top + 10.0), &Text::new(title).bold());
    let y = top + 25.0;
    for (column, margins, r_squared) in matrices {
        let square = Rect::new(LEFT + column as f64 * (SIDE + GAP), y, SIDE, SIDE);
        let labels = ItemLabels { rows: column == 0, columns: true };
        let sign = |i: usize, j: usize| margins[i * n + j].partial_cmp(&0.0).map_or(0, |order| order as i8);
        judged_heatmap(canvas, square, margins, scale, &classes, labels, sign);
        if r_squared.is_finite() {
            let text = Text::new(format!("R² = {}", fixed(r_squared, 3))).size(SMALL).anchored(Anchor::End, Level::Top);
            canvas.text((square.right(), square.bottom() + 2.5), &text);
        }
    }
    let x = LEFT + kinds.len() as f64 * (SIDE + GAP);
    color_bar(canvas, Rect::new(x, y, 6.0, SIDE), scale, "margin");
    Ok(())
}

/// One row per ordered pair and condition.
fn table(rows: &[(&Condition, (usize, usize), PairClass)]) -> Result<Table> {
    let place = |c: &Condition, (i, j): (usize, usize)| i * c.n_items + j;
    let theory = |of: fn(&Condition) -> Option<&TheoryMargins>| {
        rows.iter().map(move |r| of(r.0).map_or(f64::NAN, |theory| theory.margins[place(r.0, r.1)]))
    };
    Ok(table_of(rows.iter().map(|r| r.0))?
        .count("rank_a", rows.iter().map(|r| r.1.0))?
        .count("rank_b", rows.iter().map(|r| r.1.1))?
        .text("class", rows.iter().map(|r| r.2.name()))?
        .float("observed", rows.iter().map(|r| r.0.observed[place(r.0, r.1)]))?
        .float("fitted", theory(|c| c.fitted.as_ref()))?
        .float("predicted", theory(|c| c.predicted.as_ref()))?)
}

#[cfg(test)]
mod tests {
    use super::super::tests::condition;
    use super::*;
    use crate::canvas::Format;

    #[test]
    fn conditions_with_and_without_theory_are_drawn() {
        let mut bare = condition("gpt2", "full", 9, &[]);
        (bare.fitted, bare.predicted) = (None, None);
        bare.observed.fill(f64::NAN);
        let figure = draw(&[condition("pythia-160m", "full", 9, &[(5, 3)]), bare]).unwrap();
        assert!(!figure.canvas.render(Format::Svg).unwrap().is_empty());
        assert_eq!(figure.table.n_rows(), 2 * 72);
    }

    #[test]
    fn matrices_of_a_wrong_size_are_refused() {
        let mut short = condition("gpt2", "full", 9, &[]);
        short.observed.pop();
        assert!(matches!(draw(&[short]), Err(FigureError::BadInput { .. })));
        assert!(matches!(draw(&[]), Err(FigureError::Nothing { .. })));
        let mut short = condition("gpt2", "full", 9, &[]);
        short.predicted = Some(super::super::TheoryMargins { margins: vec![], r_squared: 0.5 });
        assert!(matches!(draw(&[short]), Err(FigureError::BadInput { .. })));
    }
}
