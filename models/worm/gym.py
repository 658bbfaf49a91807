"""``WormEnv``: the closed loop as a Gymnasium environment.

An action is a current into the somata of chosen neurons, so that what acts is still the animal's own nervous system.
Observations are those of ``ClosedLoop`` by name. A step is one ``control_ms`` or several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import MissingExtraError, ModelError
from neurosim.model.checks import above_zero, whole
from neurosim.models.worm.body.body import QUADRANTS, ROWS
from neurosim.models.worm.environment.environment import UNITS, Environment
from neurosim.models.worm.model import NEURONS

try:
    import gymnasium
    from gymnasium import spaces
except ModuleNotFoundError as error:
    raise MissingExtraError("WormEnv", "gymnasium", "worm") from error

Floats = NDArray[np.float64]

FARTHEST_MM, SHARPEST_PER_MM, HIGHEST_MV, DENSEST = 1e4, 1e3, 1e3, 1e9
"""Bounds of the observation space, beyond all that a worm does; Gymnasium asks for finite ones."""


class Observed(Protocol):
    """What is used of the loop's observation."""

    @property
    def time_ms(self) -> float: ...  # noqa: D102
    @property
    def points_mm(self) -> Floats: ...  # noqa: D102
    @property
    def curvature_per_mm(self) -> Floats: ...  # noqa: D102
    @property
    def activation(self) -> Floats: ...  # noqa: D102
    @property
    def voltage_mV(self) -> Floats: ...  # noqa: D102
    @property
    def concentration(self) -> Mapping[str, float]: ...  # noqa: D102


class Loop(Protocol):
    """What is used of ``ClosedLoop``."""

    environment: Environment

    def reset(self, seed: int | None = None) -> Observed: ...  # noqa: D102
    def step(self, stimuli_nA: Mapping[str, float] | None = None) -> Observed: ...  # noqa: D102


def forward_mm(before: Observed, after: Observed) -> float:
    """Return how far the body's centre moved the way its head points, in mm: the default reward."""
    moved = (after.points_mm - before.points_mm).mean(axis=0)
    axis = before.points_mm[0] - before.points_mm[-1]
    return float(moved @ axis / max(float(np.linalg.norm(axis)), 1e-12))


def climbed(substance: str) -> Callable[[Observed, Observed], float]:
    """Return a reward: by how much the concentration of a substance rose at the nose, in its unit."""

    def reward(before: Observed, after: Observed) -> float:
        return float(after.concentration[substance] - before.concentration[substance])

    return reward


class WormEnv(gymnasium.Env[dict[str, Any], Floats]):  # type: ignore[misc]
    """The worm as a Gymnasium environment.

    Parameters
    ----------
    loop : ClosedLoop
        Is reset by ``reset`` and advanced by ``step``.
    stimulated : sequence of str
        Neurons that the action drives, one number each.
    amplitude_nA : float
        Current of an action of 1.
    steps : int
        Control steps of the loop in one step of the environment.
    episode_steps : int
        After so many steps of the environment it is truncated.
    reward : function of two observations
        Before and after the step; ``forward_mm`` when omitted.

    Examples
    --------
    >>> from neurosim.models.worm.gym import WormEnv
    >>> from neurosim.models.worm.loop import ClosedLoop
    >>> env = WormEnv(ClosedLoop(seed=1))
    >>> observation, _ = env.reset(seed=1)
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - as Gymnasium declares it

    def __init__(
        self,
        loop: Loop,
        *,
        stimulated: Sequence[str] = ("AVAL", "AVAR", "AVBL", "AVBR"),
        amplitude_nA: float = 0.01,
        steps: int = 10,
        episode_steps: int = 1000,
        reward: Callable[[Any, Any], float] = forward_mm,
    ) -> None:
        above_zero("WormEnv", amplitude_nA=amplitude_nA)
        whole("WormEnv", least=1, steps=steps, episode_steps=episode_steps)
        if not stimulated or len(set(stimulated)) != len(stimulated):
            raise ModelError(f"WormEnv: stimulated={tuple(stimulated)!r}; give names of cells, each once")
        self.loop, self.stimulated, self.amplitude_nA = loop, tuple(stimulated), float(amplitude_nA)
        self.steps, self.episode_steps, self._reward = int(steps), int(episode_steps), reward
        self.substances = tuple(name for name in UNITS if name in loop.environment.fields)
        self.action_space = spaces.Box(-1.0, 1.0, (len(self.stimulated),), np.float64)
        shapes: dict[str, tuple[float, float, tuple[int, ...]]] = {
            "points_mm": (-FARTHEST_MM, FARTHEST_MM, (ROWS + 2, 3)),
            "curvature_per_mm": (-SHARPEST_PER_MM, SHARPEST_PER_MM, (ROWS,)),
            "activation": (0.0, 1.0, (len(QUADRANTS), ROWS)),
            "voltage_mV": (-HIGHEST_MV, HIGHEST_MV, (NEURONS,)),
        }
        if self.substances:
            shapes["concentration"] = (-DENSEST, DENSEST, (len(self.substances),))
        self.observation_space = spaces.Dict(
            {name: spaces.Box(low, high, shape, np.float64) for name, (low, high, shape) in shapes.items()}
        )
        self._now: Observed | None = None
        self._made = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin again; without a seed the next one is drawn from the environment's own generator."""
        super().reset(seed=seed)
        chosen = int(self.np_random.integers(2**31)) if seed is None else int(seed)
        self._now, self._made = self.loop.reset(chosen), 0
        return self._named(self._now), {"time_ms": self._now.time_ms}

    def step(self, action: Floats) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Hold currents of ``action`` · ``amplitude_nA`` for some control steps."""
        if self._now is None:
            raise ModelError("WormEnv: step() before reset(); call reset() first")
        currents_nA = np.clip(np.asarray(action, np.float64), -1.0, 1.0) * self.amplitude_nA
        stimuli = dict(zip(self.stimulated, currents_nA.tolist(), strict=True))
        before = self._now
        for _ in range(self.steps):
            self._now = self.loop.step(stimuli)
        self._made += 1
        reward = float(self._reward(before, self._now))
        return self._named(self._now), reward, False, self._made >= self.episode_steps, {"time_ms": self._now.time_ms}

    def _named(self, seen: Observed) -> dict[str, Any]:
        out = {
            "points_mm": np.array(seen.points_mm, np.float64),
            "curvature_per_mm": np.array(seen.curvature_per_mm, np.float64),
            "activation": np.array(seen.activation, np.float64),
            "voltage_mV": np.array(seen.voltage_mV, np.float64),
        }
        if self.substances:
            out["concentration"] = np.array([seen.concentration[name] for name in self.substances], np.float64)
        return out
