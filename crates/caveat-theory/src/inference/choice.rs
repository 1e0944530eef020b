//! Fits of a learner to choices: maximum likelihood over conjunctivity, strength, gain, lapses and position bias.
//!
//! The item shown first is chosen with probability λ/2 + (1−λ)·σ(gain·f_{α,s}(first, second) + b), σ the logistic function,
//! λ ∈ [0, ½] the lapse rate and b the bias for the first position. With f = ρψ ([`Surface`]) the amplitude a = gain·ρ is a
//! coefficient of a shape of unit size, and (x, z, a, λ, b) are bounded coordinates in which every limit is reached. Fits
//! are found by Fisher scoring from the best nodes of a coarse scan, first inside, then on every limit; a limit is reported
//! where nothing inside is better by more than 10⁻⁶ in log-likelihood.
//!
//! **Separation.** Choices that the model can predict without error drive the gain to infinity. The amplitude, which is the
//! root mean square of gain·f over the distinct pairs, ends at [`MAX_AMPLITUDE`] logits; such a fit is `saturated`, whatever limit
//! it is in.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::estimates::{Estimates, FitLimit, Parameter};
use super::surface::{Chart, Field, Point, Surface};
use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};
use crate::learner::LearnerKind;
use crate::numeric::sigmoid::sigmoid;

mod bootstrap;
mod clusters;
mod grid;
mod information;
mod margins;
mod profile;
mod response;
mod scoring;
mod search;

pub use clusters::margin_intervals;
pub use margins::{MarginModelFitter, MarginObservation};
pub use response::{MAX_AMPLITUDE, MAX_LAPSE};

pub(crate) use grid::{AXES, Block, Nodes, UnitGrid, lapse_of};

use response::{Binomial, Response};
use scoring::{AMPLITUDE, BIAS, Coordinates, LAPSE, Workspace};

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

/// Which parameters a model has, and which of them are free.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ModelSpec {
    /// What learns the margins.
    pub learner: LearnerKind,
    /// α ∈ [0, 1] held fixed; `None` to estimate it.
    pub conjunctivity: Option<f64>,
    /// Strength (C or t) ∈ [0, ∞] held fixed; `None` to estimate it. At 0 the gain stands for gain·strength.
    pub strength: Option<f64>,
    /// Whether some trials are answered at random.
    pub lapse: bool,
    /// Whether the first position is preferred or avoided.
    pub position_bias: bool,
}

impl ModelSpec {
    /// Free conjunctivity, strength and gain; no lapses, no bias.
    pub fn new(learner: LearnerKind) -> Self {
        Self { learner, conjunctivity: None, strength: None, lapse: false, position_bias: false }
    }

    /// The same with α held at `conjunctivity`.
    pub fn with_conjunctivity(self, conjunctivity: f64) -> Self {
        Self { conjunctivity: Some(conjunctivity), ..self }
    }

    /// The same with C or t held at `strength`.
    pub fn with_strength(self, strength: f64) -> Self {
        Self { strength: Some(strength), ..self }
    }

    /// The same with lapses.
    pub fn with_lapse(self) -> Self {
        Self { lapse: true, ..self }
    }

    /// The same with a position bias.
    pub fn with_position_bias(self) -> Self {
        Self { position_bias: true, ..self }
    }

    /// The parameters that fits report: α, the strength and the gain, free or held, then those that the model has besides.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut parameters = vec![Parameter::Conjunctivity, Parameter::Strength, Parameter::Gain];
        parameters.extend(self.lapse.then_some(Parameter::Lapse));
        parameters.extend(self.position_bias.then_some(Parameter::PositionBias));
        parameters
    }

    /// Number of free parameters, the gain among them.
    pub fn n_parameters(&self) -> usize {
        1 + usize::from(self.conjunctivity.is_none())
            + usize::from(self.strength.is_none())
            + usize::from(self.lapse)
            + usize::from(self.position_bias)
    }
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

/// A point of the model in the coordinates of a search.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct At {
    chart: Chart,
    theta: Coordinates,
}

/// A specification on a task and a list of pairs; prepared once for many data sets.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    spec: ModelSpec,
    surface: Surface,
    /// Presentation weight of every trained pair, if they are equal.
    common_weight: Option<f64>,
    positions: HashMap<(usize, usize), usize>,
}

impl Model {
    pub(crate) fn new(graph: &ComparisonGraph, spec: &ModelSpec, pairs: &[(usize, usize)]) -> Result<Self> {
        let surface = Surface::with_fixed(graph, spec.learner, pairs, spec.conjunctivity, spec.strength)?;
        let first = graph.edges()[0].weight();
        let common_weight = graph.edges().iter().all(|e| e.weight() == first).then_some(first);
        let mut positions = HashMap::with_capacity(pairs.len());
        for (at, &pair) in pairs.iter().enumerate() {
            if positions.insert(pair, at).is_some() {
                return Err(TheoryError::BadInput {
                    what: "observed pairs",
                    problem: format!("the ordered pair {} {} is listed twice; list it once", pair.0, pair.1),
                });
            }
        }
        Ok(Self { spec: *spec, surface, common_weight, positions })
    }

    fn position(&self, first: usize, second: usize) -> Result<usize> {
        self.positions.get(&(first, second)).copied().ok_or_else(|| TheoryError::BadInput {
            what: "observed pairs",
            problem: format!("the ordered pair {first} {second} is not among the pairs that the fit was prepared for"),
        })
    }

    /// gain·f + b on every ordered pair.
    fn predictor(&self, at: &At, field: &mut Field) -> Result<Vec<f64>> {
        self.surface.evaluate(at.chart, [at.theta[0], at.theta[1]], true, field)?;
        let (a, b) = (at.theta[AMPLITUDE], at.theta[BIAS]);
        Ok(self.surface.index().iter().map(|&(k, sign)| a * sign * field.shape[k] + b).collect())
    }

    /// What a point means.
    fn estimates(&self, at: &At, response: &impl Response, field: &mut Field) -> Result<Estimates> {
        let theta = &at.theta;
        self.surface.evaluate(at.chart, [theta[0], theta[1]], true, field)?;
        let amplitude = theta[AMPLITUDE];
        let silent = amplitude == 0.0 || field.shape.iter().all(|f| *f == 0.0);
        let saturated = !silent && amplitude >= response.largest().0;
        let (lapse, bias) = (theta[LAPSE], theta[BIAS]);
        let position_bias = if bias.abs() >= response.largest().1 { bias * f64::INFINITY } else { bias };
        let nothing = f64::NAN;
        if silent {
            return Ok(Estimates {
                conjunctivity: self.spec.conjunctivity.unwrap_or(nothing),
                strength: self.spec.strength.unwrap_or(nothing),
                gain: 0.0,
                lapse,
                position_bias,
                screening: nothing,
                memorization: nothing,
                limit: Some(FitLimit::NoSignal),
                saturated,
            });
        }
        let mut gain = amplitude / field.log_scale.exp();
        let (conjunctivity, mut strength, mut screening, mut memorization, limit);
        match at.chart.point([theta[0], theta[1]]) {
            Point::Corner { logit_memorization } => {
                (conjunctivity, strength, screening) = (0.0, f64::INFINITY, 0.0);
                memorization = sigmoid(logit_memorization);
                limit = Some(FitLimit::Additive);
            }
            Point::Plane { x, z } => {
                conjunctivity = self.spec.conjunctivity.unwrap_or_else(|| sigmoid(x));
                // The end of the box stands for ∞, also where logistic margins have no limit.
                let free = if z >= self.surface.bounds().z.1 { f64::INFINITY } else { z };
                strength = self.spec.strength.unwrap_or_else(|| (free - self.surface.log_weight()).exp());
                let (odds, inverse) = (x.exp(), (-z).exp());
                let ridge = (1.0 + odds) * inverse;
                (screening, memorization) = match (odds, inverse) {
                    (o, i) if o.is_infinite() => (o, 1.0 / (1.0 + i)),
                    (_, i) if i.is_infinite() => (i, 0.0),
                    (0.0, _) => (2.0 * ridge, 0.0),
                    _ => (2.0 * (odds + ridge), odds / (odds + ridge)),
                };
                if x == f64::INFINITY {
                    limit = Some(FitLimit::Conjunctive);
                    if z == f64::NEG_INFINITY && self.spec.strength.is_none() {
                        // Of logistic margins: shape y, given as the margin of a trained pair.
                        let size = field.shape.iter().fold(0.0_f64, |a, f| a.max(f.abs()));
                        (gain, strength) = (amplitude * size, nothing);
                    }
                } else if z == f64::NEG_INFINITY {
                    gain /= self.surface.log_weight().exp();
                    limit = Some(FitLimit::Hebbian);
                } else {
                    limit = (x == f64::NEG_INFINITY && z == f64::INFINITY).then_some(FitLimit::Additive);
                }
            }
        }
        if self.spec.learner != LearnerKind::Ridge || self.common_weight.is_none() {
            (screening, memorization) = (nothing, nothing);
        }
        Ok(Estimates { conjunctivity, strength, gain, lapse, position_bias, screening, memorization, limit, saturated })
    }
}

/// Fits many sets of choices on the same task and ordered pairs; the surface of margins is made once.
#[derive(Debug, Clone)]
pub struct ChoiceFitter {
    model: Model,
}

impl ChoiceFitter {
    /// Prepares fits of `spec` to choices on ordered pairs (each listed once) of the task that `graph` trains.
    ///
    /// Cost as [`Surface::new`].
    ///
    /// # Errors
    /// As [`Surface::with_fixed`], or an ordered pair listed twice.
    pub fn new(graph: &ComparisonGraph, spec: &ModelSpec, pairs: &[(usize, usize)]) -> Result<Self> {
        Ok(Self { model: Model::new(graph, spec, pairs)? })
    }

    /// What is fitted.
    pub fn spec(&self) -> &ModelSpec {
        &self.model.spec
    }

    /// The margins as functions of the parameters.
    pub fn surface(&self) -> &Surface {
        &self.model.surface
    }

    /// The ordered pairs.
    pub fn pairs(&self) -> &[(usize, usize)] {
        self.model.surface.pairs()
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
    fn tabulate(&self, clusters: &[Vec<ChoiceCount>]) -> Result<Vec<Binomial>> {
        let n = self.pairs().len();
        let bad = |problem: String| Err(TheoryError::BadInput { what: "choices", problem });
        clusters
            .iter()
            .map(|cluster| {
                let mut table = Binomial::empty(n);
                for c in cluster {
                    if !(c.trials >= 0.0 && c.trials.is_finite()) {
                        return bad(format!(
                            "{} trials on pair {} {}; give a finite number of at least 0",
                            c.trials, c.first, c.second
                        ));
                    }
                    if !(c.first_chosen >= 0.0 && c.first_chosen <= c.trials) {
                        return bad(format!(
                            "the first of pair {} {} was chosen {} times in {} trials; give a number between 0 and {}",
                            c.first, c.second, c.first_chosen, c.trials, c.trials
                        ));
                    }
                    table.add_count(self.model.position(c.first, c.second)?, c.first_chosen, c.trials);
                }
                Ok(table)
            })
            .collect()
    }

    fn total(&self, tables: &[Binomial]) -> Result<Binomial> {
        let mut total = Binomial::empty(self.pairs().len());
        for table in tables {
            total.add(table);
        }
        if total.n_trials() == 0.0 {
            return Err(TheoryError::BadInput {
                what: "choices",
                problem: "there is no trial; give at least one".into(),
            });
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
        Ok(ChoiceFit {
            log_likelihood: best.value,
            deviance_explained: if saturated > chance {
                (best.value - chance) / (saturated - chance)
            } else {
                f64::NAN
            },
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
    let mut pairs: Vec<_> = clusters.iter().flatten().map(|c| (c.first, c.second)).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

#[cfg(test)]
mod tests;
