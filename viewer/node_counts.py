"""``NodeCounts``: how many values of voltage each cell of a scene has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.scene.scene import NO_TEMPLATE, Scene


class NodeCounts:
    """Nodes by cell; a cell without a template has one.

    Parameters
    ----------
    scene : Scene
        Of a file, each template is read once.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._known: dict[int, int] = {NO_TEMPLATE: 1}

    def of(self, ranks: Sequence[int] | NDArray[np.uint32]) -> NDArray[np.int64]:
        """Return the number of nodes of each of ``ranks`` (k,), int64 (k,)."""
        if not len(ranks):
            return np.zeros(0, np.int64)
        template = self._scene.cells(np.asarray(ranks, np.uint32)).template
        which, back = np.unique(template, return_inverse=True)
        counts = np.empty(len(which), np.int64)
        for row, index in enumerate(which.tolist()):
            if index not in self._known:
                self._known[index] = self._scene.template(index).nodes_n
            counts[row] = self._known[index]
        return counts[back]
