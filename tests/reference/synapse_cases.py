"""Synapses, sources and point cells compared with NEURON: the runs, for the maker of the data and the test.

A case is a few cells, each with at most one mechanism under test and the spike trains that reach it. Trains have events
on and off the grid, on half steps, twice at one time and several within one step, through delays of 0, half a step,
whole steps and others. Every mechanism runs twice: with its own values at dt = 0.025 ms, with others at 0.1 ms.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

Values = dict[str, float]


@dataclass(frozen=True)
class Train:
    """Spikes of a source without a cell, and the connection that brings them."""

    times_ms: tuple[float, ...]
    weight: float
    delay_ms: float


@dataclass(frozen=True)
class Target:
    """One cell.

    ``mechanism`` is in its soma, or is the cell where ``Case.point``. Trains reach that mechanism; in a soma each has
    an instance of its own. ``seen`` is the cell whose voltage the mechanism's pointer sees, ``heard`` the connections
    from other cells of the case (their index, weight, delay). ``pulses`` are IClamps (del, dur, amp).
    """

    mechanism: str = ""
    values: Values = field(default_factory=dict)
    trains: tuple[Train, ...] = ()
    seen: int = -1
    heard: tuple[tuple[int, float, float], ...] = ()
    pulses: tuple[tuple[float, float, float], ...] = ()
    hh: bool = False


@dataclass(frozen=True)
class Case:
    """Some cells, what is recorded in each of them (``v`` and the mechanism's variables), and for how long.

    With a ``seed`` NEURON's streams have the ids that make it draw neurosim's numbers (``stream_ids``).
    """

    name: str
    targets: tuple[Target, ...]
    record: tuple[str, ...]
    point: bool = False
    dt_ms: float = 0.025
    steps: int = 1600
    every: int = 40
    seed: int | None = None


# On the grid of both steps, on half steps of 0.025, twice at one time, near to each other, and anywhere.
IRREGULAR = (
    1.0, 1.0, 1.0125, 1.0250, 2.5, 2.5375, 2.6, 4.9999, 5.0, 5.0001, 7.13, 8.211, 8.2111, 9.9, 12.0, 13.05, 15.31,
    15.32, 15.36, 15.4, 17.5, 19.05, 22.2, 22.25, 23.0, 25.7301, 28.4, 28.4, 31.0, 34.0,
)  # fmt: skip
REGULAR = tuple(0.5 + 1.7 * k for k in range(30))
BURST = tuple(3.0 + 0.4 * k for k in range(12)) + tuple(30.0 + 3.1 * k for k in range(4))

SYNAPSES: dict[str, tuple[tuple[str, ...], Values]] = {
    "ExpSyn": (("g", "i"), {"tau": 3.0, "e": -10.0}),
    "Exp2Syn": (("A", "B", "g", "i"), {"tau1": 2.0, "tau2": 1.0, "e": -70.0}),
    "AlphaSyn": (("g", "s", "i"), {"tau": 4.0, "e": -80.0}),
    "NMDA": (("A", "B", "g", "i"), {"tau1": 1.0, "tau2": 30.0, "e": 5.0, "mg": 1.5}),
    "AMPANMDA": (
        ("A_AMPA", "B_AMPA", "A_NMDA", "B_NMDA", "g_AMPA", "g_NMDA", "i"),
        {"U": 0.3, "tau_rec": 60.0, "tau_facil": 40.0, "NMDA_ratio": 1.2, "mg": 0.5, "tau_d_NMDA": 40.0},
    ),
    "GABAAB": (
        ("A_GABAA", "B_GABAA", "A_GABAB", "B_GABAB", "g_GABAA", "g_GABAB", "i"),
        {"U": 0.6, "tau_rec": 30.0, "tau_facil": 0.0, "GABAB_ratio": 0.5, "tau_r_GABAA": 9.0},
    ),
    "TsodyksMarkram": (("g", "i"), {"tau": 2.0, "tau_rec": 50.0, "tau_facil": 90.0, "U": 0.1, "e": -5.0}),
    "tmgsyn": (("g", "i"), {"tau_1": 4.0, "tau_rec": 20.0, "tau_facil": 0.0, "U": 0.4, "u0": 0.2, "e": 0.0}),
    "exp1syn": (("g", "i"), {"tau": 2.0, "e": 10.0}),
    "exp1isyn": (("g", "i"), {"tau": 2.0, "e": -30.0}),
    "stp1": (("n", "g", "i"), {"p0": 0.5, "tau_r": 20.0, "tau_1": 5.0, "e": -70.0}),
    "stp2": (("n", "tau_r", "g", "Pmax", "i"), {"p0": 0.6, "tau_r0": 200.0, "tau_FDR": 50.0, "a_FDR": 0.2}),
    "stp3": (("n", "tau_r", "D", "g", "i"), {"p0": 0.6, "tau_r0": 200.0, "tau_FDR": 20.0, "tau_D": 50.0, "a_D": 0.7}),
    "stp4": (("n", "p", "g", "i"), {"p0": 0.6, "tau_r": 200.0, "tau_1": 5.0}),
    "stp5": (
        ("n", "p", "tau_r", "D", "pb", "g", "Pmax", "i"),
        {"a_FDR": 0.3, "a_D": 0.2, "a_i": 0.1, "a_f": 0.3, "pbtilde": 0.4, "tau_i": 30.0, "tau_f": 20.0, "tau_D": 40.0},
    ),
    "stp5isyn": (
        ("n", "p", "tau_r", "D", "pb", "g", "Pmax", "i"),
        {"e": -40.0, "a_FDR": 0.1, "a_D": 0.5, "a_i": 0.2, "a_f": 0.1, "tau_i": 60.0, "tau_f": 9.0},
    ),
}
# Values without which the first run would be dull: a current that scales with e.
FIRST: dict[str, Values] = {
    "exp1isyn": {"e": -60.0},
    "stp5isyn": {"e": -60.0},
    "AMPANMDA": {"stochastic": 0.0},
    "GABAAB": {"stochastic": 0.0},
}

POINTS: dict[str, tuple[tuple[str, ...], float, Values]] = {
    # recorded, weight of an event, other values
    "IntFire1": (("m",), 0.4, {"tau": 25.0, "refrac": 1.33}),
    "IntFire2": (("m", "i"), 0.9, {"taus": 7.0, "taum": 3.0, "ib": 1.1}),
    "IntFire4": (
        ("e", "i1", "i2", "m", "nself", "nexcite", "ninhibit"),
        0.6,
        {"taue": 3.0, "taui1": 3.0, "taui2": 8.0, "taum": 30.0},
    ),
    "LIF": (("V",), 6.0, {"tau_m": 10.0, "v_reset": -58.0, "tau_refrac": 3.05, "i_offset": 1.6}),
    "LIFexp": (
        ("V", "ie", "ii"),
        2.0,
        {"tau_m": 10.0, "tau_ex": 10.0, "tau_in": 2.0, "v_reset": -60.0, "tau_refrac": 0.0, "i_offset": 1.6},
    ),
    "AdEx": (
        ("V", "w", "ge", "gi"),
        0.02,
        {"a": 0.01, "b": 0.02, "tau_w": 30.0, "v_reset": -55.0, "tau_refrac": 1.0, "i_offset": 0.9, "delta": 1.0},
    ),
    "Izhikevich": (("V", "u"), 10.0, {"a": 0.1, "b": 0.2, "c": -60.0, "d": 2.0, "i_offset": 12.0}),
    "GLIF1": (("V", "ie", "ye", "ii", "yi"), 0.3, {"tau_in": 5.0, "v_reset": -60.0, "i_offset": 0.12}),
    "GLIF2": (("V", "ths", "ie", "ii"), 0.3, {"f_v": 0.5, "v_add": 3.0, "ths_add": 2.0, "b_s": 0.1, "i_offset": 0.15}),
    "GLIF3": (
        ("V", "asc1", "asc2", "ie", "ii"),
        0.3,
        {"r1": 0.5, "amp1": 0.02, "k1": 0.03, "k2": 0.3, "i_offset": 0.15, "tau_ex": 6.0},
    ),
    "GLIF4": (("V", "ths", "asc1", "asc2", "ie", "ii"), 0.3, {"v_add": 5.0, "r2": 0.2, "i_offset": 0.2, "b_s": 0.05}),
    "GLIF5": (
        ("V", "ths", "thv", "asc1", "asc2", "ie", "ii"),
        0.3,
        {"a_v": 0.02, "b_v": 0.05, "f_v": 0.3, "v_add": 2.0, "i_offset": 0.2, "tau_refrac": 1.77},
    ),
}

# What INITIAL moves: time constants in a wrong order, too near to each other, or equal.
MOVED: dict[str, tuple[Values, ...]] = {
    "IntFire2": ({"taus": 4.0, "taum": 9.0}, {"taus": 6.0, "taum": 6.0, "ib": 0.5}, {"ib": 1.3}),
    "IntFire4": (
        {"taue": 9.0, "taui1": 4.0, "taui2": 2.0, "taum": 1.0},
        {"taue": 3.0, "taui1": 3.0, "taui2": 3.0, "taum": 3.0},
        {"taue": 2.0, "taui1": 9.0, "taui2": 12.0, "taum": 4.0},
    ),
}


def _trains(dt_ms: float, weight: float) -> tuple[Train, ...]:
    """Return trains through delays on the grid and off it."""
    return (
        Train(IRREGULAR, weight, 0.0),
        Train(REGULAR, 1.5 * weight, 1.5 * dt_ms),
        Train(BURST, 0.8 * weight, 1.3),
        Train(IRREGULAR, 0.6 * weight, 0.5 * dt_ms),
        Train(IRREGULAR, weight, 0.3337),
    )


def _synapses() -> list[Case]:
    made = []
    for name, (record, other) in SYNAPSES.items():
        columns = ("v", *(f"{name}.{x}" for x in record))
        both = ((FIRST.get(name, {}), 0.025, 1600, 40), ({**FIRST.get(name, {}), **other}, 0.1, 400, 16))
        for number, (values, dt_ms, steps, every) in enumerate(both):
            targets = tuple(Target(name, values, (train,)) for train in _trains(dt_ms, 0.002))
            made.append(Case(f"{name} {number}", targets, columns, False, dt_ms, steps, every))
    return made


def _points() -> list[Case]:
    """Return cells with excitation, with inhibition as well, and with nothing but what they have inside."""
    made = []
    for name, (record, weight, other) in POINTS.items():
        columns = tuple(f"{name}.{x}" for x in record)
        for number, (values, dt_ms, steps, every) in enumerate((({}, 0.025, 1600, 40), (other, 0.1, 600, 20))):
            a, b, c, d, e = _trains(dt_ms, weight)
            inhibition = Train(REGULAR, -0.7 * weight, 0.21)
            rows = ((a,), (b, inhibition), (c, d), (a, b, e, inhibition), ())
            targets = tuple(Target(name, values, trains) for trains in rows)
            made.append(Case(f"{name} {number}", targets, columns, True, dt_ms, steps, every))
        if name in MOVED:
            a, b, *_ = _trains(0.1, weight)
            inhibition = Train(REGULAR, -0.4 * weight, 0.21)
            targets = tuple(Target(name, values, (a, b, inhibition)) for values in MOVED[name])
            made.append(Case(f"{name} moved", targets, columns, True, 0.1, 400, 16))
    return made


def _sources() -> list[Case]:
    """Return cells that fire by themselves, and started or stopped by events."""
    start, stop = Train((3.0, 4.0, 40.0), 1.0, 0.5), Train((33.3,), -1.0, 0.0)
    stims = (
        {"start": 1.0, "number": 5.0, "interval": 2.3},
        {"start": 0.0, "number": 1e9, "interval": 3.1},
        {"start": -1.0, "number": 4.0, "interval": 1.5},
        {"start": 2.0125, "number": 3.0, "interval": 0.05},
        {"start": 30.0, "number": 1e9, "interval": 1.0},
    )
    trains = ((), (stop,), (start,), (start, stop), (start, stop))
    targets = tuple(Target("NetStim", s, t) for s, t in zip(stims, trains, strict=True))
    relays = tuple(Target("VecStim", {}, (t,)) for t in _trains(0.025, 1.0))
    return [
        Case("NetStim 0", targets, (), True, 0.025, 2000),
        Case("NetStim 1", targets, (), True, 0.1, 500),
        Case("VecStim 0", relays, ("VecStim.count",), True),
        Case("VecStim 1", relays, ("VecStim.count",), True, 0.1, 400),
    ]


def _continuous() -> list[Case]:
    """Return gap junctions and graded synapses between cells of which one fires, and AlphaSynapse."""
    made = []
    for number, dt_ms in enumerate((0.025, 0.1)):
        firing = Target(pulses=((2.0, 30.0, 0.3),), hh=True)
        gaps = (
            replace(firing, mechanism="Gap", seen=1, values={"g": 0.002}),
            Target("Gap", {"g": 0.002}, seen=0),
            Target("Gap", {"g": 0.01 * (1 + number)}, seen=0),
        )
        graded = (
            firing,
            Target("GradedSyn", {"weight": 3.0}, seen=0),
            Target("GradedSyn", {"e": -70.0, "k": 0.015, "vth": -40.0, "delta": 8.0, "gmax": 2e-3}, seen=0),
            Target("GradedSyn", {"vth": -60.0, "weight": 0.5}, seen=1),
        )
        alpha = (
            Target("AlphaSynapse", {"onset": 2.0, "tau": 1.0, "gmax": 1e-3}),
            Target("AlphaSynapse", {"onset": 5.013, "tau": 3.0 + number, "gmax": 2e-3, "e": -80.0}),
        )
        steps = round(40.0 / dt_ms)
        every = 40 if number == 0 else 16
        made += [
            Case(f"Gap {number}", gaps, ("v", "Gap.i"), False, dt_ms, steps, every),
            Case(f"GradedSyn {number}", graded, ("v", "GradedSyn.s", "GradedSyn.i"), False, dt_ms, steps, every),
            Case(f"AlphaSynapse {number}", alpha, ("v", "AlphaSynapse.i"), False, dt_ms, steps, every),
        ]
    return made


def _learning() -> list[Case]:
    """Return cells that a pulse makes fire while a train comes before and after the spikes."""
    pulses = tuple((5.0 + 20.0 * k, 2.0, 0.4) for k in range(4))
    made = []
    for number, (dt_ms, values) in enumerate(
        (
            (0.025, {}),
            (0.1, {"a_plus": 0.4, "a_minus": 0.5, "tau_plus": 10.0, "tau_minus": 30.0, "f_max": 1.5, "tau": 2.0}),
        )
    ):
        trains = (
            Train(tuple(4.0 + 20.0 * k for k in range(4)), 1e-3, 0.0),
            Train(tuple(9.013 + 20.0 * k for k in range(4)), 1e-3, 0.77),
            Train(tuple(1.0 + 3.7 * k for k in range(20)), 5e-4, dt_ms),
        )
        targets = tuple(Target("STDP", values, (t,), pulses=pulses, hh=True) for t in trains)
        made.append(Case(f"STDP {number}", targets, ("v", "STDP.g", "STDP.y"), False, dt_ms, round(85.0 / dt_ms), 40))
    return made


def _sums() -> list[Case]:
    """Return somas that several trains reach, each through its own instance: only v is recorded."""
    made = []
    for name in ("ExpSyn", "Exp2Syn", "NMDA", "stp2", "TsodyksMarkram"):
        trains = _trains(0.025, 0.001)
        targets = (Target(name, {}, trains), Target(name, {"e": -75.0}, trains[:3]))
        made.append(Case(f"sum of {name}", targets, ("v",)))
    return made


# --- random numbers ---------------------------------------------------------------------------------------------------

STREAMS = {"AMPANMDA": "chance", "GABAAB": "chance", "PoissonSource": "chance", "NetStim": "ranvar"}
"""RANDOM variable of each mechanism in NEURON (NetStim is its own)."""


def stream_ids(seed: int, mechanism: str, gid: int) -> tuple[int, int, int, int]:
    """Return id1, id2, id3 and the global index with which NEURON draws as the first instance in a cell does here."""
    digest = hashlib.sha256(f"{seed} {mechanism}".encode()).digest()
    key, stream = int.from_bytes(digest[:8], "little", signed=True) % 2**53, gid * 2**24
    return stream & 0xFFFFFFFF, stream >> 32, key & 0xFFFFFFFF, key >> 32


def _random() -> list[Case]:
    """Return stochastic release, and sources with random intervals."""
    made = []
    for name in ("AMPANMDA", "GABAAB"):
        record, other = SYNAPSES[name]
        values = {**other, "stochastic": 1.0}
        targets = tuple(Target(name, values, (train,)) for train in _trains(0.025, 0.002))
        columns = ("v", *(f"{name}.{x}" for x in record))
        made.append(Case(f"{name} random", targets, columns, seed=11))
    stims = ({"noise": 1.0}, {"noise": 0.5}, {"noise": 0.2, "start": 0.0}, {"noise": 1.0, "start": -1.0})
    start = Train((3.0, 25.0), 1.0, 0.5)
    nets = tuple(
        Target("NetStim", {"start": 1.0, "interval": 1.5, "number": 12.0, **x}, (start,) if k == 3 else ())
        for k, x in enumerate(stims)
    )
    rates = ({"rate": 300.0}, {"rate": 1500.0, "start": 5.0}, {"rate": 800.0, "stop": 20.0}, {"rate": 0.0})
    made.append(Case("NetStim random", nets, (), True, seed=12))
    made.append(Case("PoissonSource random", tuple(Target("PoissonSource", x) for x in rates), (), True, seed=13))
    return made


# --- timing -----------------------------------------------------------------------------------------------------------

WATCHED_MS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Places of a spike within a step, in steps."""
DELAYS = (0.0, 0.5, 1.0, 1.5, 13.0, 0.37)
"""Delays in steps."""


def _timing() -> list[Case]:
    """Return ExpSyns that receive one event each few steps, at every place around the half steps; and cell to cell."""
    made = []
    for number, dt_ms in enumerate((0.025, 0.1)):
        targets = tuple(
            Target("ExpSyn", {"tau": 1.0}, (Train(tuple((3 + 7 * k + x) * dt_ms for k in range(12)), 1e-3, d * dt_ms),))
            for x in WATCHED_MS
            for d in DELAYS
        )
        made.append(Case(f"timing {number}", targets, ("ExpSyn.g",), False, dt_ms, 110, 1))
        sender = Target(pulses=((1.0, 1.0, 0.5), (20.0, 1.0, 0.5)), hh=True)
        hearers = tuple(Target("ExpSyn", {"tau": 1.0}, heard=((0, 1e-3, d * dt_ms),)) for d in DELAYS)
        made.append(
            Case(f"cell to cell {number}", (sender, *hearers), ("v", "ExpSyn.g"), False, dt_ms, round(26.0 / dt_ms), 4)
        )
    return made


def cases() -> dict[str, Case]:
    """Return all cases by name."""
    made = _synapses() + _points() + _sources() + _continuous() + _learning() + _sums() + _random() + _timing()
    return {c.name: c for c in made}
