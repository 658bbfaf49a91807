"""What is compared with NEURON for every mechanism of the library: the runs, for the maker of the data and the test.

Each mechanism runs under a staircase of clamped voltages with its own constants at 34 degC, and in a spiking cell with
other constants at 16 degC (pools and calcium-dependent channels beside calcium channels). Where NEURON or BMTK ship
the original, that is what NEURON runs; for the others it runs our file. The files of ``tests/data/mods`` follow, with
the two runs of ``neurosim mech --against-neuron``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from neurosim.mechanisms import Mechanism, library, load, loads
from neurosim.mechanisms.compare import why_not
from neurosim.mechanisms.protocols import Run, columns, drivers, standard_runs

MODS = Path(__file__).resolve().parents[1] / "data" / "mods"
"""Files in our own words with the constructs seen in the wild."""

EVERY = 12
"""One step in so many is stored."""

BUILT_IN = ("hh", "pas", "IClamp", "SEClamp", "VClamp")
ALLEN = (
    "Ca_HVA", "Ca_LVA", "CaDynamics", "Ih", "Im", "Im_v2", "K_P", "K_T", "Kd", "Kv2like", "Kv3_1", "Nap", "NaTa",
    "NaTs", "NaV", "SK",
)  # fmt: skip
OWN = ("leak", "leak_na", "leak_k", "leak_ca", "CaPool", "CaShell", "SinClamp")

Uses = tuple[tuple[str, dict[str, float]], ...]
CALCIUM: Uses = (("Ca_HVA", {"gbar": 1e-3}), ("Ca_LVA", {"gbar": 2e-3}))
SQUID: Uses = (("hh", {"gnabar": 0.2}), ("pas", {"g": 1e-4}))
PULSE: Uses = (("IClamp", {"del": 3.0, "dur": 25.0, "amp": 0.4}),)
STAIRS: Uses = (("drive_clamp", {}),)

# Density mechanisms: conductance for both runs, other constants for the second.
CONSTANTS: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "NaTs": ({"gbar": 0.05}, {"mvhalf": -38.0, "mk": 7.0, "malphaF": 0.2, "halphaF": 0.02, "hbetaF": 0.01, "hk": 5.5}),
    "NaTa": ({"gbar": 0.05}, {"hvhalf": -60.0, "mbetaF": 0.1, "hbetaF": 0.01}),
    "Nap": ({"gbar": 0.01}, {}),
    "NaV": ({"gbar": 0.05}, {"Con": 0.02, "btfac": 5.0, "x1": 22.0}),
    "Kd": ({"gbar": 0.01}, {}),
    "Kv2like": ({"gbar": 0.01}, {}),
    "Kv3_1": ({"gbar": 0.01}, {"vshift": 5.0}),
    "K_P": ({"gbar": 0.01}, {"vshift": 5.0, "tauF": 2.0}),
    "K_T": ({"gbar": 0.01}, {"vshift": 5.0, "mTauF": 2.0, "hTauF": 0.5}),
    "Im": ({"gbar": 0.01}, {}),
    "Im_v2": ({"gbar": 0.01}, {}),
    "Ih": ({"gbar": 1e-3}, {"ehcn": -40.0}),
    "Ca_HVA": ({"gbar": 1e-3}, {}),
    "Ca_LVA": ({"gbar": 1e-3}, {}),
    "SK": ({"gbar": 0.01}, {"zTau": 2.0}),
    "CaDynamics": ({}, {"gamma": 0.02, "decay": 150.0, "depth": 0.2, "minCai": 2e-4}),
    "CaPool": ({}, {"depth": 0.3, "taur": 20.0, "cainf": 2e-4}),
    "CaShell": ({}, {"depth": 15.0, "kappa": 5.0, "vmax": 5e-3, "kmp": 2e-4, "cainf": 1e-4}),
    "leak": ({"gbar": 1e-3}, {"eleak": -50.0}),
    "leak_na": ({"gbar": 1e-4}, {}),
    "leak_k": ({"gbar": 1e-3}, {}),
    "leak_ca": ({"gbar": 1e-5}, {}),
    "pas": ({"g": 5e-4}, {"e": -60.0}),
}

LEVELS = {"dur1": 6.0, "amp1": -70.0, "dur2": 12.0, "amp2": 10.0, "dur3": 7.0, "amp3": -90.0}
# Point processes: constants of the two runs.
POINTS: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "IClamp": ({"del": 3.01, "dur": 20.0, "amp": 0.3}, {"del": 0.0, "dur": 11.025, "amp": 0.2}),
    "SEClamp": ({"rs": 0.5, **LEVELS}, {**LEVELS, "rs": 5.0, "dur2": 0.0}),
    "VClamp": (LEVELS, {**LEVELS, "gain": 1e3, "tau1": 0.01, "tau2": 0.05, "rstim": 2.0, "fac": 0.01}),
    "SinClamp": (
        {"del": 2.0, "dur": 30.0, "amp": 0.2, "freq": 50.0},
        {"amp": 0.1, "offset": 0.1, "phase": 1.0, "freq": 90.0},
    ),
}


@dataclass(frozen=True)
class Case:
    """A run in neurosim, the same run as NEURON is told it, and mechanisms that are not simply the library's."""

    run: Run
    neuron: Run
    variants: dict[str, Mechanism] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the case and of its data."""
        return self.run.name


def _density(name: str, mech: Mechanism, first: dict[str, float], second: dict[str, float]) -> list[Run]:
    around: Uses = ()
    if name in ("SK", "CaDynamics", "CaPool", "CaShell"):
        around = CALCIUM if name != "SK" else (*CALCIUM, ("CaDynamics", {"gamma": 0.2}))
    record = columns(mech)
    active = tuple(use for use in SQUID if use[0] != name)
    return [
        Run(f"{name} clamp", ((name, first), *around), STAIRS, record, celsius_degC=34.0, steps=1920),
        Run(
            f"{name} spikes",
            ((name, {**first, **second}), *around, *active),
            PULSE,
            record,
            celsius_degC=16.0,
            steps=1600,
        ),
    ]


def _point(name: str, constants: dict[str, float], number: int) -> Run:
    record = (*columns(library.get(name)), "hh.m")
    return Run(
        f"{name} {number}", (("hh", {}),), ((name, constants),), record, celsius_degC=6.3 + 10.0 * number, steps=1600
    )


def _as_neuron(run: Run) -> Run:
    """NEURON's VClamp has arrays of levels."""
    levels = {f"{what}{k + 1}": f"{what}[{k}]" for what in ("dur", "amp") for k in range(3)}
    place = [(n, {levels.get(p, p): x for p, x in v.items()} if n == "VClamp" else v) for n, v in run.place]
    return replace(run, place=tuple(place))


def _hh() -> list[Case]:
    """NEURON's hh with its table, and without."""
    mech, made = library.get("hh"), []
    constants = {"gnabar": 0.1, "gkbar": 0.03, "gl": 4e-4, "el": -52.0}
    for direct in (False, True):
        name = "hh direct" if direct else "hh"
        clamp = Run(f"{name} clamp", (("hh", {}),), STAIRS, columns(mech), celsius_degC=24.0, steps=1920)
        spikes = Run(f"{name} spikes", (("hh", constants),), PULSE, columns(mech), celsius_degC=6.3, steps=1600)
        for run in (clamp, spikes):
            theirs = replace(run, insert=(("hh", {**run.insert[0][1], "usetable": 0.0}),)) if direct else run
            made.append(Case(run, theirs, {"hh": mech.variant(tables=not direct)}))
    return made


@cache
def wild() -> dict[str, Mechanism]:
    """Return the mechanisms of ``tests/data/mods``."""
    return {path.stem: load(path) for path in sorted(MODS.glob("*.mod"))}


def _wild() -> list[Case]:
    """Return the standard runs of the files in ``tests/data/mods`` that need no events."""
    made = []
    for name, mech in wild().items():
        if not why_not(mech):
            variants = {name: mech, **{n: loads(t, origin=f"{n}.mod") for n, t in drivers(mech).items()}}
            for run in standard_runs(mech):
                named = replace(run, name=f"{name} {run.name}")
                made.append(Case(named, named, variants))
    return made


def cases() -> list[Case]:
    """Return all cases."""
    made = _hh()
    for name, (first, second) in CONSTANTS.items():
        for run in _density(name, library.get(name), first, second):
            made.append(Case(run, run, {"NaV": library.allen("NaV")} if name == "NaV" else {}))
    # NaV as we start it by default, in NEURON from our file.
    steady = library.get("NaV").variant("NaVsteady")
    for run in _density("NaVsteady", steady, *CONSTANTS["NaV"]):
        made.append(Case(run, run, {"NaVsteady": steady}))
    for name, both in POINTS.items():
        for number, constants in enumerate(both):
            run = _point(name, constants, number)
            made.append(Case(run, _as_neuron(run)))
    return made + _wild()
