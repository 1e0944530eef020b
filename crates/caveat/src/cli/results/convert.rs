//! The options of `caveat results convert`.

use std::path::PathBuf;

use caveat_results::{Input, Layout};
use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat results convert trials.parquet -o trials.csv
  caveat results convert ti/ exception/ -o all.parquet         several tables, one behind another
  caveat results convert runs/ -o trials.parquet               a folder of runs

The output has the 25 columns of a trial table in canonical order, then the other columns of the
inputs, which must be the same in all. Missing values are empty in CSV; floats are written with the
fewest digits that read back.

A folder of runs holds files
  MODEL/TASK/HIER/[lora_rR_alphaA | l2_X | none]/seedS_fwd|rev/results.json
lora_… for LoRA, l2_… for probes (l2_0p0001 or l2_1e-4), none where nothing was trained, and without
any of them full fine-tuning. Each is a JSON object {\"pre_finetune\": [...], \"post_finetune\": [...]} of
items {\"rank_a\", \"rank_b\", \"gap\", \"is_train\", \"is_exception\", \"no_gt\", \"label\", \"logit_diff\",
\"prob_yes\"}. One of the phases may be absent, and so may gap, is_exception, no_gt, and label where no_gt
is true. The table then has a 26th column, lora_alpha.

HIER is named as in ti_n9, exc_mid_n9 and exc_5_2_n9, and the run must have such items and exceptions. Folders
above MODEL, other names of HIER, and names that look like something else (a way of training, lr1e-4, a
date) are taken only where results.json records the model, task, hier or method in doubt. What it says at
any depth (model, task, hier, seed, reverse, method, lora_r, load_in_4bit and the like), and adapters beside it,
must not contradict the path; further keys are passed over. All else is refused: --layout says what other
folders are, as in --layout setting/model/task/hier/seed for qlora/smol/poker/ti_n9/3, where a setting is named as
its folder. What a layout names stands, and contradictions are told.")]
pub(crate) struct ConvertArgs {
    /// Trial tables, directories of them, or directories of runs
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<Input>,
    /// What each folder of other runs is, from the directory given downwards: model, task, hier, setting and seed, and _ for a
    /// folder to pass over, as in model/task/hier/setting/seed
    #[arg(long, value_name = "WORDS")]
    pub(crate) layout: Option<Layout>,
    /// The trial table to write: .parquet or .csv
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}
