"""Many processes played by threads of one: the exchanges' code behind a group in memory, for tests.

``crowd`` gives the exchanges, ``together`` runs a function with each in a thread of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from neurosim.hpc.crowd_comm import MANY, AbandonedError, CrowdComm, Group, Turn
from neurosim.hpc.parallel import ParallelExchange

T = TypeVar("T")

_STACK_B: Final = 512 * 1024
"""Stack of a thread in a large crowd."""


def crowd_comms(n: int, node_of: Sequence[int] | None = None) -> list[CrowdComm]:
    """Return a group of ``n`` members; ``node_of`` tells the machine that each pretends to be on."""
    group = Group(n, [0] * n if node_of is None else node_of, Turn(n))
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

    old = threading.stack_size(_STACK_B) if len(members) > MANY else None
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


def _turn(member: Any) -> Turn:
    comm: Any = member.comm if isinstance(member, ParallelExchange) else member
    found: Turn = comm.group.turn
    return found
