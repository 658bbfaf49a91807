"""Writing a scene file, column by column, so that the cells are never in memory as a whole.

The file has a temporary name until it is complete: who is killed in between leaves the former file as it was. Space is
asked for before anything is written.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import OutputError
from neurosim.sonata.outfile import FORMAT as H5_FORMAT
from neurosim.sonata.outfile import INDEX_BYTES, SLACK_BYTES, partial_of, reason_of, rename, trim
from neurosim.viewer.scene.octree import LEAF_CAP, SAMPLE, Octree
from neurosim.viewer.scene.scene import KindOfCell, Scene
from neurosim.viewer.scene.scene_layout import (
    CHUNK_CELLS,
    CHUNK_POINTS,
    FORMAT,
    NODE,
    POINT,
    SOMA,
    VERSION,
)
from neurosim.viewer.scene.skeleton import Template
from neurosim.viewer.scene.template_file import packed, table_of

LEVEL = 3
"""Of deflate: higher ones are slower and hardly smaller here."""
PIECE_CELLS = 64 * CHUNK_CELLS
CELL_BYTES = 6 + 4 + 2 + 2 + 8 + 4
"""Of all columns, index included, before deflate."""
ROOM_BYTES = 32 << 20
"""For nodes, templates and HDF5's own, beside the columns of the cells."""

Take = Callable[[NDArray[np.int64]], NDArray[Any]]
"""Ranks -> values of a column."""


class SceneWriter:
    """A scene file under construction; a context manager that names the file at the end or removes what was written.

    Parameters
    ----------
    path : Path
        Final name; its folder is made when missing.
    octree : Octree
    progress : callable, optional
        Called with the number of cells of each piece of a column that was written.
    """

    def __init__(self, path: Path, octree: Octree, progress: Callable[[int], None] | None = None) -> None:
        self.path, self.partial, self.octree = path, partial_of(path), octree
        self.n = int(octree.end[0])
        self._progress = progress
        self._file: Any = None

    def __enter__(self) -> Self:
        with self._writing():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            need, free = disk_bytes(self.n), shutil.disk_usage(self.path.parent).free
            if need > free:
                reason = f"needs up to {need / 1e9:.2f} GB of disk, {free / 1e9:.2f} GB are free; free some space."
                raise OutputError(self.path, reason)
            self._file = h5py.File(self.partial, "w", libver=H5_FORMAT)
            meta = self._file.create_group("meta")
            meta.attrs["format"], meta.attrs["unit"] = np.bytes_(FORMAT), np.bytes_(b"um")
            numbers = {"version": VERSION, "n": self.n, "leaf_cap": LEAF_CAP, "sample": SAMPLE}
            for name, value in numbers.items():
                meta.attrs[name] = np.uint64(value)
            meta["bbox"] = self.octree.box_um.astype("<f8")
            for name, dtype in NODE.items():
                self._put(f"node/{name}", getattr(self.octree, name).astype(dtype))
            self._put("node/sample", self.octree.sample.astype("<u4"), SAMPLE)
            self._put("node/sample_off", self.octree.sample_off.astype("<u8"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            with self._writing():
                self._file.close()
                trim(self.partial)
            rename(self.partial, self.path)
        else:
            self._drop()

    def column(self, name: str, take: Take) -> None:
        """Write a column of the cells, piece by piece, and its samples.

        Parameters
        ----------
        name : str
            One of ``SOMA``, or ``index``.
        take : callable
            Ranks, int64 (k,) -> values of the column.
        """
        dtype, tail = SOMA.get(name, ("<u4", ()))
        with self._writing():
            chunks = (min(CHUNK_CELLS, self.n), *tail)
            data = self._file.create_dataset(
                f"soma/{name}", (self.n, *tail), dtype, chunks=chunks, shuffle=True, compression=LEVEL
            )
        for start in range(0, self.n, PIECE_CELLS):
            ranks = np.arange(start, min(start + PIECE_CELLS, self.n))
            values = np.asarray(take(ranks)).astype(dtype, copy=False)
            with self._writing():
                self._reserve(values.nbytes)
                data[start : start + len(ranks)] = values
            if self._progress is not None:
                self._progress(len(ranks))
        if name in SOMA:
            sample = np.asarray(take(self.octree.sample.astype(np.int64))).astype(dtype, copy=False)
            with self._writing():
                self._put(f"node/sample_{name}", sample.reshape(-1, *tail), SAMPLE)

    def templates(self, templates: Iterable[tuple[Template, Sequence[str]]]) -> list[str]:
        """Write templates with the labels of their compartments (none: not known), and return their names."""
        with self._writing():
            data, text = self._growing("template/point", POINT), self._growing("template/label", np.uint8)
        names, rows, off, label_off = [], [], [0], [0]
        for template, labels in templates:
            points, sizes, row = packed(template)
            letters = np.frombuffer("\n".join(labels).encode(), np.uint8)
            with self._writing():
                self._append(data, points)
                self._append(text, letters)
            off += [off[-1] + int(end) for end in np.cumsum(sizes)]
            label_off.append(label_off[-1] + len(letters))
            rows.append(row)
            names.append(template.name)
        with self._writing():
            self._put("template/off", np.array(off, "<u8"))
            self._put("template/label_off", np.array(label_off, "<u8"))
            for name, values in table_of(rows).items():
                self._put(f"template/{name}", values)
        return names

    def finish(
        self,
        title: str,
        kinds: Sequence[KindOfCell],
        templates: Sequence[str],
        node_sets: Mapping[str, NDArray[Any] | dict[str, Any]],
        *,
        index_n: int,
        notices: Sequence[str] = (),
        source: Any = None,
    ) -> None:
        """Write what there is beside the cells.

        Parameters
        ----------
        title, kinds, notices
            As in ``Scene``.
        templates : sequence of str
            Their names.
        node_sets : mapping
            Name -> ranks, or a query for ``Scene.select``.
        index_n : int
            Cells of the simulation.
        source : JSON
            What the file was made of.
        """
        sets: list[dict[str, Any]] = []
        for name, members in node_sets.items():
            by_query = isinstance(members, dict)
            sets.append({"name": name, "query": members} if by_query else {"name": name, "ranks": len(sets)})
            if not by_query:
                with self._writing():
                    self._put(f"set/{len(sets) - 1}", np.sort(np.asarray(members)).astype("<u4"), CHUNK_CELLS * 16)
        about = {
            "title": title,
            "kinds": [{"population": kind.population, "facts": kind.facts} for kind in kinds],
            "templates": list(templates),
            "node_sets": sets,
            "notices": list(notices),
            "source": source,
        }
        with self._writing():
            self._file["meta"].attrs["index_n"] = np.uint64(index_n)
            self._put("meta/about", np.frombuffer(json.dumps(about).encode(), np.uint8))

    def _put(self, name: str, values: NDArray[Any], rows: int = 1 << 16) -> None:
        chunks = (min(rows, max(1, len(values))), *values.shape[1:])
        self._reserve(values.nbytes)
        self._file.create_dataset(
            name, data=values, maxshape=(None, *values.shape[1:]), chunks=chunks, shuffle=True, compression=LEVEL
        )

    def _growing(self, name: str, dtype: Any) -> h5py.Dataset:
        return self._file.create_dataset(
            name, (0,), dtype, maxshape=(None,), chunks=(CHUNK_POINTS,), shuffle=True, compression=LEVEL
        )

    def _append(self, data: h5py.Dataset, values: NDArray[Any]) -> None:
        if len(values):
            self._reserve(values.nbytes)
            before = len(data)
            data.resize(before + len(values), axis=0)
            data[before:] = values

    def _reserve(self, bytes_n: int) -> None:
        """Make sure that values fit on the disk: HDF5 may write them when it can no longer say that they do not."""
        if hasattr(os, "posix_fallocate"):
            needed = bytes_n + SLACK_BYTES + INDEX_BYTES * (bytes_n // 2**15)
            os.posix_fallocate(self._file.id.get_vfd_handle(), int(self._file.id.get_filesize()), needed)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn a failure of HDF5 into an error of ours."""
        try:
            yield
        except (OSError, RuntimeError) as error:
            self._drop()
            raise OutputError(self.path, f"cannot be written: {reason_of(error)}.") from None

    def _drop(self) -> None:
        """Close what was written and remove it.

        HDF5 repeats failed writes when it closes a file, and crashes the interpreter when they fail again. Its
        descriptor is therefore pointed at the null device first.
        """
        if self._file:
            with suppress(OSError, RuntimeError, ValueError):
                null = os.open(os.devnull, os.O_RDWR)
                os.dup2(null, self._file.id.get_vfd_handle())
                os.close(null)
            with suppress(OSError, RuntimeError, ValueError):
                self._file.close()
            with suppress(OSError):
                self.partial.unlink(missing_ok=True)


def disk_bytes(cells_n: int) -> int:
    """Return the disk that a scene of so many cells may need, templates aside."""
    return int(cells_n * CELL_BYTES * 1.25) + ROOM_BYTES


def _labelled(scene: Scene) -> Iterator[tuple[Template, list[str]]]:
    """Yield the templates of a scene with the labels of a cell of each."""
    cell_of: dict[int, int] = {}
    for start in range(0, scene.n if scene.templates_n else 0, PIECE_CELLS):
        cells = scene.cells(np.arange(start, min(start + PIECE_CELLS, scene.n), dtype=np.uint32))
        kinds, first = np.unique(cells.template, return_index=True)
        cell_of = dict(zip(kinds.tolist(), cells.rank[first].tolist(), strict=True)) | cell_of
    for k in range(scene.templates_n):
        yield scene.template(k), scene.labels(cell_of[k]) if k in cell_of else []


def write_scene(path: str | Path, scene: Scene, *, source: Any = None) -> Path:
    """Write a scene to a file.

    Parameters
    ----------
    path : path-like
        Ends in ``.scene.h5``. A file of that name is replaced when the new one is complete.
    scene : Scene
        Any; a cell's number in the simulation is kept.
    source : JSON, optional
        What it was made of.

    Returns
    -------
    Path
    """
    target = Path(path)
    fields = {"pos": "position", "gid": "gid", "type": "kind", "template": "template", "quat": "turn"}

    def values(field: str) -> Take:
        return lambda ranks: getattr(scene.cells(ranks.astype(np.uint32)), field)

    with SceneWriter(target, scene.octree) as writer:
        for name, field in fields.items():
            writer.column(name, values(field))
        index = scene.index_of_rank
        writer.column("index", lambda ranks: index[ranks])
        names = writer.templates(_labelled(scene))
        sets = {name: scene.members(name) for name in scene.node_sets}
        index_n = len(scene.rank_of_index)
        writer.finish(scene.title, scene.kinds, names, sets, index_n=index_n, notices=scene.notices, source=source)
    return target
