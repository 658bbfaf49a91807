"""Spikes that depend on the window only, cells that each want some of the others', and what they heard in the end."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.exchange import Exchange

Longs = NDArray[np.int64]


@dataclass
class Storm:
    """Cells that fire at random, some on the grid of steps and some between, and all at once now and then."""

    cells_n: int = 36
    windows_n: int = 120
    burst_every: int = 50
    seed: int = 1

    def wants(self, gid: int) -> Longs:
        """Return whose spikes a cell wants."""
        rng = np.random.default_rng([self.seed, gid, 7])
        return np.unique(rng.integers(0, self.cells_n, self.cells_n // 4))

    def owners(self, ranks_n: int) -> NDArray[np.int32]:
        """Return owners drawn at random; the last rank of more than two has no cell."""
        rng = np.random.default_rng([self.seed, 9])
        drawn = rng.random(self.cells_n) * (ranks_n - 1 if ranks_n > 2 else ranks_n)
        return drawn.astype(np.int32)

    def fired(self, window: int) -> tuple[NDArray[np.float64], Longs]:
        """Return what all cells fire in a window."""
        rng = np.random.default_rng([self.seed, window])
        fires = rng.random(self.cells_n) < (1.0 if window % self.burst_every == 0 else 0.2)
        gids = np.flatnonzero(fires)
        times = np.where(gids % 3 == 0, window + rng.random(len(gids)), window + rng.integers(0, 40, len(gids)) * 0.025)
        order = np.lexsort((gids, times))
        return times[order], gids[order]

    def needed(self, owner: NDArray[np.int32], rank: int) -> Longs:
        """Return whose spikes the cells of a rank want."""
        wanted = [self.wants(gid) for gid in np.flatnonzero(owner == rank).tolist()]
        return np.unique(np.concatenate([np.zeros(0, np.int64), *wanted]))

    def hear(self, exchange: Exchange, owner: NDArray[np.int32]) -> dict[int, str]:
        """Hand over all windows; return a digest of what each own cell heard."""
        exchange.connect(owner, self.needed(owner, exchange.rank))
        heard = {gid: hashlib.sha256() for gid in np.flatnonzero(owner == exchange.rank).tolist()}
        wants = {gid: self.wants(gid) for gid in heard}
        for window in range(self.windows_n):
            times, gids = self.fired(window)
            mine = owner[gids] == exchange.rank
            exchange.start(times[mine], gids[mine])
            times, gids = exchange.finish()
            for gid, digest in heard.items():
                rows = np.isin(gids, wants[gid])
                digest.update(times[rows].tobytes() + gids[rows].tobytes())
        return {gid: digest.hexdigest() for gid, digest in heard.items()}

    def heard_by_all(self) -> dict[int, str]:
        """Return the same digests of all cells, found without an exchange."""
        heard = {gid: hashlib.sha256() for gid in range(self.cells_n)}
        for window in range(self.windows_n):
            times, gids = self.fired(window)
            for gid, digest in heard.items():
                rows = np.isin(gids, self.wants(gid))
                digest.update(times[rows].tobytes() + gids[rows].tobytes())
        return {gid: digest.hexdigest() for gid, digest in heard.items()}
