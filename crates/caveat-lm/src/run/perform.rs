//! Performs a run: evaluates all prompts, fine-tunes on the training prompts, and evaluates again.

use std::path::Path;
use std::time::Instant;

use burn::tensor::Tensor;
use caveat_results::Phase;
use serde_json::json;

use super::loaded::LoadedModel;
use super::record::{AnswerMass, RunRecord, RunSeconds, keys_of};
use super::results::{RunResults, judgments};
use super::settings::RunSettings;
use crate::error::{LmError, Result};
use crate::evaluation::{AnswerTokens, Evaluation, answers, evaluate};
use crate::geometry::{Geometry, geometry, write_geometry, write_similarities};
use crate::stimuli::{Answer, Stimuli};
use crate::training::{Example, Method, StepReport, fine_tune};

/// The progress of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RunProgress {
    /// The model is answering prompts.
    Answering {
        /// Before or after training.
        phase: Phase,
        /// Prompts answered so far.
        done: usize,
        /// All prompts.
        total: usize,
    },
    /// A step of training.
    Training(StepReport),
}

/// A completed run.
pub struct PerformedRun {
    /// The contents of `results.json`.
    pub results: RunResults,
    /// A note for the user, if any.
    pub note: Option<String>,
    stimuli: Stimuli,
    /// The hidden states [prompts, hidden] of the answers, if they were to be kept.
    states: Vec<(Phase, Tensor<2>)>,
}

impl PerformedRun {
    /// Writes the similarities of the hidden states before and after training, and their geometry, into `folder`: for each phase
    /// `rep_sim_PHASE.npy` (cosine) and `rep_sim_PHASE_dot.npy` (inner product), `rep_sim_meta.json` and `geometry.json`. Margins are
    /// those after training; a run without training has none.
    ///
    /// # Errors
    /// A run whose states were not kept; a zero state, which has no cosine; a folder that does not exist or cannot be written; the
    /// errors of [`geometry`](fn@geometry).
    pub fn write_geometry(&self, folder: &Path) -> Result<Geometry> {
        if self.states.is_empty() {
            return Err(LmError::invalid("the hidden states of the run were not kept"));
        }
        let after = self.results.post_finetune.as_ref();
        let logit_diffs: Option<Vec<f64>> =
            after.map(|after| after.iter().map(|judgment| judgment.logit_diff).collect());
        let phases: Vec<(Phase, &Tensor<2>)> = self.states.iter().map(|(phase, states)| (*phase, states)).collect();
        let geometry = geometry(&phases, &self.stimuli, logit_diffs.as_deref())?;
        write_similarities(folder, &phases, &self.stimuli)?;
        write_geometry(folder, &geometry)?;
        Ok(geometry)
    }
}

/// Performs the run `settings` on a model, which is left trained. Hidden states before and after training are kept if `keep_states`.
///
/// For the probe, every prompt is computed only once: the hidden states before training serve training and the answers after it.
/// `cancelled` is called between groups of prompts and after every step.
///
/// # Errors
/// [`LmError::Invalid`] for stimuli that cannot be drawn, a tokenizer without tokens for the answers, or prompts that the model
/// cannot read; [`LmError::Failed`] for training that diverged; [`LmError::Interrupted`].
pub fn perform(
    loaded: &mut LoadedModel,
    settings: &RunSettings,
    keep_states: bool,
    progress: &mut dyn FnMut(&RunProgress),
    cancelled: &dyn Fn() -> bool,
) -> Result<PerformedRun> {
    let stimuli = settings.stimuli.build()?;
    let tokens = AnswerTokens::find(&loaded.tokenizer)?;
    let prompts = stimuli.prompts.iter().map(|p| loaded.tokenizer.encode(&p.text)).collect::<Result<Vec<_>>>()?;
    let note = loaded.tokenizer.note_of_beginnings(stimuli.prompts.iter().map(|p| p.text.as_str()))?;
    let total = prompts.len();
    let is_probe = matches!(settings.training.method, Method::Probe { .. });

    let start = Instant::now();
    let mut on_prompts = |done| progress(&RunProgress::Answering { phase: Phase::Pre, done, total });
    let before = evaluate(&loaded.model, &prompts, &tokens, is_probe || keep_states, &mut on_prompts, cancelled)?;
    let seconds_before = start.elapsed().as_secs_f64();
    let pre_finetune = judgments(&stimuli, &before.answers, "before")?;

    let start = Instant::now();
    let trained: Vec<usize> = (0..total).filter(|&index| stimuli.prompts[index].is_train).collect();
    let example = |&index: &usize| {
        let target = match stimuli.prompts[index].label? {
            Answer::Yes => tokens.yes,
            Answer::No => tokens.no,
        };
        Some(Example { prompt: prompts[index].clone(), target })
    };
    let examples: Vec<Example> = trained.iter().filter_map(example).collect();
    // Only the readout changes, so these states stay valid.
    let states = before.states.clone().filter(|_| is_probe);
    let states = states.map(|states| states.select(0, loaded.model.nodes(&trained)));
    let losses = fine_tune(&mut loaded.model, &examples, &settings.training, states, &mut |step| {
        progress(&RunProgress::Training(*step));
        !cancelled()
    })?;
    let seconds_train = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let mut on_prompts = |done| progress(&RunProgress::Answering { phase: Phase::Post, done, total });
    let after = match (&settings.training.method, &before.states) {
        (Method::None, _) => None,
        (Method::Probe { .. }, Some(states)) => {
            let answers = answers(&loaded.model, states, &tokens);
            on_prompts(total);
            Some(Evaluation { answers, states: Some(states.clone()), computed: 0 })
        }
        _ => Some(evaluate(&loaded.model, &prompts, &tokens, keep_states, &mut on_prompts, cancelled)?),
    };
    let seconds_after = after.as_ref().map(|_| start.elapsed().as_secs_f64());
    let post_finetune = after.as_ref().map(|after| judgments(&stimuli, &after.answers, "after")).transpose()?;
    if cancelled() {
        return Err(LmError::Interrupted);
    }

    let mass = |of: &Evaluation| of.answers.iter().map(|a| a.mass).sum::<f64>() / of.answers.len() as f64;
    let in_prompts: usize = prompts.iter().map(Vec::len).sum();
    let in_training: usize = examples.iter().map(|example| example.prompt.len()).sum();
    let mut facts = settings.record()?;
    facts.extend(keys_of(&json!({
        "program": concat!("caveat ", env!("CARGO_PKG_VERSION")),
        "model_path": loaded.path.display().to_string(),
        "weights_sha256": loaded.weights_sha256,
        "architecture": loaded.model.config().architecture,
        "device": loaded.device,
        "answer_tokens": tokens,
    })));
    let args = RunRecord {
        facts,
        answer_mass: AnswerMass { before: Some(mass(&before)), after: after.as_ref().map(mass) },
        tokens: json!({ "prompts": in_prompts, "computed": before.computed, "training_prompts": in_training }),
        losses,
        seconds: Some(RunSeconds {
            load: loaded.seconds,
            before: seconds_before,
            train: (settings.training.method != Method::None).then_some(seconds_train),
            after: seconds_after,
        }),
        peak_memory_bytes: peak_memory(),
    };
    let Stimuli { hierarchy, anchor_winner, anchor_loser, .. } = stimuli.clone();
    let results = RunResults { args, hierarchy, anchor_winner, anchor_loser, pre_finetune, post_finetune };
    let of_phases = [(Phase::Pre, before.states), (Phase::Post, after.and_then(|after| after.states))];
    let kept = of_phases.into_iter().filter_map(|(phase, states)| Some((phase, states.filter(|_| keep_states)?)));
    Ok(PerformedRun { results, note, stimuli, states: kept.collect() })
}

/// The peak memory use of this process in bytes, if the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
