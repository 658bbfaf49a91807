"""The extracellular potential at electrode sites.

Every compartment, the soma too, is a line source in an infinite homogeneous medium:

    symbol   meaning                                                     unit
    I_m      membrane current of a compartment, outwards                 nA
    p0, p1   ends of the compartment, h = |p1 - p0|                      um
    s        |(r - (p0 + p1)/2) . (p1 - p0)| / h                         um
    rho      distance of the site r from the line                        um
    sigma    conductivity of the medium, 0.3 S/m                         S/m

    phi = sum over compartments of I_m / (4 pi sigma h) * [asinh((s + h/2)/rho) - asinh((s - h/2)/rho)]

with nA / (um S/m) = mV. Holt and Koch 1999, doi:10.1023/A:1008832702585. The membrane current is what leaves a
compartment neither along the cable nor through an electrode: I_m = sum over neighbours of (v_neighbour - v)/ri
+ I_electrode, at the end of the step. It is linear in the voltages, so transfer and cable make one matrix:
phi = W v + R I_electrode.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.model.cell import Cell
from neurosim.morphology.tree import CompartmentTree
from neurosim.sonata.entry import Entry

SIGMA_S_PER_M = 0.3

Floats = npt.NDArray[np.float64]


def read_sites(path: Path, key: str) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return channel ids, int64 (n,), and positions, float64 (n, 3) in um, from an electrode table.

    The table is separated by spaces and has the columns channel, x_pos, y_pos, z_pos.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [[c for c in row if c] for row in csv.reader(stream, delimiter=" ")]
    except (UnicodeDecodeError, csv.Error) as error:
        raise SonataError(f"not a table: {error}.", key=key, path=path) from None
    rows = [row for row in rows if row]
    header = rows[0] if rows else []
    for name in ("channel", "x_pos", "y_pos", "z_pos"):
        if name not in header:
            raise SonataError(f"no column {name!r}; it has {', '.join(header) or 'none'}.", key=key, path=path)
    channels, sites = [], []
    for line, row in enumerate(rows[1:], start=2):
        try:
            channels.append(int(row[header.index("channel")]))
            sites.append([float(row[header.index(name)]) for name in ("x_pos", "y_pos", "z_pos")])
        except (ValueError, IndexError):
            raise SonataError(f"not a channel and three numbers: {row}.", key=key, path=path, line=line) from None
        if not all(math.isfinite(value) for value in sites[-1]):
            raise SonataError("a position is not finite.", key=key, path=path, line=line)
    if not sites:
        raise SonataError("no channels; the report would be empty.", key=key, path=path)
    return np.array(channels, dtype=np.int64), np.array(sites)


def rotation(x: float, y: float, z: float) -> Floats:
    """Return Rx Ry Rz for angles in rad (z turns first), float64 (3, 3)."""
    cx, cy, cz = math.cos(x), math.cos(y), math.cos(z)
    sx, sy, sz = math.sin(x), math.sin(y), math.sin(z)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    turned: Floats = about_x @ about_y @ about_z
    return turned


def ends_um(cell: Cell, position_um: Floats, angles: tuple[float, float, float]) -> tuple[Floats, Floats]:
    """Return start and end of every compartment in the tissue, float64 (n, 3) in um, in the order of ``all``.

    The mean of the soma's 3-D points moves to ``position_um`` after the rotation.
    """
    nodes = cell.nodes("all")
    soma = [s.points[:, :3] for s in cell.morphology.sections if s.region == "soma" and s.points is not None]
    tree = cell.tree
    if soma:
        centre = np.vstack(soma).astype(np.float64).mean(axis=0)
    else:
        inside = [n for n in nodes if cell.morphology.sections[int(tree.section_idx[n])].region == "soma"]
        centre = tree.centre_um[inside or nodes[:1]].mean(axis=0)
    turn = rotation(*angles)
    start = (tree.start_um[nodes] - centre) @ turn.T + position_um
    end = (tree.end_um[nodes] - centre) @ turn.T + position_um
    return start, end


def transfer(
    sites: Floats, start: Floats, end: Floats, least_um: Floats | float = 0.0, sigma_S_per_m: float = SIGMA_S_PER_M
) -> Floats:
    """Return the potential per unit current of line sources, float64 (sites, compartments) in mV/nA.

    Parameters
    ----------
    sites : float64 (m, 3)
        Where, um.
    start, end : float64 (n, 3)
        Ends of the compartments, um.
    least_um : float or float64 (n,)
        Smallest distance from the line for sites beside or near a compartment.
    """
    axis = end - start
    length = np.linalg.norm(axis, axis=1)
    away = sites[:, None, :] - 0.5 * (start + end)[None, :, :]
    along = np.abs(np.einsum("mni,ni->mn", away, axis)) / length
    rho2 = np.maximum(np.einsum("mni,mni->mn", away, away) - along**2, 0.0)
    low, up = along - 0.5 * length, along + 0.5 * length
    floor = np.broadcast_to(np.square(least_um), rho2.shape)
    rho2 = np.where(low < np.broadcast_to(least_um, rho2.shape), np.maximum(rho2, floor), rho2)
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = np.sqrt(rho2)
        beside = np.arcsinh(up / rho) - np.arcsinh(low / rho)
        in_line = np.log(up / low)
    straight = rho <= 1e-9 * length
    line = np.where(straight, np.where(low > 0, in_line, np.inf), beside)
    values: Floats = line / (4.0 * math.pi * sigma_S_per_m * length)
    return values


class Axial:
    """The axial currents of a cell as a linear operator on compartment voltages.

    Points where branches meet have no membrane: what flows in flows out, which gives their voltage.

    Parameters
    ----------
    tree : CompartmentTree
        Topology and resistances.
    nodes : int (n,)
        Nodes of the compartments, in the order of the voltages.
    """

    def __init__(self, tree: CompartmentTree, nodes: npt.NDArray[np.int32]) -> None:
        self.n, self.nodes = len(tree), np.asarray(nodes, dtype=np.int64)
        self.child = np.flatnonzero(np.asarray(tree.parent_idx) >= 0)
        self.parent = np.asarray(tree.parent_idx)[self.child].astype(np.int64)
        self.g_uS = 1.0 / np.asarray(tree.ri_MOhm)[self.child]
        bare = np.ones(self.n, dtype=bool)
        bare[self.nodes] = False
        # A section has at least one compartment, so two bare nodes never touch and each follows from its neighbours.
        self.bare = np.flatnonzero(bare)
        self.total_uS = np.zeros(self.n)
        np.add.at(self.total_uS, self.child, self.g_uS)
        np.add.at(self.total_uS, self.parent, self.g_uS)

    def currents(self, v_mV: Floats) -> Floats:
        """Return the current that flows into each compartment along the cable, float64 (k, n) in nA, of (k, n) mV."""
        v = np.zeros((self.n, len(v_mV)))
        v[self.nodes] = v_mV.T
        if len(self.bare):
            inflow = np.zeros_like(v)
            np.add.at(inflow, self.child, self.g_uS[:, None] * v[self.parent])
            np.add.at(inflow, self.parent, self.g_uS[:, None] * v[self.child])
            v[self.bare] = inflow[self.bare] / self.total_uS[self.bare, None]
        flow = self.g_uS[:, None] * (v[self.parent] - v[self.child])
        into = np.zeros_like(v)
        into[self.child] = flow
        np.subtract.at(into, self.parent, flow)
        result: Floats = into[self.nodes].T
        return result


def check_finite(weights: Floats, gid: int, entry: Entry) -> None:
    """Refuse a site that lies on a compartment's axis, where the potential of a line is infinite."""
    if not np.isfinite(weights).all():
        site = int(np.flatnonzero(~np.isfinite(weights).all(axis=1))[0])
        entry.fail(
            "electrode_positions", f"site {site} lies inside gid {gid}; move it or set minimum_distance to 'auto'."
        )
