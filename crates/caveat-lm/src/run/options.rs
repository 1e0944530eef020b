//! The options of training: one that is not given has the default of the method, and one that the method does not use is refused.

use caveat_theory::{Named, named_enum};
use serde::{Deserialize, Serialize};

use crate::error::{LmError, Result};
use crate::training::{Decay, LoraModule, LoraSettings, Method, MethodKind, OptimizerKind, Schedule, TrainingSettings};

named_enum! {
    /// An optimizer by name.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize)]
    #[serde(rename_all = "lowercase", try_from = "String")]
    pub enum OptimizerName, ALL {
        /// AdamW with PyTorch's defaults.
        #[default]
        AdamW = "adamw",
        /// Plain gradient descent.
        Sgd = "sgd",
    }
    refuse |name| -> LmError {
        let known = Self::list_arguments();
        LmError::Invalid(format!("unknown optimizer {name:?}: expected one of {known}"))
    }
}

/// How options are spelled in messages, depending on where they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// `--learning-rate`, on a command line.
    Flags,
    /// `learning_rate`, in a file.
    Keys,
}

/// The options of training, as keys of a file and, with the feature `clap`, as options of a command. With these defaults, SmolLM2-135M
/// learns its training pairs:
///
/// | option | full | lora | probe | range |
/// |---|---|---|---|---|
/// | `lora_r` | – | 16 | – | ≥ 1 |
/// | `lora_alpha` | – | twice the rank | – | > 0 |
/// | `modules` | – | all but the gate | – | at least one |
/// | `l2` | – | – | 0 | ≥ 0 |
/// | `optimizer` | AdamW | AdamW | AdamW | |
/// | `learning_rate` | 2e-5 | 1e-3 | 1e-2 | > 0 |
/// | `weight_decay` (AdamW only) | 0.01 | 0.01 | 0.01 | ≥ 0 |
/// | `batch_size` | 32 | 32 | 32 | ≥ 1 |
/// | `epochs` | 80 | 60 | 1500 | ≥ 1 |
/// | `shuffle` | yes | yes | yes | |
/// | `schedule`, `warmup_steps` | constant, 0 | constant, 0 | cosine, 0 | |
/// | `clip_norm` | none | none | none | > 0 |
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args), command(next_help_heading = "Training"))]
#[serde(default, deny_unknown_fields)]
pub struct TrainingOptions {
    /// What is trained: every parameter, low-rank adapters, the readout alone, or nothing
    #[cfg_attr(feature = "clap", arg(long, value_name = "full|lora|probe|none", default_value = "full"))]
    pub method: Option<MethodKind>,
    /// Rank of the adapters
    #[cfg_attr(feature = "clap", arg(long, alias = "rank", value_name = "R", value_parser = count, allow_negative_numbers = true))]
    pub lora_r: Option<usize>,
    /// Scale of the adapters times their rank
    #[cfg_attr(feature = "clap", arg(long, alias = "alpha", value_name = "ALPHA", value_parser = number, allow_negative_numbers = true))]
    pub lora_alpha: Option<f64>,
    /// Matrices to adapt: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj
    #[cfg_attr(feature = "clap", arg(long, value_name = "NAMES", value_delimiter = ','))]
    pub modules: Option<Vec<LoraModule>>,
    /// Penalty of the probe: this times the squared distance of the readout from its initial value
    #[cfg_attr(feature = "clap", arg(long, value_name = "L2", value_parser = number, allow_negative_numbers = true))]
    pub l2: Option<f64>,
    /// Optimizer [default: adamw]
    #[cfg_attr(feature = "clap", arg(long, value_name = "adamw|sgd"))]
    pub optimizer: Option<OptimizerName>,
    /// Step size
    #[cfg_attr(feature = "clap", arg(long, value_name = "RATE", value_parser = number, allow_negative_numbers = true))]
    pub learning_rate: Option<f64>,
    /// Decoupled weight decay of AdamW [default: 0.01]
    #[cfg_attr(feature = "clap", arg(long, value_name = "DECAY", value_parser = number, allow_negative_numbers = true))]
    pub weight_decay: Option<f64>,
    /// Prompts per step [default: 32]
    #[cfg_attr(feature = "clap", arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true))]
    pub batch_size: Option<usize>,
    /// Passes over the training prompts
    #[cfg_attr(feature = "clap", arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true))]
    pub epochs: Option<usize>,
    /// Visit the prompts in the same order in every epoch
    // With the full path, clap takes the whole type as that of the value, and does not make the option optional itself.
    #[cfg_attr(feature = "clap", arg(long = "no-shuffle", action = clap::ArgAction::SetTrue, value_parser = unless_set()))]
    pub shuffle: std::option::Option<bool>,
    /// Course of the step size after the warm-up
    #[cfg_attr(feature = "clap", arg(long, value_name = "constant|linear|cosine"))]
    pub schedule: Option<Decay>,
    /// Steps over which the step size rises from 0 [default: 0]
    #[cfg_attr(feature = "clap", arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true))]
    pub warmup_steps: Option<usize>,
    /// Joint norm to which larger gradients are scaled down [default: none]
    #[cfg_attr(feature = "clap", arg(long, value_name = "NORM", value_parser = number, allow_negative_numbers = true))]
    pub clip_norm: Option<f64>,
}

/// An option other than the method.
pub(crate) struct TrainingOption {
    /// Its key in files; its flag has `-` in place of `_`.
    pub(crate) name: &'static str,
    used_by: &'static [MethodKind],
    is_given: fn(&TrainingOptions) -> bool,
    copy: fn(&mut TrainingOptions, &TrainingOptions),
}

macro_rules! options {
    ($($used_by:expr => $($name:ident),+;)+) => {
        [$($(TrainingOption {
            name: stringify!($name),
            used_by: $used_by,
            is_given: |options| options.$name.is_some(),
            copy: |to, from| to.$name.clone_from(&from.$name),
        }),+),+]
    };
}

/// All options and the methods that use them. The first given option that is not used is the one refused.
pub(crate) const TRAINING_OPTIONS: [TrainingOption; 13] = options![
    &[MethodKind::Lora] => lora_r, lora_alpha, modules;
    &[MethodKind::Probe] => l2;
    &[MethodKind::Full, MethodKind::Lora, MethodKind::Probe] => optimizer, learning_rate, weight_decay, batch_size, epochs,
        shuffle, schedule, warmup_steps, clip_norm;
];

impl TrainingOption {
    /// The method or optimizer with which the option does nothing, if so.
    fn unused_with(&self, options: &TrainingOptions) -> Option<String> {
        let (method, is_sgd) = (options.method.unwrap_or_default(), options.optimizer == Some(OptimizerName::Sgd));
        match self.used_by.contains(&method) {
            false => Some(format!("method {method}")),
            true => (is_sgd && self.name == "weight_decay").then(|| format!("optimizer {}", OptimizerName::Sgd)),
        }
    }
}

impl TrainingOptions {
    /// The settings that follow, checked.
    ///
    /// # Errors
    /// An option that the method or the optimizer does not use, spelled as it was given, and values out of range.
    pub fn settings(&self, seed: u64, spelling: Spelling) -> Result<TrainingSettings> {
        let mut given = TRAINING_OPTIONS.iter().filter(|option| (option.is_given)(self));
        if let Some((name, with)) = given.find_map(|option| Some((option.name, option.unused_with(self)?))) {
            let name = match spelling {
                Spelling::Flags if name == "shuffle" => "--no-shuffle".to_owned(),
                Spelling::Flags => format!("--{}", name.replace('_', "-")),
                Spelling::Keys => name.to_owned(),
            };
            return Err(LmError::invalid(format!("{name} does nothing with {with}: leave it out")));
        }
        let kind = self.method.unwrap_or_default();
        let method = match kind {
            MethodKind::Full => Method::Full,
            MethodKind::Lora => {
                let rank = self.lora_r.unwrap_or(16);
                let alpha = self.lora_alpha.unwrap_or(2.0 * rank as f64);
                let modules = self.modules.clone().unwrap_or_else(|| LoraModule::STUDY.to_vec());
                Method::Lora(LoraSettings { rank, alpha, modules })
            }
            MethodKind::Probe => Method::Probe { l2: self.l2.unwrap_or(0.0) },
            MethodKind::None => Method::None,
        };
        let optimizer = match self.optimizer.unwrap_or_default() {
            OptimizerName::AdamW => OptimizerKind::adamw(self.weight_decay),
            OptimizerName::Sgd => OptimizerKind::Sgd,
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

    /// These options, completed with those of `defaults` that the method uses.
    pub(crate) fn or(&self, defaults: &Self) -> Self {
        let mut merged = Self { method: self.method.or(defaults.method), ..self.clone() };
        for option in TRAINING_OPTIONS.iter().filter(|option| !(option.is_given)(self)) {
            (option.copy)(&mut merged, defaults);
            if option.unused_with(&merged).is_some() {
                (option.copy)(&mut merged, &Self::default());
            }
        }
        merged
    }
}

/// Parses a count or a size.
#[cfg(feature = "clap")]
fn count(text: &str) -> std::result::Result<usize, String> {
    text.trim().parse().map_err(|_| "expected a whole number, not negative".into())
}

/// Parses any number; [`TrainingSettings::check`] checks ranges.
#[cfg(feature = "clap")]
fn number(text: &str) -> std::result::Result<f64, String> {
    text.trim().parse().map_err(|_| "expected a number, as in 0.2, or inf".into())
}

/// Parses a flag to false if it is given, and to none otherwise.
#[cfg(feature = "clap")]
fn unless_set() -> impl clap::builder::TypedValueParser<Value = Option<bool>> {
    use clap::builder::TypedValueParser;
    clap::builder::BoolValueParser::new().map(|is_set| is_set.then_some(false))
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
        assert_eq!((full.optimizer, full.batch_size), (OptimizerKind::adamw(None), 32));
    }

    #[test]
    fn alpha_is_twice_the_rank_unless_it_is_given() {
        let alpha = |rank, alpha| {
            let options = TrainingOptions { lora_r: Some(rank), lora_alpha: alpha, ..with(MethodKind::Lora) };
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
            lora_r: Some(1),
            lora_alpha: Some(1.0),
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
        assert_eq!((full.epochs, full.lora_r, full.weight_decay), (Some(1), None, None));
        assert!(
            TrainingOptions { lora_r: Some(2), ..with(MethodKind::Full) }.or(&all).settings(0, Spelling::Keys).is_err()
        );
        let refused = |options: TrainingOptions, spelling| options.settings(0, spelling).unwrap_err().to_string();
        let rank = TrainingOptions { lora_r: Some(8), ..with(MethodKind::Full) };
        assert_eq!(refused(rank, Spelling::Flags), "--lora-r does nothing with method full: leave it out");
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
