"""Reading scattered float64 values by address, in one call."""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

from numba import njit

from neurosim.kernels.access import load_one


@njit(error_model="numpy", cache=True)
def read_all(addresses, out):
    """Copy the value at each address (int64 (n,)) into ``out`` (float64 (n,))."""
    for k in range(len(addresses)):
        out[k] = load_one(addresses[k], 0)
