//! Finding the files of trial tables under paths, and what the names of their folders say about them.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use walkdir::WalkDir;

use super::columns::TrialColumn;
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
/// Sorted by path under each name; a file reached twice is listed once. Links to directories are not followed, files and
/// directories whose names begin with `.` or `_` are passed over.
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
            let Under { used, hidden, .. } = under(root)?;
            for file in used {
                let below = file.strip_prefix(root).unwrap_or(&file).parent().map(folders).unwrap_or_default();
                found.push(Located { input: Input::new(&file), folders: below, above: above.clone() });
            }
            if found.is_empty() {
                let passed_over = match hidden.first() {
                    Some(path) => format!(" but {}, and names that begin with . or _ are passed over", path.display()),
                    None => String::new(),
                };
                return Err(ResultsError::NoTables { place: root.display().to_string(), passed_over });
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
        return Err(ResultsError::NoTables { place: "no path was given".to_owned(), passed_over: String::new() });
    }
    Ok(tables)
}

/// What was passed over under directories, in words, a line each: tables in text beside those in Parquet, packed ones beside the
/// same unpacked, and those whose names begin with a point or an underscore.
pub fn tables_passed_over<P: AsInput>(paths: &[P]) -> Vec<String> {
    let mut notes = Vec::new();
    for input in paths.iter().map(AsInput::as_input).filter(Input::is_dir) {
        // Of a directory without tables the error says it.
        let Some(found) = under(input.given()).ok().filter(|found| !found.used.is_empty()) else { continue };
        for (why, paths) in [
            ("only .parquet files are read", &found.passed_over),
            ("of a table that is there packed as well the unpacked is read", &found.packed),
            ("names that begin with . or _ are passed over", &found.hidden),
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
    /// Tables whose names, or those of a directory that they are in, begin with a point or an underscore.
    hidden: Vec<PathBuf>,
}

/// The tables met under a directory.
#[derive(Default)]
struct Met {
    parquet: Vec<PathBuf>,
    text: Vec<PathBuf>,
    hidden: Vec<PathBuf>,
}

/// The tables under a directory, and those in text where there are some in Parquet.
fn under(directory: &Path) -> Result<Under> {
    let Met { mut parquet, mut text, mut hidden } = collect(directory)?;
    parquet.sort();
    text.sort();
    hidden.sort();
    Ok(match parquet.is_empty() {
        true => {
            // Their rows would count twice.
            let is_copy = |path: &PathBuf| {
                let is_packed =
                    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz") || e.eq_ignore_ascii_case("zst"));
                is_packed && text.binary_search(&path.with_extension("")).is_ok()
            };
            let (packed, used) = text.iter().cloned().partition(is_copy);
            Under { used, passed_over: Vec::new(), packed, hidden }
        }
        false => Under { used: parquet, passed_over: text, packed: Vec::new(), hidden },
    })
}

/// Looks for tables at any depth under a directory; links to directories are not followed.
fn collect(directory: &Path) -> Result<Met> {
    let is_hidden = |path: &Path| {
        let below = path.strip_prefix(directory).unwrap_or(path);
        below.iter().any(|name| name.to_string_lossy().starts_with(['.', '_']))
    };
    let mut met = Met::default();
    for entry in WalkDir::new(directory).min_depth(1) {
        let path = match entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => entry.into_path(),
            // Whatever cannot be read there was not to be read.
            Err(e) if e.path().is_some_and(is_hidden) => continue,
            Err(e) => {
                let place = e.path().unwrap_or(directory).to_owned();
                let source = e.into_io_error().unwrap_or_else(|| io::Error::other("it leads back to itself"));
                return Err(ResultsError::read(&place, source));
            }
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let unpacked = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
        let list = match unpacked.rsplit_once('.').map(|(_, extension)| extension) {
            Some("parquet" | "parq" | "pq" | "csv" | "tsv" | "tab") if is_hidden(&path) => &mut met.hidden,
            Some("parquet" | "parq" | "pq") => &mut met.parquet,
            Some("csv" | "tsv" | "tab") => &mut met.text,
            _ => continue,
        };
        if path.is_file() {
            list.push(path);
        }
    }
    Ok(met)
}

/// Refuses two tables that hold the same byte by byte, and are in folders that say the same: their rows would count twice.
pub(crate) fn refuse_copies(tables: &[Located], remedy: &str) -> Result<()> {
    let mut by_size: HashMap<u64, Vec<&Located>> = HashMap::new();
    for table in tables {
        // What is no file by now is read through once, by its reader.
        if let Ok(found) = fs::metadata(table.input.given())
            && found.is_file()
            && found.len() > 0
            && !table.input.is_standard_input()
        {
            by_size.entry(found.len()).or_default().push(table);
        }
    }
    let mut alike: Vec<Vec<&Located>> = Vec::new();
    for (size, tables) in by_size.into_iter().filter(|(_, tables)| tables.len() > 1) {
        let mut by_ends: HashMap<Vec<u8>, Vec<&Located>> = HashMap::new();
        for table in tables {
            by_ends.entry(ends(table.input.given(), size).unwrap_or_default()).or_default().push(table);
        }
        alike.extend(by_ends.into_values().filter(|tables| tables.len() > 1));
    }
    let mut copies: Vec<(&Path, &Path)> = Vec::new();
    for tables in &alike {
        for (k, later) in tables.iter().enumerate() {
            let is_copy = |earlier: &&&Located| {
                earlier.folders == later.folders
                    && earlier.above == later.above
                    && is_same(earlier.input.given(), later.input.given()).unwrap_or(false)
            };
            if let Some(earlier) = tables[..k].iter().find(is_copy) {
                copies.push((earlier.input.path(), later.input.path()));
            }
        }
    }
    let Some((first, copy)) = copies.into_iter().min() else { return Ok(()) };
    let problem = format!(
        "holds byte for byte what {} holds, so that its rows would count twice: name one of them{remedy}",
        first.display()
    );
    Err(ResultsError::bad_file(copy, problem))
}

/// Bytes that two files are first compared by.
const ENDS: usize = 1 << 12;

/// The beginning and the end of a file.
fn ends(path: &Path, size: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut found = Vec::new();
    file.by_ref().take(ENDS as u64).read_to_end(&mut found)?;
    file.seek(SeekFrom::Start(size.saturating_sub(ENDS as u64)))?;
    file.take(ENDS as u64).read_to_end(&mut found)?;
    Ok(found)
}

/// Whether two files hold the same.
fn is_same(a: &Path, b: &Path) -> io::Result<bool> {
    let (mut a, mut b) = (BufReader::new(File::open(a)?), BufReader::new(File::open(b)?));
    loop {
        let (here, there) = (a.fill_buf()?, b.fill_buf()?);
        let n = here.len().min(there.len());
        if n == 0 {
            return Ok(here.len() == there.len());
        }
        if here[..n] != there[..n] {
            return Ok(false);
        }
        a.consume(n);
        b.consume(n);
    }
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
