//! A model that is ready for runs, with what results record of it: its path, the checksum of its weights, its device.

use std::fs::{self, DirEntry, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::checksum::{hex, next_block, sha256_of_lines};
use crate::device::device;
use crate::error::{LmError, Result};
use crate::model::LanguageModel;
use crate::model_files::open_model;
use crate::tokenizer::Tokenizer;

/// A model with its tokenizer, on a device.
#[derive(Clone)]
pub struct LoadedModel {
    /// The model itself. Clones share the weights until one of them is trained.
    pub model: LanguageModel,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// The folder, or the GGUF file.
    pub path: PathBuf,
    /// SHA-256 of the weights: of the only file, or of the lines `SHA256  NAME` of several, as sha256sum prints them.
    pub weights_sha256: String,
    /// The name of the device.
    pub device: String,
    /// Seconds that loading took.
    pub seconds: f64,
    /// Notes for the user on its files, one line each.
    pub notes: Vec<String>,
}

impl LoadedModel {
    /// Loads a model from a folder or a GGUF file onto the named device, as f32.
    ///
    /// `progress` gets the count of weights read so far and the total.
    ///
    /// # Errors
    /// Those of [`open_model`], [`device`] and [`LanguageModel::load`].
    pub fn load(path: &Path, device_name: &str, progress: &mut dyn FnMut(u64, u64)) -> Result<Self> {
        let start = Instant::now();
        let device = device(device_name)?;
        let files = open_model(path)?;
        let given_up = AtomicBool::new(false);
        let weights = files.path.clone();
        let (model, sha256) = thread::scope(|scope| {
            let sha256 = scope.spawn(|| digest(&weights, &given_up));
            let model = LanguageModel::load(&files, &device, progress);
            given_up.store(model.is_err(), Ordering::Relaxed);
            (model, sha256.join())
        });
        let model = model?;
        let weights_sha256 = sha256.map_err(|_| LmError::Failed("the checksum of the weights failed".to_owned()))??;
        Ok(Self {
            model,
            tokenizer: files.tokenizer,
            path: files.path,
            weights_sha256,
            device: device_name.to_owned(),
            seconds: start.elapsed().as_secs_f64(),
            notes: files.notes,
        })
    }
}

/// The name of a model by its path: that of the folder, or of the GGUF file without extension.
pub(crate) fn model_name_of(path: &Path) -> Option<String> {
    // A path like `.` or `..` has no name of its own.
    let path = match path.file_name() {
        Some(_) => path.to_owned(),
        None => fs::canonicalize(path).ok()?,
    };
    let name = match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("gguf") => path.file_stem(),
        _ => path.file_name(),
    };
    name.map(|name| name.to_string_lossy().into_owned())
}

/// SHA-256 of the weights of the model at `path`, as in [`LoadedModel::weights_sha256`].
///
/// # Errors
/// Those of [`open_model`], and files that cannot be read.
pub fn weights_sha256(path: &Path) -> Result<String> {
    digest(&open_model(path)?.path, &AtomicBool::new(false))
}

/// SHA-256 of a model's weights in hexadecimal digits; meaningless once `given_up` is set.
fn digest(path: &Path, given_up: &AtomicBool) -> Result<String> {
    if path.is_file() {
        return file_sha256(path, given_up);
    }
    let name = |entry: io::Result<DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    let names = fs::read_dir(path).and_then(|entries| entries.map(name).collect::<io::Result<Vec<String>>>());
    let mut names = names.map_err(|e| LmError::read(path, e))?;
    names.retain(|name| name.ends_with(".safetensors"));
    names.sort();
    // If this file exists, it alone is loaded.
    if names.iter().any(|name| name == "model.safetensors") {
        return file_sha256(&path.join("model.safetensors"), given_up);
    }
    let sha256s = names.iter().map(|name| file_sha256(&path.join(name), given_up)).collect::<Result<Vec<_>>>()?;
    Ok(sha256_of_lines(sha256s.into_iter().zip(names.iter().map(String::as_str))))
}

fn file_sha256(path: &Path, given_up: &AtomicBool) -> Result<String> {
    let fail = |e| LmError::read(path, e);
    let mut file = File::open(path).map_err(fail)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 18];
    while !given_up.load(Ordering::Relaxed) {
        match next_block(&mut file, &mut block).map_err(fail)? {
            [] => break,
            read => hash.update(read),
        }
    }
    Ok(hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_file_or_of_the_lines_of_several() {
        let place = tempfile::tempdir().unwrap();
        let go_on = AtomicBool::new(false);
        let of = |path: &Path| digest(path, &go_on).unwrap();
        fs::write(place.path().join("b.gguf"), "abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of(&place.path().join("b.gguf")), abc);
        fs::write(place.path().join("model-2.safetensors"), "").unwrap();
        fs::write(place.path().join("model-1.safetensors"), "abc").unwrap();
        fs::write(place.path().join("config.json"), "{}").unwrap();
        // printf '%s  model-1.safetensors\n%s  model-2.safetensors\n' $(sha256 of abc) $(sha256 of nothing) | sha256sum
        assert_eq!(of(place.path()), "72f313fdaf740d11899f74a112071544d5e63067a2d904a8696d2f9aa752a73a");
        fs::write(place.path().join("model.safetensors"), "abc").unwrap();
        assert_eq!(of(place.path()), abc);
    }

    #[test]
    fn a_model_is_called_like_its_folder_or_file() {
        let name = |path: &str| model_name_of(Path::new(path)).unwrap();
        assert_eq!(name("models/llama-3.2-1b/"), "llama-3.2-1b");
        assert_eq!(name("models/SmolLM2.Q4_1.gguf"), "SmolLM2.Q4_1");
        assert!(!name(".").is_empty());
    }
}
