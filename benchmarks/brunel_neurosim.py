"""The balanced random network in neurosim, one JSON line.

The cell is the library's LIF with a Poisson input of its own (``LIFNoise.mod``).
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path
from typing import Any

import brunel_model as brunel
import numpy as np
from with_neurosim import timed

import neurosim as ns

_WARM_CELLS = 50


@cache
def mechanism() -> Any:
    """Return the mechanism of the cells."""
    return ns.load(Path(__file__).with_name("LIFNoise.mod"))


def build(args: argparse.Namespace, count: int) -> tuple[Any, int]:
    """Return the network of ``count`` cells, and the number of cells."""
    size = brunel.sizes(count)
    weight_mV = brunel.weight_mV(size)
    cell = ns.PointCell(
        mechanism()(
            tau_m=brunel.TAU_MS,
            v_reset=brunel.RESET_MV,
            v_thresh=brunel.THRESHOLD_MV,
            tau_refrac=brunel.REFRACTORY_MS,
            rate_in=brunel.input_Hz(size) / 1000.0,
            w_in=weight_mV,
        )
    )
    sim = ns.Simulation([cell] * count, dt_ms=args.dt, threads=args.threads, seed=brunel.SEED)
    rng = np.random.default_rng(brunel.SEED)
    for first, sources, indegree, weight in (
        (0, size.excite, size.hears_excite, weight_mV),
        (size.excite, size.inhibit, size.hears_inhibit, -brunel.G * weight_mV),
    ):
        n = count * indegree
        source = rng.integers(first, first + sources, n, dtype=np.int32)
        target = np.repeat(np.arange(count, dtype=np.int32), indegree)
        node = np.broadcast_to(np.int32(0), n)
        # LIF adds a jump at the end of the step that follows its event, the others at the time of the event.
        same, delay_ms = np.broadcast_to(weight, n), np.broadcast_to(brunel.DELAY_MS - args.dt, n)
        sim.add(ns.Connections(None, source, target, node, same, delay_ms))
    return sim, count


def main() -> None:
    """Build, run, report."""
    args = brunel.arguments()
    size = brunel.sizes(args.cells)
    timed(args, build, lambda spikes, run_s: brunel.facts(len(spikes), size, args.tstop, run_s), _WARM_CELLS)


main()
