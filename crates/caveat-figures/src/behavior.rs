//! Choices of animals and people beside the theory's.
//!
//! The inputs are plain counts from a caller who has read and fitted the choices; only intervals are estimated here.

pub mod distance;
pub mod pairs;

use std::collections::HashSet;
use std::fmt::Debug;

use caveat_results::{Table, wilson_interval};

use crate::canvas::{Dash, Stroke};
use crate::error::{FigureError, Result};
use crate::palette::GREY;
use crate::scale::Axis;

/// How often the higher of two items was chosen, and how often the theory says so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choices {
    /// In how many of the trials the higher item was chosen.
    pub higher_chosen: f64,
    /// Number of trials; 0 where nothing was tested.
    pub trials: f64,
    /// Mean probability of that choice in the theory.
    pub theory: Option<f64>,
}

/// Choices on one pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairChoices {
    /// Rank of the higher item, from 0.
    pub higher: usize,
    /// Rank of the lower item, larger.
    pub lower: usize,
    /// The choices.
    pub choices: Choices,
}

/// Choices over all pairs of one symbolic distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DistanceChoices {
    /// Difference of the ranks, at least 1.
    pub distance: usize,
    /// The choices.
    pub choices: Choices,
}

/// One learner or a group of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Behavior {
    /// Name in titles and legends.
    pub label: String,
    /// Choices by pair, each pair at most once; empty where only distances are known.
    pub pairs: Vec<PairChoices>,
    /// Choices by distance, each at most once; ignored where there are pairs.
    pub distances: Vec<DistanceChoices>,
    /// Trained pairs (winner, loser), by rank. An exception is one whose winner has the larger rank.
    pub trained: Vec<(usize, usize)>,
}

impl Choices {
    /// Proportion of choices of the higher item, NaN without trials.
    fn proportion(self) -> f64 {
        self.higher_chosen / self.trials
    }

    /// Its Wilson interval, NaN without trials.
    fn interval(self) -> (f64, f64) {
        wilson_interval(self.higher_chosen, self.trials)
    }

    /// The theory, NaN without one.
    fn theory(self) -> f64 {
        self.theory.unwrap_or(f64::NAN)
    }

    /// Pooled choices, and the theory's mean over the same trials. Where nothing was tested, it is the theory's plain mean; where a
    /// tested part has no theory, there is none, since it would be a mean over other pairs.
    fn pooled(parts: impl IntoIterator<Item = Self>) -> Self {
        let (mut higher_chosen, mut trials, mut weighted, mut plain, mut count) = (0.0, 0.0, Some(0.0), 0.0, 0.0);
        for part in parts {
            higher_chosen += part.higher_chosen;
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
        Self { higher_chosen, trials, theory }
    }

    /// Adds the columns of choices to a table.
    fn add_columns(choices: impl Iterator<Item = Self> + Clone, table: Table) -> Result<Table> {
        let numbers = |f: fn(Self) -> f64| choices.clone().map(f);
        Ok(table
            .float("higher_chosen", numbers(|c| c.higher_chosen))?
            .float("trials", numbers(|c| c.trials))?
            .float("accuracy", numbers(Self::proportion))?
            .float("low", numbers(|c| c.interval().0))?
            .float("high", numbers(|c| c.interval().1))?
            .float("theory", numbers(Self::theory))?)
    }
}

impl Behavior {
    /// Refuses impossible numbers of choices, pairs of an item with itself, and pairs or distances given twice.
    fn check(&self) -> Result<()> {
        let wrong = |c: Choices| {
            // A sum of fractional counts may exceed the number of trials by rounding.
            let counted =
                c.trials >= 0.0 && c.trials.is_finite() && (0.0..=c.trials * (1.0 + 1e-9)).contains(&c.higher_chosen);
            !counted || c.theory.is_some_and(|t| !(0.0..=1.0).contains(&t))
        };
        let bad = |what: &dyn Debug, rule: &str| {
            let expected = "expected 0 ≤ choices ≤ trials and a probability of the theory";
            Err(FigureError::bad("choices", format!("{what:?} of {:?}: {expected}, {rule}", self.label)))
        };
        let mut met = HashSet::new();
        for p in &self.pairs {
            if p.higher >= p.lower || wrong(p.choices) || !met.insert((p.higher, p.lower)) {
                return bad(p, "each pair once, the higher item first");
            }
        }
        for d in &self.distances {
            if d.distance == 0 || wrong(d.choices) || !met.insert((d.distance, d.distance)) {
                return bad(d, "each distance once");
            }
        }
        Ok(())
    }
}

/// The line of chance.
fn chance() -> Stroke {
    Stroke::new(GREY, 0.7).dash(Dash::Dashed)
}

/// The y axis of proportions: from a tenth below all of them and chance to just above 1, so that no mark is cut off there.
fn proportion_axis(choices: impl IntoIterator<Item = Choices>) -> Axis {
    let values = choices.into_iter().flat_map(|c| [c.interval().0, c.theory()]);
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
            PairChoices { higher, lower, choices: Choices { higher_chosen, trials, theory: Some(theory) } }
        });
        let mut trained: Vec<(usize, usize)> = (1..n).map(|k| (k - 1, k)).collect();
        trained.extend(exceptions);
        Behavior { label: label.into(), pairs: pairs.collect(), trained, ..Behavior::default() }
    }

    #[test]
    fn pooling_weighs_the_theory_by_trials() {
        let part = |higher_chosen, trials, theory| Choices { higher_chosen, trials, theory };
        let pooled = Choices::pooled([part(3.0, 10.0, Some(0.5)), part(9.0, 30.0, Some(0.9)), part(0.0, 0.0, None)]);
        assert_eq!(pooled, part(12.0, 40.0, Some(0.8)));
        assert_eq!(Choices::pooled([part(3.0, 10.0, Some(0.5)), part(1.0, 1.0, None)]).theory, None);
        assert_eq!(Choices::pooled([part(0.0, 0.0, Some(0.25)), part(0.0, 0.0, Some(0.75))]).theory, Some(0.5));
        assert!(Choices::pooled([]).proportion().is_nan());
    }

    #[test]
    fn the_axis_holds_all_intervals_and_chance() {
        let part = |higher_chosen, trials, theory| Choices { higher_chosen, trials, theory };
        let low = |parts: &[Choices]| proportion_axis(parts.iter().copied()).min();
        assert_eq!(low(&[]), 0.4);
        assert_eq!(low(&[part(400.0, 400.0, Some(0.31))]), 0.2);
        assert_eq!(low(&[part(0.0, 9.0, None)]), -0.02);
        assert_eq!(low(&[part(0.0, 0.0, None)]), 0.4);
    }

    #[test]
    fn numbers_that_are_no_choices_are_refused() {
        let choices = Choices { higher_chosen: 3.0, trials: 4.0, theory: None };
        let good = PairChoices { higher: 0, lower: 1, choices };
        let of = |pairs: &[PairChoices]| Behavior { pairs: pairs.to_vec(), ..Behavior::default() }.check();
        assert!(of(&[good]).is_ok());
        assert!(of(&[good, good]).is_err());
        for bad in [
            PairChoices { higher: 1, ..good },
            PairChoices { choices: Choices { higher_chosen: 5.0, ..choices }, ..good },
            PairChoices { choices: Choices { higher_chosen: f64::NAN, ..choices }, ..good },
            PairChoices { choices: Choices { trials: f64::INFINITY, ..choices }, ..good },
            PairChoices { choices: Choices { theory: Some(1.5), ..choices }, ..good },
        ] {
            let message = of(&[bad]).unwrap_err().to_string();
            assert!(message.contains("expected 0 ≤ choices ≤ trials") && !message.contains('\n'), "{message}");
        }
        let distance = DistanceChoices { distance: 0, choices };
        assert!(Behavior { distances: vec![distance], ..Behavior::default() }.check().is_err());
    }
}
