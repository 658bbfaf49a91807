"""A group of processes of MPI, by mpi4py's calls on buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.hpc.comm import Array, Channel, Ends, Floats, Longs, Nodes, Pending

if TYPE_CHECKING:
    from mpi4py import MPI


class MpiComm:
    """As ``neurosim.hpc.comm.Comm``.

    Parameters
    ----------
    comm : mpi4py.MPI.Intracomm
        The processes. What is made from it is never freed: it lives as long as the run.
    per_node : int, optional
        Pretend that this many processes stand on a machine; as they do when omitted.
    """

    def __init__(self, comm: MPI.Intracomm, per_node: int | None = None) -> None:
        from mpi4py import MPI

        self.rank, self.size, self.mpi = comm.Get_rank(), comm.Get_size(), comm
        self._per_node, self._min, self._sum = per_node, MPI.MIN, MPI.SUM
        self.threads_may_call = MPI.Query_thread() >= MPI.THREAD_SERIALIZED

    def barrier(self) -> None:
        """As ``Comm``."""
        self.mpi.Barrier()

    def smallest(self, values: Floats) -> Floats:
        """As ``Comm``."""
        out = np.empty_like(values)
        self.mpi.Allreduce(values, out, self._min)
        return out

    def total(self, values: Longs) -> Longs:
        """As ``Comm``."""
        out = np.empty_like(values)
        self.mpi.Allreduce(values, out, self._sum)
        return out

    def broadcast(self, values: Array, root: int) -> None:
        """As ``Comm``."""
        self.mpi.Bcast(values, root)

    def gather(self, sent: Array, received: Array) -> Pending:
        """As ``Comm``."""
        return _Request(self.mpi.Iallgather(sent, received))

    def gather_parts(self, sent: Array, received: Array, counts: Longs) -> None:
        """As ``Comm``."""
        self.mpi.Allgatherv(sent, _parts(received, counts))

    def collect(self, sent: Array, received: Array, counts: Longs) -> None:
        """As ``Comm``."""
        self.mpi.Gatherv(sent, _parts(received, counts) if self.rank == 0 else None, 0)

    def swap_parts(self, sent: Array, sent_n: Longs, received: Array, received_n: Longs) -> None:
        """As ``Comm``."""
        self.mpi.Alltoallv(_parts(sent, sent_n), _parts(received, received_n))

    def channel(self, out: Ends, into: Ends) -> Channel:
        """As ``Comm``."""
        return _MpiChannel(self.mpi, out, into)

    def duplicate(self) -> MpiComm:
        """As ``Comm``."""
        return MpiComm(self.mpi.Dup(), self._per_node)

    def nodes(self) -> Nodes:
        """As ``Comm``."""
        from mpi4py import MPI

        if self._per_node is None:
            within = MPI.Intracomm(self.mpi.Split_type(MPI.COMM_TYPE_SHARED, self.rank))
        else:
            within = MPI.Intracomm(self.mpi.Split(self.rank // self._per_node, self.rank))
        leads = within.Get_rank() == 0
        leaders = MPI.Intracomm(self.mpi.Split(0 if leads else MPI.UNDEFINED, self.rank))
        mine = np.array([leaders.Get_rank() if leads else 0], np.int32)
        within.Bcast(mine, 0)
        node_of = np.empty(self.size, np.int32)
        self.mpi.Allgather(mine, node_of)
        return Nodes(MpiComm(within), MpiComm(leaders) if leads else None, node_of)


def _parts(array: Array, counts: Longs) -> list[Any]:
    return [array, (counts, np.cumsum(counts) - counts)]


class _Request:
    def __init__(self, request: MPI.Request) -> None:
        self._request = request

    def wait(self) -> None:
        self._request.Wait()


class _MpiChannel:
    """Persistent requests, receiving ones first."""

    def __init__(self, comm: MPI.Intracomm, out: Ends, into: Ends) -> None:
        self._requests = [comm.Recv_init(array, rank) for rank, array in into]
        self._requests += [comm.Send_init(array, rank) for rank, array in out]
        self._start, self._wait = _calls()

    def start(self) -> None:
        if self._requests:
            self._start(self._requests)

    def wait(self) -> None:
        if self._requests:
            self._wait(self._requests)

    def close(self) -> None:
        for request in self._requests:
            request.Free()
        self._requests = []


def _calls() -> tuple[Any, Any]:
    from mpi4py import MPI

    return MPI.Prequest.Startall, MPI.Request.Waitall
