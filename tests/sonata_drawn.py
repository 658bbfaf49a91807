"""A circuit whose synapses are drawn: ten invented passive cells of three shapes, four IntFire1, two virtual nets.

Recurrent edges are in one population with four groups: drawn, onto point cells, at given places, and gap junctions.
Rows are shuffled, so that an index has several ranges a node. About 7,000 synapses. Everything is made with NumPy's
legacy generator, whose streams are frozen; ``data/sonata_drawn.npz`` holds what BMTK makes of it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

CELLS_N, POINTS_N, FAR_N, NEAR_N = 10, 4, 6, 5

_SYNAPSES: Final[dict[str, dict[str, Any]]] = {
    "exc.json": {"level_of_detail": "exp2syn", "tau1": 1.0, "tau2": 3.0, "erev": 0.0},
    "inh.json": {"level_of_detail": "exp2syn", "tau1": 2.7, "tau2": 15.0, "erev": -70.0},
    "plus.json": {"level_of_detail": "instantaneous", "sign": 1},
    "minus.json": {"level_of_detail": "instantaneous", "sign": -1},
}
_NODE_TYPES: Final = """node_type_id ei model_type model_template model_processing morphology dynamics_params
100 e biophysical ctdb:Biophys1.hoc aibs_perisomatic shape0.swc fit.json
101 e biophysical ctdb:Biophys1.hoc aibs_perisomatic shape1.swc fit.json
102 i biophysical ctdb:Biophys1.hoc aibs_perisomatic shape2.swc fit.json
200 e point_process nrn:IntFire1 NULL NULL point.json
"""
_HEADER: Final = (
    "edge_type_id target_query source_query weight_function weight_sigma syn_weight target_sections distance_range "
    "delay dynamics_params model_template\n"
)
_RECURRENT: Final = (
    _HEADER
    + """1 * * wmax NULL 0.0002 "['basal']" "[0.0, 150.0]" 2.0 exc.json Exp2Syn
2 * * gaussianLL 50.0 0.0003 "['basal', 'apical']" "[30.0, 1e+20]" 1.5 exc.json Exp2Syn
3 * * NULL NULL 0.0004 "['somatic', 'basal', 'axon']" "[0, 60.0]" 0.9 inh.json exp2syn
4 * * wmax NULL 0.05 NULL NULL 1.1 minus.json NULL
5 * * wmax NULL 0.0001 NULL NULL 1.3 inh.json Exp2Syn
6 * * NULL NULL 0.0005 "['basal']" "[0.0, 200.0]" 0.0 exc.json Exp2Syn
"""
)
_VIRTUAL: Final = (
    _HEADER
    + """7 * * wmax NULL 0.0006 "['apical', 'dend']" "[50.0, 250.0]" 1.7 exc.json Exp2Syn
8 * * wmax NULL 0.07 NULL NULL 1.0 plus.json NULL
"""
)


def write_drawn(folder: Path, *, forced: bool = False) -> Path:
    """Write the circuit into a folder; return its ``config.json``.

    With ``forced``, synapses from inhibitory onto excitatory cells act at given times and no other recurrent one does;
    BMTK can do so with neither point cells as targets nor gap junctions, which are left out then.
    """
    random = np.random.RandomState(20200106)
    for name in ("network", "parts", "inputs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for k in range(3):
        (folder / f"parts/shape{k}.swc").write_text(_tree(random))
    cm = [{"section": name, "cm": 1.0 + 0.1 * k} for k, name in enumerate(("soma", "axon", "dend", "apic"))]
    genes = [{"section": c["section"], "name": "g_pas", "value": 1e-4, "mechanism": ""} for c in cm]
    fit = {"passive": [{"ra": 100.0, "e_pas": -80.0, "cm": cm}], "conditions": [{"erev": []}], "genome": genes}
    (folder / "parts/fit.json").write_text(json.dumps(fit))
    (folder / "parts/point.json").write_text(json.dumps({"tau": 0.02, "refrac": 0.003}))
    for name, values in _SYNAPSES.items():
        (folder / f"parts/{name}").write_text(json.dumps(values))
    types = [100 + k % 3 for k in range(CELLS_N)] + [200] * POINTS_N
    angles = random.uniform(0.0, 360.0, len(types))
    _nodes(folder, "far", _virtual_types(), [7] * FAR_N)
    _nodes(folder, "cells", _NODE_TYPES, types, tuning_angle=angles)
    _nodes(folder, "near", _virtual_types(), [7] * NEAR_N)
    recurrent = [edge for edge in _recurrent(random) if not forced or edge[3] in (0, 2)]
    _edges(folder, "cells", "cells", _RECURRENT, recurrent, (len(types), len(types)), random)
    for name, count in (("far", FAR_N), ("near", NEAR_N)):
        _edges(folder, name, "cells", _VIRTUAL, _driven(random, count), (count, len(types)), random)
        with h5py.File(folder / f"inputs/{name}.h5", "w") as file:
            file[f"spikes/{name}/timestamps"] = random.uniform(0.0, 100.0, 40)
            file[f"spikes/{name}/node_ids"] = random.randint(0, count, 40).astype(np.uint64)
    return _config(folder, forced)


def _tree(random: np.random.RandomState) -> str:
    """Return an SWC file: a one-point soma, basal and apical trees, an axon."""
    rows = ["1 1 0 0 0 6 -1"]
    for kind, stems, levels in ((3, 4, 3), (4, 1, 4), (2, 1, 1)):
        ends = [(1, np.zeros(3), 1.5)] * stems
        for level in range(levels):
            following = []
            for parent, at, radius in ends:
                for _ in range(2 if level else 1):
                    last, place, direction = parent, at, random.normal(size=3)
                    for _ in range(random.randint(2, 6)):
                        direction = direction + 0.3 * random.normal(size=3)
                        place = place + 14.0 * direction / np.linalg.norm(direction)
                        rows.append(
                            f"{len(rows) + 1} {kind} {place[0]:.4f} {place[1]:.4f} {place[2]:.4f} {radius:.3f} {last}"
                        )
                        last = len(rows)
                    following.append((last, place, 0.7 * radius))
            ends = following
    return "\n".join(rows) + "\n"


def _virtual_types() -> str:
    return "node_type_id model_type ei\n7 virtual e\n"


def _nodes(folder: Path, name: str, table: str, types: list[int], **columns: Any) -> None:
    (folder / f"network/{name}_types.csv").write_text(table)
    n = len(types)
    with h5py.File(folder / f"network/{name}_nodes.h5", "w") as file:
        group = file.create_group(f"nodes/{name}")
        group["node_type_id"] = np.array(types, np.uint64)
        group["node_id"] = np.arange(n, dtype=np.uint64)
        group["node_group_id"] = np.zeros(n, np.uint32)
        group["node_group_index"] = np.arange(n, dtype=np.uint64)
        group.create_group("0")
        for label, values in columns.items():
            group[f"0/{label}"] = values


Edge = tuple[int, int, int, int, dict[str, float]]
"""Source, target, type, group, columns of the group."""


def _recurrent(random: np.random.RandomState) -> list[Edge]:
    edges: list[Edge] = []
    joined = set()
    for target in range(CELLS_N + POINTS_N):
        for source in range(CELLS_N + POINTS_N):
            if source == target or random.random_sample() > 0.5:
                continue
            kind, nsyns = random.random_sample(), int(random.randint(1, 99))
            if target >= CELLS_N:
                edges.append((source, target, 4, 1, {"nsyns": nsyns % 4 + 1, "syn_weight": random.random_sample()}))
            elif kind < 0.15:
                for _ in range(nsyns % 7):
                    place = {"sec_id": int(random.randint(0, 30)), "sec_x": random.random_sample()}
                    edges.append((source, target, 5, 2, {**place, "syn_weight": random.random_sample() * 1e-3}))
            elif kind < 0.25 and source < CELLS_N and (target, source) not in joined:
                joined.add((source, target))
                edges.append((source, target, 6, 3, {"nsyns": 1, "is_gap_junction": 1, "syn_weight": 5e-4}))
            else:
                edges.append((source, target, int(random.randint(1, 4)), 0, {"nsyns": nsyns}))
    return edges


def _driven(random: np.random.RandomState, sources: int) -> list[Edge]:
    edges: list[Edge] = []
    for target in range(CELLS_N + POINTS_N):
        for source in range(sources):
            nsyns = int(random.randint(0, 88))
            if target >= CELLS_N:
                edges.append((source, target, 8, 1, {"nsyns": nsyns % 3 + 1, "syn_weight": random.random_sample()}))
            else:
                edges.append((source, target, 7, 0, {"nsyns": nsyns}))
    return edges


def _edges(
    folder: Path, source: str, target: str, table: str, edges: list[Edge], counts: tuple[int, int],
    random: np.random.RandomState,
) -> None:  # fmt: skip
    (folder / f"network/{source}_{target}_types.csv").write_text(table)
    edges = [edges[k] for k in random.permutation(len(edges))]
    ends = {"source": np.array([e[0] for e in edges]), "target": np.array([e[1] for e in edges])}
    labels = np.array([e[3] for e in edges])
    rows = np.zeros(len(edges), np.uint64)
    with h5py.File(folder / f"network/{source}_{target}_edges.h5", "w") as file:
        group = file.create_group(f"edges/{source}_{target}")
        for label in np.unique(labels):
            mine = np.flatnonzero(labels == label)
            rows[mine] = np.arange(len(mine))
            for column in edges[mine[0]][4]:
                values = [edges[k][4][column] for k in mine]
                whole = column in ("nsyns", "sec_id", "is_gap_junction")
                group[f"{label}/{column}"] = np.array(values, np.uint16 if whole else np.float64)
        for (side, nodes), population in zip(ends.items(), (source, target), strict=True):
            group[f"{side}_node_id"] = nodes.astype(np.uint64)
            group[f"{side}_node_id"].attrs["node_population"] = population
        group["edge_type_id"] = np.array([e[2] for e in edges], np.uint32)
        group["edge_group_id"], group["edge_group_index"] = labels.astype(np.uint16), rows
        for kind, side, count in (("source_to_target", "source", counts[0]), ("target_to_source", "target", counts[1])):
            order = np.argsort(ends[side], kind="stable")
            last = np.searchsorted(ends[side][order], np.arange(count), side="right")
            group[f"indices/{kind}/node_id_to_range"] = np.stack([np.append(0, last[:-1]), last], 1).astype(np.uint64)
            group[f"indices/{kind}/range_to_edge_id"] = np.stack([order, order + 1], 1).astype(np.uint64)
    pairs = [(s, t) for s, t, _, label, _ in edges if label == 3]
    if pairs:
        with h5py.File(folder / f"network/{source}_gap_juncs.h5", "w") as file:
            file["source_ids"], file["target_ids"] = np.array(pairs).T
            file["src_gap_ids"] = np.arange(len(pairs)) * 2
            file["trg_gap_ids"] = np.arange(len(pairs)) * 2 + 1


def _config(folder: Path, forced: bool) -> Path:
    names = ("cells_cells", "far_cells", "near_cells")
    parts = ("morphologies", "synaptic_models", "biophysical_neuron_models", "point_neuron_models")
    config: dict[str, Any] = {
        "manifest": {"$NET": "${configdir}/network", "$IN": "${configdir}/inputs"},
        "run": {"tstop": 50.0, "dt": 0.1, "dL": 20.0, "spike_threshold": -15, "nsteps_block": 500},
        "conditions": {"celsius": 34.0, "v_init": -80.0},
        "components": {f"{name}_dir": "${configdir}/parts" for name in parts},
        "networks": {
            "nodes": [
                {"nodes_file": f"$NET/{n}_nodes.h5", "node_types_file": f"$NET/{n}_types.csv"}
                for n in ("far", "cells", "near")
            ],
            "edges": [{"edges_file": f"$NET/{n}_edges.h5", "edge_types_file": f"$NET/{n}_types.csv"} for n in names],
            "gap_juncs": [{"gap_juncs_file": "$NET/cells_gap_juncs.h5"}],
        },
        "inputs": {
            name: {"input_type": "spikes", "module": "h5", "input_file": f"$IN/{name}.h5", "node_set": name}
            for name in ("near", "far")
        },
        "output": {"output_dir": "${configdir}/output", "spikes_file": "spikes.h5"},
        "reports": {},
    }
    if forced:
        del config["networks"]["gap_juncs"]
        config["inputs"]["far"] = {
            "input_type": "syn_activity", "module": "syn_activity", "timestamps": [5.0, 12.0], "node_set": "cells",
            "precell_filter": {"ei": "i"}, "postcell_filter": {"ei": ["e", "x"]},
        }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    return folder / "config.json"
