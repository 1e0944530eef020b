//! The operations of a layer: in one pass on the processor, or composed of differentiable tensor operations on any other device.

use std::sync::{Arc, OnceLock};

use burn::tensor::activation::{silu, softmax};
use burn::tensor::{Bool, Device, Tensor, TensorData};

use super::fused;
use super::rotary::RotaryTables;
use crate::trie::{PromptTrie, Run};

/// What the layers need to know of a packed sequence.
#[derive(Debug, Clone)]
pub(crate) struct Sequence {
    runs: Arc<Vec<Run>>,
    /// Cosines and sines of the rotary embedding, [nodes, head_dim / 2] each.
    tables: Arc<(Vec<f32>, Vec<f32>)>,
    composed: Arc<OnceLock<Composed>>,
    positions: Vec<usize>,
    rotary: RotaryTables,
    device: Device,
}

/// The rotary tables and the mask as tensors, made when an operation is first composed.
#[derive(Debug)]
struct Composed {
    /// [nodes, 1, head_dim / 2] each.
    cos: Tensor<3>,
    sin: Tensor<3>,
    /// True where a node (row) may not attend to a node (column), [1, nodes, nodes].
    hidden: Tensor<3, Bool>,
}

impl Sequence {
    pub(crate) fn new(trie: &PromptTrie, rotary: &RotaryTables, device: &Device) -> Self {
        let (cos, sin) = rotary.cosines_and_sines(&trie.positions);
        let single = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
        Self {
            runs: Arc::new(trie.runs.clone()),
            tables: Arc::new((single(cos), single(sin))),
            composed: Arc::default(),
            positions: trie.positions.clone(),
            rotary: rotary.clone(),
            device: device.clone(),
        }
    }

    fn composed(&self) -> &Composed {
        self.composed.get_or_init(|| {
            let n = self.positions.len();
            let mut hidden = vec![true; n * n];
            for run in self.runs.iter() {
                for node in run.nodes.clone() {
                    let row = &mut hidden[node * n..(node + 1) * n];
                    for range in &run.ancestors {
                        row[range.clone()].fill(false);
                    }
                    row[run.nodes.start..=node].fill(false);
                }
            }
            let (cos, sin) = self.rotary.tensors(&self.positions, &self.device);
            let hidden = Tensor::<3, Bool>::from_data(TensorData::new(hidden, [1, n, n]), &self.device);
            Composed { cos, sin, hidden }
        })
    }
}

/// x W.
pub(crate) fn product(x: Tensor<2>, w: Tensor<2>) -> Tensor<2> {
    fused::apply(fused::Product { transposed: false }, [x, w]).unwrap_or_else(|[x, w]| x.matmul(w))
}

/// x Wᵀ.
pub(crate) fn transposed_product(x: Tensor<2>, w: Tensor<2>) -> Tensor<2> {
    fused::apply(fused::Product { transposed: true }, [x, w]).unwrap_or_else(|[x, w]| x.matmul(w.transpose()))
}

/// Root-mean-square normalization of every row, times `weight` [1, width].
pub(crate) fn rms_norm(x: Tensor<2>, weight: Tensor<2>, epsilon: f64) -> Tensor<2> {
    fused::apply(fused::RmsNorm { epsilon }, [x, weight]).unwrap_or_else(|[x, weight]| {
        let scale = (x.clone().square().mean_dim(1) + epsilon).sqrt().recip();
        x * scale * weight
    })
}

/// Rotary position embedding of every head (half-split pairs), [nodes, heads · head_dim].
pub(crate) fn rotate(x: Tensor<2>, heads: usize, sequence: &Sequence) -> Tensor<2> {
    let operation = fused::Rotate { heads, tables: sequence.tables.clone() };
    fused::apply(operation, [x]).unwrap_or_else(|[x]| {
        let [n, width] = x.dims();
        let half = width / heads / 2;
        let x = x.reshape([n, heads, 2 * half]);
        let (first, second) = (x.clone().narrow(2, 0, half), x.narrow(2, half, half));
        let Composed { cos, sin, .. } = sequence.composed();
        let low = first.clone() * cos.clone() - second.clone() * sin.clone();
        let high = second * cos.clone() + first * sin.clone();
        Tensor::cat(vec![low, high], 2).reshape([n, width])
    })
}

/// Attention of every node to its ancestors and itself; queries [nodes, heads · head_dim], keys and values [nodes, kv_heads · head_dim].
pub(crate) fn attention(
    q: Tensor<2>,
    k: Tensor<2>,
    v: Tensor<2>,
    heads: usize,
    kv_heads: usize,
    sequence: &Sequence,
) -> Tensor<2> {
    let operation = fused::Attention { heads, kv_heads, runs: sequence.runs.clone() };
    fused::apply(operation, [q, k, v]).unwrap_or_else(|[q, k, v]| {
        let [n, width] = q.dims();
        let head_dim = width / heads;
        let group = heads / kv_heads;
        let split = |x: Tensor<2>, heads: usize| x.reshape([n, heads, head_dim]).swap_dims(0, 1);
        let q = split(q, heads).reshape([kv_heads, group * n, head_dim]);
        let (k, v) = (split(k, kv_heads), split(v, kv_heads));
        let scores = q.matmul(k.swap_dims(1, 2)) * (head_dim as f64).powf(-0.5);
        let scores = scores.reshape([heads, n, n]);
        let hidden = sequence.composed().hidden.clone().expand([heads, n, n]);
        let weights = softmax(scores.mask_fill(hidden, f32::NEG_INFINITY), 2);
        let out = weights.reshape([kv_heads, group * n, n]).matmul(v);
        out.reshape([heads, n, head_dim]).swap_dims(0, 1).reshape([n, width])
    })
}

/// silu(gate) · up, elementwise.
pub(crate) fn gated(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    fused::apply(fused::Gated, [gate, up]).unwrap_or_else(|[gate, up]| silu(gate) * up)
}

#[cfg(test)]
mod tests;
