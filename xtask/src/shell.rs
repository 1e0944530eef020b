//! Other programs, run where the project is: cargo, Python and its environments.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// The variable by which proptest is told where its random cases begin.
pub(crate) const SEED: &str = "PROPTEST_RNG_SEED";

/// Where they begin unless something else is asked for, so that tests are the same everywhere.
pub(crate) const USUAL_SEED: &str = "2605";

pub(crate) type Done = Result<(), String>;

/// The system's interpreter.
pub(crate) const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

pub(crate) fn has_nextest() -> bool {
    Command::new("cargo").args(["nextest", "--version"]).output().is_ok_and(|out| out.status.success())
}

/// The Python of a virtual environment, which is made with the requirements if it is not there.
pub(crate) fn environment(directory: &str, requirements: &str) -> Result<PathBuf, String> {
    let directory = root().join(directory);
    let python = directory.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if !python.is_file() {
        let (mut create, mut install) = (Command::new(PYTHON), Command::new(&python));
        create.args(["-m", "venv"]).arg(&directory);
        install.args(["-m", "pip", "install", "--quiet", "-r"]).arg(root().join(requirements));
        // What is there half would be taken for all of it next time.
        run(&mut create, "python3 -m venv")
            .and_then(|()| run(&mut install, "pip install"))
            .inspect_err(|_| drop(std::fs::remove_dir_all(&directory)))?;
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

/// The workspace, wherever the command was called.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Format and lint of what is in Python.
pub(crate) fn ruff() -> Done {
    let python = environment("target/lint-env", "python/lint-requirements.txt")?;
    for command in [&["format", "--quiet", "--check"][..], &["check", "--quiet"]] {
        // The package has a configuration, which the scripts share.
        for files in [&["python"][..], &["--config", "python/pyproject.toml", "xtask", "benches/build.py"]] {
            let mut check = Command::new(&python);
            check.args(["-m", "ruff"]).args(command).args(files);
            run(&mut check, &format!("ruff {}", command[0]))?;
        }
    }
    Ok(())
}
