"""``Projection``: what one call of ``Network.connect`` or ``couple`` says, and the rows that follow from it.

A projection keeps the description. Its rows are a function of it, of the seed and of the targets asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.connections import Connections, Couplings
from neurosim.model.pairs import Pair, Rows, Rule
from neurosim.model.places import Places
from neurosim.model.random import key_of
from neurosim.model.rules import AllToAll, Bernoulli, DistanceDependent
from neurosim.model.values import Column
from neurosim.results import optional

Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Projection:
    """Connections of one kind between two populations.

    Parameters
    ----------
    name : str
        ``"E->I"``; from the second call on between two populations with its number.
    pair : Pair
        Source and target.
    rule : Rule
        Who is connected.
    mechanism : Mechanism or None
        Synapse; None where the targets are point cells.
    columns : dict
        Values: ``weight``, ``delay_ms`` and parameters.
    places : Places or None
        Where on the targets.
    key : uint64
        Of all that is drawn here.
    """

    name: str
    pair: Pair
    rule: Rule
    mechanism: Mechanism | None
    columns: dict[str, Column]
    places: Places | None
    key: np.uint64

    def rows(self, targets: Ints | None = None) -> Rows:
        """Return the rows of some targets (positions), or of all."""
        wanted = np.arange(self.pair.target.n, dtype=np.int32) if targets is None else np.unique(targets)
        return self.rule.draw(self.pair, key_of(int(self.key), "rule"), wanted.astype(np.int32))

    @cached_property
    def connections(self) -> Connections:
        """All connections; drawn when first asked for, and kept."""
        return self.draw()

    def __len__(self) -> int:
        return len(self.connections)

    def __repr__(self) -> str:
        drawn = f"{len(self)} connections" if "connections" in self.__dict__ else "not drawn"
        synapse = "events" if self.mechanism is None else self.mechanism.name
        return f"<Projection {self.name}: {synapse}; {self.rule!r}; {drawn}>"

    def in_degrees(self) -> NDArray[np.int64]:
        """Return the number of connections of each target, int64 (targets,)."""
        gids = self.connections.target_gid - self.pair.target.first_gid
        return np.bincount(gids, minlength=len(self.pair.target.members))[self.pair.target.index]

    def out_degrees(self) -> NDArray[np.int64]:
        """Return the number of connections of each source, int64 (sources,)."""
        gids = self.connections.source_gid - self.pair.source.first_gid
        return np.bincount(gids, minlength=len(self.pair.source.members))[self.pair.source.index]

    def to_dataframe(self) -> Any:
        """Return a pandas data frame: gids, node, weight, delay and parameters, one row a connection."""
        rows = self.connections
        fixed = {name: getattr(rows, name) for name in ("source_gid", "target_gid", "node", "weight", "delay_ms")}
        return optional("Projection.to_dataframe", "pandas").DataFrame({**fixed, **rows.values})

    def draw(self, targets: Ints | None = None) -> Connections:
        """Draw the connections that go to some targets (positions in the population), or to all."""
        rows = self.rows(targets)
        values = {name: column.of(self.pair, rows, self.key) for name, column in self.columns.items()}
        weight, delay_ms = (_full(values.pop(name), len(rows)) for name in ("weight", "delay_ms"))
        node = nodes(self.places, self.pair, rows, key_of(int(self.key), "place"))
        source_gid, target_gid = gids(self.pair, rows)
        return Connections(self.mechanism, source_gid, target_gid, node, weight, delay_ms, values)


@dataclass(frozen=True, eq=False)
class Junctions:
    """Couplings of one kind between two populations: gap junctions (both sides) or one-sided ones.

    Parameters are those of ``Projection``; ``source_places`` is where on the sources, ``mutual`` whether the source
    feels the target as well.
    """

    name: str
    pair: Pair
    rule: Rule
    mechanism: Mechanism
    columns: dict[str, Column]
    places: Places
    source_places: Places
    mutual: bool
    key: np.uint64

    def rows(self) -> Rows:
        """Return one row a junction.

        Where a rule looks at every ordered pair of one population, each two cells are looked at once.
        """
        targets = np.arange(self.pair.target.n, dtype=np.int32)
        rows = self.rule.draw(self.pair, key_of(int(self.key), "rule"), targets)
        if self.mutual and self.pair.same and isinstance(self.rule, AllToAll | Bernoulli | DistanceDependent):
            source_gid, target_gid = gids(self.pair, rows)
            shared = (self.pair.own[rows.target] >= 0) & (self.pair.own_target[rows.source] >= 0)
            rows = rows.take((source_gid < target_gid) | ~shared)
        return rows

    def __len__(self) -> int:
        return len(self.couplings)

    def __repr__(self) -> str:
        drawn = f"{len(self)} rows" if "couplings" in self.__dict__ else "not drawn"
        return f"<Junctions {self.name}: {self.mechanism.name}; {self.rule!r}; {drawn}>"

    @cached_property
    def couplings(self) -> Couplings:
        """All couplings; drawn when first asked for, and kept.

        First the targets' rows, one a junction, then the sources' in the same order if mutual.
        """
        rows = self.rows()
        values = {name: column.of(self.pair, rows, self.key) for name, column in self.columns.items()}
        source_gid, target_gid = gids(self.pair, rows)
        target_node = nodes(self.places, self.pair, rows, key_of(int(self.key), "place"))
        # The stream of a place on the source is the target's, as of all that is drawn for a junction.
        streams = self.pair.target.index[rows.target]
        source_node = self.source_places.nodes(key_of(int(self.key), "source place"), streams, rows.number, rows.source)
        if self.mutual:
            source_gid, target_gid = _both(source_gid, target_gid), _both(target_gid, source_gid)
            source_node, target_node = _both(source_node, target_node), _both(target_node, source_node)
            values = {k: v if isinstance(v, float) else np.concatenate([v, v]) for k, v in values.items()}
        pointer = self.mechanism.pointers[0]
        return Couplings(
            self.mechanism,
            pointer,
            source_gid=source_gid,
            source_node=source_node,
            target_gid=target_gid,
            target_node=target_node,
            values=values,
        )


def _both(a: Ints, b: Ints) -> Ints:
    return np.concatenate([a, b])


def gids(pair: Pair, rows: Rows) -> tuple[Ints, Ints]:
    """Return source and target gid of each row."""
    return pair.source.gids[rows.source], pair.target.gids[rows.target]


def nodes(places: Places | None, pair: Pair, rows: Rows, key: np.uint64) -> Ints:
    """Return the target's compartment of each row; 0 for point cells."""
    if places is None:
        return np.zeros(len(rows), np.int32)
    return places.nodes(key, pair.target.index[rows.target], rows.number, rows.target)


def _full(value: Any, n: int) -> NDArray[np.float64]:
    return np.full(n, value) if np.ndim(value) == 0 else np.asarray(value, float)
