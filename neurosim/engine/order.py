"""The order in which mechanisms act, as in NEURON (see ``acting_order``)."""

from __future__ import annotations

from collections.abc import Iterable

from neurosim.mechanisms.mechanism import Mechanism

BUILT_IN = (
    "IClamp", "AlphaSynapse", "ExpSyn", "Exp2Syn", "SEClamp", "VClamp", "OClamp", "APCount", "hh",
    "NetStim", "IntFire1", "IntFire2", "IntFire4", "PatternStim",
)  # fmt: skip
"""Mechanisms that NEURON registers before any of the user's, in its order."""


def writes_concentration(mechanism: Mechanism) -> bool:
    """Whether the mechanism writes an inner or outer concentration."""
    return any({f"{use.ion}i", f"{use.ion}o"} & set(use.writes) for use in mechanism.ions)


def acting_order(mechanisms: Iterable[Mechanism]) -> list[Mechanism]:
    """Sort mechanisms as NEURON lets them act: in INITIAL, for the currents and for the states alike.

    Writers of concentrations come first, the last registered first; then all others as registered. Built-in mechanisms
    are registered first, the user's by file name, here by name. (The ions act before all of them.)
    """

    def registered(mechanism: Mechanism) -> tuple[int, str]:
        known = mechanism.name in BUILT_IN
        return (BUILT_IN.index(mechanism.name) if known else len(BUILT_IN), mechanism.name)

    ranked = sorted(mechanisms, key=registered)
    writers = [m for m in ranked if writes_concentration(m)]
    return [*reversed(writers), *(m for m in ranked if not writes_concentration(m))]
