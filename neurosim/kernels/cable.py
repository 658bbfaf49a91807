"""Sweeps of the cable equation over one block: implicit step in delta form, by elimination along the tree (Hines).

A block holds one cell a lane (or one single cell); its nodes are ordered depth first, parent before child, and cut into
*runs*: unbranched stretches in which node i's parent is i - 1. A run is *active* when a mechanism adds conductance to
one of its nodes or to one below it; the elimination factors of the other runs are constant and computed once.

========  =======================================================================  ===============
symbol    meaning (of node i; p its parent)                                         unit
========  =======================================================================  ===============
V         membrane voltage                                                          mV
R         right-hand side: minus the outward currents, times area                   0.01 nA
D         diagonal: capacitance/dt, conductances and axial couplings, times area    um2 S/cm2
D0        the part of D that does not change                                        um2 S/cm2
U         axial coupling to the parent, 100/r_axial                                 um2 S/cm2
GP, EP    passive leak: conductance times area, and its reversal potential          um2 S/cm2, mV
F         U/D after elimination                                                     1
Y         R/D after elimination; the voltage change after the forward sweep         mV
INV       1/D after elimination, constant runs only                                 cm2/(um2 S)
CR, CD    at a run's first node: what it hands to its parent's R, and its 1/D         as R, INV
========  =======================================================================  ===============

With x the voltage change: ``D x = R + sum over neighbours U (v_neighbour - v) + GP (EP - v)``. Solving for the
change and not for the voltage keeps rounding 24 times smaller. Hines 1984, doi:10.1016/0020-7101(84)90008-4.

Every operation on a lane is the same whatever the block, so results do not depend on how cells are grouped.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

from numba import njit

from neurosim.kernels.access import index32, load_like, store_like
from neurosim.kernels.simd import fma

START, END, PARENT, ACTIVE, RUN_WORDS = 0, 1, 2, 3, 4
"""Columns of the int32 table of runs: first node, last node + 1, node before the first (-1 at the root), activity."""

HEADER, OP_WORDS = 8, 8
"""Words before the tables of a plan, and of one of its operations: kind, number of nodes, highest node, node above the
run (-1: none), where the list of runs below it stands, and their number."""

CONSTANT, VARYING = range(2)
"""Kinds of operations: a run of constant factors, and one whose factors change."""

NOWHERE, BY_NODE, EVERYWHERE = range(3)
"""Where a block has leak: nowhere, with a reversal potential for each node, or with one for each lane."""

PASSIVE, WORKING, EDGE = 0, 1, 2
"""Activity of a run: constant factors below another such run, active, constant factors below an active run."""


@njit(forceinline=True, error_model="numpy")
def _diagonal(plan, at, count, e, lanes, base, zero, D, U, CD):
    """Return D of a run's last node after elimination of the runs below it, last child first."""
    diag = load_like(D, e, zero)
    for k in range(count):
        child = base + index32(plan, at + k) * lanes
        u = load_like(U, child, zero)
        diag = fma(-(u * u), load_like(CD, child, zero), diag)
    return diag


@njit(forceinline=True, error_model="numpy")
def _carry(plan, at, count, lanes, base, zero, CR):
    """Return what the runs below a run hand to its last node's R, last child first."""
    total = zero
    for k in range(count):
        total = total + load_like(CR, base + index32(plan, at + k) * lanes, zero)
    return total


@njit(forceinline=True, error_model="numpy")
def factor(plan, base, lanes, zero, D, U, F, INV, CD):
    """Compute the constant factors F, INV of all runs that are constant."""
    at = index32(plan, 3)
    for k in range(index32(plan, 2)):
        op = at + k * OP_WORDS
        if index32(plan, op) != CONSTANT:
            continue
        count, high = index32(plan, op + 1), index32(plan, op + 2)
        e = base + high * lanes
        diag = _diagonal(plan, index32(plan, op + 4), index32(plan, op + 5), e, lanes, base, zero, D, U, CD)
        inv = zero
        for j in range(count):
            e = base + (high - j) * lanes
            u = load_like(U, e, zero)
            inv = 1.0 / diag
            store_like(INV, e, inv)
            store_like(F, e, inv * u)
            if j < count - 1:
                diag = fma(-(u * u), inv, load_like(D, e - lanes, zero))
        store_like(CD, e, inv)


@njit(forceinline=True, error_model="numpy")
def _own(e, above, leaky, reversal, zero, V, R, U, GP, EP):
    """Return a node's right-hand side without what hangs on it, the axial current into it, and its coupling."""
    v, u = load_like(V, e, zero), load_like(U, e, zero)
    axial = u * (load_like(V, above, zero) - v)
    own = load_like(R, e, zero) + axial
    if leaky == EVERYWHERE:
        own = fma(load_like(GP, e, zero), reversal - v, own)
    elif leaky == BY_NODE:
        own = fma(load_like(GP, e, zero), load_like(EP, e, zero) - v, own)
    return own, axial, u


@njit(forceinline=True, error_model="numpy")
def eliminate(e, above, carry, diag, leaky, reversal, zero, V, R, U, F, Y, GP, EP):
    """Eliminate one node; return what it hands to its parent's R, its 1/D and its coupling squared.

    Strategy: the next node waits for 1/D and one fma only.
    """
    own, axial, u = _own(e, above, leaky, reversal, zero, V, R, U, GP, EP)
    right = own + carry
    inv = 1.0 / diag
    f = inv * u
    store_like(F, e, f)
    store_like(Y, e, right * inv)
    return fma(f, right, -axial), inv, u * u


@njit(forceinline=True, error_model="numpy")
def _constant_run(plan, op, lanes, base, leaky, reversal, zero, V, R, U, F, Y, INV, GP, EP, CR):
    """Walk a run of constant factors."""
    count, high, above = index32(plan, op + 1), index32(plan, op + 2), index32(plan, op + 3)
    carry = _carry(plan, index32(plan, op + 4), index32(plan, op + 5), lanes, base, zero, CR)
    e = base + high * lanes
    for k in range(count):
        e = base + (high - k) * lanes
        up = e - lanes if k < count - 1 else base + max(above, 0) * lanes
        own, axial, _u = _own(e, up, leaky, reversal, zero, V, R, U, GP, EP)
        right = own + carry
        store_like(Y, e, right * load_like(INV, e, zero))
        carry = fma(load_like(F, e, zero), right, -axial)
    store_like(CR, e, carry)


@njit(forceinline=True, error_model="numpy")
def backward(plan, base, lanes, zero, leaky, reversal, V, R, D, U, F, Y, INV, GP, EP, CR, CD):
    """Eliminate from the tips to the root; leaves Y = R/D and F everywhere."""
    at = index32(plan, 3)
    for k in range(index32(plan, 2)):
        op = at + k * OP_WORDS
        kind, n = index32(plan, op), index32(plan, op + 1)
        if kind == CONSTANT:
            _constant_run(plan, op, lanes, base, leaky, reversal, zero, V, R, U, F, Y, INV, GP, EP, CR)
            continue
        above, first, count = index32(plan, op + 3), index32(plan, op + 4), index32(plan, op + 5)
        e = base + index32(plan, op + 2) * lanes
        carry = _carry(plan, first, count, lanes, base, zero, CR)
        diag = _diagonal(plan, first, count, e, lanes, base, zero, D, U, CD)
        inv = zero
        for j in range(n):
            up = e - lanes if j < n - 1 else base + max(above, 0) * lanes
            carry, inv, uu = eliminate(e, up, carry, diag, leaky, reversal, zero, V, R, U, F, Y, GP, EP)
            if j < n - 1:
                e -= lanes
                diag = fma(-uu, inv, load_like(D, e, zero))
        store_like(CR, e, carry)
        store_like(CD, e, inv)


@njit(forceinline=True, error_model="numpy")
def forward(plan, base, lanes, zero, V, R, D, D0, F, Y):
    """Substitute from the root to the tips, add the change to V, and clear R and D for the next step."""
    at = index32(plan, 1)
    for r in range(index32(plan, 0)):
        row = at + r * RUN_WORDS
        start, end, parent = index32(plan, row), index32(plan, row + END), index32(plan, row + PARENT)
        x = zero
        if parent >= 0:
            x = load_like(Y, base + parent * lanes, zero)
        for i in range(start, end):
            e = base + i * lanes
            x = fma(load_like(F, e, zero), x, load_like(Y, e, zero))
            store_like(V, e, load_like(V, e, zero) + x)
        store_like(Y, base + (end - 1) * lanes, x)
    at = index32(plan, 5)
    for k in range(index32(plan, 4)):
        e = base + index32(plan, at + k) * lanes
        store_like(R, e, zero)
        store_like(D, e, load_like(D0, e, zero))
