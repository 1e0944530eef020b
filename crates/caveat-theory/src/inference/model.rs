//! What is fitted: which learner, and which parameters are free.

use serde::{Deserialize, Serialize};

use crate::inference::estimates::Parameter;
use crate::learner::LearnerKind;

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
