"""The loop over groups of blocks and time steps; everything in it is compiled.

``advance_range`` carries a range of groups through a number of steps, window by window. A *group* is the blocks that
must stay together in every step: one block, or those of cells that are coupled continuously. The outer loop is over
groups, so that one block stays in the cache for a whole window; groups do not touch each other's memory, so threads may
share them. Between windows spikes become events of later windows.

One step from t to t + dt, as NEURON's fixed step with ``secondorder = 0``: events up to t + dt/2; currents of all
mechanisms at t + dt/2; backward and forward sweep; voltages seen by other cells; states of all mechanisms at t + dt;
recording; events up to t + dt; threshold detectors and WATCH (which NEURON tests first thing in the next step). Time
is accumulated in half steps.

The columns of its int64 tables are named below; ``neurosim.engine.engine`` fills them.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

from numba import njit

from neurosim.kernels.access import (
    call_kernel,
    index32,
    load_like,
    load_one,
    store_index32,
    store_one,
    store_word,
    word,
)
from neurosim.kernels.cable import backward, factor, forward
from neurosim.kernels.events import deliver, drain_ring, due_in_heap, fan_out, watch_block
from neurosim.kernels.packed import sweep_packed
from neurosim.kernels.queue import (
    AT_ONCE,
    BIN,
    CLASSES,
    ENDS,
    KEY,
    LIVE,
    LIVE_GENERAL,
    SELF,
    SPIKES,
    SPIKES_N,
    START,
    TIME,
    TRAIN,
    fire,
    push,
    sort_bin,
    sort_spikes,
)
from neurosim.kernels.simd import LANES, every, fabs, splat

BASE, WIDTH, SWEEP, IDLE, LEAKY, PROBES_FIRST, PROBES_LAST, GATES_FIRST, GATES_LAST, BLOCK_WORDS = range(10)
"""Columns of the table of blocks: first element, lanes, address of the plan of the sweeps (0: no tree), element that is
no node (for the leak's reversal potential), kind of leak, ranges of probes and of detectors."""

FIRST_BLOCK, LAST_BLOCK, TRANSFERS_FIRST, TRANSFERS_LAST, INJECTED_FIRST, INJECTED_LAST, LINKED, GROUP_WORDS = range(8)
"""Columns of the table of groups: range of blocks, of transfers, of injected currents; whether cells of other processes
see it or are seen."""

FROM, TO, TO_PLACE, TRANSFER_GROUP, TRANSFER_WORDS = range(5)
"""Columns of the table of transfers: element of V, address and place of the field that gets it, group."""

(
    BLOCKS, GROUPS, V, KERNELS, KERNELS_N, GATE_ELEMENTS, THRESHOLDS, ABOVE, SOURCES, PROBES, PERIODS, OFFSETS,
    SAMPLES, STATUS, TRANSFERS, TRAIN_TIMES, TRAIN_SOURCES, TRAINS_N, RINGS, WATCHES, INJECTED, CURRENTS,
    SWAP, PLAN_WORDS,
) = range(24)  # fmt: skip
"""Words of the plan: addresses of the tables of blocks and groups, of V, of kernels and their number; of the detectors:
elements (int64), thresholds (float64), whether above (int32), who fires (int32); of the probes: addresses, periods,
where samples begin, samples; status by block; transfers; given trains' spikes (float64 ms, int32 gid) and their number;
whether there are rings, WATCH; injected currents: elements (int64), values (float64, in R's unit); what
swaps voltages with other processes (``neurosim.engine.ghosts``)."""

CURRENT, ADVANCE, CONTEXT, RANGES, KERNEL_WORDS = range(5)
"""Columns of the table of kernels: two code addresses (0: none), context, address of int32 ``first[block]``."""

NODES = ("V", "R", "D", "D0", "U", "F", "Y", "INV", "GP", "EP", "CR", "CD")
"""Order of the addresses of the node arrays."""

HAS_EVENTS = True
HAS_PACKED = True
"""Whether there is anything that receives events, and whether there are packed blocks.
``neurosim.engine.build.compiled`` can load this module with False: what is not needed is not compiled then, which
halves the time to the first step of a single cell."""

PACKED = 0
"""Lanes of a packed block in the table of blocks."""

FINE = -1
"""Status of a block that is not unstable; otherwise the step at which it was seen."""


@njit(error_model="numpy", cache=True, nogil=True)
def factor_blocks(blocks, first_block, last_block, nodes):
    """Compute the constant elimination factors of a range of blocks."""
    _V, _R, D, _D0, U, F, _Y, INV, _GP, _EP, _CR, CD = nodes
    for b in range(first_block, last_block):
        plan = blocks[b, SWEEP]
        if plan == 0 or blocks[b, WIDTH] == PACKED:
            continue
        if blocks[b, WIDTH] == LANES:
            factor(plan, blocks[b, BASE], LANES, splat(0.0), D, U, F, INV, CD)
        else:
            factor(plan, blocks[b, BASE], 1, 0.0, D, U, F, INV, CD)


@njit(error_model="numpy", cache=True, nogil=True)
def current_blocks(kernels, first_block, last_block, t, dt):
    """Evaluate all currents once (initialisation)."""
    for b in range(first_block, last_block):
        for k in range(kernels.shape[0]):
            _call(kernels, k, CURRENT, b, t, dt)


@njit(error_model="numpy", cache=True)
def send(m, group, time, flag, entry, place):
    """Add a self-event that INITIAL sends."""
    push(m, group, time, 0.0, flag, -1, entry, place, SELF)


@njit(forceinline=True, error_model="numpy")
def _call(kernels, k, which, b, t, dt):
    first = index32(kernels[k, RANGES], b)
    last = index32(kernels[k, RANGES], b + 1)
    if first < last and kernels[k, which] != 0:
        call_kernel(kernels[k, which], kernels[k, CONTEXT], first, last, t, dt)


@njit(forceinline=True, error_model="numpy")
def _sweep(block, lanes, zero, nodes):
    """Solve one step; return False and leave V alone when the root's change is not finite."""
    V, R, D, D0, U, F, Y, INV, GP, EP, CR, CD = nodes
    plan, base, leaky = word(block, SWEEP), word(block, BASE), word(block, LEAKY)
    reversal = load_like(EP, word(block, IDLE), zero)
    backward(plan, base, lanes, zero, leaky, reversal, V, R, D, U, F, Y, INV, GP, EP, CR, CD)
    if not every(fabs(load_like(Y, base, zero)) < 1e100):
        return False
    forward(plan, base, lanes, zero, V, R, D, D0, F, Y)
    return True


@njit(error_model="numpy")
def _sweep_block(block, nodes):
    if word(block, SWEEP) == 0:
        return True
    if HAS_PACKED:  # noqa: SIM102 - only a test of its own is removed before compiling
        if word(block, WIDTH) == PACKED:
            return sweep_packed(word(block, SWEEP), word(block, BASE), word(block, IDLE), word(block, LEAKY), nodes)
    if word(block, WIDTH) == LANES:
        return _sweep(block, LANES, splat(0.0), nodes)
    return _sweep(block, 1, 0.0, nodes)


@njit(forceinline=True, error_model="numpy")
def _step_kernels(p, which, b, t, dt):
    """Call one kernel of every mechanism for a block."""
    kernels = word(p, KERNELS)
    for k in range(word(p, KERNELS_N)):
        row = kernels + 8 * KERNEL_WORDS * k
        first, last = index32(word(row, RANGES), b), index32(word(row, RANGES), b + 1)
        if first < last and word(row, which) != 0:
            call_kernel(word(row, which), word(row, CONTEXT), first, last, t, dt)


@njit(forceinline=True, error_model="numpy")
def _detect(p, m, first, last, t):
    """Note an upward crossing: v above the threshold now and not at the test before."""
    for g in range(first, last):
        high = load_one(word(p, V), word(word(p, GATE_ELEMENTS), g)) > load_one(word(p, THRESHOLDS), g)
        if high != (index32(word(p, ABOVE), g) != 0):
            if high:
                fire(m, t + 1e-10, index32(word(p, SOURCES), g))
            store_index32(word(p, ABOVE), g, high)


@njit(forceinline=True, error_model="numpy")
def _sample(p, first, last, done, first_step):
    for k in range(first, last):
        period = word(word(p, PERIODS), k)
        if done % period == 0:
            at = word(word(p, OFFSETS), k) + done // period - first_step // period - 1
            store_one(word(p, SAMPLES), at, load_one(word(word(p, PROBES), k), 0))


@njit(error_model="numpy")
def _events(p, m, g, half, h, number):
    """Deliver what is due in a group at half step ``half`` of the window, number ``h`` of the clock's table."""
    if word(p, RINGS):
        group = word(p, GROUPS) + 8 * GROUP_WORDS * number
        for b in range(word(group, FIRST_BLOCK), word(group, LAST_BLOCK)):
            drain_ring(m, h, b)
    ends, bucket = word(m, ENDS), half * CLASSES
    lo = word(ends, bucket - 1) if bucket > 0 else 0
    hi = word(ends, bucket + LIVE_GENERAL)
    limit = load_one(word(m, TIME), h)
    if lo < hi or due_in_heap(m, g, limit):
        deliver(m, g, lo, word(ends, bucket + LIVE), hi, limit, h)


@njit(error_model="numpy")
def _advance_group(p, m, nodes, g, number, first_step, step, steps, dt):
    """Advance group ``number``, the ``g``-th of its range, through a window of ``steps`` steps from ``step`` on."""
    group, blocks, clock = word(p, GROUPS) + 8 * GROUP_WORDS * number, word(p, BLOCKS), word(m, TIME)
    first, last = word(group, FIRST_BLOCK), word(group, LAST_BLOCK)
    if HAS_EVENTS:
        h = 2 * step - word(m, START) + 1
        sort_bin(m, index32(word(m, BIN), h), g, index32(word(m, KEY), h) // CLASSES, 2 * steps)
    for s in range(steps):
        h = 2 * (step + s) - word(m, START)
        if HAS_EVENTS:
            _events(p, m, g, 2 * s, h + 1, number)
        for k in range(word(group, INJECTED_FIRST), word(group, INJECTED_LAST)):
            # R is zero here, where a mechanism acts, or what was stored in the step before.
            store_one(nodes[1], word(word(p, INJECTED), k), load_one(word(p, CURRENTS), k))
        fine = True
        for b in range(first, last):
            _step_kernels(p, CURRENT, b, load_one(clock, h + 1), dt)
        for b in range(first, last):
            if not _sweep_block(blocks + 8 * BLOCK_WORDS * b, nodes):
                store_word(word(p, STATUS), b, step + s)
                fine = False
        if not fine:
            return False
        if word(group, LINKED) != 0:
            call_kernel(word(p, SWAP), 0, 0, 0, load_one(clock, h + 2), dt)
        for k in range(word(group, TRANSFERS_FIRST), word(group, TRANSFERS_LAST)):
            row = word(p, TRANSFERS) + 8 * TRANSFER_WORDS * k
            store_one(word(row, TO), word(row, TO_PLACE), load_one(word(p, V), word(row, FROM)))
        t = load_one(clock, h + 2)
        for b in range(first, last):
            _step_kernels(p, ADVANCE, b, t, dt)
            block = blocks + 8 * BLOCK_WORDS * b
            _sample(p, word(block, PROBES_FIRST), word(block, PROBES_LAST), step + s + 1, first_step)
        if HAS_EVENTS:
            _events(p, m, g, 2 * s + 1, h + 2, number)
        for b in range(first, last):
            block = blocks + 8 * BLOCK_WORDS * b
            _detect(p, m, word(block, GATES_FIRST), word(block, GATES_LAST), t)
            if HAS_EVENTS:  # noqa: SIM102 - only a test of its own is removed before compiling
                if word(p, WATCHES):
                    watch_block(m, b, g, t, h + 2)
    return True


@njit(error_model="numpy")
def _play_trains(p, m, lowest, steps, train):
    """Turn the trains' spikes of a window into events; return the next spike of the trains."""
    until = load_one(word(m, TIME), lowest - 1 + 2 * steps)
    while train < word(p, TRAINS_N) and load_one(word(p, TRAIN_TIMES), train) <= until:
        fan_out(m, load_one(word(p, TRAIN_TIMES), train), index32(word(p, TRAIN_SOURCES), train), TRAIN, lowest)
        train += 1
    return train


@njit(forceinline=True, error_model="numpy")
def _sent_out(m, source):
    """Return whether the spikes of a source become events when they are fired."""
    return source >= 0 and word(m, AT_ONCE) != 0 and index32(word(m, AT_ONCE), source) != 0


@njit(error_model="numpy", cache=True, nogil=True)
def advance_range(
    p, m, nodes, first_group, last_group, first_step, step, steps, window, dt, alone, came, came_n, train
):
    """Advance groups ``first_group`` to ``last_group`` by ``steps`` steps from ``step`` on.

    Parameters
    ----------
    p, m : int
        Addresses of the words of the plan (above) and of the range (``neurosim.kernels.queue``).
    nodes : tuple of int
        Addresses of the node arrays.
    first_step : int
        Step at which the samples begin.
    window : int
        Steps of a window; windows begin at its multiples.
    alone : bool
        These are all groups: spikes of one window are the events of the next, and all windows are advanced. Otherwise
        only up to the end of the window under way.
    came, came_n : int
        Address and number of the spikes of cells since the last call, in order of time and source.
    train : int
        First of the given trains' spikes that has not become events.

    Returns
    -------
    int
        First spike of the last window among those of the range, which are sorted window by window.
    """
    begun, end = word(m, SPIKES_N), step + steps
    while step < end:
        n = min(window - step % window, end - step)
        if HAS_EVENTS:
            lowest = 2 * step - word(m, START) + 1
            for k in range(came_n):
                if not _sent_out(m, word(came, 2 * k + 1)):
                    fan_out(m, load_one(came, 2 * k), word(came, 2 * k + 1), LIVE, lowest)
            train = _play_trains(p, m, lowest, n, train)
        begun = word(m, SPIKES_N)
        fine = True
        for g in range(first_group, last_group):
            fine = _advance_group(p, m, nodes, g - first_group, g, first_step, step, n, dt) and fine
        sort_spikes(word(m, SPIKES), begun, word(m, SPIKES_N))
        step += n
        if not (alone and fine):
            break
        came, came_n = word(m, SPIKES) + 16 * begun, word(m, SPIKES_N) - begun
    return begun
