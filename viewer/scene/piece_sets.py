"""Node sets of a circuit whose nodes are read in pieces."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SonataError
from neurosim.sonata.config import Config
from neurosim.sonata.entry import Entry
from neurosim.sonata.node_pieces import NodeFile, part_of
from neurosim.sonata.node_sets import NodeSets
from neurosim.sonata.nodes import Population

_NONE = np.zeros(0, np.int64)


class PieceSets(NodeSets):
    """``NodeSets`` that are asked about one piece of the nodes at a time: gids elsewhere are not missing."""

    def __init__(self, config: Config, populations: list[Population]) -> None:
        super().__init__(config, populations)
        self._asked = ""
        self._missing: dict[tuple[str, tuple[int, ...]], set[int]] = {}

    def _listed(self, value: list[Any], entry: Entry, name: str, above: tuple[str, ...]) -> NDArray[np.int64]:
        if all(isinstance(v, str) for v in value) or any(isinstance(v, bool) or not isinstance(v, int) for v in value):
            return super()._listed(value, entry, name, above)
        here = np.concatenate([p.gids for p in self.populations])
        wanted = np.array([v for v in value if 0 <= v < 2**63], np.int64)
        found = np.intersect1d(wanted, here)
        missing = self._missing.setdefault((self._asked, tuple(value)), set(value))
        missing.difference_update(found.tolist())
        return found

    def within(self, name: str) -> NDArray[np.int64]:
        """Return the gids of a set that are here, ascending; none is no error."""
        self._asked = name
        return self._of(name, Entry({}, "", None), name, ())

    def missing(self, name: str) -> int | None:
        """Return a gid that a set lists and that no piece asked about had, or None."""
        return min((gid for (asked, _), gids in self._missing.items() if asked == name for gid in gids), default=None)


def node_sets_of(
    config: Config,
    files: list[NodeFile],
    shown: list[NDArray[np.bool_] | None],
    rank_of_row: NDArray[np.uint32],
    populations: Collection[str],
) -> tuple[dict[str, NDArray[np.uint32] | dict[str, Any]], list[str]]:
    """Return the node sets of a circuit by name, as ranks or as queries, and notices of those that cannot be shown.

    Sets of which no cell is shown are left out.

    Parameters
    ----------
    files, shown
        Of ``CircuitCells``.
    rank_of_row : uint32 (n,)
        Rank of each cell that is shown, in the order it was read.
    populations : collection of str
        Those that have cells.
    """
    found: dict[str, NDArray[np.uint32] | dict[str, Any]] = {"all": {}}
    found |= {name: {"population": name} for name in populations}
    empty = [_empty(file) for file in files]
    sets = PieceSets(config, empty)
    names = [name for name in sets.entry.values]
    parts: dict[str, list[NDArray[np.uint32]]] = {name: [np.empty(0, np.uint32)] for name in names}
    notices: list[str] = []
    wanted = set(_words(sets.entry.values))
    row, number = 0, 0
    for k, file in enumerate(files if names else []):
        for piece in file.pieces(wanted & file.columns):
            sets.populations = [*empty[:k], piece, *empty[k + 1 :]]
            mask = shown[number]
            gids = piece.gids if mask is None else piece.gids[mask]
            for name in list(parts):
                try:
                    here = np.isin(gids, sets.within(name))
                except SonataError as error:
                    notices.append(f"node set {name!r} cannot be shown: {error}")
                    del parts[name]
                    continue
                parts[name].append(rank_of_row[row : row + len(gids)][here])
            row += len(gids)
            number += 1
    for name in list(parts):
        gid = sets.missing(name)
        if gid is not None:
            notices.append(f"node set {name!r} cannot be shown: no node with gid {gid}")
            del parts[name]
    found |= {name: ranks for name, each in parts.items() if len(ranks := np.sort(np.concatenate(each)))}
    return found, notices


def _empty(file: NodeFile) -> Population:
    """Return a population without nodes that has the columns of a file."""
    return part_of(next(iter(file.pieces(file.columns, rows=1))), _NONE)


def _words(value: Any) -> Iterator[str]:
    """Yield every name in the definitions that may be a column."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict):
                yield from _words(inner)
