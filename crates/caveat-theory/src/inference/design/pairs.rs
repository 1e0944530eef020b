//! Which pairs to judge, what a single judgment of each tells, and candidate tasks to choose from.

use crate::error::{Result, TheoryError};
use crate::inference::design::check_pairs;
use crate::inference::design::likelihood::{margins_at, probabilities};
use crate::inference::design::question::{DesignQuestion, NuisanceGrid};
use crate::named_enum;
use crate::pair_class::PairClass;
use crate::task::TransitiveTask;

named_enum! {
    /// A choice of test pairs.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum JudgedPairs, ALL {
        All = "all": "All unordered pairs",
        Untrained = "untrained": "Pairs that are not trained",
        Trained = "trained": "Pairs that are trained",
        /// These are all but the ambiguous ones.
        Scored = "scored": "Pairs with a right answer",
    }
}

impl JudgedPairs {
    /// The pairs (i, j), i < j, of a task.
    ///
    /// # Errors
    /// No such pair, or more items than can be classified.
    pub fn list(self, task: &TransitiveTask) -> Result<Vec<(usize, usize)>> {
        let classes = task.classes()?;
        let pairs: Vec<_> = classes
            .pairs()
            .filter(|&(i, j, class, _)| match self {
                Self::All => true,
                Self::Untrained => !classes.is_trained(i, j),
                Self::Trained => classes.is_trained(i, j),
                Self::Scored => class != PairClass::Ambiguous,
            })
            .map(|(i, j, ..)| (i, j))
            .collect();
        if pairs.is_empty() {
            let problem = format!("a task of {} items has no pair of the kind to judge; judge all", task.n_items());
            return Err(TheoryError::BadInput { what: "pairs", problem });
        }
        Ok(pairs)
    }
}

/// Trials that the grid over C and gain is fine enough for; a single judgment needs no more.
const GRID_TRIALS: usize = 1_000;

/// Mutual information of a single judgment of each pair and the target, in bits, exact up to the grid over C and gain.
///
/// Cost O(levels · grid · pairs), about 10 ms for 36 pairs.
///
/// # Errors
/// No pairs, a pair of one item or out of range, too many items, or what the solvers refuse.
pub fn pair_information(
    task: &TransitiveTask,
    pairs: &[(usize, usize)],
    question: &DesignQuestion,
) -> Result<Vec<f64>> {
    check_pairs(task, pairs)?;
    let grid = NuisanceGrid::new(question, GRID_TRIALS);
    let by_level = question.per_level(|alpha| {
        let mut wins = vec![0.0; pairs.len()];
        for &c in &grid.c {
            for (sum, f) in wins.iter_mut().zip(margins_at(task, pairs, alpha, c)?) {
                *sum += grid.gain.iter().map(|gain| probabilities(gain * f, question.lapse()).0).sum::<f64>();
            }
        }
        Ok(wins.into_iter().map(|sum| sum / grid.len() as f64).collect::<Vec<f64>>())
    })?;
    let information = |e: usize| {
        let wins = question.mean_in_groups(&by_level.iter().map(|level| level[e]).collect::<Vec<_>>());
        let mean = wins.iter().sum::<f64>() / wins.len() as f64;
        let term = |p: f64, q: f64| if p > 0.0 { p * (p / q).log2() } else { 0.0 };
        let divergence = wins.iter().map(|&p| term(p, mean) + term(1.0 - p, 1.0 - mean)).sum::<f64>();
        // Not negative but by rounding.
        (divergence / wins.len() as f64).max(0.0)
    };
    Ok((0..pairs.len()).map(information).collect())
}

/// All tasks of `n_items` items with one exception, mirror images left out.
///
/// Turning the order around (rank i becomes n−1−i, winners and losers swap) changes no information, so of each such pair of tasks
/// the one with the exception nearer the top is kept.
///
/// # Errors
/// Fewer than two items.
pub fn single_exception_tasks(n_items: usize) -> Result<Vec<TransitiveTask>> {
    if n_items < 2 {
        return Err(TheoryError::TooFewItems(n_items));
    }
    (0..n_items)
        .flat_map(|loser| (loser + 1..n_items).map(move |winner| (winner, loser)))
        .filter(|(winner, loser)| winner + loser < n_items)
        .map(|exception| TransitiveTask::new(n_items, &[exception]))
        .collect()
}
