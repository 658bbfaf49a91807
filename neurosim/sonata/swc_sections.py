"""SWC files that keep sections as they are, where NEURON's reading of SWC would give others.

The points are an SWC file as any other, so every program reads the shape. Remarks say which section the points that
follow belong to; neurosim takes name, parent and number of compartments from them and reads each section to the last
bit. A section repeats the point at which it starts, with its own diameter.

    # neurosim sections 1
    # section soma[0] parent -1 at 1.0 nseg 1 points 2
    1 1 0 0 0 2.5 -1
    2 1 0 5 0 2.5 1
    # section dend[0] parent 0 at 0.5 nseg 3 points 2
    3 3 0 2.5 0 0.3 1
    4 3 0 2.5 40 0.3 3

``parent`` is the place of the parent in the order of the file, ``at`` where on it. Units as in SWC: um, radius last.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from neurosim.errors import ModelError, SonataError
from neurosim.model.cell import Cell
from neurosim.morphology.section import Morphology, Section

MARK = "# neurosim sections 1"
TYPES = {"soma": 1, "axon": 2, "dend": 3, "apic": 4}
_SECTION = re.compile(
    r"# section (?P<name>\S+) parent (?P<parent>-?\d+) at (?P<at>\S+) nseg (?P<nseg>\d+) points (?P<points>\d+)"
)


def text_of(cell: Cell) -> str | None:
    """Return the file of a cell's morphology; None if a section has no points or comes before its parent."""
    sections = cell.morphology.sections
    if any(s.points is None or s.parent >= i for i, s in enumerate(sections)):
        return None
    lines, n = [MARK], 0
    first: list[tuple[int, int]] = []
    for section, nseg in zip(sections, cell.tree.nseg.tolist(), strict=True):
        points = np.asarray(section.points)
        lines.append(
            f"# section {section.name} parent {section.parent} at {section.parent_x!r} nseg {nseg} points {len(points)}"
        )
        above = -1
        if section.parent >= 0:
            start, count = first[section.parent]
            above = start + (count - 1 if section.parent_x == 1.0 else int((count - 1) * section.parent_x))
        first.append((n + 1, len(points)))
        kind = TYPES.get(section.region, 5)
        for x, y, z, diam in points:
            n += 1
            values = " ".join(str(v).removesuffix(".0") for v in (x, y, z, np.float32(diam / np.float32(2.0))))
            lines.append(f"{n} {kind} {values} {above}")
            above = n
    return "\n".join(lines) + "\n"


def is_marked(path: Path) -> bool:
    """Tell whether a file has the remarks."""
    with path.open("rb") as stream:
        return stream.read(len(MARK) + 1).rstrip() == MARK.encode()


def read_marked(path: Path, key: str) -> tuple[Morphology, tuple[int, ...]]:
    """Return a morphology and the number of compartments of each section.

    Parameters
    ----------
    path : Path
        The SWC file.
    key : str
        JSON path of the key that named it, for messages.

    Raises
    ------
    SonataError
        With the line that is wrong.
    """

    def fail(line: int, message: str) -> SonataError:
        return SonataError(message, key=key, path=path, line=line)

    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SonataError(f"cannot be read: {error}.", key=key, path=path) from None
    sections, numbers, at = [], [], 1
    while at < len(lines):
        found = _SECTION.fullmatch(lines[at].rstrip())
        if found is None:
            raise fail(at + 1, f"{lines[at][:60]!r} is no remark '# section … parent … at … nseg … points …'.")
        count, nseg = int(found["points"]), int(found["nseg"])
        rows = lines[at + 1 : at + 1 + count]
        try:
            points = np.array([row.split()[2:6] for row in rows], np.float32)
            if points.shape != (count, 4):
                raise fail(
                    at + 1, f"section {found['name']} says {count} points of x, y, z and radius; {len(rows)} come."
                )
            points[:, 3] *= np.float32(2.0)
            sections.append(Section(found["name"], points, parent=int(found["parent"]), parent_x=float(found["at"])))
        except ModelError as error:
            raise fail(at + 1, error.reason) from None
        except ValueError as error:
            raise fail(at + 1, f"section {found['name']}: {error}.") from None
        if nseg < 1:
            raise fail(at + 1, f"section {found['name']} has nseg {nseg}; it must be 1 or more.")
        numbers.append(nseg)
        at += 1 + count
    try:
        return Morphology(tuple(sections), path.name), tuple(numbers)
    except ModelError as error:
        raise SonataError(error.reason, key=key, path=path) from None
