//! The table of ordered pairs: how every condition judges each pair in each order.

use caveat_theory::PairClass;

use super::filter::Selection;
use super::groups::{finite_margin, is_correct};
use super::hierarchy::{self, Hierarchy};
use crate::conditions::{ConditionKey, Tallied, Tally};
use crate::error::Result;
use crate::input::AsInput;
use crate::trial_table::{Progress, TrialBatch, TrialColumn};

/// One ordered pair in one condition, over all seeds and both values of `reverse`.
#[derive(Debug, Clone, PartialEq)]
pub struct PairCell {
    /// Index of its condition in [`PairTable::conditions`].
    pub condition: usize,
    /// Index of its hierarchy in [`PairTable::hierarchies`].
    pub hierarchy: usize,
    /// Rank of the item shown first.
    pub rank_a: usize,
    /// Rank of the item shown second.
    pub rank_b: usize,
    /// Class of the pair.
    pub class: PairClass,
    /// Number of rows.
    pub n: u64,
    /// Number of rows whose `correct` is not missing.
    pub n_scored: u64,
    /// Number of rows that are correct.
    pub n_correct: u64,
    /// Number of rows with prob_yes > 0.5, which choose the item shown first.
    pub n_yes: u64,
    /// Mean prob_yes.
    pub prob_yes: f64,
    /// Mean margin over the rows that have one, NaN without any.
    pub margin: f64,
}

/// The ordered pairs of all conditions.
#[derive(Debug, Clone)]
pub struct PairTable {
    /// The hierarchies, sorted by name.
    pub hierarchies: Vec<Hierarchy>,
    /// The conditions, sorted by [`ConditionKey::total_cmp`].
    pub conditions: Vec<ConditionKey>,
    /// One per condition and ordered pair with rows, sorted by condition, rank_a and rank_b.
    pub cells: Vec<PairCell>,
}

/// How one condition places items: n × n matrices whose entry `[a][b]` is about item a above item b, NaN on the diagonal and for
/// pairs without rows. Entries `[a][b]` and `[b][a]` add up to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Placements {
    /// Probability of "a wins": the mean, over the orders of presentation shown, of prob_yes with a first and 1 − prob_yes with b
    /// first.
    pub probability: Vec<Vec<f64>>,
    /// Share of all trials of the pair that choose a: prob_yes > 0.5 with a first, or not > 0.5 with b first.
    pub share: Vec<Vec<f64>>,
    /// Number of trials of the pair, both orders together; 0 on the diagonal.
    pub n: Vec<Vec<u64>>,
}

impl PairTable {
    /// The cells of a condition, by its index.
    pub fn cells_of(&self, condition: usize) -> &[PairCell] {
        let start = self.cells.partition_point(|c| c.condition < condition);
        let end = self.cells.partition_point(|c| c.condition <= condition);
        &self.cells[start..end]
    }

    /// How a condition, given by its index, places items above each other.
    pub fn placed_above(&self, condition: usize) -> Placements {
        let cells = self.cells_of(condition);
        let n_items = cells.first().map_or(0, |c| self.hierarchies[c.hierarchy].n_items);
        let square = |x| vec![vec![x; n_items]; n_items];
        let (mut probability, mut share) = (square(f64::NAN), square(f64::NAN));
        let mut n = vec![vec![0; n_items]; n_items];
        let find = |a, b| cells.binary_search_by_key(&(a, b), |c| (c.rank_a, c.rank_b)).ok().map(|k| &cells[k]);
        for (a, b) in (0..n_items).flat_map(|a| (a + 1..n_items).map(move |b| (a, b))) {
            let (forward, backward) = (find(a, b), find(b, a));
            let orders: Vec<f64> =
                [forward.map(|c| c.prob_yes), backward.map(|c| 1.0 - c.prob_yes)].into_iter().flatten().collect();
            let trials: u64 = [forward, backward].into_iter().flatten().map(|c| c.n).sum();
            if orders.is_empty() {
                continue;
            }
            let chosen = forward.map_or(0, |c| c.n_yes) + backward.map_or(0, |c| c.n - c.n_yes);
            probability[a][b] = orders.iter().sum::<f64>() / orders.len() as f64;
            share[a][b] = chosen as f64 / trials as f64;
            probability[b][a] = 1.0 - probability[a][b];
            share[b][a] = 1.0 - share[a][b];
            (n[a][b], n[b][a]) = (trials, trials);
        }
        Placements { probability, share, n }
    }
}

/// Reads the selected rows of the trial tables under `paths` as a table of ordered pairs.
///
/// Only the needed columns are read, once and in parallel; the result does not depend on the number of threads. What was trained
/// is taken from all rows of the selected runs (conditions, seeds, phases), also from rows that fail a filter on single rows (by
/// rank, gap, label, …). Memory: about 60 bytes per condition and ordered pair, whatever the number of rows. `progress` is called
/// with the rows done and in all.
///
/// # Errors
/// Those of [`scan_trials`](crate::scan_trials); no selected row; and by file, row and column: a rank that is negative or at least
/// [`MAX_ITEMS`](crate::MAX_ITEMS), an item against itself, a `prob_yes` outside [0, 1] or missing, a `correct` other than 0, 1
/// or missing, a margin that is infinite, a trained row whose label is neither Yes nor No, and rows of one hierarchy that
/// contradict each other on is_train, is_exception or the label of a trained pair, within a condition or between conditions. Also
/// a condition without trained rows, or without rows of a pair that other conditions of its hierarchy train.
pub fn read_pair_table<P: AsInput>(
    paths: &[P],
    selection: impl Into<Selection>,
    progress: Progress<'_>,
) -> Result<PairTable> {
    let selection = selection.into();
    let all = Tally::<PairSums>::read(paths, selection.columns(), false, progress, |batch| selection.uses(batch))?;
    let hierarchy::Sorted { hierarchies, conditions } = hierarchy::sort(all)?;
    let mut table = PairTable { hierarchies, conditions: Vec::new(), cells: Vec::new() };
    for (key, hierarchy, group) in conditions {
        let condition = table.conditions.len();
        let before = table.cells.len();
        for (_, (rank_a, rank_b), sum) in group.sums().filter(|(.., sum)| sum.n > 0) {
            let class = table.hierarchies[hierarchy].class(rank_a, rank_b).filter(|class| selection.admits(*class));
            table.cells.extend(class.map(|class| PairCell {
                condition,
                hierarchy,
                rank_a,
                rank_b,
                class,
                n: sum.n,
                n_scored: sum.n_scored,
                n_correct: sum.n_correct,
                n_yes: sum.n_yes,
                prob_yes: sum.prob_yes / sum.n as f64,
                margin: sum.margin / sum.n_margins as f64,
            }));
        }
        // Filters on rows may leave nothing of a condition.
        if table.cells.len() > before {
            table.conditions.push(key);
        }
    }
    if table.cells.is_empty() {
        return Err(selection.no_rows(paths));
    }
    Ok(table)
}

/// Sums over the rows of an ordered pair.
#[derive(Debug, Clone, Copy, Default)]
struct PairSums {
    n: u64,
    n_scored: u64,
    n_correct: u64,
    n_yes: u64,
    n_margins: u64,
    prob_yes: f64,
    margin: f64,
}

/// The columns behind [`PairSums`].
struct PairRows<'a> {
    prob_yes: &'a [f64],
    correct: &'a [f64],
    margin: &'a [f64],
}

impl Tallied for PairSums {
    const COLUMNS: &'static [TrialColumn] = &[TrialColumn::ProbYes, TrialColumn::Correct, TrialColumn::Margin];
    const BY_SEED: bool = false;
    type Rows<'a> = PairRows<'a>;

    fn rows(batch: &TrialBatch) -> Result<PairRows<'_>> {
        Ok(PairRows {
            prob_yes: batch.reals(TrialColumn::ProbYes)?,
            correct: batch.reals(TrialColumn::Correct)?,
            margin: batch.reals(TrialColumn::Margin)?,
        })
    }

    fn add_row(&mut self, batch: &TrialBatch, rows: &PairRows<'_>, row: usize) -> Result<()> {
        let prob_yes = probability(batch, row, rows.prob_yes[row])?;
        let (right, binary) = is_correct(batch, row, rows.correct[row])?;
        let margin = rows.margin[row];
        if !margin.is_nan() {
            self.margin += finite_margin(batch, row, margin)?;
            self.n_margins += 1;
        }
        self.n += 1;
        self.n_scored += u64::from(binary);
        self.n_correct += u64::from(right);
        self.n_yes += u64::from(prob_yes > 0.5);
        self.prob_yes += prob_yes;
        Ok(())
    }

    fn merge(&mut self, later: &Self) {
        self.n += later.n;
        self.n_scored += later.n_scored;
        self.n_correct += later.n_correct;
        self.n_yes += later.n_yes;
        self.n_margins += later.n_margins;
        self.prob_yes += later.prob_yes;
        self.margin += later.margin;
    }
}

/// A probability, or the error that it is not one.
pub(super) fn probability(batch: &TrialBatch, row: usize, p: f64) -> Result<f64> {
    match (0.0..=1.0).contains(&p) {
        true => Ok(p),
        false => Err(batch.bad_value(row, TrialColumn::ProbYes, format!("{p}: expected a probability from 0 to 1"))),
    }
}
