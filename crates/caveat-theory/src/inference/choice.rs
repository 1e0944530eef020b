//! Fits of a learner to choices: maximum likelihood over conjunctivity, strength, gain, lapses and position bias.
//!
//! The item shown first is chosen with probability λ/2 + (1−λ)·σ(gain·f_{α,s}(first, second) + b), σ the logistic function,
//! λ ∈ [0, ½] the lapse rate and b the bias for the first position. With f = ρψ, ψ of unit root mean square, the amplitude a = gain·ρ is a
//! coefficient of a shape of unit size, and (x, z, a, λ, b) are bounded coordinates in which every limit is reached. Fits
//! are found by Fisher scoring from the best nodes of a coarse scan, first inside, then on every limit; a limit is reported
//! where nothing inside is better by more than 10⁻⁶ in log-likelihood.
//!
//! **Separation.** Choices that the model can predict without error drive the gain to infinity. The amplitude, which is the
//! root mean square of gain·f over the distinct pairs, ends at [`MAX_AMPLITUDE`](super::MAX_AMPLITUDE) logits; such a fit is
//! `saturated`, whatever limit it is in.
//!
//! Σ over pairs of k·log P + (n − k)·log(1 − P) is maximized, k of n trials having chosen the first; α ∈ [0, 1], C or t ∈ [0, ∞],
//! gain ≥ 0. Source: §9.2.

use serde::{Deserialize, Serialize};

use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};
use crate::inference::engine::surface::Field;
use crate::inference::engine::surface::grid::UnitGrid;
use crate::inference::engine::surface::model::{At, Model};
use crate::inference::engine::surface::pairs::distinct;
use crate::inference::engine::surface::scoring::{BIAS, Workspace};
use crate::inference::engine::surface::search;
use crate::inference::estimates::Estimates;
use crate::inference::model::ModelSpec;
use crate::inference::response::{Binomial, Response};
use crate::numeric::sigmoid::sigmoid;

/// How often the item shown first was chosen on an ordered pair.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChoiceCount {
    /// Item shown first.
    pub first: usize,
    /// Item shown second.
    pub second: usize,
    /// Trials on which the first was chosen, between 0 and `trials`; may be fractional.
    pub first_chosen: f64,
    /// Number of trials, at least 0; may be fractional.
    pub trials: f64,
}

/// A maximum-likelihood fit to choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChoiceFit {
    /// The parameters.
    #[serde(flatten)]
    pub estimates: Estimates,
    /// Σ k·log p + (n − k)·log(1 − p): without binomial coefficients, so that single trials and counts agree.
    pub log_likelihood: f64,
    /// Share of the deviance of chance (p = ½) that is explained: 1 = as good as each pair's own rate. NaN where the rates
    /// themselves are at chance.
    pub deviance_explained: f64,
    /// McFadden's R² against chance, 1 − ℓ/ℓ(p = ½).
    pub mcfadden: f64,
    /// Number of trials.
    pub n_trials: f64,
    /// Number of free parameters.
    pub n_parameters: usize,
    /// Fitted probability that the first is chosen, in the order of the pairs.
    pub probabilities: Vec<f64>,
    /// Fitted gain·f, in the order of the pairs.
    pub margins: Vec<f64>,
    pub(crate) at: At,
}

/// Fits many sets of choices on the same task and ordered pairs; the surface of margins is made once.
#[derive(Debug, Clone)]
pub struct ChoiceFitter {
    pub(crate) model: Model,
}

impl ChoiceFitter {
    /// Prepares fits of `spec` to choices on ordered pairs (each listed once) of the task that `graph` trains.
    ///
    /// Cost one eigendecomposition (ridge, flow, equal weights), or some thousands of solves in parallel (logistic: 0.7 s for 9 items on
    /// two cores; unequal weights).
    ///
    /// # Errors
    /// No pair, one out of range, of an item with itself, or listed twice; trials in one presentation order only; a fixed value out of
    /// range, or a strength of ∞ for logistic margins; or what the solvers refuse.
    pub fn new(graph: &ComparisonGraph, spec: &ModelSpec, pairs: &[(usize, usize)]) -> Result<Self> {
        Ok(Self { model: Model::new(graph, spec, pairs)? })
    }

    /// The ordered pairs.
    pub fn pairs(&self) -> &[(usize, usize)] {
        &self.model.surface.pairs
    }

    /// Maximum-likelihood fit to the choices of all clusters together. For 72 pairs of 9 items 5 ms, with lapses and bias
    /// up to 30 ms; of logistic margins 0.1 s.
    ///
    /// # Errors
    /// A pair that the fitter was not prepared for, counts out of range, no trial at all, or what the solvers refuse.
    pub fn fit(&self, clusters: &[Vec<ChoiceCount>]) -> Result<ChoiceFit> {
        self.fit_total(&self.total(&self.tabulate(clusters)?)?)
    }

    /// Log-likelihood of choices under a fit of this fitter, without binomial coefficients.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), but that no trial is needed.
    pub fn log_likelihood(&self, fit: &ChoiceFit, choices: &[ChoiceCount]) -> Result<f64> {
        let table = self.tabulate(&[choices.to_vec()])?;
        let eta = self.model.predictor(&fit.at, &mut Field::default())?;
        let lapse = self.model.spec.lapse.then_some(fit.estimates.lapse);
        Ok((0..eta.len()).map(|k| table[0].terms(k, eta[k], lapse).value).sum())
    }

    /// The whole likelihood of the choices of all clusters together, with nodes every `spacing` standard deviations if that is
    /// not more than `most` values.
    pub(crate) fn grid(&self, clusters: &[Vec<ChoiceCount>], spacing: f64, most: usize) -> Result<UnitGrid> {
        self.model.grid(&self.total(&self.tabulate(clusters)?)?, spacing, most)
    }

    /// Counts of every cluster on every pair.
    pub(crate) fn tabulate(&self, clusters: &[Vec<ChoiceCount>]) -> Result<Vec<Binomial>> {
        let n = self.pairs().len();
        let bad = |problem: String| Err(TheoryError::BadInput { what: "choices", problem });
        let tabulate = |cluster: &Vec<ChoiceCount>| {
            let mut table = Binomial::empty(n);
            for &ChoiceCount { first, second, first_chosen, trials } in cluster {
                if !(trials >= 0.0 && trials.is_finite()) {
                    return bad(format!(
                        "{trials} trials on pair {first} {second}; give a finite number of at least 0"
                    ));
                }
                if !(first_chosen >= 0.0 && first_chosen <= trials) {
                    return bad(format!(
                        "the first of pair {first} {second} was chosen {first_chosen} times in {trials} trials; give a number between 0 \
                         and {trials}"
                    ));
                }
                table.add_count(self.model.position(first, second)?, first_chosen, trials);
            }
            Ok(table)
        };
        clusters.iter().map(tabulate).collect()
    }

    pub(crate) fn total(&self, tables: &[Binomial]) -> Result<Binomial> {
        let mut total = Binomial::empty(self.pairs().len());
        tables.iter().for_each(|table| total.add(table));
        if total.n_trials() == 0.0 {
            return Err(TheoryError::bad_input("choices", "there is no trial; give at least one"));
        }
        Ok(total)
    }

    fn fit_total(&self, data: &Binomial) -> Result<ChoiceFit> {
        let mut work = Workspace::default();
        let mut best = search::fit(&self.model, data, &mut work)?;
        search::run_off(&self.model, data, &mut best, &mut work)?;
        let estimates = self.model.estimates(&best.at, data, &mut work.field)?;
        let eta = self.model.predictor(&best.at, &mut work.field)?;
        let (lapse, bias) = (estimates.lapse, best.at.theta[BIAS]);
        let (chance, saturated) = (data.chance(), data.saturated());
        let share = (best.value - chance) / (saturated - chance);
        let deviance_explained = if saturated > chance { share } else { f64::NAN };
        Ok(ChoiceFit {
            log_likelihood: best.value,
            deviance_explained,
            mcfadden: 1.0 - best.value / chance,
            n_trials: data.n_trials(),
            n_parameters: self.model.spec.n_parameters(),
            probabilities: eta.iter().map(|e| 0.5 * lapse + (1.0 - lapse) * sigmoid(*e)).collect(),
            margins: eta.iter().map(|e| e - bias).collect(),
            estimates,
            at: best.at,
        })
    }
}

/// The distinct ordered pairs of some choices, sorted: what a fitter for them is prepared with.
pub fn ordered_pairs(clusters: &[Vec<ChoiceCount>]) -> Vec<(usize, usize)> {
    distinct(clusters.iter().flatten().map(|c| (c.first, c.second)))
}

#[cfg(test)]
mod tests;
