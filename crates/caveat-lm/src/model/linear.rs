//! A matrix product with an optional bias and an optional low-rank adapter: x W + b + s (x A) B.

use burn::tensor::Tensor;

use super::operations::product;

/// Whether a tensor belongs to the pretrained model or to an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Base,
    Adapter,
}

/// A linear layer. The weight is stored [in, out], the transpose of Hugging Face's files.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    pub(crate) weight: Tensor<2>,
    /// [1, out].
    pub(crate) bias: Option<Tensor<2>>,
    pub(crate) adapter: Option<Adapter>,
}

/// A low-rank update of a weight: W + s A B, with A [in, rank] and B [rank, out].
#[derive(Debug, Clone)]
pub(crate) struct Adapter {
    pub(crate) a: Tensor<2>,
    pub(crate) b: Tensor<2>,
    /// PEFT's lora_alpha / rank.
    pub(crate) scale: f64,
}

impl Linear {
    /// x is [rows, in]. The adapter is never merged, so that no gradient of a frozen weight is computed.
    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let adapted = self
            .adapter
            .as_ref()
            .map(|adapter| product(product(x.clone(), adapter.a.clone()), adapter.b.clone()) * adapter.scale);
        let mut out = product(x, self.weight.clone());
        if let Some(bias) = &self.bias {
            out = out + bias.clone();
        }
        match adapted {
            Some(adapted) => out + adapted,
            None => out,
        }
    }

    /// Visits the tensors of the layer, whose own name is `name`.
    pub(super) fn visit_mut(&mut self, name: &str, visit: &mut dyn FnMut(&str, Part, &mut Tensor<2>)) {
        visit(&format!("{name}.weight"), Part::Base, &mut self.weight);
        if let Some(bias) = &mut self.bias {
            visit(&format!("{name}.bias"), Part::Base, bias);
        }
        if let Some(adapter) = &mut self.adapter {
            visit(&format!("{name}.lora_A"), Part::Adapter, &mut adapter.a);
            visit(&format!("{name}.lora_B"), Part::Adapter, &mut adapter.b);
        }
    }
}
