"""What a closed loop shows to watchers: the body with its muscles, the fields, the track, the curvature."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from neurosim.broadcast import Act, Broadcast
from neurosim.errors import ModelError
from neurosim.models.worm.body.body import AROUND_RAD, QUADRANTS
from neurosim.models.worm.body.chain import radius_mm
from neurosim.models.worm.environment.environment import PLACES, UNITS
from neurosim.models.worm.parameters import load
from neurosim.units import S_PER_MS
from neurosim.world import BodyShape, Curve, Field, MuscleRow, Scalar, Track, World

if TYPE_CHECKING:
    from neurosim.models.worm.loop import ClosedLoop

ANGLES_RAD = dict(zip(QUADRANTS, AROUND_RAD, strict=True))
"""Where the quadrants lie around the body as the viewer counts it."""
FRAME_S = 1 / 30
"""Wall time between two worlds."""
FIELD_MS = 2000.0
"""Simulated time after which a field is drawn anew."""
SPEED_MS = 1000.0
"""Time over which the speed is taken."""
CURVATURE_PER_MM = 10.0
"""End of the colour map."""


class Scenery:
    """Puts worlds into the broadcast of a loop's simulation, and does what watchers ask.

    Parameters
    ----------
    loop : ClosedLoop
        Whose ``watchers`` this joins.
    broadcast : Broadcast
    """

    def __init__(self, loop: ClosedLoop, broadcast: Broadcast) -> None:
        self._loop, self.broadcast = loop, broadcast
        body = load("body")
        points = len(loop.body.points_mm)
        self._radius_mm = np.maximum(radius_mm(np.linspace(0.0, 1.0, points), body), 0.1 * body["radius"])
        self._fields: tuple[Field, ...] = ()
        self._fields_ms, self._put_s = -math.inf, -math.inf
        self._places: list[tuple[float, np.ndarray]] = []
        broadcast.handle("touch", self._touched, names=PLACES)
        broadcast.handle("ablate", self._ablated)
        loop.watchers.append(self.watch)
        broadcast.put_world(self.world())

    def _touched(self, act: Act) -> None:
        self._loop.touch(act.name)

    def _ablated(self, act: Act) -> None:
        self._loop.ablate_now(self._loop.model.names[act.place.cell])

    def watch(self, loop: ClosedLoop) -> None:
        """Show what there is now, where the last time is long enough ago."""
        now = time.perf_counter()
        if now - self._put_s >= FRAME_S:
            self._put_s = now
            self.broadcast.put_world(self.world())

    def world(self) -> World:
        """Return what there is to see now."""
        loop = self._loop
        seen = loop.observation()
        rows = tuple(
            MuscleRow(name, activation, ANGLES_RAD[name])
            for name, activation in zip(ANGLES_RAD, seen.activation, strict=True)
        )
        middle = seen.points_mm.mean(axis=0)
        scalars = [Scalar("speed", "mm/s", self._speed(seen.time_ms, middle))]
        scalars += [Scalar(name, UNITS[name], value) for name, value in seen.concentration.items()]
        return World(
            seen.time_ms,
            (BodyShape("worm", seen.points_mm, self._radius_mm, rows),),
            self._drawn_fields(seen.time_ms),
            (Curve("curvature", "1/mm", seen.curvature_per_mm, CURVATURE_PER_MM),),
            (Track("worm", middle),),
            tuple(scalars),
            str(loop.medium),
        )

    def _speed(self, time_ms: float, middle_mm: np.ndarray) -> float:
        """Return the speed of the body's middle over the last second, in mm/s."""
        if self._places and time_ms < self._places[-1][0]:
            self._places.clear()
        self._places.append((time_ms, middle_mm))
        while time_ms - self._places[0][0] > SPEED_MS:
            self._places.pop(0)
        since_ms, from_mm = self._places[0]
        return float(np.hypot(*(middle_mm - from_mm)[:2]) / max((time_ms - since_ms) * S_PER_MS, 1e-9))

    def _drawn_fields(self, time_ms: float) -> tuple[Field, ...]:
        if 0.0 <= time_ms - self._fields_ms < FIELD_MS:
            return self._fields
        world, self._fields_ms = self._loop.environment, time_ms
        seen = [(name, world.sampled(name, time_ms)) for name in world.fields]
        fields = [Field(name, UNITS[name], on.values, on.origin_mm, on.spacing_mm) for name, on in seen]
        # A field that stayed the same is the same object: it is sent once.
        for k, old in enumerate(self._fields):
            if k < len(fields) and np.array_equal(old.values, fields[k].values):
                fields[k] = old
        self._fields = tuple(fields)
        return self._fields


def publish(loop: ClosedLoop, **options: object) -> object:
    """Serve the page of a loop, from a thread; see ``ClosedLoop.publish``."""
    if loop.scenery is not None:
        if not loop.scenery.broadcast.closed:
            raise ModelError("worm: it is shown already; close the first page before")
        loop.watchers.remove(loop.scenery.watch)
    show = loop.simulation.publish(**options)
    loop.scenery = Scenery(loop, loop.simulation.broadcast())
    return show
