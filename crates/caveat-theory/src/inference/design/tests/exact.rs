//! Expected information of small designs by enumeration of all outcomes, independent of simulation and of the chain route.

use crate::error::{Result, TheoryError};
use crate::inference::design::check_pairs;
use crate::inference::design::likelihood::probabilities;
use crate::inference::design::question::{DesignQuestion, NuisanceGrid};
use crate::kernel::RidgeModel;
use crate::margins::{Margins, graph};
use crate::task::TransitiveTask;

/// Most outcomes times points of the prior.
const MAX_TERMS: usize = 200_000_000;

/// Expected information in bits of judging each pair `repetitions` times, exact up to the grid over C and gain.
///
/// Sums over the (repetitions + 1)^pairs outcomes, each with its probability under every point of the prior.
///
/// # Errors
/// More than 2·10⁸ outcomes times points of the prior, no pairs, a pair of one item or out of range, or what the solver refuses.
pub(super) fn exact_information(
    task: &TransitiveTask,
    pairs: &[(usize, usize)],
    question: &DesignQuestion,
    repetitions: usize,
) -> Result<f64> {
    check_pairs(task, pairs)?;
    let grid = NuisanceGrid::new(question, repetitions.saturating_mul(pairs.len()));
    let points = question.levels.len() * grid.len();
    let outcomes = u32::try_from(pairs.len())
        .ok()
        .and_then(|n| repetitions.checked_add(1)?.checked_pow(n))
        .filter(|o| o.checked_mul(points).is_some_and(|terms| terms <= MAX_TERMS))
        .ok_or_else(|| TheoryError::BadInput {
            what: "exact information",
            problem: format!(
                "{} pairs judged {repetitions} times have too many outcomes to list; simulate them",
                pairs.len()
            ),
        })?;
    // P(outcome | level), outcomes numbered with the first pair's wins as the lowest digit.
    let mut by_level = Vec::with_capacity(question.levels.len());
    for level in &question.levels {
        let mut sum = vec![0.0; outcomes];
        for &c in &grid.c {
            let solution = graph::solve(task.graph(), &RidgeModel::new(level.value, c)?)?;
            for &gain in &grid.gain {
                let mut joint = vec![1.0];
                for &(i, j) in pairs {
                    let (p, q) = probabilities(gain * solution.margin(i, j), question.lapse());
                    let wins = binomial(repetitions, p, q);
                    joint = wins.iter().flat_map(|w| joint.iter().map(move |x| x * w)).collect();
                }
                for (s, x) in sum.iter_mut().zip(joint) {
                    *s += x / grid.len() as f64;
                }
            }
        }
        by_level.push(sum);
    }
    let mut information = 0.0;
    for outcome in 0..outcomes {
        let given = question.mean_in_groups(&by_level.iter().map(|level| level[outcome]).collect::<Vec<_>>());
        let mean = given.iter().sum::<f64>() / given.len() as f64;
        let terms = given.iter().filter(|p| **p > 0.0).map(|p| p * (p / mean).log2());
        information += terms.sum::<f64>() / given.len() as f64;
    }
    Ok(information.max(0.0))
}

/// Probabilities of 0 … n wins.
fn binomial(n: usize, p: f64, q: f64) -> Vec<f64> {
    let mut coefficient = 1.0;
    (0..=n)
        .map(|k| {
            let probability = coefficient * p.powi(k as i32) * q.powi((n - k) as i32);
            coefficient *= (n - k) as f64 / (k + 1) as f64;
            probability
        })
        .collect()
}
