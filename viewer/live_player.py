"""``LivePlayer``: one client's share of a live run, merged while it is not taken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.node_counts import NodeCounts
from neurosim.viewer.pending import Pending
from neurosim.viewer.source import Batch, Player


class LivePlayer(Player):
    """One client's share.

    Parameters
    ----------
    cells_n : int
        Cells of the scene.
    nodes : NodeCounts
        Values of voltage a cell has.
    on_wish, on_close : callable
        Called after another voltage is wanted, and at the end.
    """

    def __init__(
        self, cells_n: int, nodes: NodeCounts, on_wish: Callable[[], None], on_close: Callable[[LivePlayer], None]
    ) -> None:
        self._lock = threading.Lock()
        self._pending, self._nodes = Pending(cells_n), nodes
        self._on_wish, self._on_close = on_wish, on_close
        self.voltage_ranks: tuple[int, ...] = ()
        self._missing: dict[int, NDArray[np.float32]] = {}

    def add(self, batch: Batch, voltages: Mapping[int, NDArray[np.float32]]) -> None:
        """Append a batch; ``voltages`` are those of all clients."""
        with self._lock:
            wanted = self.voltage_ranks
            if wanted and any(rank in voltages for rank in wanted):
                parts = [voltages.get(rank, self._missing.get(rank)) for rank in wanted]
                values = np.concatenate([p for p in parts if p is not None])
                batch = replace(batch, voltage_mV=values, voltage_ranks=wanted)
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
        nodes = self._nodes.of(ranks).tolist()
        missing = {rank: np.full(n, np.nan, np.float32) for rank, n in zip(ranks, nodes, strict=True)}
        with self._lock:
            self.voltage_ranks, self._missing = tuple(ranks), missing
            self._pending.forget_voltage()
        self._on_wish()

    def close(self) -> None:
        """Forget this client."""
        self._on_close(self)
