"""What an exchange costs: calls, bytes, spikes, and seconds, those of waiting for others apart.

In every window some process comes last. It waits for nobody, so its time is that of the exchange itself; what the
others spend beyond that they spend waiting. ``Tally.settle`` takes the smallest time over the processes, window by
window.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from neurosim.hpc.comm import Comm

_EVERY: Final = 1024
FACTS: Final = (
    "windows", "calls", "sent_B", "received_B", "sent_spikes", "received_spikes", "packing_s", "calling_s",
    "exchanging_s", "waiting_s", "swaps", "swapped_B", "swapping_s",
)  # fmt: skip
"""What ``Tally.facts`` tells."""


@dataclass
class Tally:
    """Counts of one process.

    Attributes
    ----------
    windows, calls : int
        Meetings, and transfers within them.
    sent_B, received_B : int
        Bytes over all transfers, room for short messages included.
    sent_spikes, received_spikes : int
        A spike counts once for each process that it is sent to.
    packing_s : float
        Own work: packing, unpacking, sorting.
    calling_s : float
        Sending, receiving and waiting.
    exchanging_s : float
        Part of ``calling_s`` that the exchange itself takes, up to the last ``settle``.
    swaps, swapped_B : int
        Exchanges of voltages, and bytes sent by them.
    swapping_s : float
        Time they took, waiting included.
    """

    windows: int = 0
    calls: int = 0
    sent_B: int = 0
    received_B: int = 0
    sent_spikes: int = 0
    received_spikes: int = 0
    packing_s: float = 0.0
    calling_s: float = 0.0
    exchanging_s: float = 0.0
    swaps: int = 0
    swapped_B: int = 0
    swapping_s: float = 0.0
    _recent: list[float] = field(default_factory=list, repr=False)
    _before_s: float = field(default=0.0, repr=False)

    def timed(self, call: Callable[[], object]) -> None:
        """Do a transfer, and count its time."""
        begun = time.perf_counter()
        call()
        self.calling_s += time.perf_counter() - begun

    def note(self, sent_B: int, received_B: int, calls: int = 1) -> None:
        """Count transfers."""
        self.calls += calls
        self.sent_B += sent_B
        self.received_B += received_B

    def end_window(self, comm: Comm, *, meets: bool) -> None:
        """Say that a window's exchange is over; ``meets`` tells whether this process has anybody to wait for."""
        self.windows += 1
        self._recent.append(self.calling_s - self._before_s if meets else np.inf)
        self._before_s = self.calling_s
        if len(self._recent) == _EVERY:
            self.settle(comm)

    def settle(self, comm: Comm) -> None:
        """Tell exchange from waiting in the windows since the last time; every process calls this."""
        if self._recent:
            least = comm.smallest(np.array(self._recent))
            self.exchanging_s += float(least[np.isfinite(least)].sum())
            self._recent.clear()

    @property
    def waiting_s(self) -> float:
        """Part of ``calling_s`` that was spent waiting for others."""
        return max(0.0, self.calling_s - self.exchanging_s)

    def facts(self) -> dict[str, float]:
        """Return all counts by name."""
        return {name: getattr(self, name) for name in FACTS}
