//! Closed choices that people name in words.

use crate::error::{AnalysisError, Result};

/// One of a few, by name.
pub trait Named: Copy + PartialEq + Send + Sync + 'static {
    /// Every choice with its name and what it is; the latter is empty where the name says it.
    const NAMES: &'static [(Self, &'static str, &'static str)];

    /// Its name.
    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(choice, ..)| *choice == self).map_or("", |(_, name, _)| name)
    }

    /// The choice of this name, the value of an argument.
    ///
    /// # Errors
    /// [`AnalysisError::Input`] for another name, with those there are.
    fn from_name(argument: &str, name: &str) -> Result<Self> {
        Self::NAMES.iter().find(|(_, known, _)| *known == name).map(|(choice, ..)| *choice).ok_or_else(|| {
            let known: Vec<&str> = Self::NAMES.iter().map(|(_, name, _)| *name).collect();
            AnalysisError::input(format!("{argument}: '{name}' is unknown: expected one of {}", known.join(", ")))
        })
    }
}
