"""What the program that started this process says about how many there are; read without MPI."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

SIZES: Final = (
    "PMI_SIZE",  # MPICH, Intel MPI, Cray PALS, srun --mpi=pmi2
    "OMPI_COMM_WORLD_SIZE",  # Open MPI, HPC-X, Fujitsu, Spectrum
    "MV2_COMM_WORLD_SIZE",  # MVAPICH2's mpirun_rsh
    "JSM_NAMESPACE_SIZE",  # IBM's jsrun
    "FLUX_JOB_SIZE",  # flux run
    "SLURM_STEP_NUM_TASKS",  # srun; not in the batch script itself, which is one process
)
"""Variables with the number of processes, the first that is set counts.

A launcher inside a Slurm job starts its helpers by srun, one a node, so that the step's variable comes last.
"""

HINTS: Final = ("PMIX_RANK", "PALS_RANKID", "ALPS_APP_PE")
"""Variables of launchers that tell a process its number, and perhaps not how many there are: PMIx, Cray."""


def promised(environ: Mapping[str, str] | None = None) -> tuple[str, int] | None:
    """Return the variable that tells the number of processes, and the number; None when nobody tells.

    Parameters
    ----------
    environ : mapping, optional
        Environment; that of the process when omitted.
    """
    found = os.environ if environ is None else environ
    for name in SIZES:
        text = found.get(name, "").strip()
        if text.isdecimal() and int(text) > 0:
            return name, int(text)
    return None


def launched(environ: Mapping[str, str] | None = None) -> int | None:
    """Return the number of processes that the launcher promised; None when this process was started alone."""
    found = promised(environ)
    return None if found is None else found[1]


def hinted(environ: Mapping[str, str] | None = None) -> bool:
    """Return whether there may be several processes, though nobody tells how many: MPI must be asked."""
    found = os.environ if environ is None else environ
    return promised(found) is None and any(name in found for name in HINTS)
