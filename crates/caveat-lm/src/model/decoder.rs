//! The whole decoder: embedding, layers, final normalization and readout, evaluated on packed prompts.

use std::collections::HashMap;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use super::{Layer, RotaryTables, Sequence, rms_norm, transposed_product};
use crate::config::ModelConfig;
use crate::error::{LmError, Result};
use crate::model_files::ModelFiles;
use crate::trie::{PromptTrie, pack};
use crate::vector::in_pool;

/// Most nodes computed at once in evaluation, which bounds memory for any number of prompts.
const MOST_NODES: usize = 2048;

/// A pretrained decoder on a device.
#[derive(Debug, Clone)]
pub struct LanguageModel {
    pub(crate) config: ModelConfig,
    pub(crate) device: Device,
    pub(crate) dtype: DType,
    /// [vocabulary, hidden].
    pub(crate) embedding: Tensor<2>,
    pub(crate) layers: Vec<Layer>,
    /// [1, hidden].
    pub(crate) norm: Tensor<2>,
    /// [vocabulary, hidden]; none if the embedding is also the readout.
    pub(crate) readout: Option<Tensor<2>>,
    pub(crate) rotary: RotaryTables,
}

impl LanguageModel {
    /// Builds a model. `read` gives the tensor of a Hugging Face name in the expected shape (row-major, [out, in]).
    pub(crate) fn build(
        config: &ModelConfig,
        device: &Device,
        dtype: DType,
        mut read: impl FnMut(&str, &[usize]) -> Result<Vec<f32>>,
    ) -> Result<Self> {
        let mut tensor = |name: &str, shape: &[usize]| -> Result<Tensor<2>> {
            let values = read(name, shape)?;
            let shape = if let &[rows, columns] = shape { [rows, columns] } else { [1, values.len()] };
            Ok(Tensor::from_data(TensorData::new(values, shape), (device, dtype)))
        };
        let vocabulary = [config.vocab_size, config.hidden_size];
        let embedding = tensor("model.embed_tokens.weight", &vocabulary)?;
        let mut layers = Vec::with_capacity(config.num_hidden_layers);
        for index in 0..config.num_hidden_layers {
            let mut found = HashMap::new();
            for (name, shape) in config.layer_tensors() {
                let tensor = tensor(&format!("model.layers.{index}.{name}"), &shape)?;
                found.insert(name, if shape.len() == 2 { contiguous_transpose(tensor) } else { tensor });
            }
            layers.push(Layer::from_tensors(found).ok_or_else(|| LmError::invalid("a layer lacks a tensor"))?);
        }
        let norm = tensor("model.norm.weight", &[config.hidden_size])?;
        let readout = match config.tie_word_embeddings {
            true => None,
            false => Some(tensor("lm_head.weight", &vocabulary)?),
        };
        let rotary = RotaryTables::new(config, dtype);
        Ok(Self { config: config.clone(), device: device.clone(), dtype, embedding, layers, norm, readout, rotary })
    }

    /// Reads the weights of a model onto a device, as f32.
    ///
    /// `progress` gets the count of numbers read so far and the total.
    ///
    /// # Errors
    /// A tensor that is missing, has another shape than the configuration says, or cannot be read.
    pub fn load(files: &ModelFiles, device: &Device, progress: &mut dyn FnMut(u64, u64)) -> Result<Self> {
        Self::load_as(files, device, DType::F32, progress)
    }

    /// [`Self::load`] in another precision; f64 serves to check gradients.
    pub(crate) fn load_as(
        files: &ModelFiles,
        device: &Device,
        dtype: DType,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self> {
        let numbers =
            |name: &String| files.weights.shape(name).map_or(0, |shape| shape.iter().product::<usize>() as u64);
        let total: u64 = files.weights.names().iter().map(numbers).sum();
        let mut done = 0;
        Self::build(&files.config, device, dtype, |name, shape| {
            let values = files.weights.read(name, shape)?;
            done += values.len() as u64;
            progress(done, total);
            Ok(values)
        })
    }

    /// The sizes and constants of the model.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The matrix that maps hidden states to logits, [vocabulary, hidden].
    pub(crate) fn readout(&self) -> &Tensor<2> {
        self.readout.as_ref().unwrap_or(&self.embedding)
    }

    pub(crate) fn tokens(&self, tokens: &[u32]) -> Tensor<1, Int> {
        self.indices(tokens.iter().map(|&token| i64::from(token)).collect())
    }

    pub(crate) fn nodes(&self, nodes: &[usize]) -> Tensor<1, Int> {
        self.indices(nodes.iter().map(|&node| node as i64).collect())
    }

    fn indices(&self, indices: Vec<i64>) -> Tensor<1, Int> {
        let n = indices.len();
        Tensor::from_data(TensorData::new(indices, [n]), &self.device)
    }

    pub(crate) fn sequence(&self, trie: &PromptTrie) -> Sequence {
        Sequence::new(trie, &self.rotary, &self.device)
    }

    /// Refuses prompts that the model cannot read: empty ones, unknown tokens, and more tokens than its context holds.
    pub(crate) fn check_prompts<P: AsRef<[u32]>>(&self, prompts: &[P]) -> Result<()> {
        for (index, prompt) in prompts.iter().enumerate() {
            let prompt = prompt.as_ref();
            let problem = if prompt.is_empty() {
                "has no tokens".to_owned()
            } else if prompt.len() > self.config.max_position_embeddings {
                let most = self.config.max_position_embeddings;
                format!("has {} tokens: the model reads at most {most}", prompt.len())
            } else if let Some(token) = prompt.iter().find(|&&token| token as usize >= self.config.vocab_size) {
                format!("has token {token}: the model's vocabulary has {}", self.config.vocab_size)
            } else {
                continue;
            };
            return Err(LmError::invalid(format!("prompt {} {problem}", index + 1)));
        }
        Ok(())
    }

    /// The hidden state at the end of each prompt, after the final normalization: [prompts, hidden]. Logits are read from it.
    ///
    /// # Errors
    /// [`LmError::Invalid`] for a prompt the model cannot read.
    pub fn hidden_states<P: AsRef<[u32]>>(&self, prompts: &[P], progress: &mut dyn FnMut(usize)) -> Result<Tensor<2>> {
        self.check_prompts(prompts)?;
        let mut states = Vec::new();
        for (range, trie) in pack(prompts, MOST_NODES) {
            states.push(in_pool(|| {
                let sequence = self.sequence(&trie);
                let mut x = self.embedding.clone().select(0, self.tokens(&trie.tokens));
                for layer in &self.layers {
                    x = layer.forward(x, &sequence, &self.config);
                }
                let ends = x.select(0, self.nodes(&trie.leaves));
                rms_norm(ends, self.norm.clone(), self.config.rms_norm_eps)
            }));
            progress(range.end);
        }
        Ok(Tensor::cat(states, 0))
    }

    /// The logits [rows, vocabulary] of hidden states [rows, hidden].
    pub fn logits(&self, hidden_states: Tensor<2>) -> Tensor<2> {
        transposed_product(hidden_states, self.readout().clone())
    }
}

fn contiguous_transpose(weight: Tensor<2>) -> Tensor<2> {
    let [rows, columns] = weight.dims();
    // Reshaping a transposed view copies it into a contiguous layout.
    weight.transpose().reshape([rows * columns]).reshape([columns, rows])
}
