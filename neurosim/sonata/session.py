"""A run: simulate block by block and write spikes, reports and the configuration.

After each block everything recorded goes to disk and is forgotten, so that memory does not grow with the length of the
run. Ctrl-C ends the run after the block's window; outputs then hold everything up to that time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurosim.broadcast import NOWHERE, Act
from neurosim.errors import InstabilityError
from neurosim.interrupts import interrupts
from neurosim.model.cell import Cell
from neurosim.progress import Progress
from neurosim.simulation import Simulation
from neurosim.sonata.circuit import Circuit
from neurosim.sonata.clamp_report import ClampReport, ClampSpec
from neurosim.sonata.inputs import Electrode
from neurosim.sonata.outfile import write_text
from neurosim.sonata.potential import EcpReport
from neurosim.sonata.report import ElementReport, Report, membrane_report
from neurosim.sonata.reports import EcpSpec, Spec
from neurosim.sonata.resolved import resolved
from neurosim.sonata.space import check_space, check_writable
from neurosim.sonata.spikes import SpikeWriter
from neurosim.sonata.synapse_report import SynapseSpec, synapse_columns

BLOCK_BYTES = 128 * 2**20
"""Recorded values that are kept in memory between two writes, at most."""
WRITE_S = 1.0
"""Time between two writes where the configuration does not say how many steps; a killed run loses no more."""
FIRST_STEPS = 1000
ACTS = "acts.json"
"""What was done to the run by hand: a current put in, a cell silenced."""
FIRING = {"biophysical", "point"}
"""Kinds of nodes whose spikes are written."""


@dataclass(frozen=True)
class Outcome:
    """What a run left behind.

    Parameters
    ----------
    t_ms : float
        Time reached.
    spikes_n : int
        Spikes written.
    files : list of Path
        Files written.
    interrupted : bool
        Ended by Ctrl-C.
    """

    t_ms: float
    spikes_n: int
    files: list[Path]
    interrupted: bool


class Session:
    """A circuit with its outputs, ready to run once.

    Parameters
    ----------
    circuit : Circuit
        What is simulated.
    threads : int
        Threads; results do not depend on it.

    Raises
    ------
    OutputError
        The outputs cannot be written, or do not fit on the disk.
    """

    def __init__(self, circuit: Circuit, *, threads: int = 1) -> None:
        self.circuit = circuit
        self.spikes_n = 0
        self._acts_n = 0
        self.spikes: SpikeWriter | None = None
        self._config_path = config_path(circuit)
        outputs = [spec.path for spec in circuit.reports] + [circuit.spikes.path, self._config_path]
        check_writable(circuit.output_dir, outputs + [path for path in [circuit.spikes.csv_path] if path is not None])
        self.sim: Simulation = circuit.simulation(threads=threads)
        self._gids = circuit.gids
        index, electrodes = circuit.index_of, circuit.electrodes_of()
        self.reports = [self._report(spec, index, electrodes) for spec in circuit.reports]

    def _report(self, spec: Spec, index_of: Mapping[int, int], electrodes: Mapping[int, Sequence[Electrode]]) -> Report:
        """Attach a report to the simulation."""
        populations = self.circuit.populations
        if isinstance(spec, EcpSpec):
            return EcpReport(spec, self.sim, index_of, populations, electrodes)
        if isinstance(spec, ClampSpec):
            return ClampReport(spec, self.sim, index_of)
        if isinstance(spec, SynapseSpec):
            connections = self.circuit.connections
            parts = synapse_columns(spec, connections, self.sim.cells, self._gids, populations, self.sim)
            return ElementReport(spec, parts, self.sim.dt_ms)
        return membrane_report(spec, self.sim, index_of, populations, electrodes)

    @property
    def most_steps(self) -> int:
        """Return the most steps between two writes: what is asked for, or what memory allows."""
        steps = self.circuit.config.run.steps_n
        held = sum(report.held for report in self.reports)
        return max(1, min(self.circuit.config.run.block_steps or steps, steps, BLOCK_BYTES // (8 * max(1, held))))

    def _next_steps(self, before: int, spent_s: float) -> int:
        """Return the steps of the next block; without ``nsteps_block`` one takes about ``WRITE_S``."""
        if self.circuit.config.run.block_steps or before == 0:
            return min(self.most_steps, self.circuit.config.run.block_steps or FIRST_STEPS)
        return max(1, min(self.most_steps, 8 * before, int(before * WRITE_S / max(spent_s, 1e-3))))

    def _open(self) -> None:
        """Make the files and write the configuration; a log of an earlier run's acts goes."""
        self._acts_path.unlink(missing_ok=True)
        steps = self.circuit.config.run.steps_n
        keys = [spec.key for spec in self.circuit.reports]
        sizes = [report.disk_bytes(steps) for report in self.reports]
        check_space(self.circuit.output_dir, zip(keys, sizes, strict=True))
        firing = [p for p in self.circuit.populations if FIRING & self.circuit.counts[p.name].keys()]
        self.spikes = SpikeWriter(self.circuit.spikes, firing)
        for report in self.reports:
            report.open(self.most_steps)
        # First, so that whoever looks at the results while they grow knows of which cells they are.
        write_config(self.circuit, self._config_path)

    def run(self, *, progress: bool | None = None) -> Outcome:
        """Simulate to the end and write everything.

        Parameters
        ----------
        progress : bool, optional
            Show a bar; by default when standard error is a terminal.
        """
        run = self.circuit.config.run
        try:
            with Progress(run.tstop_ms, label="run", enabled=progress) as bar, interrupts() as stopped:
                self._open()
                steps, begun = self._next_steps(0, 0.0), time.perf_counter()
                while self.sim.step < run.steps_n and not stopped:
                    before = self.sim.step
                    target = min(before + steps, run.steps_n)
                    try:
                        self.sim.run(until_ms=target * run.dt_ms, progress=False)
                    except KeyboardInterrupt:
                        stopped.append(True)
                    except InstabilityError:
                        self._take(before, self.sim.step)  # what led there is worth seeing
                        raise
                    self._take(before, self.sim.step)
                    bar.update(self.sim.t_ms)
                    steps, begun = self._next_steps(steps, time.perf_counter() - begun), time.perf_counter()
                files = self._finish()
        except BaseException:
            self._abandon()
            raise
        return Outcome(self.sim.t_ms, self.spikes_n, files, self.sim.step < run.steps_n)

    def _finish(self) -> list[Path]:
        """Close every file and give it its name."""
        files = self._written().finish()
        for report in self.reports:
            files += report.finish(self.sim.step)
        files += [self._acts_path] if self._acts_n else []
        return [*files, self._config_path]

    @property
    def _acts_path(self) -> Path:
        return self.circuit.output_dir / ACTS

    def _write_acts(self) -> None:
        """Write what was done to the run from outside, when there is something new."""
        acts = self.sim.acts
        if len(acts) > self._acts_n:
            write_text(self._acts_path, json.dumps([self._act(act) for act in acts], indent=2) + "\n")
            self._acts_n = len(acts)

    def _act(self, act: Act) -> dict[str, Any]:
        if act.place == NOWHERE:
            return {"t_ms": round(act.t_ms, 9), "kind": act.kind, "name": act.name}
        cell, gid = self.sim.cells[act.place.cell], int(self._gids[act.place.cell])
        out: dict[str, Any] = {"t_ms": round(act.t_ms, 9), "kind": act.kind, "gid": gid}
        if act.kind == "inject" and isinstance(cell, Cell):
            out |= {"place": cell.label(act.place.node), "amplitude_nA": act.amplitude_nA}
        return out

    def _written(self) -> SpikeWriter:
        if self.spikes is None:
            raise RuntimeError("the files are not open")
        return self.spikes

    def _take(self, before: int, after: int) -> None:
        """Write a block to every file; nothing is written to any when it does not fit into all."""
        if after == before:
            return
        found = self.sim.spikes.drain()
        spikes = self._written()
        spikes.reserve(len(found))
        for report in self.reports:
            report.reserve(before, after)
        t_ms = round(after * self.circuit.config.run.dt_ms, 9)
        spikes.add(self._gids[found.gids.astype("int64")], found.times_ms, t_ms)
        self.spikes_n += len(found)
        for report in self.reports:
            report.take(before, after)
        self._write_acts()

    def _abandon(self) -> None:
        if self.spikes is not None:
            self.spikes.abandon()
        for report in self.reports:
            if report.out is not None:
                report.out.abandon()


def config_path(circuit: Circuit) -> Path:
    """Return where the copy of the configuration goes; never over a source file."""
    target = circuit.output_dir / circuit.config.path.name
    taken = target.resolve() in circuit.config.opened
    return target.with_name(f"resolved_{target.name}") if taken else target


def write_config(circuit: Circuit, target: Path) -> Path:
    """Write the configuration as it was run, with variables resolved and paths absolute."""
    write_text(target, json.dumps(resolved(circuit.config, circuit.output_dir), indent=2) + "\n")
    return target
