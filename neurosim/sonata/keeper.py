"""Who writes and reads the checkpoints of a run, as the session needs it; ``neurosim.hpc.checkpoint`` has the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from neurosim.simulation import Simulation


class Keeper(Protocol):
    """Who writes and reads checkpoints; all methods are collective."""

    every_ms: float | None
    """Simulated time between two checkpoints; None: only when ``due`` says so or a signal asks."""
    at_end: bool
    """Whether one is written at the end of the run, and files of ranks are left for a run that goes on."""

    def due(self) -> bool:
        """Return whether one is due now, by the clock."""

    def write(self, sim: Simulation, extra: dict[str, Any]) -> Path:
        """Write the state of all processes, with some facts; return the folder."""

    def load(self, sim: Simulation) -> dict[str, Any] | None:
        """Go on from the newest checkpoint and return its facts; None when there is none to go on from."""
