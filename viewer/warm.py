"""``warm_up``: what the first view needs is compiled and read before anybody asks for it."""

from __future__ import annotations

import logging
import threading

import numpy as np

from neurosim.viewer.scene.activity import NodeActivity
from neurosim.viewer.scene.scene import Scene
from neurosim.viewer.scene.select import View, select_view


def warm_up(scene: Scene) -> threading.Thread:
    """Look at a scene once, in a thread that is returned."""
    thread = threading.Thread(target=_look, args=(scene,), name="neurosim-warm-up", daemon=True)
    thread.start()
    return thread


def _look(scene: Scene) -> None:
    try:
        low, high = scene.octree.box_um
        eye = 0.5 * (low + high) + np.array([0.0, 0.0, 1.5 * float((high - low).max())])
        view = View(eye, np.array([0.0, 0.0, -1.0]), np.array([0.0, 1.0, 0.0]), budget=50_000)
        nodes = select_view(scene, view).nodes
        fired = np.zeros(1, np.uint32)
        NodeActivity(scene.octree).rates_Hz(fired, None, 1.0, nodes)
        NodeActivity(scene.octree).rates_Hz(fired, np.ones(1, np.uint32), 1.0, nodes)
    except Exception:
        # The first client will meet the same, and be told.
        logging.getLogger(__name__).debug("the first look failed", exc_info=True)
