"""Reads comparisons in the shapes that other tools use, as arrays of winners, losers and weights."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from caveat._lib import TransitiveTask, is_missing_label, label_key, may_be_stage, may_count, merge_labels


def columns(comparisons: Any, skip_missing: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Winners, losers and weights (or None) of a frame, a list of pairs, or an array of two columns."""
    winners, losers, weights = _columns(comparisons)
    for note in _passed_over(comparisons, weights is not None):
        warnings.warn(note, UserWarning, stacklevel=2)
    if skip_missing:
        kept = ~(missing(winners) | missing(losers))
        winners, losers = _of_one_type(winners[kept]), _of_one_type(losers[kept])
        weights = None if weights is None else weights[kept]
    return winners, losers, weights


def _of_one_type(labels: np.ndarray) -> np.ndarray:
    """Labels as integers again if only missing values, now left out, had made them objects."""
    if labels.dtype.kind == "O" and all(type(label) is int for label in labels.tolist()) and len(labels):
        return np.array(labels.tolist())
    return labels


def _columns(comparisons: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    names = _names(comparisons)
    if names is not None:
        return _from_frame(comparisons, names)
    if isinstance(comparisons, (str, bytes)) or not hasattr(comparisons, "__len__"):
        raise TypeError(
            "comparisons: expected (winner, loser) pairs, an array of two columns or a data frame, "
            f"got {type(comparisons).__name__}"
        )
    if isinstance(comparisons, np.ndarray):
        pairs = unmasked("comparisons", comparisons, numbers=False)
    else:
        for row, pair in enumerate(comparisons):
            if isinstance(pair, (str, bytes)) or not hasattr(pair, "__len__") or len(pair) != 2:
                raise ValueError(f"comparisons[{row}]: expected a pair (winner, loser), got {pair!r}")
        if len(comparisons) == 0:
            raise ValueError("there are no comparisons: at least one is needed")
        # NumPy would turn items of several types, such as numbers and names, into one.
        mixed = len({type(item) for pair in comparisons for item in pair}) > 1
        pairs = np.array([tuple(pair) for pair in comparisons], dtype=object if mixed else None)
        if mixed and all(isinstance(item, (int, np.integer)) for item in pairs.ravel()):
            pairs = pairs.astype(np.int64)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(f"comparisons: expected the shape (comparisons, 2), got {pairs.shape}")
    return pairs[:, 0], pairs[:, 1], None


def unmasked(what: str, value: Any, numbers: bool) -> Any:
    """A value with masked numbers as NaN and masked labels as None; anything else as it is."""
    if isinstance(value, (list, tuple)):
        # A list of masked arrays loses its masks as an array; so does a masked element.
        if not any(issubclass(kind, np.ma.MaskedArray) for kind in set(map(type, value))):
            return value
        return [None if v is np.ma.masked and not numbers else unmasked(what, v, numbers) for v in value]
    if not isinstance(value, np.ma.MaskedArray):
        return value
    mask = np.ma.getmaskarray(value)
    if not mask.any():
        return np.asarray(value)
    if not numbers:
        labels = np.asarray(value).astype(object)
        labels[mask] = None
        return labels
    if value.dtype.kind not in "biuf":
        raise ValueError(f"{what}: expected numbers, got a masked array of {value.dtype}")
    return np.where(mask, np.nan, np.asarray(value, dtype=float))


def column_names(table: Any) -> list[Any] | None:
    """Names of the columns of a table of pandas, polars or pyarrow; None for what has none."""
    for attribute in ("column_names", "columns"):
        names = getattr(table, attribute, None)
        if names is not None and not callable(names):
            return list(names)
    return None


def _names(comparisons: Any) -> list[str] | None:
    """Names of a frame's columns; None for what is no frame."""
    names = list(comparisons) if isinstance(comparisons, dict) else column_names(comparisons)
    return None if names is None else [str(name) for name in names]


def _column(names: list[str], wanted: str) -> str | None:
    """The name of a column, whatever its capitals, as the command finds it; None if there is none."""
    if wanted in names:
        return wanted
    alike = [name for name in names if name.casefold() == wanted]
    if len(alike) > 1:
        raise ValueError(
            f"comparisons: the columns {alike[0]} and {alike[1]} differ by capitals alone: rename one of them"
        )
    return alike[0] if alike else None


def _weights(frame: Any, names: list[str]) -> np.ndarray | None:
    """How often every row counts, from the column weight or count."""
    weight, count = _column(names, "weight"), _column(names, "count")
    if weight is not None and count is not None:
        raise ValueError(
            f"comparisons: there are a column {weight} and a column {count}: leave out the one that does not say how "
            "often a row counts"
        )
    found = weight if weight is not None else count
    return None if found is None else np.asarray(unmasked(found, frame[found], numbers=True))


def _passed_over(frame: Any, has_weights: bool) -> Iterator[str]:
    """Notes on columns that are not read although rows seem to differ in them."""
    for name in _names(frame) or []:
        if may_count(name.strip()) and not has_weights:
            if not np.all(np.asarray(frame[name]) == 1):
                yield (
                    f"the column {name} is not read and every row counts once: if it says how often, rename it to "
                    "weight"
                )
        elif may_be_stage(name.strip()):
            values = np.asarray(frame[name])
            found, _ = distinct(values[~missing(values)])
            if len(found) > 1:
                shown = ", ".join(map(repr, found[:3])) + (", …" if len(found) > 3 else "")
                yield (
                    f"the column {name} has {len(found)} values, {shown}, and rows of all of them count alike: if some "
                    "are of training or practice, give the others alone"
                )


def _from_frame(frame: Any, names: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    if {"left", "right", "label"} <= set(names):
        left, right, label = (_labels(frame, name) for name in ("left", "right", "label"))
        left_won, right_won = np.asarray(label == left), np.asarray(label == right)
        undecided = ~(left_won ^ right_won)
        if undecided.any():
            row = int(np.argmax(undecided))
            raise ValueError(
                f"row {row}: the label {plain(label[row])!r} must be one of {plain(left[row])!r} and "
                f"{plain(right[row])!r}, which must differ"
            )
        return np.where(left_won, left, right), np.where(left_won, right, left), _weights(frame, names)
    if {"winner", "loser"} <= set(names):
        return _labels(frame, "winner"), _labels(frame, "loser"), _weights(frame, names)
    raise ValueError(
        f"comparisons: the columns {', '.join(names)} are not winner and loser, nor left, right and label (perhaps "
        "with weight or count)"
    )


def _labels(frame: Any, name: str) -> np.ndarray:
    return np.asarray(unmasked(name, frame[name], numbers=False))


def plain(label: Any) -> Any:
    """A NumPy scalar as the number or text that it holds; anything else as it is."""
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


def refuse_missing(what: str, labels: np.ndarray) -> None:
    """Refuses missing labels of groups: their rows could belong to any group."""
    gaps = missing(labels)
    if gaps.any():
        raise ValueError(
            f"{what}[{int(np.argmax(gaps))}]: the label is missing, as in {int(gaps.sum())} of {len(labels)} rows: "
            "leave such rows out, or give them a label of their own"
        )


def _spelled(label: Any) -> str | None:
    """A label as text; None for what is neither text nor a number."""
    if isinstance(label, str):
        return str(label)
    if isinstance(label, bool) or not isinstance(label, (int, float)):
        return None
    # A whole float is spelled as an integer: a column of integers with gaps becomes one of floats.
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
    """The items that distinct labels name, sorted, and the item of each label; warns of spellings that look alike."""
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
    """Text as a number, if it is written as one."""
    if re.fullmatch(r"-?(0|[1-9][0-9]*)", label):
        return int(label)
    return float(label) if re.fullmatch(r"-?(0|[1-9][0-9]*)\.[0-9]+", label) else label


def _objects(items: list[Any]) -> np.ndarray:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def distinct(labels: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """The distinct labels as they are stored, and the index of each label among them."""
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
    """The index of every item by its key, which all its spellings share."""
    return {label_key(label): k for k, label in enumerate(items.tolist())}


def solve_again(learner: str, task: Any, kernel: Any, strength: float, route: Any) -> Any:
    """Solves again what `pickle` kept of a solution."""
    from caveat import gradient_flow, logistic, solve

    if learner == "gradient_flow":
        return gradient_flow(task, kernel, time=strength)
    return logistic(task, kernel, c=strength) if learner == "logistic" else solve(task, kernel, c=strength, route=route)


def task_again(n_items: int, exceptions: Any, weights: Any, order: Any) -> TransitiveTask:
    """A task from what `pickle` kept of it."""
    return TransitiveTask(n_items, exceptions, weights=weights, order=order)


def restore(edges: dict[str, np.ndarray], items: np.ndarray, order: Any) -> Any:
    """A graph from the edges that `pickle` kept of it, by index."""
    from caveat import ComparisonGraph

    first, second = items[edges["first"]], items[edges["second"]]
    winners, losers = np.concatenate([first, second]), np.concatenate([second, first])
    wins = np.concatenate([edges["first_wins"], edges["second_wins"]])
    won = wins > 0
    return ComparisonGraph.from_pairs(winners[won], losers[won], wins[won], labels=items, order=order)
