//! The weights of a model, read tensor by tensor from safetensors or GGUF files.
//!
//! Nothing is memory-mapped: headers are read and checked when a file is opened, and each tensor when it is asked for. Sizes in
//! headers are checked against the size of the file before anything is allocated.

mod blocks;
mod element;
pub(crate) mod gguf;
mod safetensors;
mod tensor_file;

use std::path::Path;

use crate::error::{LmError, Result, quoted};

pub(crate) use self::gguf::{GgufFile, GgufWeights};
pub(crate) use self::safetensors::{INDEX, SINGLE, SafetensorsWeights};

/// Named tensors of a model, read one at a time as `f32`.
///
/// Names are those of Hugging Face (`model.layers.0.self_attn.q_proj.weight`, `model.embed_tokens.weight`, `lm_head.weight`,
/// `model.norm.weight`, …). Matrices are row-major, one row per output; the rows of queries and keys are in Hugging Face's order,
/// whose rotary embedding pairs the halves of a head, whatever the order in the file.
pub trait Weights: Send + Sync {
    /// The file, or the folder of several.
    fn path(&self) -> &Path;

    /// The names of all tensors, sorted.
    fn names(&self) -> Vec<String>;

    /// The shape of a tensor, rows first, if there is one of that name.
    fn shape(&self, name: &str) -> Option<Vec<usize>>;

    /// The numbers of a tensor, row-major and all finite. Memory: four bytes a number, and at most 2 MiB beside them.
    ///
    /// # Errors
    /// No tensor of that name, another shape than `expected_shape`, a storage type that this program does not read, numbers that
    /// are NaN or infinite, or a file that cannot be read or has been cut short since it was opened.
    fn read(&self, name: &str, expected_shape: &[usize]) -> Result<Vec<f32>>;

    /// Whether two tensors of a shape hold the same numbers. Of those stored alike, only parts are in memory at a time.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn are_same(&self, a: &str, b: &str, expected_shape: &[usize]) -> Result<bool>;
}

/// The entry of a tensor, given with its shape; refuses one that is absent or of another shape than the model needs.
pub(crate) fn checked<'a, E>(
    path: &Path,
    name: &str,
    found: Option<(&'a E, &[usize])>,
    expected: &[usize],
) -> Result<&'a E> {
    let problem = match found {
        Some((entry, shape)) if shape == expected => return Ok(entry),
        Some((_, shape)) => {
            format!("tensor {} has shape {shape:?}: the model's configuration makes it {expected:?}", quoted(name))
        }
        None => format!("there is no tensor {}: the model needs one of shape {expected:?}", quoted(name)),
    };
    Err(LmError::bad_file(path, problem))
}
