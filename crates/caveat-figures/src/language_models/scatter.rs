//! Observed margins against those of the theory, pair by pair.
//!
//! # Question
//! How much of a learner's judgments does the theory account for, and which pairs not?
//!
//! # Claim
//! Points lie along the identity line for every class of pairs, cross-section errors included.
//!
//! # Inputs
//! [`Condition`]s with fitted or predicted margins, one panel each; others are left out.
//!
//! # Drawing
//! A block of panels per model: a row per stimulus task (and setting, if there are several), a column per hierarchy. One
//! point per ordered pair in the color of its class, the identity line, R². Panels of a row share their axes.

use caveat_results::Table;
use caveat_theory::{PairClass, named_enum};

use super::{Condition, TheoryMargins, order, shortened, shortened_apart, table_of};
use crate::axes::Panel;
use crate::canvas::{Canvas, DOUBLE_COLUMN, Marker, Rect, SINGLE_COLUMN, Stroke};
use crate::error::{FigureError, Result};
use crate::figure::Figure;
use crate::heatmap::ordered_pairs;
use crate::legend::{Key, Legend};
use crate::palette::{GREY, WHITE, class_color, class_label};
use crate::scale::Axis;
use crate::text::{Anchor, Level, NORMAL, SMALL, Text, fixed};

named_enum! {
    /// Which of the theory's margins the observed ones are drawn against.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Against, ALL {
        /// Fitted to the same condition.
        Fitted = "fitted",
        /// Predicted from others.
        Predicted = "predicted",
    }
}

impl Against {
    fn select(self, condition: &Condition) -> Option<&TheoryMargins> {
        match self {
            Self::Fitted => condition.fitted.as_ref(),
            Self::Predicted => condition.predicted.as_ref(),
        }
    }
}

/// Most hierarchies side by side in a model's block; further ones go to the next row.
const MOST_COLUMNS: usize = 6;
/// Least and largest side of a panel in points.
const SIDES: (f64, f64) = (56.0, 150.0);
/// Space between the panels of a block.
const GAP: (f64, f64) = (7.0, 5.0);
/// Space between blocks.
const BLOCK_GAP: f64 = 10.0;
/// Left of all blocks: the names of the rows and of the y axis.
const LEFT: f64 = 27.0;
/// Above a block: its model.
const ABOVE: f64 = 15.0;
/// Above a row whose hierarchies differ from those of the row before.
const HEADER: f64 = 11.0;

/// Draws the panels.
///
/// # Errors
/// No condition with the wanted margins, or matrices of a wrong size.
pub fn draw(conditions: &[Condition], against: Against) -> Result<Figure> {
    let name = match against {
        Against::Fitted => "fitted-margins",
        Against::Predicted => "predicted-margins",
    };
    let shown = order::sorted(conditions.iter().filter(|c| against.select(c).is_some()));
    if shown.is_empty() {
        return Err(FigureError::nothing(name, format!("no condition has {} margins", against.name())));
    }
    let mut cells = Vec::new();
    for cell in arrange(&shown) {
        let Some(theory) = against.select(cell.condition) else { continue };
        let content = Content { pairs: pairs(cell.condition, theory)?, r_squared: theory.r_squared };
        cells.push((cell, content));
    }
    let settings = order::words(shown.iter().map(|c| c.setting.as_str()));
    let mut legend = Legend::new();
    let pairs = || cells.iter().flat_map(|(_, content)| &content.pairs);
    for class in PairClass::ALL.into_iter().filter(|&class| pairs().any(|p| p.class == class)) {
        legend.push(Key::Point(Marker::Circle, class_color(class)), class_label(class));
    }
    let canvas = Grid::new(&shown, &cells, settings.len() > 1, against).draw(&legend);
    let setting = match settings.as_slice() {
        [one] if !one.is_empty() => format!(" Training: {one}."),
        _ => String::new(),
    };
    let caption = format!(
        "Observed margins against those {}, one point per ordered pair, colored by its class; the line is identity. Blocks \
         are models, rows stimulus tasks, columns hierarchies.{setting}",
        match against {
            Against::Fitted => "of the theory fitted to the same condition",
            Against::Predicted => "that the theory predicts with nothing fitted to the condition",
        }
    );
    let title = format!("Observed and {} margins", against.name());
    Ok(Figure::new(name, title, caption, canvas, table(&cells, against)?))
}

/// A condition and its place: the block of its model, and row and column there.
struct Cell<'a> {
    condition: &'a Condition,
    model: usize,
    row: usize,
    column: usize,
}

/// What a panel shows.
struct Content {
    pairs: Vec<Pair>,
    r_squared: f64,
}

/// Places of conditions in their order. All blocks have the same rows: settings and tasks, with further rows of these where a
/// condition appears again or there are many hierarchies.
fn arrange<'a>(shown: &[&'a Condition]) -> Vec<Cell<'a>> {
    let models = order::words(shown.iter().map(|c| c.model.as_str()));
    let settings = order::words(shown.iter().map(|c| c.setting.as_str()));
    let tasks = order::words(shown.iter().map(|c| c.task.as_str()));
    let hierarchies = order::hierarchies(shown);
    let place = |list: &[&str], word: &str| list.iter().position(|w| *w == word).unwrap_or(0);
    let mut placed: Vec<((usize, usize, usize, usize), Cell<'a>)> = Vec::new();
    for &condition in shown {
        let hierarchy = place(&hierarchies, &condition.hierarchy);
        let (model, column) = (place(&models, &condition.model), hierarchy % MOST_COLUMNS);
        let (setting, task) = (place(&settings, &condition.setting), place(&tasks, &condition.task));
        let mut row = (setting, task, hierarchy / MOST_COLUMNS, 0);
        while placed.iter().any(|(r, c)| *r == row && (c.model, c.column) == (model, column)) {
            row.3 += 1;
        }
        placed.push((row, Cell { condition, model, row: 0, column }));
    }
    let mut rows: Vec<_> = placed.iter().map(|(row, _)| *row).collect();
    rows.sort_unstable();
    rows.dedup();
    placed.into_iter().map(|(row, cell)| Cell { row: rows.binary_search(&row).unwrap_or(0), ..cell }).collect()
}

/// Blocks of panels, one per model, with shared axes along their rows.
struct Grid<'a> {
    cells: &'a [(Cell<'a>, Content)],
    against: Against,
    with_settings: bool,
    /// Blocks side by side.
    across: usize,
    columns: usize,
    /// Space for tick labels left of a block.
    ticks: f64,
    side: f64,
}

impl<'a> Grid<'a> {
    fn new(shown: &[&Condition], cells: &'a [(Cell<'a>, Content)], with_settings: bool, against: Against) -> Self {
        let columns = order::hierarchies(shown).len().clamp(1, MOST_COLUMNS);
        let models = order::words(shown.iter().map(|c| c.model.as_str())).len();
        let mut grid = Self { cells, against, with_settings, across: 1, columns, ticks: 0.0, side: SIDES.0 };
        let widest = |(cell, _): &(Cell<'_>, Content)| grid.axis(cell.model, cell.row).widest_label();
        grid.ticks = cells.iter().map(widest).fold(0.0, f64::max) + 5.0;
        let side = |across: usize| {
            let fixed = grid.ticks + (columns - 1) as f64 * GAP.0 + BLOCK_GAP;
            let width = (DOUBLE_COLUMN - LEFT - 6.0 + BLOCK_GAP) / across as f64 - fixed;
            width / columns as f64
        };
        let across = (1..=models).rev().find(|&k| side(k) >= SIDES.0).unwrap_or(1);
        // As few rows of blocks as that allows, evenly filled.
        let across = models.div_ceil(models.div_ceil(across));
        Self { across, side: side(across).min(SIDES.1), ..grid }
    }

    /// The axis that all panels of a row share, in both directions.
    fn axis(&self, model: usize, row: usize) -> Axis {
        let here = self.cells.iter().filter(|(cell, _)| (cell.model, cell.row) == (model, row));
        let values: Vec<f64> =
            here.flat_map(|(_, content)| &content.pairs).flat_map(|p| [p.theory, p.observed]).collect();
        Axis::covering(&values).thinned(self.side)
    }

    fn draw(&self, legend: &Legend) -> Canvas {
        let block = self.ticks + self.columns as f64 * (self.side + GAP.0) - GAP.0;
        let width = (LEFT + self.across as f64 * (block + BLOCK_GAP) - BLOCK_GAP + 6.0).max(SINGLE_COLUMN);
        let models = self.cells.iter().map(|(cell, _)| cell.model + 1).max().unwrap_or(0);
        let mut y = 2.0;
        let mut canvas = Canvas::new(width, self.height(models) + legend.height_within(width - 16.0) + 6.0);
        for first in (0..models).step_by(self.across) {
            y = self.draw_blocks(&mut canvas, first, y);
        }
        let page = canvas.page().inset(8.0, 0.0, 8.0, 0.0);
        legend.draw_centered(&mut canvas, page, y);
        canvas
    }

    /// The cells of the blocks side by side, from this model on.
    fn beside(&self, first: usize) -> impl Iterator<Item = &'a (Cell<'a>, Content)> {
        let models = first..first + self.across;
        self.cells.iter().filter(move |(cell, _)| models.contains(&cell.model))
    }

    /// The rows of these blocks, and for each whether the names of hierarchies stand above it.
    fn rows(&self, first: usize) -> Vec<(usize, bool)> {
        let mut rows: Vec<usize> = self.beside(first).map(|(cell, _)| cell.row).collect();
        rows.sort_unstable();
        rows.dedup();
        let cells = || self.beside(first).map(|(cell, _)| cell);
        let above = |k: usize, below: &Cell<'_>| {
            cells().find(|c| (c.model, c.row, c.column) == (below.model, rows[k - 1], below.column))
        };
        let is_new = |k: usize, cell: &Cell<'_>| {
            above(k, cell).is_none_or(|c| c.condition.hierarchy != cell.condition.hierarchy)
        };
        let named = |k: usize| k == 0 || cells().any(|cell| cell.row == rows[k] && is_new(k, cell));
        (0..rows.len()).map(|k| (rows[k], named(k))).collect()
    }

    fn row_height(&self, named: bool) -> f64 {
        self.side + if named { HEADER } else { 0.0 } + 12.0 + GAP.1
    }

    fn height(&self, models: usize) -> f64 {
        let blocks = |first| ABOVE + self.rows(first).iter().map(|r| self.row_height(r.1)).sum::<f64>() + 18.0;
        2.0 + (0..models).step_by(self.across).map(blocks).sum::<f64>()
    }

    /// Draws the blocks side by side from this model on, from `y` down; returns where they end.
    fn draw_blocks(&self, canvas: &mut Canvas, first: usize, y: f64) -> f64 {
        let block_width = self.columns as f64 * (self.side + GAP.0) - GAP.0;
        let left = |model: usize| LEFT + self.ticks + (model - first) as f64 * (self.ticks + block_width + BLOCK_GAP);
        let names = |of: fn(&Condition) -> &str, width: f64, size: u32| {
            shortened_apart(self.cells.iter().map(|(cell, _)| of(cell.condition)), width, size)
        };
        let models = names(|c| &c.model, block_width, NORMAL);
        let hierarchies = names(|c| &c.hierarchy, self.side + GAP.0, SMALL);
        let mut top = y + ABOVE;
        for (row, named) in self.rows(first) {
            let rect_y = top + if named { HEADER } else { 0.0 };
            let mut label = String::new();
            for (cell, content) in self.beside(first).filter(|(cell, _)| cell.row == row) {
                let x = left(cell.model) + cell.column as f64 * (self.side + GAP.0);
                let rect = Rect::new(x, rect_y, self.side, self.side);
                self.panel(canvas, rect, (cell, content));
                if named {
                    let words = &hierarchies[cell.condition.hierarchy.as_str()];
                    let words = Text::new(words).size(SMALL).anchored(Anchor::Middle, Level::Baseline);
                    canvas.text((rect.center().0, rect.y - 3.5), &words);
                }
                label = self.row_label(cell.condition);
            }
            let label = Text::new(shortened(&label, self.side + 14.0, SMALL)).size(SMALL).bold();
            let middle = rect_y + self.side / 2.0;
            canvas.text((9.0, middle), &label.rotated(-90.0).anchored(Anchor::Middle, Level::Baseline));
            let words = Text::new(if self.side > 64.0 { "observed margin" } else { "observed" }).rotated(-90.0);
            canvas.text((LEFT - 6.0, middle), &words.anchored(Anchor::Middle, Level::Baseline));
            top += self.row_height(named);
        }
        for model in first..first + self.across {
            let Some((cell, _)) = self.cells.iter().find(|(cell, _)| cell.model == model) else { continue };
            let middle = left(model) + block_width / 2.0;
            let name = &models[cell.condition.model.as_str()];
            canvas.text((middle, y + 10.0), &Text::new(name).bold().anchored(Anchor::Middle, Level::Baseline));
            let words = Text::new(format!("{} margin", self.against.name())).anchored(Anchor::Middle, Level::Top);
            canvas.text((middle, top - GAP.1 + 2.0), &words);
        }
        top + 18.0
    }

    fn row_label(&self, condition: &Condition) -> String {
        let setting = if self.with_settings { condition.setting.as_str() } else { "" };
        let words: Vec<&str> = [setting, &condition.task].into_iter().filter(|w| !w.is_empty()).collect();
        words.join(" · ")
    }

    fn panel(&self, canvas: &mut Canvas, rect: Rect, (cell, content): (&Cell<'_>, &Content)) {
        let axis = self.axis(cell.model, cell.row);
        let (low, high) = (axis.min(), axis.max());
        let row = self.cells.iter().map(|(c, _)| c).filter(|c| (c.model, c.row) == (cell.model, cell.row));
        let first = row.map(|c| c.column).min() == Some(cell.column);
        let y = if first { axis.clone() } else { axis.clone().bare() };
        let panel = Panel::new(rect, axis, y);
        panel.grid(canvas);
        panel.line(canvas, &[(low, low), (high, high)], Stroke::new(GREY, 0.8));
        let radius =
            (18.0 / (content.pairs.len() as f64).sqrt()).clamp(0.7, 1.9) * if rect.width < 80.0 { 0.75 } else { 1.0 };
        for class in PairClass::ALL.into_iter().rev() {
            let points: Vec<_> =
                content.pairs.iter().filter(|p| p.class == class).map(|p| (p.theory, p.observed)).collect();
            panel.points(canvas, &points, Marker::Circle, radius, class_color(class));
        }
        panel.axes(canvas);
        if content.r_squared.is_finite() {
            let text = Text::new(format!("R² = {}", fixed(content.r_squared, 3))).size(SMALL).halo(WHITE);
            panel.note(canvas, (low, high), (3.0, 2.0), &text.anchored(Anchor::Start, Level::Top));
        }
    }
}

/// One ordered pair.
struct Pair {
    items: (usize, usize),
    class: PairClass,
    theory: f64,
    observed: f64,
}

/// All ordered pairs whose margins are known on both sides.
fn pairs(condition: &Condition, theory: &TheoryMargins) -> Result<Vec<Pair>> {
    condition.check(Some(theory))?;
    let (classes, n) = (condition.classes()?, condition.n_items);
    let all = ordered_pairs(n).map(|(i, j)| Pair {
        items: (i, j),
        class: classes.class(i, j),
        theory: theory.margins[i * n + j],
        observed: condition.observed[i * n + j],
    });
    Ok(all.filter(|p| p.theory.is_finite() && p.observed.is_finite()).collect())
}

/// One row per point.
fn table(cells: &[(Cell<'_>, Content)], against: Against) -> Result<Table> {
    let points = cells.iter().flat_map(|(cell, content)| content.pairs.iter().map(|pair| (cell.condition, pair)));
    let rows: Vec<(&Condition, &Pair)> = points.collect();
    Ok(table_of(rows.iter().map(|r| r.0))?
        .count("rank_a", rows.iter().map(|r| r.1.items.0))?
        .count("rank_b", rows.iter().map(|r| r.1.items.1))?
        .text("class", rows.iter().map(|r| r.1.class.name()))?
        .float(against.name(), rows.iter().map(|r| r.1.theory))?
        .float("observed", rows.iter().map(|r| r.1.observed))?)
}

#[cfg(test)]
mod tests {
    use super::super::tests::condition;
    use super::*;
    use crate::canvas::Format;

    #[test]
    fn missing_cells_are_left_out() {
        let mut c = condition("gpt2", "full", 9, &[(5, 3)]);
        c.observed[1] = f64::NAN;
        let figure = draw(&[c], Against::Predicted).unwrap();
        assert_eq!(figure.table.n_rows(), 71);
    }

    #[test]
    fn any_number_of_panels_is_drawn() {
        for k in [1, 2, 3, 5] {
            let conditions: Vec<_> = (0..k).map(|_| condition("gpt2", "lora", 9, &[])).collect();
            assert!(!draw(&conditions, Against::Fitted).unwrap().canvas.render(Format::Svg).unwrap().is_empty());
        }
        let mut empty = condition("gpt2", "full", 2, &[]);
        empty.observed.fill(f64::NAN);
        assert!(draw(&[empty], Against::Fitted).is_ok());
    }

    #[test]
    fn conditions_stand_in_the_grid_by_model_task_and_hierarchy() {
        let mut conditions = Vec::new();
        for (model, task, n, exceptions) in [
            ("qwen", "real", 11, vec![(6, 4)]),
            ("qwen", "real", 9, vec![]),
            ("gpt2", "real", 9, vec![(5, 3)]),
            ("gpt2", "fake", 9, vec![(5, 3)]),
            ("gpt2", "fake", 9, vec![(5, 3)]),
        ] {
            conditions.push(Condition { task: task.into(), ..condition(model, "full", n, &exceptions) });
        }
        let shown = order::sorted(&conditions);
        let places: Vec<_> = arrange(&shown).iter().map(|c| (c.model, c.row, c.column)).collect();
        // A condition that appears twice gets a row of its own.
        assert_eq!(places, [(0, 0, 1), (0, 1, 1), (0, 2, 1), (1, 2, 0), (1, 2, 2)]);
        assert!(draw(&conditions, Against::Fitted).is_ok());
    }

    #[test]
    fn many_models_and_hierarchies_stay_on_the_page() {
        let conditions: Vec<_> =
            (0..5).flat_map(|m| (3..12).map(move |n| condition(&format!("model-{m}"), "full", n, &[]))).collect();
        let canvas = draw(&conditions, Against::Fitted).unwrap().canvas;
        assert!(canvas.width() <= DOUBLE_COLUMN + 1.0);
    }

    #[test]
    fn conditions_without_theory_are_refused() {
        let mut bare = condition("gpt2", "full", 9, &[]);
        bare.fitted = None;
        assert!(matches!(draw(&[bare], Against::Fitted), Err(FigureError::Nothing { .. })));
    }
}
