"""The compartments of a cell as one tree of nodes: what the engine solves.

Nodes are the centres of the segments plus zero-area nodes: a section's far end where something hangs on it, and the
root's 0 end where more than one section hangs on it. Numbering is canonical (:mod:`neurosim.morphology.order`), so
cells of one topology share it. Geometry is NEURON's (:mod:`neurosim.morphology.geometry`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import LocationError, ModelError
from neurosim.morphology.geometry import all_segments, path_lengths
from neurosim.morphology.nseg import checked_nseg
from neurosim.morphology.order import canonical_order, prune, raw_parents
from neurosim.morphology.section import Morphology
from neurosim.morphology.shape import segment_coordinates

#: Discretisations kept per morphology.
_KEPT_TREES = 8


@dataclass(frozen=True, eq=False)
class CompartmentTree:
    """A discretised morphology.

    Attributes
    ----------
    parent_idx : int32 (n,)
        Parent node, parent < child, -1 at node 0.
    area_um2 : float64 (n,)
        Membrane area; 0 at zero-area nodes.
    ri_MOhm : float64 (n,)
        Axial resistance to the parent node; 0 at node 0.
    diam_um, length_um : float64 (n,)
        Of the segment; 0 at zero-area nodes.
    section_idx : int32 (n,)
        Section in the morphology's list.
    x : float64 (n,)
        Position of the node along its section: centres, 1.0 at a far end, 0.0 at the root's zero-area node.
    path_um : float64 (n,)
        Path distance of the node from the 0 end of the first section of the list.
    nseg : int32 (sections,)
        Segments of each section.
    """

    morphology: Morphology
    parent_idx: NDArray[np.int32]
    area_um2: NDArray[np.float64]
    ri_MOhm: NDArray[np.float64]
    diam_um: NDArray[np.float64]
    length_um: NDArray[np.float64]
    section_idx: NDArray[np.int32]
    x: NDArray[np.float64]
    path_um: NDArray[np.float64]
    nseg: NDArray[np.int32]
    node_of_raw: NDArray[np.int32]  # raw node (order.raw_parents) -> node, -1 where dropped
    first_raw: NDArray[np.int32]  # (sections,) raw node of each section's first segment

    def __len__(self) -> int:
        return len(self.parent_idx)

    @property
    def comp_n(self) -> int:
        """Number of nodes with area."""
        return int(self.nseg.sum())

    def compartments(self, section_idx: int) -> NDArray[np.int32]:
        """Return the nodes of a section's segments, from its 0 end to its 1 end."""
        first = self.first_raw[section_idx]
        return self.node_of_raw[first : first + self.nseg[section_idx]]

    @cached_property
    def section_order(self) -> NDArray[np.int32]:
        """The nodes with area, section by section in list order, each from 0 to 1 (NEURON's ``allseg``)."""
        return np.concatenate([self.compartments(s) for s in range(len(self.nseg))])

    def compartment(self, section_idx: int, x: float) -> int:
        """Return the node of the segment that holds x; segments are half open, the last holds 1."""
        if not 0.0 <= x <= 1.0:
            raise LocationError(f"position {x:g} is outside the section; use 0 to 1")
        nseg = int(self.nseg[section_idx])
        return int(self.node_of_raw[self.first_raw[section_idx] + min(int(nseg * x), nseg - 1)])

    def node(self, section_idx: int, x: float) -> int:
        """Return the node at x: an end node at 0 and 1, else the segment that holds x.

        Where the end node was dropped (nothing hangs on it) the nearest segment stands for it: without membrane and
        neighbours it has the same voltage.
        """
        first = self.first_raw[section_idx]
        if x == 1.0 and self.node_of_raw[first + self.nseg[section_idx]] >= 0:
            return int(self.node_of_raw[first + self.nseg[section_idx]])
        own = self.compartment(section_idx, x)
        if x == 0.0 and self.parent_idx[own] >= 0:
            return int(self.parent_idx[own])  # the first segment's parent is the node that the 0 end hangs on
        return own

    @cached_property
    def _coordinates(self) -> tuple[NDArray[np.float64], ...]:
        return segment_coordinates(self)

    @property
    def start_um(self) -> NDArray[np.float64]:
        """3-D point (n, 3) where the node's segment begins; made on first use."""
        return self._coordinates[0]

    @property
    def centre_um(self) -> NDArray[np.float64]:
        """3-D point (n, 3) at the middle of the node's segment."""
        return self._coordinates[1]

    @property
    def end_um(self) -> NDArray[np.float64]:
        """3-D point (n, 3) where the node's segment ends."""
        return self._coordinates[2]


def discretise(morphology: Morphology, nseg: ArrayLike = 1, ra_ohm_cm: ArrayLike = 35.4) -> CompartmentTree:
    """Cut a morphology into compartments.

    Parameters
    ----------
    morphology : Morphology
    nseg : int or int (sections,)
        Segments of each section.
    ra_ohm_cm : float or float (sections,)
        Axial resistivity.

    Returns
    -------
    CompartmentTree
        The same object for the same arguments: trees are kept with the morphology.
    """
    sections_n = len(morphology.sections)
    counts = checked_nseg(nseg, sections_n)
    ra = np.ascontiguousarray(np.broadcast_to(np.asarray(ra_ohm_cm, np.float64), (sections_n,)))
    if not (np.isfinite(ra) & (ra > 0.0)).all():
        raise ModelError(f"ra_ohm_cm={ra_ohm_cm!r} is not allowed; axial resistivity must be finite and above 0")
    key = (counts.tobytes(), ra.tobytes())
    tree = morphology.trees.get(key)
    if tree is None:
        tree = _build(morphology, counts, ra)
        while len(morphology.trees) >= _KEPT_TREES:
            morphology.trees.pop(next(iter(morphology.trees)))
        morphology.trees[key] = tree
    return tree


def _build(morphology: Morphology, nseg: NDArray[np.int32], ra: NDArray[np.float64]) -> CompartmentTree:
    # Strategy: raw nodes (node 0 = the root's 0 end, then every section's segments and far end, sections parents
    # first) get parents and geometry; then unneeded nodes go and the rest is put in canonical order.
    packed = morphology.packed
    rows_n = len(packed.order)
    row_nseg = nseg[packed.order]
    raw_n = 1 + int(row_nseg.sum()) + rows_n
    node_start = np.empty(rows_n, np.int32)
    node_start[0] = 1
    np.cumsum(row_nseg[:-1] + 1, out=node_start[1:])
    node_start[1:] += 1

    parent = np.empty(raw_n, np.int32)
    raw_parents(packed.parent, packed.parent_x, row_nseg, node_start, parent)
    area, ri, diam = np.zeros(raw_n), np.zeros(raw_n), np.zeros(raw_n)
    all_segments(
        packed.points, packed.point_start, packed.length_um, packed.diam_um, row_nseg, ra[packed.order], node_start,
        area, ri, diam,
    )  # fmt: skip

    row = np.repeat(np.arange(rows_n, dtype=np.int32), row_nseg + 1)
    part = np.arange(raw_n - 1) - (node_start[row] - 1)  # segment in its section
    cells = row_nseg[row]
    x = np.concatenate(([0.0], np.minimum((part + 0.5) / cells, 1.0)))
    length = np.concatenate(([0.0], np.where(part < cells, packed.length_um[row] / cells, 0.0)))
    row = np.concatenate((row[:1], row))
    section = packed.order[row]

    kept = prune(parent, area)
    old = np.flatnonzero(kept >= 0)
    up = np.where(parent[old] >= 0, kept[parent[old]], -1).astype(np.int32)
    order = canonical_order(up, section[old])
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    node_of_raw = np.where(kept >= 0, rank[kept], -1).astype(np.int32)
    pick = old[order]
    first_raw = np.empty(rows_n, np.int32)
    first_raw[packed.order] = node_start
    new_parent = np.where(up[order] >= 0, rank[up[order]], -1).astype(np.int32)
    ri[pick[0]] = 0.0
    path = packed.length_um[row] * x
    path_lengths(parent, node_start, row_nseg, int(np.flatnonzero(packed.order == 0)[0]), path)
    tree = CompartmentTree(
        morphology=morphology,
        parent_idx=new_parent,
        area_um2=area[pick],
        ri_MOhm=ri[pick],
        diam_um=diam[pick],
        length_um=length[pick],
        section_idx=section[pick],
        x=x[pick],
        path_um=path[pick],
        nseg=nseg,
        node_of_raw=node_of_raw,
        first_raw=first_raw,
    )
    for value in vars(tree).values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    return tree
