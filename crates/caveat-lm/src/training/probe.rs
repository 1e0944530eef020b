//! The linear probe: only the readout is trained, over hidden states that were computed once.
//!
//! A step needs the logits of its prompts and one pass over the readout: the gradient of a row of the readout is a combination of
//! the step's few hidden states, so on the processor it is formed and applied row by row and never stored.

use burn::backend::Flex;
use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use super::optimizer::Optimizer;
use crate::model::LanguageModel;

/// The readout in training.
pub(crate) struct Probe {
    /// [vocabulary, hidden].
    readout: Tensor<2>,
    /// The readout before training; kept only where its distance is penalized.
    initial: Option<Tensor<2>>,
    l2: f64,
}

const NAME: &str = "lm_head.weight";

impl Probe {
    /// Starts from a copy of the model's readout.
    pub(crate) fn new(model: &LanguageModel, l2: f64) -> Self {
        let readout = model.readout().clone();
        Self { initial: (l2 > 0.0).then(|| readout.clone()), readout, l2 }
    }

    /// The trained readout.
    pub(crate) fn into_readout(self) -> Tensor<2> {
        self.readout
    }

    /// One step on hidden states [prompts, hidden] whose next tokens are `targets`; returns the loss before it.
    ///
    /// The loss is the mean cross-entropy plus l2 · Σ(W − W₀)². `clip_norm` bounds the norm of its gradient.
    pub(crate) fn step(
        &mut self,
        states: &Tensor<2>,
        targets: &[u32],
        optimizer: &mut Optimizer,
        clip_norm: Option<f64>,
    ) -> f64 {
        let [rows, width] = states.dims();
        let logits = states.clone().matmul(self.readout.clone().transpose());
        let vocabulary = logits.dims()[1];
        let (device, dtype) = (logits.device(), logits.dtype());
        let mut errors = logits.into_data_as::<f64>().try_into_vec::<f64>().unwrap_or_default();
        // What the loss says of each logit: (softmax − one-hot) / prompts.
        let losses: Vec<f64> = errors
            .par_chunks_mut(vocabulary)
            .zip(targets)
            .map(|(row, &target)| {
                let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let chosen = row[target as usize] - largest;
                row.iter_mut().for_each(|logit| *logit = (*logit - largest).exp());
                let total: f64 = row.iter().sum();
                row.iter_mut().for_each(|weight| *weight /= total * rows as f64);
                row[target as usize] -= 1.0 / rows as f64;
                total.ln() - chosen
            })
            .collect();
        let mut loss = losses.iter().sum::<f64>() / rows as f64;
        if let Some(initial) = &self.initial {
            let moved = self.readout.clone() - initial.clone();
            loss += self.l2 * moved.square().sum().into_scalar::<f64>();
        }
        if clip_norm.is_none() && self.step_in_place(states, &errors, optimizer) {
            return loss;
        }
        let errors = Tensor::<2>::from_data(TensorData::new(errors, [rows, vocabulary]), (&device, dtype));
        let mut gradient = errors.transpose().matmul(states.clone());
        if let Some(initial) = &self.initial {
            gradient = gradient + (self.readout.clone() - initial.clone()) * (2.0 * self.l2);
        }
        debug_assert_eq!(gradient.dims(), [vocabulary, width]);
        if let Some(most) = clip_norm {
            let norm = gradient.clone().square().sum().into_scalar::<f64>().sqrt();
            gradient = gradient * clip_factor(norm, most);
        }
        optimizer.update(NAME, &mut self.readout, gradient);
        loss
    }

    /// The update with every row's gradient formed where it is applied; false where that is not possible.
    fn step_in_place(&mut self, states: &Tensor<2>, errors: &[f64], optimizer: &mut Optimizer) -> bool {
        let [rows, width] = states.dims();
        let Ok(states) = states.clone().into_data_as::<f32>().try_into_vec::<f32>() else { return false };
        let vocabulary = errors.len() / rows;
        let initial = match &self.initial {
            None => None,
            Some(initial) => match initial.clone().try_into_primitive::<Flex>() {
                Ok(initial) => Some(initial.to_contiguous()),
                Err(_) => return false,
            },
        };
        let initial = initial.as_ref().and_then(|initial| initial.as_slice::<f32>());
        let pull = (2.0 * self.l2) as f32;
        let arch = pulp::Arch::new();
        let gradient = |start: usize, values: &[f32], out: &mut [f32]| {
            arch.dispatch(|| {
                match initial {
                    Some(initial) => {
                        for ((out, &value), &initial) in out.iter_mut().zip(values).zip(&initial[start..]) {
                            *out = pull * (value - initial);
                        }
                    }
                    None => out.fill(0.0),
                }
                for (index, out) in out.chunks_exact_mut(width).enumerate() {
                    let token = start / width + index;
                    for (row, state) in states.chunks_exact(width).enumerate() {
                        let error = errors[row * vocabulary + token] as f32;
                        for (out, &state) in out.iter_mut().zip(state) {
                            *out += error * state;
                        }
                    }
                }
            });
        };
        optimizer.update_in_place(NAME, &mut self.readout, &gradient)
    }
}

/// What gradients of a joint norm are multiplied with, as in `torch.nn.utils.clip_grad_norm_`.
pub(crate) fn clip_factor(norm: f64, most: f64) -> f64 {
    (most / (norm + 1e-6)).min(1.0)
}
