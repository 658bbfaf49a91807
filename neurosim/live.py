"""``Live``: a running simulation's side of a ``Broadcast``.

Between two windows it has carried out what watchers ask for (acts, traces, pause), and after a window it puts a frame
with its spikes, wanted voltages and traces, of all processes of the run. It changes nothing but by acts, so that a run
with watchers gives the same results bit for bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from neurosim.broadcast import Act, Broadcast, Frame, Handler, Wishes
from neurosim.engine.engine import Engine
from neurosim.engine.request import Window
from neurosim.errors import ModelError
from neurosim.lookout import Crew, Orders, check_act
from neurosim.units import S_PER_MS

WINDOW_S = 1.0 / 20.0
"""Wall time of a window that is watched: what it costs, about 0.8 ms, is to stay below 2 %."""
LATER = 1.02
"""How slowly the shortest time of a step is forgotten, from window to window."""
FIRST_STEPS = 20
"""Of the first window of all."""
SPEED_S = 1.0
"""Wall time over which the speed is averaged."""


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
    cells : sequence
        All cells of the simulation.
    crew : function
        Returns the processes of the run, once they are needed: they are settled together.
    """

    def __init__(
        self, broadcast: Broadcast, dt_ms: float, acts: list[Act], cells: Sequence[Any], crew: Callable[[], Crew]
    ) -> None:
        self.broadcast, self._dt_ms, self.acts = broadcast, dt_ms, acts
        self._cells, self._crew_of = cells, crew
        self._acts: list[Act] = []
        self._since = (time.perf_counter(), math.nan)
        self._step_s = math.inf
        self._short: list[tuple[Window, int]] = []
        self._put_s = -math.inf

    @property
    def _crew(self) -> Crew:
        return self._crew_of()

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

    def before(self, engine: Engine) -> None:
        """Have carried out what is asked for; before every window."""
        own: list[Act] = []
        for act in self.broadcast.asked():
            handler = self.broadcast.handlers.get(act.kind)
            try:
                if handler is None:
                    check_act(self._cells, act)
                    own.append(act)
                else:
                    self._handled(handler, act, engine.step * self._dt_ms)
            except ModelError as error:
                self.broadcast.progress.warnings.append(str(error))
        # Windows that wait for their frame have the traces of before.
        now, wanted = self._crew.lookout.wishes, self.broadcast.wishes
        wishes = Wishes(wanted.voltage_cells, now.traces) if self._short else wanted
        self._note(self._crew.obey(engine, Orders(True, tuple(own), wishes)))

    def _handled(self, handler: Handler, act: Act, t_ms: float) -> None:
        """Let the run's own handler do an act."""
        if handler.names and act.name not in handler.names:
            raise ModelError(f"{act.kind} {act.name!r}: allowed: {', '.join(handler.names)}")
        handler.function(act)
        self._note([replace(act, t_ms=t_ms)])

    def _note(self, done: Sequence[Act]) -> None:
        self._acts += done
        self.acts += done

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
        lookout = self._crew.lookout
        whole = self._crew.report(lookout.seen(engine, window, before, requested))
        if whole is None:
            raise RuntimeError("frames are put together in process 0 only")
        sight, samples = whole
        seen = len(sight.voltage_mV) > 0
        acts, self._acts = tuple(self._acts), []
        self.broadcast.put(
            Frame(
                before * self._dt_ms, engine.step * self._dt_ms, sight.cells, sight.times_ms, None,
                sight.voltage_mV if seen else None, lookout.wishes.voltage_cells if seen else (), samples, acts,
            )
        )  # fmt: skip
        self._tell(engine, len(sight.cells))

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
