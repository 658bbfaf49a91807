"""``template_of``: the levels of detail of a cell's morphology, every segment in one compartment of its tree.

The polylines of the sections are cut at the borders of compartments, at places where a child hangs, and in the middle
of the soma, which is point 0 and the root of all. Sections without 3-D points lie where ``neurosim.morphology.shape``
puts them. A child whose points begin away from its place on the parent (a dendrite on the surface of a soma) is joined
to it by a segment that counts no path.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.model.cell import Cell
from neurosim.morphology.section import Morphology, Section
from neurosim.morphology.shape import section_lines
from neurosim.viewer.scene.simplify import levels_of, summed
from neurosim.viewer.scene.skeleton import Skeleton, Template

UNKNOWN, SOMA, AXON, DEND, APIC = range(5)
"""Regions, as in ``Skeleton``."""
_BEGINNINGS = (
    ("soma", SOMA), ("axon", AXON), ("ais", AXON), ("hill", AXON), ("myelin", AXON), ("apic", APIC), ("dend", DEND),
    ("basal", DEND),
)  # fmt: skip
JOINED_um = 0.01
"""A child that begins nearer than this to its place on the parent begins there."""
_SAME = 1e-6
"""Marks along a section nearer than this part of its length are one."""


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
    place, radius, parent, length, row, part, middle = _drawn(
        points, start, packed.parent, packed.parent_x, nseg, hang_start, hang, soma_row
    )
    order, parent, owner = _rooted(parent, middle)
    section = packed.order[row[owner]]
    section[0] = somata[0]
    node = tree.node_of_raw[tree.first_raw[section] + part[owner]]
    node[0] = tree.compartment(somata[0], 0.5)
    clouds = [morphology.sections[i].points for i in somata]
    cloud = [points_um[:, :3] for points_um in clouds if points_um is not None]
    centre = np.vstack(cloud).astype(float).mean(axis=0) if cloud else place[middle]
    return Skeleton(
        position_um=(place[order] - centre).astype(np.float32),
        parent=parent,
        path_um=summed(parent, length[owner]).astype(np.float32),
        radius_um=radius[order].astype(np.float32),
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


@njit(cache=True)
def _square(a: Any, b: Any) -> float:
    """Return the square of the distance of two points."""
    x, y, z = a[0] - b[0], a[1] - b[1], a[2] - b[2]
    square: float = x * x + y * y + z * z
    return square


@njit(cache=True)
def _drawn(
    points: Any, start: Any, row_parent: Any, row_x: Any, nseg: Any, hang_start: Any, hang: Any, soma: int
) -> Any:
    """Return the points of all sections, one after the other, parents first.

    Parameters
    ----------
    points, start : float64 (n, 4), int64 (rows + 1,)
        As from ``_lines``.
    row_parent, row_x, nseg : (rows,)
        Joints and compartments.
    hang_start, hang : int64 (rows + 1,), float64 (places,)
        As from ``_hanging``.
    soma : int
        Row of the soma.

    Returns
    -------
    place, radius, parent, length : float64 (m, 3), float64 (m,), int32 (m,), float64 (m,)
        Points, and the path along their segments.
    row, part : int32 (m,)
        Section and compartment of it in which the segment of a point lies.
    middle : int
        Point in the middle of the soma.
    """
    rows_n = len(row_parent)
    most = len(points) + nseg.sum() + len(hang) + 2 * rows_n
    place, radius, arc = np.empty((most, 3)), np.empty(most), np.empty(most)
    parent, length = np.full(most, -1, np.int32), np.zeros(most)
    row, part = np.zeros(most, np.int32), np.zeros(most, np.int32)
    first, count, total = np.empty(rows_n, np.int64), np.empty(rows_n, np.int64), np.empty(rows_n)
    m, middle = 0, 0
    for r in range(rows_n):
        here = points[start[r] : start[r + 1]]
        along = np.zeros(len(here))
        for k in range(1, len(here)):
            along[k] = along[k - 1] + math.sqrt(_square(here[k], here[k - 1]))
        total[r] = along[-1]
        marks = _marks(along, nseg[r], hang[hang_start[r] : hang_start[r + 1]])
        begin = -1
        if row_parent[r] >= 0:
            p = row_parent[r]
            begin = _at(arc, first[p], count[p], row_x[r] * total[p])
        k, first[r] = 0, m
        for j in range(len(marks)):
            while k < len(along) - 2 and along[k + 1] <= marks[j]:
                k += 1
            span = along[k + 1] - along[k]
            share = min(1.0, (marks[j] - along[k]) / span) if span > 0.0 else 1.0
            for axis in range(3):
                place[m, axis] = here[k, axis] + share * (here[k + 1, axis] - here[k, axis])
            radius[m] = 0.5 * (here[k, 3] + share * (here[k + 1, 3] - here[k, 3]))
            arc[m], row[m] = marks[j], r
            if j > 0:
                parent[m] = m - 1
                length[m] = marks[j] - marks[j - 1]
                part[m] = min(int(nseg[r] * 0.5 * (marks[j] + marks[j - 1]) / total[r]), nseg[r] - 1)
            elif begin >= 0:
                parent[m] = begin
            m += 1
        count[r] = m - first[r]
        if r == soma:
            middle = _at(arc, first[r], count[r], 0.5 * total[r])
    return _without_doubles(place, radius, parent, length, row, part, m, middle)


@njit(cache=True)
def _marks(along: Any, nseg: int, hang: Any) -> Any:
    """Return the arcs at which a section has points, ascending, each once, float64 (n,)."""
    total, same = along[-1], _SAME * along[-1]
    marks = np.empty(len(along) + nseg + 1 + len(hang))
    marks[: len(along)] = along
    for k in range(nseg + 1):
        marks[len(along) + k] = total * k / nseg
    marks[len(along) + nseg + 1 :] = hang * total
    marks.sort()
    n = 1
    for j in range(1, len(marks)):
        if marks[j] - marks[n - 1] > same:
            marks[n] = marks[j]
            n += 1
    marks[n - 1] = total
    return marks[:n]


@njit(cache=True)
def _at(arc: Any, first: int, n: int, wanted: float) -> Any:
    """Return the point of a section that is nearest to an arc."""
    k = first + np.searchsorted(arc[first : first + n], wanted)
    if k == first + n or (k > first and wanted - arc[k - 1] < arc[k] - wanted):
        k -= 1
    return k


@njit(cache=True)
def _without_doubles(
    place: Any, radius: Any, parent: Any, length: Any, row: Any, part: Any, m: int, middle: int
) -> Any:
    """Return the first m points; those of children that lie on their parent's are the parent's."""
    now = np.empty(m, np.int32)
    n = 0
    for i in range(m):
        p = parent[i]
        if p >= 0 and length[i] == 0.0 and _square(place[i], place[now[p]]) < JOINED_um * JOINED_um:
            now[i] = now[p]
            middle = now[p] if i == middle else middle
            continue
        place[n], radius[n], length[n], row[n], part[n] = place[i], radius[i], length[i], row[i], part[i]
        parent[n] = now[p] if p >= 0 else -1
        if i == middle:
            middle = n
        now[i] = n
        n += 1
    return place[:n], radius[:n], parent[:n], length[:n], row[:n], part[:n], middle


@njit(cache=True)
def _rooted(parent: Any, root: int) -> Any:
    """Make another point the root, number 0, and turn the segments between round.

    Returns
    -------
    order : int32 (n,)
        Old number of every new point.
    new_parent : int32 (n,)
        New numbers, parents first.
    owner : int32 (n,)
        Old point to which the segment of a new point belonged; of the root itself.
    """
    n = len(parent)
    order, owner, now = np.empty(n, np.int32), np.empty(n, np.int32), np.full(n, -1, np.int32)
    new_parent = np.full(n, -1, np.int32)
    m, i, before = 0, root, root
    while i >= 0:
        order[m], owner[m], now[i], new_parent[m] = i, before, m, m - 1
        before, i, m = i, parent[i], m + 1
    for i in range(n):
        if now[i] < 0:
            order[m], owner[m], now[i], new_parent[m] = i, i, m, now[parent[i]]
            m += 1
    return order, new_parent, owner
