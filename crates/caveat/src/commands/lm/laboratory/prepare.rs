//! Prepares computations: device, threads, and the loaded model.

use std::path::{Path, PathBuf};

use caveat_lm::{LoadedModel, ModelSource, SweepModel, cache_directory};

use super::progress::Stages;
use crate::cli::ComputeSpec;
use crate::failure::Failure;
use crate::tell::tell;

/// The default device.
const DEVICE: &str = "cpu";

/// Sets the number of threads and returns the name of the device, if both are possible.
pub(super) fn prepare(compute: &ComputeSpec, otherwise: Option<&str>) -> Result<String, Failure> {
    let device = compute.device.as_deref().or(otherwise).unwrap_or(DEVICE);
    caveat_lm::device(device)?;
    if let Some(threads) = compute.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        pool.map_err(|e| Failure::Run(format!("{threads} threads cannot be started: {e}")))?;
    }
    Ok(device.to_owned())
}

/// The cache of models. If no folder for it is known, that is an error only if one of the models should be in it.
pub(super) fn cache_for<'a>(models: impl IntoIterator<Item = &'a SweepModel>) -> Result<PathBuf, Failure> {
    match cache_directory() {
        Err(_) if models.into_iter().all(|model| matches!(model.source, ModelSource::Path(_))) => Ok(PathBuf::new()),
        found => Ok(found?),
    }
}

/// The model at a path or of a registered name, called `name` or like its weights.
pub(super) fn find(model: &str, name: Option<&str>) -> Result<SweepModel, Failure> {
    let model = SweepModel::find(model, name, Path::new(""), cache_directory().ok().as_deref())?;
    model.note().iter().for_each(|note| tell(note));
    Ok(model)
}

/// Loads a model with a progress bar.
pub(super) fn load(model: &SweepModel, device: &str, stages: &mut Stages) -> Result<LoadedModel, Failure> {
    let path = model.locate(&cache_for([model])?)?;
    let loaded = LoadedModel::load(&path, device, &mut |done, total| stages.loading(&model.name, done, total))?;
    loaded.notes.iter().for_each(|note| stages.tell(note));
    Ok(loaded)
}
