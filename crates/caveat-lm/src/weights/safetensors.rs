//! Opens weights in safetensors files: one, or several with an index.
//!
//! Format: eight bytes of header length, a JSON header, the tensors one after another without gaps.
//! Source: <https://huggingface.co/docs/safetensors/index#format>; the `safetensors` crate parses and checks the header.

use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Component, Path};
use std::sync::Arc;

use safetensors::tensor::{Dtype, Metadata};
use serde::Deserialize;

use super::element::Element;
use super::tensor_file::{Stored, TensorFile};
use super::tensors::{Entry, Weights};
use crate::error::{LmError, Result, one_line, quoted};
use crate::file_kind::{wrong_json, wrong_tensors};

/// The name of the only file.
pub(crate) const SINGLE: &str = "model.safetensors";
/// The name of the index of several files.
pub(crate) const INDEX: &str = "model.safetensors.index.json";
/// The longest header that the format allows, in bytes.
const LONGEST_HEADER: u64 = 100_000_000;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Opens the weights of a folder: `model.safetensors`, or the files that `model.safetensors.index.json` names.
pub(crate) fn open_weights_folder(folder: &Path) -> Result<Weights> {
    let single = folder.join(SINGLE);
    match single.exists() {
        true => open_safetensors(&single),
        false => open_index(folder, &folder.join(INDEX)),
    }
}

/// Opens one file, whatever its name.
pub(crate) fn open_safetensors(path: &Path) -> Result<Weights> {
    Ok(Weights::new(path, read_header(TensorFile::open(path)?)?))
}

fn open_index(folder: &Path, path: &Path) -> Result<Weights> {
    let text = fs::read(path).map_err(|e| LmError::read(path, e))?;
    let index: Index = serde_json::from_slice(&text).map_err(|e| {
        let problem = format!("is no index of safetensors files ({}): expected a weight_map", one_line(e));
        wrong_json(path, &text, problem)
    })?;
    if index.weight_map.is_empty() {
        return Err(LmError::bad_file(path, "weight_map is empty: expected the file of every tensor"));
    }
    let mut files: HashMap<String, BTreeMap<String, Entry>> = HashMap::new();
    let mut tensors = BTreeMap::new();
    for (name, file_name) in index.weight_map {
        let in_folder = folder.join(&file_name);
        let entries = match files.entry(file_name) {
            Occupied(known) => known.into_mut(),
            Vacant(new) if is_plain_name(new.key()) => new.insert(read_header(TensorFile::open(&in_folder)?)?),
            Vacant(new) => {
                let problem = format!("names the file {}: expected one of this folder", quoted(new.key()));
                return Err(LmError::bad_file(path, problem));
            }
        };
        let Some(entry) = entries.remove(&name) else {
            let problem = format!("has no tensor {}, which {INDEX} places there", quoted(&name));
            return Err(LmError::bad_file(&in_folder, problem));
        };
        tensors.insert(name, entry);
    }
    // Tensors that the index does not mention count all the same.
    for (file_name, entries) in files {
        for (name, entry) in entries {
            if tensors.insert(name.clone(), entry).is_some() {
                let problem = format!("has tensor {}, which {INDEX} places in another file", quoted(&name));
                return Err(LmError::bad_file(&folder.join(file_name), problem));
            }
        }
    }
    Ok(Weights::new(folder, tensors))
}

/// Reads and checks a header: its tensors must lie one after another, each as long as its shape and type say, up to the end of the
/// file.
fn read_header(file: TensorFile) -> Result<BTreeMap<String, Entry>> {
    let file = Arc::new(file);
    let bad = |problem: String| LmError::bad_file(&file.path, format!("{problem}: expected a safetensors file"));
    // A file that is not safetensors at all is called what it is.
    let wrong = |problem: String| wrong_tensors(&file.path, format!("{problem}: expected a safetensors file"));
    let size = file.size;
    let Some(most) = size.checked_sub(8) else {
        return Err(wrong(format!("has {size} bytes, too few for the length of a header")));
    };
    let mut length = [0; 8];
    file.read_bytes(0, &mut length)?;
    let length = u64::from_le_bytes(length);
    if length > most || length > LONGEST_HEADER {
        let mut first = [0];
        let is_cut = length <= LONGEST_HEADER && file.read_bytes(8, &mut first).is_ok() && first == *b"{";
        let cut = if is_cut { ", it was cut short" } else { "" };
        let problem = format!("announces a header of {length} bytes, the file has {size}{cut}");
        return Err(if is_cut { bad(problem) } else { wrong(problem) });
    }
    let mut header = vec![0; length as usize];
    file.read_bytes(8, &mut header)?;
    // The crate checks that offsets follow each other from 0 without gaps and fit shape and type, without overflow.
    let metadata: Metadata =
        serde_json::from_slice(&header).map_err(|e| bad(format!("bad header ({})", one_line(e))))?;
    let (announced, found) = (metadata.data_len() as u64, most - length);
    if announced != found {
        let cut = if announced > found { ", it was cut short" } else { "" };
        let problem = format!("announces {announced} bytes of tensors, the file has {found} after the header{cut}");
        return Err(bad(problem));
    }
    let entries = metadata.tensors().into_iter().map(|(name, info)| {
        let element = match info.dtype {
            Dtype::F64 => Ok(Element::F64),
            Dtype::F32 => Ok(Element::F32),
            Dtype::F16 => Ok(Element::F16),
            Dtype::BF16 => Ok(Element::Bf16),
            other => Err(format!("has type {other:?}: expected F32, F16, BF16 or F64")),
        };
        let offset = 8 + length + info.data_offsets.0 as u64;
        // That this product does not overflow has just been checked.
        let count = info.shape.iter().product();
        let stored = element.map(|element| Stored { element, count, offset });
        (name, Entry { file: Arc::clone(&file), shape: info.shape.clone(), stored, interleaved_heads: None })
    });
    Ok(entries.collect())
}

/// Whether a name in an index is that of a file in the folder.
fn is_plain_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!((components.next(), components.next()), (Some(Component::Normal(only)), None) if only == name)
}

#[cfg(test)]
mod tests;
