"""Many machines: partition, exchange of spikes, checkpoints. Imported as ``neurosim.hpc``."""

from neurosim.hpc.world import mpi_exchange

__all__ = ["mpi_exchange"]
