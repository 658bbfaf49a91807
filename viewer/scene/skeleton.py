"""``Skeleton``: a cell's branches as points and the segments between them, at one level of detail.

A segment is a point with a parent: the piece of cable from the parent to it. Every segment lies in one compartment,
so that a voltage colours it. Level 0 is the whole morphology; 1 to 3 are simplified (``TOLERANCES_um``); at level
``SOMA_ONLY`` a cell is a point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOLERANCES_um = (0.0, 25.0, 60.0, 150.0)
"""What each level may leave out: shorter side branches, and points nearer than this along a branch."""
LEVELS_N = len(TOLERANCES_um)
SOMA_ONLY = LEVELS_N

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Points of one morphology, parents first.

    Parameters
    ----------
    position_um : float32 (n, 3)
        Relative to the middle of the soma.
    parent : int32 (n,)
        Point at the other end of the segment; -1 where none ends here (roots).
    path_um : float32 (n,)
        Path distance from the soma.
    radius_um : float32 (n,)
        Radius of the cable.
    node : int32 (n,)
        Node of the cell's tree (compartment) in which the segment lies; 0 of a cell without a tree.
    region : uint8 (n,)
        0 unknown, 1 soma, 2 axon, 3 dend (basal), 4 apic.
    """

    position_um: Floats
    parent: NDArray[np.int32]
    path_um: Floats
    radius_um: Floats
    node: NDArray[np.int32]
    region: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.parent)

    @property
    def segments_n(self) -> int:
        """Number of segments."""
        return int((self.parent >= 0).sum())


@dataclass(frozen=True, eq=False)
class Template:
    """A morphology shared by many cells.

    Parameters
    ----------
    name : str
        For people.
    levels : tuple of Skeleton
        ``LEVELS_N`` of them, from the whole to the coarsest.
    nodes_n : int
        Nodes of the cell's tree: values of voltage a cell has.
    soma_radius_um : float
        Radius of the ball drawn for the soma.
    reach_um : float
        Largest distance of a point from the soma.
    """

    name: str
    levels: tuple[Skeleton, ...]
    nodes_n: int
    soma_radius_um: float
    reach_um: float
