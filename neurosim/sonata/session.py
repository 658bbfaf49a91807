"""A run: simulate block by block and write spikes, reports and the configuration.

After each block everything recorded goes to disk and is forgotten, so that memory does not grow with the length of the
run. Ctrl-C ends the run after the block's window; outputs then hold everything up to that time. With several processes,
or with checkpoints, each process writes files of its own, from which the outputs are made at the end (``rank_files``).
SIGUSR1 and SIGTERM then end the run with a checkpoint, from which another run goes on.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurosim.errors import InstabilityError, OutputError
from neurosim.exchange import Exchange
from neurosim.interrupts import interrupts
from neurosim.progress import Progress
from neurosim.simulation import Simulation
from neurosim.sonata.acts import ActsLog
from neurosim.sonata.agreement import largest, together
from neurosim.sonata.circuit import Circuit
from neurosim.sonata.cuts import cuts
from neurosim.sonata.keeper import Keeper
from neurosim.sonata.merge import check_covered, merge
from neurosim.sonata.outputs import Outputs
from neurosim.sonata.rank_files import Leg, begin_leg, begin_run, described, go_on, legs_of, stretches
from neurosim.sonata.resolved import config_path, write_config
from neurosim.sonata.space import check_space, check_writable

WRITE_S = 1.0
"""Time between two writes where the configuration does not say how many steps; a killed run loses no more."""
FIRST_STEPS = 1000
GOING, STOPPED, CUT = 0, 1, 2
"""Why a run ends before its time: Ctrl-C, or a signal that asks for a checkpoint."""


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
        Files written; none where another process made them, or where the run is to be gone on with.
    interrupted : bool
        Ended by Ctrl-C.
    checkpoint : Path or None
        The checkpoint that a signal asked for; the run is to be gone on with from there.
    """

    t_ms: float
    spikes_n: int
    files: list[Path]
    interrupted: bool
    checkpoint: Path | None = None


class Session:
    """A circuit with its outputs, ready to run once.

    Parameters
    ----------
    circuit : Circuit
        What is simulated; it knows the processes.
    threads : int
        Threads; results do not depend on it.
    exchange : Exchange, optional
        That of the circuit.
    keeper : Keeper, optional
        Writes checkpoints.

    Raises
    ------
    OutputError
        The outputs cannot be written, or do not fit on the disk.
    """

    def __init__(
        self, circuit: Circuit, *, threads: int = 1, exchange: Exchange | None = None, keeper: Keeper | None = None
    ) -> None:
        if exchange is not None and exchange is not circuit.exchange:
            raise ValueError("the exchange is not that of the circuit; give it to circuit.read")
        self.circuit, self.exchange, self.keeper = circuit, circuit.exchange, keeper
        self.ranked = not self.exchange.alone or keeper is not None
        self.spikes_n = 0
        self._id = ""
        self._config_path = config_path(circuit.config, circuit.output_dir)
        self.sim: Simulation
        self.outputs: Outputs
        self.acts: ActsLog
        together(self.exchange, lambda: self._prepare(threads))

    def _prepare(self, threads: int) -> None:
        circuit = self.circuit
        outputs = [spec.path for spec in circuit.reports] + [circuit.spikes.path, self._config_path]
        check_writable(circuit.output_dir, outputs + [path for path in [circuit.spikes.csv_path] if path is not None])
        self.sim = circuit.simulation(threads=threads)
        self.outputs = Outputs(circuit, self.sim, ranked=self.ranked)
        self.acts = ActsLog(circuit.output_dir, self.sim, circuit.gids)

    @property
    def first(self) -> bool:
        """Whether this is the process that does what only one does."""
        return self.exchange.rank == 0

    @property
    def most_steps(self) -> int:
        """Return the most steps between two writes: what is asked for, or what memory allows."""
        return self.outputs.most_steps

    def _next_steps(self, before: int, spent_s: float) -> int:
        """Return the steps of the next block; without ``nsteps_block`` one takes about ``WRITE_S``."""
        if self.circuit.config.run.block_steps or before == 0:
            wanted = min(self.most_steps, self.circuit.config.run.block_steps or FIRST_STEPS)
        else:
            wanted = max(1, min(self.most_steps, 8 * before, int(before * WRITE_S / max(spent_s, 1e-3))))
        return int(self.exchange.smallest(wanted))

    def _open(self, resume: bool) -> None:
        """Make the files and write the configuration, or go on from a checkpoint."""
        found = self.keeper.load(self.sim) if resume and self.keeper is not None else None
        self._check_space()
        if self.first:
            self.acts.begin(goes_on=found is not None)
        leg = self._leg(found) if self.ranked else None
        together(self.exchange, lambda: self.outputs.open(leg))
        if self.first:
            # First, so that whoever looks at the results while they grow knows of which cells they are.
            write_config(self.circuit.config, self.circuit.output_dir, self._config_path)

    def _check_space(self) -> None:
        """Compare what the reports need with what is free; those of ranks need their size twice in the end."""
        steps = self.circuit.config.run.steps_n
        needed = dict.fromkeys((spec.key for spec in self.circuit.reports), 0)
        for text in self.exchange.gather(json.dumps(self.outputs.sizes(steps)).encode()):
            for key, size in json.loads(text):
                needed[key] += size * (2 if self.ranked else 1)
        folder = self.circuit.output_dir
        together(self.exchange, lambda: check_space(folder, needed.items()) if self.first and needed else None)

    def _leg(self, found: dict[str, Any] | None) -> Leg:
        """Begin the files of ranks, or go on with those of the run that wrote the checkpoint."""
        leg = together(self.exchange, lambda: self._begin(found) if self.first else None)
        facts = {} if leg is None else {"id": self._id, "path": str(leg.path), "first": leg.first, "number": leg.number}
        told = json.loads(self.exchange.tell(json.dumps(facts).encode()))
        self._id = told["id"]
        return Leg(Path(told["path"]), told["first"], self.exchange.size, told["number"])

    def _begin(self, found: dict[str, Any] | None) -> Leg:
        folder, outputs = self.circuit.output_dir, self.outputs.described()
        if found is None:
            self._id = uuid.uuid4().hex
            begin_run(folder, {**outputs, "id": self._id, "block_steps": self.most_steps})
        else:
            if not legs_of(folder):
                raise OutputError(
                    folder, "the files of ranks that go with the checkpoint are not there; that run was finished, or "
                    "they were removed. Begin anew, without --resume."
                )  # fmt: skip
            before = described(folder)
            if before["id"] != found.get("run"):
                raise OutputError(folder, "the files of ranks are of another run than the checkpoint; begin anew.")
            go_on(folder, outputs, self.sim.step)
            self._id = before["id"]
            check_covered(stretches(legs_of(folder), self.sim.step), folder)
        return begin_leg(folder, self.sim.step, self.exchange.size)

    def run(self, *, progress: bool | None = None, resume: bool = False) -> Outcome:
        """Simulate to the end and write everything.

        Parameters
        ----------
        progress : bool, optional
            Show a bar; by default when standard error is a terminal, and in one process only.
        resume : bool
            Go on from the newest checkpoint, if there is one.
        """
        run, shown = self.circuit.config.run, progress if self.first else False
        checkpoint: Path | None = None
        try:
            with interrupts() as stopped, cuts(self.keeper is not None) as cut:
                self._open(resume)
                steps, begun = self._next_steps(0, 0.0), time.perf_counter()
                with Progress(run.tstop_ms, label="run", enabled=shown, start_ms=self.sim.t_ms) as bar:
                    # A signal that came before leaves room for one block, so that every try gets on.
                    why = self._why(stopped if not cut else [], [])
                    while self.sim.step < run.steps_n and why == GOING:
                        due = self._due()
                        self._advance(min(self.sim.step + steps, due), stopped)
                        why = self._why(stopped, cut)
                        last = self.sim.step == run.steps_n
                        if self.keeper is not None and self._is_due(self.keeper, due, why == CUT, last):
                            checkpoint = self.keeper.write(self.sim, {"run": self._id})
                        bar.update(self.sim.t_ms)
                        spent, begun = time.perf_counter() - begun, time.perf_counter()
                        steps = self._next_steps(steps, spent)
                if why == CUT and self.sim.step < run.steps_n:
                    together(self.exchange, lambda: self.outputs.finish(self.sim.step))
                    return Outcome(self.sim.t_ms, self.spikes_n, [], False, checkpoint)
                files = self._finish()
        except BaseException:
            self._abandon()
            raise
        return Outcome(self.sim.t_ms, self.spikes_n, files, self.sim.step < run.steps_n)

    def _due(self) -> int:
        """Return the step of the next checkpoint, or the end of the run."""
        run = self.circuit.config.run
        if self.keeper is None or self.keeper.every_ms is None:
            return run.steps_n
        every = max(1, round(self.keeper.every_ms / run.dt_ms))
        return min(run.steps_n, (self.sim.step // every + 1) * every)

    def _is_due(self, keeper: Keeper, due: int, cut: bool, last: bool) -> bool:
        """Return whether a checkpoint is to be written now; the same in all processes."""
        return keeper.at_end if last else cut or self.sim.step == due or keeper.due()

    def _why(self, stopped: list[bool], cut: list[bool]) -> int:
        """Return why the run ends here, as all processes see it."""
        return int(largest(self.exchange, CUT if cut else STOPPED if stopped else GOING))

    def _advance(self, target: int, stopped: list[bool]) -> None:
        """Simulate a block and write it."""
        before = self.sim.step
        try:
            self.sim.run(until_ms=target * self.circuit.config.run.dt_ms, progress=False)
        except KeyboardInterrupt:
            stopped.append(True)
        except InstabilityError:
            found = self.sim.spikes.drain()
            self.outputs.take(before, self.sim.step, found.gids, found.times_ms)  # what led there is worth seeing
            raise
        if self.sim.step > before:
            self._take(before, self.sim.step)

    def _take(self, before: int, after: int) -> None:
        """Write a block to every file; nothing is written to any, in any process, when it does not fit into all."""
        found = self.sim.spikes.drain()
        together(self.exchange, lambda: self.outputs.reserve(before, after, len(found)))
        together(self.exchange, lambda: self.outputs.take(before, after, found.gids, found.times_ms))
        self.spikes_n += len(found)
        if self.first:
            self.acts.write()

    def _finish(self) -> list[Path]:
        """Close every file and give it its name; from those of ranks make the outputs."""
        files = together(self.exchange, lambda: self.outputs.finish(self.sim.step))
        if self.ranked:
            files = together(self.exchange, self._merged)
        return [*files, *self.acts.files(), self._config_path] if self.first else []

    def _merged(self) -> list[Path]:
        if not self.first:
            return []
        keep = self.keeper is not None and self.keeper.at_end and self.sim.step == self.circuit.config.run.steps_n
        made = merge(self.circuit.output_dir, until_step=self.sim.step, keep=keep)
        self.spikes_n = made.spikes_n
        return made.files

    def _abandon(self) -> None:
        self.outputs.abandon()
