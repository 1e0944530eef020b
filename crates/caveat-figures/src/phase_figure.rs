//! Phase diagrams: accuracy of every pair class over conjunctivity and regularization.
//!
//! # Question
//! For which representations and regularization does a learner both keep the rule and remember the exception?
//!
//! # Claim
//! The exception's cycle is remembered to the right of α_mem(C), cross-section pairs are ordered to the left of α_gen(C), and
//! the two analytic boundaries enclose a window that closes at a critical C.
//!
//! # Inputs
//! Tasks with their accuracies on a grid, evenly spaced in α and in log 1/C.
//!
//! # Drawing
//! One row per task, one column per pair class, accuracy as color (white: all right). Lines are the boundaries, computed
//! separately from the grid; the ring is where they meet.

use caveat_results::Table;
use caveat_theory::phase::{PhaseAxes, PhaseGrid};
use caveat_theory::window::{BalanceWindow, balance_window, window_boundaries};
use caveat_theory::{Learner, LearnerKind, PairClass, TransitiveTask};
use rayon::prelude::*;

use crate::axes::{Panel, margins};
use crate::canvas::{Canvas, DOUBLE_COLUMN, Dash, Marker, Rect, Stroke};
use crate::error::{FigureError, Result};
use crate::figure::Figure;
use crate::heatmap::{color_bar, raster};
use crate::layout;
use crate::legend::{Key, Legend};
use crate::palette::{BLACK, ColorScale, VERMILLION, WHITE, class_label};
use crate::scale::Axis;
use crate::text::{Anchor, Level, Text, task_words};

/// Points of a boundary: enough for a smooth line at printed size.
const BOUNDARY_POINTS: usize = 160;
const SCALE: ColorScale = ColorScale::Accuracy { min: 0.0, max: 1.0 };
const GENERALIZATION: Stroke = Stroke { color: BLACK, width: 1.3, dash: Dash::Solid };
/// Where some screening is needed before cross-section pairs are correct.
const OPENING: Stroke = Stroke { color: BLACK, width: 1.1, dash: Dash::Dotted };
const MEMORIZATION: Stroke = Stroke { color: VERMILLION, width: 1.3, dash: Dash::Dashed };

/// Draws the phase diagrams of tasks with their grids, one row each.
///
/// # Errors
/// No task, a grid that is not evenly spaced, or tasks that the theory refuses.
pub fn draw(rows: &[(TransitiveTask, PhaseGrid)]) -> Result<Figure> {
    let Some((_, first)) = rows.first() else {
        return Err(FigureError::nothing("phase", "name at least one task"));
    };
    let strength = strength_name(first.axes.learner);
    let has = |class: PairClass| rows.iter().any(|(_, g)| g.class(class).iter().any(|a| a.is_finite()));
    let classes: Vec<PairClass> = PairClass::SCORED.into_iter().filter(|&c| has(c)).collect();
    let (left, below) = margins("10^{−4}");
    // The superscript is narrower than its markup.
    let left = left - 14.0;
    let (gap, row_gap) = (9.0, 12.0);
    let body_width = DOUBLE_COLUMN - left - 16.0 - 46.0;
    let side = ((body_width - gap * (classes.len() as f64 - 1.0)) / classes.len().max(1) as f64).min(110.0);
    let body_height = rows.len() as f64 * (side + row_gap) - row_gap;
    let mut drawn = Vec::new();
    for (task, grid) in rows {
        let extent = Extent::from_grid(grid)?;
        drawn.push((boundaries(task, &grid.axes, &extent)?, extent));
    }
    let legend = legend(drawn.iter().any(|(b, _)| b.opens_late()));
    let legend_height = legend.height_within(DOUBLE_COLUMN - 16.0);
    let mut canvas = Canvas::new(DOUBLE_COLUMN, 22.0 + body_height + below + 7.0 + legend_height);
    let width = classes.len() as f64 * (side + gap) - gap;
    let body = Rect::new(left + 16.0, 20.0, width, body_height);
    let cells = layout::grid(body, rows.len(), classes.len(), (gap, row_gap));
    let mut numbers = Vec::new();
    for (r, ((task, grid), (boundaries, extent))) in rows.iter().zip(&drawn).enumerate() {
        numbers.extend(boundaries.windows.iter().map(|(inverse, window)| (task, *inverse, window)));
        for (k, &class) in classes.iter().enumerate() {
            let rect = cells[r * classes.len() + k];
            let mut x = Axis::linear(extent.conjunctivity.0, extent.conjunctivity.1).label("α");
            let mut y = Axis::log(extent.inverse.0, extent.inverse.1).label(strength);
            if r + 1 < rows.len() {
                x = x.bare();
            }
            if k > 0 {
                y = y.bare();
            }
            let panel = Panel::new(rect, x, y).closed();
            colors(&mut canvas, &panel, grid, class);
            lines(&mut canvas, &panel, boundaries);
            panel.axes(&mut canvas);
            if r == 0 {
                panel.title(&mut canvas, class_label(class));
            }
        }
        if let Some(rect) = cells.get(r * classes.len()) {
            let label = Text::new(task_label(task)).bold().rotated(-90.0).anchored(Anchor::Middle, Level::Baseline);
            canvas.text((rect.x - left - 3.0, rect.center().1), &label);
        }
    }
    let bar = Rect::new(body.right() + 9.0, body.y, 7.0, side.max(60.0));
    color_bar(&mut canvas, bar, SCALE, "accuracy");
    let y = canvas.height() - legend_height - 3.0;
    let row = canvas.page().inset(8.0, 0.0, 8.0, 0.0);
    legend.draw_centered(&mut canvas, row, y);
    let caption = format!(
        "Accuracy on every class of pairs over the conjunctivity α and {strength}; both orders of a pair count, ties one \
         half. Lines: boundaries of generalization (solid) and memorization (dashed), \
         computed apart from the accuracies. The window between them speaks of cross-section and exception-cycle pairs only; \
         pairs between cycle and section can fail inside it."
    );
    Ok(Figure::new("phase", "Where rule and exception are both learned", caption, canvas, table(&numbers)?))
}

fn strength_name(learner: LearnerKind) -> &'static str {
    match learner {
        LearnerKind::Ridge | LearnerKind::Logistic => "1/C",
        LearnerKind::GradientFlow => "1/T",
    }
}

fn legend(opens_late: bool) -> Legend {
    let mut legend = Legend::new().with(Key::Line(GENERALIZATION), "α_{gen}: cross-section correct left of it");
    if opens_late {
        legend.push(Key::Line(OPENING), "… and right of it");
    }
    legend
        .with(Key::Line(MEMORIZATION), "α_{mem}: exception remembered right of it")
        .with(Key::Point(Marker::Ring, BLACK), "window closes")
}

fn task_label(task: &TransitiveTask) -> String {
    task_words(task.n_items(), task.exceptions().iter().map(|e| (e.winner, e.loser)))
}

/// Edges of a grid whose values are cell centers.
struct Extent {
    conjunctivity: (f64, f64),
    inverse: (f64, f64),
}

impl Extent {
    fn from_grid(grid: &PhaseGrid) -> Result<Self> {
        let (alpha, inverse) = (&grid.axes.conjunctivity, &grid.axes.inverse_strength);
        if grid.n_cells() != alpha.len() * inverse.len() {
            let problem = format!("{} cells, but its axes have {} × {}", grid.n_cells(), inverse.len(), alpha.len());
            return Err(FigureError::bad("phase grid", problem));
        }
        let strength = match grid.axes.learner {
            LearnerKind::Ridge | LearnerKind::Logistic => "1/C (in its logarithm)",
            LearnerKind::GradientFlow => "1/T (in its logarithm)",
        };
        let logs: Vec<f64> = inverse.iter().map(|v| v.ln()).collect();
        let (low, high) = edges(&logs, strength, 1.0)?;
        let conjunctivity = edges(alpha, "α", 0.05)?;
        let clamped = (conjunctivity.0.max(0.0), conjunctivity.1.min(1.0));
        Ok(Self { conjunctivity: clamped, inverse: (low.exp(), high.exp()) })
    }
}

/// Outer edges of evenly spaced, increasing centers; a single one gets a cell of width `alone`.
fn edges(centers: &[f64], what: &'static str, alone: f64) -> Result<(f64, f64)> {
    let (Some(first), Some(last)) = (centers.first(), centers.last()) else {
        return Err(FigureError::bad(what, "the phase grid has no cell"));
    };
    let step = if centers.len() > 1 { (last - first) / (centers.len() - 1) as f64 } else { alone };
    let even = centers.windows(2).all(|w| (w[1] - w[0] - step).abs() <= 1e-3 * step);
    if !(step > 0.0 && even && first.is_finite() && last.is_finite()) {
        return Err(FigureError::bad(what, "the phase grid must increase in equal steps to be drawn"));
    }
    Ok((first - step / 2.0, last + step / 2.0))
}

fn colors(canvas: &mut Canvas, panel: &Panel, grid: &PhaseGrid, class: PairClass) {
    let accuracy = grid.class(class);
    let (rows, columns) = (grid.axes.inverse_strength.len(), grid.axes.conjunctivity.len());
    raster(canvas, panel.rect(), rows, columns, |row, column| {
        Some(SCALE.color(accuracy[(rows - 1 - row) * columns + column]))
    });
}

/// The window at every value of 1/C or 1/T, and where it closes.
struct Boundaries {
    windows: Vec<(f64, BalanceWindow)>,
    closes: Option<(f64, f64)>,
}

impl Boundaries {
    /// Whether cross-section pairs fail at α = 0 and are correct further on, so that their region has a left boundary too.
    fn opens_late(&self) -> bool {
        self.windows.iter().any(|(_, w)| w.generalization_from > 1e-9)
    }
}

fn boundaries(task: &TransitiveTask, axes: &PhaseAxes, extent: &Extent) -> Result<Boundaries> {
    let learner = |strength: f64| Learner::with_strength(axes.learner, strength);
    let window = |inverse: f64| Ok((inverse, window_boundaries(task, learner(1.0 / inverse))?));
    // Without closed forms a point costs thousands of solves, so there are no more of them than rows of the grid.
    let points = match axes.learner {
        LearnerKind::Ridge => BOUNDARY_POINTS,
        LearnerKind::GradientFlow | LearnerKind::Logistic => axes.inverse_strength.len().clamp(10, BOUNDARY_POINTS / 4),
    };
    let axis = Axis::log(extent.inverse.0, extent.inverse.1);
    let inverses = (0..points).into_par_iter().map(|k| axis.value(k as f64 / (points - 1) as f64));
    let mut windows = inverses.map(window).collect::<Result<Vec<_>>>()?;
    let positive = |w: &BalanceWindow| w.conjunctivity_generalization > 0.0;
    // Numerical boundaries reach 0 between two points; a few more points show where.
    if axes.learner != LearnerKind::Ridge
        && let Some(end) = windows.windows(2).position(|w| positive(&w[0].1) && !positive(&w[1].1))
    {
        let (mut low, mut high) = (windows[end].0, windows[end + 1].0);
        for _ in 0..5 {
            let between = window((low * high).sqrt())?;
            *(if positive(&between.1) { &mut low } else { &mut high }) = between.0;
            windows.push(between);
        }
        windows.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let closes = match balance_window(task, learner(1.0 / extent.inverse.0))?.critical {
        Some(critical) if !task.exceptions().is_empty() => {
            let window = window_boundaries(task, learner(critical))?;
            Some((window.conjunctivity_generalization, 1.0 / critical))
        }
        _ => None,
    };
    Ok(Boundaries { windows, closes })
}

fn lines(canvas: &mut Canvas, panel: &Panel, boundaries: &Boundaries) {
    let along = |f: fn(&BalanceWindow) -> f64| -> Vec<(f64, f64)> {
        boundaries.windows.iter().map(|(inverse, w)| (f(w), *inverse)).collect()
    };
    let mut generalization = along(|w| w.conjunctivity_generalization);
    // These lines end where they first reach 0, instead of running along the axis.
    let mut opening = along(|w| w.generalization_from);
    for line in [&mut generalization, &mut opening] {
        if let Some(zero) = line.iter().position(|(a, _)| *a <= 0.0) {
            line.truncate(zero + 1);
        }
    }
    let drawn =
        [(along(|w| w.conjunctivity_memorization), MEMORIZATION), (opening, OPENING), (generalization, GENERALIZATION)];
    for (line, stroke) in drawn {
        // A boundary that is 0 or 1 everywhere is the edge of the panel.
        if line.iter().any(|(a, _)| (1e-9..1.0 - 1e-9).contains(a)) {
            panel.line(canvas, &line, Stroke::new(WHITE, stroke.width + 1.2));
            panel.line(canvas, &line, stroke);
        }
    }
    if let Some(point) = boundaries.closes {
        panel.points(canvas, &[point], Marker::Ring, 2.6, BLACK);
    }
}

/// One row per task and point of its boundaries: 1/C or 1/T and the window there.
fn table(rows: &[(&TransitiveTask, f64, &BalanceWindow)]) -> Result<Table> {
    let exceptions = |task: &TransitiveTask| {
        let names: Vec<String> = task.exceptions().iter().map(|e| format!("{} {}", e.winner, e.loser)).collect();
        names.join("; ")
    };
    Ok(Table::new()
        .count("n_items", rows.iter().map(|r| r.0.n_items()))?
        .text("exceptions", rows.iter().map(|r| exceptions(r.0)))?
        .float("inverse_strength", rows.iter().map(|r| r.1))?
        .float("generalization_from", rows.iter().map(|r| r.2.generalization_from))?
        .float("conjunctivity_generalization", rows.iter().map(|r| r.2.conjunctivity_generalization))?
        .float("conjunctivity_memorization", rows.iter().map(|r| r.2.conjunctivity_memorization))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Format;
    use caveat_results::Values;
    use caveat_theory::phase::phase_grid;

    fn row(n: usize, exceptions: &[(usize, usize)], cells: usize) -> (TransitiveTask, PhaseGrid) {
        let task = TransitiveTask::new(n, exceptions).unwrap();
        let axes = PhaseAxes::cell_centers(cells, cells, (0.0, 1.0), (1e-3, 10.0)).unwrap();
        let grid = phase_grid(&task, &axes, &|_| ()).unwrap();
        (task, grid)
    }

    #[test]
    fn tasks_with_and_without_exceptions_are_drawn() {
        let rows = [row(9, &[(5, 3)], 30), row(4, &[], 1), row(2, &[], 5), row(9, &[(8, 0)], 5)];
        let figure = draw(&rows).unwrap();
        assert!(!figure.canvas.render(Format::Svg).unwrap().is_empty());
    }

    #[test]
    fn gradient_flow_is_drawn_over_its_time() {
        let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
        let mut axes = PhaseAxes::cell_centers(12, 12, (0.0, 1.0), (0.1, 10.0)).unwrap();
        axes.learner = LearnerKind::GradientFlow;
        let grid = phase_grid(&task, &axes, &|_| ()).unwrap();
        let figure = draw(&[(task, grid.clone())]).unwrap();
        assert!(figure.canvas.svg().contains("1/T") && figure.caption.contains("1/T"));
        // Cells of the grid lie on the side of the boundary that their accuracy says.
        let table = figure.table;
        let (Some(Values::Float(inverse)), Some(Values::Float(alpha))) =
            (table.column("inverse_strength"), table.column("conjunctivity_generalization"))
        else {
            panic!("{table:?}");
        };
        assert!(inverse.is_sorted() && inverse.len() > 12);
        let accuracy = grid.class(PairClass::CrossSection);
        for (r, strength) in grid.axes.inverse_strength.iter().enumerate() {
            let after = inverse.partition_point(|v| v < strength);
            let (low, high) = (alpha[after], alpha[after - 1]);
            for (k, conjunctivity) in grid.axes.conjunctivity.iter().enumerate() {
                let right = accuracy[r * 12 + k] == 1.0;
                assert!(*conjunctivity > low || right, "α = {conjunctivity}, 1/T = {strength}");
                assert!(*conjunctivity < high || !right, "α = {conjunctivity}, 1/T = {strength}");
            }
        }
    }

    #[test]
    fn a_window_that_opens_late_has_a_boundary_on_the_left() {
        let late = |exceptions: &[(usize, usize)]| {
            let task = TransitiveTask::new(12, exceptions).unwrap();
            let window = balance_window(&task, Learner::Ridge { c: 1e3 }).unwrap();
            Boundaries { windows: vec![(1e-3, window)], closes: None }.opens_late()
        };
        assert!(late(&[(5, 1), (8, 7), (11, 2), (8, 6)]));
        assert!(!late(&[(7, 4)]));
        assert_eq!(legend(true).len(), legend(false).len() + 1);
    }

    #[test]
    fn a_fine_grid_stays_a_small_file() {
        let figure = draw(&[row(9, &[(5, 3)], 200)]).unwrap();
        assert!(figure.canvas.render(Format::Svg).unwrap().len() < 1_000_000);
    }

    #[test]
    fn the_boundary_of_the_grid_is_the_analytic_one() {
        let (task, grid) = row(9, &[(5, 3)], 100);
        let accuracy = grid.class(PairClass::CrossSection);
        for (r, inverse) in grid.axes.inverse_strength.iter().enumerate().step_by(7) {
            let window = balance_window(&task, Learner::Ridge { c: 1.0 / inverse }).unwrap();
            for (k, alpha) in grid.axes.conjunctivity.iter().enumerate() {
                let right = accuracy[r * 100 + k] == 1.0;
                assert_eq!(right, *alpha < window.conjunctivity_generalization, "α = {alpha}, 1/C = {inverse}");
            }
        }
    }

    #[test]
    fn uneven_and_empty_grids_are_refused() {
        let (task, mut grid) = row(5, &[(3, 1)], 4);
        grid.axes.conjunctivity[1] += 0.05;
        assert!(matches!(draw(&[(task, grid)]), Err(FigureError::BadInput { .. })));
        assert!(matches!(draw(&[]), Err(FigureError::Nothing { .. })));
    }
}
