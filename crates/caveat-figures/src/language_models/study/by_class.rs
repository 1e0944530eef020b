//! Accuracy by pair class as violins, side by side in groups of conditions.

use caveat_results::ConditionKey;
use caveat_theory::PairClass;

use super::super::marks::Mark;
use super::super::pairs::{PairAccuracy, Pairs, Proportion};
use super::super::placements::gap;
use super::super::shortened;
use crate::axes::Panel;
use crate::canvas::{Canvas, Dash, Marker, Rect, Stroke};
use crate::legend::{Key, Legend};
use crate::palette::{BLACK, GREY, LIGHT_GREY, WHITE, class_color, class_label};
use crate::scale::Axis;
use crate::text::{Anchor, Level, SMALL, Text};
use crate::violin::Violin;

/// The classes shown, in order.
pub(super) const CLASSES: [PairClass; 4] =
    [PairClass::Premise, PairClass::ExceptionCycle, PairClass::WithinSection, PairClass::CrossSection];

/// Their names, with what was trained.
pub(super) fn name(class: PairClass) -> String {
    let trained = matches!(class, PairClass::Premise | PairClass::ExceptionCycle);
    format!("{}{}", class_label(class), if trained { " (trained)" } else { "" })
}

/// Conditions whose pairs stand together.
pub(super) struct Group {
    /// Below the group.
    pub(super) label: String,
    /// Shown in its place without conditions.
    pub(super) missing: String,
    pub(super) conditions: Vec<usize>,
}

/// Keys of the violins.
pub(super) fn legend() -> Legend {
    let mut legend = Legend::new();
    for class in CLASSES {
        legend.push(Key::Patch(class_color(class).tint(0.75)), name(class));
    }
    legend.with(Key::Point(Marker::Circle, BLACK), "mean, 95 % interval")
}

/// Draws the groups side by side and returns every value and mean.
pub(super) fn draw(canvas: &mut Canvas, rect: Rect, letter: &str, pairs: &Pairs<'_>, groups: &[Group]) -> Vec<Mark> {
    let slot = rect.width / groups.len().max(1) as f64;
    let ticks =
        groups.iter().enumerate().map(|(g, group)| (g as f64 + 0.5, shortened(&group.label, slot - 4.0, SMALL)));
    let x = Axis::linear(0.0, groups.len().max(1) as f64).ticks(ticks);
    let panel = Panel::new(rect, x, Axis::linear(0.0, 100.0).label("accuracy (%)"));
    panel.horizontal(canvas, 50.0, chance());
    for between in 1..groups.len() {
        panel.vertical(canvas, between as f64, Stroke::new(LIGHT_GREY, 0.5));
    }
    let mut marks = Vec::new();
    for (g, group) in groups.iter().enumerate() {
        if group.conditions.is_empty() {
            let place = Rect::new(rect.x + g as f64 * slot, rect.y, slot, rect.height);
            gap(canvas, place.inset(0.12 * slot, 0.0, 0.12 * slot, rect.height / 2.0), &group.missing);
            continue;
        }
        let accuracies: Vec<PairAccuracy> = group.conditions.iter().flat_map(|&c| pairs.accuracies(c)).collect();
        let keys: Vec<&ConditionKey> = group.conditions.iter().map(|&c| pairs.key(c)).collect();
        for (k, class) in CLASSES.into_iter().enumerate() {
            let x = g as f64 + 0.5 + 0.225 * (k as f64 - 1.5);
            let own: Vec<&PairAccuracy> = accuracies.iter().filter(|a| a.class == class).collect();
            if own.is_empty() {
                let none =
                    Text::new("no pair").size(SMALL).color(GREY).anchored(Anchor::Start, Level::Middle).rotated(-90.0);
                panel.note(canvas, (x, 0.0), (0.0, -3.0), &none);
                continue;
            }
            let violin = Violin::new(own.iter().map(|a| a.proportion.percent()), (0.0, 100.0));
            violin.draw(canvas, &panel, x, 0.1, class_color(class));
            marks.extend(own.iter().map(|a| Mark {
                class: Some(class),
                pair: Some((a.first, a.second)),
                value: a.proportion.percent(),
                interval: a.proportion.interval(),
                n: a.proportion.n(),
                ..Mark::for_panel(letter, "value", pairs.key(a.condition))
            }));
            let pooled: Proportion = own.iter().map(|a| a.proportion).sum();
            mean(canvas, &panel, x, pooled);
            marks.extend(Mark::pooled(letter, "mean", &keys).map(|mark| Mark {
                class: Some(class),
                value: pooled.percent(),
                interval: pooled.interval(),
                n: pooled.n(),
                ..mark
            }));
        }
    }
    panel.axes(canvas);
    marks
}

/// The line of chance.
pub(super) fn chance() -> Stroke {
    Stroke::new(GREY, 0.6).dash(Dash::Dashed)
}

/// The mean with its interval, edged in white to be seen on a violin.
fn mean(canvas: &mut Canvas, panel: &Panel, x: f64, pooled: Proportion) {
    let (low, high) = pooled.interval();
    for (edge, color) in [(1.4, WHITE), (0.0, BLACK)] {
        panel.error_bars(canvas, &[(x, low, high)], Stroke::new(color, 1.0 + edge));
        panel.points(canvas, &[(x, pooled.percent())], Marker::Circle, 1.6 + edge / 2.0, color);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::pairs::tests::{Spec, table};
    use super::*;

    #[test]
    fn every_value_and_mean_is_a_mark_and_means_are_of_all_trials() {
        let specs: [Spec<'_>; 2] =
            [("full", "a", "fake", 9, &[(5, 3)], None), ("full", "b", "fake", 11, &[(6, 4)], None)];
        let mut table = table(&specs);
        // Twice the trials in one condition: means weigh trials, not pairs.
        for cell in table.cells.iter_mut().filter(|c| c.condition == 1) {
            (cell.n_scored, cell.n_correct) = (80, 20);
        }
        for cell in table.cells.iter_mut().filter(|c| c.condition == 0) {
            (cell.n_scored, cell.n_correct) = (40, 40);
        }
        let pairs = Pairs::new(&table).unwrap();
        let group = |conditions| Group { label: "group".into(), missing: "none of these".into(), conditions };
        let mut canvas = Canvas::new(300.0, 120.0);
        let rect = Rect::new(30.0, 10.0, 250.0, 90.0);
        let marks = draw(&mut canvas, rect, "c", &pairs, &[group(vec![0, 1]), group(vec![])]);
        // n = 9: 6 + 3 + 2 + 9 pairs of these classes; n = 11, cycle of ranks 4 to 6: 8 + 3 + 6 + 16.
        assert_eq!(marks.iter().filter(|m| m.mark == "value").count(), 20 + 33);
        let across = marks.iter().find(|m| m.mark == "mean" && m.class == Some(PairClass::CrossSection)).unwrap();
        // Trials: 9 pairs × 80 all right, 16 pairs × 160 a quarter right.
        assert_eq!(across.n, 720 + 2560);
        assert!((across.value - 100.0 * (720.0 + 640.0) / 3280.0).abs() < 1e-12);
        assert!(across.interval.0 < across.value && across.value < across.interval.1);
        assert_eq!((across.key.setting.as_str(), across.key.model.as_str()), ("full", ""));
        assert_eq!(marks.iter().filter(|m| m.mark == "mean").count(), 4);
        assert!(canvas.svg().contains("none of these"));
    }
}
