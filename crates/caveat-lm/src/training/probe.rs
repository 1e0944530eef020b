//! The linear probe: only the readout is trained, on hidden states that were computed once.

use burn::tensor::Tensor;

use super::optimizer::Optimizer;
use super::readout::{Gradient, RowGradient, cross_entropy, squared_distance};
use crate::model::{LanguageModel, transposed_product};

/// A readout in training.
pub(crate) struct Probe {
    /// [vocabulary, hidden].
    readout: Tensor<2>,
    /// The readout before training; kept only if the distance from it is penalized.
    initial: Option<Tensor<2>>,
    l2: f64,
}

impl Probe {
    /// Starts with a copy of the model's readout.
    pub(crate) fn new(model: &LanguageModel, l2: f64) -> Self {
        let readout = model.readout().clone();
        Self { initial: (l2 > 0.0).then(|| readout.clone()), readout, l2 }
    }

    /// The trained readout.
    pub(crate) fn into_readout(self) -> Tensor<2> {
        self.readout
    }

    /// Takes a step on hidden states [prompts, hidden] with the next tokens `targets`, and returns the loss before it, which is the mean
    /// cross-entropy plus l2 · Σ(W − W₀)². `clip_norm` limits the norm of its gradient.
    pub(crate) fn step(
        &mut self,
        states: &Tensor<2>,
        targets: &[u32],
        optimizer: &mut Optimizer,
        clip_norm: Option<f64>,
    ) -> f64 {
        let (mut loss, errors) = cross_entropy(transposed_product(states.clone(), self.readout.clone()), targets);
        if let Some(initial) = &self.initial {
            loss += self.l2 * squared_distance(&self.readout, initial);
        }
        let read = Some((errors, states.clone()));
        let penalty = self.initial.clone().map(|initial| (self.l2, initial));
        let mut gradient = Gradient::Rows(Box::new(RowGradient { read, embedded: None, penalty, factor: 1.0 }));
        if let Some(most) = clip_norm {
            let norm = gradient.square(&self.readout).sqrt();
            gradient = gradient.scaled(clip_factor(norm, most));
        }
        optimizer.update("lm_head.weight", &mut self.readout, gradient);
        loss
    }
}

/// The factor by which gradients of a joint norm are scaled to `most`, as in `torch.nn.utils.clip_grad_norm_`.
pub(crate) fn clip_factor(norm: f64, most: f64) -> f64 {
    (most / (norm + 1e-6)).min(1.0)
}
