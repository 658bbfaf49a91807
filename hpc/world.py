"""The processes that a launcher started: found, counted, and ended together.

``mpi_exchange`` is all that a user needs. MPI is loaded by it and nowhere else; ``import neurosim`` never does.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from neurosim.errors import MissingExtraError, SimulationError
from neurosim.exchange import Exchange, SerialExchange
from neurosim.hpc.launcher import hinted, promised
from neurosim.hpc.parallel import ParallelExchange, check_kind

if TYPE_CHECKING:
    from neurosim.hpc.mpi_comm import MpiComm


def mpi_exchange(kind: str = "auto", *, overlap: bool = True, per_node: int | None = None) -> Exchange:
    """Return the exchange of the processes that were started together, by ``mpiexec`` or ``srun``.

    A process that was started alone gets an exchange for one. Once there are several, an error that nobody catches in
    one of them ends all.

    Parameters
    ----------
    kind : str
        How spikes travel: "allgather", everyone hears everyone; "neighbour", those hear who asked; "two-level", first
        on each machine, then between machines; "auto", whichever costs least in the first windows. Results are the
        same.
    overlap : bool
        Whether spikes travel while the next window is computed.
    per_node : int, optional
        Pretend that this many processes stand on a machine, for trying "two-level" on one.

    Raises
    ------
    MissingExtraError
        Several processes were started, and mpi4py is not installed.
    SimulationError
        No MPI library is found, or its processes are others than the launcher started.
    """
    check_kind(kind)
    comm = world(per_node)
    return SerialExchange() if comm is None or comm.size == 1 else ParallelExchange(comm, kind, overlap=overlap)


def world(per_node: int | None = None) -> MpiComm | None:
    """Return all processes of MPI; None where one process was started and mpi4py is not installed.

    Raises
    ------
    MissingExtraError, SimulationError
        As ``mpi_exchange``.
    """
    told = promised()
    if find_spec("mpi4py") is None:
        if hinted():
            raise MissingExtraError("a process that was started by a launcher of MPI", "mpi4py", "mpi-site")
        if told is None or told[1] == 1:
            return None
        raise MissingExtraError(f"a run of {told[1]} processes ({told[0]})", "mpi4py", "mpi")
    import mpi4py

    mpi4py.rc.thread_level = "multiple"
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise SimulationError(
            f"mpi: no MPI library can be loaded ({error}); load the cluster's MPI module, or set MPI4PY_LIBMPI to the "
            'path of its libmpi.so, or pip install "neurosim[mpi]"'
        ) from error
    size = MPI.COMM_WORLD.Get_size()
    if told is not None and told[1] != size:
        raise SimulationError(_disagree(told, size, MPI.Get_library_version()))
    from neurosim.hpc.mpi_comm import MpiComm

    if size > 1:
        from neurosim.hpc import fate

        fate.share(MPI.COMM_WORLD)
    return MpiComm(MPI.COMM_WORLD, per_node)


def _disagree(told: tuple[str, int], size: int, library: str) -> str:
    """Say that a launcher started other processes than MPI sees."""
    name = " ".join(library.splitlines()[0].split())
    advice = "start it with the mpiexec of this MPI"
    if told[0].startswith("SLURM"):
        advice = "use srun --mpi=pmi2 for MPICH and its kin, srun --mpi=pmix or mpirun for Open MPI"
    return (
        f"mpi: {told[0]}={told[1]} processes were started, but MPI_COMM_WORLD has {size} ({name}); launcher and MPI "
        f"library do not fit, each process would do the whole run. {advice[0].upper()}{advice[1:]}; "
        f"neurosim doctor shows both{_where()}"
    )


def _where() -> str:
    path = os.environ.get("MPI4PY_LIBMPI")
    return "" if path is None else f" (MPI4PY_LIBMPI={path})"
