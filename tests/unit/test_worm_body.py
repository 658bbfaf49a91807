"""The overdamped chain: balance of forces, known solutions, order of the scheme, repeatability."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from neurosim.errors import ModelError
from neurosim.models.worm.body import dynamics
from neurosim.models.worm.body.body import ROWS
from neurosim.models.worm.body.chain import LINKS, Chain, constants_of
from neurosim.models.worm.body.medium import Medium, medium_between, medium_of
from neurosim.models.worm.body.muscle import Hill, tension
from neurosim.models.worm.body.wave import Wave
from neurosim.models.worm.parameters import load
from tests.tolerances import ORDER, ROUNDOFF
from tests.worm_bodies import AGAR, REFERENCE, WATER, make_chain

MEDIA = ("agar", "water")
WAVES = {"agar": AGAR, "water": WATER}


def bent_chain(medium: str) -> Chain:
    """Return a chain in the middle of a wave."""
    chain = make_chain(medium)
    chain.reset(head_mm=(0.2, -0.1), heading_rad=0.7)
    WAVES[medium].drive(chain, 700.0)
    return chain


def dense_rates(pose: Any, rate: Any, activation: Any, constants: dynamics.Constants, horizon_s: float) -> Any:
    """Return the rates by the full matrix of drag: the plain twin of ``dynamics.rates``."""
    n, length = len(pose) - 2, constants.link_mm
    drag, push = np.zeros((n + 2, n + 2)), np.zeros(n + 2)
    for i in range(n):
        jacobian = np.zeros((3, n + 2))
        jacobian[0, 0] = jacobian[1, 1] = 1.0
        for j in range(i + 1):
            arm = length * (1.0 if j < i else 0.5)
            jacobian[:2, 2 + j] = arm * np.array([-math.sin(pose[2 + j]), math.cos(pose[2 + j])])
        jacobian[2, 2 + i] = 1.0
        along = np.array([math.cos(pose[2 + i]), math.sin(pose[2 + i])])
        local = constants.normal * np.eye(3)
        local[:2, :2] += (constants.tangential - constants.normal) * np.outer(along, along)
        local[2, 2] = constants.normal * length**2 / 12.0
        drag += jacobian.T @ local @ jacobian
    for i in range(n - 1):
        bend = np.zeros(n + 2)
        bend[2 + i], bend[3 + i] = 1.0, -1.0
        curvature, curving = bend @ pose / length, bend @ rate / length
        up, down = tuple(activation[:2, i]), tuple(activation[2:, i])
        moment, k, c = dynamics.moment(up, down, curvature, curving, i, constants)
        implicit = (c + horizon_s * k) / length
        drag += implicit * np.outer(bend, bend)
        push += bend * (moment + implicit * length * curving)
    return np.linalg.solve(drag, push)


@pytest.mark.parametrize("medium", MEDIA)
@pytest.mark.parametrize("horizon_s", [0.0, 1e-3])
def test_the_linear_cost_solution_is_that_of_the_full_matrix(medium: str, horizon_s: float) -> None:
    pose, rate, activation, constants, work = bent_chain(medium).arrays()
    found = np.empty_like(rate)
    dynamics.rates(pose, rate, activation, constants, horizon_s, work, found)
    wanted = dense_rates(pose, rate, activation, constants, horizon_s)
    # The full matrix mixes terms of drag and of damping, which in water differ by its condition.
    assert found == pytest.approx(wanted, rel=1e-8, abs=1e-8 * np.abs(wanted).max())


def test_a_bend_relaxes_as_the_first_mode_of_a_free_beam_in_drag() -> None:
    # c dy/dt = -(EI + eta d/dt) y'''' with free ends: cosh b cos b = 1, b = 4.730041.
    parameters = REFERENCE.replaced(bending__taper=0.0)
    medium = medium_of("agar", parameters)
    chain = make_chain(medium, parameters=parameters)
    place = np.arange(1, LINKS) / LINKS
    b = 4.730040744862704
    ratio = (math.cosh(b) - math.cos(b)) / (math.sinh(b) - math.sin(b))
    # The mode's second derivative, which is what a free beam's curvature starts as.
    mode = np.cosh(b * place) - np.cos(b * place) - ratio * (np.sinh(b * place) - np.sin(b * place))
    chain.reset(curvature_per_mm=0.05 * mode / np.abs(mode).max())
    still = np.zeros((4, ROWS))
    chain.advance(still, 200.0)
    before = np.abs(chain.curvature_per_mm).max()
    chain.advance(still, 1000.0)
    rate = -math.log(np.abs(chain.curvature_per_mm).max() / before)
    stiff, soft = parameters["bending.stiffness"] * b**4, parameters["bending.relaxation"]
    wanted = stiff / (medium.normal + soft * stiff)
    # 25 links: the error of the discrete beam goes as 1 / LINKS^2 times b^2 / 12.
    assert rate == pytest.approx(wanted, rel=b**2 / 6.0 / LINKS**2)


def small_wave(amplitude: float) -> tuple[float, float]:
    """Return the speed of a chain under a weak wave, and that of linear theory from its curvature."""
    chain, period_ms = make_chain("agar"), 2000.0
    wave = Wave(0.5, 0.65, amplitude)
    wave.drive(chain, 3 * period_ms)
    bends, start = [], chain.points_mm.mean(axis=0)
    for _ in range(200):
        wave.drive(chain, period_ms / 200)
        bends.append(chain.curvature_per_mm)
    moved = float(np.linalg.norm(chain.points_mm.mean(axis=0) - start)) / (period_ms / 1e3)
    # Lateral displacement y of a free body with these bends: y'' = curvature, no net sideways force or torque.
    s = (np.arange(LINKS + 1) - LINKS / 2) / LINKS
    slopes = np.concatenate([np.zeros((200, 1)), np.cumsum(np.array(bends), axis=1) / LINKS], axis=1)
    y = np.concatenate([np.zeros((200, 1)), np.cumsum(slopes, axis=1) / LINKS], axis=1)
    weight = np.full(LINKS + 1, 1.0 / LINKS)
    weight[[0, -1]] *= 0.5
    y -= (y * weight).sum(axis=1, keepdims=True)
    y -= s * ((y * s * weight).sum(axis=1, keepdims=True) / (s * s * weight).sum())
    speed = (np.roll(y, -1, axis=0) - np.roll(y, 1, axis=0)) / (2.0 * period_ms / 200 / 1e3)
    slope = np.gradient(y, 1.0 / LINKS, axis=1)
    excess = chain.medium.normal / chain.medium.tangential - 1.0
    return moved, abs(excess * float(((speed * slope) * weight).sum(axis=1).mean()))


def test_small_undulations_swim_at_the_speed_of_linear_resistive_force_theory() -> None:
    amplitudes = np.array([0.01, 0.02, 0.04])
    found, theory = np.array([small_wave(float(a)) for a in amplitudes]).T
    order = np.polyfit(np.log(amplitudes), np.log(found), 1)[0]
    assert order == pytest.approx(2.0, abs=ORDER)
    # The theory's next term is of the square of the slopes, here below 0.01; slopes of 25 links by differences: 2 %.
    assert found[0] == pytest.approx(theory[0], rel=0.03)


@pytest.mark.parametrize("medium", MEDIA)
def test_the_error_of_a_step_falls_with_the_second_order(medium: str) -> None:
    def after(dt_ms: float) -> Any:
        chain = make_chain(medium, dt_ms=dt_ms)
        for k in range(50):
            chain.advance(WAVES[medium].activation(10.0 * k), 10.0)
        return chain.points_mm

    exact = after(0.125)
    steps = np.array([1.0, 2.0, 5.0])
    errors = [np.abs(after(dt) - exact).max() for dt in steps]
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(2.0, abs=2 * ORDER)
    assert errors[0] < 2e-4


@pytest.mark.parametrize("medium", MEDIA)
def test_a_bent_chain_comes_to_a_straight_rest_in_steps_of_5_ms(medium: str) -> None:
    chain = make_chain(medium, dt_ms=5.0)
    chain.reset(curvature_per_mm=np.full(ROWS, 8.0))
    chain.advance(np.zeros((4, ROWS)), 40_000.0)
    assert np.abs(chain.curvature_per_mm).max() < 1e-3


def test_a_wave_that_runs_backward_moves_the_chain_backward() -> None:
    forward, backward = make_chain(), make_chain()
    WAVES["agar"].drive(forward, 4000.0)
    Wave(0.5, 0.65, 0.7, backward=True).drive(backward, 4000.0)
    heading = [chain.points_mm[:, 0].mean() + 0.5 for chain in (forward, backward)]
    assert heading[0] > 0.5
    assert heading[1] < -0.5


def test_dorsal_muscles_bend_dorsally_and_shorten() -> None:
    chain = make_chain()
    activation = np.zeros((4, ROWS))
    activation[:2] = 0.5
    chain.advance(activation, 1000.0)
    assert chain.curvature_per_mm.min() > 0.5
    assert chain.muscle_strain[:2].max() < 0.0 < chain.muscle_strain[2:].min()
    # Heading +x, dorsal is +y: both ends rise against the middle.
    y = chain.points_mm[:, 1]
    assert min(y[0], y[-1]) > y[LINKS // 2]


def test_a_chain_goes_on_bitwise_the_same_from_its_state() -> None:
    first, second = bent_chain("water"), make_chain("water")
    second.set_state(first.state())
    for chain in (first, second):
        WAVES["water"].drive(chain, 200.0)
    assert np.array_equal(first.points_mm, second.points_mm)
    assert first.time_ms == second.time_ms


def test_how_a_duration_is_cut_up_changes_no_bit() -> None:
    activation = WAVES["agar"].activation(300.0)
    whole, parts = bent_chain("agar"), bent_chain("agar")
    whole.advance(activation, 20.0)
    for duration_ms in (2.5, 5.0, 12.5):
        parts.advance(activation, duration_ms)
    assert np.array_equal(whole.points_mm, parts.points_mm)


def test_a_duration_is_cut_into_equal_steps_that_are_short_enough() -> None:
    activation = WAVES["agar"].activation(300.0)
    coarse, fine = bent_chain("agar"), bent_chain("agar")
    coarse.advance(activation, 7.0)  # 3 steps of 2.33 ms
    fine.dt_ms = 7.0 / 3.0
    fine.advance(activation, 7.0)
    assert np.array_equal(coarse.points_mm, fine.points_mm)
    assert coarse.time_ms == 707.0


def test_a_medium_between_is_geometric_in_both_coefficients() -> None:
    water, half, agar = (medium_between(u) for u in (0.0, 0.5, 1.0))
    assert half.normal == pytest.approx(math.sqrt(water.normal * agar.normal), rel=ROUNDOFF)
    assert half.tangential == pytest.approx(math.sqrt(water.tangential * agar.tangential), rel=ROUNDOFF)
    assert medium_of("agar") == agar


def test_stiffness_and_arms_follow_the_taper() -> None:
    parameters = load("body")
    constants = constants_of(parameters, medium_between(1.0))
    middle = ROWS // 2
    assert constants.stiffness[middle] == pytest.approx(parameters["bending.stiffness"], rel=0.01)
    shape = (constants.arm_mm / constants.arm_mm[middle]) ** 2
    assert constants.stiffness / constants.stiffness[middle] == pytest.approx(shape, rel=ROUNDOFF)


def test_tension_is_isometric_at_rest_and_gone_at_the_largest_rate_of_shortening() -> None:
    hill = Hill(0.6, 10.0, 0.5, 1.4)
    assert tension(0.3, 0.0, 0.0, hill)[0] == 0.3
    assert tension(1.0, 0.0, -10.0, hill)[0] == 0.0
    assert 1.0 < tension(1.0, 0.0, 50.0, hill)[0] < 1.4


def test_slopes_of_the_tension_are_its_derivatives() -> None:
    hill, step = Hill(0.6, 10.0, 0.5, 1.4), 1e-6
    for strain, rate in ((0.1, -2.0), (-0.2, 3.0), (0.3, -9.0)):
        _, by_strain, by_rate = tension(0.7, strain, rate, hill)
        ahead, behind = tension(0.7, strain + step, rate, hill)[0], tension(0.7, strain - step, rate, hill)[0]
        assert by_strain == pytest.approx((ahead - behind) / (2 * step), rel=1e-6)
        ahead, behind = tension(0.7, strain, rate + step, hill)[0], tension(0.7, strain, rate - step, hill)[0]
        assert by_rate == pytest.approx((ahead - behind) / (2 * step), rel=1e-6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Chain("sand"), "medium: 'sand'"),
        (lambda: Chain(1.5), "0 \\(water\\) to 1 \\(agar\\)"),
        (lambda: Medium(1.0, -1.0), "normal=-1.0"),
        (lambda: Chain(dt_ms=0.0), "dt_ms=0.0"),
        (lambda: make_chain().advance(np.zeros((4, ROWS)), -5.0), "duration_ms=-5.0; a body moves on"),
        (lambda: make_chain().advance(np.zeros((3, ROWS)), 5.0), "shape \\(3, 24\\)"),
        (lambda: make_chain().advance(np.full((4, ROWS), 1.5), 5.0), "1.5 to 1.5; allowed: 0 to 1"),
        (lambda: make_chain().advance(np.full((4, ROWS), math.nan), 5.0), "allowed: 0 to 1"),
        (lambda: make_chain().reset(curvature_per_mm=np.zeros(3)), "curvature_per_mm: shape \\(3,\\)"),
    ],
)
def test_what_is_wrong_is_named(wrong: Callable[[], Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        wrong()
