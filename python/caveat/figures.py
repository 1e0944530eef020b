"""Figures ready for print, which notebooks display, each with its numbers as a table.

Figures of a task take a `TransitiveTask`, those of language models trial tables (files and directories), and those of
behavior a file of choices. Every one is a `Figure`: ``figure.save("name.pdf")``, ``figure.table``, ``figure.caption``.

>>> import caveat
>>> figure = caveat.figures.mechanism(caveat.TransitiveTask(9, [(5, 3)]))
>>> figure
<Figure mechanism: ...>
>>> len(figure.table) > 0
True
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from caveat import _lib
from caveat._lib import ExchangeableKernel, Figure, TransitiveTask

__all__ = [
    "choices",
    "conjunctivity",
    "distance",
    "fitted_margins",
    "hidden_states",
    "margins",
    "mechanism",
    "model_conjunctivity",
    "observed_margins",
    "phase",
    "placements",
    "predicted_margins",
    "study",
    "task",
    "window",
]

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def task(task: TransitiveTask) -> Figure:
    """The task as a chain with its exceptions, and the class of every pair.

    >>> import caveat
    >>> caveat.figures.task(caveat.TransitiveTask(9, [(5, 3)]))
    <Figure task: ...>
    """
    return _lib.task_figure(task)


def margins(task: TransitiveTask, *, c: float = 10.0, conjunctivities: Sequence[float] | None = None) -> Figure:
    """Margins of all pairs with and without the exceptions, a column per conjunctivity.

    >>> import caveat
    >>> caveat.figures.margins(caveat.TransitiveTask(9, [(5, 3)]), conjunctivities=[0.0, 0.2, 1.0])
    <Figure margins: ...>
    """
    return _lib.margins_figure(task, c, conjunctivities)


def mechanism(task: TransitiveTask, *, screenings: Sequence[float] = (0.1, 1.0, 4.0)) -> Figure:
    """Where ranks come from: the field of the rule, that of the exceptions, and their sum, a panel per screening.

    >>> import caveat
    >>> caveat.figures.mechanism(caveat.TransitiveTask(9, [(5, 3)]), screenings=[0.5, 2.0])
    <Figure mechanism: ...>
    """
    return _lib.mechanism_figure(task, screenings)


def phase(
    tasks: TransitiveTask | Sequence[TransitiveTask],
    conjunctivity: Sequence[float] | None = None,
    inverse_c: Sequence[float] | None = None,
    *,
    inverse_time: Sequence[float] | None = None,
    cells: int = 240,
    progress: bool | Callable[[int, int], Any] = True,
) -> Figure:
    """Accuracy of every pair class over conjunctivity and regularization, a row per task.

    Parameters are those of `caveat.phase_diagram`.

    >>> import caveat
    >>> caveat.figures.phase(caveat.TransitiveTask(9, [(5, 3)]), cells=60)
    <Figure phase: ...>
    """
    from caveat._phase import grid_axes

    several = [tasks] if isinstance(tasks, TransitiveTask) else list(tasks)
    alphas, strengths = grid_axes(conjunctivity, inverse_c, inverse_time, cells)
    return _lib.phase_figure(several, alphas, strengths, inverse_time is not None, progress)


def window(
    *,
    n_items: Sequence[int] = tuple(range(5, 42, 2)),
    cycle_lengths: Sequence[int] = (3, 5, 7, 9),
    n_items_moved: int = 15,
) -> Figure:
    """The balance window over the number of items, and over the exception's place in a task of ``n_items_moved``.

    >>> import caveat
    >>> caveat.figures.window(n_items=[7, 9, 11], cycle_lengths=[3], n_items_moved=9)
    <Figure window: ...>
    """
    return _lib.window_figure(n_items, cycle_lengths, n_items_moved)


def conjunctivity(
    activations: Sequence[str] = ("relu", "leaky:0.3", "abs"),
    *,
    max_depth: int = 16,
    random_features: Sequence[ExchangeableKernel] = (),
) -> Figure:
    """Conjunctivity of infinitely wide networks by depth, and of kernels of `ExchangeableKernel.random_features`.

    >>> import caveat
    >>> caveat.figures.conjunctivity(["relu", "abs"], max_depth=6)
    <Figure conjunctivity: ...>
    """
    return _lib.conjunctivity_figure(activations, max_depth, random_features)


def study(files: Paths) -> Figure:
    """Language models on trial tables: accuracy by class, distance, rank and pair on one page.

    >>> import caveat
    >>> caveat.figures.study("crates/caveat/results/trials.parquet")
    <Figure study: ...>
    """
    return _lib.trials_figure("study", files)


def placements(files: Paths) -> Figure:
    """How often each item is placed above each other, a heatmap per condition.

    >>> import caveat
    >>> caveat.figures.placements("crates/caveat/results/trials.parquet")
    <Figure placements: ...>
    """
    return _lib.trials_figure("placements", files)


def fitted_margins(files: Paths) -> Figure:
    """Observed margins of language models against those of the fitted theory.

    >>> import caveat
    >>> caveat.figures.fitted_margins("crates/caveat/results/trials.parquet")
    <Figure fitted-margins: ...>
    """
    return _lib.trials_figure("fitted-margins", files)


def predicted_margins(files: Paths) -> Figure:
    """Observed margins of tasks with an exception against those predicted from plain transitive inference.

    >>> import caveat
    >>> caveat.figures.predicted_margins("crates/caveat/results/trials.parquet")
    <Figure predicted-margins: ...>
    """
    return _lib.trials_figure("predicted-margins", files)


def observed_margins(files: Paths) -> Figure:
    """Heatmaps of observed, fitted and predicted margins.

    >>> import caveat
    >>> caveat.figures.observed_margins("crates/caveat/results/trials.parquet")
    <Figure observed-margins: ...>
    """
    return _lib.trials_figure("observed-margins", files)


def model_conjunctivity(files: Paths) -> Figure:
    """Conjunctivity of language models by setting, with 95 % intervals over seeds.

    >>> import caveat
    >>> caveat.figures.model_conjunctivity("crates/caveat/results/trials.parquet")
    <Figure model-conjunctivity: ...>
    """
    return _lib.trials_figure("model-conjunctivity", files)


def hidden_states(runs: Paths) -> Figure:
    """Conjunctivity of hidden states before and after training, and how well it predicts margins; of folders of
    runs, or of tables that ``caveat lm geometry --format json`` wrote.

    >>> import caveat
    >>> caveat.figures.hidden_states("crates/caveat/results/geometry.json")
    <Figure hidden-states: ...>
    """
    return _lib.geometry_of_runs(runs)[1]


def choices(file: Paths, **options: Any) -> Figure:
    """Accuracy of animals or people by pair with the fitted theory; options as of `caveat.fit_choice_file`.

    >>> import caveat, pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "choices.csv"
    >>> _ = file.write_text("winner,loser\\n" + "A,B\\nB,C\\nA,C\\n" * 9 + "B,A\\nC,B\\n")
    >>> caveat.figures.choices(file, items=["A", "B", "C"])
    <Figure choices-by-pair: ...>
    """
    figure = _lib.fit_files("file", file, draw_pairs=True, bootstrap=0, **options)[2]
    assert figure is not None  # asked for
    return figure


def distance(file: Paths, **options: Any) -> Figure:
    """Accuracy by symbolic distance and position with the fitted theory; options as of `caveat.fit_choice_file`.

    >>> import caveat, pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "choices.csv"
    >>> _ = file.write_text("winner,loser\\n" + "A,B\\nB,C\\nA,C\\n" * 9 + "B,A\\nC,B\\n")
    >>> caveat.figures.distance(file, items=["A", "B", "C"])
    <Figure distance-and-position: ...>
    """
    figure = _lib.fit_files("file", file, draw_distances=True, bootstrap=0, **options)[3]
    assert figure is not None  # asked for
    return figure
