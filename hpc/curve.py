"""Order of cells along a space-filling curve."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.build import compiled
from neurosim.exchange import Floats, Longs

BITS = {1: 31, 2: 31, 3: 21}
"""Levels of the curve by number of axes: what an int64 holds."""

FLAT = 1e-3
"""An axis along which a tissue is thinner than this fraction of its longest is left out."""

FEW = 2000
"""Up to so many items plain Python is sooner done than compiled code is loaded."""


def kernel(module: str, name: str, items_n: int) -> Any:
    """Return a kernel of a module of this package: compiled, or as plain Python for few items (the same numbers)."""
    if items_n > FEW:
        return getattr(compiled(f"neurosim.hpc.{module}"), name)
    from importlib import import_module

    return getattr(import_module(f"neurosim.hpc.{module}"), name).py_func


def along_curve(positions_um: Floats) -> Longs:
    """Return the cells in the order of Hilbert's curve, int64 (n,); those without a place come last, by number.

    Parameters
    ----------
    positions_um : float64 (n, 3)
        Places; rows with NaN have none.
    """
    known = np.flatnonzero(np.isfinite(positions_um).all(axis=1))
    if not len(known):
        return np.arange(len(positions_um))
    places = _places(positions_um[known])
    order = known[np.argsort(places, kind="stable")]
    if len(known) == len(positions_um):
        return order
    unknown = np.ones(len(positions_um), np.bool_)
    unknown[known] = False
    return np.concatenate([order, np.flatnonzero(unknown)])


def _places(positions_um: Floats) -> NDArray[np.int64]:
    """Return the place of every point along the curve; the same scale on all axes."""
    low = positions_um.min(axis=0)
    extent = positions_um.max(axis=0) - low
    wide = np.flatnonzero(extent > FLAT * extent.max())
    out = np.zeros(len(positions_um), np.int64)
    if not len(wide):
        return out
    bits = BITS[len(wide)]
    scale = (2.0**bits - 1.0) / extent.max()
    points = ((positions_um[:, wide] - low[wide]) * scale).astype(np.uint32)
    kernel("hilbert", "places", len(points))(points, bits, out)
    return out
