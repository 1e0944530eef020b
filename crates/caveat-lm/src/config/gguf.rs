//! Reads a model's configuration from the metadata of a GGUF file.
//!
//! Keys that change what a model computes are either understood or refused by name; the rest is ignored.
//! Source: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md> (keys), and <https://github.com/ggml-org/llama.cpp>,
//! `src/llama-model.cpp` (defaults).

use caveat_theory::Named;

use super::{Architecture, ModelConfig, RopeScaling};
use crate::error::{Result, quoted};
use crate::weights::GgufFile;
use crate::weights::gguf::{Metadata, ROPE_FREQUENCIES};

const DEFAULT_ROPE_THETA: f64 = 10_000.0;

impl ModelConfig {
    /// The configuration of a GGUF file. Sizes and constants are metadata; the embedding matrix gives the size of the vocabulary, and the
    /// tensors present show whether there are biases and whether the readout is the embedding matrix.
    pub(crate) fn from_gguf(file: &GgufFile) -> Result<Self> {
        let metadata = &file.metadata;
        let name = metadata.text("general.architecture")?.ok_or_else(|| metadata.missing("general.architecture"))?;
        let known = Architecture::from_argument(name);
        let expected = || format!("general.architecture is {}: expected {}", quoted(name), Architecture::list_names());
        let architecture = known.ok_or_else(|| metadata.bad(expected()))?;
        let keys = Keys { metadata, architecture: name };
        keys.refuse_unsupported()?;

        let hidden_size = keys.size("embedding_length")?;
        let num_attention_heads = keys.size("attention.head_count")?;
        let num_key_value_heads = keys.optional_size("attention.head_count_kv")?.unwrap_or(num_attention_heads);
        let head_dim = match keys.optional_size("attention.key_length")? {
            Some(head_dim) => head_dim,
            None => hidden_size.checked_div(num_attention_heads).unwrap_or(0),
        };
        for part in ["attention.value_length", "rope.dimension_count"] {
            if let Some(found) = keys.optional_size(part)?.filter(|found| *found != head_dim) {
                let problem = format!("{name}.{part} is {found}: expected the width of a head, {head_dim}");
                return Err(metadata.bad(problem));
            }
        }
        let vocab_size = match file.shape("token_embd.weight") {
            Some([rows, _]) => *rows,
            Some(shape) => {
                return Err(metadata.bad(format!("token_embd.weight has shape {shape:?}: expected a matrix")));
            }
            None => return Err(metadata.bad("there is no tensor \"token_embd.weight\": the model needs one")),
        };
        let rope_scaling = match file.shape(ROPE_FREQUENCIES) {
            Some(_) => Some(RopeScaling::Divisors(file.read(ROPE_FREQUENCIES)?)),
            None => None,
        };
        let has = |tensor: &str| file.shape(tensor).is_some();
        let config = Self {
            architecture,
            vocab_size,
            hidden_size,
            intermediate_size: keys.size("feed_forward_length")?,
            num_hidden_layers: keys.size("block_count")?,
            num_attention_heads,
            num_key_value_heads,
            head_dim,
            rms_norm_eps: keys
                .number("attention.layer_norm_rms_epsilon")?
                .ok_or_else(|| metadata.missing(&keys.key("attention.layer_norm_rms_epsilon")))?,
            rope_theta: keys.number("rope.freq_base")?.unwrap_or(DEFAULT_ROPE_THETA),
            rope_scaling,
            max_position_embeddings: keys.size("context_length")?,
            // A readout that repeats the embedding counts as tied, which is found out when the weights can be read.
            tie_word_embeddings: !has("output.weight"),
            attention_bias: architecture == Architecture::Qwen2 || has("blk.0.attn_q.bias"),
            attention_output_bias: has("blk.0.attn_output.bias"),
            mlp_bias: has("blk.0.ffn_gate.bias"),
        };
        config.problem().map_or(Ok(config), |problem| Err(metadata.bad(problem)))
    }
}

/// The metadata whose keys begin with the name of the architecture.
struct Keys<'a> {
    metadata: &'a Metadata,
    architecture: &'a str,
}

impl Keys<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture)
    }

    fn size(&self, name: &str) -> Result<usize> {
        self.optional_size(name)?.ok_or_else(|| self.metadata.missing(&self.key(name)))
    }

    fn optional_size(&self, name: &str) -> Result<Option<usize>> {
        self.metadata.size(&self.key(name))
    }

    fn number(&self, name: &str) -> Result<Option<f64>> {
        self.metadata.number(&self.key(name))
    }

    /// Refuses what would make the model compute something different.
    fn refuse_unsupported(&self) -> Result<()> {
        if let Some(parts) = self.metadata.size("split.count")?.filter(|parts| *parts > 1) {
            let problem = format!("split.count is {parts}: the model is split over several files, expected it in one");
            return Err(self.metadata.bad(problem));
        }
        let scaling = self.key("rope.scaling.type");
        if let Some(kind) = self.metadata.text(&scaling)?.filter(|kind| *kind != "none") {
            return Err(self.metadata.bad(format!("{scaling} is {}: expected none", quoted(kind))));
        }
        let causal = self.key("attention.causal");
        if self.metadata.flag(&causal)? == Some(false) {
            return Err(self.metadata.bad(format!("{causal} is false: expected attention to what came before")));
        }
        // Zero stands for none, and a factor of one does nothing.
        for (name, idle) in [
            ("rope.scaling.factor", 1.0),
            ("rope.scale_linear", 1.0),
            ("rope.scaling.attn_factor", 1.0),
            ("expert_count", 0.0),
            ("attention.sliding_window", 0.0),
            ("attention.scale", 0.0),
            ("attention.clamp_kqv", 0.0),
            ("attention.max_alibi_bias", 0.0),
            ("attn_logit_softcapping", 0.0),
            ("final_logit_softcapping", 0.0),
            ("logit_scale", 1.0),
            ("residual_scale", 1.0),
            ("embedding_scale", 1.0),
            ("attention.temperature_scale", 0.0),
            ("nextn_predict_layers", 0.0),
        ] {
            if let Some(value) = self.number(name)?.filter(|value| *value != 0.0 && *value != idle) {
                return Err(self.metadata.bad(format!("{} is {value}: expected none", self.key(name))));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
