"""Report files under construction: membrane variables and extracellular potentials.

A report attaches its recordings to the simulation, takes the rows of each block, writes and forgets them. Membrane
reports hold float64 as BMTK's do; libsonata reads only float32, so ``libsonata/<name>.h5`` in the output folder is a
view of a few kB that shows the same numbers as float32 (an HDF5 virtual dataset, nothing is copied).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.results import Trace
from neurosim.simulation import Simulation
from neurosim.sonata.ecp import Axial, check_finite, ends_um, transfer
from neurosim.sonata.electrode import HalfSteps, Injection
from neurosim.sonata.inputs import Electrode
from neurosim.sonata.nodes import Population
from neurosim.sonata.outfile import GrowingFile, view_of
from neurosim.sonata.reports import EcpSpec, MembraneSpec

Floats = npt.NDArray[np.float64]
NA_PER_UM2_TO_MA_PER_CM2 = 100.0


class Report(Protocol):
    """What the session needs of a report."""

    width: int

    def take(self, before: int, after: int) -> None:
        """Write the block of steps before + 1 to after."""

    def finish(self, steps: int) -> list[Path]:
        """Close after a number of steps; return the files."""

    def abandon(self) -> None:
        """Leave the unfinished file."""


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
        cell = sim.cells[index]
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


def drained(trace: Trace, rows: int) -> Floats:
    """Return the last rows of a trace, float64 (rows, k), and empty it (the row at t = 0 is dropped)."""
    values = trace.drain().values
    return values[len(values) - rows :].reshape(rows, -1)


class MembraneReport:
    """A membrane report.

    Parameters
    ----------
    spec : MembraneSpec
        What is written.
    sim : Simulation
        Gets the recordings.
    index_of : mapping
        gid -> number in the simulation.
    populations : list of Population
        All populations.
    electrodes : mapping
        gid -> its electrodes.
    """

    def __init__(
        self,
        spec: MembraneSpec,
        sim: Simulation,
        index_of: Mapping[int, int],
        populations: list[Population],
        electrodes: Mapping[int, Sequence[Electrode]],
    ) -> None:
        self.spec, self.populations = spec, populations
        self._currents: dict[int, MembraneCurrent] = {}
        self._sources: dict[str, list[tuple[int, Trace | None, npt.NDArray[np.int64]]]] = {}
        mappings = {}
        for p in populations:
            gids = [g for g in sorted(spec.pieces) if p.first_gid <= g < p.next_gid]
            if gids:
                mappings[p.name] = self._attach(p, gids, sim, index_of, electrodes)
        self.width = sum(len(ids) for _, _, ids, _ in mappings.values())
        self.width += sum(len(c.nodes) for c in self._currents.values())
        self.out = GrowingFile(spec.path)
        for name, mapping in mappings.items():
            self._start(name, *mapping)
        self.out.flush()

    def _attach(
        self,
        population: Population,
        gids: list[int],
        sim: Simulation,
        index_of: Mapping[int, int],
        electrodes: Mapping[int, Sequence[Electrode]],
    ) -> tuple[list[int], list[int], list[int], list[float]]:
        """Record what the report needs; return node ids, pointers, element ids and positions."""
        nodes_out, pointers, ids, positions = [], [0], [], []
        sources = self._sources.setdefault(population.name, [])
        for gid in gids:
            index = index_of[gid]
            cell = sim.cells[index]
            for place, variable in self.spec.pieces[gid]:
                if "(" in place:
                    section, x = cell.morphology.locate(place)
                    nodes = np.array([cell.tree.compartment(section, x)])
                    ids.append(section)
                    positions.append(x)
                else:
                    nodes = cell.nodes(place)
                    ids += cell.tree.section_idx[nodes].tolist()
                    positions += cell.tree.x[nodes].tolist()
                if variable.name:
                    sources.append((gid, sim.record(place, variable.name, gid=index), np.zeros(0, np.int64)))
                else:
                    if gid not in self._currents:
                        self._currents[gid] = MembraneCurrent(sim, index, electrodes.get(gid, ()))
                    every = self._currents[gid].nodes
                    sources.append((gid, None, np.array([int(np.flatnonzero(every == n)[0]) for n in nodes])))
            nodes_out.append(gid - population.first_gid)
            pointers.append(len(ids))
        return nodes_out, pointers, ids, positions

    def _start(
        self, population: str, nodes: list[int], pointers: list[int], ids: list[int], positions: list[float]
    ) -> None:
        group = f"report/{population}"
        data = self.out.grow(f"{group}/data", len(ids))
        data.attrs["variable"], data.attrs["units"] = self.spec.variable, self.spec.unit
        mapping = self.out.file.create_group(f"{group}/mapping")
        mapping["node_ids"] = np.array(nodes, dtype=np.uint64)
        mapping["node_ids"].attrs["sorted"] = np.uint8(1)
        mapping["index_pointer"] = np.array(pointers, dtype=np.uint64)
        mapping["index_pointers"] = mapping["index_pointer"]  # the other spelling in the wild, the same dataset
        mapping["element_ids"] = np.array(ids, dtype=np.uint32)
        mapping["element_pos"] = np.array(positions, dtype=np.float64)
        mapping["time"] = np.array([self.spec.start_ms, self.spec.end_ms, self.spec.dt_ms])
        mapping["time"].attrs["units"] = "ms"

    def take(self, before: int, after: int) -> None:
        """Write the block of steps before + 1 to after."""
        rows = self.spec.rows.among(before, after)
        currents = {gid: source.currents_nA(before, after) for gid, source in self._currents.items()}
        for population, sources in self._sources.items():
            columns = []
            for gid, trace, chosen in sources:
                if trace is not None:
                    columns.append(drained(trace, after - before)[rows])
                else:
                    values = currents[gid][np.ix_(rows, chosen)]
                    if self.spec.unit != "nA":
                        values = values / self._currents[gid].area_um2[chosen] * NA_PER_UM2_TO_MA_PER_CM2
                    columns.append(values)
            if len(rows):
                self.out.append(self.out.file[f"report/{population}/data"], np.hstack(columns))
        self.out.flush()

    def finish(self, steps: int) -> list[Path]:
        """Close after a number of steps; return the files."""
        done_ms = steps * self.spec.dt_ms * self.spec.rows.every**-1.0
        if steps < self.spec.rows.last:
            for population in self._sources:
                self.out.file[f"report/{population}/mapping/time"][1] = max(self.spec.start_ms, done_ms)
        path = self.out.finish()
        return [path, write_view(path)]

    def abandon(self) -> None:
        """Leave the unfinished file."""
        self.out.abandon()


def write_view(path: Path) -> Path:
    """Write the float32 view of a finished report that libsonata reads, and return its path."""
    view = view_of(path)
    out = GrowingFile(view)
    with h5py.File(path, "r") as source:
        for name, group in source["report"].items():
            shape = group["data"].shape
            layout = h5py.VirtualLayout(shape=shape, dtype=np.float32)
            if shape[0]:
                layout[:] = h5py.VirtualSource(f"../{path.name}", f"/report/{name}/data", shape=shape, dtype=np.float64)
            data = out.file.create_virtual_dataset(f"report/{name}/data", layout)
            for key, value in group["data"].attrs.items():
                data.attrs[key] = value
            out.file[f"report/{name}/mapping"] = h5py.ExternalLink(f"../{path.name}", f"/report/{name}/mapping")
    return out.finish()


class EcpReport:
    """An extracellular report.

    Parameters
    ----------
    spec : EcpSpec
        What is written.
    sim, index_of, populations, electrodes
        As for ``MembraneReport``.
    """

    def __init__(
        self,
        spec: EcpSpec,
        sim: Simulation,
        index_of: Mapping[int, int],
        populations: list[Population],
        electrodes: Mapping[int, Sequence[Electrode]],
    ) -> None:
        self.spec, self.half = spec, HalfSteps(sim.dt_ms)
        self._cells: list[tuple[MembraneCurrent, Floats, Floats]] = []
        where = _positions(spec, populations)
        for gid in spec.gids:
            cell = sim.cells[index_of[gid]]
            source = MembraneCurrent(sim, index_of[gid], electrodes.get(gid, ()))
            start, end = ends_um(cell, where[gid][:3], where[gid][3:])
            least = 0.5 * cell.tree.diam_um[source.nodes] if spec.least_um is None else spec.least_um
            weights = transfer(spec.sites_um, start, end, least)
            check_finite(weights, gid, spec.entry)
            self._cells.append((source, weights, source.axial.currents(weights)))
        self.width = sum(weights.shape[1] for _, weights, _ in self._cells)
        self.out = GrowingFile(spec.path)
        self.data = self.out.grow("ecp/data", len(spec.channels))
        self.data.attrs["units"] = "mV"
        self.out.file["ecp/channel_id"] = spec.channels
        self.dt_ms = sim.dt_ms
        self.out.file["ecp/time"] = np.zeros(3)
        self.out.file["ecp/time"].attrs["units"] = "ms"
        self._time(0)
        self.out.flush()

    def take(self, before: int, after: int) -> None:
        """Write the block of steps before + 1 to after."""
        total: Floats = np.zeros((after - before, len(self.spec.channels)))
        middles = self.half.middles(before, after)
        for source, weights, cable in self._cells:
            v = source.voltages(after - before)
            total += v @ cable.T
            for column, injected in source.injection.currents(middles, v, self.dt_ms):
                total += injected[:, None] * weights[None, :, column]
        self.out.append(self.data, total)
        self._time(after)
        self.out.flush()

    def finish(self, steps: int) -> list[Path]:
        """Close after a number of steps; return the file."""
        self._time(steps)
        return [self.out.finish()]

    def abandon(self) -> None:
        """Leave the unfinished file."""
        self.out.abandon()

    def _time(self, steps: int) -> None:
        self.out.file["ecp/time"][:] = (0.0, round(steps * self.dt_ms, 9), self.dt_ms)


def _positions(spec: EcpSpec, populations: list[Population]) -> dict[int, Any]:
    """Return gid -> (x, y, z) in um and rotation angles in rad."""
    wanted, found = set(spec.gids), {}
    names = ("x", "y", "z", "rotation_angle_xaxis", "rotation_angle_yaxis", "rotation_angle_zaxis")
    for p in populations:
        table = np.stack([p.numbers(name, 0.0) for name in names], axis=1)
        for gid, row in zip(p.gids.tolist(), table, strict=True):
            if gid in wanted:
                found[gid] = row
    return found
