"""``Viewing``: what one client's picture holds, and which activity concerns it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.viewer import messages
from neurosim.viewer.scene.activity import NodeActivity
from neurosim.viewer.scene.scene import NO_TEMPLATE, Scene
from neurosim.viewer.scene.select import AUTO, MOST_BUDGET, Selection, View, select_view
from neurosim.viewer.scene.skeleton import SOMA_ONLY
from neurosim.viewer.source import Ranks
from neurosim.viewer.wire import WireError

SHORTEST_ms = 1e-6
"""Stretches that are shorter have no rate."""
LOOKED_AT = 32
"""Nodes whose cells are looked at to say how many have branches: a scene file reads these in one go."""
NOTHING = Selection(np.empty(0, np.uint32), np.empty(0, np.uint32), np.empty(0, np.uint8), 0)


class Viewing:
    """The selection for one client's view.

    Parameters
    ----------
    scene : Scene
        What is looked at.

    Attributes
    ----------
    tag : int
        Number of the view.
    selection : Selection
        What is drawn.
    drawn_n : int
        Cells of which something is drawn.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene, self._activity = scene, NodeActivity(scene.octree)
        self.tag, self.selection, self.drawn_n = 0, NOTHING, 0
        self._points, self._detailed = np.zeros(scene.n, np.bool_), np.zeros(scene.n, np.bool_)
        self._set: Ranks = np.empty(0, np.uint32)
        self._auto = True
        self._said: list[str] | None = None

    def look(self, message: dict[str, Any]) -> Selection:
        """Select what a ``view`` message asks for.

        Raises
        ------
        WireError
            A camera that cannot be.
        """
        selection = select_view(self._scene, self._view(message))
        octree = self._scene.octree
        self.tag, self._auto = messages.whole(message, "tag", 0, 65535), message.get("detail", AUTO) == AUTO
        self._points[self._set] = False
        self._detailed[self.selection.ranks] = False
        parts = [octree.ranks(node) for node in selection.nodes.tolist()]
        self._set = np.concatenate([*parts, selection.ranks]) if parts else selection.ranks
        self._points[self._set] = True
        self._detailed[selection.ranks] = True
        self.drawn_n = sum(len(part) for part in parts)
        self.selection, self._said = selection, None
        return selection

    @staticmethod
    def _view(message: dict[str, Any]) -> View:
        detail = message.get("detail", AUTO)
        if detail != AUTO:
            detail = messages.whole(message, "detail", 0, SOMA_ONLY)
        try:
            return View(
                eye_um=np.array(messages.vector(message, "eye")),
                look=np.array(messages.vector(message, "look")),
                up=np.array(messages.vector(message, "up")),
                fov_deg=messages.number(message, "fov_deg", 1.0, 170.0, 45.0),
                aspect=messages.number(message, "aspect", 0.01, 100.0, 1.6),
                height_px=messages.number(message, "height_px", 1.0, 65535.0, 800.0),
                budget=messages.whole(message, "budget", 1, MOST_BUDGET),
                detail=detail,
            )
        except ModelError as error:
            raise error if isinstance(error, WireError) else WireError(str(error)) from error

    def is_drawn(self, ranks: Ranks, *, detailed: bool = False) -> NDArray[np.bool_]:
        """Return which of ``ranks`` are drawn, or drawn with branches."""
        return self._detailed[ranks] if detailed else self._points[ranks]

    def rates_Hz(self, ranks: Ranks, counts: NDArray[np.uint32] | None, span_ms: float) -> NDArray[np.float64]:
        """Return the mean rate per cell of every node drawn; ``ranks`` ascend."""
        span_ms = span_ms if span_ms > SHORTEST_ms else 0.0
        return self._activity.rates_Hz(ranks, counts, span_ms, self.selection.nodes)

    def reduced(self) -> list[str]:
        """Return, in plain words, what is drawn with less detail than there is."""
        if self._said is None:
            self._said = self._reduced()
        return self._said

    def _reduced(self) -> list[str]:
        s, octree = self.selection, self._scene.octree
        said: list[str] = []
        covered = int((octree.end[s.nodes].astype(np.int64) - octree.start[s.nodes]).sum())
        if self.drawn_n < covered:
            said.append(f"{self.drawn_n:,} of {covered:,} cells in view are drawn: each stands for its neighbours")
        whole = int((s.levels == 0).sum())
        rest = len(s.ranks) - whole
        if self._auto and rest:
            said.append(f"{rest:,} cells are drawn with simplified branches, {whole:,} with all of them")
        points = self._with_branches() - len(s.ranks)
        if self._auto and points > 0:
            said.append(f"{points:,} cells with branches are drawn as points: too far away, or too many")
        return said

    def _with_branches(self) -> int:
        """Return about how many of the cells drawn have branches: a few nodes are looked at."""
        nodes = self.selection.nodes
        if self._scene.templates_n == 0 or not len(nodes):
            return 0
        found = [self._scene.octree.ranks(int(node)) for node in nodes[:: 1 + len(nodes) // LOOKED_AT]]
        bodies = [self._scene.cells(ranks).template != NO_TEMPLATE for ranks in found]
        return round(float(np.concatenate(bodies).mean()) * self.drawn_n)
