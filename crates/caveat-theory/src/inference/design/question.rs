//! What an experiment is to find out about α, and the prior over everything it does not know.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Result, TheoryError, check_range};

/// Levels of α in each hypothesis that is an interval.
const LEVELS_PER_HYPOTHESIS: usize = 32;
/// Fewest and most levels of α over an interval.
const LEVELS: (usize, usize) = (32, 400);
/// Fewest and most points of the grid over C and over gain.
const GRID: (usize, usize) = (8, 512);

/// What is to be found out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum DesignTarget {
    /// The value of α, uniform on [low, high] ⊂ [0, 1].
    Value {
        /// Smallest α.
        low: f64,
        /// Largest α, above `low`.
        high: f64,
        /// Width wanted of the 95 % posterior interval, positive and at least a hundredth of the range.
        precision: f64,
    },
    /// Which of two hypotheses holds, each (low, high) ⊂ [0, 1] with α uniform on it, or one value twice; equally likely
    /// before.
    Hypotheses([(f64, f64); 2]),
}

/// A target with the prior over C and gain and the lapse rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DesignQuestion {
    target: DesignTarget,
    c: (f64, f64),
    gain: (f64, f64),
    lapse: f64,
    pub(super) levels: Vec<Level>,
    /// Number of alternatives that the target tells apart; the information is at most log2 of it.
    pub(super) n_groups: usize,
}

/// A cell of the prior over α, represented by its middle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Level {
    pub(super) value: f64,
    low: f64,
    high: f64,
    /// What the target tells apart: the hypothesis, or else the level itself.
    group: usize,
    /// Prior probability.
    weight: f64,
}

impl DesignQuestion {
    /// Runs one job per level of α in parallel and returns the results in order.
    pub(super) fn per_level<T: Send>(&self, job: impl Fn(f64) -> Result<T> + Sync) -> Result<Vec<T>> {
        self.levels.par_iter().map(|level| job(level.value)).collect()
    }

    /// `c` and `gain` are (low, high), log-uniform in between, or one value twice; the lapse rate is in [0, 1).
    ///
    /// α has max(32, 4·range/precision) equally likely levels, the middles of equal cells; each hypothesis that is an interval has
    /// 32. The information about a value is thus at most log2 of their number.
    ///
    /// # Errors
    /// An empty or reversed range, a parameter out of range, a precision that is not positive or below a hundredth of the
    /// range, or hypotheses that overlap.
    pub fn new(target: DesignTarget, c: (f64, f64), gain: (f64, f64), lapse: f64) -> Result<Self> {
        check_range("lapse", lapse, 0.0, 1.0 - f64::EPSILON, "at least 0 and below 1")?;
        check_positive_range(["lower C", "upper C"], c, c.0 == c.1)?;
        check_positive_range(["lower gain", "upper gain"], gain, false)?;
        let (levels, n_groups) = match target {
            DesignTarget::Value { low, high, precision } => {
                check_alpha_range((low, high))?;
                if low == high {
                    let problem =
                        format!("the prior allows α = {low} alone, so there is nothing to find out; widen it");
                    return Err(TheoryError::BadInput { what: "conjunctivity", problem });
                }
                check_range("precision", precision, f64::MIN_POSITIVE, f64::MAX, "positive and finite")?;
                let n = ((4.0 * (high - low) / precision).ceil() as usize).max(LEVELS.0);
                if n > LEVELS.1 {
                    let problem = format!(
                        "an interval of width {precision} is below a hundredth of the range {low} to {high}; \
                         want a wider one or narrow the prior"
                    );
                    return Err(TheoryError::BadInput { what: "precision", problem });
                }
                (cells((low, high), n, 1.0).enumerate().map(|(group, l)| Level { group, ..l }).collect(), n)
            }
            DesignTarget::Hypotheses(hypotheses) => {
                for range in hypotheses {
                    check_alpha_range(range)?;
                }
                let [first, second] = hypotheses;
                let are_apart = first.1 <= second.0 || second.1 <= first.0;
                let points = first.0 == first.1 && second.0 == second.1;
                if !are_apart || (points && first.0 == second.0) {
                    let problem = format!(
                        "{}:{} and {}:{} overlap, so no data could tell them apart; name ranges that share at most an end",
                        first.0, first.1, second.0, second.1
                    );
                    return Err(TheoryError::BadInput { what: "hypotheses", problem });
                }
                let count = |range: (f64, f64)| if range.0 == range.1 { 1 } else { LEVELS_PER_HYPOTHESIS };
                let levels = hypotheses
                    .into_iter()
                    .enumerate()
                    .flat_map(|(group, range)| cells(range, count(range), 0.5).map(move |l| Level { group, ..l }));
                (levels.collect(), 2)
            }
        };
        Ok(Self { target, c, gain, lapse, levels, n_groups })
    }

    /// What is to be found out.
    pub fn target(&self) -> DesignTarget {
        self.target
    }

    /// λ: share of judgments by chance.
    pub fn lapse(&self) -> f64 {
        self.lapse
    }

    /// Whether the target is a pair of hypotheses.
    pub fn is_hypotheses(&self) -> bool {
        matches!(self.target, DesignTarget::Hypotheses(_))
    }

    /// Width wanted of the interval of α; `None` for hypotheses.
    pub(super) fn precision(&self) -> Option<f64> {
        match self.target {
            DesignTarget::Value { precision, .. } => Some(precision),
            DesignTarget::Hypotheses(_) => None,
        }
    }

    /// (α, C, gain) at a point of the unit cube, uniform in it if the point is.
    pub(super) fn parameters(&self, [u, v, w]: [f64; 3]) -> (f64, f64, f64) {
        let mut below = 0.0;
        let drawn = self.levels.iter().find(|l| {
            below += l.weight;
            u < below
        });
        // The weights sum to 1 up to rounding; a point beyond them belongs to the last level.
        let level = drawn.or(self.levels.last()).map_or(0.0, |l| l.value);
        (level, log_between(self.c, v), log_between(self.gain, w))
    }

    /// Posterior over levels from the log evidence of each; sums to 1.
    pub(super) fn posterior(&self, log_evidence: impl Iterator<Item = f64>) -> Vec<f64> {
        let logs: Vec<f64> = self.levels.iter().zip(log_evidence).map(|(l, e)| l.weight.ln() + e).collect();
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut p: Vec<f64> = logs.iter().map(|l| (l - largest).exp()).collect();
        let sum: f64 = p.iter().sum();
        p.iter_mut().for_each(|x| *x /= sum);
        p
    }

    /// Probability of every alternative of the target from those of the levels.
    pub(super) fn group_probabilities(&self, levels: &[f64]) -> Vec<f64> {
        let mut groups = vec![0.0; self.n_groups];
        self.levels.iter().zip(levels).for_each(|(level, p)| groups[level.group] += p);
        groups
    }

    /// Mean over the prior within every alternative of a value per level.
    pub(super) fn mean_in_groups(&self, per_level: &[f64]) -> Vec<f64> {
        let weighted: Vec<f64> = self.levels.iter().zip(per_level).map(|(l, v)| l.weight * v).collect();
        // Alternatives are equally likely.
        self.group_probabilities(&weighted).into_iter().map(|v| v * self.n_groups as f64).collect()
    }

    /// Kullback–Leibler divergence of a posterior over levels from the prior, about the target, in bits.
    pub(super) fn divergence_bits(&self, posterior: &[f64]) -> f64 {
        let prior = 1.0 / self.n_groups as f64;
        let sum: f64 =
            self.group_probabilities(posterior).iter().filter(|p| **p > 0.0).map(|p| p * (p / prior).log2()).sum();
        // Not negative but by rounding.
        sum.max(0.0)
    }

    /// Width of the central 95 % interval of a posterior that is uniform within the cell of each level.
    pub(super) fn interval_width(&self, posterior: &[f64]) -> f64 {
        let quantile = |share: f64| {
            let mut below = 0.0;
            for (level, &p) in self.levels.iter().zip(posterior) {
                if below + p >= share && p > 0.0 {
                    return level.low + (level.high - level.low) * (share - below) / p;
                }
                below += p;
            }
            self.levels.last().map_or(f64::NAN, |l| l.high)
        };
        quantile(0.975) - quantile(0.025)
    }
}

/// `n` equal cells of a range that share a probability.
fn cells((low, high): (f64, f64), n: usize, probability: f64) -> impl Iterator<Item = Level> {
    let at = move |k: f64| if low == high { low } else { low + (high - low) * k / n as f64 };
    (0..n).map(move |k| Level {
        value: at(k as f64 + 0.5),
        low: at(k as f64),
        high: at(k as f64 + 1.0),
        group: 0,
        weight: probability / n as f64,
    })
}

fn check_alpha_range((low, high): (f64, f64)) -> Result<()> {
    check_range("lower conjunctivity", low, 0.0, 1.0, "between 0 (additive) and 1 (conjunctive)")?;
    check_range("upper conjunctivity", high, low, 1.0, "between the lower one and 1")?;
    Ok(())
}

fn check_positive_range([low, high]: [&'static str; 2], range: (f64, f64), infinite: bool) -> Result<()> {
    let largest = if infinite { f64::INFINITY } else { f64::MAX };
    check_range(low, range.0, f64::MIN_POSITIVE, largest, "positive and finite")?;
    check_range(high, range.1, range.0, largest, "finite and at least the lower one")?;
    Ok(())
}

/// The value a share of the way from low to high, on a logarithmic scale.
fn log_between((low, high): (f64, f64), share: f64) -> f64 {
    if low == high { low } else { (low.ln() + (high.ln() - low.ln()) * share).exp() }
}

/// Equally likely values of C and of gain, over which the likelihood is averaged.
#[derive(Debug, Clone)]
pub(super) struct NuisanceGrid {
    pub(super) c: Vec<f64>,
    pub(super) gain: Vec<f64>,
}

impl NuisanceGrid {
    /// The grid for N trials: cell middles 3.5/√N apart in ln gain and 9/√N in ln C, between 8 and 512 of them.
    ///
    /// A judgment tells at most x²·p(1−p) < 0.44 about ln gain (x = gain·f), so the likelihood is no narrower than σ = 1.5/√N
    /// and the spacing at most 2.3 σ, where the midpoint rule on a Gaussian errs by 5 % at worst; the mean over pairs of unlike
    /// margins is less narrow. Margins change more slowly with ln C. The tests compare with finer grids.
    pub(super) fn new(question: &DesignQuestion, trials: usize) -> Self {
        let axis = |range: (f64, f64), spacing: f64| {
            let width = (range.1 / range.0).ln();
            let n = if range.0 == range.1 {
                1
            } else {
                ((width * (trials as f64).sqrt() / spacing).ceil() as usize).clamp(GRID.0, GRID.1)
            };
            (0..n).map(|k| log_between(range, (k as f64 + 0.5) / n as f64)).collect()
        };
        Self { c: axis(question.c, 9.0), gain: axis(question.gain, 3.5) }
    }

    /// Number of points.
    pub(super) fn len(&self) -> usize {
        self.c.len() * self.gain.len()
    }
}
