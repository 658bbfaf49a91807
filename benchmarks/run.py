"""``make bench``: run the matrix, engines interleaved over the rounds, and write results and tables.

Every run is a process of its own and adds one JSON line. The lines, the machine, the versions and the commit go to
``results/DATE-COMMIT.json``; the tables of the newest are put into ``README.md`` between its markers. Run it on an idle
machine: the load before the run is recorded and shown.

With ``--lines FILE`` each line is also put into FILE at once, and runs of the same commit that FILE holds are not
repeated: a matrix that was cut off goes on where it was.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import time
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
    name, _, threads = variant.name.rpartition("/")
    threads = threads.removesuffix("t")
    python = sys.executable if variant.environment is None else str(variant.environment / "bin" / "python")
    if not Path(python).exists():
        print(f"{case.key} {variant.name} left out: no {python}; `make bench-peers` makes it", file=sys.stderr)
        return None
    command = [python, str(variant.script), *case.options, "--label", name, *variant.options, *extra]
    # By way of a shell: a process counts the memory of the one that starts it in its own peak.
    command = ["sh", "-c", '"$@"; exit $?', "sh", *command]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": threads})
    line = next((text for text in reversed(done.stdout.splitlines()) if text.startswith('{"engine"')), None)
    if done.returncode or line is None:
        print(f"{case.key} {variant.name} failed:\n{done.stderr[-1500:]}", file=sys.stderr)
        return None
    found: dict[str, Any] = json.loads(line)
    return found


def planned(args: argparse.Namespace) -> list[tuple[int, Case, Variant]]:
    """Return what is to run: (round, case, variant), the engines of a case next to one another."""
    return [
        (number, case, variant)
        for number in range(args.rounds)
        for case in CASES
        if not args.only or case.key in args.only
        for variant in case.variants
        if not args.variants or variant.name in args.variants
    ]


def run_matrix(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Run all rounds and return the lines."""
    lines = kept_lines(args.lines)
    have = {(line["round"], line["key"], line["variant"]) for line in lines}
    plan = [run for run in planned(args) if (run[0], run[1].key, run[2].name) not in have]
    warmed: set[str] = set()
    for k, (number, case, variant) in enumerate(plan, 1):
        if case.warm and variant is case.variants[0] and case.key not in warmed:
            run_variant(case, variant, [*args.extra.split(), *case.warm])
            warmed.add(case.key)
        start_s = time.perf_counter()
        line = run_variant(case, variant, args.extra.split())
        if line is None:
            continue
        line |= {"key": case.key, "variant": variant.name, "round": number, "load1": os.getloadavg()[0]}
        lines.append(line)
        if args.lines:
            with args.lines.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**line, "run_commit": commit()}) + "\n")
        value, unit = _headline(line)
        took_s = time.perf_counter() - start_s
        text = f"{k}/{len(plan)}  round {number + 1}  {case.key:<11} {variant.name:<19} {value:>9} {unit}"
        print(f"{text}  ({took_s:.0f} s, load {line['load1']:.1f})", flush=True)
    return lines


def kept_lines(path: Path | None) -> list[dict[str, Any]]:
    """Return the lines of an earlier run of the same commit."""
    if path is None or not path.exists():
        return []
    lines = [json.loads(text) for text in path.read_text("utf-8").splitlines()]
    return [line for line in lines if line.pop("run_commit") == commit()]


def _headline(line: dict[str, Any]) -> tuple[float, str]:
    for field, unit in (("ns_per_comp_step", "ns/comp-step"), ("wall_s", "s"), ("read_s", "s"), ("import_s", "s")):
        if field in line:
            return line[field], unit
    raise KeyError(f"a line without a time: {line}")


def versions(lines: list[dict[str, Any]]) -> dict[str, str]:
    """Return the versions of what is compared; the peers of other environments say theirs in their lines."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    for line in lines:
        name = line["variant"].partition("/")[0].partition("-")[0]
        if name in ("nest", "brian"):
            found[name] = line["version"]
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
    parser.add_argument("--lines", type=Path, metavar="FILE", help="keep each line here at once, and go on from it")
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
        "versions": versions(lines),
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
