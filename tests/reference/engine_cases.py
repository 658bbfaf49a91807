"""Whole cells that are simulated here and in NEURON: one description each, read by both sides.

Plain data, so that NEURON's side can be a process of its own. Values of parameters are numbers, or pairs (a, b) for
a + b * path distance from the root's 0 end in um.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Value = float | list[float]


@dataclass
class Case:
    """A cell and what happens to it.

    ``sections`` are (name, length_um, diam_um, parent, parent_x, nseg, ra_ohm_cm, cm_uF_per_cm2); ``insert`` and
    ``ions`` name the sections; ``place`` are (name, section, x, parameters); ``play`` are currents (section, x,
    times_ms, amplitudes_nA); ``record`` are (section, x, variable in NEURON's spelling), besides v everywhere.
    The threshold is -10 mV at the first section's middle.
    """

    sections: list[tuple[str, float, float, int, float, int, float, float]]
    insert: list[tuple[str, list[int], dict[str, Value]]]
    place: list[tuple[str, int, float, dict[str, float]]] = field(default_factory=list)
    play: list[tuple[int, float, list[float], list[float]]] = field(default_factory=list)
    ions: list[tuple[list[int], dict[str, float]]] = field(default_factory=list)
    record: list[tuple[int, float, str]] = field(default_factory=list)
    dt_ms: float = 0.025
    celsius_degC: float = 6.3
    v_init_mV: float = -65.0
    until_ms: float = 20.0


NOT_BUILT_IN = ("Ca_HVA", "Ca_LVA", "CaDynamics", "CaPool", "SK", "Im", "NaTs", "Ih")
"""Mechanisms whose .mod files NEURON must compile."""

THRESHOLD_MV = -10.0

_TREE: list[tuple[str, float, float, int, float, int, float, float]] = [
    ("soma[0]", 22.0, 19.0, -1, 1.0, 3, 90.0, 1.0),
    ("dend[0]", 120.0, 3.1, 0, 1.0, 5, 150.0, 1.9),
    ("dend[1]", 95.0, 1.7, 1, 1.0, 3, 150.0, 2.0),
    ("dend[2]", 140.0, 1.3, 1, 1.0, 7, 120.0, 2.1),
    ("dend[3]", 60.0, 1.0, 0, 0.0, 1, 200.0, 1.0),
    ("axon[0]", 180.0, 1.4, 0, 0.5, 9, 60.0, 0.8),
]
_ALL = [0, 1, 2, 3, 4, 5]
_PULSE: tuple[str, int, float, dict[str, float]] = ("IClamp", 0, 0.5, {"del": 1.0, "dur": 15.0, "amp": 1.1})


def _pyramidal(**changes: Any) -> Case:
    """Calcium in three places with a pool, two sodium and two potassium channels, Ih growing with distance."""
    settings: dict[str, Any] = {
        "sections": _TREE,
        "insert": [
            ("pas", _ALL, {"g": 4e-5, "e": -72.0}),
            ("hh", [0], {"gnabar": 0.03, "gl": 0.0}),
            ("NaTs", [0, 5], {"gbar": 0.12}),
            ("Im", [0, 1, 5], {"gbar": 2e-3}),
            ("hh", [5], {"gkbar": 0.05}),
            ("Ih", [0, 1, 2, 3], {"gbar": [1e-5, 3e-7]}),
            ("Ca_HVA", [0, 1], {"gbar": [3e-4, 2e-6]}),
            ("Ca_LVA", [0, 2], {"gbar": 8e-4}),
            ("CaDynamics", [0, 1], {"gamma": 0.03, "decay": 60.0}),
            ("SK", [0, 1, 2], {"gbar": 4e-3}),
        ],
        "place": [("IClamp", 0, 0.5, {"del": 1.0, "dur": 15.0, "amp": 3.0}),
                  ("IClamp", 3, 0.9, {"del": 6.0, "dur": 4.0, "amp": 0.15})],
        "record": [
            (0, 0.5, "cai"), (1, 0.1, "cai"), (1, 0.9, "ica"), (0, 0.5, "ina"), (0, 0.5, "ik"), (0, 0.5, "eca"),
            (2, 0.5, "eca"), (0, 0.5, "SK.z"), (3, 0.9, "Ih.m"), (5, 0.5, "NaTs.m"), (5, 0.9, "hh.h"),
            (1, 0.5, "pas.i"),
        ],
        "celsius_degC": 34.0,
        "v_init_mV": -75.0,
    }  # fmt: skip
    return Case(**{**settings, **changes})


CASES: dict[str, Case] = {
    "hh soma, passive dendrites": Case(
        _TREE,
        [("hh", [0, 5], {}), ("pas", [1, 2, 3, 4], {"g": 3e-4, "e": -62.0})],
        [_PULSE],
        record=[(0, 0.5, "hh.m"), (5, 0.5, "hh.n"), (0, 0.1, "ina"), (1, 0.5, "pas.i"), (0, 0.5, "il_hh")],
    ),
    "hh everywhere at 0.1 ms": Case(
        _TREE,
        [("hh", _ALL, {"gnabar": [0.12, -1e-4], "gl": 3e-4})],
        [_PULSE],
        ions=[([0, 1], {"ena": 55.0, "ek": -80.0}), ([5], {"ek": -70.0})],
        dt_ms=0.1,
        celsius_degC=16.0,
    ),
    "only leak": Case(_TREE, [("pas", _ALL, {"g": 1e-4, "e": -70.0})], [_PULSE], dt_ms=0.1),
    "no leak anywhere": Case(_TREE, [("hh", [0], {})], [_PULSE], until_ms=5.0),
    "SEClamp off the grid": Case(
        _TREE,
        [("hh", [0], {}), ("pas", [1, 2, 3, 4, 5], {"g": 2e-4, "e": -65.0})],
        [("SEClamp", 0, 0.5, {"rs": 5.0, "dur1": 2.03, "amp1": -70.0, "dur2": 3.0, "dur3": 1.0, "amp3": -90.0})],
        record=[(0, 0.5, "SEClamp.i")],
        until_ms=8.0,
    ),
    "VClamp": Case(
        _TREE[:2],
        [("hh", [0], {}), ("pas", [1], {"g": 2e-4, "e": -65.0})],
        [("VClamp", 0, 0.5, {"dur1": 2.0, "amp1": -70.0, "dur2": 2.51, "amp2": -10.0, "dur3": 1.0, "amp3": -80.0})],
        record=[(0, 0.5, "VClamp.i")],
        until_ms=8.0,
    ),
    "points one upon the other": Case(
        _TREE,
        [("hh", [0, 5], {}), ("pas", [1, 2, 3, 4], {"g": 3e-4, "e": -64.0})],
        [
            _PULSE,
            ("IClamp", 0, 0.5, {"del": 3.0, "dur": 2.0, "amp": 0.7}),
            ("SEClamp", 0, 0.5, {"rs": 40.0, "dur1": 4.0, "amp1": -60.0}),
            ("IClamp", 0, 0.5, {"del": 5.0125, "dur": 0.05, "amp": -2.0}),
        ],
        celsius_degC=16.0,
    ),
    "played current": Case(
        _TREE,
        [("hh", [0, 5], {}), ("pas", [1, 2, 3, 4], {"g": 3e-4, "e": -64.0})],
        play=[
            (0, 0.5, [0.0, 1.0, 1.506, 3.019, 3.03, 4.0, 9.0], [0.1, 0.5, 1.2, -0.3, 2.0, 0.9, 0.0]),
            (3, 0.7, [2.0, 2.025, 2.05, 7.3], [0.3, -0.1, 0.2, 0.0]),
        ],
        until_ms=12.0,
    ),
    "calcium, two sodium channels, Ih": _pyramidal(),
    "the same at 0.1 ms and 6.3 degC": _pyramidal(dt_ms=0.1, celsius_degC=6.3, v_init_mV=-65.0),
    "two pools of one ion": _pyramidal(
        insert=[
            ("pas", _ALL, {"g": 1e-4, "e": -70.0}),
            ("hh", [0, 5], {}),
            ("Ca_HVA", [0, 1], {"gbar": 1e-3}),
            ("CaPool", [0], {"taur": 30.0}),
            ("CaDynamics", [0, 1], {"gamma": 0.2}),
            ("SK", [0, 1], {"gbar": 1e-3}),
        ],
        record=[(0, 0.5, "cai"), (1, 0.5, "cai"), (0, 0.5, "eca"), (0, 0.5, "SK.z")],
        celsius_degC=16.0,
        until_ms=10.0,
    ),
}  # fmt: skip

BUILT_IN_ONLY = [n for n, c in CASES.items() if not {m for m, _, _ in c.insert} & set(NOT_BUILT_IN)]
