//! Finds the files of trial tables under paths, and reads the `name=value` folders that they lie in.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use walkdir::WalkDir;

use super::columns::TrialColumn;
use crate::error::{Result, ResultsError, first_names};
use crate::input::{AsInput, Input, identity};

/// The value in the name of a folder that stands for a missing one.
pub(super) const MISSING: &str = "__HIVE_DEFAULT_PARTITION__";

/// A table, with the columns that its folders give: `setting=full/hier=ti_n9/part-0.parquet`.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    pub(crate) input: Input,
    /// Names and values of the folders below the directory that was searched; `None` is a missing value.
    pub(crate) folders: Vec<(String, Option<String>)>,
    /// The same from the path of that directory; they stand for columns that the table lacks.
    pub(crate) above: Vec<(String, Option<String>)>,
}

impl Located {
    /// A table that was itself given as a path.
    pub(crate) fn file(input: Input) -> Self {
        let above = input.given().parent().map(folders).unwrap_or_default();
        Self { input, folders: Vec::new(), above }
    }
}

/// Finds the tables to read: the files given, and those at any depth under the directories given.
///
/// Under a directory these are the .parquet files; if there is none, the .csv, .tsv and .tab files, also packed as .gz or .zst
/// unless the same file is there unpacked. They are sorted by path, and a file reached twice is listed once. Links to directories
/// are not followed; files and directories whose names begin with `.` or `_` are passed over.
pub(crate) fn locate<P: AsInput>(paths: &[P]) -> Result<Vec<Located>> {
    let (mut tables, mut seen) = (Vec::new(), HashSet::new());
    for path in paths {
        let input = path.as_input();
        let mut found = Vec::new();
        if input.is_dir() {
            let root = input.given();
            let above = folders(root);
            let Under { used, hidden, .. } = tables_under(root)?;
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

/// Notes on tables under directories that are not read: text beside Parquet, packed files beside the same unpacked, and names that
/// begin with a point or an underscore.
pub fn tables_passed_over<P: AsInput>(paths: &[P]) -> Vec<String> {
    let mut notes = Vec::new();
    for input in paths.iter().map(AsInput::as_input).filter(Input::is_dir) {
        // For a directory without tables, the error says it.
        let Some(found) = tables_under(input.given()).ok().filter(|found| !found.used.is_empty()) else { continue };
        for (why, paths) in [
            ("only .parquet files are read", &found.passed_over),
            ("of a table that is there packed as well the unpacked is read", &found.packed),
            ("names that begin with . or _ are passed over", &found.hidden),
        ] {
            if !paths.is_empty() {
                let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
                notes.push(format!("{}: {why}; passed over: {}", input.path().display(), first_names(&paths, 1)));
            }
        }
    }
    notes
}

/// The tables under a directory, each list sorted by path.
#[derive(Default)]
struct Under {
    used: Vec<PathBuf>,
    /// Tables in text, if there are also some in Parquet.
    passed_over: Vec<PathBuf>,
    /// Packed tables that are also there unpacked.
    packed: Vec<PathBuf>,
    /// Tables whose names, or those of a directory that they are in, begin with a point or an underscore.
    hidden: Vec<PathBuf>,
}

/// Looks for tables at any depth under a directory; does not follow links to directories.
fn tables_under(directory: &Path) -> Result<Under> {
    let is_hidden = |path: &Path| {
        let below = path.strip_prefix(directory).unwrap_or(path);
        below.iter().any(|name| name.to_string_lossy().starts_with(['.', '_']))
    };
    let (mut parquet, mut text, mut hidden) = (Vec::new(), Vec::new(), Vec::new());
    for entry in WalkDir::new(directory).min_depth(1) {
        let path = match entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => entry.into_path(),
            // Hidden files would not be read anyway.
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
            Some("parquet" | "parq" | "pq" | "csv" | "tsv" | "tab") if is_hidden(&path) => &mut hidden,
            Some("parquet" | "parq" | "pq") => &mut parquet,
            Some("csv" | "tsv" | "tab") => &mut text,
            _ => continue,
        };
        if path.is_file() {
            list.push(path);
        }
    }
    parquet.sort();
    text.sort();
    hidden.sort();
    if !parquet.is_empty() {
        return Ok(Under { used: parquet, passed_over: text, hidden, ..Under::default() });
    }
    // The rows of a table that is there packed and unpacked would count twice.
    let is_copy = |path: &PathBuf| {
        let is_packed = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz") || e.eq_ignore_ascii_case("zst"));
        is_packed && text.binary_search(&path.with_extension("")).is_ok()
    };
    let (packed, used) = text.iter().cloned().partition(is_copy);
    Ok(Under { used, packed, hidden, ..Under::default() })
}

/// Refuses two tables that are equal byte by byte and lie in folders that say the same: their rows would count twice.
pub(crate) fn refuse_copies(tables: &[Located], remedy: &str) -> Result<()> {
    let mut alike: HashMap<_, Vec<&Located>> = HashMap::new();
    // Pipes can be read only once, by their reader.
    for table in tables.iter().filter(|table| !table.input.is_standard_input()) {
        let path = table.input.given();
        if let Ok(found) = fs::metadata(path)
            && found.is_file()
            && found.len() > 0
        {
            let ends = hash_ends(path, found.len()).unwrap_or_default();
            alike.entry((found.len(), ends, &table.folders, &table.above)).or_default().push(table);
        }
    }
    let mut copies: Vec<(&Path, &Path)> = Vec::new();
    for tables in alike.values() {
        for (k, later) in tables.iter().enumerate() {
            let is_copy = |earlier: &&&Located| is_same(earlier.input.given(), later.input.given()).unwrap_or(false);
            copies.extend(tables[..k].iter().find(is_copy).map(|earlier| (earlier.input.path(), later.input.path())));
        }
    }
    let Some((first, copy)) = copies.into_iter().min() else { return Ok(()) };
    let problem = format!(
        "holds byte for byte what {} holds, so that its rows would count twice: name one of them{remedy}",
        first.display()
    );
    Err(ResultsError::bad_file(copy, problem))
}

/// A hash of the beginning and the end of a file.
fn hash_ends(path: &Path, size: u64) -> io::Result<u64> {
    const BYTES: u64 = 1 << 12;
    let (mut file, mut ends) = (File::open(path)?, Vec::new());
    file.by_ref().take(BYTES).read_to_end(&mut ends)?;
    file.seek(SeekFrom::Start(size.saturating_sub(BYTES)))?;
    file.take(BYTES).read_to_end(&mut ends)?;
    Ok(BuildHasherDefault::<DefaultHasher>::default().hash_one(ends))
}

/// Whether two files are equal.
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

/// The `name=value` folders of a path, the outermost first. Of a name that occurs twice, the deepest counts.
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

/// Decodes `%20` and the like; anything else stays.
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

/// The value that folders give to a column; capitals in their names do not matter.
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
