"""A bar on standard error for long work, where someone can see it."""

from __future__ import annotations

import sys
import time


class Bar:
    """One line, rewritten as the work goes on."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.since = time.monotonic()
        self.width = 0

    def __call__(self, done: int, total: int) -> None:
        """Shows how many of how many steps are done; no total is known where it is 0."""
        seconds = time.monotonic() - self.since
        if total > 0:
            filled = round(24 * done / total)
            line = f"{self.what} {'█' * filled}{'░' * (24 - filled)} {done:,}/{total:,} {seconds:.0f} s"
        else:
            line = f"{self.what} … {seconds:.0f} s"
        sys.stderr.write("\r" + line.ljust(self.width))
        sys.stderr.flush()
        self.width = len(line)

    def close(self) -> None:
        """Clears the line."""
        sys.stderr.write("\r" + " " * self.width + "\r")
        sys.stderr.flush()


def display(what: str) -> Bar | None:
    """A bar, or None where nobody would see it: outside of terminals and notebooks."""
    visible = "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())
    return Bar(what) if visible else None
