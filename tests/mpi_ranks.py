"""What a process does in the tests of MPI: ``mpiexec -n 2 python -m tests.mpi_ranks WHAT``.

Rank 0 prints one line. ``spikes``: what all cells heard, way by way, as JSON. ``simulation KIND THREADS``: the digest
of a divided simulation of ``tests.unit.test_processes``. The others end badly in one rank.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
from typing import Any

import numpy as np

from neurosim.errors import ModelError
from neurosim.hpc import mpi_exchange
from neurosim.hpc.parallel import ParallelExchange
from tests.invented_spikes import Storm
from tests.unit.test_processes import digest, part

WAYS = [("allgather", None), ("neighbour", None), ("two-level", None), ("two-level", 1), ("auto", 1)]
STORM = Storm(cells_n=30, windows_n=70)


def spikes() -> dict[str, Any]:
    """Return, by way, what the cells heard, and whether sums fit; voltages go beside."""
    found: dict[str, Any] = {}
    for kind, per_node in WAYS:
        exchange = mpi_exchange(kind, per_node=per_node, overlap=False)
        assert isinstance(exchange, ParallelExchange)
        owner = STORM.owners(exchange.size)
        parts = exchange.gather(json.dumps([STORM.hear(exchange, owner), exchange.settle().facts()]).encode())
        heard = {gid: digest for part in parts for gid, digest in json.loads(part)[0].items()}
        facts = [json.loads(part)[1] for part in parts]
        sums = [[sum(f[f"{way}_{what}"] for f in facts) for way in ("sent", "received")] for what in ("spikes", "B")]
        gids = np.flatnonzero(owner != exchange.rank)[::-2]
        link = exchange.link(owner, gids, gids + 1)
        fine = all(
            np.array_equal(link.swap(link.sent_gids * 10.0 + link.sent_nodes + k), 11.0 * gids + 1.0 + k)
            for k in range(3)
        )
        found[f"{kind} {per_node}"] = {
            "heard": heard, "sums": sums, "linked": exchange.smallest(float(fine)) == 1.0, "size": exchange.size
        }  # fmt: skip
    return found


def simulation(kind: str, threads: int) -> str:
    """Return the digest of a simulation that all processes share; empty in the others."""
    exchange = mpi_exchange(kind)
    mine = part(exchange, threads=threads)
    file = io.BytesIO()
    np.savez(file, **{k: mine[k] for k in ("times", "gids", "trace")}, **{f"v{gid}": v for gid, v in mine["v"].items()})
    parts = [np.load(io.BytesIO(text)) for text in exchange.gather(file.getvalue())]
    found = [{**p, "v": {int(name[1:]): p[name] for name in p.files if name[0] == "v"}} for p in parts]
    assert isinstance(exchange, ParallelExchange)
    assert exchange.traffic.swaps > 0
    return digest(found) if found else ""


def fall(how: str) -> None:
    """Let rank 1 end badly while rank 0 waits for it."""
    exchange = mpi_exchange("allgather")
    exchange.smallest(0.0)
    if exchange.rank == 1 or how == "all":
        if how in ("model", "all"):
            raise ModelError("cell 7: too small")
        if how == "thread":
            threading.Thread(target=lambda: [][1]).start()
            threading.Event().wait(60.0)
        if how == "leave":
            sys.exit(3)
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
    if how == "code":
        sys.exit(85)
    exchange.smallest(0.0)


if __name__ == "__main__":
    if sys.argv[1] == "spikes":
        told = spikes()
        if told["auto 1"]["heard"]:
            print(json.dumps(told))
    elif sys.argv[1] == "simulation":
        print(simulation(sys.argv[2], int(sys.argv[3])), end="")
    else:
        fall(sys.argv[1])
