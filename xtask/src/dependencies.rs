//! What `cargo xtask lint` asks of dependencies: that each is compiled once for all builds, and that all are used.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use crate::shell::{Done, entries, output, root, rust_files};

/// The crate that asks for the features of the largest build.
const SHARED: &str = "crates/workspace-hack/Cargo.toml";

/// How everything is built for the tests, with language models.
pub(crate) const ALL: [&str; 3] = ["--workspace", "--features", "caveat/lm"];

/// What is built by itself: in words, its package, and the kinds of its dependencies.
const BUILDS: [(&str, &str, &str); 7] = [
    ("the command", "caveat", "normal,build"),
    ("the Python package", "caveat-python", "normal,build"),
    ("caveat-theory with its tests", "caveat-theory", "normal,build,dev"),
    ("caveat-results with its tests", "caveat-results", "normal,build,dev"),
    ("caveat-figures with its tests", "caveat-figures", "normal,build,dev"),
    ("caveat-analysis with its tests", "caveat-analysis", "normal,build,dev"),
    ("caveat-lm with its tests", "caveat-lm", "normal,build,dev"),
];

/// Refuses dependencies whose features differ between the command, the Python package, the tests of a crate and those of all: they
/// would be built more than once, which takes many minutes.
pub(crate) fn shared() -> Done {
    let largest = features(&[&ALL[..], &["--edges", "normal,build,dev"]].concat())?;
    let command = features(&["--package", "caveat", "--edges", "normal,build"])?;
    for (what, package, edges) in BUILDS {
        let smaller: BTreeSet<String> = features(&["--package", package, "--edges", edges])?
            .into_iter()
            // The command itself may have language models or not.
            .filter(|line| !line.starts_with("caveat v"))
            .collect();
        // A dependency that the command does not need costs it nothing.
        let is_of_command = |line: &&str| command.iter().any(|other| package_of(other) == package_of(line));
        let different: Vec<&str> = smaller.difference(&largest).map(String::as_str).filter(is_of_command).collect();
        if !different.is_empty() {
            let wanted: Vec<String> = different.iter().map(|line| wanted(line, &largest)).collect();
            return Err(format!(
                "{what} has dependencies with features that the tests enlarge: {SHARED} can ask for the same, in lines as\n{}",
                wanted.join("\n")
            ));
        }
    }
    Ok(())
}

/// The line of a manifest that asks for all features of a dependency.
fn wanted(line: &str, largest: &BTreeSet<String>) -> String {
    let package = package_of(line);
    let found = largest.iter().find(|other| package_of(other) == package);
    let features = found.and_then(|other| other.split_whitespace().nth(2)).unwrap_or_default();
    let (name, version) = package.split_once(" v").unwrap_or((&package, ""));
    let listed: Vec<String> = features.split(',').filter(|f| !f.is_empty()).map(|f| format!("{f:?}")).collect();
    format!("{name} = {{ version = {version:?}, default-features = false, features = [{}] }}", listed.join(", "))
}

/// Name and version at the beginning of a line.
fn package_of(line: &str) -> String {
    line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// Every dependency with its features, a line each.
fn features(chosen: &[&str]) -> Result<BTreeSet<String>, String> {
    let listed = ["tree", "--locked", "--prefix", "none", "--format", "{p} {f}"];
    let text = output(Command::new("cargo").args(listed).args(chosen), "cargo tree")?;
    // (*) marks a dependency that was listed before.
    let lines = text.lines().map(|line| line.replace(" (*)", "").trim().to_owned());
    Ok(lines.filter(|line| !line.is_empty()).collect())
}

/// Refuses dependencies that a crate lists and none of its files names.
pub(crate) fn used() -> Done {
    let mut unused = Vec::new();
    let crates = entries(&root().join("crates"))?.into_iter();
    // The shared features are there for their dependencies alone.
    let crates = crates.filter(|folder| !folder.ends_with("workspace-hack"));
    for folder in crates.chain(["python", "xtask"].map(|folder| root().join(folder))) {
        let manifest = folder.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).map_err(|e| format!("{}: {e}", manifest.display()))?;
        let mut sources = String::new();
        for part in ["src", "tests", "examples", "benches", "build.rs"] {
            sources.extend(rust_files(&folder.join(part))?.into_iter().map(|(_, text)| text));
        }
        let has_script = folder.join("build.rs").is_file();
        let folder = folder.strip_prefix(root()).unwrap_or(&folder).display();
        for (table, names) in dependencies(&text) {
            if table == "build-dependencies" && !has_script {
                unused.push(format!("{folder}: [{table}] without build.rs"));
            }
            // Shared features need no mention.
            let is_used = |name: &String| name == "workspace-hack" || mentions(&sources, &name.replace('-', "_"));
            unused.extend(names.iter().filter(|name| !is_used(name)).map(|name| format!("{folder}: {name}")));
        }
    }
    if unused.is_empty() { Ok(()) } else { Err(format!("dependencies that no file names: {}", unused.join(", "))) }
}

/// The names in every table of dependencies of a manifest.
fn dependencies(manifest: &str) -> BTreeMap<&str, Vec<String>> {
    let mut tables: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut table = "";
    for line in manifest.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            table = name;
            continue;
        }
        if !table.ends_with("dependencies") || line.starts_with('#') {
            continue;
        }
        let name: String = line.chars().take_while(|c| c.is_alphanumeric() || ['-', '_'].contains(c)).collect();
        if !name.is_empty() && line[name.len()..].starts_with(['.', ' ', '=']) {
            tables.entry(table).or_default().push(name);
        }
    }
    tables
}

/// Whether the sources contain a name as a whole word.
fn mentions(sources: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    sources
        .match_indices(name)
        .any(|(at, _)| !sources[..at].ends_with(is_part) && !sources[at + name.len()..].starts_with(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_dependencies_are_read_from_a_manifest() {
        let manifest = "[package]\nname = \"a\"\n[dependencies]\n# note = 1\nb.workspace = true\nc-d = { version = \"1\" }\n\
                        features-of = \"2\"\n[build-dependencies]\nsyn = \"3\"\n[[bin]]\nname = \"x\"\n";
        let tables = dependencies(manifest);
        assert_eq!(tables["dependencies"], ["b", "c-d", "features-of"]);
        assert_eq!(tables["build-dependencies"], ["syn"]);
        assert_eq!(tables.len(), 2);
    }

    #[test]
    fn a_name_is_mentioned_as_a_word_only() {
        assert!(mentions("use c_d::x;", "c_d"));
        assert!(!mentions("use ac_d::x; c_de", "c_d"));
    }

    #[test]
    fn the_line_for_a_manifest_asks_for_the_features_of_the_largest_build() {
        let largest = BTreeSet::from(["half v2.7.1 alloc,serde".to_owned(), "other v1.0.0".to_owned()]);
        assert_eq!(
            wanted("half v2.7.1 alloc", &largest),
            "half = { version = \"2.7.1\", default-features = false, features = [\"alloc\", \"serde\"] }"
        );
    }
}
