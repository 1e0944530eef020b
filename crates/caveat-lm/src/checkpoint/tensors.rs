//! Writes tensors to a safetensors file one after another, so that at most one of them is held twice.

use std::collections::HashMap;
use std::path::Path;

use burn::tensor::Tensor;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use super::folder::write_file;
use crate::error::{LmError, Result, one_line, quoted};

/// Numbers converted to bytes at once.
const CHUNK: usize = 1 << 16;

/// Writes a safetensors file of f32 tensors, row-major, in the given order, asking `values` for the numbers of one tensor at a time.
/// Numbers that are not finite are an error, since such a file could not be read again.
pub(super) fn write_tensors(
    path: &Path,
    tensors: &[(String, Vec<usize>)],
    mut values: impl FnMut(&str) -> Result<Vec<f32>>,
) -> Result<()> {
    let mut end = 0;
    let mut infos = Vec::with_capacity(tensors.len());
    for (name, shape) in tensors {
        let start = end;
        end += shape.iter().product::<usize>() * size_of::<f32>();
        infos.push((name.clone(), TensorInfo { dtype: Dtype::F32, shape: shape.clone(), data_offsets: (start, end) }));
    }
    // Transformers needs to know which framework a file is laid out for.
    let framework = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let metadata = Metadata::new(Some(framework), infos).map_err(|e| LmError::write(path, one_line(e)))?;
    let mut header = serde_json::to_vec(&metadata).map_err(|e| LmError::write(path, one_line(e)))?;
    // Spaces after the header align the numbers to eight bytes, as the format requires.
    header.resize(header.len().next_multiple_of(8), b' ');
    write_file(path, |out| {
        let system = |e: std::io::Error| LmError::write(path, e);
        out.write_all(&(header.len() as u64).to_le_bytes()).map_err(system)?;
        out.write_all(&header).map_err(system)?;
        for (name, shape) in tensors {
            let numbers = values(name)?;
            let expected: usize = shape.iter().product();
            if numbers.len() != expected {
                let found = numbers.len();
                return Err(LmError::Failed(format!(
                    "tensor {} has {found} numbers: expected {expected}",
                    quoted(name)
                )));
            }
            if let Some(k) = numbers.iter().position(|x| !x.is_finite()) {
                let (name, value) = (quoted(name), numbers[k]);
                return Err(LmError::Failed(format!(
                    "tensor {name} is {value} at number {k}: only finite weights are saved"
                )));
            }
            for chunk in numbers.chunks(CHUNK) {
                let bytes: Vec<u8> = chunk.iter().flat_map(|x| x.to_le_bytes()).collect();
                out.write_all(&bytes).map_err(system)?;
            }
        }
        Ok(())
    })
}

/// The numbers of a tensor, row-major, in the memory of the host.
pub(super) fn read_numbers(tensor: Tensor<2>, name: &str) -> Result<Vec<f32>> {
    let failed = |e| LmError::Failed(format!("tensor {} cannot be read from the device: {e}", quoted(name)));
    tensor.try_into_vec_as::<f32>().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::SafeTensors;

    #[test]
    fn what_is_written_is_read_by_the_formats_own_crate() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        let long = CHUNK + 3;
        let tensors = [("b".to_owned(), vec![2, 3]), ("a".to_owned(), vec![long]), ("empty".to_owned(), vec![0, 4])];
        let numbers = |name: &str| -> Vec<f32> {
            match name {
                "b" => vec![1.0, -2.5, 3.0, f32::MIN_POSITIVE, 5.0, -0.0],
                "a" => (0..long).map(|k| k as f32).collect(),
                _ => Vec::new(),
            }
        };
        write_tensors(&path, &tensors, |name| Ok(numbers(name))).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let read = SafeTensors::deserialize(&bytes).unwrap();
        let (start, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        assert_eq!((start % 8, metadata.metadata().as_ref().unwrap()["format"].as_str()), (0, "pt"));
        assert_eq!(read.len(), 3);
        for (name, shape) in &tensors {
            let tensor = read.tensor(name).unwrap();
            assert_eq!((tensor.dtype(), tensor.shape()), (Dtype::F32, shape.as_slice()));
            assert!(tensor.data().iter().copied().eq(numbers(name).iter().flat_map(|x| x.to_le_bytes())));
        }
    }

    #[test]
    fn numbers_that_could_not_be_read_again_are_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        let tensors = [("w".to_owned(), vec![3])];
        let error = write_tensors(&path, &tensors, |_| Ok(vec![0.0, f32::NAN, 1.0])).unwrap_err().to_string();
        assert!(error.contains("\"w\" is NaN at number 1"), "{error}");
    }
}
