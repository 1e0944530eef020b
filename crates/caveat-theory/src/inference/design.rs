//! Design of experiments: how much a task tells about the conjunctivity α, and in how many trials, before anyone is trained.
//!
//! Someone trained on a task judges test pairs; a beats b with probability λ/2 + (1−λ)·logistic(gain·f_{α,C}(a, b)). Under a
//! prior over (α, C, gain) the expected information of N judgments about α (or about which of two hypotheses on α holds) is the
//! mutual information I = E[log p(y|target)/p(y)] (Lindley 1956, doi:10.1214/aoms/1177728069), computed as the mean
//! Kullback–Leibler divergence of the exact posterior from the prior over simulated experiments. C and gain are integrated out
//! on a product grid whose spacing shrinks with √N, so that it stays below the width of the posterior.
//!
//! Tests compare it with all outcomes of small designs, and with the Gaussian limit of many trials.
//!
//! λ ∈ [0, 1), α ∈ [0, 1], C and gain log-uniform between bounds, I in bits. Source: §9.6.

mod likelihood;
mod pairs;
mod question;
mod settings;
mod simulation;

use serde::{Deserialize, Serialize};

use crate::error::{self, Result, TheoryError};
use crate::numeric::vectors::mean_and_error;
use crate::task::TransitiveTask;
use likelihood::{Counts, Evidence};
use simulation::Experiments;

pub use pairs::{JudgedPairs, pair_information, single_exception_tasks};
pub use question::{DesignQuestion, DesignTarget};
pub use settings::{DesignSettings, MAX_SAMPLES, MAX_TRIALS};

/// Most items of a task whose design is evaluated.
pub const MAX_ITEMS: usize = 64;

/// What a design tells about the target of a [`DesignQuestion`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DesignEvaluation {
    /// Expected information about the target at [`DesignSettings::trials`] judgments, in bits: from 0 to log2 of the number
    /// of levels of α, or to 1 bit about two hypotheses.
    pub information_bits: f64,
    /// Its Monte Carlo standard error.
    pub information_se: f64,
    /// Hypotheses: probability that the posterior odds favor the true one at that many judgments, in [0.5, 1].
    pub decision_accuracy: Option<f64>,
    /// Without hypotheses: median width of the central 95 % posterior interval of α at that many judgments.
    pub interval_width: Option<f64>,
    /// Fewest judgments, a multiple of the number of pairs, with which the posterior odds favor the true hypothesis, or the
    /// central 95 % interval of α is no wider than wanted, with probability at least the power. Repetitions of every pair are
    /// searched on a ladder of steps of 9 % (2^{1/8}), so that it is at most that much above the smallest, up to the
    /// sampling error of the power. `None` if the largest number of trials does not suffice.
    pub trials_for_power: Option<usize>,
    /// Expected information of a single judgment of each pair, in bits.
    pub pair_information: Vec<f64>,
}

/// Evaluates the design that judges each of `pairs` (first, second) equally often after training on `task`.
///
/// `progress` gets the number of steps done, [`progress_steps`] in all. All tasks share the simulated parameters of a seed.
/// Cost of each of about 15 steps: O(levels · N · (pairs · samples)), with a small constant; about half a second for 36 pairs, 40
/// levels, 512 samples and 1,000 trials on one core.
///
/// # Errors
/// Settings out of range, no pairs, a pair of one item or out of range, too many items, or what the solvers refuse.
pub fn evaluate_design(
    task: &TransitiveTask,
    pairs: &[(usize, usize)],
    question: &DesignQuestion,
    settings: &DesignSettings,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<DesignEvaluation> {
    settings.check()?;
    check_pairs(task, pairs)?;
    let evidence = Evidence { task, pairs, question };
    let experiments = Experiments::new(task, pairs, question, settings)?;
    let steps = progress_steps(settings, pairs.len());
    let mut done = 0;
    let mut step = |advance: usize| {
        let now = advance.min(steps - done);
        done += now;
        progress(now);
    };
    let posteriors = evidence.posteriors(settings.trials, &experiments.after(settings.trials)?)?;
    step(1);
    let bits: Vec<f64> = posteriors.iter().map(|p| question.divergence_bits(p)).collect();
    let (information_bits, information_se) = mean_and_error(&bits);
    let hypotheses = question.is_hypotheses();
    let trials_for_power = search(&evidence, &experiments, question, settings, &mut step)?;
    step(steps);
    Ok(DesignEvaluation {
        information_bits,
        information_se,
        decision_accuracy: hypotheses.then(|| mean_and_error(&decisions(question, &posteriors)).0),
        interval_width: (!hypotheses).then(|| median(posteriors.iter().map(|p| question.interval_width(p)).collect())),
        trials_for_power,
        pair_information: pair_information(task, pairs, question)?,
    })
}

/// Steps that [`evaluate_design`] reports for one task of that many pairs.
pub fn progress_steps(settings: &DesignSettings, n_pairs: usize) -> usize {
    let ladder = ladder(settings.max_trials / n_pairs.max(1));
    2 + ladder.len().div_ceil(OCTAVE) + OCTAVE.ilog2() as usize
}

fn check_pairs(task: &TransitiveTask, pairs: &[(usize, usize)]) -> Result<()> {
    let n_items = task.n_items();
    if n_items > MAX_ITEMS {
        let problem = format!("{n_items} items are too many to simulate every pair: at most {MAX_ITEMS} are possible");
        return Err(TheoryError::BadInput { what: "design", problem });
    }
    if pairs.is_empty() {
        return Err(TheoryError::bad_input("design", "there is no pair to judge: name at least one"));
    }
    error::check_pairs(pairs.iter().copied(), n_items)
}

/// Steps of the ladder of repetitions for a factor of 2.
const OCTAVE: usize = 8;

/// Repetitions to consider, increasing by a factor of about 2^{1/8}, the last being the largest.
fn ladder(largest: usize) -> Vec<usize> {
    let mut steps: Vec<usize> = (0..)
        .map(|k| 2f64.powf(f64::from(k) / OCTAVE as f64).round() as usize)
        .take_while(|&r| r < largest)
        .chain((largest > 0).then_some(largest))
        .collect();
    steps.dedup();
    steps
}

/// The smallest rung of the ladder with enough power: up by octaves, then by bisection, on experiments that grow.
fn search(
    evidence: &Evidence<'_>,
    experiments: &Experiments<'_>,
    question: &DesignQuestion,
    settings: &DesignSettings,
    step: &mut impl FnMut(usize),
) -> Result<Option<usize>> {
    let n_pairs = evidence.pairs.len();
    let ladder = ladder(settings.max_trials / n_pairs);
    if ladder.is_empty() {
        return Ok(None);
    }
    let mut enough = |wins: &[u32], rung: usize| -> Result<bool> {
        let trials = ladder[rung] * n_pairs;
        let posteriors = evidence.posteriors(trials, &Counts::even(wins, n_pairs, ladder[rung]))?;
        step(1);
        Ok(success(question, &posteriors) >= settings.power)
    };
    // The experiments up to the highest rung known to be too low; −1 before the first.
    let mut low: isize = -1;
    let mut wins_low = vec![0; n_pairs * settings.samples];
    let mut high = loop {
        let rung = if low < 0 { 0 } else { (low as usize + OCTAVE).min(ladder.len() - 1) };
        let wins = experiments.grown(&wins_low, &ladder, low, rung)?;
        if enough(&wins, rung)? {
            break rung as isize;
        }
        if rung + 1 == ladder.len() {
            return Ok(None);
        }
        (low, wins_low) = (rung as isize, wins);
    };
    while high - low > 1 {
        let middle = (low + high) / 2;
        let wins = experiments.grown(&wins_low, &ladder, low, middle as usize)?;
        if enough(&wins, middle as usize)? {
            high = middle;
        } else {
            (low, wins_low) = (middle, wins);
        }
    }
    Ok(Some(ladder[high as usize] * n_pairs))
}

/// Probability of success over experiments with these posteriors.
fn success(question: &DesignQuestion, posteriors: &[Vec<f64>]) -> f64 {
    match question.precision() {
        None => mean_and_error(&decisions(question, posteriors)).0,
        Some(precision) => {
            let narrow = posteriors.iter().filter(|p| question.interval_width(p) <= precision).count();
            narrow as f64 / posteriors.len() as f64
        }
    }
}

/// Probability that the favored hypothesis is the true one, given each experiment: the larger posterior. Its mean is that of
/// the decisions being right, with less noise.
fn decisions(question: &DesignQuestion, posteriors: &[Vec<f64>]) -> Vec<f64> {
    posteriors.iter().map(|p| question.group_probabilities(p).into_iter().fold(0.0, f64::max)).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { 0.5 * (values[middle - 1] + values[middle]) }
}

#[cfg(test)]
mod tests;
