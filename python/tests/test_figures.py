"""Figures show and save themselves and hold their numbers."""

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
