"""A small SONATA circuit of our own: invented cells, two populations, everything the loader reads.

Node types: 100 a fit file (perisomatic), 101 the same shape with an all-active fit, 102 a NeuroML file. Population
``cells`` has four nodes, ``inputs`` two virtual ones declared before it, so that gids and node ids differ.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurosim.model.cell import Cell
from neurosim.sonata.circuit import Circuit

REMOVED: Any = object()

SWC = """# an invented cell, um
1 1 0 0 0 6 -1
2 3 6 0 0 1.0 1
3 3 40 5 0 0.8 2
4 3 90 30 5 0.5 3
5 3 80 -20 -5 0.6 3
6 4 0 8 0 1.5 1
7 4 3 120 0 1.0 6
8 4 30 180 10 0.5 7
9 4 -25 190 -10 0.7 7
10 2 0 -6 0 0.9 1
11 2 1 -70 0 0.5 10
12 2 20 -120 0 0.3 11
13 2 -15 -130 3 0.4 11
"""

FIT: dict[str, Any] = {
    "passive": [
        {
            "ra": 120.0,
            "e_pas": -85.0,
            "cm": [
                {"section": "soma", "cm": 1.0},
                {"section": "axon", "cm": 1.1},
                {"section": "dend", "cm": 2.0},
                {"section": "apic", "cm": 2.2},
            ],
        }
    ],
    "conditions": [{"celsius": 34.0, "v_init": -85.0, "erev": [{"section": "soma", "ena": 53.0, "ek": -107.0}]}],
    "genome": [
        {"section": "soma", "name": "gbar_NaTs", "value": 0.9, "mechanism": "NaTs"},
        {"section": "soma", "name": "gbar_Kv3_1", "value": 0.2, "mechanism": "Kv3_1"},
        {"section": "soma", "name": "gbar_Ca_LVA", "value": 0.003, "mechanism": "Ca_LVA"},
        {"section": "soma", "name": "gamma_CaDynamics", "value": 0.01, "mechanism": "CaDynamics"},
        {"section": "soma", "name": "decay_CaDynamics", "value": 200.0, "mechanism": "CaDynamics"},
        {"section": "soma", "name": "gbar_SK", "value": 0.001, "mechanism": "SK"},
        {"section": "soma", "name": "g_pas", "value": 0.0003, "mechanism": ""},
        {"section": "axon", "name": "g_pas", "value": 0.0004, "mechanism": ""},
        {"section": "dend", "name": "g_pas", "value": 0.00002, "mechanism": ""},
        {"section": "apic", "name": "g_pas", "value": 0.00003, "mechanism": ""},
    ],
}

ALLACTIVE: dict[str, Any] = {
    "passive": [{"ra": 100}],
    "conditions": [
        {
            "erev": [
                {"section": "soma", "ena": 53.0, "ek": -107.0},
                {"section": "apic", "ena": 52.0, "ek": -106.0},
            ]
        }
    ],
    "genome": [
        {"section": "glob", "name": "celsius", "value": "34", "mechanism": ""},
        {"section": "soma", "name": "g_pas", "value": "0.0005", "mechanism": ""},
        {"section": "soma", "name": "e_pas", "value": "-80", "mechanism": ""},
        {"section": "apic", "name": "cm", "value": "3.5", "mechanism": ""},
        {"section": "apic", "name": "Ra", "value": "140", "mechanism": ""},
        {"section": "soma", "name": "gbar_NaTs", "value": "0.9", "mechanism": "NaTs"},
        {"section": "soma", "name": "gbar_Kv3_1", "value": "0.3", "mechanism": "Kv3_1"},
        {"section": "apic", "name": "gbar_Ih", "value": "0.0001", "mechanism": "Ih"},
        {"section": "axon", "name": "gbar_NaTs", "value": "0.4", "mechanism": "NaTs"},
    ],
}

NML = """<?xml version="1.0"?>
<neuroml xmlns="http://www.neuroml.org/schema/neuroml2" id="n">
  <concentrationModel id="CaDynamics" type="CaDynamics" segmentGroup="soma" minCai="1e-4 mM" decay="0.3 s"
                      depth="0.1 um" gamma="0.002" ion="ca"/>
  <cell id="c"><biophysicalProperties id="b">
    <membraneProperties>
      <channelDensity id="gbar_NaTs" segmentGroup="soma" ion="na" ionChannel="NaTs" erev="50.0 mV"
                      condDensity="0.8 S_per_cm2"/>
      <channelDensity id="gbar_Kv3_1" segmentGroup="soma" ion="k" ionChannel="Kv3_1" erev="-100.0 mV"
                      condDensity="250 mS_per_cm2"/>
      <channelDensityNernst id="gbar_Ca_HVA" segmentGroup="soma" ion="ca" ionChannel="Ca_HVA"
                            condDensity="0.0005 S_per_cm2"/>
      <channelDensity id="g_pas_all" segmentGroup="all" ion="non_specific" ionChannel="pas" erev="-86 mV"
                      condDensity="0.0001 S_per_cm2"/>
      <channelDensity id="g_pas_dend" segmentGroup="basal" ion="non_specific" ionChannel="pas" erev="-87 mV"
                      condDensity="0.00005 S_per_cm2"/>
      <specificCapacitance segmentGroup="dend" value="1.8 uF_per_cm2"/>
    </membraneProperties>
    <intracellularProperties><resistivity segmentGroup="all" value="1.2 ohm_m"/></intracellularProperties>
  </biophysicalProperties></cell>
</neuroml>
"""

TYPES = """node_type_id model_type model_template model_processing morphology dynamics_params ei layer
100 biophysical ctdb:Biophys1.hoc aibs_perisomatic cell.swc fit.json e "layer 4"
101 biophysical ctdb:Biophys1.hoc aibs_allactive cell allactive.json e "layer 5"
102 biophysical nml:cell.nml aibs_perisomatic cell NULL i "layer 4"
"""

CIRCUIT: dict[str, Any] = {
    "manifest": {"$NETWORK": "./network", "$PARTS": "${configdir}/components"},
    "components": {"morphologies_dir": "$PARTS/morphologies", "biophysical_neuron_models_dir": "$PARTS/models"},
    "networks": {
        "nodes": [
            {"nodes_file": "$NETWORK/inputs_nodes.h5", "node_types_file": "$NETWORK/inputs_types.csv"},
            {"nodes_file": "$NETWORK/cells_nodes.h5", "node_types_file": "$NETWORK/cells_types.csv"},
        ]
    },
}

SIMULATION: dict[str, Any] = {
    "manifest": {"$OUT": "./output"},
    "run": {"tstop": 40.0, "dt": 0.1, "dL": 20.0, "spike_threshold": -15, "nsteps_block": 150},
    "conditions": {"celsius": 34.0, "v_init": -85.0},
    "node_sets": {
        "excitatory": {"population": "cells", "ei": "e"},
        "layer4": {"layer": "layer 4"},
        "two": [2, 4],
        "both": ["two", "layer4"],
    },
    "inputs": {
        "step": {
            "input_type": "current_clamp", "module": "IClamp", "node_set": "cells",
            "amp": 0.4, "delay": 5.0, "duration": 25.0,
        }
    },
    "output": {"output_dir": "$OUT", "log_file": "log.txt", "spikes_file": "spikes.h5"},
    "reports": {
        "soma_v": {"module": "membrane_report", "cells": "cells", "variable_name": "v", "sections": "soma"},
        "all_v": {"module": "membrane_report", "cells": "excitatory", "variable_name": "v", "sections": "all"},
        "calcium": {"module": "membrane_report", "cells": "layer4", "variable_name": "cai", "sections": "soma"},
        "potential": {
            "module": "extracellular", "cells": "cells", "variable_name": "v", "electrode_positions": "probe.csv",
        },
    },
}  # fmt: skip


def write_circuit(folder: Path) -> Path:
    """Write the circuit into a folder and return the path of ``config.json``."""
    for name in ("network", "components/morphologies", "components/models"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "components/morphologies/cell.swc").write_text(SWC)
    (folder / "components/models/fit.json").write_text(json.dumps(FIT))
    (folder / "components/models/allactive.json").write_text(json.dumps(ALLACTIVE))
    (folder / "components/models/cell.nml").write_text(NML)
    (folder / "network/cells_types.csv").write_text(TYPES)
    (folder / "network/inputs_types.csv").write_text("node_type_id model_type ei\n7 virtual e\n")
    (folder / "probe.csv").write_text("channel x_pos y_pos z_pos\n0 30 0 20\n1 30 50 20\n4 30 100 20\n")
    write_nodes(folder / "network/inputs_nodes.h5", "inputs", [7, 7])
    write_nodes(
        folder / "network/cells_nodes.h5",
        "cells",
        [100, 101, 102, 100],
        x=[0.0, 100.0, 200.0, 300.0],
        rotation_angle_yaxis=[0.0, 0.5, 1.0, 1.5],
    )
    (folder / "circuit.json").write_text(json.dumps(CIRCUIT, indent=1))
    (folder / "simulation.json").write_text(json.dumps(SIMULATION, indent=1))
    root = {"network": "circuit.json", "simulation": "./simulation.json"}
    (folder / "config.json").write_text(json.dumps(root))
    return folder / "config.json"


def write_nodes(path: Path, population: str, types: list[int], *, ids: list[int] | None = None, **columns: Any) -> None:
    """Write a nodes file of one population with one group."""
    n = len(types)
    with h5py.File(path, "w") as file:
        file.attrs["magic"], file.attrs["version"] = np.uint32(0x0A7A), np.array([0, 1], dtype=np.uint32)
        group = file.create_group(f"nodes/{population}")
        group["node_type_id"] = np.array(types, dtype=np.uint64)
        group["node_id"] = np.arange(n, dtype=np.uint64) if ids is None else np.array(ids, dtype=np.uint64)
        group["node_group_id"] = np.zeros(n, dtype=np.uint32)
        group["node_group_index"] = np.arange(n, dtype=np.uint64)
        inner = group.create_group("0")
        for name, values in columns.items():
            inner[name] = np.asarray(values) if not isinstance(values[0], str) else values


def change(config: Path, key: str, value: Any) -> Path:
    """Set (or remove) one key of the simulation or circuit file, ``a.b.0.c``; return the root's path."""
    words = key.split(".")
    name = "circuit.json" if words[0] in ("components", "networks") else "simulation.json"
    path = config.with_name(name)
    content = json.loads(path.read_text())
    inner = content
    for word in words[:-1]:
        inner = inner[int(word)] if isinstance(inner, list) else inner.setdefault(word, {})
    if value is REMOVED:
        del inner[words[-1]]
    else:
        inner[words[-1]] = value
    path.write_text(json.dumps(content, indent=1))
    return config


def branching(circuit: Circuit, gid: int) -> Cell:
    """Return the cell of a node that must have branches."""
    cell = circuit.cells[gid]
    assert isinstance(cell, Cell), f"gid {gid} is a {type(cell).__name__}"
    return cell
