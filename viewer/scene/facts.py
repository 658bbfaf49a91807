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
MOST_KINDS = 4096


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
