//! `cargo xtask dist`: the command as an archive, and the Python package as a wheel, as they would be published.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{Done, PYTHON, environment, host, output, root, run};

/// The folder for archives and wheels.
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
    /// The features of the command, as arguments of cargo: language models or none.
    features: &'static [&'static str],
    wheel: bool,
}

pub(crate) fn dist(arguments: &[&str]) -> Done {
    let options = parse(arguments)?;
    let target = options.target.clone().map_or_else(host, Ok)?;
    let program = build(&options, &target)?;
    let version = env!("CARGO_PKG_VERSION");
    let name = format!("caveat-{version}{}-{target}", if options.features.is_empty() { "" } else { "-lm" });
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
    // A program of this machine makes these; it has the same commands.
    let cargo = || {
        let mut cargo = Command::new("cargo");
        cargo.args(["run", "--quiet", "--release", "--package", "caveat"]).args(options.features);
        cargo
    };
    run(cargo().args(["--example", "manual", "--"]).arg(folder.join("man")), "the manual")?;
    for (shell, file) in SHELLS {
        let script = output(cargo().args(["--", "completions", shell]), &format!("the completions of {shell}"))?;
        let path = folder.join("completions").join(file);
        fs::write(&path, script).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let mut archive = Command::new(PYTHON);
    archive.arg(root().join("xtask/archive.py")).arg(&folder);
    run(&mut archive, "the archive")?;
    if options.wheel { wheel(&options) } else { Ok(()) }
}

fn parse(arguments: &[&str]) -> Result<Options, String> {
    let mut options = Options { target: None, features: &[], wheel: true };
    let mut rest = arguments.iter();
    while let Some(&argument) = rest.next() {
        match argument {
            "--target" => options.target = Some((*rest.next().ok_or("--target needs a target")?).to_owned()),
            "--lm" => options.features = &["--features", "lm"],
            "--no-wheel" => options.wheel = false,
            other => return Err(format!("unknown option {other:?}: expected --target TRIPLE, --lm or --no-wheel")),
        }
    }
    Ok(options)
}

/// Builds the command: stripped, and with the C library in it where the system allows that.
fn build(options: &Options, target: &str) -> Result<PathBuf, String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--profile", "dist", "--package", "caveat", "--bin", "caveat", "--target", target]);
    cargo.args(options.features);
    // Only language models ask the C library for names of hosts, for which it loads other libraries as the program runs.
    if target.contains("linux") && options.features.is_empty() || target.contains("windows-msvc") {
        cargo.env("RUSTFLAGS", "-C target-feature=+crt-static");
    }
    run(&mut cargo, "cargo build --profile dist")?;
    let name = if target.contains("windows") { "caveat.exe" } else { "caveat" };
    Ok(root().join("target").join(target).join("dist").join(name))
}

/// Builds the wheel as `pip` would.
fn wheel(options: &Options) -> Done {
    let python = environment("target/dist-env", "python/build-requirements.txt")?;
    let mut build = Command::new(&python);
    build.args(["-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", OUTPUT, "./python"]);
    if !options.features.is_empty() {
        build.args(["--config-settings", "build-args=--features lm"]);
    }
    run(&mut build, "pip wheel ./python")
}
