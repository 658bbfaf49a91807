"""Reading SWC files: text to a checked table of points, with errors that name file and line.

A line holds seven numbers: id, type, x, y, z, radius (um), parent id (negative at the root); ``#`` starts a comment
line; further columns are ignored, as NEURON does. Lines are read with a bound, so a file that is not SWC cannot fill
the memory. How points become sections is in :mod:`neurosim.morphology.import3d`.

MorphIO is not used: it cuts sections by its own rules and its errors name no lines.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class _Row:
    line: int
    ident: int
    kind: int
    x: float
    y: float
    z: float
    diam: float
    parent: int


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
    rows: list[_Row] = []
    for number, text in _lines(path):
        fields = text.split(None, 7)
        if fields and not fields[0].startswith(b"#"):
            rows.append(_row(path, number, fields))
    if not rows:
        raise MorphologyError("no point in the file; a morphology needs at least one", path=path)
    return cut_sections(_checked_tree(path, rows), path)


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


def _row(path: Path, line: int, fields: list[bytes]) -> _Row:
    """Read the seven numbers of a line and check each for itself."""
    if len(fields) < len(_FIELDS):
        raise MorphologyError(
            f"{len(fields)} columns; SWC needs seven: {' '.join(_FIELDS)}", path=path, line=line
        )
    values = []
    for name, text in zip(_FIELDS, fields, strict=False):
        try:
            value = math.nan if b"_" in text else float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            shown = text[:40].decode("ascii", "replace")
            raise MorphologyError(f"{name} {shown!r} is not a finite number", path=path, line=line)
        values.append(value)
    ident, kind, x, y, z, radius, parent = values
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
        raise MorphologyError(f"radius {radius:g} um is not allowed; it must be above 0", path=path, line=line)
    if max(abs(x), abs(y), abs(z)) > _MAX_UM:
        raise MorphologyError(f"point {x:g} {y:g} {z:g} is not in um; coordinates too large", path=path, line=line)
    return _Row(line, int(ident), int(kind), x, y, z, radius * 2.0, int(parent))


def _checked_tree(path: Path, rows: list[_Row]) -> Points:
    """Check that the rows are one tree, parents first, and return them as columns with parents by index."""
    index: dict[int, int] = {}
    for i, row in enumerate(rows):
        if row.ident in index:
            raise MorphologyError(
                f"id {row.ident} is there twice, first in line {rows[index[row.ident]].line}; ids must differ",
                path=path,
                line=row.line,
            )
        index[row.ident] = i
    parents: list[int] = []
    root: _Row | None = None
    for i, row in enumerate(rows):
        if row.parent < 0:
            if root is not None:
                raise MorphologyError(
                    f"second root (parent {row.parent}), the first is in line {root.line}; an SWC file holds one tree",
                    path=path,
                    line=row.line,
                )
            root = row
            parents.append(-1)
            continue
        parent = index.get(row.parent)
        if parent is None:
            raise MorphologyError(
                f"parent {row.parent} of point {row.ident} is missing; every parent must be the id of an earlier line",
                path=path,
                line=row.line,
            )
        if parent >= i:
            raise MorphologyError(_late_parent(rows, index, row), path=path, line=row.line)
        parents.append(parent)
    return Points(
        line=[row.line for row in rows],
        kind=[row.kind for row in rows],
        parent=parents,
        xyzd=[(row.x, row.y, row.z, row.diam) for row in rows],
    )


def _late_parent(rows: list[_Row], index: dict[int, int], row: _Row) -> str:
    """Say whether a parent that comes after its child is only misplaced or closes a cycle."""
    if row.parent == row.ident:
        return f"point {row.ident} is its own parent, a cycle; the root's parent is -1"
    seen = {row.ident}
    at = rows[index[row.parent]]
    while at.ident not in seen and at.parent in index:
        seen.add(at.ident)
        at = rows[index[at.parent]]
    if at.ident == row.ident:
        return f"points {row.ident} and {row.parent} lie on a cycle of parents; every point must lead to the root"
    return f"parent {row.parent} comes after its child {row.ident}; SWC parents must come first"
