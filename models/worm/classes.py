"""Classes and kinds of cells: ``DB3`` is of the class DB, a motor neuron; ``MDL05`` of MDL, a muscle."""

from __future__ import annotations

import re

from neurosim.errors import ModelError
from neurosim.models.worm.parameters import Parameters

KINDS = ("sensory", "inter", "command", "head", "motor")
"""Kinds of neurons, in the order of the lists of ``params/cells.toml``."""

_REST = re.compile(r"(|[LRDV]|[DV][LR]|\d+)")


def class_and_kind(name: str, cells: Parameters) -> tuple[str, str]:
    """Return class and kind of a cell.

    Raises
    ------
    ModelError
        ``params/cells.toml`` has no such class.
    """
    if name[0] == "M" and name[3:].isdigit() and len(name) == 5:
        return name[:3], "muscle"
    for kind in KINDS:
        for cell_class in cells[f"kinds.{kind}"]:
            if name.startswith(cell_class) and _REST.fullmatch(name[len(cell_class) :]):
                return cell_class, kind
    raise ModelError(
        f"params/cells.toml: no class holds the cell {name!r}; name it as WormAtlas does, e.g. DB3 or AVAL"
    )
