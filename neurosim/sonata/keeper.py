"""Who writes and reads the checkpoints of a run, as the session needs it; ``neurosim.hpc.checkpoint`` has the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from neurosim.simulation import Simulation


class Keeper(Protocol):
    """Who writes and reads checkpoints; all methods are collective."""

    every_ms: float | None
    """Simulated time between two checkpoints; None: only when a signal asks."""

    def write(self, sim: Simulation, extra: dict[str, Any]) -> Path:
        """Write the state of all processes, with some facts; return the folder."""

    def load(self, sim: Simulation) -> dict[str, Any] | None:
        """Go on from the newest checkpoint and return its facts; None when there is none to go on from."""
