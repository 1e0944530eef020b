//! The settings of fine-tuning, which are checked before the first step.

use std::f64::consts::PI;
use std::fmt::Display;

use caveat_theory::{Named, named_enum};
use serde::{Deserialize, Serialize};

use super::optimizer::OptimizerKind;
use crate::error::{LmError, Result};

/// What is trained.
#[derive(Debug, Clone, PartialEq)]
pub enum Method {
    /// Every parameter of the model.
    Full,
    /// Low-rank adapters (Hu et al. 2021, arXiv 2106.09685), as in PEFT.
    Lora(LoraSettings),
    /// Only the readout, on a copy that is untied from the embedding. `l2` · Σ(W − W₀)² is added to the loss, where W₀ is the readout
    /// before training.
    Probe {
        /// Penalty of the squared distance from the initial readout, at least 0.
        l2: f64,
    },
    /// Nothing: the model is only evaluated.
    None,
}

impl Method {
    /// The method without its settings.
    pub fn kind(&self) -> MethodKind {
        match self {
            Self::Full => MethodKind::Full,
            Self::Lora(_) => MethodKind::Lora,
            Self::Probe { .. } => MethodKind::Probe,
            Self::None => MethodKind::None,
        }
    }

    /// "full", "lora", "probe" or "none", as in trial tables.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }
}

named_enum! {
    /// What is trained, by name.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize)]
    #[serde(rename_all = "lowercase", try_from = "String")]
    pub enum MethodKind, ALL {
        /// Every parameter.
        #[default]
        Full = "full",
        /// Low-rank adapters.
        Lora = "lora",
        /// The readout alone.
        Probe = "probe",
        /// Nothing.
        None = "none",
    }
    refuse |name| -> LmError {
        let known = Self::list_arguments();
        LmError::Invalid(format!("unknown method {name:?}: expected one of {known}"))
    }
}

/// Low-rank adaptation: W + (alpha / rank) · A B, A drawn uniformly within ±1/√inputs, B zero.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoraSettings {
    /// Rank of the update, at least 1.
    pub rank: usize,
    /// PEFT's lora_alpha: the update is scaled by alpha / rank.
    pub alpha: f64,
    /// The matrices of every layer that are adapted.
    pub modules: Vec<LoraModule>,
}

named_enum! {
    /// A matrix of a layer, by its name in Hugging Face's models.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case", try_from = "String")]
    #[allow(missing_docs)]
    pub enum LoraModule, ALL {
        QProj = "q_proj",
        KProj = "k_proj",
        VProj = "v_proj",
        OProj = "o_proj",
        GateProj = "gate_proj",
        UpProj = "up_proj",
        DownProj = "down_proj",
    }
    refuse |name| -> LmError {
        let known = Self::list_arguments();
        LmError::Invalid(format!("no matrix of a layer is called {name:?}: use one of {known}"))
    }
}

impl LoraModule {
    /// The modules that the published study adapts: all but the gate.
    pub const STUDY: [Self; 6] = [Self::QProj, Self::KProj, Self::VProj, Self::OProj, Self::UpProj, Self::DownProj];
}

/// How a model is fine-tuned. [`TrainingOptions`](crate::TrainingOptions) has defaults for these settings.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingSettings {
    /// What is trained.
    pub method: Method,
    /// How parameters move along their gradients.
    pub optimizer: OptimizerKind,
    /// Step size before the schedule's factor, above 0.
    pub learning_rate: f64,
    /// How the step size changes over the steps.
    pub schedule: Schedule,
    /// Passes over the training prompts, at least 1.
    pub epochs: usize,
    /// Training prompts per step, at least 1; the last step of an epoch may have fewer.
    pub batch_size: usize,
    /// Whether every epoch visits the prompts in a new random order.
    pub shuffle: bool,
    /// Joint Euclidean norm to which larger gradients are scaled down, above 0.
    pub clip_norm: Option<f64>,
    /// Seed of the order of prompts and of the initial values of adapters.
    pub seed: u64,
}

impl TrainingSettings {
    /// Refuses settings that cannot be used.
    ///
    /// # Errors
    /// [`LmError::Invalid`] that names the setting.
    pub fn check(&self) -> Result<()> {
        let need = |is_right: bool, name: &str, value: &dyn Display, needed: &str| match is_right {
            true => Ok(()),
            false => Err(LmError::invalid(format!("{name} is {value}: {needed} is needed"))),
        };
        let positive = |name, value: f64| need(value > 0.0 && value.is_finite(), name, &value, "a positive number");
        let at_least_zero =
            |name, value: f64| need(value >= 0.0 && value.is_finite(), name, &value, "a number of at least 0");
        let at_least_one = |name, value: usize| need(value > 0, name, &value, "at least 1");
        if self.method == Method::None {
            return Ok(());
        }
        positive("the learning rate", self.learning_rate)?;
        at_least_one("the number of epochs", self.epochs)?;
        at_least_one("the batch size", self.batch_size)?;
        if let Some(norm) = self.clip_norm {
            positive("the norm of gradients to clip to", norm)?;
        }
        if let OptimizerKind::AdamW { beta1, beta2, epsilon, weight_decay } = self.optimizer {
            for (name, beta) in [("beta1", beta1), ("beta2", beta2)] {
                need((0.0..1.0).contains(&beta), name, &beta, "a number from 0 to below 1")?;
            }
            at_least_zero("epsilon", epsilon)?;
            at_least_zero("the weight decay", weight_decay)?;
        }
        match &self.method {
            Method::Lora(lora) => {
                at_least_one("the rank of the adapters", lora.rank)?;
                positive("the adapters' alpha", lora.alpha)?;
                if lora.modules.is_empty() {
                    return Err(LmError::invalid("no matrices to adapt are named: name at least one"));
                }
                let mut modules = lora.modules.clone();
                modules.sort();
                if let Some(twice) = modules.windows(2).find(|pair| pair[0] == pair[1]) {
                    return Err(LmError::invalid(format!("{} is named twice among the matrices to adapt", twice[0])));
                }
                Ok(())
            }
            Method::Probe { l2 } => at_least_zero("the penalty of the probe", *l2),
            Method::Full | Method::None => Ok(()),
        }
    }
}

/// A factor of the learning rate for every step: a linear warm-up from 0, then a constant, or a line or half a cosine that reaches 0
/// after the last step, as in Transformers' `get_constant_schedule_with_warmup`, `get_linear_…` and `get_cosine_schedule_with_warmup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// What follows the warm-up.
    pub decay: Decay,
    /// Steps of warm-up. With w of them, step k < w (from 0) has the factor k / w.
    pub warmup_steps: usize,
}

named_enum! {
    /// What the learning rate does after the warm-up.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(rename_all = "lowercase", try_from = "String")]
    pub enum Decay, ALL {
        /// It stays the same.
        Constant = "constant",
        /// It falls linearly to 0.
        Linear = "linear",
        /// It falls along half a cosine to 0.
        Cosine = "cosine",
    }
    refuse |name| -> LmError {
        let known = Self::list_arguments();
        LmError::Invalid(format!("unknown schedule {name:?}: expected one of {known}"))
    }
}

impl Schedule {
    /// The factor at `step` (from 0) of `steps`.
    pub fn factor(self, step: usize, steps: usize) -> f64 {
        if step < self.warmup_steps {
            return step as f64 / self.warmup_steps as f64;
        }
        let after = steps.saturating_sub(self.warmup_steps).max(1) as f64;
        let passed = ((step - self.warmup_steps) as f64 / after).min(1.0);
        match self.decay {
            Decay::Constant => 1.0,
            Decay::Linear => 1.0 - passed,
            Decay::Cosine => 0.5 * (1.0 + (PI * passed).cos()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_over_the_warm_up_and_falls_to_zero_after_the_last_step() {
        for decay in [Decay::Linear, Decay::Cosine] {
            let schedule = Schedule { decay, warmup_steps: 4 };
            let factors: Vec<f64> = (0..=12).map(|step| schedule.factor(step, 12)).collect();
            assert_eq!(&factors[..5], &[0.0, 0.25, 0.5, 0.75, 1.0]);
            assert!((factors[8] - 0.5).abs() < 1e-15, "half way down: {factors:?}");
            assert!(factors[12].abs() < 1e-15);
        }
        assert_eq!(Schedule { decay: Decay::Constant, warmup_steps: 0 }.factor(7, 8), 1.0);
    }

    #[test]
    fn a_warm_up_longer_than_training_only_rises() {
        let schedule = Schedule { decay: Decay::Cosine, warmup_steps: 10 };
        assert_eq!(schedule.factor(4, 5), 0.4);
        assert_eq!(schedule.factor(10, 5), 1.0);
    }
}
