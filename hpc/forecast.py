r"""How long a network takes on so many nodes, and what it needs: a model of one window between two exchanges.

A window is one smallest delay D of n = D/dt steps. N cells of C compartments and S synapses fire at f on R ranks, whose
share of the cores is c each; the two coincide with nodes when there is one rank a node::

    T_comp = max(N/(R c), 1) C t_C n B         B = max(1 + cv, largest cell / mean share of a core)
             or 2 N/R C b_C / BW when the state (N/R C b_C) is larger than the cache, whichever is longer
    T_ev   = S N/R f D t_ev / c (1 + cv)
    G      = N f D                             spikes of a window
    U      = N (1 - exp(-S/R)),  r = G U/N     sources a rank must hear, spikes that it needs
    T_ex   = a ceil(log2 R) + s G b            allgather
             a min(R-1, S N/R) + s r b         neighbour
             2 a sqrt(R) + 2 s r b             two-level; the least of the three, unless one is chosen
    T_look = (G or r) t_look / c
    T_wait = cv (T_comp + T_ev) sqrt(2 ln R)   expected maximum of R spread times, R at least 2
    T      = max(T_comp + T_ev, T_ex) + T_look + T_wait    (a sum instead of max without overlap)
    M      = N/R C b_C + S N/R b_S + U b_U + N b_N + 16 R + 2 s (G or r)

Symbols and their numbers: ``machine.py``, ``network_size.py``; what the model rests on, and how far to trust it:
docs/scale.md. State passes twice a window through memory, not in every step, because the engine advances a group of
cells through the whole window while it is in the cache. On a single core nobody waits: cv does not count there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from neurosim.errors import NeurosimError
from neurosim.hpc.given import Sheet

WAYS: Final = ("allgather", "neighbour", "two-level")
"""Exchanges of spikes; ``neurosim.hpc.mpi_exchange`` has them under these names."""

FULL: Final = 0.9
"""Part of a node's memory that may be used."""

LIMITS: Final = (
    "Not in the forecast: contention of the network, noise of the operating system beyond the jitter, input and "
    "output, the time to build the network. Cells are not split: no run is faster than its largest cell."
)

_DIRECTORY_B = 16.0
_PASSES = 2.0
_J_PER_KWH = 3.6e6


@dataclass(frozen=True)
class Layout:
    """Nodes, ranks and threads of a run.

    Parameters
    ----------
    nodes, tasks_per_node : int
        Nodes, and ranks on each.
    threads : int
        Threads of a rank; 0: its share of the cores.
    way : str
        One of ``WAYS``, or ``auto`` for the quickest.
    overlap : bool
        Whether spikes travel while the next window is computed.
    """

    nodes: int
    tasks_per_node: int = 1
    threads: int = 0
    way: str = "auto"
    overlap: bool = True

    def __post_init__(self) -> None:
        for name in ("nodes", "tasks_per_node"):
            if getattr(self, name) < 1:
                raise NeurosimError(f"{name}={getattr(self, name)} is not allowed; give at least 1")
        if self.threads < 0:
            raise NeurosimError(f"threads={self.threads} is not allowed; give at least 1, or 0 for all cores")
        if self.way not in (*WAYS, "auto"):
            raise NeurosimError(f"exchange={self.way!r} is not allowed; allowed: auto, {', '.join(WAYS)}")

    @property
    def ranks(self) -> int:
        """Number of all ranks."""
        return self.nodes * self.tasks_per_node


@dataclass(frozen=True)
class Forecast:
    """One row of the table. Times are those of one window, in s.

    Parameters
    ----------
    layout : Layout
        What it is for; ``way`` is the exchange that was taken.
    window_ms : float
        Length of a window.
    computing_s, events_s, exchange_s, lookup_s, waiting_s, total_s : float
        Parts of a window, and the whole.
    memory_B : float
        Needed by a node.
    traffic_B : float
        Received by a node in a window.
    power_W : float
        Of all nodes.
    price : float
        Of a second of the network; 0 where no price is known.
    bound : str
        What decides T_comp: ``cells``, ``largest cell`` or ``memory bandwidth``.
    fits : bool
        Whether the memory suffices.
    there : bool
        Whether the machine has so many nodes.
    """

    layout: Layout
    window_ms: float
    computing_s: float
    events_s: float
    exchange_s: float
    lookup_s: float
    waiting_s: float
    total_s: float
    memory_B: float
    traffic_B: float
    power_W: float
    price: float
    bound: str
    fits: bool
    there: bool

    @property
    def slowdown(self) -> float:
        """Seconds of computing for a second of the network."""
        return self.total_s / (self.window_ms * 1e-3)

    @property
    def exchange_frac(self) -> float:
        """Exchange as a part of all that a window consists of, hidden behind computing or not."""
        parts_s = self.computing_s, self.events_s, self.exchange_s, self.lookup_s, self.waiting_s
        return self.exchange_s / sum(parts_s)

    @property
    def energy_kWh(self) -> float:
        """Energy for a second of the network."""
        return self.slowdown * self.power_W / _J_PER_KWH


def forecast(machine: Sheet, network: Sheet, layout: Layout) -> Forecast:
    """Return what a network takes on so many nodes.

    Parameters
    ----------
    machine : Sheet
        Kind of node (``read_machine``).
    network : Sheet
        Numbers of the network (``read_network``, ``size_of``).
    layout : Layout
        Nodes, ranks, threads, exchange.
    """
    m, w, ranks = machine, network, layout.ranks
    cores = _cores(machine, layout)
    spread = m["jitter_frac"] if cores * ranks > 1.0 else 0.0
    window_s = w["delay_ms"] * 1e-3
    computing_s, bound = _computing_s(machine, network, layout, cores, spread)
    cells_here = w["cells"] / ranks
    synapses_here = cells_here * w["synapses"]
    events_s = synapses_here * w["rate_Hz"] * window_s * m["event_ns"] * 1e-9 / cores * (1.0 + spread)

    fired = w["cells"] * w["rate_Hz"] * window_s
    sources = w["cells"] * -math.expm1(-w["synapses"] / ranks)
    needed = fired * sources / w["cells"]
    ways = _ways_s(machine, network, layout, fired, needed)
    way = min(ways, key=lambda name: ways[name]) if layout.way == "auto" else layout.way
    heard = fired if way == "allgather" else needed
    lookup_s = heard * m["lookup_ns"] * 1e-9 / cores
    waiting_s = spread * (computing_s + events_s) * math.sqrt(2.0 * math.log(max(ranks, 2)))
    busy_s = max(computing_s + events_s, ways[way]) if layout.overlap else computing_s + events_s + ways[way]
    total_s = busy_s + lookup_s + waiting_s

    state_B = cells_here * w["compartments"] * m["compartment_B"] + synapses_here * m["synapse_B"]
    known_B = w["cells"] * m["cell_B"] + sources * m["source_B"] + _DIRECTORY_B * ranks
    rank_B = state_B + known_B + 2.0 * m["spike_B"] * heard
    memory_B = rank_B * layout.tasks_per_node
    return Forecast(
        layout=Layout(layout.nodes, layout.tasks_per_node, layout.threads, way, layout.overlap),
        window_ms=w["delay_ms"],
        computing_s=computing_s,
        events_s=events_s,
        exchange_s=ways[way],
        lookup_s=lookup_s,
        waiting_s=waiting_s,
        total_s=total_s,
        memory_B=memory_B,
        traffic_B=0.0 if ranks == 1 else m["spike_B"] * heard * layout.tasks_per_node,
        power_W=m["power_W"] * layout.nodes,
        price=m["price_per_node_h"] * layout.nodes * total_s / window_s / 3600.0,
        bound=bound,
        fits=memory_B <= FULL * m["memory_GiB"] * 2**30,
        there=m["nodes_most"] == 0.0 or layout.nodes <= m["nodes_most"],
    )


def crowded(machine: Sheet, layout: Layout) -> bool:
    """Return whether a node has more threads than cores."""
    return max(layout.threads, 1) * layout.tasks_per_node > machine["cores"]


def _cores(machine: Sheet, layout: Layout) -> float:
    """Return the cores that a rank has for itself; a part of one when there are more ranks than cores."""
    share = machine["cores"] / layout.tasks_per_node
    return min(float(layout.threads), share) if layout.threads else share


def _computing_s(machine: Sheet, network: Sheet, layout: Layout, cores: float, spread: float) -> tuple[float, str]:
    """Return T_comp and what decides it."""
    steps = network["delay_ms"] / network["dt_ms"]
    here = network["cells"] / layout.ranks
    share = max(here / cores, 1.0 / min(cores, 1.0))
    uneven = network["largest"] / max(here / cores, 1.0)
    cell_s = network["compartments"] * network["work"] * machine["compartment_ns"] * 1e-9
    computing_s = share * cell_s * steps * max(1.0 + spread, uneven)
    bound = "cells" if 1.0 + spread >= uneven else "largest cell"
    state_B = here * layout.tasks_per_node * network["compartments"] * machine["compartment_B"]
    if state_B > machine["cache_MiB"] * 2**20:
        moving_s = _PASSES * state_B / (machine["bandwidth_GB_per_s"] * 1e9)
        if moving_s > computing_s:
            return moving_s, "memory bandwidth"
    return computing_s, bound


def _ways_s(machine: Sheet, network: Sheet, layout: Layout, fired: float, needed: float) -> dict[str, float]:
    """Return T_ex of each way."""
    ranks = layout.ranks
    if ranks == 1:
        return dict.fromkeys(WAYS, 0.0)
    within = layout.nodes == 1
    latency_s = machine["local_latency_us" if within else "latency_us"] * 1e-6
    if crowded(machine, layout):
        latency_s = max(latency_s, machine["crowded_latency_us"] * 1e-6)
    s_per_B = 1e-9 / machine["local_GB_per_s" if within else "network_GB_per_s"]
    size_B = machine["spike_B"]
    partners = min(ranks - 1.0, network["synapses"] * network["cells"] / ranks)
    return {
        "allgather": latency_s * math.ceil(math.log2(ranks)) + size_B * fired * s_per_B,
        "neighbour": latency_s * partners + size_B * needed * s_per_B,
        "two-level": 2.0 * latency_s * math.sqrt(ranks) + 2.0 * size_B * needed * s_per_B,
    }
