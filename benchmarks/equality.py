"""Whether the same model gives the same bits, however it is computed: ranks, threads, exchanges, interrupted or not.

Usage: python benchmarks/equality.py [--models gap_ring worm] [--ranks 1 2 3 4] [--threads 1 2] [--quick]. Every line is
a run of real MPI processes; hashes are SHA-256 of the sorted spikes and of the whole final state by cell. Exit code 1
when two differ.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from equality_models import MODELS

HERE = Path(__file__).resolve().parent
KINDS = ("allgather", "neighbour", "two-level", "auto")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--ranks", nargs="+", type=int, default=[1, 2, 3, 4])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--quick", action="store_true", help="each exchange once, one interrupted run")
    args = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for model in args.models:
            wrong += checked(model, args, Path(folder) / model)
    print("all equal" if not wrong else f"{wrong} runs differ")
    return int(wrong > 0)


def checked(model: str, args: argparse.Namespace, folder: Path) -> int:
    """Run a model in every way; return how many runs differ from the first."""
    folder.mkdir()
    begun = time.perf_counter()
    first = run(model, folder, 1, 1, "allgather")
    print(
        f"{model}: {first['spikes_n']} spikes, spikes {first['spikes'][:16]}, state {first['state'][:16]}", flush=True
    )
    plans = list(ways(args))
    wrong = 0
    for ranks, threads, kind, stop_at, ranks_before in plans:
        if stop_at:
            shutil.rmtree(folder / "checkpoints", ignore_errors=True)
            run(model, folder, ranks_before, threads, kind, "--stop-at", str(stop_at * MODELS[model][1]))
        got = run(model, folder, ranks, threads, kind, *(["--go-on"] if stop_at else []))
        same = got == first
        wrong += not same
        how = f", stopped on {ranks_before} ranks" if stop_at else ""
        if not same:
            print(f"  {ranks} ranks x {threads} threads, {kind}{how}: DIFFERENT {got}", flush=True)
    spent = time.perf_counter() - begun
    print(f"  {len(plans) - wrong} of {len(plans)} runs equal to it ({spent:.0f} s)", flush=True)
    return wrong


def ways(args: argparse.Namespace) -> Any:
    """Yield ranks, threads, exchange, where to stop as a part of the run (0: nowhere), and ranks before that."""
    for ranks in args.ranks:
        for threads in args.threads:
            kinds = KINDS if ranks > 1 else KINDS[:1]
            if args.quick:
                kinds = (kinds[(ranks + threads) % len(kinds)],)
            for kind in kinds:
                yield ranks, threads, kind, 0.0, 0
                before = ranks % max(args.ranks) + 1
                if not args.quick or (ranks, threads) == (2, 1):
                    yield ranks, threads, kind, 0.5, before


def run(model: str, folder: Path, ranks: int, threads: int, kind: str, *more: str) -> dict[str, Any]:
    """Run the processes of one configuration; return the hashes, or nothing where it stops on the way."""
    launcher = Path(sys.executable).with_name("mpiexec")
    command = [str(launcher if launcher.exists() else "mpiexec"), "-n", str(ranks), sys.executable]
    command += [
        str(HERE / "equality_rank.py"),
        model,
        str(folder),
        "--threads",
        str(threads),
        "--exchange",
        kind,
        *more,
    ]
    env = {**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"}
    if ranks > (os.cpu_count() or 1):
        env["MPIR_CVAR_ENABLE_HEAVY_YIELD"] = "1"
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=env)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    found: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return found


if __name__ == "__main__":
    sys.exit(main())
