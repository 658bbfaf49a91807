"""Events of connections under way one by one, for models in which they do not follow from the spikes.

That is where point cells act on one another within a step: what they fire becomes events at once, in the order in which
things happen within the step, and a step is a window. Such a model runs in one process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.build import compiled
from neurosim.engine.bygid import ORDER, ByGid
from neurosim.kernels import events
from neurosim.kernels.queue import CLASSES, LIVE

if TYPE_CHECKING:
    from neurosim.engine.engine import Engine

Longs = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]


def listed_events(engine: Engine) -> dict[str, ByGid]:
    """Return the events in bins and the sums in rings by mechanism and cell.

    Columns of ``listed/NAME``: ``half`` (number of the half step), ``kind`` (class within it), ``nth`` (instance, or
    incoming connection for those that are no sums), ``load`` (weight, or time in ms), ``order``; of ``ring/NAME``:
    ``nth`` instance, ``live``, ``slot`` of the ring, ``load``.
    """
    out: dict[str, ByGid] = {}
    (state,) = engine.ranges
    found = state.listed()
    for number, instances in enumerate(engine.whereabouts.instances):
        parts: list[Columns] = []
        sums: list[Columns] = []
        for e, (channel, entry) in enumerate(engine.whereabouts.receivers):
            if channel != number:
                continue
            gid, nth = (instances.at_places(v, entry) for v in (instances.gid, instances.occurrence))
            parts.append(_of_receiver(engine, number, found[found["entry"] == e], gid, nth))
            ring = int(state.range.entries[e, events.RING])
            if ring >= 0:
                live, slot, place = np.nonzero(engine.ring_sums[:, :, ring : ring + len(gid)])
                load = engine.ring_sums[live, slot, ring + place]
                sums.append({"gid": gid[place], "nth": nth[place], "live": live, "slot": slot, "load": load})
        for kind, columns in (("listed", parts), ("ring", sums)):
            if sum(len(c["gid"]) for c in columns):
                out[f"{kind}/{instances.name}"] = _table(columns)
    return out


def _of_receiver(engine: Engine, channel: int, found: NDArray[np.void], gid: Longs, nth: Longs) -> Columns:
    """Return the columns of the events onto one receiver; a step is a window here."""
    timing, step = engine.timing, engine.step
    window = step + (found["bin"] - step) % timing.bins
    kind = found["key"] % CLASSES
    out = {"half": 2 * window + found["key"] // CLASSES, "kind": kind, "load": found["load"], ORDER: found["order"]}
    general = kind > LIVE
    index = found["index"].astype(np.int64)
    out["gid"], out["nth"] = np.zeros(len(found), np.int64), np.zeros(len(found), np.int64)
    out["gid"][~general], out["nth"][~general] = gid[index[~general]], nth[index[~general]]
    if general.any():
        incoming = engine.whereabouts.incoming[0, channel]
        at = np.searchsorted(incoming.connection, index[general])
        out["gid"][general], out["nth"][general] = incoming.gid[at], incoming.nth[at]
    return out


def _table(parts: list[Columns]) -> ByGid:
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    keys = [name for name in ("load", "live", "slot", "kind", "half", "nth", "gid") if name in joined]
    order = np.lexsort(tuple(joined[name] for name in (([ORDER] if ORDER in joined else []) + keys)))
    return ByGid.of(joined["gid"][order], {name: v[order] for name, v in joined.items() if name != "gid"})


def put_events_back(engine: Engine, tables: dict[str, ByGid]) -> None:
    """Fill bins and rings, which are empty, from the tables of ``listed_events``."""
    where, (state,) = engine.whereabouts, engine.ranges
    parts: list[Columns] = []
    for number, instances in enumerate(where.instances):
        table = tables.get(f"listed/{instances.name}")
        if table is not None:
            parts.append(_located(engine, number, table))
        sums = tables.get(f"ring/{instances.name}")
        if sums is not None:
            entry, place = where.located(number, instances.instance(sums.gid, sums.columns["nth"]))
            at = state.range.entries[entry, events.RING] + place
            engine.ring_sums[sums.columns["live"], sums.columns["slot"], at] = sums.columns["load"]
    if parts:
        every = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        order = np.lexsort((every[ORDER], every["half"] // 2))
        half = every["half"][order]
        key = (half % 2) * CLASSES + every["kind"][order]
        put = compiled("neurosim.engine.refill").put_events
        put(state.m, (half // 2) % engine.timing.bins, key, *(every[c][order] for c in ("entry", "index", "load")))


def _located(engine: Engine, channel: int, table: ByGid) -> Columns:
    """Return the columns of a table with receiver and index in place of gid and number."""
    where, gid, nth = engine.whereabouts, table.gid, table.columns["nth"]
    entry, index = np.zeros(len(gid), np.int64), np.zeros(len(gid), np.int64)
    general = table.columns["kind"] > LIVE
    if (~general).any():
        found = where.instances[channel].instance(gid[~general], nth[~general])
        entry[~general], index[~general] = where.located(channel, found)
    if general.any():
        connection = where.incoming[0, channel].numbered(gid[general], nth[general])
        entry[general] = engine.ranges[0].range.wires.entry[connection] & (events.RECEIVERS - 1)
        index[general] = connection
    return {**table.columns, "entry": entry, "index": index}
