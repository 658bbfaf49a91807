"""``neurosim plan``: what a network would take on a machine, before it is run there."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from neurosim.errors import NeurosimError

if TYPE_CHECKING:
    from neurosim.hpc.given import Sheet
    from neurosim.sonata.circuit import Circuit


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the sub-command."""
    parser = subparsers.add_parser(
        "plan",
        help="say what a network would take on a machine: time, memory, traffic, energy",
        description="Forecast a run on 1, 10, 100 … nodes from the network's own files and the numbers of a machine; "
        "each input is marked measured, from the file, published or assumed. Nothing is simulated, unless "
        "--dry-run asks for one rank.",
    )
    parser.add_argument("config", nargs="?", type=Path, help="SONATA configuration; or leave out and give --network")
    parser.add_argument("--network", metavar="NAME|FILE", help="a described network instead, such as v1 or cortex")
    parser.add_argument(
        "--machine", metavar="NAME|FILE", default="cpu-node-128", help="kind of node (default %(default)s)"
    )
    parser.add_argument("--nodes", type=_numbers, default=[1, 10, 100], metavar="N,N…", help="default 1,10,100")
    parser.add_argument("--tasks-per-node", type=int, default=1, metavar="N", help="ranks on a node (default 1)")
    parser.add_argument(
        "--threads", type=int, default=0, metavar="N", help="of a rank (default: its share of the cores)"
    )
    parser.add_argument("--exchange", default="auto", help="auto, allgather, neighbour or two-level")
    parser.add_argument("--no-overlap", action="store_true", help="spikes do not travel while the next window runs")
    parser.add_argument("--rate-hz", type=float, metavar="F", help="mean rate of a cell, instead of an earlier run's")
    parser.add_argument("--measured", type=Path, metavar="RUNS", help="scaling runs of benchmarks/scaling.py (JSON)")
    parser.add_argument("--doctor", type=Path, metavar="FILE", help="latencies of neurosim doctor --json FILE")
    parser.add_argument("--calibrate", action="store_true", help="measure the costs of a core here (a second or so)")
    parser.add_argument("--sample", type=int, metavar="RANKS", help="read the edges of one rank of so many only")
    parser.add_argument("--partition", type=int, metavar="RANKS", help="say how the cells would be shared out as well")
    parser.add_argument(
        "--dry-run", type=int, metavar="RANKS", help="play one rank of so many: build it, run it a while"
    )
    parser.add_argument("--rank", default="heaviest", help="which of --dry-run: heaviest, median, lightest or a number")
    parser.add_argument("--dry-ms", type=float, default=10.0, metavar="T", help="how long --dry-run runs (default 10)")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw time over nodes and what it consists of, as PNG"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def run(args: argparse.Namespace) -> int:
    """Print the forecast; return 0, or 1 when no number of nodes has memory enough."""
    from neurosim.hpc.forecast import Layout, forecast
    from neurosim.hpc.plan_text import facts_of, text_of

    _check(args)
    machine = _machine(args)
    circuit = None if args.config is None else _circuit(args)
    network = _described(args) if circuit is None else _read(circuit, args)
    layouts = [
        Layout(nodes, args.tasks_per_node, args.threads, args.exchange, not args.no_overlap) for nodes in args.nodes
    ]
    rows = [forecast(machine, network, layout) for layout in layouts]
    if args.plot is not None:
        from neurosim.hpc.plan_plot import plan_figure, save

        save(plan_figure(rows, network.title), args.plot)
    more = {} if circuit is None else _more(circuit, args)
    if args.json:
        print(json.dumps(facts_of(machine, network, rows) | more))
    else:
        print("\n\n".join([text_of(machine, network, rows), *more.values()]))
    return 0 if any(row.fits for row in rows) else 1


def _check(args: argparse.Namespace) -> None:
    if (args.config is None) == (args.network is None):
        raise NeurosimError("plan: give a configuration, or --network NAME; one of the two")
    for option, ranks, fewest in _of_ranks(args):
        if ranks is not None and args.config is None:
            raise NeurosimError(f"plan: {option} needs the cells themselves; give a configuration instead of --network")
        if ranks is not None and ranks < fewest:
            raise NeurosimError(f"plan: {option} {ranks} is not allowed; give at least {fewest}")


def _of_ranks(args: argparse.Namespace) -> list[tuple[str, int | None, int]]:
    """Return the options that are numbers of ranks, and the fewest that each takes."""
    return [("--partition", args.partition, 1), ("--dry-run", args.dry_run, 2), ("--sample", args.sample, 2)]


def _more(circuit: Circuit, args: argparse.Namespace) -> dict[str, str]:
    """Return the texts that were asked for beside the table."""
    from neurosim.hpc.plan_circuit import dry_text, earlier_rate, partition_text

    found = {}
    if args.partition is not None:
        found["partition"] = partition_text(circuit, args.partition)
    if args.dry_run is not None:
        rate = args.rate_hz if args.rate_hz is not None else earlier_rate(circuit).value
        rank = int(args.rank) if args.rank.isdecimal() else args.rank
        found["dry_run"] = dry_text(args.config, args.dry_run, rank, args.dry_ms, rate, overlap=not args.no_overlap)
    return found


def _machine(args: argparse.Namespace) -> Sheet:
    from neurosim.hpc.machine import read_machine, with_latencies
    from neurosim.hpc.measured import learned, read_runs

    machine = read_machine(args.machine)
    if args.calibrate:
        from neurosim.hpc.calibrate import calibrated

        here = calibrated()
        times = {name: here[name] for name in ("compartment_ns", "event_ns", "lookup_ns")}
        machine = machine.replaced("measured", "calibration of a core of this machine", **times)
    if args.doctor is not None:
        machine = with_latencies(machine, args.doctor)
    return machine if args.measured is None else learned(machine, read_runs(args.measured), str(args.measured))


def _circuit(args: argparse.Namespace) -> Circuit:
    from neurosim.hpc.plan_circuit import read_part
    from neurosim.sonata.circuit import read

    return read(args.config) if args.sample is None else read_part(args.config, args.sample)


def _read(circuit: Circuit, args: argparse.Namespace) -> Sheet:
    from neurosim.hpc.plan_circuit import circuit_size

    if not args.calibrate:
        return circuit_size(circuit, args.rate_hz)
    from neurosim.hpc.calibrate import coefficients

    return circuit_size(circuit, args.rate_hz, coefficients())


def _described(args: argparse.Namespace) -> Sheet:
    from neurosim.hpc.network_size import checked, read_network

    network = read_network(args.network)
    if args.rate_hz is None:
        return network
    return checked(network.replaced("assumed", "--rate-hz", rate_Hz=args.rate_hz))


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; give whole numbers of at least 1: 1,10,100")
    return numbers
