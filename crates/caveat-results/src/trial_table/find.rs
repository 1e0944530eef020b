//! Finding the files of trial tables under paths, and what the names of their folders say about them.

use std::collections::HashSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::TrialColumn;
use crate::error::{Result, ResultsError};
use crate::input::{AsInput, Input, identity};

/// What a folder is called where the value is missing.
const MISSING: &str = "__HIVE_DEFAULT_PARTITION__";

/// A table, and the columns that its folders give: `setting=full/hier=ti_n9/part-0.parquet`.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    pub(crate) input: Input,
    /// Names and values below the directory that was searched, `None` where missing.
    pub(crate) folders: Vec<(String, Option<String>)>,
    /// The same of the path of that directory itself, which stand in for columns that the table lacks.
    pub(crate) above: Vec<(String, Option<String>)>,
}

impl Located {
    /// A table that was named itself.
    pub(crate) fn file(input: Input) -> Self {
        let above = input.given().parent().map(folders).unwrap_or_default();
        Self { input, folders: Vec::new(), above }
    }
}

/// The files that hold trial tables: every file named, and the tables at any depth under a directory named.
///
/// Under a directory these are the .parquet files; where there is none, .csv, .tsv and .tab files, also packed as .gz or .zst unless
/// the same name is there unpacked.
/// Sorted by path under each name; a file reached twice is listed once. Links to directories are not followed, hidden
/// files and directories are passed over.
///
/// # Errors
/// A path that does not exist or cannot be read, a directory without tables, or no path at all.
pub fn find_tables<P: AsInput>(paths: &[P]) -> Result<Vec<PathBuf>> {
    Ok(locate(paths)?.into_iter().map(|t| t.input.given().to_owned()).collect())
}

/// What [`find_tables`] finds, to be read.
pub(crate) fn locate<P: AsInput>(paths: &[P]) -> Result<Vec<Located>> {
    let (mut tables, mut seen) = (Vec::new(), HashSet::new());
    for path in paths {
        let input = path.as_input();
        let mut found = Vec::new();
        if input.is_dir() {
            let root = input.given();
            let above = folders(root);
            for file in under(root)?.used {
                let below = file.strip_prefix(root).unwrap_or(&file).parent().map(folders).unwrap_or_default();
                found.push(Located { input: Input::new(&file), folders: below, above: above.clone() });
            }
            if found.is_empty() {
                return Err(ResultsError::NoTables { place: root.display().to_string() });
            }
        } else {
            found.push(Located::file(input));
        }
        for table in found {
            if seen.insert(identity(&table.input)?) {
                tables.push(table);
            }
        }
    }
    if tables.is_empty() {
        return Err(ResultsError::NoTables { place: "no path was given".to_owned() });
    }
    Ok(tables)
}

/// What was passed over under directories, in words, a line each: tables in text beside those in Parquet, and packed ones beside
/// the same unpacked.
pub fn tables_passed_over<P: AsInput>(paths: &[P]) -> Vec<String> {
    let mut notes = Vec::new();
    for input in paths.iter().map(AsInput::as_input).filter(Input::is_dir) {
        let Ok(found) = under(input.given()) else { continue };
        for (why, paths) in [
            ("only .parquet files are read", &found.passed_over),
            ("of a table that is there packed as well the unpacked is read", &found.packed),
        ] {
            if let [first, rest @ ..] = paths.as_slice() {
                let more = match rest.len() {
                    0 => String::new(),
                    n => format!(" and {n} more"),
                };
                let place = input.path().display();
                notes.push(format!("{place}: {why}; passed over: {}{more}", first.display()));
            }
        }
    }
    notes
}

struct Under {
    used: Vec<PathBuf>,
    /// Tables in text beside some in Parquet.
    passed_over: Vec<PathBuf>,
    /// Packed tables beside the same unpacked.
    packed: Vec<PathBuf>,
}

/// The tables under a directory, and those in text where there are some in Parquet.
fn under(directory: &Path) -> Result<Under> {
    let (mut parquet, mut text) = (Vec::new(), Vec::new());
    collect(directory, &mut parquet, &mut text)?;
    parquet.sort();
    text.sort();
    Ok(match parquet.is_empty() {
        true => {
            // Their rows would count twice.
            let is_copy = |path: &PathBuf| {
                let is_packed =
                    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz") || e.eq_ignore_ascii_case("zst"));
                is_packed && text.binary_search(&path.with_extension("")).is_ok()
            };
            let (packed, used) = text.iter().cloned().partition(is_copy);
            Under { used, passed_over: Vec::new(), packed }
        }
        false => Under { used: parquet, passed_over: text, packed: Vec::new() },
    })
}

fn collect(directory: &Path, parquet: &mut Vec<PathBuf>, text: &mut Vec<PathBuf>) -> Result<()> {
    let read = |e| ResultsError::read(directory, e);
    for entry in fs::read_dir(directory).map_err(read)? {
        let entry = entry.map_err(read)?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if name.starts_with('.') {
            continue;
        }
        if entry.file_type().map_err(read)?.is_dir() {
            collect(&path, parquet, text)?;
            continue;
        }
        let unpacked = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
        let list = match unpacked.rsplit_once('.').map(|(_, extension)| extension) {
            Some("parquet" | "parq" | "pq") => &mut *parquet,
            Some("csv" | "tsv" | "tab") => &mut *text,
            _ => continue,
        };
        if path.is_file() {
            list.push(path);
        }
    }
    Ok(())
}

/// The `name=value` folders of a path, the outermost first; a name that comes twice counts where it stands deepest.
fn folders(path: &Path) -> Vec<(String, Option<String>)> {
    let mut found: Vec<(String, Option<String>)> = Vec::new();
    for component in path.components() {
        let Component::Normal(name) = component else { continue };
        let name = name.to_string_lossy();
        let Some((name, value)) = name.split_once('=').filter(|(name, _)| !name.is_empty()) else { continue };
        let value = (value != MISSING).then(|| decoded(value));
        let name = decoded(name);
        found.retain(|(n, _)| *n != name);
        found.push((name, value));
    }
    found
}

/// Text with `%20` and the like read as the bytes they stand for; what is none stays.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut k = 0;
    while k < bytes.len() {
        let hex = bytes.get(k + 1..k + 3).and_then(|h| std::str::from_utf8(h).ok());
        match hex.filter(|_| bytes[k] == b'%').and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                k += 3;
            }
            None => {
                out.push(bytes[k]);
                k += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// The value that folders give a column, by its name without regard to capitals.
pub(super) fn value_of(folders: &[(String, Option<String>)], column: TrialColumn) -> Option<&Option<String>> {
    folders.iter().find(|(name, _)| name.eq_ignore_ascii_case(column.name())).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_name_and_value_are_decoded() {
        let found = folders(Path::new("/a=1/b/model=a%2Fb%20c/hier=__HIVE_DEFAULT_PARTITION__/=x/50%/a=2"));
        let text = |s: &str| Some(s.to_owned());
        assert_eq!(
            found,
            [("model".to_owned(), text("a/b c")), ("hier".to_owned(), None), ("a".to_owned(), text("2"))]
        );
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%41"), "%zzA");
        assert_eq!(decoded("%ff"), "%ff");
    }
}
