"""``acts.json``: what was done to a run by hand while it went on: a current put in, a cell silenced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.broadcast import NOWHERE, Act
from neurosim.model.cell import Cell
from neurosim.simulation import Simulation
from neurosim.sonata.outfile import write_text

NAME = "acts.json"


class ActsLog:
    """The log of the acts of a run.

    Parameters
    ----------
    folder : Path
        Folder of the outputs.
    sim : Simulation
        The run.
    gids : int64 (n,)
        Number in the simulation -> gid.
    """

    def __init__(self, folder: Path, sim: Simulation, gids: npt.NDArray[np.int64]) -> None:
        self.path, self._sim, self._gids = folder / NAME, sim, gids
        self._written = 0
        self._before: list[dict[str, Any]] = []

    def begin(self, *, goes_on: bool) -> None:
        """Keep what was done to the run up to the step that it goes on from, or remove the log of another run."""
        if goes_on and self.path.exists():
            log = json.loads(self.path.read_text(encoding="utf-8"))
            self._before = [act for act in log if act["t_ms"] <= self._sim.t_ms]
        else:
            self.path.unlink(missing_ok=True)

    def write(self) -> None:
        """Write the log when there is something new."""
        acts = self._sim.acts
        if len(acts) > self._written:
            every = [*self._before, *(self._said(act) for act in acts)]
            write_text(self.path, json.dumps(every, indent=2) + "\n")
            self._written = len(acts)

    def files(self) -> list[Path]:
        """Return the log, if there is one."""
        return [self.path] if self._written or self._before else []

    def _said(self, act: Act) -> dict[str, Any]:
        if act.place == NOWHERE:
            return {"t_ms": round(act.t_ms, 9), "kind": act.kind, "name": act.name}
        cell, gid = self._sim.cells[act.place.cell], int(self._gids[act.place.cell])
        out: dict[str, Any] = {"t_ms": round(act.t_ms, 9), "kind": act.kind, "gid": gid}
        if act.kind == "inject" and isinstance(cell, Cell):
            out |= {"place": cell.label(act.place.node), "amplitude_nA": act.amplitude_nA}
        return out
