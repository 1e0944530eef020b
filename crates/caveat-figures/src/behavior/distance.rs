//! The symbolic distance effect and the serial position effect, beside the theory.
//!
//! # Question
//! Do choices get better with the distance between two items and towards the ends of the list as much as the theory says?
//!
//! # Claim
//! Both effects follow from the ranks that the theory gives: their differences add up over a distance, and they are largest at
//! the ends.
//!
//! # Inputs
//! [`Behavior`]s, one color each. Those known by distance only have no serial positions; without any pairs, the figure is only
//! its first panel.
//!
//! # Drawing
//! Proportion of choices of the higher item with its Wilson interval, and the theory as a line. **a** All pairs by symbolic
//! distance. **b** Adjacent pairs by their place in the list. **c** All pairs with an item, by item. The theory is averaged over
//! the trials of the pairs behind each point. Chance is dashed.

use std::collections::BTreeMap;

use caveat_results::Table;
use caveat_theory::named_enum;

use super::{Behavior, Choices, chance, proportion_axis};
use crate::axes::{Panel, margins};
use crate::canvas::{Canvas, DOUBLE_COLUMN, Dash, Marker, Rect, SINGLE_COLUMN, Stroke};
use crate::error::{FigureError, Result};
use crate::figure::Figure;
use crate::language_models::shortened;
use crate::layout;
use crate::legend::{Key, Legend};
use crate::palette::{GREY, category_color};
use crate::scale::Axis;
use crate::text::{SMALL, item};

/// Space for letters and titles above several panels, and above a single one without.
const ABOVE: [f64; 2] = [20.0, 7.0];
/// Height of the panels.
const HEIGHT: f64 = 132.0;

/// Draws the effects.
///
/// # Errors
/// No choices, or numbers that are no choices.
pub fn draw(behaviors: &[Behavior]) -> Result<Figure> {
    behaviors.iter().try_for_each(Behavior::check)?;
    let shown: Vec<&Behavior> = behaviors.iter().filter(|b| !(b.pairs.is_empty() && b.distances.is_empty())).collect();
    if shown.is_empty() {
        return Err(FigureError::nothing("distance-and-position", "expected choices by pair or by distance"));
    }
    let with_pairs = shown.iter().any(|b| !b.pairs.is_empty());
    let effects: &[Effect] = if with_pairs { &Effect::ALL } else { &[Effect::Distance] };
    let curves: Vec<Vec<Curve>> =
        effects.iter().map(|effect| shown.iter().map(|b| effect.curve(b)).collect()).collect();
    let canvas = Drawing { shown: &shown, effects, curves: &curves }.draw();
    let theory = if has_theory(curves.iter().flatten()) {
        " Lines are the theory, averaged over the trials of the same pairs."
    } else {
        ""
    };
    let (title, what) = if with_pairs {
        (
            "Symbolic distance and serial position",
            "(a) over all pairs of a symbolic distance, (b) on adjacent pairs by place, (c) over all pairs with an item",
        )
    } else {
        ("Symbolic distance", "over all pairs of a symbolic distance")
    };
    let caption =
        format!("Proportion of choices of the higher item {what}, with Wilson 95 % intervals.{theory} Dashed: chance.");
    Ok(Figure::new("distance-and-position", title, caption, canvas, table(&shown, effects, &curves)?))
}

/// Points by their place on the x axis, in order.
type Curve = BTreeMap<usize, Choices>;

fn has_theory<'a>(curves: impl IntoIterator<Item = &'a Curve>) -> bool {
    curves.into_iter().flat_map(BTreeMap::values).any(|p| p.theory.is_some())
}

named_enum! {
    /// What a panel shows.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Effect, ALL {
        Distance = "distance",
        Adjacent = "adjacent",
        Item = "item",
    }
}

impl Effect {
    fn title(self) -> &'static str {
        match self {
            Self::Distance => "all pairs",
            Self::Adjacent => "adjacent pairs",
            Self::Item => "all pairs with an item",
        }
    }

    fn curve(self, behavior: &Behavior) -> Curve {
        if behavior.pairs.is_empty() {
            let distances = behavior.distances.iter().filter(|_| self == Self::Distance);
            return distances.map(|d| (d.distance, d.choices)).collect();
        }
        let mut parts: BTreeMap<usize, Vec<Choices>> = BTreeMap::new();
        for pair in &behavior.pairs {
            let mut add = |place: usize| parts.entry(place).or_default().push(pair.choices);
            match self {
                Self::Distance => add(pair.lower - pair.higher),
                Self::Adjacent if pair.lower == pair.higher + 1 => add(pair.higher),
                Self::Adjacent => {}
                Self::Item => [pair.higher, pair.lower].into_iter().for_each(add),
            }
        }
        parts.into_iter().map(|(place, parts)| (place, Choices::pooled(parts))).collect()
    }

    fn axis(self, curves: &[Curve], length: f64) -> Axis {
        let places = || curves.iter().flat_map(BTreeMap::keys).copied();
        let (first, last) = (places().min().unwrap_or(0), places().max().unwrap_or(0));
        let (label, name): (_, fn(usize) -> String) = match self {
            Self::Distance => ("symbolic distance", |k| k.to_string()),
            Self::Adjacent => ("items", |k| format!("{}–{}", k + 1, k + 2)),
            Self::Item => ("item", item),
        };
        let axis = Axis::linear(first as f64 - 0.5, last as f64 + 0.5);
        axis.ticks((first..=last).map(|k| (k as f64, name(k)))).label(label).thinned(length)
    }
}

struct Drawing<'a> {
    shown: &'a [&'a Behavior],
    effects: &'a [Effect],
    curves: &'a [Vec<Curve>],
}

impl Drawing<'_> {
    fn draw(&self) -> Canvas {
        let (left, below) = margins("0.5");
        let width = if self.effects.len() == 1 { SINGLE_COLUMN } else { DOUBLE_COLUMN };
        let above = ABOVE[usize::from(self.effects.len() == 1)];
        let legend = self.legend(width - 40.0);
        let row = Rect::new(8.0, 0.0, width - 16.0, 1.0);
        let mut canvas = Canvas::new(width, above + HEIGHT + below + 6.0 + legend.height_within(row.width) + 4.0);
        let body = Rect::new(left + 4.0, above, width - left - 10.0, HEIGHT);
        let cells = layout::columns_of(body, self.effects.len(), 20.0);
        let y = proportion_axis(self.curves.iter().flatten().flat_map(BTreeMap::values).copied());
        for (k, ((effect, curves), rect)) in self.effects.iter().zip(self.curves).zip(cells).enumerate() {
            let y = if k == 0 { y.clone().label("P(higher item chosen)") } else { y.clone().bare() };
            let panel = Panel::new(rect, effect.axis(curves, rect.width), y);
            self.panel(&mut canvas, &panel, curves);
            if self.effects.len() > 1 {
                panel.letter(&mut canvas, &layout::letter(k));
                panel.title(&mut canvas, effect.title());
            }
        }
        legend.draw_centered(&mut canvas, row, above + HEIGHT + below + 6.0);
        canvas
    }

    fn panel(&self, canvas: &mut Canvas, panel: &Panel, curves: &[Curve]) {
        panel.grid(canvas);
        panel.horizontal(canvas, 0.5, chance());
        // The learners of a panel stand beside each other, all of them within the middle half of a place.
        let here: Vec<usize> = (0..curves.len()).filter(|&series| !curves[series].is_empty()).collect();
        let step = 0.5f64.min(0.1 * here.len() as f64) / here.len().max(1) as f64;
        let middle = here.len().saturating_sub(1) as f64 / 2.0;
        let shift = |series: usize| (here.iter().filter(|&&s| s < series).count() as f64 - middle) * step;
        for (series, curve) in curves.iter().enumerate() {
            let with_theory = has_theory([curve]);
            // Only a theory is drawn as an unbroken line.
            let (value, stroke): (fn(Choices) -> f64, _) = match with_theory {
                true => (Choices::theory, Stroke::new(category_color(series), 1.2)),
                false => (Choices::proportion, Stroke::new(category_color(series), 0.7).dash(Dash::Dotted)),
            };
            let line: Vec<_> = curve.iter().map(|(&place, &c)| (place as f64 + shift(series), value(c))).collect();
            panel.line(canvas, &line, stroke);
        }
        for (series, curve) in curves.iter().enumerate() {
            let color = category_color(series);
            for (&place, c) in curve.iter().filter(|(_, c)| c.trials > 0.0) {
                let x = place as f64 + shift(series);
                let (low, high) = c.interval();
                panel.error_bars(canvas, &[(x, low, high)], Stroke::new(color, 0.9));
                panel.points(canvas, &[(x, c.proportion())], marker(series), 2.1, color);
            }
        }
        panel.axes(canvas);
    }

    fn legend(&self, width: f64) -> Legend {
        let mut legend = Legend::new();
        for (series, behavior) in self.shown.iter().enumerate().filter(|(_, b)| !b.label.is_empty()) {
            let key = match has_theory(self.curves.iter().map(|curves| &curves[series])) {
                true => Key::LinePoint(Stroke::new(category_color(series), 1.2), marker(series)),
                false => Key::Point(marker(series), category_color(series)),
            };
            legend.push(key, shortened(&behavior.label, width, SMALL));
        }
        if has_theory(self.curves.iter().flatten()) {
            legend.push(Key::Line(Stroke::new(GREY, 1.2)), "theory");
        }
        legend.with(Key::Line(chance()), "chance")
    }
}

/// Filled markers only: an interval would show through a ring.
fn marker(series: usize) -> Marker {
    Marker::ALL[series % 4]
}

/// One row per panel, learner and point.
fn table(shown: &[&Behavior], effects: &[Effect], curves: &[Vec<Curve>]) -> Result<Table> {
    let mut rows = Vec::new();
    for (effect, curves) in effects.iter().zip(curves) {
        for (behavior, curve) in shown.iter().zip(curves) {
            rows.extend(curve.iter().map(|(&place, &p)| (*effect, *behavior, place, p)));
        }
    }
    let table = Table::new()
        .text("panel", rows.iter().map(|r| r.0.name()))?
        .text("series", rows.iter().map(|r| r.1.label.as_str()))?
        .count("x", rows.iter().map(|r| r.2))?;
    Choices::add_columns(rows.iter().map(|r| r.3), table)
}

#[cfg(test)]
mod tests {
    use super::super::tests::behavior;
    use super::super::{DistanceChoices, PairChoices};
    use super::*;
    use crate::canvas::Format;
    use caveat_results::Values;

    fn pair(higher: usize, lower: usize, higher_chosen: f64) -> PairChoices {
        let choices = Choices { higher_chosen, trials: 10.0, theory: Some(0.1 * higher_chosen) };
        PairChoices { higher, lower, choices }
    }

    #[test]
    fn effects_are_pooled_over_the_right_pairs() {
        let pairs = vec![pair(0, 1, 8.0), pair(1, 2, 6.0), pair(0, 2, 10.0)];
        let three = Behavior { label: "three".into(), pairs, ..Behavior::default() };
        let of = |effect: Effect| -> Vec<(usize, f64, f64)> {
            effect.curve(&three).into_iter().map(|(place, p)| (place, p.higher_chosen, p.trials)).collect()
        };
        assert_eq!(of(Effect::Distance), [(1, 14.0, 20.0), (2, 10.0, 10.0)]);
        assert_eq!(of(Effect::Adjacent), [(0, 8.0, 10.0), (1, 6.0, 10.0)]);
        assert_eq!(of(Effect::Item), [(0, 18.0, 20.0), (1, 14.0, 20.0), (2, 16.0, 20.0)]);
        for curve in Effect::ALL.map(|e| e.curve(&three)) {
            assert!(curve.values().all(|p| (p.theory() - p.proportion()).abs() < 1e-15), "pooled alike");
        }
        let table = draw(&[three]).unwrap().table;
        let Some(Values::Float(accuracy)) = table.column("accuracy") else { panic!("no accuracy") };
        assert_eq!(*accuracy, [0.7, 1.0, 0.8, 0.6, 0.9, 0.7, 0.8]);
    }

    #[test]
    fn distances_alone_make_one_narrow_panel() {
        let distances = (1..7).map(|distance| {
            let choices = Choices { higher_chosen: 6.0 + distance as f64, trials: 12.0, theory: None };
            DistanceChoices { distance, choices }
        });
        let humans = Behavior { label: "humans".into(), distances: distances.collect(), ..Behavior::default() };
        let figure = draw(std::slice::from_ref(&humans)).unwrap();
        assert_eq!((figure.canvas.width(), figure.table.n_rows()), (SINGLE_COLUMN, 6));
        assert!(!figure.caption.contains("theory"));
        let both = draw(&[behavior("monkeys", 7, &[]), humans]).unwrap();
        assert_eq!((both.canvas.width(), both.table.n_rows()), (DOUBLE_COLUMN, 6 + 6 + 6 + 7));
        assert!(both.caption.contains("theory"));
    }

    #[test]
    fn one_pair_missing_pairs_and_many_learners_are_drawn() {
        let one = Behavior { pairs: vec![pair(3, 5, 0.0)], ..Behavior::default() };
        assert!(!draw(std::slice::from_ref(&one)).unwrap().canvas.render(Format::Svg).unwrap().is_empty());
        let mut gaps = behavior("gaps", 9, &[(5, 3)]);
        gaps.pairs.retain(|p| p.lower % 2 == 1);
        gaps.pairs.iter_mut().for_each(|p| p.choices.theory = None);
        let mut untested = pair(0, 1, 5.0);
        (untested.choices.trials, untested.choices.higher_chosen) = (0.0, 0.0);
        let untested = Behavior { pairs: vec![untested], ..Behavior::default() };
        let many: Vec<_> = (0..12).map(|k| behavior(&format!("learner number {k}"), 30, &[])).collect();
        let figure = draw(&[vec![one, gaps, untested], many].concat()).unwrap();
        assert!(!figure.canvas.render(Format::Svg).unwrap().is_empty());
        assert!(figure.canvas.width() <= DOUBLE_COLUMN + 1.0);
    }

    #[test]
    fn nothing_to_draw_is_refused() {
        assert!(matches!(draw(&[]), Err(FigureError::Nothing { .. })));
        assert!(matches!(draw(&[Behavior::default()]), Err(FigureError::Nothing { .. })));
    }
}
