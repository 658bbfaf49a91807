"""Make ``tests/data/demo_neuron9.h5``: the demonstration circuit run by BMTK and NEURON.

    python tests/reference/make_demo.py        (about a minute; needs bmtk, neuron, a C++ compiler)

Holds every spike and the soma voltages at every millisecond.
"""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import h5py
import numpy as np

from neurosim.models.demo import DemoCircuit, write_circuit

# What a user's run_bionet.py does.
RUN = """
import sys, neuron
neuron.load_mechanisms(sys.argv[2])
from bmtk.simulator import bionet
config = bionet.Config.from_json(sys.argv[1])
config.build_env()
network = bionet.BioNetwork.from_config(config)
bionet.BioSimulator.from_config(config, network=network).run()
"""
EVERY = 20


def mechanisms(folder: Path) -> Path:
    """Compile the .mod files that BMTK ships."""
    found = find_spec("bmtk")
    if found is None or found.origin is None:
        raise SystemExit("BMTK is not installed")
    folder.mkdir()
    for path in (Path(found.origin).parent / "utils/scripts/bionet/mechanisms/modfiles").glob("*.mod"):
        shutil.copy(path, folder)
    tools = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": tools + os.pathsep + os.environ["PATH"]}
    subprocess.run(["nrnivmodl", "."], cwd=folder, env=env, check=True, capture_output=True)
    return folder


def store(circuit: DemoCircuit, path: Path) -> None:
    """Copy what the tests compare."""
    with h5py.File(circuit.output / "spikes.h5") as spikes, h5py.File(circuit.output / "soma_v.h5") as report:
        times = spikes["spikes/demo/timestamps"][:]
        nodes = spikes["spikes/demo/node_ids"][:]
        v_mV = report["report/demo/data"][EVERY - 1 :: EVERY]
    order = np.lexsort((nodes, times))
    with h5py.File(path, "w") as file:
        file["node_ids"], file["timestamps_ms"] = nodes[order].astype(np.uint64), times[order]
        file.create_dataset("soma_v_mV", data=v_mV, compression="gzip", shuffle=True)
        file.attrs["every"] = EVERY
        file.attrs["made_by"] = f"tests/reference/make_demo.py, bmtk {version('bmtk')}, neuron {version('neuron')}"
        file.attrs["date"] = datetime.date.today().isoformat()
    print(f"{path}: {path.stat().st_size} bytes, {len(times)} spikes")


def main() -> None:
    """Write, run, store."""
    with tempfile.TemporaryDirectory() as name:
        circuit = write_circuit(Path(name) / "demo")
        compiled = mechanisms(Path(name) / "mechanisms")
        subprocess.run([sys.executable, "-c", RUN, str(circuit.config), str(compiled)], cwd=circuit.folder, check=True)
        store(circuit, Path(__file__).parent.parent / "data" / "demo_neuron9.h5")


if __name__ == "__main__":
    main()
