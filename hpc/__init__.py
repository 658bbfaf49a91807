"""Many machines: partition, exchange of spikes, checkpoints. Imported as ``neurosim.hpc``."""
