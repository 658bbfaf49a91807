"""Many processes played by threads of one: the exchanges' code behind a group in memory, for tests.

``crowd`` gives the exchanges, ``together`` runs a function with each in a thread of its own. What MPI does with
buffers is kept: what is sent is copied when it is sent, and arrives in the order of sending.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import numpy as np

from neurosim.errors import SimulationError
from neurosim.hpc.comm import Array, Channel, Ends, Floats, Longs, Nodes, Pending
from neurosim.hpc.parallel import ParallelExchange

T = TypeVar("T")

PATIENCE_S: Final = 120.0
_LOOK_S: Final = 1.0
_STACK_B: Final = 512 * 1024


class _Board:
    """Where each of a group puts something, for all to read once all are there."""

    def __init__(self, n: int) -> None:
        self.slots: list[Any] = [None] * n
        self.missing = self.readers = n
        self.full = threading.Event()


class _Group:
    """What the members of a group share."""

    def __init__(self, size: int, node_of: Sequence[int], failure: threading.Event) -> None:
        self.size, self.node_of, self.failure = size, node_of, failure
        self._lock = threading.Lock()
        self._boards: dict[int, _Board] = {}
        self._arrived = [threading.Condition() for _ in range(size)]
        self._mail: list[dict[int, deque[Array]]] = [defaultdict(deque) for _ in range(size)]

    def post(self, rank: int, number: int, value: Any) -> _Board:
        with self._lock:
            board = self._boards.setdefault(number, _Board(self.size))
            board.slots[rank] = value
            board.missing -= 1
            if not board.missing:
                del self._boards[number]
                board.full.set()
            return board

    def send(self, source: int, target: int, array: Array) -> None:
        with self._arrived[target]:
            self._mail[target][source].append(array.copy())
            self._arrived[target].notify()

    def receive(self, target: int, source: int) -> Array:
        mail = self._mail[target][source]
        with self._arrived[target]:
            for _ in range(int(PATIENCE_S / _LOOK_S)):
                if mail:
                    return mail.popleft()
                self._arrived[target].wait(_LOOK_S)
                self.check(target)
        raise SimulationError(f"rank {target}: nothing came from rank {source} within {PATIENCE_S:g} s")

    def read(self, rank: int, board: _Board) -> list[Any]:
        for _ in range(int(PATIENCE_S / _LOOK_S)):
            if board.full.wait(_LOOK_S):
                return board.slots
            self.check(rank)
        raise SimulationError(f"rank {rank}: {board.missing} of {self.size} did not come within {PATIENCE_S:g} s")

    def check(self, rank: int) -> None:
        if self.failure.is_set():
            raise AbandonedError(f"rank {rank}: another rank failed")


class AbandonedError(SimulationError):
    """Another member of the crowd failed."""


class CrowdComm:
    """A member of a group of threads, as ``neurosim.hpc.comm.Comm``."""

    threads_may_call = True

    def __init__(self, group: _Group, rank: int) -> None:
        self.rank, self.size = rank, group.size
        self._group, self._number = group, 0

    def _share(self, value: Any) -> Callable[[], list[Any]]:
        """Put something up; return what waits for everyone's."""
        board = self._group.post(self.rank, self._number, value)
        self._number += 1
        return lambda: self._group.read(self.rank, board)

    def barrier(self) -> None:
        """As ``Comm``."""
        self._share(None)()

    def smallest(self, values: Floats) -> Floats:
        """As ``Comm``."""
        return np.asarray(np.min(self._share(values.copy())(), axis=0))

    def total(self, values: Longs) -> Longs:
        """As ``Comm``."""
        return np.asarray(np.sum(self._share(values.copy())(), axis=0))

    def broadcast(self, values: Array, root: int) -> None:
        """As ``Comm``."""
        slots = self._share(values.copy() if self.rank == root else None)()
        _into(values, slots[root])

    def gather(self, sent: Array, received: Array) -> Pending:
        """As ``Comm``."""
        return _Gathering(self._share(sent.copy()), received)

    def gather_parts(self, sent: Array, received: Array, counts: Longs) -> None:
        """As ``Comm``."""
        if len(sent) != counts[self.rank]:
            raise SimulationError(f"rank {self.rank}: {len(sent)} values are sent, {counts[self.rank]} were said")
        _into(received, np.concatenate(self._share(sent.copy())()))

    def collect(self, sent: Array, received: Array, counts: Longs) -> None:
        """As ``Comm``."""
        slots = self._share(sent.copy())()
        if self.rank == 0:
            if [len(slot) for slot in slots] != counts.tolist():
                raise SimulationError("rank 0: other numbers came than were said")
            _into(received, np.concatenate(slots))

    def swap_parts(self, sent: Array, sent_n: Longs, received: Array, received_n: Longs) -> None:
        """As ``Comm``."""
        slots = self._share(np.split(sent.copy(), np.cumsum(sent_n)[:-1]))()
        parts = [slot[self.rank] for slot in slots]
        if [len(part) for part in parts] != received_n.tolist():
            raise SimulationError(f"rank {self.rank}: other numbers came than were said")
        _into(received, np.concatenate(parts))

    def channel(self, out: Ends, into: Ends) -> Channel:
        """As ``Comm``."""
        return _CrowdChannel(self._group, self.rank, out, into)

    def duplicate(self) -> CrowdComm:
        """As ``Comm``."""
        group = self._group
        copy = _Group(self.size, group.node_of, group.failure) if self.rank == 0 else None
        return CrowdComm(self._share(copy)()[0], self.rank)

    def nodes(self) -> Nodes:
        """As ``Comm``."""
        number = np.unique(np.array(self._group.node_of), return_inverse=True)[1]
        mine = np.flatnonzero(number == number[self.rank])
        leads = mine[0] == self.rank
        failure = self._group.failure
        groups = (
            _Group(len(mine), [0] * len(mine), failure) if leads else None,
            _Group(int(number.max()) + 1, range(int(number.max()) + 1), failure) if self.rank == 0 else None,
        )
        slots = self._share(groups)()
        within = CrowdComm(slots[mine[0]][0], int(np.searchsorted(mine, self.rank)))
        return Nodes(within, CrowdComm(slots[0][1], int(number[self.rank])) if leads else None, number.astype(np.int32))


class _Gathering:
    def __init__(self, everyone: Callable[[], list[Any]], received: Array) -> None:
        self._everyone, self._received = everyone, received

    def wait(self) -> None:
        _into(self._received.reshape(-1), np.concatenate(self._everyone()))


class _CrowdChannel:
    def __init__(self, group: _Group, rank: int, out: Ends, into: Ends) -> None:
        self._group, self._rank, self._out, self._into = group, rank, out, into

    def start(self) -> None:
        for target, array in self._out:
            self._group.send(self._rank, target, array)

    def wait(self) -> None:
        for source, array in self._into:
            _into(array, self._group.receive(self._rank, source))

    def close(self) -> None:
        pass


def _into(array: Array, values: Array) -> None:
    """Copy; MPI would stop as well where sizes or types differ."""
    if array.shape != values.shape or array.dtype != values.dtype:
        raise SimulationError(f"{values.dtype} {values.shape} arrived for {array.dtype} {array.shape}")
    array[...] = values


def crowd_comms(n: int, node_of: Sequence[int] | None = None) -> list[CrowdComm]:
    """Return a group of ``n`` members; ``node_of`` tells the machine that each pretends to be on."""
    group = _Group(n, [0] * n if node_of is None else node_of, threading.Event())
    return [CrowdComm(group, rank) for rank in range(n)]


def crowd(
    n: int, kind: str = "auto", *, overlap: bool = False, node_of: Sequence[int] | None = None
) -> list[ParallelExchange]:
    """Return the exchanges of ``n`` processes that threads of this one play; use them with ``together``.

    Parameters
    ----------
    n : int
        Number of processes.
    kind : str
        As in ``mpi_exchange``.
    overlap : bool
        As in ``mpi_exchange``.
    node_of : sequence of int, optional
        Machine of each; all on one when omitted.
    """
    comms = crowd_comms(n, node_of)
    return together(comms, lambda comm: ParallelExchange(comm, kind, overlap=overlap))


def together(members: Sequence[Any], work: Callable[[Any], T]) -> list[T]:
    """Call ``work`` with every member, each in a thread of its own; return the results.

    Raises
    ------
    Exception
        What a member raised; the others are then given up.
    """
    results: list[Any] = [None] * len(members)
    errors: list[BaseException] = []
    failures = {_failure(member) for member in members}

    def run(k: int) -> None:
        try:
            results[k] = work(members[k])
        except BaseException as error:
            errors.append(error)
            for failure in failures:
                failure.set()

    old = threading.stack_size(_STACK_B) if len(members) > 64 else None
    try:
        threads = [threading.Thread(target=run, args=(k,), name=f"rank {k}") for k in range(len(members))]
        for thread in threads:
            thread.start()
    finally:
        if old is not None:
            threading.stack_size(old)
    for thread in threads:
        thread.join()
    if errors:
        raise next((error for error in errors if not isinstance(error, AbandonedError)), errors[0])
    return results


def _failure(member: Any) -> threading.Event:
    comm: Any = member.comm if isinstance(member, ParallelExchange) else member
    found: threading.Event = comm._group.failure
    return found
