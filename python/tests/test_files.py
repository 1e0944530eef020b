"""Trial tables and files of choices, read and fitted here and with pandas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import caveat


def test_trial_tables_are_read_as_pandas_reads_them(own: Path) -> None:
    columns = ["setting", "model", "seed", "rank_a", "rank_b", "phase", "is_train", "logit_diff", "ground_truth"]
    table, frame = caveat.read_trials([own], columns), pd.read_parquet(own, columns=columns)
    assert table.column_names == columns and len(table) == len(frame)
    pd.testing.assert_frame_equal(table.to_pandas(), frame, check_dtype=False)
    every = caveat.read_trials([own])
    assert len(every.column_names) == 23 and "margin" in every.column_names
    told: list[tuple[int, int]] = []
    caveat.read_trials([own] * 3, progress=lambda done, total: told.append((done, total)))
    assert all(done <= total for done, total in told)


def test_conditions_are_means_over_trials(own: Path) -> None:
    frame = pd.read_parquet(own)
    frame = frame[frame["phase"] == "post"]
    conditions = caveat.read_conditions([own])
    keys = ["setting", "model", "task", "hier", "lora_r", "l2_reg"]
    assert len(conditions) == len(frame.groupby(keys, dropna=False))
    for condition in conditions[:: max(1, len(conditions) // 5)]:
        of = np.ones(len(frame), dtype=bool)
        for name in keys:
            value = condition.key.get(name)
            of &= (frame[name].isna() if value is None else frame[name] == value).to_numpy()
        rows, n = frame[of], condition.n_items
        assert n == max(rows["rank_a"].max(), rows["rank_b"].max()) + 1
        mean = rows.groupby(["rank_a", "rank_b"])["logit_diff"].mean()
        for (i, j), value in mean.items():
            assert condition.margins[i, j] == pytest.approx(value, rel=1e-12)
        assert condition.seed_margins.shape == (len(condition.seeds), n, n)
        seed = condition.seeds[0]
        of_seed = rows[rows["seed"] == seed].groupby(["rank_a", "rank_b"])["logit_diff"].mean()
        assert condition.seed_margins[0, 0, 1] == pytest.approx(of_seed[0, 1], rel=1e-12)
        trained = rows[rows["is_train"]]
        assert condition.graph.n_pairs == len(
            {tuple(sorted(p)) for p in zip(trained["rank_a"], trained["rank_b"], strict=True)}
        )
        assert condition.task is not None and condition.task.exceptions == condition.exceptions
        fit = caveat.fit(condition.task, condition.margins)
        low, high = caveat.bootstrap(condition.task, condition.seed_margins, replicates=200).conjunctivity
        assert np.isnan(fit.conjunctivity) or low <= high


def test_fits_of_files_are_fits_of_their_conditions(own: Path) -> None:
    fits = caveat.fit_trials(own, bootstrap=0)
    table, conditions = fits.table, caveat.read_conditions([own])
    assert len(table) == len(conditions) and fits.pairs is None
    by_key = {
        tuple(map(str, (c.key["setting"], c.key["task"], c.key["hier"], c.key.get("lora_r"), c.key.get("l2_reg")))): c
        for c in conditions
    }
    missing = lambda value: None if np.isnan(value) else value
    for row in range(0, len(table), max(1, len(table) // 6)):
        key = (
            table["setting"][row],
            table["task"][row],
            table["hier"][row],
            missing(table["lora_r"][row]),
            missing(table["l2_reg"][row]),
        )
        condition = by_key[tuple(map(str, key))]
        fit = caveat.fit(condition.graph, condition.margins)
        assert table["conjunctivity"][row] == pytest.approx(fit.conjunctivity, rel=1e-6, nan_ok=True)
        assert table["r_squared"][row] == pytest.approx(fit.r_squared, rel=1e-9, nan_ok=True)
    predicted = caveat.fit_trials(own, train=["ti_n9"], test=["exc_mid_n9"], bootstrap=0)
    assert predicted.pairs is not None and len(predicted.pairs) == 36 * len(predicted.table) and predicted.notes
    compared = caveat.fit_trials(own, by=["setting", "hier"], compare=True, folds=3, bootstrap=0)
    assert len(compared.table) > 0


def test_summaries_are_what_pandas_groups(own: Path) -> None:
    table = caveat.summarize_trials(own, ["setting", "hier"], where=["phase=post"])
    frame = pd.read_parquet(own)
    frame = frame[frame["phase"] == "post"]
    for row in range(len(table)):
        if table["class"][row] != "premise":
            continue
        of = (frame["setting"] == table["setting"][row]) & (frame["hier"] == table["hier"][row])
        premise = frame[
            of & frame["is_train"] & ~frame["is_exception"] & ((frame["rank_a"] - frame["rank_b"]).abs() == 1)
        ]
        if table["hier"][row].startswith("ti"):
            assert table["n"][row] == len(premise)
            assert table["accuracy"][row] == pytest.approx(premise["correct"].mean(), abs=1e-12)
    placed = caveat.placements(own, where=["setting=full", "hier=ti_n9"])
    assert set(placed["class"]) >= {"premise"} and ((placed["probability"] >= 0) & (placed["probability"] <= 1)).all()
    assert len(caveat.check_trials(own)) == 0


def test_figures_of_trials_are_drawn(own: Path) -> None:
    for draw in (
        caveat.figures.study,
        caveat.figures.placements,
        caveat.figures.observed_margins,
        caveat.figures.fitted_margins,
        caveat.figures.predicted_margins,
    ):
        figure = draw(own)
        assert figure._repr_svg_().startswith("<svg") and len(figure.table) > 0


def test_figures_hold_the_conjunctivities_that_are_fitted_and_measured(own: Path) -> None:
    shown = caveat.figures.model_conjunctivity(own).table["conjunctivity"]
    fitted = caveat.fit_trials(own, bootstrap=0).table["conjunctivity"]
    assert len(shown) > 0 and np.isin(shown.round(9), fitted.round(9)).all()
    file = own.parent / "geometry.json"
    table, frame = caveat.figures.hidden_states(file).table.to_pandas(), pd.read_json(file, precise_float=True)
    runs = table[(table["mark"] == "run") & (table["measure"] == "conjunctivity")]
    for kernel, phase in [("before", "pre"), ("after", "post")]:
        shown = runs.loc[runs["kernel"] == kernel, "value"]
        measured = frame.loc[(frame["phase"] == phase) & (frame["kernel"] == "cosine"), "conjunctivity"]
        assert len(shown) > 0
        np.testing.assert_array_equal(np.sort(shown), np.sort(measured))


def test_tables_of_hidden_states_are_read_as_pandas_reads_them(own: Path) -> None:
    file = own.parent / "geometry.json"
    table, frame = caveat.run_geometry(file), pd.read_json(file, precise_float=True)
    assert table.column_names == list(frame.columns) and len(table) == len(frame) > 0
    pd.testing.assert_frame_equal(table.to_pandas(), frame, check_dtype=False, check_exact=True)


CHOICES = """subject,winner,loser,first
s1,A,B,A
s1,A,B,B
s1,C,B,B
s2,B,C,C
s2,A,C,A
s2,C,A,C
"""


def test_choices_are_read_and_fitted(tmp_path: Path) -> None:
    path = tmp_path / "choices.csv"
    path.write_text(CHOICES)
    table = caveat.read_choices(path, items=["A", "B", "C"])
    frame = pd.read_csv(path)
    rank = {"A": 0, "B": 1, "C": 2}
    other = np.where(frame["first"] == frame["winner"], frame["loser"], frame["winner"])
    assert table["first"].tolist() == [rank[name] for name in frame["first"]]
    assert table["second"].tolist() == [rank[name] for name in other]
    assert table["first_chosen"].tolist() == (frame["first"] == frame["winner"]).astype(float).tolist()
    assert list(table["subject"]) == frame["subject"].tolist()
    fit = caveat.fit_choice_file(path, items=["A", "B", "C"], bootstrap=0)
    pairs = np.column_stack([table["first"], table["second"]])
    direct = caveat.fit_choices(caveat.TransitiveTask(3), pairs, table["first_chosen"], table["trials"])
    assert fit.table["log_likelihood"][0] == pytest.approx(direct.log_likelihood, rel=1e-9)
    figure = caveat.figures.choices(path, items=["A", "B", "C"])
    assert figure.name == "choices-by-pair" and len(figure.table) == 3
    assert caveat.figures.distance(path, items=["A", "B", "C"]).name == "distance-and-position"
    renamed = tmp_path / "renamed.csv"
    renamed.write_text(CHOICES.replace("winner", "chosen").replace("loser", "other"))
    again = caveat.read_choices(
        renamed, {"winner": "chosen", "loser": "other", "first": "first"}, items=["A", "B", "C"]
    )
    assert again["first_chosen"].tolist() == table["first_chosen"].tolist()


def test_published_choices_are_fitted(behavior: Path) -> None:
    monkeys = caveat.fit_choice_file(behavior / "jensen2015_monkeys.csv", preset="jensen2015-monkeys", bootstrap=0)
    assert len(monkeys.table) == 1 and "reconstructed" in monkeys.notes[0]
    rows = caveat.read_choices(behavior / "jensen2015_monkeys.csv", preset="jensen2015-monkeys")
    assert rows["trials"].sum() == monkeys.table["n_trials"][0]
    assert caveat.figures.distance(behavior / "jensen2015_humans.csv", preset="jensen2015-humans").table.column_names


def test_published_tables_are_read_and_fitted(published: Path) -> None:
    path = sorted(published.rglob("ti_n9__fake.parquet"))[0]
    frame = pd.read_parquet(path, columns=["seed", "logit_diff"])
    table = caveat.read_trials([path], ["seed", "logit_diff"])
    np.testing.assert_array_equal(table["logit_diff"], frame["logit_diff"])
    conditions = caveat.read_conditions([path])
    assert {c.n_items for c in conditions} == {9}
    fits = caveat.fit_trials(path, bootstrap=0).table
    assert len(fits) == len(conditions)


def write_lists(path: Path) -> None:
    """Choices of two conditions: five items, and eight with the exception 5 3."""
    rows = ["condition,subject,winner,loser,count"]
    for condition, task in [("short", caveat.TransitiveTask(5)), ("caught", caveat.TransitiveTask(8, [(5, 3)]))]:
        margins = 3 * caveat.solve(task, caveat.ExchangeableKernel(0.2), c=6.0).margins
        for subject in range(3):
            for i in range(task.n_items):
                for j in range(i + 1, task.n_items):
                    wins = round(100 / (1 + np.exp(-margins[i, j])))
                    rows += [f"{condition},s{subject},{i},{j},{wins}"] if wins else []
                    rows += [f"{condition},s{subject},{j},{i},{100 - wins}"] if wins < 100 else []
    path.write_text("\n".join(rows) + "\n")


def test_conditions_have_tasks_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "lists.csv"
    write_lists(path)
    exception = caveat.TransitiveTask(8, [(5, 3)])
    tables = [
        caveat.fit_choice_file(path, by=["condition"], tasks=tasks, bootstrap=0).table
        for tasks in (
            {"caught": exception, "short": caveat.TransitiveTask(5)},
            {"caught": "8:5-3", "short": 5},
            {"caught": exception},
            {"short": 5, None: "8:5-3"},
        )
    ]
    for table in tables:
        assert list(table["task"]) == ["5", "8:5-3"]
        assert table["conjunctivity"] == pytest.approx([0.2, 0.2], abs=0.03)
        np.testing.assert_array_equal(table["conjunctivity"], tables[0]["conjunctivity"])
    lines = path.read_text().splitlines()
    parts = [tmp_path / "a.csv", tmp_path / "b.csv"]
    parts[0].write_text("\n".join(lines[:20]) + "\n")
    parts[1].write_text("\n".join([lines[0], *lines[20:]]) + "\n")
    again = caveat.fit_choice_file(parts, by=["condition"], tasks={"caught": exception}, bootstrap=0).table
    np.testing.assert_array_equal(again["conjunctivity"], tables[0]["conjunctivity"])
    assert len(caveat.read_choices(parts)) == len(caveat.read_choices(path)) == len(lines) - 1
    figure = caveat.figures.choices(path, by=["condition"], tasks={"caught": exception})
    assert len(figure.table) == 10 + 28
    with pytest.raises(ValueError, match="no such condition"):
        caveat.fit_choice_file(path, by=["condition"], tasks={"nothing": 5})
    with pytest.raises(ValueError, match="add condition to by="):
        caveat.fit_choice_file(path)
    with pytest.raises(ValueError, match="2 conditions"):
        caveat.fit_choice_file(path, by=["condition"], exceptions=[(5, 3)])
    with pytest.raises(ValueError, match=r"tasks\['short'\]: expected every trained pair equally often"):
        caveat.fit_choice_file(path, tasks={"short": caveat.TransitiveTask(5, order="higher-first")})
    with pytest.raises(TypeError, match=r"tasks\['short'\]: expected a TransitiveTask"):
        caveat.fit_choice_file(path, tasks={"short": 5.5})  # type: ignore[dict-item]


def test_the_opposite_order_is_told(tmp_path: Path) -> None:
    path = tmp_path / "turned.csv"
    write_lists(path)
    lines = path.read_text().splitlines()
    turned = lines[0].replace("winner,loser", "loser,winner")
    path.write_text("\n".join([turned, *lines[1:]]) + "\n")
    with pytest.raises(ValueError, match="opposite order"):
        caveat.fit_choice_file(path, by=["condition"], tasks={"caught": "8:5-3"})
    # Of one condition only, it is a warning.
    short = [turned] + [line for line in lines[1:] if line.startswith("short")]
    path.write_text("\n".join(short) + "\n")
    right = tmp_path / "right.csv"
    right.write_text("\n".join([lines[0]] + [line for line in lines[1:] if line.startswith("caught")]) + "\n")
    with pytest.warns(UserWarning, match="condition short: the choices speak for the opposite order"):
        mixed = caveat.fit_choice_file([path, right], by=["condition"], tasks={"caught": "8:5-3"}, bootstrap=0)
    assert "opposite order" in mixed.notes[0]
