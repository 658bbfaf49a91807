"""The balanced random network in Brian 2, one JSON line. Runs in an environment that has Brian 2.

Without ``--standalone`` Brian compiles its inner loops with Cython (``--codegen numpy``: uses NumPy) and steps in
Python; with it the whole model becomes one C++ program. Compiling is ``compile_s`` and not part of ``run_s``; for the
C++ program the time is that of its own clock around the run.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from typing import Any

import brian2 as b2
import brunel_model as brunel
import numpy as np
from common import model


def build(size: brunel.Sizes) -> tuple[Any, Any]:
    """Return the network and the monitor of its spikes."""
    weight_mV = brunel.weight_mV(size)
    # An event in the refractory time has no effect, as in the other simulators.
    cells = b2.NeuronGroup(
        size.cells,
        "dv/dt = -v / tau : 1 (unless refractory)",
        threshold=f"v >= {brunel.THRESHOLD_MV}",
        reset=f"v = {brunel.RESET_MV}",
        refractory=brunel.REFRACTORY_MS * b2.ms,
        method="exact",
        namespace={"tau": brunel.TAU_MS * b2.ms},
    )
    drive = b2.PoissonInput(
        cells,
        "v",
        size.hears_excite,
        brunel.input_Hz(size) / size.hears_excite * b2.Hz,
        f"{weight_mV}*int(not_refractory)",
    )
    rng = np.random.default_rng(brunel.SEED)
    parts = []
    for first, count, indegree, weight in (
        (0, size.excite, size.hears_excite, weight_mV),
        (size.excite, size.inhibit, size.hears_inhibit, -brunel.G * weight_mV),
    ):
        source = cells[first : first + count]
        synapses = b2.Synapses(
            source, cells, on_pre=f"v_post += {weight}*int(not_refractory_post)", delay=brunel.DELAY_MS * b2.ms
        )
        sources = rng.integers(0, count, size.cells * indegree)
        synapses.connect(i=sources, j=np.repeat(np.arange(size.cells), indegree))
        parts.append(synapses)
    monitor = b2.SpikeMonitor(cells)
    return b2.Network(cells, drive, *parts, monitor), monitor


def run_here(args: argparse.Namespace, size: brunel.Sizes) -> tuple[Any, dict[str, float | None]]:
    """Run with Python around compiled loops."""
    start_s = time.perf_counter()
    network, monitor = build(size)
    build_s = time.perf_counter() - start_s
    start_s = time.perf_counter()
    network.store()
    network.run(2 * args.dt * b2.ms, namespace={})
    network.restore()
    compile_s = time.perf_counter() - start_s
    start_s, cpu_s = time.perf_counter(), model.cpu_s()
    network.run(args.tstop * b2.ms, namespace={})
    run_s = time.perf_counter() - start_s
    return monitor, {
        "build_s": build_s,
        "compile_s": compile_s,
        "run_s": run_s,
        "run_cpu_s": model.cpu_s() - cpu_s,
    }


def run_standalone(args: argparse.Namespace, size: brunel.Sizes, folder: str) -> tuple[Any, dict[str, float | None]]:
    """Run as a program of its own."""
    b2.set_device("cpp_standalone", directory=folder, build_on_run=False)
    b2.prefs.devices.cpp_standalone.openmp_threads = 0 if args.threads == 1 else args.threads
    start_s = time.perf_counter()
    network, monitor = build(size)
    network.run(args.tstop * b2.ms, namespace={})
    build_s = time.perf_counter() - start_s
    start_s = time.perf_counter()
    b2.device.build(directory=folder, compile=True, run=False)
    compile_s = time.perf_counter() - start_s
    before_s = _children_cpu_s()
    b2.device.run(directory=folder, with_output=False)
    # The CPU time is that of the whole program, with making the synapses and writing the results.
    return monitor, {
        "build_s": build_s,
        "compile_s": compile_s,
        "run_s": float(b2.device._last_run_time),
        "whole_cpu_s": _children_cpu_s() - before_s,
        "max_rss_mb": None,  # the program's is not known here
    }


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Build, run, report."""
    args = brunel.arguments()
    size = brunel.sizes(args.cells)
    rss_base = model.rss_mb()
    b2.defaultclock.dt = args.dt * b2.ms
    b2.prefs.codegen.target = args.codegen
    b2.seed(brunel.SEED)
    with tempfile.TemporaryDirectory(prefix="brunel-brian-") as folder:
        monitor, times = run_standalone(args, size, folder) if args.standalone else run_here(args, size)
        gids, times_ms = np.asarray(monitor.i), np.asarray(monitor.t / b2.ms)
    spikes = list(zip(gids.tolist(), times_ms.tolist(), strict=True))
    build_s, run_s = times.pop("build_s"), times.pop("run_s")
    facts = {**times, **brunel.facts(len(spikes), size, args.tstop, run_s)}
    model.report(
        args.label or ("brian-standalone" if args.standalone else "brian"),
        args.case,
        args,
        size.cells,
        build_s,
        run_s,
        spikes,
        rss_base,
        version=b2.__version__,
        **facts,
    )


main()
