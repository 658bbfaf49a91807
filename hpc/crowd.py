"""Many processes played by threads of one: the exchanges' code behind a group in memory, for tests.

``crowd`` gives the exchanges, ``together`` runs a function with each in a thread of its own. What MPI does with
buffers is kept: what is sent is copied when it is sent, and arrives in the order of sending.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Final, TypeVar

import numpy as np

from neurosim.errors import SimulationError
from neurosim.hpc.comm import Array, Channel, Ends, Floats, Longs, Nodes, Pending
from neurosim.hpc.parallel import ParallelExchange

T = TypeVar("T")

PATIENCE_S: Final = 120.0
_LOOK_S: Final = 1.0
_LOOK_MANY_S: Final = 30.0
"""How often those who wait look whether somebody failed."""
_MANY: Final = 64
_STACK_B: Final = 512 * 1024


class _Turn:
    """Lets one of a large crowd run at a time: thousands of threads that can run hinder one another.

    Members of a small one run as they like.
    """

    def __init__(self, n: int) -> None:
        self.failure = threading.Event()
        self.look_s = _LOOK_S if n <= _MANY else _LOOK_MANY_S
        self._lock = threading.Lock() if n > _MANY else None

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


class _Group:
    """What the members of a group share."""

    def __init__(self, size: int, node_of: Sequence[int], turn: _Turn) -> None:
        self.size, self.node_of, self.turn = size, node_of, turn
        self._lock = threading.Lock()
        self._boards: dict[int, _Board] = {}
        self._arrived = [threading.Condition() for _ in range(size)]
        self._mail: list[dict[int, deque[Array]]] = [defaultdict(deque) for _ in range(size)]
        self._awaited = [-1] * size

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
            if self._awaited[target] == source:
                self._arrived[target].notify()

    def receive(self, target: int, source: int) -> Array:
        mail, arrived = self._mail[target][source], self._arrived[target]
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
        if self.turn.failure.is_set():
            raise AbandonedError(f"rank {rank}: another rank failed")


class AbandonedError(SimulationError):
    """Another member of the crowd failed."""


class CrowdComm:
    """A member of a group of threads, as ``neurosim.hpc.comm.Comm``."""

    threads_may_call = True

    def __init__(self, group: _Group, rank: int) -> None:
        self.rank, self.size = rank, group.size
        self._group, self._number = group, 0

    def _share(self, value: Any) -> Callable[[], _Board]:
        """Put something up; return what waits for everyone's."""
        board = self._group.post(self.rank, self._number, value)
        self._number += 1
        return lambda: self._group.read(self.rank, board)

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
        return _CrowdChannel(self._group, self.rank, out, into)

    def duplicate(self) -> CrowdComm:
        """As ``Comm``."""
        group = self._group
        copy = _Group(self.size, group.node_of, group.turn) if self.rank == 0 else None
        return CrowdComm(self._share(copy)().slots[0], self.rank)

    def nodes(self) -> Nodes:
        """As ``Comm``."""
        number = np.unique(np.array(self._group.node_of), return_inverse=True)[1]
        mine = np.flatnonzero(number == number[self.rank])
        leads = mine[0] == self.rank
        turn = self._group.turn
        groups = (
            _Group(len(mine), [0] * len(mine), turn) if leads else None,
            _Group(int(number.max()) + 1, range(int(number.max()) + 1), turn) if self.rank == 0 else None,
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
    group = _Group(n, [0] * n if node_of is None else node_of, _Turn(n))
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
    turns = {id(turn): turn for turn in map(_turn, members)}.values()

    def run(k: int) -> None:
        try:
            with _turn(members[k]).taken():
                results[k] = work(members[k])
        except BaseException as error:
            errors.append(error)
            for turn in turns:
                turn.failure.set()

    old = threading.stack_size(_STACK_B) if len(members) > _MANY else None
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


def _turn(member: Any) -> _Turn:
    comm: Any = member.comm if isinstance(member, ParallelExchange) else member
    found: _Turn = comm._group.turn
    return found
