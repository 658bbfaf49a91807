"""Where the current of a cell enters: in all of its membrane alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.model.cell import Cell
from neurosim.model.network import Network

Floats = NDArray[np.float64]


def spread(network: Network, gids: NDArray[np.int32]) -> tuple[Floats, list[int], list[int]]:
    """Return where the currents of cells enter, in all of the membrane alike.

    Returns
    -------
    share : float64 (places, cells)
        What each place gets of the current of each cell.
    gids, nodes : list of int
        The places.
    """
    shares: list[Floats] = []
    places: list[tuple[int, int]] = []
    for column, gid in enumerate(gids.tolist()):
        cell = network.cells[gid]
        assert isinstance(cell, Cell)
        area = cell.tree.area_um2
        nodes = np.flatnonzero(area > 0.0)
        block = np.zeros((len(nodes), len(gids)))
        block[:, column] = area[nodes] / area.sum()
        shares.append(block)
        places += [(gid, node) for node in nodes.tolist()]
    share = np.concatenate(shares) if shares else np.zeros((0, 0))
    return share, [gid for gid, _ in places], [node for _, node in places]
