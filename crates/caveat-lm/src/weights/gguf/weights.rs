//! The tensors of a GGUF file under the names and in the row order of Hugging Face.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::header::{GgufFile, GgufTensor};
use crate::config::{Architecture, ModelConfig};
use crate::error::{LmError, Result, quoted};
use crate::weights::tensor_file::{TensorFile, are_same_bytes};
use crate::weights::{Weights, checked};

/// Divisors of the rotary frequencies: a constant of the model, not a weight.
pub(crate) const ROPE_FREQUENCIES: &str = "rope_freqs.weight";

/// The weights of a GGUF file.
#[derive(Debug)]
pub(crate) struct GgufWeights {
    path: PathBuf,
    file: TensorFile,
    tensors: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    tensor: GgufTensor,
    /// The number of heads whose rows are interleaved, for queries and keys of Llama.
    interleaved_heads: Option<usize>,
}

impl GgufWeights {
    /// Gives the tensors of a file the names of Hugging Face; refuses one that has none there.
    pub(crate) fn new(file: GgufFile, config: &ModelConfig) -> Result<Self> {
        let GgufFile { tensors, file, .. } = file;
        let mut renamed = BTreeMap::new();
        for (name, tensor) in tensors {
            if name == ROPE_FREQUENCIES {
                continue;
            }
            let Some(new_name) = hugging_face_name(&name) else {
                let problem = format!("tensor {} is no part of a model that this program computes", quoted(&name));
                return Err(LmError::bad_file(file.path(), problem));
            };
            let interleaved_heads = match config.architecture {
                Architecture::Llama if new_name.contains(".q_proj.") => Some(config.num_attention_heads),
                Architecture::Llama if new_name.contains(".k_proj.") => Some(config.num_key_value_heads),
                _ => None,
            };
            renamed.insert(new_name, Entry { tensor, interleaved_heads });
        }
        Ok(Self { path: file.path().to_owned(), file, tensors: renamed })
    }
}

impl Weights for GgufWeights {
    fn path(&self) -> &Path {
        &self.path
    }

    fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.tensors.get(name).map(|entry| entry.tensor.shape.clone())
    }

    fn read(&self, name: &str, expected_shape: &[usize]) -> Result<Vec<f32>> {
        let found = self.tensors.get(name).map(|entry| (entry, entry.tensor.shape.as_slice()));
        let entry = checked(&self.path, name, found, expected_shape)?;
        let numbers = self.file.read_tensor(name, &entry.tensor.stored)?;
        let Some(heads) = entry.interleaved_heads else { return Ok(numbers) };
        let rows = entry.tensor.shape.first().copied().unwrap_or(0);
        halves_apart(&numbers, rows, heads).ok_or_else(|| {
            let problem = format!("tensor {} has {rows} rows: {heads} heads cannot share them in pairs", quoted(name));
            LmError::bad_file(&self.path, problem)
        })
    }

    fn are_same(&self, a: &str, b: &str, expected_shape: &[usize]) -> Result<bool> {
        let tensor = |name: &str| -> Result<&GgufTensor> {
            let found = self.tensors.get(name).map(|entry| (entry, entry.tensor.shape.as_slice()));
            Ok(&checked(&self.path, name, found, expected_shape)?.tensor)
        };
        let (first, second) = (&tensor(a)?.stored, &tensor(b)?.stored);
        match first.element == second.element {
            true => are_same_bytes((&self.file, first), (&self.file, second)),
            false => Ok(self.read(a, expected_shape)? == self.read(b, expected_shape)?),
        }
    }
}

/// Brings the rows of queries or keys from the order of Llama's GGUF files, where rotary embedding pairs neighbors, to that of
/// Hugging Face, where it pairs the halves of a head: row 2j + h of a head becomes row h · d/2 + j.
///
/// `None` if the heads do not divide the rows, or have an odd number of them.
/// Source: `permute` in <https://github.com/ggml-org/llama.cpp>, `convert_hf_to_gguf.py`, of which this is the inverse.
fn halves_apart(numbers: &[f32], rows: usize, heads: usize) -> Option<Vec<f32>> {
    let head = rows.checked_div(heads).filter(|head| head * heads == rows && head.is_multiple_of(2) && *head > 0)?;
    let width = numbers.len() / rows;
    let mut sorted = Vec::with_capacity(numbers.len());
    for row in 0..rows {
        let (first, k) = (row / head * head, row % head);
        let source = first + k % (head / 2) * 2 + k / (head / 2);
        sorted.extend_from_slice(&numbers[source * width..(source + 1) * width]);
    }
    Some(sorted)
}

/// The name of a tensor in Hugging Face's models.
fn hugging_face_name(name: &str) -> Option<String> {
    match name {
        "token_embd.weight" => return Some("model.embed_tokens.weight".to_owned()),
        "output_norm.weight" => return Some("model.norm.weight".to_owned()),
        "output.weight" => return Some("lm_head.weight".to_owned()),
        _ => {}
    }
    let (layer, part) = name.strip_prefix("blk.")?.split_once('.')?;
    // One spelling of each number, so that no two names of a file become one.
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
    fn interleaved_rows_come_apart_into_halves_head_by_head() {
        // Two heads of four rows of one number; the value is the row where it belongs.
        let interleaved = [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0];
        assert_eq!(halves_apart(&interleaved, 8, 2).unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        // Rows of two numbers move whole.
        let rows = [0.0, 0.5, 2.0, 2.5, 1.0, 1.5, 3.0, 3.5];
        assert_eq!(halves_apart(&rows, 4, 1).unwrap(), [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]);
        assert_eq!(halves_apart(&[0.0; 6], 6, 2), None);
        assert_eq!(halves_apart(&[0.0; 6], 6, 4), None);
        assert_eq!(halves_apart(&[0.0; 6], 6, 0), None);
        assert_eq!(halves_apart(&[], 0, 2), None);
    }

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
