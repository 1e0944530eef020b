//! The study of language models in one figure: what they infer, what they remember, and what regularization trades off.
//!
//! # Question
//! Do fine-tuned language models generalize a rule and remember its exception, and does it depend on how they are trained?
//!
//! # Claim
//! Trained pairs are remembered, the exception included, and pairs within a section are ordered; judgments across the exception
//! fail most, above all those of the items next to it.
//!
//! # Inputs
//! A [`PairTable`] with any conditions; panels whose conditions it lacks say so.
//!
//! # Drawing
//! Inferred order without and with an exception (a, b), accuracy by pair class and training (c), a probe's accuracy on the
//! cycle and across it over its regularization (d, e), and, where there are several hierarchies with exceptions, order and
//! accuracy of each (f, g). Accuracies are of both orders of presentation; means pool trials and carry Wilson 95 % intervals.

mod by_class;
mod by_strength;
mod choice;

use caveat_results::PairTable;

use super::marks;
use super::pairs::{Pairs, Placements};
use super::placements::{BAR, BAR_LABEL, cells, gap, legend, triangle};
use super::{shortened, shortened_apart};
use crate::axes::margins;
use crate::canvas::{Canvas, DOUBLE_COLUMN, Rect};
use crate::error::{FigureError, Result};
use crate::figure::Figure;
use crate::heatmap::color_bar;
use crate::layout;
use crate::legend::Legend;
use crate::palette::ColorScale;
use crate::text::{Anchor, LARGE, Level, NORMAL, SMALL, Text};
use by_class::Group;
use choice::{Choice, Training};

/// Triangles side by side.
const ACROSS: usize = 4;
/// Space between triangles.
const GAP: f64 = 9.0;
/// Letter and heading of a panel.
const HEAD: f64 = 17.0;
/// Name of a triangle.
const NAME: f64 = 11.0;
/// Height of panels with axes.
const PANEL: f64 = 100.0;
/// Space between rows.
const BETWEEN: f64 = 9.0;
/// Most groups of violins side by side, and most triangles by hierarchy.
const MOST_GROUPS: usize = 8;

/// Draws the figure of the study.
///
/// # Errors
/// No cell, or cells that do not fit their table.
pub fn draw(table: &PairTable) -> Result<Figure> {
    let pairs = Pairs::new(table)?;
    if pairs.conditions().next().is_none() {
        let missing = "the table has no cell: give trial tables of at least one condition";
        return Err(FigureError::nothing("study", missing));
    }
    let choice = Choice::new(&pairs);
    let page = Page::new(&pairs, &choice);
    // Drawn once to learn its height, since legends wrap.
    let (height, _) = page.draw(&mut Canvas::new(DOUBLE_COLUMN, f64::MAX));
    let mut canvas = Canvas::new(DOUBLE_COLUMN, height);
    let (_, marks) = page.draw(&mut canvas);
    let title = "Rules and exceptions in language models";
    let figure = Figure::new("study", title, page.caption(), canvas, marks::table(&marks)?);
    let (shown, all) = (choice.models.len(), choice.n_models);
    Ok(if shown < all {
        figure.leaving_out(format!("Orders are shown of {shown} of {all} models ({}).", choice.models.join(", ")))
    } else {
        figure
    })
}

/// The name of a triangle, and the triangle or why there is none.
type Slot<'a> = (String, std::result::Result<Placements<'a>, String>);

/// All panels before they are placed.
struct Page<'a> {
    pairs: &'a Pairs<'a>,
    choice: &'a Choice,
    /// Panel a: the rule alone.
    plain: Vec<Slot<'a>>,
    /// Panel b: the first exception.
    exception: Vec<Slot<'a>>,
    outlines: Legend,
    trainings: Vec<Group>,
    cycle: Vec<by_strength::Line>,
    generalization: Vec<by_strength::Line>,
    /// Panel f: every exception, empty if there is only one.
    by_hierarchy: Vec<Slot<'a>>,
    hierarchies: Vec<Group>,
}

impl<'a> Page<'a> {
    fn new(pairs: &'a Pairs<'a>, choice: &'a Choice) -> Self {
        let slots = |hierarchy: Option<usize>, missing: &str| -> Vec<Slot<'a>> {
            let Some(hierarchy) = hierarchy else {
                return vec![(String::new(), Err(format!("no hierarchy {missing} in these tables")))];
            };
            choice.models.iter().map(|model| (model.clone(), slot(pairs, choice, model, hierarchy))).collect()
        };
        let several = choice.exceptions.len() > 1;
        let by_hierarchy = choice.exceptions.iter().take(if several { MOST_GROUPS } else { 0 });
        let model = choice.model_by_hierarchy.as_deref().unwrap_or("");
        let probed = choice.probe.first().and_then(|&(_, c)| pairs.hierarchy_of(c)).map(|h| pairs.hierarchy(h));
        let mut page = Self {
            pairs,
            choice,
            plain: slots(choice.plain, "without exceptions"),
            exception: slots(choice.exceptions.first().copied(), "with an exception"),
            outlines: Legend::new(),
            trainings: trainings(pairs),
            cycle: probed.map_or_else(Vec::new, by_strength::cycle_lines),
            generalization: probed.map_or_else(Vec::new, by_strength::generalization_lines),
            by_hierarchy: by_hierarchy
                .clone()
                .map(|&h| (pairs.hierarchy(h).name.clone(), slot(pairs, choice, model, h)))
                .collect(),
            hierarchies: by_hierarchy.map(|&h| hierarchy_group(pairs, &choice.training, h)).collect(),
        };
        let slots = page.plain.iter().chain(&page.exception).chain(&page.by_hierarchy);
        page.outlines = legend(&slots.filter_map(|(_, placements)| placements.as_ref().ok()).collect::<Vec<_>>());
        page
    }

    /// Side of all triangles.
    fn side(&self) -> f64 {
        (DOUBLE_COLUMN - 2.0 * MARGIN - BAR - GAP * (ACROSS - 1) as f64) / ACROSS as f64
    }

    /// Whether order and accuracy by hierarchy stand side by side.
    fn beside(&self) -> bool {
        self.by_hierarchy.len() <= 2
    }

    /// Draws all panels; returns the height that they take, and their marks.
    fn draw(&self, canvas: &mut Canvas) -> (f64, Vec<marks::Mark>) {
        let mut marks = Vec::new();
        let wide = Rect::new(MARGIN, 0.0, DOUBLE_COLUMN - 2.0 * MARGIN, PANEL);
        let (axis, below) = margins("100");
        let mut y = 4.0;

        // a, b: order without and with the exception.
        let side = self.side();
        let half = 2.0 * (side + GAP);
        let words = |h: Option<usize>| {
            h.map_or(String::new(), |h| format!(" ({})", choice::exceptions(self.pairs.hierarchy(h))))
        };
        let plain = format!("Rule alone{}", words(self.choice.plain));
        let exception = format!("With an exception{}", words(self.choice.exceptions.first().copied()));
        for (k, (letter, words, slots)) in
            [("a", plain, &self.plain), ("b", exception, &self.exception)].into_iter().enumerate()
        {
            let x = MARGIN + k as f64 * half;
            heading(canvas, (x, y), letter, &words, half - GAP);
            marks.extend(self.triangles(canvas, (x, y + HEAD), letter, slots, 2));
        }
        let bar = Rect::new(MARGIN + 2.0 * half, y + HEAD + NAME, 7.0, side);
        color_bar(canvas, bar, ColorScale::Percent, BAR_LABEL);
        y += HEAD + NAME + side + 5.0;
        y += legend_at(canvas, &self.outlines, wide, y) + BETWEEN;

        // c: accuracy by class and training.
        heading(canvas, (MARGIN, y), "c", "Accuracy by pair class and training", wide.width);
        let rect = Rect::new(MARGIN + axis, y + HEAD, wide.width - axis, PANEL);
        marks.extend(by_class::draw(canvas, rect, "c", self.pairs, &self.trainings));
        y += HEAD + PANEL + TICKS;
        y += legend_at(canvas, &by_class::legend(), rect, y) + BETWEEN;

        // d, e: a probe over its regularization.
        let columns = layout::columns_of(Rect::new(MARGIN, y, wide.width, HEAD + PANEL), 2, 14.0);
        let probe = self.choice.probe.first().map(|&(_, condition)| self.pairs.key(condition));
        let of = probe.map_or(String::new(), |k| format!(": {}, {}", k.model, k.setting));
        let mut lowest = HEAD + EMPTY;
        for (column, letter, words, lines) in [
            (columns[0], "d", format!("Trained pairs of the cycle{of}"), &self.cycle),
            (columns[1], "e", format!("Generalization{of}"), &self.generalization),
        ] {
            heading(canvas, (column.x, y), letter, &words, column.width);
            let rect = Rect::new(column.x + axis, y + HEAD, column.width - axis, PANEL);
            if probe.is_none() {
                let missing = "no probe with two or more penalties (l2_reg) on an exception in these tables";
                gap(canvas, Rect { height: EMPTY, ..rect }, missing);
                continue;
            }
            marks.extend(by_strength::draw(canvas, rect, letter, self.pairs, &self.choice.probe, lines));
            let used = legend_at(canvas, &by_strength::legend(lines), column, rect.bottom() + below);
            lowest = lowest.max(HEAD + PANEL + below + used);
        }
        y += lowest;
        if self.by_hierarchy.is_empty() {
            return (y + BOTTOM, marks);
        }

        // f, g: order and accuracy by hierarchy.
        y += BETWEEN;
        let model = self.choice.model_by_hierarchy.as_deref().unwrap_or("");
        let training = self.choice.training.label();
        let room = if self.beside() { half - GAP } else { wide.width };
        heading(canvas, (MARGIN, y), "f", &format!("Order by hierarchy: {model}"), room);
        marks.extend(self.triangles(canvas, (MARGIN, y + HEAD), "f", &self.by_hierarchy, ACROSS));
        let (x, width) = if self.beside() {
            (MARGIN + half + 6.0, wide.width - half - 6.0)
        } else {
            let rows = self.by_hierarchy.len().div_ceil(ACROSS) as f64;
            y += HEAD + rows * (NAME + side) + (rows - 1.0) * GAP + BETWEEN;
            (MARGIN, wide.width)
        };
        heading(canvas, (x, y), "g", &format!("Accuracy by hierarchy: {training}"), width);
        let height = if self.beside() { (NAME + side - TICKS).max(PANEL) } else { PANEL };
        let rect = Rect::new(x + axis, y + HEAD, width - axis, height);
        marks.extend(by_class::draw(canvas, rect, "g", self.pairs, &self.hierarchies));
        y += HEAD + (height + TICKS).max(if self.beside() { NAME + side } else { 0.0 });
        (y + BOTTOM, marks)
    }

    /// Draws triangles in rows from a top left corner.
    fn triangles(
        &self,
        canvas: &mut Canvas,
        (x, y): (f64, f64),
        letter: &str,
        slots: &[Slot<'_>],
        across: usize,
    ) -> Vec<marks::Mark> {
        let side = self.side();
        let mut marks = Vec::new();
        let names = shortened_apart(slots.iter().map(|slot| slot.0.as_str()), side, SMALL);
        for (k, (name, placements)) in slots.iter().enumerate() {
            let (row, column) = (k / across, k % across);
            let (left, top) = (x + column as f64 * (side + GAP), y + row as f64 * (NAME + side + GAP) + NAME);
            let square = Rect::new(left, top, side, side);
            let text = Text::new(&names[name.as_str()]).size(SMALL).anchored(Anchor::Middle, Level::Baseline);
            canvas.text((square.center().0, top - 3.5), &text);
            match placements {
                Ok(placements) => {
                    triangle(canvas, square, placements);
                    marks.extend(cells(placements, letter));
                }
                Err(missing) => gap(canvas, square, missing),
            }
        }
        marks
    }

    fn caption(&self) -> String {
        let (training, task) = (self.choice.training.label(), &self.choice.task);
        let mut caption = format!(
            "Inferred order and accuracy of language models. (a, b) How often the higher item (row) is placed above the lower \
             one (column), mean over both orders of presentation; {training} on the stimuli \"{task}\"; items are named on the \
             diagonal. (c) Accuracy on the tasks with exceptions: one point per pair, model, stimulus set and hierarchy, their \
             distribution, and the mean of all trials with its Wilson 95 % interval (often smaller than its marker)."
        );
        if let Some(&(_, condition)) = self.choice.probe.first() {
            let key = self.pairs.key(condition);
            caption.push_str(&format!(
                " (d, e) Accuracy of the probe of {} ({}, {}) over C = 1/l2, with Wilson 95 % bands.",
                key.model, key.task, key.hier
            ));
        }
        if !self.by_hierarchy.is_empty() {
            let all = self.choice.exceptions.len();
            let some = if all > MOST_GROUPS { format!(" (the first {MOST_GROUPS} of {all})") } else { String::new() };
            caption.push_str(&format!(" (f, g) As (b) and (c) for each hierarchy with exceptions{some}, {training}."));
        }
        caption.push_str(" Dashed: chance.");
        caption
    }
}

/// Space at the left and right edge of the page.
const MARGIN: f64 = 6.0;
/// Space below the last panel.
const BOTTOM: f64 = 3.0;
/// Height of panels without anything to show.
const EMPTY: f64 = 34.0;
/// Space for the words at the ticks of an axis without label.
const TICKS: f64 = 15.0;

fn slot<'a>(
    pairs: &Pairs<'a>,
    choice: &Choice,
    model: &str,
    hierarchy: usize,
) -> std::result::Result<Placements<'a>, String> {
    let missing = || {
        let name = &pairs.hierarchy(hierarchy).name;
        format!("no {} of {model} on {name} ({}) in these tables", choice.training.label(), choice.task)
    };
    choice.find(pairs, model, hierarchy).and_then(|c| pairs.placements(c)).ok_or_else(missing)
}

/// One group per training, over all hierarchies with exceptions.
fn trainings(pairs: &Pairs<'_>) -> Vec<Group> {
    let excepted = |c: &usize| pairs.hierarchy_of(*c).is_some_and(|h| !pairs.hierarchy(h).exceptions.is_empty());
    let all = Training::all(pairs).into_iter().take(MOST_GROUPS);
    all.map(|training| Group {
        label: training.label(),
        missing: format!("no {} on an exception in these tables", training.label()),
        conditions: pairs.conditions().filter(excepted).filter(|&c| training.includes(pairs.key(c))).collect(),
    })
    .collect()
}

/// All models and stimuli of one hierarchy.
fn hierarchy_group(pairs: &Pairs<'_>, training: &Training, hierarchy: usize) -> Group {
    let name = &pairs.hierarchy(hierarchy).name;
    let own = |c: &usize| pairs.hierarchy_of(*c) == Some(hierarchy) && training.includes(pairs.key(*c));
    Group {
        label: name.clone(),
        missing: format!("no {} on {name} in these tables", training.label()),
        conditions: pairs.conditions().filter(own).collect(),
    }
}

/// A bold letter and words beside it, within a width.
fn heading(canvas: &mut Canvas, (x, y): (f64, f64), letter: &str, words: &str, width: f64) {
    let bold = Text::new(letter).size(LARGE).bold();
    let indent = bold.width() + 5.0;
    canvas.text((x, y + 8.0), &bold);
    canvas.text((x + indent, y + 8.0), &Text::new(shortened(words, width - indent, NORMAL)));
}

/// Draws a legend centered in a width and returns its height.
fn legend_at(canvas: &mut Canvas, legend: &Legend, rect: Rect, y: f64) -> f64 {
    legend.draw_centered(canvas, rect, y);
    legend.height_within(rect.width)
}

#[cfg(test)]
mod tests;
