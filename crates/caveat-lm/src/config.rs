//! The configuration of a decoder-only transformer: its architecture, sizes and constants, whatever file they come from.

mod gguf;
mod hugging_face;
mod limits;
mod tensors;

use caveat_theory::named_enum;
use serde::Serialize;

named_enum! {
    /// The families of decoders that this program computes. All are pre-norm transformers with RMS normalization, rotary position
    /// embedding, grouped-query attention and a SwiGLU feed-forward layer; they differ in biases and in the normalization of
    /// queries and keys.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
    #[serde(rename_all = "lowercase")]
    pub enum Architecture, ALL {
        /// Llama 2 and 3, SmolLM, SmolLM2, and Mistral-like models without a sliding window.
        Llama = "llama",
        /// Qwen2 and Qwen2.5: biases on queries, keys and values.
        Qwen2 = "qwen2",
        /// Qwen3: RMS normalization of every head's queries and keys, no biases.
        Qwen3 = "qwen3",
    }
}

impl Architecture {
    /// Its class in Transformers, which config.json lists under `architectures`.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Llama => "LlamaForCausalLM",
            Self::Qwen2 => "Qwen2ForCausalLM",
            Self::Qwen3 => "Qwen3ForCausalLM",
        }
    }
}

/// How the rotary frequencies deviate from θ^(−2i/d).
#[derive(Debug, Clone, PartialEq)]
pub enum RopeScaling {
    /// Llama 3.1's interpolation: frequencies of long wavelength are divided by `factor`, those of short wavelength are kept, and
    /// those in between are blended linearly.
    Llama3 {
        /// Divisor of the lowest frequencies, at least 1.
        factor: f64,
        /// The longest blended wavelength is the context length over this.
        low_freq_factor: f64,
        /// The shortest blended wavelength is the context length over this.
        high_freq_factor: f64,
        /// Context length of pre-training, in tokens.
        original_max_position_embeddings: f64,
    },
    /// One divisor per frequency, head_dim / 2 in all, which is how GGUF files store the same interpolation.
    Divisors(Vec<f32>),
}

/// The sizes and constants of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// The family.
    pub architecture: Architecture,
    /// Rows of the embedding matrix.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Number of query heads.
    pub num_attention_heads: usize,
    /// Number of key and value heads; divides the number of query heads.
    pub num_key_value_heads: usize,
    /// Width of a head, even.
    pub head_dim: usize,
    /// Added to the mean square before its root.
    pub rms_norm_eps: f64,
    /// Base θ of the rotary frequencies.
    pub rope_theta: f64,
    /// Deviation of the rotary frequencies, if any.
    pub rope_scaling: Option<RopeScaling>,
    /// Longest context, in tokens.
    pub max_position_embeddings: usize,
    /// Whether the readout is the embedding matrix itself.
    pub tie_word_embeddings: bool,
    /// Whether queries, keys and values have biases.
    pub attention_bias: bool,
    /// Whether the output projection of attention has a bias.
    pub attention_output_bias: bool,
    /// Whether the feed-forward layers have biases.
    pub mlp_bias: bool,
}
