"""Comparison graphs out of everything that other tools keep comparisons in."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import caveat
from reference import random_graph

KERNEL = caveat.ExchangeableKernel(0.1)
NAMED = [("bee", "cow"), ("ant", "bee"), ("ant", "bee"), ("cow", "bee")]


def edges(graph: caveat.ComparisonGraph) -> dict[str, list]:
    return {name: values.tolist() for name, values in graph.edges().to_dict().items()}


def test_the_same_comparisons_make_the_same_graph_whatever_holds_them() -> None:
    expected = {
        "first": [0, 1],
        "second": [1, 2],
        "weight": [2.0, 2.0],
        "first_wins": [2.0, 1.0],
        "second_wins": [0.0, 1.0],
    }
    columns = {"winner": [winner for winner, _ in NAMED], "loser": [loser for _, loser in NAMED]}
    shown = {"left": [min(p) for p in NAMED], "right": [max(p) for p in NAMED], "label": columns["winner"]}
    holders = [
        NAMED,
        [list(pair) for pair in NAMED],
        np.array(NAMED),
        np.array(NAMED, dtype=object),
        columns,
        pd.DataFrame(columns),
        pd.DataFrame(columns).assign(weight=1),
        pl.DataFrame(columns),
        pa.table(columns),
        shown,
        pd.DataFrame(shown),
        pd.DataFrame(shown).assign(worker="w1"),
        pl.DataFrame(shown),
        pa.table(shown),
    ]
    for holder in holders:
        graph = caveat.ComparisonGraph(holder)
        assert graph.items.tolist() == ["ant", "bee", "cow"], type(holder)
        assert edges(graph) == expected, type(holder)


def test_lists_of_integers_are_read_as_choix_does() -> None:
    data = [(0, 1), (1, 2), (2, 0), (4, 1)]
    of_all = caveat.ComparisonGraph(data, n_items=6)
    assert of_all.items.tolist() == [0, 1, 2, 3, 4, 5]
    assert of_all.components().tolist() == [0, 0, 0, 1, 0, 2]
    # Without their number, items are those that occur.
    assert caveat.ComparisonGraph(data).items.tolist() == [0, 1, 2, 4]
    assert caveat.ComparisonGraph(np.array(data, dtype=np.uint8)).items.tolist() == [0, 1, 2, 4]
    assert caveat.ComparisonGraph([(10**15, -3), (-3, 7)]).items.tolist() == [-3, 7, 10**15]
    unseen = caveat.solve(of_all, KERNEL, c=10.0)
    assert unseen.ranks[5] == 0.0 and unseen.margin(5, 3) == 0.0


def test_bradley_terry_on_a_choix_list_is_what_choix_finds() -> None:
    choix = pytest.importorskip("choix")
    winners, losers, _ = random_graph(8, 400, seed=2)
    data = list(zip(winners.tolist(), losers.tolist(), strict=True))
    ours = caveat.logistic(caveat.ComparisonGraph(data, n_items=8), caveat.ExchangeableKernel(0.0))
    np.testing.assert_allclose(ours.ranks, choix.opt_pairwise(8, data, tol=1e-12), atol=1e-6)


def test_a_preference_frame_gives_the_same_scores_as_its_pairs() -> None:
    choix = pytest.importorskip("choix")
    winners, losers, _ = random_graph(6, 300, seed=5)
    names, shown_left = np.array(["a", "b", "c", "d", "e", "f"]), np.arange(300) % 2 == 0
    left, right = np.where(shown_left, winners, losers), np.where(shown_left, losers, winners)
    frame = pd.DataFrame({"worker": "w", "left": names[left], "right": names[right], "label": names[winners]})
    ours = caveat.logistic(caveat.ComparisonGraph(frame), caveat.ExchangeableKernel(0.0))
    data = list(zip(winners.tolist(), losers.tolist(), strict=True))
    np.testing.assert_allclose(ours.ranks, choix.opt_pairwise(6, data, tol=1e-12), atol=1e-6)


def test_items_are_named_by_their_labels() -> None:
    graph = caveat.ComparisonGraph(NAMED, labels=["cow", "bee", "ant", "dog"])
    assert graph.items.tolist() == ["cow", "bee", "ant", "dog"]
    solution = caveat.solve(graph, KERNEL, c=3.0)
    margins = solution.margins
    assert solution.margin("ant", "cow") == margins[2, 0]
    assert solution.margin(np.str_("ant"), "cow") == margins[2, 0]
    np.testing.assert_array_equal(solution.margin(["ant", "bee"], ["cow", "ant"]), [margins[2, 0], margins[1, 2]])
    np.testing.assert_array_equal(solution.margin(pd.Series(["ant"]), pl.Series(["cow"])), [margins[2, 0]])
    assert solution.margin(np.array([["ant"], ["bee"]]), np.array([["cow"], ["ant"]])).shape == (2, 1)
    dates = pd.to_datetime(["2026-01-01", "2026-01-02"]).to_numpy()
    assert len(caveat.ComparisonGraph.from_pairs(dates[:1], dates[1:]).items) == 2
    whole = caveat.solve(caveat.ComparisonGraph([(1.0, 2.5), (2.5, 4.0)]), KERNEL)
    assert whole.margin(1, 4) == whole.margin(1.0, 4.0) == whole.margin(np.float32(1), np.int64(4))
    mixed = caveat.ComparisonGraph([(1, "one"), ("one", 2.0)], labels=[1, "one", 2.0])
    assert edges(mixed)["first"] == [0, 1]


COUNTED = {"winner": ["a", "b", "b"], "loser": ["b", "c", "a"], "n": [2, 3, 1]}


def test_columns_that_count_are_read_as_the_command_reads_them() -> None:
    shown = {"left": ["a", "b", "a"], "right": ["b", "c", "b"], "label": ["a", "b", "b"]}
    expected = edges(caveat.ComparisonGraph.from_pairs(COUNTED["winner"], COUNTED["loser"], COUNTED["n"]))
    assert expected["weight"] == [3.0, 3.0]
    plain = {name: COUNTED[name] for name in ("winner", "loser")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for of in (plain, shown):
            for name in ("weight", "count", "Count", "WEIGHT"):
                columns = {**of, name: COUNTED["n"], "n_games": [5, 5, 5]}
                for holder in (columns, pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns)):
                    assert edges(caveat.ComparisonGraph(holder)) == expected, (name, type(holder))
    for extra, words in [
        ({"weight": [1, 1, 1], "count": [1, 1, 1]}, "a column weight and a column count: leave out the one"),
        ({"Count": [1, 1, 1], "COUNT": [1, 1, 1]}, "Count and COUNT differ by capitals alone"),
    ]:
        with pytest.raises(ValueError, match=words):
            caveat.ComparisonGraph({**plain, **extra})
    # Masked counts are missing.
    with pytest.raises(ValueError, match=r"weights\[1\]: NaN is not a positive"):
        caveat.ComparisonGraph({**plain, "count": np.ma.masked_array(COUNTED["n"], [False, True, False])})


@pytest.mark.parametrize(
    "name",
    """n weights counts games n_games num number wt repeats total observations freq frequency times trials n_trials
    N Games""".split(),
)
def test_columns_that_seem_to_count_are_told(name: str) -> None:
    columns = {**COUNTED, name: COUNTED["n"]}
    columns = {column: columns[column] for column in ("winner", "loser", name)}
    for holder in (columns, pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns)):
        with pytest.warns(
            UserWarning, match=f"the column {name} is not read and every row counts once: .* weight"
        ) as told:
            caveat.ComparisonGraph(holder)
        assert len(told) == 1 and told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        caveat.ComparisonGraph({**columns, name: [1, 1, 1]})


@pytest.mark.parametrize("name", "phase block trial_type practice stage training is_train part Phase".split())
def test_columns_that_seem_to_tell_training_from_test_are_told(name: str) -> None:
    for values in (["pre", "post", None], [True, False, True], [1, 1, 2]):
        columns = {"winner": COUNTED["winner"], "loser": COUNTED["loser"], name: values}
        for holder in (columns, pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns)):
            with pytest.warns(UserWarning, match=f"the column {name} has 2 values, .* count alike"):
                caveat.ComparisonGraph(holder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        caveat.ComparisonGraph({**columns, name: ["post"] * 3, "date": [1, 2, 3]})


def test_masked_labels_are_missing() -> None:
    mask = np.array([[False, False], [False, True], [False, False]])
    for labels in (np.array([[0, 1], [1, 2], [2, 0]]), np.array([["a", "b"], ["b", "c"], ["c", "a"]])):
        masked = np.ma.masked_array(labels, mask)
        columns = {"winner": masked[:, 0], "loser": masked[:, 1]}
        for holder in (masked, columns):
            with pytest.raises(ValueError, match=r"losers\[1\]: the label is missing"):
                caveat.ComparisonGraph(holder)
            graph = caveat.ComparisonGraph(holder, skip_missing=True)
            assert graph.n_pairs == 2 and graph.items.tolist() == sorted(labels[:, 0].tolist())


def test_weights_add_up_and_orders_are_kept() -> None:
    winners, losers, weights = random_graph(30, 500, seed=6)
    graph = caveat.ComparisonGraph.from_pairs(winners, losers, weights, n_items=30, order="winner-first")
    assert graph.edges()["weight"].sum() == pytest.approx(weights.sum())
    assert graph.order == "winner-first"
    trials = graph.trials()
    assert len(trials) == graph.n_pairs and (trials["label"] >= 0).all()
    assert edges(caveat.ComparisonGraph.from_pairs([0], [1], weights=[np.float32(2.5)]))["weight"] == [2.5]
    assert edges(caveat.TransitiveTask(3, [(2, 1)], weights={(2, 1): 3}).graph)["second_wins"] == [0.0, 3.0]


@pytest.mark.parametrize(
    "thing",
    [
        caveat.TransitiveTask(9, [(5, 3)], weights={(5, 3): 2.0}, order="winner-first"),
        caveat.ComparisonGraph(NAMED, labels=["cow", "bee", "ant", "dog"], order="lower-first"),
        caveat.ComparisonGraph([(0, 1), (5, 1)], n_items=6),
    ],
)
def test_tasks_and_graphs_survive_pickling(thing: caveat.TransitiveTask | caveat.ComparisonGraph) -> None:
    again = pickle.loads(pickle.dumps(thing))
    assert repr(again) == repr(thing) and again.order == thing.order
    assert again.trials().to_dict().keys() == thing.trials().to_dict().keys()
    for name in thing.trials().column_names:
        np.testing.assert_array_equal(again.trials()[name], thing.trials()[name])
    if isinstance(thing, caveat.ComparisonGraph):
        np.testing.assert_array_equal(again.items, thing.items)
    else:
        assert again == thing and again != caveat.TransitiveTask(9)


def test_kernels_solutions_and_fits_survive_pickling() -> None:
    task = caveat.TransitiveTask(6, [(4, 2)])
    kernels = [
        caveat.ExchangeableKernel(0.3),
        caveat.ExchangeableKernel.from_orbits(2.0, 0.6, 1.0, 1.0, 0.5, 0.4),
        caveat.ExchangeableKernel.from_matrix(caveat.ExchangeableKernel(0.3).matrix(6)),
        caveat.ExchangeableKernel.network("ntk", 3, "leaky:0.1"),
        caveat.ExchangeableKernel.random_features(1, width=100, replicates=4, seed=1),
    ]
    for kernel in kernels:
        again = pickle.loads(pickle.dumps(kernel))
        assert (
            repr(again) == repr(kernel)
            and again.orbits == kernel.orbits
            and again.conjunctivity == kernel.conjunctivity
        )
        np.testing.assert_equal(again.info, kernel.info)
        alike = kernel.symmetrized()
        solutions = [
            caveat.solve(task, kernel, c=3.0, route="dense"),
            caveat.gradient_flow(task, alike, time=2.0),
            caveat.logistic(task, alike, c=2.0),
        ]
        for solution in solutions:
            loaded = pickle.loads(pickle.dumps(solution))
            assert type(loaded) is type(solution) and repr(loaded) == repr(solution)
            np.testing.assert_array_equal(loaded.margins, solution.margins)
    fit = caveat.fit([task, caveat.TransitiveTask(5)], [solution.margins, [1.0, -2.0]], [None, [(0, 4), (3, 1)]])
    loaded = pickle.loads(pickle.dumps(fit))
    assert repr(loaded) == repr(fit)
    np.testing.assert_array_equal(loaded.fitted, fit.fitted)
