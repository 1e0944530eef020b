//! Opens a pretrained model on disk: a folder in Hugging Face's layout, or a GGUF file.

mod leftovers;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::config::ModelConfig;
use crate::error::{LmError, Result, quoted};
use crate::file_kind::{head_of, wrong_tensors};
use crate::tokenizer::Tokenizer;
use crate::weights::{GgufFile, INDEX, SINGLE, Weights, gguf_weights, open_weights_folder};
use leftovers::{Leftover, foreign, leftover};

const CONFIG: &str = "config.json";
/// The readout, if it is not the embedding.
const HEAD: &str = "lm_head.weight";
/// Endings of files in which other programs keep weights, and of parts of several.
const OTHERS: [&str; 11] =
    [".safetensors", ".bin", ".pth", ".pt", ".ckpt", ".onnx", ".h5", ".msgpack", ".tflite", ".pkl", ".npz"];
const EXPECTED: &str = "a folder with config.json, tokenizer.json and model.safetensors, or a .gguf file";

/// A model whose files are open and consistent with each other; its weights are yet to be read.
pub struct ModelFiles {
    /// The sizes and constants.
    pub config: ModelConfig,
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// The weights, which include every tensor of the configuration in its shape.
    pub weights: Weights,
    /// The folder, or the GGUF file.
    pub path: PathBuf,
    /// Notes for the user, one line each: a readout that the configuration does not mention, tensors that are not used.
    pub notes: Vec<String>,
}

/// Opens a model: a folder in Hugging Face's layout, a GGUF file, or a folder that holds exactly one GGUF file.
///
/// Reads configuration, tokenizer and headers, but no weights, unless a readout has to be compared with the embedding.
///
/// # Errors
/// A path that is none of these; a model that is not supported, with the field or key that says so; a file that is absent, cut
/// short or damaged; a tensor that is missing or does not have the shape of the configuration, or that would change the model
/// although the configuration does not mention it; a tokenizer that does not belong to the model.
pub fn open_model(path: &Path) -> Result<ModelFiles> {
    let metadata = fs::metadata(path).map_err(|e| LmError::read(path, e))?;
    if metadata.is_file() {
        let (magic, _) = head_of(path, 4).map_err(|e| LmError::read(path, e))?;
        return match magic == b"GGUF" {
            true => open_gguf(path),
            false => Err(wrong_tensors(path, format!("is no GGUF file: expected {EXPECTED}"))),
        };
    }
    let has = |name: &str| path.join(name).is_file();
    if has(CONFIG) && (has(SINGLE) || has(INDEX)) {
        return open_folder(path);
    }
    let files = gguf_files(path)?;
    match files.as_slice() {
        [only] => open_gguf(only),
        [] => Err(LmError::bad_file(path, format!("{}: expected {EXPECTED}", what_is_missing(path)))),
        [first, second, ..] => {
            let name = |file: &Path| quoted(&file.file_name().unwrap_or_default().to_string_lossy());
            let (count, first, second) = (files.len(), name(first), name(second));
            let problem = format!("holds {count} GGUF files, {first} and {second} among them: name the one to open");
            Err(LmError::bad_file(path, problem))
        }
    }
}

/// What a folder lacks to be a model, and what it has instead.
fn what_is_missing(path: &Path) -> String {
    let has = |name: &str| path.join(name).is_file();
    if has(SINGLE) || has(INDEX) {
        return format!("has no {CONFIG}");
    }
    let mut others: Vec<String> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| OTHERS.iter().any(|ending| name.ends_with(ending)) && has(name))
        .collect();
    others.sort();
    let others = match others.first() {
        Some(name) if name.ends_with(".safetensors") && has("adapter_config.json") => {
            return "is an adapter, no model: give the model that it was trained on, and this with --adapter"
                .to_owned();
        }
        Some(name) if name.ends_with(".safetensors") => format!(" ({} needs the index of all parts)", quoted(name)),
        Some(name) if name == "pytorch_model.bin" => format!(" ({name} is not read)"),
        Some(name) => format!(" ({} is not read)", quoted(name)),
        None => String::new(),
    };
    match has(CONFIG) || !others.is_empty() {
        true => format!("has no {SINGLE} and no {INDEX}{others}"),
        false => "holds no model".to_owned(),
    }
}

fn open_folder(path: &Path) -> Result<ModelFiles> {
    let config_path = path.join(CONFIG);
    let text = fs::read(&config_path).map_err(|e| LmError::read(&config_path, e))?;
    let mut config = ModelConfig::from_json(&text, &config_path)?;
    let weights = open_weights_folder(path)?;
    let names = weights.names();
    if let Some(problem) = names.iter().find_map(|name| foreign(name)) {
        return Err(LmError::bad_file(weights.path(), problem));
    }
    let mut notes = Vec::new();
    let has_head = weights.shape(HEAD).is_some();
    if config.tie_word_embeddings && has_head && !is_embedding(&weights, &config)? {
        config.tie_word_embeddings = false;
        notes.push(format!(
            "{}: {HEAD} differs from the embedding, although {CONFIG} says tie_word_embeddings: it is used, as by Transformers 5",
            path.display()
        ));
    }
    let expected = check_tensors(&weights, &config)?;
    let mut unused = Vec::new();
    for name in names.iter().filter(|name| !expected.contains(*name) && *name != HEAD) {
        match leftover(name, &config) {
            Leftover::Constant => {}
            Leftover::Unused => unused.push(quoted(name)),
            Leftover::Refused(problem) => return Err(LmError::bad_file(weights.path(), problem)),
        }
    }
    if !unused.is_empty() {
        notes.push(format!("{}: not used: {}", path.display(), unused.join(", ")));
    }
    notes.extend(notes_on_folder(path, &text));
    let tokenizer = Tokenizer::from_folder(path)?.limit_to(config.vocab_size)?;
    Ok(ModelFiles { config, tokenizer, weights, path: path.to_owned(), notes })
}

/// Notes on contents of a folder that Transformers would use and this program does not.
fn notes_on_folder(path: &Path, config: &[u8]) -> Vec<String> {
    let mut notes = Vec::new();
    let fields: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_slice(config).ok();
    let own_code = fields.as_ref().and_then(|fields| fields.get("auto_map")).filter(|value| !value.is_null());
    if own_code.is_some() {
        let what = "auto_map names code of the model's own, which is not run: it is computed as its model_type says";
        notes.push(format!("{}: {what}", path.join(CONFIG).display()));
    }
    if path.join("adapter_config.json").is_file() {
        notes.push(format!("{}: the adapter beside the model is not used", path.display()));
    }
    notes
}

fn open_gguf(path: &Path) -> Result<ModelFiles> {
    let file = GgufFile::open(path)?;
    let mut config = ModelConfig::from_gguf(&file)?;
    let tokenizer = Tokenizer::from_gguf(&file.metadata)?.limit_to(config.vocab_size)?;
    let weights = gguf_weights(file, &config)?;
    let expected = check_tensors(&weights, &config)?;
    if let Some(name) = weights.names().into_iter().find(|name| !expected.contains(name)) {
        let problem = format!("tensor {} is no part of the model that the configuration describes", quoted(&name));
        return Err(LmError::bad_file(weights.path(), problem));
    }
    // A readout that repeats the embedding is a tied one.
    config.tie_word_embeddings = config.tie_word_embeddings || is_embedding(&weights, &config)?;
    Ok(ModelFiles { config, tokenizer, weights, path: path.to_owned(), notes: Vec::new() })
}

/// Whether the readout in a file equals its embedding matrix, number by number.
fn is_embedding(weights: &Weights, config: &ModelConfig) -> Result<bool> {
    let shape = [config.vocab_size, config.hidden_size];
    weights.are_same(HEAD, "model.embed_tokens.weight", &shape)
}

/// The names of all tensors of the model. Refuses the first that is missing or misshapen, so an absurd number of layers costs nothing.
fn check_tensors(weights: &Weights, config: &ModelConfig) -> Result<HashSet<String>> {
    let mut expected = HashSet::new();
    for (name, shape) in config.tensors() {
        weights.check(&name, &shape)?;
        expected.insert(name);
    }
    Ok(expected)
}

fn gguf_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut files: Vec<PathBuf> = paths.map_err(|e| LmError::read(folder, e))?;
    let is_gguf = |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
    files.retain(|path| is_gguf(path) && path.is_file());
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests;
