"""``ViewState``: what a picture shows - camera, colours, clip plane, time - with the page's names and defaults.

It is read from a dict, from JSON, or from the address of a page (the part after ``#``), so that a bookmark gives the
same picture on paper. Directions are unit vectors; lengths are in µm, times in ms, voltages in mV.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.viewer.gl.colours import MAPS, THEMES

COLOURS: Final = ("spikes", "voltage", "population", "layer", "rate")
"""What may colour a cell, beside ``"fact:NAME"``."""
MOST_SELECTED: Final = 1000
SHOWN: Final = ("both", "body", "cells")
"""What a picture holds where there is a body."""
Vector = tuple[float, float, float]


class StateError(ModelError):
    """A view state with a value that is not allowed."""


@dataclass(frozen=True)
class Clip:
    """A plane across an axis: what lies above ``at_um`` is left out, below it when ``flip``."""

    axis: str
    at_um: float
    flip: bool = False

    @property
    def plane(self) -> tuple[float, float, float, float]:
        """Return (a, b, c, d): a point is shown when a x + b y + c z + d >= 0."""
        sign = 1.0 if self.flip else -1.0
        normal = [sign if name == self.axis else 0.0 for name in "xyz"]
        return normal[0], normal[1], normal[2], -sign * self.at_um


@dataclass(frozen=True)
class ViewState:
    """What to show.

    Parameters
    ----------
    eye, look, up : tuple of float, or None
        Place of the camera in µm, where it looks, what is up. None: everything in view.
    fov : float
        Vertical angle of view, in degrees.
    colour : str or None
        One of ``COLOURS`` or ``"fact:NAME"``; None: voltage when there is one, else spikes.
    range : tuple of float
        mV at the ends of the colour map.
    map : str
        Name of the colour map.
    clip : Clip or None
        What is cut away.
    selection : tuple of int
        Ranks that are ringed.
    t_ms : float or None
        Time shown.
    theme : str
        ``"dark"`` or ``"light"``.
    tau_ms, velocity_um_per_ms : float
        Of the schematic wave of a spike.
    """

    eye: Vector | None = None
    look: Vector | None = None
    up: Vector | None = None
    fov: float = 45.0
    colour: str | None = None
    range: tuple[float, float] = (-90.0, 20.0)
    map: str = "magma"
    clip: Clip | None = None
    selection: tuple[int, ...] = ()
    t_ms: float | None = None
    theme: str = "dark"
    tau_ms: float = 10.0
    velocity_um_per_ms: float = 300.0
    show: str = "both"
    unknown: tuple[str, ...] = field(default=(), compare=False)

    @staticmethod
    def names() -> tuple[str, ...]:
        """Return what a state can say."""
        return tuple(_READ)


def _bad(key: str, value: object, allowed: str) -> StateError:
    return StateError(f"state.{key}: got {value!r}; allowed: {allowed}")


def _number(key: str, value: Any, low: float, high: float, allowed: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _bad(key, value, allowed)
    if not low <= value <= high:
        raise _bad(key, value, allowed)
    return float(value)


def _vector(key: str, value: Any) -> Vector:
    allowed = "three finite numbers"
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        raise _bad(key, value, allowed)
    x, y, z = (_number(key, item, -1e12, 1e12, allowed) for item in value)
    if key != "eye" and not math.hypot(x, y, z) > 0.0:
        raise _bad(key, value, "a direction, not (0, 0, 0)")
    return x, y, z


def _one_of(key: str, value: Any, names: Any) -> str:
    if value not in tuple(names):
        raise _bad(key, value, ", ".join(names))
    return str(value)


def _colour(value: Any) -> str:
    if isinstance(value, str) and (value in COLOURS or (value.startswith("fact:") and len(value) > len("fact:"))):
        return value
    raise _bad("colour", value, ", ".join(COLOURS) + ", fact:NAME")


def _range(value: Any) -> tuple[float, float]:
    allowed = "two numbers in mV, the lower first"
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise _bad("range", value, allowed)
    low, high = (_number("range", item, -1e6, 1e6, allowed) for item in value)
    if not low < high:
        raise _bad("range", value, allowed)
    return low, high


def _clip(value: Any) -> Clip:
    if not isinstance(value, Mapping):
        raise _bad("clip", value, '{"axis": "x", "at": 0.0, "flip": false}')
    axis = _one_of("clip.axis", value.get("axis"), "xyz")
    return Clip(axis, _number("clip.at", value.get("at"), -1e12, 1e12, "a number in µm"), bool(value.get("flip")))


def _selection(value: Any) -> tuple[int, ...]:
    good = isinstance(value, (list, tuple)) and len(value) <= MOST_SELECTED
    if not good or any(isinstance(rank, bool) or not isinstance(rank, int) or rank < 0 for rank in value):
        raise _bad("selection", value, f"at most {MOST_SELECTED} ranks of cells")
    return tuple(value)


_READ: Final[dict[str, Callable[[Any], Any]]] = {
    "eye": lambda value: _vector("eye", value),
    "look": lambda value: _vector("look", value),
    "up": lambda value: _vector("up", value),
    "fov": lambda value: _number("fov", value, 1.0, 150.0, "1 to 150 degrees"),
    "colour": _colour,
    "range": _range,
    "map": lambda value: _one_of("map", value, MAPS),
    "clip": _clip,
    "selection": _selection,
    "t_ms": lambda value: _number("t_ms", value, -1e12, 1e12, "a finite number of ms"),
    "theme": lambda value: _one_of("theme", value, THEMES),
    "tau_ms": lambda value: _number("tau_ms", value, 1e-3, 1e6, "a positive number of ms"),
    "show": lambda value: _one_of("show", value, SHOWN),
    "velocity_um_per_ms": lambda value: _number("velocity_um_per_ms", value, 1e-3, 1e9, "a positive number"),
}


def _parsed(text: str) -> Any:
    """Return the object in JSON, or in the address of a page."""
    text = text.strip()
    if not text.startswith("{"):
        text = unquote((text.partition("#")[2] or text).removeprefix("v="))
    try:
        return json.loads(text) if text else {}
    except ValueError as error:
        raise StateError(
            f"state: not JSON and not the part after # of a page's address ({error}), got {text[:60]!r}"
        ) from error


def read_state(what: ViewState | Mapping[str, Any] | str | None) -> ViewState:
    """Return the view that a dict, JSON or an address describes; what is missing has its default.

    Raises
    ------
    StateError
        A value that is not allowed. Names that are not known are kept in ``unknown``: a page may add its own.
    """
    if isinstance(what, ViewState):
        return what
    held = _parsed(what) if isinstance(what, str) else (what or {})
    if not isinstance(held, Mapping):
        raise StateError(f"state: an object such as {{}} is expected, got {held!r:.60}")
    known = {key: read(held[key]) for key, read in _READ.items() if held.get(key) is not None}
    state = ViewState(**known, unknown=tuple(str(key) for key in held if key not in _READ))
    if state.look is not None and state.up is not None and not _norm(np.cross(state.look, state.up)) > 0.0:
        raise StateError(f"state.up: {state.up} is along state.look {state.look}; allowed: another direction")
    return state


def _norm(vector: NDArray[Any]) -> float:
    return float(np.linalg.norm(vector))
