"""A picture of the demonstration: the cells, their spikes, their voltages. Needs matplotlib (extra ``plot``)."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import MissingExtraError
from neurosim.models.demo.circuit import POPULATION, DemoCircuit
from neurosim.models.demo.trees import AXON, SOMA

Floats = npt.NDArray[np.float64]

_COLOURS: Final = {"pyramid": "#b2402b", "basket": "#24618f"}
_AXON_COLOUR: Final = "#9a9a9a"
_TRACES_SHOWN: Final = 6
_GAP_mV: Final = 130.0


def save_plot(circuit: DemoCircuit, path: str | Path) -> Path:
    """Draw a finished run of the circuit.

    Parameters
    ----------
    circuit : DemoCircuit
        What was run; its results are read from ``circuit.output``.
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
    figure = Figure(figsize=(11.0, 6.2), layout="constrained")
    cells, raster, traces, tree = figure.subplot_mosaic(
        [["cells", "raster"], ["cells", "traces"], ["cells", "tree"]], width_ratios=[1.15, 1.0], height_ratios=[1, 2, 1]
    ).values()
    _draw_cells(cells, circuit)
    _draw_spikes(raster, circuit)
    _draw_traces(traces, circuit)
    _draw_tree(figure, tree, circuit)
    for ax in (raster, traces, tree):
        ax.set_xlim(0.0, circuit.tstop_ms)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in (raster, traces):
        ax.tick_params(labelbottom=False)
    figure.savefig(path, dpi=130)
    return Path(path)


def _draw_cells(ax: Any, circuit: DemoCircuit) -> None:
    collections = import_module("matplotlib.collections")
    patches = import_module("matplotlib.patches")
    with h5py.File(circuit.folder / "network" / "nodes.h5") as file:
        group = file[f"nodes/{POPULATION}/0"]
        places = np.column_stack([group["x"][:], group["y"][:]])
    for kind, swc, place in zip(circuit.kinds, circuit.morphologies, places, strict=True):
        rows = np.loadtxt(swc)
        parent = rows[:, 6].astype(int) - 1
        drawn = (rows[:, 1] != SOMA) & (parent > 0)
        ends = rows[:, 2:4] + place
        colours = np.where(rows[drawn, 1] == AXON, _AXON_COLOUR, _COLOURS[kind])
        ax.add_collection(
            collections.LineCollection(
                np.stack([ends[parent[drawn]], ends[drawn]], axis=1),
                linewidths=0.3 + 0.9 * rows[drawn, 5],
                colors=colours.tolist(),
                capstyle="round",
            )
        )
        ax.add_patch(patches.Circle(place, rows[0, 5], color=_COLOURS[kind]))
    ax.autoscale_view()
    ax.set_aspect("equal")
    ax.set_axis_off()
    left, bottom = ax.get_xlim()[0], ax.get_ylim()[0]
    ax.plot([left, left + 200.0], [bottom, bottom], color="black", linewidth=2)
    ax.annotate("200 µm", (left + 100.0, bottom), textcoords="offset points", xytext=(0, 5), ha="center")


def _draw_spikes(ax: Any, circuit: DemoCircuit) -> None:
    with h5py.File(circuit.output / "spikes.h5") as file:
        group = file[f"spikes/{POPULATION}"]
        times_ms, nodes = group["timestamps"][:], group["node_ids"][:].astype(int)
    colours = [_COLOURS[circuit.kinds[node]] for node in nodes]
    ax.scatter(times_ms, nodes, c=colours, marker="|", s=28, linewidths=1.0)
    ax.set_ylim(len(circuit.kinds) - 0.4, -0.6)
    ax.set_ylabel("cell")
    ax.set_title(f"{len(circuit.kinds)} cells, {len(times_ms)} spikes", loc="left", fontsize=10)


def _draw_traces(ax: Any, circuit: DemoCircuit) -> None:
    time_ms, values_mV = _report(circuit.output / "soma_v.h5")
    shown = range(min(_TRACES_SHOWN, values_mV.shape[1]))
    for k in shown:
        ax.plot(time_ms, values_mV[:, k] - _GAP_mV * k, color=_COLOURS[circuit.kinds[k]], linewidth=0.8)
    ax.set_yticks([-70.0 - _GAP_mV * k for k in shown], [str(k) for k in shown])
    ax.set_ylabel("soma voltage of cell")


def _draw_tree(figure: Any, ax: Any, circuit: DemoCircuit) -> None:
    time_ms, values_mV = _report(circuit.output / "tree_v.h5")
    image = ax.imshow(
        values_mV.T,
        aspect="auto",
        extent=(time_ms[0], time_ms[-1], values_mV.shape[1], 0),
        cmap="magma",
        vmin=-90.0,
        vmax=20.0,
        interpolation="nearest",
    )
    ax.set_ylabel("compartment\nof cell 0")
    ax.set_xlabel("time (ms)")
    figure.colorbar(image, ax=ax, label="v (mV)", pad=0.01)


def _report(path: Path) -> tuple[Floats, Floats]:
    """Return times, float64 (n,), and values, float64 (n, k), of a SONATA report."""
    with h5py.File(path) as file:
        group = file[f"report/{POPULATION}"]
        start_ms, _, dt_ms = group["mapping/time"][:]
        values = np.asarray(group["data"][:], np.float64)
    return start_ms + dt_ms * np.arange(1, len(values) + 1), values
