//! One layer of the decoder: attention and a gated feed-forward layer, each after a normalization and around a residual.

use std::collections::HashMap;

use burn::tensor::Tensor;

use super::linear::{Linear, Part};
use super::operations::{Sequence, attention, gated, rms_norm, rotate};
use crate::config::ModelConfig;

/// The weights of a layer. Vectors are stored [1, width].
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) attention_norm: Tensor<2>,
    pub(crate) q: Linear,
    pub(crate) k: Linear,
    pub(crate) v: Linear,
    pub(crate) o: Linear,
    /// Normalization of every head's queries and keys, [1, head_dim] (Qwen3).
    pub(crate) q_norm: Option<Tensor<2>>,
    pub(crate) k_norm: Option<Tensor<2>>,
    pub(crate) mlp_norm: Tensor<2>,
    pub(crate) gate: Linear,
    pub(crate) up: Linear,
    pub(crate) down: Linear,
}

impl Layer {
    /// A layer of tensors by name, with matrices [in, out]; none if one is missing.
    pub(crate) fn from_tensors(mut tensors: HashMap<String, Tensor<2>>) -> Option<Self> {
        let mut linear = |name: &str| {
            let bias = tensors.remove(&format!("{name}.bias"));
            Some(Linear { weight: tensors.remove(&format!("{name}.weight"))?, bias, adapter: None })
        };
        Some(Self {
            q: linear("self_attn.q_proj")?,
            k: linear("self_attn.k_proj")?,
            v: linear("self_attn.v_proj")?,
            o: linear("self_attn.o_proj")?,
            gate: linear("mlp.gate_proj")?,
            up: linear("mlp.up_proj")?,
            down: linear("mlp.down_proj")?,
            q_norm: tensors.remove("self_attn.q_norm.weight"),
            k_norm: tensors.remove("self_attn.k_norm.weight"),
            attention_norm: tensors.remove("input_layernorm.weight")?,
            mlp_norm: tensors.remove("post_attention_layernorm.weight")?,
        })
    }

    /// The residual stream [nodes, hidden] after this layer.
    pub(crate) fn forward(&self, x: Tensor<2>, sequence: &Sequence, config: &ModelConfig) -> Tensor<2> {
        let epsilon = config.rms_norm_eps;
        let (heads, kv_heads) = (config.num_attention_heads, config.num_key_value_heads);
        let normed = rms_norm(x.clone(), self.attention_norm.clone(), epsilon);
        let q = self.q.forward(normed.clone());
        let k = self.k.forward(normed.clone());
        let v = self.v.forward(normed);
        let by_head = |x: Tensor<2>, weight: &Option<Tensor<2>>| match weight {
            None => x,
            Some(weight) => {
                let [n, width] = x.dims();
                let heads = n * width / config.head_dim;
                rms_norm(x.reshape([heads, config.head_dim]), weight.clone(), epsilon).reshape([n, width])
            }
        };
        let q = rotate(by_head(q, &self.q_norm), heads, sequence);
        let k = rotate(by_head(k, &self.k_norm), kv_heads, sequence);
        let x = x + self.o.forward(attention(q, k, v, heads, kv_heads, sequence));
        let normed = rms_norm(x.clone(), self.mlp_norm.clone(), epsilon);
        let activations = gated(self.gate.forward(normed.clone()), self.up.forward(normed));
        x + self.down.forward(activations)
    }

    /// Visits every tensor in a fixed order, with its name below the layer: "self_attn.q_proj.weight", "….bias", "….lora_A",
    /// "….lora_B", "input_layernorm.weight".
    pub(crate) fn visit_mut(&mut self, visit: &mut dyn FnMut(&str, Part, &mut Tensor<2>)) {
        visit("input_layernorm.weight", Part::Base, &mut self.attention_norm);
        for (name, linear) in [
            ("self_attn.q_proj", &mut self.q),
            ("self_attn.k_proj", &mut self.k),
            ("self_attn.v_proj", &mut self.v),
            ("self_attn.o_proj", &mut self.o),
        ] {
            linear.visit_mut(name, visit);
        }
        if let Some(weight) = &mut self.q_norm {
            visit("self_attn.q_norm.weight", Part::Base, weight);
        }
        if let Some(weight) = &mut self.k_norm {
            visit("self_attn.k_norm.weight", Part::Base, weight);
        }
        visit("post_attention_layernorm.weight", Part::Base, &mut self.mlp_norm);
        for (name, linear) in
            [("mlp.gate_proj", &mut self.gate), ("mlp.up_proj", &mut self.up), ("mlp.down_proj", &mut self.down)]
        {
            linear.visit_mut(name, visit);
        }
    }
}
