"""Plain arguments: every one that is of another type, negative or too large is named by the exception."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import caveat

TASK, KERNEL = caveat.TransitiveTask(9, [(5, 3)]), caveat.ExchangeableKernel(0.2)
MARGINS = caveat.solve(TASK, KERNEL, c=10.0).margins
SEEDS = np.stack([MARGINS, 1.1 * MARGINS, 0.9 * MARGINS])
FIT, FIGURE = caveat.fit(TASK, MARGINS), caveat.figures.task(TASK)
CHOICES = TASK, [(0, 1), (1, 2)], [1.0, 1.0]

# The argument's name, a call with it, and what it has to be.
ARGUMENTS: list[tuple[str, Callable[[object], object], str]] = [
    ("n_items", lambda x: caveat.TransitiveTask(x), "whole number"),
    ("exceptions", lambda x: caveat.TransitiveTask(9, x), "list"),
    ("exceptions[0]", lambda x: caveat.TransitiveTask(9, [x]), "pair"),
    ("exceptions[0]", lambda x: caveat.TransitiveTask(9, [(x, 3)]), "whole number"),
    ("weights", lambda x: caveat.TransitiveTask(9, weights=x), "dict"),
    ("weights[(0, 1)]", lambda x: caveat.TransitiveTask(9, weights={(0, 1): x}), "number"),
    ("weights[5]", lambda x: caveat.TransitiveTask(9, weights={5: 1.0}), "pair"),
    ("order", lambda x: caveat.TransitiveTask(9, order=x), "text"),
    ("n_items", lambda x: caveat.ComparisonGraph([(0, 1)], n_items=x), "whole number"),
    ("order", lambda x: caveat.ComparisonGraph([(0, 1)], order=x), "text"),
    ("n_items", lambda x: caveat.ComparisonGraph.from_pairs([0], [1], n_items=x), "whole number"),
    ("order", lambda x: caveat.ComparisonGraph.from_pairs([0], [1], order=x), "text"),
    ("conjunctivity", lambda x: caveat.ExchangeableKernel(x), "number"),
    ("identical", lambda x: caveat.ExchangeableKernel.from_orbits(x, 0, 0, 0, 0, 0), "number"),
    ("disjoint", lambda x: caveat.ExchangeableKernel.from_orbits(1, 0, 0, 0, 0, x), "number"),
    ("kind", lambda x: caveat.ExchangeableKernel.network(x, 1), "text"),
    ("depth", lambda x: caveat.ExchangeableKernel.network("ntk", x), "whole number"),
    ("activation", lambda x: caveat.ExchangeableKernel.network("ntk", 1, x), "text"),
    ("depth", lambda x: caveat.ExchangeableKernel.random_features(x, width=9), "whole number"),
    ("width", lambda x: caveat.ExchangeableKernel.random_features(1, width=x), "whole number"),
    ("n_items", lambda x: caveat.ExchangeableKernel.random_features(1, width=9, n_items=x), "whole number"),
    ("replicates", lambda x: caveat.ExchangeableKernel.random_features(1, width=9, replicates=x), "whole number"),
    ("seed", lambda x: caveat.ExchangeableKernel.random_features(1, width=9, seed=x), "whole number"),
    ("n_items", lambda x: KERNEL.eigenvalues(x), "whole number"),
    ("n_items", lambda x: KERNEL.is_definite(x), "whole number"),
    ("n_items", lambda x: KERNEL.matrix(x), "whole number"),
    ("max_depth", lambda x: caveat.conjunctivity_by_depth("ntk", x), "whole number"),
    ("c", lambda x: caveat.solve(TASK, KERNEL, c=x), "number"),
    ("route", lambda x: caveat.solve(TASK, KERNEL, route=x), "text"),
    ("time", lambda x: caveat.gradient_flow(TASK, KERNEL, time=x), "number"),
    ("c", lambda x: caveat.logistic(TASK, KERNEL, c=x), "number"),
    ("c", lambda x: caveat.balance_window(TASK, c=x), "number"),
    ("time", lambda x: caveat.balance_window(TASK, time=x), "number"),
    ("cells", lambda x: caveat.phase_diagram(TASK, cells=x), "whole number"),
    ("replicates", lambda x: caveat.bootstrap(TASK, SEEDS, replicates=x), "whole number"),
    ("seed", lambda x: caveat.bootstrap(TASK, SEEDS, seed=x), "whole number"),
    ("fit", lambda x: caveat.predict(x, TASK), "Fit"),
    ("replicates", lambda x: caveat.prediction_intervals(TASK, SEEDS, TASK, MARGINS, replicates=x), "whole number"),
    ("seed", lambda x: caveat.prediction_intervals(TASK, SEEDS, TASK, MARGINS, seed=x), "whole number"),
    ("learner", lambda x: caveat.fit_choices(*CHOICES, learner=x), "text"),
    ("lapse", lambda x: caveat.fit_choices(*CHOICES, lapse=x), "True or False"),
    ("position_bias", lambda x: caveat.fit_choices(*CHOICES, position_bias=x), "True or False"),
    ("conjunctivity", lambda x: caveat.fit_choices(*CHOICES, conjunctivity=x), "number"),
    ("strength", lambda x: caveat.fit_choices(*CHOICES, strength=x), "number"),
    ("conjunctivity", lambda x: caveat.design(TASK, conjunctivity=x), "pair"),
    ("hypotheses", lambda x: caveat.design(TASK, hypotheses=x), "pair"),
    ("hypotheses", lambda x: caveat.design(TASK, hypotheses=((0, 0), (0, x))), "number"),
    ("c", lambda x: caveat.design(TASK, c=x), "pair"),
    ("gain", lambda x: caveat.design(TASK, gain=(1, x)), "number"),
    ("lapse", lambda x: caveat.design(TASK, lapse=x), "number"),
    ("pairs", lambda x: caveat.design(TASK, pairs=x), "text"),
    ("precision", lambda x: caveat.design(TASK, precision=x), "number"),
    ("power", lambda x: caveat.design(TASK, power=x), "number"),
    ("trials", lambda x: caveat.design(TASK, trials=x), "whole number"),
    ("max_trials", lambda x: caveat.design(TASK, max_trials=x), "whole number"),
    ("samples", lambda x: caveat.design(TASK, samples=x), "whole number"),
    ("seed", lambda x: caveat.design(TASK, seed=x), "whole number"),
    ("c", lambda x: caveat.figures.margins(TASK, c=x), "number"),
    ("n_items", lambda x: caveat.figures.window(n_items=x), "list"),
    ("n_items[1]", lambda x: caveat.figures.window(n_items=[7, x]), "whole number"),
    ("cycle_lengths", lambda x: caveat.figures.window(cycle_lengths=x), "list"),
    ("n_items_moved", lambda x: caveat.figures.window(n_items_moved=x), "whole number"),
    ("activations", lambda x: caveat.figures.conjunctivity(x), "list"),
    ("activations[0]", lambda x: caveat.figures.conjunctivity([x]), "text"),
    ("max_depth", lambda x: caveat.figures.conjunctivity(max_depth=x), "whole number"),
    ("random_features", lambda x: caveat.figures.conjunctivity(random_features=x), "list"),
    ("path", lambda x: FIGURE.save(x), "path"),
    ("format", lambda x: FIGURE.render(x), "text"),
    ("path", lambda x: FIGURE.table.write(x), "path"),
    ("name", lambda x: FIGURE.table[x], "text"),
    ("paths", lambda x: caveat.read_trials(x), "path or a list of paths"),
    ("paths[1]", lambda x: caveat.read_trials(["a.parquet", x]), "path"),
    ("columns", lambda x: caveat.read_trials("a.parquet", x), "list"),
    ("columns[0]", lambda x: caveat.read_trials("a.parquet", [x]), "text"),
    ("paths", lambda x: caveat.read_conditions(x), "path or a list of paths"),
    ("phase", lambda x: caveat.read_conditions("a.parquet", phase=x), "text"),
    ("path", lambda x: caveat.read_choices(x), "path or a list of paths"),
    ("columns", lambda x: caveat.read_choices("a.csv", x), "dict"),
    ("preset", lambda x: caveat.read_choices("a.csv", preset=x), "text"),
    ("n_items", lambda x: caveat.read_choices("a.csv", n_items=x), "whole number"),
    ("items", lambda x: caveat.read_choices("a.csv", items=x), "list"),
    ("first_rank", lambda x: caveat.read_choices("a.csv", first_rank=x), "whole number"),
    ("trials", lambda x: caveat.read_choices("a.csv", trials=x), "number"),
    ("runs", lambda x: caveat.run_geometry(x), "path or a list of paths"),
    ("runs[0]", lambda x: caveat.figures.hidden_states([x]), "path"),
    ("files", lambda x: caveat.fit_trials(x), "path or a list of paths"),
    ("files[1]", lambda x: caveat.fit_trials(["a.parquet", x]), "path"),
    ("train", lambda x: caveat.fit_trials("a.parquet", train=x, test=["b"]), "list"),
    ("files", lambda x: caveat.summarize_trials(x), "path or a list of paths"),
    ("where", lambda x: caveat.summarize_trials("a.parquet", where=x), "list"),
    ("files", lambda x: caveat.placements(x), "path or a list of paths"),
    ("files", lambda x: caveat.check_trials(x), "path or a list of paths"),
    ("files", lambda x: caveat.figures.study(x), "path or a list of paths"),
    ("file", lambda x: caveat.fit_choice_file(x), "path or a list of paths"),
    ("file", lambda x: caveat.figures.choices(x), "path or a list of paths"),
    ("columns", lambda x: caveat.fit_choice_file("a.csv", columns=x), "dict"),
    ("items", lambda x: caveat.fit_choice_file("a.csv", items=x), "list"),
    ("exceptions", lambda x: caveat.fit_choice_file("a.csv", exceptions=x), "list"),
    ("exceptions[0]", lambda x: caveat.fit_choice_file("a.csv", exceptions=[x]), "pair"),
]


class Unreadable:
    """Something that is none of the types that arguments have."""


@pytest.mark.parametrize(("name", "call", "kind"), ARGUMENTS, ids=[f"{name}: {kind}" for name, _, kind in ARGUMENTS])
def test_an_argument_of_another_type_is_named(name: str, call: Callable[[object], object], kind: str) -> None:
    others: list[object] = [Unreadable()]
    if "number" in kind:
        others += ["9", [9]]
    if kind == "whole number":
        others.append(9.5)
    for other in others:
        with pytest.raises(TypeError) as raised:
            call(other)
        article = "" if kind in ("text", "True or False") else "a "
        got = "int" if name == "weights[5]" else type(other).__name__
        assert str(raised.value) == f"{name}: expected {article}{kind}, got {got}"
    if kind != "whole number":
        return
    for value, problem in [(-1, "-1 is negative"), (2**64, f"{2**64} is too large"), (-(10**9_999), "it is negative")]:
        with pytest.raises(ValueError) as refused:
            call(value)
        assert str(refused.value) == f"{name}: {problem}"


def test_other_lists_and_numbers_are_taken_too() -> None:
    same = caveat.TransitiveTask(9, [(5, 3)])
    assert caveat.TransitiveTask(np.int32(9), np.array([[5, 3]])) == same
    assert caveat.TransitiveTask(9, ([5, 3] for _ in range(1))) == same
    assert caveat.solve(TASK, KERNEL, c=np.float32(10.0)).margin(2, 6) == MARGINS[2, 6]
    assert np.array_equal(caveat.solve(TASK, KERNEL, c=10).margins, MARGINS)


def test_one_path_is_taken_as_a_list_of_it(own: Path) -> None:
    columns = ["rank_a", "logit_diff"]
    assert np.array_equal(
        caveat.read_trials(str(own), columns)["logit_diff"], caveat.read_trials([own], columns)["logit_diff"]
    )
    assert len(caveat.read_conditions(own)) == len(caveat.read_conditions([str(own)]))


def test_one_name_is_taken_as_a_list_of_it(own: Path) -> None:
    for by, where in [("hier", "phase=post"), (["hier"], ["phase=post"]), (np.array(["hier"]), ("phase=post",))]:
        table = caveat.summarize_trials(own, by, where=where)
        assert table.column_names[:2] == ["hier", "class"]
    assert len(caveat.fit_trials(own, train="ti_n9", test="exc_mid_n9", bootstrap=0).table) == 4


def test_names_may_hold_commas_and_equal_signs(tmp_path: Path) -> None:
    file = tmp_path / "choices.csv"
    first, rest = '"B, the second"', "C=3"
    rows = [f"A,{first}", f"{first},{rest}", f"A,{rest}"] * 9 + [f"{first},A", f"{rest},{first}"]
    file.write_text("\n".join(['"a,b",=c', *rows]) + "\n")
    items = ["A", "B, the second", "C=3"]
    fitted = caveat.fit_choice_file(file, columns={"winner": "a,b", "loser": "=c"}, items=items, bootstrap=0)
    assert list(fitted.table["n_trials"]) == [29.0]


def test_an_error_of_the_argument_itself_is_not_hidden() -> None:
    class Broken:
        def __float__(self) -> float:
            raise LookupError("no value yet")

    with pytest.raises(LookupError, match="no value yet"):
        caveat.ExchangeableKernel(Broken())
