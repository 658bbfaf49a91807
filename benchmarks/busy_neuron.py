"""The busy network in NEURON, one JSON line."""

from __future__ import annotations

import argparse
from typing import Any

import busy_model as busy
from with_neuron import cell, register, timed


def main() -> None:
    """Draw the network and time it."""
    args = busy.arguments()
    network = busy.draw(args)

    def build(_: argparse.Namespace, h: Any, context: Any) -> tuple[Any, int]:
        kept: list[Any] = []
        targets, drives = [], []
        for gid, sections in enumerate(network.trees):
            made = cell(h, f"c{gid}", sections, "pas")
            kept.append((made, register(h, context, gid, made[0], busy.THRESHOLD_MV)))
            places = zip(network.section[gid].tolist(), network.x[gid].tolist(), strict=True)
            targets.append([_synapse(h, made[section](x)) for section, x in places])
            drives.append(_synapse(h, made[0](0.5)))
        for gid, synapses in enumerate(targets):
            rows = zip(synapses, network.source[gid].tolist(), network.delay_ms[gid].tolist(), strict=True)
            for synapse, source, delay_ms in rows:
                connection = context.gid_connect(source, synapse)
                connection.delay, connection.weight[0] = delay_ms, args.weight
                kept.append(connection)
        kept += [targets, drives, _play(h, drives, network.trains_ms)]
        return kept, network.compartments

    timed(args, build, lambda spikes, _run_s: network.facts(spikes, args.tstop))


def _synapse(h: Any, segment: Any) -> Any:
    synapse = h.Exp2Syn(segment)
    synapse.tau1, synapse.tau2, synapse.e = busy.TAU1_MS, busy.TAU2_MS, busy.E_MV
    return synapse


def _play(h: Any, drives: list[Any], trains_ms: list[list[float]]) -> Any:
    """Put the events of the trains into the queue at every start; return what must be kept."""
    connections = []
    for synapse in drives:
        connection = h.NetCon(None, synapse)
        connection.weight[0] = busy.DRIVE_WEIGHT_US
        connections.append(connection)

    def fill() -> None:
        for connection, train_ms in zip(connections, trains_ms, strict=True):
            for t_ms in train_ms:
                connection.event(t_ms + busy.DRIVE_DELAY_MS)

    return connections, h.FInitializeHandler(fill)


main()
