"""Reports of electrodes: the current that each injects, ``module: clamp_report``.

The file has ``/data`` [steps x electrodes] in nA as BMTK's, and beside it ``/time`` and, for each column,
``/clamp/gids``. ``variable_name`` chooses the electrodes: ``ic`` current steps, ``f_ic`` currents played from a file,
``se`` voltage clamps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neurosim.results import Trace
from neurosim.simulation import Simulation
from neurosim.sonata.electrode import HalfSteps, current_nA
from neurosim.sonata.entry import Entry
from neurosim.sonata.inputs import CurrentStep, CurrentWave, Electrode
from neurosim.sonata.report_entry import Subjects, variable_name
from neurosim.sonata.source import drained
from neurosim.sonata.step_table import TableForm

KEYS = {"module", "enabled", "file_name", "variable_name", "buffer_data"}
KINDS = ("ic", "f_ic", "se")


@dataclass(frozen=True)
class ClampSpec:
    """A report of electrodes as asked for."""

    key: str
    path: Path
    variable: str
    electrodes: tuple[Electrode, ...]


def kind_of(electrode: Electrode) -> str:
    """Return BMTK's word for the kind of an electrode."""
    return "ic" if isinstance(electrode, CurrentStep) else "f_ic" if isinstance(electrode, CurrentWave) else "se"


def read_clamps(entry: Entry, subjects: Subjects, electrodes: Sequence[Electrode]) -> ClampSpec:
    """Return the report of an entry."""
    entry.check_keys(KEYS)
    variable = variable_name(entry)
    if variable not in KINDS:
        entry.fail("variable_name", f"got {variable!r}; allowed: {', '.join(KINDS)}.")
    chosen = tuple(e for e in electrodes if kind_of(e) == variable)
    if not chosen:
        entry.fail("variable_name", f"no input is of the kind {variable!r}; the report would be empty.")
    return ClampSpec(entry.key, subjects.file_of(entry), variable, chosen)


class ClampValues:
    """Currents of electrodes.

    Parameters
    ----------
    electrodes : sequence of Electrode
        Of cells of this process.
    sim : Simulation
        Gets recordings of the voltage where a voltage clamp is.
    index_of : mapping
        gid -> number in the simulation.
    """

    def __init__(self, electrodes: Sequence[Electrode], sim: Simulation, index_of: Mapping[int, int]) -> None:
        self.electrodes, self.dt_ms, self.half = electrodes, sim.dt_ms, HalfSteps(sim.dt_ms)
        self._voltages: list[Trace | None] = [
            sim.record(e.place, "v_mV", gid=index_of[e.gid]) if kind_of(e) == "se" else None for e in electrodes
        ]
        self.held = len(electrodes)

    def take(self, before: int, after: int) -> npt.NDArray[np.float64]:
        """Return the currents after steps before + 1 to after, float64 (k, electrodes) in nA."""
        middles = self.half.middles(before, after)
        block = np.empty((after - before, len(self.electrodes)))
        for k, (electrode, voltage) in enumerate(zip(self.electrodes, self._voltages, strict=True)):
            v = drained(voltage, after - before)[:, 0] if voltage is not None else middles
            block[:, k] = current_nA(electrode, middles, v, self.dt_ms)
        return block


def clamp_form(variable: str, gids: Sequence[int]) -> TableForm:
    """Return what the file of electrodes in these cells is like."""
    columns = {"clamp/gids": np.array(gids, np.uint64)}
    return TableForm("data", "time", columns, len(gids), {"units": "nA", "variable": variable})
