"""A network in words: one line, text tables, HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from neurosim.model.cell import Cell
from neurosim.model.connections import Connections, Couplings
from neurosim.model.pairs import Rule
from neurosim.model.point import PointCell
from neurosim.model.population import AnyCell

if TYPE_CHECKING:
    from neurosim.model.network import Network

_POPULATIONS = ("population", "cells", "gids", "kind", "attributes")
_PROJECTIONS = ("projection", "rule", "synapse", "rows", "a target")


def _kind(cell: AnyCell) -> str:
    if isinstance(cell, Cell):
        return cell.name
    return cell.mechanism.name if isinstance(cell, PointCell) else "spikes"


def _populations(net: Network) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for p in net.populations.values():
        kinds = Counter(_kind(cell) for cell in p.members)
        shown = ", ".join(kinds) if len(kinds) <= 3 else f"{len(kinds)} kinds"
        columns = [*p.columns, *([] if p.places_um is None else ["positions_um"])]
        gids = f"{p.first_gid} to {p.first_gid + p.n - 1}" if p.n else "none"
        rows.append((p.name, str(p.n), gids, shown, ", ".join(columns)))
    return rows


def _projections(net: Network) -> list[tuple[str, ...]]:
    out: list[tuple[str, ...]] = []
    for p in net.projections.values():
        synapse = "events" if p.mechanism is None else p.mechanism.name
        n = len(p.connections) if net.draws else p.rule.rows_n(p.pair)
        out.append((p.name, _rule(p.rule), synapse, *_rows(n, p.pair.target.n)))
    for j in net.junctions.values():
        n = len(j.couplings) if net.draws else None
        out.append((j.name, _rule(j.rule), j.mechanism.name, *_rows(n, j.pair.target.n)))
    for what, rows, own in _given(net):
        out.append(("", "given", what, *_rows(rows, own)))
    return out


def _given(net: Network) -> list[tuple[str, int, int]]:
    """Return mechanism, number of rows and of targets of what no call of ``connect`` or ``couple`` made."""
    if not net.draws:
        return []
    made = {id(p.connections) for p in net.projections.values()} | {id(j.couplings) for j in net.junctions.values()}
    given: list[Connections | Couplings] = [*net.connections, *net.couplings]
    return [
        ("events" if rows.mechanism is None else rows.mechanism.name, len(rows), len(np.unique(rows.target_gid)))
        for rows in given
        if id(rows) not in made
    ]


def _rule(rule: Rule) -> str:
    """Return the rule as it was written: name and what differs from the defaults."""
    given = [
        f"{field.name}={value!r}"
        for field in fields(rule)  # type: ignore[arg-type]  # rules are dataclasses
        if not isinstance(value := getattr(rule, field.name), np.ndarray) and value != field.default
    ]
    return f"{type(rule).__name__}({', '.join(given)})" if len(", ".join(given)) < 50 else type(rule).__name__


def _rows(n: int | None, targets_n: int) -> tuple[str, str]:
    if n is None:
        return "not drawn", ""
    return str(n), f"{n / targets_n:.4g}" if targets_n else ""


def line(net: Network) -> str:
    """Return one line: sizes."""
    rows = [len(c) for c in net.connections] if net.draws else []
    facts = [f"{len(net.cells)} cells in {len(net.populations)} populations"]
    facts.append(f"{sum(rows)} connections" if net.draws else f"{len(net.projections)} projections, not drawn")
    if net.draws and net.couplings:
        facts.append(f"{sum(map(len, net.couplings))} couplings")
    return f"<Network {'; '.join(facts)}; seed {net.seed}>"


def text(net: Network) -> str:
    """Return the tables of populations and projections as text."""
    parts = [_text(_POPULATIONS, _populations(net))]
    if rows := _projections(net):
        parts.append(_text(_PROJECTIONS, rows))
    return "\n\n".join([line(net), *parts])


def _text(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [head, *rows]]
    return "\n".join(one.rstrip() for one in lines)


def html(net: Network) -> str:
    """Return the tables of populations and projections for a notebook."""
    parts = [_html(_POPULATIONS, _populations(net))]
    if rows := _projections(net):
        parts.append(_html(_PROJECTIONS, rows))
    return f"<p>{escape(line(net))}</p>{''.join(parts)}"


def _html(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"
