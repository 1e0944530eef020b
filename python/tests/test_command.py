"""The command comes with the package, under its name and as itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

import caveat

SCRIPT = Path(sysconfig.get_path("scripts")) / ("caveat.exe" if sys.platform == "win32" else "caveat")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True)


def test_the_command_says_its_version_and_what_the_package_says() -> None:
    assert run("--version").stdout == f"caveat {caveat.__version__}\n"
    said = json.loads(
        run("predict", "-n", "9", "--exception", "5", "3", "--alpha", "0.2", "--c", "10", "--format", "json").stdout
    )
    solution = caveat.solve(caveat.TransitiveTask(9, [(5, 3)]), caveat.ExchangeableKernel(0.2), c=10.0)
    assert said["margins"] == solution.margins.tolist() and said["ranks"] == solution.ranks.tolist()
    assert said["accuracy"] == solution.accuracy()


def test_bad_usage_has_the_exit_code_and_the_words_of_the_command() -> None:
    failed = run("predict", "-n", "9", "--exception", "3", "5", "--alpha", "0.2")
    assert failed.returncode == 2 and failed.stdout == ""
    with pytest.raises(ValueError) as error:
        caveat.TransitiveTask(9, [(3, 5)])
    assert failed.stderr == f"error: {error.value}\n"
    assert run("predict").returncode == 2
    assert run("--help").returncode == 0


def test_a_package_without_language_models_says_how_to_build_them() -> None:
    failed = run("lm", "run", "smollm2-135m", "-n", "9")
    if "computes language models" not in failed.stderr:
        pytest.skip("the package was built with language models")
    assert failed.returncode == 2 and failed.stdout == ""
    built = "pip install ./python --config-settings build-args='--features lm'"
    assert failed.stderr.endswith(f"this builds it with them: {built}\n")
    assert run("lm", "geometry", "--help").returncode == 0


def test_figures_and_tables_are_written(tmp_path: Path) -> None:
    done = run(
        "phase",
        "-n",
        "9",
        "--exception",
        "5",
        "3",
        "--grid",
        "20x20",
        "--figure",
        str(tmp_path / "p.svg"),
        "-o",
        str(tmp_path / "p.csv"),
    )
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.csv", "p.svg"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on Unix")
def test_ctrl_c_ends_the_command() -> None:
    process = subprocess.Popen(
        [SCRIPT, "phase", "-n", "301", "--exception", "160", "140", "--grid", "2000x2000"], stderr=subprocess.DEVNULL
    )
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) in (-signal.SIGINT, 130)
