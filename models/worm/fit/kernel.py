"""The motor circuit as single compartments with the chain body, compiled: one control step after another.

The equations are those of the mechanisms ``pas``, ``plateau``, ``GradedSyn``, ``Gap``, ``egl19``, ``shk1``,
``MuscleCa`` and ``MuscleForce``; a step is exponential with all conductances held. Left out is what the engine has
besides: other neurons, the shapes of the cells, the time that ``shk1`` takes. A search wants thousands of runs.

| symbol | meaning | unit |
|---|---|---|
| v, g, c | potential, conductance, capacitance | mV, uS, nF |
| s | activation of a graded synapse: rows fast (excitatory), slow (inhibitory) | 1 |
| kap | curvature | 1/mm |
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from neurosim.models.worm.body.dynamics import advance, bends


class Cells(NamedTuple):
    """Neurons; float64 (n,) each."""

    capacitance: Any
    leak: Any
    rest: Any
    plateau: Any
    threshold: Any


class Muscles(NamedTuple):
    """Muscles; numbers, but ``row`` and ``quadrant``, int64 (m,)."""

    capacitance: float
    leak: float
    rest: float
    egl19: float
    shk1: float
    full: float
    """Calcium above rest at a calcium current of ``egl19 · 60 mV``, mM."""
    calcium_tau: float
    half: float
    hill: float
    force_tau: float
    quadrant: Any
    row: Any


class Links(NamedTuple):
    """Inputs of cells in rows: those of cell i are ``first[i]`` to ``first[i + 1]``; of synapses ``slow`` is 0 or 1."""

    first: Any
    source: Any
    conductance: Any
    reversal: Any
    slow: Any


class Stretches(NamedTuple):
    """Currents by curvature: float64 (n,) and (n, 24)."""

    largest: Any
    weights: Any
    adaptation_ms: float


class Constants(NamedTuple):
    """Numbers that all cells share."""

    plateau_e: float
    plateau_vh: float
    plateau_slope: float
    slope: float
    fast: float
    slow: float


TABLE_LOW_mV, TABLE_STEP_mV, TABLE_N = -120.0, 0.1, 2000


@njit(error_model="numpy", cache=True)
def sigmoid(x):
    """Return 1/(1 + exp(-x))."""
    return 1.0 / (1.0 + math.exp(-x))


@njit(error_model="numpy", cache=True)
def muscle_table(h_ms):
    """Return egl19's m, h at rest and their factors of one step, and shk1's m, by potential; float64 (TABLE_N, 5)."""
    out = np.empty((TABLE_N, 5))
    for k in range(TABLE_N):
        v = TABLE_LOW_mV + TABLE_STEP_mV * k
        m_tau = 2.9 * math.exp(-(((v - 5.2) / 6.0) ** 2)) + 1.9 * math.exp(-(((v - 1.4) / 30.0) ** 2)) + 2.3
        h_tau = 0.4 * (44.6 * sigmoid(-(v + 23.0) / 5.0) + 36.4 * sigmoid(-(v - 28.7) / 3.7) + 43.1)
        out[k, 0] = sigmoid((v - 5.6) / 7.5)
        out[k, 1] = (1.43 * sigmoid((v - 24.9) / 12.0) + 0.14) * (5.96 * sigmoid(-(v + 20.5) / 8.1) + 0.60)
        out[k, 2], out[k, 3] = math.exp(-h_ms / m_tau), math.exp(-h_ms / h_tau)
        out[k, 4] = sigmoid((v - 20.4) / 7.7) * sigmoid(-(v + 7.0) / 5.8)
    return out


@njit(error_model="numpy", cache=True)
def neurons(v, new, s, stim, cells, synapses, gaps, fixed, h_ms):
    """Advance the neurons by one step."""
    n = len(v)
    for i in range(n):
        g = cells.leak[i]
        current = g * cells.rest[i] + stim[i]
        for e in range(synapses.first[i], synapses.first[i + 1]):
            x = synapses.conductance[e] * s[synapses.slow[e], synapses.source[e]]
            g += x
            current += x * synapses.reversal[e]
        for e in range(gaps.first[i], gaps.first[i + 1]):
            g += gaps.conductance[e]
            current += gaps.conductance[e] * v[gaps.source[e]]
        if cells.plateau[i] > 0.0:
            x = cells.plateau[i] * sigmoid((v[i] - fixed.plateau_vh) / fixed.plateau_slope)
            g += x
            current += x * fixed.plateau_e
        end = current / g
        new[i] = end + (v[i] - end) * math.exp(-h_ms * g / cells.capacitance[i])
    for i in range(n):
        v[i] = new[i]
        inf = sigmoid((v[i] - cells.threshold[i]) / fixed.slope)
        closed = max(1.0 - inf, 1e-9)
        s[0, i] = inf + (s[0, i] - inf) * math.exp(-h_ms * fixed.fast / closed)
        s[1, i] = inf + (s[1, i] - inf) * math.exp(-h_ms * fixed.slow / closed)


@njit(error_model="numpy", cache=True)
def muscles(v, new, gates, s, kind, synapses, gaps, table, h_ms):
    """Advance the muscles by one step; ``gates`` are m, h, calcium above rest and activation, float64 (4, m)."""
    calcium_factor, force_factor = math.exp(-h_ms / kind.calcium_tau), math.exp(-h_ms / kind.force_tau)
    for i in range(len(v)):
        g = kind.leak
        current = g * kind.rest
        for e in range(synapses.first[i], synapses.first[i + 1]):
            x = synapses.conductance[e] * s[synapses.slow[e], synapses.source[e]]
            g += x
            current += x * synapses.reversal[e]
        for e in range(gaps.first[i], gaps.first[i + 1]):
            g += gaps.conductance[e]
            current += gaps.conductance[e] * v[gaps.source[e]]
        k = int((v[i] - TABLE_LOW_mV) / TABLE_STEP_mV)
        x, y = kind.egl19 * gates[0, i] * gates[1, i], kind.shk1 * table[k, 4]
        end = (current + 60.0 * x - 80.0 * y) / (g + x + y)
        new[i] = end + (v[i] - end) * math.exp(-h_ms * (g + x + y) / kind.capacitance)
        k = int((new[i] - TABLE_LOW_mV) / TABLE_STEP_mV)
        gates[0, i] = table[k, 0] + (gates[0, i] - table[k, 0]) * table[k, 2]
        gates[1, i] = table[k, 1] + (gates[1, i] - table[k, 1]) * table[k, 3]
        inflow = kind.full * gates[0, i] * gates[1, i] * max(60.0 - new[i], 0.0) / 60.0
        gates[2, i] = inflow + (gates[2, i] - inflow) * calcium_factor
        ratio = (gates[2, i] / kind.half) ** kind.hill
        inf = ratio / (1.0 + ratio)
        gates[3, i] = inf + (gates[3, i] - inf) * force_factor
    v[:] = new


@njit(error_model="numpy", cache=True)
def run(start, cells, synapses, gaps, stretch, kind, to_muscles, between, fixed, noise_nA, control_ms, substeps, body):
    """Run control steps, one for each row of ``noise_nA``.

    Parameters
    ----------
    start : float64 (24,)
        Curvature to begin with.
    cells, synapses, gaps, stretch, kind, to_muscles, between, fixed
        The circuit.
    noise_nA : float64 (steps, n)
        Currents into the neurons, held for a control step.
    control_ms, substeps : float, int
        Length of a control step and steps of the network in it.
    body : tuple
        Pose, rate, activation, constants, scratch as ``Chain.arrays`` has them, and the body's steps in a control step.

    Returns
    -------
    curvature, pose, voltage : float64 (steps, 24), (steps, 27), (steps, n)
    """
    pose, rate, activation, constants, work, body_steps = body
    n, m, steps = len(cells.leak), len(kind.row), len(noise_nA)
    v, new, s = cells.rest.copy(), np.zeros(n), np.zeros((2, n))
    w, w_new, gates = np.full(m, kind.rest), np.zeros(m), np.zeros((4, m))
    kap, kap_rate, stim, adapted = start.copy(), np.zeros(len(start)), np.zeros(n), np.zeros(n)
    adapts = -math.expm1(-control_ms / stretch.adaptation_ms)
    h = control_ms / substeps
    table = muscle_table(h)
    gates[1, :] = 0.9
    curvature, poses, voltage = np.empty((steps, len(kap))), np.empty((steps, len(pose))), np.empty((steps, n))
    for k in range(steps):
        for i in range(n):
            x = 0.0
            if stretch.largest[i] != 0.0:
                for r in range(len(kap)):
                    x += stretch.weights[i, r] * kap[r]
                felt = x
                x = stretch.largest[i] * math.tanh(felt - adapted[i])
                adapted[i] += adapts * (felt - adapted[i])
            stim[i] = x + noise_nA[k, i]
        for _ in range(substeps):
            neurons(v, new, s, stim, cells, synapses, gaps, fixed, h)
            muscles(w, w_new, gates, s, kind, to_muscles, between, table, h)
        for i in range(m):
            activation[kind.quadrant[i], kind.row[i]] = gates[3, i]
        activation[2, -1] = activation[2, -2]
        advance(pose, rate, activation, constants, work, 1e-3 * control_ms / body_steps, body_steps)
        bends(pose, rate, constants.link_mm, kap, kap_rate)
        curvature[k], poses[k], voltage[k] = kap, pose, v
    return curvature, poses, voltage
