"""Morton order: three whole numbers woven into one key, so that what is near in space is near in order.

A position has 16 bits an axis, 0 to ``STEPS`` along the sides of a cube; its key has 48, and the first ``3 * level``
bits of a key name a box that is the cube halved ``level`` times. Kernels only; nodes are made in ``build_octree``.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

BITS = 16
"""Of one axis."""
KEY_BITS = 3 * BITS
_DIGIT = 12
_BUCKETS = 1 << _DIGIT


@njit(cache=True)
def spread(value):
    """Return 16 bits with two zeros between each and the next, as uint64."""
    x = np.uint64(value) & np.uint64(0xFFFF)
    x = (x | (x << np.uint64(16))) & np.uint64(0x0000FF0000FF)
    x = (x | (x << np.uint64(8))) & np.uint64(0x00F00F00F00F)
    x = (x | (x << np.uint64(4))) & np.uint64(0x0C30C30C30C3)
    return (x | (x << np.uint64(2))) & np.uint64(0x249249249249)


def gathered(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return every third bit of keys uint64 (n,), from the lowest: what ``spread`` put there. No kernel."""
    x = keys & np.uint64(0x249249249249)
    x = (x | (x >> np.uint64(2))) & np.uint64(0x0C30C30C30C3)
    x = (x | (x >> np.uint64(4))) & np.uint64(0x00F00F00F00F)
    x = (x | (x >> np.uint64(8))) & np.uint64(0x0000FF0000FF)
    gathered_bits: NDArray[np.uint64] = (x | (x >> np.uint64(16))) & np.uint64(0xFFFF)
    return gathered_bits


@njit(cache=True)
def keys_of(position, out):
    """Write the keys of positions uint16 (n, 3) to ``out`` uint64 (n,); x has the highest bit of each three."""
    for i in range(len(position)):
        x, y, z = spread(position[i, 0]), spread(position[i, 1]), spread(position[i, 2])
        out[i] = (x << np.uint64(2)) | (y << np.uint64(1)) | z


@njit(cache=True)
def bounds(position_um, low, high):
    """Widen ``low``, ``high`` float64 (3,) by all places; return the first row that is not finite, or -1."""
    for i in range(len(position_um)):
        for axis in range(3):
            value = np.float64(position_um[i, axis])
            if not np.isfinite(value):
                return i
            low[axis] = min(low[axis], value)
            high[axis] = max(high[axis], value)
    return -1


@njit(cache=True)
def quantise(position_um, low, steps_per_um, out):
    """Write positions as whole numbers 0 to 65535 to ``out`` uint16 (n, 3), nearest step."""
    for i in range(len(position_um)):
        for axis in range(3):
            at = (np.float64(position_um[i, axis]) - low[axis]) * steps_per_um + 0.5
            out[i, axis] = np.uint16(min(max(at, 0.0), 65535.0))


@njit(cache=True)
def sort(keys, order, other_keys, other_order):
    """Sort keys and carry ``order`` along; equal keys keep their order.

    Parameters
    ----------
    keys, order : uint64 (n,), uint32 (n,)
        Sorted on return.
    other_keys, other_order : the same
        Scratch.

    Notes
    -----
    Strategy: a radix sort from the lowest digit, four passes of 12 bits over keys of 48. An even number of passes ends
    in the arrays it began with. A digit that is the same in all keys costs no pass of copying - but then the number of
    passes may be odd, and the result is copied back.
    """
    n = len(keys)
    counts = np.zeros((KEY_BITS // _DIGIT, _BUCKETS), np.int64)
    mask = np.uint64(_BUCKETS - 1)
    for i in range(n):
        key = keys[i]
        for digit in range(KEY_BITS // _DIGIT):
            counts[digit, (key >> np.uint64(digit * _DIGIT)) & mask] += 1
    source_keys, source_order, target_keys, target_order = keys, order, other_keys, other_order
    swapped = False
    for digit in range(KEY_BITS // _DIGIT):
        shift = np.uint64(digit * _DIGIT)
        if n == 0 or counts[digit, (source_keys[0] >> shift) & mask] == n:
            continue
        at = 0
        for bucket in range(_BUCKETS):
            size = counts[digit, bucket]
            counts[digit, bucket] = at
            at += size
        for i in range(n):
            key = source_keys[i]
            bucket = (key >> shift) & mask
            to = counts[digit, bucket]
            counts[digit, bucket] = to + 1
            target_keys[to] = key
            target_order[to] = source_order[i]
        source_keys, target_keys = target_keys, source_keys
        source_order, target_order = target_order, source_order
        swapped = not swapped
    if swapped:
        keys[:] = other_keys
        order[:] = other_order
