"""Morphologies as SWC files that Import3d turns into the same sections again.

SWC holds points, not sections: where a section begins, and with which diameter, is a rule of Import3d
(``neurosim.morphology.import3d``). The text is therefore made by these rules backwards, read again, and compared node
by node; a shape that SWC cannot hold is refused with its first difference.

    the axon of the cell                                   model_processing
    the stub of 2 x 30 um, 1 um thick, at soma(0.5)        aibs_perisomatic
    the stub of 2 x 30 um at soma(1)                       aibs_allactive
    any other axon, or none                                neurosim_whole, or nothing for a cell without parameters

Cylinders get points along the axes: x for the soma, y and z in turn for what hangs on it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neurosim.errors import MorphologyError, SonataError
from neurosim.morphology.section import Morphology, Section
from neurosim.morphology.swc import read_swc
from neurosim.morphology.tree import CompartmentTree, discretise
from neurosim.sonata.axon import PERISOMATIC_DIAM_UM, STUB_LENGTH_UM, with_stub

PERISOMATIC, ALLACTIVE, WHOLE = "aibs_perisomatic", "aibs_allactive", "neurosim_whole"

_TYPES = {"soma": 1, "axon": 2, "dend": 3, "apic": 4}
_Points = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Shape:
    """A morphology as it is written: the text of the SWC file, and the processing that gives the cell its axon."""

    text: str
    processing: str


def write_shape(tree: CompartmentTree, ra_ohm_cm: npt.NDArray[np.float64], path: Path, who: str) -> Shape:
    """Write a morphology as SWC into a file, read it again, and return what was written.

    Parameters
    ----------
    tree : CompartmentTree
        The cell's compartments.
    ra_ohm_cm : float64 (sections,)
        Axial resistivity.
    path : Path
        File to write.
    who : str
        The cell, for messages.

    Raises
    ------
    SonataError
        A section that SWC has no type for, no soma at the root, or the first section that would be different.
    """
    errors = []
    # A file sorted depth first is what others expect; without a branch, only another order separates two sections.
    for depth_first in (True, False):
        shape = _shape_of(tree.morphology, who, depth_first=depth_first)
        path.write_text(shape.text, encoding="ascii", newline="\n")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                check_shape(tree, ra_ohm_cm, path, shape.processing, who)
        except SonataError as error:
            errors.append(error)
        else:
            return shape
    raise errors[0]


def _shape_of(morphology: Morphology, who: str, *, depth_first: bool) -> Shape:
    """Return a morphology as SWC, perhaps one that does not read back."""
    for section in morphology.sections:
        if section.region not in _TYPES:
            raise SonataError(
                f"{who}: section {section.name!r} of region {section.region!r}; "
                f"SWC files for SONATA hold {', '.join(_TYPES)}."
            )
    root = morphology.sections[morphology.order[0]]
    if root.region != "soma":
        raise SonataError(f"{who}: the root section is {root.name!r}; the root of a SONATA cell is its soma.")
    stub = _stub(morphology)
    if stub is None:
        return Shape(_text(morphology, depth_first), WHOLE)
    base = morphology.without("axon")
    # BMTK cannot replace an axon that is not there, so there is always one, of the diameters that a stub may take over.
    return Shape(_text(base.appended(_axon_for_stub(morphology, base)), depth_first), stub)


def read_shape(path: Path, processing: str) -> Morphology:
    """Return the morphology that a file and a processing mean."""
    morphology = read_swc(path)
    return morphology if processing == WHOLE else with_stub(morphology, allactive=processing == ALLACTIVE)


def check_shape(
    tree: CompartmentTree, ra_ohm_cm: npt.NDArray[np.float64], path: Path, processing: str, who: str
) -> None:
    """Read a shape again and compare it with the cell's, to the last bit.

    Parameters
    ----------
    tree : CompartmentTree
        The cell's compartments.
    ra_ohm_cm : float64 (sections,)
        Axial resistivity.
    path, processing : Path, str
        What was written.
    who : str
        The cell, for messages.

    Raises
    ------
    SonataError
        With the first section that is different, and how.
    """
    try:
        again = read_shape(path, processing)
    except MorphologyError as error:
        raise SonataError(f"{who}: its shape cannot be written as SWC: {error.reason}") from None
    before, after = tree.morphology.sections, again.sections
    for i, section in enumerate(before):
        name = f"{section.name}[0]" if "[" not in section.name else section.name
        if i >= len(after) or after[i].name != name:
            other = after[i].name if i < len(after) else "nothing"
            raise _different(who, section, f"SWC would give {other} in its place; {_ORDER}")
        if (after[i].parent, after[i].parent_x) != (section.parent, section.parent_x):
            hang = f"{before[section.parent].name}({section.parent_x:g})"
            there = f"{after[after[i].parent].name}({after[i].parent_x:g})"
            raise _different(who, section, f"hangs on {hang}, SWC would hang it on {there}; {_ORDER}")
    if len(after) > len(before):
        raise SonataError(f"{who}: SWC would add the section {after[len(before)].name}; {_ORDER}")
    twin = discretise(again, tree.nseg, ra_ohm_cm)
    for what, unit in (("area_um2", "um2"), ("length_um", "um"), ("diam_um", "um"), ("ri_MOhm", "MOhm"), ("x", "")):
        ours, theirs = getattr(tree, what), getattr(twin, what)
        wrong = np.flatnonzero(ours != theirs) if len(ours) == len(theirs) else np.zeros(1, int)
        if len(wrong):
            node = int(wrong[0])
            section = before[int(tree.section_idx[node])]
            raise _different(
                who, section, f"{what} at x={tree.x[node]:g} is {float(ours[node])!r} {unit}, SWC would give "
                f"{float(theirs[node])!r}; SWC keeps float32 and starts a branch at its parent's diameter: use sizes "
                "that float32 holds (18.75, not 18.8) and points that begin where the parent ends.",
            )  # fmt: skip


_ORDER = (
    "list the sections in the order soma, axon (a stub last), dend, apic, each at the end of its parent or on the "
    "soma, and do not chain two sections of one region without a branch."
)


def _different(who: str, section: Section, what: str) -> SonataError:
    return SonataError(f"{who}: section {section.name!r}: {what}")


# --- the axon ---------------------------------------------------------------------------------------------------------


def _stub(morphology: Morphology) -> str | None:
    """Return the processing whose stub the axon is, or None."""
    last = morphology.sections[-2:]
    if len(morphology.regions.get("axon", ())) != 2 or [s.name for s in last] != ["axon[0]", "axon[1]"]:
        return None
    n = len(morphology.sections)
    first, second = last
    if first.points is not None or second.points is not None or {first.length_um, second.length_um} != {STUB_LENGTH_UM}:
        return None
    if morphology.sections[first.parent].region != "soma" or (second.parent, second.parent_x) != (n - 2, 1.0):
        return None
    if first.parent_x == 0.5 and {first.diam_um, second.diam_um} == {PERISOMATIC_DIAM_UM}:
        return PERISOMATIC
    return ALLACTIVE if first.parent_x == 1.0 else None


def _axon_for_stub(morphology: Morphology, base: Morphology) -> list[Section]:
    """Return an axon whose first and last sections have the diameters of the stub, on the soma."""
    soma = next(i for i, s in enumerate(base.sections) if s.region == "soma")
    diams = [s.diam_um for s in morphology.sections[-2:]]
    at = base.sections[soma].parent_x if base.sections[soma].parent >= 0 else 0.5
    if len(set(diams)) == 1:
        diams = diams[:1]
    return [Section.cylinder(f"axon[{k}]", STUB_LENGTH_UM, diam, soma, at) for k, diam in enumerate(diams)]


# --- points -----------------------------------------------------------------------------------------------------------


class _Lines:
    """The lines of a file in the making, and where each section's points are."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.ends: list[npt.NDArray[np.float64]] = []

    def add(self, kind: int, points: npt.NDArray[np.float64], parent: int) -> list[int]:
        """Add a row of points; return their numbers, from 1."""
        numbers = []
        for x, y, z, diam in points.tolist():
            values = " ".join(_number(v) for v in (x, y, z, diam / 2.0))
            self.text.append(f"{len(self.text) + 1} {kind} {values} {parent}")
            parent = len(self.text)
            numbers.append(parent)
            self.ends.append(np.array([x, y, z, diam]))
        return numbers


def _number(value: float) -> str:
    """Return the shortest text that reads back as the same float32."""
    text = str(np.float32(value))
    return text.removesuffix(".0")


def _text(morphology: Morphology, depth_first: bool) -> str:
    lines = _Lines()
    rows: dict[int, list[int]] = {}
    inner = _hung_inside(morphology)
    for i in _depth_first(morphology) if depth_first else morphology.order:
        section = morphology.sections[i]
        kind = _TYPES[section.region]
        if section.parent < 0:
            rows[i] = lines.add(kind, _root_points(section, inner), -1)
            continue
        above = rows[section.parent]
        parent_kind = morphology.sections[section.parent].region
        at = above[-1] if section.parent_x == 1.0 else above[0] if section.parent_x == 0.0 else above[len(above) // 2]
        wire = parent_kind == "soma" and (len(above) == 1 or section.parent_x not in (0.0, 1.0))
        points = _own_points(section, lines.ends[at - 1], wire)
        rows[i] = lines.add(kind, points, at)
    head = ["# written by neurosim", "# n type x y z radius parent"]
    return "\n".join([*head, *lines.text]) + "\n"


def _depth_first(morphology: Morphology) -> Iterator[int]:
    """Yield sections depth first, children in the order of the list."""
    children: dict[int, list[int]] = {}
    for i, section in enumerate(morphology.sections):
        children.setdefault(section.parent, []).append(i)
    waiting = list(reversed(children[-1]))
    while waiting:
        i = waiting.pop()
        yield i
        waiting.extend(reversed(children.get(i, [])))


def _hung_inside(morphology: Morphology) -> bool:
    """Tell whether everything that hangs on the root hangs on its middle."""
    root = morphology.order[0]
    return all(s.parent_x == 0.5 for s in morphology.sections if s.parent == root)


def _root_points(section: Section, inner: bool) -> npt.NDArray[np.float64]:
    """Return the points of the soma: one for a sphere, else its own, or three for a cylinder."""
    points = section.points
    if points is None:
        length, diam = section.length_um, section.diam_um
        if length == diam and inner:
            return np.array([[0.0, 0.0, 0.0, diam]])
        return np.array([[x, 0.0, 0.0, diam] for x in (0.0, length / 2.0, length)])
    if inner and _is_sphere(points):
        return points[1:2].astype(np.float64)
    return points.astype(np.float64)


def _is_sphere(points: _Points) -> bool:
    """Tell whether these are the three points that Import3d makes of one."""
    if len(points) != 3 or not (points[:, 1:] == points[0, 1:]).all():
        return False
    x, diam = points[:, 0].astype(np.float64), float(points[0, 3])
    ends = [float(np.float32(float(f"{x[1] + side * diam / 2.0:.8g}"))) for side in (-1.0, 1.0)]
    return bool(x[0] == ends[0] and x[2] == ends[1])


def _own_points(section: Section, end: npt.NDArray[np.float64], wire: bool) -> npt.NDArray[np.float64]:
    """Return the points that a section writes: without the copy of the parent's, unless a wire joins it."""
    if section.points is not None:
        points = section.points.astype(np.float64)
        return points if wire or not (points[0, :3] == end[:3]).all() or len(points) < 2 else points[1:]
    # Along an axis on which the parent ends at 0, so that the length is exact.
    axis = next((a for a in (1, 2, 0) if end[a] == 0.0), 1)
    start = np.array([*end[:3], section.diam_um])
    stop = start.copy()
    stop[axis] += section.length_um
    return np.array([start, stop]) if wire else stop[None, :]
