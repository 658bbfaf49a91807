"""Reading places such as ``"dend[3](0.5)"``, and near names for error messages."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from neurosim.errors import LocationError

_PLACE = re.compile(r"\s*([A-Za-z_]\w*(?:\[\d+\])?)\s*(?:\(\s*([^()]*?)\s*\))?\s*")


def parse_location(text: str) -> tuple[str, float | None]:
    """Split a place into the name and the position along the section.

    Parameters
    ----------
    text : str
        ``"dend[3](0.5)"``, ``"soma(0.5)"`` or only a name.

    Returns
    -------
    (name, x)
        x from 0 to 1, or ``None`` when there is none.

    Raises
    ------
    LocationError
        When the text is not a place or x is not in 0 to 1.
    """
    match = _PLACE.fullmatch(text)
    if match is None:
        raise LocationError(f'{text!r} is not a place; write one as "dend[3](0.5)", "soma(0.5)" or "apic"')
    name, position = match.groups()
    if position is None:
        return name, None
    try:
        x = float(position)
    except ValueError:
        raise LocationError(f"{text!r}: position {position!r} is not a number; use 0 to 1") from None
    if not 0.0 <= x <= 1.0:
        raise LocationError(f"{text!r}: position {x:g} is outside the section; use 0 to 1")
    return name, x


def near_names(name: str, known: Iterable[str]) -> str:
    """Return ``'; did you mean …?'`` with up to three near names, or an empty string."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"; did you mean {', '.join(near)}?" if near else ""
