//! Pictures of choices with the fitted theory over them.

use std::collections::BTreeMap;

use caveat_figures::behavior::{Behavior, DistanceChoices, PairChoices, distance, pairs};
use caveat_results::ChoiceTable;

use super::choices::{ChoiceFile, ChoiceUnit, FittedChoices};
use crate::cli::FitArgs;
use crate::failure::Failure;
use crate::output::{tell, write_figure};

/// Refuses a picture that the file has no choices for.
pub(crate) fn check(args: &FitArgs, file: &ChoiceFile) -> Result<(), Failure> {
    if args.choices.figure.is_some() && file.tables.iter().all(|t| t.rows.is_empty()) {
        return Err(Failure::input(
            "--figure shows accuracy by pair, and the file tells symbolic distances only: use --distance-figure",
        ));
    }
    Ok(())
}

/// Draws what was asked for.
pub(crate) fn draw(args: &FitArgs, file: &ChoiceFile, fitted: &[FittedChoices]) -> Result<(), Failure> {
    if args.choices.figure.is_none() && args.choices.distance_figure.is_none() {
        return Ok(());
    }
    let behaviors: Vec<Behavior> = file
        .units
        .iter()
        .zip(&file.tables)
        .zip(fitted)
        .map(|((unit, table), fitted)| behavior(unit, table, fitted))
        .collect::<Result<_, _>>()?;
    if let Some(path) = &args.choices.figure {
        write_figure(path, &pairs::draw(&behaviors)?)?;
        tell(&path.display().to_string());
    }
    if let Some(path) = &args.choices.distance_figure {
        write_figure(path, &distance::draw(&behaviors)?)?;
        tell(&path.display().to_string());
    }
    Ok(())
}

fn behavior(unit: &ChoiceUnit, table: &ChoiceTable, fitted: &FittedChoices) -> Result<Behavior, Failure> {
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
        behavior.distances = table
            .distances()
            .into_iter()
            .map(|d| {
                let pairs = (0..table.n_items - d.distance).filter_map(|i| of((i, i + d.distance)));
                let (sum, count) = pairs.fold((0.0, 0.0), |(sum, count), p| (sum + p, count + 1.0));
                DistanceChoices {
                    distance: d.distance,
                    higher_chosen: d.higher_chosen,
                    trials: d.trials,
                    theory: (count > 0.0).then_some(sum / count),
                }
            })
            .collect();
    } else {
        behavior.pairs = table
            .pairs()?
            .into_iter()
            .map(|p| PairChoices {
                higher: p.higher,
                lower: p.lower,
                higher_chosen: p.higher_chosen,
                trials: p.trials,
                theory: of((p.higher, p.lower)),
            })
            .collect();
    }
    Ok(behavior)
}
