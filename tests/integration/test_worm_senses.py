"""The senses in the worm's own network: the largest receptor currents; the Gymnasium environment of the real loop."""

from __future__ import annotations

import numpy as np
import pytest

for _package in ("c302", "cect", "wormneuroatlas"):
    pytest.importorskip(_package, reason="the worm's published data")

from neurosim.models.worm.ablation import ablated  # noqa: E402
from neurosim.models.worm.environment import Environment, Field  # noqa: E402
from neurosim.models.worm.environment.environment import PLACES, UNITS  # noqa: E402
from neurosim.models.worm.loop import ClosedLoop, published_model  # noqa: E402
from neurosim.models.worm.network import network_of  # noqa: E402
from neurosim.models.worm.senses import Senses  # noqa: E402
from neurosim.simulation import Simulation  # noqa: E402


class Stepped(Field):
    """A value that changes tenfold after the first look."""

    def __init__(self, up: bool) -> None:
        self.up = up

    def values(self, x_mm: np.ndarray, y_mm: np.ndarray, t_ms: float) -> np.ndarray:
        return np.full(np.shape(x_mm), 200.0 if self.up == (t_ms > 0.0) else 20.0)


class Lying:
    points_mm = np.zeros((26, 3))


def test_no_receptor_current_drives_a_soma_out_of_its_range() -> None:
    model = published_model()
    simulation = Simulation(network_of(model), dt_ms=0.5, v_init_mV=-55.0)
    senses = Senses(None, model)
    drive, voltage = simulation.drive(senses.gids.tolist()), simulation.sense("v_mV", range(302))
    simulation.advance(500.0)
    rest = simulation.state()
    worlds = [Environment(dict.fromkeys(UNITS, Stepped(up))) for up in (True, False)]
    for where in PLACES:
        worlds.append(Environment())
        worlds[-1].touch(where, 1.0)
    for world in worlds:
        simulation.set_state(rest)
        senses.reset()
        senses.current_nA(world, Lying(), 0.0)
        for t_ms in range(50, 301, 50):
            current_nA = senses.current_nA(world, Lying(), float(t_ms))
            assert current_nA.any()
            drive.set(current_nA)
            simulation.advance(50.0)
            now = voltage.values()
            assert -100.0 < now.min() and now.max() < 60.0, model.names[int(np.abs(now + 20.0).argmax())]


def test_a_touch_depolarises_its_receptor_cells_by_ten_millivolts() -> None:
    # AVA, which a touch of the head makes active, is joined to PVD, which does not feel it.
    model = ablated(published_model(), "class:AVA")
    simulation = Simulation(network_of(model), dt_ms=0.5, v_init_mV=-55.0)
    senses, world = Senses(None, model), Environment()
    drive, voltage = simulation.drive(senses.gids.tolist()), simulation.sense("v_mV", range(302))
    simulation.advance(500.0)
    before = voltage.values()
    world.touch("head", 0.0)
    drive.set(senses.current_nA(world, Lying(), 0.0))
    simulation.advance(200.0)
    change = voltage.values() - before
    assert all(change[model.number(name)] > 10.0 for name in ("ALML", "ALMR", "AVM"))
    assert abs(change[model.number("PVDL")]) < 1.0


def test_gymnasiums_checker_accepts_the_worm() -> None:
    pytest.importorskip("gymnasium", reason="the wrapper is for Gymnasium")
    from gymnasium.utils.env_checker import check_env

    from neurosim.models.worm.gym import WormEnv

    check_env(WormEnv(ClosedLoop(seed=1, detail="point"), steps=1), skip_render_check=True)
