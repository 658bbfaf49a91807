"""The busy network in neurosim, one JSON line.

``--event-cost HZ`` measures what the delivery of one event takes (``event_ns``): the sources of all synapses are
virtual cells that fire HZ Poisson spikes a second with a weight that changes nothing, once with their spikes and once
without any; cells, synapses and steps are the same, so the difference of the CPU times over the number of events is the
cost. HZ is above the rate of the cells because their own events take about a hundredth of the run, which is less than
the scatter of its time.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from statistics import median
from typing import Any

import busy_model as busy
import numpy as np
from with_neurosim import cells_of, simulation, timed

import neurosim as ns

_PAIRS = 3
_NO_WEIGHT_US = 1e-12


def build(args: argparse.Namespace, network: busy.Network, *, sources: list[list[float]] | None = None) -> Any:
    """Return the simulation; with ``sources`` the synapses listen to these trains and not to the cells."""
    n = len(network.trees)
    cells = cells_of(network.trees, "pas", tables=args.hh_table == "on")
    trains = [ns.SpikeTrain(train_ms) for train_ms in network.trains_ms]
    sim = simulation(args, [*cells, *trains, *(ns.SpikeTrain(train_ms) for train_ms in sources or [])])
    for gid in range(n):
        sim.detect("soma(0.5)", threshold_mV=busy.THRESHOLD_MV, gid=gid)
    values = {"tau1": busy.TAU1_MS, "tau2": busy.TAU2_MS, "e": busy.E_MV}
    nodes = np.concatenate([_nodes(cell, network.section[gid], network.x[gid]) for gid, cell in enumerate(cells)])
    source = network.source.reshape(-1)
    sim.add(
        ns.Connections(
            ns.mechanisms.Exp2Syn,
            source if sources is None else source + np.int32(2 * n),
            np.repeat(np.arange(n, dtype=np.int32), network.source.shape[1]),
            nodes,
            np.full(source.size, args.weight if sources is None else _NO_WEIGHT_US),
            network.delay_ms.reshape(-1),
            values,
        )
    )
    gids = np.arange(n, dtype=np.int32)
    somata = np.array([cell.tree.compartment(0, 0.5) for cell in cells], np.int32)
    weight, delay_ms = np.full(n, busy.DRIVE_WEIGHT_US), np.full(n, busy.DRIVE_DELAY_MS)
    sim.add(ns.Connections(ns.mechanisms.Exp2Syn, gids + np.int32(n), gids, somata, weight, delay_ms, values))
    return sim


def _nodes(cell: Any, section: Any, x: Any) -> Any:
    """Return the compartments of places, as ``CompartmentTree.compartment`` does for one."""
    tree = cell.tree
    nseg = np.asarray(tree.nseg)[section]
    segment = np.minimum((nseg * x).astype(np.int64), nseg - 1)
    return np.asarray(tree.node_of_raw)[np.asarray(tree.first_raw)[section] + segment].astype(np.int32)


def event_cost(args: argparse.Namespace, network: busy.Network) -> dict[str, Any]:
    """Measure the cost of delivering one event."""
    firing = busy.draw(
        argparse.Namespace(cells=args.cells, synapses=0, rate=args.event_cost, tstop=args.tstop)
    ).trains_ms
    silent: list[list[float]] = [[] for _ in firing]
    network = replace(network, trains_ms=silent)
    spikes = [(gid, t_ms) for gid, train_ms in enumerate(firing) for t_ms in train_ms]
    events = network.delivered(spikes, args.tstop)
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(_PAIRS):
        for fires in seconds:
            sim = build(args, network, sources=firing if fires else silent)
            sim.build()
            start_s = time.process_time()
            sim.run(until_ms=args.tstop, progress=False)
            seconds[fires].append(time.process_time() - start_s)
    pairs = [1e9 * (a - b) / max(events, 1) for a, b in zip(seconds[True], seconds[False], strict=True)]
    return {
        "event_ns": round(median(pairs), 2),
        "event_ns_lowest": round(min(pairs), 2),
        "event_ns_highest": round(max(pairs), 2),
        "events_for_cost": events,
        "silent_run_cpu_s": round(median(seconds[False]), 4),
    }


def main() -> None:
    """Draw the network and time it."""
    args = busy.arguments(event_cost=True)
    network = busy.draw(args)

    def first(_: argparse.Namespace, count: int) -> tuple[Any, int]:
        part = network if count == args.cells else busy.draw(args, count)
        return build(args, part), part.compartments

    timed(
        args,
        first,
        lambda spikes, _run_s: {
            **network.facts(spikes, args.tstop),
            **(event_cost(args, network) if args.event_cost else {}),
        },
    )


main()
