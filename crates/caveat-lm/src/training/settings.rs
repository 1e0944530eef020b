//! The settings of fine-tuning, checked before the first step.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::optimizer::OptimizerKind;
use super::schedule::Schedule;
use crate::error::{LmError, Result};

/// What is trained.
#[derive(Debug, Clone, PartialEq)]
pub enum Method {
    /// Every parameter of the model.
    Full,
    /// Low-rank adapters (Hu et al. 2021, arXiv 2106.09685), as in PEFT.
    Lora(LoraSettings),
    /// The readout alone, on a copy that is untied from the embedding, with `l2` · Σ(W − W₀)² added to the loss, where W₀ is the
    /// readout before training.
    Probe {
        /// Penalty of the squared distance from the initial readout, at least 0.
        l2: f64,
    },
    /// Nothing: the model is only evaluated.
    None,
}

impl Method {
    /// "full", "lora", "probe" or "none", as in trial tables.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Lora(_) => "lora",
            Self::Probe { .. } => "probe",
            Self::None => "none",
        }
    }
}

/// Low-rank adaptation: W + (alpha / rank) · A B, A drawn uniformly within ±1/√inputs, B zero.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoraSettings {
    /// Rank of the update, at least 1.
    pub rank: usize,
    /// PEFT's lora_alpha: the update is scaled by alpha / rank.
    pub alpha: f64,
    /// Which matrices of every layer are adapted.
    pub modules: Vec<LoraModule>,
}

/// A matrix of a layer, by its name in Hugging Face's models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum LoraModule {
    QProj,
    KProj,
    VProj,
    OProj,
    GateProj,
    UpProj,
    DownProj,
}

impl LoraModule {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::QProj, Self::KProj, Self::VProj, Self::OProj, Self::GateProj, Self::UpProj, Self::DownProj];

    /// The modules that the study adapts: all but the gate.
    pub const STUDY: [Self; 6] = [Self::QProj, Self::KProj, Self::VProj, Self::OProj, Self::UpProj, Self::DownProj];

    /// The name in files: "q_proj" and so on.
    pub fn name(self) -> &'static str {
        match self {
            Self::QProj => "q_proj",
            Self::KProj => "k_proj",
            Self::VProj => "v_proj",
            Self::OProj => "o_proj",
            Self::GateProj => "gate_proj",
            Self::UpProj => "up_proj",
            Self::DownProj => "down_proj",
        }
    }
}

impl fmt::Display for LoraModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for LoraModule {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        Self::ALL.into_iter().find(|module| module.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|module| module.name()).collect();
            format!("no matrix of a layer is called {name:?}: use one of {}", names.join(", "))
        })
    }
}

/// How a model is fine-tuned.
///
/// | setting | default of the command | purpose | range |
/// |---|---|---|---|
/// | `method` | full | what is trained | |
/// | `optimizer` | AdamW, PyTorch's defaults | | |
/// | `learning_rate` | 2e-5 full, 1e-4 LoRA, 1e-3 probe | step size | > 0 |
/// | `schedule` | constant | its course over the steps | |
/// | `epochs` | 60 full, 10 LoRA, 50 probe | passes over the training prompts | ≥ 1 |
/// | `batch_size` | 32 full, 16 else | prompts of a step | ≥ 1 |
/// | `shuffle` | true | a new order of prompts every epoch | |
/// | `clip_norm` | none | joint norm to which larger gradients are scaled down | > 0 |
/// | `seed` | 0 | of the order of prompts and the adapters' initial values | |
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingSettings {
    /// What is trained.
    pub method: Method,
    /// How parameters move along their gradients.
    pub optimizer: OptimizerKind,
    /// Step size before the schedule's factor.
    pub learning_rate: f64,
    /// The factor of the step size over the steps.
    pub schedule: Schedule,
    /// Passes over the training prompts.
    pub epochs: usize,
    /// Training prompts of a step; the last step of an epoch may have fewer.
    pub batch_size: usize,
    /// Whether every epoch visits the prompts in a new random order.
    pub shuffle: bool,
    /// Joint Euclidean norm to which larger gradients are scaled down.
    pub clip_norm: Option<f64>,
    /// Of the order of prompts and the initial values of adapters.
    pub seed: u64,
}

impl TrainingSettings {
    /// Refuses what cannot be trained with.
    ///
    /// # Errors
    /// [`LmError::Invalid`] that names the setting.
    pub fn check(&self) -> Result<()> {
        let positive = |name: &str, value: f64| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(LmError::invalid(format!("{name} is {value}: a positive number is needed"))),
        };
        let at_least_one = |name: &str, value: usize| match value {
            0 => Err(LmError::invalid(format!("{name} is 0: at least 1 is needed"))),
            _ => Ok(()),
        };
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
                if !(0.0..1.0).contains(&beta) {
                    return Err(LmError::invalid(format!("{name} is {beta}: a number from 0 to below 1 is needed")));
                }
            }
            for (name, value) in [("epsilon", epsilon), ("the weight decay", weight_decay)] {
                if !(value >= 0.0 && value.is_finite()) {
                    return Err(LmError::invalid(format!("{name} is {value}: a number of at least 0 is needed")));
                }
            }
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
            Method::Probe { l2 } if !(*l2 >= 0.0 && l2.is_finite()) => {
                Err(LmError::invalid(format!("the penalty of the probe is {l2}: a number of at least 0 is needed")))
            }
            _ => Ok(()),
        }
    }
}
