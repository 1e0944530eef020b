//! Gives the tensors of a GGUF file the names of Hugging Face.

use std::collections::BTreeMap;

use super::header::GgufFile;
use crate::config::{Architecture, ModelConfig};
use crate::error::{LmError, Result, quoted};
use crate::weights::tensors::{Entry, Weights};

/// Divisors of the rotary frequencies: a constant of the model, not a weight.
pub(crate) const ROPE_FREQUENCIES: &str = "rope_freqs.weight";

/// The weights of a GGUF file; refuses a tensor that has no name in Hugging Face's models.
pub(crate) fn gguf_weights(file: GgufFile, config: &ModelConfig) -> Result<Weights> {
    let GgufFile { tensors, file, .. } = file;
    let mut renamed = BTreeMap::new();
    for (name, tensor) in tensors.into_iter().filter(|(name, _)| name != ROPE_FREQUENCIES) {
        let Some(new_name) = hugging_face_name(&name) else {
            let problem = format!("tensor {} is no part of a model that this program computes", quoted(&name));
            return Err(LmError::bad_file(&file.path, problem));
        };
        let interleaved_heads = match config.architecture {
            Architecture::Llama if new_name.contains(".q_proj.") => Some(config.num_attention_heads),
            Architecture::Llama if new_name.contains(".k_proj.") => Some(config.num_key_value_heads),
            _ => None,
        };
        let (file, shape, stored) = (file.clone(), tensor.shape, Ok(tensor.stored));
        renamed.insert(new_name, Entry { file, shape, stored, interleaved_heads });
    }
    Ok(Weights::new(&file.path, renamed))
}

/// The name of a tensor in Hugging Face's models, if it has one.
fn hugging_face_name(name: &str) -> Option<String> {
    match name {
        "token_embd.weight" => return Some("model.embed_tokens.weight".to_owned()),
        "output_norm.weight" => return Some("model.norm.weight".to_owned()),
        "output.weight" => return Some("lm_head.weight".to_owned()),
        _ => {}
    }
    let (layer, part) = name.strip_prefix("blk.")?.split_once('.')?;
    // Numbers have one spelling only, so that no two names of a file become the same.
    if layer.parse::<usize>().ok()?.to_string() != layer {
        return None;
    }
    let (part, kind) = part.rsplit_once('.')?;
    let part = match (part, kind) {
        ("attn_norm", "weight") => "input_layernorm",
        ("attn_q", "weight" | "bias") => "self_attn.q_proj",
        ("attn_k", "weight" | "bias") => "self_attn.k_proj",
        ("attn_v", "weight" | "bias") => "self_attn.v_proj",
        ("attn_output", "weight" | "bias") => "self_attn.o_proj",
        ("attn_q_norm", "weight") => "self_attn.q_norm",
        ("attn_k_norm", "weight") => "self_attn.k_norm",
        ("ffn_norm", "weight") => "post_attention_layernorm",
        ("ffn_gate", "weight" | "bias") => "mlp.gate_proj",
        ("ffn_up", "weight" | "bias") => "mlp.up_proj",
        ("ffn_down", "weight" | "bias") => "mlp.down_proj",
        _ => return None,
    };
    Some(format!("model.layers.{layer}.{part}.{kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_only_in_their_one_spelling() {
        let name = |name| hugging_face_name(name);
        assert_eq!(name("blk.11.attn_q.bias").as_deref(), Some("model.layers.11.self_attn.q_proj.bias"));
        assert_eq!(name("blk.0.ffn_norm.weight").as_deref(), Some("model.layers.0.post_attention_layernorm.weight"));
        for unknown in
            ["blk.01.attn_q.weight", "blk.+1.attn_q.weight", "blk.0.attn_norm.bias", "blk.0.ffn_gate_exps.weight"]
        {
            assert_eq!(name(unknown), None, "{unknown}");
        }
    }
}
