"""``template_of``: the levels of detail of a cell's morphology, every segment in one compartment of its tree.

The polylines of the sections are cut at the borders of compartments, at places where a child hangs, and in the middle
of the soma, which is point 0 and the root of all. Sections without 3-D points lie where ``neurosim.morphology.shape``
puts them, moved to begin on their parent. A child whose points begin away from its place on the parent (a dendrite on
the surface of a soma) is joined to it by a segment that counts no path.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.model.cell import Cell
from neurosim.morphology.section import Morphology, Section
from neurosim.morphology.shape import section_lines
from neurosim.viewer.scene import polylines
from neurosim.viewer.scene.simplify import levels_of, summed
from neurosim.viewer.scene.skeleton import Skeleton, Template

UNKNOWN, SOMA, AXON, DEND, APIC = range(5)
"""Regions, as in ``Skeleton``."""
_BEGINNINGS = (
    ("soma", SOMA), ("axon", AXON), ("ais", AXON), ("hill", AXON), ("myelin", AXON), ("apic", APIC), ("dend", DEND),
    ("basal", DEND),
)  # fmt: skip
LONG = 1.5
"""Length over diameter of a cylinder that does not look like a ball."""


def template_of(cell: Cell) -> Template:
    """Return the morphology of a cell as it is shown.

    Parameters
    ----------
    cell : Cell

    Returns
    -------
    Template
        Points are relative to the mean of the soma's 3-D points, as for electrodes, or to its middle. The ball has the
        area of the region ``soma``, or of the first section where no region has that name.
    """
    whole = skeleton_of(cell)
    reach = float(np.sqrt((whole.position_um.astype(float) ** 2).sum(axis=1).max()))
    radius = _soma_radius_um(cell)
    return Template(cell.name, levels_of(whole), len(cell.tree), radius, max(reach, radius))


def skeleton_of(cell: Cell) -> Skeleton:
    """Return the whole morphology of a cell; see ``template_of``."""
    morphology, tree = cell.morphology, cell.tree
    packed, somata = morphology.packed, _somata(morphology)
    points, start = _lines(morphology)
    soma_row = packed.order.tolist().index(somata[0])
    nseg = tree.nseg[packed.order]
    hang_start, hang = _hanging(packed.parent, packed.parent_x, soma_row)
    most = len(points) + int(nseg.sum()) + len(hang) + 2 * len(nseg)
    floats, ints = np.empty((most, polylines.FLOATS_N)), np.empty((most, polylines.INTS_N), np.int32)
    first, total = np.empty(len(nseg) + 1, np.int64), np.empty(len(nseg))
    polylines.draw(
        points, start, _invented(morphology), packed.parent, packed.parent_x, nseg, hang_start, hang, floats, ints,
        first, total,
    )  # fmt: skip
    middle = polylines.at(floats, first[soma_row], first[soma_row + 1], 0.5 * total[soma_row])
    n, middle = polylines.join(floats, ints, middle, np.empty(first[-1], np.int32))
    return _rooted(cell, floats[:n], ints[:n], middle)


def _rooted(cell: Cell, floats: NDArray[np.float64], ints: NDArray[np.int32], middle: int) -> Skeleton:
    """Return the skeleton of the points of ``polylines``, with one of them as its root."""
    morphology, tree, somata = cell.morphology, cell.tree, _somata(cell.morphology)
    order, parent, owner, now = (np.full(len(ints), -1, np.int32) for _ in range(4))
    polylines.root_at(np.ascontiguousarray(ints[:, polylines.UP]), middle, order, parent, owner, now)
    section = morphology.packed.order[ints[owner, polylines.ROW]]
    node = tree.node_of_raw[tree.first_raw[section] + ints[owner, polylines.PART]]
    node[0] = tree.compartment(somata[0], 0.5)
    clouds = [morphology.sections[i].points for i in somata]
    cloud = [points_um[:, :3] for points_um in clouds if points_um is not None]
    centre = np.vstack(cloud).astype(float).mean(axis=0) if cloud else floats[middle, :3]
    return Skeleton(
        position_um=(floats[order, :3] - centre).astype(np.float32),
        parent=parent,
        path_um=summed(parent, floats[owner, polylines.LENGTH]).astype(np.float32),
        radius_um=floats[order, polylines.RADIUS].astype(np.float32),
        node=node,
        region=_regions(morphology)[section],
    )


def key_of(cell: Cell) -> bytes:
    """Return what cells of one template have in common: names, points, joints and compartments of their sections."""
    packed = cell.morphology.packed
    digest = hashlib.blake2b("\n".join(cell.morphology.names).encode(), digest_size=16)
    arrays: list[NDArray[Any]] = [
        packed.order, packed.parent, packed.parent_x, packed.length_um, packed.diam_um, packed.points,
        packed.point_start, cell.tree.nseg,
    ]  # fmt: skip
    for array in arrays:
        digest.update(array.tobytes())
    return digest.digest()


def region_of(name: str) -> int:
    """Return the region of a section by the beginning of its name."""
    small = name.lower()
    return next((code for beginning, code in _BEGINNINGS if small.startswith(beginning)), UNKNOWN)


def _regions(morphology: Morphology) -> NDArray[np.uint8]:
    codes = np.zeros(len(morphology.sections), np.uint8)
    for name, sections in morphology.regions.items():
        codes[list(sections)] = region_of(name)
    return codes


def _somata(morphology: Morphology) -> list[int]:
    """Return the sections of the soma; the first of the list where none has that name."""
    named = [i for name, sections in morphology.regions.items() if region_of(name) == SOMA for i in sections]
    return sorted(named) or [0]


def _soma_radius_um(cell: Cell) -> float:
    tree = cell.tree
    sections = cell.morphology.sections
    if len(sections) == 1 and sections[0].name == "soma" and sections[0].length_um > LONG * sections[0].diam_um:
        # A cell that is a long soma, such as a muscle, is drawn as that and not as a ball.
        return 0.5 * sections[0].diam_um
    area = sum(float(tree.area_um2[tree.compartments(s)].sum()) for s in _somata(cell.morphology))
    return math.sqrt(area / (4.0 * math.pi))


def _lines(morphology: Morphology) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return x, y, z, diameter of all sections, parents first, float64 (points, 4), and where each begins."""
    packed = morphology.packed
    if (np.diff(packed.point_start) > 0).all():
        return packed.points.astype(float), packed.point_start.astype(np.int64)
    lines = section_lines(morphology)
    rows = [_with_diameter(morphology.sections[i], lines[i]) for i in morphology.order]
    return np.concatenate(rows), np.concatenate(([0], np.cumsum([len(row) for row in rows])))


def _invented(morphology: Morphology) -> NDArray[np.bool_]:
    """Return which sections, parents first, have no 3-D points."""
    return np.array([morphology.sections[i].points is None for i in morphology.order])


def _with_diameter(section: Section, line: NDArray[np.float32]) -> NDArray[np.float64]:
    if section.points is not None:
        return section.points.astype(float)
    return np.column_stack((line.astype(float), np.full(len(line), section.diam_um)))


def _hanging(
    parent: NDArray[np.int32], parent_x: NDArray[np.float64], soma: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the places at which something hangs, by row: where each row begins and x, ascending within a row.

    The middle of the soma is one of them.
    """
    row = np.append(parent[parent >= 0], soma)
    x = np.append(parent_x[parent >= 0], 0.5)
    order = np.lexsort((x, row))
    counts = np.bincount(row, minlength=len(parent))
    return np.concatenate(([0], np.cumsum(counts))), x[order]
