"""Rings of ten cells in neurosim: hh soma, random tree of passive dendrites, ExpSyn, spikes handed on after 5 ms.

The model is that of ``ring_neuron.py`` and ``ring_arbor.py`` of the shared benchmarks. Each cell has one exciting
synapse on the soma and ``--synapses`` less one of weight 0 in the dendrites, which cost events and state and change
nothing.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from common import model, run_case, trees
from with_neurosim import cells_of, simulation, timed

import neurosim as ns


def build(args: argparse.Namespace, count: int) -> tuple[Any, int]:
    """Return the network of the first ``count`` cells and its number of compartments."""
    every = trees(args)[:count]
    cells = cells_of(every, "pas", tables=args.hh_table == "on")
    # One virtual cell starts every ring: it fires at 0, and its connections take 1 ms.
    sim = simulation(args, [*cells, ns.SpikeTrain([0.0])])
    rows: list[tuple[int, int, int, float, float]] = []
    for gid, cell in enumerate(cells):
        soma = cell.tree.compartment(0, 0.5)
        rows.append((model.ring_source(gid, count, args.ring_size), gid, soma, model.W_RING, model.MIN_DELAY))
        for section, x, source, delay_ms in model.ghost_synapses(gid, count, args.synapses, len(every[gid])):
            rows.append((source, gid, cell.tree.compartment(section, x), 0.0, delay_ms))
        if gid % args.ring_size == 0:
            rows.append((count, gid, soma, model.W_RING, 1.0))
    source, target, node, weight, delay_ms = zip(*rows, strict=True)
    table = ns.Connections(
        ns.mechanisms.ExpSyn,
        np.array(source, np.int32),
        np.array(target, np.int32),
        np.array(node, np.int32),
        np.array(weight),
        np.array(delay_ms),
        {"tau": model.TAU_SYN, "e": 0.0},
    )
    sim.add(table)
    for gid in range(count):
        sim.detect("soma(0.5)", threshold_mV=model.RING_THRESHOLD, gid=gid)
    return sim, sum(model.ncomp(sections) for sections in every)


if __name__ == "__main__":
    run_case("ring", lambda args: timed(args, build), tstop_ms=200.0)
