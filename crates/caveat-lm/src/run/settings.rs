//! What a run does: which model, stimuli and training, where its results lie, and how they record it.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::hierarchy::{check_folder_name, check_hierarchy_name, hierarchy_name};
use crate::error::Result;
use crate::stimuli::{ItemSet, PromptTemplate, StimulusSettings};
use crate::training::{Decay, Method, OptimizerKind, TrainingSettings};

/// A run: a model is evaluated on stimuli, fine-tuned on those that are trained, and evaluated again.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Name of the model in paths and tables.
    pub model: String,
    /// The stimuli; their seed is that of the run.
    pub stimuli: StimulusSettings,
    /// Name of the hierarchy in paths and tables.
    pub hier: String,
    /// The training; its seed is that of the stimuli.
    pub training: TrainingSettings,
}

impl RunSettings {
    /// A run, the seed of which is that of the stimuli; without `hier` its hierarchy is called as [`hierarchy_name`] has it.
    ///
    /// # Errors
    /// [`LmError::Invalid`](crate::LmError::Invalid) for a name that cannot be a folder.
    pub fn new(model: &str, stimuli: StimulusSettings, hier: Option<&str>, training: TrainingSettings) -> Result<Self> {
        check_folder_name("model", model)?;
        let hier = hier.map_or_else(|| hierarchy_name(stimuli.n_items, &stimuli.exceptions), str::to_owned);
        check_hierarchy_name(&hier)?;
        let training = TrainingSettings { seed: stimuli.seed, ..training };
        Ok(Self { model: model.to_owned(), stimuli, hier, training })
    }

    /// The same run with another seed and order.
    pub fn with_seed(&self, seed: u64, reverse: bool) -> Self {
        Self {
            stimuli: StimulusSettings { seed, reverse, ..self.stimuli.clone() },
            training: TrainingSettings { seed, ..self.training.clone() },
            model: self.model.clone(),
            hier: self.hier.clone(),
        }
    }

    /// The folder of the run under `output`: `MODEL/TASK/HIER/[lora_rR_alphaA | l2_X | none]/seedS_fwd|rev`.
    pub fn folder(&self, output: &Path) -> PathBuf {
        let mut folder = output.join(&self.model).join(self.stimuli.item_set.task_name()).join(&self.hier);
        match &self.training.method {
            Method::Full => {}
            Method::Lora(lora) => folder.push(format!("lora_r{}_alpha{}", lora.rank, in_name(lora.alpha))),
            Method::Probe { l2 } => folder.push(format!("l2_{}", in_name(*l2))),
            Method::None => folder.push("none"),
        }
        let order = if self.stimuli.reverse { "rev" } else { "fwd" };
        folder.join(format!("seed{}_{order}", self.stimuli.seed))
    }

    /// Everything that was asked for, as results record it under `args`: what does not apply is null.
    ///
    /// # Errors
    /// None, unless the program was built with damaged wordings.
    pub fn record(&self) -> Result<Map<String, Value>> {
        let (stimuli, training) = (&self.stimuli, &self.training);
        let template = match &stimuli.template {
            Some(template) => template.source().to_owned(),
            None => PromptTemplate::built_in(&stimuli.item_set)?.source().to_owned(),
        };
        let (list, is_drawn) = match &stimuli.item_set {
            ItemSet::Custom(list) => (Some(list.items()), list.is_drawn()),
            _ => (None, true),
        };
        let equity = (stimuli.item_set == ItemSet::Poker).then_some([stimuli.equity.low, stimuli.equity.high]);
        let lora = match &training.method {
            Method::Lora(lora) => Some(lora),
            _ => None,
        };
        let l2 = match &training.method {
            Method::Probe { l2 } => Some(*l2),
            _ => None,
        };
        let adam = match training.optimizer {
            OptimizerKind::AdamW { beta1, beta2, epsilon, weight_decay } => Some([beta1, beta2, epsilon, weight_decay]),
            OptimizerKind::Sgd => None,
        };
        let [beta1, beta2, epsilon, weight_decay] = [0, 1, 2, 3].map(|k| adam.map(|adam| adam[k]));
        let optimizer = if adam.is_some() { "adamw" } else { "sgd" };
        let schedule = match training.schedule.decay {
            Decay::Constant => "constant",
            Decay::Linear => "linear",
            Decay::Cosine => "cosine",
        };
        let mut record = object(json!({
            "model": self.model,
            "task": stimuli.item_set.task_name(),
            "hier": self.hier,
            "items": stimuli.item_set.name(),
            "item_list": list,
            "items_are_drawn": is_drawn,
            "n_items": stimuli.n_items,
            "exceptions": stimuli.exceptions,
            "seed": stimuli.seed,
            "reverse": stimuli.reverse,
            "anchor": stimuli.anchor,
            "equity": equity,
            "template": template,
            "method": training.method.name(),
            "lora_r": lora.map(|lora| lora.rank),
            "lora_alpha": lora.map(|lora| lora.alpha),
            "lora_modules": lora.map(|lora| &lora.modules),
            "l2_reg": l2,
        }));
        let of_training = json!({
            "optimizer": optimizer,
            "beta1": beta1,
            "beta2": beta2,
            "epsilon": epsilon,
            "weight_decay": weight_decay,
            "learning_rate": training.learning_rate,
            "schedule": schedule,
            "warmup_steps": training.schedule.warmup_steps,
            "epochs": training.epochs,
            "batch_size": training.batch_size,
            "shuffle": training.shuffle,
            "clip_norm": training.clip_norm,
        });
        let is_trained = training.method != Method::None;
        record.extend(
            object(of_training).into_iter().map(|(key, value)| (key, if is_trained { value } else { Value::Null })),
        );
        Ok(record)
    }
}

/// The settings in which two records differ, in words; what only one of them has is not compared.
pub(crate) fn differences(recorded: &Map<String, Value>, asked: &Map<String, Value>) -> Vec<String> {
    let shown = |value: &Value| {
        let text = value.to_string();
        match text.char_indices().nth(40) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    };
    let differ = |(key, asked): (&String, &Value)| {
        let recorded = recorded.get(key).filter(|recorded| !is_same(recorded, asked))?;
        Some(format!("{key} {} instead of {}", shown(recorded), shown(asked)))
    };
    asked.iter().filter_map(differ).collect()
}

/// Whether two values are the same, 1 and 1.0 alike.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        _ => a == b,
    }
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A number in the name of a folder: `p` for the point, small and large ones as `1e-4`.
fn in_name(value: f64) -> String {
    let is_handy = value == 0.0 || (1e-3..1e6).contains(&value.abs());
    let text = if is_handy { value.to_string() } else { format!("{value:e}") };
    text.replace('.', "p")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::{MethodKind, Spelling, TrainingOptions};
    use crate::training::LoraModule;

    fn settings(options: TrainingOptions, seed: u64, reverse: bool) -> RunSettings {
        let stimuli = StimulusSettings { exceptions: vec![(5, 3)], seed, reverse, ..Default::default() };
        let training = options.settings(seed, Spelling::Flags).unwrap();
        RunSettings::new("tiny", stimuli, None, training).unwrap()
    }

    fn with_method(kind: MethodKind) -> TrainingOptions {
        TrainingOptions { method: Some(kind), ..Default::default() }
    }

    #[test]
    fn folders_are_named_as_folders_of_runs_are_read() {
        let folder = |options, seed, reverse| settings(options, seed, reverse).folder(Path::new("runs"));
        let below = |rest: &str| Path::new("runs/tiny/fake/exc_mid_n9").join(rest);
        assert_eq!(folder(with_method(MethodKind::Full), 3, false), below("seed3_fwd"));
        let lora = TrainingOptions { rank: Some(8), alpha: Some(0.5), ..with_method(MethodKind::Lora) };
        assert_eq!(folder(lora, 0, true), below("lora_r8_alpha0p5/seed0_rev"));
        assert_eq!(folder(with_method(MethodKind::Lora), 0, true), below("lora_r16_alpha32/seed0_rev"));
        for (l2, name) in [(0.0, "l2_0"), (0.1, "l2_0p1"), (1e-4, "l2_1e-4"), (50.0, "l2_50"), (2.5e-7, "l2_2p5e-7")] {
            let probe = TrainingOptions { l2: Some(l2), ..with_method(MethodKind::Probe) };
            assert_eq!(folder(probe, 10, false), below(name).join("seed10_fwd"));
        }
        assert_eq!(folder(with_method(MethodKind::None), 1, false), below("none/seed1_fwd"));
    }

    proptest! {
        #[test]
        fn a_number_in_a_name_reads_back(value in prop::num::f64::POSITIVE) {
            let name = in_name(value);
            prop_assert!(name.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'p' | b'e' | b'-')), "{}", name);
            prop_assert_eq!(name.replacen('p', ".", 1).parse::<f64>().unwrap(), value);
        }
    }

    #[test]
    fn the_seed_of_a_run_is_one() {
        let run = settings(with_method(MethodKind::Full), 5, false);
        assert_eq!((run.stimuli.seed, run.training.seed), (5, 5));
    }

    #[test]
    fn records_hold_what_was_asked_for_and_null_what_does_not_apply() {
        let lora = TrainingOptions { modules: Some(vec![LoraModule::QProj]), ..with_method(MethodKind::Lora) };
        let record = settings(lora, 2, true).record().unwrap();
        assert_eq!(record["exceptions"], json!([[5, 3]]));
        assert_eq!((&record["lora_modules"], &record["lora_alpha"]), (&json!(["q_proj"]), &json!(32.0)));
        assert_eq!((&record["beta2"], &record["epsilon"]), (&json!(0.999), &json!(1e-8)));
        for key in ["l2_reg", "equity", "anchor", "item_list", "clip_norm"] {
            assert_eq!(record[key], Value::Null, "{key}");
        }
        assert!(record["template"].as_str().unwrap().contains("{{ item_a }}"));
        let none = settings(with_method(MethodKind::None), 2, true).record().unwrap();
        assert_eq!((&none["learning_rate"], &none["epochs"]), (&Value::Null, &Value::Null));
        assert_eq!(none.len(), record.len());
    }

    #[test]
    fn records_of_other_settings_differ_by_name() {
        let record = |options| settings(options, 2, false).record().unwrap();
        let full = record(with_method(MethodKind::Full));
        assert!(differences(&full, &full).is_empty());
        let other = record(TrainingOptions { learning_rate: Some(1e-3), ..with_method(MethodKind::Full) });
        assert_eq!(differences(&full, &other), ["learning_rate 0.00002 instead of 0.001"]);
        assert!(differences(&Map::new(), &full).is_empty(), "a run of another program says nothing of its settings");
        let whole = object(json!({ "alpha": 32, "list": [1, 2.0] }));
        assert!(differences(&whole, &object(json!({ "alpha": 32.0, "list": [1.0, 2] }))).is_empty());
    }
}
