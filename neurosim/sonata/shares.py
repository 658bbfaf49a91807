"""Which process of a run computes which nodes, and what each reads for that.

Every process reads the nodes and the indices of the edges, from which it knows what each cell costs: its compartments,
mechanisms and number of synapses. The processes then divide the cells (``Exchange.owners``), and each wires the edges
that end on its own. Where gap junctions have no given place, it is drawn from a stream of the cell; a process that sees
the voltage of a cell elsewhere then reads the edges of that cell too, to draw what its owner draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurosim.engine.cost import costs_of
from neurosim.exchange import Exchange
from neurosim.model.cell import Cell
from neurosim.model.point import PointCell, SpikeTrain
from neurosim.sonata.edges import EdgePopulation, EdgeReader
from neurosim.sonata.pairs import Mask, flags, pair
from neurosim.sonata.roster import VIRTUAL, Roster

CONTINUOUS = "nmodl:"
"""Beginning of a ``model_template`` that reads a voltage in every step."""
GAP = "is_gap_junction"

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Share:
    """What one process of several computes.

    Parameters
    ----------
    owner : int32 (nodes,)
        Process of each node, by its number in the simulation.
    costs_ns : float64 (nodes,)
        What each node costs in a step.
    synapses_n : int64 (nodes,)
        Edges onto each node.
    own : bool (nodes,)
        Nodes of this process.
    read : bool (nodes,)
        Nodes whose edges it reads: its own, and those with which they share gap junctions.
    """

    owner: npt.NDArray[np.int32]
    costs_ns: Floats
    synapses_n: Longs
    own: Mask
    read: Mask


def divide(
    exchange: Exchange, roster: Roster, cells: Mapping[int, Cell], points: Mapping[int, PointCell],
    edges: Sequence[EdgePopulation],
) -> Share:  # fmt: skip
    """Divide the nodes among the processes; collective.

    Parameters
    ----------
    exchange : Exchange
        The processes.
    roster : Roster
        Numbers of nodes.
    cells, points : mapping
        gid -> cell.
    edges : sequence of EdgePopulation
        All populations of edges.
    """
    synapses_n = np.zeros(roster.nodes_n, np.int64)
    coupled, gaps = [np.zeros((0, 2), np.int64)], [np.zeros((0, 2), np.int64)]
    for population in edges:
        member = roster.members[population.target]
        with population.open() as reader:
            simulated = member.kind != VIRTUAL
            np.add.at(synapses_n, member.number[simulated], reader.edges_n(member.simulated_ids))
            if has_gaps(reader) or has_continuous(reader):
                both, drawn = _links(reader, population, roster)
                coupled.append(both)
                gaps.append(drawn)
    silent = SpikeTrain()
    everybody = [cells.get(gid) or points.get(gid) or silent for gid in roster.gids.tolist()]
    costs_ns = costs_of(everybody, synapses_n)
    owner = exchange.owners(costs_ns, sets_of(np.concatenate(coupled)), _positions_um(roster))
    own = owner == exchange.rank
    read = own.copy()
    drawn = np.concatenate(gaps)
    read[drawn[own[drawn].any(axis=1)].reshape(-1)] = True
    return Share(owner, costs_ns, synapses_n, own, read)


def has_gaps(reader: EdgeReader) -> bool:
    """Return whether edges of a population can be gap junctions."""
    return GAP in reader.population.types.columns or any(GAP in group for group in reader.groups.values())


def has_continuous(reader: EdgeReader) -> bool:
    """Return whether edges of a population can read a voltage in every step."""
    words = reader.population.types.columns.get("model_template", ())
    in_groups = any("model_template" in group for group in reader.groups.values())
    return in_groups or any(isinstance(word, str) and word.startswith(CONTINUOUS) for word in words)


def _links(reader: EdgeReader, population: EdgePopulation, roster: Roster) -> tuple[Longs, Longs]:
    """Return which nodes see one another's voltage, and those of gap junctions among them, int64 (n, 2) each."""
    source, target = roster.members[population.source], roster.members[population.target]
    both, drawn = [np.zeros((0, 2), np.int64)], [np.zeros((0, 2), np.int64)]
    for block in reader.blocks(target.simulated_ids):
        found = pair(block, source, target)
        codes, labels = block.labels("model_template")
        seeing = np.array([isinstance(t, str) and t.startswith(CONTINUOUS) for (t,) in labels], np.bool_)[codes]
        gap = flags(block, GAP)
        ends = np.stack([source.number[found.source_rows], found.number], axis=1).astype(np.int64)
        both.append(np.unique(ends[seeing | gap], axis=0))
        drawn.append(np.unique(ends[gap & ~seeing], axis=0))
    return np.concatenate(both), np.concatenate(drawn)


def sets_of(pairs: Longs) -> list[Longs]:
    """Return the sets of nodes that pairs tie together, directly or through others.

    Parameters
    ----------
    pairs : int64 (n, 2)
        Nodes.

    Returns
    -------
    list of int64 arrays
        Each ascending, by their smallest nodes.
    """
    above: dict[int, int] = {}

    def root(node: int) -> int:
        while above.setdefault(node, node) != node:
            above[node] = above[above[node]]
            node = above[node]
        return node

    for a, b in np.unique(pairs, axis=0).tolist():
        low, high = sorted((root(a), root(b)))
        above[high] = low
    sets: dict[int, list[int]] = {}
    for node in sorted(above):
        sets.setdefault(root(node), []).append(node)
    return [np.array(members, np.int64) for members in sets.values() if len(members) > 1]


def _positions_um(roster: Roster) -> Floats | None:
    """Return where the nodes are, float64 (nodes, 3), NaN where that is not said; None if it is said of none."""
    places = np.full((roster.nodes_n, 3), np.nan)
    for member in roster.members.values():
        if {"x", "y", "z"} <= set(member.population.names):
            for axis, name in enumerate("xyz"):
                places[member.number, axis] = member.population.numbers(name, float("nan"))
    return None if np.isnan(places).all() else places
