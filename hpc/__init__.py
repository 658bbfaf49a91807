"""Many machines: partition, exchange of spikes, checkpoints. Imported as ``neurosim.hpc``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurosim.hpc.world import mpi_exchange

__all__ = ["mpi_exchange"]


def __getattr__(name: str) -> Any:
    if name == "mpi_exchange":
        from neurosim.hpc.world import mpi_exchange

        globals()[name] = mpi_exchange
        return mpi_exchange
    raise AttributeError(f"module 'neurosim.hpc' has no attribute {name!r}")
