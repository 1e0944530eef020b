//! Runs: a model evaluated, fine-tuned and evaluated again, with everything needed to repeat it in one folder.
//!
//! [`RunSettings`] say what is run and where it lies, [`claim`] reserves its folder, [`perform`] runs it on a [`LoadedModel`],
//! and [`RunResults`] are what the folder holds in `results.json`. A folder of such runs is what `caveat results convert` reads.

mod evaluate;
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
pub use hierarchy::hierarchy_of_name;
pub use loaded::{LoadedModel, model_name_of, weights_sha256};
pub use options::{OptimizerName, Spelling, TrainingOptions};
pub use perform::{PerformedRun, RunProgress, perform};
pub use record::{RunRecord, RunSeconds};
pub use results::{Judgment, RunResults};
pub use settings::RunSettings;
pub use summary::{ClassSummary, RunSummary};

pub(crate) use evaluate::evaluate;
pub(crate) use hierarchy::check_folder_name;
pub(crate) use options::TRAINING_OPTIONS;
pub(crate) use record::differences;
use record::keys_of;
use results::recorded_args;

use std::path::Path;

use crate::error::{LmError, Result};

/// How a finished run in `folder` differs from what is asked for: not at all, if the list is empty. `weights` is the checksum of the
/// model's weights, where they are there to be compared.
///
/// # Errors
/// A file that cannot be read as results.
pub fn differences_from(folder: &Path, settings: &RunSettings, weights: Option<&str>) -> Result<Vec<String>> {
    let mut asked = keys_of(&settings.record()?);
    asked.extend(weights.map(|sha256| ("weights_sha256".to_owned(), sha256.into())));
    Ok(differences(&recorded_args(folder)?, &asked))
}

/// Refuses a finished run that was made with other settings, or other weights, than those asked for.
///
/// # Errors
/// [`LmError::BadFile`] naming the folder and what differs.
pub fn check_finished(folder: &Path, settings: &RunSettings, weights: Option<&str>) -> Result<()> {
    let differences = differences_from(folder, settings, weights)?;
    match differences.is_empty() {
        true => Ok(()),
        false => Err(LmError::bad_file(folder, format!("is a run with {}", differences.join(", ")))),
    }
}
