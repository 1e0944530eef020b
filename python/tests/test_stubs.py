"""The stubs of the compiled part say what it has: mypy's stubtest compares every name, parameter and default."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CONFIGURATION = Path(__file__).parent.parent / "pyproject.toml"


@pytest.mark.parametrize(
    "check",
    [
        ["mypy.stubtest", "caveat", "--mypy-config-file", str(CONFIGURATION), "--ignorelist"],
        ["mypy", "--strict-optional", "--config-file", str(CONFIGURATION), "-p", "caveat"],
    ],
    ids=["stubtest", "mypy"],
)
def test_types_are_right(check: list[str], tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    if check[-1] == "--ignorelist":
        # scikit-learn makes these methods when the class is made.
        known = tmp_path / "known.txt"
        known.write_text("caveat.sklearn.ComparisonRidge.set_(fit|score)_request\n")
        check = [*check[:-1], "--allowlist", str(known)]
    # Elsewhere than in the sources, so that what is installed is checked.
    done = subprocess.run([sys.executable, "-m", *check], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
