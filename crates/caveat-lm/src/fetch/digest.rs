//! The checksums that files are verified against: SHA-256, and Git's for the small files of a repository.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::watch::{FetchStep, Watch};
use crate::checksum::{hex, next_block};
use crate::error::{LmError, Result};

/// Bytes read at a time.
pub(super) const BLOCK: usize = 1 << 16;

/// The expected checksum of a file, in lowercase hexadecimal digits: SHA-256 of the content (64 digits), or Git's name of the content,
/// which is the SHA-1 of `blob SIZE`, a zero byte and the content (40 digits).
#[derive(Debug, Clone)]
pub(super) struct Checksum(String);

impl Checksum {
    pub(super) fn sha256(digits: &str) -> Option<Self> {
        is_hex(digits, 64).then(|| Self(digits.to_ascii_lowercase()))
    }

    pub(super) fn git_blob(digits: &str) -> Option<Self> {
        is_hex(digits, 40).then(|| Self(digits.to_ascii_lowercase()))
    }

    pub(super) fn digits(&self) -> &str {
        &self.0
    }
}

/// Whether a text consists of exactly `digits` hexadecimal digits.
pub(super) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A running computation of a file's SHA-256, and of its Git checksum if that is the expected one.
pub(super) struct Hashing {
    expected: Checksum,
    bytes_total: u64,
    /// Bytes hashed so far.
    pub(super) bytes: u64,
    sha256: Sha256,
    git: Option<Sha1>,
}

impl Hashing {
    /// Begins a file of `bytes_total` bytes.
    pub(super) fn new(expected: &Checksum, bytes_total: u64) -> Self {
        let git = || Sha1::new_with_prefix(format!("blob {bytes_total}\0"));
        let git = (expected.digits().len() == 40).then(git);
        Self { expected: expected.clone(), bytes_total, bytes: 0, sha256: Sha256::new(), git }
    }

    pub(super) fn update(&mut self, block: &[u8]) {
        self.bytes += block.len() as u64;
        self.sha256.update(block);
        if let Some(git) = &mut self.git {
            git.update(block);
        }
    }

    /// Hashes a whole file, leaving the position at its end.
    pub(super) fn read(&mut self, file: &mut File, path: &Path, name: &str, watch: &Watch<'_>) -> Result<()> {
        let system = |e| LmError::read(path, e);
        file.seek(SeekFrom::Start(0)).map_err(system)?;
        let mut block = vec![0; BLOCK];
        watch.begin(FetchStep::Checking, name, 0, Some(self.bytes_total));
        loop {
            watch.check()?;
            match next_block(file, &mut block).map_err(system)? {
                [] => return Ok(()),
                read => self.update(read),
            }
            watch.report(FetchStep::Checking, name, self.bytes, Some(self.bytes_total));
        }
    }

    /// The SHA-256 if the checksum is the expected one, and otherwise how they differ.
    pub(super) fn finish(self) -> std::result::Result<String, String> {
        let sha256 = hex(&self.sha256.finalize());
        let (kind, found) = match self.git {
            Some(git) => ("Git checksum", hex(&git.finalize())),
            None => ("SHA-256", sha256.clone()),
        };
        match self.expected.digits() {
            expected if expected == found => Ok(sha256),
            expected => Err(format!("its {kind} is {found} where {expected} is expected")),
        }
    }
}

/// The SHA-256 of a file if it exists with the expected size and checksum, and otherwise `None`. Reads the whole file.
pub(super) fn verified(
    path: &Path,
    name: &str,
    bytes: u64,
    checksum: &Checksum,
    watch: &Watch<'_>,
) -> Result<Option<String>> {
    let Ok(found) = path.metadata() else { return Ok(None) };
    if !found.is_file() || found.len() != bytes {
        return Ok(None);
    }
    let mut file = File::open(path).map_err(|e| LmError::read(path, e))?;
    let mut hashing = Hashing::new(checksum, bytes);
    hashing.read(&mut file, path, name, watch)?;
    Ok(hashing.finish().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_sha256sum_and_git() {
        // `printf abc | sha256sum` (FIPS 180-2, B.1) and `printf abc | git hash-object --stdin`.
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let git = "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f";
        for expected in [Checksum::sha256(sha256), Checksum::git_blob(&git.to_uppercase())] {
            let expected = expected.expect("hexadecimal digits of the right number");
            let mut hashing = Hashing::new(&expected, 3);
            hashing.update(b"ab");
            hashing.update(b"c");
            assert_eq!(hashing.finish().as_deref(), Ok(sha256), "{expected:?}");
            let mut hashing = Hashing::new(&expected, 3);
            hashing.update(b"abd");
            assert!(hashing.finish().is_err(), "{expected:?}");
        }
    }

    #[test]
    fn a_checksum_of_wrong_length_or_with_other_characters_is_none() {
        assert!(Checksum::sha256("ab").is_none() && Checksum::sha256(&"g".repeat(64)).is_none());
        assert!(Checksum::git_blob(&"a".repeat(64)).is_none());
    }
}
