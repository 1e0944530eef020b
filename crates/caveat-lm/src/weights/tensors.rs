//! The tensors of a model by name, whatever files they lie in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tensor_file::{Stored, TensorFile, are_same_bytes};
use crate::error::{LmError, Result, quoted};

/// Named tensors of a model, read one at a time as `f32`.
///
/// Names are those of Hugging Face (`model.layers.0.self_attn.q_proj.weight`, `model.embed_tokens.weight`, `lm_head.weight`,
/// `model.norm.weight`, …). Matrices are row-major, one row per output. Rows of queries and keys are in Hugging Face's order, in
/// which rotary embedding pairs the halves of a head, whatever their order in the file.
#[derive(Debug)]
pub struct Weights {
    path: PathBuf,
    tensors: BTreeMap<String, Entry>,
}

/// A tensor in a file.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) file: Arc<TensorFile>,
    /// Rows first.
    pub(crate) shape: Vec<usize>,
    /// Where its numbers lie, or why they cannot be read.
    pub(crate) stored: std::result::Result<Stored, String>,
    /// The number of heads whose rows are interleaved, for queries and keys of Llama in GGUF files.
    pub(crate) interleaved_heads: Option<usize>,
}

impl Weights {
    pub(crate) fn new(path: &Path, tensors: BTreeMap<String, Entry>) -> Self {
        Self { path: path.to_owned(), tensors }
    }

    /// The file, or the folder of several.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    /// The shape of the tensor of this name, rows first, if there is one.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|entry| entry.shape.as_slice())
    }

    /// The numbers of a tensor, row-major and all finite. Memory: four bytes per number, and at most 2 MiB besides.
    ///
    /// # Errors
    /// No tensor of that name; another shape than `expected_shape`; a storage type that this program does not read; numbers that
    /// are NaN or infinite; a file that cannot be read or has been cut short since it was opened.
    pub fn read(&self, name: &str, expected_shape: &[usize]) -> Result<Vec<f32>> {
        let (entry, stored) = self.stored(name, expected_shape)?;
        let numbers = entry.file.read_tensor(name, stored)?;
        let Some(heads) = entry.interleaved_heads else { return Ok(numbers) };
        let rows = entry.shape.first().copied().unwrap_or(0);
        halves_apart(&numbers, rows, heads).ok_or_else(|| {
            let problem = format!("tensor {} has {rows} rows: {heads} heads cannot share them in pairs", quoted(name));
            LmError::bad_file(&self.path, problem)
        })
    }

    /// Whether two tensors of one shape hold the same numbers. If both are stored in the same way, only parts are in memory at a time.
    pub(crate) fn are_same(&self, a: &str, b: &str, expected_shape: &[usize]) -> Result<bool> {
        let (first, second) = (self.stored(a, expected_shape)?, self.stored(b, expected_shape)?);
        match first.1.element == second.1.element {
            true => are_same_bytes((&first.0.file, first.1), (&second.0.file, second.1)),
            false => Ok(self.read(a, expected_shape)? == self.read(b, expected_shape)?),
        }
    }

    /// The entry of a tensor; refuses one that is absent or does not have the shape that the model needs.
    pub(crate) fn check(&self, name: &str, expected: &[usize]) -> Result<&Entry> {
        let problem = match self.tensors.get(name) {
            Some(entry) if entry.shape == expected => return Ok(entry),
            Some(Entry { shape, .. }) => {
                format!("tensor {} has shape {shape:?}: the model's configuration makes it {expected:?}", quoted(name))
            }
            None => format!("there is no tensor {}: the model needs one of shape {expected:?}", quoted(name)),
        };
        Err(LmError::bad_file(&self.path, problem))
    }

    fn stored(&self, name: &str, expected: &[usize]) -> Result<(&Entry, &Stored)> {
        let entry = self.check(name, expected)?;
        let refuse = |problem| LmError::bad_file(&entry.file.path, format!("tensor {} {problem}", quoted(name)));
        Ok((entry, entry.stored.as_ref().map_err(refuse)?))
    }
}

/// Reorders the rows of queries or keys from Llama's GGUF files, where rotary embedding pairs neighbors, as in Hugging Face's
/// files, where it pairs the halves of a head: row 2j + h of a head becomes row h · d/2 + j.
///
/// `None` if the heads do not divide the rows evenly, or have an odd number of rows each.
/// Source: `permute` in <https://github.com/ggml-org/llama.cpp>, `convert_hf_to_gguf.py`, of which this is the inverse.
fn halves_apart(numbers: &[f32], rows: usize, heads: usize) -> Option<Vec<f32>> {
    let head = rows.checked_div(heads).filter(|head| head * heads == rows && head.is_multiple_of(2) && *head > 0)?;
    let width = numbers.len() / rows;
    let mut sorted = Vec::with_capacity(numbers.len());
    for row in 0..rows {
        let (first, k) = (row / head * head, row % head);
        let source = first + k % (head / 2) * 2 + k / (head / 2);
        sorted.extend_from_slice(&numbers[source * width..(source + 1) * width]);
    }
    Some(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_rows_come_apart_into_halves_head_by_head() {
        // Two heads of four rows of one number; the value is the row where it belongs.
        let interleaved = [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0];
        assert_eq!(halves_apart(&interleaved, 8, 2).unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        // Rows of two numbers move whole.
        let rows = [0.0, 0.5, 2.0, 2.5, 1.0, 1.5, 3.0, 3.5];
        assert_eq!(halves_apart(&rows, 4, 1).unwrap(), [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]);
        assert_eq!(halves_apart(&[0.0; 6], 6, 2), None);
        assert_eq!(halves_apart(&[0.0; 6], 6, 4), None);
        assert_eq!(halves_apart(&[0.0; 6], 6, 0), None);
        assert_eq!(halves_apart(&[], 0, 2), None);
    }
}
