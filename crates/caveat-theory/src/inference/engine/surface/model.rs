//! A specification on a task and a list of pairs: its surface of margins, and what a point of it means.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};
use crate::inference::engine::surface::scoring::{AMPLITUDE, BIAS, Coordinates, LAPSE};
use crate::inference::engine::surface::{Chart, Field, Point, Surface};
use crate::inference::estimates::{Estimates, FitLimit};
use crate::inference::model::ModelSpec;
use crate::inference::response::Response;
use crate::learner::LearnerKind;
use crate::numeric::sigmoid::sigmoid;
use crate::numeric::vectors::largest;

/// A point of the model in the coordinates of a search.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct At {
    pub(crate) chart: Chart,
    pub(crate) theta: Coordinates,
}

/// A specification on a task and a list of pairs; prepared once for many data sets.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) spec: ModelSpec,
    pub(crate) surface: Surface,
    /// Whether all trained pairs have the same presentation weight.
    has_equal_weights: bool,
    positions: HashMap<(usize, usize), usize>,
}

impl Model {
    pub(crate) fn new(graph: &ComparisonGraph, spec: &ModelSpec, pairs: &[(usize, usize)]) -> Result<Self> {
        let surface = Surface::new(graph, spec.learner, pairs, spec.conjunctivity, spec.strength)?;
        let mut positions = HashMap::with_capacity(pairs.len());
        for (at, &pair) in pairs.iter().enumerate() {
            if positions.insert(pair, at).is_some() {
                let problem = format!("the ordered pair {} {} is listed twice; list it once", pair.0, pair.1);
                return Err(TheoryError::BadInput { what: "observed pairs", problem });
            }
        }
        Ok(Self { spec: *spec, surface, has_equal_weights: graph.common_weight().is_some(), positions })
    }

    pub(crate) fn position(&self, first: usize, second: usize) -> Result<usize> {
        self.positions.get(&(first, second)).copied().ok_or_else(|| {
            let problem =
                format!("the ordered pair {first} {second} is not among the pairs that the fit was prepared for");
            TheoryError::BadInput { what: "observed pairs", problem }
        })
    }

    /// gain·f + b on every ordered pair.
    pub(crate) fn predictor(&self, at: &At, field: &mut Field) -> Result<Vec<f64>> {
        self.surface.evaluate(at.chart, [at.theta[0], at.theta[1]], true, field)?;
        let (a, b) = (at.theta[AMPLITUDE], at.theta[BIAS]);
        Ok(self.surface.index.iter().map(|&(k, sign)| a * sign * field.shape[k] + b).collect())
    }

    /// What a point means.
    pub(crate) fn estimates(&self, at: &At, response: &impl Response, field: &mut Field) -> Result<Estimates> {
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
                let free = if z >= self.surface.bounds.z.1 { f64::INFINITY } else { z };
                strength = self.spec.strength.unwrap_or_else(|| (free - self.surface.log_weight).exp());
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
                        (gain, strength) = (amplitude * largest(&field.shape), nothing);
                    }
                } else if z == f64::NEG_INFINITY {
                    gain /= self.surface.log_weight.exp();
                    limit = Some(FitLimit::Hebbian);
                } else {
                    limit = (x == f64::NEG_INFINITY && z == f64::INFINITY).then_some(FitLimit::Additive);
                }
            }
        }
        if self.spec.learner != LearnerKind::Ridge || !self.has_equal_weights {
            (screening, memorization) = (nothing, nothing);
        }
        Ok(Estimates { conjunctivity, strength, gain, lapse, position_bias, screening, memorization, limit, saturated })
    }
}
