"""Where the compartments lie in space: for the viewer and for extracellular potentials. Never used by the solver.

Sections with 3-D points lie where their points are. Cylinders are laid out as NEURON's ``define_shape`` does: the
root along x from the origin; a child starts on the straight line between its parent's first and last point, at its
parent_x; it goes on in the parent's direction in the xy plane (turned back if it hangs on the first half, by 90
degrees if at an inner x), siblings at one place fanned out over 0.8 rad, the last one connected first. Unlike NEURON,
sections with points are never moved to meet their parent.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurosim.morphology.section import Morphology, arc_um

if TYPE_CHECKING:
    from neurosim.morphology.tree import CompartmentTree

_FAN_RAD = 0.8


def section_lines(morphology: Morphology) -> list[NDArray[np.float32]]:
    """Return x, y, z in um of every section, float32 (points, 3); two points for a cylinder."""
    lines: list[NDArray[np.float32]] = [np.empty((0, 3), np.float32)] * len(morphology.sections)
    siblings_n: dict[tuple[int, float], int] = {}  # at one place
    elder_n: list[int] = []  # of them, those connected before
    for section in morphology.sections:
        place = (section.parent, section.parent_x)
        elder_n.append(siblings_n.get(place, 0))
        siblings_n[place] = elder_n[-1] + 1
    for i in morphology.order:
        section = morphology.sections[i]
        if section.points is not None:
            lines[i] = section.points[:, :3]
            continue
        start, heading, x = np.zeros(3, np.float32), (1.0, 0.0), section.parent_x
        if section.parent >= 0:
            first, last = lines[section.parent][0], lines[section.parent][-1]
            start = (last.astype(float) * x + first.astype(float) * (1.0 - x)).astype(np.float32)
            sign = -1.0 if x < 0.5 else 1.0
            heading = (sign * float(last[0] - first[0]), sign * float(last[1] - first[1]))
        still = abs(heading[0]) < 1e-6 and abs(heading[1]) < 1e-6
        angle = 0.0 if still else math.atan2(heading[1], heading[0])
        if section.parent >= 0:
            if 0.0 < x < 1.0:
                angle += math.pi / 2.0
            last_place = siblings_n[section.parent, x] - 1
            if last_place > 0:
                angle += (last_place - elder_n[i]) / last_place * _FAN_RAD - _FAN_RAD / 2.0
        step = section.length_um * np.array([math.cos(angle), math.sin(angle), 0.0])
        lines[i] = np.stack((start, (start + step).astype(np.float32)))
    return lines


def segment_coordinates(tree: CompartmentTree) -> tuple[NDArray[np.float64], ...]:
    """Return start, centre and end of every node's segment, each float64 (n, 3) in um.

    Points at equal arc lengths along the section's line; a zero-area node has its place three times.
    """
    out = np.empty((3, len(tree), 3))
    for s, line in enumerate(section_lines(tree.morphology)):
        arc = arc_um(line)
        arc /= arc[-1]
        nseg = int(tree.nseg[s])
        cuts = np.arange(2 * nseg + 1) / (2.0 * nseg)
        at = np.stack([np.interp(cuts, arc, line[:, axis].astype(float)) for axis in range(3)], axis=1)
        nodes = tree.compartments(s)
        out[0, nodes], out[1, nodes], out[2, nodes] = at[0:-1:2], at[1::2], at[2::2]
        far = tree.node_of_raw[tree.first_raw[s] + nseg]
        if far >= 0:
            out[:, far] = at[-1]
        if tree.morphology.sections[s].parent < 0 and tree.node_of_raw[0] >= 0:
            out[:, tree.node_of_raw[0]] = at[0]
    out.setflags(write=False)
    return out[0], out[1], out[2]
