"""``FileScene``: a scene file, read piece by piece.

Only the octree and the tables of kinds and templates are read when it is opened; cells are read a chunk at a time and
the last ones kept. Unique morphologies are templates like others: a file has up to 65,535 of them, and cells beyond
that share one or are points. ``scene_layout`` says what is in the file, ``write_scene`` writes it.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.viewer.scene.facts import matching
from neurosim.viewer.scene.octree import SAMPLE, Octree
from neurosim.viewer.scene.provenance import changed
from neurosim.viewer.scene.recent import Recent
from neurosim.viewer.scene.scene import NO_TEMPLATE, Cells, KindOfCell, Scene
from neurosim.viewer.scene.scene_layout import (
    CHUNK_CELLS,
    FORMAT,
    MOST_ABOUT_BYTES,
    NODE,
    SOMA,
    VERSION,
    SceneFileError,
    SceneReader,
)
from neurosim.viewer.scene.skeleton import Template
from neurosim.viewer.scene.template_file import TemplateTable
from neurosim.viewer.scene.write_scene import write_scene

__all__ = ["FileScene", "SceneFileError", "write_scene"]

MOST_CELLS = 2**32 - 1
KEPT_CELLS_BYTES = 96 << 20
KEPT_TEMPLATES_BYTES = 256 << 20
SCAN_CELLS = 256 * CHUNK_CELLS
"""Cells of one piece when a whole column is looked through."""

Ranks = NDArray[np.uint32]
Columns = tuple[NDArray[Any], ...]


class FileScene(Scene):
    """A scene in a file. Methods may be called from any thread.

    Parameters
    ----------
    path : path-like
        Ends in ``.scene.h5``.

    Attributes
    ----------
    path : Path
    source : JSON
        What the file says it was made of.

    Raises
    ------
    SceneFileError
        It is no scene file, one of another version, damaged, or holds links and the like.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._reader = SceneReader(self.path)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        reader = self._reader
        with reader.reading():
            if bytes(reader.group("meta").attrs.get("format", b"")) != FORMAT:
                raise SceneFileError("is HDF5, but no scene file.", path=self.path)
        version = reader.number("version", 2**32)
        if version != VERSION:
            raise reader.fail(f"is of version {version}; this program reads version {VERSION}")
        self.n = reader.number("n", MOST_CELLS)
        self._index_n = reader.number("index_n", MOST_CELLS)
        about = self._about()
        self.octree = read_octree(reader, self.n)
        self._columns = [reader.data(f"soma/{name}", t, (self.n, *tail)) for name, (t, tail) in SOMA.items()]
        samples = len(self.octree.sample)
        self._samples = [reader.data(f"node/sample_{name}", t, (samples, *tail)) for name, (t, tail) in SOMA.items()]
        self._templates = TemplateTable(reader, self._template_names)
        self.source = about.get("source")
        different = changed(self.source, self.path.parent, quick=True)
        if different:
            self.notices.append(
                f"{self.path.name} is older than its circuit ({', '.join(different[:3])} changed); "
                "make it again with `neurosim scene`"
            )
        self._cells: Recent[Columns] = Recent(KEPT_CELLS_BYTES, lambda c: sum(column.nbytes for column in c))
        self._kept: Recent[dict[int, Template]] = Recent(KEPT_TEMPLATES_BYTES, _bytes_of)
        inner = np.flatnonzero(self.octree.first_child >= 0)
        off = self.octree.sample_off
        self._inner = {
            (int(self.octree.sample[int(off[k])]), int(self.octree.sample[int(off[k + 1]) - 1])): int(k) for k in inner
        }

    def _about(self) -> dict[str, Any]:
        reader = self._reader
        if reader.data("meta/about", "u1", (None,)).size > MOST_ABOUT_BYTES:
            raise reader.fail(f"/meta/about has more than {MOST_ABOUT_BYTES} bytes")
        try:
            about = json.loads(reader.array("meta/about", "u1", (None,)).tobytes())
            self.title = str(about["title"])
            self.kinds = tuple(
                KindOfCell(str(kind["population"]), {str(k): str(v) for k, v in kind["facts"].items()})
                for kind in about["kinds"]
            )
            self.notices = [str(text) for text in about["notices"]]
            self._sets = {str(entry["name"]): entry for entry in about["node_sets"]}
            self._template_names = [str(name) for name in about["templates"]]
            found: dict[str, Any] = about
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise reader.fail(f"damaged: /meta/about is not what it should be ({error})") from None
        self.node_sets = tuple(self._sets)
        return found

    def close(self) -> None:
        """Let the file go."""
        self._reader.close()

    # --- templates --------------------------------------------------------------------------------------------------

    @property
    def templates_n(self) -> int:
        """Number of templates."""
        return len(self._templates)

    def template(self, index: int) -> Template:
        """Return a template, read when it is asked for first."""
        if not 0 <= index < len(self._templates):
            raise ModelError(f"{self.title}: template {index} is not there; there are {len(self._templates)}")
        block = self._templates.block_of(index)
        return self._kept.get(block, lambda: self._templates.read(block))[index]

    def labels(self, rank: int) -> list[str]:
        """Return the names of a cell's nodes, ``"dend[3](0.5)"``; empty where they are not known."""
        template = int(self.cells(np.array([rank], np.uint32)).template[0])
        return self._templates.labels(template) if template != NO_TEMPLATE else []

    @property
    def template_sizes(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Segments by level, int64 (templates, LEVELS_N), and reach in um, float64 (templates,), without reading."""
        return self._templates.of["segments"].astype(np.int64), self._templates.of["reach"].astype(np.float64)

    # --- cells ------------------------------------------------------------------------------------------------------

    def cells(self, ranks: Ranks) -> Cells:
        """Return cells by rank, in the order given; those of a node in one go."""
        at = np.asarray(ranks, np.uint32)
        if len(at) and int(at.max()) >= self.n:
            raise ModelError(f"{self.title}: rank {int(at.max())} is not there; there are {self.n} cells")
        node = self._inner.get((int(at[0]), int(at[-1])), -1) if 0 < len(at) <= SAMPLE else -1
        if node >= 0 and np.array_equal(self.octree.ranks(node), at):
            columns = self._of_sample(node)
        else:
            columns = self._of_ranks(at.astype(np.int64))
        return Cells(at, *columns)

    def _of_sample(self, node: int) -> Columns:
        off = self.octree.sample_off
        first, last = int(off[node]), int(off[node + 1])
        return self._cells.get(("node", node), lambda: self._read(self._samples, first, last))

    def _of_chunk(self, chunk: int) -> Columns:
        first = chunk * CHUNK_CELLS
        last = min(first + CHUNK_CELLS, self.n)
        return self._cells.get(("cells", chunk), lambda: self._read(self._columns, first, last))

    def _of_ranks(self, at: NDArray[np.int64]) -> Columns:
        chunk = at // CHUNK_CELLS
        out = tuple(np.empty((len(at), *tail), dtype) for dtype, tail in SOMA.values())
        order = None if (np.diff(at) >= 0).all() else np.argsort(at, kind="stable")
        chunk = chunk if order is None else chunk[order]
        bounds = [0, *(np.flatnonzero(np.diff(chunk)) + 1).tolist(), len(at)] if len(at) else [0]
        for first, last in pairwise(bounds):
            columns = self._of_chunk(int(chunk[first]))
            rows: Any = slice(first, last) if order is None else order[first:last]
            here = at[rows] - int(chunk[first]) * CHUNK_CELLS
            for target, column in zip(out, columns, strict=True):
                target[rows] = column[here]
        return out

    def _read(self, columns: list[Any], first: int, last: int) -> Columns:
        with self._reader.reading():
            found = tuple(column[first:last] for column in columns)
        kind, template = found[2], found[3]
        if (kind >= len(self.kinds)).any() or ((template >= self.templates_n) & (template != NO_TEMPLATE)).any():
            raise self._reader.fail(f"damaged: a kind or template of cells from rank {first} on is not there")
        return found

    # --- sets -------------------------------------------------------------------------------------------------------

    def members(self, node_set: str) -> Ranks:
        """Return the ranks of a node set, ascending."""
        entry = self._sets.get(node_set)
        if entry is None:
            raise ModelError(f"{self.title}: no node set {node_set!r}; there are {', '.join(self._sets) or 'none'}")
        if isinstance(entry.get("query"), dict):
            return self.select(entry["query"])
        ranks = self._reader.array(f"set/{entry.get('ranks')}", "<u4", (None,))
        if len(ranks) and (int(ranks[-1]) >= self.n or (np.diff(ranks.astype(np.int64)) <= 0).any()):
            raise self._reader.fail(f"damaged: the ranks of node set {node_set!r} do not ascend")
        return ranks

    def select(self, query: dict[str, Any]) -> Ranks:
        """Return the ranks of the cells whose facts have these values, ascending; see ``Scene.select``."""
        kinds, gids = matching(self.kinds, query)
        if kinds.all() and gids is None:
            return np.arange(self.n, dtype=np.uint32)
        parts = [np.empty(0, np.uint32)]
        for start in range(0, self.n if kinds.any() else 0, SCAN_CELLS):
            stop = min(start + SCAN_CELLS, self.n)
            with self._reader.reading():
                kind = self._columns[2][start:stop]
                gid = kind if gids is None else self._columns[1][start:stop]
            if (kind >= len(kinds)).any():
                raise self._reader.fail(f"damaged: a kind of cells from rank {start} on is not there")
            chosen = kinds[kind]
            if gids is not None:
                chosen &= np.isin(gid, gids)
            parts.append((np.flatnonzero(chosen) + start).astype(np.uint32))
        return np.concatenate(parts)

    # --- numbers ----------------------------------------------------------------------------------------------------

    @property
    def index_of_rank(self) -> NDArray[np.int64]:
        """Number in the simulation of each cell, int64 (n,); read when asked for first."""
        known: NDArray[np.int64] | None = self.__dict__.get("_index_of_rank")
        if known is None:
            name = "index" if self._reader.has("soma/index") else "gid"
            known = self._reader.array(f"soma/{name}", "<u4", (self.n,)).astype(np.int64)
            if int(known.max(initial=-1)) >= self._index_n:
                raise self._reader.fail(f"damaged: /soma/{name} goes to {known.max()}, above {self._index_n}")
            self._index_of_rank = known
        return known

    @property
    def rank_of_index(self) -> NDArray[np.int64]:
        """Rank of each cell of the simulation, int64 (cells of the simulation,); -1 of those that are not shown."""
        known: NDArray[np.int64] | None = self.__dict__.get("_rank_of_index")
        if known is None:
            known = np.full(self._index_n, -1, np.int64)
            known[self.index_of_rank] = np.arange(self.n)
            self._rank_of_index = known
        return known


def read_octree(reader: SceneReader, n: int) -> Octree:
    """Return the octree of a file, checked: kernels follow it without looking."""
    columns = {name: reader.array(f"node/{name}", dtype, (None,)) for name, dtype in NODE.items()}
    nodes = len(columns["level"])
    if not nodes or any(len(column) != nodes for column in columns.values()):
        raise reader.fail("damaged: the columns of /node differ in length")
    sample_off = reader.array("node/sample_off", "<u8", (nodes + 1,))
    sample = reader.array("node/sample", "<u4", (None,))
    box = reader.array("meta/bbox", "<f8", (2, 3))
    octree = Octree(**columns, sample=sample, sample_off=sample_off, box_um=box)
    problem = octree_problem(octree, n)
    if problem:
        raise reader.fail(f"damaged: {problem}")
    return octree


def octree_problem(octree: Octree, n: int) -> str | None:
    """Return what is wrong with an octree over n cells, or None."""
    start, end = octree.start.astype(np.int64), octree.end.astype(np.int64)
    first, count = octree.first_child.astype(np.int64), octree.child_n.astype(np.int64)
    nodes, at = len(octree), np.arange(len(octree))
    size = octree.box_um[1] - octree.box_um[0]
    if not np.isfinite(octree.box_um).all() or not (size > 0.0).all():
        return f"/meta/bbox is no box: {octree.box_um.tolist()}"
    if start[0] != 0 or end[0] != n or (start >= end).any() or (octree.level > 21).any():
        return "a node holds no cells, or the root does not hold all"
    inner = np.flatnonzero(first >= 0)
    if (first < -1).any() or (count[first < 0] != 0).any() or (count[inner] < 1).any() or (count[inner] > 8).any():
        return "a node has a number of children that is not 1 to 8"
    if (first[inner] <= at[inner]).any() or (first[inner] + count[inner] > nodes).any():
        return "a child comes before its parent or is not there"
    # Breadth first: the children of all inner nodes, in order, are the nodes after the root.
    if not np.array_equal(first[inner], 1 + np.cumsum(count[inner]) - count[inner]) or 1 + count.sum() != nodes:
        return "children do not follow one another"
    last = first[inner] + count[inner] - 1
    follows = np.concatenate([[True], start[1:] == end[:-1]])
    follows[first[inner]] = True
    if not follows[1:].all() or (start[first[inner]] != start[inner]).any() or (end[last] != end[inner]).any():
        return "the children of a node do not hold its cells"
    off = octree.sample_off.astype(np.int64)
    sizes = np.diff(off)
    if off[0] != 0 or off[-1] != len(octree.sample) or (sizes < 0).any() or (sizes[first < 0] != 0).any():
        return "/node/sample_off does not fit /node/sample"
    if (sizes[inner] < 1).any() or (sizes > SAMPLE).any():
        return "an inner node has no sample"
    owner = np.repeat(at, sizes)
    if (octree.sample < start[owner]).any() or (octree.sample >= end[owner]).any():
        return "a sample lies outside its node"
    return None


def _bytes_of(templates: dict[int, Template]) -> int:
    return sum(29 * len(level) + 256 for template in templates.values() for level in template.levels)
