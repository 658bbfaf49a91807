"""``ShortageSource``: what a page shows in place of a circuit that is too large: what it needs, and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosim.viewer.memory_source import MemorySource
from neurosim.viewer.scene.memory import MemoryScene
from neurosim.viewer.scene.shortage import Shortage


class ShortageSource(MemorySource):
    """A source without cells.

    Parameters
    ----------
    shortage : Shortage
    title : str
        Of the page.
    """

    def __init__(self, shortage: Shortage, title: str) -> None:
        super().__init__(MemoryScene.from_arrays(title, np.empty((0, 3))), [], [], stop_ms=0.0)
        self.shortage = shortage

    def describe(self) -> dict[str, Any]:
        """Return what a page should know: the shortage, as ``too_large``."""
        return {**super().describe(), "too_large": self.shortage.facts()}
