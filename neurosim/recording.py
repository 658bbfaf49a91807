"""What a user asks to record, checked at the line that asks: places become nodes, names become the engine's."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.observe import Probe
from neurosim.engine.rows import occurrence
from neurosim.errors import ModelError
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.cell import Cell, Point
from neurosim.model.connections import Connections
from neurosim.model.point import PointCell
from neurosim.results import Trace


@dataclass(frozen=True)
class Recording:
    """A trace and what feeds it: nodes of a cell, the engine's name of the variable, and every how many steps.

    ``columns`` tells whether the trace has one column a node (a region) or is one-dimensional (a place). ``cells`` and
    ``nth`` have a value for each node where they are of several cells, or point processes of one kind at one node.
    """

    trace: Trace
    cell: int
    nodes: list[int]
    variable: str
    period: int
    columns: bool
    cells: Sequence[int] = ()
    nth: Sequence[int] = ()

    def probes(self) -> list[Probe]:
        """Return what the engine copies, one value a column."""
        cells, nth = self.cells or [self.cell] * len(self.nodes), self.nth or [0] * len(self.nodes)
        facts = zip(cells, self.nodes, nth, strict=True)
        return [Probe(cell, node, self.variable, self.period, k) for cell, node, k in facts]


def recording_of(
    cell: Cell, gid: int, location: str, variable: str, period: int, attached: Sequence[Mechanism]
) -> Recording:
    """Return the recording of ``variable`` at a place, or in all compartments of a region or section.

    Parameters
    ----------
    cell : Cell
        The cell.
    gid : int
        Its number.
    location, variable : str
        As in ``Simulation.record``.
    period : int
        Steps between samples.
    attached : sequence of Mechanism
        Point processes that the simulation attached to the cell.

    Raises
    ------
    ModelError
        No such place, or no mechanism of the cell has such a variable.
    """
    name, unit = _variable(variable)
    mechanisms = list(dict.fromkeys((*cell.mechanisms(), *attached)))
    where = f"gid {gid}, {location}"
    if "." in name:
        _check_mechanism(where, name, mechanisms)
    elif name != "v":
        _check_ion(where, name, mechanisms)
    columns = "(" not in location
    if columns:
        nodes = cell.nodes(location).tolist()
        labels: Iterable[str] = [cell.label(n) for n in nodes]
    else:
        section, x = cell.morphology.locate(location)
        nodes = [cell.tree.node(section, x) if name == "v" else cell.tree.compartment(section, x)]
        labels = (location,)
    return Recording(
        Trace(variable, unit, gid=gid, locations=labels, columns=columns), gid, nodes, name, period, columns
    )


def point_recording(cell: PointCell, gid: int, variable: str, period: int) -> Recording:
    """Return the recording of a point cell's variable, for instance ``"IntFire1.m"``; arguments as above."""
    _check_mechanism(
        f"gid {gid}", variable if "." in variable else f"{cell.mechanism.name}.{variable}", [cell.mechanism]
    )
    name = variable if "." in variable else f"{cell.mechanism.name}.{variable}"
    return Recording(Trace(name, "", gid=gid, locations=("",)), gid, [0], name, period, False)


def columns_recording(
    cells: Sequence[Any], attached: Sequence[tuple[int, Mechanism]], gids: Sequence[int], nodes: Sequence[int],
    variable: str,
) -> Recording:  # fmt: skip
    """Return the recording of one variable at nodes of many cells; arguments as given."""
    name, unit = _checked_columns(cells, attached, gids, variable)
    labels = [f"gid {g} node {n}" for g, n in zip(gids, nodes, strict=True)]
    trace = Trace(variable, unit, locations=labels, columns=True)
    return Recording(trace, gids[0] if gids else 0, list(nodes), name, 1, True, list(gids))


def sensed_probes(
    cells: Sequence[Any], attached: Sequence[tuple[int, Mechanism]], gids: Sequence[int], nodes: Sequence[int],
    variable: str,
) -> list[Probe]:  # fmt: skip
    """Return what reads one variable at nodes of many cells between windows of steps."""
    name, _unit = _checked_columns(cells, attached, gids, variable)
    return [Probe(gid, node, name) for gid, node in zip(gids, nodes, strict=True)]


def _checked_columns(
    cells: Sequence[Any], attached: Sequence[tuple[int, Mechanism]], gids: Sequence[int], variable: str
) -> tuple[str, str]:
    """Return the engine's name and the unit of a variable that all of these cells have."""
    extra: dict[int, list[Mechanism]] = {}
    for gid, mechanism in attached:
        extra.setdefault(gid, []).append(mechanism)
    name, unit = _variable(variable)
    for gid in {(id(cells[g]), *sorted(id(m) for m in extra.get(g, ()))): g for g in gids}.values():
        cell = cells[gid]
        known = [cell.mechanism] if isinstance(cell, PointCell) else [*cell.mechanisms(), *extra.get(gid, ())]
        if "." in name:
            _check_mechanism(f"gid {gid}", name, known)
        elif name != "v":
            _check_ion(f"gid {gid}", name, known)
    return name, unit


def synapse_recording(
    cells: Sequence[Any], tables: Sequence[Connections], attached: Sequence[tuple[int, Point]], table: int,
    rows: NDArray[Any], variable: str,
) -> Recording:  # fmt: skip
    """Return the recording of a variable of the point processes in these rows of a table; arguments as given."""
    mine = tables[table]
    if mine.mechanism is None or mine.instance is not None:
        raise ModelError(f"connections {table}: its rows have no point process of their own; nothing to record")
    kind = (mine.mechanism.name, mine.mechanism.digest)
    name = f"{mine.mechanism.name}.{variable}"
    _check_mechanism(f"connections {table}", name, [mine.mechanism])
    alike = [t for t in tables if t.mechanism is not None and (t.mechanism.name, t.mechanism.digest) == kind]
    first = sum(len(t) for t in alike[: next(k for k, t in enumerate(alike) if t is mine)])
    target = np.concatenate([t.target_gid for t in alike]).astype(np.int64)
    node = np.concatenate([t.node for t in alike]).astype(np.int64)
    nth = occurrence(target << 32 | node)[first + np.asarray(rows, np.int64)]
    gids, nodes = mine.target_gid[rows].tolist(), mine.node[rows].tolist()
    before = Counter((g, p.node) for g, p in attached if (p.mechanism.name, p.mechanism.digest) == kind)
    for gid in set(gids):
        own = [p for p in cells[gid].record.points if (p.mechanism.name, p.mechanism.digest) == kind]
        before.update((gid, p.node) for p in own)
    counts = [int(k) + before[place] for k, place in zip(nth.tolist(), zip(gids, nodes, strict=True), strict=True)]
    labels = [f"gid {g} row {r}" for g, r in zip(gids, np.asarray(rows).tolist(), strict=True)]
    trace = Trace(name, "", locations=labels, columns=True)
    return Recording(trace, gids[0] if gids else 0, nodes, name, 1, True, gids, counts)


def _variable(text: str) -> tuple[str, str]:
    """Split ``"cai_mM"`` into the engine's name and the unit; a mechanism's variable has no unit in its name."""
    if "." in text:
        return text, ""
    for suffix, unit in (("_mA_per_cm2", "mA/cm2"), ("_mV", "mV"), ("_mM", "mM")):
        if text.endswith(suffix):
            return text.removesuffix(suffix), unit
    raise ModelError(
        f'cannot record {text!r}; write a variable as "v_mV", "cai_mM", "ina_mA_per_cm2", "eca_mV" or "hh.m"'
    )


def _check_mechanism(where: str, name: str, mechanisms: Sequence[Mechanism]) -> None:
    wanted, variable = name.split(".", 1)
    known = {m.name: m for m in mechanisms}
    if wanted not in known:
        near = difflib.get_close_matches(wanted, known, 2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(known) or 'none'}."
        raise ModelError(f"{where}: nothing to record as {name!r}: no mechanism {wanted!r} in the cell; {hint}")
    mech = known[wanted]
    names = [d.name for part in (mech.parameters, mech.states, mech.assigned) for d in part]
    names += [*mech.nonspecific, *mech.electrode, *(v for use in mech.ions for v in use.writes)]
    if variable.partition("[")[0] not in names:
        near = difflib.get_close_matches(variable, names, 3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(dict.fromkeys(names))}."
        raise ModelError(f"{where}: nothing to record as {name!r}: {wanted} has no {variable!r}; {hint}")


def _check_ion(where: str, name: str, mechanisms: Sequence[Mechanism]) -> None:
    ions = list(dict.fromkeys(use.ion for m in mechanisms for use in m.ions))
    if not any(name in (f"e{i}", f"i{i}", f"{i}i", f"{i}o") for i in ions):
        raise ModelError(
            f"{where}: nothing to record as {name!r}: no mechanism of the cell uses that ion; ions: "
            f"{', '.join(ions) or 'none'}"
        )
