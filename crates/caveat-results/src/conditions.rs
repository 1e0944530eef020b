//! Conditions: trial tables aggregated to one mean logit difference per ordered pair, with the trained task.

mod group;
mod ids;
mod tally;
mod trained;

use caveat_theory::{ComparisonGraph, TransitiveTask};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Result, ResultsError};
use crate::hierarchy_name::doubts;
use crate::input::AsInput;
use crate::statistics::Selection;
use crate::trial_table::{Phase, Progress, TrialBatch, TrialColumn};
pub(crate) use group::{Group, Place};
pub(crate) use ids::{AsWritten, ConditionColumns, ConditionId, canonical};
pub use ids::{ConditionKey, MAX_ITEMS};
pub(crate) use tally::{RowCount, RowUse, Tallied, Tally, rows_of_phase};
pub(crate) use trained::{EXCEPTION, Flaw, NO, SEEN, TRAINED, Trained, YES};

/// Most rows of one seed that show an ordered pair: one for each value of `reverse`.
const MOST_ROWS: u64 = 2;

/// A note that rows seem to be there twice, given how many rows of every seed show each ordered pair in all `phases`.
pub(crate) fn rows_twice(
    key: &ConditionKey,
    phases: u64,
    mut counts: impl Iterator<Item = (i64, (usize, usize), u64)>,
) -> Option<String> {
    let (seed, (a, b), count) = counts.find(|(.., count)| *count > phases * MOST_ROWS)?;
    Some(format!(
        "condition {key}: {count} rows of seed {seed} show ({a}, {b}) in this order, and both values of reverse make {}: rows seem to \
         be there twice, and count twice (results check names them)",
        phases * MOST_ROWS
    ))
}

/// The margin of one unordered pair, averaged over both orders of presentation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PairMargin {
    /// The item of the higher rank (the smaller number).
    pub first: usize,
    /// The item of the lower rank, `first < second`.
    pub second: usize,
    /// (mean logit_diff(first, second) − mean logit_diff(second, first)) / 2; positive if `first` wins.
    pub margin: f64,
    /// Number of rows, both orders together.
    pub n_rows: u64,
    /// Whether the pair was trained, in either order.
    pub is_train: bool,
    /// Whether the pair is marked as an exception.
    pub is_exception: bool,
}

/// Sum and number of the logit differences of one ordered pair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Sum {
    total: f64,
    count: u64,
}

impl Sum {
    fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.total / self.count as f64)
    }
}

impl Tallied for Sum {
    const COLUMNS: &'static [TrialColumn] = &[TrialColumn::LogitDiff];
    const BY_SEED: bool = true;
    type Rows<'a> = &'a [f64];

    fn rows(batch: &TrialBatch) -> Result<&[f64]> {
        batch.reals(TrialColumn::LogitDiff)
    }

    fn add_row(&mut self, batch: &TrialBatch, logits: &&[f64], row: usize) -> Result<()> {
        let x = logits[row];
        if !x.is_finite() {
            let problem = format!("{x}: expected a finite logit difference");
            return Err(batch.bad_value(row, TrialColumn::LogitDiff, problem));
        }
        self.merge(&Self { total: x, count: 1 });
        Ok(())
    }

    fn merge(&mut self, later: &Self) {
        self.total += later.total;
        self.count += later.count;
    }
}

/// All rows of one setting, model, task, hierarchy and hyperparameter, in one phase.
///
/// Memory: 16 n² bytes per seed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Condition {
    key: ConditionKey,
    phase: Phase,
    n_items: usize,
    n_rows: u64,
    graph: ComparisonGraph,
    task: Option<TransitiveTask>,
    exceptions: Vec<(usize, usize)>,
    seeds: Vec<i64>,
    /// Bits of every ordered pair (a, b), at a·n + b.
    marks: Vec<u8>,
    /// Sums over all rows, at a·n + b.
    sums: Vec<Sum>,
    /// Sums of every seed, at (seed·n + a)·n + b.
    seed_sums: Vec<Sum>,
}

impl Condition {
    /// Names and hyperparameters.
    pub fn key(&self) -> &ConditionKey {
        &self.key
    }

    /// Phase of the rows.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Number of items: the largest rank met, plus one.
    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// Number of rows, over all seeds and both values of `reverse`.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// The trained pairs with their winners, each of weight 1.
    pub fn graph(&self) -> &ComparisonGraph {
        &self.graph
    }

    /// The trained pairs as a chain with exceptions, if they are one.
    pub fn task(&self) -> Option<&TransitiveTask> {
        self.task.as_ref()
    }

    /// The pairs marked as exceptions, (winner, loser) by rank, sorted by their higher item.
    pub fn exceptions(&self) -> &[(usize, usize)] {
        &self.exceptions
    }

    /// Reasons to doubt the rows, a line each: the name of the hierarchy means other items or exceptions, an exception is marked
    /// but not trained, or rows seem to be there twice.
    pub fn doubts(&self) -> Vec<String> {
        let n = self.n_items;
        let of_seeds = self.seeds.iter().zip(self.seed_sums.chunks_exact(n * n));
        let counts = of_seeds
            .flat_map(|(&seed, sums)| sums.iter().enumerate().map(move |(k, sum)| (seed, (k / n, k % n), sum.count)));
        let twice = rows_twice(&self.key, 1, counts);
        doubts(&self.key.hier, &self.exceptions, &self.graph).into_iter().chain(twice).collect()
    }

    /// The seeds, ascending.
    pub fn seeds(&self) -> &[i64] {
        &self.seeds
    }

    /// Number of rows that showed `a` first and `b` second.
    pub fn count(&self, a: usize, b: usize) -> u64 {
        self.index(a, b).map_or(0, |k| self.sums[k].count)
    }

    /// Mean logit difference over all rows that showed `a` first and `b` second; `None` without rows.
    pub fn mean(&self, a: usize, b: usize) -> Option<f64> {
        self.index(a, b).and_then(|k| self.sums[k].mean())
    }

    /// Sum and number of the logit differences of the ordered pair (a, b) in the rows of one seed, by its index in
    /// [`seeds`](Self::seeds).
    pub fn seed_sum(&self, seed: usize, a: usize, b: usize) -> (f64, u64) {
        let at = self.index(a, b).map(|k| seed * self.n_items * self.n_items + k);
        let sum = at.and_then(|k| self.seed_sums.get(k)).copied().unwrap_or_default();
        (sum.total, sum.count)
    }

    /// Margins of all pairs shown in both orders, sorted by (first, second).
    pub fn margins(&self) -> Vec<PairMargin> {
        self.pairs()
            .filter_map(|(first, second)| {
                Some(PairMargin {
                    first,
                    second,
                    margin: half_difference(&self.sums, self.n_items, first, second)?,
                    n_rows: self.count(first, second) + self.count(second, first),
                    is_train: self.is_marked(first, second, TRAINED),
                    is_exception: self.is_marked(first, second, EXCEPTION),
                })
            })
            .collect()
    }

    /// Margins by seed: one vector per seed, aligned with [`margins`](Self::margins), NaN where the seed lacks the pair in either
    /// order. If all seeds have equally many rows of each ordered pair, their average is the margin.
    pub fn seed_margins(&self) -> Vec<Vec<f64>> {
        let n = self.n_items;
        let pairs: Vec<_> = self.pairs().filter(|&(i, j)| half_difference(&self.sums, n, i, j).is_some()).collect();
        self.seed_sums
            .chunks_exact(n * n)
            .map(|sums| pairs.iter().map(|&(i, j)| half_difference(sums, n, i, j).unwrap_or(f64::NAN)).collect())
            .collect()
    }

    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.n_items).flat_map(|i| (i + 1..self.n_items).map(move |j| (i, j)))
    }

    fn index(&self, a: usize, b: usize) -> Option<usize> {
        (a < self.n_items && b < self.n_items).then(|| a * self.n_items + b)
    }

    fn is_marked(&self, a: usize, b: usize, mark: u8) -> bool {
        let n = self.n_items;
        (self.marks[a * n + b] | self.marks[b * n + a]) & mark != 0
    }

    /// Makes a condition from a tallied group.
    fn from_group(group: Group<Sum>, tally: &Tally<Sum>, phase: Phase) -> Result<Self> {
        let key = tally.key(&group);
        let n = group.n_items();
        let stride = group.stride;
        // A condition keeps no mark for the label No.
        let marks: Vec<u8> = (0..n * n).map(|k| group.marks(k / n, k % n) & !NO).collect();
        let Trained { comparisons, order, exceptions, .. } = tally.trained(&group, &key)?;
        // An item without trained pairs has no place in the order.
        let trained = comparisons.iter().map(|c| c.winner.max(c.loser)).max();
        let shown = |item: usize| (0..n).any(|k| marks[item * n + k] | marks[k * n + item] != 0);
        let gap = (0..n).skip_while(|item| !shown(*item)).find(|item| !shown(*item));
        let (last, what) = match (gap, trained) {
            (Some(gap), _) => (gap, format!("no row shows rank {gap}")),
            (None, Some(last)) => (last + 1, format!("the trained pairs have ranks 0 to {last}")),
            (None, None) => (n, String::new()),
        };
        let beyond = |k: &usize| marks[*k] != 0 && (k / n).max(k % n) >= last;
        if let Some(k) = (0..n * n).find(beyond) {
            let (a, b) = (k / n, k % n);
            let column = if a >= last { TrialColumn::RankA } else { TrialColumn::RankB };
            let problem = format!("rank {}: {what}", a.max(b));
            return Err(tally.bad_cell(&group, (a, b), column, &key, problem));
        }
        let graph = ComparisonGraph::new(n, comparisons)
            .map_err(|source| {
                let context = format!("condition {key}, rows with is_train true");
                ResultsError::Theory { context, source }
            })?
            .with_order(order);

        let mut blocks = group.into_blocks();
        blocks.sort_by_key(|(seed, _)| *seed);
        let mut sums = vec![Sum::default(); n * n];
        let mut seed_sums = Vec::with_capacity(blocks.len() * n * n);
        for (_, block) in &blocks {
            for (row, total) in block.chunks(stride).zip(sums.chunks_mut(n)) {
                seed_sums.extend_from_slice(&row[..n]);
                total.iter_mut().zip(row).for_each(|(t, s)| t.merge(s));
            }
        }
        Ok(Self {
            key,
            phase,
            n_items: n,
            n_rows: sums.iter().map(|s| s.count).sum(),
            task: TransitiveTask::from_graph(&graph),
            graph,
            exceptions,
            seeds: blocks.into_iter().map(|(seed, _)| seed).collect(),
            marks,
            sums,
            seed_sums,
        })
    }
}

fn half_difference(sums: &[Sum], n: usize, i: usize, j: usize) -> Option<f64> {
    Some((sums[i * n + j].mean()? - sums[j * n + i].mean()?) / 2.0)
}

/// Reads the trial tables under `paths` and aggregates the selected rows of one phase to conditions, sorted by key.
///
/// Only the needed columns are read, in parallel. A condition may be spread over several files. The result does not depend on the
/// number of threads. `progress` is called with the rows done and the rows in all.
///
/// # Errors
/// Those of [`scan_trials`](crate::scan_trials); a phase other than pre and post; and among the rows of the chosen phase, by file, row and
/// column: a rank that is negative or at least [`MAX_ITEMS`], an item against itself, a logit difference that is not
/// finite, a trained row whose label is neither Yes nor No, rows of one condition that contradict each other on is_train,
/// is_exception or the label of a trained pair. Also a condition without trained rows, and no row of the phase at all.
pub fn read_conditions<P: AsInput>(
    paths: &[P],
    selection: impl Into<Selection>,
    progress: Progress<'_>,
) -> Result<Vec<Condition>> {
    let selection = selection.into();
    let phase = selection.phase.unwrap_or_default();
    let mut all = Tally::<Sum>::read(paths, selection.columns(), false, progress, |batch| selection.uses(batch))?;
    let groups = all.take_groups();
    if groups.is_empty() && !selection.filters.is_empty() {
        return Err(selection.no_rows(paths));
    }
    if groups.is_empty() {
        let path = paths.first().map(|p| p.as_input().path().to_owned()).unwrap_or_default();
        let filter = format!(" with phase {phase}");
        return Err(ResultsError::no_rows(&path, &filter, "rows of that phase, or the other phase asked for"));
    }
    let built: Vec<Result<Condition>> =
        groups.into_par_iter().map(|group| Condition::from_group(group, &all, phase)).collect();
    let mut conditions = built.into_iter().collect::<Result<Vec<_>>>()?;
    if !selection.filters.is_empty() {
        conditions.retain(|c| c.n_rows() > 0);
        if conditions.is_empty() {
            return Err(selection.no_rows(paths));
        }
    }
    conditions.sort_by(|a, b| a.key.total_cmp(&b.key));
    Ok(conditions)
}

#[cfg(test)]
mod tests;
