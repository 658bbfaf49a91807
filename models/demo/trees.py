"""Invented neurons: random binary trees with taper, as SWC text.

A cell is a round soma, some stems, and on each stem a tree that wanders, tapers and forks. Every number is drawn from
one generator seeded by the caller, so a seed names a cell. For pictures, examples and tests, not for science.

Units: µm. At a fork the diameters follow Rall's 3/2 power law, d_parent^1.5 = d_left^1.5 + d_right^1.5 (Rall 1959,
doi:10.1016/0014-4886(59)90046-9).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

SOMA, AXON, BASAL, APICAL = 1, 2, 3, 4

_STEP_um: Final = 8.0
_THINNEST_um: Final = 0.35
_RALL_POWER: Final = 1.5


class Point(NamedTuple):
    """One line of an SWC file; ``parent`` is the number of a line above, -1 at the soma."""

    kind: int
    x_um: float
    y_um: float
    z_um: float
    radius_um: float
    parent: int


@dataclass(frozen=True)
class CellShape:
    """What a kind of cell looks like.

    Parameters
    ----------
    soma_diam_um : float
        Diameter of the soma.
    stems_n : int
        Number of basal stems.
    stem_diam_um, branch_um : float
        Diameter where a stem begins and mean length of an unbranched piece.
    forks : int
        Greatest number of forks from a stem to a tip.
    fork_chance : float
        Chance that an unbranched piece ends in a fork, 0 to 1.
    taper : float
        Part of the diameter lost over ``branch_um``.
    wander : float
        How much the direction changes over 8 µm, as the standard deviation of each of its components.
    apical_um : float
        Length of an apical trunk; 0 for none.
    axon_um : float
        Length of an unbranched axon; 0 for none.
    """

    soma_diam_um: float = 14.0
    stems_n: int = 5
    stem_diam_um: float = 1.8
    branch_um: float = 55.0
    forks: int = 4
    fork_chance: float = 0.75
    taper: float = 0.25
    wander: float = 0.12
    apical_um: float = 0.0
    axon_um: float = 60.0


PYRAMID: Final = CellShape(soma_diam_um=15.0, stems_n=5, forks=3, apical_um=320.0)
BASKET: Final = CellShape(soma_diam_um=11.0, stems_n=6, stem_diam_um=1.2, branch_um=45.0, forks=3, wander=0.2)


def grow(shape: CellShape, seed: int) -> tuple[Point, ...]:
    """Draw one cell.

    Parameters
    ----------
    shape : CellShape
        The kind of cell.
    seed : int
        Names the cell: the same seed gives the same points.

    Returns
    -------
    tuple of Point
        The soma first, every parent before its children.
    """
    rng = np.random.default_rng(seed)
    points = [Point(SOMA, 0.0, 0.0, 0.0, shape.soma_diam_um / 2, -1)]
    for k in range(shape.stems_n):
        # Stems leave evenly around the soma, a little below the equator: an apical trunk has the sky for itself.
        angle = 2.0 * np.pi * (k + 0.6 * rng.random()) / shape.stems_n
        out = _unit(np.array([np.cos(angle), rng.uniform(-0.7, 0.3), np.sin(angle)]))
        _grow_branch(points, rng, shape, BASAL, 0, out, shape.stem_diam_um, shape.branch_um, shape.forks)
    if shape.apical_um > 0.0:
        up = np.array([0.0, 1.0, 0.0])
        _grow_branch(
            points, rng, shape, APICAL, 0, up, 1.6 * shape.stem_diam_um, shape.apical_um, shape.forks, straight=True
        )
    if shape.axon_um > 0.0:
        down = np.array([0.0, -1.0, 0.0])
        _grow_branch(points, rng, shape, AXON, 0, down, 1.0, shape.axon_um, 0, straight=True)
    return tuple(points)


def _grow_branch(
    points: list[Point],
    rng: np.random.Generator,
    shape: CellShape,
    kind: int,
    parent: int,
    direction: npt.NDArray[np.float64],
    diam_um: float,
    length_um: float,
    forks: int,
    *,
    straight: bool = False,
) -> None:
    """Add an unbranched piece and what grows from its end."""
    steps = max(2, round(length_um * (1.0 if straight else rng.uniform(0.7, 1.3)) / _STEP_um))
    wander = 0.3 * shape.wander if straight else shape.wander
    shrink = (1.0 - shape.taper) ** (_STEP_um / max(shape.branch_um, length_um))
    here = np.array([points[parent].x_um, points[parent].y_um, points[parent].z_um])
    if parent == 0:
        here = here + direction * shape.soma_diam_um / 2
        points.append(_point(kind, here, diam_um, 0))
        parent = len(points) - 1
    for _ in range(steps):
        direction = _unit(direction + rng.normal(0.0, wander, 3))
        here = here + _STEP_um * direction
        diam_um = max(_THINNEST_um, diam_um * shrink)
        points.append(_point(kind, here, diam_um, parent))
        parent = len(points) - 1
    if forks == 0 or (rng.random() >= shape.fork_chance and not straight):
        return
    share = rng.uniform(0.35, 0.65)
    across = _unit(np.asarray(np.cross(direction, rng.normal(0.0, 1.0, 3)), np.float64))
    for part, side in ((share, 1.0), (1.0 - share, -1.0)):
        child_diam_um = max(_THINNEST_um, diam_um * part ** (1.0 / _RALL_POWER))
        away = _unit(direction + side * 0.7 * across)
        _grow_branch(points, rng, shape, kind, parent, away, child_diam_um, shape.branch_um, forks - 1)


def _point(kind: int, place_um: npt.NDArray[np.float64], diam_um: float, parent: int) -> Point:
    x_um, y_um, z_um = place_um.tolist()
    return Point(kind, x_um, y_um, z_um, diam_um / 2, parent)


def _unit(vector: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    unit: npt.NDArray[np.float64] = vector / np.sqrt(vector @ vector)
    return unit


def to_swc(points: tuple[Point, ...], title: str = "invented cell") -> str:
    """Return the text of an SWC file: number, type, x, y, z, radius, parent; µm."""
    lines = [f"# {title}; made by neurosim.models.demo, not a reconstruction", "# n type x y z radius parent"]
    for number, p in enumerate(points, start=1):
        parent = p.parent + 1 if p.parent >= 0 else -1
        lines.append(f"{number} {p.kind} {p.x_um:.3f} {p.y_um:.3f} {p.z_um:.3f} {p.radius_um:.4f} {parent}")
    return "\n".join(lines) + "\n"


def write_swc(path: str | Path, *, seed: int = 1, shape: CellShape = PYRAMID) -> Path:
    """Write one invented cell and return the path.

    Parameters
    ----------
    path : path-like
        File to write.
    seed : int
        Names the cell.
    shape : CellShape
        The kind of cell.
    """
    path = Path(path)
    path.write_text(to_swc(grow(shape, seed), f"cell {seed}"), encoding="ascii")
    return path
