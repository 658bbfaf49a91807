"""What a partition is like, in words and numbers, before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import ModelError
from neurosim.exchange import Floats, Longs, Owners
from neurosim.hpc.memory import FORMULA, Bytes
from neurosim.hpc.traffic import Edges, Traffic, expected_sources, traffic_of


@dataclass(frozen=True)
class Spread:
    """Least, median and largest of the ranks' values."""

    least: float
    median: float
    most: float

    @classmethod
    def of(cls, values: ArrayLike) -> Spread:
        """Return the spread of one value a rank."""
        found = np.asarray(values, float)
        return cls(float(found.min()), float(np.median(found)), float(found.max()))

    def text(self, unit: str = "", digits: int = 0) -> str:
        """Return ``least / median / most`` for people."""
        numbers = " / ".join(f"{x:,.{digits}f}" for x in (self.least, self.median, self.most))
        return f"{numbers} {unit}".rstrip()


@dataclass(frozen=True)
class Balance:
    """Facts of a partition.

    Parameters
    ----------
    ranks, cells_n : int
        Sizes.
    load : Spread
        Cost of a rank, in the unit of the costs.
    mean_load : float
        Mean of the ranks.
    largest_gid, largest_cost : int, float
        The most costly cell.
    cells, compartments, synapses : Spread
        Of a rank; None where not known.
    sources, heard, partners : Spread
        Of a rank: distinct sources of its synapses, those that others own, ranks from which they come.
    from_edges : bool
        Whether these come from the connections; otherwise they are expected values.
    bytes : Spread
        Memory of a rank by the formula.
    sets_n, divided : int
        Coupled sets, and how many of them are on more than one rank.
    """

    ranks: int
    cells_n: int
    load: Spread
    mean_load: float
    largest_gid: int
    largest_cost: float
    cells: Spread
    compartments: Spread | None = None
    synapses: Spread | None = None
    sources: Spread | None = None
    heard: Spread | None = None
    partners: Spread | None = None
    from_edges: bool = False
    bytes: Spread | None = None
    sets_n: int = 0
    divided: int = 0

    @property
    def imbalance(self) -> float:
        """Largest load over the mean."""
        return self.load.most / self.mean_load if self.mean_load else 1.0

    @property
    def largest_over_share(self) -> float:
        """The most costly cell over the mean load of a rank."""
        return self.largest_cost / self.mean_load if self.mean_load else 0.0

    def text(self) -> str:
        """Return the report, some lines."""
        lines = [f"partition: {self.cells_n:,} cells on {self.ranks:,} ranks", *self._of_load(), *self._of_ranks()]
        if self.sets_n:
            lines.append(self._of_sets())
        return "\n".join(lines)

    def _of_load(self) -> list[str]:
        least = self.load.least / self.mean_load if self.mean_load else 1.0
        lines = [
            f"  load: largest {self.imbalance:.4f} of the mean, least {least:.4f}",
            f"  largest cell: gid {self.largest_gid}, {self.largest_over_share:.3f} of a rank's share",
        ]
        if self.largest_over_share > 1.0:
            lines.append(
                f"  bound: the largest cell; no partition takes less than {self.largest_over_share:.2f} of the mean "
                f"load, and more than {max(1, int(self.ranks / self.largest_over_share)):,} ranks win nothing. "
                "A cell is computed by one thread: it is not split at its branch points."
            )
        if self.cells.least == 0.0:
            lines.append("  some ranks have no cells; use fewer ranks")
        return lines

    def _of_ranks(self) -> list[str]:
        lines = ["  of a rank, least / median / most:", f"    cells         {self.cells.text()}"]
        for name, spread in (("compartments", self.compartments), ("synapses", self.synapses)):
            if spread is not None:
                lines.append(f"    {name:13} {spread.text()}")
        how = "from the connections" if self.from_edges else "expected, sources drawn from all cells"
        for name, spread in (("sources", self.sources), ("heard", self.heard), ("messages", self.partners)):
            if spread is not None:
                what = {"sources": how, "heard": "sources of other ranks", "messages": "that arrive in an exchange"}
                lines.append(f"    {name:13} {spread.text()}  ({what[name]})")
        if self.bytes is not None:
            lines.append(f"    memory        {_mebi(self.bytes)}  ({FORMULA})")
        return lines

    def _of_sets(self) -> str:
        if not self.divided:
            return f"  coupled sets: {self.sets_n:,}, each on one rank"
        return (
            f"  coupled sets: {self.sets_n:,}, of which {self.divided:,} do not fit a rank's share and are divided: "
            "their ranks meet in every step"
        )


def _mebi(spread: Spread) -> str:
    return Spread(*(x / 2**20 for x in (spread.least, spread.median, spread.most))).text("MiB", 2)


def balance_of(
    owner: Owners,
    costs: ArrayLike,
    size: int | None = None,
    *,
    together: Sequence[Longs] = (),
    compartments_n: ArrayLike | None = None,
    synapses_n: ArrayLike | None = None,
    edges: Sequence[Edges] | None = None,
    silent: Longs | None = None,
    each: Bytes | None = None,
) -> Balance:
    """Return what a partition is like.

    Parameters
    ----------
    owner : int32 (cells,)
        Rank of each cell.
    costs : float64 (cells,)
        Cost of each.
    size : int, optional
        Number of ranks; the highest rank + 1 when omitted.
    together : sequence of int64 arrays
        Coupled sets.
    compartments_n, synapses_n : int (cells,), optional
        Of each cell.
    edges : sequence of Connections, optional
        All connections, for what travels.
    silent : int64 (n,), optional
        Cells whose spikes need not travel: given trains.
    each : Bytes, optional
        Bytes of a compartment, a synapse, a source; neurosim's own when omitted.
    """
    ranks = size if size is not None else int(owner.max()) + 1
    cost = np.asarray(costs, float)
    if cost.shape != owner.shape or not len(owner):
        raise ModelError(f"balance_of: costs has shape {cost.shape}; allowed: {owner.shape}, one a cell, at least one")
    loads = np.bincount(owner, cost, ranks)
    comps, syns = (None if n is None else _summed(owner, n, ranks) for n in (compartments_n, synapses_n))
    traffic = None if edges is None else traffic_of(owner, ranks, edges, silent)
    sources = _sources(traffic, syns, len(owner))
    memory = None
    if comps is not None and syns is not None and sources is not None:
        memory = (each or Bytes()).of_rank(comps, syns, sources, len(owner), ranks)
    largest = int(np.argmax(cost))
    return Balance(
        ranks=ranks,
        cells_n=len(owner),
        load=Spread.of(loads),
        mean_load=float(loads.mean()),
        largest_gid=largest,
        largest_cost=float(cost[largest]),
        cells=Spread.of(np.bincount(owner, minlength=ranks)),
        compartments=None if comps is None else Spread.of(comps),
        synapses=None if syns is None else Spread.of(syns),
        sources=None if sources is None else Spread.of(sources),
        heard=None if traffic is None else Spread.of(traffic.heard),
        partners=None if traffic is None else Spread.of(traffic.partners),
        from_edges=traffic is not None,
        bytes=None if memory is None else Spread.of(memory),
        sets_n=len(together),
        divided=sum(len(np.unique(owner[np.asarray(members, np.int64)])) > 1 for members in together),
    )


def _summed(owner: Owners, values: ArrayLike, ranks: int) -> Floats:
    return np.bincount(owner, np.asarray(values, float), ranks).astype(float)


def _sources(traffic: Traffic | None, synapses: Floats | None, cells_n: int) -> Floats | None:
    if traffic is not None:
        return traffic.sources.astype(float)
    return None if synapses is None else expected_sources(synapses, cells_n)


def report(
    owner: Owners,
    costs: ArrayLike,
    size: int | None = None,
    *,
    together: Sequence[Longs] = (),
    compartments_n: ArrayLike | None = None,
    synapses_n: ArrayLike | None = None,
    edges: Sequence[Edges] | None = None,
    silent: Longs | None = None,
    each: Bytes | None = None,
) -> str:
    """Return the text of ``balance_of``, whose arguments these are."""
    found = balance_of(
        owner,
        costs,
        size,
        together=together,
        compartments_n=compartments_n,
        synapses_n=synapses_n,
        edges=edges,
        silent=silent,
        each=each,
    )
    return found.text()
