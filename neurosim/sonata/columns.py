"""Columns of connections under construction: pieces by kind, joined when all edges are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.exchange import Exchange
from neurosim.model.connections import Connections
from neurosim.sonata.agreement import agreed_order
from neurosim.sonata.synapses import SynapseKind

Floats = npt.NDArray[np.float64]
FIXED = (np.int32, np.int32, np.int32, np.float64, np.float64)
"""Types of source, target, node, weight and delay: 28 bytes a synapse."""

ORDER = "neurosim_order"
"""Column of edges that ``writer`` wrote: the row of the network that an edge was."""


class Collector:
    """Collects rows of connections.

    Rows of one kind are kept in the order in which they come, or in that of the column ``ORDER``; kinds in the order in
    which they come first, in whatever process of the run that is.
    """

    def __init__(self) -> None:
        self._pieces: dict[tuple[Any, ...], list[list[npt.NDArray[Any]]]] = {}
        self._firsts: dict[tuple[Any, ...], tuple[float, str]] = {}

    def add(
        self,
        kind: SynapseKind | None,
        source: npt.NDArray[Any],
        target: npt.NDArray[Any],
        node: npt.NDArray[Any],
        weight: Floats,
        delay_ms: Floats,
        columns: dict[str, Floats],
        first: float = 0.0,
    ) -> None:
        """Add rows; ``columns`` are parameters that differ from row to row, ``first`` tells where in the files."""
        if len(source) == 0:
            return
        names = tuple(sorted(columns))
        self._firsts.setdefault((kind, names), (first, _text(kind, names)))
        pieces = self._pieces.setdefault((kind, names), [[] for _ in range(len(FIXED) + len(names))])
        values = (source, target, node, weight, delay_ms, *(columns[name] for name in names))
        types = (*FIXED, *(np.float64 for _ in names))
        for into, value, dtype in zip(pieces, values, types, strict=True):
            into.append(np.array(value, dtype=dtype))

    def finish(self, exchange: Exchange) -> list[Connections]:
        """Return the connections and forget the pieces; collective."""
        found = []
        for key in agreed_order(exchange, self._firsts):
            (kind, names), pieces = key, self._pieces.pop(key)
            whole = [_joined(piece) for piece in pieces]
            if ORDER in names:
                order = np.argsort(whole.pop(len(FIXED) + names.index(ORDER)), kind="stable")
                names, whole = tuple(n for n in names if n != ORDER), [column[order] for column in whole]
            values: dict[str, float | Floats] = dict(kind.values) if kind is not None else {}
            values |= dict(zip(names, whole[len(FIXED) :], strict=True))
            source, target, node, weight, delay = whole[: len(FIXED)]
            mechanism = kind.mechanism if kind is not None else None
            found.append(Connections(mechanism, source, target, node, weight, delay, values))
        return found


def _text(kind: SynapseKind | None, names: tuple[str, ...]) -> str:
    """Return a name that only this kind has, the same in every process."""
    return repr(None if kind is None else (kind.mechanism.name, kind.mechanism.digest, kind.values)) + repr(names)


def _joined(pieces: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return the pieces as one array, dropping each as soon as it is copied."""
    whole = np.empty(sum(map(len, pieces)), dtype=pieces[0].dtype)
    at = len(whole)
    while pieces:
        piece = pieces.pop()
        at -= len(piece)
        whole[at : at + len(piece)] = piece
    return whole
