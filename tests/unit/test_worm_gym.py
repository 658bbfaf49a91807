"""The Gymnasium wrapper: Gymnasium's own checker, currents that arrive, rewards, the end of an episode."""

from __future__ import annotations

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium", reason="the wrapper is for Gymnasium")

from gymnasium.utils.env_checker import check_env  # noqa: E402

from neurosim.errors import ModelError  # noqa: E402
from neurosim.models.worm.environment import Environment, Linear  # noqa: E402
from neurosim.models.worm.gym import WormEnv, climbed  # noqa: E402
from tests.worm_loop import WaveLoop  # noqa: E402


def _world() -> Environment:
    return Environment({"odour": Linear(10.0, 1.0)})


def test_gymnasiums_checker_accepts_it() -> None:
    check_env(WormEnv(WaveLoop(environment=_world()), steps=1), skip_render_check=True)


def test_an_action_is_a_current_into_the_named_cells() -> None:
    loop = WaveLoop()
    env = WormEnv(loop, stimulated=("AVAL", "DB3"), amplitude_nA=0.02)
    env.reset(seed=1)
    env.step(np.array([0.5, -3.0]))
    assert loop.stimuli_nA == {"AVAL": 0.01, "DB3": -0.02}


def test_a_step_is_some_control_steps_and_the_episode_is_truncated() -> None:
    env = WormEnv(WaveLoop(control_ms=50.0), steps=4, episode_steps=2)
    env.reset(seed=1)
    ends = [env.step(np.zeros(4))[2:] for _ in range(2)]
    assert [(done, cut, info["time_ms"]) for done, cut, info in ends] == [(False, False, 200.0), (False, True, 400.0)]


def test_the_reward_of_crawling_is_the_way_forward() -> None:
    env = WormEnv(WaveLoop(), steps=100)
    env.reset(seed=1)
    env.step(np.zeros(4))
    assert 0.1 < env.step(np.zeros(4))[1] < 2.0


def test_a_reward_of_climbing_is_the_change_at_the_nose() -> None:
    env = WormEnv(WaveLoop(environment=_world()), steps=40, reward=climbed("odour"))
    before, _ = env.reset(seed=0)
    after, reward, *_ = env.step(np.zeros(4))
    assert reward == pytest.approx(after["concentration"][0] - before["concentration"][0])
    assert reward == pytest.approx(after["points_mm"][0, 0] - before["points_mm"][0, 0])


def test_a_step_before_reset_is_refused() -> None:
    with pytest.raises(ModelError, match=r"step\(\) before reset\(\)"):
        WormEnv(WaveLoop()).step(np.zeros(4))
