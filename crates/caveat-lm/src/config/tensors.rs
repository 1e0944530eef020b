//! Lists the tensors of a model by name and shape.

use super::{Architecture, ModelConfig};

impl ModelConfig {
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
