//! The task: the chain of items with its exceptions, and the class of every pair.
//!
//! # Question
//! What is trained, what must be inferred, and what has no answer?
//!
//! # Claim
//! An exception closes a cycle and splits the chain into sections; every untrained pair is one within a section, across the
//! cycle, between cycle and section, or ambiguous within the cycle.
//!
//! # Inputs
//! A [`TransitiveTask`].
//!
//! # Drawing
//! **a** Items in order; arrows lead from winner to loser, exceptions in the color of their class. **b** All pairs by class,
//! row against column; trained pairs are outlined and carry their label, + where the row's item wins.

use caveat_results::Table;
use caveat_theory::{PairClass, PairClasses, Section, TransitiveTask};

use crate::canvas::{Canvas, DOUBLE_COLUMN, Rect, Stroke};
use crate::error::Result;
use crate::figure::Figure;
use crate::heatmap::{ItemLabels, item_cells, ordered_pairs, outline_cells};
use crate::legend::{Key, Legend};
use crate::palette::{BLACK, GREY, WHITE, class_color, class_label};
use crate::text::{Anchor, Level, NORMAL, SMALL, Text, item};

/// Height of the figure in points.
const HEIGHT: f64 = 202.0;

/// Draws the task.
///
/// # Errors
/// More items than pairs can be classified for.
pub fn draw(task: &TransitiveTask) -> Result<Figure> {
    let classes = task.classes()?;
    let mut canvas = Canvas::new(DOUBLE_COLUMN, HEIGHT);
    canvas.text((6.0, 16.0), &Text::new("a").size(9).bold());
    chain(&mut canvas, Rect::new(14.0, 22.0, 282.0, 112.0), task, &classes);
    let square = Rect::new(336.0, 36.0, 158.0, 158.0);
    canvas.text((312.0, 16.0), &Text::new("b").size(9).bold());
    matrix(&mut canvas, square, &classes);
    legend(&mut canvas, task, &classes);
    let n = task.n_items();
    let caption = format!(
        "The task of {n} items{}. (a) Arrows lead from the winner to the loser of a trained pair. (b) Class of every pair, row \
         against column; trained pairs are outlined, + where the row's item wins.",
        match task.exceptions() {
            [] => String::from(" without exception"),
            exceptions => {
                let names = exceptions.iter().map(|e| format!("{} beats {}", item(e.winner), item(e.loser)));
                format!(" in which {}", names.collect::<Vec<_>>().join(" and "))
            }
        }
    );
    Ok(Figure::new("task", "Transitive inference with an exception", caption, canvas, table(&classes)?))
}

fn table(classes: &PairClasses) -> Result<Table> {
    let pairs = || classes.pairs();
    Ok(Table::new()
        .count("rank_higher", pairs().map(|p| p.0))?
        .count("rank_lower", pairs().map(|p| p.1))?
        .text("class", pairs().map(|p| p.2.name()))?
        .flag("trained", pairs().map(|p| classes.is_trained(p.0, p.1)))?
        .float("label", pairs().map(|p| p.3.map_or(f64::NAN, f64::from)))?)
}

/// Items as discs from left to right with arrows between them and arcs over them.
fn chain(canvas: &mut Canvas, rect: Rect, task: &TransitiveTask, classes: &PairClasses) {
    let n = task.n_items();
    let step = rect.width / n as f64;
    let radius = (0.36 * step).min(9.0);
    let base = rect.bottom() - 34.0;
    let x = |rank: usize| rect.x + (rank as f64 + 0.5) * step;
    let widest = f64::from(SMALL) * 1.6;
    for rank in 0..n {
        let color = match classes.section(rank) {
            Section::Cycle(_) => class_color(PairClass::ExceptionCycle),
            Section::Outer(_) => class_color(PairClass::WithinSection),
        };
        canvas.disc((x(rank), base), radius, color.tint(0.3), Some(Stroke::new(color, 0.9)));
        let label = Text::new(item(rank)).size(SMALL);
        if label.width() < 1.8 * radius {
            canvas.text((x(rank), base), &label.anchored(Anchor::Middle, Level::Middle));
        } else if rank % (widest / step).ceil() as usize == 0 {
            canvas.text((x(rank), base + radius + 3.0), &label.anchored(Anchor::Middle, Level::Top));
        }
    }
    let head = (0.3 * step).clamp(1.5, 5.0);
    for e in task.graph().edges() {
        let (i, j) = e.items();
        let (winner, loser) = if e.label() > 0.0 { (i, j) } else { (j, i) };
        let class = classes.class(i, j);
        let exception = winner > loser;
        if j == i + 1 {
            let color =
                if exception { class_color(PairClass::ExceptionCycle) } else { class_color(class).over(BLACK, 0.8) };
            let toward = if exception { -1.0 } else { 1.0 };
            let (from, to) = (x(winner) + toward * (radius + 1.0), x(loser) - toward * (radius + 1.0));
            canvas.line((from, base), (to - toward * head * 0.8, base), Stroke::new(color, 0.9));
            canvas.arrow_head((to, base), (toward, 0.0), head, color);
        } else {
            arc(canvas, (x(winner), x(loser)), base - radius - 1.5, rect.y, head, step);
        }
    }
    sections(canvas, classes, base + radius + 7.0 + if radius < 6.5 { 9.0 } else { 0.0 }, x, step);
}

/// The arc of an exception from x `from` to x `to` above the items, no higher than `top`.
fn arc(canvas: &mut Canvas, (from, to): (f64, f64), y: f64, top: f64, head: f64, step: f64) {
    let color = class_color(PairClass::ExceptionCycle);
    // A cubic with vertical ends rises to three quarters of the height of its control points.
    let rise = ((from - to).abs() * 0.42 + 0.4 * step).min((y - top - 12.0).max(8.0));
    let control = y - rise / 0.75;
    let end = y - head;
    canvas.curve([(from, y), (from, control), (to, control), (to, end)], Stroke::new(color, 1.2));
    canvas.arrow_head((to, y), (0.0, 1.0), head, color);
    let label =
        Text::new("exception").size(SMALL).color(color.over(BLACK, 0.75)).anchored(Anchor::Middle, Level::Baseline);
    canvas.text(((from + to) / 2.0, y - rise - 4.0), &label);
}

/// Brackets under the runs of items of one section.
fn sections(canvas: &mut Canvas, classes: &PairClasses, y: f64, x: impl Fn(usize) -> f64, step: f64) {
    let runs: Vec<&[Section]> = classes.sections().chunk_by(|a, b| a == b).collect();
    let n_cycles = runs.iter().filter(|r| matches!(r[0], Section::Cycle(_))).count();
    let mut first = 0;
    for (k, run) in runs.iter().enumerate() {
        let last = first + run.len() - 1;
        let (left, right) = (x(first) - 0.36 * step, x(last) + 0.36 * step);
        let name = match run[0] {
            Section::Cycle(_) => "cycle",
            Section::Outer(_) if n_cycles == 0 => "one section",
            Section::Outer(_) if k == 0 => "before",
            Section::Outer(_) if k + 1 == runs.len() => "after",
            Section::Outer(_) => "between",
        };
        canvas.polyline(&[(left, y), (left, y + 3.0), (right, y + 3.0), (right, y)], Stroke::new(GREY, 0.7));
        let label = Text::new(name).anchored(Anchor::Middle, Level::Top);
        if label.width() < right - left + 0.4 * step {
            canvas.text(((left + right) / 2.0, y + 6.5), &label);
        }
        first = last + 1;
    }
}

fn matrix(canvas: &mut Canvas, square: Rect, classes: &PairClasses) {
    let n = classes.n_items();
    item_cells(canvas, square, n, |i, j| class_color(classes.class(i, j)), ItemLabels::BOTH);
    let trained = || ordered_pairs(n).filter(|&(i, j)| classes.is_trained(i, j));
    let cell = square.width / n as f64;
    outline_cells(canvas, square, n, trained(), Stroke::new(BLACK, if cell > 6.0 { 0.9 } else { 0.5 }));
    if cell > f64::from(NORMAL) {
        for (i, j) in trained() {
            let at = (square.x + (j as f64 + 0.5) * cell, square.y + (i as f64 + 0.5) * cell);
            let sign = match classes.label(i, j) {
                Some(1) => "+",
                Some(-1) => "−",
                _ => "0",
            };
            let ink = if class_color(classes.class(i, j)).luminance() > 0.2 { BLACK } else { WHITE };
            canvas.text(at, &Text::new(sign).bold().color(ink).anchored(Anchor::Middle, Level::Middle));
        }
    }
}

fn legend(canvas: &mut Canvas, task: &TransitiveTask, classes: &PairClasses) {
    let mut legend = Legend::new();
    for class in PairClass::ALL.into_iter().filter(|&class| classes.pairs().any(|pair| pair.2 == class)) {
        legend.push(Key::Patch(class_color(class)), class_label(class));
    }
    if !task.graph().edges().is_empty() {
        legend.push(Key::Outline(Stroke::new(BLACK, 0.9)), "trained pair");
    }
    let columns = legend.columns_within(290.0).min(3);
    legend.draw(canvas, (18.0, 160.0), columns);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Format;

    #[test]
    fn tasks_of_any_shape_are_drawn() {
        for (n, exceptions) in [
            (2, vec![]),
            (2, vec![(1, 0)]),
            (5, vec![(3, 2)]),
            (9, vec![(5, 3)]),
            (20, vec![(5, 3), (15, 10)]),
            (60, vec![(59, 0)]),
        ] {
            let task = TransitiveTask::new(n, &exceptions).unwrap();
            let figure = draw(&task).unwrap();
            assert!(figure.canvas.render(Format::Svg).unwrap().len() > 1000, "{n} {exceptions:?}");
            assert_eq!(figure.table.n_rows(), n * (n - 1) / 2);
        }
    }

    #[test]
    fn the_caption_names_the_exception() {
        let figure = draw(&TransitiveTask::new(9, &[(5, 3)]).unwrap()).unwrap();
        assert!(figure.caption.contains("I₆ beats I₄"));
    }
}
