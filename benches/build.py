"""How long a new user waits: a fresh clone with nothing built or downloaded, from the first command to the last test.

`cargo xtask bench build` runs this; it writes the table between the marks in benches/README.md. Every job has its own
clone of the last commit and its own registry, so that it starts with only the compiler and Python.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "benches" / "README.md"
BEGIN, END = "<!-- build: begin -->", "<!-- build: end -->"
COSTLIEST = 20


def run(command: list[str], where: Path, environment: dict[str, str], log: Path) -> float:
    """Runs a command and gives its seconds; its output goes into the log."""
    print(f"{' '.join(command)} in {where.name}", file=sys.stderr, flush=True)
    start = time.monotonic()
    with log.open("ab") as out:
        done = subprocess.run(command, cwd=where, env=environment, stdout=out, stderr=subprocess.STDOUT)
    seconds = time.monotonic() - start
    if done.returncode != 0:
        tail = log.read_text(errors="replace").splitlines()[-20:]
        sys.exit("\n".join([*tail, f"{' '.join(command)} failed; the whole output is in {log}"]))
    print(f"{seconds:.0f} s", file=sys.stderr, flush=True)
    return seconds


class Fresh:
    """A clone of the last commit, with a registry that holds nothing."""

    def __init__(self, parent: Path, name: str) -> None:
        self.folder = parent / name / "caveat"
        self.log = parent / f"{name}.log"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(self.folder)], check=True)
        registry = parent / name / "cargo"
        registry.mkdir()
        # The machine decides which registry to use.
        for config in ("config.toml", "config", "credentials.toml"):
            known = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / config
            if known.is_file():
                shutil.copy(known, registry / config)
        unset = ("CARGO_TARGET_DIR", "CARGO_INCREMENTAL", "RUSTFLAGS")
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        self.environment = {**kept, "CARGO_HOME": str(registry), "PIP_NO_CACHE_DIR": "1"}

    def run(self, *command: str) -> float:
        """Runs a command in the clone and gives its seconds."""
        return run(list(command), self.folder, self.environment, self.log)


def units(folder: Path) -> list[dict]:
    """What cargo compiled, with seconds, the costliest first."""
    text = (folder / "target/cargo-timings/cargo-timing.html").read_text()
    found = re.search(r"const UNIT_DATA = (\[.*?\]);\n", text, re.DOTALL)
    if found is None:
        sys.exit("cargo's timings have another form than this reads: UNIT_DATA is missing")
    return sorted(json.loads(found[1]), key=lambda unit: -unit["duration"])


def minutes(seconds: float) -> str:
    """As in 3 min 41 s."""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60:02} s" if whole >= 60 else f"{whole} s"


def changed_line(clone: Fresh) -> float:
    """Seconds that `cargo xtask check` takes after a changed line of the theory, everything else being built."""
    source = clone.folder / "crates/caveat-theory/src/margins/chain.rs"
    text = source.read_text()
    head = re.search(r"pub fn solve\([^{]*\{\n", text)
    if head is None:
        sys.exit(f"{source}: pub fn solve is missing, in which a line is to be changed")
    seconds = 0.0
    # The first change compiles what a developer's builds keep; the second is measured.
    for value in (1, 2):
        line = f"    let _ = std::hint::black_box({value});\n"
        source.write_text(text[: head.end()] + line + text[head.end() :])
        seconds = clone.run("cargo", "xtask", "check")
    source.write_text(text)
    return seconds


def measure(parent: Path) -> list[str]:
    """All rows of the table, and the costliest units."""
    rows = []
    main = Fresh(parent, "main")
    build = main.run("cargo", "build", "--release", "--locked", "--timings")
    compiled = units(main.folder)
    crates = {(unit["name"], unit["version"]) for unit in compiled}
    binary = (main.folder / "target/release/caveat").stat().st_size
    report = main.run("cargo", "run", "--release", "--", "reproduce")
    rows.append(("`cargo run --release -- reproduce`, clone to report", minutes(build + report), "≤ 6 min"))
    rows.append(("`cargo xtask test` after it, everything", minutes(main.run("cargo", "xtask", "test")), "≤ 9 min"))
    line = ("one changed line in caveat-theory: format, clippy, its tests", minutes(changed_line(main)), "≤ 45 s")
    shutil.rmtree(main.folder.parent)

    package = Fresh(parent, "package")
    package.run(sys.executable, "-m", "venv", "new")
    pip = package.run("new/bin/python", "-m", "pip", "install", "./python")
    rows.insert(1, ("`pip install ./python`, alone in a fresh clone", minutes(pip), "≤ 5 min"))
    package.run("new/bin/python", "-m", "pip", "wheel", "--no-deps", "--wheel-dir", "wheel", "./python")
    wheel = next((package.folder / "wheel").glob("caveat-*.whl")).stat().st_size
    shutil.rmtree(package.folder.parent)

    everything = Fresh(parent, "everything")
    rows.append(("`.ci/run` from nothing", minutes(everything.run(".ci/run")), "≤ 18 min"))
    rows.append(("crates compiled for the main job", str(len(crates)), "≤ 220"))
    rows.append(line)
    rows.append(("the program, without language models", f"{binary / 1e6:.1f} MB", "≤ 25 MB"))
    rows.append(("the wheel", f"{wheel / 1e6:.1f} MB", "< 19 MB"))

    compiler = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    of = f"{date.today()}, {os.cpu_count()} cores, {platform.system()} on {platform.machine()}, Rust {compiler}"
    table = [f"One run, {of}; downloads included:", "", "| | measured | goal |", "|---|--:|--:|"]
    table += [f"| {what} | {found} | {goal} |" for what, found, goal in rows]
    total = sum(unit["duration"] for unit in compiled)
    table += ["", f"The costliest of {len(compiled)} units of the main job, of {total:.0f} s together:", ""]
    table += ["| unit | seconds |", "|---|--:|"]
    for unit in compiled[:COSTLIEST]:
        kind = f" {unit['target'].strip()}" if unit["target"].strip() else ""
        table.append(f"| {unit['name']} {unit['version']}{kind} | {unit['duration']:.1f} |")
    return table


def main() -> None:
    """Measures, and writes the table into the README."""
    text = README.read_text()
    if BEGIN not in text or END not in text:
        sys.exit(f"{README}: the marks {BEGIN} and {END} are missing")
    parent = Path(tempfile.mkdtemp(prefix="build-", dir=ROOT / "target"))
    try:
        table = measure(parent)
    finally:
        for folder in parent.iterdir():
            if folder.is_dir():
                shutil.rmtree(folder)
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    README.write_text(before + BEGIN + "\n" + "\n".join(table) + "\n" + END + after)
    print("\n".join(table))


if __name__ == "__main__":
    main()
