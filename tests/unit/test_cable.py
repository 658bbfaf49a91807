"""The sweeps of the cable equation against a dense solution, and against one another bit by bit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from neurosim.engine import driver
from neurosim.engine.build import load_module
from neurosim.engine.sweep import sweep_plan
from neurosim.kernels.cable import BY_NODE, EVERYWHERE, NOWHERE
from neurosim.kernels.simd import LANES
from tests.tolerances import ROUNDOFF
from tests.trees import parents_of

Floats = NDArray[np.float64]

SOURCE = """
from numba import njit
from neurosim.kernels.access import load_like
from neurosim.kernels.cable import backward, factor, forward
from neurosim.kernels.simd import splat

@njit(cache=True, error_model="numpy")
def wide_factor(plan, V, R, D, D0, U, F, Y, INV, GP, EP, CR, CD):
    factor(plan, 0, 8, splat(0.0), D, U, F, INV, CD)

@njit(cache=True, error_model="numpy")
def one_factor(plan, V, R, D, D0, U, F, Y, INV, GP, EP, CR, CD):
    factor(plan, 0, 1, 0.0, D, U, F, INV, CD)

@njit(cache=True, error_model="numpy")
def wide_solve(plan, leaky, idle, V, R, D, D0, U, F, Y, INV, GP, EP, CR, CD):
    reversal = load_like(EP, idle, splat(0.0))
    backward(plan, 0, 8, splat(0.0), leaky, reversal, V, R, D, U, F, Y, INV, GP, EP, CR, CD)
    forward(plan, 0, 8, splat(0.0), V, R, D, D0, F, Y)

@njit(cache=True, error_model="numpy")
def one_solve(plan, leaky, idle, V, R, D, D0, U, F, Y, INV, GP, EP, CR, CD):
    backward(plan, 0, 1, 0.0, leaky, load_like(EP, idle, 0.0), V, R, D, U, F, Y, INV, GP, EP, CR, CD)
    forward(plan, 0, 1, 0.0, V, R, D, D0, F, Y)
"""
SOLVER = load_module("test_cable", SOURCE)


class System:
    """A random tree in each of eight lanes (the same topology), with currents in some nodes and leak in some."""

    def __init__(
        self, seed: int, size: int, forks: float, share: float, *, leaky: bool = True, uniform: bool = False
    ) -> None:
        rng = np.random.default_rng(seed)
        self.parent = parents_of(seed, size, forks)
        self.working = rng.random(size) < share
        shape = (size, LANES)
        self.u = rng.uniform(0.1, 50.0, shape)
        self.u[0] = 0.0
        self.leak = rng.uniform(0.0, 0.3, shape) * (rng.random(size) < 0.6)[:, None] * leaky
        self.reversal = rng.uniform(-90.0, -50.0, shape)
        self.leaky, self.uniform = leaky, uniform
        if uniform:
            self.reversal[:] = self.reversal[:1]
        area = rng.uniform(10.0, 500.0, shape) * (rng.random(size) < 0.8)[:, None]
        area[0] = 100.0
        self.d0 = area * 1e-3 / 0.025 + self.u + self.leak
        np.add.at(self.d0, self.parent[1:], self.u[1:])
        self.v = rng.uniform(-90.0, 40.0, shape)
        self.steps = [
            (rng.normal(0.0, 30.0, shape) * self.working[:, None], rng.uniform(0, 5, shape) * self.working[:, None])
            for _ in range(3)
        ]

    def dense(self, lane: int) -> Floats:
        """Step with a full matrix: D x = R + axial + leak, v += x."""
        v = self.v[:, lane].copy()
        n = len(v)
        for current, conductance in self.steps:
            matrix = np.diag(self.d0[:, lane] + conductance[:, lane])
            right = current[:, lane] + self.leak[:, lane] * (self.reversal[:, lane] - v)
            for i in range(1, n):
                p, u = self.parent[i], self.u[i, lane]
                matrix[i, p] -= u
                matrix[p, i] -= u
                right[i] += u * (v[p] - v[i])
                right[p] += u * (v[i] - v[p])
            v = v + np.linalg.solve(matrix, right)
        return v

    def swept(self, working: NDArray[np.bool_], lane: int | None = None) -> Floats:
        """Step with the sweeps: all lanes (n, 8), or one lane alone (n,)."""
        kind = "wide" if lane is None else "one"

        def pick(x: Floats) -> Floats:
            return np.ascontiguousarray(x if lane is None else x[:, lane]).reshape(-1)

        a = {name: np.zeros(pick(self.v).size) for name in driver.NODES}
        a["V"], a["D0"], a["U"] = pick(self.v).copy(), pick(self.d0), pick(self.u)
        a["GP"] = pick(self.leak)
        # Behind the nodes: one reversal potential a lane.
        a["EP"] = np.concatenate([pick(self.reversal), self.reversal[0] if lane is None else self.reversal[0, [lane]]])
        leak = (EVERYWHERE if self.uniform else BY_NODE) if self.leaky else NOWHERE
        a["D"] = a["D0"].copy()
        plan = sweep_plan(self.parent, working)
        addresses = [a[name].ctypes.data for name in driver.NODES]
        getattr(SOLVER, f"{kind}_factor")(plan.ctypes.data, *addresses)
        a["R"][:], a["D"][:] = 0.0, a["D0"]
        for current, conductance in self.steps:
            a["R"] += pick(current)
            a["D"] += pick(conductance)
            getattr(SOLVER, f"{kind}_solve")(plan.ctypes.data, leak, pick(self.v).size, *addresses)
        assert not a["R"].any(), "right-hand side is cleared for the next step"
        return a["V"].reshape(-1, LANES) if lane is None else a["V"]


SYSTEMS = [
    (seed, size, forks, share)
    for seed, (size, forks) in enumerate([(1, 0.0), (2, 0.0), (9, 0.0), (7, 0.9), (30, 0.3), (60, 0.6), (60, 0.05)])
    for share in (0.0, 0.1, 0.5, 1.0)
]


@pytest.mark.parametrize("case", SYSTEMS, ids=str)
@pytest.mark.parametrize("leaky", [True, False])
def test_sweeps_solve_the_system(case: tuple[int, int, float, float], leaky: bool) -> None:
    system = System(*case, leaky=leaky)
    found = system.swept(system.working)
    expected = np.stack([system.dense(k) for k in range(LANES)], axis=1)
    assert np.ptp(expected - system.v) > 0.0 or len(expected) == 1
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=ROUNDOFF * np.abs(expected).max())


@pytest.mark.parametrize("case", SYSTEMS, ids=str)
def test_one_lane_alone_equals_it_among_eight(case: tuple[int, int, float, float]) -> None:
    system = System(*case)
    wide = system.swept(system.working)
    for lane in (0, 5):
        assert system.swept(system.working, lane).tobytes() == wide[:, lane].tobytes()


@pytest.mark.parametrize("case", SYSTEMS, ids=str)
def test_constant_factors_equal_factors_computed_in_every_step(case: tuple[int, int, float, float]) -> None:
    system = System(*case)
    lazy = system.swept(system.working)
    rng = np.random.default_rng(1)
    for working in (np.ones_like(system.working), system.working | (rng.random(len(system.working)) < 0.3)):
        assert system.swept(working).tobytes() == lazy.tobytes()


@pytest.mark.parametrize("case", SYSTEMS, ids=str)
def test_one_reversal_potential_a_lane_equals_it_at_every_node(case: tuple[int, int, float, float]) -> None:
    by_lane = System(*case, uniform=True)
    by_node = System(*case, uniform=True)
    by_node.uniform = False
    assert by_lane.swept(by_lane.working).tobytes() == by_node.swept(by_node.working).tobytes()


def test_a_lane_that_is_not_finite_leaves_the_others_alone() -> None:
    clean, dirty = System(4, 30, 0.4, 0.5), System(4, 30, 0.4, 0.5)
    dirty.steps[1][0][dirty.working, 3] = np.nan
    a, b = clean.swept(clean.working), dirty.swept(dirty.working)
    others = [k for k in range(LANES) if k != 3]
    assert np.isnan(b[:, 3]).all()
    assert a[:, others].tobytes() == b[:, others].tobytes()
