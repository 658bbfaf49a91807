"""``RecordedVoltages``: voltages of reports, laid out as a scene's cells want them.

For the cells that a client watches a *plan* says once which column of which report goes where; a picture then takes
one row of each report.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.node_counts import NodeCounts
from neurosim.viewer.result_scene import Trees, WhoIsWho
from neurosim.viewer.scene.scene import NO_TEMPLATE, Scene
from neurosim.viewer.source import TraceBlock
from neurosim.viewer.voltage_report import Columns, VoltageReport, column_of_nodes

KEPT_PLANS = 32
SOMA = 1
"""Region of a skeleton's points."""


@dataclass(frozen=True, eq=False)
class Part:
    """Columns of one report, and where they go: ``tiles`` as of ``VoltageReport.tiles_of``."""

    report: VoltageReport
    tiles: list[tuple[int, Columns, Columns]]
    place: Columns


class RecordedVoltages:
    """Voltages by rank.

    Parameters
    ----------
    scene : Scene
    reports : sequence of VoltageReport
    who : WhoIsWho
    trees : Trees
    whole : bool
        A cell of which one place is known has its colour everywhere: where there are no spikes to tell what cells do.
    """

    def __init__(
        self, scene: Scene, reports: Sequence[VoltageReport], who: WhoIsWho, trees: Trees, *, whole: bool = False
    ) -> None:
        self._whole = whole
        self._scene, self._reports, self._trees = scene, list(reports), trees
        self._nodes = NodeCounts(scene)
        self._plans: OrderedDict[tuple[int, ...], tuple[int, list[Part]]] = OrderedDict()
        self._maps: dict[tuple[int, bytes], Columns] = {}
        self._found: dict[int, tuple[int, int]] = {}
        single: dict[int, bool] = {}
        # The report with most columns of a cell is the one that is shown.
        for number in sorted(range(len(self._reports)), key=lambda k: self._reports[k].most_columns):
            nodes = self._reports[number].node_ids
            ranks = who.ranks(self._reports[number].population, nodes)
            shown = ranks >= 0
            columns_n = self._reports[number].columns_n[shown]
            for rank, node, n in zip(ranks[shown].tolist(), nodes[shown].tolist(), columns_n.tolist(), strict=True):
                self._found[rank], single[rank] = (number, node), n == 1
        self._single = {rank for rank, alone in single.items() if alone}
        self._unknown = 0

    def columns(self, rank: int) -> tuple[VoltageReport, Columns] | None:
        """Return the report of a cell and the column of each of its nodes, -1 without; None when it is in none."""
        if rank not in self._found:
            return None
        number, node_id = self._found[rank]
        report = self._reports[number]
        part, sections, positions = report.elements(node_id)
        template = int(self._scene.cells(np.array([rank], np.uint32)).template[0])
        key = (template, sections.tobytes() + positions.tobytes())
        if key not in self._maps:
            self._maps[key] = self._map(rank, template, report.population, node_id, sections, positions)
        own = self._maps[key]
        return report, np.where(own >= 0, own + part.start, -1)

    def _map(
        self,
        rank: int,
        template: int,
        population: str,
        node_id: int,
        sections: NDArray[np.int64],
        positions: NDArray[np.float64],
    ) -> Columns:
        nodes_n = int(self._nodes.of([rank])[0])
        found = np.full(nodes_n, -1, np.int64)
        if not len(sections):
            return found
        if template == NO_TEMPLATE:
            return np.zeros(nodes_n, np.int64)
        tree = self._trees.of(template, population, node_id)
        if tree is not None and len(tree.section_idx) == nodes_n:
            return column_of_nodes(tree.section_idx, tree.x, sections, positions)
        whole = self._scene.template(template).levels[0]
        if len(sections) == 1:
            found[np.unique(whole.node[whole.region == SOMA])] = 0
        elif len(sections) == nodes_n:
            found = np.arange(nodes_n)
        else:
            self._unknown += 1
        return found

    def at(self, t_ms: float, ranks: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the voltage of all nodes of cells at or before a time, NaN where it is not known."""
        nodes_n, parts = self._plan(ranks)
        out = np.full(nodes_n, np.nan, np.float32)
        for part in parts:
            row = part.report.row_at(t_ms)
            if row >= 0:
                values = np.empty(len(part.place), np.float32)
                part.report.gather(row, part.tiles, values)
                out[part.place] = values
        return out

    def _plan(self, ranks: tuple[int, ...]) -> tuple[int, list[Part]]:
        if ranks in self._plans:
            self._plans.move_to_end(ranks)
            return self._plans[ranks]
        counts = self._nodes.of(ranks)
        starts = np.cumsum(counts) - counts
        columns: dict[int, list[Columns]] = {}
        places: dict[int, list[Columns]] = {}
        for rank, start in zip(ranks, starts.tolist(), strict=True):
            found = self.columns(rank)
            if found is None:
                continue
            column = found[1]
            if self._whole and rank in self._single and (column >= 0).any():
                column = np.full(len(column), column.max())
            known = np.flatnonzero(column >= 0)
            columns.setdefault(id(found[0]), []).append(column[known])
            places.setdefault(id(found[0]), []).append(known + start)
        parts = []
        for report in self._reports:
            if id(report) in columns:
                tiles = report.tiles_of(np.concatenate(columns[id(report)]))
                parts.append(Part(report, tiles, np.concatenate(places[id(report)])))
        self._plans[ranks] = (int(counts.sum()), parts)
        while len(self._plans) > KEPT_PLANS:
            self._plans.popitem(last=False)
        return self._plans[ranks]

    def trace(self, rank: int, node: int, start_ms: float, stop_ms: float) -> TraceBlock:
        """Return the voltage of a node with start <= t < stop; empty when it was not recorded."""
        found = self.columns(rank)
        if found is None or not 0 <= node < len(found[1]) or found[1][node] < 0:
            return TraceBlock(start_ms, 1.0, np.empty(0, np.float32))
        return found[0].trace(int(found[1][node]), start_ms, stop_ms)

    def reduced(self) -> tuple[str, ...]:
        """Return, in plain words, what was not recorded."""
        if not self._reports:
            return ()
        said = []
        if len(self._found) < self._scene.n:
            said.append(f"voltage was recorded of {len(self._found):,} of {self._scene.n:,} cells")
        if self._scene.templates_n and self._single:
            rest = "which colours all of the cell" if self._whole else "the rest is at the low end"
            comma = "," if self._whole else ";"
            said.append(f"of {len(self._single):,} cells voltage was recorded at one place{comma} {rest}")
        if self._unknown:
            said.append("voltage is not shown on some cells: which column is which compartment is not known")
        return tuple(said)
