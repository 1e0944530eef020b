//! The hidden states of all ordered pairs, checked and in the order of kernels, and their similarities.

use burn::tensor::Tensor;
use caveat_theory::named_enum;
use rayon::prelude::*;
use serde::Serialize;

use crate::error::{LmError, Result};
use crate::stimuli::{Prompt, Stimuli};

/// Most items whose states are compared: 9,900 ordered pairs, whose matrix takes 784 MB.
pub const MAX_ITEMS: usize = 100;

named_enum! {
    /// How similar two hidden states are.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
    #[serde(rename_all = "lowercase")]
    pub enum Metric, ALL {
        /// Their inner product over the product of their lengths.
        Cosine = "cosine",
        /// Their inner product, which is the kernel of a linear readout.
        Dot = "dot",
    }
}

/// The indices in `stimuli` of the prompts of all ordered pairs in lexicographic order: (0, 1), (0, 2), …, (1, 0), (1, 2), ….
pub(super) fn lexicographic(stimuli: &Stimuli) -> Result<Vec<usize>> {
    let n = stimuli.hierarchy.len();
    if !(2..=MAX_ITEMS).contains(&n) {
        return Err(LmError::invalid(format!("{n} items: states are compared for 2 to {MAX_ITEMS}")));
    }
    let mut order: Vec<usize> = (0..stimuli.prompts.len()).collect();
    order.sort_by_key(|&k| (stimuli.prompts[k].rank_a, stimuli.prompts[k].rank_b));
    let pairs = (0..n).flat_map(|i| (0..n).filter(move |&j| j != i).map(move |j| (i, j)));
    let found = order.iter().map(|&k| (stimuli.prompts[k].rank_a, stimuli.prompts[k].rank_b));
    if !pairs.eq(found) {
        return Err(LmError::invalid(format!("the prompts are not those of all ordered pairs of {n} items, one each")));
    }
    Ok(order)
}

/// One vector for every ordered pair, in lexicographic order.
#[derive(Debug, Clone)]
pub(super) struct Vectors {
    values: Vec<f64>,
    width: usize,
}

impl Vectors {
    /// Reads states [prompts, hidden], in the order of the prompts, from the device.
    pub(super) fn read(states: &Tensor<2>, stimuli: &Stimuli, order: &[usize]) -> Result<Self> {
        let [rows, width] = states.dims();
        if rows != order.len() || width == 0 {
            let n = order.len();
            return Err(LmError::invalid(format!(
                "the hidden states are {rows} × {width}: expected one for each of the {n} prompts, of width 1 at least"
            )));
        }
        let failed = |e| LmError::Failed(format!("the hidden states cannot be read from the device: {e}"));
        let read = states.clone().try_into_vec_as::<f64>().map_err(failed)?;
        if let Some(at) = read.iter().position(|x| !x.is_finite()) {
            let (of, value) = (pair(stimuli, &stimuli.prompts[at / width]), read[at]);
            let problem = format!("the hidden state of {of} has {value} at number {}: all must be finite", at % width);
            return Err(LmError::Failed(problem));
        }
        let values = order.iter().flat_map(|&k| &read[k * width..(k + 1) * width]).copied().collect();
        Ok(Self { values, width })
    }

    /// The vector of a row.
    pub(super) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    /// Vectors whose inner products are the similarities; the error is the row of a zero vector, which has no cosine.
    pub(super) fn scaled_for(&self, metric: Metric) -> std::result::Result<Self, usize> {
        let mut scaled = self.clone();
        if metric == Metric::Cosine {
            for (row, vector) in scaled.values.chunks_exact_mut(self.width).enumerate() {
                // Dividing by the largest first prevents squares from over- and underflowing.
                let largest = vector.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
                if largest == 0.0 {
                    return Err(row);
                }
                vector.iter_mut().for_each(|x| *x /= largest);
                let length = dot(vector, vector).sqrt();
                vector.iter_mut().for_each(|x| *x /= length);
            }
        }
        Ok(scaled)
    }

    /// The vectors minus their mean.
    pub(super) fn centered(&self) -> Self {
        let mut mean = vec![0.0; self.width];
        for vector in self.values.chunks_exact(self.width) {
            mean.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
        }
        let rows = self.rows() as f64;
        let values = self.values.chunks_exact(self.width).flat_map(|v| v.iter().zip(&mean).map(|(x, m)| x - m / rows));
        Self { values: values.collect(), width: self.width }
    }

    /// All inner products, rows × rows, row-major and exactly symmetric. Cost O(rows²·width) on all processors.
    pub(super) fn gram(&self) -> Vec<f64> {
        let n = self.rows();
        let mut gram = vec![0.0; n * n];
        gram.par_chunks_mut(n).enumerate().for_each(|(a, row)| {
            // This is the lower triangle. Products commute, so the upper one is its mirror image bit for bit.
            row[..=a].iter_mut().enumerate().for_each(|(b, entry)| *entry = dot(self.row(a), self.row(b)));
        });
        for a in 0..n {
            for b in 0..a {
                gram[b * n + a] = gram[a * n + b];
            }
        }
        gram
    }
}

/// An inner product in eight interleaved sums, each with an eighth of the rounding.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (heads_a, tail_a) = a.as_chunks::<8>();
    let (heads_b, tail_b) = b.as_chunks::<8>();
    for (x, y) in heads_a.iter().zip(heads_b) {
        for k in 0..8 {
            sums[k] += x[k] * y[k];
        }
    }
    sums.iter().sum::<f64>() + tail_a.iter().zip(tail_b).map(|(x, y)| x * y).sum::<f64>()
}

/// A pair with the names of its items, for messages.
pub(super) fn pair(stimuli: &Stimuli, prompt: &Prompt) -> String {
    format!("({:?}, {:?})", stimuli.hierarchy[prompt.rank_a], stimuli.hierarchy[prompt.rank_b])
}

/// Why a zero state has no cosine.
pub(super) fn no_direction(stimuli: &Stimuli, prompt: &Prompt) -> String {
    format!("the hidden state of {} is zero: it has no direction, so its cosine is not defined", pair(stimuli, prompt))
}
