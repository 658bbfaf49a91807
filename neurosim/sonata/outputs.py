"""All files of a run under construction: spikes and reports, as the outputs themselves or as files of one rank.

One process that writes no checkpoints makes the outputs directly. Otherwise each process writes its own cells into the
files of ``rank_files``, from which ``merge`` makes the outputs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.simulation import Simulation
from neurosim.sonata.circuit import Circuit
from neurosim.sonata.clamp_report import ClampSpec, ClampValues, clamp_form
from neurosim.sonata.nodes import Population
from neurosim.sonata.potential import EcpSums, EcpValues, ecp_form, sums_form
from neurosim.sonata.rank_files import SPIKES, Leg, report_name
from neurosim.sonata.rank_values import COLUMNS
from neurosim.sonata.report import ElementReport, Report, membrane_report
from neurosim.sonata.reports import EcpSpec, MembraneSpec, Spec
from neurosim.sonata.spikes import SpikesSpec, SpikeWriter
from neurosim.sonata.step_table import StepTable, TableForm
from neurosim.sonata.synapse_report import Announced, SynapseSpec, synapse_columns

BLOCK_BYTES = 128 * 2**20
"""Recorded values that are kept in memory between two writes, at most."""
FIRING = {"biophysical", "point"}
"""Kinds of nodes whose spikes are written."""


class Outputs:
    """Files of spikes and reports.

    Parameters
    ----------
    circuit : Circuit
        What is simulated.
    sim : Simulation
        Gets the recordings.
    ranked : bool
        Whether these are files of a rank.
    """

    def __init__(self, circuit: Circuit, sim: Simulation, *, ranked: bool) -> None:
        self.circuit, self.sim, self.ranked = circuit, sim, ranked
        self.spikes: SpikeWriter | None = None
        self._announced: list[Announced] = []
        self._gids = circuit.gids
        self.firing: list[Population] = [p for p in circuit.populations if FIRING & circuit.counts[p.name].keys()]
        self.reports: list[Report] = [self._report(spec) for spec in circuit.reports]

    def _report(self, spec: Spec) -> Report:
        """Attach a report to the simulation."""
        circuit, sim = self.circuit, self.sim
        index, electrodes, dt_ms = circuit.index_of, circuit.electrodes_of(), self.sim.dt_ms
        if isinstance(spec, EcpSpec):
            gids = [gid for gid in spec.gids if circuit.owns(gid)]
            sums = EcpSums(spec, gids, sim, index, circuit.populations, electrodes)
            if self.ranked:
                return StepTable(spec.path, sums_form(spec.channels), sums, dt_ms)
            return StepTable(spec.path, ecp_form(spec.channels), EcpValues(sums), dt_ms)
        if isinstance(spec, ClampSpec):
            columns = [k for k, electrode in enumerate(spec.electrodes) if circuit.owns(electrode.gid)]
            mine = [spec.electrodes[k] for k in columns]
            form = clamp_form(spec.variable, [electrode.gid for electrode in mine])
            if self.ranked:
                form = _with(form, COLUMNS, np.array(columns, np.int64))
            return StepTable(spec.path, form, ClampValues(mine, sim, index), dt_ms)
        if isinstance(spec, SynapseSpec):
            connections = circuit.connections
            if circuit.share is not None:
                self._announced.append(Announced(sim, connections, spec))
            parts = synapse_columns(spec, connections, sim.cells, self._gids, circuit.populations, sim)
            return ElementReport(spec, parts, dt_ms)
        return membrane_report(spec, sim, index, circuit.populations, electrodes, circuit.owns)

    @property
    def most_steps(self) -> int:
        """Return the most steps between two writes: what is asked for, or what memory allows."""
        steps = self.circuit.config.run.steps_n
        held = sum(report.held for report in self.reports)
        return max(1, min(self.circuit.config.run.block_steps or steps, steps, BLOCK_BYTES // (8 * max(1, held))))

    def sizes(self, steps: int) -> list[tuple[str, int]]:
        """Return the key of each report, and the size of its values in a run of so many steps."""
        return [
            (spec.key, report.disk_bytes(steps))
            for spec, report in zip(self.circuit.reports, self.reports, strict=True)
        ]

    def open(self, leg: Leg | None) -> None:
        """Make the files: the outputs, or those of this rank in a leg."""
        spec, most = self.circuit.spikes, self.most_steps
        if leg is not None:
            folder = leg.of(self.circuit.exchange.rank)
            spec = SpikesSpec(folder / SPIKES, "none", None)
            for number, report in enumerate(self.reports):
                report.move(folder / report_name(number, report.path), leg.first)
        self.spikes = SpikeWriter(spec, self.firing, marks=leg is not None)
        for report in self.reports:
            report.open(most)

    def _written(self) -> SpikeWriter:
        if self.spikes is None:
            raise RuntimeError("the files are not open")
        return self.spikes

    def reserve(self, before: int, after: int, spikes_n: int) -> None:
        """Make sure that the block of steps before + 1 to after fits on the disk."""
        self._written().reserve(spikes_n)
        for report in self.reports:
            report.reserve(before, after)

    def take(self, before: int, after: int, numbers: npt.NDArray[Any], times_ms: npt.NDArray[np.float64]) -> None:
        """Write the block of steps before + 1 to after; spikes by the cells' numbers."""
        for report in self.reports:
            report.take(before, after)
        # Last: its mark says that the block is complete in all files.
        t_ms = round(after * self.sim.dt_ms, 9)
        self._written().add(self._gids[numbers.astype(np.int64)], times_ms, t_ms, after)
        for announced in self._announced:
            announced.clear()

    def finish(self, steps: int) -> list[Path]:
        """Close every file and give it its name; return the files."""
        files = self._written().finish()
        for report in self.reports:
            # The view of a report is made of the whole one.
            files += [report.out.finish()] if self.ranked and report.out is not None else report.finish(steps)
        return files

    def abandon(self) -> None:
        """Close every file and leave it under its temporary name."""
        if self.spikes is not None:
            self.spikes.abandon()
        for report in self.reports:
            if report.out is not None:
                report.out.abandon()

    def described(self) -> dict[str, Any]:
        """Return what the outputs are to be, for ``rank_files.begin_run``; the same in all processes."""
        spikes = self.circuit.spikes
        return {
            "version": 1,
            "dt_ms": self.sim.dt_ms,
            "spikes": {
                "path": self._inside(spikes.path),
                "order": spikes.order,
                "csv": None if spikes.csv_path is None else self._inside(spikes.csv_path),
                "populations": [[p.name, p.first_gid] for p in self.firing],
            },
            "reports": list(self._descriptions()),
        }

    def _descriptions(self) -> Iterator[dict[str, Any]]:
        names = [p.name for p in self.circuit.populations]
        for number, spec in enumerate(self.circuit.reports):
            said: dict[str, Any] = {"path": self._inside(spec.path), "file": report_name(number, spec.path)}
            if isinstance(spec, MembraneSpec | SynapseSpec):
                rows = [spec.rows.first, spec.rows.last, spec.rows.every]
                times = [spec.dt_ms, spec.start_ms, spec.end_ms]
                yield said | {"kind": "elements", "rows": rows, "times": times, "populations": names}
            elif isinstance(spec, ClampSpec):
                gids = [electrode.gid for electrode in spec.electrodes]
                yield said | {"kind": "clamps", "variable": spec.variable, "gids": gids}
            else:
                yield said | {"kind": "potential", "channels": spec.channels.tolist()}

    def _inside(self, path: Path) -> str:
        return os.path.relpath(path, self.circuit.output_dir.resolve())


def _with(form: TableForm, name: str, values: npt.NDArray[Any]) -> TableForm:
    """Return the form with one more dataset about the columns."""
    return replace(form, columns={**form.columns, name: values})
