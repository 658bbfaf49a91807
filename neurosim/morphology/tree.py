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
from neurosim.morphology.geometry import all_segments
from neurosim.morphology.nseg import checked_nseg
from neurosim.morphology.order import canonical_order, pruned
from neurosim.morphology.section import Morphology, Packed
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
    node_of_raw: NDArray[np.int32]  # raw node (see _build) -> node, -1 where dropped
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
    node_end = 1 + np.cumsum(row_nseg + 1, dtype=np.int32)
    node_start = node_end - row_nseg - 1
    raw_n = int(node_end[-1])
    area, ri, diam = np.zeros(raw_n), np.zeros(raw_n), np.zeros(raw_n)
    all_segments(
        packed.points, packed.point_start, packed.length_um, packed.diam_um, row_nseg, ra[packed.order], node_start,
        area, ri, diam,
    )  # fmt: skip

    row = np.repeat(np.arange(rows_n), row_nseg + 1)
    part = np.arange(1, raw_n) - node_start[row]  # segment in its section
    x = np.zeros(raw_n)
    x[1:] = np.minimum((part + 0.5) / row_nseg[row], 1.0)
    length = np.zeros(raw_n)
    length[1:] = np.where(part < row_nseg[row], packed.length_um[row] / row_nseg[row], 0.0)
    section = packed.order[np.concatenate((row[:1], row))]

    attached, start_um = _attachments(packed, row_nseg.tolist(), node_start.tolist())
    parent = np.arange(-1, raw_n - 1, dtype=np.int32)
    parent[node_start] = attached
    path = np.zeros(raw_n)
    path[1:] = np.array(start_um)[row] + packed.length_um[row] * x[1:]
    origin = attached[int(np.argmin(packed.order))]
    if origin != 0:
        path = _from_inner_origin(path, parent, origin)

    pick, new_parent, node_of_raw = _renumbered(parent, area, section)
    ri[pick[0]] = 0.0
    first_raw = np.empty(rows_n, np.int32)
    first_raw[packed.order] = node_start
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


def _renumbered(
    parent: NDArray[np.int32], area: NDArray[np.float64], section: NDArray[np.int32]
) -> tuple[NDArray[np.intp], NDArray[np.int32], NDArray[np.int32]]:
    """Leave unneeded raw nodes out and put the rest in canonical order.

    Returns
    -------
    pick : intp (n,)
        Raw node of every node.
    new_parent : int32 (n,)
        Parent of every node, -1 at the root.
    node_of_raw : int32 (raw nodes,)
        Node of every raw node, -1 where it was left out.
    """
    old = np.flatnonzero(pruned(parent, area > 0.0))
    kept = np.full(len(parent), -1, np.int32)
    kept[old] = np.arange(len(old), dtype=np.int32)
    up = kept[parent[old]]
    up[0] = -1
    order = canonical_order(up, section[old])
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    node_of_raw = np.full(len(parent), -1, np.int32)
    node_of_raw[old] = rank
    new_parent = rank[up[order]]
    new_parent[0] = -1
    return old[order], new_parent, node_of_raw


def _attachments(packed: Packed, nseg: list[int], node_start: list[int]) -> tuple[list[int], list[float]]:
    """Return the raw node that every section hangs on, and its path distance from the root's 0 end in um.

    A child at an inner x hangs on the node of that segment, at 1 on the far end, at 0 where its parent hangs.
    """
    lengths = packed.length_um.tolist()
    nodes: list[int] = []
    start_um: list[float] = []
    for p, x in zip(packed.parent.tolist(), packed.parent_x.tolist(), strict=True):
        if p < 0:
            nodes.append(0)
            start_um.append(0.0)
        elif x == 0.0:
            nodes.append(nodes[p])
            start_um.append(start_um[p])
        elif x == 1.0:
            nodes.append(node_start[p] + nseg[p])
            start_um.append(start_um[p] + lengths[p])
        else:
            k = min(int(nseg[p] * x), nseg[p] - 1)
            nodes.append(node_start[p] + k)
            start_um.append(start_um[p] + lengths[p] * ((k + 0.5) / nseg[p]))
    return nodes, start_um


def _from_inner_origin(depth_um: NDArray[np.float64], parent: NDArray[np.int32], origin: int) -> NDArray[np.float64]:
    """Return path distances from an inner node: depth + depth of the origin - 2 depth of the last common ancestor."""
    shared = np.full(len(parent), -1)
    node = origin
    while node >= 0:
        shared[node] = node
        node = int(parent[node])
    for i in range(1, len(parent)):
        if shared[i] < 0:
            shared[i] = shared[parent[i]]
    path_um: NDArray[np.float64] = depth_um + depth_um[origin] - 2.0 * depth_um[shared]
    return path_um
