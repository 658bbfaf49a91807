"""``Broadcast``: what a running simulation shows to whoever watches, and what they ask of it.

The simulation puts one ``Frame`` a window and never waits: what nobody has taken is merged, first frame by frame, and
beyond ``MOST_SPIKES`` into numbers of spikes by cell, so that memory is bounded and no spike is lost in the counts.
One consumer takes frames (``neurosim.viewer`` gives them to any number of clients). Wishes come the other way: cells
whose voltage is wanted, compartments to trace, acts (a current, a silenced cell), pause. Watching changes no result;
acts do, and are logged. Beside frames go worlds: bodies and what surrounds them, from whoever steps them. Not for
files, and knows nothing of networks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.world import World, thinned

MOST_FRAMES = 64
MOST_SPIKES = 1_000_000
MOST_WORLDS = 512
"""What is kept for a consumer that is slow."""
OWN_ACTS = ("inject", "silence", "release")
"""Acts that every simulation knows."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """A compartment: the cell's number in the simulation and the node of its tree."""

    cell: int
    node: int = 0


NOWHERE = Place(-1)


@dataclass(frozen=True)
class Act:
    """Something done to a running simulation.

    Parameters
    ----------
    kind : str
        ``"inject"`` (a constant current from now on; 0 ends it), ``"silence"``, ``"release"``, or one that the run has
        a handler for (``Broadcast.handle``).
    place : Place
        Where; silencing concerns the whole cell. ``NOWHERE`` of what is no cell's matter.
    amplitude_nA : float
        Of ``"inject"``.
    t_ms : float
        When it took effect; NaN before.
    name : str
        Which of the names that a handler has: ``"head"`` of a touch.
    """

    kind: str
    place: Place
    amplitude_nA: float = 0.0
    t_ms: float = float("nan")
    name: str = ""


@dataclass(frozen=True)
class Handler:
    """What carries out an act; ``names`` are what it can be done to, none of an act on a cell."""

    function: Callable[[Act], None]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Samples:
    """Values of traced compartments: ``time_ms`` float64 (n,), ``values_mV`` float32 (n, places)."""

    places: tuple[Place, ...]
    time_ms: Floats
    values_mV: NDArray[np.float32]


@dataclass(frozen=True)
class Frame:
    """What happened in a stretch of simulated time.

    Parameters
    ----------
    start_ms, t_ms : float
        The stretch; spikes have start_ms < time <= t_ms.
    cells : int64 (n,)
        Numbers of the cells that fired, in order of time.
    times_ms : float64 (n,)
        When.
    counts : int64 (cells of the simulation,) or None
        Spikes that are not listed any more, by cell.
    voltage_mV : float32 (m,) or None
        Voltage at ``t_ms`` of every node of the wanted cells, one cell after the other.
    voltage_cells : tuple of int
        The cells ``voltage_mV`` is of.
    samples : tuple of Samples
        Traces in this stretch.
    acts : tuple of Act
        What took effect at ``start_ms``.
    merged : int
        Frames this one was made of.
    """

    start_ms: float
    t_ms: float
    cells: NDArray[np.int64]
    times_ms: Floats
    counts: NDArray[np.int64] | None = None
    voltage_mV: NDArray[np.float32] | None = None
    voltage_cells: tuple[int, ...] = ()
    samples: tuple[Samples, ...] = ()
    acts: tuple[Act, ...] = ()
    merged: int = 1

    @property
    def spikes_n(self) -> int:
        """Number of spikes, listed or counted."""
        return len(self.cells) + (0 if self.counts is None else int(self.counts.sum()))


@dataclass(frozen=True)
class Wishes:
    """What a watcher wants: whole cells' voltages in every frame, and compartments traced at every step."""

    voltage_cells: tuple[int, ...] = ()
    traces: tuple[Place, ...] = ()


@dataclass
class Progress:
    """How far the run is: for the status line."""

    t_ms: float = 0.0
    until_ms: float = float("nan")
    running: bool = False
    paused: bool = False
    finished: bool = False
    times_real_time: float = 0.0
    spikes_n: int = 0
    warnings: list[str] = field(default_factory=list)


def merged(frames: Sequence[Frame], cells_n: int, most_spikes: int = MOST_SPIKES) -> Frame:
    """Return one frame for several that follow one another; spikes beyond ``most_spikes`` become counts."""
    if len(frames) == 1:
        return frames[0]
    last = next((f for f in reversed(frames) if f.voltage_mV is not None), frames[-1])
    cells, times = np.concatenate([f.cells for f in frames]), np.concatenate([f.times_ms for f in frames])
    known = [f.counts for f in frames if f.counts is not None]
    counts = np.sum(known, axis=0) if known else None
    if len(cells) > most_spikes or counts is not None:
        more = np.bincount(cells, minlength=cells_n)
        counts = more if counts is None else counts + more
        cells, times = np.empty(0, np.int64), np.empty(0)
    return Frame(
        start_ms=frames[0].start_ms,
        t_ms=frames[-1].t_ms,
        cells=cells,
        times_ms=times,
        counts=counts,
        voltage_mV=last.voltage_mV,
        voltage_cells=last.voltage_cells,
        samples=tuple(s for f in frames for s in f.samples)[-MOST_FRAMES:],
        acts=tuple(a for f in frames for a in f.acts),
        merged=sum(f.merged for f in frames),
    )


class Broadcast:
    """The bounded queue between a run and its watchers; every method may be called from any thread.

    Parameters
    ----------
    cells_n : int
        Cells of the simulation.
    most_frames : int
        Frames that are kept apart.
    """

    def __init__(self, cells_n: int, *, most_frames: int = MOST_FRAMES, most_spikes: int = MOST_SPIKES) -> None:
        self.cells_n, self._most_frames, self._most_spikes = cells_n, most_frames, most_spikes
        self.progress = Progress()
        self._frames: list[Frame] = []
        self._asked: list[Act] = []
        self._wishes = Wishes()
        self._worlds: list[World] = []
        self._handlers: dict[str, Handler] = {}
        self._go = threading.Event()
        self._go.set()
        self._news = threading.Condition()
        self.closed = False

    # --- the simulation's side --------------------------------------------------------------------------------------

    def put(self, frame: Frame) -> None:
        """Add a frame; merges what was not taken, never waits."""
        with self._news:
            self._frames.append(frame)
            listed = sum(len(f.cells) for f in self._frames)
            if len(self._frames) > self._most_frames or listed > self._most_spikes:
                half = max(2, len(self._frames) // 2)
                first = merged(self._frames[:half], self.cells_n, self._most_spikes // 2)
                self._frames[:half] = [first]
            self._news.notify_all()

    def put_world(self, world: World) -> None:
        """Add a world; never waits. Of those that nobody takes every second is left out, and the last one stays."""
        with self._news:
            self._worlds.append(world)
            if len(self._worlds) > MOST_WORLDS:
                self._worlds = thinned(self._worlds, MOST_WORLDS // 2)
            self._news.notify_all()

    def handle(self, kind: str, function: Callable[[Act], None], *, names: Sequence[str] = ()) -> None:
        """Have acts of a kind carried out by a function, in the simulation's thread between two windows.

        Parameters
        ----------
        kind : str
            Not one of ``OWN_ACTS``. Another function for the same kind takes the place of the first.
        function : callable
            Takes the act; raises ``ModelError`` where it cannot be done, which becomes a warning.
        names : sequence of str
            What it can be done to (``"head"``, ``"tail"``); none: it is done to a cell, ``act.place``.
        """
        if kind in OWN_ACTS or not kind.isidentifier():
            raise ModelError(f"handle({kind!r}): allowed: a word that is none of {', '.join(OWN_ACTS)}")
        with self._news:
            self._handlers = {**self._handlers, kind: Handler(function, tuple(names))}

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """Which acts the run knows beside ``OWN_ACTS``."""
        return self._handlers

    @property
    def wishes(self) -> Wishes:
        """What is wanted now."""
        return self._wishes

    def asked(self) -> list[Act]:
        """Return the acts asked for since the last call."""
        with self._news:
            asked, self._asked = self._asked, []
        return asked

    def wait_while_paused(self, timeout_s: float) -> bool:
        """Return True at once when the run may go on, False when it is still paused after ``timeout_s``."""
        return self._go.wait(timeout_s)

    # --- the watchers' side -----------------------------------------------------------------------------------------

    def take(self, timeout_s: float = 0.0) -> list[Frame]:
        """Return the frames since the last call, waiting up to ``timeout_s`` for the first."""
        with self._news:
            if not self._frames and timeout_s > 0.0:
                self._news.wait(timeout_s)
            frames, self._frames = self._frames, []
        return frames

    def take_worlds(self) -> list[World]:
        """Return the worlds since the last call, in order of time; at once."""
        with self._news:
            worlds, self._worlds = self._worlds, []
        return worlds

    def want(self, *, voltage_cells: Sequence[int] | None = None, traces: Sequence[Place] | None = None) -> None:
        """Say whose voltage is wanted in the next frames, and which compartments are to be traced."""
        with self._news:
            now = self._wishes
            cells = now.voltage_cells if voltage_cells is None else tuple(voltage_cells)
            self._wishes = Wishes(cells, now.traces if traces is None else tuple(traces))

    def ask(self, act: Act) -> None:
        """Ask for an act; it takes effect at the next window and is then in a frame."""
        with self._news:
            self._asked.append(act)

    def pause(self) -> None:
        """Hold the run at the end of its window."""
        self.progress.paused = True
        self._go.clear()

    def resume(self) -> None:
        """Let it go on."""
        self.progress.paused = False
        self._go.set()

    def close(self) -> None:
        """Let the run go its way: nobody watches any more."""
        self.closed = True
        self.resume()
