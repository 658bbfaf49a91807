"""How long messages take here: a table of a second, by the calls that the exchanges use."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from neurosim.hpc.comm import Comm, Longs

BLOCKS: Final = 5
CALL_S: Final = 0.08
"""Time spent on each line of the table."""
SIZES_B: Final = (8, 2048, 32768)
BIG_B: Final = 4 * 1024 * 1024
_TOO_LONG: Final = 1000


@dataclass(frozen=True)
class Line:
    """A line of the table.

    Parameters
    ----------
    call : str
        What was done.
    size_B : int
        Bytes that each process gives; for exchanges of all with all, to each.
    time_us : float
        Of one call: best block, slowest process.
    """

    call: str
    size_B: int
    time_us: float


def table(comm: Comm) -> list[Line]:
    """Return the times of calls, measured by all processes together.

    Parameters
    ----------
    comm : Comm
        The processes; two at least.
    """
    one = np.zeros(1)
    lines = [
        Line("barrier", 0, _time_us(comm, comm.barrier)),
        Line("smallest of all", 8, _time_us(comm, lambda: comm.smallest(one))),
    ]
    lines += [Line("gather at all", size_B, _gathering_us(comm, size_B)) for size_B in SIZES_B]
    lines += [Line("all with all", size_B, _swapping_us(comm, size_B)) for size_B in SIZES_B[::2]]
    lines += [_there_and_back(comm, size_B) for size_B in (8, 65536, BIG_B)]
    return lines


def _gathering_us(comm: Comm, size_B: int) -> float:
    sent = np.zeros(size_B // 4, np.uint32)
    came = np.zeros((comm.size, size_B // 4), np.uint32)
    return _time_us(comm, lambda: comm.gather(sent, came).wait())


def _swapping_us(comm: Comm, size_B: int) -> float:
    counts: Longs = np.full(comm.size, size_B // 4, np.int64)
    sent, came = np.zeros(int(counts.sum()), np.uint32), np.zeros(int(counts.sum()), np.uint32)
    return _time_us(comm, lambda: comm.swap_parts(sent, counts, came, counts))


def _there_and_back(comm: Comm, size_B: int) -> Line:
    """Return the time of a message between the first and the last process, half of that there and back."""
    here, last = comm.rank, comm.size - 1
    sent, came = np.zeros(size_B // 4, np.uint32), np.zeros(size_B // 4, np.uint32)
    out = comm.channel([(last - here, sent)], []) if here in (0, last) else None
    into = comm.channel([], [(last - here, came)]) if here in (0, last) else None

    def once() -> None:
        if out is None or into is None:
            return
        for channel in (out, into) if here == 0 else (into, out):
            channel.start()
            channel.wait()

    line = Line("message", size_B, _time_us(comm, once) / 2.0)
    for channel in (out, into):
        if channel is not None:
            channel.close()
    return line


def _time_us(comm: Comm, call: Callable[[], Any]) -> float:
    """Return the time of a call, µs: the best of some blocks, in the slowest process."""
    once = _block_s(comm, call, 3)
    n = min(_TOO_LONG, max(1, int(CALL_S / BLOCKS / max(once, 1e-7))))
    return 1e6 * min(_block_s(comm, call, n) for _ in range(BLOCKS))


def _block_s(comm: Comm, call: Callable[[], Any], n: int) -> float:
    """Return the time of a call in the slowest process, s; the same in all."""
    comm.barrier()
    begun = time.perf_counter()
    for _ in range(n):
        call()
    return -float(comm.smallest(np.array([-(time.perf_counter() - begun) / n]))[0])


def summary(lines: list[Line], *, size: int, machines: int, crowded: bool) -> dict[str, float]:
    """Return latency and bandwidth by the names that a machine's file has for ``neurosim plan``.

    Parameters
    ----------
    lines : list of Line
        The table.
    size, machines : int
        Processes, and the machines they stand on.
    crowded : bool
        There are more processes than cores.

    Notes
    -----
    The latency is that of a gathering of 8 B over the number of its rounds, log2(processes); the bandwidth that of
    the largest message.
    """
    found = {(line.call, line.size_B): line.time_us for line in lines}
    latency_us = found["gather at all", SIZES_B[0]] / max(1, math.ceil(math.log2(size)))
    bandwidth = BIG_B / found["message", BIG_B] * 1e-3
    if crowded:
        return {"crowded_latency_us": latency_us}
    if machines > 1:
        return {"latency_us": latency_us, "network_GB_per_s": bandwidth}
    return {"local_latency_us": latency_us, "local_GB_per_s": bandwidth}
