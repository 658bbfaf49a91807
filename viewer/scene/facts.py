"""Facts about cells - population, layer, type - as a table of kinds, and which kinds a query means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.morphology.locate import near_names
from neurosim.viewer.scene.scene import KindOfCell

MOST_VALUES = 256
"""An attribute with more values is a measurement, not a fact that groups cells."""
MOST_NAMES = 1024
"""The same of text: names of cells are worth knowing."""
MOST_KINDS = 4096
"""Of one population."""
NO_KIND = 0xFFFF
"""Kinds are numbered below this."""


def text(value: Any) -> str:
    """Return a value as it is compared and shown: ``4`` and ``4.0`` are ``"4"``."""
    if isinstance(value, float | np.floating):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value)


def matching(kinds: Sequence[KindOfCell], query: dict[str, Any]) -> tuple[NDArray[np.bool_], NDArray[np.int64] | None]:
    """Return which kinds a query means, bool (kinds,), and the gids it names, or None when it names none.

    Raises
    ------
    ModelError
        No kind has such a fact.
    """
    known = sorted({"population", "gid"} | {fact for kind in kinds for fact in kind.facts})
    chosen = np.ones(len(kinds), np.bool_)
    gids = None
    for fact, wanted in query.items():
        values = list(wanted) if isinstance(wanted, list | tuple | set | np.ndarray) else [wanted]
        if fact == "gid":
            gids = _gids(values)
            continue
        if fact not in known:
            raise ModelError(
                f"select: no cell has a fact {fact!r}{near_names(fact, known)}; there are {', '.join(known)}"
            )
        words = {text(value) for value in values}
        chosen &= np.array([_value(kind, fact) in words for kind in kinds], np.bool_)
    return chosen, gids


def _value(kind: KindOfCell, fact: str) -> str | None:
    return kind.population if fact == "population" else kind.facts.get(fact)


def _gids(values: list[Any]) -> NDArray[np.int64]:
    try:
        return np.array([int(value) for value in values], np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"select: gid must be whole numbers, got {str(values)[:80]}") from error


def kinds_of(
    populations: Sequence[tuple[str, int, dict[str, NDArray[Any]]]],
) -> tuple[tuple[KindOfCell, ...], NDArray[np.int64], list[str]]:
    """Return the table of kinds of populations, and which each cell is.

    Parameters
    ----------
    populations : sequence of (name, n, columns)
        A column has one value a cell; None, NaN and empty text are no value.

    Returns
    -------
    kinds : tuple of KindOfCell
    kind : int64 (cells of all populations,)
    left_out : list of str
        Facts that were left out because there would be too many kinds, ``"population.fact"``.
    """
    most = max(1, min(MOST_KINDS, NO_KIND // max(1, len(populations))))
    kinds: list[KindOfCell] = []
    parts, left_out = [np.empty(0, np.int64)], []
    for name, n, columns in populations:
        coded = {fact: _coded(column) for fact, column in columns.items()}
        facts = {fact: pair for fact, pair in coded.items() if pair is not None and any(w is not None for w in pair[1])}
        while True:
            mixed, number = _mixed([codes for codes, _ in facts.values()], n)
            if len(mixed) <= most:
                break
            worst = max(facts, key=lambda fact: len(facts[fact][1]))
            left_out.append(f"{name}.{worst}")
            del facts[worst]
        parts.append(number + len(kinds))
        for row in mixed:
            words = {fact: facts[fact][1][code] for fact, code in zip(facts, row.tolist(), strict=True)}
            kinds.append(KindOfCell(name, {fact: word for fact, word in words.items() if word is not None}))
    if len(kinds) > NO_KIND:
        raise ModelError(f"{len(populations)} populations cannot be shown; at most {NO_KIND} are allowed")
    return tuple(kinds), np.concatenate(parts), left_out


def _coded(column: NDArray[Any]) -> tuple[NDArray[np.int64], list[str | None]] | None:
    """Return a number for each cell and the words the numbers stand for, or None of a column of many values."""
    values, codes = np.asarray(column), None
    if values.dtype.kind in "fiub":
        if values.dtype.kind == "f" and len(values) and np.isnan(values).all():
            return None
        distinct, codes = np.unique(values, return_inverse=True)
        words: list[Any] = distinct.tolist()
    else:
        seen: dict[Any, int] = {}
        try:
            codes = np.array([seen.setdefault(value, len(seen)) for value in values.tolist()], np.int64)
        except TypeError:  # lists and the like
            return None
        words = list(seen)
    named = values.dtype.kind not in "fiub" and all(isinstance(word, str) for word in words)
    if len(words) > (MOST_NAMES if named else MOST_VALUES):
        return None
    return codes, [None if value is None or value != value or value == "" else text(value) for value in words]


def _mixed(codes: list[NDArray[np.int64]], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the combinations that occur, int64 (combinations, columns), and which each cell has, int64 (n,)."""
    number = np.zeros(n, np.int64)
    for column in codes:
        _, number = np.unique(number * (MOST_VALUES + 1) + column, return_inverse=True)
    found, first = np.unique(number, return_index=True)
    rows = np.stack([column[first] for column in codes], axis=1) if codes else np.zeros((len(found), 0), np.int64)
    return rows, number
