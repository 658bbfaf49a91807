"""A picture of one cell of a network: its branches from above, and its synapses by where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.errors import ModelError
from neurosim.model.cell import Cell
from neurosim.results import optional

if TYPE_CHECKING:
    from neurosim.model.network import Network

_BRANCH_GREY = "0.6"


def draw_cell(net: Network, gid: int, ax: Any = None) -> Any:
    """Draw the branches of a cell in x and y, and a dot at the compartment of every synapse and gap junction.

    Parameters
    ----------
    net : Network
    gid : int
        A cell with branches.
    ax : matplotlib axes, optional
        Where; a new figure when omitted.

    Returns
    -------
    matplotlib axes
    """
    cell = net.cells[gid] if 0 <= gid < len(net.cells) else None
    if not isinstance(cell, Cell):
        what = "is not there" if cell is None else f"is a {type(cell).__name__}"
        raise ModelError(f"plot_cell: gid {gid} {what}; give the gid of a cell with branches")
    if ax is None:
        ax = optional("Network.plot_cell", "matplotlib.pyplot").subplots()[1]
    tree, nodes = cell.tree, cell.nodes("all")
    lines = np.stack([tree.start_um[nodes, :2], tree.end_um[nodes, :2]], axis=1)
    widths = 1.0 + np.sqrt(tree.diam_um[nodes])
    collections = optional("Network.plot_cell", "matplotlib.collections")
    ax.add_collection(collections.LineCollection(lines, linewidths=widths, colors=_BRANCH_GREY))
    names = {id(p.connections): p.name for p in net.projections.values()}
    names |= {id(j.couplings): j.name for j in net.junctions.values()}
    for rows in net.connections:
        if rows.mechanism is not None:
            _dots(ax, cell, rows.node[rows.target_gid == gid], names.get(id(rows), rows.mechanism.name))
    for couplings in net.couplings:
        name = names.get(id(couplings), couplings.mechanism.name)
        _dots(ax, cell, couplings.target_node[couplings.target_gid == gid], name, marker="D")
    ax.autoscale_view()
    ax.set_aspect("equal")
    ax.set_xlabel("x (um)")
    ax.set_ylabel("y (um)")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, borderaxespad=0.2)
    return ax


def _dots(ax: Any, cell: Cell, nodes: Any, name: str, marker: str = "o") -> None:
    """Draw a dot at each compartment, its area in proportion to the number of synapses there."""
    if len(nodes):
        where, counts = np.unique(nodes, return_counts=True)
        x, y = cell.tree.centre_um[where, 0], cell.tree.centre_um[where, 1]
        ax.scatter(x, y, s=12.0 * counts, label=f"{name} ({len(nodes)})", marker=marker, zorder=2, alpha=0.8)
