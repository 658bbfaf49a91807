"""What travels between ranks: sources that each must hear, and with how many others it speaks.

From the connections of a model where they are known, otherwise from their number: a rank whose cells have S synapses
from any of N cells hears ``N (1 - exp(-S/N))`` of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neurosim.exchange import Longs, Owners


class Edges(Protocol):
    """Connections or couplings: who acts on whom."""

    @property
    def source_gid(self) -> NDArray[np.int32]:
        """Sources, int32 (n,)."""

    @property
    def target_gid(self) -> NDArray[np.int32]:
        """Targets, int32 (n,)."""


@dataclass(frozen=True)
class Traffic:
    """Directories of a partition.

    Parameters
    ----------
    sources : int64 (ranks,)
        Distinct sources with a synapse on the rank.
    heard : int64 (ranks,)
        Those of them that other ranks own.
    told : int64 (ranks,)
        Other ranks to which each own source is sent, summed over the sources: the sums of ``heard`` and ``told`` agree.
    partners : int64 (ranks,)
        Other ranks from which something is heard: messages that arrive in an exchange between neighbours.
    """

    sources: Longs
    heard: Longs
    told: Longs
    partners: Longs


def traffic_of(owner: Owners, size: int, edges: Sequence[Edges], silent: Longs | None = None) -> Traffic:
    """Return the directories of a partition.

    Parameters
    ----------
    owner : int32 (cells,)
        Rank of each cell.
    size : int
        Number of ranks.
    edges : sequence of Connections or Couplings
        All rows, or those onto the cells of some ranks.
    silent : int64 (n,), optional
        Sources that need not be sent: given trains are known everywhere.
    """
    cells_n = np.int64(len(owner))
    keys = np.zeros(0, np.int64)
    for table in edges:
        mine = owner[table.target_gid].astype(np.int64) * cells_n + table.source_gid
        keys = np.unique(np.concatenate([keys, mine]))
    if silent is not None and len(silent):
        keys = keys[~np.isin(keys % cells_n, silent)]
    hears, source = keys // cells_n, keys % cells_n
    says = owner[source].astype(np.int64)
    away = hears != says
    pairs = np.unique(hears[away] * size + says[away])
    return Traffic(
        sources=np.bincount(hears, minlength=size),
        heard=np.bincount(hears[away], minlength=size),
        told=np.bincount(says[away], minlength=size),
        partners=np.bincount(pairs // size, minlength=size),
    )


def expected_sources(synapses_n: NDArray[np.float64], cells_n: int) -> NDArray[np.float64]:
    """Return how many distinct sources a rank with so many synapses has, when any cell may be one.

    Notes
    -----
    ``U = N (1 - exp(-S/N))``: the share of N cells that S draws hit.
    """
    return cells_n * -np.expm1(-np.asarray(synapses_n, float) / max(cells_n, 1))
