"""One process plays one rank of many: it builds what that rank would hold, and hears spikes that nobody fired.

Memory and computing are those of the rank; messages are left out. Spikes of the other ranks come at a rate that is
given, or at that of the rank's own cells. Kunkel and Schenck 2017, doi:10.3389/fninf.2017.00040, and Arbor's dry-run
mode do the like.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from neurosim.engine.build import compiled
from neurosim.engine.request import Request
from neurosim.engine.timing import timing_of
from neurosim.errors import ModelError, SimulationError
from neurosim.exchange import Floats, Longs, Owners, SerialExchange
from neurosim.hpc.memory import Footprint, footprint, forget_peak, resident_B
from neurosim.hpc.partition import partition
from neurosim.simulation import Simulation

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


@dataclass(frozen=True)
class DryReport:
    """What playing a rank showed.

    Parameters
    ----------
    ranks, rank : int
        Of so many, this one.
    choice : str
        How it was chosen.
    cells_n, all_cells_n : int
        Cells of the rank, and of all.
    load_over_mean, heaviest_over_mean : float
        Its load, and that of the heaviest rank.
    memory : Footprint
        Bytes of its engine.
    resident_B, peak_B : int
        Growth of the process by describing and building, and the most on the way; peak 0 where the system does not
        tell.
    build_s : float
        Time to describe and build, compiling included.
    simulated_ms, run_s : float
        Time that was played, and what it took.
    window_ms : float
        Time between two exchanges.
    rate_Hz : float, optional
        Rate of the others; None: that of the rank's own cells.
    heard_n, arrived_n, own_spikes_n : int
        Cells elsewhere whose spikes act here, spikes that came from them, spikes of its own.
    """

    ranks: int
    rank: int
    choice: str
    cells_n: int
    all_cells_n: int
    load_over_mean: float
    heaviest_over_mean: float
    memory: Footprint
    resident_B: int
    peak_B: int
    build_s: float
    simulated_ms: float
    run_s: float
    window_ms: float
    rate_Hz: float | None
    heard_n: int
    arrived_n: int
    own_spikes_n: int

    @property
    def slowdown(self) -> float:
        """Seconds of computing for a second of the network, without messages."""
        return self.run_s / (self.simulated_ms * 1e-3)

    def text(self) -> str:
        """Return the report, some lines."""
        rate = "at the rate of its own cells" if self.rate_Hz is None else f"at {self.rate_Hz:g} Hz"
        lines = [
            f"dry run: rank {self.rank:,} of {self.ranks:,} ({self.choice}); messages are left out",
            f"  cells: {self.cells_n:,} of {self.all_cells_n:,}; load {self.load_over_mean:.4f} of the mean, heaviest "
            f"{self.heaviest_over_mean:.4f}",
            *(f"  {line}" for line in self.memory.text().splitlines()),
            f"  building: {self.build_s:.2f} s{self._grown()}",
            f"  spikes: {self.arrived_n:,} from {self.heard_n:,} cells elsewhere {rate}, {self.own_spikes_n:,} own",
            f"  time: {self.run_s:.3f} s for {self.simulated_ms:g} ms in windows of {self.window_ms:g} ms, "
            f"{self.slowdown:,.3g} s of computing for a second",
        ]
        return "\n".join(lines)

    def _grown(self) -> str:
        if not self.peak_B:
            return f"; process {self.resident_B / 2**20:+.1f} MiB"
        return f"; process {self.resident_B / 2**20:+.1f} MiB, {self.peak_B / 2**20:+.1f} MiB at the most"


def dry_run(
    build: Callable[[DryExchange], Simulation],
    ranks: int,
    rank: int | str = "heaviest",
    ms: float = 10.0,
    *,
    rate_Hz: float | None = 5.0,
    overlap: bool = False,
    seed: int = 0,
) -> DryReport:
    """Play one rank: build what it would hold, run it in whole windows, and report.

    Parameters
    ----------
    build : function
        Makes the simulation for an exchange: ``lambda ex: ns.Simulation(net, exchange=ex)``. It describes the model
        as every rank would, and does not run it.
    ranks : int
        Number of ranks.
    rank : int or str
        As in ``DryExchange``.
    ms : float
        Time to play; rounded up to whole windows.
    rate_Hz, overlap, seed
        As in ``DryExchange``.

    Raises
    ------
    ModelError
        Ranks, rank or rate that cannot be; a simulation that does not use the exchange.
    SimulationError
        ``ms`` is not above 0, or the rank became unstable.
    """
    if not (np.isfinite(ms) and ms > 0.0):
        raise SimulationError(f"dry run: ms={ms} is not allowed; give a time above 0")
    exchange = DryExchange(ranks, rank, rate_Hz, overlap=overlap, seed=seed)
    knows = forget_peak()
    before, _ = resident_B()
    begun = time.perf_counter()
    sim = build(exchange)
    _expect(sim, exchange)
    engine = sim.build()
    engine.compile()
    build_s = time.perf_counter() - begun
    after, peak = resident_B()
    window, own = engine.timing.window, 0
    windows = max(1, int(np.ceil(ms / (window * sim.dt_ms) - 1e-9)))
    begun = time.perf_counter()
    for k in range(windows):
        exchange.begin(k * window, window, sim.dt_ms)
        result = engine.advance(window)
        if result.error is not None:
            raise result.error
        own += len(result.gids)
    run_s = time.perf_counter() - begun
    # Queues have grown by now.
    memory = footprint(engine)
    mean = float(exchange.loads.mean()) or 1.0
    return DryReport(
        ranks=ranks,
        rank=exchange.rank,
        choice=rank if isinstance(rank, str) else "by number",
        cells_n=int((exchange.owner == exchange.rank).sum()),
        all_cells_n=len(exchange.owner),
        load_over_mean=float(exchange.loads[exchange.rank]) / mean,
        heaviest_over_mean=float(exchange.loads.max()) / mean,
        memory=memory,
        resident_B=after - before,
        peak_B=peak - before if knows else 0,
        build_s=build_s,
        simulated_ms=windows * window * sim.dt_ms,
        run_s=run_s,
        window_ms=window * sim.dt_ms,
        rate_Hz=rate_Hz,
        heard_n=exchange.heard_n,
        arrived_n=exchange.arrived_n,
        own_spikes_n=own,
    )


def _expect(sim: Simulation, exchange: DryExchange) -> None:
    """Let the others have the delays of all connections that are described, which decide on the windows of all."""
    every = Request(
        cells=sim._records(),
        points=[],
        gates=[],
        probes=[],
        dt_ms=sim.dt_ms,
        celsius_degC=sim.celsius_degC,
        v_init_mV=sim.v_init_mV,
        connections=sim.connections,
    )
    timing = timing_of(every, SerialExchange())
    # In the order in which the engine asks. Settling who owns what asks nothing.
    if not len(sim.owner) or not len(exchange.owner):
        raise ModelError("dry run: build() must give the simulation its exchange, which shares out the cells")
    exchange.expect(timing.window, -timing.longest)
