"""``KindTable``: the table of kinds of cells, grown while a circuit is read piece by piece."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.viewer.scene.facts import MOST_KINDS, NO_KIND
from neurosim.viewer.scene.scene import KindOfCell


class KindTable:
    """Kinds of one population.

    Parameters
    ----------
    population : str
    facts : sequence of str
        Names of what its cells have.
    most : int
        Most kinds; beyond it the fact with the most values is left out.

    Attributes
    ----------
    left_out : list of str
        ``"population.fact"``.
    """

    def __init__(self, population: str, facts: Sequence[str], most: int = MOST_KINDS) -> None:
        self.population, self.left_out = population, list[str]()
        self._facts, self._most = list(facts), most
        self._number: dict[tuple[str | None, ...], int] = {}
        self._renamed: list[int] = []

    def number(self, words: dict[str, str | None]) -> int:
        """Return the number of a kind; numbers stay valid until ``final``."""
        row = tuple(words.get(fact) for fact in self._facts)
        if row not in self._number:
            self._number[row] = len(self._renamed)
            self._renamed.append(len(self._renamed))
            while len(self._number) > self._most:
                self._without_widest()
            row = tuple(words.get(fact) for fact in self._facts)
        return self._number[row]

    def _without_widest(self) -> None:
        width = [len({row[k] for row in self._number}) for k in range(len(self._facts))]
        worst = int(np.argmax(width))
        self.left_out.append(f"{self.population}.{self._facts.pop(worst)}")
        kept: dict[tuple[str | None, ...], int] = {}
        becomes: dict[int, int] = {}
        for row, number in self._number.items():
            becomes[number] = kept.setdefault(row[:worst] + row[worst + 1 :], number)
        self._number = kept
        self._renamed = [becomes.get(number, number) for number in self._renamed]

    def final(self) -> tuple[list[KindOfCell], NDArray[np.int64]]:
        """Return the kinds, and for every number given what its row of them is."""
        row_of = {number: row for row, number in enumerate(self._number.values())}
        kinds = [
            KindOfCell(self.population, {f: w for f, w in zip(self._facts, words, strict=True) if w is not None})
            for words in self._number
        ]
        return kinds, np.array([row_of[number] for number in self._renamed], np.int64)


def joined(tables: Sequence[KindTable]) -> tuple[tuple[KindOfCell, ...], list[NDArray[np.int64]]]:
    """Return the kinds of all populations, and for each table what its numbers become."""
    kinds: list[KindOfCell] = []
    becomes = []
    for table in tables:
        own, rows = table.final()
        becomes.append(rows + len(kinds))
        kinds += own
    if len(kinds) > NO_KIND:
        raise ModelError(f"{len(tables)} populations have {len(kinds)} kinds of cells; at most {NO_KIND} are shown.")
    return tuple(kinds), becomes
