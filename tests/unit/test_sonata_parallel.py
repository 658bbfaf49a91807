"""A circuit read by several processes: each has its part of the connections, in the order of one process."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurosim.errors import OutputError, SonataError
from neurosim.hpc.crowd import crowd
from neurosim.hpc.crowd import together as played
from neurosim.model.connections import Connections
from neurosim.model.point import SpikeTrain
from neurosim.sonata import hyperslabs
from neurosim.sonata.agreement import ElsewhereError, agreed_order, together
from neurosim.sonata.circuit import Circuit, read
from neurosim.sonata.edge_index import edges_of_nodes, read_index
from neurosim.sonata.exact_sum import parts_of, value_of
from neurosim.sonata.shares import sets_of
from neurosim.sonata.writer import write
from tests.sonata_edges import with_edges
from tests.tolerances import EXACT
from tests.written_network import small_network


class Pretended:
    """One process of several that owns what it is told to, and hears nobody."""

    alone = overlap = False

    def __init__(self, rank: int, owner: Any) -> None:
        self.rank, self.size, self.owner = rank, int(max(owner)) + 1, np.asarray(owner, np.int32)
        self.asked: list[Any] = []

    def owners(self, costs: Any, together: Any, positions_um: Any) -> Any:
        self.asked.append((costs, together, positions_um))
        return self.owner

    def smallest(self, value: float) -> float:
        return value


def pretended(config: Path, rank: int, owner: Any) -> Circuit:
    exchange: Any = Pretended(rank, owner)
    return read(config, exchange=exchange)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network")
    write(small_network(), folder, run={"tstop_ms": 10.0, "dt_ms": 0.1})
    return folder / "config.json"


def columns(table: Connections, rows: Any = slice(None)) -> list[list[Any]]:
    parts = [table.source_gid, table.target_gid, table.node, table.weight, table.delay_ms]
    parts += [v for v in table.values.values() if np.ndim(v)]
    return [np.asarray(part)[rows].tolist() for part in parts]


def facts(table: Connections) -> Any:
    one = {name: value for name, value in table.values.items() if not np.ndim(value)}
    return None if table.mechanism is None else (table.mechanism.name, sorted(one.items()))


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_have_the_rows_of_one_process_onto_their_own_cells_in_the_same_order(written: Path, ranks: int) -> None:
    serial = read(written)
    parts = played(crowd(ranks), lambda exchange: read(written, exchange=exchange))
    assert sum(len(t) for part in parts for t in part.connections) == sum(len(t) for t in serial.connections)
    for rank, part in enumerate(parts):
        assert part.owner is not None
        own = part.owner == rank
        here = [(t, np.flatnonzero(own[t.target_gid])) for t in serial.connections]
        wanted = [(facts(t), columns(t, rows)) for t, rows in here if len(rows)]
        assert [(facts(t), columns(t)) for t in part.connections] == wanted


def test_a_kind_that_a_rank_meets_late_keeps_its_place() -> None:
    firsts = [{"a": (5.0, "a"), "b": (1.0, "b")}, {"b": (0.0, "b"), "c": (7.0, "c"), "a": (9.0, "a")}, {}]
    orders = played(crowd(3), lambda exchange: agreed_order(exchange, firsts[exchange.rank]))
    assert orders == [["b", "a"], ["b", "a", "c"], []]


def test_owners_are_asked_for_with_synapses_coupled_sets_and_places(written: Path) -> None:
    exchange: Any = Pretended(0, [0, 1] * 7 + [0])
    circuit = read(written, exchange=exchange)
    serial = read(written)
    [(costs, sets, places)] = exchange.asked
    onto = np.bincount(np.concatenate([t.target_gid for t in serial.connections]), minlength=15)
    assert circuit.share is not None
    plain = circuit.share.synapses_n[4:9]  # the gap junctions are edges onto cells, too
    assert plain.tolist() == onto[4:9].tolist()
    assert (costs[:4] > 10 * costs[4:9].max()).all()
    assert not costs[9:].any()
    assert [s.tolist() for s in sets] == [[0, 2], [1, 3]]
    assert np.isfinite(places[:4]).all()
    assert np.isnan(places[4:]).all()


def test_trains_that_reach_no_cell_of_a_rank_are_silent_there(written: Path) -> None:
    serial = read(written)
    part = pretended(written, 1, [0] * 14 + [1])
    assert sum(len(t) for t in part.connections) == 0
    trains = [gid for gid, cell in serial.cells.items() if isinstance(cell, SpikeTrain) and len(cell.times_ms)]
    lengths = {gid: len(cell.times_ms) for gid in trains if isinstance(cell := part.cells[gid], SpikeTrain)}
    assert len(lengths) > 3
    assert [gid for gid, length in lengths.items() if length] == [14]  # its own


@pytest.mark.parametrize("rank", [0, 1])
def test_drawn_gap_junctions_see_the_places_that_their_owners_draw(tmp_path: Path, rank: int) -> None:
    drawn = {"nsyns": [1.0] * 6, "is_gap_junction": [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]}
    config = with_edges(
        tmp_path, source=("cells", [1, 0, 2, 3, 0, 1]), target=("cells", [0, 1, 3, 2, 2, 3]), types=[3] * 6,
        groups={0: drawn},
    )  # fmt: skip
    serial, part = read(config), pretended(config, rank, [0, 0, 0, 1, 0, 1])
    assert part.owner is not None
    [whole], [mine] = serial.couplings, part.couplings
    ends = [(t.source_gid, t.source_node, t.target_gid, t.target_node, t.values["g"]) for t in (whole, mine)]
    rows = [np.column_stack(columns)[part.owner[columns[2]] == rank].tolist() for columns in ends]
    assert rows[0] == rows[1]
    assert rows[0]


def test_an_index_that_has_to_be_built_holds_the_wanted_nodes_only(tmp_path: Path) -> None:
    ids = np.random.default_rng(4).integers(0, 50, 3000)
    with h5py.File(tmp_path / "edges.h5", "w") as file:
        file["target_node_id"] = ids.astype(np.uint64)

        def fail(text: str) -> SonataError:
            return SonataError(text)

        wanted = np.array([41, 3, 7, 60])
        whole = read_index(file, "target_to_source", "target_node_id", fail)
        part = read_index(file, "target_to_source", "target_node_id", fail, wanted=wanted)
        for found, expected in zip(part.rows(wanted), whole.rows(wanted), strict=True):
            assert found.tolist() == expected.tolist()
        counts = edges_of_nodes(file, "target_to_source", "target_node_id", wanted, fail)
        assert counts.tolist() == [int((ids == n).sum()) for n in wanted]
        assert len(part.sorted_ids) == counts.sum()


def test_a_rank_reads_the_ranges_of_its_own_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n = 40_000
    targets = np.repeat([0, 1, 2, 3], n // 4)
    place = {"afferent_section_id": np.zeros(n), "afferent_section_pos": np.full(n, 0.5)}
    config = with_edges(
        tmp_path, source=("inputs", np.arange(n) % 2), target=("cells", targets), types=[1] * n, groups={0: place}
    )
    with h5py.File(tmp_path / "network/edges.h5", "r+") as file:
        index = file["edges/inputs_cells"].create_group("indices/target_to_source")
        ranges = np.stack([np.arange(4) * (n // 4), np.arange(1, 5) * (n // 4)], axis=1)
        index["node_id_to_range"] = np.stack([np.arange(4), np.arange(1, 5)], axis=1)
        index["range_to_edge_id"] = ranges
    read_rows: list[int] = []
    plain = hyperslabs.take

    def counted(data: Any, rows: Any) -> Any:
        read_rows.append(len(rows))
        return plain(data, rows)

    monkeypatch.setattr("neurosim.sonata.edges.take", counted)
    part = pretended(config, 1, [0, 0, 1, 0, 0, 0])
    assert sum(len(t) for t in part.connections) == n // 4
    assert max(read_rows) == n // 4


def test_an_error_in_one_process_is_told_by_it_and_ends_all() -> None:
    def work(exchange: Any) -> str:
        def action() -> int:
            if exchange.rank in (1, 2):
                raise OutputError("here", f"rank {exchange.rank}")
            return 5

        try:
            return str(together(exchange, action))
        except ElsewhereError:
            return "elsewhere"
        except OutputError as error:
            return error.reason

    assert played(crowd(4), work) == ["elsewhere", "rank 1", "elsewhere", "elsewhere"]


def test_a_mistake_in_edges_of_one_rank_ends_all(tmp_path: Path) -> None:
    place = {"afferent_section_id": [0.0, 77.0], "afferent_section_pos": [0.5, 0.5]}
    config = with_edges(tmp_path, source=("inputs", [0, 1]), target=("cells", [0, 3]), types=[1, 1], groups={0: place})
    said: list[str] = []
    lock = threading.Lock()

    def work(exchange: Any) -> None:
        try:
            read(config, exchange=exchange)
        except SonataError as error:
            with lock:
                said.append(str(error))
        except ElsewhereError:
            with lock:
                said.append("elsewhere")

    played(crowd(3), work)
    assert sorted(said)[1:] == ["elsewhere", "elsewhere"]
    assert "is on section 77" in sorted(said)[0]


def test_sets_are_tied_through_others() -> None:
    found = sets_of(np.array([[5, 2], [9, 9], [7, 8], [2, 1], [8, 3]]))
    assert [s.tolist() for s in found] == [[1, 2, 5], [3, 7, 8]]


def test_exact_sums_do_not_depend_on_the_order_and_lose_nothing_of_note() -> None:
    draw = np.random.default_rng(2)
    values = draw.normal(size=2000) * 10.0 ** draw.uniform(-9, 3, 2000)
    whole = [int(value_of(sum(parts_of(v) for v in part)).view(np.int64)) for part in (values, values[::-1])]  # type: ignore[arg-type]
    assert whole[0] - whole[1] == EXACT
    halves = sum(parts_of(v) for v in values[:700]) + sum(parts_of(v) for v in values[700:])
    assert int(value_of(halves).view(np.int64)) == whole[0]  # type: ignore[arg-type]
    assert abs(float(value_of(halves)) - float(np.sum(values.astype(np.longdouble)))) < 1e-12  # type: ignore[arg-type]
