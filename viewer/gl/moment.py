"""``Moment``: what colours a drawing at one time - ages of spikes, voltages, colours of cells.

Spikes and rates come from ``Source.spikes``, so they are known for any time; voltages from a ``Player`` that is sent
there. The wave that runs along branches after a spike is schematic: it has one speed and fades at one rate everywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.units import MS_PER_S
from neurosim.viewer.gl.colours import THEMES, Theme, category_colour, colour_map
from neurosim.viewer.gl.drawing import Drawing
from neurosim.viewer.gl.modes import PLAIN, SPIKES, VOLTAGE
from neurosim.viewer.gl.view_state import ViewState
from neurosim.viewer.gl.voltages import Voltages
from neurosim.viewer.scene.scene import Scene
from neurosim.viewer.source import Source

Floats = NDArray[np.float32]
Colour = tuple[float, float, float]

VOLTAGE_LIMIT: Final = 100_000
"""Compartments up to which a picture shows voltage when nothing else is asked for."""
SPIKES_KEPT: Final = 4
FADED: Final = 5.0
"""Times tau after which a spike is not seen any more."""
RATE_TAU_ms: Final = 250.0
MOST_RATE_Hz: Final = 100.0
"""Rate at the upper end of the colour map, which is logarithmic."""
_GLOW_ON_COLOUR: Final = 0.55
"""How much of a cell's colour a spike hides when the cell is to be known by it."""
LONG_AGO_ms: Final = 1e9


@dataclass(frozen=True)
class Key:
    """The legend: rows of a colour and a name, or a colour map between two numbers."""

    title: str
    rows: tuple[tuple[tuple[float, float, float], str], ...] = ()
    map: str | None = None
    ends: tuple[float, float] = (0.0, 1.0)
    note: str = ""
    logarithmic: bool = False


@dataclass(frozen=True, eq=False)
class Moment:
    """Colours at a time.

    Parameters
    ----------
    t_ms : float
        When.
    mode : int
        ``SPIKES`` on the colour of the cell, ``VOLTAGE``, or ``PLAIN``: the colour of the cell alone.
    cell : float32 (cells, 3)
        Colour of each cell at rest.
    age_ms : float32 (cells, SPIKES_KEPT)
        How long ago its last spikes were.
    voltage : float32 (texels,)
        Fraction of the colour map, -1 where it is not known.
    offset : int64 (cells,)
        Texel of each cell's first compartment, -1 without.
    key : Key
        Legend.
    glow : float
        How much of a cell's colour a spike hides.
    """

    t_ms: float
    mode: int
    cell: Floats
    age_ms: Floats
    voltage: Floats
    offset: NDArray[np.int64]
    key: Key
    glow: float = 1.0


def colouring(source: Source, state: ViewState, drawing: Drawing) -> str:
    """Return what colours the cells: as asked, else voltage where it is known and not too much, else spikes."""
    if state.colour is not None:
        return state.colour
    few = int(drawing.nodes_n.sum()) <= VOLTAGE_LIMIT
    return "voltage" if few and source.traces_from != "none" else "spikes"


def ages_ms(slot: NDArray[np.int64], times_ms: NDArray[np.float64], cells_n: int, t_ms: float) -> Floats:
    """Return how long ago the last ``SPIKES_KEPT`` spikes of each cell were, float32 (cells_n, SPIKES_KEPT).

    Parameters
    ----------
    slot, times_ms : int64 (n,), float64 (n,)
        Spikes in order of time; later ones than ``t_ms`` do not count.
    """
    age = np.full((cells_n, SPIKES_KEPT), LONG_AGO_ms, np.float32)
    past = times_ms <= t_ms
    slot, times_ms = slot[past], times_ms[past]
    if len(slot):
        order = np.argsort(slot, kind="stable")
        slot, times_ms = slot[order], times_ms[order]
        last = np.searchsorted(slot, slot, side="right") - 1
        place = last - np.arange(len(slot))
        held = place < SPIKES_KEPT
        age[slot[held], place[held]] = t_ms - times_ms[held]
    return age


def _names(scene: Scene, colour: str) -> list[str]:
    """Return the name that each kind of cell goes by."""
    if colour == "population":
        return [kind.population for kind in scene.kinds]
    fact = colour.removeprefix("fact:")
    known = sorted({name for kind in scene.kinds for name in kind.facts})
    if fact not in known:
        raise ModelError(
            f"state.colour: no cell has a fact {fact!r}; allowed: spikes, voltage, population, rate"
            + "".join(f", fact:{name}" for name in known)
        )
    return [kind.facts.get(fact, "none") for kind in scene.kinds]


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Return what sorts names with numbers by their values: 2 before 10."""
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name) if part]


def _by_name(scene: Scene, drawing: Drawing, colour: str, theme: Theme) -> tuple[Floats, Key]:
    """Return colours of the cells by the name of their kind, and the legend."""
    names = _names(scene, colour)
    order = list(dict.fromkeys(names))
    if colour != "population":
        order.sort(key=_natural)
    hues = np.array([category_colour(number, theme) for number in range(len(order))], np.float32).reshape(-1, 3)
    of_kind = hues[[order.index(name) for name in names]].reshape(-1, 3)
    rows = tuple(((float(r), float(g), float(b)), name) for (r, g, b), name in zip(hues, order, strict=True))
    return of_kind[drawing.kind], Key(colour.removeprefix("fact:"), rows)


def _rates(source: Source, state: ViewState, drawing: Drawing, t_ms: float) -> tuple[Floats, Key]:
    """Return colours of the cells by their rate, an exponential mean of ``RATE_TAU_ms``, and the legend."""
    ranks, times, _ = source.spikes(t_ms - 6.0 * RATE_TAU_ms, np.nextafter(t_ms, np.inf))
    slot, held = _slots(drawing, ranks)
    weight = np.exp((times[held] - t_ms) / RATE_TAU_ms) * (MS_PER_S / RATE_TAU_ms)
    rate_Hz = np.bincount(slot, weights=weight, minlength=len(drawing.ranks))
    level = np.log2(1.0 + rate_Hz) / np.log2(1.0 + MOST_RATE_Hz)
    hues = colour_map(state.map)[np.clip(np.rint(255.0 * level), 0, 255).astype(np.int64)]
    note = f"mean that fades in {RATE_TAU_ms:g} ms"
    return hues, Key("rate (Hz)", map=state.map, ends=(0.0, MOST_RATE_Hz), note=note, logarithmic=True)


def _slots(drawing: Drawing, ranks: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the slots of spikes of cells that are drawn, and which spikes those are."""
    if not len(drawing.ranks):
        return np.empty(0, np.int64), np.zeros(len(ranks), np.bool_)
    slot = np.minimum(np.searchsorted(drawing.ranks, ranks), len(drawing.ranks) - 1)
    held = drawing.ranks[slot] == ranks
    return slot[held], held


def _mixed(a: Colour, b: Colour, part: float) -> Colour:
    """Return a colour a part of the way from one to another."""
    red, green, blue = (x + part * (y - x) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _noted(state: ViewState, key: Key) -> Key:
    """Return a legend that says what the wave is."""
    note = f"schematic wave: {state.velocity_um_per_ms:g} µm/ms, fades in {state.tau_ms:g} ms"
    return Key(key.title, key.rows, note=note)


def _waves(source: Source, state: ViewState, drawing: Drawing, t_ms: float) -> Floats:
    """Return the ages of the spikes that can still be seen somewhere on a branch."""
    before = FADED * state.tau_ms + drawing.reach_um / state.velocity_um_per_ms
    ranks, times, _ = source.spikes(t_ms - before, np.nextafter(t_ms, np.inf))
    slot, held = _slots(drawing, ranks)
    return ages_ms(slot, times[held], len(drawing.ranks), t_ms)


def shining(drawing: Drawing, moment: Moment, state: ViewState) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the segments the wave is on, and the slots of the cells whose soma shines, ascending."""
    last = FADED * state.tau_ms
    slots = np.flatnonzero((moment.age_ms <= last).any(axis=1))
    s = drawing.segments
    busy = np.flatnonzero(moment.age_ms.min(axis=1) < LONG_AGO_ms)
    rows = np.flatnonzero(np.isin(s.slot, busy)) if len(busy) < len(drawing.ranks) else np.arange(len(s))
    age, path_ms = moment.age_ms[s.slot[rows]], s.path_um[rows] / state.velocity_um_per_ms
    on = (age >= path_ms.min(axis=1)[:, None]) & (age <= path_ms.max(axis=1)[:, None] + last)
    return rows[on.any(axis=1)], slots


def _levels(values_mV: Floats, state: ViewState) -> tuple[Floats, Key]:
    """Return voltages as fractions of the colour map, with one that is not known at the end, and the legend."""
    low, high = state.range
    fraction = np.clip((values_mV - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    level = np.append(np.where(np.isnan(fraction), np.float32(-1.0), fraction), np.float32(-1.0))
    known = len(values_mV) > 0 and not np.isnan(values_mV).all()
    note = "as computed" if known else "no voltage is known at this time"
    return level.astype(np.float32), Key("voltage (mV)", map=state.map, ends=state.range, note=note)


def moment_of(
    source: Source, state: ViewState, drawing: Drawing, t_ms: float, voltages: Voltages | None = None
) -> Moment:
    """Return the colours of a drawing at a time; ``voltages`` is needed when voltage colours it."""
    theme, colour, cells_n = THEMES[state.theme], colouring(source, state, drawing), len(drawing.ranks)
    age = np.full((cells_n, SPIKES_KEPT), LONG_AGO_ms, np.float32)
    level, offset = np.full(1, -1.0, np.float32), np.full(cells_n, -1, np.int64)
    if colour == "rate":
        cell, key = _rates(source, state, drawing, t_ms)
        return Moment(t_ms, PLAIN, cell, age, level, offset, key)
    by = "population" if colour in ("spikes", "voltage") else colour
    cell, key = _by_name(source.scene, drawing, by, theme)
    if colour == "voltage":
        if voltages is not None:
            values, offset = voltages.at(t_ms)
            level, key = _levels(values, state)
        return Moment(t_ms, VOLTAGE, cell, age, level, offset, key)
    if colour == "spikes":
        back = np.array(theme.background, np.float32)
        cell = back + np.float32(theme.dim) * (cell - back)
        rows = [(_mixed(theme.background, hue, min(1.0, 1.6 * theme.dim)), name) for hue, name in key.rows]
        key = Key("spikes", ((theme.hot, "spike now"), (theme.warm, "fading"), *rows))
    age = _waves(source, state, drawing, t_ms)
    glow = 1.0 if colour == "spikes" else _GLOW_ON_COLOUR
    return Moment(t_ms, SPIKES, cell, age, level, offset, _noted(state, key), glow)
