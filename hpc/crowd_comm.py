"""A group of processes that are threads of one: what goes between them is kept in memory.

What MPI does with buffers is kept: what is sent is copied when it is sent, and arrives in the order of sending.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Final

import numpy as np

from neurosim.errors import SimulationError
from neurosim.hpc.comm import Array, Channel, Ends, Floats, Longs, Nodes, Pending

PATIENCE_S: Final = 120.0
_LOOK_S: Final = 1.0
_LOOK_MANY_S: Final = 30.0
"""How often those who wait look whether somebody failed."""
MANY: Final = 64


class Turn:
    """Lets one of a large crowd run at a time: thousands of threads that can run hinder one another.

    Members of a small one run as they like.
    """

    def __init__(self, n: int) -> None:
        self.failure = threading.Event()
        self.look_s = _LOOK_S if n <= MANY else _LOOK_MANY_S
        self._lock = threading.Lock() if n > MANY else None

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Run."""
        with nullcontext() if self._lock is None else self._lock:
            yield

    @contextmanager
    def left(self) -> Iterator[None]:
        """Let others run while waiting for them."""
        if self._lock is None:
            yield
            return
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()


class _Board:
    """Where each of a group puts something, for all to read once all are there."""

    def __init__(self, n: int) -> None:
        self.slots: list[Any] = [None] * n
        self.missing = n
        self.full = threading.Event()
        self._lock = threading.Lock()
        self._joined: Any = None

    def joined(self, how: Callable[[list[Any]], Any]) -> Any:
        """Return what ``how`` makes of the slots, made once for all."""
        with self._lock:
            if self._joined is None:
                self._joined = how(self.slots)
            return self._joined


class Group:
    """What the members of a group share."""

    def __init__(self, size: int, node_of: Sequence[int], turn: Turn) -> None:
        self.size, self.node_of, self.turn = size, node_of, turn
        self._lock = threading.Lock()
        self._boards: dict[int, _Board] = {}
        self._arrived = [threading.Condition() for _ in range(size)]
        self._mail: list[dict[int, deque[Array]]] = [defaultdict(deque) for _ in range(size)]
        self._awaited = [-1] * size

    def post(self, rank: int, number: int, value: Any) -> _Board:
        """Put a value on the board of a member's ``number``-th meeting; return the board."""
        with self._lock:
            board = self._boards.setdefault(number, _Board(self.size))
            board.slots[rank] = value
            board.missing -= 1
            if not board.missing:
                del self._boards[number]
                board.full.set()
            return board

    def send(self, source: int, target: int, array: Array) -> None:
        """Put a copy into another member's mail."""
        with self._arrived[target]:
            self._mail[target][source].append(array.copy())
            if self._awaited[target] == source:
                self._arrived[target].notify()

    def receive(self, target: int, source: int) -> Array:
        """Return the next array from another member; wait for it."""
        arrived = self._arrived[target]
        with arrived:
            mail = self._mail[target][source]
        if not mail:
            with self.turn.left(), arrived:
                self._awaited[target] = source
                self._wait(
                    target, f"rank {source}", lambda: bool(mail) or (arrived.wait(self.turn.look_s) and bool(mail))
                )
                self._awaited[target] = -1
        with arrived:
            return mail.popleft()

    def read(self, rank: int, board: _Board) -> _Board:
        """Return a board once all values are there."""
        if not board.full.is_set():
            with self.turn.left():
                self._wait(rank, f"all {self.size}", lambda: board.full.wait(self.turn.look_s))
        return board

    def _wait(self, rank: int, whom: str, came: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not came():
            self.check(rank)
            if time.monotonic() > until:
                raise SimulationError(f"rank {rank}: waited {PATIENCE_S:g} s for {whom}")

    def check(self, rank: int) -> None:
        """Give up when another member failed."""
        if self.turn.failure.is_set():
            raise AbandonedError(f"rank {rank}: another rank failed")


class AbandonedError(SimulationError):
    """Another member of the crowd failed."""


class CrowdComm:
    """A member of a group of threads, as ``neurosim.hpc.comm.Comm``."""

    threads_may_call = True

    def __init__(self, group: Group, rank: int) -> None:
        self.rank, self.size = rank, group.size
        self.group, self._number = group, 0

    def _share(self, value: Any) -> Callable[[], _Board]:
        """Put something up; return what waits for everyone's."""
        board = self.group.post(self.rank, self._number, value)
        self._number += 1
        return lambda: self.group.read(self.rank, board)

    def barrier(self) -> None:
        """As ``Comm``."""
        self._share(None)()

    def smallest(self, values: Floats) -> Floats:
        """As ``Comm``."""
        return np.array(self._share(values.copy())().joined(lambda slots: np.min(slots, axis=0)))

    def total(self, values: Longs) -> Longs:
        """As ``Comm``."""
        return np.array(self._share(values.copy())().joined(lambda slots: np.sum(slots, axis=0)))

    def broadcast(self, values: Array, root: int) -> None:
        """As ``Comm``."""
        board = self._share(values.copy() if self.rank == root else None)()
        _into(values, board.slots[root])

    def gather(self, sent: Array, received: Array) -> Pending:
        """As ``Comm``."""
        return _Gathering(self._share(sent.copy()), received)

    def gather_parts(self, sent: Array, received: Array, counts: Longs) -> None:
        """As ``Comm``."""
        if len(sent) != counts[self.rank]:
            raise SimulationError(f"rank {self.rank}: {len(sent)} values are sent, {counts[self.rank]} were said")
        _into(received, self._share(sent.copy())().joined(np.concatenate))

    def collect(self, sent: Array, received: Array, counts: Longs) -> None:
        """As ``Comm``."""
        slots = self._share(sent.copy())().slots
        if self.rank == 0:
            if [len(slot) for slot in slots] != counts.tolist():
                raise SimulationError("rank 0: other numbers came than were said")
            _into(received, np.concatenate(slots))

    def swap_parts(self, sent: Array, sent_n: Longs, received: Array, received_n: Longs) -> None:
        """As ``Comm``."""
        sent_of, starts, counts = self._share((sent.copy(), sent_n.copy()))().joined(_sendings)
        if not np.array_equal(counts[:, self.rank], received_n):
            raise SimulationError(f"rank {self.rank}: other numbers came than were said")
        sources = np.flatnonzero(received_n).tolist()
        begin, n = starts[:, self.rank], counts[:, self.rank]
        parts = [sent_of[r][begin[r] : begin[r] + n[r]] for r in sources]
        _into(received, np.concatenate([sent[:0], *parts]))

    def channel(self, out: Ends, into: Ends) -> Channel:
        """As ``Comm``."""
        return _CrowdChannel(self.group, self.rank, out, into)

    def duplicate(self) -> CrowdComm:
        """As ``Comm``."""
        group = self.group
        copy = Group(self.size, group.node_of, group.turn) if self.rank == 0 else None
        return CrowdComm(self._share(copy)().slots[0], self.rank)

    def nodes(self) -> Nodes:
        """As ``Comm``."""
        number = np.unique(np.array(self.group.node_of), return_inverse=True)[1]
        mine = np.flatnonzero(number == number[self.rank])
        leads = mine[0] == self.rank
        turn = self.group.turn
        groups = (
            Group(len(mine), [0] * len(mine), turn) if leads else None,
            Group(int(number.max()) + 1, range(int(number.max()) + 1), turn) if self.rank == 0 else None,
        )
        slots = self._share(groups)().slots
        within = CrowdComm(slots[mine[0]][0], int(np.searchsorted(mine, self.rank)))
        return Nodes(within, CrowdComm(slots[0][1], int(number[self.rank])) if leads else None, number.astype(np.int32))


def _sendings(slots: list[Any]) -> tuple[list[Array], Longs, Longs]:
    """Return what each sent, where the part for each begins in it, and how long it is."""
    counts = np.array([counts for _, counts in slots])
    return [sent for sent, _ in slots], np.cumsum(counts, axis=1) - counts, counts


class _Gathering:
    def __init__(self, everyone: Callable[[], _Board], received: Array) -> None:
        self._everyone, self._received = everyone, received

    def wait(self) -> None:
        _into(self._received.reshape(-1), self._everyone().joined(np.concatenate))


class _CrowdChannel:
    def __init__(self, group: Group, rank: int, out: Ends, into: Ends) -> None:
        self.group, self._rank, self._out, self._into = group, rank, out, into

    def start(self) -> None:
        for target, array in self._out:
            self.group.send(self._rank, target, array)

    def wait(self) -> None:
        for source, array in self._into:
            _into(array, self.group.receive(self._rank, source))

    def close(self) -> None:
        pass


def _into(array: Array, values: Array) -> None:
    """Copy; MPI would stop as well where sizes or types differ."""
    if array.shape != values.shape or array.dtype != values.dtype:
        raise SimulationError(f"{values.dtype} {values.shape} arrived for {array.dtype} {array.shape}")
    array[...] = values
