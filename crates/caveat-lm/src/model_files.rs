//! A pretrained model as it lies on disk: a folder in Hugging Face's layout, or a GGUF file.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::config::ModelConfig;
use crate::error::{LmError, Result, quoted};
use crate::tokenizer::Tokenizer;
use crate::weights::{GgufFile, GgufWeights, INDEX, SINGLE, SafetensorsWeights, Weights, checked};

const CONFIG: &str = "config.json";
const EXPECTED: &str = "a folder with config.json, tokenizer.json and model.safetensors, or a .gguf file";

/// A model whose files are open and have been checked against each other; its weights are still to be read.
pub struct ModelFiles {
    /// The sizes and constants.
    pub config: ModelConfig,
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// The weights, which have every tensor of the configuration, in its shape.
    pub weights: Box<dyn Weights>,
    /// The folder, or the GGUF file.
    pub path: PathBuf,
}

/// Opens a model: a folder in Hugging Face's layout, a GGUF file, or a folder that holds exactly one GGUF file.
///
/// Reads configuration, tokenizer and headers, but no weights.
///
/// # Errors
/// A path that is none of these; a model that is not supported, with the field or key that says so; a file that is absent, cut
/// short or damaged; a tensor that is missing or has another shape than the configuration gives it, or that the configuration does
/// not foresee within a layer; a tokenizer that does not belong to the model.
pub fn open_model(path: &Path) -> Result<ModelFiles> {
    let metadata = fs::metadata(path).map_err(|e| LmError::read(path, e))?;
    if metadata.is_file() {
        return match begins_like_gguf(path)? {
            true => open_gguf(path),
            false => Err(LmError::bad_file(path, format!("is no GGUF file: expected {EXPECTED}"))),
        };
    }
    let has = |name: &str| path.join(name).is_file();
    if has(CONFIG) && (has(SINGLE) || has(INDEX)) {
        return open_folder(path);
    }
    let files = gguf_files(path)?;
    match files.as_slice() {
        [only] => open_gguf(only),
        [] if has(CONFIG) => {
            let pickled = if has("pytorch_model.bin") { " (pytorch_model.bin is not read)" } else { "" };
            Err(LmError::bad_file(path, format!("has no {SINGLE} and no {INDEX}{pickled}: expected {EXPECTED}")))
        }
        [] if has(SINGLE) || has(INDEX) => {
            Err(LmError::bad_file(path, format!("has no {CONFIG}: expected {EXPECTED}")))
        }
        [] => Err(LmError::bad_file(path, format!("holds no model: expected {EXPECTED}"))),
        [first, second, ..] => {
            let name = |file: &Path| quoted(&file.file_name().unwrap_or_default().to_string_lossy());
            let (count, first, second) = (files.len(), name(first), name(second));
            let problem = format!("holds {count} GGUF files, {first} and {second} among them: name the one to open");
            Err(LmError::bad_file(path, problem))
        }
    }
}

fn open_folder(path: &Path) -> Result<ModelFiles> {
    let config_path = path.join(CONFIG);
    let text = fs::read(&config_path).map_err(|e| LmError::read(&config_path, e))?;
    let config = ModelConfig::from_json(&text, &config_path)?;
    let weights = SafetensorsWeights::open(path)?;
    let expected = check_tensors(&weights, &config)?;
    // Transformers leaves what it does not know aside. Within a layer that is computed, it would be left out of it.
    let unknown = weights.names().into_iter().find(|name| {
        let layer = name.strip_prefix("model.layers.").and_then(|rest| rest.split_once('.')?.0.parse::<usize>().ok());
        let computed = layer.is_some_and(|layer| layer < config.num_hidden_layers);
        // A constant that older versions stored.
        computed && !expected.contains(name) && !name.ends_with(".rotary_emb.inv_freq")
    });
    refuse_unknown(&weights, unknown)?;
    let tokenizer = Tokenizer::from_folder(path)?.limit_to(config.vocab_size)?;
    Ok(ModelFiles { config, tokenizer, weights: Box::new(weights), path: path.to_owned() })
}

fn open_gguf(path: &Path) -> Result<ModelFiles> {
    let file = GgufFile::open(path)?;
    let config = ModelConfig::from_gguf(&file)?;
    let tokenizer = Tokenizer::from_gguf(&file.metadata)?.limit_to(config.vocab_size)?;
    let weights = GgufWeights::new(file, &config)?;
    let expected = check_tensors(&weights, &config)?;
    refuse_unknown(&weights, weights.names().into_iter().find(|name| !expected.contains(name)))?;
    Ok(ModelFiles { config, tokenizer, weights: Box::new(weights), path: path.to_owned() })
}

/// Refuses weights that lack a tensor of the model, or have it in another shape; the names of all that it has otherwise.
///
/// Stops at the first that is missing, so a number of layers that no file can have costs nothing.
fn check_tensors(weights: &dyn Weights, config: &ModelConfig) -> Result<HashSet<String>> {
    let mut expected = HashSet::new();
    for (name, shape) in config.tensors() {
        let found = weights.shape(&name);
        checked(weights.path(), &name, found.as_deref().map(|found| (&(), found)), &shape)?;
        expected.insert(name);
    }
    Ok(expected)
}

fn refuse_unknown(weights: &dyn Weights, unknown: Option<String>) -> Result<()> {
    let Some(name) = unknown else { return Ok(()) };
    let problem = format!("tensor {} is no part of the model that the configuration describes", quoted(&name));
    Err(LmError::bad_file(weights.path(), problem))
}

fn begins_like_gguf(path: &Path) -> Result<bool> {
    let mut magic = Vec::new();
    let file = fs::File::open(path).map_err(|e| LmError::read(path, e))?;
    file.take(4).read_to_end(&mut magic).map_err(|e| LmError::read(path, e))?;
    Ok(magic == b"GGUF")
}

fn gguf_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| LmError::read(folder, e))? {
        let path = entry.map_err(|e| LmError::read(folder, e))?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf")) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests;
