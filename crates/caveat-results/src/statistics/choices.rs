//! Choices by seed: how often each run chose the item shown first.

use super::filter::Selection;
use super::hierarchy::{self, Hierarchy};
use super::pair_table::probability;
use crate::conditions::{ConditionKey, Tallied, Tally, rows_twice};
use crate::error::Result;
use crate::input::AsInput;
use crate::trial_table::{Progress, TrialBatch, TrialColumn};

/// The choices of one seed in one condition, both values of `reverse` together.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedChoices {
    /// The condition.
    pub condition: ConditionKey,
    /// Index of its hierarchy in [`ChoicesByPair::hierarchies`].
    pub hierarchy: usize,
    /// The seed.
    pub seed: i64,
    /// For every ordered pair with rows: rank of the item shown first, rank of the second, number of rows, and number of rows
    /// that choose the first (prob_yes > 0.5). Sorted.
    pub counts: Vec<(usize, usize, u64, u64)>,
}

/// The choices of all seeds.
#[derive(Debug, Clone)]
pub struct ChoicesByPair {
    /// The hierarchies, sorted by name.
    pub hierarchies: Vec<Hierarchy>,
    /// The seeds of all conditions, sorted by condition and seed.
    pub seeds: Vec<SeedChoices>,
    /// Reasons to doubt the rows, as in [`Condition::doubts`](crate::Condition::doubts).
    pub doubts: Vec<String>,
}

/// Reads the selected rows of the trial tables under `paths` as counts of choices by condition, seed and ordered pair.
///
/// Rows are read as for [`read_pair_table`](super::read_pair_table); a probability of exactly one half is not a choice of the first
/// item. Memory: 16 n² bytes per condition and seed, with the number of items n rounded up to a power of two.
///
/// # Errors
/// Those of [`read_pair_table`](super::read_pair_table), apart from those about columns that are not read here.
pub fn read_choices_by_pair<P: AsInput>(
    paths: &[P],
    selection: impl Into<Selection>,
    progress: Progress<'_>,
) -> Result<ChoicesByPair> {
    let selection = selection.into();
    let all = Tally::<Counts>::read(paths, selection.columns(), false, progress, |batch| selection.uses(batch))?;
    let hierarchy::Sorted { hierarchies, conditions } = hierarchy::sort(all)?;
    let mut seeds = Vec::new();
    for (condition, hierarchy, group) in conditions {
        let stride = group.stride;
        let mut blocks = group.into_blocks();
        blocks.sort_by_key(|(seed, _)| *seed);
        seeds.extend(blocks.into_iter().map(|(seed, block)| {
            let shown = block.iter().enumerate().filter(|(_, c)| c.n > 0);
            let counts = shown.map(|(k, c)| (k / stride, k % stride, c.n, c.n_yes)).collect();
            SeedChoices { condition: condition.clone(), hierarchy, seed, counts }
        }));
    }
    if seeds.is_empty() {
        return Err(selection.no_rows(paths));
    }
    let mut doubts: Vec<String> = hierarchies.iter().flat_map(Hierarchy::doubts).collect();
    for of_condition in seeds.chunk_by(|x: &SeedChoices, y| x.condition == y.condition) {
        let counts = of_condition.iter().flat_map(|s| s.counts.iter().map(|&(a, b, n, _)| (s.seed, (a, b), n)));
        doubts.extend(rows_twice(&of_condition[0].condition, selection.n_phases(), counts));
    }
    Ok(ChoicesByPair { hierarchies, seeds, doubts })
}

/// Rows of an ordered pair, and those that choose the item shown first.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    n: u64,
    n_yes: u64,
}

impl Tallied for Counts {
    const COLUMNS: &'static [TrialColumn] = &[TrialColumn::ProbYes];
    const BY_SEED: bool = true;
    type Rows<'a> = &'a [f64];

    fn rows(batch: &TrialBatch) -> Result<&[f64]> {
        batch.reals(TrialColumn::ProbYes)
    }

    fn add_row(&mut self, batch: &TrialBatch, prob_yes: &&[f64], row: usize) -> Result<()> {
        let p = probability(batch, row, prob_yes[row])?;
        self.n += 1;
        self.n_yes += u64::from(p > 0.5);
        Ok(())
    }

    fn merge(&mut self, later: &Self) {
        self.n += later.n;
        self.n_yes += later.n_yes;
    }
}
