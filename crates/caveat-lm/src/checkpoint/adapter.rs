//! LoRA adapters as folders in PEFT's format: adapter_config.json and adapter_model.safetensors.
//!
//! PEFT stores A as [rank, in] and B as [out, rank], named `base_model.model.` and the name of the adapted matrix; here they are
//! transposed. The folder holds nothing of the model itself, so an adapter needs the model it was trained on.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use caveat_theory::Named;
use serde::{Deserialize, Serialize};

use super::adapter_config::{AdapterConfig, Targets};
use super::folder::{write_folder, write_text};
use super::matrices;
use super::tensors::{read_numbers, write_tensors};
use crate::error::{LmError, Result, quoted};
use crate::model::{Adapter, LanguageModel};
use crate::training::LoraModule;
use crate::weights::open_safetensors;

const CONFIG: &str = "adapter_config.json";
const TENSORS: &str = "adapter_model.safetensors";
/// Names the weights that the adapter was trained on, for which PEFT has no field.
const TRAINED_ON: &str = "trained_on.json";

/// Describes an adapter that was loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct AdapterSummary {
    /// Rank of the updates.
    pub rank: usize,
    /// PEFT's lora_alpha: updates are scaled by alpha / rank.
    pub alpha: f64,
    /// Number of adapted matrices.
    pub n_matrices: usize,
    /// The model it says it was trained on: a name on the hub, or a path.
    pub base_model: Option<String>,
    /// The weights it was trained on, if this program trained it.
    pub trained_on: Option<TrainedOn>,
}

/// The weights that an adapter was trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainedOn {
    /// Their name, as in runs and tables.
    pub weights: String,
    /// Their SHA-256, as runs record it.
    pub weights_sha256: String,
}

/// The model that an adapter was trained on, as the adapter names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseModel {
    /// What PEFT loads: a name on the hub, or a path.
    pub name_or_path: String,
    /// The commit on the hub, if the weights are from there.
    pub revision: Option<String>,
    /// The weights.
    pub trained_on: TrainedOn,
}

/// The name of one half of an adapter, 'A' or 'B'.
fn half_name(full: &str, which: char) -> String {
    format!("base_model.model.{full}.lora_{which}.weight")
}

/// Adds the adapter in `folder` to a model, which must be the one it was trained on: only names and shapes can be checked.
///
/// For every matrix that the configuration names, the file must have both halves, and nothing else. On an error the model is left
/// unchanged.
///
/// # Errors
/// A model that already has an adapter; a folder without these files; a configuration of anything but plain LoRA; a tensor that is
/// missing, has the wrong shape, is not finite, or does not belong to such an adapter. The message names what is wrong.
pub fn load_adapter(model: &mut LanguageModel, folder: &Path) -> Result<AdapterSummary> {
    if matrices(model).any(|(layer, module, _)| model.layers[layer].module(module).adapter.is_some()) {
        return Err(LmError::invalid("the model has an adapter already: load one onto the model alone"));
    }
    let config_path = folder.join(CONFIG);
    let text = fs::read(&config_path).map_err(|e| LmError::read(&config_path, e))?;
    let config = AdapterConfig::from_json(&text, &config_path)?;
    let bad_config = |problem: String| LmError::bad_file(&config_path, problem);
    let all: Vec<String> = matrices(model).map(|(_, _, full)| full).collect();
    if let Some(name) = config.targets.unknown(&all) {
        let (name, known) = (quoted(name), LoraModule::list_arguments());
        return Err(bad_config(format!(
            "target_modules names {name}: expected matrices of the model's layers ({known})"
        )));
    }

    let path = folder.join(TENSORS);
    if !path.exists() && folder.join("adapter_model.bin").exists() {
        return Err(LmError::bad_file(folder, format!("has adapter_model.bin, which is not read: expected {TENSORS}")));
    }
    let weights = open_safetensors(&path)?;
    let adapted: Vec<_> = matrices(model).filter(|(_, _, full)| config.targets.include(full)).collect();
    let expected: HashSet<String> =
        adapted.iter().flat_map(|(_, _, full)| [half_name(full, 'A'), half_name(full, 'B')]).collect();
    if let Some(unknown) = weights.names().into_iter().find(|name| !expected.contains(name)) {
        return Err(LmError::bad_file(&path, unexpected(&unknown, model)));
    }
    let rank = config.rank;
    let scale = config.alpha / rank as f64;
    let mut adapters = Vec::with_capacity(adapted.len());
    for (layer, module, full) in adapted {
        let [inputs, outputs] = model.layers[layer].module(module).weight.dims();
        let read = |which, rows, columns| -> Result<Tensor<2>> {
            let values = transposed(&weights.read(&half_name(&full, which), &[rows, columns])?, columns);
            Ok(Tensor::from_data(TensorData::new(values, [columns, rows]), (&model.device, model.dtype)))
        };
        adapters.push((layer, module, Adapter { a: read('A', rank, inputs)?, b: read('B', outputs, rank)?, scale }));
    }
    let n_matrices = adapters.len();
    for (layer, module, adapter) in adapters {
        model.layers[layer].module_mut(module).adapter = Some(adapter);
    }
    // This file is optional.
    let trained_on = fs::read(folder.join(TRAINED_ON)).ok().and_then(|text| serde_json::from_slice(&text).ok());
    Ok(AdapterSummary { rank, alpha: config.alpha, n_matrices, base_model: config.base_model, trained_on })
}

/// What is wrong with a tensor that was not expected.
fn unexpected(name: &str, model: &LanguageModel) -> String {
    let layer = name.strip_prefix("base_model.model.model.layers.").and_then(|rest| rest.split('.').next());
    match layer.and_then(|layer| layer.parse::<usize>().ok()).filter(|&layer| layer >= model.layers.len()) {
        Some(_) => format!("tensor {} is of a layer beyond the model's {}", quoted(name), model.layers.len()),
        None => format!("tensor {} is neither half of an update that {CONFIG} names: expected no others", quoted(name)),
    }
}

/// The numbers, row-major, of the transpose of a matrix with `columns` columns.
fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| values.iter().skip(column).step_by(columns)).copied().collect()
}

/// Saves the adapters of a model as the new folder `folder`, which PEFT can load onto the model that `base` names.
///
/// # Errors
/// A model without adapters, or whose adapters differ in rank or scale; a name that is taken; a system error.
pub fn save_adapter(folder: &Path, model: &LanguageModel, base: &BaseModel) -> Result<()> {
    let adapted: Vec<_> = matrices(model)
        .filter_map(|(layer, module, full)| {
            model.layers[layer].module(module).adapter.as_ref().map(|adapter| (module, full, adapter))
        })
        .collect();
    let Some((_, _, first)) = adapted.first() else {
        return Err(LmError::invalid("the model has no adapter to save: one comes with fine-tuning by LoRA"));
    };
    let (rank, scale) = (first.a.dims()[1], first.scale);
    if adapted.iter().any(|(_, _, adapter)| adapter.a.dims()[1] != rank || adapter.scale != scale) {
        return Err(LmError::invalid("the model's adapters differ in rank or scale: expected one of each"));
    }
    // Short names suffice if each stands for the matrices of all layers.
    let modules: BTreeSet<&str> = adapted.iter().map(|(module, _, _)| module.name()).collect();
    let names: Vec<String> = match adapted.len() == modules.len() * model.layers.len() {
        true => modules.into_iter().map(str::to_owned).collect(),
        false => adapted.iter().map(|(_, full, _)| full.clone()).collect(),
    };
    let config = AdapterConfig {
        rank,
        alpha: without_rounding(scale * rank as f64),
        targets: Targets::Named(names),
        base_model: Some(base.name_or_path.clone()),
        revision: base.revision.clone(),
    };
    let mut tensors = Vec::with_capacity(2 * adapted.len());
    let mut halves = Vec::with_capacity(2 * adapted.len());
    for (_, full, adapter) in &adapted {
        for (which, tensor) in [('A', &adapter.a), ('B', &adapter.b)] {
            let [rows, columns] = tensor.dims();
            tensors.push((half_name(full, which), vec![columns, rows]));
            halves.push(tensor);
        }
    }
    let trained_on = serde_json::to_string_pretty(&base.trained_on).map_err(|e| LmError::write(folder, e))? + "\n";
    write_folder(folder, |folder| {
        write_text(&folder.join(CONFIG), &config.to_json())?;
        write_text(&folder.join(TRAINED_ON), &trained_on)?;
        let mut halves = halves.into_iter();
        write_tensors(&folder.join(TENSORS), &tensors, |name| match halves.next() {
            Some(tensor) => read_numbers(tensor.clone().transpose(), name),
            None => Ok(Vec::new()),
        })
    })
}

/// Rounds alpha if it is whole up to rounding: (alpha / rank) · rank can miss a whole number by an ulp.
fn without_rounding(alpha: f64) -> f64 {
    if (alpha - alpha.round()).abs() <= 4.0 * f64::EPSILON * alpha.abs() { alpha.round() } else { alpha }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transpose_of_a_transpose_is_the_matrix() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(transposed(&values, 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(transposed(&transposed(&values, 3), 2), values);
    }

    #[test]
    fn a_whole_alpha_survives_its_division_by_any_rank() {
        for rank in 1..200 {
            for alpha in 1..100 {
                let scale = f64::from(alpha) / f64::from(rank);
                assert_eq!(without_rounding(scale * f64::from(rank)), f64::from(alpha));
            }
        }
        assert_eq!(without_rounding(0.75), 0.75);
    }
}
