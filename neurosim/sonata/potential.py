"""An extracellular report: the potential at electrode sites, ``/ecp/{data, channel_id, time}``.

The potential is a sum over cells, which may be in several processes; ``exact_sum`` makes it the same however they are
divided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.simulation import Simulation
from neurosim.sonata.ecp import check_finite, ends_um, transfer
from neurosim.sonata.electrode import HalfSteps
from neurosim.sonata.exact_sum import parts_of, value_of
from neurosim.sonata.inputs import Electrode
from neurosim.sonata.nodes import Population
from neurosim.sonata.reports import EcpSpec
from neurosim.sonata.source import MembraneCurrent, membrane_of
from neurosim.sonata.step_table import TableForm

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
TILE_ROWS = 64


class EcpSums:
    """Potentials of some cells as whole numbers that add exactly (``exact_sum``).

    Parameters
    ----------
    spec : EcpSpec
        What is written.
    gids : sequence of int
        Cells that count: those of this process.
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
        gids: Sequence[int],
        sim: Simulation,
        index_of: Mapping[int, int],
        populations: Sequence[Population],
        electrodes: Mapping[int, Sequence[Electrode]],
    ) -> None:
        self.channels_n, self.half, self.dt_ms = len(spec.channels), HalfSteps(sim.dt_ms), sim.dt_ms
        self._cells: list[tuple[MembraneCurrent, Floats, Floats]] = []
        where = _positions(gids, populations)
        for gid in gids:
            cell = membrane_of(sim, index_of[gid])
            source = MembraneCurrent(sim, index_of[gid], electrodes.get(gid, ()))
            start, end = ends_um(cell, where[gid][:3], where[gid][3:])
            least = 0.5 * cell.tree.diam_um[source.nodes] if spec.least_um is None else spec.least_um
            weights = transfer(spec.sites_um, start, end, least)
            check_finite(weights, gid, spec.entry)
            self._cells.append((source, weights, source.axial.currents(weights)))
        self.held = sum(weights.shape[1] for _, weights, _ in self._cells)

    def take(self, before: int, after: int) -> Longs:
        """Return the sums after steps before + 1 to after, int64 (k, 2 channels): coarse parts, then fine ones."""
        total = np.zeros((2, after - before, self.channels_n), np.int64)
        middles = self.half.middles(before, after)
        for source, weights, cable in self._cells:
            v = source.voltages(after - before)
            potential = product(v, cable.T)
            for column, injected in source.injection.currents(middles, v, self.dt_ms):
                potential += injected[:, None] * weights[None, :, column]
            total += parts_of(potential)
        return np.hstack([total[0], total[1]])


class EcpValues:
    """Potentials in mV.

    Parameters
    ----------
    sums : EcpSums
        Of all cells.
    """

    def __init__(self, sums: EcpSums) -> None:
        self.sums, self.held = sums, sums.held

    def take(self, before: int, after: int) -> Floats:
        """Return the potentials after steps before + 1 to after, float64 (k, channels)."""
        return potentials(self.sums.take(before, after))


def potentials(sums: Longs) -> Floats:
    """Return the potentials of sums, float64 (k, channels) in mV, of int64 (k, 2 channels)."""
    coarse, fine = np.split(sums, 2, axis=1)
    return value_of(np.stack([coarse, fine]))


def ecp_form(channels: npt.NDArray[np.int64]) -> TableForm:
    """Return what the file of potentials at these channels is like."""
    return TableForm("ecp/data", "ecp/time", {"ecp/channel_id": channels}, len(channels), {"units": "mV"})


def sums_form(channels: npt.NDArray[np.int64]) -> TableForm:
    """Return what the file of one process's sums is like."""
    columns = {"ecp/channel_id": channels}
    return TableForm("ecp/sums", "ecp/time", columns, 2 * len(channels), {"units": "2^-20 mV, 2^-62 mV"}, np.int64)


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


def _positions(gids: Sequence[int], populations: Sequence[Population]) -> dict[int, Any]:
    """Return gid -> (x, y, z) in um and rotation angles in rad."""
    wanted, found = set(gids), {}
    names = ("x", "y", "z", "rotation_angle_xaxis", "rotation_angle_yaxis", "rotation_angle_zaxis")
    for p in populations:
        table = np.stack([p.numbers(name, 0.0) for name in names], axis=1)
        for gid, row in zip(p.gids.tolist(), table, strict=True):
            if gid in wanted:
                found[gid] = row
    return found
