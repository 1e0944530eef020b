//! Training as options describe it: what is not said takes the default of the method, and what the method does not use is refused.

use std::fmt;
use std::str::FromStr;

use crate::error::{LmError, Result};
use crate::training::{Decay, LoraModule, LoraSettings, Method, OptimizerKind, Schedule, TrainingSettings};

/// What is trained, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MethodKind {
    /// Every parameter.
    #[default]
    Full,
    /// Low-rank adapters.
    Lora,
    /// The readout alone.
    Probe,
    /// Nothing.
    None,
}

impl MethodKind {
    const ALL: [Self; 4] = [Self::Full, Self::Lora, Self::Probe, Self::None];

    /// Name in options and result files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Lora => "lora",
            Self::Probe => "probe",
            Self::None => "none",
        }
    }
}

impl fmt::Display for MethodKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for MethodKind {
    type Err = LmError;

    fn from_str(name: &str) -> Result<Self> {
        one_of(name, "method", &Self::ALL.map(|kind| (kind.name(), kind)))
    }
}

/// An optimizer by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OptimizerName {
    /// AdamW with PyTorch's defaults.
    #[default]
    AdamW,
    /// Plain gradient descent.
    Sgd,
}

impl FromStr for OptimizerName {
    type Err = LmError;

    fn from_str(name: &str) -> Result<Self> {
        one_of(name, "optimizer", &[("adamw", Self::AdamW), ("sgd", Self::Sgd)])
    }
}

impl FromStr for Decay {
    type Err = LmError;

    fn from_str(name: &str) -> Result<Self> {
        one_of(name, "schedule", &[("constant", Self::Constant), ("linear", Self::Linear), ("cosine", Self::Cosine)])
    }
}

/// The value of that name.
fn one_of<T: Copy>(name: &str, what: &str, known: &[(&str, T)]) -> Result<T> {
    known.iter().find(|(known, _)| *known == name).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        LmError::invalid(format!("unknown {what} {name:?}: expected one of {}", names.join(", ")))
    })
}

/// How options are written where they come from, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// `--learning-rate`, on a command line.
    Flags,
    /// `learning_rate`, in a file.
    Keys,
}

/// The options of training. Defaults of what is absent, with which SmolLM2-135M learns its training pairs:
///
/// | option | full | lora | probe |
/// |---|---|---|---|
/// | `rank`, `alpha`, `modules` | – | 16, twice the rank, all but the gate | – |
/// | `l2` | – | – | 0 |
/// | `optimizer` | AdamW | AdamW | AdamW |
/// | `weight_decay` (AdamW only) | 0.01 | 0.01 | 0.01 |
/// | `learning_rate` | 2e-5 | 1e-3 | 1e-2 |
/// | `epochs` | 80 | 60 | 1500 |
/// | `batch_size` | 32 | 32 | 32 |
/// | `shuffle` | yes | yes | yes |
/// | `schedule`, `warmup_steps` | constant, 0 | constant, 0 | cosine, 0 |
/// | `clip_norm` | none | none | none |
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainingOptions {
    /// What is trained; full if absent.
    pub method: Option<MethodKind>,
    /// Rank of the adapters.
    pub rank: Option<usize>,
    /// Their scale times the rank, PEFT's lora_alpha.
    pub alpha: Option<f64>,
    /// Which matrices of a layer are adapted.
    pub modules: Option<Vec<LoraModule>>,
    /// Penalty of the probe.
    pub l2: Option<f64>,
    /// The optimizer.
    pub optimizer: Option<OptimizerName>,
    /// Step size.
    pub learning_rate: Option<f64>,
    /// Decoupled weight decay.
    pub weight_decay: Option<f64>,
    /// Prompts of a step.
    pub batch_size: Option<usize>,
    /// Passes over the training prompts.
    pub epochs: Option<usize>,
    /// Whether every epoch has an order of its own.
    pub shuffle: Option<bool>,
    /// Course of the learning rate after the warm-up.
    pub schedule: Option<Decay>,
    /// Steps of warm-up.
    pub warmup_steps: Option<usize>,
    /// Joint norm to which larger gradients are scaled down.
    pub clip_norm: Option<f64>,
}

impl TrainingOptions {
    /// The settings, checked.
    ///
    /// # Errors
    /// An option that does nothing for the method or the optimizer, spelled as it was given, and values out of range.
    pub fn settings(&self, seed: u64, spelling: Spelling) -> Result<TrainingSettings> {
        if let Some((name, reason)) = self.unused() {
            let name = match spelling {
                Spelling::Flags if name == "shuffle" => "--no-shuffle".to_owned(),
                Spelling::Flags => format!("--{}", name.replace('_', "-")),
                Spelling::Keys => name.to_owned(),
            };
            return Err(LmError::invalid(format!("{name} does nothing {reason}: leave it out")));
        }
        let kind = self.method.unwrap_or_default();
        let method = match kind {
            MethodKind::Full => Method::Full,
            MethodKind::Lora => {
                let rank = self.rank.unwrap_or(16);
                let alpha = self.alpha.unwrap_or(2.0 * rank as f64);
                let modules = self.modules.clone().unwrap_or_else(|| LoraModule::STUDY.to_vec());
                Method::Lora(LoraSettings { rank, alpha, modules })
            }
            MethodKind::Probe => Method::Probe { l2: self.l2.unwrap_or(0.0) },
            MethodKind::None => Method::None,
        };
        let optimizer = match (self.optimizer.unwrap_or_default(), OptimizerKind::ADAMW) {
            (OptimizerName::AdamW, OptimizerKind::AdamW { beta1, beta2, epsilon, weight_decay }) => {
                let weight_decay = self.weight_decay.unwrap_or(weight_decay);
                OptimizerKind::AdamW { beta1, beta2, epsilon, weight_decay }
            }
            _ => OptimizerKind::Sgd,
        };
        let (learning_rate, epochs, decay) = match kind {
            MethodKind::Full | MethodKind::None => (2e-5, 80, Decay::Constant),
            MethodKind::Lora => (1e-3, 60, Decay::Constant),
            MethodKind::Probe => (1e-2, 1500, Decay::Cosine),
        };
        let settings = TrainingSettings {
            method,
            optimizer,
            learning_rate: self.learning_rate.unwrap_or(learning_rate),
            schedule: Schedule { decay: self.schedule.unwrap_or(decay), warmup_steps: self.warmup_steps.unwrap_or(0) },
            epochs: self.epochs.unwrap_or(epochs),
            batch_size: self.batch_size.unwrap_or(32),
            shuffle: self.shuffle.unwrap_or(true),
            clip_norm: self.clip_norm,
            seed,
        };
        settings.check()?;
        Ok(settings)
    }

    /// These options, filled up with `defaults` as far as those do something.
    pub(crate) fn or(&self, defaults: &Self) -> Self {
        let mut merged = Self {
            method: self.method.or(defaults.method),
            rank: self.rank.or(defaults.rank),
            alpha: self.alpha.or(defaults.alpha),
            modules: self.modules.clone().or_else(|| defaults.modules.clone()),
            l2: self.l2.or(defaults.l2),
            optimizer: self.optimizer.or(defaults.optimizer),
            learning_rate: self.learning_rate.or(defaults.learning_rate),
            weight_decay: self.weight_decay.or(defaults.weight_decay),
            batch_size: self.batch_size.or(defaults.batch_size),
            epochs: self.epochs.or(defaults.epochs),
            shuffle: self.shuffle.or(defaults.shuffle),
            schedule: self.schedule.or(defaults.schedule),
            warmup_steps: self.warmup_steps.or(defaults.warmup_steps),
            clip_norm: self.clip_norm.or(defaults.clip_norm),
        };
        let given = self.given();
        for name in merged.given() {
            if merged.why_unused(name).is_some() && !given.contains(&name) {
                merged.forget(name);
            }
        }
        merged
    }

    /// The first option that is given and does nothing, and why.
    fn unused(&self) -> Option<(&'static str, &'static str)> {
        self.given().into_iter().find_map(|name| Some((name, self.why_unused(name)?)))
    }

    /// The names of the options that are given, the method aside.
    fn given(&self) -> Vec<&'static str> {
        let options = [
            ("rank", self.rank.is_some()),
            ("alpha", self.alpha.is_some()),
            ("modules", self.modules.is_some()),
            ("l2", self.l2.is_some()),
            ("optimizer", self.optimizer.is_some()),
            ("learning_rate", self.learning_rate.is_some()),
            ("weight_decay", self.weight_decay.is_some()),
            ("batch_size", self.batch_size.is_some()),
            ("epochs", self.epochs.is_some()),
            ("shuffle", self.shuffle.is_some()),
            ("schedule", self.schedule.is_some()),
            ("warmup_steps", self.warmup_steps.is_some()),
            ("clip_norm", self.clip_norm.is_some()),
        ];
        options.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect()
    }

    /// Why an option does nothing, if it does not.
    fn why_unused(&self, name: &str) -> Option<&'static str> {
        let (kind, why) = match self.method.unwrap_or_default() {
            kind @ MethodKind::Full => (kind, "with method full"),
            kind @ MethodKind::Lora => (kind, "with method lora"),
            kind @ MethodKind::Probe => (kind, "with method probe"),
            kind @ MethodKind::None => (kind, "with method none"),
        };
        let is_used = match name {
            "rank" | "alpha" | "modules" => kind == MethodKind::Lora,
            "l2" => kind == MethodKind::Probe,
            _ => kind != MethodKind::None,
        };
        if is_used && name == "weight_decay" && self.optimizer == Some(OptimizerName::Sgd) {
            return Some("with optimizer sgd");
        }
        (!is_used).then_some(why)
    }

    fn forget(&mut self, name: &str) {
        match name {
            "rank" => self.rank = None,
            "alpha" => self.alpha = None,
            "modules" => self.modules = None,
            "l2" => self.l2 = None,
            "optimizer" => self.optimizer = None,
            "learning_rate" => self.learning_rate = None,
            "weight_decay" => self.weight_decay = None,
            "batch_size" => self.batch_size = None,
            "epochs" => self.epochs = None,
            "shuffle" => self.shuffle = None,
            "schedule" => self.schedule = None,
            "warmup_steps" => self.warmup_steps = None,
            _ => self.clip_norm = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(kind: MethodKind) -> TrainingOptions {
        TrainingOptions { method: Some(kind), ..Default::default() }
    }

    #[test]
    fn what_is_not_said_takes_the_default_of_the_method() {
        let of = |kind| with(kind).settings(7, Spelling::Flags).unwrap();
        let course = |s: &TrainingSettings| (s.learning_rate, s.epochs, s.schedule.decay);
        let full = TrainingOptions::default().settings(7, Spelling::Flags).unwrap();
        assert_eq!((full.method.name(), course(&full), full.seed), ("full", (2e-5, 80, Decay::Constant), 7));
        let lora = of(MethodKind::Lora);
        assert_eq!(course(&lora), (1e-3, 60, Decay::Constant));
        let expected = LoraSettings { rank: 16, alpha: 32.0, modules: LoraModule::STUDY.to_vec() };
        assert_eq!(lora.method, Method::Lora(expected));
        let probe = of(MethodKind::Probe);
        assert_eq!((probe.method.clone(), course(&probe)), (Method::Probe { l2: 0.0 }, (1e-2, 1500, Decay::Cosine)));
        assert_eq!(of(MethodKind::None).method, Method::None);
        assert_eq!((full.optimizer, full.batch_size), (OptimizerKind::ADAMW, 32));
    }

    #[test]
    fn alpha_is_twice_the_rank_unless_it_is_given() {
        let alpha = |rank, alpha| {
            let options = TrainingOptions { rank: Some(rank), alpha, ..with(MethodKind::Lora) };
            match options.settings(0, Spelling::Keys).unwrap().method {
                Method::Lora(lora) => lora.alpha,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((alpha(4, None), alpha(4, Some(1.5))), (8.0, 1.5));
    }

    #[test]
    fn an_option_that_does_nothing_is_refused_as_it_is_spelled_but_a_default_is_passed_over() {
        let all = TrainingOptions {
            method: None,
            rank: Some(1),
            alpha: Some(1.0),
            modules: Some(vec![LoraModule::QProj]),
            l2: Some(1.0),
            optimizer: Some(OptimizerName::Sgd),
            learning_rate: Some(1.0),
            weight_decay: Some(0.5),
            batch_size: Some(1),
            epochs: Some(1),
            shuffle: Some(false),
            schedule: Some(Decay::Linear),
            warmup_steps: Some(1),
            clip_norm: Some(1.0),
        };
        for kind in MethodKind::ALL {
            let options = TrainingOptions { method: Some(kind), ..all.clone() };
            assert!(options.settings(0, Spelling::Flags).is_err(), "{kind}");
            assert!(with(kind).or(&all).settings(0, Spelling::Flags).is_ok(), "{kind}");
        }
        let full = with(MethodKind::Full).or(&all);
        assert_eq!((full.epochs, full.rank, full.weight_decay), (Some(1), None, None));
        assert!(
            TrainingOptions { rank: Some(2), ..with(MethodKind::Full) }.or(&all).settings(0, Spelling::Keys).is_err()
        );
        let refused = |options: TrainingOptions, spelling| options.settings(0, spelling).unwrap_err().to_string();
        let rank = TrainingOptions { rank: Some(8), ..with(MethodKind::Full) };
        assert_eq!(refused(rank, Spelling::Flags), "--rank does nothing with method full: leave it out");
        let rate = TrainingOptions { learning_rate: Some(0.1), ..with(MethodKind::None) };
        assert_eq!(
            refused(rate.clone(), Spelling::Flags),
            "--learning-rate does nothing with method none: leave it out"
        );
        assert_eq!(refused(rate, Spelling::Keys), "learning_rate does nothing with method none: leave it out");
        let shuffle = TrainingOptions { shuffle: Some(false), ..with(MethodKind::None) };
        assert!(refused(shuffle, Spelling::Flags).starts_with("--no-shuffle does nothing"));
        let sgd =
            TrainingOptions { optimizer: Some(OptimizerName::Sgd), weight_decay: Some(0.1), ..Default::default() };
        assert!(refused(sgd, Spelling::Flags).contains("--weight-decay does nothing with optimizer sgd"));
        let l2 = TrainingOptions { l2: Some(0.1), ..with(MethodKind::Lora) };
        assert!(refused(l2, Spelling::Flags).contains("--l2 does nothing with method lora"));
    }

    #[test]
    fn unknown_names_list_the_known_ones() {
        let problem = "LoRA".parse::<MethodKind>().unwrap_err().to_string();
        assert_eq!(problem, "unknown method \"LoRA\": expected one of full, lora, probe, none");
        assert!("adam".parse::<OptimizerName>().unwrap_err().to_string().contains("adamw, sgd"));
        assert!("step".parse::<Decay>().unwrap_err().to_string().contains("constant, linear, cosine"));
        assert_eq!("cosine".parse::<Decay>().unwrap(), Decay::Cosine);
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let refused = |options: TrainingOptions| options.settings(0, Spelling::Flags).unwrap_err().to_string();
        assert!(refused(TrainingOptions { epochs: Some(0), ..Default::default() }).contains("epochs is 0"));
        assert!(refused(TrainingOptions { l2: Some(-1.0), ..with(MethodKind::Probe) }).contains("penalty"));
        assert!(refused(TrainingOptions { learning_rate: Some(f64::NAN), ..Default::default() }).contains("NaN"));
    }
}
