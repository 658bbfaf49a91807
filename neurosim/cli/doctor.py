"""``neurosim doctor``: what MPI, its launcher and this machine offer, before a long run finds out.

``mpiexec -n 4 neurosim doctor`` measures messages as well; ``--json FILE`` keeps all, for ``neurosim plan``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from neurosim.errors import OutputError

_TROUBLE = 1


def add(subparsers: Any) -> None:
    """Declare the arguments."""
    parser = subparsers.add_parser(
        "doctor",
        help="show what MPI, its launcher and this machine offer, with latencies",
        description="Show library, launcher, cores of each process, times of messages, HDF5, Numba and CUDA. Start it "
        "as you start a run, by mpiexec or srun. Exit code 1: runs of several processes would not work.",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all facts to a file as well")


def run(args: argparse.Namespace) -> int:
    """Examine, and print in process 0."""
    from neurosim.hpc.doctor import examine

    found = examine()
    if not found:
        return 0
    print("\n".join(lines(found)))
    if args.json is not None:
        try:
            args.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(args.json, error.strerror or str(error)) from error
    return _TROUBLE if "error" in found["mpi"] else 0


def lines(found: dict[str, Any]) -> list[str]:
    """Return the facts of ``neurosim.hpc.doctor.examine`` as lines for people."""
    mpi, launcher = found["mpi"], found["launcher"]
    told = "none" if launcher["variable"] is None else f"{launcher['variable']}={launcher['processes']}"
    if "error" in mpi:
        out = [_line("MPI", mpi["error"]), _line("launcher", told)]
    else:
        out = [
            _line("MPI", f"{mpi['library']}, standard {mpi['standard']}, ABI {mpi['abi']}"),
            _line("", mpi["file"]),
            _line("mpi4py", f"{mpi['mpi4py']}, thread level {mpi['thread_level']}"),
            _line("processes", f"{mpi['size']} (launcher: {told})"),
        ]
    for rank, here in enumerate(found["ranks"]):
        out.append(_line(f"rank {rank}", f"{here['host']}, cores {spans(here['cores'])}"))
    out += _messages(found)
    hdf5, numba, cuda = found["hdf5"], found["numba"], found["cuda"]
    out.append(_line("HDF5", f"{hdf5['hdf5']}, h5py {hdf5['h5py']}{', parallel' if hdf5['mpi'] else ''}"))
    out.append(_line("Numba", f"{numba['numba']} for {numba['cpu']}, threading layer {numba['threading_layer']}"))
    packages = [f"{name} {cuda[name]}" for name in ("numba-cuda", "cuda-python") if name in cuda]
    out.append(_line("CUDA", ", ".join([f"{cuda['gpus']} GPUs", *packages])))
    return out


def _messages(found: dict[str, Any]) -> list[str]:
    """Return the table of times, and what follows from it."""
    if "latency" not in found:
        return [_line("messages", "not measured with one process: mpiexec -n 2 neurosim doctor")]
    out = ["", f"{'messages':<16}{'bytes':>10}{'time':>14}"]
    out += [f"  {row['call']:<14}{row['size_B']:>10}{row['time_us']:>11.1f} us" for row in found["latency"]]
    facts = ", ".join(f"{name} {value:.3g}" for name, value in found["machine"].items())
    out.append(_line("  for plan", facts + (" (more processes than cores)" if found["crowded"] else "")))
    return [*out, ""]


def _line(name: str, text: str) -> str:
    return f"{name:<16}{text}"


def spans(numbers: list[int]) -> str:
    """Return ascending numbers as spans: 0-3,8."""
    out: list[list[int]] = []
    for number in numbers:
        if out and out[-1][1] == number - 1:
            out[-1][1] = number
        else:
            out.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in out)
