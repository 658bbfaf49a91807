"""``WorldFeed``: what one client is sent of the world around the cells: words when parts change, else numbers.

The last world wins: none is queued. At most ``OUTSTANDING`` frames wait to be acknowledged, and there are at most about
30 a second.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from neurosim.viewer import wire
from neurosim.viewer.source import Source
from neurosim.viewer.world_wire import description
from neurosim.world import World

OUTSTANDING = 2
PERIOD_S = 1.0 / 31.0


class WorldFeed:
    """The worlds of one connection.

    Parameters
    ----------
    source : Source
        What is watched.

    Attributes
    ----------
    wanted : bool
        Whether the client wants them.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.wanted = False
        self._last: World | None = None
        self._said: dict[str, Any] = {}
        self._tag, self._sent_s = 0, -math.inf
        self._outstanding: list[int] = []

    def acknowledged(self, seq: int) -> None:
        """Note that the client has drawn everything up to a frame."""
        self._outstanding = [s for s in self._outstanding if s > seq]

    def patience_ended(self) -> None:
        """Go on although nothing was acknowledged."""
        self._outstanding.clear()

    def turn(self, t_ms: float, now_s: float, number: Callable[[], int]) -> list[str | bytes]:
        """Return what is to be sent now; ``number`` gives the next frame's number."""
        if not self.wanted or now_s - self._sent_s < PERIOD_S or len(self._outstanding) >= OUTSTANDING:
            return []
        world = self._source.world(t_ms)
        if world is None or world is self._last:
            return []
        self._last, self._sent_s = world, now_s
        out: list[str | bytes] = []
        said = description(world)
        if said != self._said:
            self._said, self._tag = said, (self._tag + 1) & 0xFFFF
            out.append(json.dumps({"type": "world", "tag": self._tag, **said}))
        seq = number()
        self._outstanding.append(seq)
        return [*out, wire.world_frame(world.t_ms, world.numbers(), tag=self._tag, seq=seq)]
