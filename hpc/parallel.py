"""The exchange of a run of many processes, ``neurosim.exchange.Exchange`` over a group of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import numpy as np

from neurosim.errors import NeurosimError, SimulationError
from neurosim.exchange import Floats, Longs, Owners
from neurosim.hpc.allgather import Allgather
from neurosim.hpc.choose import Chosen
from neurosim.hpc.comm import Comm, Nodes, collected_bytes, told_bytes
from neurosim.hpc.link import PairLink
from neurosim.hpc.neighbour import Neighbour
from neurosim.hpc.packing import compile_all
from neurosim.hpc.route import Route, Terms
from neurosim.hpc.tally import Tally
from neurosim.hpc.two_level import TwoLevel

KINDS: Final = ("auto", "allgather", "neighbour", "two-level")


class ParallelExchange:
    """How the processes of a group work together.

    Parameters
    ----------
    comm : Comm
        The processes.
    kind : str
        How spikes travel, one of ``KINDS``; "auto" tries all in the first windows.
    overlap : bool
        Whether spikes travel while the next window is computed.

    Attributes
    ----------
    comm : Comm
        The processes, for what goes on between windows.
    traffic : Tally
        What was sent, and how long it took.

    Raises
    ------
    NeurosimError
        Another kind.
    """

    def __init__(self, comm: Comm, kind: str = "auto", *, overlap: bool = True) -> None:
        check_kind(kind)
        self.comm, self.rank, self.size, self.kind, self.overlap = comm, comm.rank, comm.size, kind, overlap
        self.traffic = Tally()
        self._spikes_comm = comm.duplicate()
        self._nodes: Nodes | None = None
        self._route: Route | None = None
        self._own: tuple[Floats, Longs] = (np.zeros(0), np.zeros(0, np.int64))

    @property
    def alone(self) -> bool:
        """Whether there is one process."""
        return self.size == 1

    @property
    def way(self) -> str:
        """How spikes travel at present."""
        return self.kind if self._route is None else self._route.name

    def owners(self, costs: Floats, together: Sequence[Longs], positions_um: Floats | None) -> Owners:
        """Divide the cells by ``neurosim.hpc.partition``, which finds the same everywhere."""
        from neurosim.hpc.partition import partition

        return partition(costs, self.size, together, positions_um)

    def smallest(self, value: float) -> float:
        """Return the smallest of all processes' values."""
        return float(self.comm.smallest(np.array([value], np.float64))[0])

    def barrier(self) -> None:
        """Return when all processes have come here."""
        self.comm.barrier()

    def tell(self, message: bytes) -> bytes:
        """Return the message of process 0."""
        return told_bytes(self.comm, message)

    def gather(self, message: bytes) -> list[bytes]:
        """Return the messages of all processes in process 0, an empty list elsewhere."""
        return collected_bytes(self.comm, message)

    def connect(self, owner: Owners, needed: Longs) -> None:
        """Make the directories of who hears whom.

        Raises
        ------
        SimulationError
            An owner that is not there.
        """
        if len(owner) and not 0 <= int(owner.min()) <= int(owner.max()) < self.size:
            raise SimulationError(f"owner: {owner.min()} to {owner.max()} given, ranks are 0 to {self.size - 1}")
        if self._route is not None:
            self._route.close()
        self.traffic = Tally()
        compile_all()
        owner = np.ascontiguousarray(owner, np.int32)
        away = np.unique(needed[owner[needed] != self.rank]).astype(np.int64)
        self._route = self._new_route(Terms(self._spikes_comm, owner, away, self.traffic))

    def _new_route(self, terms: Terms) -> Route:
        if self.kind == "allgather":
            return Allgather(terms)
        if self.kind == "neighbour":
            return Neighbour(terms)
        if self._nodes is None:
            self._nodes = self._spikes_comm.nodes()
        if self.kind == "two-level":
            return TwoLevel(terms, self._nodes)
        routes: list[Route] = [Allgather(terms), Neighbour(terms)]
        machines = int(self._nodes.node_of.max()) + 1
        if 1 < machines < self.size:
            routes.append(TwoLevel(terms, self._nodes))
        return Chosen(self._spikes_comm, routes)

    def start(self, times_ms: Floats, gids: Longs) -> None:
        """Send what this process fired."""
        route = self._connected()
        self._own = times_ms, gids
        begun, called = time.perf_counter(), self.traffic.calling_s
        route.start(np.ascontiguousarray(times_ms, np.float64), np.ascontiguousarray(gids, np.int64))
        self.traffic.packing_s += time.perf_counter() - begun - (self.traffic.calling_s - called)

    def finish(self) -> tuple[Floats, Longs]:
        """Return this process's spikes and those needed of others, in order of time, then of gid."""
        route = self._connected()
        begun, called = time.perf_counter(), self.traffic.calling_s
        times, gids = route.finish()
        if len(times):
            times, gids = np.concatenate([self._own[0], times]), np.concatenate([self._own[1], gids])
            order = np.lexsort((gids, times))
            times, gids = times[order], gids[order]
        else:
            times, gids = self._own
        self.traffic.packing_s += time.perf_counter() - begun - (self.traffic.calling_s - called)
        self.traffic.end_window(self._spikes_comm, meets=route.meets)
        return times, gids

    def _connected(self) -> Route:
        if self._route is None:
            raise SimulationError("exchange: spikes are handed over before connect() told who needs them")
        return self._route

    def link(self, owner: Owners, gids: Longs, nodes: Longs) -> PairLink:
        """Return a standing exchange of voltages, in a group of its own.

        Raises
        ------
        SimulationError
            MPI allows calls from the main thread only.
        """
        if not self.comm.threads_may_call:
            raise SimulationError(
                "mpi: this MPI allows calls from the main thread only, coupled cells need MPI_THREAD_SERIALIZED; "
                "keep coupled cells in one process, or use an MPI with threads"
            )
        return PairLink(self.comm.duplicate(), owner, gids, nodes, self.traffic)

    def settle(self) -> Tally:
        """Return the counts, with exchange and waiting told apart up to now; every process calls this."""
        self.traffic.settle(self._spikes_comm)
        return self.traffic


def check_kind(kind: str) -> None:
    """Refuse a way of spikes that is not there."""
    if kind not in KINDS:
        raise NeurosimError(f"exchange: kind={kind!r} is not allowed; it must be one of {', '.join(KINDS)}")
