//! Tensors of a safetensors file that no part of the model has the name of: what may be left aside, and what must not be.
//!
//! Transformers leaves all of them aside with a warning. Some would make the model another one, so those are refused here.

use crate::config::ModelConfig;
use crate::error::quoted;

/// What is to be done about a tensor that the configuration does not foresee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leftover {
    /// It is a constant that older versions stored: nothing.
    Constant,
    /// It belongs to something else that reads the hidden states, and is not used: the person is told.
    Unused,
    /// It would change what the model computes: it is refused, for this reason.
    Refused(String),
}

/// Modules that stand beside the readout: of classification, rewards and values.
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

/// Endings of what GPTQ, AWQ, bitsandbytes, compressed-tensors and FP8 store beside or in place of a matrix.
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

/// What a tensor is of, where it makes the file one of another kind: seen before anything is missed.
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

/// What is to be done about a tensor that is no part of the model.
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
