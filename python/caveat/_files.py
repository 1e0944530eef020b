"""Trial tables and files of choices: the command's fits, summaries and checks with their tables as results."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Sequence
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
        One row per fit, or per prediction, per model compared, or per parameter of their summary: the columns of
        ``caveat fit``.
    pairs : Table or None
        Every predicted pair with its interval, where conditions were predicted.
    notes : list of str
        What a person should know of it. What makes the result doubtful is a warning, too.

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
        Columns that make a condition: any of ``setting``, ``model``, ``task`` and ``hier`` (all by default); others are
        averaged over.
    loss : {"squared", "logistic"}
        Margins by least squares, or choices by maximum likelihood.
    learner : {"ridge", "gradient-flow", "logistic"}
        What learns the margins.
    lapse, position_bias : bool
        Whether to estimate a lapse rate (of choices), and a bias toward the item shown first.
    train, test : list of str
        Fit these hierarchies and predict those, in place of fitting all.
    compare : bool
        Compare nested models by cross-validation, in ``folds`` folds.
    hierarchical : bool
        Fit the population of models (in `fit_choice_file` of subjects) from every one's whole likelihood: median,
        spread between them, and each one's shrunken estimate. Nobody is left out because of an estimate at a limit.
    phase : {"pre", "post"}
        Rows before or after training.
    where : str or list of str
        Conditions that used rows meet, as ``"setting=full & gap>=2"``.
    bootstrap : int, optional
        Replicates of a bootstrap, for intervals beside the others; with ``test`` those of the predictions' intervals,
        2,000 by default.
    seed : int
        Of the bootstrap and of the folds.

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
    told = arguments(
        paths_of(files),
        by=by,
        loss=loss,
        learner=learner,
        lapse=lapse,
        position_bias=position_bias,
        train=several("train", train) or None,
        test=several("test", test) or None,
        compare=compare,
        folds=folds,
        hierarchical=hierarchical,
        phase=phase,
        where=where,
        bootstrap=bootstrap,
        seed=seed,
    )
    return _fit(told)


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

    A task belongs to a condition: without ``tasks`` its list is of the items that the condition shows, over all its
    subjects and sessions.

    Parameters
    ----------
    file : path or list of paths
        The file, or several with the same columns, read one below the other.
    columns, preset, n_items, items, first_rank, trials, skip_missing, where
        How it is read, as of `read_choices`.
    tasks : dict of str to task, or task, optional
        What was trained under every condition (in files without conditions, by subject or session): a
        `TransitiveTask`, a number of items, or text as in ``"9:5-3"``. A task alone, or one under None, is of
        everything that is not named. Takes the place of ``n_items`` and ``exceptions``.
    exceptions : list of (winner, loser)
        Exceptions that were trained, by rank from 0, in a file with one condition.
    by : list of str, optional
        Fit separately by any of ``subject``, ``session`` and ``condition``.
    cluster : {"subject", "session"}, optional
        What is a sample of its own, and left out as a whole.
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
    told = choice_arguments(
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
    return _fit(told)


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
    return _lib.results_table("summary", arguments(paths_of(files), by=by, where=where))


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
    return _lib.results_table("matrix", arguments(paths_of(files), where=where))


def check_trials(files: Paths, *, most: int = 20) -> Table:
    """Every problem of trial tables, one row each; a table without rows says that there is none.

    Parameters
    ----------
    files : path or list of paths
        Trial tables and directories of them.
    most : int
        Problems of one kind in one file that are spelled out; the rest is counted.

    Examples
    --------
    >>> import caveat
    >>> len(caveat.check_trials("crates/caveat/results/trials.parquet"))
    0
    """
    return _lib.results_table("check", arguments(paths_of(files), most=most))


def run_geometry(runs: Paths) -> Table:
    """What runs have kept of their hidden states, by run, phase and kernel: the columns of ``caveat lm geometry``.

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


def paths_of(files: Paths, what: str = "files") -> list[str]:
    """One path or several as a list of them."""
    if isinstance(files, (str, os.PathLike)):
        return [os.fspath(files)]
    if not isinstance(files, Iterable):
        raise TypeError(f"{what}: expected a path or a list of paths, got {type(files).__name__}")
    return [path_of(f"{what}[{at}]", path) for at, path in enumerate(files)]


def path_of(what: str, path: Path) -> str:
    """A path as text."""
    try:
        return os.fspath(path)
    except TypeError:
        raise TypeError(f"{what}: expected a path, got {type(path).__name__}") from None


def several(what: str, values: Any) -> list[Any]:
    """One text or a list of anything, as a list."""
    if isinstance(values, str):
        return [values]
    try:
        return list(values)
    except TypeError:
        raise TypeError(f"{what}: expected a list, got {type(values).__name__}") from None


def with_commas(what: str, values: Any) -> str:
    """A list as one argument of the command."""
    texts = [str(value) for value in several(what, values)]
    for at, text in enumerate(texts):
        if "," in text:
            raise ValueError(
                f"{what}[{at}]: {text!r} holds a comma, which ends a value where the command takes several"
            )
    return ",".join(texts)


def task_text(what: str, task: Task) -> str:
    """A task as text, as the command takes it."""
    if isinstance(task, TransitiveTask):
        if task.weights or task.order != "both":
            raise ValueError(
                f"{what}: expected every trained pair equally often and in both orders, as files of choices are "
                f"fitted, got weights {task.weights} and the order {task.order!r}"
            )
        exceptions = ",".join(f"{winner}-{loser}" for winner, loser in task.exceptions)
        return f"{task.n_items}:{exceptions}" if exceptions else str(task.n_items)
    if isinstance(task, str):
        return task
    try:
        return str(operator.index(task))
    except TypeError:
        raise TypeError(
            f"{what}: expected a TransitiveTask, a number of items, or text as in '9:5-3', got {type(task).__name__}"
        ) from None


def task_arguments(tasks: Task | dict[str | None, Task] | None) -> list[str]:
    """Arguments of ``caveat fit`` for what was trained where."""
    if tasks is None:
        return []
    if not isinstance(tasks, dict):
        return ["--task", task_text("tasks", tasks)]
    told = []
    for name, task in tasks.items():
        text = task_text(f"tasks[{name!r}]", task)
        told += ["--task", text if name is None else f"{name}={text}"]
    return told


def choice_arguments(
    file: Paths,
    *,
    columns: dict[str, str] | None = None,
    tasks: Task | dict[str | None, Task] | None = None,
    exceptions: Sequence[tuple[int, int]] = (),
    items: Sequence[str] | None = None,
    n_items: int | None = None,
    **options: Any,
) -> list[str]:
    """Arguments of ``caveat fit`` for a file of choices."""
    told = task_arguments(tasks) + arguments(paths_of(file, "file"), **options)
    if columns is not None:
        if not isinstance(columns, dict):
            raise TypeError(f"columns: expected a dict, got {type(columns).__name__}")
        told += ["--columns", with_commas("columns", [f"{role}={column}" for role, column in columns.items()])]
    if n_items is not None:
        told += ["--items", str(n_items)]
    if items is not None:
        told += ["--order", with_commas("items", items)]
    for at, exception in enumerate(several("exceptions", exceptions)):
        pair = several(f"exceptions[{at}]", exception)
        if len(pair) != 2:
            raise ValueError(f"exceptions[{at}]: expected a pair (winner, loser), got {exception!r}")
        told += ["--exception", *map(str, pair)]
    return told


def arguments(files: Sequence[str] = (), **options: Any) -> list[str]:
    """Files and options as on a command line: None and False are left out, True is a flag, lists have commas."""
    told = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if name == "where":
            for expression in several("where", value):
                told += [flag, str(expression)]
        elif value is True:
            told.append(flag)
        elif value is None or value is False:
            continue
        elif isinstance(value, str) or not isinstance(value, Iterable):
            told += [flag, str(value)]
        else:
            told += [flag, with_commas(name, value)]
    # After a file named like an option, nothing would be what it is.
    return [*told, *(path if path == "-" or not path.startswith("-") else f"./{path}" for path in files)]


def _fit(told: list[str]) -> FileFit:
    table, pairs, _, _, notes = _lib.fit_files(told, False, False)
    return FileFit(table, pairs, notes)
