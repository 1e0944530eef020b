//! Choices of animals and people beside what the theory makes of them.
//!
//! The inputs are plain counts, filled by whoever has read and fitted the choices; nothing is estimated here but intervals.

pub mod distance;
pub mod pairs;

use std::collections::HashSet;

use caveat_results::{Table, wilson_interval};

use crate::error::{FigureError, Result};
use crate::scale::Axis;

/// Choices on one pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairChoices {
    /// Rank of the higher item, from 0.
    pub higher: usize,
    /// Rank of the lower item, larger.
    pub lower: usize,
    /// In how many of the trials the higher item was chosen.
    pub higher_chosen: f64,
    /// Number of trials; 0 for a pair that was not tested.
    pub trials: f64,
    /// Probability of that choice in the theory.
    pub theory: Option<f64>,
}

/// Choices over all pairs of one symbolic distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DistanceChoices {
    /// Difference of the ranks, at least 1.
    pub distance: usize,
    /// In how many of the trials the higher item was chosen.
    pub higher_chosen: f64,
    /// Number of trials; 0 for a distance that was not tested.
    pub trials: f64,
    /// Mean probability of that choice in the theory.
    pub theory: Option<f64>,
}

/// One learner or a group of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Behavior {
    /// Name in titles and legends.
    pub label: String,
    /// Choices by pair, each pair at most once; empty where only distances are known.
    pub pairs: Vec<PairChoices>,
    /// Choices by distance, each at most once; not looked at where there are pairs.
    pub distances: Vec<DistanceChoices>,
    /// Trained pairs (winner, loser), by rank. An exception is one whose winner has the larger rank.
    pub trained: Vec<(usize, usize)>,
}

/// A proportion with its interval and the theory's probability.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Proportion {
    chosen: f64,
    trials: f64,
    theory: Option<f64>,
}

impl Proportion {
    /// Value, NaN without trials.
    fn value(self) -> f64 {
        self.chosen / self.trials
    }

    /// Wilson interval, NaN without trials.
    fn interval(self) -> (f64, f64) {
        wilson_interval(self.chosen, self.trials)
    }

    /// The theory, NaN without one.
    fn theory(self) -> f64 {
        self.theory.unwrap_or(f64::NAN)
    }

    /// Pooled choices, and the theory's mean over the same trials. Where nothing was tested, the theory's plain mean; no theory
    /// where a tested part has none, for it would be compared with other pairs than its own.
    fn pooled(parts: impl IntoIterator<Item = Self>) -> Self {
        let (mut chosen, mut trials, mut weighted, mut plain, mut count) = (0.0, 0.0, Some(0.0), 0.0, 0.0);
        for part in parts {
            chosen += part.chosen;
            trials += part.trials;
            if part.trials > 0.0 {
                weighted = weighted.zip(part.theory).map(|(sum, theory)| sum + part.trials * theory);
            }
            if let Some(theory) = part.theory {
                plain += theory;
                count += 1.0;
            }
        }
        let theory = if trials > 0.0 { weighted.map(|sum| sum / trials) } else { (count > 0.0).then(|| plain / count) };
        Self { chosen, trials, theory }
    }
}

/// A table with the numbers of one proportion a row.
fn with_proportions(table: Table, proportions: impl Iterator<Item = Proportion> + Clone) -> Result<Table> {
    let numbers = |f: fn(Proportion) -> f64| proportions.clone().map(f);
    Ok(table
        .float("higher_chosen", numbers(|p| p.chosen))?
        .float("trials", numbers(|p| p.trials))?
        .float("accuracy", numbers(Proportion::value))?
        .float("low", numbers(|p| p.interval().0))?
        .float("high", numbers(|p| p.interval().1))?
        .float("theory", numbers(Proportion::theory))?)
}

impl From<PairChoices> for Proportion {
    fn from(p: PairChoices) -> Self {
        Self { chosen: p.higher_chosen, trials: p.trials, theory: p.theory }
    }
}

impl From<DistanceChoices> for Proportion {
    fn from(d: DistanceChoices) -> Self {
        Self { chosen: d.higher_chosen, trials: d.trials, theory: d.theory }
    }
}

impl Behavior {
    /// Largest rank of its pairs.
    fn last_item(&self) -> usize {
        self.pairs.iter().map(|p| p.lower).max().unwrap_or(0)
    }

    /// Refuses numbers that are no choices, pairs of an item with itself, and pairs or distances given twice.
    fn check(&self) -> Result<()> {
        let bad = |problem: String| Err(FigureError::BadInput { what: "choices", problem });
        let wrong = |p: Proportion| {
            // A sum of fractional counts may pass the number of trials by rounding.
            let counted =
                p.trials >= 0.0 && p.trials.is_finite() && (0.0..=p.trials * (1.0 + 1e-9)).contains(&p.chosen);
            !counted || p.theory.is_some_and(|t| !(0.0..=1.0).contains(&t))
        };
        let expected = "expected 0 ≤ choices ≤ trials and a probability of the theory";
        let mut met = HashSet::new();
        for p in &self.pairs {
            if p.higher >= p.lower || wrong((*p).into()) || !met.insert((p.higher, p.lower)) {
                return bad(format!("{p:?} of {:?}: {expected}, each pair once, the higher item first", self.label));
            }
        }
        for d in &self.distances {
            if d.distance == 0 || wrong((*d).into()) || !met.insert((d.distance, d.distance)) {
                return bad(format!("{d:?} of {:?}: {expected}, each distance once", self.label));
            }
        }
        Ok(())
    }
}

/// The y axis of proportions: from a tenth below all of them, chance included, to just above 1, so that marks there are whole.
fn proportion_axis(proportions: impl IntoIterator<Item = Proportion>) -> Axis {
    let values = proportions.into_iter().flat_map(|p| [p.interval().0, p.theory()]);
    let lowest = values.filter(|v| v.is_finite()).fold(0.5, f64::min);
    Axis::linear((((lowest - 0.02) * 10.0).floor() / 10.0).max(-0.02), 1.02)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use caveat_theory::margins::{Margins, chain};
    use caveat_theory::{RidgeModel, TransitiveTask};

    /// Choices on all pairs whose theory is a chain with exceptions, disturbed in a deterministic way.
    pub(crate) fn behavior(label: &str, n: usize, exceptions: &[(usize, usize)]) -> Behavior {
        let task = TransitiveTask::new(n, exceptions).unwrap();
        let solution = chain::solve(&task, &RidgeModel::new(0.1, 5.0).unwrap()).unwrap();
        let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).map(|(higher, lower)| {
            let theory = 1.0 / (1.0 + (-2.5 * solution.margin(higher, lower)).exp());
            let shift = 0.05 * ((higher * n + lower) as f64 * 12.9898).sin();
            let trials = 40.0;
            let higher_chosen = ((theory + shift).clamp(0.0, 1.0) * trials).round();
            PairChoices { higher, lower, higher_chosen, trials, theory: Some(theory) }
        });
        let mut trained: Vec<(usize, usize)> = (1..n).map(|k| (k - 1, k)).collect();
        trained.extend(exceptions);
        Behavior { label: label.into(), pairs: pairs.collect(), trained, ..Behavior::default() }
    }

    #[test]
    fn pooling_weighs_the_theory_by_trials() {
        let part = |chosen, trials, theory| Proportion { chosen, trials, theory };
        let pooled = Proportion::pooled([part(3.0, 10.0, Some(0.5)), part(9.0, 30.0, Some(0.9)), part(0.0, 0.0, None)]);
        assert_eq!(pooled, part(12.0, 40.0, Some(0.8)));
        assert_eq!(Proportion::pooled([part(3.0, 10.0, Some(0.5)), part(1.0, 1.0, None)]).theory, None);
        assert_eq!(Proportion::pooled([part(0.0, 0.0, Some(0.25)), part(0.0, 0.0, Some(0.75))]).theory, Some(0.5));
        assert!(Proportion::pooled([]).value().is_nan());
    }

    #[test]
    fn the_axis_holds_all_intervals_and_chance() {
        let part = |chosen, trials, theory| Proportion { chosen, trials, theory };
        let low = |parts: &[Proportion]| proportion_axis(parts.iter().copied()).min();
        assert_eq!(low(&[]), 0.4);
        assert_eq!(low(&[part(400.0, 400.0, Some(0.31))]), 0.2);
        assert_eq!(low(&[part(0.0, 9.0, None)]), -0.02);
        assert_eq!(low(&[part(0.0, 0.0, None)]), 0.4);
    }

    #[test]
    fn numbers_that_are_no_choices_are_refused() {
        let good = PairChoices { higher: 0, lower: 1, higher_chosen: 3.0, trials: 4.0, theory: None };
        let of = |pairs: &[PairChoices]| Behavior { pairs: pairs.to_vec(), ..Behavior::default() }.check();
        assert!(of(&[good]).is_ok());
        assert!(of(&[good, good]).is_err());
        for bad in [
            PairChoices { higher: 1, ..good },
            PairChoices { higher_chosen: 5.0, ..good },
            PairChoices { higher_chosen: f64::NAN, ..good },
            PairChoices { trials: f64::INFINITY, ..good },
            PairChoices { theory: Some(1.5), ..good },
        ] {
            let message = of(&[bad]).unwrap_err().to_string();
            assert!(message.contains("expected 0 ≤ choices ≤ trials") && !message.contains('\n'), "{message}");
        }
        let distance = DistanceChoices { distance: 0, higher_chosen: 1.0, trials: 2.0, theory: None };
        assert!(Behavior { distances: vec![distance], ..Behavior::default() }.check().is_err());
    }
}
