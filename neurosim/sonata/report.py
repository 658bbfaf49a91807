"""Report files under construction: values at places of cells over time.

A report attaches its recordings to the simulation, takes the rows of each block, writes and forgets them. Reports hold
float64 as BMTK's do; libsonata reads only float32, so ``libsonata/<name>.h5`` in the output folder is a view of a few
kB that shows the same numbers as float32 (an HDF5 virtual dataset, nothing is copied). Potentials: ``potential.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.model.cell import Cell
from neurosim.simulation import Simulation
from neurosim.sonata.inputs import Electrode
from neurosim.sonata.nodes import Population
from neurosim.sonata.outfile import GrowingFile, view_of
from neurosim.sonata.report_entry import Rows
from neurosim.sonata.reports import MembraneSpec
from neurosim.sonata.source import Currents, Elements, Source, Traces
from neurosim.sonata.variable import Variable


class Report(Protocol):
    """What the session needs of a report.

    ``held`` is the number of values kept for every step until ``take``, ``path`` the name of the file, ``out`` the file
    once ``open`` made it.
    """

    held: int
    path: Path
    out: GrowingFile | None

    def move(self, path: Path, first: int) -> None:
        """Write to another file, and begin after step ``first``; before ``open``."""

    def disk_bytes(self, steps: int) -> int:
        """Return the size of the values of a run of so many steps."""

    def open(self, block_steps: int) -> None:
        """Make the file and let readers in."""

    def reserve(self, before: int, after: int) -> None:
        """Make sure that the block of steps before + 1 to after fits on the disk."""

    def take(self, before: int, after: int) -> None:
        """Write the block of steps before + 1 to after."""

    def finish(self, steps: int) -> list[Path]:
        """Close after a number of steps; return the files."""


class ElementSpec(Protocol):
    """What the file of a report says about itself."""

    @property
    def path(self) -> Path:
        """Final name of the file."""

    @property
    def variable(self) -> str:
        """SONATA's name of the variable."""

    @property
    def unit(self) -> str:
        """Its unit, empty for a number without one."""

    @property
    def rows(self) -> Rows:
        """Steps that are written."""

    @property
    def dt_ms(self) -> float:
        """Interval of the rows."""

    @property
    def start_ms(self) -> float:
        """Start."""

    @property
    def end_ms(self) -> float:
        """End."""


class ElementReport:
    """A report of values at places of cells.

    Parameters
    ----------
    spec : ElementSpec
        What is written.
    parts : mapping
        Population -> its columns and where their values come from.
    step_ms : float
        Step of the simulation.
    """

    def __init__(self, spec: ElementSpec, parts: Mapping[str, tuple[Elements, Source]], step_ms: float) -> None:
        self.spec, self.parts, self.step_ms = spec, parts, step_ms
        self.path, self.start_ms = spec.path, spec.start_ms
        self.held = sum(source.held for _, source in parts.values())
        self.width = sum(source.width for _, source in parts.values())
        self.out: GrowingFile | None = None

    def move(self, path: Path, first: int) -> None:
        """Write to another file, and begin after step ``first``; before ``open``."""
        rows = self.spec.rows
        self.path = path
        if first > rows.first:
            self.start_ms = round(-(-first // rows.every) * rows.every * self.step_ms, 9)

    def disk_bytes(self, steps: int) -> int:
        """Return the size of the values of a run of so many steps."""
        return 8 * self.width * len(self.spec.rows.among(0, min(steps, self.spec.rows.last)))

    def open(self, block_steps: int) -> None:
        """Make the file and let readers in."""
        self.out = out = GrowingFile(self.path)
        rows = max(1, block_steps // self.spec.rows.every)
        self._data, self._times = {}, []
        for name, (elements, source) in self.parts.items():
            group = f"report/{name}"
            data = out.grow(f"{group}/data", source.width, rows=rows)
            out.describe(data, variable=self.spec.variable, units=self.spec.unit)
            self._data[name] = data
            out.put(f"{group}/mapping/node_ids", np.array(elements.nodes, dtype=np.uint64), sorted=np.uint8(1))
            pointers = out.put(f"{group}/mapping/index_pointer", np.array(elements.pointers, dtype=np.uint64))
            out.file[f"{group}/mapping/index_pointers"] = pointers  # the other spelling in the wild, the same dataset
            out.put(f"{group}/mapping/element_ids", np.array(elements.ids, dtype=np.int64).astype(np.uint32))
            out.put(f"{group}/mapping/element_pos", np.array(elements.positions, dtype=np.float64))
            for key, values in elements.more.items():
                out.put(f"{group}/mapping/{key}", values)
            times = np.array([self.start_ms, self.start_ms, self.spec.dt_ms])
            self._times.append(out.put(f"{group}/mapping/time", times, units="ms"))
        out.begin()

    def reserve(self, before: int, after: int) -> None:
        """Make sure that the block of steps before + 1 to after fits on the disk."""
        assert self.out is not None
        self.out.reserve(8 * self.width * len(self.spec.rows.among(before, after)))

    def take(self, before: int, after: int) -> None:
        """Write the block of steps before + 1 to after."""
        assert self.out is not None
        rows = self.spec.rows.among(before, after)
        for name, (_, source) in self.parts.items():
            self.out.append(self._data[name], source.take(before, after, rows))
        reached = self._reached_ms(after)
        for times in self._times:
            self.out.assign(times, 1, reached)
        self.out.commit(round(after * self.step_ms, 9))

    def _reached_ms(self, steps: int) -> float:
        """Return the end of the rows written after a number of steps."""
        if steps >= self.spec.rows.last:
            return self.spec.end_ms
        return max(self.start_ms, round(steps * self.step_ms, 9))

    def finish(self, steps: int) -> list[Path]:
        """Close after a number of steps; return the files."""
        assert self.out is not None
        path = self.out.finish()
        return [path, write_view(path)]


def membrane_report(
    spec: MembraneSpec,
    sim: Simulation,
    index_of: Mapping[int, int],
    populations: Sequence[Population],
    electrodes: Mapping[int, Sequence[Electrode]],
    own: Callable[[int], bool] = lambda gid: True,
) -> ElementReport:
    """Return the report of a range variable, or of a variable of point cells.

    Parameters
    ----------
    spec : MembraneSpec
        What is written.
    sim : Simulation
        Gets the recordings.
    index_of : mapping
        gid -> number in the simulation.
    populations : sequence of Population
        All populations.
    electrodes : mapping
        gid -> its electrodes.
    own : callable
        Tells of a gid whether this process computes it; the report is of those.
    """
    mine = sorted(gid for gid in spec.pieces if own(gid))
    parts: dict[str, tuple[Elements, Source]] = {}
    for p in populations:
        gids = [g for g in mine if p.first_gid <= g < p.next_gid]
        if gids:
            parts[p.name] = _columns(spec, gids, p, sim, index_of, electrodes)
    if len(mine) < len(spec.pieces):
        _announce(spec, mine, sim, index_of)
    return ElementReport(spec, parts, sim.dt_ms)


def _announce(spec: MembraneSpec, mine: Sequence[int], sim: Simulation, index_of: Mapping[int, int]) -> None:
    """Record in name only what is recorded in other processes: what a mechanism computes may depend on that."""
    kinds = {(sim.cells[index_of[gid]], spec.pieces[gid]): gid for gid in reversed(sorted(spec.pieces))}
    known = {(sim.cells[index_of[gid]], spec.pieces[gid]) for gid in mine}
    said = {name for cell, pieces in known for name in _where(cell, pieces)[0]}
    for (cell, pieces), gid in kinds.items():
        names, _, _, nodes = _where(cell, pieces)
        for name, node in zip(names, nodes.tolist(), strict=True):
            if name and name not in said:
                said.add(name)
                sim.record_columns(name, [index_of[gid]], [node])


def _columns(
    spec: MembraneSpec,
    gids: Sequence[int],
    population: Population,
    sim: Simulation,
    index_of: Mapping[int, int],
    electrodes: Mapping[int, Sequence[Electrode]],
) -> tuple[Elements, Source]:
    """Return the columns of one population and the source of their values."""
    pointers, ids, positions = [0], [], []
    numbers: list[int] = []
    variables: list[str] = []
    nodes_of: dict[int, npt.NDArray[np.int32]] = {}
    known: dict[tuple[Any, Any], Any] = {}
    for gid in gids:
        index = index_of[gid]
        cell: Any = sim.cells[index]
        key = (cell, spec.pieces[gid])
        if key not in known:
            known[key] = _where(cell, spec.pieces[gid])
        names, sections, at, nodes = known[key]
        variables += names
        numbers += [index] * len(names)
        ids += sections
        positions += at
        nodes_of[index] = nodes
        pointers.append(len(ids))
    elements = Elements([gid - population.first_gid for gid in gids], pointers, ids, positions)
    if variables[0]:
        every = np.concatenate(list(nodes_of.values())).tolist()
        return elements, Traces(sim, numbers, every, variables)
    of_index = {index_of[gid]: found for gid, found in electrodes.items() if gid in index_of}
    return elements, Currents(sim, nodes_of, of_index, spec.unit != "nA")


def _where(
    cell: Any, pieces: tuple[tuple[str, Variable], ...]
) -> tuple[list[str], list[int], list[float], npt.NDArray[np.int32]]:
    """Return the variable, section, position and node of each column of a cell."""
    names, sections, positions, nodes = [], [], [], []
    for place, variable in pieces:
        if not isinstance(cell, Cell):
            here, section_ids, at = [0], [0], [0.5]
        elif "(" in place:
            section, x = cell.morphology.locate(place)
            node = cell.tree.node(section, x) if variable.name == "v_mV" else cell.tree.compartment(section, x)
            here, section_ids, at = [node], [section], [x]
        else:
            here = cell.nodes(place).tolist()
            section_ids, at = cell.tree.section_idx[here].tolist(), cell.tree.x[here].tolist()
        names += [variable.name] * len(here)
        sections += section_ids
        positions += at
        nodes += here
    return names, sections, positions, np.array(nodes, np.int32)


def write_view(path: Path) -> Path:
    """Write the float32 view of a finished report that libsonata reads, and return its path."""
    out = GrowingFile(view_of(path))
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
