"""Edges for the small circuit of ``sonata_circuit``: one population, given as columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.sonata_circuit import write_circuit

TYPES = """edge_type_id model_template dynamics_params delay syn_weight weight_function target_sections distance_range
1 Exp2Syn exc.json 2.0 0.001 NULL NULL NULL
2 expsyn one.json 1.0 0.002 wmax NULL NULL
3 exp2syn exc.json 0.5 0.003 NULL "['basal']" "[0.0, 100.0]"
"""
SYNAPSES: Mapping[str, Mapping[str, Any]] = {
    "exc": {"level_of_detail": "exp2syn", "tau1": 1.0, "tau2": 3.0, "erev": 0.0},
    "one": {"tau1": 4.0, "erev": -70.0},
    "plus": {"level_of_detail": "instantaneous", "sign": 1},
}


def write_edges(
    path: Path,
    source: tuple[str, list[int]],
    target: tuple[str, list[int]],
    types: list[int],
    groups: Mapping[int, Mapping[str, Any]],
    group_ids: list[int] | None = None,
    group_rows: list[int] | None = None,
) -> Path:
    """Write an edges file of one population without an index; return its path."""
    with h5py.File(path, "w") as file:
        group = file.create_group(f"edges/{source[0]}_{target[0]}")
        for side, (population, ids) in (("source", source), ("target", target)):
            group[f"{side}_node_id"] = np.array(ids, np.uint64)
            group[f"{side}_node_id"].attrs["node_population"] = population
        group["edge_type_id"] = np.array(types, np.uint32)
        if group_ids is not None:
            group["edge_group_id"] = np.array(group_ids, np.uint16)
            group["edge_group_index"] = np.array(group_rows, np.uint64)
        for label, columns in groups.items():
            inner = group.create_group(str(label))
            for name, values in columns.items():
                inner[name] = np.asarray(values) if not isinstance(values[0], str) else values
    return path


def with_edges(folder: Path, **edges: Any) -> Path:
    """Write the circuit with edges from ``inputs`` to ``cells`` and a spike input; return ``config.json``."""
    config = write_circuit(folder)
    (folder / "synapses").mkdir()
    for name, values in SYNAPSES.items():
        (folder / f"synapses/{name}.json").write_text(json.dumps(values))
    (folder / "network/edge_types.csv").write_text(TYPES)
    given = {
        "source": ("inputs", [0, 1, 1]), "target": ("cells", [0, 1, 0]), "types": [1, 2, 1],
        "groups": {0: {"afferent_section_id": [1, 2, 0], "afferent_section_pos": [0.5, 0.9, 0.2]}},
    }  # fmt: skip
    write_edges(folder / "network/edges.h5", **{**given, **edges})
    with h5py.File(folder / "spikes.h5", "w") as file:
        file["spikes/inputs/timestamps"], file["spikes/inputs/node_ids"] = [7.0, 3.0, 4.0], np.array([1, 0, 1])
    circuit = json.loads((folder / "circuit.json").read_text())
    circuit["components"]["synaptic_models_dir"] = "${configdir}/synapses"
    circuit["components"]["point_neuron_models_dir"] = "${configdir}/synapses"
    circuit["networks"]["edges"] = [{"edges_file": "$NETWORK/edges.h5", "edge_types_file": "$NETWORK/edge_types.csv"}]
    (folder / "circuit.json").write_text(json.dumps(circuit))
    simulation = json.loads((folder / "simulation.json").read_text())
    simulation["inputs"]["play"] = {
        "input_type": "spikes", "module": "h5", "input_file": "spikes.h5", "node_set": "inputs",
    }  # fmt: skip
    (folder / "simulation.json").write_text(json.dumps(simulation))
    return config
