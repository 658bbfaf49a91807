"""Spikes of a batch as the shorter frame: one by one with their ages, or one bit a cell."""

from __future__ import annotations

import numpy as np

from neurosim.viewer import wire
from neurosim.viewer.source import Batch, Floats, Ranks

SHORT_BYTES = 4_000
"""Up to this size spikes are listed with their ages, although a mask would be shorter."""


def flags_of(batch: Batch) -> int:
    """Return the flags of a batch's frames."""
    return wire.MERGED * (batch.merged > 1) | wire.LAST * batch.last | wire.JUMPED * batch.jumped


def _sizes(ranks: Ranks) -> tuple[int, int]:
    """Return the bytes of a SPIKES and of a MASK body."""
    n = int(ranks[-1]) - int(ranks[0]) + 1 if len(ranks) else 0
    return 4 + 6 * len(ranks), 8 + -(-n // 8)


def size_of(ranks: Ranks, *, listed: bool) -> int:
    """Return about how many bytes the frame of ``ranks``, ascending, has."""
    spikes, mask = _sizes(ranks)
    return wire.HEADER.size + (min(spikes, mask) if listed else mask)


def spikes_or_mask(
    t_ms: float, span_ms: float, ranks: Ranks, times_ms: Floats | None, *, most_bytes: float, seq: int, flags: int
) -> tuple[bytes, int]:
    """Return a SPIKES or a MASK frame, and how many marks it holds.

    Parameters
    ----------
    ranks, times_ms : uint32 (n,), float64 (n,) or None
        Ascending ranks, one entry a spike; without times each cell once, which is a MASK.
    most_bytes : float
        Up to this size cells that fired twice are listed twice: a mask cannot tell.
    """
    first = int(ranks[0]) if len(ranks) else 0
    n = int(ranks[-1]) - first + 1 if len(ranks) else 0
    spikes, mask = _sizes(ranks)
    cells_n = len(ranks) if times_ms is None or len(ranks) < 2 else 1 + int(np.count_nonzero(np.diff(ranks)))
    worth = mask < spikes > (SHORT_BYTES if cells_n == len(ranks) else max(SHORT_BYTES, most_bytes))
    if times_ms is None or worth:
        return wire.mask_frame(t_ms, first, n, ranks, seq=seq, flags=flags), cells_n
    return wire.spikes_frame(t_ms, span_ms, ranks, times_ms, seq=seq, flags=flags), len(ranks)
