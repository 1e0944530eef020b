//! What `cargo xtask lint` asks of files: a sentence at the top, no more lines than a person reads, and no circle between them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::shell::{Done, root};

/// Most lines of a file before its tests.
const LONGEST: usize = 500;

/// Refuses files that say nothing of their purpose, long ones, and circles of files that import each other.
pub(crate) fn files() -> Done {
    let mut problems = Vec::new();
    for folder in sources()? {
        let house = House::read(&folder)?;
        problems.extend(house.unlike_the_others());
        problems.extend(house.circles());
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// The source folders of all crates.
fn sources() -> Result<Vec<PathBuf>, String> {
    let mut found = vec![root().join("python/src"), root().join("xtask/src")];
    found.extend(entries(&root().join("crates"))?.into_iter().map(|of| of.join("src")).filter(|src| src.is_dir()));
    found.sort();
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    fs::read_dir(folder).map_err(failed)?.map(|entry| entry.map(|e| e.path()).map_err(failed)).collect()
}

/// A module by its path in the crate; empty for its root.
type Module = Vec<String>;

/// The files of one crate.
struct House {
    folder: PathBuf,
    /// What each holds before its tests, without comments.
    texts: BTreeMap<Module, String>,
    paths: BTreeMap<Module, PathBuf>,
    /// Names that a module hands on, and the paths that they stand for.
    handed_on: BTreeMap<Module, BTreeMap<String, String>>,
}

impl House {
    fn read(folder: &Path) -> Result<Self, String> {
        let mut house = Self {
            folder: folder.to_owned(),
            texts: BTreeMap::new(),
            paths: BTreeMap::new(),
            handed_on: BTreeMap::new(),
        };
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for path in entries(&next)? {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "rs") {
                    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
                    let module = module_of(folder, &path);
                    house.texts.insert(module.clone(), code(&text));
                    house.paths.insert(module, path);
                }
            }
        }
        for (module, text) in &house.texts {
            let uses = uses(text).into_iter().filter(|(is_handed_on, _)| *is_handed_on);
            let names = uses.map(|(_, path)| {
                let (path, name) = path.split_once(" as ").unwrap_or((&path, last(&path)));
                (name.trim().to_owned(), path.trim().to_owned())
            });
            house.handed_on.insert(module.clone(), names.collect());
        }
        Ok(house)
    }

    /// Files without a purpose, files that are too long, and modules in files of the other kind.
    fn unlike_the_others(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for path in self.paths.values() {
            let text = fs::read_to_string(path).unwrap_or_default();
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

    /// Every set of files each of which needs the others.
    fn circles(&self) -> Vec<String> {
        let needs: BTreeMap<&Module, BTreeSet<&Module>> =
            self.texts.keys().map(|module| (module, self.needed_by(module))).collect();
        // What is reached from where; files that reach each other are one circle.
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
        let path = &self.paths[module];
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }

    /// The modules whose items a module uses, past those that hand them on. Tests count for nothing.
    fn needed_by<'a>(&'a self, module: &Module) -> BTreeSet<&'a Module> {
        if module.iter().any(|part| part == "tests") {
            return BTreeSet::new();
        }
        let text = &self.texts[module];
        let imports = uses(text).into_iter().filter(|(is_handed_on, _)| !is_handed_on).map(|(_, path)| path);
        let mut needed: BTreeSet<&Module> = imports
            .chain(paths_in(&without_uses(text)))
            .filter_map(|path| self.home_of(module, path.split(" as ").next().unwrap_or_default().trim(), 0))
            .collect();
        needed.remove(module);
        needed
    }

    /// The module that defines what a path in `module` names; `None` for what is of another crate.
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
            first if self.texts.contains_key(&child(module, first)) => child(module, first),
            _ => return None,
        };
        for (k, part) in parts.iter().enumerate().skip(1) {
            let is_last = k + 1 == parts.len();
            let handed_on = self.handed_on[&at].get(*part);
            let below = child(&at, part);
            if self.texts.contains_key(&below) && !(is_last && handed_on.is_some()) {
                at = below;
                continue;
            }
            // Nobody hands a name on in a circle.
            if let Some(path) = handed_on.filter(|_| depth < 8) {
                return self.home_of(&at, path, depth + 1).or_else(|| self.texts.get_key_value(&at).map(|(m, _)| m));
            }
            break;
        }
        self.texts.get_key_value(&at).map(|(module, _)| module)
    }
}

fn child(module: &Module, name: &str) -> Module {
    module.iter().map(String::as_str).chain([name]).map(str::to_owned).collect()
}

fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
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

/// The statements that import: whether each hands on what it names, and what it names, brace by brace.
fn uses(code: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    for (is_handed_on, statement) in statements(code) {
        expand("", &statement, &mut |path| found.push((is_handed_on, path)));
    }
    found
}

/// Whether it is public, and what follows `use`, of each statement.
fn statements(code: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in code.lines() {
        let text = line.trim();
        if open.is_none() {
            let rest = text.strip_prefix("pub").map_or(text, |rest| {
                let rest = rest.trim_start();
                rest.strip_prefix('(').and_then(|r| r.split_once(')')).map_or(rest, |(_, r)| r.trim_start())
            });
            if let Some(rest) = rest.strip_prefix("use ") {
                open = Some((text.starts_with("pub"), rest.to_owned()));
            }
        } else if let Some((_, statement)) = &mut open {
            statement.push_str(text);
        }
        if let Some((is_handed_on, statement)) = open.take_if(|(_, statement)| statement.ends_with(';')) {
            found.push((is_handed_on, statement.trim_end_matches(';').to_owned()));
        }
    }
    found
}

fn without_uses(code: &str) -> String {
    let mut kept = String::new();
    let mut is_inside = false;
    for line in code.lines() {
        let text = line.trim();
        is_inside |= text.starts_with("use ") || text.starts_with("pub") && text.contains(" use ");
        if !is_inside {
            kept.push_str(line);
            kept.push('\n');
        }
        is_inside &= !text.ends_with(';');
    }
    kept
}

fn expand(before: &str, rest: &str, found: &mut dyn FnMut(String)) {
    let rest = rest.trim();
    let Some((head, inner)) = rest.split_once('{') else {
        if !rest.is_empty() {
            // What is imported by the name of its module is the module.
            let path = format!("{before}{rest}");
            found(path.strip_suffix("::self").unwrap_or(&path).to_owned());
        }
        return;
    };
    let inner = inner.trim_end().trim_end_matches('}');
    // The last brace of an outer group may have gone with that of an inner one.
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
fn paths_in(code: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = code.split(|c| !is_part(c)).map(|word| word.trim_matches(':'));
    words.filter(|word| word.contains("::")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(files: &[(&str, &str)]) -> House {
        let folder = Path::new("src");
        let texts: BTreeMap<Module, String> =
            files.iter().map(|(name, text)| (module_of(folder, &folder.join(name)), code(text))).collect();
        let paths = files.iter().map(|(name, _)| (module_of(folder, &folder.join(name)), folder.join(name))).collect();
        let handed_on = texts
            .iter()
            .map(|(module, text)| {
                let names = uses(text).into_iter().filter(|(is_handed_on, _)| *is_handed_on);
                (module.clone(), names.map(|(_, path)| (last(&path).to_owned(), path)).collect())
            })
            .collect();
        House { folder: folder.to_owned(), texts, paths, handed_on }
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
        let found = uses("use a::{b, c::{d, e as f}, self};\npub(crate) use g::h;\n");
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
