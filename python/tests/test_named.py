"""Names of rows and columns are heeded in every table, and what is masked is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

import caveat
from caveat import _comparisons, _named

ANIMALS = np.array(["yak", "ant", "fox", "bee", "hen"])
TASK = caveat.TransitiveTask(5, [(3, 1)])
GRAPH = caveat.ComparisonGraph.from_pairs(ANIMALS[[0, 1, 2, 3, 3]], ANIMALS[[1, 2, 3, 4, 1]], labels=ANIMALS)
KERNEL = caveat.ExchangeableKernel(0.2)
MARGINS = 3 * caveat.solve(TASK, KERNEL, c=10.0).margins
UPPER = [(i, j) for i in range(5) for j in range(i + 1, 5)]
ROWS, COLUMNS = [3, 0, 4, 1, 2], [1, 4, 2, 0, 3]
SOME = [7, 2, 5, 0, 9, 4]


def of_items(items: Any) -> dict[str, Any]:
    """Tables of the margins of items whose names tell the order."""
    names = [items[k] for k in ROWS]
    moved, both = MARGINS[np.ix_(ROWS, ROWS)], MARGINS[np.ix_(ROWS, COLUMNS)]
    others = [items[k] for k in COLUMNS]
    return {
        "rows and columns": pd.DataFrame(both, names, others),
        "rows": pd.DataFrame(moved, list(map(str, names))),
        "a header": pd.DataFrame(moved, columns=list(map(str, names))),
        "spaces": pd.DataFrame(moved, columns=[f" {name}" for name in names]),
        "polars": pl.DataFrame(moved, schema=[str(name) for name in names]),
        "pyarrow": pa.table(list(moved.T), names=[str(name) for name in names]),
        "xarray": xr.DataArray(both, dims=["a", "b"], coords={"a": names, "b": others}),
        "numbers": pd.DataFrame(MARGINS),
        "text numbers": pd.DataFrame(MARGINS, columns=list("01234")),
    }


def of_pairs(items: Any) -> dict[str, Any]:
    """Lists of the margins of some pairs whose names tell which."""
    pairs = [(items[i], items[j]) for i, j in np.array(UPPER)[SOME]]
    listed = [MARGINS[UPPER[k]] for k in SOME]
    index = pd.MultiIndex.from_tuples(pairs)
    return {
        "text": pd.Series(listed, [f"{i}_{j}" for i, j in pairs]),
        "tuples": pd.Series(listed, index),
        "levels": pd.Series(listed, index.set_names(["first", "second"])),
        "turned levels": pd.Series(listed, index.swaplevel().set_names(["second", "first"])),
        "xarray": xr.DataArray(listed, dims="pair", coords={"pair": [f"{i}>{j}" for i, j in pairs]}),
        "coordinates": xr.DataArray(
            listed,
            dims="pair",
            coords={name: ("pair", [p[k] for p in pairs]) for k, name in enumerate(["left", "right"])},
        ),
    }


TRAINED: dict[str, tuple[Any, Any]] = {"ranks": (TASK, range(5)), "labels": (GRAPH, ANIMALS)}


@pytest.mark.parametrize("of", TRAINED)
@pytest.mark.parametrize("name", of_items(range(5)))
def test_tables_name_items(of: str, name: str) -> None:
    items = TRAINED[of][1]
    table = of_items(items)[name]
    values, pairs = _named.margins("margins", table, None, np.asarray(items), False)
    np.testing.assert_array_equal(np.asarray(values), MARGINS)
    assert pairs is None
    seeds = [table, pd.DataFrame(2 * MARGINS, items, items)]
    values, pairs = _named.margins("margins", seeds, None, np.asarray(items), True)
    np.testing.assert_array_equal(np.asarray(values), [MARGINS, 2 * MARGINS])
    cube = xr.DataArray(
        [MARGINS[::-1]] * 2, dims=["s", "a", "b"], coords={"a": list(items)[::-1], "b": list(items), "s": ["x", "y"]}
    )
    np.testing.assert_array_equal(_named.margins("margins", cube, None, np.asarray(items), True)[0], [MARGINS] * 2)


@pytest.mark.parametrize("of", TRAINED)
@pytest.mark.parametrize("name", of_pairs(range(5)))
def test_tables_name_pairs(of: str, name: str) -> None:
    items = TRAINED[of][1]
    table = of_pairs(items)[name]
    expected = [[str(items[i]), str(items[j])] for i, j in np.array(UPPER)[SOME]]
    for given in (None, expected):
        values, pairs = _named.margins("margins", table, given, np.asarray(items), False)
        np.testing.assert_array_equal(values, [MARGINS[UPPER[k]] for k in SOME])
        assert [list(map(str, pair)) for pair in pairs] == expected
    with pytest.raises(ValueError, match=r"margins: its names are other pairs than those of pairs=, .* in row 0"):
        _named.margins("margins", table, expected[::-1], np.asarray(items), False)


def test_labels_that_hold_numbers_are_labels_where_they_are_known() -> None:
    items = np.array([f"item{k}" for k in (3, 1, 4, 0, 2)])
    every = [(i, j) for i in range(5) for j in range(5) if i != j]
    moved = np.random.default_rng(2).permutation(20)
    names = [f"{items[i]}_{items[j]}" for i, j in np.array(every)[moved]]
    matrix = np.random.default_rng(3).normal(size=(20, 20))
    table = pd.DataFrame(matrix[np.ix_(moved, moved)], columns=names)
    np.testing.assert_array_equal(_named.over_pairs("kernel", table, items), matrix)
    # Elsewhere they are the items' numbers.
    turned = [(int(items[i][4:]), int(items[j][4:])) for i, j in every]
    order = [turned.index(pair) for pair in every]
    np.testing.assert_array_equal(_named.over_pairs("kernel", table, np.arange(5)), matrix[np.ix_(order, order)])
    with pytest.raises(ValueError, match="kernel: its names are of 5 items, but 6 are trained"):
        _named.over_pairs("kernel", table, np.arange(6))


REFUSED: dict[str, tuple[Any, str]] = {
    "ranks from 1": (
        pd.DataFrame(MARGINS, columns=[1, 2, 3, 4, 5]),
        "names the item 5, which is unknown: 5 items are known",
    ),
    "another item": (pd.DataFrame(MARGINS, index=[0, 1, 2, 3, "x"]), "names the item 'x', which is unknown"),
    "moved numbers": (pd.DataFrame(MARGINS).iloc[:, ::-1], "columns have the numbers of items in another order"),
    "an item twice": (pd.DataFrame(MARGINS, index=[0, 1, 2, 3, 3]), "rows must name every item once"),
    "no pairs": (
        pd.Series(MARGINS[np.triu_indices(5, 1)], list("abcdefghij")),
        "'a', 'b', 'c', …, are not pairs of items",
    ),
    "moved rows": (
        pd.Series(MARGINS[np.triu_indices(5, 1)], [4, 1, 2, 3, 0, 5, 6, 7, 8, 9]),
        "4, 1, 2, …, are not pairs",
    ),
    "an unknown item": (pd.Series([1.0, 2.0], ["0_1", "0_5"]), "'0_1', '0_5', …, are not pairs of items"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_names_that_cannot_be_read_are_refused(name: str) -> None:
    table, words = REFUSED[name]
    with pytest.raises(ValueError, match=words):
        _named.margins("margins", table, None, np.arange(5), False)


def test_numbers_of_rows_are_no_names() -> None:
    listed = MARGINS[np.triu_indices(5, 1)]
    for table in (
        listed,
        pd.Series(listed),
        pd.Series(listed, np.arange(3, 23, 2)),
        xr.DataArray(listed),
        listed.tolist(),
    ):
        values, pairs = _named.margins("margins", table, None, np.arange(5), False)
        assert pairs is None and np.array_equal(values, listed)
    told = _named.margins("margins", pd.Series(listed, np.arange(10)[::-1]), UPPER, np.arange(5), False)
    assert told[1] is UPPER


PAIRS = pd.DataFrame([(0, 1), (1, 2), (0, 3), (2, 4)], columns=["first", "second"])


def tables_of_pairs() -> dict[str, Any]:
    """Pairs in tables whose columns tell which item is shown first."""
    turned = PAIRS[["second", "first"]]
    return {
        "pandas": PAIRS,
        "turned": turned,
        "polars": pl.DataFrame(turned.to_dict("list")),
        "pyarrow": pa.table(turned.to_dict("list")),
        "other names": PAIRS[["second", "first"]].set_axis(["item_b", "item_a"], axis=1),
        "names that say nothing": PAIRS.set_axis(["shown", "other"], axis=1),
        "levels": pd.MultiIndex.from_frame(turned),
        "xarray": xr.DataArray(turned.to_numpy(), dims=["row", "item"], coords={"item": ["second", "first"]}),
        "an array": PAIRS.to_numpy(),
        "a list": PAIRS.to_numpy().tolist(),
    }


@pytest.mark.parametrize("name", tables_of_pairs())
def test_columns_tell_which_item_is_first(name: str) -> None:
    np.testing.assert_array_equal(_named.two_columns("pairs", tables_of_pairs()[name]), PAIRS.to_numpy())


def test_masked_numbers_are_nan_and_masked_labels_none() -> None:
    numbers = np.ma.masked_array([1, 2, 3], [False, True, False])
    np.testing.assert_array_equal(_comparisons.unmasked("c", numbers, True), [1.0, np.nan, 3.0])
    assert _comparisons.unmasked("c", numbers, False).tolist() == [1, None, 3]
    assert _comparisons.unmasked("c", np.ma.masked_array([1, 2]), True).tolist() == [1, 2]
    np.testing.assert_array_equal(_comparisons.unmasked("c", [numbers, numbers], True), [[1.0, np.nan, 3.0]] * 2)
    assert _comparisons.unmasked("c", [1, np.ma.masked], False) == [1, None]
    listed = [1.0, 2.0]
    assert _comparisons.unmasked("c", listed, True) is listed
    with pytest.raises(ValueError, match="c: expected numbers, got a masked array of <U1"):
        _comparisons.unmasked("c", np.ma.masked_array(["a", "b"], [True, False]), True)


def test_masked_values_of_a_grid_are_refused() -> None:
    masked = np.ma.masked_array([0.1, 0.2], [False, True])
    for axis in ("conjunctivity", "inverse_c", "inverse_time"):
        with pytest.raises(ValueError, match="NaN"):
            caveat.phase_diagram(TASK, cells=4, **{axis: masked})


@pytest.mark.parametrize(
    "labels",
    [
        np.array([1.0, np.nan, 2.0, np.nan]),
        np.array(["a", None, "b", None], dtype=object),
        np.array(["a", "", "b", "NaN"]),
        np.array(["2020-01-01", "NaT", "2020-01-02", "NaT"], dtype="datetime64[D]"),
        np.array([1, pd.NA, 2, pd.NA], dtype=object),
    ],
    ids=["floats", "objects", "text", "dates", "nullable"],
)
def test_groups_without_a_label_are_refused(labels: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"clusters\[1\]: the label is missing, as in 2 of 4 rows"):
        _comparisons.refuse_missing("clusters", labels)
    _comparisons.refuse_missing("clusters", labels[[0, 2]])
