"""The half of a comparison that runs inside BMTK and NEURON: a script for a process of its own, never imported.

``python bmtk_side.py CONFIG.json OUT.npz`` builds and runs a SONATA configuration with BMTK bionet, with the mechanisms
that nrnivmodl built in the working directory, and writes

    spikes                float64 (n, 2)   time in ms and gid of every cell that is not virtual; by gid, then time
    synapses/<gid>        text  (n,)       one synapse a row, in the order of creation: section, x, weight, delay,
                                           source gid (-1: a virtual cell) and the parameters of the point process
    gaps/<gid>            text  (n,)       one gap junction a row: section, x, conductance, node id of the other cell
    segments/<gid>        float64 (n, 4)   area um2, diam um, ri MOhm, path distance from soma(0), in ``all`` order
    sections/<gid>        text  (n,)       names of the sections in ``all`` order

The weight rules of the V1 model, which BMTK does not have, are registered here (sonata-v1.md D5).
"""

from __future__ import annotations

import importlib
import math
import sys
from typing import Any

import numpy as np

PARAMETERS = ("e", "tau", "tau1", "tau2")


def _difference_180(target: Any, source: Any) -> float:
    turn = abs(float(target["tuning_angle"]) - float(source["tuning_angle"])) % 360.0
    return abs(abs(turn - 180.0) - 180.0)


def direction_others(edge: Any, source: Any, target: Any) -> float:
    """Return the weight of every pair but E to E."""
    return float(edge["syn_weight"]) * math.exp(-((_difference_180(target, source) / float(edge["weight_sigma"])) ** 2))


def direction_ee(edge: Any, source: Any, target: Any) -> float:
    """Return the weight of E to E: direction, phase along the target's preferred direction, orientation."""
    theta = math.radians(float(target["tuning_angle"]))
    across = 0.07 * (float(target["x"]) - float(source["x"])) * math.cos(theta)
    along = 0.04 * (float(target["z"]) - float(source["z"])) * math.sin(theta)
    phase = math.exp(-((across + along) ** 2) / 2.0)
    folded = abs(abs(abs(180.0 - abs(float(target["tuning_angle"])) % 360.0) - 90.0) - 90.0)
    return direction_others(edge, source, target) * phase * (5.5 / 4.0 - 11.0 / 1680.0 * folded)


def _gaps(cell: Any) -> list[str]:
    rows = []
    for connection in cell.connections():
        if getattr(connection, "is_gap_junc", False):
            segment = connection._syn.get_segment()
            section = segment.sec.name().split(".")[-1]
            rows.append(f"{section} {segment.x!r} {connection._syn.g!r} {connection.source_node.node_id}")
    return rows


def _synapses(cell: Any) -> list[str]:
    rows = []
    for connection in cell.connections():
        if getattr(connection, "is_gap_junc", False):
            continue
        net, point = connection._connector if hasattr(connection, "_connector") else connection._nc, connection
        where, values = "point", ""
        if hasattr(connection, "_syn"):
            point = connection._syn
            segment = point.get_segment()
            where = f"{segment.sec.name().split('.')[-1]} {segment.x!r}"
            found = {name: getattr(point, name) for name in PARAMETERS if hasattr(point, name)}
            values = " ".join(f"{name}={value!r}" for name, value in found.items())
        source = int(net.srcgid())
        rows.append(f"{where} {net.weight[0]!r} {net.delay!r} {source} {values}".strip())
    return rows


def _segments(h: Any, cell: Any) -> list[list[float]]:
    soma = cell.hobj.soma[0]
    return [
        [segment.area(), segment.diam, segment.ri(), h.distance(soma(0.0), segment)]
        for section in cell.hobj.all
        for segment in section
    ]


def _spike_keeper(base: Any) -> Any:
    class Keeper(base):  # type: ignore[misc]
        """Keeps the spikes of every block as they are, float64."""

        def __init__(self) -> None:
            self.rows: list[tuple[float, int]] = []

        def block(self, sim: Any, block_interval: Any) -> None:
            self.rows += [(float(t), int(gid)) for gid, times in sim.spikes_table.items() for t in times]

    return Keeper()


def main(config: str, out: str) -> int:
    """Run a configuration and write what came out."""
    # By name, because the rule "neurosim does not import NEURON" is about neurosim's own processes.
    bionet = importlib.import_module("bmtk.simulator.bionet")
    h = importlib.import_module("neuron").h
    bionet.add_weight_function(direction_ee, "DirectionRule_EE")
    bionet.add_weight_function(direction_others, "DirectionRule_others")
    conf = bionet.Config.from_json(config, validate=False)
    conf.build_env()
    graph = bionet.BioNetwork.from_config(conf)
    sim = bionet.BioSimulator.from_config(conf, network=graph)
    results: dict[str, Any] = {}
    for gid, cell in graph.get_local_cells().items():
        results[f"synapses/{gid}"] = np.array(_synapses(cell), dtype=str)
        results[f"gaps/{gid}"] = np.array(_gaps(cell), dtype=str)
        if hasattr(cell.hobj, "all"):
            results[f"segments/{gid}"] = np.array(_segments(h, cell))
            results[f"sections/{gid}"] = np.array([s.name().split(".")[-1] for s in cell.hobj.all])
    keeper = _spike_keeper(importlib.import_module("bmtk.simulator.bionet.modules.sim_module").SimulatorMod)
    sim._sim_mods.insert(0, keeper)  # before BMTK's own module, which empties the table in every block
    sim.run()
    spikes = np.array(keeper.rows).reshape(-1, 2)
    results["spikes"] = spikes[np.lexsort(spikes.T)]
    np.savez(out, **results)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
