"""``Simulation``: cells and their connections, what is done to them, what is observed, and time.

The description (cells, connections, stimuli, recordings) is collected first; the engine is built when the run starts.
After that the description is closed until ``reset``. One class, the one users see: longer than other files because its
docstrings are its manual.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.broadcast import Act, Broadcast, Place
from neurosim.drive import Drive, Sensor, Varied
from neurosim.engine.bygid import Arrays
from neurosim.engine.engine import Engine
from neurosim.engine.layout import AnyCell
from neurosim.engine.observe import Gate
from neurosim.engine.request import Request, Window
from neurosim.engine.state import restore, state_of
from neurosim.errors import MechanismError, ModelError, SimulationError
from neurosim.exchange import Exchange, SerialExchange
from neurosim.interrupts import interrupts
from neurosim.live import Live
from neurosim.lookout import Crew, Orders, check_act, steer
from neurosim.mechanisms.mechanism import Kind, Mechanism
from neurosim.model.cell import Cell, Point
from neurosim.model.connections import Connections, Couplings
from neurosim.model.network import Network
from neurosim.model.point import PointCell, SpikeTrain
from neurosim.model.stimulus import Step, Stimulus, Waveform
from neurosim.morphology.tree import CompartmentTree
from neurosim.progress import Progress
from neurosim.recording import (
    Recording,
    columns_recording,
    point_recording,
    recording_of,
    sensed_probes,
    synapse_recording,
)
from neurosim.results import SpikeTable, Trace
from neurosim.share import Share, divided, places_um_of

THRESHOLD_MV = 10.0
"""Default threshold of spike detection, as NEURON's NetCon."""

_WINDOW_S = 0.5
_WINDOW_SAMPLES = 4_000_000
_PLAYED = "Waveform"


@dataclass(frozen=True)
class _Change:
    step: int
    array: NDArray[np.float64]
    place: int
    value: float


class Simulation:
    """A set of cells, or a network, advanced in time with a fixed step.

    Parameters
    ----------
    cells : Cell, Network, or sequence of Cell, PointCell and SpikeTrain
        gid k is the k-th; one object may stand for many.
    connections : sequence of Connections
        Discrete connections, beside those of a network.
    couplings : sequence of Couplings
        Continuous connections, beside those of a network.
    dt_ms : float
        Step.
    celsius_degC : float
        Temperature.
    v_init_mV : float
        Voltage everywhere at t = 0.
    threads : int
        Threads; results do not depend on it.
    seed : int
        Key of the random numbers.
    exchange : Exchange, optional
        The processes of the run (``neurosim.hpc.mpi_exchange()``); one when omitted. Each describes the same model and
        computes its own cells: ``spikes`` and traces hold those, a trace of a cell elsewhere stays empty.
    owner : int32 (cells,), optional
        Which process computes each cell; found from the costs of the cells when omitted. Whoever gives it may leave out
        connections onto cells elsewhere.
    title : str
        For pages and messages.

    Examples
    --------
    >>> import neurosim as ns
    >>> cell = ns.Cell.cylinder(length_um=20.0, diam_um=20.0).insert(ns.mechanisms.HH())
    >>> sim = ns.Simulation(cell, dt_ms=0.025)
    >>> sim.stimulate("soma(0.5)", ns.Step(start_ms=5.0, duration_ms=20.0, amplitude_nA=0.3))
    >>> v = sim.record("soma(0.5)", "v_mV")
    >>> sim.run(until_ms=50.0)
    """

    def __init__(
        self,
        cells: Cell | Network | Sequence[Cell | PointCell | SpikeTrain],
        *,
        connections: Sequence[Connections] = (),
        couplings: Sequence[Couplings] = (),
        dt_ms: float = 0.025,
        celsius_degC: float = 6.3,
        v_init_mV: float = -65.0,
        threads: int = 1,
        seed: int = 0,
        exchange: Exchange | None = None,
        owner: NDArray[np.int32] | None = None,
        title: str = "simulation",
    ) -> None:
        self.title = title
        self.exchange: Exchange = SerialExchange() if exchange is None else exchange
        self._owner, self._partial = owner, owner is not None
        self.connections: list[Connections] = []
        self.couplings: list[Couplings] = []
        self.network = cells if isinstance(cells, Network) else None
        if isinstance(cells, Network):
            connections, couplings = (*cells.connections, *connections), (*cells.couplings, *couplings)
            cells = cells.cells
        self.cells: tuple[Cell | PointCell | SpikeTrain, ...] = (
            (cells,) if isinstance(cells, Cell | PointCell | SpikeTrain) else tuple(cells)
        )
        if not self.cells:
            raise ModelError("a simulation needs at least one cell")
        if not (math.isfinite(dt_ms) and dt_ms > 0.0):
            raise ModelError(f"dt_ms={dt_ms} is not allowed; it must be finite and above 0")
        if threads < 1 or threads != int(threads):
            raise ModelError(f"threads={threads} is not allowed; give a whole number of at least 1")
        for name, value in (("celsius_degC", celsius_degC), ("v_init_mV", v_init_mV)):
            if not math.isfinite(value):
                raise ModelError(f"{name}={value} is not allowed; it must be finite")
        self.dt_ms, self.celsius_degC, self.v_init_mV = float(dt_ms), float(celsius_degC), float(v_init_mV)
        self.threads, self.seed = threads, seed
        if owner is not None and (len(owner) != len(self.cells) or not self._owners_fit(owner)):
            raise ModelError(f"owner: it must be int32 ({len(self.cells)},) from 0 to {self.exchange.size - 1}")
        self.spikes = SpikeTable()
        self._points: list[tuple[int, Point]] = []
        self._waveforms: list[tuple[int, Waveform]] = []
        self._recordings: list[Recording] = []
        self._gates: list[Gate] = []
        self._drives: list[Drive] = []
        self._sensors: list[Sensor] = []
        self._varied: list[Varied] = []
        self._engine: Engine | None = None
        self._changes: list[_Change] = []
        self._trees: dict[int, CompartmentTree] = {}
        self._changes_made = 0
        self._live: Live | None = None
        self._crew_made: Crew | None = None
        self.acts: list[Act] = []
        tables: list[Connections | Couplings] = [*connections, *couplings]
        for table in tables:
            self.add(table)

    @classmethod
    def from_sonata(cls, config: str | Path, **options: Any) -> Simulation:
        """Build a simulation from a SONATA configuration; see ``neurosim.sonata.circuit``."""
        from importlib import import_module

        simulation: Simulation = import_module("neurosim.sonata.circuit").simulation(config, **options)
        return simulation

    # --- description ------------------------------------------------------------------------------------------------

    def _any_cell(self, gid: int) -> Cell | PointCell | SpikeTrain:
        if not 0 <= gid < len(self.cells):
            raise ModelError(f"gid={gid} is not there; allowed: 0 to {len(self.cells) - 1}")
        return self.cells[gid]

    def _cell(self, gid: int) -> Cell:
        cell = self._any_cell(gid)
        if not isinstance(cell, Cell):
            raise ModelError(f"gid {gid} is a {type(cell).__name__} and has no compartments; choose a Cell")
        # Places are turned into nodes of the tree as it is now.
        self._trees.setdefault(gid, cell.tree)
        return cell

    def _check_trees(self) -> None:
        for gid, tree in self._trees.items():
            cell = self._cell(gid)
            if cell.tree is not tree:
                raise ModelError(
                    f"gid {gid}: the compartments of {cell.name!r} changed after a place of it was used; "
                    "set nseg and ra_ohm_cm before stimulate(), detect() and record()"
                )

    def _open(self, what: str) -> None:
        if self._engine is not None:
            raise SimulationError(
                f"{what} after the run has begun (t={self.t_ms:g} ms); do it before run(), or reset()"
            )

    def add(self, table: Connections | Couplings) -> None:
        """Add connections or couplings; see ``neurosim.model.connections``."""
        self._open("add")
        if isinstance(table, Connections):
            self.connections.append(table)
        elif isinstance(table, Couplings):
            self.couplings.append(table)
        else:
            raise ModelError(f"add: {type(table).__name__} is not allowed; give Connections or Couplings")

    def connect(
        self,
        source_gid: int,
        target_gid: int,
        synapse: Mechanism | None = None,
        *,
        at: str = "",
        weight: float = 1.0,
        delay_ms: float = 1.0,
    ) -> None:
        """Connect two cells by one synapse; for many use ``add`` or a ``Network``.

        Parameters
        ----------
        source_gid, target_gid : int
            Cells.
        synapse : Mechanism, optional
            Point process put into the target, with its defaults: ``ns.mechanisms.ExpSyn(tau=2.0)``. None for a point
            cell.
        at : str
            Place in the target; the middle of the first section when empty.
        weight : float
            First argument of NET_RECEIVE (conductances: uS).
        delay_ms : float
            From the spike to its effect.
        """
        self._open("connect")
        self._any_cell(source_gid)
        target, node = self._any_cell(target_gid), 0
        if synapse is not None:
            cell = self._cell(target_gid)
            section, x = cell.morphology.locate(at or f"{cell.morphology.sections[0].name}(0.5)")
            node = cell.tree.compartment(section, x)
        elif not isinstance(target, PointCell):
            raise ModelError(f"gid {target_gid} is no point cell and receives no events itself; give a synapse")
        one = np.array([source_gid], np.int32), np.array([target_gid], np.int32), np.array([node], np.int32)
        self.add(Connections(synapse, *one, np.array([float(weight)]), np.array([float(delay_ms)])))

    def stimulate(self, location: str, stimulus: Stimulus | Mechanism, *, gid: int = 0) -> None:
        """Put a current, or any point process, into a place of a cell.

        Parameters
        ----------
        location : str
            For instance ``"soma(0.5)"``.
        stimulus : Step, Waveform or Mechanism
            A point process acts with its defaults; set them by calling it: ``SEClamp(amp1=-70.0, dur1=20.0)``.
        gid : int
            The cell.
        """
        from neurosim.mechanisms import library

        self._open("stimulate")
        cell = self._cell(gid)
        section, x = cell.morphology.locate(location)
        node = cell.tree.compartment(section, x)
        if isinstance(stimulus, Mechanism):
            if stimulus.kind is not Kind.POINT:
                raise MechanismError(
                    f"{location}: {stimulus.name} is a {stimulus.kind.value} mechanism and no stimulus; "
                    "allowed: Step, Waveform or a point process; put it in with cell.insert(..., where=...)"
                )
            self._points.append((gid, Point(stimulus, node, dict(stimulus.defaults))))
        elif isinstance(stimulus, Step):
            values = {"del": stimulus.start_ms, "dur": stimulus.duration_ms, "amp": stimulus.amplitude_nA}
            self._points.append((gid, Point(library.get("IClamp"), node, _numbers(values))))
        elif not isinstance(stimulus, Waveform):
            raise ModelError(f"{location}: {stimulus!r} is no stimulus; allowed: Step, Waveform or a point process")
        else:
            self._waveforms.append((len(self._points), stimulus))
            played = library.get("IClamp").variant(_PLAYED)
            self._points.append((gid, Point(played, node, {"del": 0.0, "dur": math.inf, "amp": 0.0})))

    def detect(self, location: str = "", *, threshold_mV: float = THRESHOLD_MV, gid: int | None = None) -> None:
        """Watch a place for upward crossings of a threshold.

        Without this call every cell is watched in the middle of its first section at ``THRESHOLD_MV``.

        Parameters
        ----------
        location : str
            The middle of the first section when empty.
        threshold_mV : float
            Threshold.
        gid : int, optional
            One cell; all cells when omitted.
        """
        self._open("detect")
        if math.isnan(threshold_mV):
            raise ModelError(f"threshold_mV={threshold_mV} is not allowed; give a number")
        self._gates += self._new_gates(location, float(threshold_mV), gid)

    def _new_gates(self, location: str, threshold_mV: float, gid: int | None) -> list[Gate]:
        gates = []
        every = [g for g, c in enumerate(self.cells) if isinstance(c, Cell)]
        for g in every if gid is None else (gid,):
            cell = self._cell(g)
            place = location or f"{cell.morphology.sections[0].name}(0.5)"
            gates.append(Gate(g, cell.node(place), threshold_mV))
        return gates

    def record(self, location: str, variable: str, *, gid: int = 0, every_ms: float | None = None) -> Trace:
        """Record a variable.

        Parameters
        ----------
        location : str
            A place (``"soma(0.5)"``), or a region or section for all its compartments.
        variable : str
            ``"v_mV"``, an ion variable (``"cai_mM"``, ``"ina_mA_per_cm2"``, ``"eca_mV"``), or ``"mechanism.name"`` for
            any parameter, state, assigned variable or current of a mechanism.
        gid : int
            The cell.
        every_ms : float, optional
            Sampling interval, a multiple of ``dt_ms``; every step when omitted.

        Returns
        -------
        Trace
            Filled while the simulation runs; the first row is t = 0.
        """
        self._open("record")
        period = 1 if every_ms is None else self._steps(every_ms, "every_ms")
        if period < 1:
            raise ModelError(f"every_ms={every_ms} is not allowed; it must be at least dt_ms={self.dt_ms}")
        cell = self._any_cell(gid)
        if isinstance(cell, PointCell):
            recording = point_recording(cell, gid, variable, period)
            self._recordings.append(recording)
            return recording.trace
        attached = [point.mechanism for g, point in self._points if g == gid]
        attached += [t.mechanism for t in self.connections if t.mechanism is not None and gid in t.target_gid]
        attached += [t.mechanism for t in self.couplings if gid in t.target_gid]
        recording = recording_of(self._cell(gid), gid, location, variable, period, attached)
        self._recordings.append(recording)
        return recording.trace

    def record_columns(self, variable: str, gids: Sequence[int], nodes: Sequence[int]) -> Trace:
        """Record one variable at nodes of many cells, one column each, every step; the first row is t = 0.

        Parameters
        ----------
        variable : str
            As in ``record``.
        gids, nodes : int (n,)
            Cells, and nodes of their trees (0 for a point cell).
        """
        self._open("record_columns")
        recording = columns_recording(self.cells, [(g, p.mechanism) for g, p in self._points], gids, nodes, variable)
        for gid in dict.fromkeys(gids):
            if isinstance(self.cells[gid], Cell):
                self._cell(gid)
        self._recordings.append(recording)
        return recording.trace

    def record_synapses(self, variable: str, table: int, rows: NDArray[Any]) -> Trace:
        """Record a variable of synapses.

        Parameters
        ----------
        variable : str
            Name in the mechanism, for instance ``"g"``.
        table : int
            Which of ``connections``; add all tables before.
        rows : int (n,)
            Rows of it.

        Returns
        -------
        Trace
            One column a row, every step; the first row is t = 0.
        """
        self._open("record_synapses")
        recording = synapse_recording(self.cells, self.connections, self._points, table, rows, variable)
        self._recordings.append(recording)
        return recording.trace

    def drive(self, gids: Sequence[int], nodes: Sequence[int] | None = None) -> Drive:
        """Return a handle on currents into places of cells, for a loop that changes them between windows of steps.

        Parameters
        ----------
        gids : sequence of int (n,)
            Cells; one may occur several times.
        nodes : sequence of int (n,), optional
            Nodes of their trees (``cell.node("soma(0.5)")``); the middle of the first section when omitted.
        """
        drive = Drive(list(gids), self._middles(gids) if nodes is None else list(nodes))
        for gid, node in zip(drive.gids, drive.nodes, strict=True):
            self._check_node(gid, node)
        self._drives.append(drive)
        if self._engine is not None:
            drive.attach(self._engine)
        return drive

    def sense(self, variable: str, gids: Sequence[int], nodes: Sequence[int] | None = None) -> Sensor:
        """Return a handle on values that a loop reads between windows of steps; before the run.

        Parameters
        ----------
        variable : str
            As in ``record``.
        gids, nodes : sequence of int (n,)
            As in ``drive``.
        """
        self._open("sense")
        where = self._middles(gids) if nodes is None else list(nodes)
        for gid, node in zip(gids, where, strict=True):
            self._check_node(gid, node)
        probes = sensed_probes(self.cells, [(g, p.mechanism) for g, p in self._points], list(gids), where, variable)
        self._sensors.append(Sensor(probes, self._values_of))
        return self._sensors[-1]

    def vary(self, table: Couplings, parameter: str) -> Varied:
        """Return a handle on a parameter of couplings, to change it between windows of steps; before the run.

        Parameters
        ----------
        table : Couplings
            One of ``couplings``.
        parameter : str
            For instance ``"g"`` of a gap junction.
        """
        self._open("vary")
        if not any(known is table for known in self.couplings):
            raise ModelError("vary: the table is none of this simulation's couplings; give one of sim.couplings")
        table.mechanism.parameter(parameter)
        self._varied.append(Varied(table, parameter))
        return self._varied[-1]

    def _middles(self, gids: Sequence[int]) -> list[int]:
        return [(c := self._cell(gid)).node(f"{c.morphology.sections[0].name}(0.5)") for gid in gids]

    def _check_node(self, gid: int, node: int) -> None:
        if not 0 <= node < len(self._cell(gid).tree):
            raise ModelError(f"gid {gid}: node {node} is not there; allowed: 0 to {len(self._cell(gid).tree) - 1}")

    def _values_of(self, sensor: Sensor) -> NDArray[np.float64]:
        first = sum(len(s) for s in self._sensors[: self._sensors.index(sensor)])
        return self.build().sensed_now()[first : first + len(sensor)]

    # --- time -------------------------------------------------------------------------------------------------------

    @property
    def step(self) -> int:
        """Steps made since t = 0."""
        return 0 if self._engine is None else self._engine.step

    @property
    def t_ms(self) -> float:
        """Time reached."""
        return self.step * self.dt_ms

    def _steps(self, time_ms: float, name: str) -> int:
        ratio = time_ms / self.dt_ms
        if not math.isfinite(ratio) or ratio < 0.0 or abs(ratio - round(ratio)) > 1e-6 * max(1.0, abs(ratio)):
            raise SimulationError(f"{name}={time_ms} is not a multiple of dt_ms={self.dt_ms} (ratio {ratio:.6g}).")
        return round(ratio)

    def _all_gates(self) -> list[Gate]:
        """Return the detectors asked for, and one for every other cell with connections (all cells if none was)."""
        if not self._gates:
            return self._new_gates("", THRESHOLD_MV, None)
        watched = {g.cell for g in self._gates}
        # Who does not know the connections onto cells elsewhere takes every cell for a source.
        known = (np.unique(t.source_gid).tolist() for t in self.connections)
        sources = set(range(len(self.cells))) if self._partial else {g for gids in known for g in gids}
        rest = [g for g in sorted(sources - watched) if 0 <= g < len(self.cells) and isinstance(self.cells[g], Cell)]
        return [*self._gates, *(gate for g in rest for gate in self._new_gates("", THRESHOLD_MV, g))]

    # --- processes --------------------------------------------------------------------------------------------------

    @property
    def owner(self) -> NDArray[np.int32]:
        """Which process computes each cell, int32 (cells,); settled with the first look, after all connections."""
        if self._owner is None:
            tables = self.connections, self.couplings
            self._owner = divided(self.exchange, self._records(), *tables, places_um_of(self.network))
        return self._owner

    def _owners_fit(self, owner: NDArray[np.int32]) -> bool:
        return not len(owner) or (int(owner.min()) >= 0 and int(owner.max()) < self.exchange.size)

    def owns(self, gid: int) -> bool:
        """Return whether this process computes a cell."""
        return Share(self.exchange, self.owner).owns(gid)

    def _mine(self, recording: Recording) -> bool:
        """Return whether a recording is of this process's cells."""
        owners = {self.owns(gid) for gid in (recording.cells or [recording.cell])}
        if len(owners) > 1:
            raise ModelError(
                f"record {recording.variable!r}: its cells are computed by several processes; "
                "record those that are this one's: sim.owns(gid)"
            )
        return owners == {True}

    def _request(self) -> Request:
        """Return what the engine of this process is to do."""
        variables = {r.variable for r in self._recordings}
        moving = {(_PLAYED, "amp"), *((v.table.mechanism.name, v.parameter) for v in self._varied)}
        gates, share = self._all_gates(), Share(self.exchange, self.owner)
        if not self.exchange.alone:
            self._check_one_process()
            gates = [gate for gate in gates if share.owns(gate.cell)]
            self._recordings = [r for r in self._recordings if self._mine(r)]
        return Request(
            cells=share.records(self._records()),
            points=[point for point in self._points if share.owns(point[0])],
            gates=gates,
            probes=[probe for r in self._recordings for probe in r.probes()],
            dt_ms=self.dt_ms,
            celsius_degC=self.celsius_degC,
            v_init_mV=self.v_init_mV,
            threads=self.threads,
            seed=self.seed,
            varying=frozenset(moving),
            connections=[share.rows(t) for t in self.connections],
            couplings=[share.rows(t) for t in self.couplings],
            sensed=[probe for sensor in self._sensors for probe in sensor.probes],
            owner=None if self.exchange.alone else self.owner,
            recorded=frozenset(variables),
        )

    def _check_one_process(self) -> None:
        """Refuse what one process cannot do for the others."""
        for what, there in (("drive", self._drives), ("sense", self._sensors), ("vary", self._varied)):
            if there:
                raise SimulationError(f"{what}: a loop around a run works in one process only; leave out exchange=")

    def build(self) -> Engine:
        """Build the engine now (``run`` does it otherwise): arrays, compiled mechanisms, initial state."""
        if self._engine is None:
            self._check_trees()
            self._engine = Engine(self._request(), self.exchange)
            for drive in self._drives:
                drive.attach(self._engine)
            for varied in self._varied:
                varied.attach(self._engine)
            self._schedule(self._engine)
            self._first_rows()
        return self._engine

    def _records(self) -> list[AnyCell]:
        return [c.record if isinstance(c, Cell) else c for c in self.cells]

    def _schedule(self, engine: Engine) -> None:
        """Turn the waveforms into changes by step; of several in one step the last counts."""
        changes: dict[tuple[int, int], _Change] = {}
        owned = np.array([self.owns(gid) for gid, _ in self._points], np.int64)
        for index, wave in self._waveforms:
            if not owned[index]:
                continue
            array, place = engine.point_value(int(owned[:index].sum()), "amp")
            for t, value in zip(wave.times_ms.tolist(), wave.amplitudes_nA.tolist(), strict=True):
                step = max(0, math.ceil(t / self.dt_ms - 0.5 - 1e-9))
                changes[step, index] = _Change(step, array, place, value)
        self._changes = sorted(changes.values(), key=lambda c: c.step)
        self._changes_made = 0

    def _apply_changes(self, engine: Engine) -> int | None:
        """Make the changes due now; return the step of the next."""
        while self._changes_made < len(self._changes):
            change = self._changes[self._changes_made]
            if change.step > engine.step:
                return change.step
            change.array[change.place] = change.value
            self._changes_made += 1
        return None

    def _first_rows(self) -> None:
        if self._engine is not None:
            self._feed([np.array([v]) for v in self._engine.values_now()], step=-1, last=0)

    def _feed(self, samples: list[Any], *, step: int, last: int) -> None:
        """Append the samples of the steps after ``step`` up to ``last``; -1 is before t = 0."""
        at = 0
        for r in self._recordings:
            columns = samples[at : at + len(r.nodes)]
            at += len(r.nodes)
            first = (step // r.period + 1) * r.period
            times = np.arange(first, last + 1, r.period) * self.dt_ms
            if len(times):
                r.trace.append(times, np.stack(columns, axis=1) if r.columns else columns[0])

    def run(self, *, until_ms: float, progress: bool | None = None) -> None:
        """Advance to ``until_ms``; may be called again with a later time.

        Parameters
        ----------
        until_ms : float
            A multiple of ``dt_ms``, not before the time reached.
        progress : bool, optional
            Show a progress bar; by default when standard error is a terminal.

        Raises
        ------
        SimulationError
            ``until_ms`` is no multiple of the step or lies in the past.
        InstabilityError
            A voltage became infinite or not a number. What was recorded before is kept; only ``reset`` goes on.
        KeyboardInterrupt
            After Ctrl-C, once the window under way is complete; what was recorded is kept.
        """
        target = self._steps(until_ms, "until_ms")
        engine = self.build()
        if target < engine.step:
            raise SimulationError(f"until_ms={until_ms} is before the time reached, {self.t_ms:g} ms; call reset()")
        window = self._first_window(engine)
        enabled = progress if self.exchange.rank == 0 else False
        shown = Progress(until_ms, label="simulate", enabled=enabled, start_ms=self.t_ms)
        if self._live is not None:
            window = max(1, min(window, self._live.begin(until_ms)))
        with shown as bar, interrupts() as stopped:
            while engine.step < target:
                live = self._attached()
                if live is not None:
                    live.held(stopped)
                    live.before(engine)
                elif not self.exchange.alone:
                    self.acts += self._crew.obey(engine, Orders())
                due = self._apply_changes(engine)
                steps = min(window if live is None else live.whole(engine, window), target - engine.step)
                steps = min(steps, self._most_steps(engine))
                steps = self._agreed(steps if due is None else min(steps, due - engine.step), stopped)
                if steps == 0:
                    break
                begun = time.perf_counter()
                before = engine.step
                result = engine.advance(steps)
                self._take(engine, result, before)
                requested = sum(len(r.nodes) for r in self._recordings)
                if live is not None:
                    live.after(engine, result, before, requested)
                elif self._crew.watched:
                    self._crew.report(self._crew.lookout.seen(engine, result, before, requested))
                if result.error is not None:
                    raise result.error
                spent = max(time.perf_counter() - begun, 1e-6)
                wanted = steps * _WINDOW_S / spent if live is None else live.wanted_steps(steps, spent)
                window = max(1, min(2 * window, int(wanted)))
                bar.update(self.t_ms)
        if self._live is not None:
            self._live.end(self.t_ms)
        # Once more, for what came in the last window.
        if engine.step < target or self._agreed(1, stopped) == 0:
            raise KeyboardInterrupt

    def _agreed(self, steps: int, stopped: Sequence[bool] = ()) -> int:
        """Return the steps that all processes can make at once; 0 where one was interrupted."""
        wanted = 0 if stopped else steps
        return wanted if self.exchange.alone else int(self.exchange.smallest(wanted))

    def advance(self, duration_ms: float, *, stopped: Sequence[bool] = ()) -> None:
        """Advance by a short time, for loops that act between: no bar, and Ctrl-C is left to the caller.

        Parameters
        ----------
        duration_ms : float
            A multiple of ``dt_ms``.
        stopped : sequence
            Filled when the caller was interrupted (``neurosim.interrupts``): a paused run is then not waited for.

        Raises
        ------
        SimulationError, InstabilityError
            As ``run``.
        """
        engine, steps = self.build(), self._steps(duration_ms, "duration_ms")
        live, target = self._attached(), engine.step + steps
        if live is not None:
            live.held(stopped)
            live.before(engine)
        while engine.step < target:
            due = self._apply_changes(engine)
            before = engine.step
            steps = min(target - before, self._most_steps(engine))
            result = engine.advance(self._agreed(steps if due is None else min(steps, due - before)))
            self._take(engine, result, before)
            if live is not None:
                live.collect(engine, result, before, sum(len(r.nodes) for r in self._recordings))
            if result.error is not None:
                raise result.error

    def state(self) -> Arrays:
        """Return all that a run changes, for ``set_state`` in the same model: going on from it is bitwise the same.

        It does not depend on threads (``neurosim.engine.state``). Recordings, spikes already told and the values of
        drives are not part of it. It is of this process's cells; ``neurosim.hpc.checkpoint`` keeps those of all.
        """
        return state_of(self.build())

    def set_state(self, state: Arrays) -> None:
        """Go on from a state; see ``state``."""
        restore(self.build(), state)
        self._changes_made = sum(change.step < self.step for change in self._changes)

    # --- watching ---------------------------------------------------------------------------------------------------

    def broadcast(self) -> Broadcast:
        """Return the queue through which this simulation can be watched, live; the same one until it is closed.

        Results do not depend on it. ``publish`` shows it in a browser.
        """
        if self._live is None or self._live.broadcast.closed:
            if self.exchange.rank:
                raise SimulationError(f"broadcast: this is process {self.exchange.rank}; a run is watched in process 0")
            self._live = Live(Broadcast(len(self.cells)), self.dt_ms, self.acts, self.cells, lambda: self._crew)
            self._live.broadcast.progress.t_ms = self.t_ms
        return self._live.broadcast

    def _attached(self) -> Live | None:
        if self._live is not None and self._live.broadcast.closed:
            self._live = None
            if self.exchange.alone:
                self._crew.obey(self.build(), Orders())
        return self._live

    @property
    def _crew(self) -> Crew:
        """What the processes do for those who watch."""
        if self._crew_made is None:
            self._crew_made = Crew(self.exchange, self.owner, self._nodes_n)
        return self._crew_made

    def _nodes_n(self, gid: int) -> int:
        cell = self.cells[gid]
        return len(cell.tree) if isinstance(cell, Cell) else 1

    def publish(self, **options: Any) -> Any:
        """Show this simulation in a browser while it runs; see ``neurosim.viewer.publish``."""
        from importlib import import_module

        return import_module("neurosim.viewer").publish(self, **options)

    def inject(self, location: str, amplitude_nA: float, *, gid: int = 0) -> None:
        """Put a constant current into a place from now on, between two runs; 0 ends it.

        Unlike ``stimulate`` it may come after the run has begun. It is noted in ``acts``.
        """
        self._act(Act("inject", Place(gid, self._cell(gid).node(location)), float(amplitude_nA)))

    def silence(self, gid: int, on: bool = True) -> None:
        """Let a cell fire no spikes from now on (False: fire again); its membrane is not touched. Noted in ``acts``."""
        self._act(Act("silence" if on else "release", Place(gid)))

    def _act(self, act: Act) -> None:
        check_act(self.cells, act)
        engine = self.build()
        if self.owns(act.place.cell):
            steer(engine, act)
        self.acts.append(replace(act, t_ms=self.t_ms))

    def _first_window(self, engine: Engine) -> int:
        return max(20, min(1000, 50_000_000 // max(1, engine.layout.grid.size)))

    def _most_steps(self, engine: Engine) -> int:
        probes = sum(1.0 / r.period * len(r.nodes) for r in self._recordings)
        return max(1, int(_WINDOW_SAMPLES / max(probes, 1e-9))) if probes else 1 << 40

    def _take(self, engine: Engine, window: Window, before: int) -> None:
        if len(window.gids):
            self.spikes.append(window.gids.astype(np.uint64), window.times_ms)
        self._feed(window.samples, step=before, last=engine.step)

    def reset(self) -> None:
        """Go back to t = 0: state, recordings and spikes; stimuli and recordings may be added again."""
        self._engine = None
        self.acts.clear()
        self.spikes.clear()
        for drive in self._drives:
            drive.reset()
        for varied in self._varied:
            varied.reset()
        for r in self._recordings:
            r.trace.clear()

    def __repr__(self) -> str:
        return f"<Simulation of {len(self.cells)} cells, dt {self.dt_ms:g} ms, t = {self.t_ms:g} ms>"


def _numbers(values: dict[str, float]) -> dict[str, float]:
    for name, value in values.items():
        if math.isnan(float(value)):
            raise ModelError(f"stimulus: {name}={value} is not allowed; give a number")
    return {k: float(v) for k, v in values.items()}
