"""All bodies keep to one interface and crawl alike: planar chain, chain in space, MuJoCo."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosim.errors import ModelError
from neurosim.models.worm.body.body import ROWS, Body
from neurosim.models.worm.body.chain import Chain
from neurosim.models.worm.body.medium import Medium
from neurosim.models.worm.body.spatial_dynamics import rates
from neurosim.models.worm.body.wave import Wave
from neurosim.models.worm.environment.arena import Arena, Block, Cylinder
from neurosim.models.worm.measures import undulation
from tests.tolerances import ORDER
from tests.worm_bodies import AGAR, REFERENCE, WATER, make_chain, make_spatial


def mujoco_body(medium: Medium | str | float = "agar", **options: Any) -> Body:
    pytest.importorskip("mujoco", reason="the body with contact needs MuJoCo (extra worm)")
    from neurosim.models.worm.body.mujoco_body import MujocoBody

    return MujocoBody(medium, **{"parameters": REFERENCE, **options})


def mujoco_in_space(medium: Medium | str | float = "agar", **options: Any) -> Body:
    return mujoco_body(medium, planar=False, **options)


Make = Callable[..., Body]
every_body = pytest.mark.parametrize("make", [make_chain, make_spatial, mujoco_body, mujoco_in_space])


def both_sides(t_ms: float) -> Any:
    """Return activations that bend in both planes."""
    sideways = Wave(1.1, 1.2, 0.3).activation(t_ms)[[0, 2, 1, 3]]
    return np.clip(WATER.activation(t_ms) + sideways, 0.0, 1.0)


@every_body
def test_a_body_lies_where_it_is_put(make: Make) -> None:
    body = make()
    bend = np.linspace(-3.0, 6.0, ROWS)
    body.reset(head_mm=(0.3, -0.2), heading_rad=0.7, curvature_per_mm=bend)
    points = body.points_mm
    assert points.shape == (ROWS + 2, 3)
    assert points[0] == pytest.approx([0.3, -0.2, 0.0], abs=1e-12)
    assert points[0] - points[1] == pytest.approx(0.04 * np.array([np.cos(0.7), np.sin(0.7), 0.0]), abs=1e-12)
    assert np.linalg.norm(np.diff(points, axis=0), axis=1) == pytest.approx(np.full(ROWS + 1, 0.04), rel=1e-9)
    assert body.curvature_per_mm == pytest.approx(bend, abs=1e-9)
    # Curvature from the points alone: dorsal is to the left of the heading.
    angle = np.unwrap(np.arctan2(*np.diff(points[:, :2], axis=0)[:, ::-1].T))
    assert -np.diff(angle) / 0.04 == pytest.approx(bend, abs=1e-8)
    assert body.time_ms == 0.0


@every_body
def test_strain_and_its_rate_belong_to_the_bend(make: Make) -> None:
    body = make()
    AGAR.drive(body, 500.0)
    before = body.muscle_strain.copy()
    rate = body.muscle_velocity_per_s.copy()
    AGAR.drive(body, 5.0)
    strain = body.muscle_strain
    assert np.corrcoef((strain - before).ravel(), rate.ravel())[0, 1] > 0.99
    short = body.curvature_per_mm > 1.0
    assert strain[:2, short].max() < 0.0 < strain[2:, short].min()


@every_body
def test_a_body_goes_on_bitwise_the_same_from_its_state(make: Make) -> None:
    first, second = make(), make()
    AGAR.drive(first, 300.0)
    second.set_state(first.state())
    for body in (first, second):
        AGAR.drive(body, 200.0)
    assert first.time_ms == second.time_ms == 500.0
    for name in ("points_mm", "curvature_per_mm", "muscle_strain", "muscle_velocity_per_s"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name


@every_body
def test_a_body_that_was_reset_is_as_a_new_one(make: Make) -> None:
    used, new = make(), make()
    AGAR.drive(used, 200.0)
    for body in (used, new):
        body.reset()
        AGAR.drive(body, 200.0)
    assert np.array_equal(used.points_mm, new.points_mm)


@pytest.mark.parametrize("make", [make_chain, make_spatial])
@pytest.mark.parametrize("medium", ["water", "agar"])
def test_jerking_muscles_do_not_shake_a_chain_apart(make: Make, medium: str) -> None:
    body, draws = make(medium, dt_ms=5.0), np.random.Generator(np.random.Philox(5))
    bends = []
    for _ in range(300):
        body.advance(np.round(draws.random((4, 1)) * np.ones(ROWS)), 5.0)
        bends.append(np.abs(body.curvature_per_mm).max())
    # All muscles of one side hold 12 per mm at most.
    assert 1.0 < max(bends) < 12.0
    assert np.linalg.norm(np.diff(body.points_mm, axis=0), axis=1) == pytest.approx(np.full(ROWS + 1, 0.04), rel=1e-9)


def crawl(body: Body) -> tuple[float, float, float]:
    """Return speed in mm/s, wavelength and amplitude of a crawl under an imposed wave."""
    body.reset(heading_rad=0.4)
    AGAR.drive(body, 2000.0)
    start, bends = body.points_mm.mean(axis=0), []
    for _ in range(160):
        AGAR.drive(body, 25.0)
        bends.append(body.curvature_per_mm)
    speed = float(np.linalg.norm(body.points_mm.mean(axis=0) - start)) / 4.0
    wave = undulation(np.array(bends), 25.0)
    return speed, wave.wavelength, wave.amplitude_per_mm


@pytest.mark.parametrize("make", [make_spatial, mujoco_body])
def test_bodies_crawl_alike_within_5_percent(make: Make) -> None:
    assert crawl(make(dt_ms=2.5)) == pytest.approx(crawl(make_chain(dt_ms=2.5)), rel=0.05)


def test_the_crawl_is_that_of_a_worm_on_agar() -> None:
    speed, wavelength, amplitude = crawl(make_chain())
    assert 0.1 < speed < 0.3
    assert 0.55 < wavelength < 0.75
    assert 5.0 < amplitude < 10.0


@pytest.mark.parametrize("wave", [AGAR, WATER])
def test_a_chain_in_space_with_equal_sides_moves_as_the_planar_one(wave: Wave) -> None:
    medium = "agar" if wave is AGAR else "water"
    flat, free = make_chain(medium), make_spatial(medium)
    for k in range(100):
        activation = wave.activation(5.0 * k)
        # There is no MVL24, and the muscle before it serves its row: the same on the right.
        activation[3, -1] = activation[3, -2]
        for body in (flat, free):
            body.advance(activation, 5.0)
    assert free.points_mm == pytest.approx(flat.points_mm, abs=1e-9)


def test_a_chain_in_space_turned_about_its_axis_moves_the_same_way() -> None:
    # What bends dorsally in one worm bends to the left in another that lies on its back.
    flat, turned = make_spatial("water"), make_spatial("water")
    for k in range(60):
        activation = WATER.activation(5.0 * k)
        activation[:, -1] = activation[:, -2]
        flat.advance(activation, 5.0)
        # Dorsal muscles are MDL and MDR, left ones MDL and MVL.
        turned.advance(activation[[0, 2, 1, 3]], 5.0)
    aside = turned.points_mm
    assert aside[:, 0] == pytest.approx(flat.points_mm[:, 0], abs=1e-6)
    assert -aside[:, 2] == pytest.approx(flat.points_mm[:, 1], abs=1e-6)
    assert np.ptp(flat.points_mm[:, 1]) > 0.05


def test_forces_on_a_chain_in_space_balance() -> None:
    chain = make_spatial("agar")
    for k in range(60):
        chain.advance(both_sides(5.0 * k), 5.0)
    scratch, constants = chain._scratch, chain.constants
    for _ in range(6):  # until the moments are those of the rates themselves
        rates(chain._pose, chain._rate, chain._activation, constants, chain._roll, 0.0, scratch, chain._rate)
    along, velocity, spin = scratch.frame[:, :, 0], [chain._rate[:3]], [chain._rate[3:6]]
    for i in range(ROWS):
        velocity.append(velocity[i] + np.cross(spin[i], constants.link_mm * along[i]))
        bend = chain._rate[6 + i] * scratch.axis[i, 0] + chain._rate[6 + ROWS + i] * scratch.axis[i, 1]
        spin.append(spin[i] + bend)
    centre = np.array(velocity) + np.cross(spin, 0.5 * constants.link_mm * along)
    lengthwise = (centre * along).sum(axis=1, keepdims=True) * along
    force = -constants.tangential * lengthwise - constants.normal * (centre - lengthwise)
    twist = (np.array(spin) * along).sum(axis=1, keepdims=True) * along
    torque = -constants.normal * constants.link_mm**2 / 12.0 * (spin - twist) - chain._roll[:, None] * twist
    middle = chain.points_mm[:-1] + 0.5 * constants.link_mm * along
    scale = np.abs(force).sum()
    assert force.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-9 * scale)
    whole = (torque + np.cross(middle, force)).sum(axis=0)
    assert whole == pytest.approx(np.zeros(3), abs=1e-9 * scale)


def test_the_error_of_a_step_in_space_falls_with_the_second_order() -> None:
    def after(dt_ms: float) -> Any:
        chain = make_spatial("water", dt_ms=dt_ms)
        for k in range(30):
            chain.advance(both_sides(10.0 * k), 10.0)
        return chain.points_mm

    exact, steps = after(0.25), np.array([1.25, 2.5, 5.0])
    errors = [np.abs(after(dt) - exact).max() for dt in steps]
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(2.0, abs=2 * ORDER)


def test_a_post_holds_up_a_worm_in_mujoco() -> None:
    post = Cylinder((0.3, 0.02), 0.1)
    free, held = mujoco_body(dt_ms=2.5), mujoco_body(dt_ms=2.5, arena=Arena(obstacles=(post,)))
    for body in (free, held):
        AGAR.drive(body, 2500.0)
    apart = np.linalg.norm(held.points_mm[:, :2] - np.array(post.centre_mm), axis=1)
    thin = 0.9 * 0.016  # the least radius of the body, less a tenth for soft contact
    assert apart.min() > post.radius_mm + thin
    assert held.points_mm[0, 0] < free.points_mm[0, 0] - 0.02


def test_walls_keep_a_worm_inside_in_mujoco() -> None:
    body = mujoco_body(
        dt_ms=2.5, arena=Arena(size_mm=(2.2, 2.2), walls=True, obstacles=(Block((0.0, 0.9), (0.2, 0.2)),))
    )
    AGAR.drive(body, 6000.0)
    assert body.points_mm[:, 0].max() < 1.1
    free = make_chain()
    AGAR.drive(free, 6000.0)
    assert free.points_mm[:, 0].max() > 1.2


def test_a_picture_shows_the_worm_where_it_is(tmp_path: Path) -> None:
    pytest.importorskip("mujoco", reason="the body with contact needs MuJoCo (extra worm)")
    # MuJoCo chooses its OpenGL when it is imported: a process of its own, without a display.
    code = (
        "import sys, numpy as np\nfrom neurosim.errors import SimulationError\n"
        "from neurosim.models.worm.body.mujoco_body import MujocoBody\n"
        "try:\n    np.save(sys.argv[1], MujocoBody().picture(200, 150, steep_deg=90.0))\n"
        "except SimulationError as error:\n    print(error)\n"
    )
    target = tmp_path / "picture.npy"
    environment = {**os.environ, "MUJOCO_GL": "egl"}
    ran = subprocess.run(
        [sys.executable, "-c", code, str(target)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    if not target.is_file():
        assert "MUJOCO_GL=egl" in ran.stdout
        pytest.skip(f"no OpenGL without a display here: {ran.stdout}")
    seen = np.load(target)
    assert seen.shape == (150, 200, 3)
    # A straight worm of 1 mm along x in the middle: brown against the light ground.
    worm = seen[:, :, 2] < 0.75 * seen[0, 0, 2]
    across, along = np.flatnonzero(worm.any(axis=1)), np.flatnonzero(worm.any(axis=0))
    assert along[-1] - along[0] > 5 * (across[-1] - across[0])
    assert abs(across.mean() - 75) < 4
    assert abs(along.mean() - 100) < 4


def test_an_arena_with_obstacles_is_refused_for_a_body_without_contact() -> None:
    arena = Arena(obstacles=(Cylinder((0.3, 0.0), 0.1),))
    with pytest.raises(ModelError, match="goes through"):
        arena.check(contact=Chain.contact, body="chain")


def test_muscles_of_one_side_bend_the_spatial_chain_to_that_side() -> None:
    body = make_spatial("water")
    activation = np.zeros((4, ROWS))
    activation[[0, 2]] = 0.3
    body.advance(activation, 200.0)
    assert (body.lateral_curvature_per_mm[2:-2] > 1.0).all()
    assert np.abs(body.curvature_per_mm[2:-2]).max() < 0.1 * body.lateral_curvature_per_mm[2:-2].min()
