"""The cases in neurosim: build, run, one JSON line.

``compile_s`` is the time to compile the kernels, or to load them from the cache: up to 16 of the same cells are built
and run for two steps before the clock of ``build_s`` starts. Cells of one tree share one immutable ``Cell``, as Arbor's
and NEURON's scripts share the list of sections.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from common import commit, dendrite, model, trees

import neurosim as ns
from neurosim.cli import neurosim_version

_WARM_CELLS = 16

Builder = Callable[[argparse.Namespace, int], tuple[Any, int]]
"""From the command line and a number of cells to a simulation and its number of compartments."""

More = Callable[[list[tuple[int, float]], float], dict[str, Any]]
"""From the spikes and the run time in s to more fields of the line."""


def run(args: argparse.Namespace) -> None:
    """Time one case of uncoupled cells."""
    timed(args, _uncoupled)


def timed(
    args: argparse.Namespace,
    build: Builder,
    more: More = lambda spikes, run_s: {},
    warm_cells: int = _WARM_CELLS,
) -> None:
    """Compile with a few cells, then build and run all of them, and print the JSON line."""
    _import_all()
    rss_base = model.rss_mb()
    start_s = time.perf_counter()
    build(args, min(args.cells, warm_cells))[0].run(until_ms=2 * args.dt)
    compile_s = time.perf_counter() - start_s
    rss_warm = model.rss_mb()

    start_s = time.perf_counter()
    sim, compartments = build(args, args.cells)
    sim.build()
    build_s = time.perf_counter() - start_s

    start_s, cpu_s = time.perf_counter(), model.cpu_s()
    sim.run(until_ms=args.tstop)
    run_s, run_cpu_s = time.perf_counter() - start_s, model.cpu_s() - cpu_s
    spikes = list(zip(sim.spikes.gids.tolist(), sim.spikes.times_ms.tolist(), strict=True))
    model.report(
        args.label or "neurosim",
        args.case,
        args,
        compartments,
        build_s,
        run_s,
        spikes,
        rss_base,
        run_cpu_s=run_cpu_s,
        version=neurosim_version(),
        commit=commit(),
        compile_s=compile_s,
        rss_warm_mb=round(rss_warm, 1),
        **more(spikes, run_s),
    )


def _import_all() -> None:
    """Import what a run imports: neurosim loads its parts, and Numba its registries, only when they are needed."""
    from numba.core.registry import cpu_target

    _ = ns.Simulation, ns.Cell, ns.Connections, ns.PointCell, ns.mechanisms.HH, ns.mechanisms.Pas
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()


def simulation(args: argparse.Namespace, cells: list[Any]) -> Any:
    """Return a simulation of the cells under the conditions of all cases."""
    return ns.Simulation(
        cells,
        dt_ms=args.dt,
        celsius_degC=model.CELSIUS,
        v_init_mV=model.V_INIT,
        threads=args.threads,
        exchange=getattr(args, "with_exchange", None),
    )


def cells_of(every: list[list[Any]], dendrite_mechanism: str, *, tables: bool) -> list[Any]:
    """Return a cell for each list of sections; equal lists share one."""
    built: dict[Any, Any] = {}
    cells = []
    for sections in every:
        key = tuple(sections)
        if key not in built:
            built[key] = _cell(sections, dendrite_mechanism, tables=tables)
        cells.append(built[key])
    return cells


def _uncoupled(args: argparse.Namespace, count: int) -> tuple[Any, int]:
    every = trees(args)[:count]
    sim = simulation(args, cells_of(every, dendrite(args.case), tables=args.hh_table == "on"))
    for gid in range(count):
        step = ns.Step(start_ms=model.CLAMP_START, duration_ms=1e9, amplitude_nA=model.dense_clamp(gid))
        sim.stimulate("soma(0.5)", step, gid=gid)
    sim.detect(location="soma(0.5)", threshold_mV=model.HH_THRESHOLD)
    return sim, sum(model.ncomp(sections) for sections in every)


def _cell(sections: list[Any], dendrite_mechanism: str, *, tables: bool) -> Any:
    hh = ns.mechanisms.HH(tables=tables)
    parts = [
        ns.Section.cylinder(
            "soma[0]" if s.parent < 0 else f"dend[{k - 1}]",
            length_um=s.length,
            diam_um=s.diam,
            parent=s.parent,
            parent_x=1.0,
        )
        for k, s in enumerate(sections)
    ]
    cell = ns.Cell(parts).set(ra_ohm_cm=model.RA, cm_uF_per_cm2=model.CM).set(nseg=[s.ncomp for s in sections])
    if dendrite_mechanism == "hh":
        return cell.insert(hh)
    return cell.insert(hh, where="soma").insert(ns.mechanisms.Pas(), where="dend", g=model.G_PAS, e=model.E_PAS)
