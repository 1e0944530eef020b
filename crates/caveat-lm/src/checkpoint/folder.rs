//! Writes a folder that appears under its name with all its files in it, or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::error::{LmError, Result};

/// Fills a temporary folder beside `target`, which must not exist, and renames it to `target`. On an error nothing is left.
pub(super) fn write_folder(target: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let fail = |reason: String| LmError::write(target, reason);
    if target.symlink_metadata().is_ok() {
        return Err(fail("the name is taken: choose another, or remove what is there".to_owned()));
    }
    let Some(name) = target.file_name() else {
        return Err(fail("the path does not end in a name".to_owned()));
    };
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !parent.is_dir() {
        return Err(fail(format!("there is no directory {}: create it first", parent.display())));
    }
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".partial");
    // By default a temporary folder is private to its owner; a result should have the usual mode, with the umask applied.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    let temporary = builder.tempdir_in(parent).map_err(|e| fail(e.to_string()))?;
    fill(temporary.path())?;
    fs::rename(temporary.path(), target).map_err(|e| fail(e.to_string()))?;
    // The folder has been renamed, so it must not be removed any more.
    let _ = temporary.keep();
    Ok(())
}

/// Writes a new file and syncs it to the disk.
pub(super) fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let fail = |e: std::io::Error| LmError::write(path, e);
    let file = File::create_new(path).map_err(fail)?;
    let mut out = std::io::BufWriter::with_capacity(1 << 20, &file);
    write(&mut out)?;
    out.flush().map_err(fail)?;
    drop(out);
    file.sync_data().map_err(fail)
}

/// Writes a new text file.
pub(super) fn write_text(path: &Path, text: &str) -> Result<()> {
    write_file(path, |out| out.write_all(text.as_bytes()).map_err(|e| LmError::write(path, e)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_folder_appears_with_all_its_files() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("adapter");
        write_folder(&target, |folder| {
            assert!(!target.exists());
            write_text(&folder.join("a.txt"), "a")?;
            write_text(&folder.join("b.txt"), "b")
        })
        .unwrap();
        assert_eq!(names(directory.path()), ["adapter"]);
        assert_eq!(fs::read_to_string(target.join("b.txt")).unwrap(), "b");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let ordinary = directory.path().join("ordinary");
            fs::create_dir(&ordinary).unwrap();
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode(&target), mode(&ordinary));
        }
    }

    #[test]
    fn a_failure_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("adapter");
        let error = write_folder(&target, |folder| {
            write_text(&folder.join("a.txt"), "a")?;
            Err(LmError::invalid("no more"))
        });
        assert_eq!(error.unwrap_err().to_string(), "no more");
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn a_name_that_is_taken_and_a_parent_that_is_absent_are_refused_before_anything_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let refusal =
            |target: &Path| write_folder(target, |_| unreachable!("nothing is filled")).unwrap_err().to_string();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        for taken in [directory.path(), &file] {
            assert!(refusal(taken).contains("the name is taken"), "{}", refusal(taken));
        }
        assert!(refusal(&directory.path().join("none/adapter")).contains("none: create it first"));
        assert!(refusal(Path::new("/")).contains("taken"));
        assert_eq!(names(directory.path()), ["file"]);
    }
}
