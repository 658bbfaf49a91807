"""Which part of a simulation a process computes: who owns which cell, and the cells and rows of this one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.cost import costs_of
from neurosim.engine.coupling import coupled_sets
from neurosim.engine.layout import AnyCell
from neurosim.exchange import Exchange
from neurosim.model.connections import Connections, Couplings
from neurosim.model.network import Network
from neurosim.model.point import Elsewhere, PointCell, SpikeTrain

Owners = NDArray[np.int32]
Table = TypeVar("Table", Connections, Couplings)


class Share:
    """The part of one process.

    Parameters
    ----------
    exchange : Exchange
        The processes.
    owner : int32 (cells,)
        Which process computes each cell.
    """

    def __init__(self, exchange: Exchange, owner: Owners) -> None:
        self.exchange, self.owner = exchange, owner

    def owns(self, gid: int) -> bool:
        """Return whether this process computes a cell."""
        return self.exchange.alone or int(self.owner[gid]) == self.exchange.rank

    def records(self, records: Sequence[AnyCell]) -> Sequence[AnyCell]:
        """Return the cells as the engine is to see them: those of others elsewhere, but for given trains."""
        if self.exchange.alone:
            return records
        outer, inner = Elsewhere(), Elsewhere(within=True)
        mine = (self.owner == self.exchange.rank).tolist()
        return [
            c if own or isinstance(c, SpikeTrain) else inner if isinstance(c, PointCell) else outer
            for c, own in zip(records, mine, strict=True)
        ]

    def rows(self, table: Table) -> Table:
        """Return the rows of a table whose target is computed here, in the same order."""
        if self.exchange.alone:
            return table
        return table.rows(np.flatnonzero(self.owner[table.target_gid] == self.exchange.rank))


def divided(
    exchange: Exchange,
    records: Sequence[AnyCell],
    connections: Sequence[Connections],
    couplings: Sequence[Couplings],
    places_um: NDArray[np.float64] | None,
) -> Owners:
    """Return who computes which cell, int32 (cells,), by what the cells cost; every process calls this.

    Parameters
    ----------
    exchange : Exchange
        The processes.
    records, connections, couplings : sequences
        The whole model.
    places_um : float64 (cells, 3), optional
        Where the cells are; rows of NaN where that is not known.
    """
    if exchange.alone:
        return np.zeros(len(records), np.int32)
    synapses_n = np.zeros(len(records), np.int64)
    for targets in (*(t.target_gid for t in connections), *(t.target_gid for t in couplings)):
        synapses_n += np.bincount(targets, minlength=len(records))[: len(records)]
    costs = costs_of(records, synapses_n, tables=connections)
    return exchange.owners(costs, coupled_sets(records, couplings), places_um)


def places_um_of(network: Network | None) -> NDArray[np.float64] | None:
    """Return where the cells of a network are, float64 (cells, 3); rows of NaN where that is not known."""
    if network is None:
        return None
    places = np.full((len(network.cells), 3), np.nan)
    for population in network.populations.values():
        if population.positions_um is not None:
            places[population.first_gid : population.first_gid + len(population)] = population.positions_um
    return None if np.isnan(places).all() else places
