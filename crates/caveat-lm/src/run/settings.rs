//! The settings of a run: model, stimuli and training, with the folder of its results and their record.

use std::path::{Path, PathBuf};

use caveat_results::{RunSetting, hierarchy_name, run_folder};
use serde_json::{Map, Value, json};

use super::hierarchy::{check_folder_name, check_hierarchy_name};
use super::options::OptimizerName;
use super::record::keys_of;
use crate::error::Result;
use crate::stimuli::{ItemSet, PromptTemplate, StimulusSettings};
use crate::training::{Method, OptimizerKind, TrainingSettings};

/// A run: a model is evaluated on stimuli, fine-tuned on the training prompts among them, and evaluated again.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Name of the model in paths and tables.
    pub model: String,
    /// The stimuli; their seed is also that of the run.
    pub stimuli: StimulusSettings,
    /// Name of the hierarchy in paths and tables.
    pub hier: String,
    /// The training, with the same seed as the stimuli.
    pub training: TrainingSettings,
}

impl RunSettings {
    /// A run with the seed of the stimuli. Without `hier`, the hierarchy is named by [`hierarchy_name`].
    ///
    /// # Errors
    /// [`LmError::Invalid`](crate::LmError::Invalid) for a name that cannot be that of a folder.
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
        let StimulusSettings { item_set, seed, reverse, .. } = &self.stimuli;
        let setting = self.training.method.setting();
        output.join(run_folder(&self.model, item_set.task_name(), &self.hier, &setting, *seed, *reverse))
    }

    /// All settings as results record them under `args`; those that do not apply are null. Fails only if the program was built with
    /// damaged templates.
    pub(crate) fn record(&self) -> Result<Map<String, Value>> {
        let (stimuli, training) = (&self.stimuli, &self.training);
        let template = match &stimuli.template {
            Some(template) => template.source().to_owned(),
            None => PromptTemplate::built_in(&stimuli.item_set)?.source().to_owned(),
        };
        let (item_list, items_are_drawn) = match &stimuli.item_set {
            ItemSet::Custom(list) => (Some(list.items()), list.is_drawn()),
            _ => (None, true),
        };
        let (lora, l2_reg) = match &training.method {
            Method::Lora(lora) => (Some(lora), None),
            Method::Probe { l2 } => (None, Some(*l2)),
            Method::Full | Method::None => (None, None),
        };
        let trained = (training.method != Method::None).then_some(training);
        let adam = trained.and_then(|training| match training.optimizer {
            OptimizerKind::AdamW { beta1, beta2, epsilon, weight_decay } => Some([beta1, beta2, epsilon, weight_decay]),
            OptimizerKind::Sgd => None,
        });
        let optimizer = if adam.is_some() { OptimizerName::AdamW } else { OptimizerName::Sgd };
        Ok(keys_of(&json!({
            "model": self.model,
            "task": stimuli.item_set.task_name(),
            "hier": self.hier,
            "items": stimuli.item_set.name(),
            "item_list": item_list,
            "items_are_drawn": items_are_drawn,
            "n_items": stimuli.n_items,
            "exceptions": stimuli.exceptions,
            "seed": stimuli.seed,
            "reverse": stimuli.reverse,
            "anchor": stimuli.anchor,
            "equity": (stimuli.item_set == ItemSet::Poker).then_some([stimuli.equity.low, stimuli.equity.high]),
            "template": template,
            "method": training.method.kind(),
            "lora_r": lora.map(|lora| lora.rank),
            "lora_alpha": lora.map(|lora| lora.alpha),
            "lora_modules": lora.map(|lora| &lora.modules),
            "l2_reg": l2_reg,
            "optimizer": trained.map(|_| optimizer),
            "beta1": adam.map(|[beta1, ..]| beta1),
            "beta2": adam.map(|[_, beta2, ..]| beta2),
            "epsilon": adam.map(|[.., epsilon, _]| epsilon),
            "weight_decay": adam.map(|[.., weight_decay]| weight_decay),
            "learning_rate": trained.map(|training| training.learning_rate),
            "schedule": trained.map(|training| training.schedule.decay),
            "warmup_steps": trained.map(|training| training.schedule.warmup_steps),
            "epochs": trained.map(|training| training.epochs),
            "batch_size": trained.map(|training| training.batch_size),
            "shuffle": trained.map(|training| training.shuffle),
            "clip_norm": trained.and_then(|training| training.clip_norm),
        })))
    }
}

impl Method {
    /// How folders of runs and trial tables describe it.
    pub fn setting(&self) -> RunSetting {
        match self {
            Self::Full => RunSetting::Full,
            Self::Lora(lora) => RunSetting::Lora { r: lora.rank as u64, alpha: lora.alpha },
            Self::Probe { l2 } => RunSetting::Probe { l2_reg: *l2 },
            Self::None => RunSetting::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::differences;
    use crate::run::{Spelling, TrainingOptions};
    use crate::training::{LoraModule, MethodKind};

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
        let lora = TrainingOptions { lora_r: Some(8), lora_alpha: Some(0.5), ..with_method(MethodKind::Lora) };
        assert_eq!(folder(lora, 0, true), below("lora_r8_alpha0p5/seed0_rev"));
        assert_eq!(folder(with_method(MethodKind::Lora), 0, true), below("lora_r16_alpha32/seed0_rev"));
        for (l2, name) in [(0.0, "l2_0"), (0.1, "l2_0p1"), (1e-4, "l2_1e-4"), (50.0, "l2_50"), (2.5e-7, "l2_2p5e-7")] {
            let probe = TrainingOptions { l2: Some(l2), ..with_method(MethodKind::Probe) };
            assert_eq!(folder(probe, 10, false), below(name).join("seed10_fwd"));
        }
        assert_eq!(folder(with_method(MethodKind::None), 1, false), below("none/seed1_fwd"));
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
    }
}
