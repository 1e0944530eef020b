//! Why a request was not answered: its input, a file, a computation, or too little memory.

use std::fmt::Display;

use caveat_figures::FigureError;
use caveat_results::ResultsError;
use caveat_theory::{ErrorKind, Named, TheoryError};

/// Result of an analysis.
pub type Result<T, E = AnalysisError> = std::result::Result<T, E>;

/// Why a request was not answered. The words name arguments in ⟨brackets⟩, which each face spells its own way
/// ([`caveat_results::spell_arguments`]).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnalysisError {
    /// A request or data that must be corrected.
    #[error("{0}")]
    Input(String),
    /// A file that cannot be read or written.
    #[error("{0}")]
    File(String),
    /// A computation that failed on valid input.
    #[error("{0}")]
    Run(String),
    /// A computation that was not begun because memory is too small for it; ask for a smaller one.
    #[error("{0}")]
    Memory(String),
}

impl AnalysisError {
    /// Bad input.
    pub fn input(words: impl Into<String>) -> Self {
        Self::Input(words.into())
    }

    /// The same error, with its place in front.
    pub fn in_place(mut self, place: impl Display) -> Self {
        let (Self::Input(words) | Self::File(words) | Self::Run(words) | Self::Memory(words)) = &mut self;
        *words = format!("{place}: {words}");
        self
    }
}

/// The choice with this name, of an argument.
///
/// # Errors
/// [`AnalysisError::Input`] for an unknown name, with the known ones.
pub fn choice<T: Named>(argument: &str, name: &str) -> Result<T> {
    T::from_argument(name).ok_or_else(|| {
        let known = T::list_arguments();
        AnalysisError::input(format!("{argument}: '{name}' is unknown: expected one of {known}"))
    })
}

impl From<TheoryError> for AnalysisError {
    fn from(error: TheoryError) -> Self {
        match error.kind() {
            ErrorKind::Input => Self::Input(error.to_string()),
            ErrorKind::Numerics => Self::Run(error.to_string()),
            ErrorKind::Memory => Self::Memory(error.to_string()),
        }
    }
}

impl From<ResultsError> for AnalysisError {
    fn from(error: ResultsError) -> Self {
        match error {
            ResultsError::Read { .. } | ResultsError::Write { .. } => Self::File(error.to_string()),
            _ => Self::Input(error.to_string()),
        }
    }
}

impl From<FigureError> for AnalysisError {
    fn from(error: FigureError) -> Self {
        match error {
            FigureError::Theory(error) => error.into(),
            FigureError::Table(error) => error.into(),
            FigureError::Render { .. } => Self::Run(error.to_string()),
            _ => Self::Input(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_kind_and_gain_the_place() {
        let failed = || TheoryError::NotConverged { what: "a solver", reached: 1.0, needed: 1e-9, iterations: 3 };
        let placed = |error: TheoryError| AnalysisError::from(error).in_place("condition a");
        assert!(
            matches!(placed(failed()), AnalysisError::Run(words) if words.starts_with("condition a: a solver did not"))
        );
        assert!(matches!(placed(failed().in_place("conjunctivity 0")), AnalysisError::Run(_)));
        assert!(
            matches!(placed(TheoryError::NoComparisons), AnalysisError::Input(words) if words.starts_with("condition a: "))
        );
        let large = TheoryError::TooLarge { what: "a grid".into(), bytes: 2e9, free: 1e9, fits: String::new() };
        assert!(matches!(placed(large), AnalysisError::Memory(_)));
        assert!(matches!(AnalysisError::from(FigureError::Theory(failed())), AnalysisError::Run(_)));
    }
}
