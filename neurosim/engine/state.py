"""The state of an engine as arrays by cell: enough to go on bitwise the same in another engine of the same model.

What is kept does not depend on blocks, threads or processes: every value is named by its cell and what it is there
(``neurosim.engine.whereabouts``), so that any engine takes the rows of its own cells. Events under way are not kept but
the spikes that caused them; parameters are not kept either: the model is built again from its description.

==================  =================================================================  =======================
table               rows of a cell                                                     columns
==================  =================================================================  =======================
cell                nodes of the tree                                                  v_mV
mechanism/NAME      instances, in acting order                                         changing fields
watch/NAME          the same                                                           states of WATCH
ion/NAME/...        nodes where a mechanism sets the ion                               ci, co; e
detector            threshold detectors                                                above
connection/NAME     incoming connections of the mechanism, by source, then by row      what they learned
self/NAME           events of instances to themselves, under way                       nth, times, flag ...
listed, ring/NAME   events under way, where they do not follow from spikes             ``engine.listed``
recent              spikes that may still act                                          time_ms
held                spikes after the time reached, which a run has not told yet        time_ms
current             nodes with currents put in by hand                                 node, current
silent              one when the cell fires no spikes                                  none
==================  =================================================================  =======================
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.bygid import SEEN, WAITING, ByGid, flat, tables
from neurosim.engine.bygid import Arrays as Arrays
from neurosim.engine.listed import listed_events, put_events_back
from neurosim.engine.recent import Past
from neurosim.engine.selfevents import put_items_back, self_events
from neurosim.errors import SimulationError

if TYPE_CHECKING:
    from neurosim.engine.engine import Engine
    from neurosim.engine.whereabouts import Incoming, Instances

Rows = NDArray[np.int64] | NDArray[np.int32] | slice
Places = tuple[NDArray[Any], NDArray[np.int64] | slice]
"""Where values of a column are kept: an array and places in it."""


def state_of(engine: Engine) -> Arrays:
    """Return copies of all that changes during a run, of the cells of this engine."""
    fixed = _fixed(engine)
    found = {name: ByGid(head.gids, head.counts, {}) for name, head in fixed.heads.items()}
    for name, column, rows, (array, at) in fixed.columns:
        values = found[name].columns.setdefault(column, np.zeros(int(found[name].counts.sum()), array.dtype))
        values[rows] = array[at]
    found.update(_learned(engine))
    found.update(self_events(engine))
    if engine.timing.immediate:
        found.update(listed_events(engine))
    past = engine.recent.until(engine.t_ms)
    found["recent"] = _by_cell(past.gids, time_ms=past.times_ms, waiting=past.waiting)
    found["held"] = _by_cell(engine.held[1], time_ms=engine.held[0])
    found.update(_steering(engine))
    scalars = {"step": engine.step, "time_ms": engine.t_ms, "cells": len(engine.request.cells)}
    return {**{name: np.array([value]) for name, value in scalars.items()}, **flat(found)}


def restore(engine: Engine, state: Arrays) -> None:
    """Put an engine of the same model into a state.

    Parameters
    ----------
    engine : Engine
        Of some or all of the cells.
    state : dict
        Of at least its cells, and with the recent spikes of all cells that act on them.

    Raises
    ------
    SimulationError
        The state is of another model.
    """
    found = tables(state)
    _check(engine, state, found)
    own = engine.whereabouts.gids
    engine.forget_events()
    mine = {name: table.only(own) for name, table in found.items() if name not in ("recent", "held")}
    for name, column, rows, (array, at) in _fixed(engine).columns:
        # Recordings may be others than those of the run that was kept.
        if name in mine and column in mine[name].columns:
            array[at] = mine[name].columns[column][rows]
    if "cell" in mine:
        engine.layout.set_voltages(engine.whereabouts.elements, mine["cell"].columns["v_mV"])
    _learned(engine, mine)
    put_items_back(engine, mine)
    if engine.timing.immediate:
        put_events_back(engine, mine)
    _restore_steering(engine, mine)
    nobody = ByGid.of(np.zeros(0, np.int64), {"time_ms": np.zeros(0), WAITING: np.zeros(0, np.bool_)})
    recent, held = _by_time(found.get("recent", nobody)), _by_time(found.get("held", nobody).only(own))
    past = Past(recent.columns["time_ms"], recent.gids, recent.columns[WAITING])
    engine.go_to(int(state["step"][0]), float(state["time_ms"][0]), past, (held.columns["time_ms"], held.gids))


def _by_cell(gids: NDArray[np.int64], **columns: NDArray[Any]) -> ByGid:
    order = np.lexsort((columns["time_ms"], gids))
    return ByGid.of(gids[order], {name: values[order] for name, values in columns.items()})


def _by_time(table: ByGid) -> ByGid:
    """Return a table's rows in order of time, then of gid, each with its own gid."""
    gids = table.gid
    order = np.lexsort((gids, table.columns["time_ms"]))
    columns = {name: values[order] for name, values in table.columns.items()}
    return ByGid(gids[order], np.ones(len(order), np.int64), columns)


@dataclass(frozen=True)
class _Fixed:
    """Tables whose rows the model decides: who has rows, and where each column is kept (``_columns``)."""

    heads: dict[str, ByGid]
    columns: list[tuple[str, str, Rows, Places]]


_known: WeakKeyDictionary[Engine, _Fixed] = WeakKeyDictionary()


def _fixed(engine: Engine) -> _Fixed:
    """Return the fixed tables of an engine, worked out once."""
    if engine not in _known:
        heads = {name: head for name, head in _heads(engine).items() if len(head.gids)}
        _known[engine] = _Fixed(heads, [column for column in _columns(engine) if column[0] in heads])
    return _known[engine]


def _heads(engine: Engine) -> dict[str, ByGid]:
    """Return the tables of a fixed number of rows, with the columns that are always there."""
    where = engine.whereabouts
    out = {"cell": where.nodes}
    for instances in where.instances:
        needed, seen = instances.fields
        for kind, there in (
            ("mechanism", needed),
            (f"{SEEN}mechanism", seen),
            ("watch", instances.channel.lowered.watch_flags),
        ):
            if there:
                out[f"{kind}/{instances.name}"] = instances.table
    for ion in engine.ions:
        for kind, elements in zip(("concentration", "reversal"), where.written(ion), strict=True):
            out[f"ion/{ion}/{kind}"] = ByGid.of(where.gid_of[elements])
        if any("i" in part.values for part in engine.ions[ion]):
            used = _used(engine, ion)
            out[f"{SEEN}ion/{ion}/current"] = ByGid.of(where.gid_of[used])
    for instances, mine in _taught(engine):
        gid = np.concatenate([found.gid for _, found in mine])
        out[f"connection/{instances.name}"] = ByGid.of(np.sort(gid))
    gates = np.array([gate.cell for gate in engine.request.gates], np.int64)
    out["detector"] = ByGid.of(np.sort(gates))
    return out


def _used(engine: Engine, ion: str) -> NDArray[np.int64]:
    """Return the elements that use an ion, by cell."""
    return engine.whereabouts.by_cell(np.concatenate([part.elements for part in engine.ions[ion]]))


def _columns(engine: Engine) -> Iterator[tuple[str, str, Rows, Places]]:
    """Yield what changes at fixed places: table, column, rows in it, where the values are kept."""
    where = engine.whereabouts
    yield "cell", "v_mV", slice(None), (engine.layout.arrays["V"], where.elements)
    for instances in where.instances:
        needed, seen = instances.fields
        if not (needed or seen or instances.channel.lowered.watch_flags):
            continue
        for entry, rows, places in instances.parts():
            for kind, names in (("mechanism", needed), (f"{SEEN}mechanism", seen)):
                for name in names:
                    yield f"{kind}/{instances.name}", name, rows, (entry.fields[name], places)
            size = entry.rows.n * 8
            for k in range(len(entry.watch_states) // max(1, size)):
                states = entry.watch_states[k * size : (k + 1) * size]
                yield f"watch/{instances.name}", f"condition{k}", rows, (states, places)
    for ion, parts in engine.ions.items():
        concentrations, reversals = where.written(ion)
        for kind, elements, roles in (
            ("concentration", concentrations, ("ci", "co")),
            ("reversal", reversals, ("e",)),
        ):
            for part in parts:
                mine = np.flatnonzero(np.isin(elements, part.elements))
                for role in roles if len(mine) else ():
                    yield f"ion/{ion}/{kind}", role, mine, (part.values[role], part.places(elements[mine]))
        for part in parts:
            if "i" in part.values:
                used = _used(engine, ion)
                mine = np.flatnonzero(np.isin(used, part.elements))
                yield f"{SEEN}ion/{ion}/current", "i", mine, (part.values["i"], part.places(used[mine]))
    gates = engine.gate_cells
    rank = np.empty(len(gates), np.int64)
    rank[np.argsort(gates, kind="stable")] = np.arange(len(gates))
    yield "detector", "above", rank, (engine.above, slice(None))


def _taught(engine: Engine) -> Iterator[tuple[Instances, list[tuple[int, Incoming]]]]:
    """Yield the mechanisms whose connections learn, with their incoming connections by range."""
    where = engine.whereabouts
    for number, instances in enumerate(where.instances):
        mine = [(r, found) for (r, channel), found in where.incoming.items() if channel == number]
        if instances.learned and mine:
            yield instances, mine


def _learned(engine: Engine, from_state: dict[str, ByGid] | None = None) -> dict[str, ByGid]:
    """Return what connections learned; with a state, write that into the engine instead, and return no values."""
    out: dict[str, ByGid] = {}
    for instances, mine in _taught(engine):
        # A cell is in one range, its connections there in order.
        gid = np.concatenate([found.gid for _, found in mine])
        order = np.argsort(gid, kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        name = f"connection/{instances.name}"
        table = ByGid.of(gid[order], {f"argument{k}": np.zeros(len(order)) for k in instances.learned})
        first = 0
        for r, found in mine:
            wires = engine.ranges[r].range.wires
            at = wires.arg[found.connection] if len(wires.arg) else found.connection
            rows = rank[first : first + len(at)]
            first += len(at)
            for k in instances.learned:
                if from_state is not None:
                    wires.args[at + k] = from_state[name].columns[f"argument{k}"][rows]
                else:
                    table.columns[f"argument{k}"][rows] = wires.args[at + k]
        out[name] = table
    return out


def _steering(engine: Engine) -> dict[str, ByGid]:
    where, steering = engine.whereabouts, engine.steering
    elements = where.by_cell(np.array(list(steering.by_hand), np.int64))
    values = np.array([steering.by_hand[e] for e in elements.tolist()])
    silent = np.flatnonzero(steering.silent)
    return {
        "current": ByGid.of(where.gid_of[elements], {"node": where.node_of[elements], "current": values}),
        "silent": ByGid.of(silent[np.isin(silent, where.gids)]),
    }


def _restore_steering(engine: Engine, mine: dict[str, ByGid]) -> None:
    by_hand: dict[int, float] = {}
    if "current" in mine:
        table = mine["current"]
        columns = table.gid.tolist(), table.columns["node"].tolist(), table.columns["current"].tolist()
        by_hand = {engine.layout.element(gid, node): value for gid, node, value in zip(*columns, strict=True)}
    silent = np.zeros(len(engine.request.cells), np.int32)
    if "silent" in mine:
        silent[mine["silent"].gids] = 1
    engine.steering.restore(by_hand, silent)


_FREE = ("self/", "listed/", "ring/", "recent", "held", "current", "silent", SEEN)
"""Beginnings of the names of tables whose rows are not fixed by the model."""


def _check(engine: Engine, state: Arrays, found: dict[str, ByGid]) -> None:
    """Refuse a state of another model."""
    own, n = engine.whereabouts.gids, len(engine.request.cells)
    if int(state["cells"][0]) != n:
        raise SimulationError(
            f"state: it is of another model, with {int(state['cells'][0])} cells in place of {n}: build the same model"
        )
    expected = _fixed(engine).heads
    nobody = ByGid.of(np.zeros(0, np.int64))
    for name in sorted({*expected, *found}):
        if name.startswith(_FREE):
            continue
        there, here = found.get(name, nobody).only(own), expected.get(name, nobody)
        if not there.fits(here):
            odd = np.setxor1d(there.gids, here.gids)
            if not len(odd):
                odd = there.gids[there.counts != here.counts]
            raise SimulationError(
                f"state: it is of another model; {name!r} does not fit in gid {int(odd[0])}: build the same model"
            )
