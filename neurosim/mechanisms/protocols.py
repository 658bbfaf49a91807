"""Runs that make one mechanism move: what NEURON and neurosim both do when a file is compared.

A ``Run`` is one compartment with mechanisms, point processes and a list of columns to record; ``standard_runs`` writes
the two of ``neurosim mech --against-neuron``: a staircase of clamped voltages, and a spiking cell. What a mechanism
reads is moved by *drivers*, small .mod files written here: ``drive_clamp`` (the staircase), ``drive_xi_xo`` (moves
concentrations of ion x) and ``drive_x_i`` (makes a current of ion x). ``perform`` does a run in neurosim;
``neuron_side`` does it in NEURON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurosim.mechanisms.mechanism import Kind, Mechanism
from neurosim.mechanisms.syntax import IonUse

Columns = dict[str, NDArray[np.float64]]
_Uses = tuple[tuple[str, dict[str, float]], ...]

# Voltages of the staircase in mV, each held for DWELL_MS.
LEVELS = (-65, -100, -80, -60, -45, -30, -20, 0, 20, 40, -40, -65)
DWELL_MS = 4.0


@dataclass(frozen=True, slots=True)
class Run:
    """One compartment, what is in it and what is recorded.

    Parameters
    ----------
    name : str
        Label, unique in a comparison.
    insert, place : tuple of (name, parameters)
        Density mechanisms and point processes (at most one of a name).
    record : tuple of str
        Columns: ``v``, ion variables (``cai``), ``mechanism.variable``.
    celsius_degC, v_init_mV, dt_ms, steps : float, int
        Conditions.
    length_um, diam_um, cm_uF_per_cm2 : float
        The cylinder.
    ions : dict
        Ion variable -> value, for instance ``{"ek": -90.0}``.
    play : dict
        Column -> one value a step, written before the step (NEURON only).
    """

    name: str
    insert: _Uses = ()
    place: _Uses = ()
    record: tuple[str, ...] = ("v",)
    celsius_degC: float = 20.0
    v_init_mV: float = -65.0
    dt_ms: float = 0.025
    steps: int = 2000
    length_um: float = 20.0
    diam_um: float = 20.0
    cm_uF_per_cm2: float = 1.0
    ions: dict[str, float] = field(default_factory=dict)
    play: dict[str, list[float]] = field(default_factory=dict)


# --- drivers ----------------------------------------------------------------------------------------------------------


def clamp_driver() -> tuple[str, str]:
    """Return name and .mod text of the staircase: an electrode of 0.01 megohm."""
    steps = "\n".join(f"    if (t >= {k * DWELL_MS:g}) {{ vc = {v} }}" for k, v in enumerate(LEVELS) if k)
    text = f"""
        NEURON {{ POINT_PROCESS drive_clamp ELECTRODE_CURRENT i RANGE rs, i }}
        PARAMETER {{ rs = 0.01 (megohm) }}
        ASSIGNED {{ v (mV) i (nA) }}
        BREAKPOINT {{
            LOCAL vc
            vc = {LEVELS[0]}
        {steps}
            i = (vc - v)/rs
        }}
        """
    return "drive_clamp", text


def _valence(use: IonUse) -> str:
    return "" if use.valence is None else f" VALENCE {use.valence:g}"


def current_driver(use: IonUse) -> tuple[str, str]:
    """Return name and .mod text of a conductance for one ion."""
    x = use.ion
    text = f"""
        NEURON {{ SUFFIX drive_{x}_i USEION {x} READ e{x} WRITE i{x}{_valence(use)} RANGE gbar }}
        PARAMETER {{ gbar = 2e-5 (S/cm2) }}
        ASSIGNED {{ v (mV) e{x} (mV) i{x} (mA/cm2) }}
        BREAKPOINT {{ i{x} = gbar*(v - e{x})/(1 + exp(-(v + 30)/8)) }}
        """
    return f"drive_{x}_i", text


def concentration_driver(use: IonUse, variables: Iterable[str]) -> tuple[str, str]:
    """Return name and .mod text of a mechanism that moves concentrations of one ion.

    The inner concentration of calcium sweeps two decades, the others 20 to 30 % about NEURON's defaults, inside and
    outside not together, so that reversal potentials move.
    """
    x, names = use.ion, sorted(variables)
    rest = {"nai": 10.0, "nao": 140.0, "ki": 54.4, "ko": 2.5, "cai": 5e-5, "cao": 2.0}
    swing = {"o": "0.2*sin(0.7*t + 1)", "i": "2.3*(1 - cos(0.4*t))" if x == "ca" else "0.3*sin(0.5*t)"}
    course = [f"{n} = {rest.get(n, 1.0):g}*exp({swing[n[-1]]})" for n in names]
    body = "\n            ".join(course)
    driver = f"drive_{'_'.join(names)}"
    text = f"""
        NEURON {{ SUFFIX {driver} USEION {x} WRITE {", ".join(names)}{_valence(use)} }}
        ASSIGNED {{ {" ".join(f"{n} (mM)" for n in names)} }}
        INITIAL {{ course() }}
        BREAKPOINT {{ SOLVE course METHOD after_cvode }}
        PROCEDURE course() {{
            {body}
        }}
        """
    return driver, text


def drivers(mech: Mechanism) -> dict[str, str]:
    """Return the drivers that move what ``mech`` reads: name -> .mod text. The staircase is always among them."""
    made = [clamp_driver()]
    for use in mech.ions:
        inner = {f"{use.ion}i", f"{use.ion}o"}
        moved = (set(use.reads) & inner) - set(use.writes)
        if moved:
            made.append(concentration_driver(use, moved))
        if f"i{use.ion}" in use.reads and f"e{use.ion}" not in use.writes:
            made.append(current_driver(use))
    return dict(made)


# --- standard runs ----------------------------------------------------------------------------------------------------

# Values for parameters whose default of 0 would switch a mechanism off, by unit.
_LIVELY = {
    "S/cm2": 1e-3, "mho/cm2": 1e-3, "siemens/cm2": 1e-3, "mS/cm2": 1.0, "pS/um2": 10.0, "cm/s": 1e-5, "uS": 1e-3,
    "umho": 1e-3, "microsiemens": 1e-3, "nS": 1.0,
}  # fmt: skip


def lively(mech: Mechanism) -> dict[str, float]:
    """Return parameters to set so that the mechanism does something: conductances, and amplitudes of electrodes."""
    chosen = {}
    for p in mech.parameters:
        if p.default != 0.0 or p.length:
            continue
        if p.unit in _LIVELY:
            chosen[p.name] = _LIVELY[p.unit]
        elif mech.electrode and p.unit in ("nA", "ms"):
            chosen[p.name] = 0.1 if p.unit == "nA" else 12.0
    return chosen


def columns(mech: Mechanism) -> tuple[str, ...]:
    """Return everything to compare: v, the ion variables used, states, currents and public assigned variables."""
    names = ["v"]
    for use in mech.ions:
        x = use.ion
        names += [n for n in dict.fromkeys((*use.reads, *use.writes, f"e{x}", f"i{x}")) if n not in names]
    own: list[tuple[str, int]] = [(s.name, s.length) for s in mech.states]
    own += [(a.name, a.length) for a in mech.assigned if a.public]
    own += [(n, 0) for n in (*mech.nonspecific, *mech.electrode)]
    for name, length in dict.fromkeys(own):
        if name not in names:
            names += [f"{mech.name}.{name}[{k}]" for k in range(length)] if length else [f"{mech.name}.{name}"]
    return tuple(names)


def standard_runs(mech: Mechanism, parameters: Mapping[str, float] | None = None) -> list[Run]:
    """Return the staircase and the spiking cell for one mechanism."""
    values = {**lively(mech), **(parameters or {})}
    point = mech.kind is Kind.POINT
    moved: _Uses = tuple((name, {}) for name in drivers(mech) if name != "drive_clamp")
    own: _Uses = ((mech.name, values),)
    record = columns(mech)
    steps = round(len(LEVELS) * DWELL_MS / 0.025)
    active: _Uses = (("hh", {}), ("pas", {"g": 1e-4, "e": -65.0}))
    pulse = ("IClamp", {"del": 2.0, "dur": 30.0, "amp": 0.25})
    return [
        Run(
            "clamp",
            insert=moved if point else own + moved,
            place=(*(own if point else ()), ("drive_clamp", {})),
            record=record,
            celsius_degC=24.0,
            steps=steps,
        ),
        Run(
            "spikes",
            insert=(*(() if point else own), *moved, *active),
            place=(*(own if point else ()), pulse),
            record=record,
            celsius_degC=10.0,
            steps=1600,
        ),
    ]


# --- neurosim's side --------------------------------------------------------------------------------------------------


def _variable(column: str, ions: Iterable[str]) -> str:
    """Return neurosim's name of a column."""
    if "." in column:
        return column
    for x in ions:
        if column in (f"{x}i", f"{x}o"):
            return f"{column}_mM"
        if column == f"i{x}":
            return f"{column}_mA_per_cm2"
    return f"{column}_mV"


def perform(run: Run, mechanisms: Mapping[str, Mechanism]) -> Columns:
    """Do one run in neurosim.

    Parameters
    ----------
    run : Run
        What to do; ``play`` is not supported.
    mechanisms : mapping
        Name -> mechanism for names that are not in the library.

    Returns
    -------
    dict
        Column -> float64 (steps + 1,).
    """
    # Above this package in the layers: a comparison is a use of the simulator that lives beside the compiler.
    from neurosim.mechanisms import library
    from neurosim.model.cell import Cell
    from neurosim.simulation import Simulation

    def find(name: str) -> Mechanism:
        return mechanisms[name] if name in mechanisms else library.get(name)

    cell = Cell.cylinder(length_um=run.length_um, diam_um=run.diam_um)
    cell.set(cm_uF_per_cm2=run.cm_uF_per_cm2)
    used = [find(name) for name, _ in (*run.insert, *run.place)]
    ions = {use.ion for mech in used for use in mech.ions}
    for column, value in run.ions.items():
        cell.set("all", **{_variable(column, ions): value})
    for name, values in run.insert:
        cell.insert(find(name), "all", **values)
    for name, values in run.place:
        cell.place(find(name), "soma(0.5)", **values)
    sim = Simulation(cell, dt_ms=run.dt_ms, celsius_degC=run.celsius_degC, v_init_mV=run.v_init_mV)
    traces = {c: sim.record("soma(0.5)", _variable(c, ions)) for c in run.record}
    sim.run(until_ms=run.steps * run.dt_ms, progress=False)
    return {c: np.asarray(x.values) for c, x in traces.items()}
