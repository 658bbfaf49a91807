"""The node arrays of a simulation: every cell's nodes at their places in the blocks.

Branching cells come first, those that are coupled to one another in blocks of their own; then point cells, many of one
mechanism in a block that has instances and no tree. A *group* is the range of blocks that must go step by step
together.

Units of the arrays as in ``neurosim.kernels.cable``; ``AREA`` and ``DIAM`` in um2 and um.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.blocks import Block, arrange
from neurosim.engine.driver import NODES
from neurosim.engine.ghosts import Ghosts
from neurosim.engine.memory import zeros
from neurosim.engine.packing import pack, packed_block, packing_pays
from neurosim.engine.rows import Grid, Longs
from neurosim.errors import SimulationError
from neurosim.kernels.cable import BY_NODE, EVERYWHERE, NOWHERE
from neurosim.kernels.packed import IDLE_DIAGONAL
from neurosim.kernels.simd import LANES
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.cell import CellRecord
from neurosim.model.point import Elsewhere, PointCell, SpikeTrain

Floats = NDArray[np.float64]
CM_PER_DT = 1e-3
"""From uF/cm2/ms to S/cm2."""

POINT_CELLS = 512
"""Point cells of one block, at most."""

_PIECE = 1 << 16

AnyCell = CellRecord | PointCell | SpikeTrain | Elsewhere


@dataclass(frozen=True)
class PointBlock:
    """Point cells of one mechanism side by side: their gids, ascending."""

    mechanism: Mechanism
    cells: Longs


@dataclass(frozen=True)
class Group:
    """Cells of one record whose nodes went to the same nodes of their blocks.

    ``elements`` is int64 (cells, nodes of the record): where each node of each cell stands.
    """

    record: CellRecord
    cells: NDArray[np.int64]
    elements: Longs


class NodeLayout:
    """Blocks, element ranges and node arrays.

    Parameters
    ----------
    cells : sequence of CellRecord, PointCell, SpikeTrain or Elsewhere
        One per gid; equal ones may be the same object.
    dt_ms, v_init_mV : float
        Step and initial voltage.
    leak : Mechanism
        The library's ``pas``, which is part of the cable here.
    coupled : sequence of int64 arrays
        Sets of gids that see one another's voltage.
    ghosts : Ghosts, optional
        Voltages of cells elsewhere; their elements follow those of all blocks.
    """

    def __init__(
        self,
        cells: Sequence[AnyCell],
        *,
        dt_ms: float,
        v_init_mV: float,
        leak: Mechanism,
        coupled: Sequence[Longs] = (),
        ghosts: Ghosts | None = None,
    ) -> None:
        self.cells = cells
        self._ghosts = ghosts
        records = {gid: c for gid, c in enumerate(cells) if isinstance(c, CellRecord)}
        kinds = {id(record): k for k, record in enumerate({id(c): c for c in records.values()}.values())}
        self.blocks: list[Block] = []
        self._edges = [0]
        for number, gids in enumerate(_apart(list(records), coupled)):
            mine = [records[gid] for gid in gids]
            parents, rows = [c.tree.parent_idx for c in mine], [_instances(c, leak) for c in mine]
            found = arrange(parents, [kinds[id(c)] for c in mine], rows)
            if number and packing_pays(packing := pack(parents), found, rows):
                found = [packed_block(packing)]
            before = len(self.blocks)
            self.blocks += [replace(b, cells=tuple(gids[k] for k in b.cells)) for b in found]
            self._edges += [len(self.blocks)] if number else range(before + 1, len(self.blocks) + 1)
        self.points = _point_blocks(cells)
        self.grid = self._make_grid()
        self.block_of_cell = np.full(len(cells), -1, np.int64)
        self._slot_of_cell = np.zeros(len(cells), np.int64)
        self.lane_of_cell = np.zeros(len(cells), np.int64)
        for number, block in enumerate(self.blocks):
            for slot, cell in enumerate(block.cells):
                self.block_of_cell[cell], self._slot_of_cell[cell] = number, slot
                self.lane_of_cell[cell] = slot if block.width == LANES else 0
        for number, point in enumerate(self.points, len(self.blocks)):
            self.block_of_cell[point.cells] = number
            self.lane_of_cell[point.cells] = np.arange(len(point.cells))
        self.groups = self._make_groups(kinds)
        self.arrays: dict[str, Floats] = {name: zeros(self.grid.size) for name in (*NODES, "AREA", "DIAM")}
        self.leaky = np.full(len(self.blocks), NOWHERE, np.int64)
        self._v_init = v_init_mV
        self._fill(dt_ms, leak)

    @property
    def block_groups(self) -> Longs:
        """First block of every group, and the number of blocks: int64 (groups + 1,)."""
        points = len(self.blocks) + np.arange(1, len(self.points) + 1)
        return np.concatenate([self._edges, points]).astype(np.int64)

    def _make_grid(self) -> Grid:
        sizes = [
            (len(b.parent) + 1) * LANES if b.width == LANES else -(-(len(b.parent) + 1) // LANES) * LANES
            for b in self.blocks
        ]
        sizes += [-(-len(p.cells) // LANES) * LANES for p in self.points]
        base = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        if base[-1] >= 2**31:
            raise SimulationError(
                f"the model needs {base[-1]} node places; one process holds at most {2**31 - 1}. Use more processes."
            )
        width = np.array([b.width for b in self.blocks] + [LANES] * len(self.points), np.int64)
        idle = [int(s) + len(b.parent) * b.width for s, b in zip(base, self.blocks, strict=False)]
        size = int(base[-1])
        if self._ghosts is not None:
            self._ghosts.place(size)
            size += -(-len(self._ghosts) // LANES) * LANES
        return Grid(base[:-1], width, np.array(idle + [-1] * len(self.points), np.int64), size)

    def _make_groups(self, kinds: dict[int, int]) -> list[Group]:
        members: dict[tuple[int, int, int], list[tuple[int, int, int]]] = {}
        maps: dict[int, NDArray[np.int32]] = {}
        for number, block in enumerate(self.blocks):
            for cell, node_map in zip(block.cells, block.maps, strict=True):
                maps[id(node_map)] = node_map
                key = (kinds[id(self.cells[cell])], id(node_map), block.width)
                members.setdefault(key, []).append((cell, int(self.grid.base[number]), int(self.lane_of_cell[cell])))
        out = []
        for (_, map_id, width), found in members.items():
            cells, starts, lanes = (np.array(column, np.int64) for column in zip(*found, strict=True))
            elements = (starts + lanes)[:, None] + maps[map_id].astype(np.int64)[None, :] * width
            record = self.cells[int(cells[0])]
            if isinstance(record, CellRecord):
                out.append(Group(record, cells, elements))
        return out

    def _fill(self, dt_ms: float, leak: Mechanism) -> None:
        a = self.arrays
        a["D0"][:] = 1.0
        for base, block in zip(self.grid.base.tolist(), self.blocks, strict=False):
            if block.packing is not None:
                a["D0"][base : base + block.packing.places_n] = IDLE_DIAGONAL
        # Places of no node hold values that every mechanism can compute with.
        a["AREA"][:] = 1.0
        a["DIAM"][:] = 1.0
        for group in self.groups:
            tree, at = group.record.tree, group.elements
            coupling = np.zeros(len(tree))
            coupling[1:] = 100.0 / tree.ri_MOhm[1:]
            leak_g, leak_e = _leak(group.record, leak)
            diagonal = tree.area_um2 * (CM_PER_DT * group.record.cm_uF_per_cm2 / dt_ms)
            diagonal += coupling
            np.add.at(diagonal, tree.parent_idx[1:], coupling[1:])
            if leak_g.any():
                diagonal += leak_g
                a["GP"][at] = leak_g
                a["EP"][at] = leak_e
                self._note_leak(group, leak_g, leak_e)
            a["D0"][at] = diagonal
            a["U"][at] = coupling
            a["AREA"][at] = tree.area_um2
            a["DIAM"][at] = tree.diam_um
        self.reset()

    def _note_leak(self, group: Group, leak_g: Floats, leak_e: Floats) -> None:
        """Keep one reversal potential a lane where a cell has one: it is then not loaded for every node."""
        reversals = leak_e[leak_g > 0.0]
        blocks = self.block_of_cell[group.cells]
        if (reversals != reversals[0]).any():
            self.leaky[blocks] = BY_NODE
            return
        self.arrays["EP"][self.grid.idle[blocks] + self.lane_of_cell[group.cells]] = reversals[0]
        for cell, number in zip(group.cells.tolist(), blocks.tolist(), strict=True):
            packing = self.blocks[number].packing
            if packing is not None:
                self.arrays["EP"][self.grid.base[number] + packing.tops[self._slot_of_cell[cell]]] = reversals[0]
        self.leaky[blocks] = np.where(self.leaky[blocks] == BY_NODE, BY_NODE, EVERYWHERE)

    def reset(self) -> None:
        """Put the node arrays back to the initial voltage."""
        self.arrays["V"][:] = self._v_init
        self.arrays["R"][:] = 0.0
        self.arrays["D"][:] = self.arrays["D0"]

    def set_voltages(self, elements: Longs, v_mV: Floats) -> None:
        """Put the nodes at these elements to these voltages, float64 (n,)."""
        v = self.arrays["V"]
        v[elements] = v_mV
        for base, block in zip(self.grid.base.tolist(), self.blocks, strict=False):
            if block.packing is not None:
                heads, held = block.packing.heads()
                v[base + heads] = v[base + held]
        self.arrays["R"][:] = 0.0
        self.arrays["D"][:] = self.arrays["D0"]

    def element(self, cell: int, node: int) -> int:
        """Return the element of a node of a cell; a point cell has one."""
        number = int(self.block_of_cell[cell])
        lane = int(self.lane_of_cell[cell])
        if number >= len(self.blocks):
            return int(self.grid.base[number]) + lane
        block = self.blocks[number]
        return int(self.grid.base[number]) + int(block.maps[self._slot_of_cell[cell]][node]) * block.width + lane

    def elements(self, cell: int) -> Longs:
        """Return the element of every node of a cell, int64 (n,)."""
        number = int(self.block_of_cell[cell])
        lane = int(self.lane_of_cell[cell])
        if number >= len(self.blocks):
            return self.grid.base[number : number + 1] + lane
        block = self.blocks[number]
        node_map: Longs = block.maps[self._slot_of_cell[cell]].astype(np.int64)
        return int(self.grid.base[number]) + node_map * block.width + lane

    def elements_of(self, cells: NDArray[np.integer], nodes: NDArray[np.integer]) -> Longs:
        """Return the elements of many (cell, node) pairs, int64 (m,); of cells elsewhere those of their ghosts."""
        out = np.empty(len(cells), np.int64)
        # In pieces: what is needed on the way stays small.
        for at in range(0, len(cells), _PIECE):
            piece = slice(at, at + _PIECE)
            out[piece] = self._elements_of(cells[piece].astype(np.int64), nodes[piece].astype(np.int64))
        return out

    def _elements_of(self, cells: Longs, nodes: Longs) -> Longs:
        out = np.empty(len(cells), np.int64)
        number = self.block_of_cell[cells]
        points, away = number >= len(self.blocks), number < 0
        out[points] = self.grid.base[number[points]] + self.lane_of_cell[cells[points]]
        if self._ghosts is not None:
            out[away] = self._ghosts.elements(cells[away], nodes[away])
        rest = np.flatnonzero(~(points | away))
        if len(rest):
            cell, block = cells[rest], number[rest]
            flat, first = self._node_maps
            node = flat[first[cell] + nodes[rest]]
            out[rest] = self.grid.base[block] + node * self.grid.width[block] + self.lane_of_cell[cell]
        return out

    @cached_property
    def _node_maps(self) -> tuple[NDArray[np.int32], Longs]:
        """The distinct maps of all blocks one after the other, int32, and where that of each cell begins (cells,)."""
        maps: dict[int, NDArray[np.int32]] = {}
        begins: dict[int, int] = {}
        first, size = np.zeros(len(self.block_of_cell), np.int64), 0
        for block in self.blocks:
            for cell, node_map in zip(block.cells, block.maps, strict=True):
                if id(node_map) not in maps:
                    maps[id(node_map)], begins[id(node_map)] = node_map, size
                    size += len(node_map)
                first[cell] = begins[id(node_map)]
        return np.concatenate([np.zeros(0, np.int32), *maps.values()]), first


def _apart(gids: list[int], coupled: Sequence[Longs]) -> list[list[int]]:
    """Return the cells that are on their own, then each coupled set."""
    if not coupled:
        return [gids] if gids else []
    tied = set(np.concatenate(coupled).tolist())
    alone = [gid for gid in gids if gid not in tied]
    return [alone, *(part.tolist() for part in coupled)]


def _point_blocks(cells: Sequence[AnyCell]) -> list[PointBlock]:
    """Group point cells by mechanism, whatever their values; NetStim and IntFire too."""
    found: dict[tuple[str, str], list[int]] = {}
    mechanisms: dict[tuple[str, str], Mechanism] = {}
    for gid, cell in enumerate(cells):
        if isinstance(cell, PointCell):
            key = (cell.mechanism.name, cell.mechanism.digest)
            mechanisms.setdefault(key, cell.mechanism)
            found.setdefault(key, []).append(gid)
    return [
        PointBlock(mechanisms[key], np.array(gids[k : k + POINT_CELLS], np.int64))
        for key, gids in found.items()
        for k in range(0, len(gids), POINT_CELLS)
    ]


def is_leak(mechanism: Mechanism, leak: Mechanism) -> bool:
    """Whether a mechanism is the library's ``pas`` (any defaults)."""
    return mechanism.name == leak.name and mechanism.digest == leak.digest


def _leak(record: CellRecord, leak: Mechanism) -> tuple[Floats, Floats]:
    """Leak conductance times area (um2 S/cm2) and reversal potential (mV) of every node; zero where there is none."""
    conductance, reversal = np.zeros(len(record.tree)), np.zeros(len(record.tree))
    for density in record.densities:
        if is_leak(density.mechanism, leak):
            conductance[density.nodes] = record.tree.area_um2[density.nodes] * density.values["g"]
            reversal[density.nodes] = density.values["e"]
    return conductance, reversal


def _instances(record: CellRecord, leak: Mechanism) -> int:
    return sum(len(d.nodes) for d in record.densities if not is_leak(d.mechanism, leak)) + len(record.points)
