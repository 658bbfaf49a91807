"""``Flow``: how many bytes of activity a connection gets, and whether single spikes of all cells fit into them."""

from __future__ import annotations

import math

BYTES_PER_S = 440_000.0
"""Spikes and activity of nodes together; with what is saved up, less than 0.5 MB in any second."""
SAVED_S = 0.1
"""Time of which the bytes can be saved up."""
MEAN_S = 1.0
"""Time over which the size of what would be sent is averaged."""
BACK = 0.7
"""Share of the limit below which spikes of all cells are sent again."""


class Flow:
    """The limit of one connection.

    Parameters
    ----------
    bytes_per_s : float
        Limit.

    Attributes
    ----------
    only_detailed : bool
        The spikes of all cells drawn would be too much: those of cells with branches, and rates of nodes, are sent.
    left_bytes : float
        What may be sent now; below 0 after a frame that was larger.
    """

    def __init__(self, bytes_per_s: float = BYTES_PER_S) -> None:
        self._limit = bytes_per_s
        self.left_bytes, self._refilled_s = SAVED_S * bytes_per_s, math.nan
        self._mean, self._asked_s = 0.0, math.nan
        self.only_detailed = False

    def ready(self, now_s: float) -> bool:
        """Return whether anything may be sent."""
        if not math.isnan(self._refilled_s):
            more = (now_s - self._refilled_s) * self._limit
            self.left_bytes = min(SAVED_S * self._limit, self.left_bytes + more)
        self._refilled_s = now_s
        return self.left_bytes > 0.0

    def spend(self, bytes_n: int) -> None:
        """Count what was sent; a large frame is paid back before the next."""
        self.left_bytes -= bytes_n

    def share(self, pause_s: float) -> float:
        """Return the bytes in which spikes are best listed one by one: few, and more after a pause."""
        return SAVED_S * self._limit * min(pause_s, 1.0)

    def ask(self, now_s: float, bytes_n: int) -> bool:
        """Return whether spikes of all cells may be sent, which would take ``bytes_n`` now."""
        if not math.isnan(self._asked_s):
            span = max(now_s - self._asked_s, 1e-3)
            keep = math.exp(-span / MEAN_S)
            self._mean = keep * self._mean + (1.0 - keep) * bytes_n / span
            self.only_detailed = self._mean > (BACK * self._limit if self.only_detailed else self._limit)
        self._asked_s = now_s
        return not self.only_detailed and bytes_n <= self.left_bytes
