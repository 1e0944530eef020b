//! Observed margins against those of the theory, pair by pair.
//!
//! # Question
//! How much of a learner's judgments does the theory account for, and of which pairs not?
//!
//! # Claim
//! Points lie along the identity line for every class of pairs, cross-section errors included.
//!
//! # Inputs
//! [`Condition`]s with fitted or predicted margins, one panel each; others are left out.
//!
//! # Drawing
//! One point per ordered pair in the color of its class, the identity line, R².

use caveat_theory::PairClass;

use super::{Condition, TheoryMargins, shortened};
use crate::axes::{Panel, margins};
use crate::canvas::{Canvas, DOUBLE_COLUMN, Marker, Rect, Stroke};
use crate::error::{FigureError, Result};
use crate::figure::Figure;
use crate::legend::{Key, Legend};
use crate::palette::{GREY, WHITE, class_color, class_label};
use crate::scale::Axis;
use crate::table::Table;
use crate::text::{Anchor, Level, SMALL, Text, fixed};

/// Which of the theory's margins the observed ones are drawn against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// Fitted to the same condition.
    Fitted,
    /// Predicted from others.
    Predicted,
}

impl Against {
    fn of(self, condition: &Condition) -> Option<&TheoryMargins> {
        match self {
            Self::Fitted => condition.fitted.as_ref(),
            Self::Predicted => condition.predicted.as_ref(),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Fitted => "fitted",
            Self::Predicted => "predicted",
        }
    }
}

/// Draws the panels.
///
/// # Errors
/// No condition with the wanted margins, or matrices of a wrong size.
pub fn draw(conditions: &[Condition], against: Against) -> Result<Figure> {
    let name = match against {
        Against::Fitted => "observed-fitted",
        Against::Predicted => "observed-predicted",
    };
    let shown: Vec<(&Condition, &TheoryMargins)> =
        conditions.iter().filter_map(|c| Some((c, against.of(c)?))).collect();
    if shown.is_empty() {
        let missing = format!("no condition has {} margins", against.word());
        return Err(FigureError::Nothing { figure: name, missing });
    }
    let columns = shown.len().clamp(2, 4);
    let (left, below) = margins("−10");
    let side = (DOUBLE_COLUMN - 16.0) / columns as f64 - left - 4.0;
    let row = side.min(150.0) + below + 30.0;
    let side = side.min(150.0);
    let rows = shown.len().div_ceil(columns);
    let mut canvas = Canvas::new(DOUBLE_COLUMN, rows as f64 * row + 18.0);
    let mut numbers = Numbers::default();
    let mut present = [false; 6];
    for (k, (condition, theory)) in shown.iter().enumerate() {
        let x = left + 4.0 + (k % columns) as f64 * (DOUBLE_COLUMN - 12.0) / columns as f64;
        let rect = Rect::new(x, 26.0 + (k / columns) as f64 * row, side, side);
        let pairs = pairs(condition, theory)?;
        panel(&mut canvas, rect, condition, &pairs, theory.r_squared, (k % columns == 0, against));
        pairs.iter().for_each(|p| present[p.class as usize] = true);
        numbers.extend(condition, &pairs);
    }
    let mut legend = Legend::new();
    for class in PairClass::ALL.into_iter().filter(|&c| present[c as usize]) {
        legend.push(Key::Point(Marker::Circle, class_color(class)), class_label(class));
    }
    let row = canvas.page().inset(8.0, 0.0, 8.0, 0.0);
    let y = canvas.height() - 15.0;
    legend.draw_centered(&mut canvas, row, y);
    let caption = format!(
        "Observed margins against those {}, one point per ordered pair, colored by its class; the line is identity.",
        match against {
            Against::Fitted => "of the theory fitted to the same condition",
            Against::Predicted => "that the theory predicts with nothing fitted to the condition",
        }
    );
    let title = format!("Observed and {} margins", against.word());
    Ok(Figure::new(name, title, caption, canvas).with_table(numbers.table(against)))
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
    let observed = condition.observed_matrix()?;
    let expected = condition.matrix(&theory.margins, "theory's margins")?;
    let classes = condition.classes()?;
    let n = condition.n_items;
    let all = (0..n * n).map(|k| (k / n, k % n)).filter(|(i, j)| i != j).map(|(i, j)| Pair {
        items: (i, j),
        class: classes.class(i, j),
        theory: expected.get(i, j),
        observed: observed.get(i, j),
    });
    Ok(all.filter(|p| p.theory.is_finite() && p.observed.is_finite()).collect())
}

fn panel(
    canvas: &mut Canvas,
    rect: Rect,
    condition: &Condition,
    pairs: &[Pair],
    r_squared: f64,
    (first, against): (bool, Against),
) {
    let values: Vec<f64> = pairs.iter().flat_map(|p| [p.theory, p.observed]).collect();
    let x = Axis::covering(&values).label(format!("{} margin", against.word()));
    let y = Axis::covering(&values).label(if first { "observed margin" } else { "" });
    let (low, high) = (x.min(), x.max());
    let panel = Panel::new(rect, x, y);
    panel.grid(canvas);
    panel.line(canvas, &[(low, low), (high, high)], Stroke::new(GREY, 0.8));
    let radius = (18.0 / (pairs.len() as f64).sqrt()).clamp(0.7, 1.9);
    for class in PairClass::ALL.into_iter().rev() {
        let points: Vec<_> = pairs.iter().filter(|p| p.class == class).map(|p| (p.theory, p.observed)).collect();
        panel.points(canvas, &points, Marker::Circle, radius, class_color(class));
    }
    panel.axes(canvas);
    if r_squared.is_finite() {
        let text = Text::new(format!("R² = {}", fixed(r_squared, 2))).size(SMALL).halo(WHITE);
        panel.note(canvas, (low, high), (4.0, 3.0), &text.at(Anchor::Start, Level::Top));
    }
    // Two short lines above the panel: who, and how.
    let words = [condition.hierarchy.as_str(), condition.setting.as_str(), condition.task.as_str()];
    let how: Vec<&str> = words.into_iter().filter(|w| !w.is_empty()).collect();
    let width = rect.width + 12.0;
    let middle = Text::new(shortened(&condition.model, width, SMALL)).size(SMALL).at(Anchor::Middle, Level::Baseline);
    canvas.text((rect.center().0, rect.y - 13.0), &middle);
    let how = Text::new(shortened(&how.join(" · "), width, SMALL)).size(SMALL).color(GREY);
    canvas.text((rect.center().0, rect.y - 4.0), &how.at(Anchor::Middle, Level::Baseline));
}

/// Columns of the table, one row per point.
#[derive(Default)]
struct Numbers {
    words: [Vec<String>; 5],
    first: Vec<usize>,
    second: Vec<usize>,
    theory: Vec<f64>,
    observed: Vec<f64>,
}

impl Numbers {
    fn extend(&mut self, condition: &Condition, pairs: &[Pair]) {
        for pair in pairs {
            let words = [&condition.setting, &condition.model, &condition.task, &condition.hierarchy];
            let words = words.into_iter().map(String::as_str).chain([pair.class.name()]);
            for (column, word) in self.words.iter_mut().zip(words) {
                column.push(word.to_owned());
            }
            self.first.push(pair.items.0);
            self.second.push(pair.items.1);
            self.theory.push(pair.theory);
            self.observed.push(pair.observed);
        }
    }

    fn table(self, against: Against) -> Table {
        let [setting, model, task, hierarchy, class] = self.words;
        Table::new()
            .with("setting", setting)
            .with("model", model)
            .with("task", task)
            .with("hier", hierarchy)
            .with("rank_a", self.first)
            .with("rank_b", self.second)
            .with("class", class)
            .with(against.word(), self.theory)
            .with("observed", self.observed)
    }
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
        assert_eq!(figure.table.unwrap().n_rows(), 71);
    }

    #[test]
    fn any_number_of_panels_is_drawn() {
        for k in [1, 2, 3, 5] {
            let conditions: Vec<_> = (0..k).map(|_| condition("gpt2", "lora", 9, &[])).collect();
            assert!(!draw(&conditions, Against::Fitted).unwrap().render(Format::Svg).unwrap().is_empty());
        }
        let mut empty = condition("gpt2", "full", 2, &[]);
        empty.observed.fill(f64::NAN);
        assert!(draw(&[empty], Against::Fitted).is_ok());
    }

    #[test]
    fn conditions_without_theory_are_refused() {
        let mut bare = condition("gpt2", "full", 9, &[]);
        bare.fitted = None;
        assert!(matches!(draw(&[bare], Against::Fitted), Err(FigureError::Nothing { .. })));
    }
}
