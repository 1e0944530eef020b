//! The errors of reading and writing results: each says what was wrong, where, and what would be right.

use std::io;
use std::path::{Path, PathBuf};

use caveat_theory::TheoryError;
use thiserror::Error;

/// Why a file was refused or could not be written. Every message is one line.
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
    /// A file of zero bytes.
    #[error("{}: the file is empty (0 bytes): expected {expected}", path.display())]
    EmptyFile {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// A file of another format, or a damaged one.
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
        /// Where was looked.
        place: String,
        /// What is there and is not read, in words after a space; mostly nothing.
        passed_over: String,
    },
    /// A table with a header but no row to use.
    #[error("{}: the table has no rows{filter}: expected {expected}", path.display())]
    NoRows {
        /// The file.
        path: PathBuf,
        /// Which rows were looked for, as " with phase post"; empty for any row.
        filter: String,
        /// What should be there.
        expected: &'static str,
    },
    /// A column that is needed and absent.
    #[error("{}: column {column:?} is missing{others}: the table has {found}", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// Name of the needed column.
        column: &'static str,
        /// Which others are missing too, as ", and so is \"label\""; empty for none.
        others: String,
        /// The columns there are.
        found: String,
    },
    /// A column of the wrong type.
    #[error("{}: column {column:?} is {found}: expected {expected}", path.display())]
    WrongType {
        /// The file.
        path: PathBuf,
        /// Name of the column.
        column: &'static str,
        /// Its type.
        found: String,
        /// The types that would do.
        expected: &'static str,
    },
    /// A value that a trial table cannot hold there.
    #[error("{}: row {row} (counted from 0), column {column:?}: {problem}", path.display())]
    BadValue {
        /// The file.
        path: PathBuf,
        /// Row of the table, counted from 0 without the header.
        row: u64,
        /// Name of the column.
        column: &'static str,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A line that a comparison list cannot hold.
    #[error("{}: line {line}: {problem}", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// Line of the file, counted from 1 with the header.
        line: u64,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// An extension that names no supported format.
    #[error("{}: {found}: expected {supported}", path.display())]
    UnknownExtension {
        /// The file that was to be written.
        path: PathBuf,
        /// The extension, in words.
        found: String,
        /// The supported extensions.
        supported: &'static str,
    },
    /// A name that is none of the known choices.
    #[error("unknown {what} {value:?}: expected {choices}")]
    UnknownChoice {
        /// What was to be chosen.
        what: &'static str,
        /// The name given.
        value: String,
        /// The names there are.
        choices: String,
    },
    /// A table to be written, or a request to read one, that contradicts itself.
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

    pub(crate) fn unknown_choice(what: &'static str, value: &str, choices: impl Into<String>) -> Self {
        Self::UnknownChoice { what, value: value.to_owned(), choices: choices.into() }
    }
}

/// Opens a file for reading and refuses directories and files of zero bytes; returns its size in bytes with it.
pub(crate) fn open_nonempty(path: &Path, expected: &'static str) -> Result<(std::fs::File, u64)> {
    let file = std::fs::File::open(path).map_err(|e| ResultsError::read(path, e))?;
    let metadata = file.metadata().map_err(|e| ResultsError::read(path, e))?;
    if metadata.is_dir() {
        return Err(ResultsError::bad_file(path, format!("is a directory: expected {expected}")));
    }
    if metadata.is_file() && metadata.len() == 0 {
        return Err(ResultsError::EmptyFile { path: path.to_owned(), expected });
    }
    Ok((file, metadata.len()))
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
pub(crate) fn name_list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("{name:?}")).collect();
    if names.is_empty() { "no columns".to_owned() } else { first_names(&names, 30) }
}
