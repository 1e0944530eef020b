//! The errors of reading and writing results: each says what was wrong, where, and what would be right.

use std::io;
use std::path::{Path, PathBuf};

use caveat_theory::TheoryError;
use thiserror::Error;

/// Why a file was refused or could not be written. Every message is one line: what is wrong, where, and what would be right.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ResultsError {
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
        /// Why not, and where it helps, what would be right.
        reason: String,
    },
    /// A file whose content is wrong: another format, damage, a bad value, or nothing to read.
    #[error("{}: {problem}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// A directory without trial tables, or no path at all.
    #[error(
        "{place}: no trial tables found{passed_over}: name a table in Parquet or CSV, or a directory that holds .parquet, .csv or .tsv files; folders of \
         runs (results.json) become one with `caveat results convert`"
    )]
    NoTables {
        /// The directory that was searched.
        place: String,
        /// Tables found there that are not read, in words after a space; usually empty.
        passed_over: String,
    },
    /// A trial table whose columns are missing or of the wrong type.
    #[error("{}: {problem}", path.display())]
    BadColumn {
        /// The file.
        path: PathBuf,
        /// Which column, and what was expected.
        problem: String,
    },
    /// A request or a table to be written that contradicts itself or names something unknown.
    #[error("{0}")]
    BadTable(String),
    /// Trained pairs of a condition that make no task.
    #[error("{context}: {source}")]
    Theory {
        /// Which condition or file.
        context: String,
        /// The theory's reason.
        source: TheoryError,
    },
}

/// Result of reading or writing.
pub type Result<T> = std::result::Result<T, ResultsError>;

impl ResultsError {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn bad_file(path: &Path, problem: impl Into<String>) -> Self {
        Self::BadFile { path: path.to_owned(), problem: problem.into() }
    }

    /// A file of zero bytes, or without anything but white space.
    pub(crate) fn empty_file(path: &Path, expected: &str) -> Self {
        Self::bad_file(path, format!("the file is empty (0 bytes): expected {expected}"))
    }

    /// A table without rows to use; `filter` says which were looked for, as " with phase post", and is empty for any row.
    pub(crate) fn no_rows(path: &Path, filter: &str, expected: &str) -> Self {
        Self::bad_file(path, format!("the table has no rows{filter}: expected {expected}"))
    }

    /// An output file whose extension names no supported format.
    pub(crate) fn unknown_extension(path: &Path, supported: &str) -> Self {
        let found = match path.extension() {
            Some(extension) => format!("unknown extension .{}", extension.to_string_lossy().to_ascii_lowercase()),
            None => "no file extension".to_owned(),
        };
        Self::bad_file(path, format!("{found}: expected {supported}"))
    }

    pub(crate) fn unknown_choice(what: &str, value: &str, choices: impl std::fmt::Display) -> Self {
        Self::BadTable(format!("unknown {what} {value:?}: expected {choices}"))
    }
}

/// Squeezes a foreign message into one line.
pub(crate) fn one_line(message: impl std::fmt::Display) -> String {
    message.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first `most` names with commas between, and how many more there are.
pub(crate) fn first_names(names: &[String], most: usize) -> String {
    let shown = names[..names.len().min(most)].join(", ");
    if names.len() > most { format!("{shown} and {} more", names.len() - most) } else { shown }
}

/// `"a", "b", "c"`, cut after thirty names.
pub(crate) fn name_list(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("{:?}", name.as_ref())).collect();
    if names.is_empty() { "no columns".to_owned() } else { first_names(&names, 30) }
}
