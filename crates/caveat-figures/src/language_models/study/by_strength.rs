//! Accuracy of a probe over its inverse regularization C: memory of the exception's cycle, and generalization around it.

use caveat_results::Hierarchy;
use caveat_theory::{PairClass, Section};

use super::super::marks::Mark;
use super::super::pairs::{PairAccuracy, Pairs, Proportion};
use super::by_class::{chance, name};
use crate::axes::Panel;
use crate::canvas::{Canvas, Dash, Marker, Rect, Stroke};
use crate::legend::{Key, Legend};
use crate::palette::{Color, GREY, class_color, ordered_color};
use crate::scale::Axis;
use crate::text::item;

/// Most trained pairs of a cycle with a line of their own; in longer cycles all premises look the same.
const MOST_LINES: usize = 8;

/// A line over C: some pairs of every condition, pooled.
pub(super) struct Line {
    words: String,
    stroke: Stroke,
    marker: Marker,
    /// Whether its interval is shaded and it has a key of its own.
    apart: bool,
    class: PairClass,
    pairs: Vec<(usize, usize)>,
}

/// One line per trained pair of a cycle, exceptions first.
pub(super) fn cycle_lines(hierarchy: &Hierarchy) -> Vec<Line> {
    let trained = hierarchy.classes.pairs().filter(|pair| pair.2 == PairClass::ExceptionCycle);
    let is_exception = |i: usize, j: usize| {
        hierarchy.exceptions.iter().any(|&(winner, loser)| (winner.min(loser), winner.max(loser)) == (i, j))
    };
    let (exceptions, premises): (Vec<_>, Vec<_>) = trained.partition(|&(i, j, ..)| is_exception(i, j));
    let crowded = exceptions.len() + premises.len() > MOST_LINES;
    let line = |(i, j): (usize, usize), label: Option<i8>, color: Color, k: usize, width: f64| {
        let (winner, loser) = if label == Some(-1) { (j, i) } else { (i, j) };
        Line {
            words: format!("{} > {}", item(winner), item(loser)),
            stroke: Stroke::new(color, width),
            marker: Marker::ALL[k % 4],
            apart: true,
            class: PairClass::ExceptionCycle,
            pairs: vec![(i, j)],
        }
    };
    let mut lines = Vec::new();
    for (k, (i, j, _, label)) in exceptions.into_iter().enumerate() {
        let apart = k < MOST_LINES;
        let drawn = line((i, j), label, class_color(PairClass::ExceptionCycle), k, 1.4);
        let words = format!("{} (exception)", drawn.words);
        lines.push(Line { words, apart, stroke: drawn.stroke.dash(Dash::ALL[k % 4]), ..drawn });
    }
    let count = premises.len();
    for (k, (i, j, _, label)) in premises.into_iter().enumerate() {
        if crowded {
            let drawn = line((i, j), label, GREY, 0, 0.6);
            lines.push(Line { words: "premises of the cycle".into(), apart: false, ..drawn });
        } else {
            lines.push(line((i, j), label, ordered_color(k, count.max(2) + 1), k + 1, 1.1));
        }
    }
    lines
}

/// The untrained pairs within sections, those across sections, and of the latter those that enclose a cycle most closely.
pub(super) fn generalization_lines(hierarchy: &Hierarchy) -> Vec<Line> {
    let line = |class: PairClass, marker| Line {
        words: format!("{} pairs", name(class)),
        stroke: Stroke::new(class_color(class), 1.3),
        marker,
        apart: true,
        class,
        pairs: hierarchy.classes.pairs().filter(|pair| pair.2 == class).map(|(i, j, ..)| (i, j)).collect(),
    };
    let across = line(PairClass::CrossSection, Marker::Square);
    let pairs = nearest(hierarchy);
    let words = match pairs.as_slice() {
        [(i, j)] => format!("{} > {}, just outside the cycle", item(*i), item(*j)),
        _ => "pairs just outside a cycle".into(),
    };
    let stroke = Stroke::new(across.stroke.color.over(crate::palette::BLACK, 0.7), 1.0).dash(Dash::Dashed);
    let enclosing = Line { words, stroke, marker: Marker::Ring, pairs, ..line(PairClass::CrossSection, Marker::Ring) };
    let lines = [line(PairClass::WithinSection, Marker::Circle), across, enclosing];
    lines.into_iter().filter(|l| !l.pairs.is_empty()).collect()
}

/// The cross-section pairs of the items next above and next below a cycle.
fn nearest(hierarchy: &Hierarchy) -> Vec<(usize, usize)> {
    let classes = &hierarchy.classes;
    let n_cycles =
        classes.sections().iter().filter_map(|s| if let Section::Cycle(k) = s { Some(k + 1) } else { None }).max();
    let mut found = Vec::new();
    for cycle in 0..n_cycles.unwrap_or(0) {
        let members = || (0..hierarchy.n_items).filter(|&i| classes.section(i) == Section::Cycle(cycle));
        if let (Some(first), Some(last)) = (members().min(), members().max())
            && let Some(above) = first.checked_sub(1)
            && last + 1 < hierarchy.n_items
            && classes.class(above, last + 1) == PairClass::CrossSection
        {
            found.push((above, last + 1));
        }
    }
    found
}

/// Keys of lines, with one for all that have none of their own.
pub(super) fn legend(lines: &[Line]) -> Legend {
    let mut legend = Legend::new();
    for line in lines.iter().filter(|l| l.apart).chain(lines.iter().find(|l| !l.apart)) {
        legend.push(Key::LinePoint(line.stroke, line.marker), &line.words);
    }
    legend
}

/// Draws lines over C for conditions (C, index) in increasing order, and returns every point.
pub(super) fn draw(
    canvas: &mut Canvas,
    rect: Rect,
    letter: &str,
    pairs: &Pairs<'_>,
    conditions: &[(f64, usize)],
    lines: &[Line],
) -> Vec<Mark> {
    let ends = conditions.iter().fold((f64::INFINITY, 0.0f64), |(a, b), &(c, _)| (a.min(c), b.max(c)));
    let x = Axis::log(ends.0 / 1.6, ends.1 * 1.6).label("inverse regularization C = 1/l2").thinned(rect.width);
    let panel = Panel::new(rect, x, Axis::linear(0.0, 100.0).label("accuracy (%)"));
    panel.horizontal(canvas, 50.0, chance());
    let accuracies: Vec<Vec<PairAccuracy>> = conditions.iter().map(|&(_, c)| pairs.accuracies(c)).collect();
    let pooled = |line: &Line, k: usize| -> Proportion {
        let own = accuracies[k].iter().filter(|a| line.pairs.contains(&(a.first, a.second)));
        own.map(|a| a.proportion).sum()
    };
    let mut marks = Vec::new();
    for line in lines.iter().filter(|l| l.apart) {
        let interval = |(k, &(c, _)): (usize, &(f64, usize))| {
            let (low, high) = pooled(line, k).interval();
            (c, low, high)
        };
        let band: Vec<_> = conditions.iter().enumerate().map(interval).collect();
        panel.band(canvas, &band, line.stroke.color, 0.18);
    }
    // The first lines matter most, so they are drawn last.
    for line in lines.iter().rev() {
        let points: Vec<(f64, f64)> =
            (0..conditions.len()).map(|k| (conditions[k].0, pooled(line, k).percent())).collect();
        panel.line(canvas, &points, line.stroke);
        panel.points(canvas, &points, line.marker, if line.apart { 2.2 } else { 1.2 }, line.stroke.color);
    }
    panel.axes(canvas);
    for line in lines {
        for (k, &(c, condition)) in conditions.iter().enumerate() {
            let pooled = pooled(line, k);
            let alone = if let [pair] = line.pairs[..] { Some(pair) } else { None };
            marks.push(Mark {
                class: Some(line.class),
                pair: alone,
                x: c,
                value: pooled.percent(),
                interval: pooled.interval(),
                n: pooled.n(),
                ..Mark::for_panel(letter, "point", pairs.key(condition))
            });
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::super::super::pairs::tests::{Spec, table};
    use super::*;

    fn hierarchy(n: usize, exceptions: &[(usize, usize)]) -> Hierarchy {
        table(&[("full", "a", "fake", n, exceptions, None)]).hierarchies.remove(0)
    }

    #[test]
    fn a_cycle_has_a_line_per_trained_pair_with_the_winner_first() {
        let lines = cycle_lines(&hierarchy(9, &[(5, 3)]));
        let words: Vec<&str> = lines.iter().map(|l| l.words.as_str()).collect();
        assert_eq!(words, ["I₆ > I₄ (exception)", "I₄ > I₅", "I₅ > I₆"]);
        assert_eq!(legend(&lines).len(), 3);
        let long = cycle_lines(&hierarchy(20, &[(15, 3)]));
        assert_eq!((long.len(), legend(&long).len()), (13, 2));
        assert!(cycle_lines(&hierarchy(5, &[])).is_empty());
    }

    #[test]
    fn the_pairs_just_outside_are_those_next_to_the_cycles() {
        assert_eq!(nearest(&hierarchy(9, &[(5, 3)])), [(2, 6)]);
        assert_eq!(nearest(&hierarchy(13, &[(4, 2), (10, 8)])), [(1, 5), (7, 11)]);
        // A cycle at the end of the chain, two cycles without an item between, and no cycle at all.
        assert_eq!(nearest(&hierarchy(9, &[(2, 0)])), []);
        assert_eq!(nearest(&hierarchy(8, &[(3, 1), (6, 4)])), []);
        assert_eq!(nearest(&hierarchy(5, &[(3, 2)])), []);
        assert_eq!(generalization_lines(&hierarchy(9, &[(2, 0)])).len(), 1);
        assert_eq!(generalization_lines(&hierarchy(9, &[(5, 3)])).len(), 3);
    }

    #[test]
    fn points_pool_the_pairs_of_a_line() {
        let specs: [Spec<'_>; 2] =
            [("probe", "a", "fake", 9, &[(5, 3)], Some(10.0)), ("probe", "a", "fake", 9, &[(5, 3)], Some(0.1))];
        let table = table(&specs);
        let pairs = Pairs::new(&table).unwrap();
        let mut canvas = Canvas::new(200.0, 100.0);
        let lines = generalization_lines(pairs.hierarchy(0));
        let rect = Rect::new(30.0, 5.0, 150.0, 70.0);
        let marks = draw(&mut canvas, rect, "e", &pairs, &[(0.1, 0), (10.0, 1)], &lines);
        assert_eq!(marks.len(), 6);
        // Both orders of 2 within-section and 9 cross-section pairs, 40 trials each, and the pair (2, 6) alone.
        assert_eq!(marks.iter().map(|m| m.n).collect::<Vec<_>>(), [160, 160, 720, 720, 80, 80]);
        assert_eq!(marks[4].pair, Some((2, 6)));
        let by_hand = table.cells.iter().filter(|c| c.condition == 1 && c.class == PairClass::CrossSection);
        let correct: u64 = by_hand.map(|c| c.n_correct).sum();
        assert!((marks[3].value - 100.0 * correct as f64 / 720.0).abs() < 1e-9);
    }
}
