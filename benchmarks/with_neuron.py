"""The cases in NEURON: fixed step, first order, one JSON line. For the cases that the shared scripts do not have."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

from common import dendrite, model, trees


def run(args: argparse.Namespace) -> None:
    """Time one case."""
    os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")
    from neuron import h

    h.load_file("stdrun.hoc")
    h.celsius = model.CELSIUS
    h.usetable_hh = 1 if args.hh_table == "on" else 0
    rss_base = model.rss_mb()
    start_s = time.perf_counter()
    context = h.ParallelContext()
    every = trees(args)
    kept = [_cell(h, context, gid, sections, dendrite(args.case)) for gid, sections in enumerate(every)]
    context.nthread(args.threads)
    times, gids = h.Vector(), h.Vector()
    context.spike_record(-1, times, gids)
    context.set_maxstep(10)
    h.dt, h.steps_per_ms = args.dt, 1.0 / args.dt
    h.finitialize(model.V_INIT)
    h.dt = args.dt
    if h.secondorder != 0 or h.cvode_active():
        raise SystemExit("NEURON: the comparison wants the first-order fixed step.")
    build_s = time.perf_counter() - start_s

    start_s, cpu_s = time.perf_counter(), model.cpu_s()
    context.psolve(args.tstop)
    run_s, run_cpu_s = time.perf_counter() - start_s, model.cpu_s() - cpu_s
    name = (args.label or "neuron") + ("" if args.hh_table == "on" else "+notable")
    spikes = [(int(gid), t) for gid, t in zip(gids, times, strict=True)]
    compartments = sum(model.ncomp(sections) for sections in every)
    model.report(
        name,
        args.case,
        args,
        compartments,
        build_s,
        run_s,
        spikes,
        rss_base,
        run_cpu_s=run_cpu_s,
        version=h.nrnversion(0),
    )
    sys.stdout.flush()
    if kept:
        os._exit(0)  # freeing many sections one by one takes longer than the run


def _cell(h: Any, context: Any, gid: int, sections: list[Any], dendrite_mechanism: str) -> Any:
    made: list[Any] = []
    for k, s in enumerate(sections):
        section = h.Section(name=f"c{gid}_{k}")
        section.L, section.diam, section.nseg = s.length, s.diam, s.ncomp
        section.Ra, section.cm = model.RA, model.CM
        if s.parent < 0 or dendrite_mechanism == "hh":
            section.insert("hh")
        else:
            section.insert("pas")
            for segment in section:
                segment.pas.g, segment.pas.e = model.G_PAS, model.E_PAS
        if s.parent >= 0:
            section.connect(made[s.parent](1.0), 0.0)
        made.append(section)
    clamp = h.IClamp(made[0](0.5))
    clamp.delay, clamp.dur, clamp.amp = model.CLAMP_START, 1e9, model.dense_clamp(gid)
    detector = h.NetCon(made[0](0.5)._ref_v, None, sec=made[0])
    detector.threshold = model.HH_THRESHOLD
    context.set_gid2node(gid, context.id())
    context.cell(gid, detector)
    return made, clamp, detector
