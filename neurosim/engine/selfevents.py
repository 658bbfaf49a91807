"""Self-events of instances under way, as rows by cell: out of the heaps of an engine, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.build import compiled
from neurosim.engine.bygid import ORDER, ByGid
from neurosim.engine.rows import occurrence
from neurosim.errors import SimulationError
from neurosim.kernels.queue import SPIKE

if TYPE_CHECKING:
    from neurosim.engine.engine import Engine

Longs = NDArray[np.int64]

NO_CONNECTION = -1
"""In place of a connection's number: none caused the event."""

_PLAIN = ("time", "since", "flag")


def self_events(engine: Engine) -> dict[str, ByGid]:
    """Return the items of all heaps: table of each mechanism, rows by cell, instance, time, and when they were sent.

    ``nth`` is the instance among those of its cell, ``connection`` the incoming one that caused the event (as in
    ``whereabouts.Incoming``), ``order`` the order of sending within the cell.
    """
    where = engine.whereabouts
    parts: list[tuple[int, dict[str, NDArray[np.generic]]]] = []
    for r, state in enumerate(engine.ranges):
        items = state.items()
        for e in np.unique(items["entry"]).tolist():
            channel, entry = where.receivers[e]
            mine = items[items["entry"] == e]
            instances = where.instances[channel]
            columns = {name: mine[name].copy() for name in (*_PLAIN, "kind")}
            columns["serial"] = mine["order"].copy()
            for name, values in (("gid", instances.gid), ("nth", instances.occurrence)):
                columns[name] = instances.at_places(values, entry)[mine["index"]]
            columns["connection"] = _connections(engine, r, channel, mine)
            parts.append((channel, columns))
    return _tables(engine, parts)


def _connections(engine: Engine, r: int, channel: int, items: NDArray[np.void]) -> Longs:
    """Return the number of the connection of each item."""
    wires, found = engine.ranges[r].range.wires, engine.whereabouts.incoming.get((r, channel))
    out = np.full(len(items), NO_CONNECTION, np.int64)
    named = np.flatnonzero((items["arg"] >= 0) & (items["kind"] != SPIKE))
    if len(named) and found is None:
        raise SimulationError(
            f"state at t={engine.t_ms:g} ms: a point cell acts on another without delay, just now; keep the state a "
            "step later, or give a delay"
        )
    if len(named) and found is not None:
        arg = items["arg"][named]
        number = np.searchsorted(wires.arg, arg, side="right") - 1 if len(wires.arg) else arg
        out[named] = found.nth[np.searchsorted(found.connection, number)]
    return out


def _tables(engine: Engine, parts: list[tuple[int, dict[str, NDArray[np.generic]]]]) -> dict[str, ByGid]:
    if not parts:
        return {}
    joined = {name: np.concatenate([columns[name] for _, columns in parts]) for name in parts[0][1]}
    channel = np.repeat([c for c, _ in parts], [len(columns["gid"]) for _, columns in parts])
    # Ranges count for themselves; a cell is in one range.
    sent = np.lexsort((joined["serial"], joined["gid"]))
    joined[ORDER] = np.empty(len(sent), np.int64)
    joined[ORDER][sent] = occurrence(joined["gid"][sent].astype(np.int64))
    del joined["serial"]
    keys = (ORDER, "connection", "flag", "since", "time", "nth", "gid")
    out = {}
    for number in np.unique(channel).tolist():
        mine = np.flatnonzero(channel == number)
        rows = mine[np.lexsort(tuple(joined[key][mine] for key in keys))]
        columns = {name: values[rows] for name, values in joined.items() if name != "gid"}
        gid = joined["gid"][rows].astype(np.int64)
        out[f"self/{engine.whereabouts.instances[number].name}"] = ByGid.of(gid, columns)
    return out


def put_items_back(engine: Engine, tables: dict[str, ByGid]) -> None:
    """Fill the heaps, which are empty, from the tables of ``self_events`` of own cells."""
    where = engine.whereabouts
    columns: dict[str, list[NDArray[np.generic]]] = {}
    for number, instances in enumerate(where.instances):
        table = tables.get(f"self/{instances.name}")
        if table is None or not len(table.gids):
            continue
        entry, index = where.located(number, instances.instance(table.gid, table.columns["nth"]))
        group = np.array([where.group_of(e, p) for e, p in zip(entry.tolist(), index.tolist(), strict=True)], np.int64)
        rows = {name: table.columns[name] for name in (*_PLAIN, "kind", ORDER)}
        rows |= {"gid": table.gid, "entry": entry.astype(np.int64), "index": index.astype(np.int64), "group": group}
        rows["arg"] = _arguments(engine, number, table, group)
        for name, values in rows.items():
            columns.setdefault(name, []).append(values)
    if not columns:
        return
    every = {name: np.concatenate(found) for name, found in columns.items()}
    sent = np.lexsort((every[ORDER], every["gid"]))
    push = compiled("neurosim.engine.refill").push_items
    for state in engine.ranges:
        first, last = state.range.first, state.range.last
        mine = sent[(every["group"][sent] >= first) & (every["group"][sent] < last)]
        names = (*_PLAIN, "arg", "entry", "index", "kind")
        push(state.m, every["group"][mine] - first, *(every[name][mine] for name in names))


def _arguments(engine: Engine, channel: int, table: ByGid, group: Longs) -> Longs:
    """Return the first argument of the connection of each row, its gid for a spike to come."""
    where = engine.whereabouts
    gid, nth = table.gid, table.columns["connection"]
    out = np.where(table.columns["kind"] == SPIKE, gid, NO_CONNECTION)
    for r, state in enumerate(engine.ranges):
        found = where.incoming.get((r, channel))
        if found is None:
            continue
        here = (group >= state.range.first) & (group < state.range.last)
        named = np.flatnonzero(here & (nth != NO_CONNECTION))
        if not len(named):
            continue
        number = found.numbered(gid[named], nth[named])
        wires = state.range.wires
        out[named] = wires.arg[number] if len(wires.arg) else number
    return out
