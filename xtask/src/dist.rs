//! `cargo xtask dist`: the command as an archive, and the Python package as a wheel, as they would be published.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{Done, PYTHON, environment, root, run};

/// Where everything is put.
const OUTPUT: &str = "target/packages";

const SHELLS: [(&str, &str); 5] = [
    ("bash", "caveat.bash"),
    ("zsh", "_caveat"),
    ("fish", "caveat.fish"),
    ("powershell", "caveat.ps1"),
    ("elvish", "caveat.elv"),
];

/// Files that go into the archive as they are.
const FILES: [(&str, &str); 5] = [
    ("README.md", "README.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("crates/caveat-figures/fonts/LICENSE", "LICENSE-DejaVu"),
];

/// What was asked for.
struct Options {
    /// A target of the compiler, instead of this machine's.
    target: Option<String>,
    /// Language models in the command.
    lm: bool,
    wheel: bool,
}

pub(crate) fn dist(arguments: &[&str]) -> Done {
    let options = parse(arguments)?;
    let host = host()?;
    let target = options.target.clone().unwrap_or_else(|| host.clone());
    let program = build(&options, &target)?;
    let version = env!("CARGO_PKG_VERSION");
    let name = format!("caveat-{version}{}-{target}", if options.lm { "-lm" } else { "" });
    let folder = root().join(OUTPUT).join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    for part in ["completions", "man"] {
        fs::create_dir_all(folder.join(part)).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let copied = |from: &Path, to: PathBuf| {
        fs::copy(from, &to).map(drop).map_err(|e| format!("{} to {}: {e}", from.display(), to.display()))
    };
    let file_name = program.file_name().ok_or("the program has no name")?;
    copied(&program, folder.join(file_name))?;
    for (from, to) in FILES {
        copied(&root().join(from), folder.join(to))?;
    }
    // Made by the program of this machine, which has the same commands.
    let mut here = Command::new("cargo");
    here.args(["run", "--quiet", "--release", "--package", "caveat", "--example", "manual", "--"])
        .arg(folder.join("man"));
    lm(&mut here, options.lm);
    run(&mut here, "the manual")?;
    for (shell, file) in SHELLS {
        let mut print = Command::new("cargo");
        print.args(["run", "--quiet", "--release", "--package", "caveat"]);
        lm(&mut print, options.lm);
        let out = print.args(["--", "completions", shell]).current_dir(root()).output();
        let out = out.map_err(|e| format!("the completions of {shell}: {e}"))?;
        if !out.status.success() {
            return Err(format!("the completions of {shell}: {}", String::from_utf8_lossy(&out.stderr)));
        }
        let path = folder.join("completions").join(file);
        fs::write(&path, out.stdout).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let mut archive = Command::new(PYTHON);
    archive.arg(root().join("xtask/archive.py")).arg(&folder);
    run(&mut archive, "the archive")?;
    if options.wheel { wheel(&options) } else { Ok(()) }
}

fn parse(arguments: &[&str]) -> Result<Options, String> {
    let mut options = Options { target: None, lm: false, wheel: true };
    let mut rest = arguments.iter();
    while let Some(&argument) = rest.next() {
        match argument {
            "--target" => options.target = Some((*rest.next().ok_or("--target needs a target")?).to_owned()),
            "--lm" => options.lm = true,
            "--no-wheel" => options.wheel = false,
            other => return Err(format!("unknown option {other:?}: expected --target TRIPLE, --lm or --no-wheel")),
        }
    }
    Ok(options)
}

/// The command, stripped, and with the C library in it where the system allows that.
fn build(options: &Options, target: &str) -> Result<PathBuf, String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--profile", "dist", "--package", "caveat", "--bin", "caveat", "--target", target]);
    lm(&mut cargo, options.lm);
    // Without language models nothing asks the C library for names of hosts, which would load others as the program runs.
    let is_static = target.contains("linux") && !options.lm || target.contains("windows-msvc");
    if is_static {
        cargo.env("RUSTFLAGS", "-C target-feature=+crt-static");
    }
    run(&mut cargo, "cargo build --profile dist")?;
    let name = if target.contains("windows") { "caveat.exe" } else { "caveat" };
    Ok(root().join("target").join(target).join("dist").join(name))
}

fn lm(cargo: &mut Command, wanted: bool) {
    if wanted {
        cargo.args(["--features", "lm"]);
    }
}

/// The wheel, built as `pip` would build it.
fn wheel(options: &Options) -> Done {
    let python = environment("target/dist-env", "python/build-requirements.txt")?;
    let mut build = Command::new(&python);
    build.args(["-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", OUTPUT, "./python"]);
    if options.lm {
        build.args(["--config-settings", "build-args=--features lm"]);
    }
    run(&mut build, "pip wheel ./python")
}

/// This machine's target.
fn host() -> Result<String, String> {
    let out = Command::new("rustc").arg("-vV").output().map_err(|e| format!("rustc cannot be started: {e}"))?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let found = text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned);
    found.ok_or_else(|| format!("rustc names no host on this {OS} on {ARCH}"))
}
