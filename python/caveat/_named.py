"""Reads what the axes of tables name, items or pairs of them, and brings values into their order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from caveat import _comparisons, _pair_names
from caveat._lib import ExchangeableKernel, label_key

#: What to do about names that are not understood.
_ADVICE = "give such names, or an array in lexicographic order, (0, 1), (0, 2), …, (1, 0), …"

#: Labels of an axis by their own names; empty if a library only numbered it.
Labels = dict[str, list[Any]]


def axes(value: Any) -> list[Labels]:
    """The labels of every axis of a table of pandas, polars, pyarrow or xarray; no axes for what has no labels."""
    if hasattr(value, "dims") and hasattr(value, "coords"):
        return [_of_coordinates(value, dimension) for dimension in value.dims]
    if hasattr(value, "iloc") and hasattr(value, "axes"):
        return [_of_index(index, name) for index, name in zip(value.axes, ("rows", "columns"))]
    names = _comparisons.column_names(value)
    return [] if names is None else [{}, {} if _are_given(names) else {"columns": names}]


def _of_index(index: Any, name: str) -> Labels:
    if type(index).__name__ == "RangeIndex" and (index.start, index.step) == (0, 1):
        return {}
    labels = list(index)
    if getattr(index, "nlevels", 1) == 2 and all(isinstance(level, str) for level in index.names):
        return {level: [label[k] for label in labels] for k, level in enumerate(index.names)}
    return {name: labels}


def _of_coordinates(array: Any, dimension: Any) -> Labels:
    return {str(name): c.to_numpy().tolist() for name, c in array.coords.items() if c.dims == (dimension,)}


def _are_given(names: Sequence[Any]) -> bool:
    """Whether polars made up the names of the columns."""
    return any(names == [f"column_{at}" for at in range(k, k + len(names))] for k in (0, 1))


def _are_numbers(labels: Sequence[Any]) -> bool:
    """Whether labels only number the rows or columns."""
    return [_pair_names.label(label) for label in labels] == [*range(len(labels))]


def _without_numbers(labels: Labels) -> Labels:
    return {name: own for name, own in labels.items() if not _are_numbers(own)}


def pairs_of(
    what: str, value: Any, advice: str = _ADVICE, known: dict[Any, int] | None = None
) -> list[_pair_names.Pair] | None:
    """The ordered pairs that the axes of a square table name, if possible of known items; None without names."""
    named = [_without_numbers(labels) for labels in axes(value)]
    if len(named) == 1 and named[0]:
        raise ValueError(
            f"{what}: the names of a list of values are not read: give a square table whose rows and columns are named"
        )
    found = []
    for labels in filter(None, named):
        pairs = _of_known(labels, known, _pair_names.complete) if known else None
        if pairs is None:
            pairs, _ = _pair_names.read_descriptors(labels, None, what=what, advice=advice)
        if pairs is None:
            raise ValueError(_pair_names.not_pairs(what, " and ".join(labels), next(iter(labels.values())), advice))
        found.append(pairs)
    if len(found) == 2 and found[0] != found[1]:
        at = next((k for k, (row, column) in enumerate(zip(*found)) if row != column), 0)
        raise ValueError(
            f"{what}: row {at} is the pair {found[0][at]!r}, column {at} the pair {found[1][at]!r}: the rows and "
            "columns have different names; bring them into one order, as frame.loc[names, names] does"
        )
    return found[0] if found else None


def _of_known(labels: Labels, known: dict[Any, int], accept: _pair_names.Accept) -> list[_pair_names.Pair] | None:
    """The pairs of known items that labels name, if they all do."""

    def are_known(read: list[Any], count: int) -> list[_pair_names.Pair] | None:
        index = [(known.get(label_key(first)), known.get(label_key(second))) for first, second in read]
        return accept(read, count) if all(i is not None and j is not None and i != j for i, j in index) else None

    found = _pair_names.read_both(labels, are_known)
    for own in labels.values():
        found = found or _pair_names.read_names(own, are_known)
    return found


def over_pairs(what: str, value: Any, items: Any = None) -> Any:
    """A matrix over ordered pairs, brought by its names into the lexicographic order of items; without names, as it is.

    Without ``items`` the order is that in which the items are named.
    """
    if isinstance(value, ExchangeableKernel):
        return value
    index = {} if items is None else _known(items)
    pairs = _of_similarities(value, items)
    if pairs is None:
        pairs = pairs_of(what, value, known=index)
    if pairs is None:
        return value
    if items is None:
        ranks = [*dict.fromkeys(first for first, _ in pairs)]
        known: Any = {item: item for item in ranks}
    else:
        known = {item: _index(what, index, items, item) for item in dict.fromkeys(first for first, _ in pairs)}
        ranks = [*range(len(items))]
        if len(known) != len(ranks):
            raise ValueError(f"{what}: its names are of {len(known)} items, but {len(ranks)} are trained")
    place = {(known[first], known[second]): at for at, (first, second) in enumerate(pairs)}
    order = [place[i, j] for i in ranks for j in ranks if i != j]
    return np.asarray(value)[np.ix_(order, order)]


def _of_similarities(value: Any, items: Any) -> list[_pair_names.Pair] | None:
    """The pairs of similarities whose items have labels; None if the items are ranks, the highest first."""
    own = getattr(value, "items", None)
    if not isinstance(value, np.ndarray) or not isinstance(own, tuple) or not own or items is None:
        return None
    if np.array_equal(items, np.arange(len(items))):
        return None
    return [(i, j) for i in own for j in own if i != j]


def _known(items: Any) -> dict[Any, int]:
    return _comparisons.keys(np.asarray(items))


def _index(what: str, known: dict[Any, int], items: Any, label: Any) -> int:
    """The index of an item by its name."""
    found = known.get(label_key(label))
    if found is None:
        labels = np.asarray(items).tolist()
        raise ValueError(
            f"{what}: it names the item {_pair_names.label(label)!r}, which is unknown: {len(labels)} items are known, "
            f"{labels[0]!r} to {labels[-1]!r}"
        )
    return found


def margins(what: str, values: Any, pairs: Any, items: Any, clusters: bool) -> tuple[Any, Any]:
    """Margins in the order of items, by the names on a table's axes, and the pairs of margins listed by pair."""
    if clusters and isinstance(values, (list, tuple)):
        if not any(any(axes(v)) for v in values):
            return values, pairs
        each = [margins(f"{what}[{k}]", v, pairs, items, False) for k, v in enumerate(values)]
        for k, (_, of) in enumerate(each):
            if not np.array_equal(of, each[0][1]):
                raise ValueError(f"{what}[{k}]: its names are other pairs than those of {what}[0], or in another order")
        return np.stack([np.asarray(values) for values, _ in each]), each[0][1]
    if not clusters:
        same_rows("pairs", pairs, what, values)
    named = axes(values)[int(clusters) :]
    if not any(named):
        return values, pairs
    array, n_items = np.asarray(values), len(items)
    known = _known(items)
    if len(named) == 1:
        labels = _without_numbers(named[0])
        return array, pairs if not labels or _are_rows(labels) else _pairs_of_list(what, labels, pairs, known)
    if array.shape[-2:] == (n_items, n_items):
        orders = [_items_of(what, labels, known, items) for labels in named]
        for labels, order, other in zip(named, orders, orders[::-1]):
            if other is None and order is not None and order != sorted(order) and _are_whole(labels):
                raise ValueError(
                    f"{what}: {' and '.join(labels)} have the numbers of items in another order, and the other axis "
                    "has no names: name both"
                )
        # A header alone, as in a file, names the rows too.
        rows, columns = orders[0] or orders[1], orders[1] or orders[0]
        if rows is not None:
            array = array[..., rows, :][..., :, columns]
    return array, pairs


def _are_whole(labels: Labels) -> bool:
    """Whether all labels are whole numbers, like those of rows or columns put in another order."""
    return all(isinstance(label, (int, np.integer)) for own in labels.values() for label in own)


def _items_of(what: str, labels: Labels, known: dict[Any, int], items: Any) -> list[int] | None:
    """The place of every item on an axis; None where it has no names."""
    found: list[list[int]] = []
    for own in labels.values():
        at = {known.get(label_key(label)): place for place, label in enumerate(own)}
        if set(at) == set(range(len(items))):
            found.append([at[item] for item in range(len(items))])
    if not found:
        labels = _without_numbers(labels)
        if not labels:
            return None
        for label in next(iter(labels.values())):
            _index(what, known, items, label)
    if not found or any(order != found[0] for order in found):
        raise ValueError(f"{what}: {' and '.join(labels)} must name every item once, and each of them alike")
    return found[0]


def same_rows(what: str, table: Any, other: str, values: Any) -> None:
    """Refuses tables of pandas that belong together row by row but have the same rows in different orders."""
    one: Any = getattr(table, "index", None)
    two: Any = getattr(values, "index", None)
    if not hasattr(one, "equals") or not hasattr(two, "equals") or one.equals(two):
        return
    if len(one) == len(two) and one.is_unique and two.is_unique and set(one) == set(two):
        raise ValueError(
            f"{other}: its index has the rows of {what} in another order: give both in one order, as "
            f"{other}.loc[{what}.index] does"
        )


def _are_rows(labels: Labels) -> bool:
    """Whether labels are row numbers in order, perhaps with gaps."""
    (own,) = labels.values() if len(labels) == 1 else ([],)
    whole = [label for label in map(_pair_names.label, own) if isinstance(label, int)]
    return bool(own) and len(whole) == len(own) and all(one < two for one, two in itertools.pairwise(whole))


def _pairs_of_list(what: str, labels: Labels, pairs: Any, known: dict[Any, int]) -> Any:
    """The pairs of margins listed by pair: those given as `pairs`, or those that the margins' names say."""
    found = _of_known(labels, known, lambda read, count: read if len(read) == count else None)
    if pairs is None:
        if found is None:
            shown = ", ".join(repr(_pair_names.label(label)) for label in next(iter(labels.values()))[:3])
            raise ValueError(
                f"{what}: its names, {shown}, …, are not pairs of items, as 0_1 is: give pairs=[(first, second), …], "
                "the items of every margin"
            )
        return _objects(found)
    given = [[label_key(label) for label in pair] for pair in np.asarray(two_columns("pairs", pairs)).tolist()]
    if found is not None and given != [[label_key(label) for label in pair] for pair in found]:
        at = next((k for k, (g, f) in enumerate(zip(given, found)) if g != [label_key(label) for label in f]), 0)
        raise ValueError(
            f"{what}: its names are other pairs than those of pairs=, as {found[at]!r} in row {at}, or in another order"
        )
    return pairs


def _objects(pairs: list[Any]) -> np.ndarray:
    """Pairs as an array that keeps numbers and names as they are."""
    array = np.empty((len(pairs), 2), dtype=object)
    for at, pair in enumerate(pairs):
        array[at] = pair
    return array


def two_columns(what: str, table: Any) -> Any:
    """A table of two columns, the one that its name calls first in front; anything else as it is."""
    if getattr(table, "nlevels", 1) == 2:
        labels = _objects(list(table))
        return labels[:, ::-1] if _pair_names.are_reversed(what, list(table.names)) else labels
    names = _comparisons.column_names(table)
    if names is None and hasattr(table, "dims") and hasattr(table, "coords") and len(table.dims) == 2:
        named = axes(table)[1]
        names = next(iter(named.values()), None)
    if names is None or len(names) != 2 or not _pair_names.are_reversed(what, names):
        return table
    if hasattr(table, "iloc"):
        return table.iloc[:, ::-1]
    # A table of polars or pyarrow; or an array of xarray.
    return table.select(names[::-1]) if hasattr(table, "select") else np.asarray(table)[:, ::-1]
