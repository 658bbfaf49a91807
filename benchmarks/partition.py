"""Ten million cells over a hundred thousand ranks: time, memory and balance of the partition, one JSON line each.

Every way runs in a fresh process, so that the peak of memory is its own. Costs are lognormal (sigma 0.8) as in
``hpc.md``; the cells of "curve" lie on a sheet.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

CELLS, RANKS, SIGMA, WIDTH_UM = 10_000_000, 100_000, 0.8, 1e5


def line(way: str, cells_n: int, ranks: int, seed: int) -> dict[str, object]:
    """Make one partition and return what it took and what it is like."""
    from neurosim.hpc.partition import partition

    rng = np.random.default_rng(seed)
    costs = rng.lognormal(0.0, SIGMA, cells_n)
    positions_um = np.zeros((cells_n, 3)) if way == "curve" else None
    if positions_um is not None:
        positions_um[:, :2] = rng.random((cells_n, 2)) * WIDTH_UM
    # Compiling is done once a machine and is not part of it.
    partition(costs[:10_000], 16, positions_um=None if positions_um is None else positions_um[:10_000], way=way)
    begun = time.perf_counter()
    owner = partition(costs, ranks, positions_um=positions_um, way=way)
    seconds = time.perf_counter() - begun
    loads, cells = np.bincount(owner, costs, ranks), np.bincount(owner, minlength=ranks)
    return {
        "way": way,
        "cells": cells_n,
        "ranks": ranks,
        "seconds": round(seconds, 2),
        "peak_GB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 3),
        "owned_once": bool(len(owner) == cells_n and owner.min() >= 0 and owner.max() < ranks),
        "ranks_with_cells": int((cells > 0).sum()),
        "max_over_mean_load": round(float(loads.max() / loads.mean()), 5),
        "largest_cell_over_share": round(float(costs.max() / loads.mean()), 4),
    }


def main(arguments: list[str] | None = None) -> int:
    """Run each way in a process of its own and print its line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=CELLS)
    parser.add_argument("--ranks", type=int, default=RANKS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--way", choices=("lpt", "curve"), help="one way, in this process")
    args = parser.parse_args(arguments)
    if args.way is not None:
        print(json.dumps(line(args.way, args.cells, args.ranks, args.seed)))
        return 0
    for way in ("lpt", "curve"):
        options = ["--cells", str(args.cells), "--ranks", str(args.ranks), "--seed", str(args.seed), "--way", way]
        # By way of a shell: a process counts the memory of the one that starts it in its own peak.
        command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, str(Path(__file__).resolve()), *options]
        subprocess.run(command, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
