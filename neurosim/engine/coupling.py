"""Cells that see one another's voltage: which must go step by step together, and what is copied in every step."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim.engine import driver
from neurosim.engine.channels import Channel
from neurosim.engine.entry import Placed
from neurosim.engine.layout import AnyCell, NodeLayout
from neurosim.engine.lowered import lowered
from neurosim.engine.memory import address
from neurosim.engine.rows import Longs
from neurosim.errors import ModelError
from neurosim.mechanisms.lower import symbol
from neurosim.model.cell import CellRecord
from neurosim.model.connections import Couplings
from neurosim.model.point import Elsewhere


def coupled_sets(
    cells: Sequence[AnyCell], couplings: Sequence[Couplings], linked: Longs | Sequence[int] = ()
) -> list[Longs]:
    """Return the sets of cells that see one another's voltage, directly or through others, each sorted.

    Parameters
    ----------
    cells, couplings : sequences
        The model.
    linked : int64 (n,)
        Own cells that other processes' cells see or are seen by: they are of one set.
    """
    above: dict[int, int] = {}

    def root(gid: int) -> int:
        while above.setdefault(gid, gid) != gid:
            above[gid] = above[above[gid]]
            gid = above[gid]
        return gid

    def join(a: int, b: int) -> None:
        above[root(max(root(a), root(b)))] = min(root(a), root(b))

    for gid in np.asarray(linked).tolist():
        join(int(linked[0]), gid)
    for table in couplings:
        for gid in (*table.source_gid.tolist(), *table.target_gid.tolist()):
            if not 0 <= gid < len(cells) or not isinstance(cells[gid], CellRecord | Elsewhere):
                raise ModelError(f"couplings: gid {gid} is no cell with compartments; allowed: 0 to {len(cells) - 1}")
        for a, b in zip(table.source_gid.tolist(), table.target_gid.tolist(), strict=True):
            if not isinstance(cells[a], Elsewhere):
                join(a, b)
    sets: dict[int, list[int]] = {}
    for gid in sorted(above):
        sets.setdefault(root(gid), []).append(gid)
    return [np.array(members, np.int64) for members in sets.values()]


def see(
    pointers: Sequence[tuple[Couplings, int]], placed: Sequence[Placed], layout: NodeLayout, recorded: Collection[str]
) -> None:
    """Let mechanisms read the voltages of other cells where these are, in place of copies, where that is the same.

    Copies are kept where somebody records them, where NET_RECEIVE or WATCH may look within a step, and where some
    instance sees nothing.
    """
    for p in placed:
        kind, program = (p.mechanism.name, p.mechanism.digest), lowered(p.mechanism)
        mine = [(t, first) for t, first in pointers if (t.mechanism.name, t.mechanism.digest) == kind]
        names = {t.pointer for t, _ in mine}
        outputs = {*program.current.outputs, *program.advance.outputs}
        if program.receive is not None or program.watch is not None or {symbol(n) for n in names} & outputs:
            continue
        for name in names - {r.removeprefix(f"{p.mechanism.name}.") for r in recorded}:
            seen = np.full(len(p.elements), -1, np.int64)
            for table, first in mine:
                if table.pointer == name:
                    source = table.source_gid.astype(np.int64), table.source_node.astype(np.int64)
                    seen[first : first + len(table)] = layout.elements_of(*source)
            if (seen >= 0).all():
                p.seen[name] = seen


def transfers(
    pointers: Sequence[tuple[Couplings, int]], channels: Sequence[Channel], layout: NodeLayout, group_of_block: Longs
) -> NDArray[np.int64]:
    """Return the table of voltages that other cells see, int64 (n, driver.TRANSFER_WORDS), by group.

    Parameters
    ----------
    pointers : sequence of (Couplings, int)
        Tables, and the first instance of each among those of its mechanism.
    channels : sequence of Channel
        All mechanisms.
    layout : NodeLayout
        Where nodes stand.
    group_of_block : int64 (blocks,)
        Group of each block.
    """
    rows = [np.zeros((0, driver.TRANSFER_WORDS), np.int64)]
    for table, first in pointers:
        kind = (table.mechanism.name, table.mechanism.digest)
        channel = next(c for c in channels if (c.mechanism.name, c.mechanism.digest) == kind)
        if table.pointer in channel.placed.seen:
            continue
        seen = layout.elements_of(table.source_gid.astype(np.int64), table.source_node.astype(np.int64))
        for entry in channel.entries:
            mine = entry.rows.chosen - first
            at = np.flatnonzero((mine >= 0) & (mine < len(table)))
            field = np.full(len(at), address(entry.fields[table.pointer]))
            block = layout.grid.block_of(channel.placed.elements[entry.rows.chosen[at]])
            rows.append(np.stack([seen[mine[at]], field, entry.rows.place[at], group_of_block[block]], axis=1))
    found = np.concatenate(rows)
    return np.ascontiguousarray(found[np.argsort(found[:, driver.TRANSFER_GROUP], kind="stable")])


def places_of(
    table: Couplings, first: int, parameter: str, channels: Sequence[Channel]
) -> list[tuple[NDArray[np.float64], Longs, Longs]]:
    """Return where a parameter of a table's rows is kept: arrays, places in them, rows of the table.

    Parameters
    ----------
    table : Couplings
        The rows.
    first : int
        First instance of the table among those of its mechanism.
    parameter : str
        One that was declared as varying.
    channels : sequence of Channel
        All mechanisms.
    """
    kind = (table.mechanism.name, table.mechanism.digest)
    channel = next(c for c in channels if (c.mechanism.name, c.mechanism.digest) == kind)
    out = []
    for entry in channel.entries:
        mine = entry.rows.chosen - first
        at = np.flatnonzero((mine >= 0) & (mine < len(table)))
        out.append((entry.fields[parameter], entry.rows.place[at], mine[at]))
    return out
