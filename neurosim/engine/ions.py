"""Ions of a simulation: one row per node that uses the ion, with reversal potential, concentrations and total current.

Styles follow from use at each node, as in NEURON: any use of a concentration makes the reversal potential computed at
initialisation; a written concentration makes it refreshed at every current evaluation; a mechanism that writes the
reversal potential has the last word.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.memory import address, filled, zeros
from neurosim.engine.rows import Grid, Longs, Rows, rows_of
from neurosim.kernels.simd import LANES

Floats = NDArray[np.float64]

FARADAY_C_PER_MOL = 96485.33212331001
GAS_CONSTANT_J_PER_MOL_K = 8.31446261815324
"""CODATA 2018, as NEURON 9 uses them."""

ION_WORDS = ("I", "E", "CI", "CI_STRIDE", "CO", "CO_STRIDE", "REFRESH", "FACTOR")
"""Context of the ion kernel: addresses of total current, reversal potential (either 0: leave alone), concentrations
with strides, 1/0 per instance whether the reversal potential follows them, and of the factor 1000 R T / (z F)."""

KNOWN: dict[str, tuple[float, float, float, float]] = {
    "na": (50.0, 10.0, 140.0, 1.0),
    "k": (-77.0, 54.4, 2.5, 1.0),
    "ca": (12.5 * math.log(2.0 / 5e-5), 5e-5, 2.0, 2.0),
}
"""Reversal potential (mV), inner and outer concentration (mM) and valence of the ions NEURON knows; others 0, 1, 1."""


def nernst_factor_mV(celsius_degC: float, valence: float) -> float:
    """Return 1000 R T / (z F) in mV; 0 for valence 0."""
    if valence == 0.0:
        return 0.0
    return 1000.0 * GAS_CONSTANT_J_PER_MOL_K * (celsius_degC + 273.15) / FARADAY_C_PER_MOL / valence


def nernst_mV(inside_mM: float, outside_mM: float, factor_mV: float) -> float:
    """Return the Nernst potential with NEURON's rules for concentrations that are not positive."""
    if factor_mV == 0.0:
        return 0.0
    if inside_mM <= 0.0:
        return 1e6
    if outside_mM <= 0.0:
        return -1e6
    return factor_mV * math.log(outside_mM / inside_mM)


@dataclass
class IonUsers:
    """What is known of one ion before its rows are made: instances in order, and how they use it."""

    name: str
    valence: float
    elements: list[Longs] = field(default_factory=list)
    concentration_used: list[Longs] = field(default_factory=list)
    concentration_written: list[Longs] = field(default_factory=list)
    reversal_written: list[Longs] = field(default_factory=list)


@dataclass
class IonRows:
    """One ion's rows of one addressing.

    ``values`` maps ``e``, ``i``, ``ci``, ``co`` to float64 (8 n,) arrays, or (8,) where ``stride`` is 0: one value
    for all.
    ``shared`` means that this holds for all of them; then there are no rows and every place is 0. ``spare`` is a place
    of no node, for the empty lanes of mechanisms.
    """

    mode: str
    shared: bool
    values: dict[str, Floats]
    strides: dict[str, int]
    first: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    context: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(ION_WORDS), np.int64))
    elements: Longs = field(default_factory=lambda: np.zeros(0, np.int64))
    place: Longs = field(default_factory=lambda: np.zeros(0, np.int64))
    spare: int = 0
    start: dict[str, Floats] = field(default_factory=dict)
    held: tuple[Floats, ...] = ()

    def reset(self) -> None:
        """Put concentrations, reversal potentials and currents back to their values before INITIAL."""
        for key, column in self.start.items():
            self.values[key][:] = column

    def places(self, elements: Longs) -> Longs:
        """Return row * 8 + lane of node elements that use this ion."""
        if self.shared:
            return np.zeros(len(elements), np.int64)
        return self.place[np.searchsorted(self.elements, elements)]

    def has(self, element: int) -> bool:
        """Whether the ion is used at a node element."""
        return bool(np.isin(element, self.elements))


def _marked(parts: list[Longs], elements: Longs, size: int) -> NDArray[np.bool_]:
    """Return which of ``elements`` occur in any of the lists."""
    mark = np.zeros(size, np.bool_)
    for part in parts:
        mark[part] = True
    return mark[elements]


def build_ion(
    users: IonUsers, grid: Grid, given: dict[str, Floats], *, celsius_degC: float, need_current: bool
) -> list[IonRows]:
    """Make the rows of one ion.

    Parameters
    ----------
    users : IonUsers
        Who uses it where.
    grid : Grid
        Element ranges of the blocks.
    given : dict
        ``e``, ``ci``, ``co`` -> float64 (elements,), what the user set per node element, NaN where nothing was set.
    celsius_degC : float
        Temperature.
    need_current : bool
        Whether somebody reads the total current.
    """
    elements = np.flatnonzero(_marked(users.elements, np.arange(grid.size), grid.size))
    e0, ci0, co0, _ = KNOWN.get(users.name, (0.0, 1.0, 1.0, 0.0))
    defaults = {"e": e0, "ci": ci0, "co": co0}
    if not (users.concentration_used or users.reversal_written or given or need_current):
        values = {key: filled(np.full(LANES, value)) for key, value in defaults.items()}
        strides = dict.fromkeys(values, 0)
        return [IonRows(mode, True, values, strides, elements=elements) for mode in ("lanes", "gather")]
    used, written, fixed = (
        _marked(part, elements, grid.size)
        for part in (users.concentration_used, users.concentration_written, users.reversal_written)
    )
    start = {key: np.full(len(elements), default) for key, default in defaults.items()}
    for key, column in given.items():
        mine = column[elements]
        start[key] = np.where(np.isnan(mine), start[key], mine)
    factor = nernst_factor_mV(celsius_degC, users.valence)
    for at in np.flatnonzero(used & ~fixed):
        start["e"][at] = nernst_mV(start["ci"][at], start["co"][at], factor)
    refreshed = written & ~fixed
    out = []
    for rows in rows_of(elements, grid):
        c = rows.chosen
        varying = {"ci": bool(written[c].any()), "co": bool(written[c].any())}
        varying["e"] = bool(refreshed[c].any() or fixed[c].any())
        values, strides = {}, {}
        for key, column in start.items():
            same = rows.mode == "lanes" and not varying[key] and bool((column[c] == column[c][0]).all())
            values[key] = filled(np.full(LANES, column[c][0]) if same else _with_spare(rows, rows.fill(column[c])))
            strides[key] = 0 if same else LANES
        if need_current:
            values["i"], strides["i"] = zeros(rows.n * LANES + LANES), LANES
        refresh = rows.mask(0.0)
        refresh[rows.place] = refreshed[c]
        out.append(_finish(rows, values, strides, refresh, factor, elements[c]))
    return out


def _with_spare(rows: Rows, column: Floats) -> Floats:
    """Add a row that belongs to no node: what empty lanes of mechanisms read and write."""
    return np.append(column, np.full(LANES, column[0])) if rows.mode == "gather" else column


def _finish(
    rows: Rows, values: dict[str, Floats], strides: dict[str, int], refresh: Floats, factor: float, elements: Longs
) -> IonRows:
    cell = filled(np.array([factor]))
    words = {
        "I": address(values["i"]) if "i" in values else 0,
        "E": address(values["e"]) if refresh.any() else 0,
        "CI": address(values["ci"]),
        "CI_STRIDE": strides["ci"],
        "CO": address(values["co"]),
        "CO_STRIDE": strides["co"],
        "REFRESH": address(refresh),
        "FACTOR": address(cell),
    }
    order = np.argsort(elements)
    return IonRows(
        mode=rows.mode,
        shared=False,
        values=values,
        strides=strides,
        first=rows.first,
        context=np.array([words[w] for w in ION_WORDS], np.int64),
        elements=elements[order],
        place=rows.place[order],
        spare=rows.n * LANES,
        start={key: column.copy() for key, column in values.items() if strides[key]},
        held=(refresh, cell),
    )
