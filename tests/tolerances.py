"""Tolerances by name, each with its reason. Tests import these instead of writing numbers.

Use them as ``abs(a - b) <= CROSS_SIM * scale`` where ``scale`` is the magnitude of the reference column, or as
``rtol``.
"""

# Same arithmetic in the same order: threads, lanes, block sizes, restart, a second run. Nothing may differ.
EXACT = 0.0

# The same sum in another order, or a library's exp against ours: a few units in the last place, some thousand steps.
ROUNDOFF = 1e-12

# Another simulator with the same method: NEURON's rounding and ours differ, and a run amplifies it.
CROSS_SIM = 1e-9

# Distance of a fitted order of convergence from the order of the method.
ORDER = 0.1

# A statistic of a random process: a fair test fails once in about 2 million runs (5 standard errors).
STAT = 5.0

# Rallpack 1 and 2, mV from the solution: what PSICS publishes for them (psics.org, examples rallpack1 and rallpack2).
RALLPACK_PASSIVE_mV = 0.01

# Rallpack 3, part of the range, by step in ms: what the suite's own reports give for NEURON (version 2.43, Crank and
# Nicolson; rallpack/reports/neuron/rallpack3 in the suite).
RALLPACK_AXON = {0.05: 0.035, 0.005: 0.011}

# One rounding in float32, relative: half a unit in the last place twice (a result and the reference's own).
SINGLE = 2.0**-23
