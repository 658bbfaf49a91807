"""Named factors and constants."""

from __future__ import annotations

import pytest
from scipy import constants

from neurosim import units


def test_constants_are_those_of_the_si_of_2019() -> None:
    faraday = constants.elementary_charge * constants.Avogadro
    gas = constants.Boltzmann * constants.Avogadro
    assert units.FARADAY_C_per_mol == pytest.approx(faraday, rel=1e-15)
    assert units.GAS_J_per_mol_K == pytest.approx(gas, rel=1e-15)
    assert units.KELVIN_AT_0_CELSIUS == constants.zero_Celsius


def test_factors_are_inverse_to_one_another() -> None:
    assert units.MS_PER_S * units.S_PER_MS == 1.0
    assert units.UM_PER_CM * units.CM_PER_UM == 1.0
    assert units.CM2_PER_UM2 == pytest.approx(units.CM_PER_UM**2, rel=1e-15)


def test_the_base_set_needs_no_factors() -> None:
    nA_per_A = units.NA_PER_MA * 1e3
    assert nA_per_A / units.US_PER_S / units.MV_PER_V == pytest.approx(1.0)  # uS mV = nA
    nF_per_F = units.NF_PER_UF * 1e6
    assert nA_per_A / nF_per_F / units.MV_PER_V / units.S_PER_MS == pytest.approx(1.0)  # nF mV/ms = nA
