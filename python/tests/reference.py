"""The theory once more, in plain NumPy and from its definitions: dense kernels on ordered pairs, nothing solved in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import caveat

Floats = NDArray[np.float64]
Pair = tuple[int, int]


def ordered_pairs(n_items: int) -> list[Pair]:
    """All ordered pairs in lexicographic order."""
    return [(i, j) for i in range(n_items) for j in range(n_items) if i != j]


def upper_pairs(n_items: int) -> list[Pair]:
    """All pairs with the first item before the second."""
    return [(i, j) for i in range(n_items) for j in range(i + 1, n_items)]


def one_hot_kernel(conjunctivity: float, rows: Sequence[Pair], columns: Sequence[Pair]) -> Floats:
    """Inner products of one-hot items in two positions with a feature per pair, weighted to a norm of 1."""
    side = np.sqrt((1 - conjunctivity) / 2)

    def features(pairs: Sequence[Pair], n_items: int) -> Floats:
        matrix = np.zeros((len(pairs), 2 * n_items + n_items * n_items))
        for row, (i, j) in enumerate(pairs):
            matrix[row, i] = matrix[row, n_items + j] = side
            matrix[row, 2 * n_items + n_items * i + j] = np.sqrt(conjunctivity)
        return matrix

    n_items = max(max(pair) for pair in [*rows, *columns]) + 1
    return features(rows, n_items) @ features(columns, n_items).T


def orbit_kernel(orbits: Sequence[float], rows: Sequence[Pair], columns: Sequence[Pair]) -> Floats:
    """Six values: same pair, reversed, same first, same second, crossed, no shared item."""

    def value(a: Pair, b: Pair) -> float:
        if a == b:
            return orbits[0]
        if a == b[::-1]:
            return orbits[1]
        if a[0] == b[0]:
            return orbits[2]
        if a[1] == b[1]:
            return orbits[3]
        return orbits[4] if set(a) & set(b) else orbits[5]

    return np.array([[value(a, b) for b in columns] for a in rows])


def trials_of(task: caveat.TransitiveTask | caveat.ComparisonGraph) -> tuple[list[Pair], Floats, Floats]:
    """Ordered training trials with labels and weights, from the package's own list of them."""
    trials = task.trials()
    pairs = list(zip(trials["first"].tolist(), trials["second"].tolist(), strict=True))
    return pairs, trials["label"], trials["weight"]


def chain_trials(n_items: int, exceptions: Sequence[Pair] = ()) -> tuple[list[Pair], Floats]:
    """Ordered trials of transitive inference with exceptions in both orders, from the definition of the task."""
    wins = {(i, i + 1) for i in range(n_items - 1)}
    for winner, loser in exceptions:
        wins.discard((loser, winner))
        wins.add((winner, loser))
    pairs = [pair for winner, loser in sorted(wins) for pair in ((winner, loser), (loser, winner))]
    labels = np.array([1.0 if pair in wins else -1.0 for pair in pairs])
    return pairs, labels


def square(n_items: int, pairs: Sequence[Pair], values: Floats) -> Floats:
    """Values of pairs as a matrix with zeros elsewhere."""
    matrix = np.zeros((n_items, n_items))
    for (i, j), value in zip(pairs, values, strict=True):
        matrix[i, j] = value
    return matrix


def ridge_margins(
    n_items: int, trials: Sequence[Pair], labels: Floats, weights: Floats, kernel: Floats, test: Floats, ridge: float
) -> Floats:
    """Margins of all ordered pairs by dense kernel ridge regression with weights."""
    root = np.sqrt(weights)
    system = root[:, None] * kernel * root[None, :] + ridge * np.eye(len(trials))
    dual = root * np.linalg.solve(system, root * labels)
    return square(n_items, ordered_pairs(n_items), test @ dual)


def model_margins(n_items: int, exceptions: Sequence[Pair], conjunctivity: float, c: float) -> Floats:
    """Margins of transitive inference with exceptions from the definitions of task, kernel and regression."""
    trials, labels = chain_trials(n_items, exceptions)
    every = ordered_pairs(n_items)
    kernel = one_hot_kernel(conjunctivity, trials, trials)
    test = one_hot_kernel(conjunctivity, every, trials)
    return ridge_margins(n_items, trials, labels, np.ones(len(trials)), kernel, test, 1.0 / c)


def random_graph(n_items: int, n_comparisons: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Winners, losers and weights of random comparisons."""
    random = np.random.default_rng(seed)
    winners = random.integers(n_items, size=n_comparisons)
    losers = (winners + random.integers(1, n_items, size=n_comparisons)) % n_items
    return winners, losers, random.uniform(0.5, 3.0, size=n_comparisons)
