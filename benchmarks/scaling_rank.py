"""One process of a scaling run in neurosim: builds the network, runs it, leaves its numbers (``rank_meter.launch``)."""

from __future__ import annotations

import time
from typing import Any

from common import commit, model
from rank_meter import Meter, leave
from scaling_networks import arguments, build

from neurosim.cli import neurosim_version
from neurosim.exchange import SerialExchange
from neurosim.model.point import SpikeTrain

_WARM_CELLS = 32


def main() -> None:
    args = arguments()
    exchange = SerialExchange() if args.exchange == "none" else _mpi(args)
    build(args, min(args.cells, _WARM_CELLS)).run(until_ms=2 * args.dt, progress=False)
    before_B = _resident_B()
    start_s = time.perf_counter()
    meter = Meter(exchange)
    sim = build(args, args.cells, meter)
    sim.build()
    build_s = time.perf_counter() - start_s
    memory_B = _resident_B() - before_B

    # Nobody begins before all are ready; what was noted while building does not count.
    meter.smallest(0.0)
    meter.came.clear()
    meter.left.clear()
    begun_s = time.monotonic()
    sim.run(until_ms=args.tstop, progress=False)
    # The run ends for all when it ends for the last.
    meter.smallest(0.0)
    run_s = time.monotonic() - begun_s
    leave(
        args.folder,
        meter.rank,
        {
            "ranks": meter.size,
            "tstop_ms": args.tstop,
            "threads": args.threads,
            "overlap": meter.overlap,
            "network": _numbers(args, sim),
            "spikes": len(sim.spikes.gids),
            "hash": _sum(sim),
            "build_s": build_s,
            "run_s": run_s,
            "came": meter.came,
            "left": meter.left,
            "memory_B": memory_B,
            "max_rss_mb": model.rss_mb(),
            "version": neurosim_version(),
            "commit": commit(),
        },
    )


def _mpi(args: Any) -> Any:
    from neurosim.hpc import mpi_exchange

    return mpi_exchange(args.exchange, overlap=args.overlap)


def _numbers(args: Any, sim: Any) -> dict[str, float]:
    """Return what a forecast needs of the network, its rate apart, which the spikes of all ranks tell."""
    from neurosim.hpc.given import Given
    from neurosim.hpc.network_size import size_of

    found = size_of(sim.cells, sim.connections, args.dt, Given(1.0, "assumed", "set afterwards"), args.network)
    numbers = dict(found)
    # Steps of a window that is not halved: what fires in it acts in the next.
    return numbers | {"trains": float(sum(isinstance(cell, SpikeTrain) for cell in sim.cells))}


def _sum(sim: Any) -> float:
    """Return a number that other spikes hardly have: independent of which rank has them."""
    return float((sim.spikes.times_ms * (1.0 + sim.spikes.gids)).sum())


def _resident_B() -> float:
    """Return the resident memory of this process."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return float(file.read().split()[1]) * 4096.0


main()
