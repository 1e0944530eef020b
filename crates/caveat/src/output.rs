//! Where results go: to standard output in the format asked for, or to files by their extension, whole or not at all.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use caveat_figures::{Figure, Format as Picture};
use caveat_results::{Format, ResultsError, Table, WriteFailure, write_atomically};
use serde::Serialize;

use crate::cli::OutputSpec;
use crate::failure::Failure;
use crate::tell::warn;

/// Prints a table to standard output.
pub(crate) fn print_table(table: &Table, format: Format) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    table.print(format, &mut out)?;
    Ok(out.flush()?)
}

/// Prints text to standard output.
pub(crate) fn print_text(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// Prints bytes to standard output.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}

/// One JSON value and a line end. Numbers that JSON cannot hold (infinities, missing values) are null.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string(value)? + "\n")
}

/// Writes bytes to a file, atomically.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    Ok(write_atomically(path, |out| out.write_all(bytes).map_err(WriteFailure::from))?)
}

impl OutputSpec {
    /// Before long work, refuses files that cannot be written, that are also read, or that two results would share.
    pub(crate) fn check<'a>(
        &'a self,
        read: impl IntoIterator<Item = &'a Path>,
        tables: &[&'a Option<PathBuf>],
        pictures: &[&'a Option<PathBuf>],
    ) -> Result<(), Failure> {
        let tables: Vec<&Path> = [&self.output].iter().chain(tables).filter_map(|path| path.as_deref()).collect();
        let pictures: Vec<&Path> = pictures.iter().filter_map(|path| path.as_deref()).collect();
        tables.iter().try_for_each(|path| check_table_path(path))?;
        pictures.iter().try_for_each(|path| check_picture_path(path))?;
        check_separate(read, tables.into_iter().chain(pictures))
    }

    /// Whether the result is printed, and no file is written.
    pub(crate) fn is_for_printing(&self) -> bool {
        self.output.is_none()
    }

    /// Whether the result is printed as a table, for a person.
    pub(crate) fn is_for_reading(&self) -> bool {
        self.output.is_none() && self.format == Format::Table
    }

    /// Writes a table to the file asked for, or prints it.
    pub(crate) fn give(&self, table: &Table) -> Result<(), Failure> {
        match &self.output {
            Some(path) => Ok(table.write(path)?),
            None => print_table(table, self.format),
        }
    }

    /// The same for a result that has more in JSON than its table.
    pub(crate) fn give_value<T: Serialize>(&self, table: &Table, value: impl FnOnce() -> T) -> Result<(), Failure> {
        match (&self.output, self.format) {
            (Some(path), _) if path.extension().is_some_and(|e| e == "json") => {
                write_bytes(path, json(&value())?.as_bytes())
            }
            (None, Format::Json) => print_text(&json(&value())?),
            _ => self.give(table),
        }
    }
}

/// Draws a figure into a file, in the format of its extension.
pub(crate) fn write_figure(path: &Path, figure: &Figure) -> Result<(), Failure> {
    let format = Picture::from_path(path)?;
    write_bytes(path, &figure.canvas.render(format)?)?;
    // An SVG uses the fonts of its viewer.
    let boxes = if format == Picture::Svg { BTreeSet::new() } else { figure.canvas.characters_without_font() };
    if !boxes.is_empty() {
        let signs: Vec<String> = boxes.iter().map(char::to_string).collect();
        warn(&format!(
            "{}: no font here has {}, which are boxes in it: install a font that has them, or write an .svg",
            path.display(),
            signs.join(" ")
        ));
    }
    Ok(())
}

/// Before long work, refuses a picture path with an unknown extension or in a place that cannot be written.
pub(crate) fn check_picture_path(path: &Path) -> Result<(), Failure> {
    Picture::from_path(path)?;
    check_writable(path)
}

/// Before long work, refuses an output path that is a directory or whose directory is missing.
pub(crate) fn check_writable(path: &Path) -> Result<(), Failure> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let refuse = |reason: &str| Failure::from(ResultsError::Write { path: path.to_owned(), reason: reason.into() });
    if path.is_dir() {
        return Err(refuse("it is a directory; name a file"));
    }
    if !parent.is_dir() {
        return Err(refuse("its directory does not exist; create it first"));
    }
    Ok(())
}

/// Refuses to overwrite a file that is read, or to write two results to one file.
pub(crate) fn check_separate<'a>(
    read: impl IntoIterator<Item = &'a Path>,
    written: impl IntoIterator<Item = &'a Path>,
) -> Result<(), Failure> {
    let same = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let read: Vec<PathBuf> = read.into_iter().map(same).collect();
    let mut before: Vec<PathBuf> = Vec::new();
    for path in written {
        let found = same(path);
        let problem = if read.contains(&found) {
            "it is read here, and would be overwritten; name another file for the output"
        } else if before.contains(&found) {
            "two results would be written there; name a file for each"
        } else {
            before.push(found);
            continue;
        };
        return Err(Failure::input(format!("{}: {problem}", path.display())));
    }
    Ok(())
}

/// Refuses an output directory that cannot be made because a file is in its place or above it.
pub(crate) fn check_directory(path: &Path) -> Result<(), Failure> {
    match path.ancestors().find(|p| std::fs::symlink_metadata(p).is_ok()) {
        Some(found) if !found.is_dir() => Err(Failure::input(format!(
            "{}: it is a file where a directory is needed; name another one",
            found.display()
        ))),
        _ => Ok(()),
    }
}

/// Refuses a table path whose extension names no table format.
pub(crate) fn check_table_path(path: &Path) -> Result<(), Failure> {
    check_writable(path)?;
    match path.extension().and_then(|e| e.to_str()) {
        Some("parquet" | "csv" | "json") => Ok(()),
        _ => Err(Failure::input(format!("{}: a table ends in {}", path.display(), Table::EXTENSIONS))),
    }
}
