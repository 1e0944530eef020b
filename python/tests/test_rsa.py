"""Similarities go to rsatoolbox and back; what its dissimilarities are, and which pairs, is read and not guessed."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

import caveat
from caveat import _named

rsa = pytest.importorskip("rsatoolbox")

from caveat.rsa import from_rdm, to_rdm  # noqa: E402

KERNEL = caveat.ExchangeableKernel(0.3)


def pairs_of(n_items: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(n_items) for j in range(n_items) if i != j]


def measured(n_items: int, seed: int) -> np.ndarray:
    features = np.random.default_rng(seed).normal(size=(n_items * (n_items - 1), 40))
    return features @ features.T


def patterns(n_items: int, seed: int = 0) -> np.ndarray:
    """Patterns of which the inner products are those of the kernel."""
    matrix = KERNEL.matrix(n_items)
    root = np.linalg.cholesky(matrix + 1e-12 * np.eye(len(matrix)))
    turned = np.linalg.qr(np.random.default_rng(seed).normal(size=(3 * len(matrix), len(matrix))))[0]
    return root @ turned.T


def conjunctivity(rdm: Any, **options: Any) -> float:
    return caveat.ExchangeableKernel.from_matrix(from_rdm(rdm, **options)).conjunctivity


def test_similarities_go_to_rdms_and_back() -> None:
    matrix = measured(5, 0)
    rdm = to_rdm(matrix)
    diagonal = np.diag(matrix)
    np.testing.assert_allclose(rdm.get_matrices()[0], diagonal[:, None] + diagonal[None, :] - 2 * matrix, atol=1e-10)
    back = from_rdm(rdm)
    center = np.eye(20) - 1 / 20
    np.testing.assert_allclose(back, center @ matrix @ center, atol=1e-10)
    kernels = [caveat.ExchangeableKernel.from_matrix(m) for m in (matrix, back)]
    assert kernels[1].conjunctivity == pytest.approx(kernels[0].conjunctivity, abs=1e-10)
    assert kernels[1].info["variance_explained"] == pytest.approx(kernels[0].info["variance_explained"], abs=1e-10)
    # Patterns in another order find their place by their descriptors.
    shuffled = np.random.default_rng(1).permutation(20)
    moved = rsa.rdm.RDMs(
        rdm.get_matrices()[:, shuffled][:, :, shuffled],
        dissimilarity_measure="squared euclidean",
        pattern_descriptors={
            name: list(np.array(rdm.pattern_descriptors[name])[shuffled]) for name in ("first", "second")
        },
    )
    np.testing.assert_allclose(from_rdm(moved), back, atol=1e-10)
    for again in (pickle.loads(pickle.dumps(back)), copy.deepcopy(back), copy.copy(back)):
        assert (again.items, again.measure) == ((0, 1, 2, 3, 4), "squared euclidean") and np.array_equal(again, back)


def transformed() -> dict[str, tuple[Any, str | None]]:
    """RDMs of rsatoolbox's transforms of one kernel, and what is refused of them."""
    t, fresh = rsa.rdm, lambda measure="squared euclidean": to_rdm(KERNEL.matrix(5), measure=measure)
    return {
        "as it is": (fresh(), None),
        "correlation": (fresh("correlation"), None),
        "cosine": (fresh("cosine"), None),
        "root": (t.sqrt_transform(fresh()), None),
        "root of correlation": (t.sqrt_transform(fresh("correlation")), None),
        "root of cosine": (t.sqrt_transform(fresh("cosine")), None),
        "root of root": (t.sqrt_transform(t.sqrt_transform(fresh())), "sqrt ofeuclidean"),
        "ranks": (t.rank_transform(fresh()), r"squared euclidean \(ranks\)"),
        "ranks of correlation": (t.rank_transform(fresh("correlation")), r"correlation \(ranks\)"),
        "rescaled": (t.minmax_transform(fresh()), "minmax transformed squared euclidean"),
        "geotopological": (t.geotopological_transform(fresh(), 0.1, 0.9), "geo-topological transformed"),
        "geodesic": (t.geodesic_transform(fresh()), "geodesic transformed"),
        "any function": (t.transform(fresh(), np.sqrt), "transformed squared euclidean"),
        "root of nothing known": (t.sqrt_transform(t.RDMs(fresh().dissimilarities)), "sqrt of unknown measure"),
        "nothing known": (t.RDMs(fresh().dissimilarities), "nothing says what the dissimilarities are"),
    }


@pytest.mark.parametrize("name", list(transformed()))
def test_transformed_dissimilarities_give_the_same_conjunctivity_or_are_refused_by_name(name: str) -> None:
    rdm, refused = transformed()[name]
    if refused is None:
        assert conjunctivity(rdm) == pytest.approx(0.3, abs=1e-12)
    else:
        with pytest.raises(ValueError, match=refused):
            from_rdm(rdm)


def test_what_rsatoolbox_computes_is_read_as_what_it_is() -> None:
    pairs, shown = pairs_of(6), patterns(6)
    names = [f"{i}_{j}" for i, j in pairs]
    dataset = rsa.data.Dataset(shown, obs_descriptors={"pair": names})
    calc = lambda method, **options: rsa.rdm.calc_rdm(dataset, method=method, descriptor="pair", **options)
    center = np.eye(30) - 1 / 30
    expected = center @ (shown @ shown.T) @ center / shown.shape[1]
    np.testing.assert_allclose(from_rdm(calc("euclidean")), expected, atol=1e-12)
    noise = np.diag(np.linspace(1, 2, shown.shape[1]))
    whitened = center @ (shown @ noise @ shown.T) @ center / shown.shape[1]
    np.testing.assert_allclose(from_rdm(calc("mahalanobis", noise=noise)), whitened, atol=1e-12)
    np.testing.assert_allclose(from_rdm(rsa.rdm.sqrt_transform(calc("mahalanobis", noise=noise))), whitened, atol=1e-12)
    np.testing.assert_allclose(from_rdm(calc("correlation")), np.corrcoef(shown), atol=1e-12)
    # Squares that it calls euclidean, and their roots that it does not.
    unbalanced = rsa.rdm.calc_rdm_unbalanced(dataset, method="euclidean", descriptor="pair")
    assert unbalanced.dissimilarity_measure == "euclidean"
    assert conjunctivity(unbalanced) == pytest.approx(0.3, abs=1e-9)
    assert conjunctivity(rsa.rdm.sqrt_transform(unbalanced)) == pytest.approx(0.3, abs=1e-9)
    with pytest.raises(ValueError, match="'poisson' cannot be turned"):
        positive = rsa.data.Dataset(np.abs(shown), obs_descriptors={"pair": names})
        from_rdm(rsa.rdm.calc_rdm(positive, method="poisson", descriptor="pair"))


def test_crossvalidated_distances_are_taken_with_their_noise_but_not_without() -> None:
    pairs, random = pairs_of(6), np.random.default_rng(3)
    twice = np.concatenate([patterns(6) + 0.05 * random.normal(size=(30, 90)) for _ in range(2)])
    told = {"pair": [f"{i}>{j}" for i, j in pairs] * 2, "fold": [0] * 30 + [1] * 30}
    dataset = rsa.data.Dataset(twice, obs_descriptors=told)
    rdm = rsa.rdm.calc_rdm(dataset, method="crossnobis", descriptor="pair", cv_descriptor="fold")
    assert conjunctivity(rdm) == pytest.approx(0.3, abs=0.1)
    rdm.dissimilarities[0, :5] = -1e-6
    assert np.isfinite(conjunctivity(rdm))
    for clipped in (rsa.rdm.sqrt_transform(copy.deepcopy(rdm)), rsa.rdm.positive_transform(copy.deepcopy(rdm))):
        with pytest.raises(ValueError, match="negative ones were set to 0"):
            from_rdm(clipped)


@pytest.mark.parametrize(
    "name",
    [
        "{}_{}",
        "{}-{}",
        "{}>{}",
        "({}, {})",
        "item{}_item{}",
        "pair_{:02d}_{:02d}",
        "{} vs {}",
        "{}.0_{}.0",
        "s1: {} {}",
    ],
)
def test_names_of_pairs_are_names_and_never_ranks_by_their_text(name: str) -> None:
    pairs, shown = pairs_of(12), patterns(12)
    moved = np.random.default_rng(5).permutation(len(pairs))
    names = [name.format(*pairs[at]) for at in moved]
    rdm = rsa.rdm.calc_rdm(
        rsa.data.Dataset(shown[moved], obs_descriptors={"conds": names}), method="euclidean", descriptor="conds"
    )
    # rsatoolbox sorts them as text, 10 before 2.
    assert (rdm.pattern_descriptors["conds"][1] != name.format(0, 2)) == (":02d" not in name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = from_rdm(rdm)
    center = np.eye(132) - 1 / 132
    np.testing.assert_allclose(found, center @ (shown @ shown.T) @ center / shown.shape[1], atol=1e-12)
    assert list(found.items) in (list(range(12)), [f"item{i}" for i in range(12)])
    assert conjunctivity(rdm) == pytest.approx(0.3, abs=1e-9)


def test_named_items_need_their_order_and_unnamed_patterns_a_word() -> None:
    pairs, shown = pairs_of(5), patterns(5)
    animals = ["yak", "ant", "fox", "bee", "hen"]
    center = np.eye(20) - 1 / 20
    expected = center @ (shown @ shown.T) @ center / shown.shape[1]
    for labels, join in (
        (animals, "{}_{}"),
        ("EBDAC", "{}{}"),
        (["red ball", "red box", "cup", "key", "pen"], "{} {}"),
    ):
        names = [join.format(labels[i], labels[j]) for i, j in pairs]
        if labels[0] == "red ball":
            names = [name.replace(" ", "_") for name in names]
        rdm = rsa.rdm.calc_rdm(rsa.data.Dataset(shown, obs_descriptors={"conds": names}), descriptor="conds")
        if labels[0] == "red ball":
            with pytest.raises(ValueError, match=r"conds names the patterns .* which are not every ordered pair"):
                from_rdm(rdm)
            continue
        with pytest.raises(ValueError, match=r"have names, which don't tell their order: give items="):
            from_rdm(rdm)
        found = from_rdm(rdm, items=list(labels))
        assert found.items == tuple(labels)
        np.testing.assert_allclose(found, expected, atol=1e-12)
        with pytest.raises(ValueError, match="items: expected the 5 items of the patterns"):
            from_rdm(rdm, items=[*labels[:4], "emu"])
    rdm = rsa.rdm.calc_rdm(rsa.data.Dataset(shown))
    with pytest.warns(UserWarning, match="the patterns have no names"):
        np.testing.assert_allclose(from_rdm(rdm), expected, atol=1e-12)
    moved = np.random.default_rng(1).permutation(20)
    rdm = rsa.rdm.calc_rdm(rsa.data.Dataset(shown[moved], obs_descriptors={"a_code": [f"s{k * k}" for k in range(20)]}))
    with pytest.raises(ValueError, match="a_code names the patterns 's0'"):
        from_rdm(rdm)
    np.testing.assert_allclose(from_rdm(rdm, pairs=[pairs[at] for at in moved]), expected, atol=1e-12)


def test_arrays_and_frames_must_say_what_they_are() -> None:
    matrix = to_rdm(KERNEL.matrix(5)).get_matrices()[0]
    with pytest.raises(ValueError, match="measure: nothing says what the dissimilarities are: give measure="):
        from_rdm(matrix)
    listed = matrix[np.triu_indices(20, 1)]
    for given in (matrix, listed, matrix.tolist(), matrix.astype(np.float32)):
        assert conjunctivity(given, measure="squared euclidean") == pytest.approx(0.3, abs=1e-5)
    assert conjunctivity(np.sqrt(listed), measure="euclidean") == pytest.approx(0.3, abs=1e-12)
    names = [f"{i}_{j}" for i, j in pairs_of(5)]
    moved = np.random.default_rng(0).permutation(20)
    frame = pd.DataFrame(matrix, names, names).iloc[moved, moved]
    assert conjunctivity(frame, measure="sqeuclidean") == pytest.approx(0.3, abs=1e-12)
    broken, nonzero, missing = matrix.copy(), matrix.copy(), matrix.copy()
    broken[2, 5] += 0.1
    nonzero[3, 3] = 0.5
    missing[1, 2] = missing[2, 1] = np.nan
    ranks = np.argsort(np.argsort(listed + 1e-9 * np.arange(len(listed)))) + 1.0
    for given, options, words in [
        (broken, {}, "not symmetric"),
        (nonzero, {}, "of pattern 3 to itself is 0.5"),
        (missing, {}, "of the patterns 1 and 2 in RDM 0 is nan"),
        (-matrix, {}, "is negative"),
        (ranks, {}, "no eigenvalue could be negative"),
        (matrix, {"measure": "euclidean"}, "no eigenvalue could be negative"),
        (3 * matrix, {"measure": "correlation"}, "is above 2"),
        (matrix, {"measure": "spearman"}, "'spearman' cannot be turned"),
        (matrix, {"pairs": names[:-1]}, "pairs: expected every ordered pair of 5 items once"),
        (KERNEL.matrix(5), {"measure": "cosine"}, "needs no conversion"),
        (listed[:-1], {}, "189 dissimilarities are not those"),
    ]:
        with pytest.raises(ValueError, match=words):
            from_rdm(given, **{"measure": "squared euclidean", **options})


MOVED = np.random.default_rng(0).permutation(20)
SHUFFLED = [f"{i}_{j}" for i, j in np.array(pairs_of(5))[MOVED]]
INDEX = pd.MultiIndex.from_tuples([pairs_of(5)[at] for at in MOVED])
TURNED = INDEX.swaplevel()


def named_tables() -> dict[str, Callable[[np.ndarray], Any]]:
    """Makers of tables that name shuffled pairs by rows, columns or both."""
    names = SHUFFLED
    of_levels = lambda index, *levels: index.set_names(levels)
    first, second = ([pair[k] for pair in INDEX] for k in (0, 1))
    return {
        "rows and columns": lambda d: pd.DataFrame(d, names, names),
        "a header": lambda d: pd.DataFrame(d, columns=names),
        "rows": lambda d: pd.DataFrame(d, index=names),
        "a file": lambda d: pd.read_csv(io.StringIO(pd.DataFrame(d, columns=names).to_csv(index=False))),
        "polars": lambda d: pl.DataFrame(d, schema=names),
        "pyarrow": lambda d: pa.table(list(d), names=names),
        "tuples": lambda d: pd.DataFrame(d, INDEX, INDEX),
        "levels": lambda d: pd.DataFrame(d, of_levels(INDEX, "first", "second")),
        "turned levels": lambda d: pd.DataFrame(d, of_levels(TURNED, "second", "first")),
        "turned levels of columns": lambda d: pd.DataFrame(d, columns=of_levels(TURNED, "item_b", "item_a")),
        "names and levels": lambda d: pd.DataFrame(d, names, of_levels(TURNED, "second", "first")),
        "xarray": lambda d: xr.DataArray(d, dims=["a", "b"], coords={"a": names, "b": names}),
        "one coordinate": lambda d: xr.DataArray(d, dims=["a", "b"], coords={"b": names}),
        "two coordinates": lambda d: xr.DataArray(
            d, dims=["row", "column"], coords={"first": ("row", first), "second": ("row", second)}
        ),
    }


@pytest.mark.parametrize("name", list(named_tables()))
def test_tables_name_pairs_by_either_axis(name: str) -> None:
    matrix = KERNEL.matrix(5)
    distances = to_rdm(matrix).get_matrices()[0]
    make = named_tables()[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = from_rdm(make(distances[np.ix_(MOVED, MOVED)]), measure="squared euclidean")
    np.testing.assert_allclose(found, from_rdm(to_rdm(matrix)), atol=1e-12)
    assert found.items == (0, 1, 2, 3, 4)
    # So do similarities.
    np.testing.assert_allclose(from_rdm(to_rdm(make(matrix[np.ix_(MOVED, MOVED)]))), found, atol=1e-12)
    for of_items in (None, np.arange(5)):
        again = _named.over_pairs("kernel", make(matrix[np.ix_(MOVED, MOVED)]), of_items)
        assert caveat.ExchangeableKernel.from_matrix(again).conjunctivity == pytest.approx(0.3, abs=1e-12)
        if of_items is not None:
            np.testing.assert_array_equal(again, matrix)


def test_names_that_are_no_pairs_are_refused_and_numbers_of_rows_are_no_names() -> None:
    distances = to_rdm(KERNEL.matrix(5)).get_matrices()[0]
    of_items = pd.MultiIndex.from_tuples(pairs_of(5), names=["probe", "target"])
    other = [f"{i}_{j}" for i, j in pairs_of(5)]
    for table, words in [
        (
            pd.DataFrame(distances, columns=[f"p{k * k}" for k in range(20)]),
            "rdm: the descriptor columns names the patterns",
        ),
        (pd.DataFrame(distances, columns=["x"] * 20), "rdm: the descriptor columns names the patterns 'x'"),
        (pd.DataFrame(distances).iloc[MOVED, MOVED], "rdm: the descriptor rows names the patterns"),
        (pd.DataFrame(distances, of_items), "the descriptor probe and target names the patterns"),
        (pd.DataFrame(distances, other, SHUFFLED), r"row 0 is the pair \(0, 1\), column 0 the pair .*different names"),
        (pl.DataFrame(distances, schema=[f"p{k * k}" for k in range(20)]), "the descriptor columns names the patterns"),
        (pd.Series(distances[np.triu_indices(20, 1)], [f"d{k}" for k in range(190)]), "names of a list of values"),
    ]:
        with pytest.raises(ValueError, match=words):
            from_rdm(table, measure="squared euclidean")
        if np.array_equal(table, distances):
            told = from_rdm(table, measure="squared euclidean", pairs=pairs_of(5))
            np.testing.assert_allclose(told, from_rdm(to_rdm(KERNEL.matrix(5))), atol=1e-12)
    for plain in (
        distances,
        pd.DataFrame(distances),
        pd.DataFrame(distances, columns=list(map(str, range(20)))),
        pl.DataFrame(distances),
        pl.DataFrame(distances, schema=[f"column_{k + 1}" for k in range(20)]),
        xr.DataArray(distances),
    ):
        with pytest.warns(
            UserWarning, match=r"no names: they are taken as \(0, 1\), \(0, 2\), …, \(1, 0\), … of 5 items"
        ):
            assert conjunctivity(plain, measure="squared euclidean") == pytest.approx(0.3, abs=1e-12)


def test_pairs_are_told_by_tables_in_the_order_of_their_columns() -> None:
    distances = to_rdm(KERNEL.matrix(5)).get_matrices()[0][np.ix_(MOVED, MOVED)]
    frame = pd.DataFrame([INDEX[k] for k in range(20)], columns=["first", "second"])
    for pairs in (
        frame,
        frame[["second", "first"]],
        pl.DataFrame(frame.to_dict("list"))[["second", "first"]],
        INDEX,
        TURNED.set_names(["second", "first"]),
    ):
        assert conjunctivity(distances, measure="squared euclidean", pairs=pairs) == pytest.approx(0.3, abs=1e-12)
        found = from_rdm(distances, measure="squared euclidean", pairs=pairs)
        np.testing.assert_allclose(found, from_rdm(to_rdm(KERNEL.matrix(5))), atol=1e-12)
    with pytest.raises(ValueError, match="the columns 'second' and 'probe' don't tell which item is shown first"):
        from_rdm(distances, measure="squared euclidean", pairs=frame.set_axis(["second", "probe"], axis=1))


def test_masked_dissimilarities_are_missing() -> None:
    distances = to_rdm(KERNEL.matrix(5)).get_matrices()[0]
    mask = np.zeros((20, 20), dtype=bool)
    mask[1, 2] = mask[2, 1] = True
    with pytest.raises(ValueError, match="of the patterns 1 and 2 in RDM 0 is nan"):
        from_rdm(np.ma.masked_array(distances, mask), measure="squared euclidean")
    with pytest.raises(ValueError, match=r"matrix\[1, 2\]: nan is not a finite number"):
        to_rdm(np.ma.masked_array(KERNEL.matrix(5), mask))


def test_parts_of_similarities_have_no_items() -> None:
    found = from_rdm(to_rdm(KERNEL.matrix(5)), items=[4, 3, 2, 1, 0])
    assert found.items == (4, 3, 2, 1, 0) == (2 * found).items
    for part in (found[np.ix_(MOVED, MOVED)], found[:6, :6], found[MOVED], found.take(MOVED, 0), found.reshape(-1)):
        assert part.items == () and part.measure == "squared euclidean"
    assert found.items == (4, 3, 2, 1, 0) and isinstance(found[0, 1], float)
    # A part by itself, where the items are not ranks, has no order but its own.
    graph_items = np.array(["a", "b", "c", "d", "e"])
    by_name = from_rdm(to_rdm(measured(5, 0)))
    by_name.items = ("c", "a", "b", "e", "d")
    moved = _named.over_pairs("kernel", by_name, graph_items)
    order = [1, 2, 0, 4, 3]
    every = pairs_of(5)
    assert moved[0, 5] == by_name[every.index((order[0], order[1])), every.index((order[1], order[2]))]
    with pytest.raises(
        ValueError, match="kernel: it names the item 'c', which is unknown: 5 items are known, 'p' to 't'"
    ):
        _named.over_pairs("kernel", by_name, np.array(list("pqrst")))


def test_bad_similarities_are_refused() -> None:
    off = KERNEL.matrix(4)
    off[off == 0.0] = -0.6
    for call, words in [
        (lambda: to_rdm(np.zeros((7, 7))), "matrix: 7 patterns are not"),
        (lambda: to_rdm(np.zeros((6, 7))), "expected a square matrix"),
        (lambda: to_rdm(np.full((6, 6), np.nan)), r"matrix\[0, 0\]: nan is not"),
        (lambda: to_rdm(np.arange(36.0).reshape(6, 6)), "not symmetric"),
        (lambda: to_rdm(np.eye(6), measure="x"), "measure: 'x' is unknown"),
        (lambda: to_rdm(2 * np.eye(6), measure="cosine"), r"matrix\[0, 0\]: 2 is not 1"),
        (lambda: to_rdm(-KERNEL.matrix(4)), "100.0 % of their sum are, and"),
        (lambda: to_rdm(off), "no eigenvalue could be negative"),
        (lambda: to_rdm(off, measure="cosine"), "no eigenvalue could be negative"),
        (lambda: to_rdm(np.eye(6) + 1.5 * (1 - np.eye(6)), measure="cosine"), r"matrix\[0, 1\]: 1.5 is above 1"),
        (lambda: from_rdm(rsa.rdm.RDMs(np.ones((1, 3)))), "rdm: 3 patterns are not"),
    ]:
        with pytest.raises(ValueError, match=words):
            call()
