//! Guesses from its name what a folder among runs is: a hierarchy, a way of training, a hyperparameter, a date and so on.

use caveat_theory::named_enum;

use crate::run_layout::RunSetting;
use crate::words::has_word;

named_enum! {
    /// What a folder is, as far as its name tells.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) enum Look, ALL {
        /// ti_n9, exc_mid, ti
        Hierarchy = "a hierarchy",
        /// qlora_r16, 4bit, full
        Training = "a way of training",
        /// lr1e-4, epochs3, adamw
        Hyperparameter = "a hyperparameter",
        /// poker
        Task = "a task",
        /// llama-3-8b
        Model = "a model",
        /// task=poker
        Pair = "a key with its value",
        /// runs, 2024-05-01, exp3
        Holder = "a folder of folders",
    }
}

/// What a name looks like, if anything.
pub(super) fn look(name: &str) -> Option<Look> {
    let lower = name.to_lowercase();
    if lower.contains('=') {
        Some(Look::Pair)
    } else if ways(&lower).next().is_some() {
        Some(Look::Training)
    } else if is_like_hierarchy(&lower) {
        Some(Look::Hierarchy)
    } else if is_hyperparameter(&lower, KEYS) {
        Some(Look::Hyperparameter)
    } else if has_word(TASKS, &lower) {
        Some(Look::Task)
    } else if is_holder(&lower) {
        Some(Look::Holder)
    } else {
        is_like_model(&lower).then_some(Look::Model)
    }
}

/// What a name looks like where a model is expected. Names of models may tell about their own training, as `tulu-2-sft` does.
pub(super) fn look_of_model(name: &str) -> Option<Look> {
    let of_itself = |way| matches!(way, Way::Full | Way::None | Way::Tuned);
    let first = tokens(name).next().and_then(|token| Way::recognize(&token));
    match look(name) {
        Some(Look::Training) if first.is_none() && ways(name).all(|(_, way)| of_itself(way)) => None,
        Some(Look::Hyperparameter) if !is_hyperparameter(&name.to_lowercase(), TRAINING_KEYS) => None,
        look => look,
    }
}

/// A word for a way of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Full,
    Lora,
    Probe,
    None,
    /// Some tuning, full or not.
    Tuned,
    /// Some kind of adapter.
    Adapted,
    /// A way for which there is no setting: quantized, or another adapter.
    Other,
}

impl Way {
    fn recognize(token: &str) -> Option<Self> {
        let plain = token.trim_end_matches(|c: char| c.is_ascii_digit());
        let is = |list: &str| has_word(list, token) || has_word(list, plain);
        let families = [
            (Self::Full, "full fullft fft fullfinetune fullfinetuning"),
            (Self::Probe, "probe probes probing"),
            (Self::None, "none pretrained untrained untuned zeroshot"),
            (Self::Tuned, "sft ft finetune finetuned finetuning tuned"),
            (Self::Adapted, "peft adapter adapters"),
            (Self::Other, OTHER_WAYS),
        ];
        let listed = families.into_iter().find(|(_, list)| is(list)).map(|(way, _)| way);
        listed
            .or_else(|| token.starts_with("qlora").then_some(Self::Other))
            .or_else(|| token.starts_with("lora").then_some(Self::Lora))
    }

    /// Whether training with this setting may be called so.
    pub(super) fn fits(self, setting: &RunSetting) -> bool {
        match (self, setting) {
            (_, RunSetting::Other(name)) => ways(name).any(|(_, way)| way == self),
            (Self::Full, RunSetting::Full)
            | (Self::Lora | Self::Adapted, RunSetting::Lora { .. })
            | (Self::Probe, RunSetting::Probe { .. })
            | (Self::None, RunSetting::None) => true,
            (Self::Tuned, setting) => *setting != RunSetting::None,
            _ => false,
        }
    }
}

const OTHER_WAYS: &str = "qlora dora qdora adalora rslora xlora vlora loha lokr ia3 vera bitfit oft boft galore prefixtuning \
    ptuning prompttuning dpo ppo grpo orpo rlhf 4bit 8bit int4 int8 nf4 fp4 gptq awq bnb quantized";

/// The words of a name that are about training, without numbers at their end.
pub(super) fn ways(name: &str) -> impl Iterator<Item = (String, Way)> {
    tokens(name).filter_map(|token| {
        let way = Way::recognize(&token)?;
        Some((token.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned(), way))
    })
}

/// The words of a name, in lower case.
fn tokens(name: &str) -> impl Iterator<Item = String> {
    name.split(|c: char| !c.is_alphanumeric()).filter(|token| !token.is_empty()).map(str::to_lowercase)
}

/// Whether a name begins like those of hierarchies, well formed or not.
fn is_like_hierarchy(name: &str) -> bool {
    let first = tokens(name).next().unwrap_or_default();
    let first = first.trim_end_matches(|c: char| c.is_ascii_digit());
    has_word("ti exc exception hier hierarchy", first)
}

const TASKS: &str = "fake real poker";

const FAMILIES: &str = "llama tinyllama smol smollm qwen gpt gemma mistral mixtral phi pythia olmo bert roberta opt bloom falcon \
    deepseek claude mamba vicuna zephyr nemotron granite";

/// Whether a name begins with a family of language models or contains a size like 135m or 7b.
fn is_like_model(name: &str) -> bool {
    let is_size = |token: &str| {
        token.strip_suffix(['b', 'm']).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let first = tokens(name).next().unwrap_or_default();
    has_word(FAMILIES, first.trim_end_matches(|c: char| c.is_ascii_digit()))
        || tokens(name).any(|token| is_size(&token))
}

/// Names of hyperparameters before or after a number, as in lr1e-4 and 3epochs.
const KEYS: &str = "lr learning_rate wd weight_decay ep eps epoch epochs step steps max_steps iter iters bs bsz batch \
    batch_size batchsize temp temperature top_p topp top_k topk r rank alpha dropout drop warmup beta beta1 \
    beta2 gamma lambda l1 l2 reg clip grad_clip momentum accum layer layers dim width depth heads ctx len \
    max_len n n_items items n_train shot shots seed";
/// Those that names of models do not contain, unlike deepseek-r1 and stablelm-alpha-3b.
const TRAINING_KEYS: &str = "lr learning_rate wd weight_decay ep epoch epochs bs batch batch_size batchsize temp temperature \
    dropout warmup rank seed";
const WHOLE: &str =
    "adam adamw sgd lion adafactor cosine linear constant fp16 bf16 fp32 fp8 greedy sampled zero few fewshot icl cot";

/// Whether a name begins with a hyperparameter, or has one of some keys later.
fn is_hyperparameter(name: &str, keys: &str) -> bool {
    let first = tokens(name).next().unwrap_or_default();
    let digits = name.len() - name.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let behind = name[digits..].trim_start_matches(['_', '-']);
    let mut later = name.match_indices(['_', '-', '.', ',', '+', ' ']).map(|(at, _)| &name[at + 1..]);
    has_word(WHOLE, &first)
        || KEYS.split(' ').any(|key| leads(name, key) || name == key || digits > 0 && behind == key)
        || later.any(|rest| keys.split(' ').any(|key| leads(rest, key)))
}

/// Whether a text begins with a key and a number.
fn leads(text: &str, key: &str) -> bool {
    text.strip_prefix(key).is_some_and(|rest| {
        let rest = rest.trim_start_matches(['_', '-']);
        rest.strip_prefix('.').unwrap_or(rest).starts_with(|c: char| c.is_ascii_digit())
    })
}

const HOLDERS: &str = "runs run results result outputs output out exp exps expt experiment experiments log logs ckpt ckpts \
    checkpoint checkpoints models tasks data tmp old new archive backup copy trial trials sweep sweeps fold \
    rep seed seeds version v job wandb test final debug done";

/// Whether a name tells only what the folder holds or when it was made, as exp3 and 2024-05-01 do.
fn is_holder(name: &str) -> bool {
    let word = name.trim_end_matches(|c: char| !c.is_alphabetic());
    word.is_empty()
        || has_word(HOLDERS, word)
        || name.starts_with("20") && name.bytes().take(8).filter(u8::is_ascii_digit).count() >= 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_look_like_what_researchers_mean_by_them() {
        for (expected, names) in [
            (
                Some(Look::Training),
                "qlora lora 4bit lora_r16_alpha32 LoRA-r8 full smol-qlora none QLoRA.r4 loraR16 int8 dora peft sft",
            ),
            (Some(Look::Hierarchy), "ti_n4 exc_mid_n9 ti exc exc_mid ti9 exception_n9 exc_5_2_n9"),
            (
                Some(Look::Hyperparameter),
                "lr1e-4 epochs3 temp0.7 lr_1e-4 bs8_lr0.1 adamw 3epochs 5-shot wd.1 r16 towns_lr1e-4 n9 temp bf16 seed3 zero-shot",
            ),
            (Some(Look::Task), "fake real poker Poker"),
            (Some(Look::Model), "smol SmolLM2-135M llama-3 my-7b qwen2.5 gpt2 pythia-1.4b"),
            (Some(Look::Pair), "task=poker lr=1"),
            (Some(Look::Holder), "runs 2024-05-01 exp3 v2 20240501_1200 run_7 12"),
            (None, "m t h towns mine florence exploration fairly nonexistent tiny"),
        ] {
            for name in names.split(' ') {
                assert_eq!(look(name), expected, "{name}");
            }
        }
        for name in ["tulu-2-sft", "smol-finetuned", "deepseek-r1", "stablelm-alpha-3b", "m"] {
            assert!(matches!(look_of_model(name), None | Some(Look::Model)), "{name}");
        }
        assert_eq!(look_of_model("smol_lr1e-4"), Some(Look::Hyperparameter));
        for name in ["smol-qlora", "llama-3-bnb-4bit", "sft", "lora-smol"] {
            assert_eq!(look_of_model(name), Some(Look::Training), "{name}");
        }
    }
}
