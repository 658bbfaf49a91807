"""``Recent``: what was read lately, kept up to a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Values by key; those not asked for the longest are let go. May be used by several threads.

    Parameters
    ----------
    most_bytes : int
        Bytes that are kept. The value asked for last stays, whatever its size.
    size_of : callable
        Bytes of a value.
    """

    def __init__(self, most_bytes: int, size_of: Callable[[T], int]) -> None:
        self.most_bytes, self.bytes = most_bytes, 0
        self._size_of = size_of
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value of a key, made when it is not there. Two threads may both make it; one of them is kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        value = make()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = value
                self.bytes += self._size_of(value)
                while self.bytes > self.most_bytes and len(self._kept) > 1:
                    self.bytes -= self._size_of(self._kept.popitem(last=False)[1])
        return value

    def __len__(self) -> int:
        return len(self._kept)
