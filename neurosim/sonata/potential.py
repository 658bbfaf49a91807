"""The file of an extracellular report: the potential at electrode sites, ``/ecp/{data, channel_id, time}``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.simulation import Simulation
from neurosim.sonata.ecp import check_finite, ends_um, transfer
from neurosim.sonata.electrode import HalfSteps
from neurosim.sonata.inputs import Electrode
from neurosim.sonata.nodes import Population
from neurosim.sonata.outfile import GrowingFile
from neurosim.sonata.reports import EcpSpec
from neurosim.sonata.source import MembraneCurrent, membrane_of

Floats = npt.NDArray[np.float64]
TILE_ROWS = 64


class EcpReport:
    """An extracellular report.

    Parameters
    ----------
    spec : EcpSpec
        What is written.
    sim : Simulation
        Gets the recordings.
    index_of : mapping
        gid -> number in the simulation.
    populations : sequence of Population
        All populations.
    electrodes : mapping
        gid -> its electrodes.
    """

    def __init__(
        self,
        spec: EcpSpec,
        sim: Simulation,
        index_of: Mapping[int, int],
        populations: Sequence[Population],
        electrodes: Mapping[int, Sequence[Electrode]],
    ) -> None:
        self.spec, self.half, self.dt_ms = spec, HalfSteps(sim.dt_ms), sim.dt_ms
        self._cells: list[tuple[MembraneCurrent, Floats, Floats]] = []
        where = _positions(spec, populations)
        for gid in spec.gids:
            cell = membrane_of(sim, index_of[gid])
            source = MembraneCurrent(sim, index_of[gid], electrodes.get(gid, ()))
            start, end = ends_um(cell, where[gid][:3], where[gid][3:])
            least = 0.5 * cell.tree.diam_um[source.nodes] if spec.least_um is None else spec.least_um
            weights = transfer(spec.sites_um, start, end, least)
            check_finite(weights, gid, spec.entry)
            self._cells.append((source, weights, source.axial.currents(weights)))
        self.held = sum(weights.shape[1] for _, weights, _ in self._cells)
        self.out: GrowingFile | None = None

    def disk_bytes(self, steps: int) -> int:
        """Return the size of the values of a run of so many steps."""
        return 8 * steps * len(self.spec.channels)

    def open(self, block_steps: int) -> None:
        """Make the file and let readers in."""
        self.out = GrowingFile(self.spec.path)
        self._data = self.out.grow("ecp/data", len(self.spec.channels), rows=block_steps)
        self.out.describe(self._data, units="mV")
        self.out.put("ecp/channel_id", self.spec.channels)
        self._times = self.out.put("ecp/time", np.array([0.0, 0.0, self.dt_ms]), units="ms")
        self.out.begin()

    def reserve(self, before: int, after: int) -> None:
        """Make sure that the block of steps before + 1 to after fits on the disk."""
        assert self.out is not None
        self.out.reserve(self.disk_bytes(after - before))

    def take(self, before: int, after: int) -> None:
        """Write the block of steps before + 1 to after."""
        assert self.out is not None
        total: Floats = np.zeros((after - before, len(self.spec.channels)))
        middles = self.half.middles(before, after)
        for source, weights, cable in self._cells:
            v = source.voltages(after - before)
            total += product(v, cable.T)
            for column, injected in source.injection.currents(middles, v, self.dt_ms):
                total += injected[:, None] * weights[None, :, column]
        self.out.append(self._data, total)
        reached = round(after * self.dt_ms, 9)
        self.out.assign(self._times, 1, reached)
        self.out.commit(reached)

    def finish(self, steps: int) -> list[Path]:
        """Close after a number of steps; return the file."""
        assert self.out is not None
        return [self.out.finish()]


def product(values: Floats, matrix: Floats) -> Floats:
    """Return ``values @ matrix`` so that a row does not depend on how many there are.

    A library for linear algebra adds in another order at the edges of its tiles; here every product has the same
    shape, filled up with zeros.
    """
    out = np.empty((len(values), matrix.shape[1]))
    part = np.zeros((TILE_ROWS, values.shape[1]))
    for first in range(0, len(values), TILE_ROWS):
        here = values[first : first + TILE_ROWS]
        part[: len(here)] = here
        out[first : first + TILE_ROWS] = (part @ matrix)[: len(here)]
    return out


def _positions(spec: EcpSpec, populations: Sequence[Population]) -> dict[int, Any]:
    """Return gid -> (x, y, z) in um and rotation angles in rad."""
    wanted, found = set(spec.gids), {}
    names = ("x", "y", "z", "rotation_angle_xaxis", "rotation_angle_yaxis", "rotation_angle_zaxis")
    for p in populations:
        table = np.stack([p.numbers(name, 0.0) for name in names], axis=1)
        for gid, row in zip(p.gids.tolist(), table, strict=True):
            if gid in wanted:
                found[gid] = row
    return found
