"""What the processes of a run do and see for those who watch: acts, spikes, wanted voltages, traces.

``Live``, which is in process 0 only, turns it into frames. Every process has a ``Crew``: process 0 says what is wanted
(``Orders``), each does and sees its part (``Lookout``), and process 0 gets the parts (``Sight``) put together.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.broadcast import Act, Place, Samples, Wishes
from neurosim.engine.engine import Engine
from neurosim.engine.observe import Probe
from neurosim.engine.request import Window
from neurosim.errors import ModelError
from neurosim.exchange import Exchange
from neurosim.model.point import SpikeTrain

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Orders:
    """What is to be done before a window, and seen in it; ``watched`` is false where nobody looks."""

    watched: bool = False
    acts: tuple[Act, ...] = ()
    wishes: Wishes = field(default_factory=Wishes)

    def packed(self) -> bytes:
        """Return this as bytes."""
        acts = [[a.kind, a.place.cell, a.place.node, a.amplitude_nA, a.name] for a in self.acts]
        traces = [[p.cell, p.node] for p in self.wishes.traces]
        return json.dumps([self.watched, acts, list(self.wishes.voltage_cells), traces]).encode()

    @staticmethod
    def unpacked(message: bytes) -> Orders:
        """Return what ``packed`` packed."""
        watched, acts, cells, traces = json.loads(message)
        done = tuple(Act(kind, Place(cell, node), amp, name=name) for kind, cell, node, amp, name in acts)
        return Orders(watched, done, Wishes(tuple(cells), tuple(Place(cell, node) for cell, node in traces)))


@dataclass(frozen=True)
class Sight:
    """What was seen in a window.

    Parameters
    ----------
    cells, times_ms : int64 (n,), float64 (n,)
        Spikes in order of time, then of gid.
    voltage_mV : float32 (m,)
        Of every node of the wanted cells of this process, one cell after the other.
    trace_ms : float64 (k,)
        Times of the traces.
    traces_mV : float32 (k, places)
        Traces of the places of this process.
    """

    cells: NDArray[np.int64]
    times_ms: Floats
    voltage_mV: NDArray[np.float32]
    trace_ms: Floats
    traces_mV: NDArray[np.float32]

    def packed(self) -> bytes:
        """Return this as bytes."""
        out = io.BytesIO()
        for array in (self.cells, self.times_ms, self.voltage_mV, self.trace_ms, self.traces_mV):
            np.save(out, array, allow_pickle=False)
        return out.getvalue()

    @staticmethod
    def unpacked(message: bytes) -> Sight:
        """Return what ``packed`` packed."""
        given = io.BytesIO(message)
        return Sight(*(np.load(given, allow_pickle=False) for _ in range(5)))


class Lookout:
    """Follows wishes in one process.

    Parameters
    ----------
    owns : function
        Whether this process computes a cell.
    """

    def __init__(self, owns: Callable[[int], bool]) -> None:
        self.wishes = Wishes()
        self._owns = owns
        self._elements: NDArray[np.int64] = np.zeros(0, np.int64)
        self._engine: Engine | None = None

    def follow(self, engine: Engine, wishes: Wishes) -> None:
        """Look at these from the next window on; an engine that was built anew is told all."""
        now = self.wishes if engine is self._engine else Wishes()
        if wishes.traces != now.traces:
            engine.watch([Probe(p.cell, p.node, "v") for p in wishes.traces if self._owns(p.cell)])
        if wishes.voltage_cells != now.voltage_cells:
            found = [engine.layout.elements(cell) for cell in wishes.voltage_cells if self._owns(cell)]
            self._elements = np.concatenate(found) if found else np.zeros(0, np.int64)
        self.wishes, self._engine = wishes, engine

    def seen(self, engine: Engine, window: Window, before: int, requested: int) -> Sight:
        """Return what a window that began at step ``before`` shows; samples after ``requested`` are the traces."""
        times = engine.request.dt_ms * np.arange(before + 1, engine.step + 1, dtype=np.float64)
        columns = [c[: len(times)].astype(np.float32) for c in window.samples[requested:]]
        traces = np.stack(columns, axis=1) if columns else np.zeros((len(times), 0), np.float32)
        voltage = engine.layout.arrays["V"][self._elements].astype(np.float32)
        return Sight(window.gids, window.times_ms, voltage, times if self.wishes.traces else times[:0], traces)


class Crew:
    """The processes of a run as far as somebody watches them; every process has one and calls it in the same order.

    Parameters
    ----------
    exchange : Exchange
        The processes.
    owner : int32 (cells,)
        Which process computes each cell.
    nodes_n : function
        From a cell to the number of its nodes.
    """

    def __init__(self, exchange: Exchange, owner: NDArray[np.int32], nodes_n: Callable[[int], int]) -> None:
        self._exchange, self._owner, self._nodes_n = exchange, owner, nodes_n
        self.lookout = Lookout(lambda cell: int(owner[cell]) == exchange.rank)
        self.watched = False

    def obey(self, engine: Engine, orders: Orders) -> tuple[Act, ...]:
        """Do what process 0 says, in every process; return the acts with their time.

        Parameters
        ----------
        engine : Engine
            Of this process.
        orders : Orders
            What process 0 wants; those of others do not count.
        """
        told = orders if self._exchange.alone else Orders.unpacked(self._exchange.tell(orders.packed()))
        for act in told.acts:
            if int(self._owner[act.place.cell]) == self._exchange.rank:
                steer(engine, act)
        if told.watched or self.watched:
            self.lookout.follow(engine, told.wishes)
        self.watched = told.watched
        t_ms = engine.step * engine.request.dt_ms
        return tuple(replace(act, t_ms=t_ms) for act in told.acts)

    def report(self, sight: Sight) -> tuple[Sight, tuple[Samples, ...]] | None:
        """Return what all processes saw in a window, and its traces; None but in process 0."""
        if self._exchange.alone:
            return self._together([sight])
        parts = self._exchange.gather(sight.packed())
        return self._together([Sight.unpacked(part) for part in parts]) if parts else None

    def _together(self, sights: Sequence[Sight]) -> tuple[Sight, tuple[Samples, ...]]:
        wishes, of = self.lookout.wishes, [0] * len(sights)
        voltages, columns = [np.zeros(0, np.float32)], []
        for cell in wishes.voltage_cells:
            k, n = int(self._owner[cell]), self._nodes_n(cell)
            voltages.append(sights[k].voltage_mV[of[k] : of[k] + n])
            of[k] += n
        of = [0] * len(sights)
        for place in wishes.traces:
            k = int(self._owner[place.cell])
            columns.append(sights[k].traces_mV[:, of[k]])
            of[k] += 1
        cells, times = np.concatenate([s.cells for s in sights]), np.concatenate([s.times_ms for s in sights])
        order = np.lexsort((cells, times))
        first = sights[0]
        whole = Sight(cells[order], times[order], np.concatenate(voltages), first.trace_ms, first.traces_mV)
        if not columns or not len(first.trace_ms):
            return whole, ()
        return whole, (Samples(wishes.traces, first.trace_ms, np.stack(columns, axis=1)),)


def check_act(cells: Sequence[Any], act: Act) -> None:
    """Refuse what cannot be done to the cells of a simulation.

    Raises
    ------
    ModelError
        No such cell, node or kind of act, or a current that is not finite.
    """
    cell, node = act.place.cell, act.place.node
    if not 0 <= cell < len(cells):
        raise ModelError(f"{act.kind}: cell {cell} is not there; allowed: 0 to {len(cells) - 1}")
    if isinstance(cells[cell], SpikeTrain):
        raise ModelError(f"{act.kind}: cell {cell} is a SpikeTrain; its spikes are given")
    if act.kind == "inject":
        tree = getattr(cells[cell], "tree", None)
        if tree is None:
            raise ModelError(f"inject: cell {cell} is a point cell and has no compartments; choose a Cell")
        if not 0 <= node < len(tree):
            raise ModelError(f"inject: node {node} is not in cell {cell}; allowed: 0 to {len(tree) - 1}")
        if not math.isfinite(act.amplitude_nA):
            raise ModelError(f"inject: amplitude_nA={act.amplitude_nA} is not allowed; it must be finite")
    elif act.kind not in ("silence", "release"):
        raise ModelError(f"act {act.kind!r} is not known; allowed: inject, silence, release")


def steer(engine: Engine, act: Act) -> None:
    """Do an act that ``check_act`` allows, between two windows."""
    if act.kind == "inject":
        engine.steering.inject(act.place.cell, act.place.node, act.amplitude_nA)
    else:
        engine.steering.silence(act.place.cell, act.kind == "silence")
