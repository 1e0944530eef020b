"""Everything public can be pickled and copied, within a process and across; what is too large for memory is refused."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import caveat

joblib = pytest.importorskip("joblib")

KERNEL = caveat.ExchangeableKernel(0.2)
PLAIN, TASK = caveat.TransitiveTask(7), caveat.TransitiveTask(7, [(4, 2)])
MARGINS = caveat.solve(PLAIN, KERNEL, c=10.0).margins
SEEDS = MARGINS + 0.1 * np.random.default_rng(0).normal(size=(5, 7, 7))
SEEN = caveat.solve(TASK, KERNEL, c=10.0).margins
TRIALS = Path(__file__).parents[2] / "crates/caveat/results/trials.parquet"


def choices(first: int = 2, learner: Any = "ridge") -> caveat.ChoiceFit:
    shown = [(0, 1), (1, 2), (0, 2)]
    return caveat.fit_choices(
        caveat.TransitiveTask(3), shown, [first, 3, 4], trials=4, clusters=[0, 1, 2], learner=learner
    )


#: An object of every class, from a function so that nothing is made before it is asked for.
OBJECTS: dict[str, Callable[[], Any]] = {
    "BalanceWindow": lambda: caveat.balance_window(TASK, c=2.0),
    "BalanceWindow without an exception": lambda: caveat.balance_window(PLAIN),
    "ChoiceFit": choices,
    "ChoiceFit of logistic margins": lambda: choices(3, "logistic"),
    "ComparisonGraph": lambda: caveat.ComparisonGraph([("a", "b"), ("b", "c")]),
    "Condition": lambda: caveat.read_conditions(TRIALS)[0],
    "Design": lambda: caveat.design([TASK, PLAIN], samples=8, trials=10, max_trials=40),
    "Design between hypotheses": lambda: caveat.design(
        TASK, hypotheses=((0, 0), (1, 1)), samples=8, trials=10, max_trials=40
    ),
    "ExchangeableKernel": lambda: KERNEL,
    "ExchangeableKernel of a matrix": lambda: caveat.ExchangeableKernel.from_matrix(KERNEL.matrix(4)),
    "ExchangeableKernel of networks": lambda: caveat.ExchangeableKernel.random_features(1, width=50, replicates=4),
    "Figure": lambda: caveat.figures.margins(TASK),
    "Figure of a phase diagram": lambda: caveat.figures.phase(TASK, cells=20),
    "FileFit": lambda: caveat.fit_trials(TRIALS, train=["ti_n9"], test=["exc_mid_n9"], bootstrap=0),
    "Fit": lambda: caveat.fit(PLAIN, MARGINS),
    "Intervals": lambda: caveat.fit(PLAIN, SEEDS[0]).profile_intervals(),
    "Intervals of a bootstrap": lambda: caveat.bootstrap(PLAIN, SEEDS, replicates=50),
    "LogisticSolution": lambda: caveat.logistic(TASK, KERNEL, c=3.0),
    "Prediction": lambda: caveat.predict(caveat.fit(PLAIN, MARGINS), TASK),
    "Prediction with observations": lambda: caveat.predict(caveat.fit(PLAIN, MARGINS), TASK, SEEN),
    "PredictionIntervals": lambda: caveat.prediction_intervals(PLAIN, SEEDS, TASK, SEEN, replicates=50),
    "Solution": lambda: caveat.solve(TASK, KERNEL),
    "Table": lambda: TASK.pairs(),
    "Table with missing numbers": lambda: caveat.ComparisonGraph([("a", "b"), ("b", "a"), ("b", "c")]).pairs(),
    "Table of trials": lambda: caveat.read_trials(TRIALS, ["model", "seed", "logit_diff", "is_train", "no_gt"]),
    "TransitiveTask": lambda: TASK,
}


def contents(thing: Any) -> Any:
    """All that an object tells, in plain terms."""
    if isinstance(thing, caveat.Table):
        return {name: (column.dtype, column.tolist()) for name, column in thing.to_dict().items()}
    if isinstance(thing, np.ndarray):
        return thing.tolist()
    if isinstance(thing, (list, tuple)):
        return [contents(element) for element in thing]
    if isinstance(thing, dict):
        return {name: contents(element) for name, element in thing.items()}
    if not type(thing).__module__.startswith("caveat"):
        return thing
    told = {"repr": repr(thing)} if not isinstance(thing, caveat.FileFit) else {}
    for name in dir(thing):
        value = getattr(thing, name) if not name.startswith("_") else None
        if value is not None and not callable(value):
            told[name] = contents(value)
    for method in ("table", "pairs"):
        if callable(getattr(thing, method, None)):
            told[method] = contents(getattr(thing, method)())
    if isinstance(thing, caveat.Figure):
        told["svg"] = thing.render("svg")
    return told


def test_no_class_is_forgotten() -> None:
    classes = {name for name in caveat.__all__ if isinstance(getattr(caveat, name), type)}
    assert {name.split()[0] for name in OBJECTS} == classes


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_are_the_same_after_pickle_and_copy(name: str) -> None:
    thing = OBJECTS[name]()
    assert type(thing).__name__ == name.split()[0]
    told = contents(thing)
    again = [pickle.loads(pickle.dumps(thing, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for other in [*again, copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(again[0]))]:
        assert type(other) is type(thing)
        np.testing.assert_equal(contents(other), told)


def test_fits_go_on_where_they_were() -> None:
    for learner in ("ridge", "logistic"):
        fit = choices(3, learner)
        again = pickle.loads(pickle.dumps(fit))
        assert again.profile_intervals() == fit.profile_intervals()
        # Where all replicates are alike both ends are NaN, which equals nothing.
        assert str(again.bootstrap(replicates=50, seed=1)) == str(fit.bootstrap(replicates=50, seed=1))
    figure = caveat.figures.phase(TASK, cells=20)
    again = copy.deepcopy(figure)
    for format in ("svg", "png"):
        assert again.render(format) == figure.render(format)
    design = caveat.design([TASK, PLAIN], samples=8, trials=10, max_trials=40)
    assert copy.deepcopy(design).figure().render("svg") == design.figure().render("svg")


def made(name: str) -> Any:
    return OBJECTS[name]()


def test_objects_cross_processes() -> None:
    names = [name for name in OBJECTS if "trials" not in name]
    for name, thing in zip(names, joblib.Parallel(n_jobs=2)(joblib.delayed(made)(name) for name in names)):
        np.testing.assert_equal(contents(thing), contents(made(name)))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for thing in pool.map(choices, [2, 3]):
            assert thing.n_trials == 12.0


def test_what_another_version_kept_is_refused() -> None:
    restore, (name, version, state) = KERNEL.__reduce__()
    assert (name, version) == ("ExchangeableKernel", caveat.__version__)
    with pytest.raises(ValueError, match=r"kept by caveat 0\.0\.1 cannot be read by caveat"):
        restore(name, "0.0.1", state)
    with pytest.raises(ValueError, match="is damaged"):
        restore(name, version, state[:-3])
    with pytest.raises(ValueError, match="'Nothing' is not kept"):
        restore("Nothing", version, state)


TOO_LARGE: dict[str, Callable[[], Any]] = {
    "a grid": lambda: caveat.phase_diagram(TASK, cells=10**6),
    "its axes": lambda: caveat.phase_diagram(TASK, cells=10**15),
    "a picture of it": lambda: caveat.figures.phase(TASK, cells=10**6),
    "replicates": lambda: caveat.bootstrap(PLAIN, SEEDS, replicates=10**15),
    "replicates of choices": lambda: choices().bootstrap(replicates=10**15),
    "replicates of predictions": lambda: caveat.prediction_intervals(PLAIN, SEEDS, TASK, SEEN, replicates=10**15),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_what_memory_does_not_hold_is_refused_with_what_would_fit(name: str) -> None:
    with pytest.raises(MemoryError, match=r"needs .* of memory, and .* are free: .* would fit"):
        TOO_LARGE[name]()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_additive_kernels_are_additive_in_every_precision(dtype: str) -> None:
    features = np.random.default_rng(3).normal(size=(2, 9, 40))
    pairs = [(i, j) for i in range(9) for j in range(9) if i != j]
    patterns = np.array([features[0, i] + features[1, j] for i, j in pairs])
    exact = caveat.ExchangeableKernel.from_matrix(patterns @ patterns.T)
    stored = (patterns @ patterns.T).astype(dtype)
    for matrix in (stored, stored.astype(float)):
        kernel = caveat.ExchangeableKernel.from_matrix(matrix)
        assert kernel.info["precision"] == dtype and kernel.info["is_definite"]
        assert 0.0 <= kernel.conjunctivity < 1e-3 and exact.conjunctivity < 1e-12
        solutions = [caveat.solve(TransitiveNine, k, c=10.0).margins for k in (kernel, exact)]
        np.testing.assert_allclose(solutions[0], solutions[1], atol=2e-2 if dtype == "float16" else 1e-5)
        for learned in (
            caveat.solve(TransitiveNine, kernel),
            caveat.solve(TransitiveNine, matrix),
            caveat.logistic(TransitiveNine, kernel.symmetrized(), c=10.0),
            caveat.gradient_flow(TransitiveNine, kernel.symmetrized(), time=10.0),
        ):
            assert np.isfinite(learned.margins).all()


TransitiveNine = caveat.TransitiveTask(9, [(5, 3)])
