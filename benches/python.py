"""What calls of the Python package cost beyond the same in Rust, in one run on one machine: prints two tables."""

import json
import subprocess
import sys
import time

import caveat
import numpy as np
from caveat import _lib

RUST = json.loads(subprocess.run([sys.argv[1], "python"], check=True, capture_output=True, text=True).stdout)

task, kernel = caveat.TransitiveTask(9, [(5, 3)]), caveat.ExchangeableKernel(0.2)
solution = caveat.solve(task, kernel, c=10.0)
i, j = np.triu_indices(9, 1)
margins = solution.margins[i, j]
fit = caveat.fit(task, margins)
CALLS = {
    "TransitiveTask": lambda: caveat.TransitiveTask(9, [(5, 3)]),
    "solve": lambda: caveat.solve(task, kernel, c=10.0),
    "solve, margins": lambda: caveat.solve(task, kernel, c=10.0).margins,
    "accuracy": lambda: solution.accuracy(),
    "gradient_flow": lambda: caveat.gradient_flow(task, kernel, time=10.0),
    "logistic": lambda: caveat.logistic(task, kernel, c=10.0),
    "balance_window": lambda: caveat.balance_window(task, c=10.0),
    "fit": lambda: caveat.fit(task, margins),
    "predict": lambda: caveat.predict(fit, task),
}


def median_time(call, repeats, number):
    """Median over repeats of the mean time of a call, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(number):
            call()
        times.append((time.perf_counter() - start) / number)
    return float(np.median(times))


print("| call on (9; 5 3) | Rust | Python | beyond |")
print("|---|--:|--:|--:|")
for name, call in CALLS.items():
    ours, theirs = RUST["calls"][name], median_time(call, 50, 100)
    print(f"| {name} | {ours * 1e6:.2f} µs | {theirs * 1e6:.2f} µs | {(theirs - ours) * 1e6:.2f} µs |")

axes = _lib.phase_axes(1_000, (1e-3, 1e1))
grids = {
    "phase grid of 10⁶ configurations, as arrays": lambda: _lib.phase_grid(task, *axes, False, False),
    "the same as an xarray.Dataset": lambda: caveat.phase_diagram(task, cells=1_000, progress=False),
}
print("\n| job | Rust | Python | speed |")
print("|---|--:|--:|--:|")
for name, call in grids.items():
    call()
    theirs = median_time(call, 9, 1)
    print(f"| {name} | {RUST['grid'] * 1e3:.1f} ms | {theirs * 1e3:.1f} ms | {RUST['grid'] / theirs:.2f} |")
