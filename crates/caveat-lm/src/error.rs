//! The errors of models, stimuli and runs: each says what is wrong, where, and what is expected.

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
        /// The file that should have been written.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A file of another format, a damaged one, or one that holds what this program does not support.
    #[error("{}: {problem}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, where, and what is expected.
        problem: String,
    },
    /// A setting, name or value given by the user that cannot be used.
    #[error("{0}")]
    Invalid(String),
    /// A download that failed, with what may help.
    #[error("{what}: {problem}")]
    Download {
        /// What should have been fetched.
        what: String,
        /// Why it failed, and what to do.
        problem: String,
    },
    /// A run that failed while computing, for example because losses are not finite.
    #[error("{0}")]
    Failed(String),
    /// The user cancelled the work.
    #[error("interrupted")]
    Interrupted,
}

/// A result with an error of models, stimuli or runs.
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

/// A message of another library in one line.
pub(crate) fn one_line(message: impl std::fmt::Display) -> String {
    message.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name or text from a file for messages: in quotes, escaped, and cut after sixty characters.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
