//! Runs: a model is evaluated, fine-tuned and evaluated again, and everything needed to repeat this is kept in one folder.
//!
//! [`RunSettings`] describe a run and name its folder, [`claim`] reserves the folder, [`perform`] does the run on a [`LoadedModel`],
//! and [`RunResults`] are written to `results.json`. `caveat results convert` reads folders of such runs.

mod folder;
mod hierarchy;
mod loaded;
mod options;
mod perform;
mod record;
mod results;
mod settings;
mod summary;

pub use folder::{Claim, ClaimedFolder, Finish, claim, is_finished};

pub use loaded::{LoadedModel, weights_sha256};
pub use options::{OptimizerName, Spelling, TrainingOptions};
pub use perform::{PerformedRun, RunProgress, perform};
pub use record::{RunRecord, RunSeconds};
pub use results::{Judgment, RunResults};
pub use settings::RunSettings;
pub use summary::{ClassSummary, RunSummary};

pub(crate) use hierarchy::{check_folder_name, hierarchy_of_name};
pub(crate) use loaded::model_name_of;
pub(crate) use options::TRAINING_OPTIONS;
pub(crate) use record::differences;
use results::recorded_args;

use std::path::Path;

use crate::error::{LmError, Result};

/// How the settings of the finished run in `folder` differ from `settings`, or its weights from those of the checksum `weights`, if
/// that is known. Empty if they are the same.
///
/// # Errors
/// A file that cannot be read as results.
pub fn differences_from(folder: &Path, settings: &RunSettings, weights: Option<&str>) -> Result<Vec<String>> {
    let mut asked = settings.record()?;
    asked.extend(weights.map(|sha256| ("weights_sha256".to_owned(), sha256.into())));
    Ok(differences(&recorded_args(folder)?, &asked))
}

/// Refuses a finished run of other settings or weights with an error that says what differs.
pub(crate) fn check_finished(folder: &Path, settings: &RunSettings, weights: Option<&str>) -> Result<()> {
    let differences = differences_from(folder, settings, weights)?;
    match differences.is_empty() {
        true => Ok(()),
        false => Err(LmError::bad_file(folder, format!("is a run with {}", differences.join(", ")))),
    }
}
