"""What MPI, its launcher and this machine offer: facts for ``neurosim doctor``."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.errors import NeurosimError
from neurosim.hpc.comm import collected_bytes
from neurosim.hpc.launcher import promised

if TYPE_CHECKING:
    from neurosim.hpc.mpi_comm import MpiComm


def examine() -> dict[str, Any]:
    """Return all facts in process 0, an empty record elsewhere; all processes call this.

    Sections ``launcher``, ``mpi`` (``error`` where there is none), ``ranks``, ``latency`` and ``machine`` (with two
    processes or more), ``hdf5``, ``numba``, ``cuda``.
    """
    told = promised()
    found: dict[str, Any] = {"launcher": {"variable": told and told[0], "processes": told[1] if told else 1}}
    rank = 0
    try:
        from neurosim.hpc.world import world

        comm = world()
    except NeurosimError as error:
        comm, found["mpi"] = None, {"error": str(error)}
    if comm is None:
        found.setdefault("mpi", {"error": 'mpi4py is not installed: pip install "neurosim[mpi]"'})
        found["ranks"] = [_rank_here()]
    else:
        rank = comm.rank
        found["mpi"] = _mpi()
        found["ranks"] = [json.loads(text) for text in collected_bytes(comm, json.dumps(_rank_here()).encode())]
        found |= _latency(comm, found["ranks"])
    if rank:
        return {}
    return found | {"hdf5": _hdf5(), "numba": _numba(), "cuda": _cuda()}


def _rank_here() -> dict[str, Any]:
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    return {"host": platform.node(), "pid": os.getpid(), "cores": cores}


def _mpi() -> dict[str, Any]:
    from mpi4py import MPI

    levels = {
        MPI.THREAD_SINGLE: "single",
        MPI.THREAD_FUNNELED: "funneled",
        MPI.THREAD_SERIALIZED: "serialized",
        MPI.THREAD_MULTIPLE: "multiple",
    }
    name, numbers = MPI.get_vendor()
    file = str(MPI.__file__)
    abi = next((word for word in ("openmpi", "mpich", "impi", "mpiabi") if f".{word}" in file), "built for this MPI")
    return {
        "library": f"{name} {'.'.join(map(str, numbers))}",
        "standard": ".".join(map(str, MPI.Get_version())),
        "abi": abi,
        "file": file,
        "mpi4py": version("mpi4py"),
        "size": MPI.COMM_WORLD.Get_size(),
        "thread_level": levels.get(MPI.Query_thread(), "unknown"),
    }


def _latency(comm: MpiComm, ranks: list[dict[str, Any]]) -> dict[str, Any]:
    """Measure with two processes or more."""
    if comm.size == 1:
        return {}
    from neurosim.hpc import latency

    lines = latency.table(comm)
    machines = len(np.unique(comm.nodes().node_of))
    crowded = _crowded(ranks)
    return {
        "latency": [asdict(line) for line in lines],
        "crowded": crowded,
        "machine": latency.summary(lines, size=comm.size, machines=machines, crowded=crowded),
    }


def _crowded(ranks: list[dict[str, Any]]) -> bool:
    """Return whether some machine has more processes than cores."""
    hosts = {rank["host"] for rank in ranks}
    here = {host: [rank for rank in ranks if rank["host"] == host] for host in hosts}
    return any(len(found) > len({core for rank in found for core in rank["cores"]}) for found in here.values())


def _hdf5() -> dict[str, Any]:
    import h5py

    return {"h5py": h5py.version.version, "hdf5": h5py.version.hdf5_version, "mpi": bool(h5py.get_config().mpi)}


def _numba() -> dict[str, Any]:
    import numba
    from llvmlite import binding

    return {
        "numba": numba.__version__,
        "cpu": str(binding.get_host_cpu_name()),
        "threads": int(numba.config.NUMBA_NUM_THREADS),
        "threading_layer": _threading_layer(),
    }


def _threading_layer() -> str:
    """Return the layer that Numba would take for parallel loops; neurosim has threads of its own."""
    for name, module in (("tbb", "tbbpool"), ("omp", "omppool"), ("workqueue", "workqueue")):
        if find_spec(f"numba.np.ufunc.{module}") is not None:
            try:
                __import__(f"numba.np.ufunc.{module}")
            except ImportError:
                continue
            return name
    return "none"


def _cuda() -> dict[str, Any]:
    """Return what is known of GPUs without starting CUDA."""
    found: dict[str, Any] = {}
    for package in ("numba-cuda", "cuda-python"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    path = "/proc/driver/nvidia/gpus"
    found["gpus"] = len(os.listdir(path)) if os.path.isdir(path) else 0
    found["visible"] = os.environ.get("CUDA_VISIBLE_DEVICES")
    return found
