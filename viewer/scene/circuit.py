"""The scene of a simulation, a network or a SONATA circuit: where its cells are, what they look like, who they are.

Cells of one body - one object, or equal sections and compartments - share a template. Places and turns come from the
populations' columns (SONATA's ``x``, ``y``, ``z``, ``rotation_angle_*axis`` in rad, ``orientation_*``); the other
columns with few values are facts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError, SonataError
from neurosim.model.cell import Cell
from neurosim.model.network import Network
from neurosim.model.point import PointCell, SpikeTrain
from neurosim.model.population import AnyCell
from neurosim.simulation import Simulation
from neurosim.sonata.circuit import Circuit
from neurosim.sonata.entry import Entry
from neurosim.sonata.node_sets import NodeSets
from neurosim.viewer.scene.arrange import arrange
from neurosim.viewer.scene.bodies import Bodies
from neurosim.viewer.scene.facts import kinds_of
from neurosim.viewer.scene.memory import MemoryScene

Floats = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]

_AXES = ("x", "y", "z")
_ANGLES = tuple(f"rotation_angle_{axis}axis" for axis in _AXES)
_ORIENTATION = tuple(f"orientation_{part}" for part in "xyzw")
_TYPES: dict[type, str] = {Cell: "biophysical", PointCell: "point", SpikeTrain: "virtual"}


@dataclass(frozen=True, eq=False)
class Part:
    """Cells of one population.

    Parameters
    ----------
    name : str
        Of the population.
    index, gid : int64 (n,)
        Number in the simulation, and number for people.
    columns : dict
        Attribute -> array (n,).
    place_um : float64 (n, 3)
        NaN where there is none.
    """

    name: str
    index: NDArray[np.int64]
    gid: NDArray[np.int64]
    columns: Columns
    place_um: Floats


def scene_of(what: Simulation | Network | Circuit | Cell) -> MemoryScene:
    """Return a scene; see ``neurosim.viewer.scene.memory.scene_of``."""
    if isinstance(what, Circuit):
        return _of_circuit(what)
    if isinstance(what, Network):
        return _scene("network", what.cells, _parts_of(what), len(what.cells))
    if isinstance(what, Simulation):
        network = what.network
        whole = network is not None and len(network.cells) == len(what.cells)
        parts = _parts_of(network) if network is not None and whole else [_one_part(what.cells)]
        return _scene(what.title, what.cells, parts, len(what.cells))
    if isinstance(what, Cell):
        return _scene(what.name, [what], [_one_part([what])], 1)
    raise ModelError(
        f"scene_of: {type(what).__name__} is not allowed; give a Simulation, a Network, a SONATA circuit or a Cell"
    )


def _one_part(cells: Sequence[AnyCell]) -> Part:
    number = np.arange(len(cells))
    return Part("cells", number, number, {}, np.full((len(cells), 3), np.nan))


def _parts_of(network: Network) -> list[Part]:
    parts = []
    for name, population in network.populations.items():
        number = np.arange(population.n) + population.first_gid
        place = population.positions_um
        there = place if place is not None else np.full((population.n, 3), np.nan)
        parts.append(Part(name, number, number, population.attributes, there))
    rest = np.setdiff1d(np.arange(len(network.cells)), np.concatenate([[-1], *(p.index for p in parts)]))
    if len(rest):
        parts.append(Part("cells", rest, rest, {}, np.full((len(rest), 3), np.nan)))
    return parts


def _of_circuit(circuit: Circuit) -> MemoryScene:
    parts = []
    for population in circuit.populations:
        order = np.argsort(population.node_ids, kind="stable")
        gid = population.gids[order]
        named = {name: population.attribute(name) for name in population.names}
        columns = {name: column[order] for name, column in named.items() if column is not None}
        place = np.full((len(gid), 3), np.nan)
        for axis, name in enumerate(_AXES):
            place[:, axis] = population.numbers(name, np.nan)[order]
        given = ~np.isnan(place).all(axis=1)
        place[given] = np.nan_to_num(place[given])
        parts.append(Part(population.name, np.searchsorted(circuit.gids, gid), gid, columns, place))
    cells = list(circuit.cells.values())
    sets: dict[str, NDArray[np.int64]] = {}
    notices = []
    node_sets = NodeSets(circuit.config, circuit.populations)
    for name in node_sets.names:
        try:
            sets[name] = node_sets.gids(name, Entry({}, "", circuit.config.path), name)
        except SonataError as error:
            notices.append(f"node set {name!r} cannot be shown: {error}")
    title = circuit.config.path.parent.name or circuit.config.path.name
    return _scene(title, cells, parts, len(cells) + len(circuit.sources), sets, notices)


def _scene(
    title: str,
    cells: Sequence[AnyCell],
    parts: list[Part],
    cells_n: int,
    sets: Mapping[str, NDArray[np.int64]] | None = None,
    notices: Sequence[str] = (),
) -> MemoryScene:
    """Return the scene of parts; ``sets`` are gids by name, by default those of the populations."""
    parts = [part for part in parts if len(part.index)] or [_one_part([])]
    index, gid = np.concatenate([p.index for p in parts]), np.concatenate([p.gid for p in parts])
    group = np.repeat(np.arange(len(parts)), [len(p.index) for p in parts])
    place, turn = np.concatenate([p.place_um for p in parts]), np.concatenate([_turns(p) for p in parts])
    drawn = [cells[i] for i in index.tolist()]
    columns = [(p.name, len(p.index), _facts(p, [cells[i] for i in p.index.tolist()])) for p in parts]
    kinds, kind, left_out = kinds_of(columns)
    homeless = np.isnan(place).any(axis=1)
    shown = ~(homeless & np.array([isinstance(cell, SpikeTrain) for cell in drawn], np.bool_))
    used, kind[shown] = np.unique(kind[shown], return_inverse=True)
    bodies = Bodies()
    template = np.array([bodies.number(cell) for cell in drawn], np.int64)
    if (homeless & shown).any():
        _settle(place, turn, group, homeless & shown, bodies, template)
    if sets is None:
        sets = {"all": gid, **{p.name: p.gid for p in parts}}
    rows = {name: np.flatnonzero(np.isin(gid[shown], gids)) for name, gids in sets.items()}
    scene = MemoryScene.from_arrays(
        title,
        place[shown],
        gid=gid[shown],
        kind=kind[shown],
        kinds=[kinds[k] for k in used] or kinds,
        template=template[shown],
        templates=bodies.templates,
        turn=turn[shown],
        node_sets={name: found for name, found in rows.items() if len(found)},
        index=index[shown],
        cells_n=cells_n,
    )
    scene.bodies = tuple(bodies.cells)
    scene.notices += [*notices, *bodies.notices, *_said(int((~shown).sum()), left_out)]
    return scene


def _said(hidden_n: int, left_out: list[str]) -> list[str]:
    said = []
    if hidden_n:
        said.append(f"{hidden_n} spike trains have no place and are not shown")
    if left_out:
        said.append(f"cells cannot be chosen by {', '.join(left_out)}: too many combinations of values")
    return said


def _settle(
    place_um: Floats,
    turn: Floats,
    group: NDArray[np.int64],
    homeless: NDArray[np.bool_],
    bodies: Bodies,
    template: NDArray[np.int64],
) -> None:
    """Write places for cells that are homeless, beside those that have places."""
    occupied = None
    placed = ~np.isnan(place_um).any(axis=1)
    if placed.any():
        reach = bodies.reach_um(template[placed])[:, None]
        occupied = np.stack(((place_um[placed] - reach).min(axis=0), (place_um[placed] + reach).max(axis=0)))
    low, high = bodies.boxes_um(template[homeless])
    turned = (turn[homeless, :3] != 0.0).any(axis=1)
    around = bodies.reach_um(template[homeless])[turned, None]
    low[turned], high[turned] = -around, around
    place_um[homeless] = arrange(low, high, group[homeless], occupied)


def _facts(part: Part, cells: list[AnyCell]) -> Columns:
    """Return the columns that can be facts; with the type and the name of the cells where no column says so."""
    aside = {*_AXES, *_ANGLES, *_ORIENTATION, "positions", "position"}
    facts = {name: column for name, column in part.columns.items() if name not in aside}
    if "model_type" not in facts:
        facts["model_type"] = np.array([_TYPES[type(cell)] for cell in cells], object)
    if "cell" not in facts:
        facts["cell"] = np.array([getattr(cell, "name", "") for cell in cells], object)
    return facts


def _turns(part: Part) -> Floats:
    """Return rotations as quaternions x, y, z, w, float64 (n, 4): ``orientation_*``, or Rx Ry Rz (z turns first)."""
    n = len(part.index)
    whole = np.zeros((n, 4))
    whole[:, 3] = 1.0
    for axis, name in enumerate(_ANGLES):
        if name in part.columns:
            half = 0.5 * np.nan_to_num(_numbers(part, name))
            about = np.zeros((n, 4))
            about[:, axis], about[:, 3] = np.sin(half), np.cos(half)
            whole = product(whole, about)
    if all(name in part.columns for name in _ORIENTATION):
        given = np.stack([_numbers(part, name) for name in _ORIENTATION], axis=1)
        there = np.isfinite(given).all(axis=1) & (np.abs(given) > 0.0).any(axis=1)
        whole[there] = given[there]
    return whole


def _numbers(part: Part, name: str) -> Floats:
    try:
        return np.asarray(part.columns[name], np.float64)
    except (TypeError, ValueError) as error:
        raise ModelError(f"population {part.name}: {name} must be numbers") from error


def product(a: Floats, b: Floats) -> Floats:
    """Return the rotation that turns by ``b`` first and by ``a`` then; quaternions x, y, z, w, float64 (n, 4)."""
    ax, ay, az, aw = a.T
    bx, by, bz, bw = b.T
    return np.stack(
        (
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ),
        axis=1,
    )
