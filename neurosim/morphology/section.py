"""Sections and morphologies: the immutable description of a neuron's shape.

A *section* is an unbranched piece of cable, either a row of 3-D points or a cylinder. A *morphology* is a list of
sections joined into one tree; its order is the numbering of sections everywhere ("all" order). Nothing here knows
about compartments: see :mod:`neurosim.morphology.tree`.

Points are float32 as in NEURON; lengths derive from differences taken in float32 and summed in float64
(:mod:`neurosim.morphology.geometry`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import LocationError, MorphologyError
from neurosim.morphology.locate import near_names, parse_location

if TYPE_CHECKING:
    from neurosim.morphology.tree import CompartmentTree

_NAME = re.compile(r"[A-Za-z_]\w*(\[\d+\])?")


def arc_um(points: NDArray[np.float32]) -> NDArray[np.float64]:
    """Path length from the first point to each point.

    Parameters
    ----------
    points : float32 (n, >=3)
        x, y, z (and diameter) in um.

    Returns
    -------
    float64 (n,)
        Arc in um. Differences in float32, squares and the running sum in float64, as NEURON stores it.
    """
    step = np.diff(points[:, :3], axis=0).astype(np.float64)
    arc = np.zeros(len(points))
    np.cumsum(np.sqrt(step[:, 0] * step[:, 0] + step[:, 1] * step[:, 1] + step[:, 2] * step[:, 2]), out=arc[1:])
    return arc


def _number(name: str, what: str, value: float) -> float:
    number = float(value)
    if not (math.isfinite(number) and number > 0.0):
        raise MorphologyError(f"section {name!r}: {what}={value} is not allowed; it must be finite and above 0")
    return number


@dataclass(frozen=True, eq=False)
class Section:
    """One unbranched piece of cable; its 0 end hangs on the parent.

    Parameters
    ----------
    name : str
        For instance ``"dend[3]"``; the region is the part before ``[``.
    points : float32 (n, 4) or None
        x, y, z, diameter in um, at least two. ``None`` makes a cylinder.
    length_um, diam_um : float
        Of a cylinder. With points they are derived: length is the arc, diam the mean along it.
    parent : int
        Index of the parent in the morphology's list, -1 at the root.
    parent_x : float
        Where on the parent, 0 to 1.
    """

    name: str
    points: NDArray[np.float32] | None = None
    length_um: float = math.nan
    diam_um: float = math.nan
    parent: int = -1
    parent_x: float = 1.0

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise MorphologyError(f'section name {self.name!r} is not allowed; use a name such as "dend" or "dend[3]"')
        if not 0.0 <= self.parent_x <= 1.0:
            raise MorphologyError(f"section {self.name!r}: parent_x={self.parent_x} is not allowed; use 0 to 1")
        put = object.__setattr__
        put(self, "parent", int(self.parent))
        put(self, "parent_x", float(self.parent_x))
        if self.points is None:
            put(self, "length_um", _number(self.name, "length_um", self.length_um))
            put(self, "diam_um", _number(self.name, "diam_um", self.diam_um))
            return
        points = _checked_points(self.name, self.points)
        arc = arc_um(points)
        diam = points[:, 3].astype(np.float64)
        put(self, "points", points)
        put(self, "length_um", _number(self.name, "length of the points", float(arc[-1])))
        put(self, "diam_um", float(np.sum((diam[1:] + diam[:-1]) * np.diff(arc)) * 0.5 / arc[-1]))

    @classmethod
    def cylinder(cls, name: str, length_um: float, diam_um: float, parent: int = -1, parent_x: float = 1.0) -> Section:
        """Make a section without 3-D points."""
        return cls(name, None, length_um, diam_um, parent, parent_x)

    @property
    def region(self) -> str:
        """The name without its index: ``"dend"`` of ``"dend[3]"``."""
        return self.name.partition("[")[0]


def _checked_points(name: str, given: ArrayLike) -> NDArray[np.float32]:
    """Return the points as a read-only float32 (n, 4) copy, or say what is wrong with them."""
    with np.errstate(over="ignore"):
        points = np.array(given, dtype=np.float32)
    if points.ndim != 2 or points.shape[1] != 4 or len(points) < 2:
        raise MorphologyError(
            f"section {name!r}: points of shape {points.shape} are not allowed; give at least two rows x, y, z, diam"
        )
    if not np.isfinite(points).all():
        raise MorphologyError(f"section {name!r}: a point is not finite in float32; all values must be")
    if not (points[:, 3] > 0.0).all():
        raise MorphologyError(
            f"section {name!r}: diameter {points[:, 3].min()} is not allowed; every diameter must be above 0 um"
        )
    points.setflags(write=False)
    return points


@dataclass(frozen=True)
class Packed:
    """A morphology as arrays, sections in topological order (parents first); input of the kernels."""

    order: NDArray[np.int32]  # (m,) section index of each row
    parent: NDArray[np.int32]  # (m,) row of the parent, -1
    parent_x: NDArray[np.float64]
    length_um: NDArray[np.float64]
    diam_um: NDArray[np.float64]
    points: NDArray[np.float32]  # (all points, 4)
    point_start: NDArray[np.int32]  # (m + 1,)


@dataclass(frozen=True, eq=False)
class Morphology:
    """The shape of one neuron: sections joined into one tree.

    Parameters
    ----------
    sections : iterable of Section
        In "all" order. Parents may come after their children.
    source : str
        Where it comes from, for messages.
    """

    sections: tuple[Section, ...]
    source: str = ""
    trees: dict[tuple[bytes, bytes], CompartmentTree] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sections", tuple(self.sections))
        if not self.sections:
            raise MorphologyError(f"{self._who()}: no section; a neuron needs at least one")
        seen: set[str] = set()
        for section in self.sections:
            if section.name in seen:
                raise MorphologyError(f"{self._who()}: section {section.name!r} is there twice; names must differ")
            seen.add(section.name)
            if not -1 <= section.parent < len(self.sections):
                raise MorphologyError(
                    f"{self._who()}: section {section.name!r} has parent {section.parent}; "
                    f"allowed are -1 (root) and 0 to {len(self.sections) - 1}"
                )
        roots = [section.name for section in self.sections if section.parent < 0]
        if len(roots) > 1:
            raise MorphologyError(f"{self._who()}: {len(roots)} roots ({', '.join(roots[:5])}); a tree has one")
        _ = self.order

    def _who(self) -> str:
        return self.source or "morphology"

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Section indices with parents first; otherwise in list order."""
        parents = [section.parent for section in self.sections]
        if all(parent < i for i, parent in enumerate(parents)):
            return tuple(range(len(parents)))
        children: list[list[int]] = [[] for _ in parents]
        ready: list[int] = []
        for i, parent in enumerate(parents):
            (ready if parent < 0 else children[parent]).append(i)
        for i in ready:  # grows while it is read: breadth first
            ready.extend(children[i])
        if len(ready) < len(parents):
            lost = min(set(range(len(parents))) - set(ready))
            raise MorphologyError(
                f"{self._who()}: section {self.sections[lost].name!r} is its own ancestor or hangs on such a cycle; "
                "every section must lead to the root"
            )
        return tuple(ready)

    @property
    def names(self) -> list[str]:
        """Names of the sections."""
        return [section.name for section in self.sections]

    @cached_property
    def regions(self) -> dict[str, tuple[int, ...]]:
        """Section indices of each region, in list order."""
        found: dict[str, list[int]] = {}
        for i, section in enumerate(self.sections):
            found.setdefault(section.region, []).append(i)
        return {region: tuple(indices) for region, indices in found.items()}

    @cached_property
    def _index(self) -> dict[str, int]:
        return {section.name: i for i, section in enumerate(self.sections)}

    @cached_property
    def packed(self) -> Packed:
        """The sections as arrays, parents first."""
        rows = [self.sections[i] for i in self.order]
        row_of = np.empty(len(rows) + 1, np.int32)
        row_of[np.array(self.order)] = np.arange(len(rows))
        row_of[-1] = -1
        clouds = [row.points for row in rows if row.points is not None]
        counts = [0 if row.points is None else len(row.points) for row in rows]
        return Packed(
            order=np.array(self.order, np.int32),
            parent=row_of[[row.parent for row in rows]],
            parent_x=np.array([row.parent_x for row in rows]),
            length_um=np.array([row.length_um for row in rows]),
            diam_um=np.array([row.diam_um for row in rows]),
            points=np.concatenate(clouds) if clouds else np.empty((0, 4), np.float32),
            point_start=np.concatenate(([0], np.cumsum(counts))).astype(np.int32),
        )

    def select(self, where: str) -> tuple[int, ...]:
        """Return the section indices of ``"all"``, a region or a section name.

        Raises
        ------
        LocationError
            When nothing has that name; the message lists near ones.
        """
        if where == "all":
            return tuple(range(len(self.sections)))
        if where in self._index:
            return (self._index[where],)
        if where in self.regions:
            return self.regions[where]
        raise self._unknown(where)

    def locate(self, place: str) -> tuple[int, float]:
        """Return (section index, x) of a place such as ``"dend[3](0.5)"``; ``"soma(0.5)"`` is ``"soma[0](0.5)"``."""
        name, x = parse_location(place)
        if x is None:
            raise LocationError(f'{place!r} names no point; add the position along the section, e.g. "{name}(0.5)"')
        for known in (name, f"{name}[0]"):
            if known in self._index:
                return self._index[known], x
        raise self._unknown(name)

    def _unknown(self, name: str) -> LocationError:
        known = ["all", *self.regions, *self._index]
        regions = ", ".join(self.regions)
        return LocationError(
            f"{self._who()} has no section or region {name!r}{near_names(name, known)}; regions here: all, {regions}"
        )

    def without(self, region: str) -> Morphology:
        """Return a copy without the sections of one region (no other section may hang on them)."""
        gone = set(self.select(region))
        kept = [i for i in range(len(self.sections)) if i not in gone]
        new_index = {old: new for new, old in enumerate(kept)} | {-1: -1}
        out = []
        for i in kept:
            section = self.sections[i]
            if section.parent in gone:
                raise MorphologyError(
                    f"{self._who()}: section {section.name!r} hangs on {self.sections[section.parent].name!r}; "
                    f"remove it as well or leave {region!r}"
                )
            out.append(_moved(section, new_index[section.parent]))
        return Morphology(tuple(out), self.source)

    def appended(self, sections: Iterable[Section]) -> Morphology:
        """Return a copy with more sections at the end; their ``parent`` indexes the joined list."""
        return Morphology((*self.sections, *sections), self.source)


def _moved(section: Section, parent: int) -> Section:
    """Return the section with another parent index, sharing its points."""
    if parent == section.parent:
        return section
    twin = object.__new__(Section)
    values: dict[str, Any] = {**section.__dict__, "parent": parent}
    for key, value in values.items():
        object.__setattr__(twin, key, value)
    return twin
