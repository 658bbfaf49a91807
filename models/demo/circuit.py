"""The demonstration circuit as SONATA files: morphologies, cell parameters, nodes, configuration.

The cells are not connected; steps of current make them fire. The files are what any SONATA tool reads, and neurosim
runs them by the same code as a user's own: ``neurosim run FOLDER/config.json``.
"""

from __future__ import annotations

import csv
import json
import tomllib
from dataclasses import dataclass
from importlib import resources
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from neurosim.models.demo.trees import BASKET, PYRAMID, write_swc

POPULATION: Final = "demo"
PYRAMIDS, BASKETS, FIRST = "pyramids", "baskets", "first_cell"
"""Names of the node sets."""

_MAGIC: Final = 0x0A7A
_MORPHOLOGIES: Final = {"pyramid": (PYRAMID, 8), "basket": (BASKET, 4)}
_COLUMN_um: Final = 240.0
_ROW_um: Final = 640.0


@dataclass(frozen=True)
class DemoCircuit:
    """What was written.

    Parameters
    ----------
    folder : Path
        Where.
    config : Path
        The configuration to run.
    output : Path
        Where the configuration puts its results.
    kinds : tuple of str
        ``"pyramid"`` or ``"basket"`` for each cell.
    morphologies : tuple of Path
        SWC file of each cell.
    tstop_ms : float
        End of the run.
    """

    folder: Path
    config: Path
    output: Path
    kinds: tuple[str, ...]
    morphologies: tuple[Path, ...]
    tstop_ms: float

    @property
    def cells_n(self) -> int:
        """Number of cells."""
        return len(self.kinds)


def write_circuit(
    folder: str | Path, *, cells_n: int = 12, seed: int = 1, tstop_ms: float = 600.0, dt_ms: float = 0.05
) -> DemoCircuit:
    """Write a circuit of invented cells.

    Parameters
    ----------
    folder : path-like
        Where; made when missing. Files of an earlier circuit are replaced.
    cells_n : int
        Number of cells; every third one is a basket cell.
    seed : int
        Names the circuit: the same seed gives the same files.
    tstop_ms, dt_ms : float
        Simulated time and step.
    """
    folder = Path(folder)
    for name in ("network", "morphologies", "cells"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    kinds = tuple("basket" if k % 3 == 2 else "pyramid" for k in range(cells_n))
    types = _write_types(folder, seed)
    # Cells take the types of their kind in turn, so that up to twelve cells are all different.
    turn = {kind: cycle([number for number, (of, _) in types.items() if of == kind]) for kind in _MORPHOLOGIES}
    numbers = [next(turn[kind]) for kind in kinds]
    _write_nodes(folder / "network" / "nodes.h5", numbers, seed)
    config = _write_configs(folder, tstop_ms, dt_ms)
    swc = tuple(folder / "morphologies" / f"{types[n][1]}.swc" for n in numbers)
    return DemoCircuit(folder, config, folder / "output", kinds, swc, tstop_ms)


def _write_types(folder: Path, seed: int) -> dict[int, tuple[str, str]]:
    """Write SWC files, cell parameters and the table of node types; return number -> (kind, morphology)."""
    parameters = tomllib.loads(resources.files(__package__).joinpath("params/cells.toml").read_text("utf-8"))
    types: dict[int, tuple[str, str]] = {}
    for kind, (shape, count) in _MORPHOLOGIES.items():
        (folder / "cells" / f"{kind}.json").write_text(json.dumps(_cell(parameters[kind]), indent=2), "utf-8")
        for k in range(count):
            morphology = f"{kind}_{k}"
            write_swc(folder / "morphologies" / f"{morphology}.swc", seed=1000 * seed + len(types), shape=shape)
            types[100 + len(types)] = (kind, morphology)
    with (folder / "network" / "node_types.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, delimiter=" ", lineterminator="\n")
        table.writerow(
            ["node_type_id", "pop_name", "model_type", "model_template", "model_processing", "morphology",
             "dynamics_params"]
        )  # fmt: skip
        for number, (kind, morphology) in types.items():
            table.writerow(
                [number, kind, "biophysical", "ctdb:Biophys1.hoc", "aibs_perisomatic", f"{morphology}.swc",
                 f"{kind}.json"]
            )  # fmt: skip
    return types


def _cell(given: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a cell in the form of the Allen Institute's files."""
    genome = [
        {"section": "soma", "name": f"gbar_{name}", "value": value, "mechanism": name}
        for name, value in given["gbar_S_per_cm2"].items()
    ]
    genome += [
        {"section": "soma", "name": f"{name}_CaDynamics", "value": value, "mechanism": "CaDynamics"}
        for name, value in given["CaDynamics"].items()
    ]
    genome += [
        {"section": region, "name": "g_pas", "value": value, "mechanism": ""}
        for region, value in given["g_pas_S_per_cm2"].items()
    ]
    membrane = [{"section": region, "cm": value} for region, value in given["cm_uF_per_cm2"].items()]
    reversal = {"section": "soma", "ena": given["ena_mV"], "ek": given["ek_mV"]}
    return {
        "passive": [{"ra": given["ra_ohm_cm"], "cm": membrane, "e_pas": given["e_pas_mV"]}],
        "conditions": [{"celsius": 34.0, "erev": [reversal], "v_init": given["e_pas_mV"]}],
        "genome": genome,
    }


def _write_nodes(path: Path, type_numbers: list[int], seed: int) -> None:
    """Write the cells with their types and places: a loose grid seen from the front."""
    rng = np.random.default_rng([seed, 7])
    count = len(type_numbers)
    columns = int(np.ceil(np.sqrt(count * _ROW_um / _COLUMN_um)))
    row, column = np.divmod(np.arange(count), columns)
    with h5py.File(path, "w") as file:
        file.attrs["magic"] = np.uint32(_MAGIC)
        file.attrs["version"] = np.array([0, 1], np.uint32)
        nodes = file.create_group(f"nodes/{POPULATION}")
        nodes["node_id"] = np.arange(count, dtype=np.uint64)
        nodes["node_type_id"] = np.array(type_numbers, np.uint64)
        nodes["node_group_id"] = np.zeros(count, np.uint32)
        nodes["node_group_index"] = np.arange(count, dtype=np.uint64)
        group = nodes.create_group("0")
        group["x"] = _COLUMN_um * column + rng.uniform(-30.0, 30.0, count)
        group["y"] = -_ROW_um * row + rng.uniform(-40.0, 40.0, count)
        group["z"] = rng.uniform(-40.0, 40.0, count)


def _clamp(node_set: str, amp_nA: float, delay_ms: float, duration_ms: float) -> dict[str, Any]:
    return {
        "input_type": "current_clamp",
        "module": "IClamp",
        "node_set": node_set,
        "amp": amp_nA,
        "delay": delay_ms,
        "duration": duration_ms,
    }


def _write_configs(folder: Path, tstop_ms: float, dt_ms: float) -> Path:
    """Write circuit, simulation, node sets and the file that joins them; return the last."""
    start_ms, stop_ms = 0.1 * tstop_ms, 0.9 * tstop_ms
    circuit = {
        "manifest": {"$HERE": "${configdir}"},
        "components": {"morphologies_dir": "$HERE/morphologies", "biophysical_neuron_models_dir": "$HERE/cells"},
        "networks": {
            "nodes": [
                {"nodes_file": "$HERE/network/nodes.h5", "node_types_file": "$HERE/network/node_types.csv"}
            ]
        },
    }  # fmt: skip
    simulation = {
        "manifest": {"$HERE": "${configdir}"},
        "target_simulator": "NEURON",
        "run": {"tstop": tstop_ms, "dt": dt_ms, "dL": 20.0, "spike_threshold": -15.0, "nsteps_block": 5000},
        "conditions": {"celsius": 34.0, "v_init": -80.0},
        "node_sets_file": "$HERE/node_sets.json",
        "inputs": {
            "long_step": _clamp(PYRAMIDS, 0.25, start_ms, stop_ms - start_ms),
            "early_step": _clamp(BASKETS, 0.18, start_ms, 0.3 * tstop_ms),
            "late_step": _clamp(BASKETS, 0.3, 0.55 * tstop_ms, 0.3 * tstop_ms),
        },
        "output": {"output_dir": "$HERE/output", "spikes_file": "spikes.h5", "spikes_sort_order": "time"},
        "reports": {
            "soma_v": {"cells": "all", "variable_name": "v", "module": "membrane_report", "sections": "soma"},
            "tree_v": {"cells": FIRST, "variable_name": "v", "module": "membrane_report", "sections": "all"},
        },
    }
    node_sets = {PYRAMIDS: {"pop_name": "pyramid"}, BASKETS: {"pop_name": "basket"}, FIRST: {"node_id": [0]}}
    whole = {"network": "./circuit_config.json", "simulation": "./simulation_config.json"}
    files = {"circuit_config": circuit, "simulation_config": simulation, "node_sets": node_sets, "config": whole}
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return folder / "config.json"
