//! Decides what to do about tensors of a safetensors file that are no part of the model.
//!
//! Transformers ignores all of them with a warning. Some would make it a different model, so those are refused here.

use crate::config::ModelConfig;
use crate::error::quoted;

/// What to do about a tensor that the configuration does not mention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leftover {
    /// Nothing: it is a constant that older versions stored.
    Constant,
    /// Tell the user that it is not used: it belongs to something else that reads the hidden states.
    Unused,
    /// Refuse it, for this reason: it would change what the model computes.
    Refused(String),
}

/// Modules that stand next to the readout, for classification, rewards and values.
const HEADS: [&str; 9] = [
    "score",
    "v_head",
    "value_head",
    "classifier",
    "reward_head",
    "regression_head",
    "rm_head",
    "qa_outputs",
    "summary",
];

/// Endings of tensors that GPTQ, AWQ, bitsandbytes, compressed-tensors and FP8 store with or instead of a matrix.
const QUANTIZED: [&str; 19] = [
    "qweight",
    "qzeros",
    "scales",
    "g_idx",
    "absmax",
    "quant_map",
    "nested_absmax",
    "nested_quant_map",
    "SCB",
    "weight_format",
    "weight_scale",
    "weight_scale_inv",
    "weight_zero_point",
    "weight_packed",
    "weight_shape",
    "input_scale",
    "output_scale",
    "k_scale",
    "v_scale",
];

/// Why a tensor shows that the file is of another kind. This is checked before any tensor is missed.
pub(super) fn foreign(name: &str) -> Option<String> {
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_adapter = name.starts_with("base_model.")
        || [".base_layer.", ".lora_", ".original_module.", ".modules_to_save."].iter().any(|part| name.contains(part));
    if is_adapter {
        let advice = "merge it into the weights first, or give the model itself, with --adapter";
        return Some(format!("tensor {} is of an adapter that is not merged: {advice}", quoted(name)));
    }
    (QUANTIZED.contains(&last) || name.contains(".quant_state.")).then(|| {
        let advice = "expected weights that are not quantized, or a GGUF file";
        format!("tensor {} is of quantized weights: {advice}", quoted(name))
    })
}

/// What to do about a tensor that is no part of the model.
pub(super) fn leftover(name: &str, config: &ModelConfig) -> Leftover {
    if name.ends_with("rotary_emb.inv_freq") {
        return Leftover::Constant;
    }
    if HEADS.contains(&name.split('.').next().unwrap_or_default()) {
        return Leftover::Unused;
    }
    let layer = name.strip_prefix("model.layers.").and_then(|rest| rest.split_once('.')?.0.parse::<usize>().ok());
    let layers = config.num_hidden_layers;
    let problem = match layer.filter(|layer| *layer >= layers) {
        Some(_) => format!("is of a layer beyond those of the configuration, whose num_hidden_layers is {layers}"),
        None => "is no part of the model that the configuration describes".to_owned(),
    };
    Leftover::Refused(format!("tensor {} {problem}", quoted(name)))
}
