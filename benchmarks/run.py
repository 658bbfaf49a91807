"""``make bench``: run the matrix, engines interleaved over the rounds, and write results and tables.

Every run is a process of its own and adds one JSON line. The lines, the machine, the versions and the commit go to
``results/DATE-COMMIT.json``; the tables of the newest are put into ``README.md`` between its markers. Run it on an idle
machine: the load before the run is recorded and shown.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from common import commit
from matrix import CASES, Case, Variant
from tables import report

from neurosim.cli.info import facts

HERE = Path(__file__).resolve().parent
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
PACKAGES = ("neurosim", "numpy", "numba", "neuron", "arbor", "bmtk")


def run_variant(case: Case, variant: Variant, extra: list[str]) -> dict[str, Any] | None:
    """Run one process and return its JSON line; None, with the reason on stderr, when it fails."""
    threads = variant.name.rpartition("/")[2].removesuffix("t")
    name = variant.name.rpartition("/")[0]
    command = [sys.executable, str(variant.script), *case.options, "--label", name, *variant.options, *extra]
    # By way of a shell: a process counts the memory of the one that starts it in its own peak.
    command = ["sh", "-c", '"$@"; exit $?', "sh", *command]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": threads})
    line = next((text for text in reversed(done.stdout.splitlines()) if text.startswith('{"engine"')), None)
    if done.returncode or line is None:
        print(f"{case.key} {variant.name} failed:\n{done.stderr[-1500:]}", file=sys.stderr)
        return None
    found: dict[str, Any] = json.loads(line)
    return found


def run_matrix(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Run all rounds and return the lines."""
    lines = []
    for number in range(args.rounds):
        for case in CASES:
            if args.only and case.key not in args.only:
                continue
            if case.warm and number == 0:
                run_variant(case, case.variants[0], list(case.warm))
            for variant in case.variants:
                if args.variants and variant.name not in args.variants:
                    continue
                line = run_variant(case, variant, args.extra.split())
                if line is not None:
                    line |= {"key": case.key, "variant": variant.name, "round": number, "load1": os.getloadavg()[0]}
                    lines.append(line)
                    time = line.get("ns_per_comp_step", line.get("wall_s", line.get("import_s")))
                    print(f"round {number + 1}  {case.key:<11} {variant.name:<18} {time}", flush=True)
    return lines


def versions() -> dict[str, str]:
    """Return the versions of what is compared."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def put_into_readme(text: str) -> None:
    """Replace what stands between the markers of README.md."""
    path = HERE / "README.md"
    before, _, rest = path.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")


def main() -> None:
    """Read the command line, run, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], help=f"keys: {' '.join(case.key for case in CASES)}")
    parser.add_argument("--variants", nargs="*", default=[], help="for instance neurosim/1t arbor/1t")
    parser.add_argument("--extra", default="", help='options for every script, for instance "--cells 8 --tstop 2"')
    parser.add_argument("--dry", action="store_true", help="write neither the result file nor the README")
    parser.add_argument("--add", type=Path, nargs="*", default=[], help="result files of the same commit: other cases")
    parser.add_argument("--show", type=Path, metavar="FILE", help="print the tables of a result file and stop")
    args = parser.parse_args()
    if args.show:
        print(report(json.loads(args.show.read_text("utf-8"))))
        return
    load = os.getloadavg()[0]
    machine = {name: value for name, value in facts().items() if name not in ("cache", "cache_MB", *PACKAGES)}
    lines = run_matrix(args)
    for path in args.add:
        ran = {line["key"] for line in lines}
        lines += [line for line in json.loads(path.read_text("utf-8"))["lines"] if line["key"] not in ran]
    now = datetime.datetime.now(datetime.UTC)
    result = {
        "date": now.strftime("%Y-%m-%d"),
        "commit": commit(),
        "rounds": args.rounds,
        "load_before": load,
        "machine": machine,
        "versions": versions(),
        "lines": lines,
    }
    text = report(result)
    print("\n" + text)
    if not lines:
        raise SystemExit("nothing ran")
    if not args.dry:
        name = f"{now.strftime('%Y%m%d-%H%M')}-{result['commit'].replace('+', '-dirty')}.json"
        (HERE / "results").mkdir(exist_ok=True)
        (HERE / "results" / name).write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        put_into_readme(text)


if __name__ == "__main__":
    main()
