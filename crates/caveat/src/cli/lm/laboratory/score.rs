//! The options of `caveat lm score`.

use std::path::PathBuf;

use clap::Args;

use super::ComputeSpec;
use crate::cli::OutputSpec;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat lm score smollm2-135m prompts.jsonl --format json
  caveat lm score smollm2-135m prompts.jsonl --yes ' True' --no ' False' -o scores.parquet
  caveat lm score ./my-model - --adapter runs/my-model/fake/ti_n9/lora_r16_alpha32/seed0_fwd/adapter

Every line is a JSON object with the text that the model continues under \"prompt\" (or \"text\"), as in
  {\"id\": 1, \"prompt\": \"Q: Is 7 more than 4?\\nA:\", \"label\": \"Yes\"}
A prompt that begins with the token that begins all texts gets no second one. Fields are kept. Columns after
them: line, logit_yes, logit_no, logit_diff, prob_yes (among the two), mass (probability of both among all
tokens) and correct, where label names one of the answers. A field of the same name is replaced. The table on a terminal has the end of the prompt only.")]
pub(crate) struct ScoreArgs {
    /// A model by name or path
    pub(crate) model: String,
    /// Prompts, one JSON object a line; - for standard input
    pub(crate) prompts: PathBuf,
    /// The answer that counts as yes, one token with its space [default: " Yes", or how the model has it]
    #[arg(long, value_name = "TEXT", requires = "no")]
    pub(crate) yes: Option<String>,
    /// The answer that counts as no
    #[arg(long, value_name = "TEXT", requires = "yes")]
    pub(crate) no: Option<String>,
    /// A LoRA adapter for the model: a folder as PEFT has it
    #[arg(long, value_name = "DIR")]
    pub(crate) adapter: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) compute: ComputeSpec,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}
