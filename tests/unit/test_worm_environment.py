"""Fields, grid, arena and touches of the worm's world: analytic solutions, conservation, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.errors import ModelError
from neurosim.models.worm.environment import (
    Arena,
    Cylinder,
    Drop,
    Environment,
    Exponential,
    Grid,
    Linear,
    Touch,
    Uniform,
)

SALT_MM2_PER_S = 1.5e-3


def _drop(age_s: float = 3600.0) -> Drop:
    return Drop(amount=2000.0, diffusion_mm2_per_s=SALT_MM2_PER_S, thickness_mm=3.0, age_s=age_s)


def _plane(side_mm: float, half: int) -> np.ndarray:
    middles = (np.arange(-half, half) + 0.5) * side_mm
    return np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)


def test_a_drop_keeps_its_amount_while_it_spreads() -> None:
    points = _plane(0.25, 120)
    for t_ms in (0.0, 3.6e6):
        held = _drop().at(points, t_ms).sum() * 0.25**2 * 3.0
        assert held == pytest.approx(2000.0, rel=1e-6)


def test_a_drop_solves_the_diffusion_equation() -> None:
    drop, t_ms, step_ms, step_mm = _drop(), 6e5, 100.0, 0.01
    x, y = 1.3, -0.7
    around = drop.at([(x + step_mm, y), (x - step_mm, y), (x, y + step_mm), (x, y - step_mm)], t_ms)
    here = drop.at([(x, y)], t_ms)[0]
    laplace = (around.sum() - 4.0 * here) / step_mm**2
    change_per_s = (drop.at([(x, y)], t_ms + step_ms)[0] - drop.at([(x, y)], t_ms - step_ms)[0]) / (2e-3 * step_ms)
    assert change_per_s == pytest.approx(SALT_MM2_PER_S * laplace, rel=1e-3)


def test_an_exponential_field_falls_by_e_in_its_length() -> None:
    values = Exponential(8.0, 2.0, centre_mm=(1.0, 1.0)).at([(1.0, 1.0, 0.0), (3.0, 1.0, 0.0), (1.0, -3.0, 5.0)], 0.0)
    assert values == pytest.approx([8.0, 8.0 / np.e, 8.0 / np.e**2])


def test_a_linear_field_rises_along_its_direction_and_keeps_its_limits() -> None:
    field = Linear(10.0, 2.0, direction_rad=np.pi / 2, high=13.0)
    assert field.at([(5.0, 0.0), (5.0, 1.0), (0.0, 9.0), (0.0, -9.0)], 0.0) == pytest.approx([10.0, 12.0, 13.0, 0.0])


def test_a_grid_keeps_its_amount_between_walls() -> None:
    initial = np.zeros((12, 20))
    initial[0, 3] = 7.0
    grid = Grid(initial, side_mm=0.5, diffusion_mm2_per_s=0.01)
    assert grid.snapshot(2e6).sum() == pytest.approx(7.0, rel=1e-12)


def test_a_grid_with_decay_loses_exponentially() -> None:
    grid = Grid(np.full((4, 4), 3.0), side_mm=0.5, diffusion_mm2_per_s=0.01, decay_per_s=0.02)
    assert grid.snapshot(50e3) == pytest.approx(3.0 * np.exp(-1.0))


def test_a_grid_far_from_walls_converges_to_the_drop_with_second_order() -> None:
    # Evidence: convergence order against the analytic solution; the time step shrinks with the square of the side.
    drop = _drop(age_s=400.0)
    points = _plane(0.4, 4) + 0.2  # corners of squares at every size
    errors = []
    for side_mm in (0.4, 0.2, 0.1):
        half = round(8.0 / side_mm)
        initial = drop.at(_plane(side_mm, half), 0.0).reshape(2 * half, 2 * half)
        grid = Grid(
            initial,
            side_mm=side_mm,
            corner_mm=(-8.0, -8.0),
            diffusion_mm2_per_s=SALT_MM2_PER_S,
            step_s=80.0 * side_mm**2,
        )
        errors.append(np.abs(grid.at(points, 400e3) - drop.at(points, 400e3)).max())
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert orders == pytest.approx([2.0, 2.0], abs=0.25)


def test_a_grids_values_do_not_depend_on_the_order_of_questions() -> None:
    initial = np.random.Generator(np.random.Philox(3)).random((9, 9))
    points = _plane(0.3, 5) + 1.0
    asked = Grid(initial, side_mm=0.3, diffusion_mm2_per_s=0.02)
    late_first = [asked.at(points, t_ms) for t_ms in (9100.0, 1234.0, 9100.0)]
    fresh = Grid(initial, side_mm=0.3, diffusion_mm2_per_s=0.02)
    in_order = [fresh.at(points, t_ms) for t_ms in (1234.0, 9100.0)]
    assert np.array_equal(late_first[1], in_order[0])
    assert np.array_equal(late_first[2], in_order[1]) and np.array_equal(late_first[0], in_order[1])


def test_an_unstable_step_of_a_grid_is_refused() -> None:
    with pytest.raises(ModelError, match=r"step_s=10 is not stable with squares of 0\.1 mm; at most 0\.25 s"):
        Grid(np.zeros((3, 3)), side_mm=0.1, diffusion_mm2_per_s=0.01, step_s=10.0)


def test_a_substance_that_is_not_there_is_zero_and_one_without_a_sense_is_refused() -> None:
    world = Environment({"salt": Uniform(20.0)})
    points = np.zeros((3, 3))
    assert world.concentration(points, 0.0, "salt").tolist() == [20.0] * 3
    assert world.concentration(points, 0.0, "odour").tolist() == [0.0] * 3
    with pytest.raises(ModelError, match="no sense for 'light'; allowed: salt, odour, temperature"):
        Environment({"light": Uniform(1.0)})


def test_a_map_has_the_fields_values_at_the_middles_of_its_squares() -> None:
    world = Environment({"odour": Linear(5.0, 1.0)}, Arena(size_mm=(4.0, 2.0), centre_mm=(1.0, 0.0)))
    drawn = world.map("odour", 0.0, shape=(2, 4))
    assert drawn.tolist() == [[4.5, 5.5, 6.5, 7.5]] * 2


def test_obstacles_need_a_body_that_feels_them() -> None:
    arena = Arena(obstacles=(Cylinder((0.0, 1.0), 0.1),))
    arena.check(contact=True, body="mujoco")
    Arena().check(contact=False, body="chain")
    with pytest.raises(ModelError, match="1 obstacles, which the body 'chain' goes through"):
        arena.check(contact=False, body="chain")


def test_touches_come_back_from_the_state() -> None:
    world = Environment(touches=[Touch("tail", 10.0)])
    world.touch("harsh head", 20.0, 0.4)
    other = Environment()
    other.set_state(world.state())
    assert other.touches == [Touch("tail", 10.0, 1.0), Touch("harsh head", 20.0, 0.4)]


@pytest.mark.parametrize(("where", "strength", "what"), [("arm", 1.0, "no place 'arm'"), ("head", 2.0, "strength=2.0")])
def test_touches_elsewhere_or_too_strong_are_refused(where: str, strength: float, what: str) -> None:
    with pytest.raises(ModelError, match=what):
        Environment().touch(where, 0.0, strength)
