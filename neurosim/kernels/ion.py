"""Start of a current evaluation for one ion: its total current set to zero, its reversal potential refreshed.

The reversal potential is Nernst's, ``1000 R T / (z F) ln(co / ci)`` mV; as in NEURON 1e6 where ci <= 0, else -1e6
where co <= 0.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

from numba import cfunc

from neurosim.kernels.access import KERNEL_SIGNATURE, load, load_one, store, word
from neurosim.kernels.simd import log, where


@cfunc(KERNEL_SIGNATURE, cache=True, error_model="numpy")
def ion_kernel(context, first, last, t, dt):
    """Treat rows ``first`` to ``last``; the context is ``neurosim.engine.ions.ION_WORDS``."""
    total, reversal = word(context, 0), word(context, 1)
    inside, inside_stride = word(context, 2), word(context, 3)
    outside, outside_stride = word(context, 4), word(context, 5)
    refresh, factor = word(context, 6), word(context, 7)
    for i in range(first, last):
        if total != 0:
            store(total, i * 8, 0.0)
        if reversal != 0:
            ci, co = load(inside, i * inside_stride), load(outside, i * outside_stride)
            nernst = load_one(factor, 0) * log(co / ci)
            nernst = where(ci <= 0.0, 1e6, where(co <= 0.0, -1e6, nernst))
            store(reversal, i * 8, where(load(refresh, i * 8) > 0.0, nernst, load(reversal, i * 8)))
