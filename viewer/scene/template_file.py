"""Templates as they are in a scene file: all levels of one in a row, 19 bytes a point.

Places are whole numbers in the template's own cube, paths and radii parts of its largest: for a cell of 1 mm the error
is below 0.01 um. A parent is told as the distance to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.viewer.scene.scene import NO_TEMPLATE
from neurosim.viewer.scene.scene_layout import MOST_LABEL_BYTES, MOST_POINTS, OF_TEMPLATE, POINT, SceneReader
from neurosim.viewer.scene.skeleton import LEVELS_N, Skeleton, Template

BLOCK_POINTS = 8192
_STEPS = 65535


class TemplateTable:
    """The templates of an open scene file; a template's points are read when it is asked for.

    Parameters
    ----------
    reader : SceneReader
    names : list of str
    """

    def __init__(self, reader: SceneReader, names: list[str]) -> None:
        self._reader, self._names = reader, names
        n = len(names)
        if n > NO_TEMPLATE:
            raise reader.fail(f"has {n} templates; at most {NO_TEMPLATE}")
        self.off = reader.array("template/off", "<u8", (LEVELS_N * n + 1,)).astype(np.int64)
        self.of = {
            name: reader.array(f"template/{name}", dtype, (n, *tail)) for name, (dtype, tail) in OF_TEMPLATE.items()
        }
        self._points = reader.data("template/point", POINT, (None,))
        self._labels = reader.data("template/label", "u1", (None,))
        self._label_off = reader.array("template/label_off", "<u8", (n + 1,)).astype(np.int64)
        if self._label_off[0] != 0 or (np.diff(self._label_off) < 0).any() or self._label_off[-1] != len(self._labels):
            raise reader.fail("damaged: /template/label_off does not cover /template/label")
        if self.off[0] != 0 or (np.diff(self.off) < 0).any() or self.off[-1] != len(self._points):
            raise reader.fail("damaged: /template/off does not cover /template/point")
        floats = [column for column in self.of.values() if column.dtype.kind == "f"]
        if not all(np.isfinite(column).all() and (np.abs(column) < 1e9).all() for column in floats):
            raise reader.fail("damaged: a size in /template is no length")
        points = np.diff(self.off).reshape(-1, LEVELS_N)
        if (points.sum(axis=1) > MOST_POINTS).any():
            raise reader.fail(f"a template has {points.sum(axis=1).max()} points; at most {MOST_POINTS}")
        self._block = self.off[:-1:LEVELS_N] // BLOCK_POINTS
        if (self.of["segments"].astype(np.int64) > points).any() or (self.of["reach"] < 0.0).any():
            raise reader.fail("damaged: /template/segments counts more than there are")

    def __len__(self) -> int:
        return len(self._names)

    def block_of(self, index: int) -> int:
        """Return the block of a template: templates are read some at a time, about ``BLOCK_POINTS`` points."""
        return int(self._block[index])

    def read(self, block: int) -> dict[int, Template]:
        """Return the templates of a block by number."""
        first, last = (int(k) for k in np.searchsorted(self._block, [block, block + 1]))
        off = self.off[LEVELS_N * first : LEVELS_N * last + 1] - self.off[LEVELS_N * first]
        begin = int(self.off[LEVELS_N * first])
        with self._reader.reading():
            points = self._points[begin : begin + int(off[-1])]
        sizes = np.diff(off)
        owner = np.repeat(np.repeat(np.arange(first, last), LEVELS_N), sizes)
        of = {name: column[owner] for name, column in self.of.items()}
        at = np.arange(len(points)) - np.repeat(off[:-1], sizes)
        back, node = points["back"].astype(np.int64), points["node"].astype(np.int32)
        wrong = np.flatnonzero((back > at) | (node < 0) | (node >= np.maximum(1, of["nodes_n"].astype(np.int64))))
        if len(wrong):
            which = owner[wrong[0]]
            raise self._reader.fail(f"damaged: template {which} has a point whose parent or compartment is not there")
        whole = Skeleton(
            position_um=(of["low"] + points["pos"] * of["step"][:, None]).astype(np.float32),
            parent=np.where(back > 0, at - back, -1).astype(np.int32),
            path_um=(points["path"] * of["path_step"]).astype(np.float32),
            radius_um=(points["radius"] * of["radius_step"]).astype(np.float32),
            node=node,
            region=points["region"].copy(),
        )
        return {index: self._template(index, whole, off[LEVELS_N * (index - first) :]) for index in range(first, last)}

    def _template(self, index: int, whole: Skeleton, off: NDArray[np.int64]) -> Template:
        names = [column.name for column in fields(Skeleton)]
        levels = tuple(
            Skeleton(**{name: getattr(whole, name)[off[k] : off[k + 1]] for name in names}) for k in range(LEVELS_N)
        )
        of = {name: self.of[name][index] for name in ("nodes_n", "soma_radius", "reach")}
        return Template(self._names[index], levels, int(of["nodes_n"]), float(of["soma_radius"]), float(of["reach"]))

    def labels(self, index: int) -> list[str]:
        """Return the names of the compartments of a template; empty where they are not known."""
        first, last = int(self._label_off[index]), int(self._label_off[index + 1])
        if last - first > MOST_LABEL_BYTES:
            raise self._reader.fail(f"template {index} has labels of {last - first} bytes; at most {MOST_LABEL_BYTES}")
        with self._reader.reading():
            words = bytes(self._labels[first:last]).decode("utf-8", "replace").split("\n")
        return words if len(words) == int(self.of["nodes_n"][index]) else []


def packed(template: Template) -> tuple[NDArray[Any], list[int], dict[str, Any]]:
    """Return the points of all levels, POINT (n,), their number by level, and the row of ``OF_TEMPLATE``.

    Raises
    ------
    ModelError
        It is too large, or a parent comes after its child.
    """
    sizes = [len(level) for level in template.levels]
    if len(sizes) != LEVELS_N or sum(sizes) > MOST_POINTS:
        raise ModelError(f"template {template.name!r} has {len(sizes)} levels and {sum(sizes)} points; allowed: "
                         f"{LEVELS_N} and {MOST_POINTS}.")  # fmt: skip
    position = np.concatenate([level.position_um for level in template.levels]).astype(np.float64).reshape(-1, 3)
    path, radius, node, region = (
        np.concatenate([getattr(level, name) for level in template.levels])
        for name in ("path_um", "radius_um", "node", "region")
    )
    low = position.min(axis=0, initial=np.inf) if len(position) else np.zeros(3)
    step = float((position.max(axis=0) - low).max()) / _STEPS if len(position) else 0.0
    path_step, radius_step = (float(np.max(column, initial=0.0)) / _STEPS for column in (path, radius))
    points = np.zeros(len(position), POINT)
    points["pos"] = _whole(position - low, step)
    points["path"], points["radius"] = _whole(path, path_step), _whole(radius, radius_step)
    points["node"], points["region"] = node, region
    points["back"] = np.concatenate([_back(level.parent, template.name) for level in template.levels])
    row = {
        "low": low, "step": step, "path_step": path_step, "radius_step": radius_step, "reach": template.reach_um,
        "soma_radius": template.soma_radius_um, "nodes_n": template.nodes_n,
        "segments": [level.segments_n for level in template.levels],
    }  # fmt: skip
    return points, sizes, row


def table_of(rows: Iterable[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    """Return the columns of ``OF_TEMPLATE`` of templates."""
    listed = list(rows)
    return {
        name: np.array([row[name] for row in listed], dtype).reshape(len(listed), *tail)
        for name, (dtype, tail) in OF_TEMPLATE.items()
    }


def _whole(values: NDArray[Any], step: float) -> NDArray[np.uint16]:
    scaled = np.asarray(values, np.float64) / step if step > 0.0 else np.zeros(np.shape(values))
    if not np.isfinite(scaled).all():
        raise ModelError("a template has a place, path or radius that is not finite.")
    whole: NDArray[np.uint16] = np.clip(np.rint(scaled), 0, _STEPS).astype(np.uint16)
    return whole


def _back(parent: NDArray[np.int32], name: str) -> NDArray[np.int64]:
    back = np.where(parent >= 0, np.arange(len(parent)) - parent, 0)
    wrong = np.flatnonzero((parent >= 0) & (back <= 0))
    if len(wrong):
        raise ModelError(f"template {name!r}: the parent of point {wrong[0]} comes after it; parents must come first.")
    return back
