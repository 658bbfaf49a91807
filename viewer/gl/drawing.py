"""``Drawing``: the balls and segments of the cells in view, as arrays ready for a graphics card.

Cells are numbered by *slot*, their place in ``Drawing.ranks``; voltages by *texel*, in the order of the cells whose
voltage is known. Places are float32 relative to ``origin_um``. Built once for a view, coloured many times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.gl.bounds import POINT_RADIUS_um, rotation
from neurosim.viewer.scene.scene import NO_TEMPLATE, Cells, Scene
from neurosim.viewer.scene.skeleton import SOMA_ONLY, Skeleton, Template

Floats = NDArray[np.float32]
SOMA = 1
"""The region of a soma's segments."""


@dataclass(frozen=True, eq=False)
class Segments:
    """Pieces of cable, one row each.

    Parameters
    ----------
    ends_um : float32 (n, 2, 3)
        Both ends: the parent's and the point's own.
    radius_um, path_um : float32 (n, 2)
        Radius and path distance from the soma at both ends.
    slot : int32 (n,)
        Cell.
    node : int32 (n,)
        Compartment of the cell.
    """

    ends_um: Floats
    radius_um: Floats
    path_um: Floats
    slot: NDArray[np.int32]
    node: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.slot)


@dataclass(frozen=True, eq=False)
class Drawing:
    """What is in view.

    Parameters
    ----------
    origin_um : float64 (3,)
        What places are relative to.
    ranks : uint32 (cells,)
        Cells, ascending; a cell's place is its slot.
    levels : uint8 (cells,)
        Their levels of detail.
    kind : uint16 (cells,)
        Row of ``Scene.kinds``.
    gid : uint32 (cells,)
        For people.
    centre_um : float32 (cells, 3)
        Places of somata.
    radius_um : float32 (cells,)
        Radii of the balls.
    soma_node : int32 (cells,)
        Compartment that colours the ball.
    nodes_n : int64 (cells,)
        Compartments a cell has.
    reach_um : float
        Longest path from a soma among the segments.
    segments : Segments
        Of the cells that are drawn with branches.
    detailed : bool (cells,)
        Which those are.
    body : bool (cells,)
        Which have branches, drawn or not.
    stands_for_n : int
        Cells in view, of which those drawn may be a sample.
    """

    origin_um: NDArray[np.float64]
    ranks: NDArray[np.uint32]
    levels: NDArray[np.uint8]
    kind: NDArray[np.uint16]
    gid: NDArray[np.uint32]
    centre_um: Floats
    radius_um: Floats
    soma_node: NDArray[np.int32]
    nodes_n: NDArray[np.int64]
    reach_um: float
    segments: Segments
    detailed: NDArray[np.bool_]
    body: NDArray[np.bool_]
    stands_for_n: int


def soma_node(template: Template) -> int:
    """Return the compartment in the middle of the soma."""
    whole = template.levels[0]
    at = np.flatnonzero(whole.region == SOMA)
    if not len(at):
        return int(whole.node[0]) if len(whole) else 0
    return int(whole.node[at[np.argmin(np.linalg.norm(whole.position_um[at], axis=1))]])


def _drawn(skeleton: Skeleton, soma_radius_um: float) -> NDArray[np.int64]:
    """Return the points whose segments are drawn: those of the soma only where its ball does not hide them."""
    inside = np.linalg.norm(skeleton.position_um, axis=1) <= 1.5 * soma_radius_um
    return np.flatnonzero((skeleton.parent >= 0) & ~((skeleton.region == SOMA) & inside))


def _placed(skeleton: Skeleton, soma_radius_um: float, centre_um: Floats, turn: NDArray[np.int16]) -> Segments:
    """Return the segments of cells (n,) that share a morphology at one level; slots are 0 to n - 1."""
    point = _drawn(skeleton, soma_radius_um)
    parent, cells_n = skeleton.parent[point], len(centre_um)
    # A branch leaves the soma as wide as it is, not as the soma.
    leaves = (skeleton.region[parent] == SOMA) & (skeleton.region[point] != SOMA)
    first = np.where(leaves, skeleton.radius_um[point], skeleton.radius_um[parent])
    ends = np.stack([skeleton.position_um[parent], skeleton.position_um[point]], axis=1)
    turned = np.einsum("cij,sej->csei", rotation(turn).astype(np.float32), ends)
    turned += centre_um[:, None, None, :]
    return Segments(
        turned.reshape(-1, 2, 3),
        np.tile(np.stack([first, skeleton.radius_um[point]], axis=1), (cells_n, 1)),
        np.tile(np.stack([skeleton.path_um[parent], skeleton.path_um[point]], axis=1), (cells_n, 1)),
        np.repeat(np.arange(cells_n, dtype=np.int32), len(point)),
        np.tile(skeleton.node[point].astype(np.int32), cells_n),
    )


def _joined(parts: list[Segments]) -> Segments:
    if not parts:
        empty = np.empty(0, np.int32)
        return Segments(np.empty((0, 2, 3), np.float32), *(np.empty((0, 2), np.float32),) * 2, empty, empty)
    return Segments(
        np.concatenate([part.ends_um for part in parts]),
        np.concatenate([part.radius_um for part in parts]),
        np.concatenate([part.path_um for part in parts]),
        np.concatenate([part.slot for part in parts]),
        np.concatenate([part.node for part in parts]),
    )


def _groups(template: NDArray[np.uint16], level: NDArray[np.uint8]) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """Yield (template, level, slots) of cells that have branches."""
    key = template.astype(np.int64) * (SOMA_ONLY + 1) + level
    key[(template == NO_TEMPLATE) | (level >= SOMA_ONLY)] = -1
    for value in np.unique(key[key >= 0]):
        yield int(value) // (SOMA_ONLY + 1), int(value) % (SOMA_ONLY + 1), np.flatnonzero(key == value)


def drawing_of(
    scene: Scene,
    ranks: NDArray[np.uint32],
    levels: NDArray[np.uint8],
    origin_um: NDArray[np.float64],
    stands_for_n: int | None = None,
) -> Drawing:
    """Return the drawing of cells.

    Parameters
    ----------
    scene : Scene
        Where they are.
    ranks : uint32 (n,)
        Cells, ascending, each once.
    levels : uint8 (n,)
        Level of each cell's branches; ``SOMA_ONLY`` for a ball.
    origin_um : float64 (3,)
        Origin of the places.
    stands_for_n : int, optional
        Cells in view when ``ranks`` are a sample.
    """
    cells: Cells = scene.cells(ranks)
    centre = (scene.positions_um(cells) - origin_um).astype(np.float32)
    radius = np.full(len(ranks), POINT_RADIUS_um, np.float32)
    node, nodes_n = np.zeros(len(ranks), np.int32), np.ones(len(ranks), np.int64)
    body = np.zeros(len(ranks), np.bool_)
    for index in np.unique(cells.template[cells.template != NO_TEMPLATE]):
        template, held = scene.template(int(index)), cells.template == index
        radius[held] = max(template.soma_radius_um, 1e-3)
        node[held], nodes_n[held] = soma_node(template), max(1, template.nodes_n)
        body[held] = template.levels[0].segments_n > 0
    parts, detailed = [], np.zeros(len(ranks), np.bool_)
    for index, level, slots in _groups(cells.template, levels):
        template = scene.template(index)
        part = _placed(template.levels[level], template.soma_radius_um, centre[slots], cells.turn[slots])
        detailed[slots] = True
        parts.append(Segments(part.ends_um, part.radius_um, part.path_um, slots.astype(np.int32)[part.slot], part.node))
    segments = _joined(parts)
    reach = float(segments.path_um.max()) if len(segments) else 0.0
    return Drawing(
        origin_um,
        ranks,
        levels,
        cells.kind,
        cells.gid,
        centre,
        radius,
        node,
        nodes_n,
        reach,
        segments,
        detailed,
        body,
        len(ranks) if stands_for_n is None else stands_for_n,
    )
