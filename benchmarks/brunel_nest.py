"""The balanced random network in NEST (``iaf_psc_delta``), one JSON line. Runs in an environment that has NEST."""

from __future__ import annotations

import time

import brunel_model as brunel
import nest
from common import model


def main() -> None:
    """Build, run, report."""
    args = brunel.arguments()
    size = brunel.sizes(args.cells)
    nest.verbosity = nest.VerbosityLevel.ERROR
    rss_base = model.rss_mb()
    start_s = time.perf_counter()
    nest.ResetKernel()
    nest.resolution, nest.local_num_threads, nest.rng_seed = args.dt, args.threads, brunel.SEED
    cells = nest.Create(
        "iaf_psc_delta",
        size.cells,
        {
            "C_m": 1.0,
            "tau_m": brunel.TAU_MS,
            "E_L": 0.0,
            "V_m": 0.0,
            "V_th": brunel.THRESHOLD_MV,
            "V_reset": brunel.RESET_MV,
            "t_ref": brunel.REFRACTORY_MS,
        },
    )
    weight_mV = brunel.weight_mV(size)
    parts = (
        (cells[: size.excite], size.hears_excite, weight_mV),
        (cells[size.excite :], size.hears_inhibit, -brunel.G * weight_mV),
    )
    for sources, indegree, weight in parts:
        rule = {"rule": "fixed_indegree", "indegree": indegree}
        nest.Connect(sources, cells, rule, {"weight": weight, "delay": brunel.DELAY_MS})
    drive = nest.Create("poisson_generator", params={"rate": brunel.input_Hz(size)})
    nest.Connect(drive, cells, "all_to_all", {"weight": weight_mV, "delay": brunel.DELAY_MS})
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Prepare()
    build_s = time.perf_counter() - start_s

    start_s, cpu_s = time.perf_counter(), model.cpu_s()
    nest.Run(args.tstop)
    run_s, run_cpu_s = time.perf_counter() - start_s, model.cpu_s() - cpu_s
    nest.Cleanup()
    found = recorder.events
    spikes = [(int(gid) - 1, float(t_ms)) for gid, t_ms in zip(found["senders"], found["times"], strict=True)]
    facts = brunel.facts(len(spikes), size, args.tstop, run_s)
    model.report(
        args.label or "nest",
        args.case,
        args,
        size.cells,
        build_s,
        run_s,
        spikes,
        rss_base,
        run_cpu_s=run_cpu_s,
        version=nest.__version__,
        **facts,
    )


main()
