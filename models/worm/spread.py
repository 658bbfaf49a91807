"""Where the current of a cell enters: in all of its membrane alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.model.cell import Cell
from neurosim.model.network import Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Spread:
    """The compartments of some cells.

    Parameters
    ----------
    row : int64 (places,)
        Which of the cells, by its position among those asked for.
    share : float64 (places,)
        What the place gets of its cell's current; 1 together for a cell.
    gids, nodes : tuple of int (places,)
        The places.
    """

    row: Ints
    share: Floats
    gids: tuple[int, ...]
    nodes: tuple[int, ...]


def spread(network: Network, gids: NDArray[np.int32]) -> Spread:
    """Return the compartments of cells, each with its part of the cell's membrane."""
    rows, shares, nodes = [np.zeros(0, np.int64)], [np.zeros(0)], [np.zeros(0, np.int64)]
    for row, gid in enumerate(gids.tolist()):
        cell = network.cells[gid]
        assert isinstance(cell, Cell)
        area = cell.tree.area_um2
        nodes.append(np.flatnonzero(area > 0.0))
        rows.append(np.full(len(nodes[-1]), row, np.int64))
        shares.append(area[nodes[-1]] / area.sum())
    row_of = np.concatenate(rows)
    at = (gids[row_of].tolist(), np.concatenate(nodes).tolist())
    return Spread(row_of, np.concatenate(shares), tuple(at[0]), tuple(at[1]))
