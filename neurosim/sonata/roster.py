"""Who is who in the simulation: from population and node id to the cell's number, its kind and its properties.

The number of a cell is its place in the list of all nodes by ascending gid; ``Connections`` use it. Random placement
and node sets use the gid. Cells that no node stands for (sources of replayed spikes) come after the nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.sonata.nodes import Population

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]

GIDS = 2**31
"""Number of possible gids."""

BIOPHYSICAL, POINT, VIRTUAL = 0, 1, 2
CODES = {"biophysical": BIOPHYSICAL, "point": POINT, "virtual": VIRTUAL}


@dataclass(eq=False)
class Member:
    """One population in the simulation.

    Parameters
    ----------
    population : Population
        The nodes.
    order, sorted_ids : int64 (n,)
        Rows by ascending node id, and the node ids in that order.
    number : int32 (n,)
        The cell's number in the simulation, of each row.
    kind : uint8 (n,)
        ``BIOPHYSICAL``, ``POINT`` or ``VIRTUAL``, of each row.
    """

    population: Population
    order: Rows
    sorted_ids: Rows
    number: Ints
    kind: npt.NDArray[np.uint8]
    _numbers: dict[str, Floats | None] = field(default_factory=dict)

    def rows(self, node_ids: Rows) -> Rows:
        """Return the rows of node ids, int64 (n,), -1 where there is no such node."""
        if len(self.order) == 0:
            return np.full(len(node_ids), -1, dtype=np.int64)
        if self.sorted_ids[-1] == len(self.order) - 1:  # 0 to n - 1, as nearly always
            place = np.clip(node_ids, 0, len(self.order) - 1)
        else:
            place = np.minimum(np.searchsorted(self.sorted_ids, node_ids), len(self.order) - 1)
        found: Rows = np.where(self.sorted_ids[place] == node_ids, self.order[place], -1)
        return found

    @property
    def simulated_ids(self) -> Rows:
        """Return the node ids of cells that have a state, in the order of the file."""
        ids: Rows = self.population.node_ids[self.kind != VIRTUAL]
        return ids

    @property
    def counts(self) -> dict[str, int]:
        """Return kind -> number of nodes, kinds in the order of the file."""
        words = {code: word for word, code in CODES.items()}
        _, first = np.unique(self.kind, return_index=True)
        return {words[int(self.kind[k])]: int((self.kind == self.kind[k]).sum()) for k in np.sort(first)}

    def has(self, *kinds: int) -> bool:
        """Return whether any node is of these kinds."""
        return bool(np.isin(self.kind, kinds).any())

    def numbers(self, name: str) -> Floats | None:
        """Return a numeric property of all rows, NaN where missing; None if nobody has it."""
        if name not in self._numbers:
            known = self.population.attribute(name) is not None
            self._numbers[name] = self.population.numbers(name, float("nan")) if known else None
        return self._numbers[name]


@dataclass(frozen=True)
class NodeColumns:
    """Properties of the nodes at one end of some edges; what weight functions see.

    Parameters
    ----------
    member : Member
        Their population.
    at : int64 (n,)
        Row of each.
    """

    member: Member
    at: Rows

    def __contains__(self, name: object) -> bool:
        return self.member.population.attribute(str(name)) is not None

    def __getitem__(self, name: str) -> Floats:
        column = self.member.numbers(name)
        values = np.full(len(self.at), np.nan) if column is None else column[self.at]
        missing = np.flatnonzero(np.isnan(values))
        if len(missing):
            population = self.member.population
            raise SonataError(
                f"node {population.node_ids[self.at[missing[0]]]} of {population.name!r} has no {name}, "
                "which the weight_function of its edges needs.",
                key=population.key,
                path=population.path,
            )
        return values


class Roster:
    """All populations in the simulation.

    Parameters
    ----------
    populations : list of Population
        In the order of the configuration.
    """

    def __init__(self, populations: list[Population]) -> None:
        self.members: dict[str, Member] = {}
        self.nodes_n = 0
        for p in populations:
            if p.next_gid > GIDS:
                message = f"gids of {p.name!r} go up to {p.next_gid - 1}; at most {GIDS - 1}, number nodes from 0."
                raise SonataError(message, key=p.key, path=p.path)
            # gids ascend from population to population, and inside one with the node id.
            order = np.argsort(p.node_ids, kind="stable").astype(np.int64)
            number = np.empty(len(p), dtype=np.int32)
            number[order] = np.arange(len(p)) + self.nodes_n
            kinds = p.kinds()
            kind = np.zeros(len(p), dtype=np.uint8)
            for word, code in CODES.items():
                kind[kinds == word] = code
            self.members[p.name] = Member(p, order, p.node_ids[order], number, kind)
            self.nodes_n += len(p)

    @property
    def gids(self) -> Rows:
        """Return the gid of every node, int64 (n,): number in the simulation -> gid."""
        parts: list[Any] = [np.sort(m.population.gids) for m in self.members.values()]
        return np.asarray(np.concatenate([np.zeros(0, np.int64), *parts]), np.int64)
