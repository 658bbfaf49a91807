"""Shapes of the cells: the neurons from the NeuroML files of the package ``c302``, muscles as cylinders.

The files (Virtual Worm, exported by the OpenWorm project) have one soma, a sphere, and neurites as chains of segments.
The soma becomes a cylinder of the sphere's area along the body axis; neurites begin at its middle, as they do in the
files. Each unbranched chain is one section ``neurite[k]``, numbered in the order of the file. Micrometres; y runs from
head to tail, z from ventral to dorsal, x from right to left.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from neurosim.errors import MorphologyError
from neurosim.models.worm.packages import file_of
from neurosim.models.worm.parameters import Parameters
from neurosim.morphology.section import Morphology, Section

Point = tuple[float, float, float, float]


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


def muscle(name: str, parameters: Parameters) -> Morphology:
    """Return the cylinder of a muscle such as ``"MDL05"`` (``params/cells.toml``)."""
    number = int(name[3:])
    y = parameters["muscle.first_um"] + parameters["muscle.spacing_um"] * number
    x = parameters["muscle.lateral_um"] * (1.0 if name[2] == "L" else -1.0)
    z = parameters["muscle.dorsal_um"] * (1.0 if name[1] == "D" else -1.0)
    half, diameter = 0.5 * parameters["muscle.length_um"], parameters["muscle.diameter_um"]
    return Morphology((Section("soma", np.array([[x, y - half, z, diameter], [x, y + half, z, diameter]])),), name)


def _segments(path: Path) -> list[_Segment]:
    """Return the segments in the order of the file, parents first, the root first."""
    out: list[_Segment] = []
    number: dict[str | None, int] = {}
    for element in ElementTree.parse(path).getroot().iter():
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
