"""Records of a mechanism in a simulation: its instances, what surrounds them, and rows of one addressing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.ions import IonRows
from neurosim.engine.rows import Grid, Longs, Rows
from neurosim.mechanisms.mechanism import Mechanism

Floats = NDArray[np.float64]


@dataclass
class Placed:
    """All instances of one mechanism, in the order in which they act: node elements and parameters.

    ``values`` maps a parameter to one number or to one per instance; those in ``varying`` get a place per instance
    in any case, because they change during the run. ``streams`` are the random streams of the instances, if any.
    ``seen`` maps a POINTER to the element whose voltage each instance sees, where kernels may look themselves.
    """

    mechanism: Mechanism
    elements: Longs
    values: dict[str, float | Floats]
    streams: Longs = field(default_factory=lambda: np.zeros(0, np.int64))
    varying: frozenset[str] = frozenset()
    seen: dict[str, Longs] = field(default_factory=dict)


@dataclass(frozen=True)
class Surroundings:
    """What every mechanism of a simulation shares."""

    grid: Grid
    nodes: Mapping[str, Floats]
    ions: Mapping[str, list[IonRows]]
    celsius_degC: float
    dt_ms: float
    v_init_mV: float
    seed: int = 0


@dataclass
class Entry:
    """Instances of one addressing: rows, arrays, context, addresses of code (0: none), memory of the WATCH conditions.

    ``watched`` float64 and ``watch_states`` int32 have one value for each condition and place, condition by condition.
    """

    rows: Rows
    fields: dict[str, Floats]
    strides: dict[str, int]
    context: NDArray[np.int64]
    keep: list[Any]
    watched: Floats
    watch_states: NDArray[np.int32]
    current: int = 0
    advance: int = 0
    watch: int = 0
    receive: int = 0
    netcons: int = 0


@dataclass(frozen=True)
class Sent:
    """A self-event that INITIAL sends: instance, time in ms, flag."""

    instance: int
    time_ms: float
    flag: float
