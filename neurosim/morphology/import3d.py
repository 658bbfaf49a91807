"""From SWC points to sections, by the rules of NEURON's Import3d (measured against NEURON 9 by the tests).

* A section is a row of consecutive points, each the only child of the one before; it ends where a point branches,
  where its child is not the next line, and where the type changes. A run of soma points that follow one another
  stays one section although dendrites leave it.
* A section that is not the root begins with a copy of its parent point, at the parent's diameter; from soma to
  another type at the diameter of its own first point.
* It hangs at 1 of its parent; at 0 if its parent point is the root's first point; at 0.5 if it leaves a soma inside.
* A wire instead of cable: a section of two points or more does not get the copy if it leaves a one-point soma (or
  the three points that NeuroMorpho writes for a sphere), the inside of a soma, or a soma point where the soma itself
  branches.
* A root of one point is a sphere: a cylinder of three points along x, length and diameter that of the point.
* Two-point sections without length vanish; their children move to the parent.
* Numbers are read as float32, computed with in float64, rounded to eight digits (NEURON passes them on as text) and
  stored as float32.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neurosim.errors import MorphologyError
from neurosim.morphology.section import Morphology, Section

_SOMA = 1
_REGIONS = {1: "soma", 2: "axon", 3: "dend", 4: "apic"}
_SAME = 1e-11  # NEURON compares numbers with this slack
_Point = tuple[float, float, float, float]


@dataclass(frozen=True)
class Points:
    """A checked SWC table: one tree, parents first. ``parent`` is an index into the lists, -1 at the first point."""

    line: list[int]
    kind: list[int]
    parent: list[int]
    xyzd: list[_Point]

    def __len__(self) -> int:
        return len(self.line)


@dataclass(eq=False)
class _Piece:
    """A section in the making: points first..last, and where it hangs."""

    first: int
    last: int
    kind: int
    parent: _Piece | None = None
    parent_x: float = 1.0
    wire: bool = False
    xyzd: list[_Point] = field(default_factory=list)  # with the copy of the parent point at [0], unless root

    @property
    def cable(self) -> list[_Point]:
        """The points of the cable: without the parent's copy if it hangs by a wire."""
        return self.xyzd[1:] if self.wire else self.xyzd


def cut_sections(points: Points, path: Path) -> Morphology:
    """Cut a table of SWC points into sections.

    Parameters
    ----------
    points : Points
    path : Path
        For messages and as the morphology's source.
    """
    parent = points.parent
    soma_children = [0] * len(points)
    for i in range(1, len(points)):
        if points.kind[i] == _SOMA and points.kind[parent[i]] == _SOMA:
            soma_children[parent[i]] += 1
    ends, at_start, sphere = _section_ends(points, soma_children)
    pieces: list[_Piece] = []
    piece_of: list[_Piece] = []
    first = 0
    for end in ends:
        last = 0 if sphere and first == 0 else end
        piece = _Piece(first, last, points.kind[first], xyzd=points.xyzd[first : last + 1])
        if first > 0:
            _hang(piece, piece_of[parent[first]], points, soma_children)
            if at_start[first]:
                piece.parent_x = 0.0
        if not sphere or first > 0:
            _warn_if_joined(piece, points, path)
        pieces.append(piece)
        piece_of.extend([piece] * (end + 1 - first))
        first = end + 1
    return _finished(_without_empty(pieces), points, path)


def _section_ends(points: Points, soma_children: list[int]) -> tuple[list[int], list[bool], bool]:
    """Return the last point of every section, whether a point's section hangs at 0, and whether the soma is a sphere.

    ``branching`` of a point is True unless the section runs on to the next line.
    """
    n, kind, parent = len(points), points.kind, points.parent
    children = [0] * n
    branching = [True] * n  # no child
    at_start = [False] * n
    for i in range(1, n):
        p = parent[i]
        children[p] += 1
        branching[p] = children[p] > 1
        if p != i - 1:
            branching[p] = True
            from_soma = p > 1 and kind[p] != _SOMA and kind[parent[p]] == _SOMA
            if from_soma or (p == 0 and kind[0] != _SOMA):
                # p begins a section that a wire joins to the soma: hang on its 0 end instead of making it a
                # section of one point.
                at_start[i] = True
                children[p] = 1
                branching[p] = False
        if kind[p] != kind[i]:
            branching[p] = True
            children[p] += 1  # whatever else comes, the section ends here
    sphere = _is_neuromorpho_sphere(points, [c == 0 for c in children])
    follows = dict.fromkeys([2], 1) if sphere else {}
    for i in range(n - 1):
        if (
            kind[i] == kind[i + 1] == _SOMA
            and follows.get(i + 1, parent[i + 1]) == i
            and (i == 0 or soma_children[i] <= 1)
        ):
            branching[i] = False
    return [i for i in range(n) if branching[i]], at_start, sphere


def _warn_if_joined(piece: _Piece, points: Points, path: Path) -> None:
    """Warn where NEURON runs a section on from one point to the next although they are not parent and child."""
    for i in range(piece.first + 1, piece.last + 1):
        if points.parent[i] != i - 1:
            warnings.warn(
                f"{path.name} line {points.line[i]}: joined to the point in line {points.line[i - 1]}, which is not "
                "its parent, as NEURON's Import3d does in a file that is not sorted depth first; sort the file to get "
                "the tree that was drawn",
                stacklevel=4,
            )


def _is_neuromorpho_sphere(points: Points, childless: list[bool]) -> bool:
    """Tell whether the soma is the three-point sphere of NeuroMorpho.org: centre and two points one radius away."""
    if sum(kind == _SOMA for kind in points.kind) != 3 or points.parent[1:3] != [0, 0]:
        return False
    if not (childless[1] and childless[2]):
        return False
    centre, *others = points.xyzd[:3]
    if any(abs(other[3] - centre[3]) > _SAME for other in others):
        return False
    span = sum(math.dist(other[:3], centre[:3]) for other in others)
    return abs(span / centre[3] - 1.0) < 0.01


def _hang(piece: _Piece, parent: _Piece, points: Points, soma_children: list[int]) -> None:
    """Join a piece to its parent: position, wire, and the copy of the parent point."""
    point = points.parent[piece.first]
    several = piece.last > piece.first
    leaves_soma = parent.kind == _SOMA and piece.kind != _SOMA
    forked_soma = soma_children[point] > 1
    piece.parent = parent
    if parent.parent is None and leaves_soma and len(parent.xyzd) == 1:
        piece.parent_x, piece.wire = 0.5, several
    elif parent.parent is None and point == 0:
        piece.parent_x, piece.wire = 0.0, piece.kind != _SOMA and forked_soma
    elif parent.kind == _SOMA:
        if point < parent.last:
            piece.parent_x, piece.wire = 0.5, leaves_soma and several
        else:
            piece.wire = leaves_soma and several and forked_soma
    copy = points.xyzd[point]
    if leaves_soma:
        copy = (*copy[:3], points.xyzd[piece.first][3])
    piece.xyzd = [copy, *piece.xyzd]


def _without_empty(pieces: list[_Piece]) -> list[_Piece]:
    """Drop sections of two points at one place; their children move to the parent."""
    kept: list[_Piece] = []
    gone: set[_Piece] = set()
    for piece in pieces:  # parents first
        above = piece.parent
        if above is not None and above in gone:
            piece.parent, piece.parent_x = above.parent, above.parent_x
        if piece.parent is None or _has_length(piece.cable):
            kept.append(piece)
        else:
            gone.add(piece)
    return kept


def _has_length(cable: list[_Point]) -> bool:
    """Tell whether a section stays: more than two points, or two at different places."""
    if len(cable) != 2:
        return len(cable) > 2
    return any(abs(a - b) > _SAME for a, b in zip(cable[0][:3], cable[1][:3], strict=True))


def _finished(pieces: list[_Piece], points: Points, path: Path) -> Morphology:
    """Name, number and sort the pieces by type, and make the sections."""
    pieces = sorted(pieces, key=lambda piece: piece.kind)  # stable: file order in each type
    number = {piece: i for i, piece in enumerate(pieces)}
    counts: dict[int, int] = {}
    sections = []
    for piece in pieces:
        place = counts.get(piece.kind, 0)
        counts[piece.kind] = place + 1
        name = f"{_REGIONS.get(piece.kind, f'dend_{piece.kind}')}[{place}]"
        cable = piece.cable
        if len(cable) == 1:  # a root of one point: a sphere
            x, y, z, diam = cable[0]
            cable = [(x - diam / 2.0, y, z, diam), cable[0], (x + diam / 2.0, y, z, diam)]
        rounded = np.array([float(f"{value:.8g}") for point in cable for value in point]).reshape(-1, 4)
        parent = -1 if piece.parent is None else number[piece.parent]
        try:
            sections.append(Section(name, rounded.astype(np.float32), parent=parent, parent_x=piece.parent_x))
        except MorphologyError as error:
            raise MorphologyError(error.reason, path=path, line=points.line[piece.first]) from error
    return Morphology(tuple(sections), path.name)
