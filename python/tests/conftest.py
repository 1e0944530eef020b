"""Where published data lie, for the tests that need them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def directory(variable: str) -> Path:
    """The directory that an environment variable names; the test is skipped where it does not."""
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set: it names the directory of published data")
    return Path(value)


@pytest.fixture
def published() -> Path:
    """Published trial tables of language models."""
    return directory("CAVEAT_PUBLISHED_LM")


@pytest.fixture
def behavior() -> Path:
    """Published choices of animals and people."""
    return directory("CAVEAT_BEHAVIOR")


@pytest.fixture
def own() -> Path:
    """The project's own runs."""
    return Path(__file__).parents[2] / "crates/caveat/results/trials.parquet"
