"""Sweeps over a packed block (``neurosim.engine.packing``): the algebra of ``cable.py``, runs in the lanes.

Arrays and symbols are those of ``cable``. A batch is walked from its last row to its first: where a run ends in some
lane (a *stop*), what it hands on is stored at its first node, and the place above it starts a new, idle life with a
diagonal so large that nothing comes of it. Below, the head of each run gets the change of the node it hangs on.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

from numba import njit

from neurosim.kernels.access import index32, load, load_one, store, store_one
from neurosim.kernels.cable import eliminate
from neurosim.kernels.simd import LANES, fma, splat

HEADER, BATCH_WORDS = 8, 32
"""Words before the table of batches (their number; number and place of the list of touched rows, of that of the
roots), and of one batch."""

FIRST, ROWS, STOPS_N, JOINS_N, JOINS, PAIRED, STOPS, HEADS, ABOVE = 0, 1, 2, 3, 4, 5, 8, 16, 24
"""Columns of a batch: first place, rows, number of stops, of lanes with branches and where those are listed, whether
the next batch is walked with it; rows of the stops, last first; by lane the head and the node that the run hangs on
(-1: a root). A lane with branches is listed as lane, number of branches, first node of each, last branch first. The
second of a pair needs nothing from the first and has no more rows."""

IDLE_DIAGONAL = 2.0**200
"""Diagonal of places that are no node."""


@njit(forceinline=True, error_model="numpy")
def _join(plan, at, count, last, base, scratch, D, U, CR, CD):
    """Write to the scratch row what the runs below the last nodes hand to R, and D after their elimination."""
    store(CD, scratch, load(D, last))
    store(CR, scratch, splat(0.0))
    for _ in range(count):
        lane, n = index32(plan, at), index32(plan, at + 1)
        diag, total = load_one(D, last + lane), 0.0
        for k in range(n):
            child = base + index32(plan, at + 2 + k)
            u = load_one(U, child)
            diag = fma(-(u * u), load_one(CD, child), diag)
            total = total + load_one(CR, child)
        store_one(CD, scratch + lane, diag)
        store_one(CR, scratch + lane, total)
        at += 2 + n


@njit(forceinline=True, error_model="numpy")
def _start(plan, op, base, scratch, nodes):
    """Return the last row of a batch, what is carried into it, and its D."""
    _V, _R, D, _D0, U, _F, _Y, _INV, _GP, _EP, CR, CD = nodes
    e = base + index32(plan, op + FIRST) + (index32(plan, op + ROWS) - 1) * LANES
    carry, diag = splat(0.0), load(D, e)
    if index32(plan, op + JOINS_N) > 0:
        _join(plan, index32(plan, op + JOINS), index32(plan, op + JOINS_N), e, base, scratch, D, U, CR, CD)
        carry, diag = load(CR, scratch), load(CD, scratch)
    return e, carry, diag


@njit(forceinline=True, error_model="numpy")
def _row(e, carry, diag, leaky, reversal, nodes):
    """Eliminate a row; return what it carries to the row above, D there, and 1/D here."""
    V, R, D, _D0, U, F, Y, _INV, GP, EP, _CR, _CD = nodes
    carry, inv, uu = eliminate(e, e - LANES, carry, diag, leaky, reversal, splat(0.0), V, R, U, F, Y, GP, EP)
    return carry, fma(-uu, inv, load(D, e - LANES)), inv


@njit(forceinline=True, error_model="numpy")
def _stop(plan, op, base, s):
    """Return the place of a batch's stop; after the last one something below all places."""
    if s < index32(plan, op + STOPS_N):
        return base + index32(plan, op + FIRST) + index32(plan, op + STOPS + s) * LANES
    return -1


@njit(forceinline=True, error_model="numpy")
def _up(plan, base, scratch, leaky, nodes):
    """Eliminate all batches.

    Strategy: a row waits for the division of the one below, so two batches that do not need one another are walked
    together.
    """
    EP, CR, CD = nodes[9], nodes[10], nodes[11]
    b = 0
    while b < index32(plan, 0):
        op = HEADER + b * BATCH_WORDS
        reversal = load(EP, base + index32(plan, op + FIRST))
        e, carry, diag = _start(plan, op, base, scratch, nodes)
        inv, s, stop = diag, 0, _stop(plan, op, base, 0)
        if index32(plan, op + PAIRED) > 0:
            op2 = op + BATCH_WORDS
            reversal2 = load(EP, base + index32(plan, op2 + FIRST))
            e2, carry2, diag2 = _start(plan, op2, base, scratch, nodes)
            inv2, s2, stop2 = diag2, 0, _stop(plan, op2, base, 0)
            while stop2 >= 0:
                for _ in range(min(e - stop, e2 - stop2) // LANES + 1):
                    carry, diag, inv = _row(e, carry, diag, leaky, reversal, nodes)
                    carry2, diag2, inv2 = _row(e2, carry2, diag2, leaky, reversal2, nodes)
                    e -= LANES
                    e2 -= LANES
                if e < stop:
                    store(CR, stop, carry)
                    store(CD, stop, inv)
                    s += 1
                    stop = _stop(plan, op, base, s)
                if e2 < stop2:
                    store(CR, stop2, carry2)
                    store(CD, stop2, inv2)
                    s2 += 1
                    stop2 = _stop(plan, op2, base, s2)
            b += 1
        while stop >= 0:
            while e >= stop:
                carry, diag, inv = _row(e, carry, diag, leaky, reversal, nodes)
                e -= LANES
            store(CR, stop, carry)
            store(CD, stop, inv)
            s += 1
            stop = _stop(plan, op, base, s)
        b += 1


@njit(forceinline=True, error_model="numpy")
def _down(plan, base, nodes):
    """Substitute in all batches, last first, and add the changes to V."""
    V, _R, _D, _D0, _U, F, Y, _INV, _GP, _EP, _CR, _CD = nodes
    for b in range(index32(plan, 0) - 1, -1, -1):
        op = HEADER + b * BATCH_WORDS
        e = base + index32(plan, op + FIRST)
        for k in range(LANES):
            head = index32(plan, op + HEADS + k)
            if head >= 0:
                store_one(Y, base + head, load_one(Y, base + index32(plan, op + ABOVE + k)))
        x = splat(0.0)
        for _ in range(index32(plan, op + ROWS)):
            x = fma(load(F, e), x, load(Y, e))
            store(V, e, load(V, e) + x)
            e += LANES
        store(Y, e - LANES, x)


@njit(error_model="numpy")
def sweep_packed(plan, base, scratch, leaky, nodes):
    """Solve one step of a packed block; return False and leave V alone when a root's change is not finite.

    Parameters
    ----------
    plan : int
        Address of the int32 plan.
    base, scratch : int
        First element of the block, and of eight that are no place of it.
    leaky : int
        Kind of leak, as in ``cable``; with one reversal potential for each lane it stands in a batch's first row.
    nodes : tuple of int
        Addresses of the node arrays, ``neurosim.engine.driver.NODES``.
    """
    R, D, D0, Y = nodes[1], nodes[2], nodes[3], nodes[6]
    _up(plan, base, scratch, leaky, nodes)
    at = index32(plan, 4)
    for k in range(index32(plan, 3)):
        if not abs(load_one(Y, base + index32(plan, at + k))) < 1e100:
            return False
    _down(plan, base, nodes)
    at = index32(plan, 2)
    for k in range(index32(plan, 1)):
        e = base + index32(plan, at + k)
        store(R, e, 0.0)
        store(D, e, load(D0, e))
    return True
