"""Uncoupled random trees with hh in the soma and passive dendrites, in neurosim."""

from common import run_case
from with_neurosim import run

run_case("passive", run, tstop_ms=200.0)
