"""Names of recorded variables: SONATA's (NEURON's range variables) and the simulation's.

SONATA                   simulation              unit
v                        v_mV                    mV
cai cao                  cai_mM cao_mM           mM
ica                      ica_mA_per_cm2          mA/cm2   (all mechanisms together)
eca                      eca_mV                  mV
m_NaTs  gbar_NaTs        NaTs.m  NaTs.gbar       the mechanism's
m (of a point cell)      IntFire1.m              the mechanism's
g  i (of a synapse)      Exp2Syn.g  Exp2Syn.i    the mechanism's
i_membrane               from the voltages       mA/cm2
i_membrane_              from the voltages       nA
"""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.mechanisms.mechanism import Kind, Mechanism
from neurosim.sonata.recipe import Recipe, region_of

PLAIN_UNITS = {"nanoamp": "nA", "umho": "uS", "micromho": "uS", "millivolt": "mV", "ms": "ms"}
"""NMODL's words for what we write shorter."""
MEMBRANE_CURRENTS = {"i_membrane": "mA/cm2", "i_membrane_": "nA"}


@dataclass(frozen=True)
class Variable:
    """A variable of the simulation; ``name`` is empty for membrane currents, which are computed from voltages."""

    name: str
    unit: str


def find_variable(text: str, recipe: Recipe, place: str) -> Variable | None:
    """Return what a SONATA variable is in a region (or place) of a cell, or None where it does not exist."""
    if text == "v":
        return Variable("v_mV", "mV")
    if text in MEMBRANE_CURRENTS:
        return Variable("", MEMBRANE_CURRENTS[text])
    paint = recipe.paints[region_of(place)]
    for name in paint.mechanisms:
        for use in recipe.mechanisms[name].ions:
            ion = {
                f"{use.ion}i": Variable(f"{use.ion}i_mM", "mM"),
                f"{use.ion}o": Variable(f"{use.ion}o_mM", "mM"),
                f"i{use.ion}": Variable(f"i{use.ion}_mA_per_cm2", "mA/cm2"),
                f"e{use.ion}": Variable(f"e{use.ion}_mV", "mV"),
            }.get(text)
            if ion is not None:
                return ion
    for name in paint.mechanisms:
        for inner in (text.removesuffix(f"_{name}"), text.removeprefix(f"{name}.")):
            unit = variables_of(recipe.mechanisms[name]).get(inner) if inner != text else None
            if unit is not None:
                return Variable(f"{name}.{inner}", unit)
    return None


def find_point_variable(text: str, mechanism: Mechanism) -> Variable | None:
    """Return what a variable is of a point cell or synapse (``m``, ``IntFire1.m``, ``m_IntFire1``), or None."""
    name = mechanism.name
    units = variables_of(mechanism)
    for inner in dict.fromkeys((text, text.removesuffix(f"_{name}"), text.removeprefix(f"{name}."))):
        if inner in units:
            return Variable(f"{name}.{inner}", PLAIN_UNITS.get(units[inner], units[inner]))
    return None


def variables_of(mechanism: Mechanism) -> dict[str, str]:
    """Return every variable of a mechanism that has one value, with its unit."""
    current = "nA" if mechanism.kind is Kind.POINT else "mA/cm2"
    units = {p.name: p.unit for p in mechanism.parameters if not p.length}
    units |= {s.name: s.unit for s in mechanism.states if not s.length}
    units |= {a.name: a.unit for a in mechanism.assigned if not a.length}
    return {**units, **{name: units.get(name, current) or current for name in mechanism.nonspecific}}
