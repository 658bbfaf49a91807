"""Uncoupled cells with hh in every compartment, in neurosim; with ``--mixed`` each cell is a random tree of its own."""

from common import run_case
from with_neurosim import run

run_case("hh_dense", run)
