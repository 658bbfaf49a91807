"""The loop over blocks and time steps; everything in it is compiled.

``advance_blocks`` carries a range of blocks through a number of steps. The outer loop is over blocks, so that one block
stays in the cache for the whole window; blocks do not touch each other's memory, so threads may share the range.

One step from t to t + dt, as NEURON's fixed step with ``secondorder = 0``: threshold detectors at t; currents of all
mechanisms at t + dt/2; backward and forward sweep; states of all mechanisms at t + dt; recording. Time is
accumulated in half steps.

The columns of its int64 tables are named below; ``neurosim.engine.engine`` fills them.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

from numba import njit

from neurosim.kernels.access import call_kernel, index32, load_like, load_one
from neurosim.kernels.cable import backward, factor, forward
from neurosim.kernels.simd import LANES, every, fabs, splat

BASE, WIDTH, RUNS_FIRST, RUNS_LAST, LEAKY, PROBES_FIRST, PROBES_LAST, GATES_FIRST, GATES_LAST, BLOCK_WORDS = range(10)
"""Columns of the table of blocks: first element, lanes, range of runs, has leak, ranges of probes and of detectors."""

CURRENT, ADVANCE, CONTEXT, RANGES, KERNEL_WORDS = range(5)
"""Columns of the table of kernels: two code addresses (0: none), context, address of int32 ``first[block]``."""

NODES = ("V", "R", "D", "D0", "U", "F", "Y", "INV", "GP", "EP")
"""Order of the addresses of the node arrays."""

FINE = -1
"""Status of a block that is not unstable; otherwise the step at which it was seen."""


@njit(error_model="numpy", cache=True, nogil=True)
def factor_blocks(blocks, first_block, last_block, runs, nodes):
    """Compute the constant elimination factors of a range of blocks."""
    _V, _R, D, D0, U, F, _Y, INV, _GP, _EP = nodes
    for b in range(first_block, last_block):
        lo, hi = blocks[b, RUNS_FIRST], blocks[b, RUNS_LAST]
        if blocks[b, WIDTH] == LANES:
            factor(runs, lo, hi, blocks[b, BASE], LANES, splat(0.0), D, D0, U, F, INV)
        else:
            factor(runs, lo, hi, blocks[b, BASE], 1, 0.0, D, D0, U, F, INV)


@njit(error_model="numpy", cache=True, nogil=True)
def current_blocks(kernels, first_block, last_block, t, dt):
    """Evaluate all currents once (initialisation)."""
    for b in range(first_block, last_block):
        for k in range(kernels.shape[0]):
            _call(kernels, k, CURRENT, b, t, dt)


@njit(forceinline=True, error_model="numpy")
def _call(kernels, k, which, b, t, dt):
    first = index32(kernels[k, RANGES], b)
    last = index32(kernels[k, RANGES], b + 1)
    if first < last and kernels[k, which] != 0:
        call_kernel(kernels[k, which], kernels[k, CONTEXT], first, last, t, dt)


@njit(forceinline=True, error_model="numpy")
def _detect(V, first, last, gate_elements, thresholds, above, times, counts, t):
    """Note an upward crossing: v above the threshold now and not at the test before."""
    for g in range(first, last):
        high = load_one(V, gate_elements[g]) > thresholds[g]
        if high and not above[g]:
            times[g, counts[g]] = t + 1e-10
            counts[g] += 1
        above[g] = high


@njit(forceinline=True, error_model="numpy")
def _sweep(runs, lo, hi, base, lanes, zero, leaky, nodes):
    """Solve one step; return False and leave V alone when the root's change is not finite."""
    V, R, D, D0, U, F, Y, INV, GP, EP = nodes
    backward(runs, lo, hi, base, lanes, zero, leaky, V, R, D, U, F, Y, INV, GP, EP)
    if not every(fabs(load_like(Y, base, zero)) < 1e100):
        return False
    forward(runs, lo, hi, base, lanes, zero, V, R, D, D0, F, Y)
    return True


@njit(error_model="numpy", cache=True, nogil=True)
def advance_blocks(
    blocks,
    first_block,
    last_block,
    runs,
    nodes,
    kernels,
    gates,
    probes,
    probe_out,
    status,
    t_start,
    dt,
    first_step,
    steps,
):
    """Advance blocks ``first_block`` to ``last_block`` by ``steps`` steps.

    ``gates`` is (elements, thresholds, above, times, counts) of the detectors, ``probes`` is (addresses, periods,
    rows) of the recorded values; sample s of probe p goes to ``probe_out[rows[p] ...]``. ``status[b]`` becomes the
    step at which block b was seen to be unstable; such a block is left as it was before that step.
    """
    gate_elements, thresholds, above, times, counts = gates
    probe_addresses, probe_periods, probe_offsets = probes
    V = nodes[0]
    zero = splat(0.0)
    for b in range(first_block, last_block):
        t = t_start
        base, lo, hi, leaky = blocks[b, BASE], blocks[b, RUNS_FIRST], blocks[b, RUNS_LAST], blocks[b, LEAKY]
        for step in range(first_step, first_step + steps):
            gates_first, gates_last = blocks[b, GATES_FIRST], blocks[b, GATES_LAST]
            _detect(V, gates_first, gates_last, gate_elements, thresholds, above, times, counts, t)
            t += 0.5 * dt
            for k in range(kernels.shape[0]):
                _call(kernels, k, CURRENT, b, t, dt)
            if blocks[b, WIDTH] == LANES:
                fine = _sweep(runs, lo, hi, base, LANES, zero, leaky, nodes)
            else:
                fine = _sweep(runs, lo, hi, base, 1, 0.0, leaky, nodes)
            if not fine:
                status[b] = step
                break
            t += 0.5 * dt
            for k in range(kernels.shape[0]):
                _call(kernels, k, ADVANCE, b, t, dt)
            done = step + 1
            for p in range(blocks[b, PROBES_FIRST], blocks[b, PROBES_LAST]):
                if done % probe_periods[p] == 0:
                    sample = done // probe_periods[p] - first_step // probe_periods[p] - 1
                    probe_out[probe_offsets[p] + sample] = load_one(probe_addresses[p], 0)
