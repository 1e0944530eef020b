"""Similarities of pairs to and from rsatoolbox's dissimilarities.

>>> import caveat
>>> from caveat.rsa import from_rdm, to_rdm
>>> rdm = to_rdm(caveat.ExchangeableKernel(0.3).matrix(5))
>>> round(caveat.ExchangeableKernel.from_matrix(from_rdm(rdm)).conjunctivity, 12)
0.3
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rsatoolbox.rdm import RDMs

__all__ = ["from_rdm", "to_rdm"]

#: Measures of rsatoolbox that are 1 − similarity.
_COMPLEMENTS = ("correlation", "cosine")


def to_rdm(matrix: np.ndarray, *, measure: str = "squared euclidean") -> RDMs:
    """A similarity matrix over the ordered pairs of n items as an RDM.

    Parameters
    ----------
    matrix : array of shape (P, P)
        Similarities of the P = n(n−1) ordered pairs in lexicographic order.
    measure : {"squared euclidean", "correlation", "cosine"}
        Squared distances K(a, a) + K(b, b) − 2K(a, b); or 1 − K(a, b), for similarities that are 1 on the diagonal.

    Returns
    -------
    rsatoolbox.rdm.RDMs
        One RDM with the pattern descriptors ``first`` and ``second``, the items of every pair.

    Raises
    ------
    ValueError
        A matrix that is not square, symmetric and finite, or whose side is not n(n−1).

    Examples
    --------
    >>> to_rdm(np.eye(6)).dissimilarities.shape
    (1, 15)
    """
    from rsatoolbox.rdm import RDMs

    matrix = np.asarray(matrix, dtype=float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"matrix: expected a square matrix over ordered pairs, got the shape {matrix.shape}")
    n_items = _n_items("matrix", len(matrix))
    if not np.isfinite(matrix).all():
        row, column = np.argwhere(~np.isfinite(matrix))[0]
        raise ValueError(f"matrix[{row}, {column}]: {matrix[row, column]} is not a finite number")
    largest = np.abs(matrix).max()
    # Single precision, in which representations are commonly kept.
    if np.abs(matrix - matrix.T).max() > 16 * np.finfo(np.float32).eps * largest:
        raise ValueError("matrix: it is not symmetric; a similarity takes one value for both orders of its arguments")
    diagonal = np.diag(matrix)
    if measure == "squared euclidean":
        distances = diagonal[:, None] + diagonal[None, :] - matrix - matrix.T
    elif measure in _COMPLEMENTS:
        distances = 1.0 - (matrix + matrix.T) / 2.0
    else:
        raise ValueError(f"measure: {measure!r} is unknown: it must be squared euclidean, correlation or cosine")
    upper = np.triu_indices(len(matrix), k=1)
    pairs = [(i, j) for i in range(n_items) for j in range(n_items) if i != j]
    return RDMs(
        distances[upper][None, :],
        dissimilarity_measure=measure,
        pattern_descriptors={"first": [i for i, _ in pairs], "second": [j for _, j in pairs]},
    )


def from_rdm(rdm: RDMs, *, measure: str | None = None) -> np.ndarray:
    """The similarity matrix over ordered pairs that an RDM stands for; of several RDMs, of their mean.

    Parameters
    ----------
    rdm : rsatoolbox.rdm.RDMs
        Over the P = n(n−1) ordered pairs of n items. If it has the pattern descriptors ``first`` and ``second``, they
        say where each pair belongs; else the pairs are in lexicographic order.
    measure : str, optional
        What the dissimilarities are, in place of what the RDM says. ``"correlation"`` and ``"cosine"`` give 1 − d; all
        others are taken as squared distances and give −½HdH, H the centering, which has no information on what all
        pairs have in common.

    Returns
    -------
    array of shape (P, P)
        As `ExchangeableKernel.from_matrix` takes it. Centering does not change the conjunctivity.

    Examples
    --------
    >>> from_rdm(to_rdm(np.eye(6), measure="cosine")).trace().item()
    6.0
    """
    distances = np.nanmean(np.asarray(rdm.get_matrices(), dtype=float), axis=0)
    n_items = _n_items("rdm", len(distances))
    descriptors = rdm.pattern_descriptors or {}
    if {"first", "second"} <= set(descriptors):
        given = list(zip(descriptors["first"], descriptors["second"]))
        labels = sorted(set(descriptors["first"]) | set(descriptors["second"]))
        wanted = [(i, j) for i in labels for j in labels if i != j]
        if sorted(given) != sorted(wanted):
            raise ValueError(
                f"rdm: the descriptors first and second must name every ordered pair of {n_items} items once, "
                f"got {len(set(given))} different pairs of {len(labels)}"
            )
        place = {pair: at for at, pair in enumerate(given)}
        order = [place[pair] for pair in wanted]
        distances = distances[np.ix_(order, order)]
    if (measure or rdm.dissimilarity_measure) in _COMPLEMENTS:
        similarities = 1.0 - distances
        np.fill_diagonal(similarities, 1.0)
        return similarities
    similarities = -0.5 * distances
    similarities -= similarities.mean(axis=0, keepdims=True)
    similarities -= similarities.mean(axis=1, keepdims=True)
    return similarities


def _n_items(what: str, side: int) -> int:
    """n for n(n−1) ordered pairs."""
    n_items = int(np.sqrt(side)) + 1
    if side < 2 or n_items * (n_items - 1) != side:
        raise ValueError(f"{what}: {side} patterns are not the n(n−1) ordered pairs of n items, as 6, 12, 20 or 72 are")
    return n_items
