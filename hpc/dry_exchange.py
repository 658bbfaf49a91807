"""The exchange of one rank without the others: it answers for them, with spikes that nobody fired."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurosim.engine.build import compiled
from neurosim.errors import ModelError
from neurosim.exchange import Floats, Longs, Owners
from neurosim.hpc.partition import partition

CHOICES = ("heaviest", "median", "lightest")

REST_MV = -65.0
"""Voltage that cells elsewhere show."""

_JUST_AFTER_MS = 1e-10
"""A detector notes a crossing so long after the step's end, as the driver does."""


class DryLink:
    """Voltages of cells elsewhere that stay as they are.

    Parameters
    ----------
    wanted_n : int
        Values that are wanted here.
    v_mV : float
        What they show.
    """

    def __init__(self, wanted_n: int, v_mV: float) -> None:
        # What others want from here is known to them only.
        self.sent_gids, self.sent_nodes = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._values = np.full(wanted_n, v_mV)

    def swap(self, values: Floats) -> Floats:
        """Return the voltages."""
        return self._values


class DryExchange:
    """``neurosim.exchange.Exchange`` of one rank without the others.

    Parameters
    ----------
    size : int
        Number of ranks.
    rank : int or str
        Which is played: a number, or the "heaviest", "median" or "lightest" by load, settled when the cells are shared
        out.
    rate_Hz : float, optional
        Rate of the cells elsewhere; that of this rank's own cells when omitted.
    overlap : bool
        Whether spikes travel while the next window is computed.
    seed : int
        Key of the spikes of the others.
    v_mV : float
        Voltage that cells elsewhere show.

    Attributes
    ----------
    owner : int32 (cells,)
        Rank of each cell, once it is settled.
    loads : float64 (size,)
        Cost of each rank.
    arrived_n : int
        Spikes of other ranks so far.
    """

    alone = False

    def __init__(
        self,
        size: int,
        rank: int | str = "heaviest",
        rate_Hz: float | None = None,
        *,
        overlap: bool = False,
        seed: int = 0,
        v_mV: float = REST_MV,
    ) -> None:
        if size < 2:
            raise ModelError(f"dry run: {size} ranks are not allowed; give at least 2")
        if isinstance(rank, str) and rank not in CHOICES:
            raise ModelError(f"dry run: rank={rank!r} is not known; allowed: {', '.join(CHOICES)} or 0 to {size - 1}")
        if isinstance(rank, int) and not 0 <= rank < size:
            raise ModelError(f"dry run: rank={rank} is not there; allowed: 0 to {size - 1}")
        if rate_Hz is not None and not (np.isfinite(rate_Hz) and rate_Hz >= 0.0):
            raise ModelError(f"dry run: rate_Hz={rate_Hz} is not allowed; give a number of at least 0")
        self.size, self.overlap, self.seed = size, overlap, seed
        self.choice = rank
        self.rank = rank if isinstance(rank, int) else 0
        self.rate_Hz = rate_Hz
        self.owner: Owners = np.zeros(0, np.int32)
        self.loads: Floats = np.zeros(size)
        self.arrived_n = 0
        self._v_mV = v_mV
        self._silent: Longs = np.zeros(0, np.int64)
        self._away: Longs = np.zeros(0, np.int64)
        self._own_n = self._fired_n = 0
        self._agreed: list[float] = []
        self._begin, self._steps, self._dt_ms, self._window = 0, 0, 0.0, 0
        self._handed: tuple[Floats, Longs] = (np.zeros(0), np.zeros(0, np.int64))

    def owners(self, costs: Floats, together: Sequence[Longs], positions_um: Floats | None) -> Owners:
        """Share the cells out and settle which rank is played."""
        self.owner = partition(costs, self.size, together, positions_um)
        self.loads = np.bincount(self.owner, costs, self.size).astype(np.float64)
        # Cells of no cost are given trains, which every process knows itself.
        self._silent = np.flatnonzero(np.asarray(costs) == 0.0)
        order = np.argsort(self.loads, kind="stable")
        if isinstance(self.choice, str):
            at = {"lightest": 0, "median": self.size // 2, "heaviest": self.size - 1}[self.choice]
            self.rank = int(order[at])
        return self.owner

    def expect(self, *values: float) -> None:
        """Say what the others will answer to the next calls of ``smallest``."""
        self._agreed = list(values)

    def smallest(self, value: float) -> float:
        """Return the smaller of the value and of what was expected of the others, if anything was."""
        return min(value, self._agreed.pop(0)) if self._agreed else value

    def tell(self, message: bytes) -> bytes:
        """Return the message."""
        return message

    def gather(self, message: bytes) -> list[bytes]:
        """Return the message alone."""
        return [message]

    def connect(self, owner: Owners, needed: Longs) -> None:
        """Note whose spikes are needed from elsewhere."""
        self.owner = owner
        away = needed[owner[needed] != self.rank]
        self._away = away[~np.isin(away, self._silent)].astype(np.int64)
        mine = np.flatnonzero(owner == self.rank)
        self._own_n = int((~np.isin(mine, self._silent)).sum())

    @property
    def heard_n(self) -> int:
        """Cells elsewhere whose spikes act here."""
        return len(self._away)

    def begin(self, step: int, steps: int, dt_ms: float) -> None:
        """Say which window the next ``start`` is about."""
        self._begin, self._steps, self._dt_ms = step, steps, dt_ms

    def start(self, times_ms: Floats, gids: Longs) -> None:
        """Take the rank's own spikes."""
        self._handed = times_ms, gids
        self._fired_n += len(gids)

    def finish(self) -> tuple[Floats, Longs]:
        """Return them and the spikes of the others, in order of time, then of gid."""
        if not self._steps:
            return self._handed
        times, gids = self._others()
        self.arrived_n += len(gids)
        times, gids = np.concatenate([self._handed[0], times]), np.concatenate([self._handed[1], gids])
        order = np.lexsort((gids, times))
        return times[order], gids[order]

    def _others(self) -> tuple[Floats, Longs]:
        mean = self._rate_per_ms() * self._steps * self._dt_ms
        room = len(self._away) * (int(mean) + 1)
        gids, steps = np.empty(room, np.int64), np.empty(room, np.int64)
        drawn = compiled("neurosim.hpc.arrivals").drawn
        n = drawn(self._away, self.seed, self._window, mean, self._steps, gids, steps)
        self._window += 1
        ends = np.asarray((self._begin + steps[:n] + 1.0) * self._dt_ms, np.float64)
        return ends + _JUST_AFTER_MS, gids[:n]

    def _rate_per_ms(self) -> float:
        if self.rate_Hz is not None:
            return self.rate_Hz * 1e-3
        reached = (self._begin + self._steps) * self._dt_ms
        return self._fired_n / max(1, self._own_n) / reached

    def link(self, owner: Owners, gids: Longs, nodes: Longs) -> DryLink:
        """Return voltages that stay at rest."""
        return DryLink(len(gids), self._v_mV)
