"""The theory's kernel regression as a scikit-learn estimator, for trials that compare two items.

>>> import numpy as np
>>> from caveat.sklearn import ComparisonRidge
>>> X = [["ant", "bee"], ["bee", "cow"], ["cow", "dog"]]
>>> model = ComparisonRidge(conjunctivity=0.1, c=100.0).fit(X, [1, 1, 1])
>>> model.predict([["ant", "dog"], ["dog", "bee"]])
array([ 1, -1])
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from caveat import _comparisons
from caveat._lib import ComparisonGraph, ExchangeableKernel, label_key, logistic, solve

__all__ = ["ComparisonRidge"]


class ComparisonRidge(ClassifierMixin, BaseEstimator):
    """Kernel ridge regression on comparisons of items, with a representation of chosen conjunctivity.

    A trial shows two items, and its target says which of them wins. Ranks of all items and what is remembered of
    trained pairs follow in closed form or from one sparse system; no kernel matrix is made. With ``conjunctivity=0``
    this is ridge regression on differences of one-hot items, with ``conjunctivity=1`` only trained pairs are known.

    Parameters
    ----------
    conjunctivity : float, default=0.0
        α, from 0 (additive) to 1 (conjunctive).
    c : float, default=1.0
        Inverse regularization, 1/ridge of the kernel with K(x, x) = 1; infinite for none.
    loss : {"squared", "logistic"}, default="squared"
        Logistic regression, with ``predict_proba``, in place of ridge regression.
    encoding : {"labels", "differences"}, default="labels"
        How ``X`` tells the items: two columns of labels (numbers or text), or one column an item with 1 for the item
        shown first, −1 for the other and 0 elsewhere.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The second class, the larger one, says that the first item wins. Targets that are all 1 or all −1 have the
        classes −1 and 1.
    items_ : ndarray of shape (n_items,)
        The items: labels, or columns of differences.
    ranks_ : ndarray of shape (n_items,)
        Their ranks; a larger one wins.
    solution_ : Solution
        The solution itself.
    n_features_in_ : int
        Number of columns of ``X``.

    Examples
    --------
    >>> model = ComparisonRidge(conjunctivity=0.2, c=10.0)
    >>> X = [[i, i + 1] for i in range(8)] + [[5, 3]]
    >>> model.fit(X, np.ones(9)).score(X, np.ones(9))
    1.0
    >>> model.decision_function([[0, 8]]).round(3)
    array([1.456])
    """

    def __init__(
        self,
        conjunctivity: float = 0.0,
        c: float = 1.0,
        *,
        loss: str = "squared",
        encoding: str = "labels",
    ) -> None:
        self.conjunctivity = conjunctivity
        self.c = c
        self.loss = loss
        self.encoding = encoding

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> ComparisonRidge:
        """Fits the ranks of all items and the memory of trained pairs.

        Parameters
        ----------
        X : array of shape (n_trials, 2) or (n_trials, n_items)
            The items of every trial, as ``encoding`` says.
        y : array of shape (n_trials,)
            Two classes; the larger one says that the first item wins.
        sample_weight : array of shape (n_trials,), optional
            How often every trial is presented.
        """
        if self.loss not in ("squared", "logistic"):
            raise ValueError(f"loss: {self.loss!r} is unknown: it must be squared or logistic")
        X, y = self._validated(X, y, reset=True)
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind == "multiclass":
            raise ValueError(f"Only binary classification is supported. The type of the target is {kind}.")
        check_classification_targets(y)
        weights = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        kept = weights > 0
        if not kept.any():
            raise ValueError("sample_weight: every weight is zero; at least one trial must count")
        # Trials without weight are as if they were not there.
        X, y, weights = X[kept], y[kept], weights[kept]
        classes = unique_labels(y)
        if len(classes) == 1 and classes[0] in (-1, 1):
            classes = np.array([-1, 1], dtype=classes.dtype)
        if len(classes) != 2:
            raise ValueError(
                f"y: 2 classes are needed, got only one class, {_plain(classes[0])!r}: the larger of two says that the "
                "first item wins, and a single one must be 1 or -1"
            )
        self._refuse_other_columns(X)
        if self.encoding == "differences":
            items = np.arange(X.shape[1])
            pairs = _pairs_of_differences(X)
        else:
            items, pairs = _unique(X)
        wins = y == classes[1]
        winners, losers = np.where(wins, pairs[:, 0], pairs[:, 1]), np.where(wins, pairs[:, 1], pairs[:, 0])
        if (same := winners == losers).any():
            row = int(np.argmax(same))
            raise ValueError(
                f"X[{row}]: item {_plain(items[winners[row]])!r} is compared with itself: "
                "a trial needs two different items"
            )
        graph = ComparisonGraph.from_pairs(winners, losers, weights, n_items=len(items))
        groups = int(graph.components().max()) + 1
        if groups > 1 and self.encoding == "labels":
            warnings.warn(
                f"the trials make {groups} groups of items that nothing connects: ranks_ and margins across groups have "
                "no meaning",
                UserWarning,
                stacklevel=2,
            )
        kernel = ExchangeableKernel(self.conjunctivity)
        self.solution_: Any = (solve if self.loss == "squared" else logistic)(graph, kernel, c=self.c)
        self.classes_, self.items_, self.ranks_ = classes, items, self.solution_.ranks
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Margins of trials: positive where the first item is judged to win.

        Parameters
        ----------
        X : array of shape (n_trials, 2) or (n_trials, n_items)
            The items of every trial, all of them known from the fit.

        Returns
        -------
        ndarray of shape (n_trials,)
        """
        pairs = self._known_pairs(X)
        return self.solution_.margin(pairs[:, 0], pairs[:, 1])

    def predict(self, X: Any) -> np.ndarray:
        """The class of every trial: the larger one where the margin is positive.

        Parameters
        ----------
        X : array of shape (n_trials, 2) or (n_trials, n_items)
            The items of every trial.

        Returns
        -------
        ndarray of shape (n_trials,)
        """
        margins = self.decision_function(X)
        return self.classes_[(margins > 0).astype(int)]

    @available_if(lambda self: self.loss == "logistic")
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the two classes, with logistic regression.

        Parameters
        ----------
        X : array of shape (n_trials, 2) or (n_trials, n_items)
            The items of every trial.

        Returns
        -------
        ndarray of shape (n_trials, 2)
        """
        pairs = self._known_pairs(X)
        first_wins = self.solution_.probability(pairs[:, 0], pairs[:, 1])
        return np.column_stack([1.0 - first_wins, first_wins])

    def _validated(self, X: Any, y: Any = "no_validation", *, reset: bool) -> Any:
        """X as an array of labels or of numbers, with y if it is given."""
        if self.encoding not in ("labels", "differences"):
            raise ValueError(f"encoding: {self.encoding!r} is unknown: it must be labels or differences")
        return validate_data(self, X, y, reset=reset, dtype="numeric" if self.encoding == "differences" else None)

    def _refuse_other_columns(self, X: np.ndarray) -> None:
        if self.encoding == "labels" and X.shape[1] != 2:
            raise ValueError(
                f"X: expected 2 columns, the labels of the two items of a trial, got {X.shape[1]} feature(s); "
                'one column an item is encoding="differences"'
            )

    def _known_pairs(self, X: Any) -> np.ndarray:
        """The items of every trial as indices of the fitted ones."""
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        if self.encoding == "differences":
            return _pairs_of_differences(X)
        if X.dtype.kind in "OU" or self.items_.dtype.kind in "OU":
            return self._known_labels(X)
        try:
            at = np.minimum(np.searchsorted(self.items_, X), len(self.items_) - 1)
            known = self.items_[at] == X
        except TypeError:
            at, known = np.zeros(X.shape, dtype=int), np.zeros(X.shape, dtype=bool)
        if not np.all(known):
            row, column = np.argwhere(~known)[0]
            first, last = self.items_[0].item(), self.items_[-1].item()
            raise ValueError(
                f"X[{row}, {column}]: item {_plain(X[row, column])!r} is unknown: "
                f"{len(self.items_)} items were fitted, {_plain(first)!r} to {_plain(last)!r}"
            )
        return at

    def _known_labels(self, X: np.ndarray) -> np.ndarray:
        """The items of text, however it is spelled, as indices of the fitted ones."""
        known = _comparisons.keys(self.items_)
        labels, index = _comparisons.distinct(X.ravel())
        at = np.array([known.get(label_key(label), -1) for label in labels])[index].reshape(X.shape)
        if (at < 0).any():
            row, column = np.argwhere(at < 0)[0]
            first, last = self.items_.tolist()[0], self.items_.tolist()[-1]
            raise ValueError(
                f"X[{row}, {column}]: item {_plain(X[row, column])!r} is unknown: "
                f"{len(self.items_)} items were fitted, {first!r} to {last!r}"
            )
        return at

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.categorical = self.encoding == "labels"
        tags.input_tags.string = self.encoding == "labels"
        return tags


def _plain(label: Any) -> Any:
    """A NumPy scalar as the Python object that it is."""
    return label.item() if isinstance(label, np.generic) else label


def _unique(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All items, sorted, and the index of each entry among them; spellings of one item are one."""
    if X.dtype.kind not in "OU":
        items, pairs = np.unique(X, return_inverse=True)
        return items, pairs.reshape(X.shape)
    for column in (0, 1):
        if (missing := _comparisons.missing(X[:, column])).any():
            raise ValueError(f"X[{int(np.argmax(missing))}, {column}]: the label is missing; a trial needs both items")
    items, first, second = _comparisons.unique(X[:, 0], X[:, 1])
    return items, np.column_stack([first, second])


def _pairs_of_differences(X: np.ndarray) -> np.ndarray:
    """The columns of 1 and of −1 in every row."""
    first, second = X == 1, X == -1
    good = (first.sum(axis=1) == 1) & (second.sum(axis=1) == 1) & ((X == 0).sum(axis=1) == X.shape[1] - 2)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(
            f"X[{row}]: expected one 1 (the item shown first), one -1 (the other) and zeros, got {X[row].tolist()}"
        )
    return np.column_stack([first.argmax(axis=1), second.argmax(axis=1)])
