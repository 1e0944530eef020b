//! Checks the sizes and constants of a model, whatever file they come from.

use super::{ModelConfig, RopeScaling};

/// Largest size that is accepted, so that products of two sizes fit a `u64` and, on 64-bit machines, a `usize`.
const LARGEST: usize = 1 << 30;

impl ModelConfig {
    /// What is wrong with the sizes and constants, if anything, with names as in config.json.
    pub(super) fn problem(&self) -> Option<String> {
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
