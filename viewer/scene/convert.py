"""From a SONATA configuration to a scene file, without the circuit in memory as a whole.

Nodes are read in pieces and several times: for facts that group cells, for kinds, bodies and the box, for places, for
rotations. In memory are the numbers that the order of the cells needs, about ``CELL_BYTES`` a cell; edges, inputs and
reports are not opened. Bodies are built as for a run, so that compartments have the numbers of a report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError, SimulationError
from neurosim.sonata.config import Config, load
from neurosim.sonata.node_pieces import node_files
from neurosim.viewer.scene.build_octree import octree_of_steps
from neurosim.viewer.scene.circuit_cells import CircuitCells
from neurosim.viewer.scene.file_bodies import FileBodies
from neurosim.viewer.scene.piece_sets import node_sets_of
from neurosim.viewer.scene.provenance import changed, described
from neurosim.viewer.scene.scene_file import FileScene
from neurosim.viewer.scene.scene_layout import ENDING
from neurosim.viewer.scene.write_scene import SceneWriter, Take, disk_bytes

CELL_BYTES = 48
"""Of memory that a cell needs while its scene is made."""
BASE_BYTES = 400 << 20
_PASSES = 9
"""How often a cell is passed by: four times when it is read, five times when columns are written."""

Progress = Callable[[str, float], None]
"""What is done now, and which part of all is done, 0 to 1."""


@dataclass(frozen=True)
class Needs:
    """What making a scene needs: nodes, bytes of memory and of disk; and the memory that is free (None: not known)."""

    nodes_n: int
    memory_bytes: int
    disk_bytes: int
    free_bytes: int | None


def default_output(config: str | Path) -> Path:
    """Return where the scene of a configuration goes: beside it."""
    path = Path(config)
    return path.with_name(path.name.removesuffix(".json") + ENDING)


def needs_of(nodes_n: int) -> Needs:
    """Return what the scene of so many nodes needs."""
    return Needs(nodes_n, BASE_BYTES + nodes_n * CELL_BYTES, disk_bytes(nodes_n), free_memory_bytes())


def free_memory_bytes() -> int | None:
    """Return the memory that can be had without swapping, where the system tells."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None


def out_of_date(scene: FileScene, config: str | Path) -> list[str]:
    """Return what is not as when the scene of a configuration was made: files, or that it is of another one."""
    folder = scene.path.parent
    known = described([Path(config).absolute()], folder)[0]["file"]
    if known not in [entry.get("file") for entry in scene.source or [] if isinstance(entry, dict)]:
        return [f"made of another configuration than {Path(config).name}"]
    return changed(scene.source, folder, anywhere=True)


def convert(
    config: str | Path,
    output: str | Path | None = None,
    progress: Progress | None = None,
    *,
    say: Callable[[Needs], None] | None = None,
) -> Path:
    """Write the scene file of a SONATA configuration.

    Parameters
    ----------
    config : path-like
        The ``config.json``.
    output : path-like, optional
        Where to; ``config.scene.h5`` beside it when omitted. A file of that name is replaced at the end.
    progress : callable, optional
        Called often with what is done and how far it is.
    say : callable, optional
        Called once with what is needed, before it is asked of the machine.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    SonataError
        The circuit is wrong, or a cell has no place.
    SimulationError
        The machine has not enough memory; the message has the figure.
    OutputError
        Not enough disk, or the file cannot be written.
    """
    settings = load(config)
    target = Path(output) if output is not None else default_output(config)
    if not target.name.endswith(ENDING):
        raise ModelError(f"a scene file is named *{ENDING}, got {target.name!r}.")
    files = node_files(settings)
    needs = needs_of(sum(file.nodes_n for file in files))
    if say is not None:
        say(needs)
    if needs.free_bytes is not None and needs.memory_bytes > needs.free_bytes:
        raise SimulationError(
            f"{settings.path.name}: the scene of {needs.nodes_n:,} nodes needs {needs.memory_bytes / 1e9:.2f} GB of "
            f"memory, {needs.free_bytes / 1e9:.2f} GB are free; close other programs or use a larger machine."
        )
    steps = _Steps(progress, _PASSES * max(1, needs.nodes_n))
    bodies = FileBodies(settings)
    cells = CircuitCells(files, bodies, steps.add)
    steps.what = "reading cells"
    cells.read()
    steps.what = "ordering"
    places = cells.steps()
    octree, rows = octree_of_steps(places, cells.box_um)
    steps.what = "writing"
    with SceneWriter(target, octree, steps.add) as writer:
        columns: dict[str, NDArray[Any]] = {"gid": cells.gid, "type": cells.kind, "pos": places}
        _write(writer, settings, cells, bodies, columns, rows)
    steps.add(steps.all_n)
    return target


@dataclass
class _Steps:
    """Counts cells passed by."""

    report: Progress | None
    all_n: int
    done_n: int = 0
    what: str = ""

    def add(self, cells_n: int) -> None:
        self.done_n += cells_n
        if self.report is not None:
            self.report(self.what, min(1.0, self.done_n / self.all_n))


def _write(
    writer: SceneWriter, config: Config, cells: CircuitCells, bodies: FileBodies, columns: dict[str, NDArray[Any]],
    rows: NDArray[np.uint32],
) -> None:  # fmt: skip
    def by_row(column: NDArray[Any]) -> Take:
        return lambda ranks: column[rows[ranks]]

    names = writer.templates(bodies.templates())
    template, body = bodies.template_of_body, cells.body
    writer.column("template", lambda ranks: template[body[rows[ranks]]])
    for name, column in columns.items():
        writer.column(name, by_row(column))
    index = cells.index()
    if index is not None:
        writer.column("index", by_row(index))
    writer.column("quat", by_row(cells.turns()))
    rank_of_row = np.empty(len(rows), np.uint32)
    rank_of_row[rows] = np.arange(len(rows), dtype=np.uint32)
    used = set(np.unique(cells.kind).tolist())
    shown = list(dict.fromkeys(kind.population for row, kind in enumerate(cells.kinds) if row in used))
    sets, notices = node_sets_of(config, cells.files, cells.shown, rank_of_row, shown)
    writer.finish(
        config.path.parent.name or config.path.name,
        cells.kinds,
        names,
        sets,
        index_n=cells.nodes_n,
        notices=[*cells.notices, *bodies.notices, *notices],
        source=described(config.opened, writer.path.parent),
    )
