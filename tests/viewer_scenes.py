"""Scenes of known geometry, and scenes of many invented cells, for tests and demonstrations of the viewer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.scene.memory import MemoryScene
from neurosim.viewer.scene.scene import NO_TEMPLATE, KindOfCell
from neurosim.viewer.scene.simplify import levels_of, path_um
from neurosim.viewer.scene.skeleton import Skeleton, Template
from tests.trees import parents_of

BRANCH_um = 300.0
STEP_um = 10.0
SOMA_um = 10.0
"""Radius of the soma of the three cells."""


def straight_template() -> Template:
    """Return a cell of 31 nodes: a soma, and a branch along +x of 30 segments of 10 um, each its own node."""
    n = round(BRANCH_um / STEP_um) + 1
    position = np.zeros((n, 3), np.float32)
    position[:, 0] = STEP_um * np.arange(n)
    parent = np.arange(-1, n - 1, dtype=np.int32)
    region = np.full(n, 3, np.uint8)
    region[0] = 1
    skeleton = Skeleton(
        position, parent, position[:, 0].copy(), np.full(n, 1.0, np.float32), np.arange(n, dtype=np.int32), region
    )
    return Template("straight", levels_of(skeleton), n, SOMA_um, BRANCH_um)


def three_cells() -> MemoryScene:
    """Return a scene of 3 cells: somata at x = 0, y = 0, 400, 800 um, z = 0, each with one straight branch along +x.

    Cell k is gid k of population ``cells``, with the fact ``row`` k; node set ``ends`` is cells 0 and 2. Ranks are in
    the order of y.
    """
    return MemoryScene.from_arrays(
        "three cells",
        [[0.0, 0.0, 0.0], [0.0, 400.0, 0.0], [0.0, 800.0, 0.0]],
        kind=[0, 1, 2],
        kinds=[KindOfCell("cells", {"row": str(row)}) for row in range(3)],
        templates=[straight_template()],
        node_sets={"ends": [0, 2]},
    )


def branching_template(seed: int, points_n: int = 100) -> Template:
    """Return an invented branching cell of that many points; every segment is a node of its own."""
    rng = np.random.default_rng(seed)
    parent = parents_of(seed, points_n, 0.15)
    heading, position = np.zeros((points_n, 3)), np.zeros((points_n, 3))
    for i in range(1, points_n):
        p = parent[i]
        fork = rng.standard_normal(3) * (0.4 if i == p + 1 and p > 0 else 1.2)
        turned = heading[p] + fork
        heading[i] = turned / np.linalg.norm(turned)
        position[i] = position[p] + heading[i] * rng.uniform(8.0, 16.0)
    places = position.astype(np.float32)
    region = np.full(points_n, 3, np.uint8)
    region[0] = 1
    path = path_um(places, parent)
    radius = (0.3 + 1.5 * np.exp(-path / 100.0)).astype(np.float32)
    whole = Skeleton(places, parent, path, radius, np.arange(points_n, dtype=np.int32), region)
    reach = float(np.linalg.norm(places, axis=1).max())
    return Template(f"branching-{seed}", levels_of(whole), points_n, 8.0, max(reach, 8.0))


def many_cells(n: int, templates_n: int = 8, seed: int = 0, *, points_n: int = 100) -> MemoryScene:
    """Return a scene of invented cells in a slab, 40000 a cubic millimetre, turned about y at random.

    Four fifths are population ``E``, the others ``I``; each has a fact ``layer``, ``"1"`` to ``"4"`` by depth. Every
    tenth cell of ``I`` is a point. Node set ``middle`` is the cells of layers 2 and 3. With ``templates_n`` 0 all
    cells are points.
    """
    rng = np.random.default_rng(seed)
    depth = 600.0
    side = float(np.sqrt(max(n, 1) / 4.0e-5 / depth))
    position = rng.uniform(0.0, 1.0, (n, 3)) * np.array([side, depth, side])
    layer = np.minimum((position[:, 1] / depth * 4.0).astype(int), 3)
    inhibitory = np.arange(n) % 5 == 4
    template = _some(n, templates_n, rng)
    template[np.flatnonzero(inhibitory)[::10]] = NO_TEMPLATE
    angle = rng.uniform(0.0, np.pi, n)
    turn = np.zeros((n, 4))
    turn[:, 1], turn[:, 3] = np.sin(angle), np.cos(angle)
    kinds = [KindOfCell(name, {"layer": str(k + 1)}) for name in ("E", "I") for k in range(4)]
    return MemoryScene.from_arrays(
        f"{n} invented cells",
        position,
        kind=layer + 4 * inhibitory,
        kinds=kinds,
        template=template,
        templates=[branching_template(seed + k, points_n) for k in range(templates_n)],
        turn=turn,
        node_sets={"middle": (layer == 1) | (layer == 2)},
    )


def _some(n: int, templates_n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.integers(0, templates_n, n) if templates_n else np.full(n, NO_TEMPLATE)
