//! The errors of models, stimuli and runs: each says what was wrong, where, and what would be right.

use std::io;
use std::path::{Path, PathBuf};

use caveat_results::ResultsError;
use thiserror::Error;

/// Why a model, a stimulus or a run was refused. Every message is one line.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LmError {
    /// The operating system refused to read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The operating system refused to write.
    #[error("{}: cannot be written: {reason}", path.display())]
    Write {
        /// The file that was to be written.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A file of another format, a damaged one, or one that holds what this program does not support.
    #[error("{}: {problem}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, where, and what would be right.
        problem: String,
    },
    /// A setting, name or value from the user that cannot be used.
    #[error("{0}")]
    Invalid(String),
    /// A download that failed, with what may help.
    #[error("{what}: {problem}")]
    Download {
        /// What was to be fetched.
        what: String,
        /// Why it failed, and what to do.
        problem: String,
    },
    /// A run that failed while it was computing: losses that are not finite, say.
    #[error("{0}")]
    Failed(String),
    /// The person asked for an end.
    #[error("interrupted")]
    Interrupted,
}

/// The result of everything here.
pub type Result<T> = std::result::Result<T, LmError>;

impl LmError {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn write(path: &Path, reason: impl ToString) -> Self {
        Self::Write { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn bad_file(path: &Path, problem: impl Into<String>) -> Self {
        Self::BadFile { path: path.to_owned(), problem: problem.into() }
    }

    pub(crate) fn invalid(problem: impl Into<String>) -> Self {
        Self::Invalid(problem.into())
    }

    pub(crate) fn download(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Download { what: what.into(), problem: problem.into() }
    }
}

impl From<ResultsError> for LmError {
    fn from(e: ResultsError) -> Self {
        match e {
            ResultsError::Write { path, reason } => Self::Write { path, reason },
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Squeezes a foreign message into one line.
pub(crate) fn one_line(message: impl std::fmt::Display) -> String {
    message.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name or text from a file as it appears in a message: in quotes, escaped, and cut after sixty characters.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
