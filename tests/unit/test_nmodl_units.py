"""Factors of UNITS constants; the figures are those of NEURON 9.0.2's translator."""

from __future__ import annotations

import pytest

from neurosim.mechanisms import loads
from neurosim.mechanisms.unittext import UnitTable, UnknownUnitError, measure, native_table


@pytest.mark.parametrize(
    ("unit", "into", "factor"),
    [
        ("faraday", "coulomb", "0x1.78e555060882cp+16"),
        ("faraday", "kilocoulombs", "0x1.81f0fae775425p+6"),
        ("faraday", "10000 coulomb", "0x1.34c0c8b92a9b7p+3"),
        ("k-mole", "joule/degC", "0x1.0a1013e8990bep+3"),
        ("k", "joule/degC", "0x1.0b0e6d55e647cp-76"),
        ("e", "coulombs", "0x1.7a4da290c1653p-63"),
        ("pi", "1", "0x1.921fb54442d18p+1"),
        ("second", "ms", "0x1.f4p+9"),
        ("/ms", "/s", "0x1.f4p+9"),
        ("1/ms-m", "1/second-m", "0x1.f4p+9"),
        ("milliamps", "amp", "0x1.0624dd2f1a9fcp-10"),
        ("micro/liter", "mole/m3", "0x1.071f77905d351p-89"),
        ("1|3 m", "m", "0x1.5555555555555p-2"),
        ("1-3 m", "m", "0x1.0624dd2f1a9fcp-10"),
        ("siemens", "mho", "0x1p+0"),
    ],
)
def test_factors_are_neurons(unit: str, into: str, factor: str) -> None:
    found, agree = UnitTable().factor(unit, into)
    assert found == pytest.approx(float.fromhex(factor), rel=3e-16)
    assert agree


def test_the_two_constants_every_channel_uses_are_neurons_to_the_last_bit() -> None:
    table = UnitTable()
    assert table.factor("faraday", "coulomb")[0] == 96485.33212331001
    assert table.factor("k-mole", "joule/degC")[0] == 8.31446261815324


def test_aliases_of_the_file_are_used() -> None:
    mech = loads(
        "NEURON { SUFFIX p NONSPECIFIC_CURRENT i }\nUNITS { (mA) = (milliamp) (A) = (amp) (um) = (micron)\n"
        "a = (A) (mA) b = (um2) (cm2) }\nBREAKPOINT { i = a*b }"
    )
    assert dict(mech.code.constants) == pytest.approx({"a": 1e3, "b": 1e-8})


def test_units_of_different_dimension_give_a_notice() -> None:
    mech = loads("NEURON { SUFFIX p }\nUNITS { a = (meter2) (ohm) }")
    assert "differ in dimension" in mech.notices[0].message


@pytest.mark.parametrize("word", ["foo", "millifoo", "?", "m/foo2"])
def test_unknown_words_are_no_units(word: str) -> None:
    with pytest.raises(UnknownUnitError):
        measure(word, native_table().words)
