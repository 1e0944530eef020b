//! Input of readers: a file, a pipe or standard input, recognized by its content and read as text or Parquet.
//!
//! Every reader of tables goes through [`Input`]. It opens a path once. What cannot be read twice (standard input, named pipes,
//! process substitution) is copied to a temporary file, so that it can be read as often as needed.

mod parquet;
mod sniff;
mod text;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tempfile::TempPath;

use crate::error::{Result, ResultsError};
pub(crate) use parquet::{ParquetInput, damaged};
use sniff::Content;
pub use sniff::{Foreign, Remedy, foreign_kind};
pub(crate) use text::TextStream;

/// The name of `-` in messages.
const STANDARD_INPUT: &str = "standard input";

/// How many times its size a Parquet file that was compressed as a whole may unpack to.
const MOST_UNPACKED: u64 = 200;

/// A file, pipe or directory by its path; `-` is standard input.
///
/// Nothing is opened before a reader asks. Clones share what was opened, so that a pipe is read only once.
#[derive(Debug, Clone)]
pub struct Input(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The path for messages.
    shown: Arc<Path>,
    /// The path as it was given.
    given: PathBuf,
    opened: OnceLock<Opened>,
    opening: Mutex<()>,
}

#[derive(Debug)]
struct Opened {
    /// A file that can be opened again: the given one, or a copy of what a pipe held.
    file: PathBuf,
    /// Removes the copy when dropped.
    _copy: Option<TempPath>,
    size: u64,
    content: Content,
}

/// Anything that can be read: a path, or an [`Input`] that may be open already.
pub trait AsInput: Sync {
    /// The input at this path.
    fn as_input(&self) -> Input;
}

impl AsInput for Input {
    fn as_input(&self) -> Input {
        self.clone()
    }
}

impl AsInput for PathBuf {
    fn as_input(&self) -> Input {
        Input::new(self)
    }
}

impl AsInput for Path {
    fn as_input(&self) -> Input {
        Input::new(self)
    }
}

impl<T: AsInput + ?Sized> AsInput for &T {
    fn as_input(&self) -> Input {
        (**self).as_input()
    }
}

impl From<OsString> for Input {
    fn from(path: OsString) -> Self {
        Self::new(Path::new(&path))
    }
}

impl Input {
    /// The input at a path, not opened yet.
    pub fn new(path: &Path) -> Self {
        let shown = if path == Path::new("-") { Path::new(STANDARD_INPUT) } else { path };
        let inner =
            Inner { shown: Arc::from(shown), given: path.to_owned(), opened: OnceLock::new(), opening: Mutex::new(()) };
        Self(Arc::new(inner))
    }

    /// The path for messages.
    pub fn path(&self) -> &Path {
        &self.0.shown
    }

    pub(crate) fn shared_path(&self) -> &Arc<Path> {
        &self.0.shown
    }

    /// The path as it was given: `-` for standard input.
    pub(crate) fn given(&self) -> &Path {
        &self.0.given
    }

    /// Whether it is standard input, given as `-`.
    pub(crate) fn is_standard_input(&self) -> bool {
        self.0.given == Path::new("-")
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        !self.is_standard_input() && self.0.given.is_dir()
    }

    /// Whether the input is Parquet or else text; or an error that names what it is instead of what was `expected`.
    pub(crate) fn is_parquet(&self, expected: &'static str) -> Result<bool> {
        match &self.opened(expected)?.content {
            // Packed Parquet was unpacked when it was opened.
            Content::Parquet | Content::PackedParquet(_) => Ok(true),
            Content::Text { .. } => Ok(false),
            Content::Empty => Err(ResultsError::empty_file(self.path(), expected)),
            Content::Foreign(Foreign { what, remedy }) => {
                let remedy = remedy.words();
                Err(ResultsError::bad_file(self.path(), format!("{what}, where {expected} was expected: {remedy}")))
            }
        }
    }

    /// The error that a file is not a matrix, with how to make one of it; `None` for text.
    pub(crate) fn no_matrix(&self, expected: &'static str) -> Option<ResultsError> {
        let opened = match self.opened(expected) {
            Ok(opened) => opened,
            Err(error) => return Some(error),
        };
        let remedy = "load it in Python, and save the matrix with numpy.save";
        let (what, remedy) = match &opened.content {
            Content::Text { .. } => return None,
            Content::Empty => return Some(ResultsError::empty_file(self.path(), expected)),
            Content::Parquet | Content::PackedParquet(_) => ("a Parquet file", remedy),
            Content::Foreign(Foreign { what, remedy: Remedy::OfFile(words) }) => (*what, *words),
            Content::Foreign(Foreign { what, remedy: Remedy::OfTable(_) }) => (*what, remedy),
        };
        Some(ResultsError::bad_file(self.path(), format!("{what}, where {expected} was expected: {remedy}")))
    }

    /// Size of the file in bytes, as it is stored.
    pub(crate) fn size(&self) -> u64 {
        self.0.opened.get().map_or(0, |o| o.size)
    }

    /// Opens the Parquet file for one reader, as clones of a handle would share its position between threads.
    pub(crate) fn parquet_file(&self, expected: &'static str) -> Result<File> {
        match self.is_parquet(expected)? {
            true => self.reopen(self.opened(expected)?),
            false => Err(ResultsError::bad_file(self.path(), format!("is text: expected {expected}"))),
        }
    }

    /// The text from its beginning, unpacked, in UTF-8 and without a byte-order mark.
    pub(crate) fn text(&self, expected: &'static str) -> Result<TextStream> {
        let opened = self.opened(expected)?;
        match (self.is_parquet(expected)?, &opened.content) {
            (false, Content::Text { packing, encoding }) => {
                TextStream::new(self.reopen(opened)?, *packing, *encoding).map_err(|e| self.unreadable(&e))
            }
            _ => Err(ResultsError::bad_file(self.path(), format!("a Parquet file: expected {expected}"))),
        }
    }

    /// An error of reading the text: damage is blamed on the file, anything else on the system.
    pub(crate) fn unreadable(&self, error: &io::Error) -> ResultsError {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => {
                ResultsError::bad_file(self.path(), crate::error::one_line(error))
            }
            kind => ResultsError::read(self.path(), io::Error::new(kind, error.to_string())),
        }
    }

    fn reopen(&self, opened: &Opened) -> Result<File> {
        File::open(&opened.file).map_err(|e| ResultsError::read(self.path(), e))
    }

    fn opened(&self, expected: &'static str) -> Result<&Opened> {
        if let Some(opened) = self.0.opened.get() {
            return Ok(opened);
        }
        let _one_at_a_time = self.0.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = self.0.opened.get() {
            return Ok(opened);
        }
        let opened = self.open(expected)?;
        Ok(self.0.opened.get_or_init(|| opened))
    }

    fn open(&self, expected: &'static str) -> Result<Opened> {
        let read = |e| ResultsError::read(self.path(), e);
        let (mut file, mut path, mut copy) = if self.is_standard_input() {
            let stdin = io::stdin();
            if stdin.is_terminal() {
                let problem = format!("is a terminal: pipe in {expected}, or name a file");
                return Err(ResultsError::bad_file(self.path(), problem));
            }
            let (file, copy) = self.copy_to_disk(&mut stdin.lock())?;
            (file, copy.to_path_buf(), Some(copy))
        } else {
            let mut file = File::open(&self.0.given).map_err(read)?;
            let kind = file.metadata().map_err(read)?.file_type();
            if kind.is_dir() {
                return Err(ResultsError::bad_file(self.path(), format!("is a directory: expected {expected}")));
            }
            if kind.is_file() {
                (file, self.0.given.clone(), None)
            } else {
                let (file, copy) = self.copy_to_disk(&mut file)?;
                (file, copy.to_path_buf(), Some(copy))
            }
        };
        let mut size = file.metadata().map_err(read)?.len();
        let mut content = sniff::content(&mut file, size).map_err(|e| self.unreadable(&e))?;
        if let Content::PackedParquet(packing) = content {
            // Parquet is read from its end, so it must be unpacked first.
            file.seek(SeekFrom::Start(0)).map_err(read)?;
            let most = size.saturating_mul(MOST_UNPACKED);
            let (file, unpacked) =
                self.copy_to_disk(&mut text::unpack(file, packing).map_err(read)?.take(most.saturating_add(1)))?;
            size = file.metadata().map_err(read)?.len();
            if size > most {
                let problem = format!("unpacks to more than {MOST_UNPACKED} times its size: unpack it first");
                return Err(ResultsError::bad_file(self.path(), problem));
            }
            path = unpacked.to_path_buf();
            copy = Some(unpacked);
            content = Content::Parquet;
        }
        Ok(Opened { file: path, _copy: copy, size, content })
    }

    /// Copies what can be read only once to a temporary file.
    fn copy_to_disk(&self, from: &mut dyn Read) -> Result<(File, TempPath)> {
        let kept = |e: io::Error| {
            let place = std::env::temp_dir();
            let problem = format!(
                "cannot be kept in a temporary file in {} ({}): set TMPDIR to a directory with room",
                place.display(),
                crate::error::one_line(e)
            );
            ResultsError::bad_file(self.path(), problem)
        };
        let mut file = tempfile::Builder::new().prefix("caveat-").tempfile().map_err(kept)?;
        let mut buffer = vec![0; 1 << 18];
        loop {
            let n = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(self.unreadable(&e)),
            };
            file.write_all(&buffer[..n]).map_err(kept)?;
        }
        file.as_file_mut().seek(SeekFrom::Start(0)).map_err(kept)?;
        Ok(file.into_parts())
    }
}

/// The number, from 1, of the first line at or after byte `offset` that is not blank. Lines end in \n, \r\n or \r. Reads the text
/// again, only for error messages, so that readers need not count.
pub(crate) fn line_at(input: &Input, offset: u64) -> u64 {
    let Ok(mut text) = input.text("text") else { return 0 };
    let (mut line, mut at, mut after_return) = (1_u64, 0_u64, false);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = match text.read(&mut buffer) {
            Ok(0) | Err(_) => return line,
            Ok(n) => n,
        };
        for &byte in &buffer[..n] {
            let ends = match byte {
                b'\n' if after_return => false,
                b'\n' | b'\r' => true,
                _ if at >= offset && !byte.is_ascii_whitespace() => return line,
                _ => false,
            };
            after_return = byte == b'\r';
            line += u64::from(ends);
            at += 1;
        }
    }
}

/// The identity of an input: equal for a file that is reached by two paths.
pub(crate) fn identity(input: &Input) -> Result<PathBuf> {
    let given = input.given();
    // A pipe that a shell made has no canonical path.
    if input.is_standard_input() || fs::metadata(given).is_ok_and(|m| !m.is_file() && !m.is_dir()) {
        return Ok(given.to_owned());
    }
    fs::canonicalize(given).map_err(|e| ResultsError::read(input.path(), e))
}

#[cfg(test)]
mod tests;
