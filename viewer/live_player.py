"""``LivePlayer``: one client's share of a live run, merged while it is not taken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from neurosim.viewer.frame_voltages import FrameVoltages
from neurosim.viewer.pending import Pending
from neurosim.viewer.source import Batch, Player


class LivePlayer(Player):
    """One client's share.

    Parameters
    ----------
    cells_n : int
        Cells of the scene.
    on_wish, on_close : callable
        Called after another voltage is wanted, and at the end.
    """

    def __init__(self, cells_n: int, on_wish: Callable[[], None], on_close: Callable[[LivePlayer], None]) -> None:
        self._lock = threading.Lock()
        self._pending = Pending(cells_n)
        self._on_wish, self._on_close = on_wish, on_close
        self.voltage_ranks: tuple[int, ...] = ()

    def add(self, batch: Batch, voltages: FrameVoltages | None) -> None:
        """Append a batch; ``voltages`` are those of all clients."""
        with self._lock:
            values = None if voltages is None else voltages.of(self.voltage_ranks)
            if values is not None:
                batch = replace(batch, voltage_mV=values, voltage_ranks=self.voltage_ranks)
            self._pending.add(batch)

    def finish(self, t_ms: float) -> None:
        """Say that the run is finished."""
        with self._lock:
            none = np.empty(0, np.uint32)
            start = self._pending.start_ms if self._pending.due else t_ms
            self._pending.add(Batch(start, t_ms, none, np.empty(0), merged=0, last=True))

    def take(self) -> Batch | None:
        """Return what happened since the last call."""
        with self._lock:
            return self._pending.take()

    @property
    def bytes_n(self) -> int:
        """Bytes that wait."""
        return self._pending.bytes_n

    def want_voltage(self, ranks: Sequence[int]) -> None:
        """Say which cells' voltage the batches are to hold; NaN until it is there."""
        with self._lock:
            self.voltage_ranks = tuple(ranks)
            self._pending.forget_voltage()
        self._on_wish()

    def close(self) -> None:
        """Forget this client."""
        self._on_close(self)
