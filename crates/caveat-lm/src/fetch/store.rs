//! The cache folder: where a model lies, whether it is complete, and the lock that lets one process at a time change it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::digest::{Checksum, is_hex, verified};
use super::watch::{FetchStep, Watch};
use crate::checksum::sha256_of_lines;
use crate::error::{LmError, Result};
use crate::lease::{Lease, Taken};
use crate::registry::{FetchedFrom, RegistryEntry};

/// The file that is written last: a folder that has it is complete.
const MANIFEST: &str = "manifest.json";
/// Version of the manifest's layout. A manifest of another version is ignored, and the files are verified again.
const FORMAT: u32 = 1;
/// Largest manifest that is read, in bytes.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;
/// Time between two attempts to take a lock that another process holds.
const LOCK_INTERVAL: Duration = Duration::from_millis(200);

/// A file that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileRecord {
    /// Name in the folder.
    pub(super) name: String,
    /// Size in bytes.
    pub(super) bytes: u64,
    /// SHA-256, lowercase.
    pub(super) sha256: String,
}

/// The contents of a complete folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: u32,
    /// Repository or package.
    pub(super) origin: String,
    /// Commit or version.
    pub(super) revision: String,
    /// All files except the manifest.
    pub(super) files: Vec<FileRecord>,
}

impl Manifest {
    pub(super) fn new(origin: &str, revision: &str, files: Vec<FileRecord>) -> Self {
        Self { format: FORMAT, origin: origin.to_owned(), revision: revision.to_owned(), files }
    }

    /// SHA-256 of the weights: of the only file, or of the lines `SHA256  NAME` of several, in order.
    pub(super) fn weights_sha256(&self) -> String {
        let is_weights = |file: &&FileRecord| file.name.ends_with(".safetensors") || file.name.ends_with(".gguf");
        let weights: Vec<&FileRecord> = self.files.iter().filter(is_weights).collect();
        match weights.as_slice() {
            [file] => file.sha256.clone(),
            files => sha256_of_lines(files.iter().map(|file| (file.sha256.clone(), file.name.as_str()))),
        }
    }

    /// Whether this is the version that the registry names.
    fn is_of(&self, entry: &RegistryEntry, from: FetchedFrom) -> bool {
        match (from, &entry.wheel) {
            (FetchedFrom::Hub, _) => {
                let pinned = entry.hub.revision;
                self.origin == entry.hub.repository && (!is_hex(pinned, 40) || self.revision == pinned)
            }
            (FetchedFrom::Wheel, Some(wheel)) => {
                let model = |file: &FileRecord| file.name == wheel.model_file && file.sha256 == wheel.model_sha256;
                self.files.iter().any(model)
            }
            (FetchedFrom::Wheel, None) => false,
        }
    }
}

/// The state of a model from one source in the cache.
#[derive(Debug)]
pub(super) enum Presence {
    /// All files are present in their expected sizes.
    Whole(Manifest),
    /// It was complete once; why it no longer is.
    Damaged(String),
    /// It is not there, or its fetch was not completed.
    Absent,
}

/// The folder of one model from one source.
pub(super) struct Shelf<'a> {
    pub(super) entry: &'a RegistryEntry,
    pub(super) from: FetchedFrom,
    /// The folder of the files.
    pub(super) directory: PathBuf,
}

impl<'a> Shelf<'a> {
    pub(super) fn new(cache: &Path, entry: &'a RegistryEntry, from: FetchedFrom) -> Self {
        Self { entry, from, directory: model_directory(cache, entry).join(from.name()) }
    }

    /// The path that loads as a model: the folder of a repository, or the GGUF file of a wheel.
    pub(super) fn model_path(&self) -> PathBuf {
        match (self.from, &self.entry.wheel) {
            (FetchedFrom::Wheel, Some(wheel)) => self.directory.join(wheel.model_file),
            _ => self.directory.clone(),
        }
    }

    /// Checks the manifest and the sizes of the files, without reading them through.
    pub(super) fn presence(&self) -> Presence {
        let Some(manifest) = self.manifest().filter(|manifest| manifest.is_of(self.entry, self.from)) else {
            return Presence::Absent;
        };
        for file in &manifest.files {
            let problem = match self.directory.join(&file.name).metadata() {
                Ok(found) if found.is_file() && found.len() == file.bytes => continue,
                Ok(found) if found.is_file() => format!("{} bytes where {} are expected", found.len(), file.bytes),
                _ => "missing or unreadable".to_owned(),
            };
            return Presence::Damaged(format!("{}: {problem}", file.name));
        }
        Presence::Whole(manifest)
    }

    /// Whether every file has the checksum that the manifest states. Reads all of them.
    pub(super) fn is_sound(&self, manifest: &Manifest, watch: &Watch<'_>) -> Result<bool> {
        for file in &manifest.files {
            let Some(checksum) = Checksum::sha256(&file.sha256) else { return Ok(false) };
            let path = self.directory.join(&file.name);
            if verified(&path, &file.name, file.bytes, &checksum, watch)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn manifest(&self) -> Option<Manifest> {
        let mut text = String::new();
        let file = File::open(self.directory.join(MANIFEST)).ok()?;
        file.take(MAX_MANIFEST_BYTES).read_to_string(&mut text).ok()?;
        let manifest: Manifest = serde_json::from_str(&text).ok()?;
        let sound = manifest.format == FORMAT
            && manifest.files.iter().all(|file| is_plain_name(&file.name) && is_hex(&file.sha256, 64));
        sound.then_some(manifest)
    }

    /// Creates the folder, without a manifest: until [`Shelf::complete`], it counts as absent.
    pub(super) fn begin(&self) -> Result<()> {
        fs::create_dir_all(&self.directory).map_err(|e| LmError::write(&self.directory, e))?;
        let manifest = self.directory.join(MANIFEST);
        match fs::remove_file(&manifest) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(LmError::write(&manifest, e)),
            _ => Ok(()),
        }
    }

    /// Writes the manifest, and removes files that only the fetch needed or that an older version left.
    pub(super) fn complete(&self, manifest: &Manifest) -> Result<()> {
        let path = self.directory.join(MANIFEST);
        let mut text = serde_json::to_string_pretty(manifest).map_err(|e| LmError::write(&path, e))?;
        text.push('\n');
        caveat_results::write_atomically(&path, |out| out.write_all(text.as_bytes()))?;
        self.tidy(manifest);
        Ok(())
    }

    /// Removes leftovers. One that cannot be removed takes space but does no harm, so nothing here is an error.
    fn tidy(&self, manifest: &Manifest) {
        const LEFTOVERS: [&str; 5] = [".partial", ".whl", ".gguf", ".safetensors", ".safetensors.index.json"];
        for found in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let Ok(name) = found.file_name().into_string() else { continue };
            let is_kept = manifest.files.iter().any(|file| file.name == name);
            if !is_kept && LEFTOVERS.iter().any(|ending| name.ends_with(ending)) {
                let _ = fs::remove_file(found.path());
            }
        }
    }
}

/// Waits until no other process holds the model, then holds it until dropped or until this process ends.
pub(super) fn lock(cache: &Path, entry: &RegistryEntry, watch: &Watch<'_>) -> Result<Lease> {
    let directory = model_directory(cache, entry);
    let path = directory.join(".lock");
    loop {
        fs::create_dir_all(&directory).map_err(|e| LmError::write(&directory, e))?;
        match Lease::take(&path, Some(&|| watch.check().is_err()))? {
            Taken::Mine(lease) => return Ok(lease),
            Taken::Held(_) => {
                watch.begin(FetchStep::Waiting, entry.name, 0, None);
                watch.pause(LOCK_INTERVAL)?;
            }
            Taken::NoFolder => watch.check()?,
        }
    }
}

fn model_directory(cache: &Path, entry: &RegistryEntry) -> PathBuf {
    cache.join("models").join(entry.name)
}

/// Whether a name from a file or a server is safe as a file name: no folder, not hidden, printable ASCII.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.len() <= 200
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// The error of a write, with advice if the disk is full; `missing` is the number of bytes yet to be written.
pub(super) fn write_error(path: &Path, error: &io::Error, missing: u64) -> LmError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            let advice = "free some, or set CAVEAT_CACHE to a folder on another disk";
            LmError::write(path, format!("no room is left, {missing} bytes more are needed: {advice}"))
        }
        _ => LmError::write(path, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, sha256: &str) -> FileRecord {
        FileRecord { name: name.to_owned(), bytes: 1, sha256: sha256.to_owned() }
    }

    #[test]
    fn the_checksum_of_the_weights_is_that_of_the_file_or_of_sha256sums_lines() {
        let one = Manifest::new("o", "r", vec![record("config.json", "cc"), record("model.safetensors", "aa")]);
        assert_eq!(one.weights_sha256(), "aa");
        let two = Manifest::new("o", "r", vec![record("a.safetensors", "aa"), record("b.safetensors", "bb")]);
        // `printf 'aa  a.safetensors\nbb  b.safetensors\n' | sha256sum`
        assert_eq!(two.weights_sha256(), "b70b16d96efbcb992eabcfd132a47704fd14c38e92cdce0d11f38ea2c32cc3c6");
    }

    #[test]
    fn a_name_with_a_folder_a_leading_dot_or_other_characters_is_not_plain() {
        assert!(is_plain_name("model-00001-of-00002.safetensors") && is_plain_name("tokenizer_config.json"));
        for name in ["", ".", "..", ".lock", "a/b", "a\\b", "/etc/passwd", "C:", "a b", "ä", "a\0", "a\n"] {
            assert!(!is_plain_name(name), "{name:?}");
        }
        assert!(!is_plain_name(&"a".repeat(201)));
    }

    #[test]
    fn a_full_disk_is_told_with_what_is_missing_and_what_helps() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            let problem = write_error(Path::new("cache/x.partial"), &kind.into(), 1234).to_string();
            assert!(problem.contains("x.partial") && problem.contains("1234"), "{problem}");
            assert!(problem.contains("CAVEAT_CACHE") && !problem.contains('\n'), "{problem}");
        }
        let other = write_error(Path::new("x"), &io::ErrorKind::PermissionDenied.into(), 1234).to_string();
        assert!(!other.contains("1234"), "{other}");
    }
}
