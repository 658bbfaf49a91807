"""Crawling comes out of the motor neurons and the body's bends: the fast circuit of the fit, and the whole network.

Kind of evidence: the figures asked of the model, ablations of the loop's own parts, agreement of two programs.
"""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.models.worm import packages, parameters
from neurosim.models.worm.build import published
from neurosim.models.worm.fit.circuit import CONTROL_MS, Circuit, Run
from neurosim.models.worm.fit.search import REVERSAL, Gait, gait_of
from neurosim.models.worm.motor import equipped

for package in packages.PACKAGES:
    pytest.importorskip(package, reason=f"{package} is not installed: pip install 'neurosim[worm]'")

pytestmark = pytest.mark.slow


def _circuit(**motor: float) -> Circuit:
    given, muscle = parameters.load("motor").replaced(**motor), parameters.load("muscle")
    return Circuit(equipped(published(), given, muscle), given, muscle, parameters.load("synapses"))


def _gait(circuit: Circuit, medium: str | float, **given: object) -> Gait:
    return gait_of(circuit.run(medium, 9000.0, seed=3, **given), 3500.0)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def circuit() -> Circuit:
    return _circuit()


def test_the_circuit_crawls_forward_on_agar_at_the_published_pace(circuit: Circuit) -> None:
    gait = _gait(circuit, "agar")
    assert 0.3 <= gait.frequency_Hz <= 0.8
    assert 0.1 <= gait.speed_mm_per_s <= 0.3
    assert 5.0 <= gait.amplitude <= 10.0
    assert gait.direction > 0.5


def test_the_wave_gets_slower_and_shorter_with_every_medium_from_water_to_agar(circuit: Circuit) -> None:
    gaits = [_gait(circuit, agar) for agar in (0.0, 0.25, 0.5, 0.75, 1.0)]
    frequency = np.array([g.frequency_Hz for g in gaits])
    wavelength = np.array([g.wavelength for g in gaits])
    # The two least viscous media differ by less than a spectrum of 5 s can tell.
    assert (np.diff(frequency) < 0.02).all()
    assert (np.diff(wavelength) < 0.02).all()
    assert frequency[0] >= 2.0 * frequency[-1]
    assert wavelength[0] >= 1.7 * wavelength[-1]


def test_without_stretch_nothing_moves() -> None:
    still = _circuit(B__gain=0.0, A__gain=0.0, head__gain=0.0, tail__gain=0.0)
    run = still.run("agar", 6000.0, seed=3)
    assert run.curvature_per_mm[-400:].std(axis=0).max() < 0.3


def test_currents_into_avd_and_ave_turn_the_wave_round(circuit: Circuit) -> None:
    gait = _gait(circuit, "agar", currents_nA=REVERSAL)
    assert gait.direction < -0.3
    assert gait.speed_mm_per_s < -0.05


def test_the_same_seed_gives_the_same_run_and_another_seed_another(circuit: Circuit) -> None:
    runs: list[Run] = [circuit.run("agar", 200.0, seed=seed) for seed in (1, 1, 2)]
    assert np.array_equal(runs[0].curvature_per_mm, runs[1].curvature_per_mm)
    assert not np.array_equal(runs[0].curvature_per_mm, runs[2].curvature_per_mm)


def test_the_whole_network_crawls_as_the_circuit_does(circuit: Circuit) -> None:
    from neurosim.models.worm.loop import ClosedLoop

    loop = ClosedLoop(seed=3, medium="agar", detail="point")
    curvature, poses = [], []
    for _ in range(1800):
        loop.step()
        curvature.append(loop.body.curvature_per_mm)
        poses.append(loop.body.state()["pose"])
    whole = gait_of(Run(np.array(curvature), np.array(poses), np.zeros((1800, 1))), 3500.0)
    alone = _gait(circuit, "agar")
    assert CONTROL_MS == loop.control_ms
    assert whole.frequency_Hz == pytest.approx(alone.frequency_Hz, rel=0.2)
    assert whole.wavelength == pytest.approx(alone.wavelength, rel=0.2)


def test_touches_and_rib_decide_which_of_ava_and_avb_is_active() -> None:
    from neurosim.models.worm.environment import Environment, Touch
    from neurosim.models.worm.loop import ClosedLoop

    def higher(loop: ClosedLoop, until_ms: float) -> str:
        loop.run(until_ms - loop.time_ms)
        ava, avb = (loop.voltage_mV[loop.model.number(name)] for name in ("AVAL", "AVBL"))
        return "AVA" if ava > avb else "AVB"

    touched = Environment(touches=[Touch("head", 2000.0), Touch("tail", 4000.0)])
    loop = ClosedLoop(seed=0, environment=touched)
    assert [higher(loop, t) for t in (2000.0, 4000.0, 5500.0)] == ["AVB", "AVA", "AVB"]
    assert higher(ClosedLoop(seed=0, ablate="class:RIB"), 2000.0) == "AVA"
