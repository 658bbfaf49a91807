"""Scenes whose ranks, numbers and gids all differ, with templates of known cost, for tests of selection and files."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.scene.memory import MemoryScene
from neurosim.viewer.scene.scene import KindOfCell
from neurosim.viewer.scene.skeleton import Skeleton, Template


def chain(points_n: int, length_um: float) -> Skeleton:
    """Return a straight line of points along x."""
    at = np.linspace(0.0, length_um, points_n, dtype=np.float32)
    place = np.zeros((points_n, 3), np.float32)
    place[:, 0] = at
    number = np.arange(points_n, dtype=np.int32)
    radius = np.linspace(2.0, 0.5, points_n, dtype=np.float32)
    return Skeleton(place, number - 1, at, radius, np.minimum(number, 4), np.full(points_n, 3, np.uint8))


def template(name: str = "line", segments: tuple[int, ...] = (100, 33, 17, 9), reach_um: float = 200.0) -> Template:
    """Return a template with these numbers of segments."""
    return Template(name, tuple(chain(n + 1, reach_um) for n in segments), 5, 8.0, reach_um)


def random_scene(n: int, *, side_um: float = 1000.0, seed: int = 1, bodies: bool = True, **more: Any) -> MemoryScene:
    """Return cells at random places: half in a cube, half in clusters of it; kinds, gids and turns at random."""
    rng = np.random.default_rng(seed)
    place = rng.random((n, 3)) * side_um
    middles = rng.random((5, 3)) * side_um
    place[::2] = middles[rng.integers(0, 5, len(place[::2]))] + rng.normal(0.0, 0.01 * side_um, (len(place[::2]), 3))
    kinds = [KindOfCell("E", {"layer": "4"}), KindOfCell("E", {"layer": "5"}), KindOfCell("I", {"layer": "4"})]
    templates = [template("a"), template("b", (60, 20, 10, 5), 90.0)] if bodies else []
    given: dict[str, Any] = {
        "gid": rng.permutation(n) + 7,
        "index": rng.permutation(n),
        "kind": rng.integers(0, len(kinds), n),
        "kinds": kinds,
        "templates": templates,
        "template": rng.integers(-1, len(templates), n),
        "turn": rng.normal(size=(n, 4)),
    }
    return MemoryScene.from_arrays("random", place, **{**given, **more})


def everything(scene: Any) -> NDArray[np.uint32]:
    """Return all ranks of a scene."""
    return np.arange(scene.n, dtype=np.uint32)
