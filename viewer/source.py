"""Where the activity that is shown comes from: ``Source`` (a live run, or files) and one ``Player`` for each client.

``Source`` answers questions about any time that is known (history, traces, rates); a ``Player`` is one client's clock:
it hands over what happened since it was last asked, merged when the client was slow. Nothing here knows of sockets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SimulationError
from neurosim.viewer.scene.scene import Scene
from neurosim.viewer.world_history import WorldRows
from neurosim.world import World

Floats = NDArray[np.float64]
Ranks = NDArray[np.uint32]


@dataclass(frozen=True)
class Batch:
    """What a client gets in one turn.

    Parameters
    ----------
    start_ms, t_ms : float
        The stretch of simulated time.
    ranks, times_ms : uint32 (n,), float64 (n,)
        Spikes, sorted by rank.
    counts_ranks, counts : uint32 (k,), uint32 (k,)
        Spikes that are not listed any more, because the client was slow: cells and how many.
    voltage_mV : float32 (m,) or None
        Voltage at ``t_ms`` of all nodes of ``voltage_ranks``, one cell after the other.
    voltage_ranks : tuple of int
    merged : int
        Frames this was made of.
    jumped : bool
        The time before does not lead here (seek, loop): forget what glows.
    last : bool
        Nothing will follow.
    """

    start_ms: float
    t_ms: float
    ranks: Ranks
    times_ms: Floats
    counts_ranks: Ranks = field(default_factory=lambda: np.empty(0, np.uint32))
    counts: NDArray[np.uint32] = field(default_factory=lambda: np.empty(0, np.uint32))
    voltage_mV: NDArray[np.float32] | None = None
    voltage_ranks: tuple[int, ...] = ()
    merged: int = 1
    jumped: bool = False
    last: bool = False


@dataclass(frozen=True)
class TraceBlock:
    """Voltage of one compartment in equal steps: values float32 (n,), the first at ``start_ms``."""

    start_ms: float
    step_ms: float
    values_mV: NDArray[np.float32]


@dataclass(frozen=True)
class Status:
    """For the status line.

    ``state`` is ``"waiting"``, ``"running"``, ``"paused"``, ``"finished"``, ``"replay"`` or ``"lost"``. Times in ms;
    ``eta_s`` and ``times_real_time`` NaN where there is none.
    """

    state: str
    t_ms: float
    start_ms: float
    stop_ms: float
    times_real_time: float
    spikes_n: int
    eta_s: float
    memory_MB: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Acted:
    """Something that was done to a live run, as ``neurosim.broadcast.Act``; ``rank`` is -1 of a cell not shown."""

    kind: str
    rank: int
    node: int
    amplitude_nA: float
    t_ms: float
    name: str = ""


class Player(ABC):
    """One client's clock."""

    @abstractmethod
    def take(self) -> Batch | None:
        """Return what happened since the last call, or None; never waits. The first batch says ``jumped``."""

    @abstractmethod
    def want_voltage(self, ranks: Sequence[int]) -> None:
        """Say which cells' voltage the batches are to hold."""

    def seek(self, t_ms: float) -> None:
        """Go to a time; a live run cannot."""
        raise SimulationError("a live run cannot be sought")

    def play(self, rate: float, loop: bool = False) -> None:
        """Play ``rate`` ms of simulated time a second (0 stops); a live run cannot."""
        raise SimulationError("a live run has its own speed")

    @abstractmethod
    def close(self) -> None:
        """Forget this client."""


class Source(ABC):
    """Where activity comes from; every method may be called from any thread and returns soon.

    Attributes
    ----------
    scene : Scene
    live : bool
        A run that is going on: it can be paused and acted on, not sought.
    traces_from : str
        ``"any"`` (every compartment can be traced from now on), ``"recorded"`` (those of a report) or ``"none"``.
    """

    scene: Scene
    live: bool
    traces_from: str

    @abstractmethod
    def player(self) -> Player:
        """Return a player for a new client."""

    @abstractmethod
    def status(self) -> Status:
        """Return where things stand."""

    @abstractmethod
    def spikes(self, start_ms: float, stop_ms: float, *, every: int = 1) -> tuple[Ranks, Floats, int]:
        """Return ranks and times of the spikes with start <= t < stop in order of time, and the number of all.

        ``every`` k: only cells whose rank is a multiple of k are listed; all are counted.
        """

    def spikes_n(self, start_ms: float, stop_ms: float) -> int:
        """Return the number of spikes with start <= t < stop."""
        return self.spikes(start_ms, stop_ms, every=max(1, self.scene.n))[2]

    @abstractmethod
    def rates(self, start_ms: float, stop_ms: float, bin_ms: float) -> tuple[Floats, dict[str, Floats]]:
        """Return the middles of the bins (n,) in ms, and population -> mean rate (n,) in Hz."""

    @abstractmethod
    def trace(self, rank: int, node: int, start_ms: float, stop_ms: float) -> TraceBlock:
        """Return what is known of a compartment's voltage; an empty block when nothing is."""

    @abstractmethod
    def want_trace(self, owner: object, places: Sequence[tuple[int, int]]) -> None:
        """Say which (rank, node) a client traces; of a live run they are recorded from now on."""

    def act(self, kind: str, rank: int, node: int, amplitude_nA: float) -> None:
        """Inject a current, silence or release a cell (``neurosim.broadcast.Act``); only of a live run."""
        raise SimulationError("only a live run can be acted on")

    def offers(self) -> Mapping[str, tuple[str, ...]]:
        """Return the acts that a live run knows beside those of every run: kind -> names, none of an act on a cell."""
        return {}

    def do(self, kind: str, name: str) -> None:
        """Do an act of ``offers`` that has names; only of a live run."""
        raise SimulationError("only a live run can be acted on")

    def world(self, t_ms: float) -> World | None:
        """Return what surrounds the cells: of a replay at a time, of a live run now; the same object while it lasts."""
        return None

    def world_then(self, t_ms: float) -> World | None:
        """Return what surrounded the cells at a time, of a live run too."""
        return self.world(t_ms)

    def world_rows(self, start_ms: float, stop_ms: float, most: int) -> WorldRows | None:
        """Return curves and tracks of the worlds with start <= t < stop, at most ``most`` rows."""
        return None

    def acts(self) -> Sequence[Acted]:
        """Return what was done to a live run, in order; the first may be missing when there were many."""
        return ()

    def reduced(self) -> tuple[str, ...]:
        """Return, in plain words, what of the activity is shown with less detail than a viewer may expect."""
        return ()

    def control(self, what: str) -> None:
        """``"pause"`` or ``"resume"`` the run; only of a live run."""
        raise SimulationError("only a live run can be paused")

    def describe(self) -> dict[str, Any]:
        """Return what a page should know beside the scene: ``{"live": ..., "traces_from": ..., ...}``."""
        return {"live": self.live, "traces_from": self.traces_from}

    @abstractmethod
    def close(self) -> None:
        """Let files and threads go."""
