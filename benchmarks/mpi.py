"""Two processes on two cores: neurosim against itself on one, and against NEURON with its own MPI.

``python benchmarks/mpi.py`` on an idle machine prints the rows, with machine, versions and commit: the ring of 4,096
cells (benchmarks/README.md) in neurosim on 1 and 2 ranks, without and with overlap, and in NEURON on 1 and 2 (the MPI
of its wheel, cells dealt out in turn). Rounds are interleaved; figures are medians of the runs, without building.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from common import ROOT, commit
from rank_meter import head, launch, parts_of
from scaling_report import FEWEST_CORES, head_line

SPEED_UP, EXCHANGE, AGAINST_NEURON = 1.7, 0.05, 8.0
"""What is asked: speed-up of 2 ranks, part of the exchange in their time, times NEURON's speed."""

CASES = {
    "neurosim, 1 rank": (1, "scaling_rank.py", ("--exchange", "none")),
    "neurosim, 2 ranks": (2, "scaling_rank.py", ("--exchange", "auto")),
    "neurosim, 2 ranks, overlap": (2, "scaling_rank.py", ("--exchange", "auto", "--overlap")),
    "NEURON, 1 rank": (1, "ring_neuron_rank.py", ("--exchange", "none")),
    "NEURON, 2 ranks": (2, "ring_neuron_rank.py", ("--exchange", "mpi")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cells", type=int, default=4096)
    parser.add_argument("--tstop", type=float, default=50.0, help="ms")
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--output", type=Path, help="file instead of results/mpi-DATE-COMMIT.json")
    parser.add_argument("--show", type=Path, help="print the rows of a file; run nothing")
    args = parser.parse_args()
    if args.show:
        content = json.loads(args.show.read_text())
    else:
        content = measured(args)
        path = args.output or ROOT / "benchmarks" / "results" / f"mpi-{time.strftime('%Y%m%d-%H%M')}-{commit()}.json"
        path.write_text(json.dumps(content, indent=1) + "\n")
        print(path)
    print("\n".join(report(content)))


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """Run all cases, interleaved over the rounds."""
    content = {
        "machine": head(),
        "cells": args.cells,
        "tstop_ms": args.tstop,
        "runs": {case: [] for case in args.cases},
    }
    size = ("ring", "--cells", str(args.cells), "--tstop", str(args.tstop))
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(args.rounds):
            for case in args.cases:
                ranks, script, options = CASES[case]
                found = summed(launch(ranks, script, [*size, *options], Path(folder)))
                content["runs"][case].append(found)
                print(f"{case}: {found['run_s']:.3f} s, {found['spikes']} spikes", flush=True)
    return content


def summed(ranks: list[dict[str, Any]]) -> dict[str, float]:
    """Return the figures of a run from those of its ranks."""
    run_s = max(rank["run_s"] for rank in ranks)
    found = {
        "run_s": run_s,
        "spikes": sum(rank["spikes"] for rank in ranks),
        "build_s": max(r["build_s"] for r in ranks),
    }
    if "came" in ranks[0]:
        compute_s, exchange_s, wait_s = parts_of(ranks)
        own_s = [e - w for e, w in zip(exchange_s, wait_s, strict=True)]
        found |= {"compute_s": max(compute_s), "exchange_s": max(own_s), "wait_s": max(wait_s)}
    return found


def report(content: dict[str, Any]) -> list[str]:
    """Return the rows."""
    runs = {case: tries for case, tries in content["runs"].items() if tries}
    times_s = {case: median(one["run_s"] for one in tries) for case, tries in runs.items()}
    lines = [
        head_line(content["machine"]),
        "",
        f"Ring of {content['cells']} cells, {content['tstop_ms']:g} ms; median (lowest to highest) of the runs.",
        "",
        "| case | run s | spikes | exchange | waiting |",
        "| --- | --- | --- | --- | --- |",
    ]
    for case, tries in runs.items():
        every_s = [one["run_s"] for one in tries]
        spikes = "/".join(str(number) for number in sorted({one["spikes"] for one in tries}))
        parts = "| | |"
        if "exchange_s" in tries[0]:
            share = [median(one[name] / one["run_s"] for one in tries) for name in ("exchange_s", "wait_s")]
            parts = f"| {share[0]:.2%} | {share[1]:.2%} |"
        lines.append(f"| {case} | {times_s[case]:.3f} ({min(every_s):.3f} to {max(every_s):.3f}) | {spikes} {parts}")
    lines += ["", *verdicts(runs, times_s)]
    if (os.cpu_count() or 1) < FEWEST_CORES:
        lines.append(f"Fewer than {FEWEST_CORES} cores: speed-ups say nothing.")
    return lines


def verdicts(runs: dict[str, Any], times_s: dict[str, float]) -> list[str]:
    """Return what was asked and what came out."""
    ours = [case for case in ("neurosim, 2 ranks", "neurosim, 2 ranks, overlap") if case in runs]
    lines = []
    for case in ours:
        if "neurosim, 1 rank" in times_s:
            speed_up = times_s["neurosim, 1 rank"] / times_s[case]
            share = median(one["exchange_s"] / one["run_s"] for one in runs[case])
            lines.append(
                f"{case}: {speed_up:.2f} times one rank (asked {SPEED_UP:g}{_missed(speed_up >= SPEED_UP)}), "
                f"exchange {share:.2%} (asked under {EXCHANGE:.0%}{_missed(share < EXCHANGE)})."
            )
        if "NEURON, 2 ranks" in times_s:
            against = times_s["NEURON, 2 ranks"] / times_s[case]
            asked = f"asked {AGAINST_NEURON:g}{_missed(against >= AGAINST_NEURON)}"
            lines.append(f"{case}: {against:.2f} times as fast as NEURON with MPI on 2 ranks ({asked}).")
    return lines


def _missed(reached: bool) -> str:
    return "" if reached else ", MISSED"


if __name__ == "__main__":
    main()
