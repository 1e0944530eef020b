//! A reader that knows how many bytes are left, so that no number in a file makes it allocate more than the file can fill.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::error::{LmError, Result};

/// Reads little-endian numbers and strings in the order of the file.
pub(super) struct Reader<R> {
    source: R,
    path: PathBuf,
    pub(super) position: u64,
    pub(super) size: u64,
}

impl<R: Read> Reader<R> {
    /// Reads `source`, which has `size` bytes; `path` is for messages.
    pub(super) fn new(source: R, size: u64, path: &Path) -> Self {
        Self { source, path: path.to_owned(), position: 0, size }
    }

    /// Bytes after the position.
    pub(super) fn left(&self) -> u64 {
        self.size - self.position
    }

    pub(super) fn bad(&self, problem: impl Into<String>) -> LmError {
        LmError::bad_file(&self.path, problem)
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        self.bytes::<1>().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        self.bytes().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    /// Reads a number of items, each of which takes at least `width` bytes.
    pub(super) fn count(&mut self, items: &str, width: u64) -> Result<usize> {
        let start = self.position;
        let count = self.u64()?;
        match usize::try_from(count) {
            Ok(count) if count as u64 <= self.left() / width => Ok(count),
            _ => Err(self.bad(format!("announces {count} {items} at byte {start}, the file has {} bytes", self.size))),
        }
    }

    /// Reads a string: its length, then that number of bytes.
    pub(super) fn string(&mut self) -> Result<Vec<u8>> {
        let length = self.count("bytes of text", 1)?;
        let mut text = vec![0; length];
        self.fill(&mut text)?;
        Ok(text)
    }

    /// Skips bytes.
    pub(super) fn skip(&mut self, count: u64) -> Result<()> {
        let passed = std::io::copy(&mut self.source.by_ref().take(count), &mut std::io::sink());
        match passed {
            Ok(passed) if passed == count => {
                self.position += count;
                Ok(())
            }
            Ok(_) => Err(self.cut_short(count)),
            Err(e) => Err(LmError::read(&self.path, e)),
        }
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        let count = bytes.len() as u64;
        if count > self.left() {
            return Err(self.cut_short(count));
        }
        match self.source.read_exact(bytes) {
            Ok(()) => {
                self.position += count;
                Ok(())
            }
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => Err(self.cut_short(count)),
            Err(e) => Err(LmError::read(&self.path, e)),
        }
    }

    fn cut_short(&self, count: u64) -> LmError {
        self.bad(format!("ends at byte {}, inside a header that needs {count} more at {}", self.size, self.position))
    }
}
