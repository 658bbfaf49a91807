"""Longest processing time first: items in order of falling cost, each to the rank that has least to do.

Strategy: ranks stand in a binary heap by (load, rank); the root takes the next item and sinks. No item is looked at
twice, and nothing depends on anything but the order of the items.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

import numpy as np
from numba import njit


@njit(error_model="numpy", cache=True, nogil=True)
def assign(cost, chunk_first, rank_first, owner):
    """Give every item of every chunk to one of the chunk's ranks.

    Parameters
    ----------
    cost : float64 (items,)
        Costs, falling within each chunk.
    chunk_first : int64 (chunks + 1,)
        First item of each chunk.
    rank_first : int64 (chunks + 1,)
        First rank of each chunk.
    owner : int32 (items,)
        Filled.

    Notes
    -----
    Graham 1969, doi:10.1137/0117039: the largest load is at most 4/3 of the least possible. Equal loads go to the
    lower rank.
    """
    for c in range(len(chunk_first) - 1):
        n = rank_first[c + 1] - rank_first[c]
        load, rank = np.zeros(n), np.arange(n)
        for k in range(chunk_first[c], chunk_first[c + 1]):
            mine, sum_ = rank[0], load[0] + cost[k]
            owner[k] = rank_first[c] + mine
            at = 0
            while True:
                below = 2 * at + 1
                if below >= n:
                    break
                right = below + 1
                if right < n and (
                    load[right] < load[below] or (load[right] == load[below] and rank[right] < rank[below])
                ):
                    below = right
                if sum_ < load[below] or (sum_ == load[below] and mine < rank[below]):
                    break
                load[at], rank[at] = load[below], rank[below]
                at = below
            load[at], rank[at] = sum_, mine
