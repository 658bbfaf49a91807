"""``BackgroundRun``: a simulation that runs in a thread, in pieces, so that it can be stopped in between."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from neurosim.errors import SimulationError

if TYPE_CHECKING:
    from neurosim.simulation import Simulation

PIECE_S = 0.25
"""Wall time of a piece: stopping takes no longer."""
_FIRST_STEPS = 40


class BackgroundRun:
    """A run to a time, under way from the moment it is made. Results are those of ``Simulation.run``.

    Parameters
    ----------
    simulation : Simulation
        Not to be run by anybody else meanwhile.
    until_ms : float
        A multiple of its step.
    """

    def __init__(self, simulation: Simulation, until_ms: float) -> None:
        dt_ms = simulation.dt_ms
        self._last = round(until_ms / dt_ms) if math.isfinite(until_ms) else -1
        if self._last < 0 or abs(self._last * dt_ms - until_ms) > 1e-6 * dt_ms * max(1, self._last):
            raise SimulationError(f"until_ms={until_ms:g} is not a multiple of dt_ms={dt_ms:g}")
        if self._last < simulation.step:
            raise SimulationError(
                f"until_ms={until_ms:g} is before the time reached, {simulation.t_ms:g} ms; call reset()"
            )
        self.simulation, self.until_ms = simulation, until_ms
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="neurosim-run", daemon=True)
        progress = simulation.broadcast().progress
        progress.until_ms = until_ms
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it is still under way."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the run at the end of its piece, and wait for that; a run that is paused goes on first."""
        self._stop.set()
        self.simulation.broadcast().resume()
        self._thread.join()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; return whether it has come. What went wrong in the run is raised here."""
        self._thread.join(timeout_s)
        if self.error is not None:
            raise self.error
        return not self.running

    def _work(self) -> None:
        sim, steps = self.simulation, _FIRST_STEPS
        try:
            while sim.step < self._last and not self._stop.is_set():
                begun = time.perf_counter()
                target = min(sim.step + steps, self._last)
                sim.run(until_ms=self.until_ms if target == self._last else target * sim.dt_ms, progress=False)
                spent_s = max(time.perf_counter() - begun, 1e-6)
                steps = max(1, min(2 * steps, int(steps * PIECE_S / spent_s)))
        except BaseException as error:
            self.error = error
            sim.broadcast().progress.warnings.append(f"the run ended: {error}")
