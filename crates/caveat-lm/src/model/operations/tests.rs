//! Tests of the operations in one pass (f32 on the processor) against those composed of tensor operations (f64), with gradients.

use burn::tensor::DType;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::*;
use crate::config::{Architecture, ModelConfig};

const HEADS: usize = 6;
const KV_HEADS: usize = 2;

fn config(head_dim: usize) -> ModelConfig {
    ModelConfig {
        architecture: Architecture::Llama,
        vocab_size: 64,
        hidden_size: HEADS * head_dim,
        intermediate_size: 8,
        num_hidden_layers: 1,
        num_attention_heads: HEADS,
        num_key_value_heads: KV_HEADS,
        head_dim,
        rms_norm_eps: 1e-5,
        rope_theta: 1e4,
        rope_scaling: None,
        max_position_embeddings: 64,
        tie_word_embeddings: true,
        attention_bias: false,
        attention_output_bias: false,
        mlp_bias: false,
    }
}

/// Prompts that branch at several depths, one of which is the beginning of another.
fn trie() -> PromptTrie {
    let prompts: [&[u32]; 7] = [
        &[1, 2, 3, 4, 5, 6, 7, 8, 9],
        &[1, 2, 3, 4, 5, 6, 7, 30, 31],
        &[1, 2, 3, 4, 5, 6],
        &[1, 2, 3, 20, 21],
        &[1, 2, 3, 20, 22],
        &[1],
        &[9, 8, 7],
    ];
    PromptTrie::new(&prompts)
}

/// The result and the gradients of all inputs, given the result's gradient; in the precision of `dtype`.
fn computed<const N: usize>(
    inputs: &[(Vec<f32>, [usize; 2]); N],
    given: &[f32],
    dtype: DType,
    operation: &dyn Fn([Tensor<2>; N], &Sequence) -> Tensor<2>,
    head_dim: usize,
) -> Vec<Vec<f64>> {
    let device = Device::flex();
    let rotary = RotaryTables::new(&config(head_dim), dtype);
    let sequence = Sequence::new(&trie(), &rotary, &device);
    let tensor = |values: &[f32], shape: [usize; 2]| {
        Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), (&device, dtype))
    };
    let numbers = |tensor: Tensor<2>| tensor.try_into_vec_as::<f64>().unwrap();
    let plain = operation(inputs.each_ref().map(|(values, shape)| tensor(values, *shape)), &sequence);
    let leaves = inputs.each_ref().map(|(values, shape)| tensor(values, *shape).autodiff().require_grad());
    let result = operation(leaves.clone(), &sequence);
    let shape = result.dims();
    assert_eq!(given.len(), shape[0] * shape[1]);
    let mut gradients = (result.clone() * tensor(given, shape).autodiff()).sum().backward();
    let mut all = vec![numbers(plain), numbers(result.inner())];
    all.extend(leaves.map(|leaf| numbers(leaf.grad_remove(&mut gradients).unwrap())));
    all
}

/// Compares both ways on random inputs of these shapes. `terms` are the numbers that are added up in one of the results.
#[track_caller]
fn assert_same<const N: usize>(
    shapes: [[usize; 2]; N],
    result: [usize; 2],
    terms: usize,
    head_dim: usize,
    operation: impl Fn([Tensor<2>; N], &Sequence) -> Tensor<2>,
) {
    let mut rng = ChaCha12Rng::seed_from_u64(11);
    let mut random = |n: usize| (0..n).map(|_| rng.random_range(-2.0..2.0_f32)).collect::<Vec<f32>>();
    let inputs = shapes.map(|shape| (random(shape[0] * shape[1]), shape));
    let given = random(result[0] * result[1]);
    let fused = computed(&inputs, &given, DType::F32, &operation, head_dim);
    let composed = computed(&inputs, &given, DType::F64, &operation, head_dim);
    for (which, (fused, composed)) in fused.iter().zip(&composed).enumerate() {
        let scale = composed.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let deviation = fused.iter().zip(composed).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
        let tolerance = 8.0 * f64::from(f32::EPSILON) * (terms as f64).sqrt() * scale;
        assert!(scale > 0.0 && deviation <= tolerance, "{which}: {deviation:e} of {scale:e}, at most {tolerance:e}");
    }
}

#[test]
fn products_are_those_composed() {
    // The last is divided among threads, by rows and by columns.
    for [rows, inner, columns] in [[1, 1, 1], [3, 5, 2], [17, 40, 9], [150, 130, 140], [140, 130, 150]] {
        let terms = rows.max(inner).max(columns);
        let shape = [rows, columns];
        assert_same([[rows, inner], [inner, columns]], shape, terms, 4, |[x, w], _| product(x, w));
        assert_same([[rows, inner], [columns, inner]], shape, terms, 4, |[x, w], _| transposed_product(x, w));
    }
}

#[test]
fn normalization_is_that_composed() {
    for [rows, width] in [[2, 3], [5, 7], [40, 64], [33, 576]] {
        assert_same([[rows, width], [1, width]], [rows, width], width.max(rows), 4, |[x, w], _| rms_norm(x, w, 1e-5));
    }
}

#[test]
fn gating_is_that_composed() {
    for shape in [[1, 1], [3, 7], [70, 130]] {
        assert_same([shape, shape], shape, 8, 4, |[gate, up], _| gated(gate, up));
    }
}

#[test]
fn rotation_is_that_composed() {
    let n = trie().len();
    for head_dim in [2, 6, 64] {
        let shape = [n, HEADS * head_dim];
        assert_same([shape], shape, 8, head_dim, |[x], sequence| rotate(x, HEADS, sequence));
    }
}

#[test]
fn attention_along_paths_is_that_composed() {
    let n = trie().len();
    for head_dim in [2, 6, 16, 40, 64] {
        let (wide, narrow) = ([n, HEADS * head_dim], [n, KV_HEADS * head_dim]);
        let attend = |[q, k, v]: [Tensor<2>; 3], sequence: &Sequence| attention(q, k, v, HEADS, KV_HEADS, sequence);
        // Scores are sums of head_dim products of up to 4; the softmax turns their rounding into a relative one.
        assert_same([wide, narrow, narrow], wide, 16 * head_dim * n, head_dim, attend);
    }
}

#[test]
fn one_tensor_in_two_places_gets_both_gradients() {
    assert_same([[12, 12]], [12, 12], 24, 4, |[x], _| product(x.clone(), x));
}
