//! Errors of drawing: what was wrong with an input, or why a picture could not be rendered.

use caveat_results::ResultsError;
use caveat_theory::TheoryError;

/// Why a figure could not be drawn or rendered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FigureError {
    /// An input holds nothing to draw.
    #[error("{figure} has nothing to draw: {missing}")]
    Nothing {
        /// Name of the figure.
        figure: &'static str,
        /// What is missing, and what would be right.
        missing: String,
    },
    /// An input has a wrong shape or value.
    #[error("{what}: {problem}")]
    BadInput {
        /// Which input.
        what: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// A file name whose extension is not a picture format.
    #[error("'{0}' does not end in .svg, .pdf or .png")]
    UnknownFormat(String),
    /// The picture was drawn but could not be turned into the wanted format.
    #[error("rendering {format}: {problem}")]
    Render {
        /// Wanted format.
        format: &'static str,
        /// What the renderer said.
        problem: String,
    },
    /// The theory behind the figure refused its inputs.
    #[error(transparent)]
    Theory(#[from] TheoryError),
    /// The numbers of the figure do not make a table.
    #[error(transparent)]
    Table(#[from] ResultsError),
}

impl FigureError {
    /// A figure that has nothing to draw.
    pub(crate) fn nothing(figure: &'static str, missing: impl Into<String>) -> Self {
        Self::Nothing { figure, missing: missing.into() }
    }

    /// An input of a wrong shape or value.
    pub(crate) fn bad(what: &'static str, problem: impl Into<String>) -> Self {
        Self::BadInput { what, problem: problem.into() }
    }
}

/// Result of drawing.
pub type Result<T> = std::result::Result<T, FigureError>;
