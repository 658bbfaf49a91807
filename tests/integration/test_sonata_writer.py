"""Networks written as SONATA and read back: nothing is lost, nothing half is left, what cannot be said is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import libsonata
import numpy as np
import pytest

import neurosim as ns
from neurosim.mechanisms import Channel, library
from neurosim.model.cell import Cell
from neurosim.model.network import Network
from neurosim.model.point import PointCell, SpikeTrain
from neurosim.morphology.section import Morphology, Section
from neurosim.morphology.swc import read_swc
from neurosim.sonata import read_network, write, write_edges
from neurosim.sonata.axon import with_stub
from neurosim.sonata.columns import ORDER
from neurosim.sonata.write_folder import Written
from neurosim.sonata.write_mechanisms import plain
from neurosim.sonata.write_spacing import Spacing
from neurosim.sonata.write_swc import write_shape
from tests.written_network import connected, coupled, excitable, invented, of_one, small_network, stubbed

TREE = ("parent_idx", "area_um2", "ri_MOhm", "diam_um", "length_um", "section_idx", "x", "path_um", "nseg")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write(small_network(), tmp_path_factory.mktemp("written") / "circuit", run={"tstop_ms": 50.0})


@pytest.fixture(scope="module")
def again(written: Written) -> Network:
    return read_network(written.config)


def same_cells(ours: Cell, theirs: Cell) -> None:
    """Assert that two cells are the same to the last bit: compartments, membrane, ions."""
    a, b = ours.record, theirs.record
    for name in TREE:
        assert np.array_equal(getattr(a.tree, name), getattr(b.tree, name)), name
    assert np.array_equal(a.cm_uF_per_cm2, b.cm_uF_per_cm2)
    assert np.array_equal(ours.ra_ohm_cm, theirs.ra_ohm_cm)
    assert _painted(a) == _painted(b)
    used = {f"e{use.ion}" for d in a.densities for use in d.mechanism.ions}
    for name in used & (a.ions.keys() | b.ions.keys()):
        there = np.concatenate([d.nodes for d in a.densities if any(f"e{u.ion}" == name for u in d.mechanism.ions)])
        assert np.array_equal(a.ions[name][there], b.ions[name][there], equal_nan=True), name


def _painted(record: Any) -> dict[tuple[str, int], dict[str, float]]:
    """Return (mechanism, node) -> parameter -> value, without ``pas`` that does not conduct."""
    found: dict[tuple[str, int], dict[str, float]] = {}
    for density in record.densities:
        full = {k: np.broadcast_to(np.asarray(v, float), density.nodes.shape) for k, v in density.values.items()}
        for k, node in enumerate(density.nodes.tolist()):
            values = {name: float(column[k]) for name, column in full.items()}
            if (density.mechanism.name, values.get("g")) != ("pas", 0.0):
                found[density.mechanism.name, node] = values
    return found


def rows_by_kind(net: Network) -> dict[Any, list[tuple[float, ...]]]:
    """Return (mechanism and values, target) -> source, node, weight and delay of every row, in order."""
    found: dict[Any, list[tuple[float, ...]]] = {}
    for c in net.connections:
        columns = {k: np.broadcast_to(np.asarray(v, float), (len(c),)) for k, v in c.values.items()}
        for k in range(len(c)):
            values = (
                {} if c.mechanism is None else {**c.mechanism.defaults, **{n: float(v[k]) for n, v in columns.items()}}
            )
            key = (
                None if c.mechanism is None else c.mechanism.name,
                tuple(sorted(values.items())),
                int(c.target_gid[k]),
            )
            node = -1 if c.mechanism is None else int(c.node[k])
            found.setdefault(key, []).append((int(c.source_gid[k]), node, float(c.weight[k]), float(c.delay_ms[k])))
    return found


# --- nothing is lost --------------------------------------------------------------------------------------------------


def test_cells_come_back_to_the_last_bit(again: Network) -> None:
    for ours, theirs in zip(small_network().cells, again.cells, strict=True):
        assert type(ours) is type(theirs)
        if isinstance(ours, Cell) and isinstance(theirs, Cell):
            same_cells(ours, theirs)
        elif isinstance(ours, PointCell) and isinstance(theirs, PointCell):
            assert ours.mechanism.defaults == theirs.mechanism.defaults
        elif isinstance(ours, SpikeTrain) and isinstance(theirs, SpikeTrain):
            assert np.array_equal(ours.times_ms, theirs.times_ms)


def test_connections_come_back_with_node_weight_delay_values_and_order(again: Network) -> None:
    assert rows_by_kind(again) == rows_by_kind(small_network())


def test_populations_come_back_with_attributes_and_places(again: Network) -> None:
    for name, population in small_network().populations.items():
        twin = again.populations[name]
        assert np.array_equal(twin.gids, population.gids)
        assert {k: v.tolist() for k, v in twin.attributes.items()} == {
            k: v.tolist() for k, v in population.attributes.items()
        }
        if population.positions_um is not None:
            assert np.array_equal(np.asarray(twin.positions_um), population.positions_um)


def test_a_network_read_back_gives_the_same_spikes(again: Network) -> None:
    runs = []
    for net in (small_network(), again):
        sim = ns.Simulation(net, dt_ms=0.1, celsius_degC=34.0, v_init_mV=-75.0)
        sim.run(until_ms=60.0)
        runs.append((np.asarray(sim.spikes.times_ms).tolist(), np.asarray(sim.spikes.gids).tolist()))
    assert len(runs[0][0]) > 20 and runs[0] == runs[1]


def test_a_second_round_changes_nothing(again: Network, tmp_path: Path) -> None:
    twice = read_network(write(again, tmp_path / "circuit").config)
    assert rows_by_kind(twice) == rows_by_kind(small_network())


def test_files_do_not_depend_on_the_size_of_blocks(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_edges, "BLOCK_ROWS", 7)
    write(small_network(), tmp_path / "circuit", run={"tstop_ms": 50.0})
    for file in sorted(written.folder.glob("network/*.h5")):
        assert _content(file) == _content(tmp_path / "circuit/network" / file.name)


def _content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()].tolist()} if hasattr(item, "shape") else {}))
    return found


def test_all_active_stub_and_plain_tree_come_back(tmp_path: Path) -> None:
    stub = Cell(with_stub(invented(2), allactive=True), name="stub").discretise(max_length_um=20.0)
    stub.insert("pas", g=1e-5, e=-70.0).insert("NaTs", "apic", gbar=0.01)
    bare = Cell(invented(1), name="bare").discretise(max_length_um=20.0)
    back = read_network(write(of_one(stub, bare), tmp_path / "c").config)
    for ours, theirs in zip((stub, bare), back.cells, strict=True):
        assert isinstance(theirs, Cell)
        same_cells(ours, theirs)


@pytest.mark.parametrize("seed", range(8))
def test_swc_holds_every_invented_tree(tmp_path: Path, seed: int) -> None:
    for morphology in (invented(seed), with_stub(invented(seed)), with_stub(invented(seed), allactive=True)):
        cell = Cell(morphology).discretise(max_length_um=20.0)
        write_shape(cell.tree, cell.ra_ohm_cm, tmp_path / "tree.swc", "cell")


def test_swc_keeps_sections_apart_that_do_not_branch(tmp_path: Path) -> None:
    # dend[0] forks into dend[1] and dend[2]; dend[3] goes on from dend[1], which only the order of the lines tells.
    lines = [
        "1 1 0 0 0 6 -1",
        "2 3 0 9 0 1 1",
        "3 3 0 20 0 1 2",
        "4 3 9 30 0 0.6 3",
        "5 3 -9 30 0 0.6 3",
        "6 3 9 50 0 0.5 4",
    ]
    (tmp_path / "apart.swc").write_text("\n".join(lines) + "\n")
    cell = Cell(read_swc(tmp_path / "apart.swc"))
    assert len(cell.morphology.sections) == 5
    (theirs,) = read_network(write(of_one(cell), tmp_path / "c").config).cells
    assert isinstance(theirs, Cell)
    same_cells(cell, theirs)


def test_any_shape_comes_back_with_extensions(tmp_path: Path) -> None:
    cylinder = Section.cylinder
    chain = Morphology(
        (cylinder("soma", 18.8, 18.8), cylinder("dend[0]", 200.3, 2.1, 0, 0.5), cylinder("dend[1]", 99.9, 1.7, 1))
    )
    cells = [
        Cell(chain, name="chain").set(nseg=[1, 4, 2]).insert("hh", "soma").insert("pas", "dend", g=1e-4),
        Cell(with_stub(invented(1), directed=True), name="directed").discretise(max_length_um=20.0).insert("pas"),
        Cell(invented(2), name="whole axon").discretise(max_length_um=10.0).insert("pas").insert("hh", "axon"),
    ]
    done = write(of_one(*cells), tmp_path / "c", extensions=True)
    assert len(done.notes) >= 3
    for ours, theirs in zip(cells, read_network(done.config).cells, strict=True):
        assert isinstance(theirs, Cell)
        same_cells(ours, theirs)
        assert theirs.mechanisms() == ours.mechanisms()


def test_a_mechanism_made_of_equations_is_written_as_nmodl(tmp_path: Path) -> None:
    channel = Channel("drip", "ik = g*n*(v - ek) : mA/cm2\nn' = (0.5 - n)/2.0", g=0.001)
    cell = stubbed().insert(channel, "soma", g=0.002)
    (theirs,) = read_network(write(of_one(cell), tmp_path / "c").config).cells
    assert isinstance(theirs, Cell)
    same_cells(cell, theirs)
    assert plain(theirs.mechanisms()[1]) == plain(channel)


def test_the_faulty_start_of_the_allen_channel_comes_back(tmp_path: Path) -> None:
    cell = stubbed().insert(library.allen("NaV"), "soma", gbar=0.01)
    (theirs,) = read_network(write(of_one(cell), tmp_path / "c").config).cells
    assert isinstance(theirs, Cell)
    same_cells(cell, theirs)


def test_many_sets_of_parameters_stand_edge_by_edge(tmp_path: Path) -> None:
    cell = stubbed()
    nodes = np.resize(cell.nodes("dend"), 300)
    net = connected(cell, nodes, tau=np.linspace(1.0, 2.0, 300), e=-5.0)
    done = write(net, tmp_path / "c")
    assert any("edge by edge" in note for note in done.notes)
    assert rows_by_kind(read_network(done.config)) == rows_by_kind(net)


def test_a_time_constant_that_seconds_would_round_comes_back(tmp_path: Path) -> None:
    taus = [62.947904338816954, 7.955140712847424, 20.0]
    assert [tau / 1e3 * 1e3 == tau for tau in taus] == [False, False, True]
    points = [PointCell(library.get("IntFire1")(tau=tau, refrac=1.1)) for tau in taus]
    back = read_network(write(of_one(*points), tmp_path / "c").config)
    assert [c.mechanism.defaults["tau"] for c in back.cells if isinstance(c, PointCell)] == taus


def test_gap_junctions_come_back(tmp_path: Path) -> None:
    net = coupled("dend[1](0.5)")
    done = write(net, tmp_path / "c")
    (ours,), (theirs,) = net.couplings, read_network(done.config).couplings
    for name in ("source_gid", "source_node", "target_gid", "target_node"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
    assert len(theirs) == 12 and set(np.asarray(theirs.values["g"]).tolist()) == {2.5e-4}
    assert any("gap.mod" in note for note in done.notes)


def test_order_is_written_only_where_readers_would_change_it(written: Written, tmp_path: Path) -> None:
    def has_order(folder: Path) -> bool:
        return any(ORDER in name for file in folder.glob("network/*_edges.h5") for name in _content(file))

    cell = stubbed()
    done = write(connected(cell, cell.nodes("dend")), tmp_path / "c")
    assert has_order(written.folder) and not has_order(done.folder)


@pytest.mark.parametrize(
    ("lengths", "nseg", "expected"),
    [((200.0, 90.0), (11, 5), 20.0), ((200.0, 90.0), (21, 9), 10.0), ((36.0, 30.0), (3, 1), 18.0)],
)
def test_one_spacing_is_found_for_all_sections(
    tmp_path: Path, lengths: tuple[float, ...], nseg: tuple[int, ...], expected: float
) -> None:
    soma = Section.cylinder("soma", 16.0, 16.0)
    dends = [Section.cylinder(f"dend[{k}]", length, 1.0, 0, 0.5) for k, length in enumerate(lengths)]
    cell = Cell(Morphology((soma, *dends))).set(nseg=[1, *nseg])
    spacing = Spacing()
    spacing.add(cell, "cell")
    value = spacing.dl_um
    assert np.array_equal(Cell(cell.morphology).discretise(max_length_um=value).tree.nseg, cell.tree.nseg)
    assert value == expected


# --- others read it ---------------------------------------------------------------------------------------------------


def test_libsonata_reads_nodes_edges_and_spikes(written: Written) -> None:
    net = small_network()
    for name, population in net.populations.items():
        storage = libsonata.NodeStorage(str(written.folder / f"network/{name}_nodes.h5"))
        nodes = storage.open_population(name)
        assert nodes.size == len(population)
        if name == "E":
            assert (
                nodes.get_attribute("tuning", nodes.select_all()).tolist() == population.attributes["tuning"].tolist()
            )
            assert set(nodes.get_attribute("ei", nodes.select_all())) == {"e"}
    count = 0
    for file in written.folder.glob("network/*_edges.h5"):
        storage = libsonata.EdgeStorage(str(file))
        (name,) = storage.population_names
        edges = storage.open_population(name)
        everything = edges.select_all()
        targets, sources = edges.target_nodes(everything), edges.source_nodes(everything)
        count += edges.size
        for node in np.unique(targets).tolist():
            assert edges.afferent_edges([node]).flatten().tolist() == np.flatnonzero(targets == node).tolist()
        for node in np.unique(sources).tolist():
            assert edges.efferent_edges([node]).flatten().tolist() == np.flatnonzero(sources == node).tolist()
    junctions = sum(map(len, net.couplings)) // 2
    assert count == sum(map(len, net.connections)) + junctions and junctions == 2
    spikes = libsonata.SpikeReader(str(written.folder / "inputs/T_spikes.h5"))["T"].get()
    expected = [
        (k, t) for k, c in enumerate(net.populations["T"].cells) if isinstance(c, SpikeTrain) for t in c.times_ms
    ]
    assert sorted(spikes) == sorted(expected)


def test_columns_are_chunked_and_not_compressed(written: Written) -> None:
    for file in written.folder.glob("network/*.h5"):
        with h5py.File(file) as h5:
            found: list[h5py.Dataset] = []
            h5.visititems(lambda _, item, found=found: found.append(item) if isinstance(item, h5py.Dataset) else None)
            assert found and all(d.chunks is not None and d.compression is None for d in found)


def test_excitable_cells_of_one_description_are_one_node_type(written: Written) -> None:
    table = (written.folder / "network/E_node_types.csv").read_text().splitlines()
    assert len(table) == 3 and excitable(1).name.replace(" ", "_") in table[1]
