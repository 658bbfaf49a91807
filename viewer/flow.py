"""``Flow``: how many bytes of activity a connection gets, and whether single spikes of all cells fit into them."""

from __future__ import annotations

import math

BYTES_PER_S = 500_000.0
"""Spikes and activity of nodes together."""
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
    """

    def __init__(self, bytes_per_s: float = BYTES_PER_S) -> None:
        self._limit = bytes_per_s
        self._left, self._refilled_s = bytes_per_s, math.nan
        self._mean, self._asked_s = 0.0, math.nan
        self.only_detailed = False

    def ready(self, now_s: float) -> bool:
        """Return whether anything may be sent."""
        if not math.isnan(self._refilled_s):
            self._left = min(self._limit, self._left + (now_s - self._refilled_s) * self._limit)
        self._refilled_s = now_s
        return self._left > 0.0

    def spend(self, bytes_n: int) -> None:
        """Count what was sent; a large frame is paid back before the next."""
        self._left -= bytes_n

    def share(self, pause_s: float) -> float:
        """Return the bytes that belong to the time since the last frames."""
        return self._limit * min(pause_s, MEAN_S)

    def ask(self, now_s: float, bytes_n: int) -> bool:
        """Return whether spikes of all cells may be sent, which would take ``bytes_n`` now."""
        if math.isnan(self._asked_s):
            self._asked_s = now_s
            return not self.only_detailed
        span = max(now_s - self._asked_s, 1e-3)
        self._asked_s = now_s
        keep = math.exp(-span / MEAN_S)
        self._mean = keep * self._mean + (1.0 - keep) * bytes_n / span
        self.only_detailed = self._mean > (BACK * self._limit if self.only_detailed else self._limit)
        return not self.only_detailed
