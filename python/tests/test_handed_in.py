"""What names and masks say holds in every function that takes arrays or tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from test_named import ANIMALS, COLUMNS, GRAPH, KERNEL, MARGINS, PAIRS, ROWS, TASK, TRAINED, UPPER, of_items, of_pairs
from test_named import tables_of_pairs as tables

import caveat

FIT = caveat.fit(TASK, MARGINS)
SEEDS = MARGINS + 0.1 * np.random.default_rng(0).normal(size=(4, 5, 5))
ORDERED = [(i, j) for i in range(5) for j in range(5) if i != j]
MATRIX = KERNEL.matrix(5) + np.diag(np.linspace(0.0, 0.2, 20))


def named(matrix: np.ndarray, items: Any) -> pd.DataFrame:
    """A table of items in an order of its own."""
    rows, columns = [items[k] for k in ROWS], [items[k] for k in COLUMNS]
    return pd.DataFrame(matrix[np.ix_(ROWS, COLUMNS)], rows, columns)


@pytest.mark.parametrize("of", TRAINED)
def test_margins_are_those_of_the_items_that_tables_name(of: str) -> None:
    task, items = TRAINED[of]
    for name, table in of_items(items).items():
        assert repr(caveat.fit(task, table)) == repr(caveat.fit(task, MARGINS)), name
    for name, table in of_pairs(items).items():
        fit = caveat.fit(task, table)
        np.testing.assert_array_equal(fit.observed, [MARGINS[i, j] for i, j in fit.pairs])
        assert fit.n_pairs == 6 and fit.conjunctivity == pytest.approx(0.2, abs=1e-6), name
    tables = [named(seed, items) for seed in SEEDS]
    assert repr(caveat.cluster_intervals(task, tables)) == repr(caveat.cluster_intervals(task, SEEDS))
    again = [caveat.bootstrap(task, margins, replicates=20) for margins in (tables, SEEDS)]
    assert repr(again[0]) == repr(again[1])
    both = caveat.fit([task, task], [named(MARGINS, items), MARGINS])
    assert both.residual_squares == pytest.approx(0.0, abs=1e-12)
    assert caveat.predict(FIT, task, named(MARGINS, items)).r_squared == pytest.approx(1.0, abs=1e-9)
    told = [
        caveat.prediction_intervals(task, training, task, observed, replicates=20).table().to_dict()
        for training, observed in ((tables, named(MARGINS, items)), (SEEDS, MARGINS))
    ]
    np.testing.assert_equal(told[0], told[1])
    with pytest.raises(ValueError, match="names the item 'x', which is unknown"):
        caveat.fit(task, pd.DataFrame(MARGINS, columns=["x", *items[1:]]))


@pytest.mark.parametrize("of", TRAINED)
def test_kernel_matrices_are_those_of_the_pairs_that_tables_name(of: str) -> None:
    task, items = TRAINED[of]
    moved = np.random.default_rng(1).permutation(20)
    names = [f"{items[i]}_{items[j]}" for i, j in np.array(ORDERED)[moved]]
    matrix = MATRIX[np.ix_(moved, moved)]
    expected = caveat.solve(task, MATRIX, c=3.0).margins
    for table in (
        pd.DataFrame(matrix, names, names),
        pd.DataFrame(matrix, columns=names),
        pl.DataFrame(matrix, schema=names),
        pd.DataFrame(MATRIX),
    ):
        np.testing.assert_allclose(caveat.solve(task, table, c=3.0).margins, expected, atol=1e-12)
        kernel = caveat.ExchangeableKernel.from_matrix(table)
        assert kernel.conjunctivity == pytest.approx(caveat.ExchangeableKernel.from_matrix(MATRIX).conjunctivity)
    for call in (caveat.ExchangeableKernel.from_matrix, lambda table: caveat.solve(task, table)):
        with pytest.raises(ValueError, match="the descriptor columns names the patterns 'p0', 'p1', 'p4'"):
            call(pd.DataFrame(MATRIX, columns=[f"p{k * k}" for k in range(20)]))
    with pytest.raises(ValueError, match=r"kernel: it names the item [15], which is unknown"):
        caveat.solve(task, pd.DataFrame(MATRIX, columns=[f"{i + 1}:{j + 1}" for i, j in ORDERED]))


@pytest.mark.parametrize("name", tables())
def test_pairs_are_in_the_order_that_their_columns_tell(name: str) -> None:
    table, array = tables()[name], PAIRS.to_numpy()
    margins = [MARGINS[i, j] for i, j in array]
    np.testing.assert_array_equal(caveat.fit(TASK, margins, table).pairs, array)
    np.testing.assert_array_equal(caveat.predict(FIT, TASK, pairs=table).pairs, array)
    fits = [caveat.fit_choices(TASK, pairs, [4, 5, 4, 3], trials=5, lapse=True) for pairs in (table, array)]
    assert repr(fits[0]) == repr(fits[1])


def test_a_table_is_no_list() -> None:
    with pytest.raises(TypeError, match="exceptions: expected a list, got DataFrame"):
        caveat.TransitiveTask(9, pl.DataFrame({"winner": [5, 4], "loser": [3, 2]}))


def masked(array: Any, *at: Any) -> np.ma.MaskedArray:
    """An array of which one element is masked."""
    mask = np.zeros(np.shape(array), dtype=bool)
    mask[at] = True
    return np.ma.masked_array(array, mask)


def test_masked_margins_are_left_out_like_nan() -> None:
    wrong = MARGINS.copy()
    wrong[0, 3] = 99.0
    fit = caveat.fit(TASK, masked(wrong, 0, 3))
    assert fit.n_pairs == 9 and fit.residual_squares == pytest.approx(0.0, abs=1e-12)
    assert [0, 3] not in fit.pairs.tolist()
    clusters = [masked(seed, 0, 3) for seed in SEEDS]
    missing = SEEDS.copy()
    missing[:, 0, 3] = np.nan
    for given in (clusters, np.ma.stack(clusters)):
        assert repr(caveat.cluster_intervals(TASK, given)) == repr(caveat.cluster_intervals(TASK, missing))


LABELS = np.array([(0, 1), (1, 2), (0, 3)])

MASKED: dict[str, tuple[Callable[[], object], str]] = {
    "margins of pairs": (lambda: caveat.fit(TASK, masked([1.0, 2.0, 1.0], 1), LABELS), "the margin of pair 1 2 is NaN"),
    "pairs": (
        lambda: caveat.fit(TASK, [1.0, 2.0, 1.0], masked(LABELS, 1, 1)),
        r"pairs\[:, 1\]\[1\]: item None is unknown",
    ),
    "a kernel": (lambda: caveat.solve(TASK, masked(MATRIX, 0, 1)), "the entry in row 0, column 1 .* is NaN"),
    "a matrix": (lambda: caveat.ExchangeableKernel.from_matrix(masked(MATRIX, 0, 1)), "row 0, column 1 .* is NaN"),
    "winners": (
        lambda: caveat.ComparisonGraph.from_pairs(masked(LABELS[:, 0], 1), LABELS[:, 1]),
        r"winners\[1\]: the label is missing",
    ),
    "weights": (
        lambda: caveat.ComparisonGraph.from_pairs(LABELS[:, 0], LABELS[:, 1], masked([1.0, 2.0, 3.0], 2)),
        r"weights\[2\]: NaN is not",
    ),
    "choices": (lambda: caveat.fit_choices(TASK, LABELS, masked([1, 0, 1], 1)), "pair 1 2 was chosen NaN times"),
    "trials": (lambda: caveat.fit_choices(TASK, LABELS, [1, 0, 1], masked([1, 2, 1], 1)), "NaN trials on pair 1 2"),
    "clusters": (
        lambda: caveat.fit_choices(TASK, LABELS, [1, 0, 1], clusters=masked([1, 2, 3], 1)),
        r"clusters\[1\]: the label is missing, as in 1 of 3 rows",
    ),
    "items": (
        lambda: caveat.solve(TASK, KERNEL).margin(masked([0, 1], 1), [1, 2]),
        r"first\[1\]: item None is unknown",
    ),
    "a figure": (lambda: caveat.figures.margins(TASK, conjunctivities=masked([0.1, 0.2], 1)), "NaN"),
    "a grid": (lambda: caveat.phase_diagram(TASK, masked([0.1, 0.2], 1), cells=4), "conjunctivity = NaN"),
}


@pytest.mark.parametrize("name", MASKED)
def test_what_is_masked_is_refused_where_nothing_may_be_missing(name: str) -> None:
    call, words = MASKED[name]
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("missing", [None, float("nan"), np.nan, pd.NA, pd.NaT])
def test_choices_of_an_unknown_cluster_are_refused(missing: Any) -> None:
    for clusters in (["a", missing, "b", missing], pd.Series([1, missing, 2, missing], dtype=object)):
        with pytest.raises(
            ValueError, match=r"clusters\[1\]: the label is missing, as in 2 of 4 rows: leave such rows out"
        ):
            caveat.fit_choices(TASK, PAIRS.to_numpy(), [1, 1, 0, 1], clusters=clusters)
    assert caveat.fit_choices(TASK, PAIRS.to_numpy(), [1, 1, 0, 1], clusters=list("aabb")).n_trials == 4


def test_a_label_is_known_however_the_table_spells_it() -> None:
    table = pd.DataFrame(MARGINS, columns=[f" {name}" for name in ANIMALS])
    assert caveat.fit(GRAPH, table).n_pairs == len(UPPER)


def test_the_same_rows_in_another_order_are_refused() -> None:
    pairs = pd.DataFrame(UPPER, columns=["first", "second"])
    margins = pd.Series([MARGINS[i, j] for i, j in UPPER])
    chosen = pd.Series(np.arange(len(UPPER)) % 2)
    turned = list(range(len(UPPER)))[::-1]
    with pytest.raises(ValueError, match="the rows of pairs in another order"):
        caveat.fit(TASK, margins.iloc[turned], pairs)
    for name in ("first_chosen", "trials", "clusters"):
        given: dict[str, Any] = {"first_chosen": chosen, "trials": chosen + 1, "clusters": chosen}
        given[name] = given[name].iloc[turned]
        with pytest.raises(ValueError, match=f"{name}: its index has the rows of pairs in another order"):
            caveat.fit_choices(TASK, pairs, **given)
    whole = caveat.fit(TASK, margins, pairs)
    assert repr(caveat.fit(TASK, margins.iloc[turned], pairs.iloc[turned])) == repr(whole)
    # Other rows are other labels, and arrays have none.
    assert repr(caveat.fit(TASK, margins.set_axis(range(50, 50 + len(UPPER))), pairs)) == repr(whole)
    assert repr(caveat.fit(TASK, margins.iloc[turned], np.array(UPPER)[turned])) == repr(whole)


def test_half_a_matrix_is_refused() -> None:
    for half in (np.triu, np.tril):
        with pytest.raises(ValueError, match="one side of the diagonal are 0"):
            caveat.fit(TASK, half(MARGINS))
        with pytest.raises(ValueError, match="one side of the diagonal are NaN"):
            caveat.fit(TASK, np.where(half(np.ones((5, 5)), 1 if half is np.triu else -1) > 0, MARGINS, np.nan))
        with pytest.raises(ValueError, match="one side of the diagonal are 0"):
            caveat.cluster_intervals(TASK, half(SEEDS))
