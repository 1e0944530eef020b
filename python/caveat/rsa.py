"""Converts similarities of pairs to rsatoolbox's dissimilarities and back.

>>> import caveat
>>> from caveat.rsa import from_rdm, to_rdm
>>> rdm = to_rdm(caveat.ExchangeableKernel(0.3).matrix(5))
>>> round(caveat.ExchangeableKernel.from_matrix(from_rdm(rdm)).conjunctivity, 12)
0.3
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from caveat import _comparisons, _named, _pair_names

if TYPE_CHECKING:
    from rsatoolbox.rdm import RDMs

__all__ = ["Similarities", "from_rdm", "to_rdm"]

#: Measures that are 1 − similarity.
_COMPLEMENTS = ("correlation", "cosine")

#: Measures that are squared distances, up to a constant factor.
_SQUARES = ("squared euclidean", "squared mahalanobis", "crossnobis")

#: Measures that are distances, and what their squares are.
_ROOTS = {"euclidean": "squared euclidean", "mahalanobis": "squared mahalanobis"}

#: Other names of measures.
_ALIASES = {
    "sqeuclidean": "squared euclidean",
    "euclidean squared": "squared euclidean",
    "squared euclidean distance": "squared euclidean",
    "euclidean distance": "euclidean",
    "pearson": "correlation",
    "correlation distance": "correlation",
    "1 - correlation": "correlation",
    "cosine distance": "cosine",
    "1 - cosine": "cosine",
    "squared crossnobis": "crossnobis",
}

#: Why some measures cannot be converted.
_WHY = {
    "poisson": ": divergences of rates are no squared distances",
    "poisson cv": ": divergences of rates are no squared distances",
}

#: Rounding in single precision, in which representations are usually kept, relative to the largest number.
_ROUNDING = 16 * float(np.finfo(np.float32).eps)

#: The largest share of negative eigenvalues that rounding to a few digits explains.
_MOST_NEGATIVE = 0.01


def to_rdm(matrix: np.ndarray, *, measure: str = "squared euclidean") -> RDMs:
    """A similarity matrix over the ordered pairs of n items as an RDM.

    Parameters
    ----------
    matrix : array of shape (P, P), or data frame
        Similarities of the P = n(n−1) ordered pairs in lexicographic order, or in any order that a frame's rows or
        columns name, as of `from_rdm`.
    measure : {"squared euclidean", "correlation", "cosine"}
        Squared distances K(a, a) + K(b, b) − 2K(a, b); or 1 − K(a, b), for similarities that are 1 on the diagonal.

    Returns
    -------
    rsatoolbox.rdm.RDMs
        One RDM with the pattern descriptors ``first`` and ``second``, the items of every pair.

    Raises
    ------
    ValueError
        A matrix that is not square, symmetric and finite, whose side is not n(n−1), or that cannot be one of
        similarities, for instance because of negative eigenvalues.

    Examples
    --------
    >>> to_rdm(np.eye(6)).dissimilarities.shape
    (1, 15)
    """
    from rsatoolbox.rdm import RDMs

    named = _named.pairs_of("matrix", matrix)
    matrix = np.asarray(_comparisons.unmasked("matrix", matrix, numbers=True), dtype=float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"matrix: expected a square matrix over ordered pairs, got the shape {matrix.shape}")
    n_items = _n_items("matrix", len(matrix))
    if not np.isfinite(matrix).all():
        row, column = np.argwhere(~np.isfinite(matrix))[0]
        raise ValueError(f"matrix[{row}, {column}]: {matrix[row, column]} is not a finite number")
    largest = np.abs(matrix).max()
    if np.abs(matrix - matrix.T).max() > _ROUNDING * largest:
        raise ValueError("matrix: it is not symmetric; a similarity takes one value for both orders of its arguments")
    diagonal = np.diag(matrix)
    if measure == "squared euclidean":
        distances = diagonal[:, None] + diagonal[None, :] - matrix - matrix.T
    elif measure in _COMPLEMENTS:
        if np.abs(diagonal - 1.0).max() > _ROUNDING:
            at = int(np.abs(diagonal - 1.0).argmax())
            raise ValueError(
                f"matrix[{at}, {at}]: {diagonal[at]:.6g} is not 1, as of similarities that are a {measure}"
            )
        distances = 1.0 - (matrix + matrix.T) / 2.0
        row, column = divmod(int(distances.argmin()), len(matrix))
        if distances[row, column] < -_ROUNDING:
            raise ValueError(
                f"matrix[{row}, {column}]: {matrix[row, column]:.6g} is above 1, as no similarity is that is "
                f"a {measure}"
            )
    else:
        raise ValueError(f"measure: {measure!r} is unknown: it must be squared euclidean, correlation or cosine")
    share = _negative_share(_centered(matrix) if measure not in _COMPLEMENTS else matrix)
    if share > _MOST_NEGATIVE or distances.min() < -_ROUNDING * largest:
        raise ValueError(
            f"matrix: these are no similarities, for which no eigenvalue could be negative: {100 * share:.1f} % of "
            "their sum are, and some of their squared distances would not be any; dissimilarities are for from_rdm"
        )
    upper = np.triu_indices(len(matrix), k=1)
    pairs = named or [(i, j) for i in range(n_items) for j in range(n_items) if i != j]
    return RDMs(
        distances[upper][None, :],
        dissimilarity_measure=measure,
        pattern_descriptors={"first": [i for i, _ in pairs], "second": [j for _, j in pairs]},
    )


def from_rdm(
    rdm: Any, *, measure: str | None = None, items: Sequence[Any] | None = None, pairs: Any = None
) -> Similarities:
    """The similarity matrix over ordered pairs behind dissimilarities; for several RDMs, that of their mean.

    Parameters
    ----------
    rdm : rsatoolbox.rdm.RDMs, array of shape (P, P) or (P(P−1)/2,), or data frame
        Dissimilarities of the P = n(n−1) ordered pairs of n items. A frame (pandas, polars, pyarrow, xarray) may name
        the pairs by its rows, its columns, or both alike.
    measure : str, optional
        What the dissimilarities are, instead of what an RDM says; an array needs it. One of:

        * ``"squared euclidean"``, ``"squared mahalanobis"``, ``"crossnobis"``: taken as they are. They give −½HdH with
          the centering H, which lacks what all pairs have in common. A constant factor, such as rsatoolbox's division
          by the number of channels, does not change the conjunctivity.
        * ``"euclidean"``, ``"mahalanobis"``: squared first.
        * ``"correlation"``, ``"cosine"``: 1 − d, the kernel of patterns normalized to unit length (for correlation
          after subtracting their mean over channels). Its conjunctivity is that of the normalized patterns.
        * ``"sqrt of …"`` one of these, as `rsatoolbox.rdm.sqrt_transform` says.

        All others are refused: ranks, rescaled, geodesic and Poisson dissimilarities cannot be converted back.
    items : list, optional
        The items, the highest first. By default they are ordered by their numbers (2 before 10); names need it.
    pairs : str or list, optional
        The pattern descriptor that names the pairs, or the items (first, second) of every pattern, or names of pairs.
        By default the descriptors ``first`` and ``second`` (of a frame, levels of its index), or one whose values are
        names of pairs such as ``0_10`` or ``3>5``. Patterns without names, as those of an array, are taken in
        lexicographic order, (0, 1), (0, 2), …, (1, 0), …, with a warning.

    Returns
    -------
    Similarities
        An array of shape (P, P) as `ExchangeableKernel.from_matrix` takes it, with the pairs in lexicographic order of
        its attribute ``items``. Centering does not change the conjunctivity.

    Raises
    ------
    ValueError
        A measure that cannot be converted or is not known; patterns whose pairs are not known; dissimilarities that are
        missing, negative or asymmetric, or that cannot be squared distances.

    Examples
    --------
    >>> from_rdm(to_rdm(np.eye(6), measure="cosine")).trace().item()
    6.0
    >>> distances = to_rdm(np.eye(6)).get_matrices()[0] ** 0.5
    >>> from_rdm(distances, measure="euclidean", pairs=["0>2", "0>10", "2>0", "2>10", "10>0", "10>2"]).items
    (0, 2, 10)
    """
    matrices, told, descriptors, marked = _dissimilarities(rdm)
    side = matrices.shape[1]
    n_items = _n_items("rdm", side)
    kind = _Measure.of(measure, told, marked)
    _check(matrices)
    matrices = kind.squared(matrices)
    found: list[tuple[Any, Any]] | None
    if pairs is None and descriptors is None:
        found = _named.pairs_of("rdm", rdm, "give pairs=[(first, second), …], the items of every pattern")
    elif pairs is None or isinstance(pairs, str):
        found, _ = _pair_names.read_descriptors(descriptors or {}, pairs)
    else:
        pairs = _named.two_columns("pairs", pairs)
        pairs = list(np.asarray(pairs) if _comparisons.column_names(pairs) is not None else pairs)
        found = _pair_names.read_names(pairs)
        if found is None or len(found) != side:
            raise ValueError(
                f"pairs: expected every ordered pair of {n_items} items once, (first, second) or a name as 0_1, got "
                f"{len(pairs)} of them, {pairs[:3]!r}, …"
            )
    if found is None:
        ranks = list(range(n_items)) if items is None else list(items)
        if len(ranks) != n_items:
            raise ValueError(f"items: {len(ranks)} for patterns of {n_items} items")
        warnings.warn(
            f"the patterns have no names: they are taken as (0, 1), (0, 2), …, (1, 0), … of {n_items} items, in this "
            "order; pairs=[…] or the pattern descriptors first and second name them",
            UserWarning,
            stacklevel=2,
        )
    else:
        ranks = _pair_names.ordered(found, items)
        place = {pair: at for at, pair in enumerate(found)}
        order = [place[i, j] for i in ranks for j in ranks if i != j]
        matrices = matrices[:, order][:, :, order]
    return Similarities(kind.similarities(matrices.mean(axis=0)), tuple(ranks), kind.name)


class Similarities(np.ndarray):
    """A similarity matrix over the ordered pairs of items, from `from_rdm`.

    Attributes
    ----------
    items : tuple
        The items, the highest first; rows and columns are their ordered pairs in lexicographic order. Parts and other
        orders of the matrix have none.
    measure : str
        What the dissimilarities were taken for.

    Examples
    --------
    >>> found = from_rdm(to_rdm(np.eye(6)))
    >>> found.items, found.measure
    ((0, 1, 2), 'squared euclidean')
    """

    items: tuple[Any, ...]
    measure: str

    def __new__(cls, matrix: np.ndarray, items: tuple[Any, ...], measure: str) -> Similarities:
        made = np.asarray(matrix, dtype=float).view(cls)
        made.items, made.measure = items, measure
        return made

    def __array_finalize__(self, made_of: Any) -> None:
        # In another shape, rows stand for other pairs.
        self.items = getattr(made_of, "items", ()) if self.shape == np.shape(made_of) else ()
        self.measure = getattr(made_of, "measure", "")

    def __getitem__(self, key: Any) -> Any:
        return _without_items(super().__getitem__(key))

    def take(self, *arguments: Any, **options: Any) -> Any:
        return _without_items(super().take(*arguments, **options))

    def __reduce__(self) -> Any:
        return Similarities, (np.asarray(self), self.items, self.measure)


def _without_items(part: Any) -> Any:
    """Rows and columns taken from similarities, in any order, and so without items."""
    if isinstance(part, Similarities):
        part.items = ()
    return part


@dataclass(frozen=True)
class _Measure:
    """What dissimilarities are: squared distances or 1 − similarity, or roots of them."""

    name: str
    base: str
    is_root: bool

    @classmethod
    def of(cls, given: str | None, told: str | None, marked: bool) -> _Measure:
        what, text = ("measure", given) if given is not None else ("rdm", told)
        if text is None:
            raise ValueError(
                "measure: nothing says what the dissimilarities are: give measure=, one of squared euclidean, "
                "euclidean, squared mahalanobis, mahalanobis, crossnobis, correlation, cosine"
            )
        base = " ".join(str(text).casefold().replace("_", " ").split())
        base, is_root = base.removeprefix("sqrt of").strip(), base.startswith("sqrt of")
        base = _ALIASES.get(base, base)
        # With method="euclidean" rsatoolbox computes squared distances, which calc_rdm calls euclidean.
        if base in _ROOTS and given is None and marked:
            base = _ROOTS[base]
        elif base in _ROOTS and is_root:
            raise ValueError(
                f"{what}: {text!r} may be the root of distances or of squared ones: give measure='euclidean' if "
                "their squares are squared distances"
            )
        elif base in _ROOTS:
            base, is_root = _ROOTS[base], True
        if base not in _SQUARES and base not in _COMPLEMENTS:
            raise ValueError(
                f"{what}: {text!r} cannot be turned into similarities, as squared euclidean or mahalanobis, their "
                f"roots, crossnobis, correlation and cosine can{_WHY.get(base, '')}"
            )
        return cls(str(text), base, is_root)

    def squared(self, matrices: np.ndarray) -> np.ndarray:
        """Squares roots, and refuses what contradicts the measure."""
        off = matrices[:, ~np.eye(matrices.shape[1], dtype=bool)]
        largest = np.abs(off).max()
        lowest = -_ROUNDING * max(largest, 1.0 if self.base in _COMPLEMENTS else 0.0)
        if off.min() < lowest and (self.is_root or self.base != "crossnobis"):
            raise ValueError(
                f"rdm: {off.min():.6g} is negative, which {self.name} never is: what are these dissimilarities?"
            )
        if self.base == "crossnobis" and not (off < 0).any() and (off == 0).any():
            raise ValueError(
                "rdm: distances of exactly 0 and none below show that negative ones were set to 0, which crossnobis "
                "distances of alike patterns are; that raises the conjunctivity: give the distances as they were "
                "estimated"
            )
        matrices = matrices**2 if self.is_root else matrices
        if self.base in _COMPLEMENTS and np.abs(matrices).max() > 2.0 + 32 * _ROUNDING:
            raise ValueError(
                f"rdm: {np.abs(matrices).max():.6g} is above 2, which {self.name}, 1 − similarity, never is: what "
                "are these dissimilarities?"
            )
        return matrices

    def similarities(self, squared: np.ndarray) -> np.ndarray:
        """The similarities behind mean dissimilarities; refuses negative eigenvalues, which no distances have."""
        if self.base in _COMPLEMENTS:
            similarities = 1.0 - squared
            np.fill_diagonal(similarities, 1.0)
        else:
            similarities = _centered(-0.5 * squared)
        similarities = (similarities + similarities.T) / 2.0
        # Crossvalidated distances scatter on both sides of 0.
        if self.base != "crossnobis":
            share = _negative_share(similarities)
            if share > _MOST_NEGATIVE:
                raise ValueError(
                    f"rdm: these are not {self.name} dissimilarities, for which no eigenvalue could be negative: "
                    f"{100 * share:.1f} % of their sum are; measure= says what they are in place of the RDM"
                )
        return similarities


def _centered(matrix: np.ndarray) -> np.ndarray:
    """A matrix without the means of its rows and columns."""
    matrix = matrix - matrix.mean(axis=0, keepdims=True)
    return matrix - matrix.mean(axis=1, keepdims=True)


def _negative_share(similarities: np.ndarray) -> float:
    """Share of the negative eigenvalues in the sum of all."""
    eigenvalues = np.linalg.eigvalsh((similarities + similarities.T) / 2.0)
    return float(-eigenvalues[eigenvalues < 0].sum() / np.abs(eigenvalues).sum()) if eigenvalues.any() else 0.0


def _dissimilarities(rdm: Any) -> tuple[np.ndarray, str | None, dict[str, Any] | None, bool]:
    """The matrices, the measure and pattern descriptors if any, and whether squares are called by the name of roots."""
    if hasattr(rdm, "get_matrices"):
        matrices = np.asarray(rdm.get_matrices(), dtype=float)
        every = {*(rdm.descriptors or {}), *(rdm.rdm_descriptors or {})}
        marked = bool(every & {"cv_descriptor", "time", "voxel_index"})
        told, descriptors = rdm.dissimilarity_measure, dict(rdm.pattern_descriptors or {})
    else:
        told, marked, descriptors = None, False, None
        try:
            matrices = np.asarray(_comparisons.unmasked("rdm", rdm, numbers=True), dtype=float)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"rdm: expected RDMs of rsatoolbox or an array of dissimilarities, got {type(rdm).__name__}: {error}"
            ) from None
        if matrices.ndim == 1:
            matrices = _square(matrices)
        if matrices.ndim != 2 or matrices.shape[0] != matrices.shape[1]:
            raise ValueError(f"rdm: expected the shape (P, P) or (P(P−1)/2,), got {matrices.shape}")
        matrices = matrices[None]
    if len(matrices) == 0:
        raise ValueError("rdm: there is none")
    return matrices, told, descriptors, marked


def _check(matrices: np.ndarray) -> None:
    """Refuses dissimilarities that are missing, asymmetric, or not 0 between a pattern and itself."""
    if not np.isfinite(matrices).all():
        at, row, column = np.argwhere(~np.isfinite(matrices))[0]
        raise ValueError(
            f"rdm: the dissimilarity of the patterns {row} and {column} in RDM {at} is {matrices[at, row, column]}: "
            "give complete RDMs, or their mean over those that have it"
        )
    largest = np.abs(matrices).max()
    if np.abs(matrices - matrices.transpose(0, 2, 1)).max() > _ROUNDING * largest:
        raise ValueError("rdm: it is not symmetric; a dissimilarity takes one value for both orders of its arguments")
    diagonal = np.abs(np.diagonal(matrices, axis1=1, axis2=2))
    if diagonal.max() > _ROUNDING * largest:
        raise ValueError(
            f"rdm: the dissimilarity of pattern {int(diagonal.max(axis=0).argmax())} to itself is "
            f"{diagonal.max():.6g}, not 0: a similarity matrix needs no conversion for ExchangeableKernel.from_matrix"
        )


def _square(condensed: np.ndarray) -> np.ndarray:
    """The symmetric matrix whose upper triangle is listed row by row."""
    side = (1 + math.isqrt(1 + 8 * len(condensed))) // 2
    if side * (side - 1) // 2 != len(condensed):
        raise ValueError(f"rdm: {len(condensed)} dissimilarities are not those of P(P−1)/2 pairs of patterns")
    matrix = np.zeros((side, side))
    matrix[np.triu_indices(side, k=1)] = condensed
    return matrix + matrix.T


def _n_items(what: str, side: int) -> int:
    """n for n(n−1) ordered pairs."""
    n_items = int(np.sqrt(side)) + 1
    if side < 2 or n_items * (n_items - 1) != side:
        raise ValueError(f"{what}: {side} patterns are not the n(n−1) ordered pairs of n items, as 6, 12, 20 or 72 are")
    return n_items
