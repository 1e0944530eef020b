"""Bad input: an exception that says what and where, never an abort, and nothing left behind."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import caveat
from caveat import _lib

TASK, KERNEL = caveat.TransitiveTask(9, [(5, 3)]), caveat.ExchangeableKernel(0.2)
GRAPH = caveat.ComparisonGraph([("ant", "bee"), ("bee", "cow")])
MARGINS = caveat.solve(TASK, KERNEL, c=10.0).margins
FIT = caveat.fit(TASK, MARGINS)
NAN = float("nan")

CASES: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "a task of text": (lambda: caveat.TransitiveTask("9"), TypeError, "n_items"),
    "a fraction of items": (lambda: caveat.TransitiveTask(9.5), TypeError, "n_items"),
    "fewer than no items": (lambda: caveat.TransitiveTask(-2), ValueError, "n_items: -2 is negative"),
    "one item": (lambda: caveat.TransitiveTask(1), ValueError, "at least 2 items, got 1"),
    "a rank beyond the last": (
        lambda: caveat.TransitiveTask(9, [(9, 3)]),
        ValueError,
        "rank 9 is out of range: 9 items",
    ),
    "a negative rank": (
        lambda: caveat.TransitiveTask(9, [(5, 3), (-1, 2)]),
        ValueError,
        r"exceptions\[1\]: -1 is negative",
    ),
    "an exception that is the rule": (
        lambda: caveat.TransitiveTask(9, [(3, 5)]),
        ValueError,
        "is the rule, not an exception",
    ),
    "an exception of three": (
        lambda: caveat.TransitiveTask(9, [(5, 3, 1)]),
        ValueError,
        "expected a pair, got 3 values",
    ),
    "an exception twice": (lambda: caveat.TransitiveTask(9, [(5, 3)] * 2), ValueError, "given twice"),
    "a weight of nothing trained": (
        lambda: caveat.TransitiveTask(9, weights={(0, 5): 2}),
        ValueError,
        "pair 0 5 is not trained",
    ),
    "a negative weight": (lambda: caveat.TransitiveTask(9, weights={(0, 1): -2}), ValueError, "weight -2 of pair 0 1"),
    "a weight that is text": (
        lambda: caveat.TransitiveTask(9, weights={(0, 1): "x"}),
        TypeError,
        r"weights\[\(0, 1\)\]: expected a number",
    ),
    "a weight of one item": (
        lambda: caveat.TransitiveTask(9, weights={3: 1.0}),
        TypeError,
        r"weights\[3\]: expected a pair",
    ),
    "an unknown order": (
        lambda: caveat.TransitiveTask(9, order="up"),
        ValueError,
        "order: 'up' is unknown: expected one of both,",
    ),
    "no comparisons": (lambda: caveat.ComparisonGraph([]), ValueError, "at least one is needed"),
    "empty arrays": (lambda: caveat.ComparisonGraph.from_pairs([], []), ValueError, "at least 2 items|no comparisons"),
    "a number for a graph": (lambda: caveat.ComparisonGraph(5), TypeError, "comparisons: expected .* got int"),
    "text for a graph": (lambda: caveat.ComparisonGraph("ab"), TypeError, "comparisons: expected .* got str"),
    "a pair of three": (
        lambda: caveat.ComparisonGraph([(1, 2), (1, 2, 3)]),
        ValueError,
        r"comparisons\[1\]: expected a pair",
    ),
    "an array of three columns": (
        lambda: caveat.ComparisonGraph(np.zeros((4, 3))),
        ValueError,
        r"expected the shape \(comparisons, 2\), got \(4, 3\)",
    ),
    "an item against itself": (
        lambda: caveat.ComparisonGraph([(0, 1), (2, 2)]),
        ValueError,
        "comparison 1: item 2 is compared with itself",
    ),
    "a label that is NaN": (
        lambda: caveat.ComparisonGraph([(0.0, 1.0), (NAN, 1.0)]),
        ValueError,
        r"winners\[1\]: the label is missing",
    ),
    "a label that is None": (
        lambda: caveat.ComparisonGraph([("a", "b"), ("a", None)]),
        ValueError,
        r"losers\[1\]: the label is missing",
    ),
    "labels that cannot be sorted": (
        lambda: caveat.ComparisonGraph([("a", 1j)]),
        ValueError,
        "name all items, in order, with labels=",
    ),
    "columns of another frame": (
        lambda: caveat.ComparisonGraph({"a": [1], "b": [2]}),
        ValueError,
        "the columns a, b are not",
    ),
    "a preference for neither": (
        lambda: caveat.ComparisonGraph({"left": ["a", "a"], "right": ["b", "b"], "label": ["a", "c"]}),
        ValueError,
        "row 1: the label 'c' must be one of 'a' and 'b'",
    ),
    "unequal columns": (
        lambda: caveat.ComparisonGraph.from_pairs([0, 1], [1]),
        ValueError,
        "losers: 1 losers for 2 winners",
    ),
    "a matrix of winners": (
        lambda: caveat.ComparisonGraph.from_pairs([[0]], [[1]]),
        ValueError,
        "winners: expected one dimension",
    ),
    "a weight too few": (
        lambda: caveat.ComparisonGraph.from_pairs([0, 1], [1, 2], [1.0]),
        ValueError,
        r"weights: expected 2, .* got the shape \[1\]",
    ),
    "a weight below zero": (
        lambda: caveat.ComparisonGraph.from_pairs([0, 1], [1, 2], [1, -1]),
        ValueError,
        r"weights\[1\]: -1 is not",
    ),
    "a weight that is NaN": (
        lambda: caveat.ComparisonGraph.from_pairs([0, 1], [1, 2], [NAN, 1]),
        ValueError,
        r"weights\[0\]: NaN is not",
    ),
    "weights of text": (
        lambda: caveat.ComparisonGraph.from_pairs([0], [1], ["x"]),
        ValueError,
        "weights: expected numbers",
    ),
    "an item beyond n_items": (
        lambda: caveat.ComparisonGraph([(0, 1), (7, 1)], n_items=5),
        ValueError,
        r"winners\[1\]: item 7 is unknown: items are 0 to 4",
    ),
    "text with n_items": (
        lambda: caveat.ComparisonGraph([("a", "b")], n_items=5),
        ValueError,
        r"winners\[0\]: item 'a' is unknown: items are 0 to 4",
    ),
    "a label not named": (
        lambda: caveat.ComparisonGraph([("a", "z")], labels=["a", "b"]),
        ValueError,
        r"losers\[0\]: item 'z' is unknown: 2 items are known, 'a' to 'b'",
    ),
    "a label named twice": (
        lambda: caveat.ComparisonGraph([("a", "b")], labels=["a", "b", "a"]),
        ValueError,
        r"labels\[2\]: 'a' is named twice",
    ),
    "labels and their number": (
        lambda: caveat.ComparisonGraph([(0, 1)], labels=[0, 1], n_items=2),
        ValueError,
        "n_items: leave it out",
    ),
    "a kernel of text": (lambda: caveat.ExchangeableKernel("0.2"), TypeError, "conjunctivity"),
    "a kernel of no number": (
        lambda: caveat.ExchangeableKernel(NAN),
        ValueError,
        "conjunctivity = NaN is out of range",
    ),
    "too conjunctive": (
        lambda: caveat.ExchangeableKernel(1.5),
        ValueError,
        "conjunctivity = 1.5 is out of range: it must be between 0",
    ),
    "orbits that are not finite": (
        lambda: caveat.ExchangeableKernel.from_orbits(1, 0, np.inf, 0, 0, 0),
        ValueError,
        "must be a finite number",
    ),
    "a kernel without antisymmetry": (
        lambda: caveat.ExchangeableKernel.from_orbits(1, 1, 0, 0, 0, 0),
        ValueError,
        "cannot tell",
    ),
    "a matrix that is none": (
        lambda: caveat.ExchangeableKernel.from_matrix([1.0]),
        ValueError,
        "matrix: expected a square matrix",
    ),
    "a matrix of no items": (
        lambda: caveat.ExchangeableKernel.from_matrix(np.eye(7)),
        ValueError,
        "a 7 × 7 matrix is not",
    ),
    "a matrix with NaN": (
        lambda: caveat.ExchangeableKernel.from_matrix(np.full((12, 12), NAN)),
        ValueError,
        "row 0, column 0",
    ),
    "a matrix of text": (
        lambda: caveat.ExchangeableKernel.from_matrix([["a"]]),
        ValueError,
        "matrix: expected numbers",
    ),
    "an unknown network": (
        lambda: caveat.ExchangeableKernel.network("cnn", 1),
        ValueError,
        '"cnn" is unknown: it must be nngp or ntk',
    ),
    "an unknown activation": (
        lambda: caveat.ExchangeableKernel.network("ntk", 1, "gelu"),
        ValueError,
        '"gelu" is unknown',
    ),
    "a negative depth": (lambda: caveat.ExchangeableKernel.network("ntk", -1), ValueError, "depth: -1 is negative"),
    "too deep": (lambda: caveat.ExchangeableKernel.network("ntk", 10**9), ValueError, "depth: 1000000000 is too deep"),
    "a narrow network": (
        lambda: caveat.ExchangeableKernel.random_features(1, width=0),
        ValueError,
        "width = 0 is out of range",
    ),
    "progress that is a number": (
        lambda: caveat.ExchangeableKernel.random_features(1, width=9, progress=3),
        TypeError,
        "progress: expected True, False or a function",
    ),
    "a list to solve": (
        lambda: caveat.solve([(0, 1)], KERNEL),
        TypeError,
        "task: expected a TransitiveTask or a ComparisonGraph, got list",
    ),
    "a conjunctivity alone": (
        lambda: caveat.solve(TASK, 0.2),
        TypeError,
        r"kernel: .* ExchangeableKernel\(conjunctivity=…\)",
    ),
    "a matrix of other items": (
        lambda: caveat.solve(TASK, np.eye(12)),
        ValueError,
        "the kernel is of 4 items, the task of 9",
    ),
    "c below zero": (
        lambda: caveat.solve(TASK, KERNEL, c=-1.0),
        ValueError,
        "C = -1 is out of range: it must be positive",
    ),
    "c of text": (lambda: caveat.solve(TASK, KERNEL, c="x"), TypeError, "c"),
    "an unknown route": (
        lambda: caveat.solve(TASK, KERNEL, route="fast"),
        ValueError,
        '"fast" is unknown: it must be chain,',
    ),
    "a route that does not apply": (lambda: caveat.solve(GRAPH, KERNEL, route="chain", c=NAN), ValueError, "C = NaN"),
    "an indefinite kernel": (
        lambda: caveat.solve(TASK, caveat.ExchangeableKernel.from_orbits(1, 0, 2, 2, 0, 0)),
        ValueError,
        "is indefinite on ordered pairs of 9 items",
    ),
    "time below zero": (lambda: caveat.gradient_flow(TASK, KERNEL, time=-1.0), ValueError, "time"),
    "flow on a matrix": (
        lambda: caveat.gradient_flow(TASK, np.eye(72), time=1.0),
        ValueError,
        "from_matrix makes a kernel of it",
    ),
    "no maximum of the likelihood": (lambda: caveat.logistic(TASK, KERNEL), ValueError, "C|maximum"),
    "an unknown label": (
        lambda: caveat.solve(GRAPH, KERNEL).margin("ant", "zebra"),
        ValueError,
        "second: item 'zebra' is unknown: 3 items are known, 'ant' to 'cow'",
    ),
    "an unknown label among many": (
        lambda: caveat.solve(GRAPH, KERNEL).margin(["ant"], ["emu"]),
        ValueError,
        r"second\[0\]: item 'emu'",
    ),
    "a rank that is unknown": (
        lambda: caveat.solve(TASK, KERNEL).margin(0, 9),
        ValueError,
        "second: item 9 is unknown: items are 0 to 8",
    ),
    "a label that cannot be one": (
        lambda: caveat.solve(GRAPH, KERNEL).margin({}, "ant"),
        ValueError,
        "first: .*unhashable",
    ),
    "a label and a list": (lambda: caveat.solve(TASK, KERNEL).margin(0, [1]), TypeError, "two labels or two arrays"),
    "lists of two lengths": (
        lambda: caveat.solve(TASK, KERNEL).margin([0, 1], [1]),
        ValueError,
        r"second: expected the shape of first, \[2\], got \[1\]",
    ),
    "a window of a graph": (
        lambda: caveat.balance_window(GRAPH),
        TypeError,
        "task: expected a TransitiveTask, got ComparisonGraph",
    ),
    "a window of two kinds": (
        lambda: caveat.balance_window(TASK, c=1.0, time=1.0),
        ValueError,
        "time: it takes the place of c",
    ),
    "an axis out of range": (lambda: caveat.phase_diagram(TASK, [0.1, 1.5]), ValueError, "conjunctivity = 1.5"),
    "an axis of NaN": (lambda: caveat.phase_diagram(TASK, inverse_c=[NAN]), ValueError, "1/C = NaN"),
    "an axis that is a matrix": (
        lambda: caveat.phase_diagram(TASK, [[0.1]]),
        ValueError,
        r"conjunctivity: expected one dimension, got the shape \[1, 1\]",
    ),
    "an empty axis": (lambda: caveat.phase_diagram(TASK, []), ValueError, "the grid has no cell"),
    "no cells": (lambda: caveat.phase_diagram(TASK, cells=0), ValueError, "a grid of 0 × 0 cells"),
    "two second axes": (
        lambda: caveat.phase_diagram(TASK, inverse_c=[1], inverse_time=[1]),
        ValueError,
        "inverse_time: it takes the place",
    ),
    "margins of another task": (
        lambda: caveat.fit(TASK, np.zeros((8, 8))),
        ValueError,
        r"margins: expected the shape \(9, 9\) or \(36,\), got \[8, 8\]",
    ),
    "margins in three dimensions": (
        lambda: caveat.fit(TASK, np.zeros((2, 9, 9))),
        ValueError,
        "margins: expected the shape",
    ),
    "margins of text": (lambda: caveat.fit(TASK, ["x"] * 36), ValueError, "margins: expected numbers"),
    "a margin that is infinite": (
        lambda: caveat.fit(TASK, [np.inf] + [0.0] * 35),
        ValueError,
        "the margin of pair 0 1 is inf",
    ),
    "margins without pairs": (
        lambda: caveat.fit(TASK, [1.0, 2.0], pairs=[(0, 1)]),
        ValueError,
        "margins: 2 margins for 1 pairs",
    ),
    "pairs of unknown items": (
        lambda: caveat.fit(TASK, [1.0], pairs=[(0, 12)]),
        ValueError,
        r"pairs\[:, 1\]\[0\]: item 12 is unknown",
    ),
    "pairs of three": (
        lambda: caveat.fit(TASK, [1.0], pairs=[(0, 1, 2)]),
        ValueError,
        r"pairs: expected the shape \(pairs, 2\)",
    ),
    "tasks without their margins": (
        lambda: caveat.fit([TASK, TASK], [MARGINS]),
        ValueError,
        "margins: expected a list of 2",
    ),
    "no task": (lambda: caveat.fit([], []), ValueError, "task: the list is empty"),
    "one cluster": (lambda: caveat.bootstrap(TASK, MARGINS[None]), ValueError, "must be at least 2"),
    "clusters without an axis": (
        lambda: caveat.bootstrap(TASK, np.zeros(36)),
        ValueError,
        r"expected the shape \(clusters, 9, 9\)",
    ),
    "a cluster that lacks a pair": (
        lambda: caveat.bootstrap(TASK, np.array([[1.0] * 36, [NAN] + [1.0] * 35])),
        ValueError,
        "the margin of pair 0 1 in cluster 1 is NaN",
    ),
    "a prediction of no fit": (lambda: caveat.predict(TASK, TASK), TypeError, "Fit"),
    "a prediction of other weights": (
        lambda: caveat.predict(FIT, caveat.ComparisonGraph([(i, i + 1) for i in range(8)] * 2)),
        ValueError,
        "fitted with presentation weight 1 and would be predicted with 2",
    ),
    "choices above the trials": (lambda: caveat.fit_choices(TASK, [(0, 1)], [3], [2]), ValueError, "3"),
    "choices that are NaN": (lambda: caveat.fit_choices(TASK, [(0, 1)], [NAN]), ValueError, "(?i)nan"),
    "choices without pairs": (
        lambda: caveat.fit_choices(TASK, [(0, 1)], [1, 0]),
        ValueError,
        "first_chosen: 2 numbers for 1 pairs",
    ),
    "clusters without pairs": (
        lambda: caveat.fit_choices(TASK, [(0, 1)], [1], clusters=[1, 2]),
        ValueError,
        "clusters: expected 1 labels",
    ),
    "an unknown learner": (
        lambda: caveat.fit_choices(TASK, [(0, 1)], [1], learner="svm"),
        ValueError,
        "learner: 'svm' is unknown",
    ),
    "no design": (lambda: caveat.design([]), ValueError, "there is no candidate"),
    "a design of graphs": (lambda: caveat.design([TASK, GRAPH]), TypeError, r"tasks\[1\]: expected a TransitiveTask"),
    "pairs that are unknown": (lambda: caveat.design(TASK, pairs="some"), ValueError, "pairs: 'some' is unknown"),
    "hypotheses that overlap": (lambda: caveat.design(TASK, hypotheses=((0, 0.5), (0.4, 1))), ValueError, "overlap"),
    "a file that is not there": (
        lambda: caveat.read_trials(["nowhere.parquet"]),
        OSError,
        "nowhere.parquet: cannot be read",
    ),
    "a column that is unknown": (
        lambda: caveat.read_trials(["nowhere.parquet"], ["speed"]),
        ValueError,
        "columns: 'speed' is unknown",
    ),
    "a phase that is unknown": (lambda: caveat.read_conditions(["nowhere"], phase="mid"), ValueError, "mid"),
    "choices in no file": (lambda: caveat.read_choices("nowhere.csv"), OSError, "nowhere.csv: cannot be read"),
    "a preset that is unknown": (lambda: caveat.read_choices("x.csv", preset="me"), ValueError, "me"),
    "a preset and columns": (
        lambda: caveat.read_choices("x.csv", {"winner": "w"}, preset="me"),
        ValueError,
        "preset: it takes the place",
    ),
    "a fit of no file": (lambda: caveat.fit_trials("nowhere.parquet"), OSError, "nowhere.parquet: cannot be read"),
    "columns and a preset": (
        lambda: caveat.fit_choice_file("x.csv", columns={"winner": "a", "loser": "b"}, preset="jensen2015-monkeys"),
        ValueError,
        "columns= and preset= exclude each other",
    ),
    "a task and a number of items": (
        lambda: caveat.fit_choice_file("x.csv", tasks="3", n_items=5),
        ValueError,
        "tasks= and n_items= exclude each other",
    ),
    "folds of no comparison": (lambda: caveat.fit_trials("x", folds=5), ValueError, "folds= are those of compare="),
    "a fit by an unknown column": (lambda: caveat.fit_trials("x", by=["size"]), ValueError, "by: 'size' is unknown"),
    "a figure of no file": (lambda: caveat.figures.study("nowhere"), OSError, "nowhere: cannot be read"),
    "a figure in another format": (
        lambda: caveat.figures.task(TASK).save("x.gif"),
        ValueError,
        r"'x.gif' does not end in \.svg, \.pdf or \.png",
    ),
    "a figure nowhere": (lambda: caveat.figures.task(TASK).save("/nowhere/x.svg"), OSError, "cannot be written"),
    "a figure of a graph": (lambda: caveat.figures.margins(GRAPH), TypeError, "task: expected a TransitiveTask"),
    "a mechanism without screening": (
        lambda: caveat.figures.mechanism(TASK, screenings=[]),
        ValueError,
        "name at least one screening",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_in_words(name: str) -> None:
    call, kind, words = CASES[name]
    with pytest.raises(kind) as raised:
        call()
    # Notes, which pytest would match too, are not everywhere.
    assert re.search(words, str(raised.value)), raised.value


def resident() -> int:
    """Memory of this process, in bytes."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="memory is measured on Linux")
def test_failing_calls_leave_nothing_behind() -> None:
    solution = caveat.solve(GRAPH, KERNEL)
    bad_matrix, bad_margins = np.full((12, 12), NAN), np.full(36, np.inf)
    calls = [
        lambda: caveat.TransitiveTask(9, [(3, 5)]),
        lambda: caveat.ComparisonGraph.from_pairs([0, 1], [1, 2], [1, -1]),
        lambda: caveat.ComparisonGraph([("a", "b"), ("c", "c")]),
        lambda: caveat.solve(TASK, KERNEL, c=-1.0),
        lambda: caveat.solve(TASK, 0.2),
        lambda: solution.margin("ant", "zebra"),
        lambda: solution.margin(["ant", "emu"], ["bee", "ant"]),
        lambda: caveat.gradient_flow(TASK, KERNEL, time=NAN),
        lambda: caveat.phase_diagram(TASK, [2.0], [1.0]),
        lambda: caveat.solve(TASK, bad_matrix),
        lambda: caveat.fit(TASK, bad_margins, pairs=[(0, 1)]),
    ]

    def fail(times: int) -> None:
        for k in range(times):
            with pytest.raises((ValueError, TypeError)):
                calls[k % len(calls)]()

    fail(20_000)
    gc.collect()
    before = resident()
    fail(100_000)
    gc.collect()
    # A leak of a hundred bytes a call would be 10 MB.
    assert resident() - before < 5_000_000


def test_other_threads_run_while_a_computation_does() -> None:
    counted, done = [0], threading.Event()

    def count() -> None:
        while not done.is_set():
            counted[0] += 1
            time.sleep(0.001)

    counter = threading.Thread(target=count)
    counter.start()
    try:
        before = counted[0]
        grid = caveat.phase_diagram(caveat.TransitiveTask(41, [(22, 18)]), cells=1_500)
        assert grid.sizes["conjunctivity"] == 1_500
        assert counted[0] - before > 20
    finally:
        done.set()
        counter.join()


def test_progress_is_told_to_a_function_and_its_exception_ends_the_work() -> None:
    told: list[tuple[int, int]] = []
    task = caveat.TransitiveTask(61, [(32, 28)])
    caveat.phase_diagram(task, cells=1_500, progress=lambda done, total: told.append((done, total)))
    assert told and all(0 <= done <= total == 1_500**2 for done, total in told)
    assert told == sorted(told) and told[-1] == (1_500**2, 1_500**2)
    told.clear()
    caveat.phase_diagram(task, cells=20, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (400, 400)

    def stop(done: int, total: int) -> None:
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        caveat.phase_diagram(task, cells=1_500, progress=stop)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on Unix")
def test_ctrl_c_ends_a_computation() -> None:
    program = textwrap.dedent("""
        import caveat, sys
        print("begun", flush=True)
        try:
            caveat.phase_diagram(caveat.TransitiveTask(301, [(160, 140)]), cells=20_000, progress=False)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert out == "interrupted\n" and process.returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked on Unix")
def test_forked_processes_compute_in_parallel_as_their_parent_did(own: Path) -> None:
    # In a process of its own, which has used all threads before it is forked.
    program = textwrap.dedent(f"""
        import multiprocessing, warnings, caveat, numpy as np
        from concurrent.futures import ProcessPoolExecutor
        warnings.simplefilter("ignore", DeprecationWarning)
        task, kernel = caveat.TransitiveTask(9, [(5, 3)]), caveat.ExchangeableKernel(0.2)
        seeds = caveat.solve(task, kernel, c=10.0).margins + np.random.default_rng(0).normal(size=(5, 9, 9))
        items = np.random.default_rng(1).integers(0, 5_000, (2, 40_000))
        graph = caveat.ComparisonGraph.from_pairs(*items[:, items[0] != items[1]])

        def numbers(_=None):
            return (
                float(caveat.phase_diagram(task, cells=200)["cross_section"].mean()),
                float(caveat.phase_diagram(task, cells=20)["cross_section"].mean()),
                float(caveat.solve(graph, kernel, c=1.0).ranks.std()),
                caveat.bootstrap(task, seeds, replicates=500).conjunctivity,
                len(caveat.read_trials({str(own)!r}, ["seed"])),
            )

        def of_children(processes, work, count):
            with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
                return list(pool.map(work, range(count)))

        def of_a_grandchild(_):
            return numbers(), of_children(1, numbers, 1)[0]

        expected = numbers()
        assert of_children(2, numbers, 4) == [expected] * 4
        assert of_children(1, of_a_grandchild, 1) == [(expected, expected)]
        print("equal")
    """)
    # Without its own threads, a child would wait forever.
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.stdout == "equal\n", done.stderr


def test_the_compiled_part_refuses_what_the_package_would_not_pass() -> None:
    with pytest.raises(ValueError, match="name: 'sum' is unknown: expected one of task, "):
        _lib.trials_figure("sum", "trials.parquet")
    with pytest.raises(TypeError, match="colour is no argument of a fit"):
        _lib.fit_files("file", "choices.csv", colour="blue")
    with pytest.raises(TypeError, match="colour is no argument of a fit"):
        caveat.figures.choices("choices.csv", colour="blue")
