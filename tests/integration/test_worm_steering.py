"""Steering in the whole network: what rising odour does to the path, and through which cells."""

from __future__ import annotations

import numpy as np
import pytest

for _package in ("c302", "cect", "wormneuroatlas"):
    pytest.importorskip(_package, reason="the worm's published data")

from neurosim.models.worm import parameters  # noqa: E402
from neurosim.models.worm.ablation import ablated  # noqa: E402
from neurosim.models.worm.build import published  # noqa: E402
from neurosim.models.worm.fit.steering import RISE_PER_S, halved, turning_rad_per_s  # noqa: E402
from neurosim.models.worm.loop import published_model  # noqa: E402
from neurosim.models.worm.model import WormModel  # noqa: E402
from neurosim.models.worm.motor import equipped, leak_uS  # noqa: E402
from neurosim.models.worm.steering import steered  # noqa: E402


@pytest.fixture(scope="module")
def model() -> WormModel:
    return published_model()


@pytest.fixture(scope="module")
def standing(model: WormModel) -> float:
    return turning_rad_per_s(model, 0.0)


def test_rising_odour_straightens_the_path(model: WormModel, standing: float) -> None:
    assert abs(turning_rad_per_s(model, RISE_PER_S)) < 0.5 * standing


def test_without_AWA_odour_does_not_bend_the_path(model: WormModel, standing: float) -> None:
    assert turning_rad_per_s(ablated(model, "class:AWA"), RISE_PER_S) == pytest.approx(standing, abs=0.1)


def test_the_sums_of_the_steering_circuit_are_those_of_the_file() -> None:
    model = steered(equipped(published()))
    contacts, leak = model.chemical, leak_uS(model)
    classes = np.array(model.cell_class)
    target = model.number("SMBVL")
    rows = (classes[contacts.pre] == "AIZ") & (contacts.post == target)
    asked = parameters.load("steering")["from.AIZ.SMBVL"] * leak[target]
    assert rows.any() and contacts.conductance_uS[rows].sum() == pytest.approx(asked)


def test_steering_adds_and_removes_no_contact() -> None:
    before, after = equipped(published()), steered(equipped(published()))
    assert np.array_equal(before.chemical.pre, after.chemical.pre)
    assert np.array_equal(before.chemical.reversal_mV, after.chemical.reversal_mV)


@pytest.mark.parametrize("rises", [True, False])
def test_halving_finds_where_a_measure_meets_its_aim(rises: bool) -> None:
    sign = 1.0 if rises else -1.0
    assert halved(lambda x: sign * x, 0.0, 32.0, sign * 11.0, rises=rises) == pytest.approx(11.0, abs=1.0)
