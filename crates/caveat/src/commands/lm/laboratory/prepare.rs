//! What comes before any computation: device and threads, and the model that is meant, loaded.

use std::path::{Path, PathBuf};

use caveat_lm::{LoadedModel, ModelSource, SweepModel, cache_directory};

use super::stages::Stages;
use crate::cli::ComputeSpec;
use crate::failure::Failure;
use crate::tell::tell;

/// The device where none is named.
const DEVICE: &str = "cpu";

/// The device's name, after threads and device have been found to be possible.
pub(super) fn prepare(compute: &ComputeSpec, otherwise: Option<&str>) -> Result<String, Failure> {
    let device = compute.device.as_deref().or(otherwise).unwrap_or(DEVICE);
    caveat_lm::device(device)?;
    if let Some(threads) = compute.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        pool.map_err(|e| Failure::Run(format!("{threads} threads cannot be started: {e}")))?;
    }
    Ok(device.to_owned())
}

/// The cache of models. Where no folder for it is known, that matters only if one of the models is to be found there.
pub(super) fn cache_for<'a>(models: impl IntoIterator<Item = &'a SweepModel>) -> Result<PathBuf, Failure> {
    match cache_directory() {
        Err(_) if models.into_iter().all(|model| matches!(model.source, ModelSource::Path(_))) => Ok(PathBuf::new()),
        found => Ok(found?),
    }
}

/// The model that a path or a registered name stands for, called `name` or as its weights are.
pub(super) fn find(model: &str, name: Option<&str>) -> Result<SweepModel, Failure> {
    let model = SweepModel::find(model, name, Path::new(""), cache_directory().ok().as_deref())?;
    model.note().iter().for_each(|note| tell(note));
    Ok(model)
}

/// Loads a model behind a progress bar.
pub(super) fn load(model: &SweepModel, device: &str, stages: &mut Stages) -> Result<LoadedModel, Failure> {
    let path = model.locate(&cache_for([model])?)?;
    let loaded = LoadedModel::load(&path, device, &mut |done, total| stages.loading(&model.name, done, total))?;
    loaded.notes.iter().for_each(|note| stages.tell(note));
    Ok(loaded)
}
