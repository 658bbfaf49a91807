"""The demonstration: invented branching cells, written as SONATA and plotted.

``patch``: a thousand connected cells; ``circuit``: twelve that are not connected, for comparison with other simulators.
Everything is drawn by rules of our own from a seed; no reconstruction and no published parameter set is in it. The
cells look and fire like cortical cells, but they are not models of any.
"""

from neurosim.models.demo.circuit import DemoCircuit, write_circuit
from neurosim.models.demo.trees import CellShape, grow, to_swc, write_swc

__all__ = ["CellShape", "DemoCircuit", "grow", "to_swc", "write_circuit", "write_swc"]
