"""Shapes of neurons: sections, SWC files, compartments."""

from neurosim.morphology.locate import parse_location
from neurosim.morphology.nseg import nseg_by_d_lambda, nseg_by_length
from neurosim.morphology.section import Morphology, Section
from neurosim.morphology.swc import read_swc
from neurosim.morphology.tree import CompartmentTree, discretise

__all__ = [
    "CompartmentTree",
    "Morphology",
    "Section",
    "discretise",
    "nseg_by_d_lambda",
    "nseg_by_length",
    "parse_location",
    "read_swc",
]
