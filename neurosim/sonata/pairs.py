"""A block of edges together with the rows of its source and target nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.sonata.edges import EdgeBlock
from neurosim.sonata.hyperslabs import rows_of
from neurosim.sonata.roster import VIRTUAL, Member, NodeColumns
from neurosim.sonata.weights import find

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class EdgeColumns:
    """Properties of some edges; what weight functions see."""

    block: EdgeBlock

    def __contains__(self, name: object) -> bool:
        return self.block.attribute(str(name)) is not None

    def __getitem__(self, name: str) -> Floats:
        return self.block.needed(name, "its weight needs")


@dataclass(eq=False)
class Pair:
    """Edges and who they join.

    Parameters
    ----------
    block : EdgeBlock
        The edges.
    source, target : Member
        Populations of their ends.
    source_rows, target_rows : int64 (n,)
        Row of each end in its population.
    """

    block: EdgeBlock
    source: Member
    target: Member
    source_rows: Rows
    target_rows: Rows

    @property
    def number(self) -> npt.NDArray[np.int32]:
        """Return the number of each target in the simulation."""
        return self.target.number[self.target_rows]

    def chosen(self, inside: npt.NDArray[Any]) -> Pair:
        """Return some of the edges: a mask or places."""
        return Pair(
            self.block.chosen(inside), self.source, self.target, self.source_rows[inside], self.target_rows[inside]
        )

    def turned(self) -> Pair:
        """Return the edges with source and target exchanged: the other side of a gap junction."""
        return Pair(self.block, self.target, self.source, self.target_rows, self.source_rows)


def pair(block: EdgeBlock, source: Member, target: Member) -> Pair:
    """Return a block with the rows of its nodes; a node that does not exist is an error."""
    rows = []
    for member, ids in ((source, block.source_ids), (target, block.target_ids)):
        found = member.rows(ids)
        missing = np.flatnonzero(found < 0)
        if len(missing):
            at = int(missing[0])
            raise block.error(at, f"needs node {ids[at]} of {member.population.name!r}, which its nodes file lacks.")
        rows.append(found)
    return Pair(block, source, target, rows[0], rows[1])


def of_virtual(edges: Pair) -> Mask:
    """Return which edges start at virtual nodes."""
    virtual: Mask = edges.source.kind[edges.source_rows] == VIRTUAL
    return virtual


def of_cells(edges: Pair) -> Mask:
    """Return which edges start at cells that are simulated."""
    return ~of_virtual(edges)


def by_node(edges: Pair, weight: Floats) -> tuple[npt.NDArray[np.int32], Floats]:
    """Let each edge be driven by its own source node."""
    return edges.source.number[edges.source_rows], weight


def weights(edges: Pair) -> Floats:
    """Return the weight of each edge: ``weight_function`` where it has one, else ``syn_weight``."""
    block = edges.block
    codes, labels = block.labels("weight_function")
    result = np.empty(len(block))
    for code in np.unique(codes):
        same = np.flatnonzero(codes == code)
        part = edges if len(same) == len(block) else edges.chosen(same)
        sources, targets = NodeColumns(part.source, part.source_rows), NodeColumns(part.target, part.target_rows)
        name = str(labels[code][0]) if labels[code][0] is not None else "default"
        key = block.reader.population.key
        found = np.asarray(find(name, key)(EdgeColumns(part.block), sources, targets), dtype=np.float64)
        if found.shape != (len(same),):
            message = f"weight_function {name!r} returned shape {found.shape}; it must be ({len(same)},), one an edge."
            raise SonataError(message, key=key)
        check(part.block, np.isfinite(found), found, f"got no finite weight from weight_function {name!r}")
        result[same] = found
    return result


def synapse_rows(ends: Rows, count: Rows, edges: Rows) -> Rows:
    """Return the rows of the synapses of some edges; ``ends`` is the cumulated ``count`` of all edges."""
    return rows_of(np.stack([ends[edges] - count[edges], ends[edges]], axis=1))


def groups(codes: Rows, inside: Mask) -> list[Rows]:
    """Return the places of equal codes among those inside, each ascending."""
    at = np.flatnonzero(inside)
    if len(at) == 0:
        return []
    order = np.argsort(codes[at], kind="stable")
    breaks = np.flatnonzero(np.diff(codes[at][order])) + 1
    return [at[part] for part in np.split(order, breaks)]


def first_of(block: EdgeBlock, names: tuple[str, ...]) -> Floats:
    """Return the first of several attributes that an edge has, float64 (n,), NaN where it has none."""
    found = block.numbers(names[0])
    for name in names[1:]:
        if np.isnan(found).any():
            found = np.where(np.isnan(found), block.numbers(name), found)
    return found


def whole(block: EdgeBlock, values: Floats, needed: Mask) -> Rows:
    """Return nsyns as whole numbers where needed, 0 elsewhere."""
    with np.errstate(invalid="ignore"):
        good = (values >= 0) & (values == np.floor(values)) & (values < 2**31)
    check(block, ~needed | good, values, "nsyns must be a whole number of 0 or more")
    return np.where(needed, values, 0).astype(np.int64)


def flags(block: EdgeBlock, name: str) -> Mask:
    """Return a property that is true or false; missing is false."""
    column = block.attribute(name)
    if column is None:
        return np.zeros(len(block), dtype=bool)
    if column.dtype == np.float64:
        return np.asarray(np.nan_to_num(column) != 0.0)
    return np.array([str(v).lower() in ("true", "1", "1.0", "yes") for v in column], dtype=bool)


def check(block: EdgeBlock, good: Mask, values: Floats, message: str) -> None:
    """Raise an error at the first edge that is not good."""
    wrong = np.flatnonzero(~good)
    if len(wrong):
        at = int(wrong[0])
        raise block.error(at, f"{message}; got {values[at]:g}." if np.isfinite(values[at]) else f"{message}.")
