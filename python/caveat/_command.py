"""The console script `caveat`: the Rust program's command, from the compiled part of this package."""

import signal
import sys


def main() -> int:
    """Runs the command with the arguments of the process and gives its exit code."""
    from caveat import _lib

    # The command heeds Ctrl-C by itself; Python's handler would wait for it to end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _lib.command(sys.argv)
