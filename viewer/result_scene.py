"""The scene of results, and who is who in it: (population, node id) -> rank, rank -> compartments.

Best is a scene file; else the circuit is read, if it is small enough to be read at once; else there are only the
numbers of cells that fired, and these are put side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError, NeurosimError
from neurosim.morphology.tree import CompartmentTree
from neurosim.sonata.config import Config
from neurosim.viewer.result_files import Results
from neurosim.viewer.safe_h5 import within
from neurosim.viewer.scene.convert import needs_of
from neurosim.viewer.scene.memory import MemoryScene
from neurosim.viewer.scene.scene import KindOfCell, Scene
from neurosim.viewer.scene.scene_layout import ENDING
from neurosim.viewer.scene.shortage import Shortage, TooLargeError, steps_of

ALONE = "cells"
"""Name of the population in files that name none."""
MOST_NODES = 50_000
"""Cells of a circuit that is read without a scene file."""
PIECE = 1 << 18
SPACE_um = 30.0
"""Between cells whose places are not known."""


class WhoIsWho:
    """Ranks of cells.

    Parameters
    ----------
    scene : Scene
    first_gid : mapping
        Population -> gid of its node 0; of others no cell is shown. Where it is empty, gids are node ids.
    """

    def __init__(self, scene: Scene, first_gid: Mapping[str, int]) -> None:
        self._scene, self._first = scene, first_gid

    def knows(self, population: str) -> bool:
        """Return whether a population can be found; of a file without populations node ids are gids."""
        return not self._first or population in self._first or population == ALONE

    @cached_property
    def _table(self) -> tuple[NDArray[np.int32], None] | tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Rank by gid, and None; where gids leave many gaps, ranks in order of gid, and gids."""
        gids = np.empty(self._scene.n, np.uint32)
        for first in range(0, self._scene.n, PIECE):
            ranks = np.arange(first, min(first + PIECE, self._scene.n), dtype=np.uint32)
            gids[ranks] = self._scene.cells(ranks).gid
        top = int(gids.max(initial=0))
        if top <= 4 * len(gids) + 1000:
            table = np.full(top + 1, -1, np.int32)
            table[gids] = np.arange(len(gids))
            return table, None
        order = np.argsort(gids, kind="stable")
        return order, gids[order]

    def ranks(self, population: str, node_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rank of each node id; -1 of those that are not shown."""
        if not self.knows(population) or not self._scene.n:
            return np.full(len(node_ids), -1, np.int64)
        gids = node_ids + self._first.get(population, 0)
        table, known = self._table
        if known is None:
            inside = (gids >= 0) & (gids < len(table))
            return np.where(inside, table[np.where(inside, gids, 0)], -1).astype(np.int64)
        at = np.minimum(np.searchsorted(known, gids), len(known) - 1)
        return np.where(known[at] == gids, table[at], -1)


class Trees:
    """Sections and positions of the nodes of cells, by template.

    Parameters
    ----------
    scene : Scene
    config : Config or None
    """

    def __init__(self, scene: Scene, config: Config | None) -> None:
        self._scene, self._config = scene, config
        self._known: dict[int, CompartmentTree | None] = {}

    def of(self, template: int, population: str, node_id: int) -> CompartmentTree | None:
        """Return the tree of a template, of which a cell is given; None where it cannot be had."""
        if template not in self._known:
            bodies = getattr(self._scene, "bodies", ())
            self._known[template] = (
                bodies[template].tree if template < len(bodies) else self._built(population, node_id)
            )
        return self._known[template]

    def _built(self, population: str, node_id: int) -> CompartmentTree | None:
        if self._config is None:
            return None
        from neurosim.sonata.biophysical import Kitchen, models_of
        from neurosim.sonata.node_pieces import node_files
        from neurosim.sonata.planning import build_cell
        from neurosim.viewer.scene.file_bodies import MODEL_COLUMNS

        try:
            for file in node_files(self._config):
                if file.name != population:
                    continue
                for piece in file.pieces(MODEL_COLUMNS, parameters=True):
                    rows = np.flatnonzero(piece.node_ids == node_id)
                    if len(rows):
                        model = models_of(piece, [int(rows[0])])[0]
                        recipe = Kitchen(self._config).recipe(model)
                        tree: CompartmentTree = build_cell(recipe, self._config.run.dl_um).tree
                        return tree
        except NeurosimError:
            return None
        return None


def scene_of_results(
    found: Results, seen: Mapping[str, NDArray[np.int64]], temporary: Path, *, empty: bool = False
) -> tuple[Scene, WhoIsWho]:
    """Return the scene of results.

    Parameters
    ----------
    found : Results
    seen : mapping
        Node ids by population, for when there is no circuit.
    temporary : Path
        Folder for files that go with the source.
    empty : bool
        A scene without cells is a scene: there is a body to show.

    Raises
    ------
    TooLargeError
        The circuit is too large to be read without a scene file.
    ModelError
        There is nothing to show.
    """
    config = found.config
    first_gid: dict[str, int] = {}
    nodes_n = 0
    if config is not None:
        from neurosim.sonata.node_pieces import node_files

        files = node_files(config)
        first_gid = {file.name: file.first_gid for file in files}
        nodes_n = sum(file.nodes_n for file in files)
    if found.scene is not None:
        from neurosim.viewer.scene.scene_file import FileScene

        scene: Scene = FileScene(within(found.scene, found.roots))
        return scene, WhoIsWho(scene, first_gid or (lowest_gids(scene) if found.files else {}))
    if config is not None and nodes_n > MOST_NODES:
        needs = needs_of(nodes_n)
        title = f"A circuit of more than {MOST_NODES:,} cells is not read at once, but through a scene file."
        raise TooLargeError(Shortage(title, needs, steps_of(needs, str(config.path))), path=config.path)
    if config is not None:
        circuit = _circuit_scene(found, config) or _cells_scene(found, config, temporary)
        if circuit is not None:
            return circuit, WhoIsWho(circuit, first_gid)
    if empty and not any(map(len, seen.values())):
        scene = MemoryScene.from_arrays(found.files[0].stem if found.alone else found.folder.name, np.empty((0, 3)))
        return scene, WhoIsWho(scene, {})
    if not any(map(len, seen.values())):
        why = "".join(f"; {notice}" for notice in found.notices)
        raise ModelError(f"{found.folder}: there are no spikes, and no circuit to show{why}")
    scene, first_gid = scene_of_numbers(seen, found.folder.name)
    scene.notices.append("only the numbers of cells are known: they are shown as points side by side")
    return scene, WhoIsWho(scene, first_gid)


def lowest_gids(scene: Scene) -> dict[str, int]:
    """Return population -> lowest gid, which is taken for that of its node 0."""
    lowest = np.full(len(scene.kinds), np.iinfo(np.int64).max)
    for first in range(0, scene.n, PIECE):
        cells = scene.cells(np.arange(first, min(first + PIECE, scene.n), dtype=np.uint32))
        np.minimum.at(lowest, cells.kind, cells.gid.astype(np.int64))
    found: dict[str, int] = {}
    for kind, gid in zip(scene.kinds, lowest.tolist(), strict=True):
        found[kind.population] = min(gid, found.get(kind.population, gid))
    return found


def _circuit_scene(found: Results, config: Config) -> MemoryScene | None:
    """Return the scene of a circuit; None, with a notice, where it cannot be read."""
    from neurosim.sonata.circuit import read
    from neurosim.viewer.scene.memory import scene_of

    try:
        circuit = read(config.path, output_dir=found.folder)
        for file in circuit.config.opened:
            within(file, found.roots)
        scene = scene_of(circuit)
        scene.title = "/".join(found.folder.resolve().parts[-2:])
        return scene
    except NeurosimError as error:
        found.notices.append(f"the circuit cannot be run as it is: {error}")
        return None


def _cells_scene(found: Results, config: Config, temporary: Path) -> Scene | None:
    """Return the scene of the cells alone, without what drives or connects them; None where they have no places."""
    from neurosim.viewer.scene.convert import convert
    from neurosim.viewer.scene.scene_file import FileScene

    try:
        scene = FileScene(convert(config.path, temporary / f"cells{ENDING}"))
        for entry in scene.source if isinstance(scene.source, list) else []:
            within(temporary / str(entry["file"]), found.roots)
        return scene
    except NeurosimError as error:
        found.notices.append(f"its cells are not shown: {error}")
        return None


def scene_of_numbers(seen: Mapping[str, NDArray[np.int64]], title: str) -> tuple[MemoryScene, dict[str, int]]:
    """Return a scene of cells in rows, one population below the other, and the gid of each population's node 0."""
    places, gids, kind = [np.empty((0, 3))], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    kinds: list[KindOfCell] = []
    first_gid: dict[str, int] = {}
    above, next_gid = 0.0, 0
    for name, nodes in seen.items():
        wide = max(1, int(np.ceil(np.sqrt(2.0 * len(nodes)))))
        row, column = np.divmod(np.arange(len(nodes)), wide)
        places.append(np.stack([column * SPACE_um, above - row * SPACE_um, np.zeros(len(nodes))], axis=1))
        first_gid[name] = next_gid
        gids.append(nodes + next_gid)
        kind.append(np.full(len(nodes), len(kinds)))
        kinds.append(KindOfCell(name))
        above -= (int(row.max(initial=0)) + 3) * SPACE_um
        next_gid += int(nodes.max(initial=-1)) + 1
    scene = MemoryScene.from_arrays(
        title, np.concatenate(places), gid=np.concatenate(gids), kind=np.concatenate(kind), kinds=kinds
    )
    return scene, first_gid
