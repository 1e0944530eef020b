//! What the commands share: the project's files, and other programs (cargo, Python and its environments) run in its folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// The variable that gives proptest its seed.
pub(crate) const SEED: &str = "PROPTEST_RNG_SEED";

/// The seed unless another is set, so that tests are the same everywhere.
pub(crate) const USUAL_SEED: &str = "2605";

pub(crate) type Done = Result<(), String>;

/// The system's interpreter.
pub(crate) const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

pub(crate) fn has_nextest() -> bool {
    Command::new("cargo").args(["nextest", "--version"]).output().is_ok_and(|out| out.status.success())
}

/// The Python of a virtual environment, which is made with the requirements if it does not exist.
pub(crate) fn environment(directory: &str, requirements: &str) -> Result<PathBuf, String> {
    let directory = root().join(directory);
    let python = directory.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if !python.is_file() {
        let (mut create, mut install) = (Command::new(PYTHON), Command::new(&python));
        create.args(["-m", "venv"]).arg(&directory);
        install.args(["-m", "pip", "install", "--quiet", "-r"]).arg(root().join(requirements));
        // The next call would take an unfinished environment for a finished one.
        run(&mut create, "python3 -m venv")
            .and_then(|()| run(&mut install, "pip install"))
            .inspect_err(|_| drop(fs::remove_dir_all(&directory)))?;
    }
    Ok(python)
}

pub(crate) fn cargo(arguments: &[&str]) -> Done {
    let mut command = Command::new("cargo");
    if std::env::var_os(SEED).is_none() {
        command.env(SEED, USUAL_SEED);
    }
    run(command.args(arguments), &format!("cargo {}", arguments.join(" ")))
}

/// Runs a program and shows what it prints and how long it took.
pub(crate) fn run(command: &mut Command, what: &str) -> Done {
    eprintln!("xtask: {what}");
    let start = Instant::now();
    let status = command.current_dir(root()).status().map_err(|e| format!("{what} cannot be started: {e}"))?;
    if status.success() {
        eprintln!("xtask: {:.0} s", start.elapsed().as_secs_f64());
        Ok(())
    } else {
        Err(format!("{what} failed"))
    }
}

/// Runs a program for what it prints.
pub(crate) fn output(command: &mut Command, what: &str) -> Result<String, String> {
    let out = command.current_dir(root()).output().map_err(|e| format!("{what} cannot be started: {e}"))?;
    if out.status.success() {
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    } else {
        Err(format!("{what} failed: {}", String::from_utf8_lossy(&out.stderr).trim()))
    }
}

/// This machine's target of the compiler.
pub(crate) fn host() -> Result<String, String> {
    let text = output(Command::new("rustc").arg("-vV"), "rustc")?;
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned).ok_or("rustc -vV names no host".into())
}

/// The workspace, wherever the command was called.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// What a folder holds, sorted.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    let paths = fs::read_dir(folder).map_err(failed)?.map(|entry| entry.map(|e| e.path()).map_err(failed));
    let mut paths = paths.collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

/// The Rust files at a path, at any depth, with their text; none where nothing is.
pub(crate) fn rust_files(path: &Path) -> Result<Vec<(PathBuf, String)>, String> {
    if path.is_dir() {
        let below = entries(path)?.iter().map(|entry| rust_files(entry)).collect::<Result<Vec<_>, _>>()?;
        return Ok(below.concat());
    }
    if !path.is_file() || path.extension().is_none_or(|extension| extension != "rs") {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(vec![(path.to_owned(), text)])
}

/// Checks format and lints of the Python files.
pub(crate) fn ruff() -> Done {
    let python = environment("target/lint-env", "python/lint-requirements.txt")?;
    for command in [&["format", "--quiet", "--check"][..], &["check", "--quiet"]] {
        // The scripts share the configuration of the package.
        for files in [&["python"][..], &["--config", "python/pyproject.toml", "xtask", "benches/build.py"]] {
            let mut check = Command::new(&python);
            check.args(["-m", "ruff"]).args(command).args(files);
            run(&mut check, &format!("ruff {}", command[0]))?;
        }
    }
    Ok(())
}
