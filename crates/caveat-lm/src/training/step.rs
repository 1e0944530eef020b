//! One step of fine-tuning: forward, backward and update, layer by layer, so that gradients of only one layer exist at a time.
//!
//! Each layer is differentiated separately, from the gradient of its output to that of its input: the tape is cut at the residual
//! stream. The gradients of a layer's parameters are applied and freed before those of the next layer are computed, unless they are
//! clipped by their joint norm, which needs them all.

use std::borrow::Borrow;

use burn::tensor::Tensor;

use super::optimizer::Optimizer;
use super::readout::{Gradient, LogitErrors, RowGradient, cross_entropy};
use crate::model::{LanguageModel, Layer, Part, Sequence, product, rms_norm};
use crate::trie::PromptTrie;

/// Named gradients of one part of the model.
pub(crate) type Gradients = Vec<(String, Gradient)>;

struct Segment {
    input: Tensor<2>,
    layer: Layer,
    output: Tensor<2>,
}

/// A leaf of the tape.
fn leaf(tensor: &Tensor<2>, is_trained: bool) -> Tensor<2> {
    tensor.clone().autodiff().set_require_grad(is_trained)
}

impl Layer {
    /// The layer with its trainable tensors as leaves of the tape.
    fn tracked(&self, trained: Part) -> Self {
        let mut layer = self.clone();
        layer.visit_mut(&mut |_, part, tensor| *tensor = leaf(tensor, part == trained));
        layer
    }
}

/// Computes the mean cross-entropy at the leaves of a trie and its gradients by the parameters `trained`. Those of each layer are passed to
/// `apply` as soon as they are complete, after which that part is not used any more in this step. Returns the loss.
pub(crate) fn backpropagate(
    model: &mut LanguageModel,
    trie: &PromptTrie,
    targets: &[u32],
    trained: Part,
    apply: &mut dyn FnMut(&mut LanguageModel, Gradients),
) -> f64 {
    let full = trained == Part::Base;
    let sequence: Sequence = model.sequence(trie);
    let tokens = model.tokens(&trie.tokens);
    let mut x = model.embedding.clone().select(0, tokens.clone());
    let mut segments: Vec<Segment> = Vec::with_capacity(model.layers.len());
    for (index, layer) in model.layers.iter().enumerate() {
        let layer = layer.tracked(trained);
        let input = leaf(&x, full || index > 0);
        let output = layer.forward(input.clone(), &sequence, &model.config);
        x = output.clone().inner();
        segments.push(Segment { input, layer, output });
    }

    let last = leaf(&x, true);
    drop(x);
    let norm = leaf(&model.norm, full);
    let ends = last.clone().select(0, model.nodes(&trie.leaves));
    let states = rms_norm(ends, norm.clone(), model.config.rms_norm_eps);
    let values = states.clone().inner();
    let (loss, errors) = cross_entropy(model.logits(values.clone()), targets);
    let given = product(errors.tensor(&model.device, model.dtype), model.readout().clone());
    let mut gradients = (states * given.autodiff()).sum().backward();
    let mut upstream = last.grad_remove(&mut gradients);
    let norm_gradient = norm.grad_remove(&mut gradients);
    drop((gradients, last, norm));
    let mut read = full.then_some((errors, values));
    let mut head = Gradients::new();
    if let Some(gradient) = norm_gradient {
        head.push(("model.norm.weight".to_owned(), Gradient::Whole(gradient)));
    }
    if model.readout.is_some()
        && let Some(read) = read.take()
    {
        head.push(("lm_head.weight".to_owned(), row_gradient(Some(read), None)));
    }
    if !head.is_empty() {
        apply(model, head);
    }

    for (index, segment) in segments.into_iter().enumerate().rev() {
        let Some(given) = upstream.take() else { break };
        let Segment { input, mut layer, output } = segment;
        let mut gradients = (output * given.autodiff()).sum().backward();
        upstream = input.grad_remove(&mut gradients);
        let mut of_layer = Gradients::new();
        layer.visit_mut(&mut |name, part, tensor| {
            if part == trained
                && let Some(gradient) = tensor.grad_remove(&mut gradients)
            {
                of_layer.push((format!("model.layers.{index}.{name}"), Gradient::Whole(gradient)));
            }
        });
        drop((gradients, layer, input));
        apply(model, of_layer);
    }

    if full && let Some(given) = upstream {
        // If the embedding is also the readout, both gradients are applied together.
        let gradient = row_gradient(read, Some((trie.tokens.clone(), given)));
        apply(model, vec![("model.embed_tokens.weight".to_owned(), gradient)]);
    }
    loss
}

fn row_gradient(read: Option<(LogitErrors, Tensor<2>)>, embedded: Option<(Vec<u32>, Tensor<2>)>) -> Gradient {
    Gradient::Rows(Box::new(RowGradient { read, embedded, penalty: None, factor: 1.0 }))
}

/// The joint norm of all gradients.
pub(crate) fn joint_norm(model: &mut LanguageModel, gradients: &Gradients) -> f64 {
    let mut squares = Vec::with_capacity(gradients.len());
    with_parameters(model, gradients.iter(), &mut |(_, gradient), tensor| squares.push(gradient.square(tensor)));
    squares.iter().sum::<f64>().sqrt()
}

/// Moves the named parameters by their gradients.
pub(crate) fn update(model: &mut LanguageModel, optimizer: &mut Optimizer, gradients: Gradients) {
    with_parameters(model, gradients.into_iter(), &mut |(name, gradient), tensor| {
        optimizer.update(&name, tensor, gradient)
    });
}

/// Calls `with` for each gradient and its parameter. Gradients of a layer must come together, in the order of the layer.
fn with_parameters<T: Borrow<(String, Gradient)>>(
    model: &mut LanguageModel,
    all: impl Iterator<Item = T>,
    with: &mut dyn FnMut(T, &mut Tensor<2>),
) {
    let mut all = all.peekable();
    while let Some((name, _)) = all.peek().map(Borrow::borrow) {
        let index = name.strip_prefix("model.layers.").and_then(|rest| rest.split('.').next()?.parse::<usize>().ok());
        if let Some(index) = index {
            let prefix = format!("model.layers.{index}.");
            model.layers[index].visit_mut(&mut |below, _, tensor| {
                if let Some(item) = all.next_if(|item| item.borrow().0.strip_prefix(&prefix) == Some(below)) {
                    with(item, tensor);
                }
            });
        } else if let Some(item) = all.next() {
            let tensor = match item.borrow().0.as_str() {
                "model.norm.weight" => &mut model.norm,
                "lm_head.weight" => model.readout.as_mut().unwrap_or(&mut model.embedding),
                _ => &mut model.embedding,
            };
            with(item, tensor);
        }
    }
}
