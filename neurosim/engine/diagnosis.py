"""What to tell the user: which cell became unstable and why, and what can be recorded at a place.

Looks at an engine that has stopped; nothing here runs in a time step.
"""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING

import numpy as np

from neurosim.engine.rows import Longs
from neurosim.errors import InstabilityError
from neurosim.model.cell import CellRecord

if TYPE_CHECKING:
    from neurosim.engine.engine import Engine
    from neurosim.engine.observe import Probe

STABLE_BELOW = 1e100
"""A voltage change (mV) or current beyond this counts as infinite, as in ``neurosim.engine.driver``."""


def place(engine: Engine, cell: int, node: int) -> str:
    """Return the name of a node, for instance ``"dend[3](0.5)"``."""
    record = engine.request.cells[cell]
    if not isinstance(record, CellRecord):
        return "point cell"
    tree = record.tree
    section = tree.morphology.sections[int(tree.section_idx[node])].name
    return f"{section}({tree.x[node]:.4g})"


def nothing_to_record(engine: Engine, probe: Probe, element: int) -> str:
    """Return the message for a variable that is not there: what is."""
    here = [c for c in engine.channels if element in c.placed.elements]
    ions = [name for name, parts in engine.ions.items() if any(p.has(element) for p in parts)]
    known = [f"{c.mechanism.name}.{f}" for c in here for f in c.lowered.fields]
    near = difflib.get_close_matches(probe.variable, known, 3)
    return (
        f"gid {probe.cell}, {place(engine, probe.cell, probe.node)}: nothing to record as {probe.variable!r}; "
        f"mechanisms there: {', '.join(c.mechanism.name for c in here) or 'none'}; ions: {', '.join(ions) or 'none'}"
        + (f"; did you mean {' or '.join(near)}?" if near else ".")
    )


def instability(engine: Engine, numbers: Longs) -> InstabilityError:
    """Say which cell of these blocks, where, and by which mechanism: the first whose current is not finite.

    Parameters
    ----------
    engine : Engine
        Stopped before the step that failed.
    numbers : int64
        Blocks that failed in it.
    """
    cell = min(cell for number in numbers.tolist() for cell in _lost_cells(engine, number))
    number, dt = int(engine.layout.block_of_cell[cell]), engine.request.dt_ms
    a, mine = engine.layout.arrays, engine.layout.elements(cell)
    node, culprit = int(np.argmax(np.abs(a["V"][mine]))), "the cable"
    for k, name in enumerate(engine.kernel_names):
        a["R"][mine], a["D"][mine] = 0.0, a["D0"][mine]
        engine.loop.current_blocks(engine.kernels[k : k + 1], number, number + 1, engine.t_ms + 0.5 * dt, dt)
        with np.errstate(all="ignore"):
            wrong = np.flatnonzero(~(np.abs(a["R"][mine] + a["D"][mine]) < STABLE_BELOW))
        if len(wrong):
            culprit, node = name, int(wrong[0])
            break
    return InstabilityError(
        t_ms=(engine.step + 1) * dt,
        gid=cell,
        location=place(engine, cell, node),
        mechanism=culprit,
        value=math.nan,
        dt_ms=dt,
    )


def _lost_cells(engine: Engine, number: int) -> list[int]:
    """Return the cells of a block whose root would have moved beyond all bounds in the last sweep."""
    cells = engine.layout.blocks[number].cells
    change = np.abs(engine.layout.arrays["Y"][[engine.layout.element(cell, 0) for cell in cells]])
    return [cell for cell, size in zip(cells, change.tolist(), strict=True) if not size < STABLE_BELOW]
