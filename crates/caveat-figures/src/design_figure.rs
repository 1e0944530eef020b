//! Candidate tasks compared by what judgments tell about the conjunctivity.
//!
//! # Question
//! Which task, judged on which pairs, tells most about α (or about which of two hypotheses on α holds), and how many judgments
//! does it take?
//!
//! # Claim
//! None: the figure shows the designs that it is given, the most informative first.
//!
//! # Inputs
//! [`DesignInputs`]: evaluated designs in the order to draw, with the question and the settings of the evaluation.
//!
//! # Drawing
//! One row per task, at most the first [`MOST_ROWS`]. **a** Expected information of a fixed number of judgments, with bars of
//! two Monte Carlo standard errors. **b** Judgments needed for the wanted power, an open mark where the largest number does not
//! suffice. **c**, and **d** where the figure is tall enough: expected information of a single judgment of every pair of the
//! best tasks, trained pairs outlined.

use caveat_results::Table;
use caveat_theory::TransitiveTask;
use caveat_theory::inference::design::{DesignEvaluation, DesignQuestion, DesignSettings, DesignTarget};
use serde::{Deserialize, Serialize};

use crate::axes::{Panel, letter_above, margins, title_above};
use crate::canvas::{Canvas, DOUBLE_COLUMN, Marker, Rect, Stroke};
use crate::error::{FigureError, Result};
use crate::figure::Figure;
use crate::heatmap::{ItemLabels, color_bar, heatmap, outline_cells};
use crate::layout;
use crate::legend::{Key, Legend};
use crate::palette::{BLACK, BLUE, Color, ColorScale, ORANGE, VERMILLION};
use crate::scale::Axis;
use crate::text::{SMALL, Text, number};

/// Most tasks drawn.
pub const MOST_ROWS: usize = 24;

/// Height of a row and least height of the panels.
const ROW: f64 = 11.5;
const LEAST: f64 = 118.0;
/// Height of the panels from which a second heatmap fits.
const TWO: f64 = 240.0;

/// A task, the pairs judged, and what that tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DesignRow {
    /// What is trained.
    pub task: TransitiveTask,
    /// Pairs judged, in the order of the evaluation's pair information.
    pub pairs: Vec<(usize, usize)>,
    /// The evaluation.
    pub evaluation: DesignEvaluation,
}

impl DesignRow {
    /// Number of items and exceptions, winner before loser, as in "9; 5 3" or "12; 4 2, 9 7".
    pub fn name(&self) -> String {
        let exceptions: Vec<_> = self.task.exceptions().iter().map(|e| format!("{} {}", e.winner, e.loser)).collect();
        let n = self.task.n_items();
        if exceptions.is_empty() { n.to_string() } else { format!("{n}; {}", exceptions.join(", ")) }
    }
}

/// Designs to compare.
#[derive(Debug, Clone, Copy)]
pub struct DesignInputs<'a> {
    /// The designs, the best first.
    pub rows: &'a [DesignRow],
    /// What they were evaluated for.
    pub question: &'a DesignQuestion,
    /// How they were evaluated.
    pub settings: DesignSettings,
}

/// Draws the comparison; its table is [`pair_table`].
///
/// # Errors
/// No designs, or a pair without information.
pub fn draw(inputs: &DesignInputs<'_>) -> Result<Figure> {
    if inputs.rows.is_empty() {
        return Err(FigureError::nothing("design", "give at least one evaluated design"));
    }
    check(inputs.rows)?;
    let rows = &inputs.rows[..inputs.rows.len().min(MOST_ROWS)];
    let names: Vec<String> = rows.iter().map(DesignRow::name).collect();
    let widest = names.iter().max_by(|a, b| Text::new(*a).width().total_cmp(&Text::new(*b).width()));
    let (left, below) = margins(widest.map_or("", String::as_str));
    let height = (ROW * rows.len() as f64).max(LEAST);
    let mut canvas = Canvas::new(DOUBLE_COLUMN, 24.0 + height + below + 20.0);
    let bar = 48.0;
    let heat = if height >= TWO { ((height - 46.0) / 2.0).min(132.0) } else { height.min(132.0) };
    let body = Rect::new(left, 24.0, DOUBLE_COLUMN - left - heat - bar - 34.0, height);
    let cells = layout::columns_of(body, 2, 22.0);
    let axis = Axis::linear(rows.len() as f64 - 0.5, -0.5);
    let y = axis.ticks(names.iter().enumerate().map(|(k, name)| (k as f64, name.clone())));
    draw_information(&mut canvas, inputs, rows, cells[0], y.clone().label("task (items; winner loser)"));
    let unreached = draw_trials(&mut canvas, inputs, rows, cells[1], y.bare());
    let x = DOUBLE_COLUMN - heat - bar;
    let n_maps = if height >= TWO { rows.len().min(2) } else { 1 };
    for (k, row) in rows[..n_maps].iter().enumerate() {
        let top = 24.0 + 14.0 + k as f64 * (heat + 36.0);
        draw_pairs(&mut canvas, row, Rect::new(x, top, heat - 14.0, heat - 14.0), &layout::letter(2 + k));
    }
    let mut legend = Legend::new();
    let plain = rows.iter().filter(|r| r.task.exceptions().is_empty()).count();
    for (present, with) in [(plain < rows.len(), true), (plain > 0, false)] {
        if present {
            let (marker, color) = mark(with);
            legend.push(Key::Point(marker, color), if with { "with exception" } else { "without exception" });
        }
    }
    if unreached {
        let most = thousands(inputs.settings.max_trials);
        legend.push(Key::Point(Marker::Ring, BLACK), format!("not reached by {most} judgments"));
    }
    legend.push(Key::Outline(Stroke::new(VERMILLION, 0.9)), "trained pair");
    let page = canvas.page().inset(8.0, 0.0, 8.0, 0.0);
    let foot = canvas.height() - 15.0;
    legend.draw_centered(&mut canvas, page, foot);
    let (title, caption) = (title(inputs.question), caption(inputs, rows, n_maps));
    Ok(Figure::new("design", title, caption, canvas, pair_table(inputs.rows)?))
}

fn check(rows: &[DesignRow]) -> Result<()> {
    let lengths = |row: &DesignRow| (row.evaluation.pair_information.len(), row.pairs.len());
    match rows.iter().map(lengths).find(|(values, pairs)| values != pairs) {
        None => Ok(()),
        Some((values, pairs)) => {
            Err(FigureError::bad("pair information", format!("{values} values for {pairs} pairs")))
        }
    }
}

fn title(question: &DesignQuestion) -> &'static str {
    if question.is_hypotheses() {
        "What tasks tell about two hypotheses on the conjunctivity"
    } else {
        "What tasks tell about the conjunctivity"
    }
}

fn caption(inputs: &DesignInputs<'_>, rows: &[DesignRow], n_maps: usize) -> String {
    let DesignSettings { trials, power, samples, .. } = inputs.settings;
    let (about, goal) = match inputs.question.target() {
        DesignTarget::Value { low, high, precision } => (
            format!("the value of α, uniform on {low} to {high} before"),
            format!("a 95 % posterior interval of α no wider than {precision}"),
        ),
        DesignTarget::Hypotheses([a, b]) => (
            format!("whether α is in {} to {} or in {} to {}", a.0, a.1, b.0, b.1),
            "posterior odds in favor of the true hypothesis".into(),
        ),
    };
    let shown = if rows.len() < inputs.rows.len() {
        format!(" The best {} of {} tasks are shown.", rows.len(), inputs.rows.len())
    } else {
        String::new()
    };
    let maps = if n_maps > 1 { "(c, d) The two best tasks" } else { "(c) The best task" };
    format!(
        "Designs compared by the exact theory. (a) Expected information of {} judgments about {about}; bars: two standard \
         errors of {samples} simulated experiments. (b) Judgments needed for {goal} with probability {power}. {maps}: expected \
         information of a single judgment of each pair.{shown}",
        thousands(trials)
    )
}

/// Marker and color of a task.
fn mark(with_exception: bool) -> (Marker, Color) {
    if with_exception { (Marker::Circle, BLUE) } else { (Marker::Square, ORANGE) }
}

fn draw_information(canvas: &mut Canvas, inputs: &DesignInputs<'_>, rows: &[DesignRow], rect: Rect, y: Axis) {
    let ends: Vec<f64> = rows
        .iter()
        .flat_map(|r| [-2.0, 2.0].map(|z| r.evaluation.information_bits + z * r.evaluation.information_se))
        .collect();
    let x = Axis::covering(&ends).thinned(rect.width).label("expected information (bits)");
    let panel = Panel::new(rect, x, y);
    panel.grid(canvas);
    for (k, row) in rows.iter().enumerate() {
        let (bits, se) = (row.evaluation.information_bits, row.evaluation.information_se);
        let (marker, color) = mark(!row.task.exceptions().is_empty());
        panel.line(canvas, &[(bits - 2.0 * se, k as f64), (bits + 2.0 * se, k as f64)], Stroke::new(color, 0.9));
        panel.points(canvas, &[(bits, k as f64)], marker, 2.2, color);
    }
    panel.axes(canvas);
    panel.title(canvas, &format!("{} judgments", thousands(inputs.settings.trials)));
    panel.letter(canvas, "a");
}

/// Returns whether some task does not reach the power.
fn draw_trials(canvas: &mut Canvas, inputs: &DesignInputs<'_>, rows: &[DesignRow], rect: Rect, y: Axis) -> bool {
    let reached = rows.iter().filter_map(|r| r.evaluation.trials_for_power.map(|n| n as f64));
    let (low, high) = reached.fold((f64::INFINITY, 0.0f64), |(l, h), n| (l.min(n), h.max(n)));
    let unreached = rows.iter().any(|r| r.evaluation.trials_for_power.is_none());
    let most = inputs.settings.max_trials as f64;
    let end = if unreached { most } else { high };
    // At least a factor of 5 wide, so that two round numbers fit.
    let (low, high) = if low.is_finite() { (low / 1.4, end * 1.2) } else { (end / 10.0, end * 1.2) };
    let widen = (5.0 * low / high).max(1.0).sqrt();
    let (low, high) = (low / widen, high * widen);
    let round = (0..=6).flat_map(|k| [1, 2, 5].map(|m| m * 10usize.pow(k)));
    let ticks = round.filter(|&n| (low..=high).contains(&(n as f64))).map(|n| (n as f64, thousands(n)));
    let axis = Axis::log(low, high).ticks(ticks).thinned(rect.width);
    let panel = Panel::new(rect, axis.label("judgments needed"), y);
    panel.grid(canvas);
    for (k, row) in rows.iter().enumerate() {
        let (marker, color) = mark(!row.task.exceptions().is_empty());
        match row.evaluation.trials_for_power {
            Some(n) => panel.points(canvas, &[(n as f64, k as f64)], marker, 2.2, color),
            None => panel.points(canvas, &[(most, k as f64)], Marker::Ring, 2.4, color),
        }
    }
    panel.axes(canvas);
    let goal = match inputs.question.target() {
        DesignTarget::Value { precision, .. } => format!("interval ≤ {}", number(precision, 3)),
        DesignTarget::Hypotheses(_) => "right decision".into(),
    };
    panel.title(canvas, &format!("{goal}, power {}", number(inputs.settings.power, 3)));
    panel.letter(canvas, "b");
    unreached
}

fn draw_pairs(canvas: &mut Canvas, row: &DesignRow, rect: Rect, letter: &str) {
    let n = row.task.n_items();
    let mut values = vec![f64::NAN; n * n];
    for (&(i, j), &bits) in row.pairs.iter().zip(&row.evaluation.pair_information) {
        values[i * n + j] = bits;
        values[j * n + i] = bits;
    }
    let most = row.evaluation.pair_information.iter().copied().fold(0.0, f64::max);
    let scale = ColorScale::Sequential { min: 0.0, max: if most > 0.0 { most } else { 1.0 } };
    heatmap(canvas, rect, n, &values, scale, ItemLabels::BOTH);
    let trained = row.task.graph().edges().iter().flat_map(|e| {
        let (i, j) = e.items();
        [(i, j), (j, i)]
    });
    outline_cells(canvas, rect, n, trained, Stroke::new(VERMILLION, 0.9));
    color_bar(canvas, Rect::new(rect.right() + 6.0, rect.y, 6.0, rect.height), scale, "bits per judgment");
    let above = Rect::new(rect.x, rect.y - f64::from(SMALL) - 4.0, rect.width, rect.height);
    title_above(canvas, above, &row.name());
    letter_above(canvas, above, letter);
}

/// A number with commas between thousands.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A row for every judged pair of every design: its class, the expected information of a single judgment of it, its rank by that
/// within the design, and the design's own numbers.
///
/// # Errors
/// A pair without information, or more items than can be classified.
pub fn pair_table(rows: &[DesignRow]) -> Result<Table> {
    check(rows)?;
    let mut pairs = Vec::new();
    for row in rows {
        let (classes, each) = (row.task.classes()?, &row.evaluation.pair_information);
        pairs.extend(row.pairs.iter().zip(each).map(|(&(i, j), &bits)| {
            let rank = 1 + each.iter().filter(|other| **other > bits).count();
            (row, (i, j), classes.class(i, j), bits, rank)
        }));
    }
    let trials = |row: &DesignRow| row.evaluation.trials_for_power.and_then(|n| i64::try_from(n).ok());
    Ok(Table::new()
        .text("task", pairs.iter().map(|p| p.0.name()))?
        .count("first", pairs.iter().map(|p| p.1.0))?
        .count("second", pairs.iter().map(|p| p.1.1))?
        .text("class", pairs.iter().map(|p| p.2.name()))?
        .float("pair_information_bits", pairs.iter().map(|p| p.3))?
        .count("pair_rank", pairs.iter().map(|p| p.4))?
        .float("information_bits", pairs.iter().map(|p| p.0.evaluation.information_bits))?
        .integer("trials_for_power", pairs.iter().map(|p| trials(p.0)))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Format;
    use caveat_theory::inference::design::{JudgedPairs, evaluate_design};

    fn rows(n: usize, question: &DesignQuestion, settings: &DesignSettings) -> Vec<DesignRow> {
        let row = |exceptions: &[(usize, usize)]| {
            let task = TransitiveTask::new(n, exceptions).unwrap();
            let pairs = JudgedPairs::All.list(&task).unwrap();
            let evaluation = evaluate_design(&task, &pairs, question, settings, &|_| ()).unwrap();
            DesignRow { task, pairs, evaluation }
        };
        vec![row(&[]), row(&[(2, 0)])]
    }

    #[test]
    fn designs_are_drawn_whether_or_not_they_reach_the_power() {
        let settings = DesignSettings { trials: 30, max_trials: 200, samples: 16, ..DesignSettings::default() };
        let values = DesignTarget::Value { low: 0.0, high: 1.0, precision: 0.9 };
        for target in [values, DesignTarget::Hypotheses([(0.0, 0.01), (0.01, 0.02)])] {
            let question = DesignQuestion::new(target, (1.0, 10.0), (2.0, 10.0), 0.02).unwrap();
            let mut rows = rows(4, &question, &settings);
            let figure = draw(&DesignInputs { rows: &rows, question: &question, settings }).unwrap();
            assert!(!figure.canvas.render(Format::Svg).unwrap().is_empty());
            assert_eq!(figure.table.n_rows(), 12);
            // A long list is cut, its table is not.
            rows = rows.iter().cycle().take(2 * MOST_ROWS).cloned().collect();
            let long = draw(&DesignInputs { rows: &rows, question: &question, settings }).unwrap();
            assert!(long.caption.contains("best 24 of 48") && long.caption.contains("(c, d)"), "{}", long.caption);
            assert_eq!(long.table.n_rows(), 48 * 6);
        }
    }

    #[test]
    fn nothing_and_missing_values_are_refused() {
        let settings = DesignSettings { trials: 5, max_trials: 10, samples: 4, ..DesignSettings::default() };
        let target = DesignTarget::Value { low: 0.0, high: 1.0, precision: 0.5 };
        let question = DesignQuestion::new(target, (1.0, 10.0), (2.0, 10.0), 0.02).unwrap();
        let draw = |rows: &[DesignRow]| draw(&DesignInputs { rows, question: &question, settings });
        assert!(matches!(draw(&[]), Err(FigureError::Nothing { .. })));
        let mut rows = rows(3, &question, &settings);
        rows[1].evaluation.pair_information.pop();
        assert!(matches!(draw(&rows), Err(FigureError::BadInput { .. })));
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([7, 999, 1_000, 100_000].map(thousands), ["7", "999", "1,000", "100,000"]);
    }
}
