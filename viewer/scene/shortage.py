"""``Shortage``: a circuit that is too large to be shown here as it is: what it needs, what is there, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from neurosim.errors import ModelError
from neurosim.viewer.scene.convert import Needs

GB = 1e9
"""Bytes."""


@dataclass(frozen=True)
class Shortage:
    """Why a circuit is not shown.

    Parameters
    ----------
    title : str
        One sentence.
    needs : Needs
        What its scene file needs of this machine.
    steps : sequence of str
        What can be done, best first.
    """

    title: str
    needs: Needs
    steps: Sequence[str]

    @property
    def fits(self) -> bool:
        """Whether the machine has the memory that the scene file needs."""
        return self.needs.free_bytes is None or self.needs.memory_bytes <= self.needs.free_bytes

    def facts(self) -> dict[str, Any]:
        """Return what a page says: sentences and numbers, memory in GB; None where it is not known."""
        needs = self.needs
        return {
            "title": self.title, "cells_n": needs.nodes_n, "memory_GB": needs.memory_bytes / GB,
            "disk_GB": needs.disk_bytes / GB, "free_GB": None if needs.free_bytes is None else needs.free_bytes / GB,
            "steps": list(self.steps),
        }  # fmt: skip

    def __str__(self) -> str:
        needs = self.needs
        free = "" if needs.free_bytes is None else f", {needs.free_bytes / GB:.2f} GB are free"
        room = f"its scene needs {needs.memory_bytes / GB:.2f} GB of memory{free}"
        return f"{self.title} With {needs.nodes_n:,} cells {room}. {' '.join(self.steps)}"


class TooLargeError(ModelError):
    """A circuit that is too large to be shown as it is; ``shortage`` says what it needs."""

    def __init__(self, shortage: Shortage, **facts: Any) -> None:
        super().__init__(str(shortage), **facts)
        self.shortage = shortage


def steps_of(needs: Needs, config: str) -> list[str]:
    """Return what can be done about a circuit: make its scene file, or what makes room for that."""
    if needs.free_bytes is None or needs.memory_bytes <= needs.free_bytes:
        return [f"Make its scene file once: neurosim scene {config}", "Then open the same again."]
    return [
        f"Close other programs, or use a machine with {needs.memory_bytes / GB:.1f} GB of free memory: neurosim scene "
        f"{config}",
        "Or show a part of it: a configuration with fewer nodes or with points instead of branching cells.",
    ]
