//! `cargo xtask fuzz`: arbitrary bytes for every reader of files from elsewhere, with the stable compiler and libFuzzer.

use std::ffi::OsStr;
use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crate::shell::{Done, entries, host, root, run};

/// Makes the compiler add what libFuzzer needs: counters of the edges taken, and the operands of comparisons.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=16";

/// How many minutes every target runs.
const MINUTES: f64 = 10.0;

/// Readers of language models, and which files of the tests' models they read.
const FIXTURES: [(&str, &str); 3] =
    [("safetensors", "model.safetensors"), ("model_config", "config.json"), ("tokenizer", "tokenizer.json")];

/// Runs one target or all, as many at once as there are processors.
pub(crate) fn fuzz(arguments: &[&str]) -> Done {
    let (chosen, minutes) = parse(arguments)?;
    let targets = targets()?;
    let chosen = match chosen {
        None => targets,
        Some(name) if targets.contains(&name) => vec![name],
        Some(name) => return Err(format!("unknown fuzz target {name:?}: expected one of {}", targets.join(", "))),
    };
    let programs = build(&chosen)?;
    let runs: Vec<Run> = chosen.iter().map(|name| Run::new(name, &programs)).collect::<Result<_, _>>()?;
    let waiting = Mutex::new(runs.iter());
    let at_once = std::thread::available_parallelism().map_or(1, usize::from).min(runs.len());
    eprintln!("xtask: {} targets, {minutes} minutes each, {at_once} at once", runs.len());
    let worker = || {
        let next = std::iter::from_fn(|| waiting.lock().ok()?.next());
        next.filter(|run| !run.perform(minutes)).map(|run| run.name.as_str()).collect::<Vec<_>>()
    };
    let findings: Vec<&str> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    if findings.is_empty() { Ok(()) } else { Err(format!("findings in {}", findings.join(", "))) }
}

fn parse(arguments: &[&str]) -> Result<(Option<String>, f64), String> {
    let (mut name, mut minutes) = (None, MINUTES);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if *argument == "--minutes" {
            let given = rest.next().and_then(|n| n.parse().ok()).filter(|n: &f64| *n > 0.0 && n.is_finite());
            minutes = given.ok_or("--minutes needs a positive number, as in --minutes 10")?;
        } else if argument.starts_with('-') || name.is_some() {
            return Err(format!("unexpected {argument:?}: cargo xtask fuzz [NAME] [--minutes N]"));
        } else {
            name = Some((*argument).to_owned());
        }
    }
    Ok((name, minutes))
}

/// The names of all targets, which are those of their files.
fn targets() -> Result<Vec<String>, String> {
    let files = entries(&root().join("fuzz/targets"))?;
    Ok(files.iter().filter_map(|path| path.file_stem()?.to_str().map(str::to_owned)).collect())
}

fn needs_language_models(name: &str) -> bool {
    name == "gguf" || name == "adapter" || FIXTURES.iter().any(|(target, _)| *target == name)
}

/// Builds the targets, and gives the folder with their programs.
fn build(names: &[String]) -> Result<PathBuf, String> {
    let host = host()?;
    // Every other build has these versions of the dependencies.
    let lock = (root().join("Cargo.lock"), root().join("fuzz/Cargo.lock"));
    fs::copy(&lock.0, &lock.1).map_err(|e| format!("{}: {e}", lock.1.display()))?;
    let mut cargo = Command::new("cargo");
    // Cargo applies the flags to build scripts and procedural macros too unless a target is named.
    cargo.args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", &host]);
    cargo.args(["--target-dir", "target/fuzz"]).env("RUSTFLAGS", FLAGS);
    if names.iter().any(|name| needs_language_models(name)) {
        cargo.args(["--features", "lm"]);
    }
    for name in names {
        cargo.args(["--bin", name]);
    }
    run(&mut cargo, "cargo build of the fuzz targets")?;
    Ok(root().join("target/fuzz").join(host).join("release"))
}

/// A target with its program and folders.
struct Run {
    name: String,
    program: PathBuf,
    /// Seeds, and inputs that reached new code.
    corpus: PathBuf,
    /// Inputs that failed.
    artifacts: PathBuf,
    log: PathBuf,
}

impl Run {
    fn new(name: &str, programs: &Path) -> Result<Self, String> {
        let base = root().join("target/fuzz");
        let run = Self {
            name: name.to_owned(),
            program: programs.join(name),
            corpus: base.join("corpus").join(name),
            artifacts: base.join("artifacts").join(name),
            log: base.join(format!("{name}.log")),
        };
        for folder in [&run.corpus, &run.artifacts] {
            fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        }
        run.seed()?;
        Ok(run)
    }

    /// Puts the seeds in the corpus.
    fn seed(&self) -> Done {
        let put = |from: &Path, name: &str| {
            let to = self.corpus.join(name);
            fs::copy(from, &to).map(drop).map_err(|e| format!("{}: {e}", to.display()))
        };
        let list = |folder: &str| entries(&root().join(folder)).unwrap_or_default();
        let name_of = |path: &Path| path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_owned();
        for file in list(&format!("fuzz/seeds/{}", self.name)) {
            put(&file, &name_of(&file))?;
        }
        for folder in list("crates/caveat-lm/tests/fixtures") {
            let fixture = FIXTURES.iter().find(|(target, _)| *target == self.name).map(|(_, file)| folder.join(file));
            if let Some(file) = fixture.filter(|file| file.is_file()) {
                put(&file, &name_of(&folder))?;
            }
            let adapter = [folder.join("adapter_config.json"), folder.join("adapter_model.safetensors")];
            if let ("adapter", [Ok(config), Ok(tensors)]) = (self.name.as_str(), adapter.map(fs::read)) {
                let to = self.corpus.join(name_of(&folder));
                let both = [config, tensors].join(&0);
                fs::write(&to, both).map_err(|e| format!("{}: {e}", to.display()))?;
            }
        }
        Ok(())
    }

    /// Fuzzes to the end and says what came of it; whether nothing was found.
    fn perform(&self, minutes: f64) -> bool {
        let outcome = self.execute(minutes);
        match &outcome {
            Ok(executions) => eprintln!("xtask: {}: {executions} inputs, no finding", self.name),
            Err(problem) => eprintln!("xtask: {}: {problem}", self.name),
        }
        outcome.is_ok()
    }

    /// Runs the program, and gives the number of inputs tried.
    fn execute(&self, minutes: f64) -> Result<String, String> {
        let log = fs::File::create(&self.log).map_err(|e| format!("{}: {e}", self.log.display()))?;
        let errors = log.try_clone().map_err(|e| e.to_string())?;
        let mut fuzz = Command::new(&self.program);
        fuzz.arg(&self.corpus)
            .arg(format!("-artifact_prefix={}/", self.artifacts.display()))
            .arg(format!("-max_total_time={:.0}", (60.0 * minutes).ceil()))
            .args([
                "-max_len=131072",
                "-rss_limit_mb=1536",
                "-malloc_limit_mb=512",
                "-timeout=20",
                "-print_final_stats=1",
            ])
            // With one thread, what an input reaches does not depend on scheduling.
            .env("RAYON_NUM_THREADS", "1")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        // A target writes a file for every input, which is faster in memory.
        if Path::new("/dev/shm").is_dir() {
            fuzz.env("TMPDIR", "/dev/shm");
        }
        let status = fuzz.status().map_err(|e| format!("{} cannot be started: {e}", self.program.display()))?;
        let text = String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned();
        if status.success() {
            let tried = text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
            return Ok(tried.map_or("some", str::trim).to_owned());
        }
        let said = text
            .lines()
            .filter(|line| line.contains("panicked") || line.contains("ERROR") || line.contains("Test unit written"));
        Err(format!("{} ({})", said.collect::<Vec<_>>().join("; "), self.log.display()))
    }
}
