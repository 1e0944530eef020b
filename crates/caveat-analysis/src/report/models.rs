//! Which language models a report shows, and what it says of them.

use std::path::{Path, PathBuf};

use caveat_results::Geometries;

use crate::error::{AnalysisError, Result};

/// The language models that a report shows.
#[derive(Debug)]
pub struct LanguageModels {
    /// Where their trial tables lie.
    pub directory: PathBuf,
    /// Where the tables are from, before the text of accuracies; empty for tables that were given.
    pub source: &'static str,
    /// What they show of accuracies, after it.
    pub found: &'static str,
    /// Whether findings are listed of every setting and stimulus set, or of full fine-tuning over all stimulus sets.
    pub all_settings: bool,
    /// What their runs kept of hidden states, where they did.
    pub geometries: Option<Geometries>,
}

impl LanguageModels {
    /// Those of a directory that a person names.
    ///
    /// # Errors
    /// Where it is none.
    pub fn published(directory: &Path) -> Result<Self> {
        if !directory.is_dir() {
            return Err(AnalysisError::input(format!(
                "{}: not a directory; ⟨published⟩ names one that holds trial tables, as ti/*.parquet and exception/*.parquet",
                directory.display()
            )));
        }
        Ok(Self { directory: directory.to_owned(), source: "", found: "", all_settings: false, geometries: None })
    }

    /// Whether findings of a setting are listed.
    pub(super) fn shows(&self, setting: &str) -> bool {
        self.all_settings || setting == "full"
    }
}
