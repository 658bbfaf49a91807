"""Shapes of the cells: the neurons from the NeuroML files of the package ``c302``, muscles as strands around them.

The files (Virtual Worm, exported by the OpenWorm project) have one soma, a sphere, and neurites as chains of segments.
The soma becomes a cylinder of the sphere's area along the body axis; neurites begin at its middle, as they do in the
files. Each unbranched chain is one section ``neurite[k]``, numbered in the order of the file. Micrometres; y runs from
head to tail, z from ventral to dorsal, x from right to left. The body is bent in the files, and muscles follow it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import MorphologyError
from neurosim.models.worm.packages import file_of
from neurosim.models.worm.parameters import Parameters
from neurosim.morphology.section import Morphology, Section

Floats = NDArray[np.float64]
Point = tuple[float, float, float, float]
_STRAND_POINTS = 7
_END_UM = 4.0  # so far from the ends of the body there are always neurites


@dataclass
class _Segment:
    parent: int
    start: Point | None
    end: Point


def neuron(name: str) -> Morphology:
    """Read the morphology of a neuron, for instance ``"DB3"``."""
    return read(file_of("c302", "NeuroML2", f"{name}.cell.nml"), name)


def read(path: Path, name: str) -> Morphology:
    """Read a NeuroML 2 cell of one spherical soma and neurites.

    Raises
    ------
    MorphologyError
        The file is of another kind.
    """
    segments = _segments(path)
    if not segments or segments[0].start is None:
        raise MorphologyError(f"{path}: the first segment must be the soma, with both ends; it is not")
    x, y, z, diameter = segments[0].end
    half = 0.5 * diameter
    ends = np.array([[x, y - half, z, diameter], [x, y + half, z, diameter]])
    sections = [Section("soma", ends)]
    children: list[list[int]] = [[] for _ in segments]
    for i, segment in enumerate(segments[1:], 1):
        children[segment.parent].append(i)
    section_of = {0: 0}
    for i, segment in enumerate(segments[1:], 1):
        if segment.parent != 0 and len(children[segment.parent]) == 1:
            continue  # goes on with its parent's section
        begin = segment.start or segments[segment.parent].end
        points = [begin, segment.end]
        last = i
        while len(children[last]) == 1:
            last = children[last][0]
            points.append(segments[last].end)
        parent = section_of[segment.parent]
        sections.append(Section(f"neurite[{len(sections) - 1}]", np.array(points), parent=parent,
                                parent_x=1.0 if parent else 0.5))  # fmt: skip
        section_of[last] = len(sections) - 1
    return Morphology(tuple(sections), name)


def muscle(name: str, hull: Hull, parameters: Parameters) -> Morphology:
    """Return the shape of a muscle such as ``"MDL05"``: a strand along the body, of the area of a straight cylinder."""
    side = np.array([1.0 if name[2] == "L" else -1.0, 1.0 if name[1] == "D" else -1.0])
    middle = parameters["muscle.first_um"] + parameters["muscle.spacing_um"] * int(name[3:])
    half, outside = 0.5 * parameters["muscle.length_um"], parameters["muscle.outside_um"]
    points = np.zeros((_STRAND_POINTS, 4), np.float32)
    for row, y in zip(points, np.linspace(middle - half, middle + half, _STRAND_POINTS), strict=True):
        centre, radii = hull.at(y)
        row[:3] = [centre[0], y, centre[1]]
        row[[0, 2]] += side * (radii + outside) * math.sqrt(0.5)
    path_um = float(np.linalg.norm(np.diff(points[:, :3], axis=0), axis=1).sum())
    points[:, 3] = parameters["muscle.diameter_um"] * 2.0 * half / path_um
    return Morphology((Section("soma", points),), name)


@dataclass(frozen=True, eq=False)
class Hull:
    """How far the neurites reach at each place along the body.

    Parameters
    ----------
    start_um, end_um : float64 (n, 3)
        Ends of the pieces of all neurites.
    """

    start_um: Floats
    end_um: Floats

    @classmethod
    def of(cls, shapes: Iterable[Morphology]) -> Hull:
        """Collect the pieces of some neurons."""
        clouds = [s.points[:, :3].astype(float) for shape in shapes for s in shape.sections if s.points is not None]
        return cls(np.concatenate([c[:-1] for c in clouds]), np.concatenate([c[1:] for c in clouds]))

    def at(self, y_um: float) -> tuple[Floats, Floats]:
        """Return centre and radii (x and z) of the box around all neurites at y; at the ends those of the ends."""
        y0, y1 = self.start_um[:, 1], self.end_um[:, 1]
        y = min(max(y_um, min(y0.min(), y1.min()) + _END_UM), max(y0.max(), y1.max()) - _END_UM)
        crossed = (np.minimum(y0, y1) <= y) & (y <= np.maximum(y0, y1)) & (y0 != y1)
        part = ((y - y0[crossed]) / (y1[crossed] - y0[crossed]))[:, None]
        places = (self.start_um[crossed] + part * (self.end_um[crossed] - self.start_um[crossed]))[:, [0, 2]]
        low, high = places.min(axis=0), places.max(axis=0)
        return 0.5 * (low + high), 0.5 * (high - low)


def _segments(path: Path) -> list[_Segment]:
    """Return the segments in the order of the file, parents first, the root first."""
    out: list[_Segment] = []
    number: dict[str | None, int] = {}
    text = path.read_bytes()
    if b"<!DOCTYPE" in text:
        raise MorphologyError(f"{path}: it declares a document type; NeuroML files have none, and it is not read")
    for element in ElementTree.fromstring(text).iter():
        if element.tag.rpartition("}")[2] != "segment":
            continue
        parts = {child.tag.rpartition("}")[2]: child for child in element}
        parent = number[parts["parent"].get("segment")] if "parent" in parts else -1
        if (parent < 0) != (not out):
            raise MorphologyError(f"{path}: segment {element.get('id')} is a second root; a neuron has one")
        start = _point(parts["proximal"]) if "proximal" in parts else None
        number[element.get("id")] = len(out)
        out.append(_Segment(parent, start, _point(parts["distal"])))
    return out


def _point(element: ElementTree.Element) -> Point:
    x, y, z, diameter = (float(element.get(key, "nan")) for key in ("x", "y", "z", "diameter"))
    return x, y, z, diameter
