"""Rules for the number of segments of each section.

All rules but the fixed one give odd numbers, so that x = 0.5 is always a node.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import ModelError
from neurosim.morphology.section import Morphology, arc_um

#: NEURON keeps nseg in 16 bits.
MOST_SEGMENTS = 32767


def checked_nseg(nseg: ArrayLike, sections_n: int) -> NDArray[np.int32]:
    """Return nseg as a fresh int32 (sections,) array; raise ModelError unless all are whole, from 1 to 32767."""
    given = np.asarray(nseg)
    if given.shape not in ((), (sections_n,)):
        raise ModelError(f"nseg of shape {given.shape} is not allowed; give one number or {sections_n}, one a section")
    if given.dtype.kind not in "iu" and not (given.dtype.kind == "f" and (given == np.floor(given)).all()):
        raise ModelError(f"nseg={nseg!r} is not allowed; numbers of segments are whole")
    if not ((given >= 1) & (given <= MOST_SEGMENTS)).all():
        wrong = given[(given < 1) | (given > MOST_SEGMENTS)].flat[0] if given.ndim else given
        raise ModelError(f"nseg={wrong} is not allowed; use 1 to {MOST_SEGMENTS}")
    return np.full(sections_n, given, np.int32)


def _positive(name: str, value: float) -> float:
    if not (math.isfinite(value) and value > 0.0):
        raise ModelError(f"{name}={value} is not allowed; it must be finite and above 0")
    return float(value)


def _bounded(counts: NDArray[np.float64]) -> NDArray[np.int32]:
    if counts.max() > MOST_SEGMENTS:
        raise ModelError(f"a section would get {counts.max():.0f} segments; at most {MOST_SEGMENTS}; choose coarser")
    return counts.astype(np.int32)


def nseg_by_length(morphology: Morphology, max_length_um: float) -> NDArray[np.int32]:
    """Return 1 + 2 int(L / (2 max_length_um)) per section, int32 (sections,)."""
    step = _positive("max_length_um", max_length_um)
    lengths = np.array([section.length_um for section in morphology.sections])
    return _bounded(1.0 + 2.0 * np.floor(lengths / (2.0 * step)))


def nseg_by_d_lambda(
    morphology: Morphology,
    d_lambda: float = 0.1,
    ra_ohm_cm: ArrayLike = 35.4,
    cm_uF_per_cm2: ArrayLike = 1.0,
    frequency_Hz: float = 100.0,
) -> NDArray[np.int32]:
    """Return the odd number of segments that keeps each below d_lambda AC length constants, int32 (sections,).

    Notes
    -----
    lambda_f = 1e5 sqrt(d / (4 pi f Ra cm)) um; with 3-D points L / lambda_f is summed over the pieces, each with its
    mean diameter; nseg = 2 int((L / (d_lambda lambda_f) + 0.9) / 2) + 1. Hines & Carnevale 2001,
    doi:10.1177/107385840100700207.
    """
    part = _positive("d_lambda", d_lambda)
    frequency = _positive("frequency_Hz", frequency_Hz)
    n = len(morphology.sections)
    ra = np.broadcast_to(np.asarray(ra_ohm_cm, float), (n,))
    cm = np.broadcast_to(np.asarray(cm_uF_per_cm2, float), (n,))
    if not (np.isfinite(ra * cm) & (ra > 0.0) & (cm > 0.0)).all():
        raise ModelError("ra_ohm_cm and cm_uF_per_cm2 must be finite and above 0 for the d_lambda rule")
    lambdas = np.empty(n)  # electrotonic length of each section
    for i, section in enumerate(morphology.sections):
        damping = 4.0 * math.pi * frequency * ra[i] * cm[i]
        if section.points is None:
            lambdas[i] = section.length_um / (1e5 * math.sqrt(section.diam_um / damping))
        else:
            arc, diam = arc_um(section.points), section.points[:, 3].astype(np.float64)
            lambdas[i] = np.sum(np.diff(arc) / np.sqrt(diam[:-1] + diam[1:])) * math.sqrt(2.0) * 1e-5
            lambdas[i] *= math.sqrt(damping)
    return _bounded(2.0 * np.floor((lambdas / part + 0.9) / 2.0) + 1.0)
