"""A loop that answers at once: a body carried by the imposed wave, for tests of what stands around ``ClosedLoop``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from neurosim.models.worm.body.chain import Chain
from neurosim.models.worm.body.wave import Wave
from neurosim.models.worm.environment import Environment
from neurosim.models.worm.environment.environment import UNITS


class Seen:
    def __init__(self, loop: WaveLoop) -> None:
        self.time_ms = loop.time_ms
        self.points_mm = loop.body.points_mm
        self.curvature_per_mm = loop.body.curvature_per_mm
        self.activation = loop.activation
        self.voltage_mV = np.full(302, -60.0) + loop.seed % 10
        self.concentration = {
            name: float(loop.environment.concentration(self.points_mm[:1], self.time_ms, name)[0])
            for name in UNITS
            if name in loop.environment.fields
        }


class WaveLoop:
    """Crawls by the wave; backward for three seconds after a touch of the head; paralysed without ``class:DB``."""

    def __init__(
        self,
        *,
        seed: int = 0,
        medium: Any = "agar",
        ablate: Iterable[str] = (),
        environment: Environment | None = None,
        control_ms: float = 50.0,
        **_: Any,
    ) -> None:
        self.environment = Environment() if environment is None else environment
        self._touches = tuple(self.environment.touches)
        self.ablated, self.control_ms, self.seed = tuple(ablate), control_ms, seed
        self.body = Chain(medium, dt_ms=5.0)
        self.watchers: list[Callable[[Any], None]] = []
        self.stimuli_nA: dict[str, float] = {}
        self.reset()

    def reset(self, seed: int | None = None) -> Seen:
        self.seed = self.seed if seed is None else seed
        self.body.reset(heading_rad=0.01 * (self.seed % 7))
        self.environment.touches = list(self._touches)
        self.stimuli_nA = {}
        self.activation = np.zeros((4, 24))
        return Seen(self)

    @property
    def time_ms(self) -> float:
        return self.body.time_ms

    def stimulate(self, name: str, amplitude_nA: float) -> None:
        self.stimuli_nA[name] = amplitude_nA

    def step(self, stimuli_nA: Mapping[str, float] | None = None) -> Seen:
        self.stimuli_nA |= dict(stimuli_nA or {})
        touched = any(
            touch.where == "head" and 0.0 <= self.time_ms - touch.t_ms < 3000.0 for touch in self.environment.touches
        )
        wave = Wave(backward=touched, amplitude=0.0 if "class:DB" in self.ablated else 0.7)
        self.activation = wave.activation(self.time_ms)
        self.body.advance(self.activation, self.control_ms)
        for watcher in self.watchers:
            watcher(self)
        return Seen(self)

    def run(self, duration_ms: float, *, progress: bool | None = None) -> None:
        for _ in range(round(duration_ms / self.control_ms)):
            self.step()
