"""Morphologies section by section, as neurosim writes them where SWC cannot hold a shape.

A JSON object: ``neurosim_morphology`` 1 and ``sections``, a list in ``all`` order of objects with ``name``, ``parent``
(index, -1 at the root), ``parent_x``, ``nseg``, and either ``points`` (x, y, z, diam in um) or ``length_um`` and
``diam_um``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurosim.errors import ModelError, SonataError
from neurosim.morphology.section import Morphology, Section
from neurosim.sonata.entry import Entry
from neurosim.sonata.manifest import read_json

FORMAT = "neurosim_morphology"
_KEYS = {"name", "parent", "parent_x", "nseg", "points", "length_um", "diam_um"}


def read_sections(path: Path, key: str) -> tuple[Morphology, tuple[int, ...]]:
    """Return a morphology and the number of compartments of each section.

    Parameters
    ----------
    path : Path
        The JSON file.
    key : str
        JSON path of the key that named it, for messages.
    """
    content = read_json(path, key)
    if not isinstance(content, dict) or content.get(FORMAT) != 1:
        raise SonataError(f"is no morphology: {FORMAT!r} must be 1.", key=key, path=path)
    entries = Entry(content, "", path).entries("sections")
    try:
        sections = tuple(_section(entry) for entry in entries)
        return Morphology(sections, path.name), tuple(entry.integer("nseg", low=1) for entry in entries)
    except SonataError:
        raise
    except ModelError as error:
        raise SonataError(error.reason, key="sections", path=path) from None


def _section(entry: Entry) -> Section:
    entry.check_keys(_KEYS)
    name, parent = str(entry.text("name")), entry.integer("parent", low=-1)
    parent_x = entry.number("parent_x", low=0.0, high=1.0)
    if "points" in entry:
        return Section(name, _points(entry), parent=parent, parent_x=parent_x)
    length, diam = (entry.number(k, positive=True, unit="um") for k in ("length_um", "diam_um"))
    return Section.cylinder(name, length, diam, parent, parent_x)


def _points(entry: Entry) -> Any:
    rows = entry.get("points")
    numbers = isinstance(rows, list) and all(
        isinstance(row, list) and len(row) == 4 and all(type(v) in (int, float) for v in row) for row in rows
    )
    if not numbers:
        entry.fail("points", "must be a list of [x, y, z, diam] in um.")
    return rows
