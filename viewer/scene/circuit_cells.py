"""``CircuitCells``: the cells of a circuit's node files as compact columns, read in pieces.

A row is a node that is shown, in the order of the files. Spike trains (virtual nodes) without a place are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SonataError
from neurosim.sonata.node_pieces import NodeFile, alike, part_of
from neurosim.sonata.nodes import Population
from neurosim.viewer.scene.build_octree import cube_of, steps_of
from neurosim.viewer.scene.facts import MOST_KINDS, MOST_VALUES, NO_KIND, text
from neurosim.viewer.scene.file_bodies import MODEL_COLUMNS, NO_BODY, FileBodies
from neurosim.viewer.scene.kind_table import KindTable, joined
from neurosim.viewer.scene.scene import KindOfCell
from neurosim.viewer.scene.turns import TURN_COLUMNS, whole_turns

AXES = ("x", "y", "z")
_ASIDE = {*AXES, *TURN_COLUMNS, "positions", "position"}


class CircuitCells:
    """Columns by row; ``read`` fills them.

    Parameters
    ----------
    files : list of NodeFile
    bodies : FileBodies
        Numbers the bodies.
    passed : callable
        Called with the number of nodes of each piece that was passed by.

    Attributes
    ----------
    gid, kind, body : uint32 (n,), uint16 (n,), int32 (n,)
    kinds : tuple of KindOfCell
    box_um : float64 (2, 3)
        The octree's.
    shown : list of (bool (piece,) or None)
        Which nodes of each piece are rows; None: all.
    notices : list of str
    """

    kinds: tuple[KindOfCell, ...]
    box_um: NDArray[np.float64]
    gid: NDArray[np.uint32]
    kind: NDArray[np.uint16]
    body: NDArray[np.int32]

    def __init__(self, files: list[NodeFile], bodies: FileBodies, passed: Callable[[int], None]) -> None:
        self.files, self._bodies, self._passed = files, bodies, passed
        self.shown: list[NDArray[np.bool_] | None] = []
        self.notices: list[str] = []

    @property
    def nodes_n(self) -> int:
        """Number of nodes, shown or not."""
        return sum(file.nodes_n for file in self.files)

    def read(self) -> None:
        """Read gids, kinds, bodies and the box."""
        most = max(1, min(MOST_KINDS, NO_KIND // max(1, len(self.files))))
        tables, gids, bodies = [], [np.empty(0, np.uint32)], [np.empty(0, np.int32)]
        kinds: list[list[NDArray[np.int32]]] = []
        low, high = np.full(3, np.inf), np.full(3, -np.inf)
        for file in self.files:
            facts = self._facts(file)
            tables.append(KindTable(file.name, facts, most))
            kinds.append([])
            wanted = {*facts, *MODEL_COLUMNS, *AXES}
            for piece in file.pieces(wanted, parameters=True):
                numbers, body, virtual = self._alike(piece, facts, tables[-1])
                place = _places(piece)
                shown = self._placed(piece, place, virtual)
                self.shown.append(None if shown.all() else shown)
                gids.append(piece.gids[shown].astype(np.uint32))
                kinds[-1].append(numbers[shown])
                bodies.append(body[shown])
                low = np.minimum(low, place[shown].min(axis=0, initial=np.inf))
                high = np.maximum(high, place[shown].max(axis=0, initial=-np.inf))
                self._passed(len(piece))
        self.gid, self.body = np.concatenate(gids), np.concatenate(bodies)
        self.kinds, becomes = joined(tables)
        parts = [rows[number].astype(np.uint16) for rows, own in zip(becomes, kinds, strict=True) for number in own]
        self.kind = np.concatenate([np.empty(0, np.uint16), *parts])
        self.box_um = cube_of(low, high, len(self.gid))
        left_out = [fact for table in tables for fact in table.left_out]
        if left_out:
            self.notices.append(f"cells cannot be chosen by {', '.join(left_out)}: too many combinations of values")
        hidden_n = self.nodes_n - len(self.gid)
        if hidden_n:
            self.notices.append(f"{hidden_n} spike trains have no place and are not shown")

    def steps(self) -> NDArray[np.uint16]:
        """Return the places as steps of the box, uint16 (n, 3)."""
        out, at = np.empty((len(self.gid), 3), np.uint16), 0
        for piece, shown in self._pieces(set(AXES)):
            steps = steps_of(_places(piece)[shown], self.box_um)
            out[at : at + len(steps)] = steps
            at += len(steps)
        return out

    def turns(self) -> NDArray[np.int16]:
        """Return the rotations, int16 (n, 4)."""
        out, at = np.empty((len(self.gid), 4), np.int16), 0
        for piece, shown in self._pieces(TURN_COLUMNS):
            turn = whole_turns(len(piece), _numbers_of(piece))[shown]
            out[at : at + len(turn)] = turn
            at += len(turn)
        return out

    def index(self) -> NDArray[np.uint32] | None:
        """Return the cells' numbers in the simulation, uint32 (n,): the order of all gids; None where they are gids."""
        if all(file.dense for file in self.files):
            return None
        parts = [piece.gids.astype(np.uint32) for file in self.files for piece in file.pieces(())]
        return np.searchsorted(np.sort(np.concatenate(parts)), self.gid).astype(np.uint32)

    def _pieces(self, columns: Any) -> Iterator[tuple[Population, Any]]:
        number = 0
        for file in self.files:
            for piece in file.pieces(columns):
                shown = self.shown[number]
                yield piece, slice(None) if shown is None else shown
                number += 1
                self._passed(len(piece))

    def _facts(self, file: NodeFile) -> list[str]:
        """Return the attributes with few values."""
        left = {name: set[Any]() for name in file.names if name not in _ASIDE}
        for name in [name for name in left if name not in file.columns]:
            if len(set(file.types.columns[name].tolist())) > MOST_VALUES:
                del left[name]
        if file.columns.isdisjoint(left):
            self._passed(file.nodes_n)
            return sorted(left)
        for piece in file.pieces(file.columns & left.keys()):
            for name in [name for name in left if name in file.columns]:
                for group in piece.groups.values():
                    column = group.get(name)
                    if column is not None:
                        numeric = column.dtype == np.float64
                        left[name] |= set((np.unique(column) if numeric else column).tolist())
                if len(left[name]) > MOST_VALUES:
                    del left[name]
            self._passed(len(piece))
        return sorted(left)

    def _alike(
        self, piece: Population, facts: list[str], table: KindTable
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
        """Return for each node the number of its kind, its body, and whether it is virtual."""
        first, code = alike(piece, {*facts, *MODEL_COLUMNS})
        some = part_of(piece, first)
        columns, sorts = {fact: some.attribute(fact) for fact in facts}, some.kinds()
        numbers, bodies = np.empty(len(first), np.int32), np.empty(len(first), np.int32)
        for k in range(len(first)):
            numbers[k] = table.number({fact: _word(column, k) for fact, column in columns.items()})
            bodies[k] = self._bodies.number(some, k) if sorts[k] == "biophysical" else NO_BODY
        virtual = np.array([sort == "virtual" for sort in sorts], np.bool_)
        return numbers[code], bodies[code], virtual[code]

    def _placed(self, piece: Population, place: NDArray[np.float64], virtual: NDArray[np.bool_]) -> NDArray[np.bool_]:
        homeless = np.isnan(place).any(axis=1)
        wrong = np.flatnonzero(homeless & ~virtual)
        if len(wrong):
            raise _error(
                piece,
                int(wrong[0]),
                "has no x, y, z, which a scene file needs; `neurosim view` places small circuits itself.",
            )
        wrong = np.flatnonzero(np.isinf(place).any(axis=1))
        if len(wrong):
            raise _error(piece, int(wrong[0]), f"lies at {place[wrong[0]].tolist()} um; places must be finite.")
        return np.asarray(np.logical_not(homeless), np.bool_)


def _error(piece: Population, row: int, message: str) -> SonataError:
    return SonataError(f"node {piece.node_ids[row]} of {piece.name!r} {message}", key=piece.key, path=piece.path)


def _places(piece: Population) -> NDArray[np.float64]:
    """Return places in um, float64 (n, 3), NaN where there is none; one coordinate that is not given is 0."""
    place = np.full((len(piece), 3), np.nan)
    for axis, name in enumerate(AXES):
        column = _floats(piece, name)
        if column is not None:
            place[:, axis] = column
    given = ~np.isnan(place).all(axis=1)
    place[given] = np.where(np.isnan(place[given]), 0.0, place[given])
    return place


def _numbers_of(piece: Population) -> Callable[[str], NDArray[np.float64] | None]:
    return lambda name: _floats(piece, name)


def _floats(piece: Population, name: str) -> NDArray[np.float64] | None:
    column = piece.attribute(name)
    return column if column is None or column.dtype == np.float64 else piece.numbers(name, np.nan)


def _word(column: NDArray[Any] | None, row: int) -> str | None:
    value = None if column is None else column[row]
    return None if value is None or value != value or value == "" else text(value)
