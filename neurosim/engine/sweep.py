"""The order in which the sweeps walk a tree, worked out once for each shape."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.blocks import runs
from neurosim.kernels.cable import CONSTANT, END, HEADER, OP_WORDS, VARYING, WORKING

Ints = NDArray[np.int32]


@lru_cache(maxsize=4096)
def _sweep_plan(parent_key: bytes, working_key: bytes) -> Ints:
    parent, working = np.frombuffer(parent_key, np.int32), np.frombuffer(working_key, np.bool_)
    table = runs(parent, working)
    children = _children(table)
    lists = [c for own in children for c in own]
    touched = np.flatnonzero(working)
    places = np.cumsum([HEADER, table.size, len(lists), len(touched)])
    firsts = places[1] + np.cumsum([0, *(len(own) for own in children)])
    operations = np.zeros((len(table), OP_WORDS), np.int32)
    for row, r in zip(operations, reversed(range(len(table))), strict=True):
        start, end, above, activity = table[r].tolist()
        kind = VARYING if activity == WORKING else CONSTANT
        row[:6] = kind, end - start, end - 1, above, firsts[r], len(children[r])
    header = np.zeros(HEADER, np.int32)
    header[:6] = len(table), places[0], len(table), places[3], len(touched), places[2]
    parts = (header, table, lists, touched, operations)
    out = np.concatenate([np.asarray(part, np.int32).reshape(-1) for part in parts])
    out.setflags(write=False)
    return out


def sweep_plan(parent: Ints, working: NDArray[np.bool_]) -> Ints:
    """Return the plan of the sweeps over a tree.

    Parameters
    ----------
    parent : int32 (n,)
        Depth-first tree.
    working : bool (n,)
        Nodes to which a mechanism may add current or conductance.

    Returns
    -------
    int32
        Header (number and place of runs, of operations, of nodes that working mechanisms touch), then these tables, in
        the form that ``neurosim.kernels.cable`` reads.
    """
    return _sweep_plan(
        np.ascontiguousarray(parent, np.int32).tobytes(), np.ascontiguousarray(working, np.bool_).tobytes()
    )


def _children(table: Ints) -> list[list[int]]:
    """Return the first nodes of the runs that hang on each run's last node, last first."""
    owner = {int(end) - 1: r for r, end in enumerate(table[:, END].tolist())}
    out: list[list[int]] = [[] for _ in table]
    for start, _, above, _ in reversed(table.tolist()):
        if above >= 0:
            out[owner[above]].append(start)
    return out
