//! An open file of tensors, from which any thread can read ranges of bytes as `f32`.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::element::Element;
use crate::error::{LmError, Result, quoted};

/// Bytes read at once, rounded down to whole blocks; a reader holds at most two such buffers besides its result.
const CHUNK: usize = 1 << 20;

/// A file that stays open, so that tensors come from the very file whose header was checked.
#[derive(Debug)]
pub(crate) struct TensorFile {
    pub(crate) path: PathBuf,
    /// Bytes in the file when it was opened.
    pub(crate) size: u64,
    /// All readers share one position, so each chunk is sought and read under the lock, and decoded outside it.
    file: Mutex<File>,
}

/// Where a tensor lies in its file.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) element: Element,
    /// Number of numbers.
    pub(crate) count: usize,
    /// Offset of the first byte in the file.
    pub(crate) offset: u64,
}

impl TensorFile {
    /// Opens a plain file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| LmError::read(path, e))?;
        let metadata = file.metadata().map_err(|e| LmError::read(path, e))?;
        if !metadata.is_file() {
            return Err(LmError::bad_file(path, "is not a plain file: expected one of tensors"));
        }
        Ok(Self { path: path.to_owned(), size: metadata.len(), file: Mutex::new(file) })
    }

    /// Reads from the beginning, buffered.
    pub(crate) fn read_from_start<T>(&self, read: impl FnOnce(BufReader<&File>) -> Result<T>) -> Result<T> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.rewind().map_err(|e| LmError::read(&self.path, e))?;
        read(BufReader::with_capacity(1 << 16, &*file))
    }

    /// Fills `bytes` from `offset` onwards.
    pub(crate) fn read_bytes(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        // After a panic under the lock only the position may be wrong, and every reader seeks first.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(bytes));
        read.map_err(|e| match e.kind() {
            ErrorKind::UnexpectedEof => LmError::bad_file(
                &self.path,
                format!("ends before byte {}: it was cut short", offset.saturating_add(bytes.len() as u64)),
            ),
            _ => LmError::read(&self.path, e),
        })
    }

    /// The numbers of a tensor, all finite; `name` is for messages. Nothing is allocated before the file is known to be long enough.
    pub(crate) fn read_tensor(&self, name: &str, stored: &Stored) -> Result<Vec<f32>> {
        let Stored { element, count, offset } = *stored;
        let fail = |problem: String| LmError::bad_file(&self.path, format!("tensor {} {problem}", quoted(name)));
        let bytes =
            element.bytes_of(count).filter(|bytes| offset.checked_add(*bytes).is_some_and(|end| end <= self.size));
        let Some(bytes) = bytes else {
            return Err(fail(format!(
                "is to have {count} numbers from byte {offset} on: the file has {} bytes",
                self.size
            )));
        };
        let mut numbers: Vec<f32> = Vec::new();
        if numbers.try_reserve_exact(count).is_err() {
            return Err(fail(format!("has {count} numbers: there is not enough memory for them")));
        }
        let chunk = (CHUNK / element.block_bytes() * element.block_bytes()) as u64;
        let mut buffer = vec![0; chunk.min(bytes) as usize];
        let mut done = 0;
        while done < bytes {
            let part = &mut buffer[..chunk.min(bytes - done) as usize];
            self.read_bytes(offset + done, part)?;
            let before = numbers.len();
            element.decode(part, &mut numbers);
            if let Some(k) = numbers[before..].iter().position(|x| !x.is_finite()) {
                let k = before + k;
                return Err(fail(format!("is {} at number {k} of {count}: all weights must be finite", numbers[k])));
            }
            done += part.len() as u64;
        }
        Ok(numbers)
    }
}

/// Whether two tensors are the same bytes of the same type.
pub(crate) fn are_same_bytes(a: (&TensorFile, &Stored), b: (&TensorFile, &Stored)) -> Result<bool> {
    let bytes = a.1.element.bytes_of(a.1.count).unwrap_or(u64::MAX);
    if a.1.element != b.1.element || a.1.count != b.1.count {
        return Ok(false);
    }
    let length = |done: u64| (bytes - done).min(CHUNK as u64) as usize;
    let mut buffers = [vec![0; length(0)], vec![0; length(0)]];
    let mut done = 0;
    while done < bytes {
        for (buffer, (file, stored)) in buffers.iter_mut().zip([a, b]) {
            buffer.truncate(length(done));
            file.read_bytes(stored.offset.saturating_add(done), buffer)?;
        }
        if buffers[0] != buffers[1] {
            return Ok(false);
        }
        done += length(done) as u64;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn file_of(bytes: &[u8]) -> (tempfile::TempDir, TensorFile) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tensors.bin");
        fs::write(&path, bytes).unwrap();
        let file = TensorFile::open(&path).unwrap();
        (directory, file)
    }

    #[test]
    fn tensors_longer_than_a_chunk_are_read_whole_by_several_threads_at_once() {
        let values: Vec<f32> = (0..700_001).map(|k| k as f32 * 0.5).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        assert!(bytes.len() > 2 * CHUNK && !bytes.len().is_multiple_of(CHUNK));
        let (_directory, file) = file_of(&bytes);
        std::thread::scope(|scope| {
            for start in [0, 1, 1000] {
                let (file, values) = (&file, &values);
                scope.spawn(move || {
                    let stored =
                        Stored { element: Element::F32, count: values.len() - start, offset: start as u64 * 4 };
                    assert_eq!(file.read_tensor("w", &stored).unwrap(), values[start..]);
                });
            }
        });
    }

    #[test]
    fn what_is_not_finite_is_named_by_its_place() {
        for (element, number, width) in [(Element::F32, [0, 0, 0xc0, 0x7f], 4), (Element::F16, [0, 0xfc, 0, 0], 2)] {
            let mut bytes = vec![0; 10 * width];
            bytes[7 * width..8 * width].copy_from_slice(&number[..width]);
            let (_directory, file) = file_of(&bytes);
            let error = file.read_tensor("w", &Stored { element, count: 10, offset: 0 }).unwrap_err().to_string();
            assert!(error.contains("at number 7 of 10") && error.contains("finite"), "{error}");
            assert!(file.read_tensor("w", &Stored { element, count: 7, offset: 0 }).is_ok());
        }
    }

    #[test]
    fn a_tensor_beyond_the_file_and_a_file_cut_short_meanwhile_are_errors() {
        let (_directory, file) = file_of(&[0; 64]);
        for (count, offset) in [(17, 0), (1, 61), (1, u64::MAX), (usize::MAX, 0)] {
            let error =
                file.read_tensor("w", &Stored { element: Element::F32, count, offset }).unwrap_err().to_string();
            assert!(error.contains("the file has 64 bytes"), "{error}");
        }
        File::options().write(true).open(&file.path).unwrap().set_len(30).unwrap();
        let error =
            file.read_tensor("w", &Stored { element: Element::F32, count: 16, offset: 0 }).unwrap_err().to_string();
        assert!(error.contains("cut short"), "{error}");
    }

    #[test]
    fn a_folder_is_no_file_of_tensors() {
        let directory = tempfile::tempdir().unwrap();
        assert!(TensorFile::open(directory.path()).is_err());
    }
}
