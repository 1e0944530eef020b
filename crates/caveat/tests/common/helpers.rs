//! What the tests of the command share: a directory to run it in, its outcomes, trial tables made from its predictions.
#![allow(dead_code, reason = "both test programs use a part")]

pub(crate) mod trials;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

/// An empty directory that the command runs in.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), content).unwrap();
        self
    }

    pub(crate) fn make_directory(&self, name: &str) -> &Self {
        fs::create_dir_all(self.path(name)).unwrap();
        self
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }

    /// Everything below the directory, with the bytes of files.
    pub(crate) fn content(&self) -> Vec<(PathBuf, Option<Vec<u8>>)> {
        fn walk(directory: &Path, found: &mut Vec<(PathBuf, Option<Vec<u8>>)>) {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, found);
                    found.push((path, None));
                } else {
                    let bytes = fs::read(&path).unwrap();
                    found.push((path, Some(bytes)));
                }
            }
        }
        let mut found = Vec::new();
        walk(self.0.path(), &mut found);
        found.sort();
        found
    }

    /// The command with arguments that are set apart by spaces.
    pub(crate) fn command(&self, line: &str) -> assert_cmd::Command {
        self.command_of(&line.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn command_of(&self, arguments: &[&str]) -> assert_cmd::Command {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("caveat");
        // No test depends on models that somebody has fetched.
        command.args(arguments).current_dir(self.0.path()).env("CAVEAT_CACHE", self.path("cache"));
        command
    }

    pub(crate) fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// What the command prints; it must succeed.
    pub(crate) fn ok(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "caveat {line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The JSON that the command prints with `--format json`.
    pub(crate) fn json(&self, line: &str) -> Value {
        let text = self.ok(&format!("{line} --format json"));
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("caveat {line}: {e}: {text}"))
    }

    /// The complaint of the command about bad usage or input; it must be one line and leave no trace.
    pub(crate) fn refused(&self, line: &str) -> String {
        self.refused_of(&line.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn refused_of(&self, arguments: &[&str]) -> String {
        let before = self.content();
        let output = self.command_of(arguments).output().unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {complaint}");
        assert!(output.stdout.is_empty(), "{arguments:?} prints {}", String::from_utf8_lossy(&output.stdout));
        assert!(complaint.starts_with("error: ") && complaint.ends_with('\n'), "{arguments:?}: {complaint}");
        assert_eq!(complaint.lines().count(), 1, "{arguments:?}: {complaint}");
        assert!(self.content() == before, "{arguments:?} leaves files behind or changes them");
        complaint
    }

    /// The complaint must say each of the words.
    pub(crate) fn refused_saying(&self, line: &str, words: &[&str]) {
        let complaint = self.refused(line);
        for word in words {
            assert!(complaint.contains(word), "caveat {line}: should say {word:?}: {complaint}");
        }
    }
}

/// Whether two numbers agree to a relative (below 1: absolute) tolerance.
pub(crate) fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1.0)
}

#[track_caller]
pub(crate) fn assert_close(value: &Value, expected: f64, tolerance: f64) {
    let found = value.as_f64().unwrap_or_else(|| panic!("{value} should be {expected}"));
    assert!(close(found, expected, tolerance), "{found} should be {expected}");
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// The margins of `predict`.
pub(crate) fn margins(prediction: &Value) -> Vec<Vec<f64>> {
    prediction["margins"].as_array().unwrap().iter().map(numbers).collect()
}

pub(crate) fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[track_caller]
pub(crate) fn assert_margins_agree(a: &Value, b: &Value, tolerance: f64) {
    let (a, b) = (margins(a), margins(b));
    assert_eq!(a.len(), b.len());
    for (i, (row_a, row_b)) in a.iter().zip(&b).enumerate() {
        for (j, (x, y)) in row_a.iter().zip(row_b).enumerate() {
            assert!((x - y).abs() <= tolerance, "f({i}, {j}): {x} and {y}");
        }
    }
}

/// The records of a CSV without quotes, header first.
pub(crate) fn records(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split(',').collect()).collect()
}

/// Names of the columns and number of rows of a Parquet file.
pub(crate) fn parquet_shape(path: &Path) -> (Vec<String>, i64) {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    let metadata = reader.metadata().file_metadata();
    let names = metadata.schema_descr().columns().iter().map(|c| c.name().to_owned()).collect();
    (names, metadata.num_rows())
}

/// Whether a file is a picture of the format that its extension names.
pub(crate) fn is_picture(path: &Path) -> bool {
    let bytes = fs::read(path).unwrap();
    match path.extension().and_then(|e| e.to_str()) {
        Some("svg") => String::from_utf8(bytes).is_ok_and(|s| s.contains("<svg") && s.trim_end().ends_with("</svg>")),
        Some("pdf") => bytes.starts_with(b"%PDF-") && bytes.trim_ascii_end().ends_with(b"%%EOF"),
        Some("png") => bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.ends_with(b"IEND\xaeB\x60\x82"),
        _ => false,
    }
}

/// The directory of published language-model results that the environment names, if it does.
pub(crate) fn published() -> Option<String> {
    let directory = std::env::var("CAVEAT_PUBLISHED_LM").ok().filter(|d| !d.is_empty());
    if directory.is_none() {
        println!("skipped: CAVEAT_PUBLISHED_LM is not set");
    }
    directory
}

/// The example task of the documentation.
pub(crate) const TASK: &str = "-n 9 --exception 5 3";

/// The directory of published choices that the environment names, if it does.
pub(crate) fn behavior() -> Option<String> {
    let directory = std::env::var("CAVEAT_BEHAVIOR").ok().filter(|d| !d.is_empty());
    if directory.is_none() {
        println!("skipped: CAVEAT_BEHAVIOR is not set");
    }
    directory
}
