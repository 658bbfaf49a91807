"""What an exchange needs of a group of processes; few operations on arrays, behind which MPI stands, or threads.

``MpiComm`` is MPI, ``CrowdComm`` is threads of one process that play many. Every method is collective over the group
except those of a ``Channel``, which concern the two ends only. Arrays are contiguous; those that are given must not be
written, and those that are filled must not be read, until the operation has been waited for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]
Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Array = NDArray[Any]
Ends = Sequence[tuple[int, Array]]
"""Partners' ranks, each with the array that goes to it or comes from it."""


class Pending(Protocol):
    """An operation that goes on."""

    def wait(self) -> None:
        """Return when it is done."""


class Channel(Protocol):
    """A standing transfer between pairs of processes, always from and to the same arrays."""

    def start(self) -> None:
        """Send what the arrays hold now; receive into the others."""

    def wait(self) -> None:
        """Return when all that came has come, and all that goes may be changed."""

    def close(self) -> None:
        """Give it up."""


class Comm(Protocol):
    """A group of processes.

    Attributes
    ----------
    rank, size : int
        Number of this process in the group, and of all.
    threads_may_call : bool
        Whether threads other than the main one may use it, one at a time.
    """

    rank: int
    size: int

    @property
    def threads_may_call(self) -> bool:
        """See above."""

    def barrier(self) -> None:
        """Return when all have come here."""

    def smallest(self, values: Floats) -> Floats:
        """Return the smallest of all processes' values, one by one, float64 (n,)."""

    def total(self, values: Longs) -> Longs:
        """Return the sums of all processes' values, one by one, int64 (n,)."""

    def broadcast(self, values: Array, root: int) -> None:
        """Fill ``values`` everywhere with those of ``root``."""

    def gather(self, sent: Array, received: Array) -> Pending:
        """Bring everyone's ``sent`` (n,) to everyone's ``received`` (size, n), of one type."""

    def gather_parts(self, sent: Array, received: Array, counts: Longs) -> None:
        """Bring everyone's ``sent`` (counts[rank],) to everyone's ``received`` (sum of counts,)."""

    def collect(self, sent: Array, received: Array, counts: Longs) -> None:
        """Bring everyone's ``sent`` (counts[rank],) to rank 0's ``received`` (sum of counts,).

        Rank 0 alone must know ``counts``; what others give there, and for ``received``, is ignored.
        """

    def swap_parts(self, sent: Array, sent_n: Longs, received: Array, received_n: Longs) -> None:
        """Send ``sent_n[r]`` values to each rank r, from the beginning of ``sent`` on; receive in the same way."""

    def channel(self, out: Ends, into: Ends) -> Channel:
        """Return a standing transfer; not collective, but every end needs its other end.

        Between two processes transfers arrive in the order in which they were started.
        """

    def duplicate(self) -> Comm:
        """Return the same processes once more; what goes on there does not mix with what goes on here."""

    def nodes(self) -> Nodes:
        """Return how the processes stand on machines."""


@dataclass(frozen=True)
class Nodes:
    """Processes of one machine, and one process of each machine.

    Parameters
    ----------
    within : Comm
        Processes of this machine; the one of rank 0 there leads.
    leaders : Comm or None
        Leaders of all machines, for a leader; ranks are numbers of machines.
    node_of : int32 (size,)
        Number of each process's machine.
    """

    within: Comm
    leaders: Comm | None
    node_of: NDArray[np.int32]


def everyones(comm: Comm, values: Array) -> tuple[Array, Longs]:
    """Return the values of all processes, one after the other, and how many each has, int64 (size,)."""
    counts = np.zeros(comm.size, np.int64)
    comm.gather(np.array([len(values)], np.int64), counts.reshape(-1, 1)).wait()
    out = np.empty(int(counts.sum()), values.dtype)
    comm.gather_parts(np.ascontiguousarray(values), out, counts)
    return out, counts


def swapped(comm: Comm, values: Array, counts: Longs) -> tuple[Array, Longs]:
    """Send ``counts[r]`` values to each rank r; return what came, in order of ranks, and how many from each."""
    came = np.empty(comm.size, np.int64)
    ones = np.ones(comm.size, np.int64)
    comm.swap_parts(counts, ones, came, ones)
    out = np.empty(int(came.sum()), values.dtype)
    comm.swap_parts(np.ascontiguousarray(values), counts, out, came)
    return out, came


def told_bytes(comm: Comm, message: bytes) -> bytes:
    """Return the bytes of rank 0."""
    length = np.array([len(message)], np.int64)
    comm.broadcast(length, 0)
    data = np.frombuffer(message, np.uint8).copy() if comm.rank == 0 else np.empty(int(length[0]), np.uint8)
    comm.broadcast(data, 0)
    return data.tobytes()


def collected_bytes(comm: Comm, message: bytes) -> list[bytes]:
    """Return everyone's bytes in rank 0, in order of ranks; an empty list elsewhere."""
    counts = np.zeros(comm.size, np.int64)
    comm.collect(np.array([len(message)], np.int64), counts, np.ones(comm.size, np.int64))
    joined = np.empty(int(counts.sum()), np.uint8)
    comm.collect(np.frombuffer(message, np.uint8), joined, counts)
    if comm.rank:
        return []
    ends, whole = np.cumsum(counts).tolist(), joined.tobytes()
    return [whole[end - n : end] for end, n in zip(ends, counts.tolist(), strict=True)]
