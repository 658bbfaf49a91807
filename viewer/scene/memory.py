"""``MemoryScene``: a scene that is held in memory, for instance of a simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import ModelError
from neurosim.viewer.scene.build_octree import build_octree
from neurosim.viewer.scene.facts import matching
from neurosim.viewer.scene.octree import Octree
from neurosim.viewer.scene.scene import NO_TEMPLATE, TURN, Cells, KindOfCell, Scene
from neurosim.viewer.scene.skeleton import Template

if TYPE_CHECKING:
    from neurosim.model.cell import Cell
    from neurosim.model.network import Network
    from neurosim.simulation import Simulation
    from neurosim.sonata.circuit import Circuit


class MemoryScene(Scene):
    """A scene held in memory; ``scene_of`` and ``from_arrays`` make it.

    Parameters
    ----------
    title : str
    octree : Octree
    columns : Cells
        All cells, by rank.
    kinds : tuple of KindOfCell
    templates : tuple of Template
    node_sets : dict
        Name -> ranks, ascending.
    index_of_rank : int64 (n,)
        The cell's number in the simulation.
    cells_n : int
        Cells of the simulation.
    """

    def __init__(
        self,
        title: str,
        octree: Octree,
        columns: Cells,
        kinds: tuple[KindOfCell, ...],
        templates: tuple[Template, ...],
        node_sets: Mapping[str, NDArray[np.uint32]],
        index_of_rank: NDArray[np.int64],
        cells_n: int,
    ) -> None:
        self.title, self.octree, self.kinds = title, octree, kinds
        self.n = len(columns)
        self.notices: list[str] = []
        self.bodies: tuple[Cell, ...] = ()
        self._columns, self._templates, self._sets = columns, templates, dict(node_sets)
        self.node_sets = tuple(self._sets)
        self._index_of_rank = index_of_rank
        self._rank_of_index = np.full(cells_n, -1, np.int64)
        self._rank_of_index[index_of_rank] = np.arange(self.n)

    @classmethod
    def from_arrays(
        cls,
        title: str,
        position_um: ArrayLike,
        *,
        gid: ArrayLike | None = None,
        kind: ArrayLike | None = None,
        kinds: Sequence[KindOfCell] = (KindOfCell("cells"),),
        template: ArrayLike | None = None,
        templates: Sequence[Template] = (),
        turn: ArrayLike | None = None,
        node_sets: Mapping[str, ArrayLike] | None = None,
        index: ArrayLike | None = None,
        cells_n: int | None = None,
    ) -> MemoryScene:
        """Make a scene of columns, one row a cell, in any order.

        Parameters
        ----------
        title : str
            For people.
        position_um : float (n, 3)
            Places of somata.
        gid : int (n,), optional
            The row when omitted.
        kind, kinds : int (n,), sequence of KindOfCell
            Row of ``kinds`` of each cell; 0 when omitted.
        template, templates : int (n,), sequence of Template
            Morphology of each cell; ``NO_TEMPLATE`` or -1 for a point. When omitted: the first, if there is one.
        turn : float (n, 4), optional
            Quaternions x, y, z, w of any length but 0.
        node_sets : mapping, optional
            Name -> rows, or a mask of them.
        index : int (n,), optional
            The cell's number in the simulation; the row when omitted.
        cells_n : int, optional
            Cells of the simulation; one more than the largest ``index`` when omitted.
        """
        place = np.asarray(position_um, np.float64).reshape(-1, 3)
        n = len(place)
        if not np.isfinite(place).all():
            row = int(np.flatnonzero(~np.isfinite(place).all(axis=1))[0])
            raise ModelError(f"{title}: the place of cell {row} is {place[row]}; all three numbers must be finite")
        octree, order, position = build_octree(place) if n else _nothing()
        given = _column(title, "template", template, n, 0 if len(templates) else NO_TEMPLATE)
        columns = Cells(
            rank=np.arange(n, dtype=np.uint32),
            position=position,
            gid=_column(title, "gid", gid, n, None)[order].astype(np.uint32),
            kind=_within(title, "kind", _column(title, "kind", kind, n, 0), len(kinds))[order].astype(np.uint16),
            template=_known(title, given, len(templates))[order],
            turn=_turns(title, turn, n)[order],
        )
        numbers = _column(title, "index", index, n, None)[order]
        rank_of_row = np.empty(n, np.uint32)
        rank_of_row[order] = columns.rank
        sets = {name: np.sort(rank_of_row[np.asarray(rows)]) for name, rows in (node_sets or {}).items()}
        total = cells_n if cells_n is not None else int(numbers.max(initial=-1)) + 1
        _within(title, "index", numbers, total)
        return cls(title, octree, columns, tuple(kinds), tuple(templates), sets, numbers, total)

    @property
    def templates_n(self) -> int:
        """Number of templates."""
        return len(self._templates)

    def template(self, index: int) -> Template:
        """Return a template."""
        if not 0 <= index < len(self._templates):
            raise ModelError(f"{self.title}: template {index} is not there; there are {len(self._templates)}")
        return self._templates[index]

    def cells(self, ranks: NDArray[np.uint32]) -> Cells:
        """Return cells by rank, in the order given."""
        at = np.asarray(ranks)
        if len(at) and int(at.max()) >= self.n:
            raise ModelError(f"{self.title}: rank {int(at.max())} is not there; there are {self.n} cells")
        c = self._columns
        return Cells(c.rank[at], c.position[at], c.gid[at], c.kind[at], c.template[at], c.turn[at])

    def members(self, node_set: str) -> NDArray[np.uint32]:
        """Return the ranks of a node set, ascending."""
        if node_set not in self._sets:
            raise ModelError(f"{self.title}: no node set {node_set!r}; there are {', '.join(self._sets) or 'none'}")
        return self._sets[node_set]

    def select(self, query: dict[str, Any]) -> NDArray[np.uint32]:
        """Return the ranks of the cells whose facts have these values, ascending; see ``Scene.select``."""
        kinds, gids = matching(self.kinds, query)
        chosen = kinds[self._columns.kind]
        if gids is not None:
            chosen &= np.isin(self._columns.gid, gids)
        return np.flatnonzero(chosen).astype(np.uint32)

    @property
    def rank_of_index(self) -> NDArray[np.int64]:
        """Rank of each cell of the simulation, int64 (cells of the simulation,); -1 of those that are not shown."""
        return self._rank_of_index

    @property
    def index_of_rank(self) -> NDArray[np.int64]:
        """The other way round, int64 (n,)."""
        return self._index_of_rank

    def labels(self, rank: int) -> list[str]:
        """Return the names of a cell's compartments, ``"dend[3](0.5)"``; empty where they are not known."""
        template = int(self.cells(np.array([rank], np.uint32)).template[0])
        if template >= len(self.bodies):
            return []
        body = self.bodies[template]
        return [body.label(node) for node in range(len(body.tree))]


def scene_of(what: Simulation | Network | Circuit | Cell) -> MemoryScene:
    """Return the scene of a simulation, a network, a SONATA circuit or a cell.

    Cells without a place are arranged side by side. Spike trains without one are left out, as nothing is to be seen of
    them.
    """
    from neurosim.viewer.scene.circuit import scene_of as make

    return make(what)


def _nothing() -> tuple[Octree, NDArray[np.int64], NDArray[np.uint16]]:
    """Return what ``build_octree`` gives, without cells: one empty leaf."""
    octree = Octree(
        level=np.zeros(1, np.uint8),
        start=np.zeros(1, np.uint32),
        end=np.zeros(1, np.uint32),
        first_child=np.full(1, -1, np.int32),
        child_n=np.zeros(1, np.uint8),
        prefix=np.zeros(1, np.uint64),
        sample=np.empty(0, np.uint32),
        sample_off=np.zeros(2, np.uint64),
        box_um=np.array([[-0.5, -0.5, -0.5], [0.5, 0.5, 0.5]]),
    )
    return octree, np.empty(0, np.int64), np.empty((0, 3), np.uint16)


def _column(title: str, name: str, given: ArrayLike | None, n: int, default: int | None) -> NDArray[np.int64]:
    """Return whole numbers, int64 (n,); the row number where ``default`` is None."""
    if given is None:
        return np.arange(n) if default is None else np.full(n, default, np.int64)
    column = np.broadcast_to(np.asarray(given), (n,)) if np.ndim(given) == 0 else np.asarray(given)
    if column.shape != (n,) or column.dtype.kind not in "iu":
        raise ModelError(
            f"{title}: {name} has shape {column.shape} and type {column.dtype}; it must be {n} whole numbers"
        )
    return column.astype(np.int64)


def _within(title: str, name: str, column: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    if len(column) and not 0 <= column.min() <= column.max() < n:
        raise ModelError(f"{title}: {name} goes from {column.min()} to {column.max()}; allowed: 0 to {n - 1}")
    return column


def _known(title: str, template: NDArray[np.int64], templates_n: int) -> NDArray[np.uint16]:
    """Return template numbers, uint16 (n,)."""
    bare = (template == -1) | (template == NO_TEMPLATE)
    _within(title, "template", template[~bare], min(templates_n, NO_TEMPLATE))
    return np.where(bare, NO_TEMPLATE, template).astype(np.uint16)


def _turns(title: str, turn: ArrayLike | None, n: int) -> NDArray[np.int16]:
    """Return rotations as in ``Cells``, int16 (n, 4)."""
    if turn is None:
        return np.tile(np.array([0, 0, 0, TURN], np.int16), (n, 1))
    given = np.asarray(turn, np.float64)
    length = np.linalg.norm(given, axis=-1, keepdims=True)
    if given.shape != (n, 4) or not (np.isfinite(length) & (length > 0.0)).all():
        raise ModelError(f"{title}: turn must be {n} quaternions x, y, z, w that are not 0; it has shape {given.shape}")
    out: NDArray[np.int16] = np.rint(given / length * TURN).astype(np.int16)
    return out
