"""Room for messages in transfers of fixed size: what was needed lately, found by both ends alike.

Whoever sends and whoever receives see the same lengths, so that they come to the same room without a word.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from neurosim.hpc.comm import Longs

_FEWEST: Final = 16
_MOST: Final = 2048
_EVERY: Final = 64


class Capacity:
    """Words that have room in the first transfer; longer messages go in a second one.

    Parameters
    ----------
    n : int
        Number of messages in a window.
    most : int
        Never more words than this.
    """

    def __init__(self, n: int, most: int = _MOST) -> None:
        self.words: Longs = np.full(n, min(4 * _FEWEST, most), np.int64)
        self._most, self._seen, self._windows = most, np.zeros(n, np.int64), 0

    def note(self, lengths: Longs) -> bool:
        """Take the lengths of a window's messages; return whether ``words`` changed."""
        np.maximum(self._seen, lengths, out=self._seen)
        self._windows += 1
        if self._windows % _EVERY:
            return False
        room = np.clip(self._seen, min(_FEWEST, self._most), self._most)
        words = np.minimum(1 << np.ceil(np.log2(room)).astype(np.int64), self._most)
        self._seen[:] = 0
        changed = not np.array_equal(words, self.words)
        self.words = words
        return changed
