"""Watching a simulation. Imported as ``neurosim.viewer``."""
