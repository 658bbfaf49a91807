"""A SONATA example as a whole command: neurosim against BMTK + NEURON.

Wall time of the process from start to end: imports, reading, building, running, writing. The configuration is the
example's own: ``5_cells_iclamp`` (three current steps, 4000 ms, soma reports of v and cai, extracellular potential of
86 channels; ``--without-ecp`` drops the last, which dominates BMTK's time) or ``9_cells`` (1289 synapses driven by 20
virtual cells, 3000 ms, the same soma reports). Output goes to a scratch folder.

BMTK needs compiled mechanisms: its own .mod files are built once with nrnivmodl into a scratch folder, untimed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from common import BENCH_DIR, commit

DATA = Path(os.environ.get("NEUROSIM_BENCH_DATA", BENCH_DIR.parent / "data" / "sonata"))
CASES = {"5_cells_iclamp": "sonata5", "9_cells": "sonata9"}
SCRATCH = Path(os.environ.get("NEUROSIM_BENCH_SCRATCH", Path(tempfile.gettempdir()) / "neurosim-bench"))


def write_config(example: Path, folder: Path, *, tstop_ms: float | None, ecp: bool) -> Path:
    """Write the example's configuration with other outputs and return its path."""
    simulation = json.loads((example / "simulation_config.json").read_text("utf-8"))
    circuit = json.loads((example / "circuit_config.json").read_text("utf-8"))
    for part in (simulation, circuit):
        for name, value in part["manifest"].items():
            if value.startswith("."):
                part["manifest"][name] = str((example / value).resolve())
    # BMTK loads compiled mechanisms from here; neurosim has these mechanisms in its library.
    circuit["components"].pop("mechanisms_dir", None)
    simulation["manifest"]["$OUTPUT_DIR"] = str(folder / "output")
    simulation["network"] = str(folder / "circuit_config.json")
    if tstop_ms is not None:
        simulation["run"]["tstop"] = tstop_ms
    if not ecp:
        simulation["reports"].pop("ecp", None)
    whole = {"network": str(folder / "circuit_config.json"), "simulation": str(folder / "simulation_config.json")}
    for name, content in (("circuit_config", circuit), ("simulation_config", simulation), ("config", whole)):
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1), "utf-8")
    return folder / "config.json"


def mechanisms() -> Path:
    """Return the folder of BMTK's compiled mechanisms, building it when missing."""
    folder = SCRATCH / f"bmtk-{version('bmtk')}-neuron-{version('neuron')}"
    if not (folder / "built").exists():
        found = find_spec("bmtk")
        if found is None or found.origin is None:
            raise SystemExit("BMTK is not installed: pip install 'neurosim[bench]'")
        source = Path(found.origin).parent / "utils" / "scripts" / "bionet" / "mechanisms" / "modfiles"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path in source.glob("*.mod"):
            shutil.copy(path, folder)
        command = [str(Path(sys.executable).with_name("nrnivmodl")), "."]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "PATH": path})
        if done.returncode:
            raise SystemExit(f"nrnivmodl failed in {folder}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        (folder / "built").touch()
    return folder


# What a user's run_bionet.py does.
BMTK = """
import sys, neuron
neuron.load_mechanisms(sys.argv[2])
from bmtk.simulator import bionet
config = bionet.Config.from_json(sys.argv[1])
config.build_env()
network = bionet.BioNetwork.from_config(config)
bionet.BioSimulator.from_config(config, network=network).run()
"""


def count_spikes(output: Path) -> int:
    """Return the number of spikes in the file that was written."""
    import h5py

    with h5py.File(output / "spikes.h5") as file:
        return sum(len(file[f"spikes/{name}/timestamps"]) for name in file["spikes"])


def time_engine(engine: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run one engine once and return the fields of the JSON line."""
    env = dict(os.environ, OMP_NUM_THREADS="1")
    # An installation keeps its bytecode; without it Python would compile neurosim's modules anew in every run.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="sonata-command-") as name:
        folder = Path(name)
        config = write_config(DATA / args.example, folder, tstop_ms=args.tstop, ecp=not args.without_ecp)
        if engine == "bmtk":
            command = [sys.executable, "-c", BMTK, str(config), str(mechanisms())]
        else:
            command = [sys.executable, "-m", "neurosim", "run", str(config), "--threads", str(args.threads)]
        if engine == "neurosim" and args.cold:
            # The second is Numba's own: it holds what neurosim compiles of itself, beside the generated code.
            env["NEUROSIM_CACHE_DIR"] = env["NUMBA_CACHE_DIR"] = str(folder / "cache")
        cpu_s = _children_cpu_s()
        start_s = time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=env)
        wall_s = time.perf_counter() - start_s
        if done.returncode:
            raise SystemExit(f"{engine} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        spikes = count_spikes(folder / "output")
    return {
        "engine": args.label or engine,
        "case": CASES[args.example] + ("+ecp" if args.example == "5_cells_iclamp" and not args.without_ecp else ""),
        "tstop_ms": args.tstop or "as configured",
        "threads": args.threads,
        "wall_s": round(wall_s, 3),
        "cpu_s": round(_children_cpu_s() - cpu_s, 3),
        "spikes": spikes,
        "cold": bool(engine == "neurosim" and args.cold),
        "version": version(engine),
        "commit": commit(),
    }


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Read the command line, run, print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--example", choices=list(CASES), default="5_cells_iclamp")
    parser.add_argument("--engine", choices=["neurosim", "bmtk"], default="neurosim")
    parser.add_argument("--tstop", type=float, help="ms; as configured when left out")
    parser.add_argument("--threads", type=int, default=1, help="neurosim only")
    parser.add_argument("--without-ecp", action="store_true", help="leave the extracellular potential out")
    parser.add_argument("--cold", action="store_true", help="neurosim: compile every kernel")
    parser.add_argument("--label", default="", help="name put in the engine field")
    args = parser.parse_args()
    if not (DATA / args.example).is_dir():
        raise SystemExit(
            f"{DATA / args.example}: not there; set NEUROSIM_BENCH_DATA to the folder of the SONATA examples."
        )
    print(json.dumps(time_engine(args.engine, args)), flush=True)


if __name__ == "__main__":
    main()
