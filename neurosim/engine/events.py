"""Memory of the event loop for a range of groups: a table of words (``neurosim.kernels.queue``) and what it names."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.memory import address
from neurosim.engine.timing import Clock
from neurosim.engine.wiring import Range, Wiring
from neurosim.kernels import queue
from neurosim.kernels.events import NO_ARGUMENTS
from neurosim.model.point import SpikeTrain

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

ITEM = np.dtype(
    [("time", "f8"), ("since", "f8"), ("flag", "f8"), ("order", "i8"), ("arg", "i8"), ("entry", "i4"), ("index", "i4"),
     ("kind", "i8")]
)  # fmt: skip
"""An item of a heap, as ``neurosim.kernels.queue`` lays it out."""

LISTED = np.dtype([(name, "i8") for name in ("bin", "order", "entry", "key", "index")] + [("load", "f8")])
_EVENT = np.dtype([("what", "i4"), ("index", "i4"), ("load", "f8")])
"""An event of a bin, taken apart, and as ``neurosim.kernels.queue`` lays it out."""


class RangeState:
    """What one range of groups holds while it advances.

    Parameters
    ----------
    range_ : Range
        Its groups, connections and receivers.
    wiring : Wiring
        Effects and rings.
    ring : float64 array
        Sums of all ranges: (2, half steps, places).
    bins : int
        Windows that events may lie ahead.
    dt_ms : float
        Step.
    at_once : int32 array, optional
        By gid: whether its spikes act within the step in which they are fired.
    """

    def __init__(
        self, range_: Range, wiring: Wiring, ring: Floats, *, bins: int, dt_ms: float, at_once: NDArray[np.int32] | None
    ) -> None:
        self.range = range_
        self.words = np.zeros(queue.STATE_WORDS, np.int64)
        groups = max(1, range_.last - range_.first)
        self._bins = np.zeros((bins * groups, 3), np.int64)
        self._heaps = np.zeros((groups, 3), np.int64)
        self._scratch = np.zeros(3 * wiring.most_effects + 1)
        self._zeros = np.zeros(NO_ARGUMENTS)
        self._kept = (wiring.effects, ring)
        w = range_.wires
        fixed: dict[int, Floats | Longs | NDArray[np.int32]] = {
            queue.BINS: self._bins, queue.HEAPS: self._heaps, queue.FIRST: w.first, queue.ENTRY: w.entry,
            queue.INDEX: w.index, queue.DELAY: w.delay_ms, queue.ARGS: w.args, queue.ENTRIES: range_.entries,
            queue.EFFECT_TABLE: wiring.effects, queue.SCRATCH: self._scratch, queue.NO_ARGS: self._zeros,
            queue.RING_SUMS: ring,
        }  # fmt: skip
        for k, array in fixed.items():
            self.words[k] = address(array)
        if len(w.arg):
            self.words[queue.ARG] = address(w.arg)
        self.words[queue.ENTRIES_N] = len(range_.entries)
        self.words[queue.RING_HALVES], self.words[queue.RING_PLACES] = ring.shape[1:]
        self._at_once = at_once
        self.words[queue.AT_ONCE] = 0 if at_once is None else address(at_once)
        self.words[queue.GROUPS_N] = groups
        self.words.view(np.float64)[queue.DT] = dt_ms
        weakref.finalize(self, _free, self.words, self._bins, self._heaps)

    @property
    def m(self) -> int:
        """Address of the words."""
        return address(self.words)

    def reset(self) -> None:
        """Forget all events and spikes, and put the connections' arguments back."""
        self._bins[:, 2] = 0
        self._heaps[:, 2] = 0
        self.words[queue.SPIKES_N] = self.words[queue.SERIAL] = 0
        if len(self.range.start):
            self.range.wires.args[:] = self.range.start

    @property
    def waiting_n(self) -> int:
        """Events on their way."""
        return int(self._bins[:, 2].sum() + self._heaps[:, 2].sum()) if len(self.range.entries) else 0

    def listed(self) -> NDArray[np.void]:
        """Return copies of the events in all bins (``LISTED``), bin by bin in the order in which they came."""
        parts = [np.zeros(0, LISTED)]
        groups = int(self.words[queue.GROUPS_N])
        for row, (at, _, n) in enumerate(self._bins.tolist()):
            if not n:
                continue
            raw = np.ctypeslib.as_array((ctypes.c_byte * (16 * n)).from_address(at)).view(_EVENT)
            part = np.zeros(n, LISTED)
            part["bin"], part["order"] = row // groups, np.arange(n)
            part["entry"], part["key"] = raw["what"] >> queue.KEY_BITS, raw["what"] & (queue.KEYS - 1)
            part["index"], part["load"] = raw["index"], raw["load"]
            parts.append(part)
        return np.concatenate(parts)

    def items(self) -> NDArray[np.void]:
        """Return copies of the items of all heaps (``ITEM``), in no particular order."""
        found = [
            np.ctypeslib.as_array((ctypes.c_byte * (ITEM.itemsize * n)).from_address(at)).view(ITEM).copy()
            for at, _, n in self._heaps.tolist()
            if n
        ]
        return np.concatenate(found) if found else np.zeros(0, ITEM)

    def tell_time(self, clock: Clock) -> None:
        """Use this clock from now on."""
        self._clock = clock
        self.words[queue.TIME], self.words[queue.START] = address(clock.time_ms), clock.start
        self.words[queue.BIN], self.words[queue.KEY] = address(clock.bin), address(clock.key)
        self.words[queue.LAST] = len(clock.time_ms) - 1
        self.words.view(np.float64)[queue.PER_MS] = clock.per_ms

    def spikes(self, first: int = 0) -> tuple[Floats, Longs]:
        """Return copies of the spikes from ``first`` on: times in ms, sources (gid, or -1 - gid)."""
        n = int(self.words[queue.SPIKES_N]) - first
        if n <= 0:
            return np.zeros(0), np.zeros(0, np.int64)
        at = int(self.words[queue.SPIKES]) + 16 * first
        both = np.ctypeslib.as_array((ctypes.c_int64 * (2 * n)).from_address(at)).reshape(-1, 2).copy()
        return both[:, 0].copy().view(np.float64), both[:, 1].copy()


def _free(words: Longs, bins: Longs, heaps: Longs) -> None:
    release = ctypes.CDLL(None).free
    release.argtypes, release.restype = [ctypes.c_void_p], None
    for at in queue.addresses(words, bins, heaps):
        release(at)


def trains(cells: Sequence[object]) -> tuple[Floats, NDArray[np.int32]]:
    """Return the spikes of all given trains in order of time, then of gid."""
    found = [(gid, c.times_ms) for gid, c in enumerate(cells) if isinstance(c, SpikeTrain) and len(c.times_ms)]
    if not found:
        return np.zeros(0), np.zeros(0, np.int32)
    times = np.concatenate([t for _, t in found])
    gids = np.repeat(np.array([gid for gid, _ in found], np.int32), [len(t) for _, t in found])
    order = np.lexsort((gids, times))
    return times[order], gids[order]
