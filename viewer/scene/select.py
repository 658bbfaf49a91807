"""What to draw for a camera: nodes of the octree as points, and near cells as branches, under one budget.

A primitive is a point or a segment. Two stages: ``select_view`` opens nodes best first with the points' share of the
budget, then gives what is left to cells of the leaves found, nearest first. How far a level of detail reaches follows
from what it leaves out, seen in pixels; where that is too much, all distances shrink by one factor until it fits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.viewer.scene.best_first import cells_seen, select_nodes
from neurosim.viewer.scene.morton import BITS, gathered
from neurosim.viewer.scene.octree import SAMPLE, Octree
from neurosim.viewer.scene.recent import Recent
from neurosim.viewer.scene.scene import NO_TEMPLATE, STEPS, Scene
from neurosim.viewer.scene.skeleton import LEVELS_N, SOMA_ONLY, TOLERANCES_um

AUTO = "auto"
MOST_BUDGET = 50_000_000
MOST_POINTS = 180_000
"""Of one view. A cell is 26 bytes on its way, and with its templates a view is to need less than 10 MB."""
POINTS_SHARE = 0.6
"""Of the budget, when there are branches to draw; points that are not needed leave more for branches."""
LEAST_POINTS = 10 * SAMPLE
"""What points may take in any case, as far as the budget goes: enough to open the root and one of its children."""
WHOLE_SHARE = 0.4
"""Of the branches' budget, for the nearest cells as a whole; the others get what they look like, scaled down to fit."""
LEAST_NODE_px = 48.0
"""A box that looks smaller is not opened: a sample has 2048 points."""
LEAST_CELL_px = 8.0
"""A cell that looks smaller is a point."""
LEFT_OUT_px = 8.0
"""A level of detail is good enough where what it leaves out looks smaller."""

KEPT_BYTES = 96 << 20
"""Of places and templates of cells in leaves that were near lately, with each scene."""

Floats = NDArray[np.float64]
_Leaf = tuple[NDArray[np.uint32], Floats, NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class View:
    """A camera, and what may be drawn.

    Parameters
    ----------
    eye_um : float64 (3,)
        Where it is.
    look, up : float64 (3,)
        Directions, of any length; ``up`` need not be at right angles to ``look``.
    fov_deg : float
        Vertical angle of view, 1 to 170.
    aspect : float
        Width over height, 0.01 to 100.
    height_px : float
        Height of the picture, 1 to 65535.
    budget : int
        Most primitives, 1 to ``MOST_BUDGET``. The coarsest picture is drawn whatever it is: the root's points.
    detail : "auto" or int
        One level for all cells that are drawn with branches (0 the whole morphology, 4 somata only).
    """

    eye_um: Floats
    look: Floats
    up: Floats
    fov_deg: float = 45.0
    aspect: float = 1.6
    height_px: float = 800.0
    budget: int = 1_000_000
    detail: str | int = AUTO

    def __post_init__(self) -> None:
        for name in ("eye_um", "look", "up"):
            value = np.array(getattr(self, name), np.float64)
            if value.shape != (3,) or not np.isfinite(value).all():
                raise ModelError(f"view {name} must be three finite numbers, got {getattr(self, name)!r}.")
            object.__setattr__(self, name, value)
        if not np.abs(self.look).max() > 0.0:
            raise ModelError("view look must not be (0, 0, 0); give the direction of the camera.")
        bounds = {"fov_deg": (1, 170), "aspect": (0.01, 100), "height_px": (1, 65535), "budget": (1, MOST_BUDGET)}
        for name, (least, most) in bounds.items():
            if not least <= getattr(self, name) <= most:
                raise ModelError(f"view {name} must be from {least} to {most}, got {getattr(self, name)!r}.")
        levels = range(SOMA_ONLY + 1)
        if self.detail != AUTO and (isinstance(self.detail, bool | str) or self.detail not in levels):
            raise ModelError(f"view detail must be 'auto' or 0 to {SOMA_ONLY}, got {self.detail!r}.")

    @property
    def focal_px(self) -> float:
        """Pixels of a length of 1 at a distance of 1."""
        return 0.5 * self.height_px / math.tan(math.radians(self.fov_deg) / 2.0)

    @property
    def planes(self) -> Floats:
        """Inward normals of the four sides of the view and of the plane of the eye, float64 (5, 3)."""
        forward = self.look / np.abs(self.look).max()
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, self.up / max(float(np.abs(self.up).max()), 1e-300))
        if np.linalg.norm(right) < 1e-9:  # up is along the view, or nothing: any other direction will do
            right = np.cross(forward, np.eye(3)[np.abs(forward).argmin()])
        right /= np.linalg.norm(right)
        up = np.cross(right, forward)
        tall = math.tan(math.radians(self.fov_deg) / 2.0)
        wide = tall * self.aspect
        sides = [wide * forward + right, wide * forward - right, tall * forward + up, tall * forward - up, forward]
        normals: Floats = np.array([side / np.linalg.norm(side) for side in sides])
        return normals


@dataclass(frozen=True, eq=False)
class Selection:
    """What to draw.

    Parameters
    ----------
    nodes : uint32 (n,)
        Nodes of the octree whose ``Octree.ranks`` are points, ascending. They hold every cell in view once.
    ranks, levels : uint32 (k,), uint8 (k,)
        Cells to draw with branches as well, nearest first, and their levels. All are in leaves of ``nodes``.
    primitives : int
        Points and segments.
    """

    nodes: NDArray[np.uint32]
    ranks: NDArray[np.uint32]
    levels: NDArray[np.uint8]
    primitives: int


@dataclass(frozen=True, eq=False)
class Boxes:
    """Of an octree's nodes: corners and sides of boxes in um, and how many points are drawn."""

    low_um: Floats
    high_um: Floats
    side_um: Floats
    points: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sizes:
    """Of templates: segments by level int64 (templates + 1, LEVELS_N) and reach in um; the last row is of points."""

    segments: NDArray[np.int64]
    reach_um: Floats


def boxes_of(octree: Octree) -> Boxes:
    """Return the boxes of an octree's nodes, as wide as the steps of the positions in them."""
    deep = np.minimum(octree.level, BITS)
    prefix = octree.prefix >> (3 * (octree.level - deep)).astype(np.uint64)
    wide = np.left_shift(np.int64(1), BITS - deep.astype(np.int64))
    first = np.stack([gathered(prefix >> np.uint64(axis)) for axis in (2, 1, 0)], axis=1).astype(np.int64)
    first *= wide[:, None]
    low, high = octree.box_um
    step = (high - low) / STEPS
    corner, other = low + first * step, low + (first + wide[:, None] - 1) * step
    drawn = np.where(octree.first_child < 0, octree.end - octree.start, np.diff(octree.sample_off))
    return Boxes(corner, other, wide * step.max(), drawn.astype(np.int64))


def sizes_of(scene: Scene) -> Sizes:
    """Return what the templates of a scene cost to draw."""
    known = getattr(scene, "template_sizes", None)
    if known is not None:
        segments, reach = known
    else:
        templates = [scene.template(k) for k in range(scene.templates_n)]
        segments = np.array([[level.segments_n for level in t.levels] for t in templates], np.int64)
        reach = np.array([t.reach_um for t in templates], np.float64)
    nothing = np.zeros((1, LEVELS_N), np.int64)
    return Sizes(np.concatenate([np.reshape(segments, (-1, LEVELS_N)), nothing]), np.append(reach, 0.0))


def select_view(scene: Scene, view: View) -> Selection:
    """Return what to draw of a scene for a camera.

    Parameters
    ----------
    scene : Scene
        Tables of its boxes and templates are made at the first call and kept with it.
    view : View

    Returns
    -------
    Selection
        ``primitives`` is at most ``view.budget``, or the points of the root where that is more.
    """
    tables = _tables(scene)
    boxes, sizes = tables.boxes, tables.sizes
    planes = view.planes
    budget = max(int(view.budget), int(boxes.points[0]))
    branches = view.detail != SOMA_ONLY and bool(sizes.segments.any())
    share = min(MOST_POINTS, budget if not branches else max(int(POINTS_SHARE * budget), min(budget, LEAST_POINTS)))
    reach_um = float(sizes.reach_um.max()) if branches else 0.0
    far_um = math.inf if view.detail != AUTO else 2.0 * reach_um * view.focal_px / LEAST_CELL_px
    nodes, points = _nodes(scene.octree, boxes, view, planes, share, reach_um, far_um)
    ranks, levels, segments = np.empty(0, np.uint32), np.empty(0, np.uint8), 0
    if branches and budget > points:
        near = _Near(scene, view, planes, boxes, sizes, tables.leaves, far_um)
        ranks, levels, segments = near.choose(nodes, budget - points)
    return Selection(np.sort(nodes).astype(np.uint32), ranks, levels, points + segments)


@dataclass(frozen=True, eq=False)
class _Tables:
    """What is kept with a scene: of leaves the cells that have branches - ranks, places in um, templates."""

    boxes: Boxes
    sizes: Sizes
    leaves: Recent[_Leaf]


def _tables(scene: Scene) -> _Tables:
    known: _Tables | None = scene.__dict__.get("_select_tables")
    if known is None:
        leaves: Recent[_Leaf] = Recent(KEPT_BYTES, lambda leaf: sum(column.nbytes for column in leaf))
        known = _Tables(boxes_of(scene.octree), sizes_of(scene), leaves)
        scene.__dict__["_select_tables"] = known
    return known


def _nodes(
    octree: Octree, boxes: Boxes, view: View, planes: Floats, share: int, reach_um: float, far_um: float
) -> tuple[NDArray[np.int64], int]:
    """Return the nodes to draw and the number of their points."""
    most = len(octree)
    out = np.empty(most, np.int64)
    found, points, _ = select_nodes(
        boxes.low_um, boxes.high_um, boxes.side_um, boxes.points, octree.first_child, octree.child_n,
        view.eye_um, planes, view.focal_px, reach_um, far_um, share, LEAST_NODE_px,
        np.empty(most), np.empty(most, np.int64), out,
    )  # fmt: skip
    return out[:found], int(points)


@dataclass(frozen=True, eq=False)
class _Near:
    """The second stage: which cells of the nodes found are drawn with branches."""

    scene: Scene
    view: View
    planes: Floats
    boxes: Boxes
    sizes: Sizes
    leaves: Recent[_Leaf]
    far_um: float

    def choose(self, nodes: NDArray[np.int64], budget: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8], int]:
        """Return cells, levels and segments, at most ``budget`` of these."""
        ranks, far, template = self._candidates(nodes, budget)
        segments = self.sizes.segments[template]
        order = np.argsort(far, kind="stable")
        ranks, far, segments = ranks[order], far[order], segments[order]
        levels = self._levels(far, segments, budget)
        drawn = levels < SOMA_ONLY
        total = int(segments[np.flatnonzero(drawn), levels[drawn]].sum())
        return ranks[drawn].astype(np.uint32), levels[drawn].astype(np.uint8), total

    def _candidates(self, nodes: NDArray[np.int64], budget: int) -> tuple[NDArray[Any], Floats, NDArray[np.int64]]:
        """Return rank, distance in um and template of cells in view, of the nearest leaves.

        Strategy: leaves by the distance of their boxes. Cells that are nearer than the next leaf are nearer than all
        that follow; once these cost the budget at the least level asked for, the others cannot be reached.
        """
        octree, eye = self.scene.octree, self.view.eye_um
        leaves = nodes[octree.first_child[nodes] < 0]
        beyond = np.maximum(self.boxes.low_um[leaves] - eye, eye - self.boxes.high_um[leaves])
        gap = np.sqrt((np.maximum(beyond, 0.0) ** 2).sum(axis=1))
        order = np.argsort(gap, kind="stable")
        cheapest = LEVELS_N - 1 if self.view.detail == AUTO else int(self.view.detail)
        parts: list[tuple[Any, Any, Any]] = []
        cost, checked = 0, 0
        for at in order:
            if gap[at] > self.far_um:
                break
            if cost - checked >= budget // 4 and cost >= budget:
                checked = cost
                if sum(self.sizes.segments[t[d <= gap[at]], cheapest].sum() for _, d, t in parts) >= budget:
                    break
            part = self._of_leaf(int(leaves[at]))
            cost += int(self.sizes.segments[part[2], cheapest].sum())
            parts.append(part)
        empty = (np.empty(0, np.uint32), np.empty(0), np.empty(0, np.int64))
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else empty
        return columns[0], columns[1], columns[2]

    def _of_leaf(self, leaf: int) -> tuple[NDArray[Any], Floats, NDArray[np.int64]]:
        rank, place_um, template = self.leaves.get(leaf, lambda: self._read(leaf))
        reach = self.sizes.reach_um[template]
        far, keep = np.empty(len(rank)), np.empty(len(rank), np.bool_)
        cells_seen(place_um, reach, self.view.eye_um, self.planes, far, keep)
        if self.view.detail == AUTO:
            keep &= 2.0 * reach * self.view.focal_px >= LEAST_CELL_px * far
        return rank[keep], far[keep], template[keep]

    def _read(self, leaf: int) -> _Leaf:
        cells = self.scene.cells(self.scene.octree.ranks(leaf))
        known = cells.template.astype(np.int64)
        template = np.where(known == NO_TEMPLATE, len(self.sizes.reach_um) - 1, known)
        drawn = self.sizes.segments[template, 0] > 0
        return cells.rank[drawn], self.scene.positions_um(cells)[drawn], template[drawn]

    def _levels(self, far: Floats, segments: NDArray[np.int64], budget: int) -> NDArray[np.int64]:
        """Return the level of each cell; cells are sorted by distance."""
        upto = np.concatenate([np.zeros((1, LEVELS_N), np.int64), np.cumsum(segments, axis=0)])
        if self.view.detail != AUTO:
            level = int(self.view.detail)
            drawn = int(np.searchsorted(upto[:, level], budget, side="right")) - 1
            return np.where(np.arange(len(far)) < drawn, level, SOMA_ONLY)
        ends = np.minimum([t * self.view.focal_px / LEFT_OUT_px for t in (*TOLERANCES_um[1:], math.inf)], self.far_um)
        looks = np.searchsorted(far, ends, side="right")
        whole = min(int(looks[0]), int(np.searchsorted(upto[:, 0], WHOLE_SHARE * budget, side="right")) - 1)
        bounds = _fitting(far, ends, upto, budget, whole)
        levels = np.searchsorted(bounds, np.arange(len(far)), side="right")
        return _finer(levels, segments, looks, budget - _cost(upto, bounds))


def _cost(upto: NDArray[np.int64], bounds: NDArray[np.int64]) -> int:
    """Return the segments when the first bounds[0] cells have level 0, those up to bounds[1] level 1, and so on."""
    each = range(LEVELS_N)
    return int((upto[bounds, each] - upto[[0, *bounds[:-1]], each]).sum())


def _fitting(far: Floats, ends: Floats, upto: NDArray[np.int64], budget: int, whole: int) -> NDArray[np.int64]:
    """Return how many cells each level reaches, with the ends of all levels shrunk until it fits.

    Parameters
    ----------
    far, ends : float64 (n,), float64 (LEVELS_N,)
        Ascending distances of cells, and up to where each level would reach.
    upto : int64 (n + 1, LEVELS_N)
        Segments of the first cells, by level.
    whole : int
        Cells that have level 0 in any case.
    """
    bounds = np.maximum(np.searchsorted(far, ends, side="right"), whole)
    if _cost(upto, bounds) <= budget:
        return bounds
    low, high, bounds = 0.0, 1.0, np.full(LEVELS_N, whole)
    for _ in range(40):
        middle = 0.5 * (low + high)
        tried = np.maximum(np.searchsorted(far, middle * ends, side="right"), whole)
        if _cost(upto, tried) <= budget:
            low, bounds = middle, tried
        else:
            high = middle
    return bounds


def _finer(
    levels: NDArray[np.int64], segments: NDArray[np.int64], looks: NDArray[np.int64], left: int
) -> NDArray[np.int64]:
    """Return levels with what is left spent on the nearest cells that are coarser than they look."""
    best = np.searchsorted(looks, np.arange(len(levels)), side="right")
    rows = np.flatnonzero(best < levels)[:left]  # each costs a segment more at least
    costs = np.column_stack([segments[rows], np.zeros(len(rows), np.int64)])
    each = np.arange(len(rows))
    more = np.cumsum(np.maximum(costs[each, best[rows]] - costs[each, levels[rows]], 1))
    rows = rows[: int(np.searchsorted(more, left, side="right"))]
    levels[rows] = best[rows]
    return levels
