//! Exact log evidence of every level of α for many simulated experiments at once, C and gain integrated out.
//!
//! Of counts k_e among n_e judgments of pair e, log L = Σ_e k_e·ln(p_e/q_e) + n_e·ln q_e, p the probability of the first item and q = 1 − p;
//! the evidence of α is the mean of L over a grid of (C, gain), so that a matrix product does the work.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};

use crate::error::Result;
use crate::inference::design::question::{DesignQuestion, NuisanceGrid};
use crate::kernel::ExchangeableKernel;
use crate::learner::Learner;
use crate::margins::Margins;
use crate::numeric::sigmoid::{both_sigmoids, log_loss};
use crate::solve::solve;
use crate::task::TransitiveTask;

/// Points of the grid whose likelihoods are computed together; a block for 512 experiments fits a cache of 1 MiB.
const BLOCK: usize = 256;
/// Log likelihoods this far below the largest are left out: a million of them change a sum by 4·10⁻¹² at most.
const NEGLIGIBLE: f64 = 40.0;

/// ln(p/q) and ln q of a judgment with evidence x = gain·f: p = λ/2 + (1−λ)·logistic(x), q = 1 − p.
pub(super) fn log_odds_and_loss(x: f64, lapse: f64) -> (f64, f64) {
    if lapse == 0.0 {
        return (x, -log_loss(-x));
    }
    let (p, q) = probabilities(x, lapse);
    let loss = q.ln();
    (p.ln() - loss, loss)
}

/// p and q = 1 − p, both without cancellation.
pub(super) fn probabilities(x: f64, lapse: f64) -> (f64, f64) {
    let mix = |share: f64| 0.5 * lapse + (1.0 - lapse) * share;
    let (up, down) = both_sigmoids(x);
    (mix(up), mix(down))
}

/// f of every pair at (α, C).
pub(super) fn margins_at(task: &TransitiveTask, pairs: &[(usize, usize)], alpha: f64, c: f64) -> Result<Vec<f64>> {
    let kernel = ExchangeableKernel::from_conjunctivity(alpha)?;
    let margins = solve(task, &kernel, Learner::Ridge { c }, None)?;
    Ok(pairs.iter().map(|&(i, j)| margins.margin(i, j)).collect())
}

/// Outcomes of experiments, one in each column.
#[derive(Debug, Clone)]
pub(super) struct Counts {
    /// Wins of the first item of every pair; then, if pairs are judged unequally often, judgments beyond `even`.
    columns: Mat<f64>,
    /// Judgments of every pair.
    even: f64,
}

impl Counts {
    /// From wins, all pairs of the first experiment, then of the second, and so on; every pair judged `repetitions` times.
    pub(super) fn even(wins: &[u32], n_pairs: usize, repetitions: usize) -> Self {
        let columns = Mat::from_fn(n_pairs, wins.len() / n_pairs, |e, s| f64::from(wins[s * n_pairs + e]));
        Self { columns, even: repetitions as f64 }
    }

    /// The same with `extra` judgments of some pairs beyond `repetitions`, in the order of the wins.
    pub(super) fn uneven(wins: &[u32], extra: &[bool], n_pairs: usize, repetitions: usize) -> Self {
        let columns = Mat::from_fn(2 * n_pairs, wins.len() / n_pairs, |e, s| match e.checked_sub(n_pairs) {
            None => f64::from(wins[s * n_pairs + e]),
            Some(e) => f64::from(u8::from(extra[s * n_pairs + e])),
        });
        Self { columns, even: repetitions as f64 }
    }

    /// One experiment with these wins, whole or not.
    #[cfg(test)]
    pub(super) fn single(wins: &[f64], repetitions: f64) -> Self {
        Self { columns: Mat::from_fn(wins.len(), 1, |e, _| wins[e]), even: repetitions }
    }

    fn n_experiments(&self) -> usize {
        self.columns.ncols()
    }
}

/// The likelihood of a design.
pub(super) struct Evidence<'a> {
    pub(super) task: &'a TransitiveTask,
    pub(super) pairs: &'a [(usize, usize)],
    pub(super) question: &'a DesignQuestion,
}

impl Evidence<'_> {
    /// Posterior over the levels of α of every experiment, on the grid for that many trials.
    pub(super) fn posteriors(&self, trials: usize, counts: &Counts) -> Result<Vec<Vec<f64>>> {
        self.posteriors_on(&NuisanceGrid::new(self.question, trials), counts)
    }

    pub(super) fn posteriors_on(&self, grid: &NuisanceGrid, counts: &Counts) -> Result<Vec<Vec<f64>>> {
        let by_level = self.question.per_level(|alpha| self.log_evidence(alpha, grid, counts))?;
        let posterior = |s: usize| self.question.posterior(by_level.iter().map(|level| level[s]));
        Ok((0..counts.n_experiments()).map(posterior).collect())
    }

    /// Log of the mean likelihood over the grid at one α, for every experiment, binomial coefficients left out.
    fn log_evidence(&self, alpha: f64, grid: &NuisanceGrid, counts: &Counts) -> Result<Vec<f64>> {
        let (n_pairs, n_experiments) = (self.pairs.len(), counts.n_experiments());
        let lapse = self.question.lapse();
        let margins: Vec<Vec<f64>> =
            grid.c.iter().map(|&c| margins_at(self.task, self.pairs, alpha, c)).collect::<Result<_>>()?;
        // Terms of a point of the grid in a row: ln(p/q) and, for uneven counts, ln q of every pair.
        let mut terms = Mat::<f64>::zeros(BLOCK, counts.columns.nrows());
        let mut logs = Mat::<f64>::zeros(BLOCK, n_experiments);
        let mut even = [0.0; BLOCK];
        let uneven = counts.columns.nrows() > n_pairs;
        let mut sums = vec![LogSum::EMPTY; n_experiments];
        for start in (0..grid.len()).step_by(BLOCK) {
            let rows = BLOCK.min(grid.len() - start);
            even[..rows].fill(0.0);
            for e in 0..n_pairs {
                for row in 0..rows {
                    let point = start + row;
                    let (c, gain) = (point / grid.gain.len(), grid.gain[point % grid.gain.len()]);
                    let (log_odds, loss) = log_odds_and_loss(gain * margins[c][e], lapse);
                    terms[(row, e)] = log_odds;
                    even[row] += counts.even * loss;
                    if uneven {
                        terms[(row, n_pairs + e)] = loss;
                    }
                }
            }
            let (lhs, rhs) = (terms.as_ref().subrows(0, rows), counts.columns.as_ref());
            let mut product = logs.as_mut().subrows_mut(0, rows);
            matmul(product.as_mut(), Accum::Replace, lhs, rhs, 1.0, Par::Seq);
            for (column, sum) in product.col_iter_mut().zip(&mut sums) {
                // The rows of a column lie together.
                let Some(column) = column.try_as_col_major_mut() else { continue };
                sum.add(column.as_slice_mut(), &even[..rows]);
            }
        }
        let log_size = (grid.len() as f64).ln();
        Ok(sums.into_iter().map(|sum| sum.value() - log_size).collect())
    }
}

/// ln Σ exp of numbers that come one by one.
#[derive(Debug, Clone, Copy)]
struct LogSum {
    largest: f64,
    /// Σ exp(number − largest).
    sum: f64,
}

impl LogSum {
    const EMPTY: Self = Self { largest: f64::NEG_INFINITY, sum: 0.0 };

    /// Adds the numbers `logs` + `shifts`; leaves their sums in `logs`.
    fn add(&mut self, logs: &mut [f64], shifts: &[f64]) {
        let mut largest = f64::NEG_INFINITY;
        for (log, shift) in logs.iter_mut().zip(shifts) {
            *log += shift;
            largest = if *log > largest { *log } else { largest };
        }
        if largest > self.largest {
            self.sum *= (self.largest - largest).exp();
            self.largest = largest;
        }
        let above = logs.iter().map(|log| log - self.largest).filter(|above| *above > -NEGLIGIBLE);
        self.sum += above.map(f64::exp).sum::<f64>();
    }

    fn value(self) -> f64 {
        self.largest + self.sum.ln()
    }
}
