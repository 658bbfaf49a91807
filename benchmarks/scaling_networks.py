"""The networks of the scaling runs: the ring of the other benchmarks, and cells with many random synapses.

Every process describes all cells, and the connections onto its own ones (all, while nobody has said which those are).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
from common import model
from ring_neurosim import build as build_ring
from with_neurosim import cells_of

import neurosim as ns

TREES = 16
"""Kinds of trees in the random network."""

LEAST_DELAY_MS, MOST_DELAY_MS = 1.0, 5.0
RATE_HZ = 5.0
WEIGHT_US, DRIVE_WEIGHT_US = 1e-5, 0.02


@dataclass(frozen=True)
class Size:
    """What a network of the scaling runs is like by default: cells, synapses of each, time in ms."""

    cells: int
    synapses: int
    tstop_ms: float


SIZES = {"ring": Size(4096, 10, 50.0), "random": Size(2000, 200, 100.0)}


def arguments() -> argparse.Namespace:
    """Read the command line of one process of a run."""
    parser = argparse.ArgumentParser(description="one process of a scaling run")
    parser.add_argument("network", choices=sorted(SIZES))
    parser.add_argument("--cells", type=int)
    parser.add_argument("--synapses", type=int)
    parser.add_argument("--tstop", type=float)
    parser.add_argument("--dt", type=float, default=model.DT)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--ring-size", type=int, default=10)
    parser.add_argument("--hh-table", choices=["on", "off"], default="on")
    parser.add_argument("--exchange", default="none", help="none for one process, or a kind of mpi_exchange")
    parser.add_argument("--overlap", action="store_true")
    parser.add_argument("--folder", required=True)
    args = parser.parse_args()
    usual = SIZES[args.network]
    args.cells = usual.cells if args.cells is None else args.cells
    args.synapses = usual.synapses if args.synapses is None else args.synapses
    args.tstop = usual.tstop_ms if args.tstop is None else args.tstop
    args.case = args.network
    return args


def build(args: argparse.Namespace, cells: int, exchange: Any = None) -> Any:
    """Return the simulation of the first ``cells`` cells."""
    args.with_exchange = exchange
    return build_ring(args, cells)[0] if args.network == "ring" else _random(args, cells)


def _random(args: argparse.Namespace, count: int) -> Any:
    """Return cells with hh everywhere that get weak synapses from one another and a Poisson train each."""
    kinds = [model.ring_tree(kind, args.depth) for kind in range(TREES)]
    made = cells_of(kinds, "hh", tables=args.hh_table == "on")
    cells = [made[gid % TREES] for gid in range(count)]
    rng = np.random.default_rng(20261128)
    trains = [_train(rng, args.tstop) for _ in range(count)]
    sim = ns.Simulation(
        [*cells, *trains],
        dt_ms=args.dt,
        celsius_degC=model.CELSIUS,
        v_init_mV=model.V_INIT,
        threads=args.threads,
        exchange=args.with_exchange,
    )
    rows = count * args.synapses
    target = np.repeat(np.arange(count, dtype=np.int32), args.synapses)
    compartments = [np.flatnonzero(cell.tree.area_um2 > 0.0).astype(np.int32) for cell in made]
    node = np.zeros(rows, np.int32)
    for kind, allowed in enumerate(compartments):
        mine = target % TREES == kind
        node[mine] = rng.choice(allowed, int(mine.sum()))
    sim.add(
        ns.Connections(
            ns.mechanisms.Exp2Syn,
            rng.integers(0, count, rows).astype(np.int32),
            target,
            node,
            np.full(rows, WEIGHT_US),
            rng.uniform(LEAST_DELAY_MS, MOST_DELAY_MS, rows),
            {"tau1": 0.5, "tau2": 2.0, "e": 0.0},
        )
    )
    soma = np.array([cell.tree.compartment(0, 0.5) for cell in made], np.int32)
    own = np.arange(count, dtype=np.int32)
    drive = np.full(count, DRIVE_WEIGHT_US), np.ones(count), {"tau1": 0.5, "tau2": 2.0, "e": 0.0}
    sim.add(ns.Connections(ns.mechanisms.Exp2Syn, own + count, own, soma[own % TREES], *drive))
    return sim


def _train(rng: Any, tstop_ms: float) -> Any:
    gaps_ms = rng.exponential(1000.0 / RATE_HZ, 16 + int(2 * tstop_ms * RATE_HZ / 1000.0))
    times_ms = np.cumsum(gaps_ms)
    return ns.SpikeTrain(times_ms[times_ms < tstop_ms])
