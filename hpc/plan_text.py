"""What ``neurosim plan`` prints: where each number is from, a table over numbers of nodes, and what to make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neurosim.hpc import machine as machine_file
from neurosim.hpc import network_size
from neurosim.hpc.forecast import FULL, LIMITS, Forecast, crowded
from neurosim.hpc.given import Given, Sheet

HEAD = (
    "nodes",
    "ranks",
    "s per bio. s",
    "exchange",
    "of it",
    "waiting",
    "GiB a node",
    "MB/s a node",
    "kWh per bio. s",
    "decided by",
)


def text_of(machine: Sheet, network: Sheet, rows: Sequence[Forecast]) -> str:
    """Return the whole text: inputs, table, remarks."""
    return "\n".join(
        [
            *_inputs("network", network, network_size.UNITS),
            "",
            *_inputs("node", machine, machine_file.UNITS),
            "",
            *table(rows),
            "",
            *remarks(machine, network, rows),
        ]
    )


def facts_of(machine: Sheet, network: Sheet, rows: Sequence[Forecast]) -> dict[str, Any]:
    """Return the same for programs: what can be written as JSON."""
    return {
        "machine": _plain(machine),
        "network": _plain(network),
        "rows": [row_facts(row) for row in rows],
        "remarks": remarks(machine, network, rows),
    }


def row_facts(row: Forecast) -> dict[str, Any]:
    """Return one row as plain values; times are seconds of computing per second of the network."""
    per_s = 1.0 / (row.window_ms * 1e-3)
    parts = ("computing_s", "events_s", "exchange_s", "lookup_s", "waiting_s")
    return {
        "nodes": row.layout.nodes,
        "ranks": row.layout.ranks,
        "exchange": row.layout.way,
        "slowdown": row.slowdown,
        **{name: getattr(row, name) * per_s for name in parts},
        "exchange_frac": row.exchange_frac,
        "memory_B": row.memory_B,
        "traffic_B_per_s": row.traffic_B / row.total_s,
        "energy_kWh": row.energy_kWh,
        "price": row.price,
        "bound": row.bound,
        "fits": row.fits,
        "there": row.there,
    }


def table(rows: Sequence[Forecast]) -> list[str]:
    """Return the lines of the table, columns aligned."""
    priced = any(row.price for row in rows)
    lines = [[*HEAD, *(["price per bio. s"] if priced else [])]]
    for row in rows:
        cells = [
            f"{row.layout.nodes:,}",
            f"{row.layout.ranks:,}",
            figure(row.slowdown) if row.fits else "too much memory",
            row.layout.way if row.layout.ranks > 1 else "none",
            f"{row.exchange_frac:.1%}",
            f"{row.waiting_s / row.total_s:.1%}",
            figure(row.memory_B / 2**30),
            figure(row.traffic_B / row.total_s / 1e6),
            figure(row.energy_kWh) if row.fits else "-",
            row.bound,
        ]
        lines.append([*cells, *([figure(row.price)] if priced else [])])
    return _aligned(lines)


def remarks(machine: Sheet, network: Sheet, rows: Sequence[Forecast]) -> list[str]:
    """Return what the table does not say by itself."""
    said = []
    for row in rows:
        nodes = nodes_text(row.layout.nodes)
        if not row.fits:
            said.append(
                f"{nodes}: {figure(row.memory_B / 2**30)} GiB a node are more than {FULL:.0%} of "
                f"{machine['memory_GiB']:g} GiB; take more nodes."
            )
        if not row.there:
            said.append(f"{nodes}: there are {machine['nodes_most']:,.0f} of these.")
        if crowded(machine, row.layout):
            said.append(
                f"{nodes}: {row.layout.tasks_per_node} ranks of {max(row.layout.threads, 1)} threads "
                f"on {machine['cores']:g} cores: more than there are, so that ranks wait for a core."
            )
    largest = [row.layout.nodes for row in rows if row.bound == "largest cell"]
    if largest:
        said.append(f"From {nodes_text(min(largest))} on the largest cell decides: more nodes do not help.")
    known = [(name, given) for sheet in (network, machine) for name, given in _used(sheet)]
    guessed = [name for name, given in known if given.status == "assumed"]
    if guessed:
        said.append(f"{len(guessed)} of {len(known)} inputs are assumed: {', '.join(guessed)}.")
    return [*said, LIMITS]


def nodes_text(count: int) -> str:
    """Return a number of nodes in words."""
    return f"{count:,} node{'s' if count > 1 else ''}"


def figure(value: float) -> str:
    """Return a number with three digits that count."""
    if value == 0.0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        return f"{float(f'{value:.3g}'):,.10g}"
    return f"{value:.2e}"


def _inputs(what: str, sheet: Sheet, units: Mapping[str, str]) -> list[str]:
    rows = [[what, sheet.title, "", "", ""]]
    for name, given in _used(sheet):
        rows.append(["", name, f"{given.value:,.10g}", given.status, f"{units[name]}; {given.source}"])
    title, *rest = rows
    return [f"{title[0]}: {title[1]}", *_aligned([row[1:] for row in rest], left=(0, 2, 3), indent="  ")]


def _used(sheet: Sheet) -> list[tuple[str, Given]]:
    """Return names and numbers without those that say nothing."""
    silent = ("nodes_most", "price_per_node_h")
    return [(name, given) for name, given in sheet.givens.items() if given.value or name not in silent]


def _aligned(rows: Sequence[Sequence[str]], left: Sequence[int] = (), indent: str = "") -> list[str]:
    width = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            text.ljust(w) if k in left else text.rjust(w) for k, (text, w) in enumerate(zip(row, width, strict=True))
        ]
        lines.append((indent + "  ".join(cells)).rstrip())
    return lines


def _plain(sheet: Sheet) -> dict[str, Any]:
    numbers = {name: {"value": g.value, "status": g.status, "source": g.source} for name, g in sheet.givens.items()}
    return {"name": sheet.name, "title": sheet.title, "inputs": numbers}
