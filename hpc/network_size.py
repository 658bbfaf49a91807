"""The numbers of a network that a forecast needs: from the model itself, or from a description (``networks/*.toml``).

The cost of a compartment depends on its mechanisms: ``work`` is its mean over the network in units of a compartment
with the channels of Hodgkin and Huxley.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from neurosim.engine.cost import STATIC, AnyCell, Coefficients, Prices, costs_of
from neurosim.engine.timing import MOST_STEPS
from neurosim.errors import NeurosimError
from neurosim.exchange import Longs
from neurosim.hpc.given import Given, Sheet, names_in, read_sheet
from neurosim.mechanisms import library
from neurosim.model.cell import Cell
from neurosim.model.connections import Connections
from neurosim.model.point import PointCell, SpikeTrain

UNITS: Final = {
    "cells": "cells",
    "compartments": "compartments of a cell, mean",
    "largest": "largest cell over the mean",
    "synapses": "synapses of a cell, mean",
    "rate_Hz": "rate of a cell, mean",
    "delay_ms": "smallest delay",
    "dt_ms": "step",
    "work": "cost of a compartment, in units of one with HH",
}

COMMON: Final = {"work": Given(1.0, "assumed", "channels as costly as HH's in every compartment")}

POSITIVE: Final = ("cells", "compartments", "largest", "delay_ms", "dt_ms", "work")


def read_network(what: str | Path) -> Sheet:
    """Return the description of a network, from a name in ``networks`` or a TOML file.

    Raises
    ------
    NeurosimError
        As ``read_sheet``, or a number that must be above 0 is not.
    """
    return checked(read_sheet(what, "networks", UNITS, COMMON))


def networks() -> list[str]:
    """Return the names of the descriptions that come with neurosim."""
    return names_in("networks")


def checked(network: Sheet) -> Sheet:
    """Return the network when its numbers can be those of one."""
    for key in POSITIVE:
        if network[key] <= 0.0:
            raise NeurosimError(f"{network.name}: [{key}] value={network[key]:g} is not allowed; it must be above 0")
    if network["largest"] < 1.0:
        raise NeurosimError(f"{network.name}: [largest] value={network['largest']:g}; the largest is at least the mean")
    if network["delay_ms"] < network["dt_ms"]:
        raise NeurosimError(
            f"{network.name}: [delay_ms] value={network['delay_ms']:g} is below dt_ms={network['dt_ms']:g}; "
            "ranks meet at most once a step"
        )
    return network


def size_of(
    cells: Sequence[AnyCell],
    connections: Sequence[Connections],
    dt_ms: float,
    rate: Given,
    name: str = "network",
    coefficients: Coefficients = STATIC,
    synapses_n: Longs | None = None,
) -> Sheet:
    """Return the numbers of a network from its cells and connections.

    Parameters
    ----------
    cells : sequence
        One per gid. Given trains are no cells of the network; what they fire is counted as synapses are.
    connections : sequence of Connections
        All of them, or with ``synapses_n`` a part.
    dt_ms : float
        Step.
    rate : Given
        Mean rate of a cell in Hz, which no network says of itself.
    name : str
        For messages.
    coefficients : Coefficients
        Times of what cells consist of; only their ratios count.
    synapses_n : int64 (cells,), optional
        Connections onto each cell, where ``connections`` are a part of them.

    Notes
    -----
    The smallest delay is that of the engine's windows: over connections from cells, at most ``MOST_STEPS`` steps.
    ``work`` is the mean of ``costs_of``, synapses' states included, over the compartments' cost with HH.
    """
    computed = np.fromiter((not isinstance(cell, SpikeTrain) for cell in cells), np.bool_, len(cells))
    if not computed.any():
        raise NeurosimError(f"{name}: no cell is computed; a forecast needs at least one")
    count = int(computed.sum())
    whole = synapses_n is None
    if synapses_n is None:
        synapses_n = synapses_of(len(cells), connections)
    # Events are a part of their own in a forecast.
    apart = replace(coefficients, delivery_ns=0.0)
    costs = costs_of(cells, synapses_n, apart, connections if whole else ())[computed]
    compartments = sum(compartments_of(cell) for cell in cells)
    files, of_part = "from the file", "" if whole else " of the part that was read"
    values = {
        "cells": Given(count, files, "nodes that are computed"),
        "compartments": Given(compartments / count, files, "mean of the cells"),
        "largest": Given(float(costs.max() / costs.mean()), files, "cost of the largest cell over the mean"),
        "synapses": Given(float(synapses_n.sum()) / count, files, "connections over cells"),
        "rate_Hz": rate,
        "delay_ms": Given(
            _delay_ms(computed, connections, dt_ms), files, f"smallest delay{of_part}, or the longest window"
        ),
        "dt_ms": Given(dt_ms, files, "step of the run"),
        "work": Given(
            float(costs.sum()) / (compartments * _hh_ns(apart)), files, "operations of mechanisms and synapses"
        ),
    }
    return checked(Sheet(name, name, values))


def synapses_of(cells_n: int, connections: Sequence[Connections]) -> Longs:
    """Return the number of connections onto each cell, int64 (cells,)."""
    synapses_n = np.zeros(cells_n, np.int64)
    for table in connections:
        synapses_n += np.bincount(table.target_gid, minlength=cells_n)
    return synapses_n


def compartments_of(cell: AnyCell) -> int:
    """Return the number of compartments that a cell has; 1 for a point cell."""
    if isinstance(cell, Cell):
        return cell.tree.comp_n
    return int(isinstance(cell, PointCell))


def _delay_ms(computed: np.ndarray, connections: Sequence[Connections], dt_ms: float) -> float:
    least = MOST_STEPS * dt_ms
    for table in connections:
        inside = (table.source_gid >= 0) & (table.source_gid < len(computed))
        delays = table.delay_ms[inside][computed[table.source_gid[inside]]]
        if len(delays):
            least = min(least, float(delays.min()))
    return max(least, dt_ms)


def _hh_ns(coefficients: Coefficients) -> float:
    """Return the cost of a compartment with HH, in the units of ``costs_of``."""
    return coefficients.node_ns + Prices(coefficients).mechanism_ns(library.get("hh"))
