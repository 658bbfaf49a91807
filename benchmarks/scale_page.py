"""The tables and pictures of docs/scale.md, from the descriptions of networks and nodes that come with neurosim.

``python benchmarks/scale_page.py`` draws ``docs/img/scale/*.png`` and rewrites what stands between the markers of the
page: the forecasts, and the newest scaling runs of ``results``. ``--check`` says whether that stands there already.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from scaling_report import report

from neurosim.hpc.forecast import FULL, Forecast, Layout, forecast
from neurosim.hpc.machine import read_machine
from neurosim.hpc.network_size import read_network
from neurosim.hpc.plan_text import figure as figures

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "scale.md"
PICTURES = ROOT / "docs" / "img" / "scale"

NETWORKS = {
    "v1": (1, 10, 100, 1000),
    "cortex": (10, 100, 1000, 10_000, 100_000),
    "human-point": (10_000, 100_000, 1_000_000),
    "human": (10_000, 100_000, 1_000_000),
}
MACHINES = ("cpu-node-128", "fugaku-like")
BEYOND = "there are fewer"
ANCHOR_NODES = (145_728, 158_976)
"""Nodes of the run of 2025: a number that we could not confirm, and all that there are."""
PUBLISHED_S = 32.0
"""Seconds for a second of the network in the run of 2025, from a news report of the Allen Institute's release."""
GUESSES_NS = (75.0, 150.0, 300.0)
"""Costs of a compartment on such a core that are tried for the anchor."""


def rows_of(network: str, machine: str, nodes: tuple[int, ...]) -> list[Forecast]:
    """Return the forecasts of a network over numbers of nodes."""
    return [forecast(read_machine(machine), read_network(network), Layout(n)) for n in nodes]


def table(machine: str) -> list[str]:
    """Return the table of one kind of node."""
    memory_GiB = read_machine(machine)["memory_GiB"]
    lines = [
        f"| network | nodes | s for a second | decided by | exchange | waiting | GiB a node (of {memory_GiB:g}) "
        "| kWh for a second |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for network, nodes in NETWORKS.items():
        title = read_network(network).title
        for row in rows_of(network, machine, nodes):
            time_s, energy = (figures(row.slowdown), figures(row.energy_kWh)) if row.fits else ("too much memory", "-")
            if not row.there:
                time_s = f"{time_s} ({BEYOND})"
            way = "none" if row.layout.ranks == 1 else f"{row.layout.way}, {row.exchange_frac:.1%}"
            lines.append(
                f"| {title} | {row.layout.nodes:,} | {time_s} | {row.bound} | {way} "
                f"| {row.waiting_s / row.total_s:.0%} | {figures(row.memory_B / 2**30)} | {energy} |"
            )
            title = ""
    return lines


def human() -> list[str]:
    """Return what would be if less had to be kept."""
    lines = [
        "| network | nodes | as it is, GiB a node | ranks know their own cells only | connections are not kept either "
        "| s for a second |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    machine = read_machine("cpu-node-128")
    own = machine.replaced("assumed", "what if", cell_B=0.0)
    drawn = own.replaced("assumed", "what if", synapse_B=0.0)
    for name in ("human-point", "human"):
        network = read_network(name)
        for nodes in NETWORKS[name]:
            rows = [forecast(kind, network, Layout(nodes)) for kind in (machine, own, drawn)]
            sizes = " | ".join(f"{figures(row.memory_B / 2**30)}{'' if row.fits else ', too much'}" for row in rows)
            lines.append(f"| {network.title} | {nodes:,} | {sizes} | {figures(rows[-1].slowdown)} |")
    return lines


def anchor() -> list[str]:
    """Return the table that is held against the published run."""
    network, machine = read_network("fugaku-2025"), read_machine("fugaku-like")
    lines = [
        "| ns a compartment and step (guess) | nodes | forecast s | published s | decided by |",
        "| --- | --- | --- | --- | --- |",
    ]
    for cost_ns in GUESSES_NS:
        for nodes in ANCHOR_NODES:
            row = forecast(machine.replaced("assumed", "tried", compartment_ns=cost_ns), network, Layout(nodes))
            lines.append(f"| {cost_ns:g} | {nodes:,} | {figures(row.slowdown)} | about {PUBLISHED_S:g} | {row.bound} |")
    return lines


def measured() -> list[str]:
    """Return the table of the newest scaling runs."""
    files = sorted((ROOT / "benchmarks" / "results").glob("scaling-*.json"))
    if not files:
        return ["No scaling runs are kept yet; `python benchmarks/scaling.py` makes them."]
    content: dict[str, Any] = json.loads(files[-1].read_text("utf-8"))
    return report(content, "laptop")


def text() -> dict[str, list[str]]:
    """Return what stands between each pair of markers."""
    return {**{name: table(name) for name in MACHINES}, "human": human(), "anchor": anchor(), "measured": measured()}


def filled(page: str) -> str:
    """Return the page with the tables of now."""
    for name, lines in text().items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise SystemExit(f"{PAGE}: no markers {begin} and {end}")
        page = "\n".join([before + begin, "", *lines, "", end + after])
    return page


def draw() -> None:
    """Draw the pictures."""
    from neurosim.hpc.plan_plot import draw_memory, draw_parts, draw_slowdown, figure, save

    made = figure(10.0, 4.0)
    for ax, machine in zip(made.subplots(1, 2, sharey=True), MACHINES, strict=True):
        draw_slowdown(ax, {read_network(name).title: rows_of(name, machine, nodes) for name, nodes in NETWORKS.items()})
        ax.set_title(read_machine(machine).title, fontsize="medium")
        ax.label_outer()
        if machine != MACHINES[0]:
            ax.get_legend().remove()
    save(made, PICTURES / "time.png")
    made = figure(9.0, 6.0)
    upper, lower = made.subplots(2, 1)
    for ax, name in ((upper, "cortex"), (lower, "human-point")):
        draw_parts(ax, rows_of(name, "cpu-node-128", NETWORKS[name]))
        ax.set_title(read_network(name).title, fontsize="medium")
    save(made, PICTURES / "parts.png")
    made = figure(6.5, 4.0)
    machine = read_machine("cpu-node-128")
    series = {read_network(name).title: rows_of(name, "cpu-node-128", nodes) for name, nodes in NETWORKS.items()}
    draw_memory(made.subplots(), series, FULL * machine["memory_GiB"])
    save(made, PICTURES / "memory.png")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when the page is not up to date")
    args = parser.parse_args()
    now = PAGE.read_text("utf-8")
    then = filled(now)
    if args.check:
        return int(now != then)
    PAGE.write_text(then, "utf-8")
    draw()
    return 0


if __name__ == "__main__":
    sys.exit(main())
