"""A small circuit in the layout of the Allen Institute's V1 model (Billeh et al. 2020), made by our own generator.

What is as in the published files: one population ``v1`` of biophysical (``ctdb:Biophys1.hoc``) and point
(``nrn:IntFire1``) nodes; virtual ``lgn`` and ``bkg``; node columns x, y, z, tuning_angle, rotation_angle_yaxis; edges
in groups, one for biophysical targets (``nsyns`` synapses drawn on target sections within a distance range) and one for
point targets; weights by DirectionRule_EE, DirectionRule_others and wmax; LGN spikes as NWB with trials, background as
H5; the configuration in one file or split in two. What is not: how many cells there are, where they lie (a disc of a
twentieth of the diameter, so that the rules give weights that matter), connections and weights, all drawn here.

The five biophysical types are the Allen cells of ``../shared/data/sonata``, read where they lie; without that folder
the invented cells of ``neurosim.models.demo`` stand for them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from neurosim.models.demo import write_circuit
from tests.v1_edges import Node, feedforward, new_h5, recurrent, write_edges, write_table

_PLACE: Final = os.environ.get("NEUROSIM_SHARED_DIR", Path(__file__).resolve().parents[2] / "shared")
SHARED: Final = Path(_PLACE) / "data/sonata/shared_components"
TRIALS: Final = 3

# pop_name, ei, fit file, morphology; then the name of the point cells of the annulus.
_ALLEN: Final = (
    ("e4Scnn1a", "e", "472363762_fit.json", "Scnn1a_473845048_m.swc"),
    ("e4Rorb", "e", "473863510_fit.json", "Rorb_325404214_m.swc"),
    ("e4Nr5a1", "e", "473863035_fit.json", "Nr5a1_471087815_m.swc"),
    ("i4Pvalb", "i", "472912177_fit.json", "Pvalb_470522102_m.swc"),
    ("i4Pvalb", "i", "473862421_fit.json", "Pvalb_469628681_m.swc"),
)
_DEMO: Final = tuple(
    (name, ei, "pyramid.json" if ei == "e" else "basket.json", f"{'pyramid' if ei == 'e' else 'basket'}_{k % 3}.swc")
    for k, (name, ei, _, _) in enumerate(_ALLEN)
)
_POINT: Final = (("LIFe4Scnn1a", "e", "IntFire1_exc_1.json"), ("LIFi4Pvalb", "i", "IntFire1_inh_1.json"))
_SYNAPSES: Final[dict[str, dict[str, Any]]] = {
    "AMPA_ExcToExc": {"level_of_detail": "exp2syn", "tau1": 1.0, "tau2": 3.0, "erev": 0.0},
    "AMPA_ExcToInh": {"level_of_detail": "exp2syn", "tau1": 0.1, "tau2": 0.5, "erev": 0.0},
    "GABA_InhToExc": {"level_of_detail": "exp2syn", "tau1": 2.7, "tau2": 15.0, "erev": -70.0},
    "GABA_InhToInh": {"level_of_detail": "exp2syn", "tau1": 0.2, "tau2": 8.0, "erev": -70.0},
    "instantaneousExc": {"level_of_detail": "instantaneous", "sign": 1},
    "instantaneousInh": {"level_of_detail": "instantaneous", "sign": -1},
}
_POINT_MODELS: Final = {
    "IntFire1_exc_1": {"tau": 0.0229, "refrac": 0.003},
    "IntFire1_inh_1": {"tau": 0.0086, "refrac": 0.002},
}


@dataclass(frozen=True)
class V1Layout:
    """What was written: the folder, the configuration to run, and how many nodes of each kind there are."""

    folder: Path
    config: Path
    biophysical_n: int
    point_n: int
    lgn_n: int
    bkg_n: int
    tstop_ms: float


def write_v1(
    folder: str | Path,
    *,
    split: bool = True,
    allen: bool | None = None,
    types: Sequence[int] = (0, 1, 2, 3, 4),
    biophysical_n: int = 12,
    point_n: int = 30,
    lgn_n: int = 8,
    bkg_n: int = 3,
    tstop_ms: float = 100.0,
    dt_ms: float = 0.1,
    seed: int = 1,
) -> V1Layout:
    """Write the circuit.

    Parameters
    ----------
    folder : path-like
        Where; made when missing.
    split : bool
        Circuit and simulation in two files with manifests, or everything in one file.
    allen : bool, optional
        The Allen cells or the invented ones; by default the Allen cells where they are there.
    types : sequence of int
        Which of the five biophysical types are used.
    biophysical_n, point_n, lgn_n, bkg_n : int
        Numbers of nodes.
    tstop_ms, dt_ms : float
        Simulated time and step.
    seed : int
        The same seed gives the same files.
    """
    folder = Path(folder)
    for name in ("network", "inputs", "components/synaptic_models", "components/point_neuron_models"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    allen = SHARED.is_dir() if allen is None else allen
    components = _write_components(folder, allen=allen)
    rng = np.random.default_rng(seed)
    nodes = _write_v1_nodes(folder / "network", (_ALLEN if allen else _DEMO), types, biophysical_n, point_n, rng)
    for name, count in (("lgn", lgn_n), ("bkg", bkg_n)):
        _write_virtual_nodes(folder / "network", name, count, rng)
    write_edges(folder / "network", "v1", "v1", *recurrent(nodes, rng), sources_n=len(nodes), targets_n=len(nodes))
    for name, count in (("lgn", lgn_n), ("bkg", bkg_n)):
        write_edges(folder / "network", name, "v1", *feedforward(name, nodes, count, rng),
                     sources_n=count, targets_n=len(nodes))  # fmt: skip
    _write_nwb(folder / "inputs/lgn_spikes.nwb", lgn_n, tstop_ms, rng)
    _write_h5_spikes(folder / "inputs/bkg_spikes.h5", "bkg", bkg_n, tstop_ms, rng)
    config = _write_config(folder, components, split, tstop_ms, dt_ms)
    return V1Layout(folder, config, biophysical_n, point_n, lgn_n, bkg_n, tstop_ms)


# --- components -------------------------------------------------------------------------------------------------------


def _write_components(folder: Path, *, allen: bool) -> dict[str, str]:
    """Write synapses and point cells; return the folders of components, those of this circuit as ``$COMPONENTS/…``."""
    for kind, models in (("synaptic_models", _SYNAPSES), ("point_neuron_models", _POINT_MODELS)):
        for name, values in models.items():
            (folder / f"components/{kind}/{name}.json").write_text(json.dumps(values, indent=2), "utf-8")
    found = {name: f"$COMPONENTS/{name}" for name in ("synaptic_models", "point_neuron_models")}
    if allen:
        found["morphologies"] = str(SHARED / "morphologies")
        found["biophysical_neuron_models"] = str(SHARED / "biophysical_neuron_templates/json")
    else:
        write_circuit(folder / "components/invented", cells_n=1)
        found["morphologies"] = "$COMPONENTS/invented/morphologies"
        found["biophysical_neuron_models"] = "$COMPONENTS/invented/cells"
    return {f"{name}_dir": place for name, place in found.items()}


# --- nodes ------------------------------------------------------------------------------------------------------------


def _write_v1_nodes(
    folder: Path, models: Any, types: Sequence[int], biophysical_n: int, point_n: int, rng: np.random.Generator
) -> list[Node]:
    table = [
        ["node_type_id", "pop_name", "ei", "location", "model_type", "model_template", "model_processing",
         "dynamics_params", "morphology", "rotation_angle_zaxis"]
    ]  # fmt: skip
    for k, (name, ei, fit, swc) in enumerate(models):
        angle = "NULL" if ei == "i" else f"{-0.1 * (k + 1):.3f}"
        table.append([str(518000000 + k), name, ei, "VisL4", "biophysical", "ctdb:Biophys1.hoc", "aibs_perisomatic",
                      fit, swc, angle])  # fmt: skip
    for k, (name, ei, parameters) in enumerate(_POINT):
        table.append(
            [str(100000 + k), name, ei, "VisL4", "point_neuron", "nrn:IntFire1", "NULL", parameters, "NULL", "NULL"]
        )
    write_table(folder / "v1_node_types.csv", table)
    nodes = [Node(518000000 + (k := types[i % len(types)]), models[k][1], False) for i in range(biophysical_n)]
    # Four of five point cells are excitatory.
    nodes += [Node(100000 + int(i % 5 == 4), "i" if i % 5 == 4 else "e", True) for i in range(point_n)]
    n = len(nodes)
    annulus = np.array([node.point for node in nodes])
    radius = np.where(annulus, rng.uniform(20.0, 42.25, n), 20.0 * np.sqrt(rng.random(n)))
    phi = rng.uniform(0, 2 * np.pi, n)
    columns = {
        "x": radius * np.cos(phi),
        "y": rng.uniform(-430.0, -310.0, n),
        "z": radius * np.sin(phi),
        "tuning_angle": rng.uniform(0.0, 360.0, n),
    }
    with new_h5(folder / "v1_nodes.h5") as file:
        group = _nodes_group(file, "v1", [node.type_id for node in nodes])
        point = np.array([node.point for node in nodes])
        group["node_group_id"] = point.astype(np.uint16)
        group["node_group_index"] = np.where(point, np.cumsum(point) - 1, np.cumsum(~point) - 1).astype(np.uint64)
        for label, rows in (("0", ~point), ("1", point)):
            for name, values in columns.items():
                group[f"{label}/{name}"] = values[rows]
        group["0/rotation_angle_yaxis"] = rng.uniform(0.0, 2 * np.pi, biophysical_n)
    return nodes


def _write_virtual_nodes(folder: Path, name: str, count: int, rng: np.random.Generator) -> None:
    write_table(
        folder / f"{name}_node_types.csv",
        [
            ["node_type_id", "pop_name", "model_type", "location"],
            ["7", "sON_TF4" if name == "lgn" else "bkg", "virtual", name],
        ],
    )
    with new_h5(folder / f"{name}_nodes.h5") as file:
        group = _nodes_group(file, name, [7] * count)
        group["node_group_id"] = np.zeros(count, np.uint16)
        group["node_group_index"] = np.arange(count, dtype=np.uint64)
        group.create_group("0")
        if name == "lgn":
            group["0/x"], group["0/y"] = rng.uniform(0.0, 240.0, count), rng.uniform(0.0, 120.0, count)


def _nodes_group(file: h5py.File, name: str, type_ids: list[int]) -> h5py.Group:
    group = file.create_group(f"nodes/{name}")
    group["node_id"] = np.arange(len(type_ids), dtype=np.uint64)
    group["node_type_id"] = np.array(type_ids, np.uint64)
    return group


# --- inputs and configuration -----------------------------------------------------------------------------------------


def _trains(count: int, rate_Hz: float, tstop_ms: float, rng: np.random.Generator) -> list[Any]:
    return [np.sort(rng.uniform(0.0, tstop_ms, rng.poisson(rate_Hz * tstop_ms / 1000.0))) for _ in range(count)]


def _write_nwb(path: Path, count: int, tstop_ms: float, rng: np.random.Generator) -> None:
    with h5py.File(path, "w") as file:
        for trial in range(TRIALS):
            for node, times in enumerate(_trains(count, 60.0, tstop_ms, rng)):
                train = file.create_group(f"processing/trial_{trial}/spike_train/{node}")
                train["data"] = times
                train["data"].attrs["dimension"] = np.bytes_("time")
                train["data"].attrs["unit"] = np.bytes_("millisecond")


def _write_h5_spikes(path: Path, population: str, count: int, tstop_ms: float, rng: np.random.Generator) -> None:
    trains = _trains(count, 250.0, tstop_ms, rng)
    with new_h5(path) as file:
        group = file.create_group(f"spikes/{population}")
        group["timestamps"] = np.concatenate(trains)
        group["timestamps"].attrs["units"] = "ms"
        group["node_ids"] = np.repeat(np.arange(count, dtype=np.uint64), [len(t) for t in trains])


def _write_config(folder: Path, components: Mapping[str, str], split: bool, tstop_ms: float, dt_ms: float) -> Path:
    def both(kind: str, names: Sequence[str]) -> list[dict[str, str]]:
        return [
            {f"{kind}s_file": f"$NETWORK/{name}_{kind}s.h5", f"{kind}_types_file": f"$NETWORK/{name}_{kind}_types.csv"}
            for name in names
        ]

    manifest = {"$BASE": "${configdir}", "$NETWORK": "$BASE/network", "$COMPONENTS": "$BASE/components",
                "$OUTPUT": "$BASE/output"}  # fmt: skip
    circuit = {
        "components": dict(components),
        "networks": {"nodes": both("node", ("v1", "lgn", "bkg")), "edges": both("edge", ("v1_v1", "lgn_v1", "bkg_v1"))},
    }
    simulation = {
        "target_simulator": "NEURON",
        "run": {"tstop": tstop_ms, "dt": dt_ms, "dL": 20.0, "spike_threshold": -15, "nsteps_block": 500},
        "conditions": {"celsius": 34.0, "v_init": -80.0},
        "inputs": {
            "LGN_spikes": {"input_type": "spikes", "module": "nwb", "input_file": "$BASE/inputs/lgn_spikes.nwb",
                           "node_set": "lgn", "trial": "trial_1"},
            "BKG_spikes": {"input_type": "spikes", "module": "h5", "input_file": "$BASE/inputs/bkg_spikes.h5",
                           "node_set": "bkg"},
        },
        "output": {"output_dir": "$OUTPUT", "log_file": "log.txt", "spikes_file": "spikes.h5",
                   "spikes_sort_order": "time", "overwrite_output_dir": True},
        "reports": {},
    }  # fmt: skip
    config = folder / "config.json"
    if not split:
        config.write_text(json.dumps({"manifest": manifest, **simulation, **circuit}, indent=2), "utf-8")
        return config
    for name, content in (("circuit", circuit), ("simulation", simulation)):
        (folder / f"{name}_config.json").write_text(json.dumps({"manifest": manifest, **content}, indent=2), "utf-8")
    root = {"manifest": {"$BASE": "${configdir}"}, "network": "$BASE/circuit_config.json",
            "simulation": "$BASE/simulation_config.json"}  # fmt: skip
    config.write_text(json.dumps(root, indent=2), "utf-8")
    return config
