//! The configuration of a decoder-only transformer: its architecture, sizes and constants, whatever file they come from.

mod gguf;
mod hugging_face;

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

/// Largest size that is accepted, so that products of two sizes fit a `u64` and, on 64-bit machines, a `usize`.
const LARGEST: usize = 1 << 30;

impl ModelConfig {
    /// What is wrong with the sizes and constants, if anything, with names as in config.json.
    fn problem(&self) -> Option<String> {
        for (name, size) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("head_dim", self.head_dim),
            ("max_position_embeddings", self.max_position_embeddings),
        ] {
            if !(1..=LARGEST).contains(&size) {
                return Some(format!("{name} is {size}: expected 1 to {LARGEST}"));
            }
        }
        let (heads, groups, head_dim) = (self.num_attention_heads, self.num_key_value_heads, self.head_dim);
        if !heads.is_multiple_of(groups) {
            let problem = "expected a divisor of num_attention_heads";
            return Some(format!("num_key_value_heads is {groups}: {problem}, {heads}"));
        }
        if !head_dim.is_multiple_of(2) {
            return Some(format!("head_dim is {head_dim}: expected an even number, for rotary embedding turns pairs"));
        }
        if heads.checked_mul(head_dim).is_none_or(|width| width > LARGEST) {
            return Some(format!("{heads} heads of width {head_dim} are too wide: expected {LARGEST} in all at most"));
        }
        for (name, value, least) in [("rms_norm_eps", self.rms_norm_eps, 0.0), ("rope_theta", self.rope_theta, 1.0)] {
            if !(value > least && value.is_finite()) {
                return Some(format!("{name} is {value}: expected a number above {least}"));
            }
        }
        self.rope_scaling.as_ref().and_then(|scaling| scaling.problem(head_dim))
    }

    /// Every tensor of the model: its name in Hugging Face's files and its shape, rows first. Lazy, because the number of layers
    /// may come from an unchecked file.
    pub fn tensors(&self) -> impl Iterator<Item = (String, Vec<usize>)> + '_ {
        let (vocab, hidden) = (self.vocab_size, self.hidden_size);
        let head = (!self.tie_word_embeddings).then(|| ("lm_head.weight".to_owned(), vec![vocab, hidden]));
        let around = [
            ("model.embed_tokens.weight".to_owned(), vec![vocab, hidden]),
            ("model.norm.weight".to_owned(), vec![hidden]),
        ];
        let layers = (0..self.num_hidden_layers).flat_map(|layer| {
            let named = move |(name, shape): (String, Vec<usize>)| (format!("model.layers.{layer}.{name}"), shape);
            self.layer_tensors().into_iter().map(named)
        });
        around.into_iter().chain(head).chain(layers)
    }

    /// The tensors of a layer, named within it.
    pub(crate) fn layer_tensors(&self) -> Vec<(String, Vec<usize>)> {
        let (hidden, inner) = (self.hidden_size, self.intermediate_size);
        let queries = self.num_attention_heads * self.head_dim;
        let keys = self.num_key_value_heads * self.head_dim;
        let mut tensors = vec![
            ("input_layernorm.weight".to_owned(), vec![hidden]),
            ("post_attention_layernorm.weight".to_owned(), vec![hidden]),
        ];
        if self.architecture == Architecture::Qwen3 {
            tensors.push(("self_attn.q_norm.weight".to_owned(), vec![self.head_dim]));
            tensors.push(("self_attn.k_norm.weight".to_owned(), vec![self.head_dim]));
        }
        for (name, rows, columns, bias) in [
            ("self_attn.q_proj", queries, hidden, self.attention_bias),
            ("self_attn.k_proj", keys, hidden, self.attention_bias),
            ("self_attn.v_proj", keys, hidden, self.attention_bias),
            ("self_attn.o_proj", hidden, queries, self.attention_output_bias),
            ("mlp.gate_proj", inner, hidden, self.mlp_bias),
            ("mlp.up_proj", inner, hidden, self.mlp_bias),
            ("mlp.down_proj", hidden, inner, self.mlp_bias),
        ] {
            tensors.push((format!("{name}.weight"), vec![rows, columns]));
            if bias {
                tensors.push((format!("{name}.bias"), vec![rows]));
            }
        }
        tensors
    }
}

impl RopeScaling {
    fn problem(&self, head_dim: usize) -> Option<String> {
        match self {
            Self::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_position_embeddings } => {
                if !(*factor >= 1.0 && factor.is_finite()) {
                    return Some(format!("factor of llama3 is {factor}: expected 1 or more"));
                }
                if !(*low_freq_factor > 0.0 && high_freq_factor > low_freq_factor && high_freq_factor.is_finite()) {
                    let found = format!("low_freq_factor is {low_freq_factor} and high_freq_factor {high_freq_factor}");
                    return Some(format!("{found}: expected both above 0, the second above the first"));
                }
                let length = *original_max_position_embeddings;
                let problem = || format!("original_max_position_embeddings is {length}: expected a number of tokens");
                (!(length >= 1.0 && length.is_finite())).then(problem)
            }
            Self::Divisors(divisors) => {
                if divisors.len() != head_dim / 2 {
                    let (found, expected) = (divisors.len(), head_dim / 2);
                    return Some(format!("there are {found} divisors of rotary frequencies: expected {expected}"));
                }
                let wrong = divisors.iter().find(|x| !(x.is_finite() && **x > 0.0))?;
                Some(format!("a divisor of a rotary frequency is {wrong}: expected a number above 0"))
            }
        }
    }
}
