"""The theory's kernel regression as a scikit-learn estimator, for trials that compare two items.

>>> import numpy as np
>>> from caveat.sklearn import ComparisonRidge
>>> X = [["ant", "bee"], ["bee", "cow"], ["cow", "dog"]]
>>> model = ComparisonRidge(conjunctivity=0.1, c=100.0).fit(X, [1, 1, 1])
>>> model.predict([["ant", "dog"], ["dog", "bee"]])
array([ 1, -1])
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from caveat import _comparisons
from caveat._comparisons import plain
from caveat._lib import ComparisonGraph, ExchangeableKernel, label_key, logistic, solve
from caveat._named import two_columns

__all__ = ["ComparisonRidge"]


class ComparisonRidge(ClassifierMixin, BaseEstimator):
    """Kernel ridge regression on comparisons of items, with a representation of chosen conjunctivity.

    A trial shows two items, and its target says which of them wins. The ranks of all items and the memory of trained
    pairs follow in closed form or from one sparse system, without a kernel matrix. With ``conjunctivity=0`` this is
    ridge regression on differences of one-hot items; with ``conjunctivity=1`` only trained pairs are known.

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
    first_wins : str, bool or number, default=None
        The class in ``y`` that says "the first item wins". It may be left out for the classes in the notes, which say
        so themselves. All others need it, and so do targets that may be names of winners.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The two classes, sorted. Targets that are all 1 or all −1 have the classes −1 and 1, those that are all True or
        all False have False and True.
    first_wins_ : str, bool or number
        The class that was taken to say that the first item wins.
    items_ : ndarray of shape (n_items,)
        The items: labels, or columns of differences.
    ranks_ : ndarray of shape (n_items,)
        Their ranks; the item with the larger rank wins, whatever the classes are called.
    solution_ : Solution
        The solution itself.
    n_features_in_ : int
        Number of columns of ``X``.

    Notes
    -----
    These classes say that the first item wins, in capitals or not, with spaces, hyphens, underscores or nothing
    between words:

    * ``True`` of booleans, and 1 of 0 and 1 or of −1 and 1, as numbers or as text.
    * 1 of 1 and 2, which are places: the first item was chosen. Places that count from 0 look like no and yes: give
      ``first_wins=0`` for them.
    * ``left`` of left and right, ``first`` of first and second, ``one`` of one and two, ``a`` of a and b, ``l`` of l
      and r; the same beside a common noun or verb, as in model_a and model_b, item1 and item2, left_wins and
      right_wins.
    * ``win``, ``won``, ``winner``, ``yes``, ``true`` of win and loss, won and lost, winner and loser, yes and no, true
      and false, and the like.

    Names of winners are not classes, since a name means something else in every trial. If every target is one of the
    two items of its own trial, they are refused, unless ``first_wins`` says that they are classes all the same, as with
    items called left and right. ``y = X[:, 0] == winners`` turns names of winners into targets if both spell the items
    alike.

    ``decision_function`` is positive for ``classes_[1]``, as in all of scikit-learn. It is the margin of the first item
    over the second if ``classes_[1]`` says that the first wins, and its negative if ``classes_[0]`` does.

    Examples
    --------
    >>> model = ComparisonRidge(conjunctivity=0.2, c=10.0)
    >>> X = [[i, i + 1] for i in range(8)] + [[5, 3]]
    >>> model.fit(X, np.ones(9)).score(X, np.ones(9))
    1.0
    >>> model.decision_function([[0, 8]]).round(3)
    array([1.456])
    >>> chosen = ["left", "left", "right"]
    >>> ComparisonRidge().fit([["ant", "bee"], ["bee", "cow"], ["cow", "ant"]], chosen).ranks_.round(2)
    array([ 0.4,  0. , -0.4])
    >>> seen = ["face", "house", "face"]
    >>> ComparisonRidge(first_wins="face").fit([["ant", "bee"], ["cow", "bee"], ["ant", "cow"]], seen).first_wins_
    'face'
    """

    def __init__(
        self,
        conjunctivity: float = 0.0,
        c: float = 1.0,
        *,
        loss: str = "squared",
        encoding: str = "labels",
        first_wins: Any = None,
    ) -> None:
        self.conjunctivity = conjunctivity
        self.c = c
        self.loss = loss
        self.encoding = encoding
        self.first_wins = first_wins

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> ComparisonRidge:
        """Fits the ranks of all items and the memory of trained pairs.

        Parameters
        ----------
        X : array of shape (n_trials, 2) or (n_trials, n_items)
            The items of every trial, as ``encoding`` says. If a frame's columns are called second and first, those in
            the column first were shown first.
        y : array of shape (n_trials,)
            Two classes, of which one says that the first item wins: see ``first_wins``.
        sample_weight : array of shape (n_trials,), optional
            How often every trial is presented.
        """
        if self.loss not in ("squared", "logistic"):
            raise ValueError(f"loss: {self.loss!r} is unknown: it must be squared or logistic")
        X, y = self._validated(X, _plain_target(y), reset=True)
        y = _plain_target(y)
        if sample_weight is not None:
            sample_weight = _comparisons.unmasked("sample_weight", sample_weight, numbers=True)
        weights = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        kept = weights > 0
        if not kept.any():
            raise ValueError("sample_weight: every weight is zero; at least one trial must count")
        # Trials without weight are as if they were not there.
        X, y, weights = X[kept], y[kept], weights[kept]
        if self.first_wins is None and self._may_name_winners(X, y):
            raise ValueError(self._advice_on_winners(y))
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind == "multiclass":
            raise ValueError(f"Only binary classification is supported. The type of the target is {kind}.")
        check_classification_targets(y)
        classes = unique_labels(y)
        if len(classes) == 1 and classes.dtype.kind == "b":
            classes = np.array([False, True])
        elif len(classes) == 1 and classes[0] in (-1, 1):
            classes = np.array([-1, 1], dtype=classes.dtype if classes.dtype.kind in "if" else int)
        if len(classes) != 2:
            raise ValueError(
                f"y: 2 classes are needed, got only one class, {plain(classes[0])!r}: one of two says that the first "
                "item wins, and a single one must be 1, -1, True or False"
            )
        first = first_wins_class(classes, self.first_wins)
        self._refuse_other_columns(X)
        if self.encoding == "differences":
            items = np.arange(X.shape[1])
            pairs = _pairs_of_differences(X)
        else:
            items, pairs = _unique(X)
        _refuse_same(items, pairs)
        wins = y == classes[first]
        winners, losers = np.where(wins, pairs[:, 0], pairs[:, 1]), np.where(wins, pairs[:, 1], pairs[:, 0])
        graph = ComparisonGraph.from_pairs(winners, losers, weights, n_items=len(items))
        groups = int(graph.components().max()) + 1
        if groups > 1 and self.encoding == "labels":
            warnings.warn(
                f"the trials make {groups} groups of items that nothing connects: ranks_ and margins across groups "
                "have no meaning",
                UserWarning,
                stacklevel=2,
            )
        kernel = ExchangeableKernel(self.conjunctivity)
        self.solution_: Any = (solve if self.loss == "squared" else logistic)(graph, kernel, c=self.c)
        self.classes_, self.items_, self.ranks_ = classes, items, self.solution_.ranks
        self.first_wins_ = plain(classes[first])
        # A positive decision means classes_[1].
        self._sign = 1.0 if first == 1 else -1.0
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Margins of trials, positive for ``classes_[1]``: where it says so, those of the first item over the second.

        Parameters
        ----------
        X : array of shape (n_trials, 2) or (n_trials, n_items)
            The items of every trial, all of them known from the fit.

        Returns
        -------
        ndarray of shape (n_trials,)
        """
        pairs = self._known_pairs(X)
        # Adding zero makes −0 plain 0.
        return self._sign * self.solution_.margin(pairs[:, 0], pairs[:, 1]) + 0.0

    def predict(self, X: Any) -> np.ndarray:
        """The class of every trial: ``classes_[1]`` where the decision function is positive.

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
        """Probabilities of the two classes in the order of ``classes_``, with logistic regression.

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
        columns = [1.0 - first_wins, first_wins]
        return np.column_stack(columns if self._sign > 0 else columns[::-1])

    def _validated(self, X: Any, y: Any = "no_validation", *, reset: bool) -> Any:
        """X as an array of labels or of numbers, with y if it is given."""
        if self.encoding not in ("labels", "differences"):
            raise ValueError(f"encoding: {self.encoding!r} is unknown: it must be labels or differences")
        if self.encoding == "labels":
            X = two_columns("X", X)
        if isinstance(X, np.ma.MaskedArray) and (masked := np.argwhere(np.ma.getmaskarray(X))).size:
            at = ", ".join(map(str, masked[0]))
            raise ValueError(f"X[{at}]: it is masked, which NaN would be; a trial needs both items")
        return validate_data(self, X, y, reset=reset, dtype="numeric" if self.encoding == "differences" else None)

    def _may_name_winners(self, X: np.ndarray, y: np.ndarray) -> bool:
        """Whether every target is one of the two items of its trial; the first trials usually show that it is not."""
        if self.encoding == "differences":
            columns = list(_keys(getattr(self, "feature_names_in_", np.arange(X.shape[1]))))
            pairs = ((columns[row.argmax()], columns[row.argmin()]) for row in X)
            return bool(((X != 0).sum(axis=1) == 2).all()) and all(y in pair for pair, y in zip(pairs, _keys(y)))
        return X.shape[1] == 2 and all(y in pair for *pair, y in zip(_keys(X[:, 0]), _keys(X[:, 1]), _keys(y)))

    def _advice_on_winners(self, y: np.ndarray) -> str:
        """The error text for targets that seem to be names of winners."""
        classes = _comparisons.distinct(y)[0]
        told = "y: every target is one of the two items of its trial, as if it named the winner. "
        if self.encoding == "labels":
            told += "If it does, give y = numpy.asarray(X)[:, 0] == y, with items spelled alike in both"
        else:
            told += "If it does, give True where that is the item with 1 and False where it is the one with -1"
        if len(classes) == 1 and classes[0] in (-1, 1):
            return f"{told}; if 1 always says that the first item wins, say first_wins=1"
        if len(classes) != 2:
            return told
        one, two = map(repr, classes)
        return f"{told}; if one class always says that the first item wins, say first_wins={one} or first_wins={two}"

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
        pairs = self._known_items(X)
        _refuse_same(self.items_, pairs)
        return pairs

    def _known_items(self, X: np.ndarray) -> np.ndarray:
        """The items of labels, however text is spelled, as indices of the fitted ones."""
        if X.dtype.kind in "OU" or self.items_.dtype.kind in "OU":
            known = _comparisons.keys(self.items_)
            labels, index = _comparisons.distinct(X.ravel())
            at = np.array([known.get(label_key(label), -1) for label in labels])[index].reshape(X.shape)
            found = at >= 0
        else:
            try:
                at = np.minimum(np.searchsorted(self.items_, X), len(self.items_) - 1)
                found = np.asarray(self.items_[at] == X)
            except TypeError:
                at, found = np.zeros(X.shape, dtype=int), np.zeros(X.shape, dtype=bool)
        if not found.all():
            row, column = np.argwhere(~found)[0]
            items = self.items_.tolist()
            raise ValueError(
                f"X[{row}, {column}]: item {plain(X[row, column])!r} is unknown: "
                f"{len(items)} items were fitted, {items[0]!r} to {items[-1]!r}"
            )
        return at

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.categorical = self.encoding == "labels"
        tags.input_tags.string = self.encoding == "labels"
        return tags


#: Pairs of words that say which item wins: the first item, or the second.
_WORDS = (
    ("left", "right"),
    ("first", "second"),
    ("1st", "2nd"),
    ("one", "two"),
    ("a", "b"),
    ("l", "r"),
    ("1", "2"),
    ("1", "0"),
    ("1", "-1"),
    ("+1", "-1"),
    ("+", "-"),
    ("true", "false"),
    ("t", "f"),
    ("yes", "no"),
    ("y", "n"),
    ("win", "loss"),
    ("win", "lose"),
    ("wins", "loses"),
    ("won", "lost"),
    ("w", "l"),
    ("winner", "loser"),
    ("winning", "losing"),
    ("victory", "defeat"),
)

#: Pairs that name an item by its place, and words that may stand beside them in both classes.
_PLACES = _WORDS[:7]
_BESIDE = frozenset(
    """agent answer arrow assistant button candidate card child choice chose chosen completion image is item key letter
    model number object option output player picked picture preferred response selected side stim stimulus system team
    text the win winner wins won""".split()
)


def first_wins_class(classes: np.ndarray, told: Any) -> int:
    """Which of two classes says that the first item wins, 0 or 1."""
    names = [plain(label) for label in classes]
    if told is not None:
        # A word is not a number, though NumPy would compare them as text.
        same = [isinstance(name, str) == isinstance(told, str) and bool(name == plain(told)) for name in names]
        if sum(same) != 1:
            raise ValueError(
                f"first_wins: {plain(told)!r} is not one of the classes of y, {names[0]!r} and {names[1]!r}"
            )
        return same.index(True)
    if all(isinstance(name, str) for name in names):
        first = _first_of_words(names)
    else:
        # True is 1 and False is 0.
        first = names.index(1) if {*names} in ({0, 1}, {-1, 1}, {1, 2}) else None
    if first is None:
        raise ValueError(
            f"y: which of {names[0]!r} and {names[1]!r} says that the first item wins? Say first_wins={names[0]!r} or "
            f"first_wins={names[1]!r}"
        )
    return first


def _first_of_words(names: list[str]) -> int | None:
    """Which of two words says that the first item wins; None if neither does."""
    words = [_words(name) for name in names]
    for first in (0, 1):
        ours, other = words[first], words[1 - first]
        if any(ours == [one] and other == [two] for one, two in _numbers_too(_WORDS)):
            return first
        if len(ours) == len(other):
            # One word differs. Words beside it, such as "not" or "loser", could change its meaning.
            differ = [pair for pair in zip(ours, other) if pair[0] != pair[1]]
            beside = {one for one, two in zip(ours, other) if one == two}
            if len(differ) == 1 and differ[0] in _PLACES and beside <= _BESIDE:
                return first
    return None


def _words(name: str) -> list[str]:
    """The words and numbers in a class's name, in lower case."""
    name = unicodedata.normalize("NFKC", name).strip().replace("−", "-")
    if re.fullmatch(r"[+-]?[\d.]+|[+-]", name):
        return [name]
    # modelA is model and A, ArrowLeft arrow and left.
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"1st|2nd|[^\W\d_]+|\d+", name.casefold())


def _numbers_too(pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """The pairs, and those of numbers also as floats are written."""
    for one, two in pairs:
        yield one, two
        if one.lstrip("+").isdigit():
            yield f"{one}.0", f"{two}.0"


def _plain_target(y: Any) -> Any:
    """Targets with columns of pandas and lists of objects as arrays of the booleans or numbers that they hold."""
    if isinstance(y, str) or y is None or not hasattr(y, "__len__"):
        return y
    if isinstance(y, np.ma.MaskedArray) and (masked := np.ma.getmaskarray(y).ravel()).any():
        raise ValueError(f"y[{int(np.argmax(masked))}]: the target is masked, as NaN would be; leave the trial out")
    kind = getattr(y, "dtype", None)
    if isinstance(y, np.ndarray) and y.dtype.kind != "O":
        return y
    values = np.asarray(y)
    if values.dtype == object and values.ndim == 1:
        missing = [value is None or type(value).__name__ == "NAType" for value in values]
        if any(missing):
            raise ValueError(f"y[{missing.index(True)}]: the target is missing, as NaN would be; leave the trial out")
    if values.dtype != object or values.ndim != 1 or not len(values):
        return values if type(kind).__module__.startswith("pandas") else y
    for kinds, to in (
        ((bool, np.bool_), bool),
        ((int, np.integer), np.int64),
        ((int, float, np.integer, np.floating), float),
    ):
        if all(isinstance(value, kinds) for value in values) and (
            to is bool or not any(isinstance(value, (bool, np.bool_)) for value in values)
        ):
            try:
                return values.astype(to)
            except OverflowError:
                return values
    return values


def _keys(labels: np.ndarray) -> Iterable[Any]:
    """The keys of labels, the same for all spellings of an item and, here, for capitals too."""
    for label in labels.tolist():
        key = label_key(label)
        yield key.casefold() if isinstance(key, str) else key


def _unique(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All items, sorted, and the index of each entry among them; all spellings of an item count as one."""
    if X.dtype.kind not in "OU":
        items, pairs = np.unique(X, return_inverse=True)
        return items, pairs.reshape(X.shape)
    for column in (0, 1):
        if (missing := _comparisons.missing(X[:, column])).any():
            raise ValueError(f"X[{int(np.argmax(missing))}, {column}]: the label is missing; a trial needs both items")
    items, first, second = _comparisons.unique(X[:, 0], X[:, 1])
    return items, np.column_stack([first, second])


def _refuse_same(items: np.ndarray, pairs: np.ndarray) -> None:
    """Refuses trials of an item against itself."""
    if (same := pairs[:, 0] == pairs[:, 1]).any():
        row = int(np.argmax(same))
        raise ValueError(
            f"X[{row}]: item {plain(items[pairs[row, 0]])!r} is compared with itself: a trial needs two different items"
        )


def _pairs_of_differences(X: np.ndarray) -> np.ndarray:
    """The columns with 1 and with −1 in every row."""
    first, second = X == 1, X == -1
    good = (first.sum(axis=1) == 1) & (second.sum(axis=1) == 1) & ((X == 0).sum(axis=1) == X.shape[1] - 2)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(
            f"X[{row}]: expected one 1 (the item shown first), one -1 (the other) and zeros, got {X[row].tolist()}"
        )
    return np.column_stack([first.argmax(axis=1), second.argmax(axis=1)])
