"""Fits, summaries and checks of trial tables and files of choices."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from caveat import _lib
from caveat._lib import Table, TransitiveTask

Path = str | os.PathLike[str]
Paths = Path | Sequence[Path]
Task = TransitiveTask | int | str


@dataclass(frozen=True)
class FileFit:
    """Fits to files.

    Attributes
    ----------
    table : Table
        The columns of ``caveat fit``, one row per fit, prediction, compared model, or parameter of a summary.
    pairs : Table or None
        Every predicted pair with its interval, where conditions were predicted.
    notes : list of str
        What a person should know of the result. Doubts about it are warnings, too.

    Examples
    --------
    >>> import caveat
    >>> found = caveat.fit_trials("crates/caveat/results/trials.parquet", by=["setting", "hier"], bootstrap=0)
    >>> found.pairs, found.table.column_names[:2]
    (None, ['setting', 'model'])
    """

    table: Table
    pairs: Table | None
    notes: list[str]


def fit_trials(
    files: Paths,
    *,
    by: Sequence[str] | None = None,
    loss: str = "squared",
    learner: str = "ridge",
    lapse: bool = False,
    position_bias: bool = False,
    train: Sequence[str] = (),
    test: Sequence[str] = (),
    compare: bool = False,
    folds: int | None = None,
    hierarchical: bool = False,
    phase: str = "post",
    where: str | Sequence[str] = (),
    bootstrap: int | None = None,
    seed: int = 0,
) -> FileFit:
    """Fits conjunctivity, regularization and gain to every condition of trial tables.

    Parameters
    ----------
    files : path or list of paths
        Trial tables and directories of them.
    by : list of str, optional
        Columns that define a condition: any of ``setting``, ``model``, ``task`` and ``hier`` (all by default). The
        fit averages over the others.
    loss : {"squared", "logistic"}
        Margins by least squares, or choices by maximum likelihood.
    learner : {"ridge", "gradient-flow", "logistic"}
        What learns the margins.
    lapse, position_bias : bool
        Whether to estimate a lapse rate (of choices), and a bias toward the item shown first.
    train, test : list of str
        Fit the hierarchies of ``train`` and predict those of ``test``, instead of fitting all.
    compare : bool
        Compare nested models by cross-validation, in ``folds`` folds.
    hierarchical : bool
        Fit the population of models (in `fit_choice_file`, of subjects) from the whole likelihood of each: the median,
        the spread between them, and the shrunken estimate of each. None is left out because its estimate is at a limit.
    phase : {"pre", "post"}
        Rows before or after training.
    where : str or list of str
        Conditions that used rows meet, as ``"setting=full & gap>=2"``.
    bootstrap : int, optional
        Replicates of a bootstrap, which adds its intervals to the others; with ``test`` it is for the intervals of
        predictions, 2,000 by default.
    seed : int
        Seed of the bootstrap and of the folds.

    Returns
    -------
    FileFit

    Examples
    --------
    >>> import caveat
    >>> file = "crates/caveat/results/trials.parquet"
    >>> predicted = caveat.fit_trials(file, train=["ti_n9"], test=["exc_mid_n9"], bootstrap=0)
    >>> predicted.table["r_squared"].round(2)
    array([0.97, 0.78, 0.94, 0.98])
    """
    return _fit(
        "files",
        files,
        by=by,
        loss=loss,
        learner=learner,
        lapse=lapse,
        position_bias=position_bias,
        train=train,
        test=test,
        compare=compare,
        folds=folds,
        hierarchical=hierarchical,
        phase=phase,
        where=where,
        bootstrap=bootstrap,
        seed=seed,
    )


def fit_choice_file(
    file: Paths,
    *,
    columns: dict[str, str] | None = None,
    preset: str | None = None,
    tasks: Task | dict[str | None, Task] | None = None,
    n_items: int | None = None,
    exceptions: Sequence[tuple[int, int]] = (),
    items: Sequence[str] | None = None,
    first_rank: int | None = None,
    trials: float | None = None,
    skip_missing: bool = False,
    where: str | Sequence[str] = (),
    by: Sequence[str] | None = None,
    cluster: str | None = None,
    learner: str = "ridge",
    lapse: bool = False,
    position_bias: bool = False,
    compare: bool = False,
    folds: int | None = None,
    hierarchical: bool = False,
    bootstrap: int | None = None,
    seed: int = 0,
) -> FileFit:
    """Fits conjunctivity, regularization and gain to CSV files of choices of animals or people.

    A task belongs to a condition. Without ``tasks``, it is the list of the items that the condition shows, over all its
    subjects and sessions.

    Parameters
    ----------
    file : path or list of paths
        The file, or several with the same columns, read one below the other.
    columns, preset, n_items, items, first_rank, trials, skip_missing, where
        How it is read, as of `read_choices`.
    tasks : dict of str to task, or task, optional
        What was trained under every condition (in files without conditions, by subject or session): a
        `TransitiveTask`, a number of items, or text as in ``"9:5-3"``. A task alone, or one under None, is for
        everything that is not named. Not together with ``n_items`` and ``exceptions``.
    exceptions : list of (winner, loser)
        Exceptions that were trained, by rank from 0, in a file with one condition.
    by : list of str, optional
        Fit separately by any of ``subject``, ``session`` and ``condition``.
    cluster : {"subject", "session"}, optional
        What counts as one sample, and is left out as a whole.
    learner, lapse, position_bias, compare, folds, hierarchical, bootstrap, seed
        As of `fit_trials`.

    Returns
    -------
    FileFit
        The column ``task`` of its table says what was taken to be trained.

    Examples
    --------
    >>> import caveat, pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "choices.csv"
    >>> _ = file.write_text("winner,loser\\n" + "A,B\\nB,C\\nA,C\\n" * 9 + "B,A\\nC,B\\n")
    >>> fit = caveat.fit_choice_file(file, items=["A", "B", "C"], bootstrap=0)
    >>> fit.table["n_trials"], list(fit.table["task"])
    (array([29.]), ['3'])
    """
    return _fit(
        "file",
        file,
        columns=columns,
        preset=preset,
        tasks=tasks,
        n_items=n_items,
        exceptions=exceptions,
        items=items,
        first_rank=first_rank,
        trials=trials,
        skip_missing=skip_missing,
        where=where,
        by=by,
        cluster=cluster,
        learner=learner,
        lapse=lapse,
        position_bias=position_bias,
        compare=compare,
        folds=folds,
        hierarchical=hierarchical,
        bootstrap=bootstrap,
        seed=seed,
    )


def summarize_trials(files: Paths, by: Sequence[str] = ("hier",), *, where: Sequence[str] = ()) -> Table:
    """Accuracy and margin by pair class and any columns of trial tables.

    Parameters
    ----------
    files : path or list of paths
        Trial tables and directories of them.
    by : list of str
        Columns to group by, besides the class.
    where : list of str
        Conditions that kept rows meet, as ``"setting=full"`` or ``"gap>=2"``.

    Examples
    --------
    >>> import caveat
    >>> summary = caveat.summarize_trials("crates/caveat/results/trials.parquet", ["setting"], where=["phase=post"])
    >>> summary.column_names[:3]
    ['setting', 'class', 'accuracy']
    """
    return _lib.summarize_trials(files, by, where)


def placements(files: Paths, *, where: Sequence[str] = ()) -> Table:
    """How often each item is placed above each other in trial tables, one row per condition and ordered pair.

    Parameters
    ----------
    files : path or list of paths
        Trial tables and directories of them.
    where : list of str
        Conditions that kept rows meet.

    Examples
    --------
    >>> import caveat
    >>> placed = caveat.placements("crates/caveat/results/trials.parquet", where=["setting=full", "hier=ti_n9"])
    >>> placed.column_names[-3:]
    ['probability', 'share', 'n']
    """
    return _lib.placements(files, where)


def check_trials(files: Paths, *, most: int = 20) -> Table:
    """Every problem of trial tables, one row each; a table without rows says that there is none.

    Parameters
    ----------
    files : path or list of paths
        Trial tables and directories of them.
    most : int
        How many problems of one kind in one file to spell out; the rest are counted.

    Examples
    --------
    >>> import caveat
    >>> len(caveat.check_trials("crates/caveat/results/trials.parquet"))
    0
    """
    return _lib.check_trials(files, most)


def run_geometry(runs: Paths) -> Table:
    """The geometry of hidden states that runs kept, by run, phase and kernel: the columns of ``caveat lm geometry``.

    Parameters
    ----------
    runs : path or list of paths
        Folders of runs that kept their similarities, or tables of them that ``caveat lm geometry --format json`` wrote.

    Examples
    --------
    >>> import caveat
    >>> table = caveat.run_geometry("crates/caveat/results/geometry.json")
    >>> sorted(set(table["kernel"]))
    ['cosine', 'dot', 'fitted']
    """
    return _lib.geometry_of_runs(runs)[0]


def _fit(what: str, files: Paths, **keywords: Any) -> FileFit:
    table, pairs, _, _, notes = _lib.fit_files(what, files, **keywords)
    return FileFit(table, pairs, notes)
