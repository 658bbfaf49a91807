"""A compartment tree from arrays: parents, areas and axial resistances that somebody else worked out.

There is no geometry behind such a tree: every node with area becomes a section of one segment, a cylinder of its area,
so that places have names; nothing is computed from the cylinders.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import ModelError
from neurosim.morphology.order import canonical_order
from neurosim.morphology.section import Morphology, Section
from neurosim.morphology.tree import CompartmentTree

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


def tree_of_arrays(
    parent_idx: ArrayLike,
    area_um2: ArrayLike,
    ri_MOhm: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    source: str = "",
) -> CompartmentTree:
    """Make a tree of given nodes.

    Parameters
    ----------
    parent_idx : int (n,)
        Parent of each node, parent < child, -1 at node 0 only.
    area_um2 : float (n,)
        Membrane area; 0 at nodes where branches meet. The root has area.
    ri_MOhm : float (n,)
        Axial resistance to the parent; that of the root is ignored.
    names : sequence of str, optional
        A section's name for every node with area, in order; ``"node[0]"``, ``"node[1]"`` … when omitted.
    source : str
        For messages.

    Returns
    -------
    CompartmentTree
        Its nodes are in canonical order; ``section_order`` maps the given nodes with area to them. Nodes without area
        on which nothing hangs are left out: they change nothing.
    """
    parent = np.array(parent_idx, np.int32)
    area, ri = np.array(area_um2, np.float64), np.array(ri_MOhm, np.float64)
    _check(source or "tree", parent, area, ri)
    parent, area, ri = _needed(parent, area, ri)
    sized = area > 0.0
    owner = _owners(parent, sized)
    section_of = np.cumsum(sized).astype(np.int32) - 1
    section = section_of[owner]
    order = canonical_order(parent, np.arange(len(parent), dtype=np.int32))
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    new_parent = rank[parent[order]]
    new_parent[0] = -1
    morphology = _morphology(parent, area, owner, section_of, names, source)
    diam = np.sqrt(area / np.pi)
    tree = CompartmentTree(
        morphology=morphology,
        parent_idx=new_parent,
        area_um2=area[order],
        ri_MOhm=np.where(np.arange(len(order)) > 0, ri[order], 0.0),
        diam_um=diam[order],
        length_um=diam[order],
        section_idx=section[order],
        x=np.where(sized, 0.5, 1.0)[order],
        path_um=_path(parent, diam)[order],
        nseg=np.ones(len(morphology.sections), np.int32),
        node_of_raw=_raw(sized, section, rank),
        first_raw=1 + 2 * np.arange(len(morphology.sections), dtype=np.int32),
    )
    for value in vars(tree).values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    return tree


def _check(who: str, parent: Ints, area: Floats, ri: Floats) -> None:
    n = len(parent)
    if not (parent.ndim == 1 and n and area.shape == ri.shape == parent.shape):
        raise ModelError(f"{who}: parent_idx, area_um2 and ri_MOhm must be arrays of one length of at least 1")
    bad = np.flatnonzero((parent[1:] < 0) | (parent[1:] >= np.arange(1, n))) + 1
    if parent[0] != -1 or len(bad):
        at = int(bad[0]) if len(bad) else 0
        raise ModelError(f"{who}: node {at} has parent {parent[at]}; the first node has -1, others an earlier node")
    if not (np.isfinite(area) & (area >= 0.0)).all() or area[0] == 0.0:
        raise ModelError(f"{who}: areas must be finite and not negative, that of the root above 0")
    if not (np.isfinite(ri[1:]) & (ri[1:] > 0.0)).all():
        raise ModelError(f"{who}: axial resistances must be finite and above 0, got {ri[1:].min() if n > 1 else ri}")


def _needed(parent: Ints, area: Floats, ri: Floats) -> tuple[Ints, Floats, Floats]:
    """Leave out nodes without area on which nothing hangs, again and again."""
    while True:
        stay = (area > 0.0) | (np.bincount(parent[1:], minlength=len(parent)) > 0)
        if stay.all():
            return parent, area, ri
        rank = np.cumsum(stay) - 1
        parent = np.where(parent < 0, -1, rank[parent])[stay].astype(np.int32)
        area, ri = area[stay], ri[stay]


def _owners(parent: Ints, sized: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return for each node itself if it has area, else the nearest node above with area."""
    owner = np.arange(len(parent))
    for node in np.flatnonzero(~sized):
        owner[node] = owner[parent[node]]
    return owner


def _morphology(
    parent: Ints, area: Floats, owner: NDArray[np.intp], section_of: Ints, names: Sequence[str] | None, source: str
) -> Morphology:
    nodes = np.flatnonzero(area > 0.0)
    if names is not None and len(names) != len(nodes):
        raise ModelError(f"{source or 'tree'}: {len(names)} names for {len(nodes)} nodes with area; give one for each")
    sections = []
    for k, node in enumerate(nodes.tolist()):
        above = int(parent[node])
        size = float(np.sqrt(area[node] / np.pi))
        on = -1 if above < 0 else int(section_of[owner[above]])
        place = 1.0 if above >= 0 and area[above] == 0.0 else 0.5
        sections.append(Section.cylinder(f"node[{k}]" if names is None else names[k], size, size, on, place))
    return Morphology(tuple(sections), source)


def _path(parent: Ints, length: Floats) -> Floats:
    """Return path distances along the cylinders from the root's centre."""
    path = np.zeros(len(parent))
    for node in range(1, len(parent)):
        above = parent[node]
        path[node] = path[above] + 0.5 * (length[node] + length[above])
    return path


def _raw(sized: NDArray[np.bool_], section: Ints, rank: Ints) -> Ints:
    """Return the nodes of every section's segment and far end; a far end is its first node without area."""
    out = np.full(1 + 2 * int(sized.sum()), -1, np.int32)
    for node in reversed(range(len(sized))):
        out[1 + 2 * section[node] + (0 if sized[node] else 1)] = rank[node]
    return out
