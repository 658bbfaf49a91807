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

PASSIVE, WORKING, EDGE = 0, 1, 2
"""Activity of a run: constant factors below another such run, active, constant factors below an active run."""


@njit(forceinline=True, error_model="numpy")
def factor(runs, first, last, base, lanes, zero, D, D0, U, F, INV):
    """Compute the constant factors F, INV of all inactive runs, and reset D to D0 in the active ones."""
    for r in range(last - 1, first - 1, -1):
        start, end = index32(runs, r * RUN_WORDS), index32(runs, r * RUN_WORDS + END)
        parent = index32(runs, r * RUN_WORDS + PARENT)
        if index32(runs, r * RUN_WORDS + ACTIVE) == WORKING:
            continue
        carry = zero
        for i in range(end - 1, start - 1, -1):
            e = base + i * lanes
            u = load_like(U, e, zero)
            inv = 1.0 / (load_like(D, e, zero) + carry)
            f = inv * u
            store_like(INV, e, inv)
            store_like(F, e, f)
            carry = -(f * u)
        if parent >= 0:
            e = base + parent * lanes
            store_like(D, e, load_like(D, e, zero) + carry)
    for r in range(first, last):
        if index32(runs, r * RUN_WORDS + ACTIVE) == WORKING:
            for i in range(index32(runs, r * RUN_WORDS), index32(runs, r * RUN_WORDS + END)):
                store_like(D, base + i * lanes, load_like(D0, base + i * lanes, zero))


@njit(forceinline=True, error_model="numpy")
def backward(runs, first, last, base, lanes, zero, leaky, V, R, D, U, F, Y, INV, GP, EP):
    """Eliminate from the tips to the root; leaves Y = R/D and F everywhere."""
    for r in range(last - 1, first - 1, -1):
        start, end = index32(runs, r * RUN_WORDS), index32(runs, r * RUN_WORDS + END)
        parent, active = index32(runs, r * RUN_WORDS + PARENT), index32(runs, r * RUN_WORDS + ACTIVE)
        e = base + (end - 1) * lanes
        v = load_like(V, e, zero)
        carry_r = load_like(R, e, zero)
        carry_d = zero
        above = base + max(parent, 0) * lanes
        for i in range(end - 1, start - 1, -1):
            e = base + i * lanes
            v_parent = load_like(V, e - lanes if i > start else above, zero)
            u = load_like(U, e, zero)
            axial = u * (v_parent - v)
            rhs = carry_r + axial
            if leaky:
                rhs = fma(load_like(GP, e, zero), load_like(EP, e, zero) - v, rhs)
            if active == WORKING:
                inv = 1.0 / (load_like(D, e, zero) + carry_d)
                f = inv * u
                store_like(F, e, f)
                store_like(Y, e, rhs * inv)
                carry_d = -(f * u)
                carry_r = fma(f, rhs, -axial)
                if i > start:
                    carry_r = load_like(R, e - lanes, zero) + carry_r
            else:
                f = load_like(F, e, zero)
                store_like(Y, e, rhs * load_like(INV, e, zero))
                carry_r = fma(f, rhs, -axial)
                carry_d = -(f * u)
            v = v_parent
        if parent >= 0:
            store_like(R, above, load_like(R, above, zero) + carry_r)
            if active != PASSIVE:
                store_like(D, above, load_like(D, above, zero) + carry_d)


@njit(forceinline=True, error_model="numpy")
def forward(runs, first, last, base, lanes, zero, V, R, D, D0, F, Y):
    """Substitute from the root to the tips, add the change to V, and clear R and D for the next step."""
    for r in range(first, last):
        start, end = index32(runs, r * RUN_WORDS), index32(runs, r * RUN_WORDS + END)
        parent = index32(runs, r * RUN_WORDS + PARENT)
        x = zero
        if parent >= 0:
            x = load_like(Y, base + parent * lanes, zero)
        if index32(runs, r * RUN_WORDS + ACTIVE) == WORKING:
            for i in range(start, end):
                e = base + i * lanes
                x = fma(load_like(F, e, zero), x, load_like(Y, e, zero))
                store_like(Y, e, x)
                store_like(V, e, load_like(V, e, zero) + x)
                store_like(R, e, zero)
                store_like(D, e, load_like(D0, e, zero))
        else:
            for i in range(start, end):
                e = base + i * lanes
                x = fma(load_like(F, e, zero), x, load_like(Y, e, zero))
                store_like(V, e, load_like(V, e, zero) + x)
            e = base + (end - 1) * lanes
            store_like(Y, e, x)
            store_like(R, e, zero)
