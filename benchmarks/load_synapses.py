"""A million synapses from SONATA: the time to read them and the memory they keep.

The circuit is made here: ``--cells`` copies of the three cells of ``9_cells``, ``--virtual`` virtual cells, and
``--synapses`` Exp2Syn of two types at given sections and positions, with a weight and a delay each, in the files' usual
layout (sorted by target, indices both ways). It is read by ``circuit.read`` and, for what an engine adds, built by
``Simulation.build``, each time in a process of its own.

Memory is the difference to the same circuit with a synapse for each cell: ``bytes_per_synapse`` of what Python and
NumPy hold after reading (``tracemalloc``), ``built_bytes_per_synapse`` when the simulation is ready to run, and
``peak_bytes_per_synapse`` of the resident memory of the process while reading.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from common import commit, model
from sonata_command import DATA

from neurosim.cli import neurosim_version

EXAMPLE = DATA / "9_cells"
SEED = 3
_CHUNK = 1 << 16


def write_circuit(folder: Path, *, cells: int, virtual: int, synapses: int) -> Path:
    """Write the circuit and return the path of its configuration."""
    types = _node_types()
    _write_nodes(folder / "cells.h5", "cells", np.arange(cells) % 3 + 100)
    _write_nodes(folder / "input.h5", "input", np.full(virtual, 100))
    (folder / "cells.csv").write_text(types, "utf-8")
    (folder / "input.csv").write_text("node_type_id model_type\n100 virtual\n", "utf-8")
    (folder / "edges.csv").write_text(
        "edge_type_id model_template dynamics_params\n100 Exp2Syn AMPA_ExcToExc.json\n101 Exp2Syn GABA_InhToExc.json\n",
        "utf-8",
    )
    _write_edges(folder / "edges.h5", cells=cells, virtual=virtual, synapses=synapses)
    components = EXAMPLE.parent / "shared_components"
    names = ("cells", "input")
    config = {
        "components": {
            "morphologies_dir": str(components / "morphologies"),
            "synaptic_models_dir": str(components / "synaptic_models"),
            "biophysical_neuron_models_dir": str(components / "biophysical_neuron_templates"),
        },
        "networks": {
            "nodes": [{"nodes_file": f"{name}.h5", "node_types_file": f"{name}.csv"} for name in names],
            "edges": [{"edges_file": "edges.h5", "edge_types_file": "edges.csv"}],
        },
        "run": {"tstop": 10.0, "dt": 0.1, "dL": 20.0, "spike_threshold": -15},
        "conditions": {"celsius": 34.0, "v_init": -80},
        "inputs": {
            "spikes": {"input_type": "spikes", "module": "csv", "input_file": "spikes.csv", "node_set": "input"}
        },
        "node_sets": {"input": {"population": "input"}},
        "output": {"output_dir": "output", "spikes_file": "spikes.h5"},
        "target_simulator": "NEURON",
    }
    (folder / "spikes.csv").write_text("timestamps population node_ids\n1.0 input 0\n", "utf-8")
    (folder / "config.json").write_text(json.dumps(config, indent=1), "utf-8")
    return folder / "config.json"


def _node_types() -> str:
    return (EXAMPLE / "network" / "cortex_node_types.csv").read_text("utf-8")


def _write_nodes(path: Path, name: str, types: Any) -> None:
    with h5py.File(path, "w") as file:
        group = file.create_group(f"nodes/{name}")
        n = len(types)
        group["node_id"] = np.arange(n, dtype=np.uint64)
        group["node_type_id"] = types.astype(np.uint64)
        group["node_group_id"] = np.zeros(n, np.uint32)
        group["node_group_index"] = np.arange(n, dtype=np.uint64)
        group.create_group("0")


def _write_edges(path: Path, *, cells: int, virtual: int, synapses: int) -> None:
    rng = np.random.default_rng(SEED)
    target = np.sort(rng.integers(0, cells, synapses))
    source = rng.integers(0, virtual, synapses)
    places = _given_sections()
    section = np.empty(synapses, np.int32)
    for kind, known in enumerate(places):
        of_kind = np.flatnonzero(target % 3 == kind)
        section[of_kind] = rng.choice(known, len(of_kind))
    columns = {
        "sec_id": section,
        "sec_x": rng.random(synapses),
        "syn_weight": rng.uniform(1e-6, 1e-5, synapses),
        "delay": rng.uniform(1.0, 5.0, synapses),
    }
    with h5py.File(path, "w") as file:
        group = file.create_group("edges/input_to_cells")
        rows = {
            "edge_group_id": np.zeros(synapses, np.uint16),
            "edge_group_index": np.arange(synapses, dtype=np.uint32),
            "edge_type_id": 100 + (rng.random(synapses) < 0.2).astype(np.uint32),
            "source_node_id": source.astype(np.uint64),
            "target_node_id": target.astype(np.uint64),
        }
        for name, column in [*rows.items(), *((f"0/{name}", column) for name, column in columns.items())]:
            group.create_dataset(name, data=column, chunks=(min(_CHUNK, synapses),))
        group["source_node_id"].attrs["node_population"] = "input"
        group["target_node_id"].attrs["node_population"] = "cells"
        _write_index(group.create_group("indices/target_to_source"), target, cells)


def _write_index(group: Any, ids: Any, count: int) -> None:
    """Write one range for each node of a sorted column."""
    bounds = np.searchsorted(ids, np.arange(count + 1))
    nodes = np.arange(count)
    group["node_id_to_range"] = np.column_stack([nodes, nodes + 1]).astype(np.uint64)
    group["range_to_edge_id"] = np.column_stack([bounds[:-1], bounds[1:]]).astype(np.uint64)


def _given_sections() -> list[Any]:
    """Return for each of the three types the sections that ``9_cells`` puts synapses on."""
    with h5py.File(EXAMPLE / "network" / "excvirt_cortex_edges.h5") as file:
        edges = file["edges/excvirt_to_cortex"]
        target, section = edges["target_node_id"][()], edges["0/sec_id"][()]
    with h5py.File(EXAMPLE / "network" / "cortex_nodes.h5") as file:
        kind = file["nodes/cortex/node_type_id"][()][np.argsort(file["nodes/cortex/node_id"][()])][target.astype(int)]
    return [np.unique(section[kind == 100 + k]) for k in range(3)]


# --- the measured process -----------------------------------------------------------------------------------------


def measure(path: Path, *, traced: bool, build: bool) -> dict[str, float]:
    """Read, and build if wanted; return times in s, and memory in bytes: traced what is kept, else the peak."""
    from neurosim.sonata import circuit

    if traced:
        tracemalloc.start()
    start_s = time.perf_counter()
    found = circuit.read(path)
    result = {"read_s": time.perf_counter() - start_s, "peak": model.rss_mb() * 2**20}
    gc.collect()
    if traced:
        result["kept"] = tracemalloc.get_traced_memory()[0]
    if build:
        sim = found.simulation()
        start_s = time.perf_counter()
        sim.build()
        result["build_s"] = time.perf_counter() - start_s
        gc.collect()
        if traced:
            result["built"] = tracemalloc.get_traced_memory()[0]
    return result


def child(path: Path, *, traced: bool, build: bool) -> dict[str, float]:
    """Run ``measure`` in a process of its own."""
    options = (["--traced"] if traced else []) + ([] if build else ["--read-only"])
    command = [sys.executable, __file__, "--measure", str(path), *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"reading failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Write the circuits, measure, print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--virtual", type=int, default=1000)
    parser.add_argument("--synapses", type=int, default=1_000_000)
    parser.add_argument("--label", default="", help="name put in the engine field")
    parser.add_argument("--read-only", action="store_true", help="do not build the simulation")
    parser.add_argument("--measure", type=Path, metavar="CONFIG", help=argparse.SUPPRESS)
    parser.add_argument("--traced", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    build = not args.read_only
    if args.measure:
        print(json.dumps(measure(args.measure, traced=args.traced, build=build)))
        return
    with tempfile.TemporaryDirectory(prefix="load-synapses-") as name:
        configs = []
        for count in (args.synapses, args.cells):
            folder = Path(name) / str(count)
            folder.mkdir()
            configs.append(write_circuit(folder, cells=args.cells, virtual=args.virtual, synapses=count))
        if build:  # kernels are compiled once, untimed
            child(configs[1], traced=False, build=True)
        many, few = (child(config, traced=False, build=build) for config in configs)
        many_kept, few_kept = (child(config, traced=True, build=build) for config in configs)
    more = args.synapses - args.cells
    line: dict[str, Any] = {
        "engine": args.label or "neurosim",
        "case": "load",
        "ncells": args.cells,
        "synapses": args.synapses,
        "read_s": round(many["read_s"], 3),
        "read_without_synapses_s": round(few["read_s"], 3),
        "bytes_per_synapse": round((many_kept["kept"] - few_kept["kept"]) / more, 1),
        "peak_bytes_per_synapse": round((many["peak"] - few["peak"]) / more, 1),
        "version": neurosim_version(),
        "commit": commit(),
    }
    if build:
        line["build_s"] = round(many["build_s"], 3)
        line["built_bytes_per_synapse"] = round((many_kept["built"] - few_kept["built"]) / more, 1)
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
