//! `cargo xtask check`: format, clippy and the fast tests of what has changed, to run before every commit.

use std::collections::BTreeSet;
use std::process::Command;

use crate::dependencies;
use crate::shell::{Done, SEED, USUAL_SEED, has_nextest, output, ruff, run};

/// Folders of crates with the names of their packages, and which others use them.
const PACKAGES: [(&str, &str, &[&str]); 8] = [
    (
        "crates/caveat-theory/",
        "caveat-theory",
        &["caveat-results", "caveat-figures", "caveat-analysis", "caveat", "caveat-python"],
    ),
    ("crates/caveat-results/", "caveat-results", &["caveat-figures", "caveat-analysis", "caveat", "caveat-python"]),
    ("crates/caveat-figures/", "caveat-figures", &["caveat-analysis", "caveat", "caveat-python"]),
    ("crates/caveat-analysis/", "caveat-analysis", &["caveat", "caveat-python"]),
    ("crates/caveat-lm/", "caveat-lm", &[]),
    ("crates/caveat/", "caveat", &["caveat-python"]),
    ("python/src/", "caveat-python", &[]),
    ("xtask/", "xtask", &[]),
];

/// Checks what differs from a commit, by default the last.
pub(crate) fn check(since: Option<&str>) -> Done {
    let changed = changed(since.unwrap_or("HEAD"))?;
    if changed.is_empty() {
        eprintln!("xtask: nothing has changed since {}", since.unwrap_or("the last commit"));
        return Ok(());
    }
    let is_manifest = |file: &String| file.ends_with("Cargo.toml") || file == "Cargo.lock";
    if changed.iter().any(is_manifest) {
        dependencies::shared()?;
        dependencies::used()?;
    }
    // All crates share the workspace's manifest.
    let all = changed.iter().any(|file| file == "Cargo.toml" || file == "Cargo.lock");
    let is_touched = |folder: &str| all || changed.iter().any(|file| file.starts_with(folder));
    let touched: Vec<_> = PACKAGES.iter().filter(|(folder, ..)| is_touched(folder)).collect();
    if !touched.is_empty() {
        cargo(&["fmt", "--all", "--check"])?;
        let of_those = touched.iter().flat_map(|(_, name, users)| users.iter().chain([name]));
        let clippy: BTreeSet<&str> = of_those.copied().collect();
        let features = features(&clippy, &changed);
        cargo(&[&["clippy", "--all-targets"][..], &chosen(&clippy), features, &["--", "-D", "warnings"]].concat())?;
        // The Python package is tested from Python, by `cargo xtask python`.
        let tested: BTreeSet<&str> =
            touched.iter().map(|(_, name, _)| *name).filter(|name| *name != "caveat-python").collect();
        test(&tested, features)?;
    }
    if changed.iter().any(|file| file.ends_with(".py")) {
        ruff()?;
    }
    Ok(())
}

/// Runs the tests of some packages, without those that .config/nextest.toml names as slow; all of them without nextest.
fn test(packages: &BTreeSet<&str>, features: &[&str]) -> Done {
    if packages.is_empty() {
        return Ok(());
    }
    let chosen = chosen(packages);
    if has_nextest() {
        // Our own crates in many parts, so that those which have not changed are kept; dependencies as in every other build.
        let parts: Vec<String> = PACKAGES
            .iter()
            .flat_map(|(_, name, _)| {
                ["--config".to_owned(), format!("profile.release.package.{name}.codegen-units=256")]
            })
            .collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        cargo(&[&["nextest", "run", "--profile", "fast", "--no-tests", "pass"][..], &parts, &chosen, features].concat())
    } else {
        cargo(&[&["test", "--lib", "--bins", "--tests"][..], &chosen, features].concat())
    }
}

/// The feature with language models if their files in the command have changed; otherwise they need not be compiled.
fn features(packages: &BTreeSet<&str>, changed: &[String]) -> &'static [&'static str] {
    let is_of_models = |file: &String| file.contains("/lm/") || file.contains("/language_models/");
    let in_command = |file: &&String| file.starts_with("crates/caveat/");
    if packages.contains("caveat") && changed.iter().filter(in_command).any(is_of_models) {
        &["--features", "caveat/lm"]
    } else {
        &[]
    }
}

/// Arguments that choose packages.
fn chosen<'a>(packages: &BTreeSet<&'a str>) -> Vec<&'a str> {
    packages.iter().flat_map(|name| ["--package", name]).collect()
}

/// Runs cargo in the release profile, as every other build has the dependencies, and incrementally.
fn cargo(arguments: &[&str]) -> Done {
    let mut command = Command::new("cargo");
    command.env("CARGO_INCREMENTAL", "1").env(SEED, USUAL_SEED);
    let (first, rest) = arguments.split_first().ok_or("cargo needs a command")?;
    command.arg(first);
    if *first == "nextest" {
        command.args(&rest[..1]).arg("--release").args(&rest[1..]);
    } else if *first == "fmt" {
        command.args(rest);
    } else {
        command.args(["--release", "--quiet"]).args(rest);
    }
    run(&mut command, &format!("cargo {}", arguments.join(" ")))
}

/// Files that differ from a commit, and those that git does not know.
fn changed(since: &str) -> Result<Vec<String>, String> {
    let git = |arguments: &[&str]| output(Command::new("git").args(arguments), &format!("git {}", arguments.join(" ")));
    let files = git(&["diff", "--name-only", since])? + &git(&["ls-files", "--others", "--exclude-standard"])?;
    Ok(files.lines().map(str::to_owned).collect())
}
