"""The axon stub of Allen cell models: the reconstructed axon is replaced by two sections of 30 um.

    processing                 diameter                                    joins the soma at   3-D points
    aibs_perisomatic           1 um                                        0.5                 none
    aibs_allactive             of the first / last axon section            1.0                 none
    aibs_perisomatic_directed  1 um                                        0.5                 along the axis
    aibs_allactive_directed    of the first / last axon section            1.0                 along the axis

The axis of the directed forms is the first principal component of the soma's middle point and the points of the last
axon section, pointing to that section's end; the stub starts at the soma's last point. Source of the rules: the Allen
Institute's BMTK 1.2 (bionet), restated.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neurosim.errors import MorphologyError
from neurosim.morphology.section import Morphology, Section

STUB_LENGTH_UM = 30.0
PERISOMATIC_DIAM_UM = 1.0


def with_stub(morphology: Morphology, *, allactive: bool = False, directed: bool = False) -> Morphology:
    """Return the morphology with its axon replaced by the stub, which comes last in ``all`` order.

    Raises
    ------
    MorphologyError
        No soma; no axon where its diameter or direction is needed; a dendrite that hangs on the axon.
    """
    axon = [s for s in morphology.sections if s.name.startswith("axon")]
    if (allactive or directed) and not axon:
        raise MorphologyError(
            f"{morphology.source}: has no axon, which {'all-active' if allactive else 'directed'} stubs are made from; "
            "use aibs_perisomatic."
        )
    if not any(s.region == "soma" for s in morphology.sections):
        raise MorphologyError(f"{morphology.source}: has no soma for the axon stub to join.")
    diams = (axon[0].diam_um, axon[-1].diam_um) if allactive else (PERISOMATIC_DIAM_UM, PERISOMATIC_DIAM_UM)
    diams = (
        float(np.float32(diams[0])),
        float(np.float32(diams[1])),
    )  # NEURON keeps the diameters of points in float32
    at = 1.0 if allactive else 0.5
    line = _axis_points(morphology, axon[-1]) if directed else None
    rest = morphology
    for region in dict.fromkeys(s.region for s in axon):
        rest = rest.without(region)
    soma = next(i for i, s in enumerate(rest.sections) if s.region == "soma")
    n = len(rest.sections)
    if line is None:
        stub = [
            Section.cylinder("axon[0]", STUB_LENGTH_UM, diams[0], soma, at),
            Section.cylinder("axon[1]", STUB_LENGTH_UM, diams[1], n, 1.0),
        ]
    else:
        stub = [
            Section("axon[0]", _with_diam(line[:2], diams[0]), parent=soma, parent_x=at),
            Section("axon[1]", _with_diam(line[1:], diams[1]), parent=n, parent_x=1.0),
        ]
    return rest.appended(stub)


def _axis_points(morphology: Morphology, last_axon: Section) -> npt.NDArray[np.float32]:
    """Return start, middle and end of the stub, float32 (3, 3) in um."""
    soma = [s for s in morphology.sections if s.region == "soma"][-1]
    if soma.points is None or last_axon.points is None:
        raise MorphologyError(f"{morphology.source}: soma and axon need 3-D points for a directed stub.")
    middle = soma.points[len(soma.points) // 2, :3].astype(np.float64)
    start = soma.points[-1, :3].astype(np.float64)
    axon = last_axon.points[:, :3].astype(np.float64)
    cloud = np.vstack([middle, axon])
    axis = np.linalg.svd(cloud - cloud.mean(axis=0), full_matrices=False)[2][0]
    if np.dot(axis, axon[-1] - middle) < 0:
        axis = -axis
    points = np.array([start, start + STUB_LENGTH_UM * axis, start + 2 * STUB_LENGTH_UM * axis]).astype(np.float32)
    for i in (1, 2):
        points[i] = _at_distance(points[i - 1], points[i])
    return points


def _at_distance(origin: npt.NDArray[np.float32], point: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the float32 point near ``point`` whose distance from ``origin`` is nearest to the stub's length.

    NEURON gives the stub its length apart from its points, which float32 puts up to 1e-6 um too near or too far. Among
    the neighbours (at most 8 units in the last place in each coordinate) one is right to about 1e-9.
    """
    ulps = np.arange(-8, 9)
    axes = [(np.float64(c) + ulps * np.float64(np.spacing(np.abs(c)))).astype(np.float32) for c in point]
    near = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    length = np.sqrt(np.sum((near - origin).astype(np.float64) ** 2, axis=1))
    best: npt.NDArray[np.float32] = near[np.argmin(np.abs(length - STUB_LENGTH_UM))]
    return best


def _with_diam(points: npt.NDArray[np.float32], diam_um: float) -> npt.NDArray[np.float32]:
    return np.column_stack([points, np.full(len(points), diam_um)]).astype(np.float32)
