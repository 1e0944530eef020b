//! Choices pair by pair, beside the theory.
//!
//! # Question
//! On which pairs does a learner choose as the theory says?
//!
//! # Claim
//! The theory accounts for single pairs, not only for the means that make the classical effects: ends above the middle, far
//! pairs above near ones, and what an exception does to either.
//!
//! # Inputs
//! [`Behavior`]s with pairs, one panel each; others are left out.
//!
//! # Drawing
//! Proportion of choices of the higher item with its Wilson interval, one column per pair, grouped by symbolic distance and
//! ordered from the top within a group. Bars are the theory. Squares are trained pairs; colors show the class of a pair where
//! the trained ones are known. Chance is dashed. Panels share their columns.

use caveat_results::Table;
use caveat_theory::{Comparison, ComparisonGraph, PairClass, PairClasses};

use super::{Behavior, Choices, chance, proportion_axis};
use crate::axes::{Panel, margins};
use crate::canvas::{Canvas, DOUBLE_COLUMN, Marker, Rect, Stroke};
use crate::error::{FigureError, Result};
use crate::figure::Figure;
use crate::language_models::shortened;
use crate::legend::{Key, Legend};
use crate::palette::{BLACK, BLUE, Color, GREY, LIGHT_GREY, class_color, class_label};
use crate::scale::Axis;
use crate::text::{Anchor, Level, NORMAL, SMALL, Text};

/// Most panels of one figure: a page with more would be too tall to read.
const MOST_PANELS: usize = 40;
/// Names of the rows of words below the panels.
const ROWS: [&str; 3] = ["higher item", "lower item", "distance"];
/// Space between two groups of columns, in columns.
const GROUP_GAP: f64 = 1.0;
/// Space above a panel for its title.
const ABOVE: f64 = 17.0;
/// Height of a row of words below the panels.
const WORDS: f64 = 9.5;
/// Least width of a column that has room for its items below it.
const NAMED: f64 = 7.5;
/// Space at the right of the panels.
const RIGHT: f64 = 6.0;

/// Draws the panels.
///
/// # Errors
/// No pairs, more than 40 panels, or numbers that are no choices.
pub fn draw(behaviors: &[Behavior]) -> Result<Figure> {
    behaviors.iter().try_for_each(Behavior::check)?;
    let shown: Vec<&Behavior> = behaviors.iter().filter(|b| !b.pairs.is_empty()).collect();
    if shown.is_empty() {
        let missing = "no choices by pair: by distance only, draw the distance effect";
        return Err(FigureError::nothing("choices-by-pair", missing));
    }
    if shown.len() > MOST_PANELS {
        let problem = format!("{} learners: expected at most {MOST_PANELS} in one figure", shown.len());
        return Err(FigureError::bad("choices by pair", problem));
    }
    let columns = Columns::new(&shown);
    let classes = shown.iter().map(|b| classes(b)).collect::<Result<Vec<_>>>()?;
    let (canvas, used) = Drawing { shown: &shown, classes: &classes, columns: &columns }.draw();
    let theory = if used.theory { " Bars are the theory." } else { "" };
    let trained = if used.trained { " Squares are trained pairs." } else { "" };
    let caption = format!(
        "Proportion of choices of the higher item by pair, with Wilson 95 % intervals; pairs are grouped by symbolic distance \
         and named by the places of their items.{theory}{trained} Dashed: chance."
    );
    Ok(Figure::new("choices-by-pair", "Choices by pair", caption, canvas, table(&shown, &classes)?))
}

/// Classes of all pairs, where the trained ones are known.
fn classes(behavior: &Behavior) -> Result<Option<PairClasses>> {
    let Some(trained) = behavior.trained.iter().map(|&(winner, loser)| winner.max(loser)).max() else {
        return Ok(None);
    };
    let tested = behavior.pairs.iter().map(|p| p.lower).max().unwrap_or(0);
    let comparisons = behavior.trained.iter().map(|&(winner, loser)| Comparison::new(winner, loser));
    let graph = ComparisonGraph::new(trained.max(tested) + 1, comparisons)?;
    Ok(Some(graph.classes()?))
}

/// All pairs that any learner was tested on, and where they stand.
struct Columns {
    pairs: Vec<(usize, usize)>,
    places: Vec<f64>,
}

impl Columns {
    fn new(shown: &[&Behavior]) -> Self {
        let mut pairs: Vec<(usize, usize)> =
            shown.iter().flat_map(|b| b.pairs.iter().map(|p| (p.higher, p.lower))).collect();
        pairs.sort_unstable_by_key(|&(i, j)| (j - i, i));
        pairs.dedup();
        let (mut places, mut place) = (Vec::with_capacity(pairs.len()), 0.0);
        for (k, &(i, j)) in pairs.iter().enumerate() {
            if k > 0 {
                let (a, b) = pairs[k - 1];
                place += if b - a == j - i { 1.0 } else { 1.0 + GROUP_GAP };
            }
            places.push(place);
        }
        Self { pairs, places }
    }

    fn place(&self, pair: (usize, usize)) -> f64 {
        let found = self.pairs.binary_search_by_key(&(pair.1 - pair.0, pair.0), |&(i, j)| (j - i, i));
        found.map_or(f64::NAN, |k| self.places[k])
    }

    /// Distance, first and last place of every group.
    fn groups(&self) -> Vec<(usize, f64, f64)> {
        let same = |a: &(usize, usize), b: &(usize, usize)| a.1 - a.0 == b.1 - b.0;
        let mut start = 0;
        let groups = self.pairs.chunk_by(same).map(|group| {
            let (first, last) = (self.places[start], self.places[start + group.len() - 1]);
            start += group.len();
            (group[0].1 - group[0].0, first, last)
        });
        groups.collect()
    }

    fn axis(&self) -> Axis {
        Axis::linear(-0.8, self.places.last().copied().unwrap_or(0.0) + 0.8).ticks::<String>([])
    }

    fn width(&self, panel: Rect) -> f64 {
        panel.width / (self.axis().max() - self.axis().min())
    }
}

/// What the legend and the caption have to explain.
#[derive(Default)]
struct Used {
    theory: bool,
    trained: bool,
    classes: [bool; PairClass::ALL.len()],
    unclassed: bool,
}

struct Drawing<'a> {
    shown: &'a [&'a Behavior],
    classes: &'a [Option<PairClasses>],
    columns: &'a Columns,
}

impl Drawing<'_> {
    fn draw(&self) -> (Canvas, Used) {
        let words = ROWS.map(|words| Text::new(words).size(SMALL).width() + 7.0);
        let left = words.into_iter().fold(margins("1.0").0, f64::max);
        let height = if self.shown.len() == 1 { 130.0 } else { 92.0 };
        let panel = |k: usize| {
            let top = ABOVE + k as f64 * (height + ABOVE);
            Rect::new(left, top, DOUBLE_COLUMN - left - RIGHT, height)
        };
        let named = self.columns.width(panel(0)) >= NAMED;
        let below = panel(self.shown.len() - 1).bottom() + 5.0;
        let legend_top = below + if named { 3.0 } else { 1.0 } * WORDS + 8.0;
        let used = self.used();
        let legend = legend(&used);
        let row = Rect::new(left, 0.0, DOUBLE_COLUMN - left - RIGHT, 1.0);
        let mut canvas = Canvas::new(DOUBLE_COLUMN, legend_top + legend.height_within(row.width) + 4.0);
        for (k, (behavior, classes)) in self.shown.iter().zip(self.classes).enumerate() {
            self.panel(&mut canvas, panel(k), behavior, classes.as_ref());
        }
        self.words(&mut canvas, panel(self.shown.len() - 1), below, named);
        legend.draw_centered(&mut canvas, row, legend_top);
        (canvas, used)
    }

    fn panel(&self, canvas: &mut Canvas, rect: Rect, behavior: &Behavior, classes: Option<&PairClasses>) {
        let all = self.shown.iter().flat_map(|b| &b.pairs);
        let y = proportion_axis(all.map(|p| p.choices)).label("P(higher item chosen)");
        let panel = Panel::new(rect, self.columns.axis(), y);
        for (_, first, last) in self.columns.groups().into_iter().step_by(2) {
            let (from, to) = (panel.place((first - 0.8, 0.0)).0, panel.place((last + 0.8, 0.0)).0);
            canvas.rect(Rect::new(from, rect.y, to - from, rect.height), Some(LIGHT_GREY.tint(0.38)), None);
        }
        panel.horizontal(canvas, 0.5, chance());
        let slot = self.columns.width(rect);
        for pair in &behavior.pairs {
            let x = self.columns.place((pair.higher, pair.lower));
            if let Some(theory) = pair.choices.theory {
                panel.line(canvas, &[(x - 0.4, theory), (x + 0.4, theory)], Stroke::new(BLACK, 1.1));
            }
        }
        let radius = (0.2 * slot).clamp(0.9, 2.1);
        for pair in behavior.pairs.iter().filter(|p| p.choices.trials > 0.0) {
            let x = self.columns.place((pair.higher, pair.lower));
            let (low, high) = pair.choices.interval();
            let color = color(classes.map(|c| c.class(pair.higher, pair.lower)));
            panel.error_bars(canvas, &[(x, low, high)], Stroke::new(color, (0.09 * slot).clamp(0.4, 0.9)));
            let trained = classes.is_some_and(|c| c.is_trained(pair.higher, pair.lower));
            let marker = if trained { Marker::Square } else { Marker::Circle };
            panel.points(canvas, &[(x, pair.choices.proportion())], marker, radius, color);
        }
        panel.axes(canvas);
        panel.title(canvas, &shortened(&behavior.label, rect.width, NORMAL));
    }

    /// Below the last panel: the items of every pair and the distances.
    fn words(&self, canvas: &mut Canvas, rect: Rect, top: f64, named: bool) {
        let panel = Panel::new(rect, self.columns.axis(), Axis::linear(0.0, 1.0));
        let word = |content: String| Text::new(content).size(SMALL).anchored(Anchor::Middle, Level::Top);
        let rows = if named { &ROWS[..] } else { &ROWS[2..] };
        if named {
            for (&(higher, lower), &place) in self.columns.pairs.iter().zip(&self.columns.places) {
                let (x, _) = panel.place((place, 0.0));
                canvas.text((x, top), &word((higher + 1).to_string()));
                canvas.text((x, top + WORDS), &word((lower + 1).to_string()));
            }
        }
        for (k, row) in rows.iter().enumerate() {
            let name = Text::new(*row).size(SMALL).anchored(Anchor::End, Level::Top);
            // The row of distances stands a little lower, under its brackets.
            let lower = if named && k == 2 { 4.0 } else { 0.0 };
            canvas.text((rect.x - 5.0, top + k as f64 * WORDS + lower), &name);
        }
        let base = top + (rows.len() - 1) as f64 * WORDS + if named { 4.0 } else { 0.0 };
        let mut free = f64::NEG_INFINITY;
        for (distance, first, last) in self.columns.groups() {
            let (from, to) = (panel.place((first - 0.4, 0.0)).0, panel.place((last + 0.4, 0.0)).0);
            if named {
                canvas.line((from, base - 3.0), (to, base - 3.0), Stroke::new(GREY, 0.6));
            }
            let text = word(distance.to_string());
            let middle = f64::midpoint(from, to);
            if middle - text.width() / 2.0 > free {
                free = middle + text.width() / 2.0 + 1.5;
                canvas.text((middle, base), &text);
            }
        }
    }

    fn used(&self) -> Used {
        let mut used = Used::default();
        for (behavior, classes) in self.shown.iter().zip(self.classes) {
            for pair in &behavior.pairs {
                used.theory |= pair.choices.theory.is_some();
                match classes {
                    Some(classes) if pair.choices.trials > 0.0 => {
                        used.trained |= classes.is_trained(pair.higher, pair.lower);
                        used.classes[classes.class(pair.higher, pair.lower) as usize] = true;
                    }
                    _ => used.unclassed |= pair.choices.trials > 0.0,
                }
            }
        }
        used
    }
}

/// Color of a pair whose class is known or not.
fn color(class: Option<PairClass>) -> Color {
    match class {
        // Its own color is that of a background.
        Some(PairClass::Ambiguous) => GREY,
        Some(class) => class_color(class),
        None => BLUE,
    }
}

fn legend(used: &Used) -> Legend {
    let mut legend = Legend::new();
    // Without an exception, classes are no more than trained and untrained.
    let plain = [PairClass::Premise, PairClass::WithinSection];
    let only_plain = PairClass::ALL.into_iter().all(|c| plain.contains(&c) || !used.classes[c as usize]);
    for class in PairClass::ALL.into_iter().filter(|c| used.classes[*c as usize]) {
        let trained = matches!(class, PairClass::Premise | PairClass::ExceptionCycle);
        let (marker, note) = if trained { (Marker::Square, " (trained)") } else { (Marker::Circle, "") };
        let words = match class {
            PairClass::Premise if only_plain => "trained pair".to_owned(),
            PairClass::WithinSection if only_plain => "untrained pair".to_owned(),
            _ => format!("{}{note}", class_label(class)),
        };
        legend.push(Key::Point(marker, color(Some(class))), words);
    }
    if used.unclassed {
        legend.push(Key::Point(Marker::Circle, color(None)), "observed");
    }
    if used.theory {
        legend.push(Key::Line(Stroke::new(BLACK, 1.1)), "theory");
    }
    legend.with(Key::Line(chance()), "chance")
}

/// One row per learner and pair.
fn table(shown: &[&Behavior], classes: &[Option<PairClasses>]) -> Result<Table> {
    let rows: Vec<_> = shown.iter().zip(classes).flat_map(|(b, c)| b.pairs.iter().map(move |p| (b, c, *p))).collect();
    let class = |c: &Option<PairClasses>, i, j| c.as_ref().map_or("", |c| c.class(i, j).name());
    let table = Table::new()
        .text("series", rows.iter().map(|r| r.0.label.as_str()))?
        .count("rank_a", rows.iter().map(|r| r.2.higher))?
        .count("rank_b", rows.iter().map(|r| r.2.lower))?
        .count("distance", rows.iter().map(|r| r.2.lower - r.2.higher))?
        .flag("trained", rows.iter().map(|r| r.1.as_ref().is_some_and(|c| c.is_trained(r.2.higher, r.2.lower))))?
        .text("class", rows.iter().map(|r| class(r.1, r.2.higher, r.2.lower)))?;
    Choices::add_columns(rows.iter().map(|r| r.2.choices), table)
}

#[cfg(test)]
mod tests {
    use super::super::tests::behavior;
    use super::super::{DistanceChoices, PairChoices};
    use super::*;
    use crate::canvas::Format;
    use caveat_results::Values;

    #[test]
    fn columns_are_grouped_by_distance_from_the_top() {
        let both = [behavior("a", 4, &[]), behavior("b", 3, &[])];
        let columns = Columns::new(&both.iter().collect::<Vec<_>>());
        assert_eq!(columns.pairs, [(0, 1), (1, 2), (2, 3), (0, 2), (1, 3), (0, 3)]);
        assert_eq!(columns.places, [0.0, 1.0, 2.0, 4.0, 5.0, 7.0]);
        assert_eq!(columns.groups(), [(1, 0.0, 2.0), (2, 4.0, 5.0), (3, 7.0, 7.0)]);
        assert_eq!(columns.place((1, 3)), 5.0);
        assert!(columns.place((0, 9)).is_nan());
    }

    #[test]
    fn one_pair_missing_pairs_and_no_theory_are_drawn() {
        let mut gaps = behavior("gaps", 7, &[(4, 2)]);
        gaps.pairs.retain(|p| (p.higher + p.lower) % 3 != 0);
        gaps.pairs[0].choices.trials = 0.0;
        gaps.pairs[0].choices.higher_chosen = 0.0;
        gaps.pairs.iter_mut().skip(3).for_each(|p| p.choices.theory = None);
        let n = gaps.pairs.len();
        let choices = Choices { higher_chosen: 1.0, trials: 1.0, theory: None };
        let one = Behavior { pairs: vec![PairChoices { higher: 2, lower: 3, choices }], ..Behavior::default() };
        assert_eq!(draw(std::slice::from_ref(&one)).unwrap().table.n_rows(), 1);
        let figure = draw(&[one, gaps]).unwrap();
        assert!(!figure.canvas.render(Format::Svg).unwrap().is_empty());
        assert!(figure.caption.contains("theory") && figure.caption.contains("Squares"));
        let table = figure.table;
        assert_eq!(table.n_rows(), n + 1);
        let Some(Values::Float(accuracy)) = table.column("accuracy") else { panic!("no accuracy") };
        assert!(accuracy[0] == 1.0 && accuracy[1].is_nan());
    }

    #[test]
    fn classes_come_from_the_trained_pairs() {
        let table = draw(&[behavior("x", 9, &[(5, 3)])]).unwrap().table;
        let (Some(Values::Text(class)), Some(Values::Flag(trained))) = (table.column("class"), table.column("trained"))
        else {
            panic!("columns are missing")
        };
        let count = |c: PairClass| class.iter().filter(|x| *x == c.name()).count();
        // The cycle 4 > 5 > 6 > 4 has three trained pairs, the rest of the chain six; 3 × 3 pairs reach across it.
        assert_eq!([PairClass::ExceptionCycle, PairClass::Premise, PairClass::CrossSection].map(count), [3, 6, 9]);
        assert_eq!(trained.iter().filter(|t| **t).count(), 9);
    }

    #[test]
    fn many_items_and_many_learners_stay_on_the_page() {
        let canvas = draw(&[behavior("large", 25, &[])]).unwrap().canvas;
        assert!(canvas.width() <= DOUBLE_COLUMN + 1.0);
        let many: Vec<_> = (0..MOST_PANELS).map(|k| behavior(&k.to_string(), 3, &[])).collect();
        assert!(draw(&many).unwrap().canvas.height() < 10_000.0);
        assert!(matches!(draw(&[many, vec![behavior("x", 3, &[])]].concat()), Err(FigureError::BadInput { .. })));
    }

    #[test]
    fn choices_without_pairs_are_refused() {
        let choices = Choices { higher_chosen: 1.0, trials: 2.0, theory: None };
        let distances = vec![DistanceChoices { distance: 1, choices }];
        let by_distance = Behavior { distances, ..Behavior::default() };
        assert!(matches!(draw(&[by_distance]), Err(FigureError::Nothing { .. })));
        assert!(matches!(draw(&[]), Err(FigureError::Nothing { .. })));
    }
}
