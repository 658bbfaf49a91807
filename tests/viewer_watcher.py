"""A page without a page: drives a ``Client``, acknowledges as it likes, and keeps what it gets."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from neurosim.viewer import wire
from neurosim.viewer.client import Client
from neurosim.viewer.scene.scene import Scene
from neurosim.viewer.source import Source


class WallClock:
    """A wall clock that goes when told."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        self.now_s += seconds


def outside(scene: Scene, **changes: Any) -> dict[str, Any]:
    """Return a ``view`` message of a camera that sees the whole scene."""
    low, high = scene.octree.box_um
    middle, side = (low + high) / 2.0, float((high - low).max())
    eye = (middle + np.array([0.0, 0.0, 3.0 * side])).tolist()
    view = {"type": "view", "tag": 1, "eye": eye, "look": [0, 0, -1], "up": [0, 1, 0], "fov_deg": 60}
    return {**view, "aspect": 1.5, "height_px": 800, "budget": 1_000_000, "detail": "auto", **changes}


class Watcher:
    """One client.

    Parameters
    ----------
    source : Source
    clock : WallClock
    options : dict
        Of ``Client``.
    """

    def __init__(self, source: Source, clock: WallClock, **options: Any) -> None:
        self.clock = clock
        self.client = Client(source, clock=clock, **options)
        self.frames: list[wire.WireFrame] = []
        self.texts: list[dict[str, Any]] = []
        self.bytes_n = 0
        self.bytes_of_turns: list[int] = []
        self.fired = np.zeros(source.scene.n, np.int64)
        self._waiting: list[int] = []

    def look(self, **changes: Any) -> wire.WireFrame:
        """Look at the whole scene from outside; return the answer."""
        (answer,) = self.say("view", **outside(self.client.source.scene, **changes))
        assert isinstance(answer, wire.WireFrame)
        return answer

    def say(self, kind: str, /, **values: Any) -> list[Any]:
        """Send a message and return the answers, decoded."""
        answers = self.client.receive(json.dumps({**values, "type": kind}))
        return [json.loads(a) if isinstance(a, str) else wire.decode(a) for a in answers]

    def turn(self, *, acknowledge: bool = True) -> list[wire.WireFrame]:
        """Take one turn; return its frames."""
        found, before = [], self.bytes_n
        for message in self.client.turn(self.clock()):
            if isinstance(message, str):
                self.texts.append(json.loads(message))
                continue
            frame = wire.decode(message)
            found.append(frame)
            if frame.kind in (wire.SPIKES, wire.MASK):
                np.add.at(self.fired, frame.body["ranks"], 1)
            if frame.kind in (wire.SPIKES, wire.MASK, wire.NODES):
                self.bytes_n += len(message)
            self._waiting.append(frame.seq)
        self.frames += found
        self.bytes_of_turns.append(self.bytes_n - before)
        if acknowledge and self._waiting:
            self.say("ack", seq=max(self._waiting))
            self._waiting = []
        return found

    def status(self) -> dict[str, Any]:
        """Return the status of now."""
        self.clock.wait(1.0)
        self.turn()
        return [t for t in self.texts if t["type"] == "status"][-1]
