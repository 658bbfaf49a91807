"""Replays of invented activity, for tests and demonstrations of the viewer."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosim.viewer.memory_source import MemorySource, Voltages
from neurosim.viewer.scene.scene import NO_TEMPLATE, Scene


def invented_source(scene: Scene, *, stop_ms: float = 200.0, rate_Hz: float = 20.0, traced: int = 3) -> MemorySource:
    """Return a replay of invented activity.

    Cells fire in waves, one every 40 ms; the voltage of the first ``traced`` cells is known in steps of 0.1 ms.
    """
    rng = np.random.default_rng(4)
    number = rng.poisson(rate_Hz * stop_ms / 1000.0, scene.n)
    ranks = np.repeat(np.arange(scene.n), number)
    times = np.clip(
        40.0 * rng.integers(0, int(stop_ms // 40), len(ranks)) + rng.gamma(4.0, 4.0, len(ranks)), 0, stop_ms - 0.1
    )
    voltages: dict[int, Any] = {}
    steps = np.arange(0.0, stop_ms, 0.1)
    for rank in range(min(traced, scene.n)):
        cell = scene.cells(np.array([rank], np.uint32))
        nodes_n = scene.template(int(cell.template[0])).nodes_n if int(cell.template[0]) != NO_TEMPLATE else 1
        trace = -65.0 + 3.0 * np.sin(steps / 9.0 + rank)
        for spike in times[ranks == rank]:
            trace += 95.0 * np.exp(-(((steps - spike) / 0.6) ** 2))
        voltages[rank] = (trace[:, None] * np.linspace(1.0, 0.97, nodes_n)[None, :]).astype(np.float32)
    recorded = Voltages(0.0, 0.1, voltages) if voltages else None
    return MemorySource(scene, ranks, times, stop_ms=stop_ms, voltage=recorded)
