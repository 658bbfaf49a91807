"""What is simulated: each model is a package of its own, imported as ``neurosim.models.<name>``."""
