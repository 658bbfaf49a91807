"""Who computes which cell: cells shared out among ranks by their costs.

Strategy: longest processing time first, over all cells, or inside lumps of tissue cut from Hilbert's curve when the
cells have places. Cells that see one another's voltage are one item while it fits a rank. Everything is a function of
the arguments alone, so that every rank computes the same for itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import ModelError
from neurosim.exchange import Floats, Longs, Owners
from neurosim.hpc.balance import report
from neurosim.hpc.curve import along_curve, kernel

__all__ = ["FITS", "WAYS", "partition", "report"]

WAYS = ("auto", "lpt", "curve")

FITS = 1.05
"""A coupled set stays on one rank while it costs at most this times the mean load."""

CELLS_A_LUMP = 50.0
"""A lump of tissue is worth at least so many of the largest cell: cutting it off wrongly then costs two per cent."""


def partition(
    costs: ArrayLike,
    size: int,
    together: Sequence[Longs] = (),
    positions_um: Floats | None = None,
    way: str = "auto",
) -> Owners:
    """Return the rank that computes each cell, int32 (cells,).

    Parameters
    ----------
    costs : float64 (cells,)
        Time of each cell, in any unit.
    size : int
        Number of ranks; with more ranks than cells some get none.
    together : sequence of int64 arrays
        Sets of cells, without common members, that stay on one rank when they fit (``FITS``); others are divided in
        the order of their gids.
    positions_um : float64 (cells, 3), optional
        Places; rows of NaN where there is none.
    way : str
        "lpt": over all cells. "curve": in lumps of tissue. "auto": "curve" where there are places.

    Notes
    -----
    Cells of equal cost go to ranks in the order of their gids (or of the curve): ranks own runs of gids then, which are
    read from files at full speed. Cells of no cost are spread in the order of their gids.
    """
    costs_ns = _checked(costs, size, positions_um, way)
    item_of, first = _items(costs_ns, size, together)
    cost = costs_ns if item_of is None else np.bincount(item_of, costs_ns, len(first)).astype(np.float64)
    near = positions_um is not None and way != "lpt" and bool(np.isfinite(positions_um).any())
    places = positions_um if item_of is None or positions_um is None else positions_um[first]
    owner = np.zeros(len(cost), np.int32)
    paid = np.flatnonzero(cost > 0.0)
    if len(paid) < len(cost):
        free = np.flatnonzero(cost == 0.0)
        owner[free] = np.arange(len(free)) * size // len(free)
    if len(paid):
        order = along_curve(places[paid]) if near and places is not None else None
        owner[paid] = _shared_out(cost[paid], size, order)
    return owner if item_of is None else owner[item_of]


def _checked(costs: ArrayLike, size: int, positions_um: Floats | None, way: str) -> Floats:
    found = np.asarray(costs, np.float64)
    if way not in WAYS:
        raise ModelError(f"partition: way={way!r} is not known; allowed: {', '.join(WAYS)}")
    if size != int(size) or not 1 <= size < 2**31:
        raise ModelError(f"partition: size={size} is not allowed; give a whole number of ranks of at least 1")
    bad = ~(np.isfinite(found) & (found >= 0.0))
    if found.ndim != 1 or bad.any():
        what = f"shape {found.shape}" if found.ndim != 1 else f"{found[bad][0]} for gid {int(np.flatnonzero(bad)[0])}"
        raise ModelError(f"partition: costs: {what}; allowed: one finite number of at least 0 for each cell")
    if positions_um is None:
        if way == "curve":
            raise ModelError("partition: way='curve' needs the cells' places; give positions_um or way='lpt'")
    elif np.shape(positions_um) != (len(found), 3):
        raise ModelError(
            f"partition: positions_um has shape {np.shape(positions_um)}; allowed: ({len(found)}, 3), one row a cell"
        )
    return found


def _items(costs: Floats, size: int, together: Sequence[Longs]) -> tuple[NDArray[np.int32] | None, Longs]:
    """Return the item of each cell, int32 (cells,), and the lowest gid of each item; None where each cell is one."""
    if not len(together):
        return None, np.zeros(0, np.int64)
    head = np.arange(len(costs), dtype=np.int32)
    taken = np.zeros(len(costs), np.bool_)
    share = float(costs.sum()) / size
    for members in together:
        gids = np.unique(np.asarray(members, np.int64))
        if len(gids) and not (0 <= gids[0] and gids[-1] < len(costs)):
            wrong = gids[0] if gids[0] < 0 else gids[-1]
            raise ModelError(f"partition: together: gid {wrong} is not there; allowed: 0 to {len(costs) - 1}")
        if taken[gids].any():
            raise ModelError(f"partition: together: gid {gids[taken[gids]][0]} is in two sets; join them")
        taken[gids] = True
        for piece in pieces(costs[gids], share):
            head[gids[piece]] = gids[piece[0]]
    first, item_of = np.unique(head, return_inverse=True)
    return item_of.reshape(-1).astype(np.int32), first.astype(np.int64)


def pieces(costs: Floats, share: float) -> list[Longs]:
    """Divide a coupled set: one piece when it fits, else pieces of at most a rank's share in the order given.

    Parameters
    ----------
    costs : float64 (n,)
        Costs of its cells.
    share : float
        Mean load of a rank.
    """
    whole = float(costs.sum())
    if not len(costs) or whole <= FITS * share:
        return [np.arange(len(costs))] if len(costs) else []
    number = int(np.ceil(whole / share))
    middle = np.cumsum(costs) - 0.5 * costs
    which = np.minimum((middle * (number / whole)).astype(np.int64), number - 1)
    return [np.flatnonzero(which == k) for k in np.unique(which)]


def _shared_out(cost: Floats, size: int, order: Longs | None) -> Owners:
    """Return the rank of each item, int32 (items,); ``order`` is that of the curve."""
    chunk_first, rank_first = np.array([0, len(cost)]), np.array([0, size])
    sequence = np.arange(len(cost)) if order is None else order
    if order is not None:
        chunk_first, rank_first = _lumps(cost[order], size)
    for a, b in zip(chunk_first[:-1].tolist(), chunk_first[1:].tolist(), strict=True):
        # Stable: of equal costs the first in the sequence comes first.
        sequence[a:b] = sequence[a:b][np.argsort(-cost[sequence[a:b]], kind="stable")]
    falling = cost[sequence]
    found = np.empty(len(cost), np.int32)
    kernel("lpt", "assign", len(cost))(falling, chunk_first, rank_first, found)
    owner = np.empty(len(cost), np.int32)
    owner[sequence] = _in_runs(falling, chunk_first, found, size)
    return owner


def _lumps(cost: Floats, size: int) -> tuple[Longs, Longs]:
    """Cut the curve into lumps: their first items and first ranks, int64 (lumps + 1,) each.

    Few ranks a lump keep near cells together; many balance better.
    """
    sums = np.cumsum(cost)
    share = float(sums[-1]) / size
    ranks_each = 1
    while ranks_each < size and ranks_each * share < CELLS_A_LUMP * float(cost.max()):
        ranks_each *= 2
    rank_first = np.append(np.arange(0, size, ranks_each), size).astype(np.int64)
    chunk_first = np.searchsorted(sums - 0.5 * cost, float(sums[-1]) * (rank_first / size)).astype(np.int64)
    chunk_first[0], chunk_first[-1] = 0, len(cost)
    return chunk_first, rank_first


def _in_runs(falling: Floats, chunk_first: Longs, owner: Owners, size: int) -> Owners:
    """Exchange items of equal cost, so that those of one rank follow one another."""
    new = np.ones(len(falling), np.bool_)
    np.not_equal(falling[1:], falling[:-1], out=new[1:])
    new[chunk_first[:-1][chunk_first[:-1] < len(new)]] = True
    if new.all():
        return owner
    keys = (np.cumsum(new) - 1) * np.int64(size) + owner
    keys.sort()
    return (keys % size).astype(np.int32)
