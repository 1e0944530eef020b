"""Figures show and save themselves and hold their numbers; similarities go to rsatoolbox and back."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import caveat
from caveat import figures

TASK = caveat.TransitiveTask(9, [(5, 3)])
FIGURES = {
    "task": lambda: figures.task(TASK),
    "margins": lambda: figures.margins(TASK, c=5.0, conjunctivities=[0.0, 0.3]),
    "mechanism": lambda: figures.mechanism(TASK, screenings=[0.5, 2.0]),
    "phase": lambda: figures.phase([TASK, caveat.TransitiveTask(11, [(6, 4)])], cells=20),
    "window": lambda: figures.window(n_items=[7, 9], cycle_lengths=[3], n_items_moved=9),
    "conjunctivity": lambda: figures.conjunctivity(
        ["relu"], max_depth=4, random_features=[caveat.ExchangeableKernel.random_features(1, width=200, replicates=4)]
    ),
    "design": lambda: caveat.design(
        [TASK], hypotheses=((0.0, 0.0), (0.5, 0.5)), trials=20, samples=32, max_trials=100
    ).figure(),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_a_picture_with_its_numbers(name: str, tmp_path: Path) -> None:
    figure = FIGURES[name]()
    assert figure.name == name and figure.title and figure.caption
    root = ElementTree.fromstring(figure._repr_svg_())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    starts = {"svg": b"<svg", "pdf": b"%PDF-", "png": b"\x89PNG"}
    for format, start in starts.items():
        path = tmp_path / f"figure.{format}"
        figure.save(path)
        assert path.read_bytes().startswith(start) and figure.render(format).startswith(start)
    assert len(figure.table) > 0 and len(figure.table.to_pandas()) == len(figure.table)


def test_the_numbers_of_a_figure_are_the_theory() -> None:
    table = figures.margins(TASK, c=5.0, conjunctivities=[0.3]).table
    of = table["task"] == "with exception"
    margins = caveat.solve(TASK, caveat.ExchangeableKernel(0.3), c=5.0).margins
    columns = {name: table[name][of] for name in table.column_names}
    first, second = (columns[name].astype(int) for name in ("rank_higher", "rank_lower"))
    np.testing.assert_allclose(columns["margin"], margins[first, second], atol=1e-12)
    drawn = figures.phase(TASK, cells=20).table
    for row in (0, 80, 159):
        window = caveat.balance_window(TASK, c=1 / drawn["inverse_strength"][row])
        assert drawn["conjunctivity_generalization"][row] == pytest.approx(window.conjunctivity_generalization)
        assert drawn["conjunctivity_memorization"][row] == pytest.approx(window.conjunctivity_memorization)


def test_tasks_and_designs_show_themselves() -> None:
    assert TASK._repr_svg_().startswith("<svg")
    assert (
        caveat.design([TASK], hypotheses=((0, 0), (1, 1)), trials=10, samples=8, max_trials=20)
        ._repr_svg_()
        .startswith("<svg")
    )


def measured(n_items: int, seed: int) -> np.ndarray:
    features = np.random.default_rng(seed).normal(size=(n_items * (n_items - 1), 40))
    return features @ features.T


def test_similarities_go_to_rdms_and_back() -> None:
    rsatoolbox = pytest.importorskip("rsatoolbox")
    from caveat.rsa import from_rdm, to_rdm

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
    moved = rsatoolbox.rdm.RDMs(
        rdm.get_matrices()[:, shuffled][:, :, shuffled],
        pattern_descriptors={
            name: list(np.array(rdm.pattern_descriptors[name])[shuffled]) for name in ("first", "second")
        },
    )
    np.testing.assert_allclose(from_rdm(moved), back, atol=1e-10)


def test_dissimilarities_that_rsatoolbox_measures_give_the_similarities() -> None:
    rsatoolbox = pytest.importorskip("rsatoolbox")
    from caveat.rsa import from_rdm, to_rdm

    patterns = np.random.default_rng(2).normal(size=(20, 60))
    dataset = rsatoolbox.data.Dataset(patterns)
    correlations = from_rdm(rsatoolbox.rdm.calc_rdm(dataset, method="correlation"))
    np.testing.assert_allclose(correlations, np.corrcoef(patterns), atol=1e-10)
    squared = from_rdm(rsatoolbox.rdm.calc_rdm(dataset, method="euclidean"))
    center = np.eye(20) - 1 / 20
    np.testing.assert_allclose(squared, center @ (patterns @ patterns.T) @ center / 60, atol=1e-10)
    again = to_rdm(np.corrcoef(patterns), measure="correlation")
    np.testing.assert_allclose(from_rdm(again), correlations, atol=1e-10)
    for call, words in [
        (lambda: to_rdm(np.zeros((7, 7))), "matrix: 7 patterns are not"),
        (lambda: to_rdm(np.zeros((6, 7))), "expected a square matrix"),
        (lambda: to_rdm(np.full((6, 6), np.nan)), r"matrix\[0, 0\]: nan is not"),
        (lambda: to_rdm(np.arange(36.0).reshape(6, 6)), "not symmetric"),
        (lambda: to_rdm(np.eye(6), measure="x"), "measure: 'x' is unknown"),
        (lambda: from_rdm(rsatoolbox.rdm.RDMs(np.ones((1, 3)))), "rdm: 3 patterns are not"),
    ]:
        with pytest.raises(ValueError, match=words):
            call()
