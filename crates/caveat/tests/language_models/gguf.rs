//! The tiny model qwen2 as a GGUF file.

use std::fs;

use serde_json::Value;

use super::lm::{Tensors, fixture};

/// Names of tensors in Hugging Face's models, and what they are in GGUF files.
const NAMES: [(&str, &str); 13] = [
    ("model.embed_tokens", "token_embd"),
    ("model.norm", "output_norm"),
    ("lm_head", "output"),
    ("model.layers", "blk"),
    ("input_layernorm", "attn_norm"),
    ("post_attention_layernorm", "ffn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
];

const SIZES: [(&str, u32); 6] = [
    ("context_length", 128),
    ("embedding_length", 24),
    ("block_count", 2),
    ("feed_forward_length", 40),
    ("attention.head_count", 4),
    ("attention.head_count_kv", 1),
];

/// The bytes of version 3, all weights F32.
pub(crate) fn qwen2() -> Vec<u8> {
    let weights = Tensors::read(&fixture("qwen2/model.safetensors"));
    let tensors: Vec<(&String, &Value)> =
        weights.header.as_object().unwrap().iter().filter(|(name, _)| *name != "__metadata__").collect();
    let tokenizer: Value = serde_json::from_slice(&fs::read(fixture("qwen2/tokenizer.json")).unwrap()).unwrap();
    let vocabulary = tokenizer["model"]["vocab"].as_object().unwrap();
    let mut tokens: Vec<(u64, &String)> = vocabulary.iter().map(|(token, id)| (id.as_u64().unwrap(), token)).collect();
    tokens.sort_unstable();
    let merges = tokenizer["model"]["merges"].as_array().unwrap().iter();
    let merges: Vec<String> = merges.map(|m| [&m[0], &m[1]].map(|half| half.as_str().unwrap()).join(" ")).collect();

    let mut out = b"GGUF".to_vec();
    out.extend(3_u32.to_le_bytes());
    out.extend((tensors.len() as u64).to_le_bytes());
    out.extend((SIZES.len() as u64 + 8).to_le_bytes());
    for (name, value) in SIZES {
        key(&mut out, &format!("qwen2.{name}"), 4);
        out.extend(value.to_le_bytes());
    }
    for (name, value) in [("attention.layer_norm_rms_epsilon", 1e-6_f32), ("rope.freq_base", 1e4)] {
        key(&mut out, &format!("qwen2.{name}"), 6);
        out.extend(value.to_le_bytes());
    }
    for (name, value) in
        [("general.architecture", "qwen2"), ("tokenizer.ggml.model", "gpt2"), ("tokenizer.ggml.pre", "qwen2")]
    {
        key(&mut out, name, 8);
        text(&mut out, value);
    }
    array(&mut out, "tokenizer.ggml.tokens", 8, tokens.len());
    tokens.iter().for_each(|(_, token)| text(&mut out, token));
    array(&mut out, "tokenizer.ggml.merges", 8, merges.len());
    merges.iter().for_each(|merge| text(&mut out, merge));
    // Control tokens are written like <|this|>.
    array(&mut out, "tokenizer.ggml.token_type", 5, tokens.len());
    tokens.iter().for_each(|(_, token)| out.extend((if token.starts_with("<|") { 3_i32 } else { 1 }).to_le_bytes()));

    let mut offset = 0_u64;
    for (name, tensor) in &tensors {
        text(&mut out, &NAMES.iter().fold((*name).clone(), |name, (from, to)| name.replace(from, to)));
        let shape = tensor["shape"].as_array().unwrap();
        out.extend((shape.len() as u32).to_le_bytes());
        shape.iter().rev().for_each(|side| out.extend(side.as_u64().unwrap().to_le_bytes()));
        out.extend(0_u32.to_le_bytes());
        out.extend(offset.to_le_bytes());
        offset += (weights.bytes(name).len() as u64).next_multiple_of(32);
    }
    for (name, _) in tensors {
        out.resize(out.len().next_multiple_of(32), 0);
        out.extend(weights.bytes(name));
    }
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn key(out: &mut Vec<u8>, name: &str, kind: u32) {
    text(out, name);
    out.extend(kind.to_le_bytes());
}

fn array(out: &mut Vec<u8>, name: &str, kind: u32, length: usize) {
    key(out, name, 9);
    out.extend(kind.to_le_bytes());
    out.extend((length as u64).to_le_bytes());
}
