//! AdamW and stochastic gradient descent with PyTorch's semantics, one parameter at a time as its gradient is formed.

use std::collections::HashMap;

use burn::backend::Flex;
use burn::tensor::{DType, Tensor};
use rayon::prelude::*;

use super::readout::Gradient;
use crate::vector::vectorized;

/// Which optimizer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OptimizerKind {
    /// Loshchilov & Hutter 2019 (arXiv 1711.05101), as in `torch.optim.AdamW`: weights decay by lr · weight_decay, then move by
    /// lr · m̂ / (√v̂ + ε).
    AdamW {
        /// Decay of the mean of gradients, 0.9 by default.
        beta1: f64,
        /// Decay of the mean of squared gradients, 0.999 by default.
        beta2: f64,
        /// Added to the root of the mean square, 1e-8 by default.
        epsilon: f64,
        /// Decoupled weight decay, 0.01 by default.
        weight_decay: f64,
    },
    /// `torch.optim.SGD` without momentum.
    Sgd,
}

impl OptimizerKind {
    /// AdamW with PyTorch's defaults, but this weight decay if one is given.
    pub fn adamw(weight_decay: Option<f64>) -> Self {
        Self::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: weight_decay.unwrap_or(0.01) }
    }
}

/// An optimizer and its state.
#[derive(Debug)]
pub(crate) struct Optimizer {
    kind: OptimizerKind,
    /// Number of the current step; the first is 1.
    step: i32,
    learning_rate: f64,
    moments: HashMap<String, Moments>,
}

#[derive(Debug)]
struct Moments {
    first: Tensor<2>,
    second: Tensor<2>,
}

/// The constants of one step of AdamW.
#[derive(Debug, Clone, Copy)]
struct AdamStep {
    keep: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    /// lr / (1 − β₁ᵗ).
    rate: f64,
    /// 1 / √(1 − β₂ᵗ).
    correction: f64,
}

impl Optimizer {
    pub(crate) fn new(kind: OptimizerKind) -> Self {
        Self { kind, step: 0, learning_rate: 0.0, moments: HashMap::new() }
    }

    /// Begins a step, in which each parameter may be updated once.
    pub(crate) fn begin_step(&mut self, learning_rate: f64) {
        self.step += 1;
        self.learning_rate = learning_rate;
    }

    /// Moves a parameter by its gradient, which has the same shape; neither tracks gradients. On the processor, AdamW changes a parameter
    /// that nothing else shares in place, in one pass over memory.
    pub(crate) fn update(&mut self, name: &str, parameter: &mut Tensor<2>, gradient: Gradient) {
        let OptimizerKind::AdamW { .. } = self.kind else {
            let moved = gradient.whole(parameter) * self.learning_rate;
            parameter.inplace(|p| p - moved);
            return;
        };
        let is_done = match &gradient {
            Gradient::Whole(gradient) => {
                let on_processor = gradient.clone().try_into_primitive::<Flex>().ok().map(|g| g.to_contiguous());
                on_processor.as_ref().and_then(|gradient| gradient.as_slice::<f32>()).is_some_and(|gradient| {
                    let copy = |start: usize, _: &[f32], out: &mut [f32]| {
                        out.copy_from_slice(&gradient[start..start + out.len()]);
                    };
                    self.update_in_place(name, parameter, &copy)
                })
            }
            Gradient::Rows(rows) => rows.rows().is_some_and(|rows| {
                let form = |start: usize, values: &[f32], out: &mut [f32]| rows.form(start, values, out);
                self.update_in_place(name, parameter, &form)
            }),
        };
        if is_done {
            return;
        }
        let gradient = gradient.whole(parameter);
        let (step, moments) = self.adam_step(name, parameter);
        moments.first.inplace(|m| m * step.beta1 + gradient.clone() * (1.0 - step.beta1));
        moments.second.inplace(|v| v * step.beta2 + gradient.square() * (1.0 - step.beta2));
        let scale = moments.second.clone().sqrt() * step.correction + step.epsilon;
        let moved = moments.first.clone() / scale * step.rate;
        parameter.inplace(|p| p * step.keep - moved);
    }

    /// Moves a parameter with AdamW by a gradient that is computed piece by piece, in whole rows: `gradient(start, values, out)` writes
    /// the gradient of `values`, the numbers from `start` onwards, into `out`. Returns false, having done nothing, unless the parameter is
    /// f32 on the processor.
    fn update_in_place(
        &mut self,
        name: &str,
        parameter: &mut Tensor<2>,
        gradient: &(impl Fn(usize, &[f32], &mut [f32]) + Sync),
    ) -> bool {
        if parameter.dtype() != DType::F32 {
            return false;
        }
        let [rows, width] = parameter.dims();
        let primitive = |tensor: &Tensor<2>| tensor.clone().try_into_primitive::<Flex>();
        if rows * width == 0 || primitive(parameter).is_err() {
            return false;
        }
        let (step, moments) = self.adam_step(name, parameter);
        // A tensor is taken out of its place, so that its numbers have a single owner and need not be copied.
        let take = |tensor: &mut Tensor<2>| {
            let empty = Tensor::zeros([1, 1], (&tensor.device(), DType::F32));
            std::mem::replace(tensor, empty).try_into_primitive::<Flex>().map(|tensor| tensor.to_contiguous())
        };
        let (Ok(mut p), Ok(mut m), Ok(mut v)) = (take(parameter), take(&mut moments.first), take(&mut moments.second))
        else {
            return false;
        };
        let piece = (PIECE / width).max(1) * width;
        p.storage_mut::<f32>()
            .par_chunks_mut(piece)
            .zip(m.storage_mut::<f32>().par_chunks_mut(piece))
            .zip(v.storage_mut::<f32>().par_chunks_mut(piece))
            .enumerate()
            .for_each_init(
                || vec![0.0_f32; piece],
                |scratch, (index, ((p, m), v))| {
                    let g = &mut scratch[..p.len()];
                    gradient(index * piece, p, g);
                    vectorized(
                        #[inline(always)]
                        || adamw_numbers(p, m, v, g, step),
                    );
                },
            );
        *parameter = Tensor::from_primitive::<Flex>(p);
        moments.first = Tensor::from_primitive::<Flex>(m);
        moments.second = Tensor::from_primitive::<Flex>(v);
        true
    }

    /// The constants of this step, and the moments of a parameter, which are zero at first.
    fn adam_step(&mut self, name: &str, parameter: &Tensor<2>) -> (AdamStep, &mut Moments) {
        let OptimizerKind::AdamW { beta1, beta2, epsilon, weight_decay } = self.kind else {
            unreachable!("only called for AdamW")
        };
        let lr = self.learning_rate;
        let step = AdamStep {
            keep: 1.0 - lr * weight_decay,
            beta1,
            beta2,
            epsilon,
            rate: lr / (1.0 - beta1.powi(self.step)),
            correction: 1.0 / (1.0 - beta2.powi(self.step)).sqrt(),
        };
        let moments = self
            .moments
            .entry(name.to_owned())
            .or_insert_with(|| Moments { first: parameter.zeros_like(), second: parameter.zeros_like() });
        (step, moments)
    }
}

/// Numbers that one thread updates at a time, approximately, so that they, their moments and their gradient fit into its cache.
const PIECE: usize = 1 << 14;

#[inline(always)]
fn adamw_numbers(p: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32], step: AdamStep) {
    let (keep, rate, correction) = (step.keep as f32, step.rate as f32, step.correction as f32);
    let (beta1, beta2, epsilon) = (step.beta1 as f32, step.beta2 as f32, step.epsilon as f32);
    let (gain1, gain2) = ((1.0 - step.beta1) as f32, (1.0 - step.beta2) as f32);
    for (((p, m), v), &g) in p.iter_mut().zip(m).zip(v).zip(g) {
        *m = *m * beta1 + gain1 * g;
        *v = *v * beta2 + gain2 * g * g;
        *p = *p * keep - rate * *m / (v.sqrt() * correction + epsilon);
    }
}
