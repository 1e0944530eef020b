"""One item has one label: numbers by value, text as it looks, in graphs and in the estimator as in the command."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import caveat
from caveat.sklearn import ComparisonRidge

KERNEL = caveat.ExchangeableKernel(0.1)


@pytest.mark.parametrize(
    "pairs",
    [
        [(1, 2), (2, 10), (1, 10)],
        [(1, 2.0), (2.0, 10), (1, 10.0)],
        [("1", 2.0), ("2", 10), (1, "10")],
        [(1, "2.0"), (2, " 10"), ("+1", "1e1")],
        pd.DataFrame({"winner": [1, 2, 1], "loser": [2.0, 10.0, 10.0]}),
        pd.DataFrame({"winner": [1, "2", 1.0], "loser": [2, 10.0, "10\u00a0"]}),
        pd.DataFrame({"winner": pd.array([1, 2, 1], dtype="Int64"), "loser": ["2", "10", "10.0"]}),
    ],
)
@pytest.mark.filterwarnings("ignore:.*one item by value")
def test_numbers_are_one_item_by_value_and_sorted_by_it(pairs: object) -> None:
    graph = caveat.ComparisonGraph(pairs)
    assert graph.items.tolist() == [1, 2, 10] and graph.n_pairs == 3
    solution = caveat.solve(graph, KERNEL)
    assert solution.margin(1, 10) == solution.margin("1.0", "10") == solution.margin(1.0, np.float32(10)) > 0


def test_large_ids_stay_apart() -> None:
    big = 2**53
    assert caveat.ComparisonGraph([(big, big + 1), (big, 1.0)]).n_items == 3
    assert caveat.ComparisonGraph([(str(big), str(big + 1))]).items.tolist() == [str(big), str(big + 1)]
    assert caveat.ComparisonGraph([(2**70, 2**70 + 1)]).n_items == 2


def test_text_is_one_item_as_it_looks_and_case_alone_is_warned_of() -> None:
    graph = caveat.ComparisonGraph(
        [("caf\u00e9", "bar"), ("cafe\u0301", " bar\u00a0"), ("New\u00a0York", "New York\ufeff x")]
    )
    assert graph.items.tolist() == ["New York", "New York x", "bar", "caf\u00e9"]
    with pytest.warns(UserWarning, match='\'?"ant" and "Ant" differ by case alone|"Ant" and "ant"'):
        assert caveat.ComparisonGraph([("ant", "bee"), ("Ant", "bee")]).n_items == 3
    with pytest.warns(UserWarning, match="one item by value, shown as 2"):
        assert caveat.ComparisonGraph([("2.0", "x"), ("2", "x")]).items.tolist() == ["2", "x"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert caveat.ComparisonGraph([("007", "8"), ("9", "007")]).items.tolist() == ["007", "8", "9"]


def test_named_items_are_found_however_they_are_spelled() -> None:
    graph = caveat.ComparisonGraph([("2.0", "caf\u00e9"), (2, "cafe\u0301")], labels=["cafe\u0301", "2"])
    assert graph.edges()["second_wins"].tolist() == [2.0]
    ranks = caveat.ComparisonGraph(pd.DataFrame({"winner": [0.0, 1.0], "loser": [1.0, 2.0]}), n_items=3)
    assert ranks.n_pairs == 2
    with pytest.raises(ValueError, match="named twice"):
        caveat.ComparisonGraph([(1, 2)], labels=["1", 1.0, 2])


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, "NA", "", "nan", " "])
def test_missing_labels_are_refused_or_left_out(missing: object) -> None:
    pairs = pd.DataFrame({"winner": ["a", "b", "a"], "loser": ["b", missing, "c"], "weight": [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match=r"losers\[1\]: the label is missing"):
        caveat.ComparisonGraph(pairs)
    left = caveat.ComparisonGraph(pairs, skip_missing=True)
    assert left.items.tolist() == ["a", "b", "c"] and left.edges()["weight"].tolist() == [1.0, 3.0]


def test_components_are_numbered_from_the_largest() -> None:
    graph = caveat.ComparisonGraph([("A", "B"), ("X", "Y"), ("Y", "Z")])
    assert graph.components().tolist() == [1, 1, 0, 0, 0]


def test_the_estimator_takes_labels_by_the_same_rule_and_warns_of_groups() -> None:
    plain = ComparisonRidge(c=10.0).fit([["1", "2"], ["2", "10"], ["b", "1"]], [1, 1, 1])
    mixed = np.array([[1, "2.0"], ["2", 10.0], ["b\u00a0", "1"]], dtype=object)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*one item by value")
        other = ComparisonRidge(c=10.0).fit(mixed, [1, 1, 1])
    assert [str(item) for item in other.items_] == plain.items_.tolist() == ["1", "2", "10", "b"]
    np.testing.assert_array_equal(plain.ranks_, other.ranks_)
    assert plain.decision_function([["1.0", " 10"]]) == other.decision_function(np.array([[1, 10]], dtype=object))
    with pytest.raises(ValueError, match=r"X\[0, 1\]: item 'z' is unknown"):
        plain.predict([["1", "z"]])
    with pytest.warns(UserWarning, match="2 groups of items"):
        ComparisonRidge().fit([["a", "b"], ["x", "y"]], [1, 1])
