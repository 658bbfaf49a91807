"""A picture of a run of the patch: cells from the side, spikes, rates, voltages. Needs matplotlib (extra ``plot``)."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import MissingExtraError
from neurosim.models.demo.patch import BASKETS, PYRAMIDS, Patch, parameters
from neurosim.models.demo.trees import SOMA

Floats = npt.NDArray[np.float64]

_BACK, _INK, _FAINT = "#0b0e14", "#d7dce5", "#5b6475"
_COLOURS: Final = {PYRAMIDS: ("#ffb454", "#ff8f40", "#f07178", "#d2668f"), BASKETS: ("#59c2ff",)}
"""Pyramids by layer from the surface, baskets."""
_TREES_DRAWN: Final = 260
_BIN_ms: Final = 10.0
_TRACES_SHOWN: Final = 6
_GAP_mV: Final = 115.0


def save_patch_plot(patch: Patch, path: str | Path) -> Path:
    """Draw a finished run of the patch.

    Parameters
    ----------
    patch : Patch
        What was run; its results are read from ``patch.output``.
    path : path-like
        Picture to write; the ending names the format.

    Returns
    -------
    Path
        The picture.
    """
    try:
        Figure = import_module("matplotlib.figure").Figure
    except ImportError as error:
        raise MissingExtraError("the picture of the demo", "matplotlib", "plot") from error
    # A figure of its own, without pyplot: nothing global changes and no display is asked for.
    figure = Figure(figsize=(13.0, 7.6), layout="constrained", facecolor=_BACK)
    mosaic = [["cells", "raster"], ["cells", "rates"], ["cells", "traces"], ["cells", "tree"]]
    axes = figure.subplot_mosaic(mosaic, width_ratios=[0.8, 1.0], height_ratios=[3.2, 1.0, 2.4, 1.5])
    for ax in axes.values():
        ax.set_facecolor(_BACK)
        ax.tick_params(colors=_FAINT, labelsize=8)
        ax.spines[:].set_visible(False)
    cells = _Cells(patch)
    _draw_cells(axes["cells"], cells)
    _draw_spikes(axes["raster"], axes["rates"], cells)
    _draw_traces(axes["traces"], cells)
    _draw_tree(figure, axes["tree"], cells)
    for name in ("raster", "rates", "traces", "tree"):
        axes[name].set_xlim(0.0, patch.tstop_ms)
        axes[name].tick_params(labelbottom=name == "tree", bottom=name == "tree")
    figure.savefig(path, dpi=130, facecolor=_BACK)
    return Path(path)


class _Cells:
    """The cells of the patch as they were written, in the order of their gids, and their spikes."""

    def __init__(self, patch: Patch) -> None:
        self.patch = patch
        self.layers = [layer["name"] for layer in parameters()["layer"]]
        places: list[Floats] = []
        layers: list[npt.NDArray[np.int64]] = []
        turns: list[Floats] = []
        swc: list[str] = []
        self.first: dict[str, int] = {}
        for name in (PYRAMIDS, BASKETS):
            self.first[name] = len(swc)
            with h5py.File(patch.folder / f"network/{name}_nodes.h5") as file:
                group, types = file[f"nodes/{name}/0"], file[f"nodes/{name}/node_type_id"][:]
                places.append(np.column_stack([group[axis][:] for axis in "xyz"]))
                layers.append(np.array([self.layers.index(text.decode()) for text in group["layer"][:]], np.int64))
                turns.append(group["rotation_angle_yaxis"][:])
            table = (patch.folder / f"network/{name}_node_types.csv").read_text("utf-8").splitlines()
            column = table[0].split(" ").index("morphology")
            files = {int(row.split(" ")[0]): row.split(" ")[column].strip('"') for row in table[1:]}
            swc += [files[int(number)] for number in types]
        self.place_um, self.layer = np.concatenate(places), np.concatenate(layers)
        self.turn, self.swc = np.concatenate(turns), swc
        self.n = len(swc)

    def colour(self, gid: int) -> str:
        """Return the colour of a cell."""
        basket = gid >= self.first[BASKETS]
        return _COLOURS[BASKETS][0] if basket else _COLOURS[PYRAMIDS][self.layer[gid] % len(_COLOURS[PYRAMIDS])]

    def spikes(self) -> tuple[npt.NDArray[np.int64], Floats]:
        """Return gids and times."""
        gids, times = [], []
        with h5py.File(self.patch.output / "spikes.h5") as file:
            for name, first in self.first.items():
                if f"spikes/{name}" in file:
                    gids.append(file[f"spikes/{name}/node_ids"][:].astype(np.int64) + first)
                    times.append(file[f"spikes/{name}/timestamps"][:])
        return np.concatenate([np.zeros(0, np.int64), *gids]), np.concatenate([np.zeros(0), *times])

    def report(self, name: str) -> dict[int, tuple[Floats, Floats]]:
        """Return gid -> times (n,) and values (n, k) of a report."""
        found: dict[int, tuple[Floats, Floats]] = {}
        with h5py.File(self.patch.output / f"{name}.h5") as file:
            for population, first in self.first.items():
                if f"report/{population}" not in file:
                    continue
                group = file[f"report/{population}"]
                start_ms, _, dt_ms = group["mapping/time"][:]
                values, pointer = group["data"][:], group["mapping/index_pointer"][:].astype(int)
                time_ms = start_ms + dt_ms * np.arange(len(values))
                for k, node in enumerate(group["mapping/node_ids"][:].tolist()):
                    found[int(node) + first] = (time_ms, values[:, pointer[k] : pointer[k + 1]])
        return found


def _draw_cells(ax: Any, cells: _Cells) -> None:
    """Draw some cells as trees, seen from the side, the far ones darker, and the somata of all."""
    collections = import_module("matplotlib.collections")
    colors = import_module("matplotlib.colors")
    trees = {name: np.loadtxt(cells.patch.folder / "components/morphologies" / name) for name in set(cells.swc)}
    depth = cells.place_um[:, 2]
    near = (depth - depth.min()) / max(1e-9, float(np.ptp(depth)))
    chosen = np.unique(np.linspace(0, cells.n - 1, min(cells.n, _TREES_DRAWN)).astype(int))
    for gid in sorted(chosen.tolist(), key=lambda g: float(depth[g])):
        rows = trees[cells.swc[gid]]
        cosine, sine = np.cos(cells.turn[gid]), np.sin(cells.turn[gid])
        x = rows[:, 2] * cosine + rows[:, 4] * sine + cells.place_um[gid, 0]
        ends = np.column_stack([x, rows[:, 3] + cells.place_um[gid, 1]])
        parent = rows[:, 6].astype(int) - 1
        drawn = (rows[:, 1] != SOMA) & (parent >= 0)
        colour = colors.to_rgba(cells.colour(gid), 0.12 + 0.5 * float(near[gid]) ** 2)
        lines = np.stack([ends[parent[drawn]], ends[drawn]], axis=1)
        ax.add_collection(collections.LineCollection(lines, linewidths=0.25 + 0.5 * rows[drawn, 5], colors=[colour]))
    shade = [colors.to_rgba(cells.colour(gid), 0.35 + 0.65 * float(near[gid])) for gid in range(cells.n)]
    ax.scatter(cells.place_um[:, 0], cells.place_um[:, 1], s=2.0 + 5.0 * near, c=shade, linewidths=0, zorder=3)
    ax.autoscale_view()
    ax.set_aspect("equal")
    ax.set_axis_off()
    for layer in parameters()["layer"]:
        middle = -0.5 * (layer["top_um"] + layer["bottom_um"])
        ax.annotate(layer["name"], (ax.get_xlim()[0], middle), color=_FAINT, fontsize=9, va="center", ha="right")
    left, bottom = ax.get_xlim()[0], ax.get_ylim()[0]
    ax.plot([left, left + 200.0], [bottom, bottom], color=_INK, linewidth=2)
    ax.annotate("200 µm", (left + 100.0, bottom), textcoords="offset points", xytext=(0, 5), ha="center", color=_INK)


def _draw_spikes(raster: Any, rates: Any, cells: _Cells) -> None:
    """Draw spikes, cells by depth from the surface and baskets below, and the mean rates."""
    gids, times_ms = cells.spikes()
    basket = np.arange(cells.n) >= cells.first[BASKETS]
    row = np.empty(cells.n, int)
    row[np.lexsort((-cells.place_um[:, 1], basket))] = np.arange(cells.n)
    colours = np.array([cells.colour(gid) for gid in range(cells.n)])
    raster.scatter(times_ms, row[gids], s=max(0.6, 600.0 / cells.n), c=colours[gids], linewidths=0, rasterized=True)
    raster.set_ylim(cells.n, -1)
    raster.set_yticks([])
    raster.set_title(f"{cells.n:,} cells, {len(times_ms):,} spikes", loc="left", fontsize=10, color=_INK)
    pyramids_n = int((~basket).sum())
    for at, name in ((0.5 * pyramids_n, PYRAMIDS), (0.5 * (pyramids_n + cells.n), BASKETS)):
        raster.annotate(name, (-0.01, 1.0 - at / cells.n), xycoords="axes fraction", rotation=90, color=_FAINT,
                        fontsize=9, ha="right", va="center")  # fmt: skip
    edges = np.arange(0.0, cells.patch.tstop_ms + _BIN_ms, _BIN_ms)
    for name, members in ((PYRAMIDS, ~basket), (BASKETS, basket)):
        counts = np.histogram(times_ms[members[gids]], edges)[0]
        rate_Hz = counts / max(1, members.sum()) / _BIN_ms * 1e3
        rates.fill_between(edges[:-1] + 0.5 * _BIN_ms, rate_Hz, color=_COLOURS[name][0], alpha=0.35, linewidth=0)
        rates.plot(edges[:-1] + 0.5 * _BIN_ms, rate_Hz, color=_COLOURS[name][0], linewidth=0.8)
    rates.set_ylim(0.0, None)
    rates.set_ylabel("rate (Hz)", color=_FAINT, fontsize=9)


def _draw_traces(ax: Any, cells: _Cells) -> None:
    found = cells.report("soma_v")
    firing = np.bincount(cells.spikes()[0], minlength=cells.n)
    shown = [gid for gid in _spread(cells, _TRACES_SHOWN) if gid in found]
    for k, gid in enumerate(shown):
        time_ms, values_mV = found[gid]
        ax.plot(time_ms, values_mV[:, 0] - _GAP_mV * k, color=cells.colour(gid), linewidth=0.7)
    names = [f"{gid}: {firing[gid] / cells.patch.tstop_ms * 1e3:.0f} Hz" for gid in shown]
    ax.set_yticks([-70.0 - _GAP_mV * k for k in range(len(shown))], names)
    ax.tick_params(left=False)
    ax.set_ylabel("soma voltage", color=_FAINT, fontsize=9)


def _spread(cells: _Cells, count: int) -> list[int]:
    """Return pyramids from the surface down and a basket that fire somewhat more than most."""
    gids, _ = cells.spikes()
    firing = np.bincount(gids, minlength=cells.n)
    pyramids = cells.first[BASKETS]
    depth = np.argsort(-cells.place_um[:pyramids, 1])
    groups = [part for part in np.array_split(depth, max(1, count - 1)) if len(part)]
    chosen = [int(part[np.argsort(firing[part])[int(0.7 * len(part))]]) for part in groups]
    baskets = np.arange(pyramids, cells.n)
    return chosen + ([int(baskets[np.argsort(firing[baskets])[int(0.7 * len(baskets))]])] if len(baskets) else [])


def _draw_tree(figure: Any, ax: Any, cells: _Cells) -> None:
    found = cells.report("tree_v")
    if not found:
        ax.set_axis_off()
        return
    firing = np.bincount(cells.spikes()[0], minlength=cells.n)
    gid = max((g for g in found if g < cells.first[BASKETS]), key=lambda g: int(firing[g]), default=next(iter(found)))
    time_ms, values_mV = found[gid]
    extent = (time_ms[0], time_ms[-1], values_mV.shape[1], 0)
    image = ax.imshow(values_mV.T, aspect="auto", extent=extent, cmap="magma", vmin=-85.0, vmax=0.0,
                      interpolation="nearest")  # fmt: skip
    ax.set_yticks([])
    ax.set_ylabel(f"compartments\nof cell {gid}", color=_FAINT, fontsize=9)
    ax.set_xlabel("time (ms)", color=_INK)
    bar = figure.colorbar(image, ax=ax, pad=0.01)
    bar.set_label("v (mV)", color=_FAINT)
    bar.ax.tick_params(colors=_FAINT, labelsize=8)
    bar.outline.set_visible(False)
