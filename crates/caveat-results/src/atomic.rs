//! Writes files so that a partial one never has the final name: to a temporary file beside it, which is then renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::error::{Result, ResultsError};

/// Writes `path` through `write`; the file appears complete under its name, or what was there before stays.
///
/// The content goes to a temporary file in the same directory, is flushed to disk, and renamed. Of a symbolic link the target is
/// replaced. What is neither a file nor absent (a pipe, a device) is written directly, because a rename would replace it by a
/// plain file. No directory is created.
///
/// # Errors
/// [`ResultsError::Write`] if the directory is missing, the target is a directory, or the system refuses; any error of
/// `write` is passed on, I/O errors with the path.
pub fn write_atomically<E>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> std::result::Result<(), E>,
) -> Result<()>
where
    E: Into<WriteFailure>,
{
    let fail = |reason: String| ResultsError::Write { path: path.to_owned(), reason };
    let system = |e: io::Error| fail(e.to_string());
    let run = |file: &File| {
        let mut out = BufWriter::with_capacity(1 << 16, file);
        write(&mut out).map_err(|e| match e.into() {
            WriteFailure::System(e) => system(e),
            WriteFailure::Other(e) => e,
        })?;
        out.flush().map_err(system)
    };

    let target = match fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            return Err(fail("a directory of that name exists: name a file".to_owned()));
        }
        Ok(found) if !found.is_file() => {
            return run(&File::options().write(true).open(path).map_err(system)?);
        }
        Ok(_) => fs::canonicalize(path).map_err(system)?,
        // Absent, a dangling link, or behind a missing directory: the steps below tell these apart.
        Err(_) => path.to_owned(),
    };
    let Some(name) = target.file_name() else {
        return Err(fail("the path does not end in a file name".to_owned()));
    };
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !directory.is_dir() {
        return Err(fail(format!("there is no directory {}: create it first", directory.display())));
    }
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".partial");
    // Temporary files are private to their owner by default; a result should have the usual mode, with the umask applied.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let temporary = builder.tempfile_in(directory).map_err(system)?;
    run(temporary.as_file())?;
    temporary.as_file().sync_data().map_err(system)?;
    temporary.persist(&target).map_err(|e| system(e.error))?;
    Ok(())
}

/// What can go wrong inside the closure of [`write_atomically`].
#[derive(Debug)]
pub enum WriteFailure {
    /// The system refused a write; the path is added to the message.
    System(io::Error),
    /// Anything else, passed on as it is.
    Other(ResultsError),
}

impl From<io::Error> for WriteFailure {
    fn from(e: io::Error) -> Self {
        Self::System(e)
    }
}

impl From<ResultsError> for WriteFailure {
    fn from(e: ResultsError) -> Self {
        Self::Other(e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        for text in ["first, longer", "second"] {
            write_atomically(&path, |out| out.write_all(text.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(names(directory.path()), ["a.csv"]);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        fs::write(&path, "old").unwrap();
        let error = write_atomically(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        })
        .unwrap_err();
        assert_eq!(error.to_string(), format!("{}: cannot be written: disk full", path.display()));
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(directory.path()), ["a.csv"]);
    }

    #[test]
    fn a_missing_directory_and_a_directory_as_target_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("none/a.csv");
        let message = |path: &Path| write_atomically(path, |_| io::Result::Ok(())).unwrap_err().to_string();
        assert!(message(&path).contains("none: create it first"), "{}", message(&path));
        assert!(message(directory.path()).contains("a directory of that name exists"));
        fs::create_dir_all(directory.path().join("none")).unwrap();
        write_atomically(&path, |_| io::Result::Ok(())).unwrap();
        assert!(path.is_file());
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_is_kept_and_its_target_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let (target, link) = (directory.path().join("target.csv"), directory.path().join("link.csv"));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_atomically(&link, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_has_the_mode_of_ordinary_files() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let (ordinary, ours) = (directory.path().join("ordinary"), directory.path().join("ours"));
        fs::write(&ordinary, "").unwrap();
        write_atomically(&ours, |_| io::Result::Ok(())).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&ordinary));
    }
}
