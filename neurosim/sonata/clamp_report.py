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

from neurosim.results import Trace
from neurosim.simulation import Simulation
from neurosim.sonata.electrode import HalfSteps, current_nA
from neurosim.sonata.entry import Entry
from neurosim.sonata.inputs import CurrentStep, CurrentWave, Electrode
from neurosim.sonata.outfile import GrowingFile
from neurosim.sonata.report_entry import Subjects, variable_name
from neurosim.sonata.source import drained

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


class ClampReport:
    """A report of electrode currents.

    Parameters
    ----------
    spec : ClampSpec
        What is written.
    sim : Simulation
        Gets recordings of the voltage where a voltage clamp is.
    index_of : mapping
        gid -> number in the simulation.
    """

    def __init__(self, spec: ClampSpec, sim: Simulation, index_of: Mapping[int, int]) -> None:
        self.spec, self.dt_ms, self.half = spec, sim.dt_ms, HalfSteps(sim.dt_ms)
        self._voltages: list[Trace | None] = [
            sim.record(e.place, "v_mV", gid=index_of[e.gid]) if kind_of(e) == "se" else None for e in spec.electrodes
        ]
        self.held = len(spec.electrodes)
        self.out: GrowingFile | None = None

    def disk_bytes(self, steps: int) -> int:
        """Return the size of the values of a run of so many steps."""
        return 8 * steps * len(self.spec.electrodes)

    def open(self, block_steps: int) -> None:
        """Make the file and let readers in."""
        self.out = GrowingFile(self.spec.path)
        self._data = self.out.grow("data", len(self.spec.electrodes), rows=block_steps)
        self.out.describe(self._data, units="nA", variable=self.spec.variable)
        self.out.put("clamp/gids", np.array([e.gid for e in self.spec.electrodes], np.uint64))
        self._times = self.out.put("time", np.array([0.0, 0.0, self.dt_ms]), units="ms")
        self.out.begin()

    def reserve(self, before: int, after: int) -> None:
        """Make sure that the block of steps before + 1 to after fits on the disk."""
        assert self.out is not None
        self.out.reserve(self.disk_bytes(after - before))

    def take(self, before: int, after: int) -> None:
        """Write the block of steps before + 1 to after."""
        assert self.out is not None
        middles = self.half.middles(before, after)
        block = np.empty((after - before, len(self.spec.electrodes)))
        for k, (electrode, voltage) in enumerate(zip(self.spec.electrodes, self._voltages, strict=True)):
            v = drained(voltage, after - before)[:, 0] if voltage is not None else middles
            block[:, k] = current_nA(electrode, middles, v, self.dt_ms)
        self.out.append(self._data, block)
        reached = round(after * self.dt_ms, 9)
        self.out.assign(self._times, 1, reached)
        self.out.commit(reached)

    def finish(self, steps: int) -> list[Path]:
        """Close after a number of steps; return the file."""
        assert self.out is not None
        return [self.out.finish()]
