"""``Voltages``: the voltage of every compartment of a drawing's cells, at any time."""

from __future__ import annotations

import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.viewer.gl.drawing import Drawing
from neurosim.viewer.source import Player, Source

PATIENCE_s: Final = 1.0
"""How long a picture waits for a live run's next frame."""


class Voltages:
    """Voltages of a drawing's cells, from one player that is sent from time to time.

    Parameters
    ----------
    source : Source
        Where they come from.
    drawing : Drawing
        Whose.
    patience_s : float
        How long the first picture of a live run waits for them.
    """

    def __init__(self, source: Source, drawing: Drawing, patience_s: float = PATIENCE_s) -> None:
        self._patience_s = patience_s
        self.source = source
        self.player: Player = source.player()
        self.player.want_voltage([int(rank) for rank in drawing.ranks])
        self._ranks, self._nodes_n = drawing.ranks, drawing.nodes_n
        self._known: NDArray[np.float32] | None = None
        self._of: tuple[int, ...] = ()

    def at(self, t_ms: float) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the values in mV one cell after the other, and where each cell's begin (-1 without).

        Of a live run: the newest. NaN where nothing is known.
        """
        if not self.source.live:
            self._known, self._of = None, ()
            self.player.play(0.0)
            self.player.seek(t_ms)
        until = time.monotonic() + self._patience_s
        while True:
            batch = self.player.take()
            if batch is not None and batch.voltage_mV is not None:
                self._known, self._of = batch.voltage_mV, batch.voltage_ranks
            if not self.source.live or self._known is not None or time.monotonic() > until:
                break
            time.sleep(0.005)
        self._patience_s = 0.0
        return self._laid_out()

    def _laid_out(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        offset = np.full(len(self._ranks), -1, np.int64)
        if self._known is None:
            return np.empty(0, np.float32), offset
        slots = np.searchsorted(self._ranks, np.array(self._of, np.uint32))
        begins = np.concatenate([[0], np.cumsum(self._nodes_n[slots])[:-1]]) if len(slots) else slots
        if len(slots) and begins[-1] + self._nodes_n[slots[-1]] != len(self._known):
            raise ModelError(
                f"voltages: {len(self._known)} values came for {len(slots)} cells of "
                f"{int(self._nodes_n[slots].sum())} compartments; the results belong to another circuit"
            )
        offset[slots] = begins
        return self._known, offset

    def close(self) -> None:
        """Let the player go."""
        self.player.close()
