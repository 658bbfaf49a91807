"""What a user asks to record, checked at the line that asks: places become nodes, names become the engine's."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from neurosim.errors import ModelError
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.cell import Cell
from neurosim.model.point import PointCell
from neurosim.results import Trace


@dataclass(frozen=True)
class Recording:
    """A trace and what feeds it: nodes of a cell, the engine's name of the variable, and every how many steps.

    ``columns`` tells whether the trace has one column a node (a region) or is one-dimensional (a place).
    """

    trace: Trace
    cell: int
    nodes: list[int]
    variable: str
    period: int
    columns: bool


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
