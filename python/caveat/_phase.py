"""Phase diagrams as datasets: accuracy of every pair class over conjunctivity and regularization."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from caveat import _lib
from caveat._comparisons import unmasked


def phase_diagram(
    task: _lib.TransitiveTask,
    conjunctivity: Sequence[float] | np.ndarray | None = None,
    inverse_c: Sequence[float] | np.ndarray | None = None,
    *,
    inverse_time: Sequence[float] | np.ndarray | None = None,
    cells: int = 120,
    progress: bool | Callable[[int, int], Any] = True,
) -> xr.Dataset:
    """Accuracy of every pair class over conjunctivity α and regularization.

    Parameters
    ----------
    task : TransitiveTask
        What is trained.
    conjunctivity : array, optional
        Values of α from 0 to 1; by default the centers of ``cells`` equal cells.
    inverse_c : array, optional
        Values of 1/C, at least 0; by default the centers of ``cells`` cells from 10⁻³ to 10, equal in the logarithm.
    inverse_time : array, optional
        Values of 1/T for gradient flow, in place of ``inverse_c``.
    cells : int
        Number of values of an axis that is not given.
    progress : bool or callable
        A bar after a second where someone can see it, or a function of (done, total).

    Returns
    -------
    xarray.Dataset
        A variable for each of ``premise``, ``exception_cycle``, ``within_section``, ``cross_section`` and
        ``cycle_to_section`` (NaN for a class with no pair), over the dimensions ``inverse_c`` (or ``inverse_time``) and
        ``conjunctivity``.

    Examples
    --------
    >>> import caveat
    >>> grid = caveat.phase_diagram(caveat.TransitiveTask(9, [(5, 3)]), cells=50)
    >>> dict(grid.sizes)
    {'inverse_c': 50, 'conjunctivity': 50}
    >>> float(grid["cross_section"].sel(conjunctivity=0.1, inverse_c=0.01, method="nearest"))
    1.0
    """
    flow = inverse_time is not None
    alphas, strengths = grid_axes(conjunctivity, inverse_c, inverse_time, cells)
    shares = _lib.phase_grid(task, alphas, strengths, flow, progress)
    axis = "inverse_time" if flow else "inverse_c"
    with np.errstate(divide="ignore"):
        strength = 1.0 / strengths
    units = {"units": "share of correct judgments"}
    return xr.Dataset(
        {name: ((axis, "conjunctivity"), values, units) for name, values in shares.items()},
        coords={
            "conjunctivity": ("conjunctivity", alphas),
            axis: (axis, strengths),
            "time" if flow else "c": (axis, strength),
        },
        attrs={"task": repr(task), "learner": "gradient_flow" if flow else "ridge"},
    )


def grid_axes(
    conjunctivity: Sequence[float] | np.ndarray | None,
    inverse_c: Sequence[float] | np.ndarray | None,
    inverse_time: Sequence[float] | np.ndarray | None,
    cells: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The values of both axes; a default for an axis that is not given."""
    if inverse_c is not None and inverse_time is not None:
        raise ValueError("inverse_time: it takes the place of inverse_c: give one of the two")
    strengths = inverse_c if inverse_time is None else inverse_time
    default_alphas, default_strengths = _lib.phase_axes(cells, (1e-3, 1e1))
    return (
        default_alphas if conjunctivity is None else np.asarray(unmasked("conjunctivity", conjunctivity, True)),
        default_strengths if strengths is None else np.asarray(unmasked("inverse_c", strengths, True)),
    )
