"""Scaling runs on this machine, for ``neurosim plan --measured``, and how well the forecast meets them.

``python benchmarks/scaling.py`` runs the ring and the random network on 1, 2 and 4 ranks, rounds interleaved, writes
``results/scaling-DATE-COMMIT.json`` and prints a table. The forecast of every run is made from the runs on one rank
alone: they give the cost of a compartment; latency is that of the machine file. Beside it stands what the calibration
of a core (``neurosim plan --calibrate``) would have said without any run.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from common import ROOT, commit
from rank_meter import head, launch, parts_of
from scaling_networks import SIZES
from scaling_report import report

from neurosim.hpc.calibrate import calibrated


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=sorted(SIZES), choices=sorted(SIZES))
    parser.add_argument("--ranks", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--exchange", default="allgather", help="kind of mpi_exchange (default %(default)s)")
    parser.add_argument("--overlap", action="store_true")
    parser.add_argument("--extra", default="", help="more options of the ranks, such as '--cells 200 --tstop 20'")
    parser.add_argument("--machine", default="laptop", help="what is not measured (default %(default)s)")
    parser.add_argument("--output", type=Path, help="file of the runs instead of results/scaling-DATE-COMMIT.json")
    parser.add_argument("--show", type=Path, help="print the table of a file; run nothing")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    content = json.loads(args.show.read_text()) if args.show else measured(args)
    if not args.show:
        path = (
            args.output or ROOT / "benchmarks" / "results" / f"scaling-{time.strftime('%Y%m%d-%H%M')}-{commit()}.json"
        )
        path.write_text(json.dumps(content, indent=1) + "\n")
        print(path)
    print("\n".join(report(content, args.machine)))


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """Run everything; of the rounds of one kind keep the one with the median time."""
    tries: dict[tuple[str, int], list[dict[str, Any]]] = {}
    start = head()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(args.rounds):
            for network in args.networks:
                for ranks in args.ranks:
                    kind = "none" if ranks == 1 else args.exchange
                    options = [
                        network,
                        "--exchange",
                        kind,
                        *(["--overlap"] if args.overlap else []),
                        *args.extra.split(),
                    ]
                    found = run_of(network, kind, launch(ranks, "scaling_rank.py", options, Path(folder)))
                    tries.setdefault((network, ranks), []).append(found)
                    print(f"{network} {ranks} ranks: {found['run']['run_s']:.3f} s", flush=True)
    for network in args.networks:
        sums = {
            (one["spikes"], round(one["hash"], 3))
            for key, all_of in tries.items()
            if key[0] == network
            for one in all_of
        }
        if len(sums) > 1:
            raise SystemExit(f"{network}: spikes differ over ranks: {sorted(sums)}")
    chosen = [middle(all_of) for all_of in tries.values()]
    spread = [[one["run"]["run_s"] for one in all_of] for all_of in tries.values()]
    here = calibrated(again=True)
    calibration = {name: here[name] for name in ("compartment_ns", "event_ns", "lookup_ns")}
    return {
        "machine": start,
        "calibration": calibration,
        "runs": [one["run"] for one in chosen],
        "run_s_of_rounds": spread,
    }


def middle(tries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the try whose time is the median, the lower of two."""
    return sorted(tries, key=lambda one: one["run"]["run_s"])[(len(tries) - 1) // 2]


def run_of(network: str, kind: str, ranks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one run in the form that ``neurosim.hpc.measured`` reads, and the sum of its spikes."""
    compute_s, exchange_s, wait_s = parts_of(ranks)
    spikes = sum(rank["spikes"] for rank in ranks)
    numbers = dict(ranks[0]["network"])
    numbers.pop("trains")
    tstop_ms = ranks[0]["tstop_ms"]
    numbers["rate_Hz"] = spikes / numbers["cells"] / (tstop_ms * 1e-3)
    run = {
        "name": network,
        "network": numbers,
        "nodes": 1,
        "ranks": len(ranks),
        "threads": ranks[0]["threads"],
        "cores": os.cpu_count() or 1,
        "exchange": kind,
        "overlap": bool(ranks[0]["overlap"]),
        "biological_ms": tstop_ms,
        "run_s": max(rank["run_s"] for rank in ranks),
        "compute_s": compute_s,
        "exchange_s": exchange_s,
        "wait_s": wait_s,
        "memory_B": [rank["memory_B"] for rank in ranks],
    }
    return {"run": run, "spikes": spikes, "hash": sum(rank["hash"] for rank in ranks)}


if __name__ == "__main__":
    main()
