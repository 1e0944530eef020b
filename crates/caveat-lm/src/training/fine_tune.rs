//! Fine-tuning over epochs and batches, of all layers, of adapters, or of the readout alone.

use burn::tensor::Tensor;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha12Rng;

use super::lora::add_adapters;
use super::optimizer::Optimizer;
use super::readout::{Gradient, RowGradient, cross_entropy, squared_distance};
use super::settings::{Method, TrainingSettings};
use super::step::{Gradients, backpropagate, joint_norm, update};
use crate::error::{LmError, Result};
use crate::model::{LanguageModel, Part, transposed_product};
use crate::trie::PromptTrie;
use crate::vector::in_pool;

/// A prompt to learn, and the token that should follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Token ids of the prompt, at least one.
    pub prompt: Vec<u32>,
    /// The next token.
    pub target: u32,
}

/// The progress of training after a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Steps done.
    pub step: usize,
    /// Steps in all.
    pub steps: usize,
    /// Loss of the prompts of the step, before the step.
    pub loss: f64,
}

/// Fine-tunes a model in place and returns the loss before every step.
///
/// With [`Method::Lora`] the model gets adapters, which are not merged; with [`Method::Probe`] it gets an untied readout. For the
/// probe, `states` may provide the hidden states of the examples, [examples, hidden]; otherwise they are computed. `go_on` is called
/// after every step.
///
/// # Errors
/// [`LmError::Invalid`] for settings or prompts that cannot be used; [`LmError::Failed`] if the loss is not finite, and
/// [`LmError::Interrupted`] if `go_on` returns false, in which cases the model is partly trained.
pub fn fine_tune(
    model: &mut LanguageModel,
    examples: &[Example],
    settings: &TrainingSettings,
    states: Option<Tensor<2>>,
    go_on: &mut dyn FnMut(&StepReport) -> bool,
) -> Result<Vec<f64>> {
    settings.check()?;
    if settings.method == Method::None {
        return Ok(Vec::new());
    }
    let prompts: Vec<&[u32]> = examples.iter().map(|example| example.prompt.as_slice()).collect();
    model.check_prompts(&prompts)?;
    if examples.is_empty() {
        return Err(LmError::invalid("there are no training prompts: at least one is needed"));
    }
    let vocabulary = model.config().vocab_size;
    if let Some(example) = examples.iter().find(|example| example.target as usize >= vocabulary) {
        let target = example.target;
        return Err(LmError::invalid(format!("token {target} is to be learned, but the vocabulary has {vocabulary}")));
    }
    if let Method::Lora(lora) = &settings.method {
        add_adapters(model, lora, settings.seed);
    }
    train(model, examples, &batches(examples.len(), settings), settings, states, go_on)
}

/// The batches of all epochs, each a list of indices of examples.
fn batches(n_examples: usize, settings: &TrainingSettings) -> Vec<Vec<usize>> {
    let mut rng = ChaCha12Rng::seed_from_u64(settings.seed);
    let mut order: Vec<usize> = (0..n_examples).collect();
    let mut batches = Vec::with_capacity(settings.epochs * n_examples.div_ceil(settings.batch_size));
    for _ in 0..settings.epochs {
        if settings.shuffle {
            order.shuffle(&mut rng);
        }
        batches.extend(order.chunks(settings.batch_size).map(<[usize]>::to_vec));
    }
    batches
}

/// Trains one step on each batch. Adapters must have been added.
pub(crate) fn train(
    model: &mut LanguageModel,
    examples: &[Example],
    batches: &[Vec<usize>],
    settings: &TrainingSettings,
    states: Option<Tensor<2>>,
    go_on: &mut dyn FnMut(&StepReport) -> bool,
) -> Result<Vec<f64>> {
    let mut optimizer = Optimizer::new(settings.optimizer);
    match &settings.method {
        Method::None => Ok(Vec::new()),
        Method::Full => by_layers(model, examples, batches, settings, Part::Base, &mut optimizer, go_on),
        Method::Lora(_) => by_layers(model, examples, batches, settings, Part::Adapter, &mut optimizer, go_on),
        Method::Probe { l2 } => {
            let states = match states {
                Some(states) => states,
                None => {
                    let prompts: Vec<&[u32]> = examples.iter().map(|example| example.prompt.as_slice()).collect();
                    model.hidden_states(&prompts, &mut |_| ())?
                }
            };
            let mut probe = Probe::new(model, *l2);
            let losses = for_batches(batches, settings, &mut optimizer, go_on, &mut |batch, optimizer| {
                let rows = states.clone().select(0, model.nodes(batch));
                let targets: Vec<u32> = batch.iter().map(|&index| examples[index].target).collect();
                probe.step(&rows, &targets, optimizer, settings.clip_norm)
            });
            model.readout = Some(probe.readout);
            losses
        }
    }
}

fn by_layers(
    model: &mut LanguageModel,
    examples: &[Example],
    batches: &[Vec<usize>],
    settings: &TrainingSettings,
    trained: Part,
    optimizer: &mut Optimizer,
    go_on: &mut dyn FnMut(&StepReport) -> bool,
) -> Result<Vec<f64>> {
    for_batches(batches, settings, optimizer, go_on, &mut |batch, optimizer| {
        let prompts: Vec<&[u32]> = batch.iter().map(|&index| examples[index].prompt.as_slice()).collect();
        let targets: Vec<u32> = batch.iter().map(|&index| examples[index].target).collect();
        let trie = PromptTrie::new(&prompts);
        match settings.clip_norm {
            None => backpropagate(model, &trie, &targets, trained, &mut |model, gradients| {
                update(model, optimizer, gradients);
            }),
            Some(most) => {
                let mut all = Gradients::new();
                let loss = backpropagate(model, &trie, &targets, trained, &mut |_, gradients| all.extend(gradients));
                let factor = clip_factor(joint_norm(model, &all), most);
                let scaled = all.into_iter().map(|(name, gradient)| (name, gradient.scaled(factor))).collect();
                update(model, optimizer, scaled);
                loss
            }
        }
    })
}

/// Runs `step` on every batch, at the learning rate of the schedule.
fn for_batches(
    batches: &[Vec<usize>],
    settings: &TrainingSettings,
    optimizer: &mut Optimizer,
    go_on: &mut dyn FnMut(&StepReport) -> bool,
    step: &mut (dyn FnMut(&[usize], &mut Optimizer) -> f64 + Send),
) -> Result<Vec<f64>> {
    let steps = batches.len();
    let mut losses = Vec::with_capacity(steps);
    for batch in batches {
        optimizer.begin_step(settings.learning_rate * settings.schedule.factor(losses.len(), steps));
        let loss = in_pool(|| step(batch, optimizer));
        losses.push(loss);
        if !loss.is_finite() {
            let reason = format!("the loss is {loss} at step {} of {steps}: try a smaller learning rate", losses.len());
            return Err(LmError::Failed(reason));
        }
        if !go_on(&StepReport { step: losses.len(), steps, loss }) {
            return Err(LmError::Interrupted);
        }
    }
    Ok(losses)
}

/// A readout in training.
struct Probe {
    /// [vocabulary, hidden].
    readout: Tensor<2>,
    /// The readout before training; kept only if the distance from it is penalized.
    initial: Option<Tensor<2>>,
    l2: f64,
}

impl Probe {
    /// Starts with a copy of the model's readout.
    fn new(model: &LanguageModel, l2: f64) -> Self {
        let readout = model.readout().clone();
        Self { initial: (l2 > 0.0).then(|| readout.clone()), readout, l2 }
    }

    /// Takes a step on hidden states [prompts, hidden] with the next tokens `targets`, and returns the loss before it, which is the mean
    /// cross-entropy plus l2 · Σ(W − W₀)². `clip_norm` limits the norm of its gradient.
    fn step(&mut self, states: &Tensor<2>, targets: &[u32], optimizer: &mut Optimizer, clip_norm: Option<f64>) -> f64 {
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
fn clip_factor(norm: f64, most: f64) -> f64 {
    (most / (norm + 1e-6)).min(1.0)
}
