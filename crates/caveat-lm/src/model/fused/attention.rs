//! Attention along the paths of a trie: every node attends to its ancestors and itself, and nothing else is computed.

use std::sync::Arc;

use rayon::prelude::*;

use super::elementwise::exponential;
use super::{Matrix, Operation};
use crate::trie::Run;
use crate::vector::vectorized;

/// Scaled dot-product attention. Queries [nodes, heads · head_dim], keys and values [nodes, kv_heads · head_dim].
#[derive(Debug, Clone)]
pub(crate) struct Attention {
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) runs: Arc<Vec<Run>>,
}

impl Attention {
    /// The nodes a node attends to, in order of depth.
    fn seen<'a>(run: &'a Run, node: usize) -> impl Iterator<Item = usize> + 'a {
        run.ancestors.iter().cloned().flatten().chain(run.nodes.start..node + 1)
    }

    /// Softmax of the scaled products of a query with the keys it attends to.
    #[inline(always)]
    fn weights(&self, query: &[f32], keys: Matrix<'_>, kv: usize, seen: &[usize], weights: &mut Vec<f32>) {
        let d = query.len();
        let scale = (d as f32).sqrt().recip();
        weights.resize(seen.len(), 0.0);
        let mut largest = f32::NEG_INFINITY;
        for (weight, &other) in weights.iter_mut().zip(seen) {
            *weight = dot(query, &keys.values[other * keys.columns + kv * d..][..d]) * scale;
            largest = largest.max(*weight);
        }
        let mut total = 0.0;
        for weight in weights.iter_mut() {
            *weight = exponential(*weight - largest);
            total += *weight;
        }
        let scale = 1.0 / total;
        for weight in weights.iter_mut() {
            *weight *= scale;
        }
    }
}

#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let (a, b) = (a.chunks_exact(16), b.chunks_exact(16));
    for (i, (a, b)) in a.remainder().iter().zip(b.remainder()).enumerate() {
        sums[i] = a * b;
    }
    for (a, b) in a.zip(b) {
        for i in 0..16 {
            sums[i] = a[i].mul_add(b[i], sums[i]);
        }
    }
    let mut eight = [0.0_f32; 8];
    for i in 0..8 {
        eight[i] = sums[i] + sums[i + 8];
    }
    ((eight[0] + eight[4]) + (eight[1] + eight[5])) + ((eight[2] + eight[6]) + (eight[3] + eight[7]))
}

#[inline(always)]
fn add_scaled(out: &mut [f32], x: &[f32], factor: f32) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = x.mul_add(factor, *out);
    }
}

impl Operation<3> for Attention {
    fn forward(&self, [q, k, v]: [Matrix<'_>; 3], out: &mut [f32]) {
        let d = q.columns / self.heads;
        let group = self.heads / self.kv_heads;
        // Runs are consecutive, so the result can be split between them.
        let mut pieces = Vec::with_capacity(self.runs.len());
        let mut rest = out;
        for run in self.runs.iter() {
            let (piece, after) = rest.split_at_mut(run.nodes.len() * q.columns);
            pieces.push((run, piece));
            rest = after;
        }
        pieces.into_par_iter().for_each_init(
            || (Vec::new(), Vec::new()),
            |(seen, weights), (run, piece)| {
                vectorized(
                    #[inline(always)]
                    || {
                        for (node, out) in run.nodes.clone().zip(piece.chunks_exact_mut(q.columns)) {
                            seen.clear();
                            seen.extend(Self::seen(run, node));
                            let queries = &q.values[node * q.columns..][..q.columns];
                            for (head, (query, out)) in queries.chunks_exact(d).zip(out.chunks_exact_mut(d)).enumerate()
                            {
                                let kv = head / group;
                                self.weights(query, k, kv, seen, weights);
                                out.fill(0.0);
                                for (&other, &weight) in seen.iter().zip(weights.iter()) {
                                    add_scaled(out, &v.values[other * v.columns + kv * d..][..d], weight);
                                }
                            }
                        }
                    },
                );
            },
        );
    }

    fn backward(&self, [q, k, v]: [Matrix<'_>; 3], gradient: Matrix<'_>, wanted: [bool; 3]) -> [Option<Vec<f32>>; 3] {
        let d = q.columns / self.heads;
        let group = self.heads / self.kv_heads;
        let scale = (d as f32).sqrt().recip();
        // Each head of keys and values collects its own gradients from all nodes, so heads are computed in parallel.
        let of_heads: Vec<[Vec<f32>; 3]> = (0..self.kv_heads)
            .into_par_iter()
            .map(|kv| {
                let width = group * d;
                let (mut of_q, mut of_k, mut of_v) =
                    (vec![0.0; q.rows * width], vec![0.0; k.rows * d], vec![0.0; v.rows * d]);
                let (mut seen, mut weights, mut pulls) = (Vec::new(), Vec::new(), Vec::new());
                vectorized(
                    #[inline(always)]
                    || {
                        for run in self.runs.iter() {
                            for node in run.nodes.clone() {
                                seen.clear();
                                seen.extend(Self::seen(run, node));
                                for member in 0..group {
                                    let at = node * q.columns + (kv * group + member) * d;
                                    let (query, g) = (&q.values[at..at + d], &gradient.values[at..at + d]);
                                    self.weights(query, k, kv, &seen, &mut weights);
                                    pulls.clear();
                                    let mut mean = 0.0;
                                    for (&other, &weight) in seen.iter().zip(&weights) {
                                        let pull = dot(g, &v.values[other * v.columns + kv * d..][..d]);
                                        mean += weight * pull;
                                        pulls.push(pull);
                                        add_scaled(&mut of_v[other * d..][..d], g, weight);
                                    }
                                    let of_query = &mut of_q[node * width + member * d..][..d];
                                    for ((&other, &weight), &pull) in seen.iter().zip(&weights).zip(&pulls) {
                                        let of_score = weight * (pull - mean) * scale;
                                        add_scaled(of_query, &k.values[other * k.columns + kv * d..][..d], of_score);
                                        add_scaled(&mut of_k[other * d..][..d], query, of_score);
                                    }
                                }
                            }
                        }
                    },
                );
                [of_q, of_k, of_v]
            })
            .collect();
        let join = |which: usize, columns: usize, width: usize| {
            let mut out = vec![0.0; q.rows * columns];
            for (kv, parts) in of_heads.iter().enumerate() {
                for (out, part) in out.chunks_exact_mut(columns).zip(parts[which].chunks_exact(width)) {
                    out[kv * width..(kv + 1) * width].copy_from_slice(part);
                }
            }
            out
        };
        [
            wanted[0].then(|| join(0, q.columns, group * d)),
            wanted[1].then(|| join(1, k.columns, d)),
            wanted[2].then(|| join(2, v.columns, d)),
        ]
    }
}
