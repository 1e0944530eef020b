"""What an installed package says of itself."""

import importlib.metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_licenses_are_in_the_package_and_those_of_the_project():
    package = importlib.metadata.distribution("caveat")
    for name, source in [
        ("LICENSE-MIT", "LICENSE-MIT"),
        ("LICENSE-APACHE", "LICENSE-APACHE"),
        # The fonts are in the program, and ask for theirs.
        ("LICENSE-DejaVu", "crates/caveat-figures/fonts/LICENSE"),
    ]:
        installed = [file for file in package.files or () if file.name == name]
        assert len(installed) == 1, f"{name}: {installed}"
        assert installed[0].read_text() == (ROOT / source).read_text(encoding="utf-8"), name
