//! Which language models a report shows, and what it says about them.

use std::path::{Path, PathBuf};

use caveat_results::Geometries;

use crate::error::{AnalysisError, Result};

/// The language models that a report shows.
#[derive(Debug)]
pub struct LanguageModels {
    /// Where their trial tables lie.
    pub directory: PathBuf,
    /// Where the tables come from, before the text about accuracies; empty for tables that were given.
    pub source: &'static str,
    /// What they show about accuracies, after that text.
    pub found: &'static str,
    /// Whether to list findings for every setting and stimulus set, or for full fine-tuning over all stimulus sets.
    pub all_settings: bool,
    /// Hidden states that their runs kept, if any.
    pub geometries: Option<Geometries>,
}

impl LanguageModels {
    /// The language models of a directory of trial tables.
    ///
    /// # Errors
    /// A path that is not a directory.
    pub fn published(directory: &Path) -> Result<Self> {
        if !directory.is_dir() {
            return Err(AnalysisError::input(format!(
                "{}: not a directory; ⟨published⟩ names one that holds trial tables, as ti/*.parquet and exception/*.parquet",
                directory.display()
            )));
        }
        Ok(Self { directory: directory.to_owned(), source: "", found: "", all_settings: false, geometries: None })
    }

    /// Whether findings for a setting are listed.
    pub(super) fn shows(&self, setting: &str) -> bool {
        self.all_settings || setting == "full"
    }
}
