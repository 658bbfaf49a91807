"""Where the values of a report come from: recordings of the simulation, as one table per report and population.

A ``Source`` hands over the block of values since the last call, rows for steps and columns in the order of the report's
mapping, and forgets it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from neurosim.model.cell import Cell
from neurosim.results import Trace
from neurosim.simulation import Simulation
from neurosim.sonata.ecp import Axial
from neurosim.sonata.electrode import HalfSteps, Injection
from neurosim.sonata.inputs import Electrode

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Elements:
    """Which column of a report is what, for one population; columns of one node stand together.

    Parameters
    ----------
    nodes : sequence of int (n,)
        Node ids, ascending.
    pointers : sequence of int (n + 1,)
        Where the columns of each node begin.
    ids, positions : sequence (columns,)
        Section, and place in it from 0 to 1.
    more : dict
        Further datasets of the mapping, (columns,).
    """

    nodes: Sequence[int]
    pointers: Sequence[int]
    ids: Sequence[int] | npt.NDArray[Any]
    positions: Sequence[float] | npt.NDArray[Any]
    more: dict[str, npt.NDArray[Any]] = field(default_factory=dict)


class Source(Protocol):
    """Values of a report.

    ``width`` is the number of columns, ``held`` the number of values kept for every step until they are taken.
    """

    width: int
    held: int

    def take(self, before: int, after: int, rows: Ints) -> Floats:
        """Return the chosen rows of steps before + 1 to after, float64 (len(rows), width), and forget the block."""


class Traces:
    """Recordings side by side.

    Parameters
    ----------
    sim : Simulation
        Gets the recordings, one for each variable.
    numbers : sequence of int (n,)
        Cell's number in the simulation, of each column.
    nodes : sequence of int (n,)
        Node of its tree, 0 for a point cell.
    variables : sequence of str (n,)
        The simulation's variable.
    """

    def __init__(
        self, sim: ColumnRecorder, numbers: Sequence[int], nodes: Sequence[int], variables: Sequence[str]
    ) -> None:
        members: dict[str, list[int]] = {}
        for column, variable in enumerate(variables):
            members.setdefault(variable, []).append(column)
        self._parts = [
            (sim.record_columns(variable, [numbers[c] for c in columns], [nodes[c] for c in columns]), columns)
            for variable, columns in members.items()
        ]
        self.width = self.held = len(variables)

    def take(self, before: int, after: int, rows: Ints) -> Floats:
        """Return the chosen rows and forget the block."""
        blocks = [drained(trace, after - before) for trace, _ in self._parts]
        chosen = slice(None) if len(rows) == after - before else rows
        if len(blocks) == 1:
            only: Floats = blocks[0][chosen]
            return only
        out = np.empty((len(rows), self.width))
        for block, (_, columns) in zip(blocks, self._parts, strict=True):
            out[:, columns] = block[chosen]
        return out


class ColumnRecorder(Protocol):
    """A simulation that records many places at once."""

    def record_columns(self, variable: str, gids: Sequence[int], nodes: Sequence[int]) -> Trace:
        """Record a variable at nodes of cells, one column each."""


def drained(trace: Trace, rows: int) -> Floats:
    """Return the last rows of a trace, float64 (rows, k), and empty it (the row at t = 0 is dropped)."""
    values = trace.values
    trace.clear()
    return values[len(values) - rows :].reshape(rows, -1)


def membrane_of(sim: Simulation, index: int) -> Cell:
    """Return a cell that has a membrane."""
    cell = sim.cells[index]
    if not isinstance(cell, Cell):
        raise TypeError(f"cell {index} is a {type(cell).__name__} and has no membrane")
    return cell


class MembraneCurrent:
    """Membrane currents of one cell from its voltages.

    Parameters
    ----------
    sim : Simulation
        Gets a recording of all voltages of the cell.
    index : int
        The cell's number in the simulation.
    electrodes : sequence of Electrode
        Its electrodes.
    """

    def __init__(self, sim: Simulation, index: int, electrodes: Sequence[Electrode]) -> None:
        cell = membrane_of(sim, index)
        self.nodes = cell.nodes("all")
        self.axial = Axial(cell.tree, self.nodes)
        self.injection = Injection(cell, electrodes)
        self.trace = sim.record("all", "v_mV", gid=index)
        self.half = HalfSteps(sim.dt_ms)
        self.area_um2 = cell.tree.area_um2[self.nodes]

    def voltages(self, rows: int) -> Floats:
        """Return and forget the last ``rows`` rows, float64 (rows, n) in mV."""
        return drained(self.trace, rows)

    def currents_nA(self, before: int, after: int) -> Floats:
        """Return the membrane currents after steps before + 1 to after, float64 (k, n), outwards."""
        v = self.voltages(after - before)
        current = self.axial.currents(v)
        for column, injected in self.injection.currents(self.half.middles(before, after), v, self.half.dt_ms):
            current[:, column] += injected
        return current


class Currents:
    """Membrane currents of several cells, in nA or mA/cm2.

    Parameters
    ----------
    sim : Simulation
        Gets the recordings.
    chosen : mapping
        Cell's number in the simulation -> nodes of its columns, int (k,), in the order of the columns.
    electrodes : mapping
        Cell's number -> its electrodes.
    density : bool
        True: mA/cm2.
    """

    NA_PER_UM2_TO_MA_PER_CM2 = 100.0

    def __init__(
        self,
        sim: Simulation,
        chosen: Mapping[int, npt.NDArray[np.int32]],
        electrodes: Mapping[int, Sequence[Electrode]],
        density: bool,
    ) -> None:
        self._parts: list[tuple[MembraneCurrent, Ints, Floats | float]] = []
        for index, nodes in chosen.items():
            cell = MembraneCurrent(sim, index, electrodes.get(index, ()))
            columns = np.array([int(np.flatnonzero(cell.nodes == n)[0]) for n in nodes], np.int64)
            scale = self.NA_PER_UM2_TO_MA_PER_CM2 / cell.area_um2[columns] if density else 1.0
            self._parts.append((cell, columns, scale))
        self.width = sum(len(columns) for _, columns, _ in self._parts)
        self.held = sum(len(cell.nodes) for cell, _, _ in self._parts)

    def take(self, before: int, after: int, rows: Ints) -> Floats:
        """Return the chosen rows and forget the block."""
        blocks = [
            cell.currents_nA(before, after)[np.ix_(rows, columns)] * scale for cell, columns, scale in self._parts
        ]
        return np.hstack(blocks)
