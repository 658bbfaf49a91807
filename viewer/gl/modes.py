"""What colours a picture: spikes on the colour of the cell, voltage, or the colour of the cell alone."""

from __future__ import annotations

from typing import Final

SPIKES: Final = 0
VOLTAGE: Final = 1
PLAIN: Final = 2
