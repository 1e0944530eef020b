//! Which of two items is placed above the other, for all pairs of chosen conditions.
//!
//! # Question
//! What order does a learner infer, and where does an exception break it?
//!
//! # Claim
//! The exception is remembered, and judgments of pairs that reach across it are drawn towards it or turned.
//!
//! # Inputs
//! A [`PairTable`] and the indices of the conditions to draw, at most 24.
//!
//! # Drawing
//! One triangle per condition, higher item in the row, lower item in the column, named on the diagonal: P(I_a > I_b), the mean
//! over both orders of presentation, as color around chance. Trained pairs are outlined, and so are the regions of untrained
//! pairs within one section and across sections.

use caveat_results::PairTable;
use caveat_theory::{PairClass, Section};

use super::marks::{self, Mark};
use super::pairs::{Pairs, Placements};
use super::{fits, joined_apart, order, shortened, trained};
use crate::canvas::{Canvas, DOUBLE_COLUMN, Rect, SINGLE_COLUMN, Stroke};
use crate::error::{FigureError, Result};
use crate::figure::Figure;
use crate::heatmap::{color_bar, outline_cells, raster};
use crate::legend::{Key, Legend};
use crate::palette::{BLACK, ColorScale, GREY, WHITE, class_color};
use crate::region::outline_region;
use crate::text::{Anchor, Level, NORMAL, SMALL, Text, item};

/// Most conditions of one figure.
pub const MOST_CONDITIONS: usize = 24;
/// Most triangles side by side.
const MOST_ACROSS: usize = 4;
/// Largest side of a triangle in points.
const LARGEST: f64 = 130.0;
/// Space beside the triangles.
const LEFT: f64 = 8.0;
/// Space between triangles.
const GAP: f64 = 10.0;
/// Space for the two lines of a title.
const TITLE: f64 = 24.0;
/// Space that the color bar takes.
pub(super) const BAR: f64 = 46.0;
/// Label of the color bar.
pub(super) const BAR_LABEL: &str = "P(I_{a} > I_{b}) (%)";

/// Draws the conditions of these indices, in the order of all figures.
///
/// # Errors
/// No condition, more than [`MOST_CONDITIONS`], an index that the table does not have, a condition without cells, or cells that
/// do not fit their table.
pub fn draw(table: &PairTable, conditions: &[usize]) -> Result<Figure> {
    let pairs = Pairs::new(table)?;
    if conditions.is_empty() {
        return Err(FigureError::nothing("placements", "give at least one condition"));
    }
    let bad = |problem: String| Err(FigureError::bad("conditions", problem));
    if conditions.len() > MOST_CONDITIONS {
        return bad(format!("{} are too many for one figure: at most {MOST_CONDITIONS} are", conditions.len()));
    }
    let mut drawn = Vec::new();
    for &condition in conditions {
        if condition >= table.conditions.len() {
            return bad(format!("{condition}, but the table has {}: the first is 0", table.conditions.len()));
        }
        match pairs.placements(condition) {
            Some(placements) => drawn.push(placements),
            None => return bad(format!("{} has no cell", pairs.key(condition))),
        }
    }
    let plain: Vec<&str> =
        drawn.iter().filter(|p| p.hierarchy.exceptions.is_empty()).map(|p| p.key.hier.as_str()).collect();
    drawn.sort_by(|a, b| order::by_key(a.key, b.key, |key| !plain.contains(&key.hier.as_str())));
    let across = drawn.len().min(MOST_ACROSS);
    let room = DOUBLE_COLUMN - 2.0 * LEFT - BAR - GAP * (across - 1) as f64;
    let side = (room / across as f64).min(LARGEST);
    let width = (LEFT * 2.0 + across as f64 * (side + GAP) - GAP + BAR).max(SINGLE_COLUMN);
    let legend = legend(&drawn.iter().collect::<Vec<_>>());
    let columns = legend.columns_within(width - 2.0 * LEFT);
    let rows = drawn.len().div_ceil(across);
    let height = rows as f64 * (TITLE + side + GAP) + legend.size(columns).1 + 5.0;
    let mut canvas = Canvas::new(width, height);
    let mut numbers = Vec::new();
    let models: Vec<(&str, &str)> = drawn.iter().map(|p| (p.key.model.as_str(), p.key.task.as_str())).collect();
    let settings: Vec<String> = drawn.iter().map(|p| trained(&p.key.setting, p.key.lora_r, p.key.l2_reg)).collect();
    let trainings: Vec<(&str, &str)> =
        settings.iter().zip(&drawn).map(|(setting, p)| (setting.as_str(), p.key.hier.as_str())).collect();
    let (titles, subtitles) = (joined_apart(&models, side, SMALL), joined_apart(&trainings, side, SMALL));
    for (k, placements) in drawn.iter().enumerate() {
        let (x, y) = ((k % across) as f64 * (side + GAP), (k / across) as f64 * (TITLE + side + GAP));
        let square = Rect::new(LEFT + x, TITLE + y, side, side);
        triangle(&mut canvas, square, placements);
        for (line, up) in [(&titles[k], 14.0), (&subtitles[k], 4.0)] {
            let text = Text::new(line).size(SMALL).anchored(Anchor::Middle, Level::Baseline);
            canvas.text((square.center().0, square.y - up), &text);
        }
        numbers.extend(cells(placements, &(k + 1).to_string()));
    }
    let bar = Rect::new(LEFT + across as f64 * (side + GAP), TITLE, 7.0, side);
    color_bar(&mut canvas, bar, ColorScale::Percent, BAR_LABEL);
    let y = height - legend.size(columns).1 - 3.0;
    legend.draw(&mut canvas, (LEFT, y), columns);
    let caption = "How often the higher item of a pair (row) is placed above the lower one (column), mean over both orders of \
                   presentation; items are named on the diagonal, and pairs without observation are white and struck through. \
                   Trained pairs are outlined in black, those of the exception's cycle in orange; untrained pairs within a \
                   section in green, across sections in purple.";
    Ok(Figure::new("placements", "Inferred order of all pairs", caption, canvas, marks::table(&numbers)?))
}

/// Keys of the outlines that appear.
pub(super) fn legend(drawn: &[&Placements<'_>]) -> Legend {
    let mut legend = Legend::new();
    for (class, color, words) in [
        (PairClass::Premise, BLACK, "trained pair"),
        (PairClass::ExceptionCycle, class_color(PairClass::ExceptionCycle), "trained pair of the exception's cycle"),
        (PairClass::WithinSection, class_color(PairClass::WithinSection), "within-section pairs"),
        (PairClass::CrossSection, class_color(PairClass::CrossSection), "cross-section pairs"),
    ] {
        if drawn.iter().any(|p| outlined(p, class).next().is_some()) {
            legend.push(Key::Outline(Stroke::new(color, 1.2)), words);
        }
    }
    legend
}

/// The pairs of a class that are outlined; untrained ones only where there is a cycle, since it is what divides sections.
fn outlined<'a>(placements: &'a Placements<'_>, class: PairClass) -> impl Iterator<Item = (usize, usize)> + 'a {
    let hierarchy = placements.hierarchy;
    let trained = matches!(class, PairClass::Premise | PairClass::ExceptionCycle);
    let divided = hierarchy.classes.sections().iter().any(|s| matches!(s, Section::Cycle(_)));
    let all = hierarchy.classes.pairs().filter(move |pair| pair.2 == class && (trained || divided));
    all.map(|(i, j, ..)| (i, j))
}

/// Draws the upper triangle of all pairs in a square, the items named on its diagonal.
pub(super) fn triangle(canvas: &mut Canvas, square: Rect, placements: &Placements<'_>) {
    let n = placements.n_items();
    let cell = square.width / n as f64;
    raster(canvas, square, n, n, |i, j| {
        let percent = if i < j { placements.percent(i, j) } else { f64::NAN };
        percent.is_finite().then(|| ColorScale::Percent.color(percent))
    });
    let quiet = Stroke::new(GREY, 0.5);
    for (i, j) in (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))) {
        if placements.percent(i, j).is_nan() {
            let (x, y) = (square.x + j as f64 * cell, square.y + i as f64 * cell);
            canvas.line((x + 0.2 * cell, y + 0.8 * cell), (x + 0.8 * cell, y + 0.2 * cell), quiet);
        }
    }
    outline_region(canvas, square, n, |i, j| i < j, 0.0, quiet);
    let width = (0.12 * cell).clamp(0.6, 1.4);
    // Regions on a white line, to be seen on any color.
    for class in [PairClass::WithinSection, PairClass::CrossSection] {
        let region: Vec<(usize, usize)> = outlined(placements, class).collect();
        let inside = |i, j| region.binary_search(&(i, j)).is_ok();
        let inset = 0.85 * width;
        outline_region(canvas, square, n, inside, inset, Stroke::new(WHITE, 1.7 * width));
        outline_region(canvas, square, n, inside, inset, Stroke::new(class_color(class), width));
    }
    outline_cells(canvas, square, n, outlined(placements, PairClass::Premise), Stroke::new(BLACK, 0.8 * width));
    let cycle = class_color(PairClass::ExceptionCycle);
    outline_cells(canvas, square, n, outlined(placements, PairClass::ExceptionCycle), Stroke::new(cycle, 1.2 * width));
    let step = ((f64::from(SMALL) * 1.1) / cell).ceil().max(1.0) as usize;
    for k in (0..n).step_by(step) {
        let right = square.x + (k + 1) as f64 * cell;
        let middle = square.y + (k as f64 + 0.5) * cell;
        canvas.text((right - 1.2, middle), &Text::new(item(k)).size(SMALL).anchored(Anchor::End, Level::Middle));
    }
}

/// The cells of a triangle as marks.
pub(super) fn cells(placements: &Placements<'_>, panel: &str) -> Vec<Mark> {
    let pairs = placements.hierarchy.classes.pairs();
    pairs
        .map(|(i, j, class, _)| Mark {
            class: Some(class),
            pair: Some((i, j)),
            value: placements.percent(i, j),
            n: placements.n(i, j),
            ..Mark::for_panel(panel, "cell", placements.key)
        })
        .collect()
}

/// A message where a panel has nothing to show.
pub(super) fn gap(canvas: &mut Canvas, rect: Rect, words: &str) {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split(' ') {
        match lines.last_mut() {
            Some(line) if fits(&format!("{line} {word}"), rect.width - 4.0, SMALL) => *line += &format!(" {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    let (x, y) = rect.center();
    let pitch = f64::from(NORMAL) + 1.0;
    for (k, line) in lines.iter().enumerate() {
        let down = (k as f64 - (lines.len() - 1) as f64 / 2.0) * pitch;
        let text = Text::new(shortened(line, rect.width, SMALL)).size(SMALL).color(GREY);
        canvas.text((x, y + down), &text.anchored(Anchor::Middle, Level::Middle));
    }
}

#[cfg(test)]
mod tests {
    use super::super::pairs::tests::{Spec, table};
    use super::*;
    use crate::canvas::Format;

    #[test]
    fn tasks_of_all_kinds_are_drawn_with_a_row_per_pair() {
        let specs: [Spec<'_>; 6] = [
            ("full", "gpt2", "fake", 9, &[], None),
            ("full", "gpt2", "fake", 9, &[(5, 3)], None),
            ("lora", "gpt2", "fake", 11, &[(7, 3)], Some(32.0)),
            ("probe", "gpt2", "fake", 20, &[(6, 4), (15, 11)], Some(1e-4)),
            ("full", "gpt2", "fake", 4, &[(2, 1)], None),
            ("full", "gpt2", "fake", 2, &[], None),
        ];
        let figure = draw(&table(&specs), &[0, 1, 2, 3, 4, 5]).unwrap();
        assert!(figure.canvas.width() <= DOUBLE_COLUMN);
        assert!(!figure.canvas.render(Format::Svg).unwrap().is_empty());
        assert_eq!(figure.table.n_rows(), 36 + 36 + 55 + 190 + 6 + 1);
    }

    #[test]
    fn plain_tasks_come_first_and_smaller_ones_before_larger() {
        let specs: [Spec<'_>; 3] = [
            ("full", "gpt2", "fake", 11, &[(7, 3)], None),
            ("full", "gpt2", "fake", 9, &[(5, 3)], None),
            ("full", "gpt2", "fake", 9, &[], None),
        ];
        let svg = draw(&table(&specs), &[0, 1, 2]).unwrap().canvas.svg();
        let places = ["ti_n9", "exc_n9_5-3", "exc_n11_7-3"].map(|name| svg.find(name).unwrap());
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn missing_probabilities_are_struck_through() {
        let mut missing = table(&[("full", "gpt2", "fake", 4, &[], None)]);
        let complete = draw(&missing, &[0]).unwrap().canvas.n_elements();
        for cell in
            missing.cells.iter_mut().filter(|c| (c.rank_a, c.rank_b) == (0, 3) || (c.rank_a, c.rank_b) == (3, 0))
        {
            cell.prob_yes = f64::NAN;
        }
        // One cell less and one line more.
        assert_eq!(draw(&missing, &[0]).unwrap().canvas.n_elements(), complete);
        missing.cells.iter_mut().for_each(|c| c.prob_yes = f64::NAN);
        assert!(draw(&missing, &[0]).unwrap().canvas.render(Format::Png).is_ok());
    }

    #[test]
    fn regions_are_outlined_only_where_there_is_an_exception() {
        let table = table(&[("full", "gpt2", "fake", 9, &[], None), ("full", "gpt2", "fake", 9, &[(5, 3)], None)]);
        let words = |condition| {
            let svg = draw(&table, &[condition]).unwrap().canvas.svg();
            ["trained pair", "pair of the exception", "within-section", "cross-section"].map(|w| svg.contains(w))
        };
        assert_eq!(words(0), [true, false, false, false]);
        assert_eq!(words(1), [true; 4]);
    }

    #[test]
    fn unknown_empty_and_too_many_conditions_are_refused() {
        let mut table = table(&[("full", "gpt2", "fake", 3, &[], None), ("full", "gpt2", "real", 3, &[], None)]);
        assert!(matches!(draw(&table, &[]), Err(FigureError::Nothing { .. })));
        assert!(draw(&table, &[0; MOST_CONDITIONS]).is_ok());
        assert!(matches!(draw(&table, &[0; MOST_CONDITIONS + 1]), Err(FigureError::BadInput { .. })));
        assert!(matches!(draw(&table, &[2]), Err(FigureError::BadInput { .. })));
        table.cells.retain(|c| c.condition == 0);
        assert!(draw(&table, &[1]).unwrap_err().to_string().contains("full gpt2 real ti_n3 has no cell"));
    }
}
