"""The cases in NEURON: fixed step, first order, one JSON line. For the cases that the shared scripts do not have."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from common import dendrite, model, trees

Builder = Callable[[argparse.Namespace, Any, Any], tuple[Any, int]]
"""From the command line, hoc and its ParallelContext to what must be kept alive and the number of compartments."""

More = Callable[[list[tuple[int, float]], float], dict[str, Any]]
"""From the spikes and the run time in s to more fields of the line."""


def run(args: argparse.Namespace) -> None:
    """Time one case of uncoupled cells."""
    timed(args, _uncoupled)


def timed(args: argparse.Namespace, build: Builder, more: More = lambda spikes, run_s: {}) -> None:
    """Build and run, and print the JSON line."""
    os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")
    from neuron import h

    h.load_file("stdrun.hoc")
    h.celsius = model.CELSIUS
    h.usetable_hh = 1 if args.hh_table == "on" else 0
    rss_base = model.rss_mb()
    start_s = time.perf_counter()
    context = h.ParallelContext()
    kept, compartments = build(args, h, context)
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
        **more(spikes, run_s),
    )
    sys.stdout.flush()
    if kept:
        os._exit(0)  # freeing many sections one by one takes longer than the run


def _uncoupled(args: argparse.Namespace, h: Any, context: Any) -> tuple[Any, int]:
    every = trees(args)
    kept: list[Any] = []
    for gid, sections in enumerate(every):
        made = cell(h, f"c{gid}", sections, dendrite(args.case))
        clamp = h.IClamp(made[0](0.5))
        clamp.delay, clamp.dur, clamp.amp = model.CLAMP_START, 1e9, model.dense_clamp(gid)
        kept.append((made, clamp, register(h, context, gid, made[0], model.HH_THRESHOLD)))
    return kept, sum(model.ncomp(sections) for sections in every)


def register(h: Any, context: Any, gid: int, soma: Any, threshold_mV: float) -> Any:
    """Give a cell its gid and a detector in the middle of the soma; the detector must be kept."""
    detector = h.NetCon(soma(0.5)._ref_v, None, sec=soma)
    detector.threshold = threshold_mV
    context.set_gid2node(gid, context.id())
    context.cell(gid, detector)
    return detector


def cell(h: Any, name: str, sections: list[Any], dendrite_mechanism: str) -> list[Any]:
    """Return the sections of a cell: hh in the soma, ``dendrite_mechanism`` in the others."""
    made: list[Any] = []
    for k, s in enumerate(sections):
        section = h.Section(name=f"{name}_{k}")
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
    return made
