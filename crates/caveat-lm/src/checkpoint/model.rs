//! A whole model as a folder that Transformers loads: config.json, model.safetensors and the tokenizer.

use std::fs;
use std::path::Path;

use burn::tensor::Tensor;

use super::folder::{write_folder, write_text};
use super::model_config::config_json;
use super::tensors::{read_numbers, write_tensors};
use crate::config::ModelConfig;
use crate::error::{LmError, Result, quoted};
use crate::model::{LanguageModel, Layer, Linear};
use crate::model_files::ModelFiles;
use crate::training::LoraModule;

const CONFIG: &str = "config.json";
const TENSORS: &str = "model.safetensors";
const TOKENIZER: &str = "tokenizer.json";
/// Files of a source folder that concern text, not weights; copied where they exist.
const BESIDE: [&str; 4] =
    ["tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja", "generation_config.json"];
/// Makes Transformers use tokenizer.json as it is.
const TOKENIZER_CONFIG: &str = "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\"\n}\n";

/// Saves a model as the new folder `folder`, with its weights in f32.
///
/// The tokenizer, and what config.json says besides, are those of `source`, from which the model was loaded. Adapters are merged
/// into their weights. A readout that was trained separately from the embedding is saved as `lm_head.weight`. `progress` gets the
/// count of numbers written so far and the total. At most one tensor at a time is held twice.
///
/// # Errors
/// A name that is taken; weights that are not finite; a model from a GGUF file that config.json cannot describe; a source that no
/// longer exists; a system error.
pub fn save_model(
    folder: &Path,
    model: &LanguageModel,
    source: &ModelFiles,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    let config = ModelConfig { tie_word_embeddings: model.readout.is_none(), ..model.config.clone() };
    let from = source.path.is_dir().then_some(source.path.as_path());
    let description = config_json(&config, from.map(|folder| folder.join(CONFIG)).as_deref())?;
    let tensors: Vec<(String, Vec<usize>)> = config.tensors().collect();
    let numbers = |shape: &[usize]| shape.iter().product::<usize>() as u64;
    let total = tensors.iter().map(|(_, shape)| numbers(shape)).sum();
    let mut done = 0;
    write_folder(folder, |folder| {
        write_text(&folder.join(CONFIG), &description)?;
        match from {
            Some(source) => copy_tokenizer(source, folder)?,
            None => {
                write_text(&folder.join(TOKENIZER), &source.tokenizer.to_json()?)?;
                write_text(&folder.join("tokenizer_config.json"), TOKENIZER_CONFIG)?;
            }
        }
        write_tensors(&folder.join(TENSORS), &tensors, |name| {
            let Some(tensor) = tensor(model, name) else {
                return Err(LmError::Failed(format!("the model has no tensor {}", quoted(name))));
            };
            let values = read_numbers(tensor, name)?;
            done += values.len() as u64;
            progress(done, total);
            Ok(values)
        })
    })
}

fn copy_tokenizer(source: &Path, folder: &Path) -> Result<()> {
    let beside = BESIDE.into_iter().filter(|name| source.join(name).is_file());
    for name in std::iter::once(TOKENIZER).chain(beside) {
        let (from, to) = (source.join(name), folder.join(name));
        let text = fs::read_to_string(&from).map_err(|e| LmError::read(&from, e))?;
        write_text(&to, &text)?;
    }
    Ok(())
}

/// The tensor of this name in Hugging Face's models, in their layout, [out, in]; vectors are [1, width].
fn tensor(model: &LanguageModel, name: &str) -> Option<Tensor<2>> {
    match name {
        "model.embed_tokens.weight" => return Some(model.embedding.clone()),
        "model.norm.weight" => return Some(model.norm.clone()),
        "lm_head.weight" => return model.readout.clone(),
        _ => {}
    }
    let (layer, name) = name.strip_prefix("model.layers.")?.split_once('.')?;
    let layer: &Layer = model.layers.get(layer.parse::<usize>().ok()?)?;
    match name {
        "input_layernorm.weight" => Some(layer.attention_norm.clone()),
        "post_attention_layernorm.weight" => Some(layer.mlp_norm.clone()),
        "self_attn.q_norm.weight" => layer.q_norm.clone(),
        "self_attn.k_norm.weight" => layer.k_norm.clone(),
        _ => {
            let (matrix, kind) = name.rsplit_once('.')?;
            let linear = layer.module(*LoraModule::ALL.iter().find(|module| module.path() == matrix)?);
            match kind {
                "weight" => Some(merged(linear).transpose()),
                "bias" => linear.bias.clone(),
                _ => None,
            }
        }
    }
}

/// The weight with its adapter's update, [in, out].
fn merged(linear: &Linear) -> Tensor<2> {
    match &linear.adapter {
        None => linear.weight.clone(),
        Some(adapter) => linear.weight.clone() + adapter.a.clone().matmul(adapter.b.clone()) * adapter.scale,
    }
}
