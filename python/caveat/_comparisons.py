"""Comparisons in the shapes that other tools keep them in, as arrays of winners, losers and weights."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np

from caveat._lib import is_missing_label, label_key, merge_labels


def columns(comparisons: Any, skip_missing: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Winners, losers and weights (or None) of a frame, a list of pairs, or an array of two columns."""
    winners, losers, weights = _columns(comparisons)
    if skip_missing:
        kept = ~(missing(winners) | missing(losers))
        winners, losers = _of_one_type(winners[kept]), _of_one_type(losers[kept])
        weights = None if weights is None else weights[kept]
    return winners, losers, weights


def _of_one_type(labels: np.ndarray) -> np.ndarray:
    """Integers that only a missing value had made objects or floats are integers again."""
    if labels.dtype.kind == "O" and all(type(label) is int for label in labels.tolist()) and len(labels):
        return np.array(labels.tolist())
    return labels


def _columns(comparisons: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
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


def _is_missing(label: Any) -> bool:
    if label is None:
        return True
    if isinstance(label, str):
        return is_missing_label(label)
    try:
        return bool(label != label)
    except (TypeError, ValueError):
        # pandas.NA has no truth value.
        return type(label).__name__ == "NAType"


def missing(labels: np.ndarray) -> np.ndarray:
    """Which labels are missing."""
    if labels.dtype.kind in "iub":
        return np.zeros(len(labels), dtype=bool)
    if labels.dtype.kind == "f":
        return np.isnan(labels)
    if labels.dtype.kind in "mM":
        return np.isnat(labels)
    if labels.dtype.kind == "U":
        distinct, index = np.unique(labels, return_inverse=True)
        are = np.array([is_missing_label(label) for label in distinct.tolist()], dtype=bool)
        return are[index.reshape(-1)]
    return np.array([_is_missing(label) for label in labels.tolist()], dtype=bool)


def _spelled(label: Any) -> str | None:
    """A label as text; None for what is neither text nor a number."""
    if isinstance(label, str):
        return str(label)
    if isinstance(label, bool) or not isinstance(label, (int, float)):
        return None
    # Whole numbers are spelled alike, as a float that a column of integers became is no news.
    return str(int(label)) if isinstance(label, float) and label.is_integer() else repr(label)


def _array_of(labels: list[Any]) -> np.ndarray:
    """An array that keeps numbers and text as they are."""
    kinds = {type(label) for label in labels}
    exact = all(isinstance(label, float) or abs(label) <= 2**53 for label in labels if not isinstance(label, str))
    if kinds == {str} or kinds == {float} or (kinds == {int, float} and exact):
        return np.array(labels)
    if kinds == {int} and all(-(2**63) <= label < 2**63 for label in labels):
        return np.array(labels, dtype=np.int64)
    array = np.empty(len(labels), dtype=object)
    array[:] = labels
    return array


def merge(labels: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Items of distinct labels, sorted, and the item of each label; says what spellings are one item or look alike."""
    spelled = [_spelled(label) for label in labels]
    if any(text is None for text in spelled):
        others = [label for label, text in zip(labels, spelled, strict=True) if text is None]
        if len(others) < len(labels):
            raise ValueError(
                f"labels: {others[0]!r} is neither text nor a number, as others are; name all items, in order, with "
                "labels="
            )
        try:
            items = sorted(set(labels))
        except TypeError as error:
            raise ValueError(
                f"labels: they cannot be sorted ({error}); name all items, in order, with labels="
            ) from None
        at = {item: k for k, item in enumerate(items)}
        kinds = {type(item) for item in items}
        return (np.array(items) if kinds == {bool} else _objects(items)), np.array([at[label] for label in labels])
    names, item, notes = merge_labels([text for text in spelled if text is not None])
    for note in notes:
        warnings.warn(note.partition(": ")[2], UserWarning, stacklevel=5)
    shown: list[Any] = list(names)
    for label, k in zip(labels, item, strict=True):
        if not isinstance(label, str):
            whole = isinstance(label, float) and label.is_integer() and abs(label) <= 2**53
            shown[k] = int(label) if whole or isinstance(label, int) else label
    if any(not isinstance(label, str) for label in labels):
        shown = [_number(label) if isinstance(label, str) else label for label in shown]
    return _array_of(shown), np.array(item, dtype=np.int64)


def _number(label: str) -> Any:
    """Text beside numbers as the number that it is, if it is written as one."""
    if re.fullmatch(r"-?(0|[1-9][0-9]*)", label):
        return int(label)
    return float(label) if re.fullmatch(r"-?(0|[1-9][0-9]*)\.[0-9]+", label) else label


def _objects(items: list[Any]) -> np.ndarray:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def distinct(labels: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """The labels that differ as they are stored, and the place of each among them."""
    if labels.dtype.kind in "iufbU":
        found, index = np.unique(labels, return_inverse=True)
        return found.tolist(), index.reshape(-1)
    places: dict[Any, int] = {}
    # 1, 1.0 and True are equal in Python; of these only True is no number.
    place = [places.setdefault((isinstance(label, bool), label), len(places)) for label in labels.tolist()]
    return [label for _, label in places], np.array(place, dtype=np.int64)


def unique(winners: np.ndarray, losers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All items, sorted, and the index of each winner and loser among them."""
    for what, labels in (("winners", winners), ("losers", losers)):
        gaps = missing(labels)
        if gaps.any():
            raise ValueError(
                f"{what}[{int(np.argmax(gaps))}]: the label is missing; every comparison needs both items "
                "(skip_missing=True leaves such rows out)"
            )
    if winners.dtype.kind == losers.dtype.kind and winners.dtype.kind in "mMb":
        items, index = np.unique(np.concatenate([winners, losers]), return_inverse=True)
        index = index.reshape(-1)
        return items, index[: len(winners)], index[len(winners) :]
    (won, winner), (lost, loser) = distinct(winners), distinct(losers)
    items, item = merge(won + lost)
    return items, item[: len(won)][winner], item[len(won) :][loser]


def keys(items: np.ndarray) -> dict[Any, int]:
    """The index of every item by what names it, however it is spelled."""
    return {label_key(label): k for k, label in enumerate(items.tolist())}


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
