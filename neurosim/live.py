"""``Live``: a running simulation's side of a ``Broadcast``.

Between two windows it carries out what watchers ask for (acts, traces, pause), and after a window it puts a frame with
its spikes, wanted voltages and traces. It reads the engine and changes nothing but by acts, so that a run with
watchers gives the same results bit for bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurosim.broadcast import Act, Broadcast, Frame, Place, Samples
from neurosim.engine.engine import Engine
from neurosim.engine.observe import Probe
from neurosim.engine.request import Window
from neurosim.errors import ModelError
from neurosim.model.point import SpikeTrain
from neurosim.units import S_PER_MS

WINDOW_S = 1.0 / 20.0
"""Wall time of a window that is watched: what it costs, about 0.8 ms, is to stay below 2 %."""
LATER = 1.02
"""How slowly the shortest time of a step is forgotten, from window to window."""
FIRST_STEPS = 20
"""Of the first window of all."""
SPEED_S = 1.0
"""Wall time over which the speed is averaged."""


def carry_out(engine: Engine, act: Act) -> Act:
    """Do an act to an engine between two windows; return it with its time.

    Raises
    ------
    ModelError
        No such cell, node or kind of act, or a current that is not finite.
    """
    cell, node = act.place.cell, act.place.node
    cells = engine.request.cells
    if not 0 <= cell < len(cells):
        raise ModelError(f"{act.kind}: cell {cell} is not there; allowed: 0 to {len(cells) - 1}")
    if isinstance(cells[cell], SpikeTrain):
        raise ModelError(f"{act.kind}: cell {cell} is a SpikeTrain; its spikes are given")
    if act.kind == "inject":
        tree = getattr(cells[cell], "tree", None)
        if tree is None:
            raise ModelError(f"inject: cell {cell} is a point cell and has no compartments; choose a Cell")
        if not 0 <= node < len(tree):
            raise ModelError(f"inject: node {node} is not in cell {cell}; allowed: 0 to {len(tree) - 1}")
        if not math.isfinite(act.amplitude_nA):
            raise ModelError(f"inject: amplitude_nA={act.amplitude_nA} is not allowed; it must be finite")
        engine.steering.inject(cell, node, act.amplitude_nA)
    elif act.kind in ("silence", "release"):
        engine.steering.silence(cell, act.kind == "silence")
    else:
        raise ModelError(f"act {act.kind!r} is not known; allowed: inject, silence, release")
    return Act(act.kind, act.place, act.amplitude_nA, engine.step * engine.request.dt_ms)


class Live:
    """What connects a simulation and its broadcast.

    Parameters
    ----------
    broadcast : Broadcast
        Where frames go and wishes come from.
    dt_ms : float
        Step.
    acts : list of Act
        Where what was done is noted.
    """

    def __init__(self, broadcast: Broadcast, dt_ms: float, acts: list[Act]) -> None:
        self.broadcast, self._dt_ms, self.acts = broadcast, dt_ms, acts
        self._traced: tuple[Place, ...] = ()
        self._voltage_cells: tuple[int, ...] = ()
        self._elements: NDArray[np.int64] = np.zeros(0, np.int64)
        self._acts: list[Act] = []
        self._since = (time.perf_counter(), math.nan)
        self._step_s = math.inf
        self._short: list[tuple[Window, int]] = []
        self._put_s = -math.inf

    def wanted_steps(self, steps: int, spent_s: float) -> float:
        """Return how many steps the next window should have, when the last had ``steps`` and took ``spent_s``.

        The quickest step of late counts: where other programs take the processor away, windows get longer rather than
        fewer steps, so that what a window costs stays a small part.
        """
        self._step_s = min(self._step_s * LATER, spent_s / steps)
        return WINDOW_S / self._step_s

    def whole(self, engine: Engine, steps: int) -> int:
        """Return about so many steps, up to where a window of the engine ends: a part of one costs more."""
        window = engine.timing.window
        return max(1, round((engine.step + steps) / window) * window - engine.step)

    def _done(self, engine: Engine, act: Act) -> Act:
        """Do an act: those of every simulation here, others by the run's handlers; return it with its time."""
        handler = self.broadcast.handlers.get(act.kind)
        if handler is None:
            return carry_out(engine, act)
        if handler.names and act.name not in handler.names:
            raise ModelError(f"{act.kind} {act.name!r}: allowed: {', '.join(handler.names)}")
        handler.function(act)
        return replace(act, t_ms=engine.step * engine.request.dt_ms)

    def before(self, engine: Engine) -> None:
        """Carry out what is asked for; before every window."""
        for act in self.broadcast.asked():
            try:
                done = self._done(engine, act)
            except ModelError as error:
                self.broadcast.progress.warnings.append(str(error))
                continue
            self._acts.append(done)
            self.acts.append(done)
        wishes = self.broadcast.wishes
        if wishes.traces != self._traced and not self._short:
            self._traced = wishes.traces
            engine.watch([Probe(p.cell, p.node, "v") for p in self._traced])
        if wishes.voltage_cells != self._voltage_cells:
            self._voltage_cells = wishes.voltage_cells
            found = [engine.layout.elements(cell) for cell in self._voltage_cells]
            self._elements = np.concatenate(found) if found else np.zeros(0, np.int64)

    def collect(self, engine: Engine, window: Window, before: int, requested: int) -> None:
        """Keep a short window for the frame that follows, and put that when it is time."""
        self._short.append((window, before))
        now = time.perf_counter()
        if now - self._put_s < WINDOW_S and window.error is None:
            return
        windows, self._put_s = [w for w, _ in self._short], now
        samples = [np.concatenate(columns) for columns in zip(*(w.samples for w in windows), strict=True)]
        together = Window(
            np.concatenate([w.gids for w in windows]), np.concatenate([w.times_ms for w in windows]), samples
        )
        begun = self._short[0][1]
        self._short.clear()
        self.after(engine, together, begun, requested)

    def after(self, engine: Engine, window: Window, before: int, requested: int) -> None:
        """Put the frame of a window that began at step ``before``; samples after ``requested`` are the traces."""
        start_ms = before * self._dt_ms
        samples: tuple[Samples, ...] = ()
        if self._traced and engine.step > before:
            times = self._dt_ms * np.arange(before + 1, engine.step + 1, dtype=np.float64)
            columns = [c[: len(times)] for c in window.samples[requested:]]
            samples = (Samples(self._traced, times, np.stack(columns, axis=1).astype(np.float32)),)
        voltage = None
        if len(self._elements):
            voltage = engine.layout.arrays["V"].astype(np.float32).take(self._elements)
        acts, self._acts = tuple(self._acts), []
        self.broadcast.put(
            Frame(
                start_ms, engine.step * self._dt_ms, window.gids, window.times_ms, None, voltage,
                self._voltage_cells if voltage is not None else (), samples, acts,
            )
        )  # fmt: skip
        self._tell(engine, len(window.gids))

    def _tell(self, engine: Engine, spikes_n: int) -> None:
        progress, now = self.broadcast.progress, time.perf_counter()
        progress.t_ms = engine.step * self._dt_ms
        progress.spikes_n += spikes_n
        begun, t_ms = self._since
        if math.isnan(t_ms) or progress.paused:
            self._since = (now, progress.t_ms)
        elif now - begun > SPEED_S:
            progress.times_real_time = (progress.t_ms - t_ms) * S_PER_MS / (now - begun)
            self._since = (now, progress.t_ms)

    def begin(self, until_ms: float) -> int:
        """Say that a run has begun; a later end that was announced before stays.

        Returns
        -------
        int
            Steps of its first window.
        """
        progress = self.broadcast.progress
        progress.until_ms = until_ms if math.isnan(progress.until_ms) else max(progress.until_ms, until_ms)
        progress.running, progress.finished = True, False
        self._since = (time.perf_counter(), math.nan)
        return FIRST_STEPS if math.isinf(self._step_s) else int(WINDOW_S / self._step_s)

    def end(self, t_ms: float) -> None:
        """Say that a run has ended; it is finished when it reached the end that was announced."""
        progress = self.broadcast.progress
        progress.t_ms, progress.running = t_ms, False
        progress.finished = t_ms >= progress.until_ms - 0.5 * self._dt_ms

    def held(self, stopped: Sequence[bool]) -> None:
        """Wait while the run is paused and not interrupted."""
        while not self.broadcast.wait_while_paused(0.1) and not stopped:
            pass
