//! The results of a run: its record and the model's answers before and after training, and the file that holds them.

use std::fs;
use std::io::Write;
use std::path::Path;

use caveat_results::RESULTS;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::record::RunRecord;
use crate::error::{LmError, Result, one_line};
use crate::evaluation::Answered;
use crate::stimuli::{Prompt, Stimuli};

/// The contents of `results.json`, key by key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResults {
    /// Everything needed to repeat the run, and its costs.
    pub args: RunRecord,
    /// The items by rank, the highest first.
    pub hierarchy: Vec<String>,
    /// The item shown as winner before every question.
    pub anchor_winner: String,
    /// The item shown as loser.
    pub anchor_loser: String,
    /// The judgments before training.
    pub pre_finetune: Vec<Judgment>,
    /// The judgments after training; none if nothing was trained.
    pub post_finetune: Option<Vec<Judgment>>,
}

/// A prompt and the model's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgment {
    /// The text of the prompt.
    pub prompt: String,
    /// "Yes" or "No"; none if the trained pairs imply no answer.
    pub label: Option<String>,
    /// The item named first.
    pub team_a: String,
    /// The item named second.
    pub team_b: String,
    /// Rank of the item named first, 0 the highest.
    pub rank_a: usize,
    /// Rank of the item named second.
    pub rank_b: usize,
    /// Difference of the ranks.
    pub gap: usize,
    /// Whether the pair is trained.
    pub is_train: bool,
    /// Whether the pair is an exception.
    pub is_exception: bool,
    /// Whether the trained pairs imply no answer.
    pub no_gt: bool,
    /// "forward" for the order labeled Yes (also of an exception), else "backward".
    pub direction: String,
    /// Logit of Yes.
    pub logit_yes: f64,
    /// Logit of No.
    pub logit_no: f64,
    /// Logit of Yes minus logit of No.
    pub logit_diff: f64,
    /// Probability of Yes among the two.
    pub prob_yes: f64,
    /// Probability of No among the two.
    pub prob_no: f64,
}

impl Judgment {
    /// Whether the answer is right, if there is a right one. A tie counts as No.
    pub fn is_correct(&self) -> Option<bool> {
        let label = self.label.as_deref().filter(|_| !self.no_gt)?;
        Some((self.prob_yes > 0.5) == (label == "Yes"))
    }

    /// The logit difference in favor of the right answer, if there is one.
    pub fn margin(&self) -> Option<f64> {
        let label = self.label.as_deref().filter(|_| !self.no_gt)?;
        Some(if label == "Yes" { self.logit_diff } else { -self.logit_diff })
    }
}

/// The judgments of all prompts, in their order. An answer that is not finite, as after training that diverged, is an error.
pub(crate) fn judgments(stimuli: &Stimuli, answers: &[Answered], when: &str) -> Result<Vec<Judgment>> {
    if !answers.iter().all(Answered::is_finite) {
        let reason = format!("the answers {when} training are not numbers: try a smaller learning rate");
        return Err(LmError::Failed(reason));
    }
    let judgment = |(prompt, answer): (&Prompt, &Answered)| Judgment {
        prompt: prompt.text.clone(),
        label: prompt.label.map(|label| label.to_string()),
        team_a: stimuli.hierarchy[prompt.rank_a].clone(),
        team_b: stimuli.hierarchy[prompt.rank_b].clone(),
        rank_a: prompt.rank_a,
        rank_b: prompt.rank_b,
        gap: prompt.gap(),
        is_train: prompt.is_train,
        is_exception: prompt.is_exception,
        no_gt: prompt.no_gt,
        direction: prompt.direction.to_string(),
        logit_yes: answer.logit_yes,
        logit_no: answer.logit_no,
        logit_diff: answer.logit_diff(),
        prob_yes: answer.prob_yes(),
        prob_no: answer.prob_no(),
    };
    Ok(stimuli.prompts.iter().zip(answers).map(judgment).collect())
}

impl RunResults {
    /// Writes `results.json` into a folder.
    ///
    /// # Errors
    /// [`LmError::Write`].
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(RESULTS);
        Ok(caveat_results::write_atomically(&path, |out| -> std::io::Result<()> {
            writeln!(out, "{{\n\"args\": {},", json(&self.args)?)?;
            writeln!(out, "\"hierarchy\": {},", json(&self.hierarchy)?)?;
            writeln!(out, "\"anchor_winner\": {},", json(&self.anchor_winner)?)?;
            writeln!(out, "\"anchor_loser\": {},", json(&self.anchor_loser)?)?;
            write!(out, "\"pre_finetune\": ")?;
            write_lines(out, &self.pre_finetune)?;
            write!(out, ",\n\"post_finetune\": ")?;
            match &self.post_finetune {
                Some(judgments) => write_lines(out, judgments)?,
                None => write!(out, "null")?,
            }
            writeln!(out, "\n}}")
        })?)
    }

    /// Reads the `results.json` of a folder.
    ///
    /// # Errors
    /// A file that cannot be read or holds something else.
    pub fn read(folder: &Path) -> Result<Self> {
        read(folder)
    }
}

/// The settings recorded in a folder's `results.json`.
pub(super) fn recorded_args(folder: &Path) -> Result<Map<String, Value>> {
    #[derive(Deserialize)]
    struct Args {
        #[serde(default)]
        args: Map<String, Value>,
    }
    read(folder).map(|found: Args| found.args)
}

fn read<T: DeserializeOwned>(folder: &Path) -> Result<T> {
    let path = folder.join(RESULTS);
    let bytes = fs::read(&path).map_err(|e| LmError::read(&path, e))?;
    serde_json::from_slice(&bytes)
        .map_err(|e| LmError::bad_file(&path, format!("not the results of a run ({})", one_line(e))))
}

fn json(value: &impl Serialize) -> std::io::Result<String> {
    Ok(serde_json::to_string(value)?)
}

/// Writes an array with one judgment per line.
fn write_lines(out: &mut impl Write, judgments: &[Judgment]) -> std::io::Result<()> {
    write!(out, "[")?;
    for (k, judgment) in judgments.iter().enumerate() {
        write!(out, "{}", if k == 0 { "\n" } else { ",\n" })?;
        serde_json::to_writer(&mut *out, judgment)?;
    }
    write!(out, "\n]")
}
