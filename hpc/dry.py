"""One process plays one rank of many: it builds what that rank would hold, and hears spikes that nobody fired.

Memory and computing are those of the rank; messages are left out. Spikes of the other ranks come at a rate that is
given, or at that of the rank's own cells. Kunkel and Schenck 2017, doi:10.3389/fninf.2017.00040, and Arbor's dry-run
mode do the like.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurosim.engine.request import Request
from neurosim.engine.timing import timing_of
from neurosim.errors import ModelError, SimulationError
from neurosim.exchange import SerialExchange
from neurosim.hpc.dry_exchange import CHOICES, DryExchange
from neurosim.hpc.memory import Footprint, footprint, forget_peak, resident_B
from neurosim.simulation import Simulation

__all__ = ["CHOICES", "DryExchange", "DryReport", "dry_run"]


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
