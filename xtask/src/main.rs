//! The developer's commands: `cargo xtask check | test | lint | bench | dist | fuzz | docs`.

mod check;
mod dependencies;
mod dist;
mod fuzz;
mod house;
mod shell;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{SystemTime, UNIX_EPOCH};

const HELP: &str = "\
cargo xtask COMMAND

  check [COMMIT]  for every commit, on what differs from the last one or from COMMIT: format, clippy, and the tests that are fast
  test [--slow | --fresh]
                  all tests, with language models: documentation examples, the Python package in an environment of its own, then unit, property and
                  command-line tests; with --slow the simulations of coverage too (minutes); with --fresh the Rust tests alone, with cases of
                  property tests that are new every day: what fails is kept in proptest-regressions, to be committed
  python [ARGS]   the tests of the Python package alone, with arguments for pytest
  lint            formatting, shared dependencies, circles of files, clippy, rustdoc and, for Python, ruff, warnings as errors
  docs            the API documentation, in target/doc
  dist [--lm] [--target TRIPLE] [--no-wheel]
                  the command as an archive with completions and manual, and the wheel, in target/packages
  bench [NAME]    criterion benchmarks, then the comparison with scikit-learn, SciPy and pandas;
                  NAME is phase, rank, published or statistics, or language-models: fine-tuning against
                  PyTorch, Transformers and PEFT, which takes a quarter of an hour, or python: what calls
                  of the Python package cost beyond the same in Rust, or build: how long a fresh clone takes
                  to build, test and install, which takes an hour and writes the table in benches/README.md
  fuzz [NAME] [--minutes N]
                  arbitrary bytes for every reader of files from elsewhere, or for one of them (fuzz/targets), ten minutes each

Tests on published results read the directory named by CAVEAT_PUBLISHED_LM and say so when they are skipped.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["check"] => check::check(None),
        ["check", since] => check::check(Some(since)),
        ["dist", arguments @ ..] => dist::dist(arguments),
        ["test"] => test(false),
        ["test", "--slow"] => test(true),
        ["test", "--fresh"] => fresh(),
        ["python", arguments @ ..] => python(arguments),
        ["lint"] => lint(),
        ["docs"] => docs(),
        ["fuzz", arguments @ ..] => fuzz::fuzz(arguments),
        ["bench"] => bench(None),
        ["bench", name @ ("phase" | "rank" | "published" | "statistics" | "language-models" | "python" | "build")] => {
            bench(Some(name))
        }
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => Err(format!("unknown command {:?}\n\n{HELP}", words.join(" "))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

use dependencies::ALL;
use shell::{Done, PYTHON, SEED, cargo, environment, has_nextest, ruff, run};

/// Runs all tests, in the release profile, so that dependencies are compiled once for tests and programs.
///
/// Property tests draw the same cases on every machine, unless PROPTEST_RNG_SEED says otherwise.
fn test(slow: bool) -> Done {
    // One build of all crates keeps every core busy; Python's packages are installed meanwhile.
    let (tests, slow_ones): (&[&str], &[&str]) = if has_nextest() {
        (&["nextest", "run", "--release"], &["--run-ignored", "all"])
    } else {
        (&["test", "--lib", "--bins", "--tests", "--release"], &["--", "--include-ignored"])
    };
    std::thread::scope(|scope| {
        let packages = scope.spawn(python_environment);
        let compiled = cargo(&[tests, &["--no-run"], &ALL[..]].concat());
        let packages = packages.join().map_err(|_| "the environment of the Python tests was not made".to_owned());
        compiled.and(packages?.map(drop))
    })?;
    python(&[])?;
    cargo(&[&["test", "--doc", "--release", "--quiet"], &ALL[..]].concat())?;
    cargo(&[tests, &ALL[..], if slow { slow_ones } else { &[] }].concat())
}

/// Runs the Rust tests with new cases of property tests every day.
fn fresh() -> Done {
    let today = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
    let seed = std::env::var(SEED).unwrap_or_else(|_| today.to_string());
    eprintln!("xtask: {SEED}={seed} makes these tests again");
    let tests: &[&str] =
        if has_nextest() { &["nextest", "run", "--no-fail-fast"] } else { &["test", "--no-fail-fast"] };
    let mut command = Command::new("cargo");
    command.args(tests).arg("--release").args(ALL).env(SEED, &seed);
    run(&mut command, &format!("cargo {}", tests.join(" "))).map_err(|problem| {
        format!("{problem}; with {SEED}={seed}. Commit what is new in proptest-regressions with the mend: it is tried first ever after")
    })
}

/// The interpreter for the Python tests, without the package.
fn python_environment() -> Result<PathBuf, String> {
    environment("target/python-env", "python/tests/requirements.txt")
}

/// Installs the Python package as a user would, and gives the interpreter that has it.
fn installed() -> Result<PathBuf, String> {
    let python = python_environment()?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "./python"]);
    run(&mut install, "pip install ./python")?;
    Ok(python)
}

/// Tests the installed Python package.
fn python(arguments: &[&str]) -> Done {
    let python = installed()?;
    let mut test = Command::new(&python);
    // Not in python/, where Python would import the sources instead of the package.
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(4).to_string();
    test.args(["-m", "pytest", "--quiet", "--numprocesses", &cores])
        .args(["--rootdir", "python", "-c", "python/pyproject.toml", "python/tests"])
        .args(arguments);
    run(&mut test, "pytest python/tests")
}

fn lint() -> Done {
    cargo(&["fmt", "--all", "--check"])?;
    dependencies::shared()?;
    dependencies::used()?;
    house::files()?;
    let clippy = ["clippy", "--all-targets", "--release", "--quiet"];
    cargo(&[&clippy[..], &ALL[..], &["--", "-D", "warnings"]].concat())?;
    // The command without language models has files of its own.
    cargo(&[&clippy[..], &["--package", "caveat", "--", "-D", "warnings"]].concat())?;
    documentation(&["--quiet"])?;
    ruff()
}

fn docs() -> Done {
    documentation(&[])
}

fn documentation(options: &[&str]) -> Done {
    let arguments = [&["doc", "--no-deps", "--release"], &ALL[..], options].concat();
    run(Command::new("cargo").args(&arguments).env("RUSTDOCFLAGS", "-D warnings"), "cargo doc")
}

/// Runs criterion and then the comparison with other packages, or one of the other scripts of benches/.
fn bench(name: Option<&str>) -> Done {
    const PROGRAM: &str = "target/release/examples/compare";
    let build = || cargo(&["build", "--release", "--example", "compare"]);
    match name {
        Some("build") => script(Path::new(PYTHON), "benches/build.py", &[]),
        Some("language-models") => {
            let python = environment("target/bench-env-language-models", "benches/requirements-language-models.txt")?;
            cargo(&["build", "--release", "--features", "lm"])?;
            script(&python, "benches/language_models.py", &["target/release/caveat"])
        }
        Some("python") => {
            let python = installed()?;
            build()?;
            script(&python, "benches/python.py", &[PROGRAM])
        }
        _ => {
            // The benchmark of trial tables includes their statistics.
            let file = name.map(|name| if name == "statistics" { "published" } else { name });
            let chosen = file.map_or(vec!["--benches"], |file| vec!["--bench", file]);
            cargo(&[&["bench", "--workspace"], &chosen[..]].concat())?;
            let python = environment("target/bench-env", "benches/requirements.txt")?;
            build()?;
            script(&python, "benches/compare.py", &[&[PROGRAM][..], name.as_slice()].concat())
        }
    }
}

fn script(python: &Path, file: &str, arguments: &[&str]) -> Done {
    run(Command::new(python).arg(file).args(arguments), file)
}
