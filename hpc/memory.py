"""Bytes of a rank: by a formula before it is built, counted from an engine's arrays after, and as the system sees it.

Formula: ``C b_C + S b_S + U b_U + N b_N + 16 P`` for C compartments, S local synapses, U distinct sources of these,
N cells of the network and P ranks. hpc.md, 6.3, has it without N: each rank lists all cells, and where their
connections begin.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from neurosim.engine.engine import Engine
from neurosim.engine.events import RangeState
from neurosim.exchange import Floats
from neurosim.kernels import queue
from neurosim.model.cell import Cell, CellRecord
from neurosim.model.connections import Connections, Couplings
from neurosim.model.point import PointCell, SpikeTrain

T = TypeVar("T")

FORMULA: Final = "C b_C + S b_S + U b_U + N b_N + 16 P"

_DESCRIPTION = (Cell, CellRecord, Connections, Couplings, PointCell, SpikeTrain)
_EVENT_B, _ITEM_B, _SPIKE_B, _WORD_B = 16, 56, 16, 8


@dataclass(frozen=True)
class Bytes:
    """Bytes of what a rank holds.

    Parameters
    ----------
    compartment : float
        A compartment with the channels of Hodgkin and Huxley: measured, 212 B.
    synapse : float
        A local synapse and its row of the description: measured, 52 B where synapses of a compartment are summed in one
        state; 174 B where each has three states and three parameters of its own.
    source : float
        A distinct source of local synapses, in the exchange's directory: assumed, 16 B.
    cell : float
        A cell of the network, wherever it is: measured, 104 B.
    rank : float
        A rank of the run: assumed, 16 B.

    Notes
    -----
    Measured by ``benchmarks/rank_memory.py``.
    """

    compartment: float = 212.0
    synapse: float = 52.0
    source: float = 16.0
    cell: float = 104.0
    rank: float = 16.0

    def of_rank(self, compartments: Floats, synapses: Floats, sources: Floats, cells_n: int, ranks: int) -> Floats:
        """Return the bytes of ranks with so much, float64 like the arguments; all hear of ``cells_n`` cells."""
        same = cells_n * self.cell + ranks * self.rank
        return compartments * self.compartment + synapses * self.synapse + sources * self.source + same


@dataclass(frozen=True)
class Footprint:
    """Bytes of an engine's arrays by what they are for.

    Parameters
    ----------
    nodes : int
        Cable: voltages, matrix, geometry, blocks.
    mechanisms : int
        Fields and tables of mechanisms, ions.
    wires : int
        Connections by source.
    events : int
        Queues and rings: they grow with what is on its way.
    rest : int
        Detectors, recordings, plans.
    description : int
        Arrays of the cells and connections from which the engine was made.
    compartments_n, synapses_n, sources_n : int
        Of this rank.
    """

    nodes: int
    mechanisms: int
    wires: int
    events: int
    rest: int
    description: int
    compartments_n: int
    synapses_n: int
    sources_n: int

    @property
    def engine(self) -> int:
        """Bytes of all but the description."""
        return self.nodes + self.mechanisms + self.wires + self.events + self.rest

    def text(self) -> str:
        """Return two lines for people."""
        parts = ", ".join(
            f"{name} {getattr(self, name) / 2**20:.2f}"
            for name in ("nodes", "mechanisms", "wires", "events", "rest", "description")
        )
        each = f"{(self.nodes + self.mechanisms) / max(1, self.compartments_n):,.0f} B a compartment"
        if self.synapses_n:
            each += f", {self.wires / self.synapses_n:,.1f} B a local synapse ({self.synapses_n:,})"
        return f"engine {self.engine / 2**20:.2f} MiB ({parts} MiB)\n{each}; {self.sources_n:,} sources"


def footprint(engine: Engine) -> Footprint:
    """Count the bytes of an engine's arrays; an array that two share is counted once.

    Python's own objects and the exchange's buffers are not counted: see ``resident_B``.
    """
    request = engine.request
    seen = {id(engine.exchange)}
    description = _count([request.cells, request.connections, request.couplings], seen, whole=True)
    wires = _count([r.range.wires for r in engine.ranges], seen)
    events = _count([engine.ranges], seen) + sum(_grown(r) for r in engine.ranges)
    # Mechanisms refer to the nodes' arrays too.
    nodes = _count([engine.layout], seen)
    mechanisms = _count([engine.channels, engine.ions], seen)
    rest = _count([vars(engine)], seen)
    cells = [c for c in request.cells if isinstance(c, CellRecord)]
    sources = [np.unique(t.source_gid) for t in request.connections]
    return Footprint(
        nodes=nodes,
        mechanisms=mechanisms,
        wires=wires,
        events=events,
        rest=rest,
        description=description,
        compartments_n=sum(len(c.tree) for c in cells) + sum(isinstance(c, PointCell) for c in request.cells),
        synapses_n=sum(len(t) for t in request.connections),
        sources_n=len(np.unique(np.concatenate([np.zeros(0, np.int32), *sources]))),
    )


def _grown(r: RangeState) -> int:
    """Return the bytes that queues of a range got from C."""
    words = r.words
    return int(
        _EVENT_B * int(r._bins[:, 1].sum())
        + _ITEM_B * int(r._heaps[:, 1].sum())
        + _SPIKE_B * int(words[queue.SPIKES_ROOM])
        + _EVENT_B * int(words[queue.SORTED_ROOM])
        + _WORD_B * int(words[queue.ENDS_ROOM])
    )


def _count(things: list[Any], seen: set[int], *, whole: bool = False) -> int:
    """Return the bytes of the arrays within ``things`` that were not seen; ``whole`` enters descriptions too."""
    total = 0
    # What is entered must live on: marks are addresses.
    pending = list(things)
    while pending:
        thing = pending.pop()
        if id(thing) in seen:
            continue
        if isinstance(thing, np.ndarray):
            owner = _owner(thing)
            if id(owner) not in seen:
                seen.add(id(owner))
                total += owner.nbytes
        elif whole or not isinstance(thing, _DESCRIPTION):
            inside = list(_inside(thing))
            if inside:
                seen.add(id(thing))
                pending += inside
    return total


def _owner(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _inside(thing: Any) -> Iterator[Any]:
    """Yield what containers and objects of neurosim hold."""
    if isinstance(thing, dict):
        yield from thing.values()
    elif isinstance(thing, list | tuple | set | frozenset):
        yield from thing
    elif is_dataclass(thing) and not isinstance(thing, type):
        yield from (getattr(thing, f.name) for f in fields(thing))
    elif type(thing).__module__.startswith("neurosim.") and not isinstance(thing, type):
        yield from getattr(thing, "__dict__", {}).values()


# --- the process ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Built:
    """What building something took: bytes of Python's and NumPy's memory, at the most and in the end."""

    peak_B: int
    final_B: int

    @property
    def ratio(self) -> float:
        """Peak over final size."""
        return self.peak_B / max(1, self.final_B)


def traced(build: Callable[[], T]) -> tuple[T, Built]:
    """Build something and return it with what it took; slow, but exact (``tracemalloc``).

    What stood before is not counted.
    """
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        made = build()
        _, peak = tracemalloc.get_traced_memory()
        gc.collect()
        final, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return made, Built(peak - before, final - before)


def resident_B() -> tuple[int, int]:
    """Return the process's resident bytes now and at the most; (0, 0) where the system does not tell."""
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0, 0
    found = dict(line.split(":", 1) for line in text.splitlines() if line.startswith(("VmRSS", "VmHWM")))
    now, peak = (int(found.get(name, "0 kB").split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    return now, peak


def forget_peak() -> bool:
    """Begin to count the most resident bytes anew; return whether the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True
