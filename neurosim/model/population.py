"""``Population``: cells that were added together, and parts of them.

A population is a name, a range of gids, columns of attributes and places. A part (``cells[:400]``) has the same name
and attributes and an ``index`` into the whole; all that is drawn for a cell depends on its place in the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import ModelError
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.cell import Cell
from neurosim.model.checks import text, whole
from neurosim.model.point import PointCell, SpikeTrain

AnyCell = Cell | PointCell | SpikeTrain


@dataclass(frozen=True, eq=False)
class Population:
    """A population of a network, or a part of one.

    Parameters
    ----------
    name : str
        Of the whole population.
    first_gid : int
        gid of the whole population's first cell.
    index : int32 (n,)
        Which cells of the whole population these are, in any order, each once.
    members : list
        Cells of the whole population, one entry a cell; entries may be one object.
    places_um : float64 (whole, 3) or None
        Positions of the whole population's cells.
    columns : dict
        Attribute -> array (whole,).
    """

    name: str
    first_gid: int
    index: NDArray[np.int32]
    members: Sequence[AnyCell] = field(repr=False)
    places_um: NDArray[np.float64] | None = field(default=None, repr=False)
    columns: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)

    @property
    def n(self) -> int:
        """Number of cells."""
        return len(self.index)

    @property
    def gids(self) -> NDArray[np.int32]:
        """gids, int32 (n,)."""
        return self.index + np.int32(self.first_gid)

    @property
    def cells(self) -> list[AnyCell]:
        """The cell of each gid."""
        return [self.members[i] for i in self.index.tolist()]

    @property
    def positions_um(self) -> NDArray[np.float64] | None:
        """Positions, float64 (n, 3) in um, or None."""
        return None if self.places_um is None else self.places_um[self.index]

    @property
    def attributes(self) -> dict[str, NDArray[Any]]:
        """Attribute -> array (n,)."""
        return {name: column[self.index] for name, column in self.columns.items()}

    @property
    def is_whole(self) -> bool:
        """Whether this is the population as it was added."""
        return len(self.index) == len(self.members) and bool((np.diff(self.index) == 1).all())

    @property
    def label(self) -> str:
        """The name; for a part with its range or number: ``"E[0:400]"``."""
        if self.is_whole:
            return self.name
        if self.n and bool((np.diff(self.index) == 1).all()):
            return f"{self.name}[{self.index[0]}:{self.index[-1] + 1}]"
        return f"{self.name}[{self.n} cells]"

    def __len__(self) -> int:
        return len(self.index)

    def __iter__(self) -> Iterator[Population]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: int | slice | ArrayLike) -> Population:
        """Return a part: one cell, a slice, an array of indices or a mask."""
        try:
            picked = np.atleast_1d(self.index[np.asarray(key) if not isinstance(key, slice) else key])
        except (IndexError, TypeError, ValueError) as error:
            raise ModelError(
                f"population {self.label}: cannot take {key!r}; allowed: an integer, a slice, integers or a mask, "
                f"within its {len(self)} cells"
            ) from error
        if picked.ndim != 1 or len(np.unique(picked)) != len(picked):
            raise ModelError(f"population {self.label}: a part must have every cell once; got {key!r}")
        return Population(self.name, self.first_gid, picked, self.members, self.places_um, self.columns)

    def __repr__(self) -> str:
        kinds = ", ".join(sorted({type(cell).__name__ for cell in self.cells})) or "empty"
        gids = f"gid {self.gids[0]} to {self.gids[-1]}" if self.n else "no gid"
        more = [f"attributes {', '.join(self.columns)}"] if self.columns else []
        return f"<Population {'; '.join([f'{self.label}: {self.n} {kinds}', gids, *more])}>"


def members_of(name: str, n: int, cell: Any) -> list[AnyCell]:
    """Return one cell for each index; ``cell`` is one for all, one for each, or a function of the index."""
    whole(f"add {name!r}", n=n)
    if isinstance(cell, Cell | PointCell | SpikeTrain):
        return [cell] * int(n)
    if isinstance(cell, Mechanism):
        raise ModelError(f"add {name!r}: {cell.name} is a mechanism; make it a cell with ns.PointCell({cell.name})")
    if callable(cell):
        members: list[Any] = [cell(i) for i in range(n)]
    else:
        members = list(cell) if isinstance(cell, Iterable) and not isinstance(cell, str) else [cell]
    for i, member in enumerate(members):
        if not isinstance(member, Cell | PointCell | SpikeTrain):
            raise ModelError(
                f"add {name!r}: cell {i} is a {type(member).__name__}; allowed: ns.Cell, ns.PointCell, ns.SpikeTrain"
            )
    if len(members) != n:
        raise ModelError(f"add {name!r}: {len(members)} cells came for n={n}; give one for all, or one for each")
    return members


def new_population(
    name: str, first_gid: int, members: list[AnyCell], positions_um: ArrayLike | None, attributes: dict[str, Any]
) -> Population:
    """Return a whole population; check names, positions and columns."""
    text("add", name=name)
    n = len(members)
    places = None
    if positions_um is not None:
        places = np.array(positions_um, float)
        if places.shape != (n, 3) or not np.isfinite(places).all():
            raise ModelError(
                f"add {name!r}: positions_um has shape {places.shape}; allowed: ({n}, 3), finite, x, y and z in um"
            )
        places.setflags(write=False)
    columns = {}
    for key, value in attributes.items():
        column = np.asarray(value)
        if column.shape not in ((), (n,)):
            raise ModelError(f"add {name!r}: {key} has shape {column.shape}; allowed: one value, or ({n},)")
        columns[key] = np.array(np.broadcast_to(column, (n,)))
        columns[key].setflags(write=False)
    return Population(name, first_gid, np.arange(n, dtype=np.int32), members, places, columns)
