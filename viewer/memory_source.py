"""``MemorySource``: a replay of spikes and voltages that are in memory. For tests, demonstrations and finished runs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import ModelError
from neurosim.viewer.node_counts import NodeCounts
from neurosim.viewer.playback import Clock, Recording
from neurosim.viewer.population_rates import PopulationRates
from neurosim.viewer.scene.scene import Scene
from neurosim.viewer.source import Floats, Ranks, Status, TraceBlock


@dataclass(frozen=True, eq=False)
class Voltages:
    """Recorded voltages in equal steps.

    Parameters
    ----------
    start_ms, step_ms : float
        Time of the first row, and between rows.
    values_mV : mapping
        rank -> float32 (rows, nodes of the cell).
    """

    start_ms: float
    step_ms: float
    values_mV: Mapping[int, NDArray[np.float32]]


class MemorySource(Recording):
    """A replay from arrays.

    Parameters
    ----------
    scene : Scene
        What is shown.
    ranks, times_ms : (spikes,)
        Who fired when, in any order.
    stop_ms : float
        End.
    voltage : Voltages, optional
        Of some cells.
    start_ms : float
        Begin.
    clock : callable
        Wall time in s.
    """

    def __init__(
        self,
        scene: Scene,
        ranks: ArrayLike,
        times_ms: ArrayLike,
        *,
        stop_ms: float,
        voltage: Voltages | None = None,
        start_ms: float = 0.0,
        clock: Clock = time.monotonic,
    ) -> None:
        super().__init__(clock)
        who, when = np.asarray(ranks), np.asarray(times_ms, np.float64)
        if who.shape != when.shape or who.ndim != 1:
            raise ModelError(f"spikes: {who.shape} ranks and {when.shape} times; give lists of one length")
        if len(who) and (int(who.min()) < 0 or int(who.max()) >= scene.n):
            raise ModelError(f"spikes: rank {int(who.min())} to {int(who.max())}; allowed: 0 to {scene.n - 1}")
        order = np.argsort(when, kind="stable")
        self.scene = scene
        self.traces_from = "none" if voltage is None else "recorded"
        self._ranks, self._times = who[order].astype(np.uint32), when[order]
        self._start, self._stop, self._voltage = start_ms, stop_ms, voltage
        self._nodes, self._rates = NodeCounts(scene), PopulationRates(scene)

    @property
    def start_ms(self) -> float:
        """Begin."""
        return self._start

    @property
    def stop_ms(self) -> float:
        """End."""
        return self._stop

    def _within(self, start_ms: float, stop_ms: float, side: str) -> slice:
        edges = np.searchsorted(self._times, [start_ms, stop_ms], side=side)  # type: ignore[call-overload]
        return slice(int(edges[0]), max(int(edges[0]), int(edges[1])))

    def between_n(self, start_ms: float, stop_ms: float) -> int:
        """Return the number of spikes with start < t <= stop."""
        part = self._within(start_ms, stop_ms, "right")
        return int(part.stop) - int(part.start)

    def between(self, start_ms: float, stop_ms: float) -> tuple[Ranks, Floats]:
        """Return the spikes with start < t <= stop, in order of time."""
        part = self._within(start_ms, stop_ms, "right")
        return self._ranks[part], self._times[part]

    def counted(self, start_ms: float, stop_ms: float) -> NDArray[np.int64]:
        """Return the number of spikes with start < t <= stop of every cell."""
        return np.bincount(self.between(start_ms, stop_ms)[0], minlength=self.scene.n)

    def voltage_at(self, t_ms: float, ranks: Sequence[int]) -> NDArray[np.float32] | None:
        """Return the voltage of the row at or before ``t_ms``; NaN of cells that were not recorded."""
        if self._voltage is None:
            return None
        parts = []
        for rank, nodes_n in zip(ranks, self._nodes.of(ranks).tolist(), strict=True):
            rows = self._voltage.values_mV.get(rank)
            if rows is None or not len(rows):
                parts.append(np.full(nodes_n, np.nan, np.float32))
                continue
            row = int((t_ms - self._voltage.start_ms) / self._voltage.step_ms + 1e-9)
            parts.append(np.asarray(rows[min(max(row, 0), len(rows) - 1)], np.float32))
        return np.concatenate(parts) if parts else np.empty(0, np.float32)

    def status(self) -> Status:
        """Return the state of a replay."""
        nan = float("nan")
        return Status("replay", self._stop, self._start, self._stop, nan, len(self._times), nan, nan)

    def spikes(self, start_ms: float, stop_ms: float, *, every: int = 1) -> tuple[Ranks, Floats, int]:
        """Return the spikes with start <= t < stop in order of time, and the number of all."""
        part = self._within(start_ms, stop_ms, "left")
        ranks, times = self._ranks[part], self._times[part]
        if every > 1:
            listed = ranks % every == 0
            return ranks[listed], times[listed], len(ranks)
        return ranks, times, len(ranks)

    def rates(self, start_ms: float, stop_ms: float, bin_ms: float) -> tuple[Floats, dict[str, Floats]]:
        """Return middles of bins and the mean rate of each population."""
        part = self._within(start_ms, stop_ms, "left")
        return self._rates.of(self._ranks[part], self._times[part], start_ms, stop_ms, bin_ms)

    def trace(self, rank: int, node: int, start_ms: float, stop_ms: float) -> TraceBlock:
        """Return the recorded voltage with start <= t < stop."""
        held = None if self._voltage is None else self._voltage.values_mV.get(rank)
        if held is None or self._voltage is None or node >= held.shape[1]:
            return TraceBlock(start_ms, 1.0, np.empty(0, np.float32))
        first, step = self._voltage.start_ms, self._voltage.step_ms
        begin = max(0, int(np.ceil((start_ms - first) / step - 1e-9)))
        end = max(begin, int(np.ceil((stop_ms - first) / step - 1e-9)))
        return TraceBlock(first + begin * step, step, np.asarray(held[begin:end, node], np.float32))

    def want_trace(self, owner: object, places: Sequence[tuple[int, int]]) -> None:
        """Nothing to do: what was recorded is there."""

    def close(self) -> None:
        """Nothing is held."""
