"""What is in a scene file, and opening one that may be damaged or made to do harm.

A scene file is HDF5 with deflate and shuffle only, so that any reader of HDF5 opens it::

    /meta        attributes format, version, unit, n, leaf_cap, sample, index_n; bbox f64 (2, 3) in um; about u8: JSON
                 with title, kinds, node_sets, templates (names), notices, source
    /soma        pos u16 (n, 3), gid u32, type u16, template u16, quat i16 (n, 4), by rank; index u32 unless it is gid
    /node        level u8, start u32, end u32, first_child i32, child_n u8, prefix u64, sample u32, sample_off u64,
                 and sample_pos, sample_gid ...: the columns of /soma for the samples of inner nodes
    /template    off u64 (4 templates + 1): level by level where the points of a template are; point: compound;
                 low, step, path_step, radius_step: what its whole numbers mean; reach, soma_radius, nodes_n, segments;
                 label u8, label_off u64 (templates + 1): names of its compartments, one a line
    /set/0 ...   ranks u32 of node sets that are no query

Every object is looked up by its name and nothing is followed: an external or soft link, a virtual or external data set
or another filter is refused. Shapes and types are compared before anything is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError

FORMAT: Final = b"neurosim scene"
VERSION: Final = 1
ENDING: Final = ".scene.h5"
CHUNK_CELLS: Final = 4096
CHUNK_POINTS: Final = 4096
MOST_ABOUT_BYTES: Final = 64 << 20
MOST_POINTS: Final = 1 << 22
"""Of all levels of one template."""
MOST_LABEL_BYTES: Final = 16 << 20
MOST_CHUNK_BYTES: Final = 4 << 20
MOST_ARRAY_BYTES: Final = 2 << 30
MOST_RATIO: Final = 1100
"""Deflate makes nothing smaller than this; a data set that claims to be larger has no such content."""
DEFLATE, SHUFFLE = 1, 2

SOMA: Final[dict[str, tuple[str, tuple[int, ...]]]] = {
    "pos": ("<u2", (3,)), "gid": ("<u4", ()), "type": ("<u2", ()), "template": ("<u2", ()), "quat": ("<i2", (4,)),
}  # fmt: skip
"""Column of /soma: type and shape of a cell's part, in the order of ``Cells``."""
NODE: Final = {"level": "u1", "start": "<u4", "end": "<u4", "first_child": "<i4", "child_n": "u1", "prefix": "<u8"}
POINT: Final = np.dtype([
    ("pos", "<u2", (3,)), ("back", "<u4"), ("path", "<u2"), ("radius", "<u2"), ("node", "<i4"), ("region", "u1"),
])  # fmt: skip
"""A point of a skeleton; ``back`` is how many points before it its parent is, 0 where there is none."""
OF_TEMPLATE: Final[dict[str, tuple[str, tuple[int, ...]]]] = {
    "low": ("<f4", (3,)), "step": ("<f4", ()), "path_step": ("<f4", ()), "radius_step": ("<f4", ()),
    "reach": ("<f4", ()), "soma_radius": ("<f4", ()), "nodes_n": ("<u4", ()), "segments": ("<u4", (4,)),
}  # fmt: skip


class SceneFileError(ModelError):
    """A scene file that is not one, is damaged, or holds what is refused."""


class SceneReader:
    """A scene file that is open for reading; hands out data sets that were checked.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise SceneFileError("no such file; `neurosim scene config.json` makes one.", path=path)
        try:
            self.file = h5py.File(path, "r", rdcc_nbytes=4 << 20)
        except OSError as error:
            raise SceneFileError(f"not an HDF5 file that can be read: {error}.", path=path) from None

    def close(self) -> None:
        """Let the file go."""
        self.file.close()

    def fail(self, message: str) -> SceneFileError:
        """Return an error of this file."""
        return SceneFileError(f"{message}; make the file again with `neurosim scene`.", path=self.path)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn what HDF5 raises for bytes that make no sense into an error of ours."""
        try:
            yield
        except SceneFileError:
            raise
        except (OSError, KeyError, RuntimeError, ValueError, TypeError, MemoryError, OverflowError) as error:
            if not self.file:
                raise SceneFileError("is closed.", path=self.path) from None
            raise self.fail(f"damaged: {str(error).strip(chr(39))[:200]}") from None

    def has(self, name: str) -> bool:
        """Return whether there is an object of that name, link or not."""
        with self.reading():
            group, _, last = name.rpartition("/")
            return last in (self.group(group) if group else self.file)

    def group(self, name: str) -> h5py.Group:
        """Return a group."""
        found = self._found(name)
        if not isinstance(found, h5py.Group):
            raise self.fail(f"/{name} is no group")
        return found

    def data(self, name: str, dtype: Any, shape: tuple[int | None, ...]) -> h5py.Dataset:
        """Return a data set of a type and shape (None: any length), of which nothing was read yet."""
        found = self._found(name)
        if not isinstance(found, h5py.Dataset):
            raise self.fail(f"/{name} is no data set")
        with self.reading():
            if found.is_virtual or found.external:
                raise self.fail(f"/{name} lies in another file, which is refused")
            plan = found.id.get_create_plist()
            filters = {plan.get_filter(k)[0] for k in range(plan.get_nfilters())}
            if filters - {DEFLATE, SHUFFLE}:
                raise self.fail(f"/{name} has filters {sorted(filters)}; allowed: deflate and shuffle")
            chunk = np.prod(found.chunks or (0,), dtype=float) * found.dtype.itemsize
            if chunk > MOST_CHUNK_BYTES:
                raise self.fail(f"/{name} has chunks of {chunk:g} bytes; at most {MOST_CHUNK_BYTES}")
            if found.dtype != np.dtype(dtype):
                raise self.fail(f"/{name} is of type {found.dtype}, not {np.dtype(dtype)}")
            fits = len(shape) == found.ndim and all(w in (None, h) for w, h in zip(shape, found.shape, strict=True))
            if not fits:
                raise self.fail(f"/{name} has the shape {found.shape}, not {shape}")
        return found

    def array(self, name: str, dtype: Any, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """Return the whole of a data set; its shape is to bound its size."""
        data = self.data(name, dtype, shape)
        with self.reading():
            size = data.size * data.dtype.itemsize
            if size > min(MOST_ARRAY_BYTES, MOST_RATIO * data.id.get_storage_size() + 4096):
                raise self.fail(f"/{name} claims {size:g} bytes, more than it can hold")
            return np.ascontiguousarray(data[()])

    def number(self, name: str, most: int) -> int:
        """Return a whole number from 0 to ``most`` that is an attribute of /meta."""
        with self.reading():
            value = self.group("meta").attrs[name]
            if np.ndim(value) or not isinstance(value, np.integer) or not 0 <= int(value) <= most:
                raise self.fail(f"/meta {name} must be a whole number from 0 to {most}, got {str(value)[:40]}")
            return int(value)

    def _found(self, name: str) -> Any:
        with self.reading():
            here: Any = self.file
            for part in name.split("/"):
                if not isinstance(here, h5py.Group):
                    raise self.fail(f"/{name} is not there")
                if not isinstance(here.get(part, getlink=True), h5py.HardLink):
                    raise self.fail(f"/{name} is a link, which is not followed")
                here = here[part]
            return here
