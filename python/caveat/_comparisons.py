"""Comparisons in the shapes that other tools keep them in, as arrays of winners, losers and weights."""

from __future__ import annotations

from typing import Any

import numpy as np


def columns(comparisons: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Winners, losers and weights (or None) of a frame, a list of pairs, or an array of two columns."""
    names = _names(comparisons)
    if names is not None:
        return _of_frame(comparisons, names)
    if isinstance(comparisons, (str, bytes)) or not hasattr(comparisons, "__len__"):
        raise TypeError(
            "comparisons: expected (winner, loser) pairs, an array of two columns or a data frame, "
            f"got {type(comparisons).__name__}"
        )
    if isinstance(comparisons, np.ndarray):
        pairs = comparisons
    else:
        for row, pair in enumerate(comparisons):
            if isinstance(pair, (str, bytes)) or not hasattr(pair, "__len__") or len(pair) != 2:
                raise ValueError(f"comparisons[{row}]: expected a pair (winner, loser), got {pair!r}")
        if len(comparisons) == 0:
            raise ValueError("there are no comparisons: at least one is needed")
        # Items of several types, as numbers and names, must not become one type.
        mixed = len({type(item) for pair in comparisons for item in pair}) > 1
        pairs = np.array([tuple(pair) for pair in comparisons], dtype=object if mixed else None)
        if mixed and all(isinstance(item, (int, np.integer)) for item in pairs.ravel()):
            pairs = pairs.astype(np.int64)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(f"comparisons: expected the shape (comparisons, 2), got {pairs.shape}")
    return pairs[:, 0], pairs[:, 1], None


def _names(comparisons: Any) -> list[str] | None:
    """Names of a frame's columns; None for what is no frame."""
    if isinstance(comparisons, dict):
        return list(comparisons)
    for attribute in ("column_names", "columns"):
        names = getattr(comparisons, attribute, None)
        if names is not None and not callable(names):
            return [str(name) for name in names]
    return None


def _of_frame(frame: Any, names: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    if {"left", "right", "label"} <= set(names):
        left, right, label = (np.asarray(frame[name]) for name in ("left", "right", "label"))
        left_won, right_won = np.asarray(label == left), np.asarray(label == right)
        undecided = ~(left_won ^ right_won)
        if undecided.any():
            row = int(np.argmax(undecided))
            raise ValueError(
                f"row {row}: the label {_plain(label[row])!r} must be one of {_plain(left[row])!r} and "
                f"{_plain(right[row])!r}, which must differ"
            )
        return np.where(left_won, left, right), np.where(left_won, right, left), None
    if {"winner", "loser"} <= set(names):
        weights = np.asarray(frame["weight"]) if "weight" in names else None
        return np.asarray(frame["winner"]), np.asarray(frame["loser"]), weights
    raise ValueError(
        f"comparisons: the columns {', '.join(names)} are not winner and loser (perhaps with weight), "
        "nor left, right and label"
    )


def _plain(label: Any) -> Any:
    """A NumPy scalar as the number or text that it holds."""
    return label.item() if isinstance(label, np.generic) else label


def unique(winners: np.ndarray, losers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All labels, sorted, and the index of each winner and loser among them."""
    for what, labels in (("winners", winners), ("losers", losers)):
        missing = np.asarray([label is None or label != label for label in labels.tolist()], dtype=bool)
        if missing.any():
            raise ValueError(
                f"{what}[{int(np.argmax(missing))}]: the label is missing; every comparison needs both items"
            )
    if winners.dtype.kind != losers.dtype.kind and "O" not in (winners.dtype.kind, losers.dtype.kind):
        numbers = {"i", "u", "f", "b"}
        if not {winners.dtype.kind, losers.dtype.kind} <= numbers:
            raise ValueError(
                f"losers: expected labels of one type with the winners, {winners.dtype}, got {losers.dtype}"
            )
    try:
        labels, index = np.unique(np.concatenate([winners, losers]), return_inverse=True)
    except TypeError as error:
        raise ValueError(f"labels: they cannot be sorted ({error}); name all items, in order, with labels=") from None
    index = index.reshape(-1)
    return labels, index[: len(winners)], index[len(winners) :]


def solve_again(learner: str, task: Any, kernel: Any, strength: float, route: Any) -> Any:
    """A solution from what was to be solved, as `pickle` keeps it."""
    from caveat import gradient_flow, logistic, solve

    if learner == "gradient_flow":
        return gradient_flow(task, kernel, time=strength)
    return logistic(task, kernel, c=strength) if learner == "logistic" else solve(task, kernel, c=strength, route=route)


def restore(edges: dict[str, np.ndarray], items: np.ndarray, order: Any) -> Any:
    """A graph from its edges by index, as `pickle` keeps it."""
    from caveat import ComparisonGraph

    first, second = items[edges["first"]], items[edges["second"]]
    winners, losers = np.concatenate([first, second]), np.concatenate([second, first])
    wins = np.concatenate([edges["first_wins"], edges["second_wins"]])
    won = wins > 0
    return ComparisonGraph.from_pairs(winners[won], losers[won], wins[won], labels=items, order=order)
