"""ComparisonRidge as scikit-learn wants its estimators, and against scikit-learn's own regressions."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

from caveat.sklearn import ComparisonRidge
from reference import one_hot_kernel, random_graph

# Checks that cannot apply, as scikit-learn draws X at random; the rest must pass.
NO_TRIALS = "rows of X are random numbers: they have another number of columns than two, or name an item twice"
NO_DIFFERENCES = "rows of X are random numbers, not one 1, one -1 and zeros"
EVERYWHERE = """
check_fit_score_takes_y check_estimators_overwrite_params check_dont_overwrite_parameters check_estimators_fit_returns_self
check_readonly_memmap_input check_n_features_in_after_fitting check_positive_only_tag_during_fit check_estimators_dtypes
check_sample_weights_pandas_series check_sample_weights_not_an_array check_sample_weights_list check_sample_weights_not_overwritten
check_sample_weight_equivalence_on_dense_data check_dtype_object check_pipeline_consistency check_estimators_pickle
check_f_contiguous_array_estimator check_classifier_data_not_an_array check_classifiers_one_label
check_classifiers_one_label_sample_weights check_classifiers_classes check_classifiers_train check_supervised_y_2d
check_methods_sample_order_invariance check_methods_subset_invariance check_fit2d_1sample check_dict_unchanged check_fit_idempotent
check_fit_check_is_fitted check_n_features_in check_fit2d_predict1d check_estimators_nan_inf check_sample_weights_shape
""".split()
INAPPLICABLE = {
    "labels": dict.fromkeys([c for c in EVERYWHERE if c != "check_fit2d_1sample"], NO_TRIALS),
    "differences": dict.fromkeys([*EVERYWHERE, "check_fit2d_1feature"], NO_DIFFERENCES),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("encoding", ["labels", "differences"])
def test_it_passes_the_checks_that_its_input_allows(encoding: str) -> None:
    expected = INAPPLICABLE[encoding]
    results = check_estimator(
        ComparisonRidge(encoding=encoding), expected_failed_checks=expected, on_fail=None, on_skip=None
    )
    failed = [f"{r['check_name']}: {r['exception']}" for r in results if r["status"] == "failed"]
    assert not failed, "\n".join(failed)
    # None is listed that would pass.
    assert {r["check_name"] for r in results if r["status"] == "xfail"} == set(expected)


class AnyNumbers(ComparisonRidge):
    """Reads any X of numbers as trials of six items, so that scikit-learn's checks of all else can run."""

    def __init__(
        self, conjunctivity: float = 0.3, c: float = 10.0, *, loss: str = "logistic", encoding: str = "labels"
    ) -> None:
        super().__init__(conjunctivity, c, loss=loss, encoding=encoding)

    def _validated(self, X: Any, y: Any = "no_validation", *, reset: bool) -> Any:
        checked = super()._validated(X, y, reset=reset)
        X = checked[0] if isinstance(checked, tuple) else checked
        first = np.floor(np.abs(np.asarray(X[:, 0], dtype=float)) * 7) % 6
        second = (first + 1 + np.floor(np.abs(np.asarray(X[:, -1], dtype=float)) * 11) % 5) % 6
        # Items that no check has for classes, which would be taken for names of winners.
        trials = np.column_stack([first, second]) + 10
        if reset:
            self.names_ = trials
        else:
            # Items of new trials are two of the fitted ones.
            known = np.isin(trials, self.items_).all(axis=1)
            trials = np.where(known[:, None], trials, self.items_[:2])
        return (trials, checked[1]) if isinstance(checked, tuple) else trials


NO_LABELS = "its targets are predicted from random numbers, which do not tell them"
NO_MEANING = {
    "check_classifiers_train": NO_LABELS,
    "check_classifiers_classes": NO_LABELS,
}


@pytest.mark.filterwarnings("ignore")
def test_it_keeps_the_rest_of_the_contract() -> None:
    results = check_estimator(AnyNumbers(), expected_failed_checks=NO_MEANING, on_fail=None, on_skip=None)
    failed = [f"{r['check_name']}: {r['exception']!r}" for r in results if r["status"] == "failed"]
    assert not failed, "\n".join(failed)
    assert sum(r["status"] == "passed" for r in results) > 50


def trials(seed: int, n_items: int = 8, count: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Trials of some items, their targets, and their weights."""
    winners, losers, weights = random_graph(n_items, count, seed)
    shown = np.random.default_rng(seed + 1).random(count) < 0.5
    return (
        np.where(shown[:, None], np.column_stack([winners, losers]), np.column_stack([losers, winners])),
        np.where(shown, 1, -1),
        weights,
    )


@pytest.mark.parametrize(("conjunctivity", "c"), [(0.0, 1.0), (0.3, 10.0), (1.0, 2.0)])
def test_margins_are_those_of_kernel_ridge_on_both_orders(conjunctivity: float, c: float) -> None:
    X, y, weights = trials(1)
    model = ComparisonRidge(conjunctivity, c).fit(X, y, weights)
    both = [tuple(map(int, pair)) for pair in [*X, *X[:, ::-1]]]
    every = [(i, j) for i in range(8) for j in range(8) if i != j]
    ridge = KernelRidge(alpha=1 / c, kernel="precomputed")
    ridge.fit(one_hot_kernel(conjunctivity, both, both), [*y, *-y], sample_weight=[*weights, *weights])
    expected = ridge.predict(one_hot_kernel(conjunctivity, every, both))
    np.testing.assert_allclose(model.decision_function(every), expected, atol=1e-11)
    np.testing.assert_array_equal(model.predict(every), np.where(model.decision_function(every) > 0, 1, -1))
    assert model.score(X, y, weights) == pytest.approx(np.average(model.predict(X) == y, weights=weights))


def test_additive_ridge_and_logistic_regression_are_linear_models_of_differences() -> None:
    X, y, weights = trials(2)
    differences = np.eye(8)[X[:, 0]] - np.eye(8)[X[:, 1]]
    ours = ComparisonRidge(0.0, 3.0, encoding="differences").fit(differences, y, weights)
    # Half of the squared differences is the kernel of both positions.
    linear = Ridge(alpha=2 / 3.0, fit_intercept=False).fit(differences, y, sample_weight=weights)
    np.testing.assert_allclose(ours.ranks_, linear.coef_, atol=1e-10)
    np.testing.assert_allclose(ours.decision_function(differences), linear.predict(differences), atol=1e-10)
    odds = ComparisonRidge(0.0, 3.0, loss="logistic", encoding="differences").fit(differences, y, weights)
    logistic = LogisticRegression(C=1.5, fit_intercept=False, tol=1e-12, max_iter=10_000, solver="newton-cholesky")
    logistic.fit(differences, y, sample_weight=weights)
    np.testing.assert_allclose(odds.predict_proba(differences), logistic.predict_proba(differences), atol=1e-6)


def test_labels_and_classes_may_be_anything_of_two_kinds() -> None:
    names = np.array(["ant", "bee", "cow", "dog", "emu", "fox", "gnu", "hen"])
    X, y, _ = trials(3)
    numbers = ComparisonRidge(0.2, 5.0).fit(X, y)
    for text in (names[X], names[X].astype(object), pd.DataFrame(names[X], columns=["shown", "other"])):
        named = ComparisonRidge(0.2, 5.0).fit(text, np.where(y > 0, "yes", "no"))
        np.testing.assert_allclose(named.decision_function(text), numbers.decision_function(X), atol=1e-13)
        assert named.classes_.tolist() == ["no", "yes"] and set(named.predict(text)) <= {"no", "yes"}
        assert named.items_.tolist() == names.tolist()
    assert named.feature_names_in_.tolist() == ["shown", "other"]
    always = ComparisonRidge().fit([[0, 2], [2, 3]], [1, 1])
    assert always.classes_.tolist() == [-1, 1] and always.predict([[3, 0], [0, 3]]).tolist() == [-1, 1]
    flags = ComparisonRidge().fit([[0, 1], [2, 1]], [True, False])
    assert flags.predict([[0, 2], [2, 0]]).tolist() == [True, False]


def test_an_item_against_itself_is_no_trial_to_predict() -> None:
    names = np.array(["ant", "bee", "cow", "dog", "emu", "fox", "gnu", "hen"])
    X, y, _ = trials(3)
    for of, same in ((X, [[1, 2], [0, 0]]), (names[X], [["bee", "cow"], ["ant", " ant"]])):
        model = ComparisonRidge(0.2, 5.0, loss="logistic").fit(of, y)
        for method in (model.decision_function, model.predict, model.predict_proba):
            with pytest.raises(ValueError, match=r"X\[1\]: item (0|'ant') is compared with itself: a trial needs two"):
                method(same)


@pytest.mark.parametrize(
    "columns", [("first", "second"), ("item_a", "item_b"), ("Left", "Right"), ("model_a", "model_b"), ("a", "b")]
)
def test_columns_that_are_called_first_and_second_are_those(columns: tuple[str, str]) -> None:
    X, y, _ = trials(3)
    expected = ComparisonRidge(0.2, 5.0).fit(X, y).decision_function(X)
    frame = pd.DataFrame(X, columns=list(columns))
    for make in (lambda table: table, lambda table: pl.DataFrame(table.to_dict("list"))):
        for turned in (False, True):
            table = make(frame[[*columns][::-1]] if turned else frame)
            model = ComparisonRidge(0.2, 5.0).fit(table, y)
            for shown in (table, make(frame), make(frame[[*columns][::-1]])):
                np.testing.assert_allclose(model.decision_function(shown), expected, atol=1e-13)
    for names in (["second", "shown"], ["shown", "first"], ["item_2", "first"]):
        with pytest.raises(ValueError, match=f"X: the columns '{names[0]}' and '{names[1]}' don't tell which item is"):
            ComparisonRidge().fit(frame.set_axis(names, axis=1), y)


def test_masked_trials_targets_and_weights_are_missing() -> None:
    X, y, weights = trials(3)
    model = ComparisonRidge(0.2, 5.0).fit(X, y)
    mask = np.zeros(X.shape, dtype=bool)
    mask[4, 1] = True
    masked = np.ma.masked_array(X, mask)
    for call, words in [
        (lambda: model.fit(masked, y), r"X\[4, 1\]: it is masked"),
        (lambda: model.decision_function(masked), r"X\[4, 1\]: it is masked"),
        (lambda: model.fit(X, np.ma.masked_array(y, mask[:, 1])), r"y\[4\]: the target is masked"),
        (lambda: model.fit(X, y, np.ma.masked_array(weights, mask[:, 1])), "sample_weight contains NaN"),
    ]:
        with pytest.raises(ValueError, match=words):
            call()
    whole = ComparisonRidge(0.2, 5.0).fit(np.ma.masked_array(X), np.ma.masked_array(y))
    np.testing.assert_array_equal(whole.ranks_, ComparisonRidge(0.2, 5.0).fit(X, y).ranks_)


#: What says that the first item wins, and what that the second does.
MEANINGS: list[tuple[Any, Any]] = [
    (True, False), (1, -1), (1, 0), (1.0, -1.0), (1.0, 0.0), (1, 2), (1.0, 2.0), ("1", "-1"), ("1", "0"), ("1", "2"), ("1.0", "0.0"),
    ("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT"), ("L", "R"), ("ArrowLeft", "ArrowRight"), ("left_wins", "right_wins"),
    ("first", "second"), ("first item", "second item"), ("one", "two"), ("a", "b"), ("A", "B"), ("model_a", "model_b"), ("Model A", "Model B"),
    ("modelA", "modelB"), ("item1", "item2"), ("player-1", "player-2"), ("true", "false"), ("yes", "no"), ("y", "n"), ("win", "loss"),
    ("Won", "Lost"), ("winner", "loser"),
]  # fmt: skip

#: Targets in every shape that they are kept in.
SHAPES: dict[str, Any] = {
    "a list": lambda first, yes, no: [yes if wins else no for wins in first],
    "an array": lambda first, yes, no: np.where(first, yes, no),
    "an array of objects": lambda first, yes, no: np.where(first, yes, no).astype(object),
    "a column": lambda first, yes, no: pd.Series(np.where(first, yes, no)),
    "categories": lambda first, yes, no: pd.Categorical(
        np.where(first, yes, no).tolist(), categories=[yes, no], ordered=True
    ),
    "a column of categories": lambda first, yes, no: pd.Series(
        pd.Categorical(np.where(first, yes, no).tolist(), categories=[no, yes], ordered=True)
    ),
    "a nullable column": lambda first, yes, no: pd.Series(np.where(first, yes, no)).convert_dtypes(),
    "polars": lambda first, yes, no: pl.Series(np.where(first, yes, no).tolist()),
}


#: Trials of the items 0, 1 and 2 that say so in this order.
SHOWN = np.array([[0, 1], [1, 2], [0, 2], [2, 1], [0, 1], [2, 0]])
FIRST = SHOWN[:, 0] < SHOWN[:, 1]

#: Names of items, highest first; words and numbers that are classes elsewhere must not be mistaken for them here.
ITEMS: list[list[Any]] = [
    ["A", "B", "C"],
    ["left", "right", "up"],
    ["yes", "win", "no"],
    [0, 1, 2],
    [2, 1, 0],
    [-1, 1, 0],
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("yes", "no"), MEANINGS)
def test_ranks_and_predictions_are_of_one_order_for_every_form_of_y(shape: str, yes: Any, no: Any) -> None:
    for items in ITEMS:
        hold_to_one_order(items, SHAPES[shape](FIRST, yes, no), yes, no)


def hold_to_one_order(items: list[Any], y: Any, yes: Any, no: Any) -> None:
    """Holds ranks, margins, probabilities and classes of fits to y to the order of the items."""
    X = np.array(items)[SHOWN]
    every = [(i, j) for i in items for j in items if i != j]
    plain = ComparisonRidge(0.1, 10.0).fit(X, FIRST)
    for loss in ("squared", "logistic"):
        model = ComparisonRidge(0.1, 10.0, loss=loss).fit(X, y)
        ranks = dict(zip(model.items_.tolist(), model.ranks_.tolist()))
        assert sorted(items, key=ranks.__getitem__, reverse=True) == items
        assert model.first_wins_ == yes and sorted(model.classes_.tolist()) == sorted([yes, no])
        assert model.predict(every).tolist() == [yes if ranks[i] > ranks[j] else no for i, j in every]
        # As everywhere in scikit-learn: positive for the second class.
        decided = model.classes_[(model.decision_function(every) > 0).astype(int)]
        assert decided.tolist() == model.predict(every).tolist()
        if loss == "logistic":
            likely = model.classes_[model.predict_proba(every).argmax(axis=1)]
            assert likely.tolist() == model.predict(every).tolist()
        else:
            np.testing.assert_allclose(model.ranks_, plain.ranks_, atol=1e-14)


#: Names of three items, highest first, and how y spells them.
NAMED: dict[str, tuple[list[Any], list[Any]]] = {
    "letters, which are words for places, too": (["A", "B", "C"], ["A", "B", "C"]),
    "letters in the other order": (["C", "B", "A"], ["C", "B", "A"]),
    "in other capitals": (["A", "B", "C"], ["a", "b", "c"]),
    "words for places": (["left", "right", "up"], ["left", "right", "up"]),
    "words for outcomes": (["no", "yes", "loss"], ["no", "yes", "loss"]),
    "words that say nothing": (["ant", "bee", "cow"], ["ant", "bee", "cow"]),
    "numbers": ([0, 1, 2], [0, 1, 2]),
    "numbers the other way": ([1, 0, 7], [1, 0, 7]),
    "numbers with a sign": ([-1, 1, 0], [-1, 1, 0]),
    "integers and floats": ([1, 2, 3], [1.0, 2.0, 3.0]),
    "numbers as text": ([1, 2, 3], ["1", "2", "3"]),
    "text as numbers": (["1", "2.0", "3"], [1, 2, 3]),
    "text with spaces": (["A", "B", "C"], ["A ", " B", "C"]),
    "letters with their marks apart": (["caf\u00e9", "b", "c"], ["cafe\u0301", "b", "c"]),
}


@pytest.mark.parametrize("encoding", ["labels", "differences"])
@pytest.mark.parametrize("name", NAMED)
def test_names_of_winners_are_refused_with_what_to_give_instead(name: str, encoding: str) -> None:
    items, spelled = NAMED[name]
    winner = SHOWN.min(axis=1)
    X: Any = np.array(items)[SHOWN]
    if encoding == "differences":
        # Columns have names only if they are text; without, an item is the index of its column.
        X = np.eye(3)[SHOWN[:, 0]] - np.eye(3)[SHOWN[:, 1]]
        if isinstance(items[0], str):
            X = pd.DataFrame(X, columns=items)
        else:
            spelled = [0, 1, 2]
    model = ComparisonRidge(0.1, 10.0, encoding=encoding)
    # Of one, of two or of three names: of all trials, of those that A or B wins, and of those of one winner.
    for rows in (np.arange(6), np.array([0, 1, 3, 4]), np.flatnonzero(winner == 0), np.flatnonzero(winner == 1)):
        some = X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]
        named = np.array(spelled)[winner[rows]]
        for y in (named, named.tolist(), named.astype(object), pd.Series(named), pd.Series(named).astype("category")):
            with pytest.raises(
                ValueError, match=r"^y: every target is one of the two items of its trial.* If it does, give"
            ):
                model.fit(some, y)
    if encoding == "labels" and items == spelled:
        # What the message says is right.
        hold_to_one_order(items, np.asarray(X)[:, 0] == np.array(spelled)[winner], True, False)
    # A trial without weight does not count.
    with pytest.raises(ValueError, match="every target is one of the two items"):
        model.fit(X, np.array(spelled)[[*winner[:-1], 1]], [1, 1, 1, 1, 1, 0])


def test_classes_that_are_called_as_items_must_be_told() -> None:
    for items, yes, no in [
        (["left", "right"], "left", "right"),
        (["A", "B"], "B", "A"),
        ([0, 1], 1, 0),
        ([0, 1], 0, 1),
    ]:
        X = np.array(items)[[[0, 1], [1, 0], [0, 1]]]
        first = np.array([True, False, True])
        y = np.where(first, yes, no)
        with pytest.raises(ValueError, match="if one class always says that the first item wins, say first_wins="):
            ComparisonRidge().fit(X, y)
        model = ComparisonRidge(first_wins=yes).fit(X, y)
        assert model.items_[model.ranks_.argmax()] == items[0] and model.predict(X).tolist() == y.tolist()
    # So must a class that every trial happens to show; one trial that does not show it tells.
    assert ComparisonRidge().fit([[0, 1], [2, 3], [1, 2]], [1, 1, 1]).ranks_.argmax() == 0
    with pytest.raises(
        ValueError, match=r"every target is one of .*; if 1 always says that the first item wins, say first_wins=1"
    ):
        ComparisonRidge().fit([[0, 1], [1, 2]], [1, 1])
    assert ComparisonRidge(first_wins=1).fit([[0, 1], [1, 2]], [1, 1]).ranks_.argmax() == 0


def test_words_of_unknown_meaning_must_be_told() -> None:
    X, first = [["A", "B"], ["B", "C"], ["C", "A"]], np.array([True, True, False])
    for yes, no in [
        ("face", "house"), ("reject_a", "reject_b"), ("loser_1", "loser_2"), ("item_0", "item_1"), ("correct", "wrong"), (3, 2), (2, 3),
        (10, 5), ("0", "2"), ("b", "d"),
    ]:  # fmt: skip
        y = np.where(first, yes, no)
        with pytest.raises(ValueError, match=r"y: which of .* says that the first item wins\? Say first_wins="):
            ComparisonRidge().fit(X, y)
        for told, top in ((yes, "A"), (no, "C")):
            model = ComparisonRidge(first_wins=told).fit(X, y)
            assert model.items_[model.ranks_.argmax()] == top and model.first_wins_ == told
            assert model.predict(X).tolist() == y.tolist()
    # Told otherwise, known words mean what they are told to.
    model = ComparisonRidge(first_wins=0).fit(X, np.where(first, 0, 1))
    assert model.items_[model.ranks_.argmax()] == "A" and model.predict([["A", "C"]]).tolist() == [0]
    assert clone(model).get_params()["first_wins"] == 0
    for told in ("fac", 1, None):
        with pytest.raises(ValueError, match="first_wins"):
            ComparisonRidge(first_wins=told).fit(X, np.where(first, "face", "house"))
    always = ComparisonRidge().fit([["A", "B"], ["B", "C"]], [True, True])
    assert always.predict([["A", "C"], ["C", "A"]]).tolist() == [True, False]


def test_it_works_in_searches_and_pipelines() -> None:
    random = np.random.default_rng(0)
    X = np.array([(i, j) for i in range(9) for j in range(9) if i != j] * 6)
    y = np.where(random.random(len(X)) < 1 / (1 + np.exp(-(X[:, 1] - X[:, 0]))), 1, -1)
    search = GridSearchCV(ComparisonRidge(), {"conjunctivity": [0.0, 0.5, 1.0], "c": [0.1, 10.0]}, cv=4)
    search.fit(X, y)
    assert search.best_params_["conjunctivity"] < 1.0 and search.best_score_ > 0.75
    pipeline = make_pipeline(FunctionTransformer(lambda X: 8 - X), ComparisonRidge(0.1))
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.75
    nested = GridSearchCV(pipeline, {"comparisonridge__c": [1.0, 100.0]}, cv=3).fit(X, y)
    assert nested.predict(X).shape == y.shape
    model = ComparisonRidge(0.2, 7.0).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.decision_function(X), model.decision_function(X))
    assert clone(model).get_params() == model.get_params()


BAD = {
    "an unknown label": (
        lambda m: m.predict([["ant", "bee"], ["bee", "yak"]]),
        r"X\[1, 1\]: item 'yak' is unknown: 3 items were fitted, 'ant' to 'cow'",
    ),
    "a number among names": (lambda m: m.predict([[1, 2]]), r"X\[0, 0\]: item 1 is unknown"),
    "three columns": (lambda m: m.fit([["a", "b", "c"]], [1]), "X: expected 2 columns, .* got 3 feature"),
    "an item against itself": (
        lambda m: m.fit([["a", "b"], ["b", "b"]], [1, 1]),
        r"X\[1\]: item 'b' is compared with itself",
    ),
    "three classes": (lambda m: m.fit([["a", "b"]] * 3, [1, 2, 3]), "Only binary classification is supported"),
    "one class that says nothing": (lambda m: m.fit([["a", "b"]], [7]), "got only one class, 7"),
    "targets that are NaN": (lambda m: m.fit([["a", "b"]] * 2, [1, float("nan")]), "NaN"),
    "a target that is missing": (lambda m: m.fit([["a", "b"]] * 2, ["left", None]), r"y\[1\]: the target is missing"),
    "labels that are NaN": (lambda m: m.fit([[0.0, float("nan")]], [1]), "X contains NaN"),
    "negative weights": (lambda m: m.fit([["a", "b"]], [1], [-1]), "(?i)negative"),
    "no weight": (lambda m: m.fit([["a", "b"]], [1], [0]), "zero"),
    "a label that is missing": (lambda m: m.fit([["a", "NA"]], [1]), r"X\[0, 1\]: the label is missing"),
    "an unknown loss": (lambda m: m.set_params(loss="hinge").fit([["a", "b"]], [1]), "loss: 'hinge' is unknown"),
    "an unknown encoding": (lambda m: m.set_params(encoding="x").fit([["a", "b"]], [1]), "encoding: 'x' is unknown"),
    "too conjunctive": (
        lambda m: m.set_params(conjunctivity=2.0).fit([["a", "b"]], [1]),
        "conjunctivity = 2 is out of range",
    ),
    "no regularization": (lambda m: m.set_params(c=0.0).fit([["a", "b"]], [1]), "C = 0 is out of range"),
    "no differences": (
        lambda m: m.set_params(encoding="differences").fit([[1, -1, 1]], [1]),
        r"X\[0\]: expected one 1",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_trials_are_refused_in_words(name: str) -> None:
    call, words = BAD[name]
    with pytest.raises(ValueError, match=words):
        call(ComparisonRidge().fit([["ant", "bee"], ["bee", "cow"]], [1, 1]))


def test_probabilities_are_for_logistic_regression() -> None:
    assert not hasattr(ComparisonRidge(), "predict_proba")
    model = ComparisonRidge(loss="logistic").fit([["ant", "bee"], ["bee", "cow"]], [1, 1])
    np.testing.assert_allclose(model.predict_proba([["ant", "cow"]]).sum(axis=1), 1.0)
