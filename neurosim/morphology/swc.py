"""Reading SWC files: text to a checked table of points, with errors that name file and line.

A line holds seven numbers: id, type, x, y, z, radius (um), parent id (negative at the root); ``#`` starts a comment
line; further columns are ignored, as NEURON does. Lines are read with a bound, so a file that is not SWC cannot fill
the memory. How points become sections is in :mod:`neurosim.morphology.import3d`.

MorphIO is not used. Version 3.5 gives the same points on plain files with a one-point soma, but it refuses a change
of type without a branch, which NEURON cuts there; it cuts files with wires, larger somata or unsorted lines
differently; and it takes a radius of zero or below with a warning only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neurosim.errors import MorphologyError
from neurosim.morphology.import3d import Points, cut_sections
from neurosim.morphology.section import Morphology

#: Longest line that is read.
MAX_LINE_BYTES = 65536
#: Types 1 to 4 are soma, axon, dend, apic; NEURON calls any other k "dend_k". Above this a type is taken for an error.
MAX_TYPE = 99
_MAX_ID = 2**31 - 1
_MAX_UM = 1e30  # far above any neuron, far below the range of float32
_FIELDS = ("id", "type", "x", "y", "z", "radius", "parent")


@dataclass
class _Table:
    """The columns of a file, point by point; ``sizes`` is flat: x, y, z, radius of one point after the other."""

    line: list[int] = field(default_factory=list)
    ident: list[int] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)
    parent: list[int] = field(default_factory=list)


def read_swc(path: str | Path) -> Morphology:
    """Read an SWC file into the sections that NEURON's Import3d makes of it.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Morphology
        Sections in the order of types (soma, axon, dend, apic, others), in a type in file order, named ``soma[0]``…

    Raises
    ------
    MorphologyError
        With file and line, for whatever is not one tree of points with finite positive sizes.
    """
    path = Path(path)
    table = _Table()
    for number, text in _lines(path):
        fields = text.split(None, 7)
        if fields and not fields[0].startswith(b"#"):
            _add_row(table, path, number, fields)
    if not table.line:
        raise MorphologyError("no point in the file; a morphology needs at least one", path=path)
    return cut_sections(_checked_tree(path, table), path)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number from 1, bytes) of the lines, none longer than MAX_LINE_BYTES."""
    number = 0
    try:
        with open(path, "rb") as file:
            while text := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(text) > MAX_LINE_BYTES:
                    raise MorphologyError(
                        f"line is longer than {MAX_LINE_BYTES} bytes; an SWC line holds seven numbers, "
                        "the file seems not to be SWC",
                        path=path,
                        line=number,
                    )
                if number == 1:
                    text = text.removeprefix(b"\xef\xbb\xbf")
                text = text.rstrip()
                if b"\r" in text:
                    raise MorphologyError(
                        "carriage return inside the line; end lines with a line feed", path=path, line=number
                    )
                yield number, text
    except OSError as error:
        raise MorphologyError(f"cannot be read: {error.strerror or error}", path=path) from error


def _add_row(table: _Table, path: Path, line: int, fields: list[bytes]) -> None:
    """Read the seven numbers of a line, check each for itself, and add them to the table."""
    try:
        ident, kind, x, y, z, radius, parent = map(float, fields[:7])
    except ValueError:
        raise MorphologyError(_not_a_number(fields), path=path, line=line) from None
    if not all(map(math.isfinite, (ident, kind, x, y, z, radius, parent))) or b"_" in b"".join(fields[:7]):
        raise MorphologyError(_not_a_number(fields), path=path, line=line)
    for name, value, low in (("id", ident, 0), ("parent", parent, -_MAX_ID), ("type", kind, -_MAX_ID)):
        if value != int(value) or not low <= value <= _MAX_ID:
            raise MorphologyError(
                f"{name} {value:g} is not allowed; it must be a whole number from {low} to {_MAX_ID}",
                path=path,
                line=line,
            )
    if not 0 <= kind <= MAX_TYPE:
        raise MorphologyError(
            f"unknown type {kind:g}; allowed: 1 soma, 2 axon, 3 dend, 4 apic, and 0 or 5 to {MAX_TYPE} "
            "for sections named dend_<type>, as NEURON names them",
            path=path,
            line=line,
        )
    if not 1.0 / _MAX_UM <= radius <= _MAX_UM:
        raise MorphologyError(
            f"radius {radius:g} um is not allowed (diameter {2.0 * radius:g}); it must be above 0",
            path=path,
            line=line,
        )
    if max(abs(x), abs(y), abs(z)) > _MAX_UM:
        raise MorphologyError(
            f"point at {x:g} {y:g} {z:g} um is not allowed; coordinates must be below {_MAX_UM:g}", path=path, line=line
        )
    table.line.append(line)
    table.ident.append(int(ident))
    table.kind.append(int(kind))
    table.sizes += (x, y, z, radius)
    table.parent.append(int(parent))


def _not_a_number(fields: list[bytes]) -> str:
    """Say which column is missing or is not a finite number."""
    if len(fields) < len(_FIELDS):
        return f"{len(fields)} columns; an SWC line has seven: {' '.join(_FIELDS)}"
    name, text = next(
        (pair for pair in zip(_FIELDS, fields, strict=False) if not _is_finite(pair[1])), (_FIELDS[0], fields[0])
    )
    shown = text[:40].decode("ascii", "backslashreplace")
    return f"{name} {shown!r} is not a finite number; an SWC line has seven: {' '.join(_FIELDS)}"


def _is_finite(text: bytes) -> bool:
    try:
        return b"_" not in text and math.isfinite(float(text))
    except ValueError:
        return False


def _checked_tree(path: Path, table: _Table) -> Points:
    """Check that the table is one tree, parents first, and return it with parents by index."""
    index: dict[int, int] = {}
    for i, ident in enumerate(table.ident):
        if ident in index:
            raise MorphologyError(
                f"id {ident} is there twice, first in line {table.line[index[ident]]}; ids must differ",
                path=path,
                line=table.line[i],
            )
        index[ident] = i
    parents: list[int] = []
    root_line = 0
    for i, ident in enumerate(table.parent):
        if ident < 0:
            if root_line:
                raise MorphologyError(
                    f"second root (parent {ident}), the first is in line {root_line}; an SWC file holds one tree",
                    path=path,
                    line=table.line[i],
                )
            root_line = table.line[i]
            parents.append(-1)
            continue
        parent = index.get(ident)
        if parent is None:
            raise MorphologyError(
                f"parent {ident} of point {table.ident[i]} is missing; every parent must be the id of an earlier line",
                path=path,
                line=table.line[i],
            )
        if parent >= i:
            raise MorphologyError(_late_parent(table, index, i), path=path, line=table.line[i])
        parents.append(parent)
    # NEURON reads numbers as float32 and doubles the radius afterwards.
    sizes = np.array(table.sizes, np.float32).astype(np.float64).reshape(-1, 4)
    sizes[:, 3] *= 2.0
    return Points(
        line=table.line, kind=table.kind, parent=parents, xyzd=[(x, y, z, d) for x, y, z, d in sizes.tolist()]
    )


def _late_parent(table: _Table, index: dict[int, int], child: int) -> str:
    """Say whether a parent that comes after its child is only misplaced or closes a cycle."""
    ident, parent = table.ident[child], table.parent[child]
    if parent == ident:
        return f"point {ident} is its own parent, a cycle; the root's parent is -1"
    seen = set()
    at: int | None = child
    while at is not None and at not in seen:
        seen.add(at)
        at = index.get(table.parent[at])
    if at == child:
        return f"points {ident} and {parent} lie on a cycle of parents; every point must lead to the root"
    return f"parent {parent} comes after its child {ident}; SWC parents must come first"
