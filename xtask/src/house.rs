//! What `cargo xtask lint` asks of files: a sentence at the top, at most 500 lines before the tests, and no circle of imports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::shell::{Done, entries, root, rust_files};

/// Most lines of a file before its tests.
const LONGEST: usize = 500;

/// Refuses files without a sentence at the top, long ones, and circles of files that import each other.
pub(crate) fn files() -> Done {
    let crates = entries(&root().join("crates"))?.into_iter();
    let mut problems = Vec::new();
    for folder in crates.chain(["python", "xtask"].map(|folder| root().join(folder))).map(|folder| folder.join("src")) {
        let house = House::new(&folder, rust_files(&folder)?);
        problems.extend(house.unlike_the_others());
        problems.extend(house.circles());
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// A module by its path in the crate; empty for its root.
type Module = Vec<String>;

/// The files of one crate.
struct House {
    folder: PathBuf,
    files: BTreeMap<Module, File>,
}

struct File {
    path: PathBuf,
    text: String,
    /// The paths that it imports, and whether it hands each on.
    uses: Vec<(bool, String)>,
    /// Its code without comments, imports and tests.
    rest: String,
}

impl House {
    fn new(folder: &Path, files: impl IntoIterator<Item = (PathBuf, String)>) -> Self {
        let file = |(path, text): (PathBuf, String)| {
            let (statements, rest) = split_uses(&code(&text));
            let mut uses = Vec::new();
            for (is_handed_on, statement) in statements {
                expand("", &statement, &mut |path| uses.push((is_handed_on, path)));
            }
            (module_of(folder, &path), File { path, text, uses, rest })
        };
        Self { folder: folder.to_owned(), files: files.into_iter().map(file).collect() }
    }

    /// Files without a purpose, files that are too long, and modules in files of the other kind.
    fn unlike_the_others(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for File { path, text, .. } in self.files.values() {
            let path = path.strip_prefix(root()).unwrap_or(path).display();
            if !text.starts_with("//! ") {
                problems
                    .push(format!("{path}: the first line must say what the file is for, as in //! What it is for."));
            }
            let lines = text.lines().position(|line| line == "#[cfg(test)]").unwrap_or(text.lines().count());
            if lines > LONGEST {
                problems.push(format!("{path}: {lines} lines before its tests, and {LONGEST} are the most"));
            }
            if text.starts_with("//! ") && path.to_string().ends_with("/mod.rs") {
                problems.push(format!("{path}: modules with parts are name.rs beside name/, not name/mod.rs"));
            }
        }
        problems
    }

    /// The sets of files that all need each other.
    fn circles(&self) -> Vec<String> {
        let needs: BTreeMap<&Module, BTreeSet<&Module>> =
            self.files.keys().map(|module| (module, self.needed_by(module))).collect();
        // Files that reach each other are one circle.
        let reached: BTreeMap<&Module, BTreeSet<&Module>> = needs
            .keys()
            .map(|&start| {
                let (mut seen, mut next) = (BTreeSet::new(), vec![start]);
                while let Some(at) = next.pop() {
                    next.extend(needs[at].iter().copied().filter(|&to| seen.insert(to)));
                }
                (start, seen)
            })
            .collect();
        let mut told: BTreeSet<&Module> = BTreeSet::new();
        let mut problems = Vec::new();
        for &module in needs.keys() {
            let circle: Vec<&Module> =
                reached[module].iter().copied().filter(|&m| reached[m].contains(module)).collect();
            if circle.len() > 1 && told.insert(module) {
                told.extend(&circle);
                let names: Vec<String> = circle.iter().map(|m| self.name(m)).collect();
                problems.push(format!(
                    "{}: these files need each other, and imports must not go in a circle: {}",
                    self.folder.strip_prefix(root()).unwrap_or(&self.folder).display(),
                    names.join(", ")
                ));
            }
        }
        problems
    }

    fn name(&self, module: &Module) -> String {
        let path = &self.files[module].path;
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }

    /// The modules that define what a module uses, even if others hand it on. Tests count for nothing.
    fn needed_by<'a>(&'a self, module: &Module) -> BTreeSet<&'a Module> {
        if module.iter().any(|part| part == "tests") {
            return BTreeSet::new();
        }
        let File { uses, rest, .. } = &self.files[module];
        let imports = uses.iter().filter(|(is_handed_on, _)| !is_handed_on).map(|(_, path)| split_alias(path).0);
        let mut needed: BTreeSet<&Module> =
            imports.chain(paths_in(rest)).filter_map(|path| self.home_of(module, path, 0)).collect();
        needed.remove(module);
        needed
    }

    /// The module that defines what a path in `module` names; `None` if another crate does.
    fn home_of<'a>(&'a self, module: &Module, path: &str, depth: usize) -> Option<&'a Module> {
        let mut parts: Vec<&str> = path.split("::").collect();
        let mut at: Module = match parts[0] {
            "crate" => Module::new(),
            "self" => module.clone(),
            "super" => {
                let up = parts.iter().take_while(|part| **part == "super").count();
                parts.drain(..up - 1);
                module[..module.len().checked_sub(up)?].to_vec()
            }
            first if self.files.contains_key(&child(module, first)) => child(module, first),
            _ => return None,
        };
        for (k, part) in parts.iter().enumerate().skip(1) {
            let is_last = k + 1 == parts.len();
            let handed_on = self.files[&at].uses.iter().filter(|(is_handed_on, _)| *is_handed_on);
            let handed_on = handed_on.map(|(_, path)| split_alias(path)).rfind(|(_, name)| name == part);
            let below = child(&at, part);
            if self.files.contains_key(&below) && !(is_last && handed_on.is_some()) {
                at = below;
                continue;
            }
            // No name is handed on in a circle.
            if let Some((path, _)) = handed_on.filter(|_| depth < 8) {
                return self.home_of(&at, path, depth + 1).or_else(|| self.files.get_key_value(&at).map(|(m, _)| m));
            }
            break;
        }
        self.files.get_key_value(&at).map(|(module, _)| module)
    }
}

/// What an import names, and by which name.
fn split_alias(path: &str) -> (&str, &str) {
    let (path, name) = path.split_once(" as ").unwrap_or((path, path.rsplit("::").next().unwrap_or(path)));
    (path.trim(), name.trim())
}

fn child(module: &Module, name: &str) -> Module {
    module.iter().map(String::as_str).chain([name]).map(str::to_owned).collect()
}

fn module_of(folder: &Path, path: &Path) -> Module {
    let inside = path.strip_prefix(folder).unwrap_or(path).with_extension("");
    let mut parts: Module = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

/// What stands before the tests, without comments.
fn code(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            match lines.peek() {
                Some(next) if next.ends_with(';') => {
                    lines.next();
                    continue;
                }
                Some(next) if next.starts_with("mod ") => break,
                _ => {}
            }
        }
        kept.push_str(line.split("//").next().unwrap_or_default());
        kept.push('\n');
    }
    kept
}

/// The import statements in code, with whether each hands on what it names, and the rest of the code.
fn split_uses(code: &str) -> (Vec<(bool, String)>, String) {
    let (mut statements, mut rest) = (Vec::new(), String::new());
    let mut lines = code.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(start) = after_use(line) else {
            rest.extend([line, "\n"]);
            continue;
        };
        let mut statement = start.to_owned();
        while !statement.ends_with(';') {
            let Some(line) = lines.next() else { break };
            statement.push_str(line);
        }
        statements.push((line.starts_with("pub"), statement.trim_end_matches(';').to_owned()));
    }
    (statements, rest)
}

/// What follows `use` in a line that begins with it, public or not.
fn after_use(line: &str) -> Option<&str> {
    let after_pub = line.strip_prefix("pub").map_or(line, str::trim_start);
    let after_scope = after_pub.strip_prefix('(').and_then(|rest| Some(rest.split_once(')')?.1.trim_start()));
    after_scope.unwrap_or(after_pub).strip_prefix("use ")
}

/// Calls `found` with every path that an import statement names.
fn expand(before: &str, rest: &str, found: &mut dyn FnMut(String)) {
    let rest = rest.trim();
    let Some((head, inner)) = rest.split_once('{') else {
        if !rest.is_empty() {
            // `self` stands for the module.
            let path = format!("{before}{rest}");
            found(path.strip_suffix("::self").unwrap_or(&path).to_owned());
        }
        return;
    };
    let inner = inner.trim_end().trim_end_matches('}');
    // The last brace of an outer group may have been trimmed with that of an inner one.
    let missing = inner.matches('{').count().saturating_sub(inner.matches('}').count());
    let inner = format!("{inner}{}", "}".repeat(missing));
    let (mut depth, mut start) = (0_usize, 0);
    let before = format!("{before}{head}");
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                expand(&before, &inner[start..at], found);
                start = at + 1;
            }
            _ => {}
        }
    }
    expand(&before, &inner[start..], found);
}

/// Every path of two names or more.
fn paths_in(code: &str) -> impl Iterator<Item = &str> {
    let words = code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    words.map(|word| word.trim_matches(':')).filter(|word| word.contains("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(files: &[(&str, &str)]) -> House {
        let folder = Path::new("src");
        House::new(folder, files.iter().map(|(name, text)| (folder.join(name), (*text).to_owned())))
    }

    #[test]
    fn files_that_need_each_other_are_found_through_what_is_handed_on() {
        let found = house(&[
            ("lib.rs", "mod a;\nmod b;\npub use a::A;\n"),
            ("a.rs", "use crate::b::{B, c};\npub struct A;\n"),
            ("b.rs", "pub fn b() { let _ = crate::A; }\n"),
        ]);
        let circles = found.circles();
        assert!(circles.len() == 1 && circles[0].ends_with(": a.rs, b.rs"), "{circles:?}");
    }

    #[test]
    fn parts_that_are_handed_on_and_tests_make_no_circle() {
        let found = house(&[
            ("lib.rs", "mod a;\n"),
            ("a.rs", "mod part;\npub use part::Part;\n// use part::x;\n#[cfg(test)]\nmod tests {\n use part::y; }\n"),
            ("a/part.rs", "use super::other;\npub struct Part;\n"),
            ("a/tests.rs", "use super::part::Part;\n"),
        ]);
        assert!(found.circles().is_empty(), "{:?}", found.circles());
    }

    #[test]
    fn groups_within_groups_are_taken_apart() {
        let house = house(&[("lib.rs", "use a::{b, c::{d, e as f}, self};\npub(crate) use g::h;\n")]);
        let found = &house.files[&Module::new()].uses;
        let names: Vec<&str> = found.iter().map(|(_, path)| path.as_str()).collect();
        assert_eq!(names, ["a::b", "a::c::d", "a::c::e as f", "a", "g::h"]);
        assert_eq!(found.iter().filter(|(is_handed_on, _)| *is_handed_on).count(), 1);
    }

    #[test]
    fn journeys_lead_through_at_most_eight_files_that_exist() {
        let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
        let journeys: Vec<&str> = text.split("\n## ").skip(1).collect();
        assert_eq!(journeys.len(), 3);
        for journey in journeys {
            let name = journey.lines().next().unwrap();
            let files: Vec<&str> = journey.split('`').filter(|word| word.starts_with("crates/")).collect();
            assert!((4..=8).contains(&files.len()), "{name}: {} files", files.len());
            for file in files {
                assert!(root().join(file).is_file(), "{name}: {file} is not there");
            }
        }
    }
}
