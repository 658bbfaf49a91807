"""Factors between units, and physical constants, by name.

neurosim's base set is ms, mV, nA, µm, µS, MΩ, nF, mM, °C with densities in S/cm², mA/cm², µF/cm² and Ω·cm; within it
µS·mV = nA and nF·mV/ms = nA need no factor. Everything else is converted once, at the border, with a name from here:
``length_um = length_mm * UM_PER_MM``. The names say ``TARGET_PER_SOURCE``. Not for quantities with units attached.

Constants are the exact values of the SI of 2019, as NEURON 8 and later have them.
"""

from __future__ import annotations

from typing import Final

MS_PER_S: Final = 1e3
"""Milliseconds in a second."""

S_PER_MS: Final = 1e-3
"""Seconds in a millisecond; also kHz to Hz the other way round: ``rate_Hz = count / (time_ms * S_PER_MS)``."""

MS_PER_US: Final = 1e-3
"""Milliseconds in a microsecond."""

MV_PER_V: Final = 1e3
"""Millivolts in a volt."""

UM_PER_CM: Final = 1e4
"""Micrometres in a centimetre."""

UM_PER_MM: Final = 1e3
"""Micrometres in a millimetre."""

CM_PER_UM: Final = 1e-4
"""Centimetres in a micrometre."""

CM2_PER_UM2: Final = 1e-8
"""Square centimetres in a square micrometre."""

US_PER_S: Final = 1e6
"""Microsiemens in a siemens (not seconds)."""

NA_PER_MA: Final = 1e6
"""Nanoamperes in a milliampere."""

PA_PER_NA: Final = 1e3
"""Picoamperes in a nanoampere."""

NF_PER_UF: Final = 1e3
"""Nanofarads in a microfarad."""

MOHM_PER_OHM: Final = 1e-6
"""Megaohms in an ohm."""

KELVIN_AT_0_CELSIUS: Final = 273.15
"""Absolute temperature of 0 °C in K."""

FARADAY_C_per_mol: Final = 96485.33212331001
"""Faraday constant: e·N_A of the SI of 2019."""

GAS_J_per_mol_K: Final = 8.31446261815324
"""Molar gas constant: k·N_A of the SI of 2019."""
