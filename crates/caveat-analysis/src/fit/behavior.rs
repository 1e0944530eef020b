//! Pictures of choices with the fitted theory.

use std::collections::BTreeMap;

use caveat_figures::Figure;
use caveat_figures::behavior::{Behavior, Choices, DistanceChoices, PairChoices, distance, pairs};
use caveat_results::ChoiceTable;

use super::choices::{ChoiceFile, ChoiceUnit, FittedChoices};
use super::request::ChoiceRequest;
use crate::error::Result;

/// Draws what was asked for: by pair, and by distance.
pub(super) fn draw(
    request: &ChoiceRequest,
    file: &ChoiceFile,
    fitted: &[FittedChoices],
) -> Result<[Option<Figure>; 2]> {
    if !(request.draw_pairs || request.draw_distances) {
        return Ok([None, None]);
    }
    let units = file.units.iter().zip(&file.tables).zip(fitted);
    let behaviors = units.map(|((unit, table), fitted)| behavior(unit, table, fitted)).collect::<Result<Vec<_>>>()?;
    let by_pair = request.draw_pairs.then(|| pairs::draw(&behaviors)).transpose()?;
    let by_distance = request.draw_distances.then(|| distance::draw(&behaviors)).transpose()?;
    Ok([by_pair, by_distance])
}

fn behavior(unit: &ChoiceUnit, table: &ChoiceTable, fitted: &FittedChoices) -> Result<Behavior> {
    // Probability of the higher item by unordered pair, averaged over the orders in which the pair was shown.
    let mut theory: BTreeMap<(usize, usize), (f64, f64)> = BTreeMap::new();
    for (&(first, second), &p) in fitted.pairs.iter().zip(&fitted.fit.probabilities) {
        let sum = theory.entry((first.min(second), first.max(second))).or_default();
        sum.0 += if first < second { p } else { 1.0 - p };
        sum.1 += 1.0;
    }
    let of = |pair: (usize, usize)| theory.get(&pair).map(|(sum, count)| sum / count);
    let trained = unit.graph.edges().iter().filter(|e| e.label() != 0.0).map(|e| {
        let (i, j) = e.items();
        if e.label() > 0.0 { (i, j) } else { (j, i) }
    });
    let mut behavior = Behavior { label: unit.head.name(), trained: trained.collect(), ..Behavior::default() };
    if table.rows.is_empty() {
        behavior.distances.extend(table.distances().into_iter().map(|d| {
            let pairs = (0..table.n_items - d.distance).filter_map(|i| of((i, i + d.distance)));
            let (sum, count) = pairs.fold((0.0, 0.0), |(sum, count), p| (sum + p, count + 1.0));
            let theory = (count > 0.0).then_some(sum / count);
            let choices = Choices { higher_chosen: d.higher_chosen, trials: d.trials, theory };
            DistanceChoices { distance: d.distance, choices }
        }));
    } else {
        behavior.pairs.extend(table.pairs()?.into_iter().map(|p| {
            let theory = of((p.higher, p.lower));
            let choices = Choices { higher_chosen: p.higher_chosen, trials: p.trials, theory };
            PairChoices { higher: p.higher, lower: p.lower, choices }
        }));
    }
    Ok(behavior)
}
