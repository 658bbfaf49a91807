"""Pictures of forecasts over numbers of nodes. Needs matplotlib (extra ``plot``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from neurosim.errors import MissingExtraError
from neurosim.hpc.forecast import Forecast

COLOURS: Final = ("#24618f", "#b2402b", "#3f7d4e", "#8a6d1f", "#6b4a86")
GREY: Final = "#8a867f"
PARTS: Final = {
    "computing_s": "compartments",
    "events_s": "events",
    "lookup_s": "look-ups",
    "exchange_s": "exchange",
    "waiting_s": "waiting for the slowest",
}


def figure(width: float, height: float) -> Any:
    """Return a figure of its own, without pyplot: nothing global changes and no display is asked for."""
    try:
        made = import_module("matplotlib.figure").Figure
    except ImportError as error:
        raise MissingExtraError("a picture of a forecast", "matplotlib", "plot") from error
    return made(figsize=(width, height), layout="constrained")


def draw_slowdown(ax: Any, series: Mapping[str, Sequence[Forecast]]) -> None:
    """Draw time per biological second over nodes, one line a name; hollow where memory does not suffice."""
    for (name, rows), colour in zip(series.items(), COLOURS, strict=False):
        nodes = [row.layout.nodes for row in rows]
        ax.plot(nodes, [row.slowdown for row in rows], color=colour, linewidth=1.4, label=name)
        for fits, face in ((True, colour), (False, "white")):
            some = [row for row in rows if row.fits is fits]
            places = [row.layout.nodes for row in some], [row.slowdown for row in some]
            ax.plot(*places, "o", color=colour, markerfacecolor=face, markersize=4.5)
    ax.axhline(1.0, color=GREY, linewidth=0.8)
    _note(ax, 1.0, "as fast as life")
    ax.set(xscale="log", yscale="log", xlabel="nodes", ylabel="seconds for a second of the network")
    if not all(row.fits for rows in series.values() for row in rows):
        ax.plot([], [], "o", color=GREY, markerfacecolor="white", markersize=4.5, label="too much memory")
    ax.legend(frameon=False, fontsize="small")
    ax.spines[["top", "right"]].set_visible(False)


def draw_parts(ax: Any, rows: Sequence[Forecast]) -> None:
    """Draw what a window consists of, in parts of the whole, over nodes; exchange may be hidden behind computing."""
    places = range(len(rows))
    bottom = [0.0] * len(rows)
    for (part, label), colour in zip(PARTS.items(), COLOURS, strict=True):
        whole_s = [sum(getattr(row, name) for name in PARTS) for row in rows]
        shares = [getattr(row, part) / whole for row, whole in zip(rows, whole_s, strict=True)]
        ax.bar(places, shares, bottom=bottom, color=colour, label=label, width=0.8)
        bottom = [low + share for low, share in zip(bottom, shares, strict=True)]
    ax.set_xticks(list(places), [f"{row.layout.nodes:,}" for row in rows])
    ax.set(xlabel="nodes", ylabel="part of a window", ylim=(0.0, 1.0))
    ax.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    ax.spines[["top", "right"]].set_visible(False)


def draw_memory(ax: Any, series: Mapping[str, Sequence[Forecast]], memory_GiB: float) -> None:
    """Draw the memory of a node over nodes, and what a node has."""
    for (name, rows), colour in zip(series.items(), COLOURS, strict=False):
        nodes = [row.layout.nodes for row in rows]
        ax.plot(nodes, [row.memory_B / 2**30 for row in rows], "o-", color=colour, markersize=4.5, label=name)
    ax.axhline(memory_GiB, color=GREY, linewidth=0.8)
    _note(ax, memory_GiB, "may be used")
    ax.set(xscale="log", yscale="log", xlabel="nodes", ylabel="memory of a node (GiB)")
    ax.legend(frameon=False, fontsize="small")
    ax.spines[["top", "right"]].set_visible(False)


def _note(ax: Any, value: float, text: str) -> None:
    """Write a word at the left end of a horizontal line, below it."""
    where = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "xytext": (4, -3)}
    ax.annotate(text, (0.0, value), ha="left", va="top", color=GREY, fontsize="small", **where)


def save(made: Any, path: str | Path) -> Path:
    """Write a figure and return its path."""
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    made.savefig(place, dpi=130)
    return place


def plan_figure(rows: Sequence[Forecast], title: str) -> Any:
    """Return the figure of ``neurosim plan --plot``: time over nodes, and what it consists of."""
    made = figure(9.5, 3.6)
    left, right = made.subplots(1, 2)
    draw_slowdown(left, {title: rows})
    draw_parts(right, rows)
    return made
