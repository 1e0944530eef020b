//! `cargo xtask fuzz`: arbitrary bytes for every reader of files from elsewhere, with the stable compiler and libFuzzer.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use crate::shell::{Done, root, run};

/// What the compiler adds for libFuzzer: counters of the edges taken, and the operands of comparisons.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=16";

/// Minutes for which every target runs.
const MINUTES: f64 = 10.0;

/// Readers of language models and where files of their kind are found among the tests'.
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
    let findings = Mutex::new(Vec::new());
    let at_once = std::thread::available_parallelism().map_or(1, usize::from).min(runs.len());
    eprintln!("xtask: {} targets, {minutes} minutes each, {at_once} at once", runs.len());
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().map(|mut waiting| waiting.next()).ok().flatten();
                    let Some(run) = next else { break };
                    let outcome = run.perform(minutes);
                    match &outcome {
                        Ok(executions) => eprintln!("xtask: {}: {executions} inputs, no finding", run.name),
                        Err(problem) => eprintln!("xtask: {}: {problem}", run.name),
                    }
                    if let (Err(_), Ok(mut findings)) = (outcome, findings.lock()) {
                        findings.push(run.name.clone());
                    }
                }
            });
        }
    });
    let findings = findings.into_inner().unwrap_or_default();
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

/// The names of all targets: those of their files.
fn targets() -> Result<Vec<String>, String> {
    let folder = root().join("fuzz/targets");
    let files = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let stem = |path: PathBuf| path.file_stem().and_then(OsStr::to_str).map(str::to_owned);
    let mut names: Vec<String> = files.filter_map(|file| stem(file.ok()?.path())).collect();
    names.sort();
    Ok(names)
}

fn needs_language_models(name: &str) -> bool {
    name == "gguf" || name == "adapter" || FIXTURES.iter().any(|(target, _)| *target == name)
}

/// Builds the targets; the folder with their programs.
fn build(names: &[String]) -> Result<PathBuf, String> {
    let host = host()?;
    // Dependencies of the versions that everything else is built with.
    let lock = (root().join("Cargo.lock"), root().join("fuzz/Cargo.lock"));
    fs::copy(&lock.0, &lock.1).map_err(|e| format!("{}: {e}", lock.1.display()))?;
    let mut cargo = Command::new("cargo");
    // Naming the target keeps build scripts and procedural macros free of the flags.
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

fn host() -> Result<String, String> {
    let out = Command::new("rustc").arg("-vV").output().map_err(|e| format!("rustc cannot be started: {e}"))?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned).ok_or("rustc -vV names no host".into())
}

/// A target with its program and folders.
struct Run {
    name: String,
    program: PathBuf,
    /// Inputs that were found to reach new code; the seeds to begin with.
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

    /// Puts the files to begin with in the corpus.
    fn seed(&self) -> Done {
        let put = |from: &Path, name: &str| {
            let to = self.corpus.join(name);
            fs::copy(from, &to).map(drop).map_err(|e| format!("{}: {e}", to.display()))
        };
        let list = |folder: &Path| -> Vec<PathBuf> {
            fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
        };
        let name_of = |path: &Path| path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_owned();
        for file in list(&root().join("fuzz/seeds").join(&self.name)) {
            put(&file, &name_of(&file))?;
        }
        for folder in list(&root().join("crates/caveat-lm/tests/fixtures")) {
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

    /// Runs to the end; the number of inputs tried.
    fn perform(&self, minutes: f64) -> Result<String, String> {
        let log = fs::File::create(&self.log).map_err(|e| format!("{}: {e}", self.log.display()))?;
        let errors = log.try_clone().map_err(|e| e.to_string())?;
        let mut fuzz = Command::new(&self.program);
        fuzz.arg(&self.corpus)
            .arg(format!("-artifact_prefix={}/", self.artifacts.display()))
            .arg(format!("-max_total_time={:.0}", Duration::from_secs_f64(60.0 * minutes).as_secs_f64().ceil()))
            .args([
                "-max_len=131072",
                "-rss_limit_mb=1536",
                "-malloc_limit_mb=512",
                "-timeout=20",
                "-print_final_stats=1",
            ])
            // One thread, so that what an input reaches does not depend on the others.
            .env("RAYON_NUM_THREADS", "1")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        // Files in memory: a target writes one for every input.
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
