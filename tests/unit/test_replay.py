"""Results as a replay: what is shown equals the files, whatever their order, size or age; nothing outside is read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurosim.cli import main
from neurosim.errors import ModelError
from neurosim.model.cell import Cell
from neurosim.models.demo.circuit import write_circuit
from neurosim.sonata.circuit import read
from neurosim.sonata.outfile import GrowingFile
from neurosim.viewer import wire
from neurosim.viewer.replay import ResultsSource, open_results
from neurosim.viewer.result_scene import WhoIsWho, lowest_gids
from neurosim.viewer.safe_h5 import UnsafeFileError
from neurosim.viewer.scene.convert import convert
from neurosim.viewer.scene.memory import MemoryScene
from neurosim.viewer.spike_series import sorted_in_buckets
from neurosim.viewer.voltage_report import column_of_nodes
from tests.viewer_scenes import many_cells
from tests.viewer_watcher import WallClock, Watcher

CELLS = 6


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo that was run: spikes, somata of all cells, all compartments of the first."""
    folder = tmp_path_factory.mktemp("demo")
    circuit = write_circuit(folder, cells_n=CELLS, tstop_ms=40.0)
    assert main(["run", str(circuit.config), "--quiet"]) == 0
    return folder


@contextmanager
def opened(path: Path, **options: Any) -> Iterator[ResultsSource]:
    with closing(open_results(path, **options)) as source:
        yield source


def spikes_in(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with h5py.File(path) as file:
        group = file["spikes/demo"]
        return group["node_ids"][()].astype(np.int64), group["timestamps"][()]


def gids(source: ResultsSource, ranks: Any) -> np.ndarray:
    return source.scene.cells(np.asarray(ranks, np.uint32)).gid.astype(np.int64)


@pytest.mark.parametrize("what", ["output", "config.json", ".", "output/spikes.h5"])
def test_spikes_are_those_of_the_file_however_it_is_opened(demo: Path, what: str) -> None:
    ids, times = spikes_in(demo / "output" / "spikes.h5")
    assert len(ids) > 5
    with opened(demo / what) as source:
        ranks, when, total = source.spikes(0.0, 100.0)
        assert total == len(ids) and source.status().spikes_n == len(ids)
        assert np.array_equal(when, times) and np.array_equal(gids(source, ranks), ids)
        assert source.scene.n == CELLS and source.stop_ms == 40.0 and source.scene.notices == []
        middle = float(times[3])
        assert source.spikes(middle, 100.0)[2] == len(ids) - 3
        assert source.between_n(middle, 100.0) == len(ids) - 4


def test_a_client_that_watches_to_the_end_sees_every_spike(demo: Path) -> None:
    ids, _ = spikes_in(demo / "output" / "spikes.h5")
    clock = WallClock()
    with opened(demo / "output", clock=clock) as source:
        watcher = Watcher(source, clock)
        watcher.look()
        for _ in range(20):
            clock.wait(1.0 / 30.0)
            watcher.turn()
        assert np.array_equal(watcher.fired, np.bincount(source._who.ranks("demo", ids), minlength=CELLS))


def test_voltages_are_those_of_the_reports_at_the_right_compartments(demo: Path) -> None:
    circuit = read(demo / "config.json", output_dir=demo / "elsewhere")
    with h5py.File(demo / "output" / "tree_v.h5") as file, h5py.File(demo / "output" / "soma_v.h5") as somata:
        tree_report, soma_report = file["report/demo"], somata["report/demo"]
        with opened(demo / "output") as source:
            rank_of = source._who.ranks("demo", np.arange(CELLS)).tolist()
            first, second = rank_of[0], rank_of[1]
            t_ms, row = 12.5, 250
            values = source.voltage_at(t_ms, [second, first])
            assert values is not None
            trees = [cell.tree for cell in circuit.cells.values() if isinstance(cell, Cell)]
            assert len(values) == len(trees[1]) + len(trees[0])
            whole, sections = values[len(trees[1]) :], tree_report["mapping/element_ids"][()]
            assert not np.isnan(whole).any()
            for column, (section, x) in enumerate(zip(sections, tree_report["mapping/element_pos"][()], strict=True)):
                node = trees[0].compartment(int(section), float(x))
                assert whole[node] == np.float32(tree_report["data"][row, column])
            soma = values[: len(trees[1])]
            known = ~np.isnan(soma)
            assert known.sum() >= 1 and (np.asarray(trees[1].section_idx)[known] == 0).all()
            place = soma_report["mapping/index_pointer"][1]
            assert (soma[known] == np.float32(soma_report["data"][row, place])).all()
            node = trees[0].compartment(int(sections[7]), float(tree_report["mapping/element_pos"][7]))
            block = source.trace(first, node, 1.0, 2.0)
            assert (block.start_ms, block.step_ms) == pytest.approx((1.0, 0.05))
            assert np.array_equal(block.values_mV, tree_report["data"][20:40, 7].astype(np.float32))
            assert not len(source.trace(second, len(trees[1]) - 1, 0.0, 9.0).values_mV)
            assert source.reduced() == ("of 5 cells voltage was recorded at one place; the rest is at the low end",)


def test_a_scene_file_beside_the_results_gives_the_same_voltages(demo: Path, tmp_path: Path) -> None:
    with h5py.File(demo / "network" / "nodes.h5") as file:
        placed = "x" in file["nodes/demo/0"]
    if not placed:
        pytest.skip("the demo's cells have no places, which a scene file needs")
    made = convert(demo / "config.json", tmp_path / "demo.scene.h5")
    with opened(demo / "output") as source:
        rank = source._who.ranks("demo", np.arange(1)).tolist()
        expected = source.voltage_at(12.5, rank)
    (demo / "output" / "demo.scene.h5").write_bytes(made.read_bytes())
    try:
        with opened(demo / "output") as source:
            values = source.voltage_at(12.5, source._who.ranks("demo", np.arange(1)).tolist())
            assert values is not None and expected is not None and np.array_equal(values, expected)
    finally:
        (demo / "output" / "demo.scene.h5").unlink()


def test_before_a_run_there_is_the_circuit_and_nothing_moves(tmp_path: Path) -> None:
    circuit = write_circuit(tmp_path, cells_n=3)
    with opened(circuit.config) as source:
        assert source.scene.n == 3 and source.traces_from == "none"
        assert source.status().warnings == ("there are no results yet: nothing moves",)


# --- files alone ---------------------------------------------------------------------------------------------------


def write_spikes(
    path: Path, ids: np.ndarray, times: np.ndarray, *, order: int | None = None, **attributes: Any
) -> Path:
    with h5py.File(path, "w") as file:
        group = file.create_group("spikes/all")
        group["node_ids"], group["timestamps"] = ids, times
        for name, value in attributes.items():
            group["timestamps"].attrs[name] = value
        if order is not None:
            group.attrs["sorting"] = np.uint8(order)
    return path


def some_spikes(n: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    return rng.integers(5, 400, n), np.sort(rng.uniform(0.0, 500.0, n))


@pytest.mark.parametrize("order", [None, 0, 1, 2])
def test_spikes_without_a_circuit_are_shown_whatever_their_order(tmp_path: Path, order: int | None) -> None:
    ids, times = some_spikes()
    shuffled = np.arange(len(ids)) if order == 2 else np.random.default_rng(1).permutation(len(ids))
    path = write_spikes(tmp_path / "spikes.h5", ids[shuffled], times[shuffled], order=order)
    with opened(path) as source:
        ranks, when, total = source.spikes(0.0, 1000.0)
        assert total == len(ids) and np.array_equal(when, times) and np.array_equal(gids(source, ranks), ids)
        assert "only the numbers of cells are known" in source.scene.notices[0]
        part = (times > 100.0) & (times <= 200.0)
        assert np.array_equal(
            source.counted(100.0, 200.0), np.bincount(source._who.ranks("all", ids[part]), minlength=source.scene.n)
        )
        middles, rates = source.rates(0.0, 500.0, 100.0)
        expected = np.histogram(times, np.arange(0.0, 501.0, 100.0))[0] / source.scene.n / 0.1
        assert rates["all"] == pytest.approx(expected) and middles.tolist() == [50.0, 150.0, 250.0, 350.0, 450.0]


def test_times_in_seconds_and_old_files_are_read(tmp_path: Path) -> None:
    ids, times = some_spikes(100)
    with opened(write_spikes(tmp_path / "a.h5", ids, times / 1000.0, units="s")) as source:
        assert source.spikes(0.0, 1e4)[1] == pytest.approx(times)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["spikes/timestamps"], file["spikes/gids"] = times, ids
    with opened(tmp_path / "b.h5") as source:
        assert np.array_equal(gids(source, source.spikes(0.0, 1e4)[0]), ids)
    with pytest.raises(ModelError, match="times in 'years'"):
        open_results(write_spikes(tmp_path / "c.h5", ids, times, units="years"))


def test_many_spikes_out_of_order_are_sorted_in_buckets(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    times = np.concatenate([rng.uniform(0.0, 100.0, 4000), np.full(900, 17.0), rng.uniform(0.0, 1.0, 3000)])
    ids = np.arange(len(times))
    got, who = sorted_in_buckets(times, ids, tmp_path, most=500, piece=700)
    assert np.array_equal(got, np.sort(times)) and np.array_equal(times[who], got)
    assert np.array_equal(np.sort(who), ids)


def test_a_slow_client_of_a_file_gets_numbers_beyond_a_million(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurosim.viewer.playback.MOST_SPIKES", 1000)
    ids, times = some_spikes()
    clock = WallClock()
    with opened(write_spikes(tmp_path / "spikes.h5", ids, times), clock=clock) as source:
        player = source.player()
        player.take()
        clock.wait(10.0)
        batch = player.take()
        assert batch is not None and not len(batch.ranks) and batch.counts.sum() == len(ids)


# --- a run that goes on --------------------------------------------------------------------------------------------


def test_a_file_that_grows_is_followed_to_its_end(tmp_path: Path) -> None:
    ids, times = some_spikes(1000)
    out = GrowingFile(tmp_path / "spikes.h5")
    stamps, nodes = out.grow("spikes/all/timestamps", None), out.grow("spikes/all/node_ids", None, np.uint64)
    data = out.grow("report/all/data", 2)
    out.describe(data, variable="v", units="mV")
    mapping: dict[str, np.ndarray] = {
        "node_ids": np.array([7, 9], np.uint64), "index_pointer": np.array([0, 1, 2], np.uint64),
        "element_ids": np.array([0, 0], np.uint32), "element_pos": np.array([0.5, 0.5]),
        "time": np.array([0.0, 500.0, 1.0]),
    }  # fmt: skip
    for name, values in mapping.items():
        out.put(f"report/all/mapping/{name}", values)
    out.begin()

    def write(start: float, stop: float) -> None:
        part = (times >= start) & (times < stop)
        out.append(stamps, times[part])
        out.append(nodes, ids[part].astype(np.uint64))
        steps = np.arange(start, stop)
        out.append(data, np.stack([steps, -steps], axis=1))
        out.commit(stop)

    write(0.0, 100.0)
    clock = WallClock()
    with opened(tmp_path, clock=clock) as source:
        assert source.stop_ms == 100.0 and source.growing
        known = source.scene.n
        watcher = Watcher(source, clock)
        watcher.look()
        watcher.say("play", rate=1000.0, loop=False)
        for start in (100.0, 200.0, 300.0, 400.0):
            write(start, start + 100.0)
            clock.wait(0.5)
            watcher.turn()
            assert source.stop_ms == start + 100.0
        rank = source._who.ranks("all", np.array([9])).tolist()
        assert source.voltage_at(450.0, rank) == pytest.approx([-450.0])
        out.finish()
        clock.wait(0.5)
        watcher.turn()
        watcher.turn()
        assert any(frame.flags & wire.LAST for frame in watcher.frames)
        ranks = source._who.ranks("all", ids)
        shown = ranks[ranks >= 0]
        assert np.array_equal(watcher.fired, np.bincount(shown, minlength=known))
    with opened(tmp_path) as source:
        assert source.spikes(0.0, 1e4)[2] == 1000 and not source.growing


def test_results_that_come_after_the_circuit_was_opened_are_shown(tmp_path: Path) -> None:
    circuit = write_circuit(tmp_path / "circuit", cells_n=3)
    clock = WallClock()
    with opened(circuit.config, clock=clock) as source:
        assert source.status().spikes_n == 0
        circuit.output.mkdir()
        with h5py.File(circuit.output / "spikes.h5", "w") as file:
            file["spikes/demo/timestamps"], file["spikes/demo/node_ids"] = np.array([1.0, 2.0]), np.array([0, 2])
        with h5py.File(circuit.output / "v.h5", "w") as file:
            with h5py.File(write_report(tmp_path / "report.h5")) as made:
                made.copy("report", file)
            file.move("report/all", "report/demo")
            file["report/demo/mapping/node_ids"][...] = np.array([1, 2])
        clock.wait(1.0)
        status = source.status()
        assert status.spikes_n == 2 and status.warnings == () and source.traces_from == "recorded"
        rank = source._who.ranks("demo", np.array([1])).tolist()
        values = source.voltage_at(1.0, rank)
        assert values is not None and 3.0 in values


# --- nothing outside, nothing that deceives ------------------------------------------------------------------------


def secret(tmp_path: Path) -> tuple[Path, Path]:
    inside, elsewhere = tmp_path / "opened" / "results", tmp_path / "secret"
    inside.mkdir(parents=True)
    elsewhere.mkdir()
    write_spikes(elsewhere / "s.h5", *some_spikes(10))
    return inside, elsewhere / "s.h5"


def test_external_links_virtual_and_external_data_sets_are_refused(tmp_path: Path) -> None:
    inside, other = secret(tmp_path)
    with h5py.File(inside / "link.h5", "w") as file:
        file["spikes"] = h5py.ExternalLink(str(other), "/spikes")
    layout = h5py.VirtualLayout((10,), np.float64)
    layout[:] = h5py.VirtualSource(str(other), "/spikes/all/timestamps", shape=(10,))
    with h5py.File(inside / "virtual.h5", "w") as file:
        file.create_virtual_dataset("spikes/all/timestamps", layout)
        file["spikes/all/node_ids"] = np.arange(10)
    with h5py.File(inside / "raw.h5", "w") as file:
        file["spikes/all/timestamps"] = np.arange(1.0)
        file.create_dataset("spikes/all/node_ids", (1,), np.int64, external=[(os.fspath(other), 0, 8)])
    for name in ("link.h5", "virtual.h5", "raw.h5"):
        with pytest.raises(UnsafeFileError, match="another file"):
            open_results(inside / name)
    write_spikes(inside / "spikes.h5", *some_spikes(20))
    with opened(inside) as source:
        assert source.status().spikes_n == 20
        assert sum("another file" in notice for notice in source.scene.notices) == 3


def test_a_symbolic_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    inside, other = secret(tmp_path)
    (inside / "spikes.h5").symlink_to(other)
    with pytest.raises(UnsafeFileError, match="outside the folder"):
        open_results(inside / "spikes.h5")
    with pytest.raises(UnsafeFileError, match="outside the folder"):
        open_results(inside)
    with opened(inside, allow=[other.parent]) as source:
        assert source.status().spikes_n == 10


def test_a_configuration_that_names_files_outside_is_not_followed(tmp_path: Path) -> None:
    write_circuit(tmp_path / "secret" / "circuit", cells_n=2)
    folder = tmp_path / "opened" / "results"
    folder.mkdir(parents=True)
    write_spikes(folder / "spikes.h5", *some_spikes(10))
    config = json.loads((tmp_path / "secret" / "circuit" / "circuit_config.json").read_text())
    run = json.loads((tmp_path / "secret" / "circuit" / "simulation_config.json").read_text())
    text = json.dumps(config | run).replace("${configdir}", str(tmp_path / "secret" / "circuit"))
    (folder / "config.json").write_text(text)
    with opened(folder) as source:
        assert source._found.config is None
        assert any("outside the folder" in notice for notice in source.scene.notices)
        assert source.status().spikes_n == 10


def test_spikes_of_a_population_that_the_circuit_has_not_are_not_shown(tmp_path: Path) -> None:
    circuit = write_circuit(tmp_path, cells_n=3)
    circuit.output.mkdir()
    write_spikes(circuit.output / "spikes.h5", *some_spikes(10))
    with opened(circuit.config) as source:
        assert source.spikes(0.0, 1000.0)[2] == 0
        assert source.scene.notices == ["spikes of population 'all' are not shown: it is not in the circuit"]


def test_a_scene_file_without_its_configuration_knows_populations_by_their_lowest_gid(tmp_path: Path) -> None:
    scene = many_cells(50, 0)
    assert lowest_gids(scene) == {"E": 0, "I": 4}
    who = WhoIsWho(scene, {"E": 0, "I": 4})
    assert gids_of(scene, who.ranks("I", np.array([0, 5, 45]))) == [4, 9, 49]
    assert who.ranks("I", np.array([46, -5])).tolist() == [-1, -1]
    assert who.ranks("X", np.array([1])).tolist() == [-1]


def gids_of(scene: MemoryScene, ranks: np.ndarray) -> list[int]:
    return [int(gid) for gid in scene.cells(ranks.astype(np.uint32)).gid]


def test_gids_with_large_gaps_are_found() -> None:
    scene = MemoryScene.from_arrays("gaps", np.eye(3) * 100.0, gid=[5, 4_000_000_000, 70_000])
    who = WhoIsWho(scene, {})
    ids = np.array([4_000_000_000, 5, 6, 70_000])
    found = who.ranks("any", ids)
    assert found[2] == -1 and gids_of(scene, found[[0, 1, 3]]) == ids[[0, 1, 3]].tolist()


def test_a_circuit_that_cannot_be_run_is_shown_by_its_cells(tmp_path: Path) -> None:
    circuit = write_circuit(tmp_path, cells_n=2)
    with opened(circuit.config) as source:
        assert source.scene.n == 2 and source.scene.templates_n == 2
        assert any("cannot be run" in notice for notice in source.scene.notices)


def test_a_morphology_that_is_a_link_out_is_not_followed(tmp_path: Path) -> None:
    circuit = write_circuit(tmp_path / "opened" / "circuit", cells_n=3)
    swc = circuit.morphologies[0]
    outside = tmp_path / "secret.swc"
    swc.rename(outside)
    swc.symlink_to(outside)
    with pytest.raises(ModelError, match="there are no spikes"):
        open_results(circuit.config)


def test_a_data_set_that_claims_more_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        for name, kind in (("timestamps", np.float64), ("node_ids", np.uint64)):
            file.create_dataset(f"spikes/all/{name}", (10**13,), kind, chunks=(2**16,))
    with pytest.raises(UnsafeFileError, match="claims"):
        open_results(tmp_path / "bomb.h5")


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"hello" * 1000])
def test_what_is_no_hdf5_is_an_error_of_ours(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "spikes.h5").write_bytes(content)
    with pytest.raises(ModelError):
        open_results(tmp_path / "spikes.h5")
    with pytest.raises(ModelError):
        open_results(tmp_path / "nowhere")


def write_report(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        group = file.create_group("report/all")
        group.create_dataset("data", data=np.arange(60.0).reshape(20, 3), chunks=(8, 2))
        group["data"].attrs["variable"], group["data"].attrs["units"] = "v", "mV"
        group["mapping/node_ids"], group["mapping/index_pointer"] = np.array([4, 6]), np.array([0, 1, 3])
        group["mapping/element_ids"], group["mapping/element_pos"] = np.array([0, 0, 1]), np.array([0.5, 0.5, 0.5])
        group["mapping/time"] = np.array([0.0, 20.0, 1.0])
    return path


@pytest.mark.parametrize("make", [write_report, lambda path: write_spikes(path, *some_spikes(50))])
def test_damaged_files_are_errors_of_ours_or_read(tmp_path: Path, make: Any) -> None:
    good = make(tmp_path / "good.h5").read_bytes()
    rng = np.random.default_rng(8)
    for k in range(80):
        data = bytearray(good)
        for at in rng.integers(0, len(data), 8):
            data[at] = rng.integers(0, 256)
        (tmp_path / f"{k}.h5").write_bytes(data)
        try:
            with opened(tmp_path / f"{k}.h5") as source:
                source.spikes(0.0, 1e9)
                source.rates(0.0, 100.0, 10.0)
                source.voltage_at(3.0, list(range(min(source.scene.n, 5))))
                source.trace(0, 0, 0.0, 1e9)
        except ModelError:
            pass


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("node_ids", [4]), ("node_ids", [4.5, 6.5]), ("index_pointer", [0, 5, 3]), ("index_pointer", [1, 2, 3]),
        ("index_pointer", [0, 1, 4]), ("element_ids", [0, 0]), ("element_pos", [[0.5, 0.5, 0.5]]),
        ("time", [0.0, 20.0]), ("time", [0.0, 20.0, 0.0]), ("time", [0.0, 20.0, np.nan]),
    ],
)  # fmt: skip
def test_a_report_whose_mapping_does_not_fit_is_refused(tmp_path: Path, name: str, values: list[Any]) -> None:
    with h5py.File(write_report(tmp_path / "v.h5"), "a") as file:
        del file[f"report/all/mapping/{name}"]
        file[f"report/all/mapping/{name}"] = np.array(values)
    with pytest.raises(ModelError):
        open_results(tmp_path / "v.h5")


def test_a_report_alone_is_shown_at_its_cells(tmp_path: Path) -> None:
    with opened(write_report(tmp_path / "v.h5")) as source:
        four, six = source._who.ranks("all", np.array([4, 6])).tolist()
        assert source.stop_ms == 19.0
        assert source.voltage_at(7.4, [six, four]) == pytest.approx([22.0, 21.0])
        assert source.voltage_at(100.0, [four]) == pytest.approx([57.0])
        assert source.trace(four, 0, 2.0, 5.0).values_mV.tolist() == [6.0, 9.0, 12.0]


def test_nodes_take_the_nearest_column_of_their_section() -> None:
    sections, x = np.array([0, 0, 1, 1, 2]), np.array([0.0, 0.5, 0.25, 1.0, 0.5])
    found = column_of_nodes(sections, x, np.array([1, 0, 1]), np.array([0.25, 0.5, 0.75]))
    assert found.tolist() == [1, 1, 0, 2, -1]
