"""ComparisonRidge as scikit-learn wants its estimators, and against scikit-learn's own regressions."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
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
        trials = np.column_stack([first, second])
        if reset:
            self.names_ = trials
        else:
            # Items of new trials are some of the fitted ones.
            trials = np.where(np.isin(trials, self.items_), trials, self.items_[0])
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
    always = ComparisonRidge().fit([[0, 1], [1, 2]], [1, 1])
    assert always.classes_.tolist() == [-1, 1] and always.predict([[2, 0], [0, 2]]).tolist() == [-1, 1]
    flags = ComparisonRidge().fit([[0, 1], [2, 1]], [True, False])
    assert flags.predict([[0, 2], [2, 0]]).tolist() == [True, False]


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
