"""One process of the ring in NEURON with its own MPI: cells dealt out in turn, fixed step, first order.

The model is that of ``ring_neuron.py`` of the shared benchmarks, of which each process builds its own cells. NEURON's
wheel finds MPI by ``MPI_LIB_NRN_PATH``.
"""

from __future__ import annotations

import os
import time
from typing import Any

from common import model
from rank_meter import leave
from scaling_networks import arguments
from with_neuron import cell


def main() -> None:
    args = arguments()
    os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")
    from neuron import h

    if args.exchange != "none":
        h.nrnmpi_init()
    h.load_file("stdrun.hoc")
    h.celsius = model.CELSIUS
    h.usetable_hh = 1 if args.hh_table == "on" else 0
    context = h.ParallelContext()
    start_s = time.perf_counter()
    kept, compartments = _built(args, h, context)
    times, gids = h.Vector(), h.Vector()
    context.spike_record(-1, times, gids)
    context.set_maxstep(10)
    h.dt, h.steps_per_ms = args.dt, 1.0 / args.dt
    h.finitialize(model.V_INIT)
    h.dt = args.dt
    if h.secondorder != 0 or h.cvode_active():
        raise SystemExit("NEURON: the comparison wants the first-order fixed step.")
    build_s = time.perf_counter() - start_s
    context.barrier()
    begun_s = time.monotonic()
    context.psolve(args.tstop)
    context.barrier()
    run_s = time.monotonic() - begun_s
    leave(
        args.folder,
        int(context.id()),
        {
            "ranks": int(context.nhost()),
            "run_s": run_s,
            "build_s": build_s,
            "compartments": compartments,
            "spikes": len(times),
            "exchange_s": context.wait_time(),
            "max_rss_mb": model.rss_mb(),
            "version": h.nrnversion(0),
        },
    )
    context.barrier()
    if kept:
        h.quit() if args.exchange != "none" else os._exit(0)


def _built(args: Any, h: Any, context: Any) -> tuple[Any, int]:
    """Return what must be kept alive, and this process's compartments."""
    kept: list[Any] = []
    targets: dict[int, Any] = {}
    total = 0
    for gid in range(int(context.id()), args.cells, int(context.nhost())):
        sections = model.ring_tree(gid, args.depth)
        total += model.ncomp(sections)
        made = cell(h, f"c{gid}", sections, "pas")
        detector = h.NetCon(made[0](0.5)._ref_v, None, sec=made[0])
        detector.threshold = model.RING_THRESHOLD
        context.set_gid2node(gid, context.id())
        context.cell(gid, detector)
        main_synapse = _synapse(h, made[0](0.5))
        ghosts = [
            (_synapse(h, made[section](x)), source, delay_ms)
            for section, x, source, delay_ms in model.ghost_synapses(gid, args.cells, args.synapses, len(sections))
        ]
        targets[gid] = main_synapse, ghosts
        kept.append((made, detector))
    for gid, (main_synapse, ghosts) in targets.items():
        kept.append(
            _connected(context, model.ring_source(gid, args.cells, args.ring_size), main_synapse, model.MIN_DELAY)
        )
        kept[-1].weight[0] = model.W_RING
        for synapse, source, delay_ms in ghosts:
            kept += [synapse, _connected(context, source, synapse, delay_ms)]
        if gid % args.ring_size == 0:
            start = h.NetStim()
            start.number, start.start, start.noise = 1, 0, 0
            first = h.NetCon(start, main_synapse)
            first.delay, first.weight[0] = 1.0, model.W_RING
            kept += [start, first]
        kept.append(main_synapse)
    return kept, total


def _synapse(h: Any, place: Any) -> Any:
    made = h.ExpSyn(place)
    made.tau = model.TAU_SYN
    return made


def _connected(context: Any, source: int, synapse: Any, delay_ms: float) -> Any:
    made = context.gid_connect(source, synapse)
    made.delay, made.weight[0] = delay_ms, 0.0
    return made


main()
